/* The VAE with the implicit optimal prior (Takahashi, Iwata, Yamanaka, Yamada and Yagi 2019, arXiv:1809.05284). The
 * prior that makes the bound largest is the aggregated posterior q(z) = E_data q(z|x), and
 *
 *   KL(q(z|x) || q(z)) = KL(q(z|x) || p(z)) - E_q(z|x) log q(z)/p(z),   p(z) = N(0, I),
 *
 * where the logarithm of the ratio is estimated by a critic T(z) that tells codes of data from draws of p. Encoder and
 * decoder move with the critic held, on -ELBO under the prior p(z) e^T(z); the critic moves with the codes held, more
 * often.
 *
 * The prior's density is log p(z) + T(z) wherever it is asked for. It is not normalised: a critic that is not at its
 * optimum makes its integral differ from 1, so that no figure under it is a strict bound. */
#include "infer/kl.h"
#include "models/autoencoder.h"
#include "models/critic.h"

#define RATIO_OPTIONS(O)                                                                              \
    O(INTS, critic_hidden, "500,500,500", 1, 65536, NULL, "widths of the critic's hidden layers")     \
    O(CHOICE, critic_activation, "tanh", 0, 0, ELBO_ACTIVATIONS, "after each of them")                \
    O(REAL, critic_dropout, "0.5", 0, 0.99, NULL, "share that is dropped before the critic's output") \
    O(REAL, critic_rate, "10", 1e-6, 1e6, NULL, "the critic's rate, as a multiple of --lr")           \
    O(INT, critic_steps, "10", 1, 10000, NULL, "steps of the critic for each one of the rest")

typedef struct ratio_options {
    elbo_autoencoder_options autoencoder;
    RATIO_OPTIONS(ELBO_OPTION_FIELD)
} ratio_options;

#define ELBO_TABLE_STRUCT ratio_options
static const elbo_option rows[] = {
    RATIO_OPTIONS(ELBO_TABLE_ROW) ELBO_LATENT_OPTIONS(ELBO_AUTOENCODER_ROW) ELBO_POSTERIOR_OPTIONS(ELBO_AUTOENCODER_ROW)
        ELBO_COMPONENT_OPTIONS(ELBO_AUTOENCODER_ROW) ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW)
            ELBO_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (iop)", rows, sizeof rows / sizeof *rows, sizeof(ratio_options)};

static const elbo_relevance relevance[] = {
    {"components", {"posterior", "likelihood"}, "*mixture*", "a mixture as --posterior or --likelihood"},
    ELBO_NETWORK_RULES,
    ELBO_DECODER_RULES,
    {NULL}};

extern const elbo_model_type elbo_model_iop;

static elbo_critic critic_of(const elbo_context *context, bool learning) {
    const ratio_options *o = context->options;
    return (elbo_critic){.widths = &o->critic_hidden,
                         .activation = o->critic_activation,
                         .dropout = o->critic_dropout,
                         .learning = learning};
}

/* T(z) of the critic as it is. */
static elbo_node *log_ratio(elbo_context *context, elbo_node *z) {
    elbo_critic critic = critic_of(context, false);
    return elbo_critic_score(context, &critic, z);
}

/* ---- the prior p(z) e^T(z) ---- */

static elbo_dist base(const elbo_dist *dist) { return elbo_standard_normal(dist->graph, dist->shape, 1); }

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *z) {
    elbo_dist normal = base(dist);
    return elbo_add(elbo_dist_log_prob(&normal, z), log_ratio((elbo_context *)dist->extra, z));
}

/* Sampling by importance and resampling (Rubin 1987): one of so many draws of p, by weights e^T; Gumbel's trick picks
 * it. Exact as their number grows. */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    enum { CANDIDATES = 64 };
    elbo_shape many = {shape.rank + 1, {CANDIDATES}}, one = {shape.rank + 1, {CANDIDATES}};
    for (int axis = 0; axis < shape.rank; axis++) many.dim[axis + 1] = one.dim[axis + 1] = shape.dim[axis];
    one.dim[shape.rank] = 1;
    elbo_node *z = elbo_random_normal(dist->graph, many, row_axis + 1);
    elbo_node *u = elbo_random_uniform(dist->graph, one, row_axis + 1);
    elbo_node *key =
        elbo_sub(elbo_reshape(log_ratio((elbo_context *)dist->extra, z), one), elbo_log(elbo_neg(elbo_log(u))));
    elbo_node *chosen = elbo_equal(key, elbo_max_over(key, 0, 0, true)); /* two of one key: as good as never */
    return elbo_stop_gradient(elbo_sum(elbo_mul(z, chosen), 0, 0, false));
}

/* E f(z) by draws of p with weights e^T, the same for all rows: [D]. */
static elbo_node *expectation(const elbo_dist *dist, elbo_node *(*f)(elbo_node *z)) {
    enum { DRAWS = 4096 };
    int64_t size = dist->shape.dim[dist->shape.rank - 1];
    elbo_node *z = elbo_random_normal(dist->graph, ELBO_SHAPE(DRAWS, size), 0);
    elbo_node *weight = elbo_softmax(log_ratio((elbo_context *)dist->extra, z), 0);
    return elbo_sum(elbo_mul(f(z), elbo_reshape(weight, ELBO_SHAPE(DRAWS, 1))), 0, 0, false);
}

static elbo_node *itself(elbo_node *z) { return z; }
static elbo_node *squared(elbo_node *z) { return elbo_square(z); }

static elbo_node *mean(const elbo_dist *dist) { return elbo_broadcast_to(expectation(dist, itself), dist->shape); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *square = expectation(dist, squared);
    return elbo_broadcast_to(elbo_relu(elbo_sub(square, elbo_square(expectation(dist, itself)))), dist->shape);
}

static const elbo_dist_type implicit_prior = {.name = "implicit optimal",
                                              ELBO_DIST_IS(VECTOR, PLAIN, "N(x; 0, 1) exp T(x), not normalised"),
                                              .event = "D",
                                              .log_prob = log_prob,
                                              .sample = sample,
                                              .mean = mean,
                                              .variance = variance};

static elbo_dist prior(elbo_context *context, int64_t count) {
    return (elbo_dist){.type = &implicit_prior,
                       .graph = context->builder.graph,
                       .shape = ELBO_SHAPE(count, elbo_autoencoder_latent(context->options)),
                       .event_rank = 1,
                       .extra = context};
}

/* ---- training ---- */

static elbo_update learn(elbo_context *context, elbo_estimate *how) {
    const ratio_options *o = context->options;
    elbo_critic critic = critic_of(context, true);
    elbo_update update = {.name = "critic", .groups = {"critic"}, .rate = o->critic_rate, .repeats = o->critic_steps};
    elbo_node *codes = elbo_stop_gradient(elbo_estimate_draws(how, false)), *draws = elbo_dist_sample(&how->prior, 0);
    elbo_node *score = elbo_critic_score(context, &critic, codes); /* first: dropout draws in this order */
    update.objective = elbo_critic_loss(score, elbo_critic_score(context, &critic, draws));
    return update;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    elbo_shape code = ELBO_SHAPE(elbo_node_shape(x).dim[0], elbo_autoencoder_latent(context->options));
    elbo_estimate how = {.context = context,
                         .model = &elbo_model_iop,
                         .x = x,
                         .weights = weights,
                         .samples = 1,
                         .posterior = elbo_autoencoder_encode(context, x),
                         .prior = elbo_standard_normal(context->builder.graph, code, 1)};
    if (!how.posterior.type || !how.prior.type) return 0;
    elbo_node *z = elbo_estimate_draws(&how, false), *closed = elbo_dist_kl_elements(&how.posterior, &how.prior);
    out[0] = elbo_estimate_with_kl(&how, z, closed ? closed : elbo_estimate_sampled_kl(&how, z));
    out[0].name = "bound";
    out[0].groups[0] = "encoder";
    out[0].groups[1] = "decoder";
    elbo_node *ratio = elbo_mean_all(log_ratio(context, z));
    out[0].kl = elbo_sub(out[0].kl, ratio);
    out[0].loss = elbo_add(out[0].reconstruction, out[0].kl);
    out[0].objective = elbo_add(out[0].reconstruction, elbo_mul(weights->kl, out[0].kl));
    if (!context->builder.training) return 1;
    out[1] = learn(context, &how);
    return 2;
}

const elbo_model_type elbo_model_iop = {
    .name = "iop",
    .title = "variational autoencoder with the implicit optimal prior",
    .description =
        "the prior is the aggregated posterior, its density by a classifier that tells codes from draws of "
        "a normal distribution",
    .paper = "Takahashi et al. 2019, arXiv:1809.05284",
    .options = &options_table,
    .relevance = relevance,
    .check = elbo_autoencoder_check,
    .prior = prior,
    ELBO_AUTOENCODER_PARTS,
    .updates = updates};
