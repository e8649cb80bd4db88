/* FactorVAE (Kim and Mnih 2018, arXiv:1802.05983): the bound less gamma times the total correlation of the code,
 *
 *   TC = KL(q(z) || prod_d q(z_d)) ~ E_q(z) T(z),
 *
 * where T, a critic, tells codes from codes whose dimensions were drawn from different rows. Encoder and decoder move
 * with the critic held; the critic moves with the codes held, on draws of its own: one for the codes, another for the
 * permuted ones, so that the two kinds share no number. (In the paper the permuted ones come from a second batch.) */
#include "infer/kl.h"
#include "models/autoencoder.h"
#include "models/critic.h"

#define FACTOR_OPTIONS(O)                                                                                           \
    O(REAL, gamma, "35", 0, 1e6, NULL, "weight of the total correlation")                                           \
    O(INTS, critic_hidden, "1000,1000,1000,1000,1000,1000", 1, 65536, NULL, "widths of the critic's hidden layers") \
    O(REAL, critic_rate, "1", 1e-6, 1e6, NULL, "the critic's rate, as a multiple of --lr")                          \
    O(REAL, critic_beta1, "0.5", 0, 0.99999999, NULL, "adam, adamw: the critic's decay of the mean gradient")       \
    O(REAL, critic_beta2, "0.9", 0, 0.99999999, NULL, "adam, adamw: the critic's decay of the mean square")

typedef struct factor_options {
    elbo_autoencoder_options autoencoder;
    FACTOR_OPTIONS(ELBO_OPTION_FIELD)
} factor_options;

#define ELBO_TABLE_STRUCT factor_options
static const elbo_option rows[] = {FACTOR_OPTIONS(ELBO_TABLE_ROW) ELBO_AUTOENCODER_PART_ROWS};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (factorvae)", rows, sizeof rows / sizeof *rows,
                                           sizeof(factor_options)};

static const elbo_relevance relevance[] = {ELBO_CODE_RULES,
                                           ELBO_NETWORK_RULES,
                                           ELBO_DECODER_RULES,
                                           {"critic_beta1", {"optimizer"}, "adam|adamw", "--optimizer adam or adamw"},
                                           {"critic_beta2", {"optimizer"}, "adam|adamw", "--optimizer adam or adamw"},
                                           {NULL}};

extern const elbo_model_type elbo_model_factorvae;

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const factor_options *o = options;
    if (o->autoencoder.latent < 2)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--latent 1: dimensions are kept independent; at least 2 were expected");
    return elbo_autoencoder_check(options, item, error);
}

static int64_t least_batch(const void *options) { return elbo_autoencoder_latent(options) + 1; }

/* The critic's own update. The last batch of an epoch may be too small to be permuted: it teaches nothing. */
static elbo_update learn(elbo_context *context, elbo_estimate *how) {
    const factor_options *o = context->options;
    elbo_critic critic = {.widths = &o->critic_hidden, .learning = true};
    elbo_update update = {.name = "critic",
                          .groups = {"critic"},
                          .rate = o->critic_rate,
                          .beta1 = o->critic_beta1,
                          .beta2 = o->critic_beta2};
    elbo_node *codes = elbo_stop_gradient(elbo_estimate_draws(how, false));
    elbo_node *others = elbo_stop_gradient(elbo_estimate_draws(how, false));
    bool enough = elbo_node_shape(others).dim[0] >= least_batch(o);
    elbo_node *score = elbo_critic_score(context, &critic, codes);
    if (enough)
        update.objective = elbo_critic_loss(score, elbo_critic_score(context, &critic, elbo_critic_permuted(others)));
    else
        update.objective = elbo_mul(elbo_mean_all(score), elbo_scalar(context->builder.graph, 0));
    return update;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const factor_options *o = context->options;
    elbo_critic critic = {.widths = &o->critic_hidden};
    elbo_estimate how = {.context = context,
                         .model = &elbo_model_factorvae,
                         .x = x,
                         .weights = weights,
                         .samples = 1,
                         .posterior = elbo_autoencoder_encode(context, x),
                         .prior = elbo_autoencoder_prior(context, elbo_node_shape(x).dim[0])};
    if (!how.posterior.type || !how.prior.type) return 0;
    elbo_node *z = elbo_estimate_draws(&how, false), *closed = elbo_dist_kl_elements(&how.posterior, &how.prior);
    out[0] = elbo_estimate_with_kl(&how, z, closed ? closed : elbo_estimate_sampled_kl(&how, z));
    out[0].name = "bound";
    out[0].groups[0] = "encoder";
    out[0].groups[1] = "decoder";
    out[0].groups[2] = elbo_autoencoder_learns_prior(o) ? "prior" : NULL;
    elbo_node *correlation = elbo_mean_all(elbo_critic_score(context, &critic, z));
    out[0].objective = elbo_add(out[0].objective, elbo_scale(correlation, o->gamma));
    if (!context->builder.training) return 1;
    out[1] = learn(context, &how);
    return 2;
}

const elbo_model_type elbo_model_factorvae = {
    .name = "factorvae",
    .title = "variational autoencoder with a penalty on total correlation",
    .description =
        "a critic measures how dependent the dimensions of the code are, and the encoder is trained against "
        "it: disentangled codes",
    .paper = "Kim and Mnih 2018, arXiv:1802.05983",
    .options = &options_table,
    .relevance = relevance,
    .check = check,
    .prior = elbo_autoencoder_prior,
    ELBO_AUTOENCODER_PARTS,
    .least_batch = least_batch,
    .updates = updates};
