/* Adversarial variational Bayes (Mescheder, Nowozin and Geiger 2017, arXiv:1701.04722): the VAE with an implicit
 * posterior, z = f(x, eps), eps ~ N(0, I), whose density nobody knows. An adversary T, a network over x and z, tells
 * codes of data from draws of p(z) = N(0, I); at its optimum T(x, z) = log q(z|x) - log p(z), so that
 *
 *   -ELBO ~ E_q[-log p(x|z) + T(x, z)]
 *
 * is what encoder and decoder minimise with the adversary held. The gradient of T's own parameters by the encoder's
 * vanishes in the mean at that optimum (the paper's proposition 2).
 *
 * Adaptive contrast: where q is far from p the ratio is hard to learn. With m(x) and s(x), mean and deviation of q(z|x)
 * from draws of eps, and r(z|x) = N(m, s^2), the adversary tells (z - m) / s from draws of N(0, I), and
 * log q - log p = T(x, (z - m) / s) + log r(z|x) - log p(z) in its place. m and s move with the encoder and their
 * gradients count: KL(q || p) = KL(q || r) + E_q[log r - log p] holds for any r.
 *
 * Implicit likelihood (likelihood-free, both p and q implicit): x = g(z, eps) too, and the adversary tells pairs (x, z)
 * with x of the data and z = f(x, eps) from pairs with z of the prior and x = g(z, eps). At its optimum
 * T = log q(x, z) - log p(x, z); encoder and decoder minimise KL(q || p) + KL(p || q) ~ E_q T - E_p T. */
#include <string.h>

#include "graph/graph.h"
#include "infer/kl.h"
#include "models/autoencoder.h"
#include "models/critic.h"
#include "models/implicit.h"

#define ADVERSARY_OPTIONS(O)                                                                                         \
    O(INT, noise, "32", 1, 65536, NULL, "dimensions of the noise eps of the encoder z = f(x, eps)")                  \
    O(CHOICE, encoder, "joint", 0, 0, "joint|structured",                                                            \
      "how noise enters: beside x in the first dense layer, or as b(x) + e^s(x) (eps_1 + sum_i a_i(x) v_i(eps_2)), " \
      "whose moments are cheap")                                                                                     \
    O(INT, basis, "32", 1, 65536, NULL, "structured: how many functions v_i of the noise")                           \
    O(INTS, noise_hidden, "64,64", 1, 65536, NULL, "structured: widths of the hidden layers of their network")       \
    O(BOOL, adaptive_contrast, "false", 0, 0, NULL,                                                                  \
      "the adversary sees codes normalised by mean and deviation of q(z|x)")                                         \
    O(INT, moment_draws, "32", 2, 65536, NULL, "adaptive contrast: draws of the noise for mean and deviation")       \
    O(CHOICE, adversary_input, "data", 0, 0, "data|coefficients",                                                    \
      "what the adversary sees of x: x itself, or, --encoder structured, the numbers that q(z|x) is made of")        \
    O(INTS, adversary_hidden, "512,512", 1, 65536, NULL,                                                             \
      "widths of the hidden layers of the adversary's two networks, of x and of z")                                  \
    O(CHOICE, adversary_activation, "elu", 0, 0, ELBO_ACTIVATIONS, "after each of them")                             \
    O(REAL, adversary_rate, "1", 1e-6, 1e6, NULL, "the adversary's rate, as a multiple of --lr")                     \
    O(INT, adversary_steps, "1", 1, 10000, NULL, "steps of the adversary for each one of the rest")                  \
    O(REAL, adversary_beta1, "0.5", 0, 0.99999999, NULL, "adam, adamw: the adversary's decay of the mean gradient")  \
    O(INT, decoder_noise, "8", 1, 65536, NULL,                                                                       \
      "--likelihood implicit, where x = g(z, eps) has no density: dimensions of eps")

typedef struct adversary_options {
    elbo_autoencoder_options autoencoder;
    ADVERSARY_OPTIONS(ELBO_OPTION_FIELD)
} adversary_options;

#define ELBO_TABLE_STRUCT adversary_options
static const elbo_option rows[] = {ADVERSARY_OPTIONS(ELBO_TABLE_ROW) ELBO_LATENT_OPTIONS(ELBO_AUTOENCODER_ROW)
                                       ELBO_COMPONENT_OPTIONS(ELBO_AUTOENCODER_ROW)
                                           ELBO_NETWORK_OPTIONS(ELBO_NETWORK_ROW)
                                               ELBO_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (avb)", rows, sizeof rows / sizeof *rows, sizeof(adversary_options)};

static const elbo_relevance relevance[] = {
    {"components", {"likelihood"}, "*mixture*", "a mixture as --likelihood"},
    ELBO_NETWORK_RULES,
    ELBO_DECODER_RULES,
    {"basis", {"encoder"}, "structured", "--encoder structured"},
    {"noise_hidden", {"encoder"}, "structured", "--encoder structured"},
    {"adversary_input", {"encoder"}, "structured", "--encoder structured"},
    {"adversary_input", {"likelihood"}, "!implicit", "a --likelihood with a density"},
    {"moment_draws", {"adaptive_contrast"}, "true", "--adaptive-contrast"},
    {"adversary_beta1", {"optimizer"}, "adam|adamw", "--optimizer adam or adamw"},
    {"decoder_noise", {"likelihood"}, "implicit", "--likelihood implicit"},
    {"adaptive_contrast", {"likelihood"}, "!implicit", "a --likelihood with a density"},
    {"beta", {"likelihood"}, "!implicit", "a --likelihood with a density"},
    {"kl_warmup", {"likelihood"}, "!implicit", "a --likelihood with a density"},
    {NULL}};

extern const elbo_model_type elbo_model_avb;

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

static bool likelihood_free(const adversary_options *o) { return is(o->autoencoder.likelihood, "implicit"); }

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const adversary_options *o = options;
    if (is(o->encoder, "structured") && o->noise <= o->autoencoder.latent)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--encoder structured needs a dimension of noise for each of the code, and more for its "
                         "functions: --noise %lld, --latent %lld",
                         (long long)o->noise, (long long)o->autoencoder.latent);
    return likelihood_free(o) ? elbo_network_check(&o->autoencoder.network, item, error)
                              : elbo_autoencoder_check(options, item, error);
}

/* ---- the adversary ---- */

static elbo_node *branch(elbo_context *context, elbo_node *input, const char *name) {
    const adversary_options *o = context->options;
    return elbo_nn_mlp(&context->builder, input, name, &o->adversary_hidden, o->adversary_activation);
}

/* T(x, z): x: [B, numbers], z: [..., B, latent] -> [..., B]. Two networks, a of x and c of z, and T = u a + v c + w (a
 * c) with trained vectors u, v and w: the product lets x choose among functions of z, as the ratio of densities that
 * differ from datum to datum needs. (One network over both learns that more slowly and falls behind the encoder.)
 * Without hidden layers T = u x + v z. */
static elbo_node *score(elbo_context *context, elbo_node *x, elbo_node *z) {
    const adversary_options *o = context->options;
    elbo_builder *builder = &context->builder;
    builder->group = "adversary";
    elbo_node *a = branch(context, x, "data"), *c = branch(context, z, "code");
    elbo_node *t = elbo_add(elbo_nn_dense(builder, a, "data_output", 1), elbo_nn_dense(builder, c, "code_output", 1));
    if (o->adversary_hidden.count > 0) t = elbo_add(t, elbo_nn_dense(builder, elbo_mul(a, c), "output", 1));
    return t ? elbo_sum(t, -1, -1, false) : NULL;
}

/* ---- q(z|x) ----
 *
 * parameter 0 is x; with adaptive contrast 1 and 2 are mean and deviation: [B, latent]. */

enum { DATUM, MEAN, DEVIATION };

static elbo_noisy_encoder encoder_of(const elbo_context *context) {
    const adversary_options *o = context->options;
    return (elbo_noisy_encoder){.network = &o->autoencoder.network,
                                .latent = o->autoencoder.latent,
                                .noise = o->noise,
                                .basis = is(o->encoder, "structured") ? o->basis : 0,
                                .noise_hidden = &o->noise_hidden};
}

static elbo_node *sample_posterior(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_context *context = (elbo_context *)dist->extra;
    elbo_noisy_encoder encoder = encoder_of(context);
    shape.dim[shape.rank - 1] = encoder.noise;
    elbo_node *eps = elbo_random_normal(dist->graph, shape, row_axis);
    return elbo_noisy_encoder_draw(context, &encoder, dist->parameter[DATUM], eps);
}

static elbo_node *normalised(const elbo_dist *posterior, elbo_node *z) {
    return elbo_div(elbo_sub(z, posterior->parameter[MEAN]), posterior->parameter[DEVIATION]);
}

/* What the adversary gets to see of a code. */
static elbo_node *seen(const elbo_dist *posterior, elbo_node *z) {
    return posterior->parameter[MEAN] ? normalised(posterior, z) : z;
}

/* What it sees of a datum. log q(z|x) depends on x by the encoder's coefficients alone, which are few; they are held,
 * since T's gradient by what it is made of vanishes in the mean, as that by its parameters does. */
static elbo_node *datum_seen(elbo_context *context, elbo_node *x) {
    const adversary_options *o = context->options;
    if (is(o->adversary_input, "coefficients")) {
        elbo_noisy_encoder encoder = encoder_of(context);
        return elbo_stop_gradient(elbo_noisy_encoder_coefficients(context, &encoder, x, o->adaptive_contrast));
    }
    return context->item.levels > 1 ? elbo_scale(x, 1.0 / (double)(context->item.levels - 1)) : x;
}

/* The adversary's part of log q(z|x) - log p(z): [..., B]. */
static elbo_node *told(const elbo_dist *posterior, elbo_node *z) {
    elbo_context *context = (elbo_context *)posterior->extra;
    return score(context, datum_seen(context, posterior->parameter[DATUM]), seen(posterior, z));
}

/* log q(z|x) - log p(z): [..., B]. With contrast log r - log p is added, in which the constants cancel. */
static elbo_node *log_ratio(const elbo_dist *posterior, elbo_node *z) {
    elbo_node *t = told(posterior, z);
    if (!posterior->parameter[MEAN]) return t;
    elbo_node *squares = elbo_sub(elbo_square(z), elbo_square(normalised(posterior, z)));
    elbo_node *contrast = elbo_sub(elbo_scale(squares, 0.5), elbo_log(posterior->parameter[DEVIATION]));
    return elbo_add(t, elbo_sum(contrast, -1, -1, false));
}

/* What has the same mean over z ~ q(z|x), for training. The mean of log r is known from the moments that r shares with
 * q: the square of a normalised code is 1 in the mean. Taken at each draw it would be -z^2 / 2 of codes that few draws'
 * moments hardly foresee, and an encoder that makes such codes rare and extreme would gain from it without bound. */
static elbo_node *divergence(const elbo_dist *posterior, elbo_node *z) {
    elbo_node *t = told(posterior, z);
    if (!posterior->parameter[MEAN]) return t;
    elbo_node *squares = elbo_shift(elbo_square(z), -1);
    elbo_node *contrast = elbo_sub(elbo_scale(squares, 0.5), elbo_log(posterior->parameter[DEVIATION]));
    return elbo_add(t, elbo_sum(contrast, -1, -1, false));
}

static elbo_node *posterior_log_prob(const elbo_dist *dist, elbo_node *z) {
    const elbo_context *context = dist->extra;
    if (likelihood_free(context->options))
        return elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED,
                               "q(z|x) of --likelihood implicit has no density, not even an estimate: the adversary "
                               "compares pairs of datum and code");
    elbo_dist normal = elbo_standard_normal(dist->graph, dist->shape, 1);
    return elbo_add(log_ratio(dist, z), elbo_dist_log_prob(&normal, z));
}

static const elbo_dist_type implicit_posterior = {
    .name = "implicit",
    ELBO_DIST_IS(VECTOR, COMPOSITION, "z = f(x, eps); log density N(z; 0, 1) + T(x, z), estimated"),
    .event = "D",
    .estimated = true,
    .log_prob = posterior_log_prob,
    .sample = sample_posterior};

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    const adversary_options *o = context->options;
    if (!x) return (elbo_dist){0};
    elbo_dist posterior = {.type = &implicit_posterior,
                           .graph = context->builder.graph,
                           .parameter = {x},
                           .shape = ELBO_SHAPE(elbo_node_shape(x).dim[0], o->autoencoder.latent),
                           .event_rank = 1,
                           .extra = context};
    if (o->adaptive_contrast) {
        elbo_noisy_encoder encoder = encoder_of(context);
        elbo_noisy_encoder_moments(context, &encoder, x, o->moment_draws, &posterior.parameter[MEAN],
                                   &posterior.parameter[DEVIATION]);
        if (!posterior.parameter[MEAN]) return (elbo_dist){0};
    }
    return posterior;
}

/* ---- p(x|z) without a density; parameter 0 is z ---- */

static elbo_node *no_density(const elbo_dist *dist, elbo_node *x) {
    (void)x;
    return elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED,
                           "p(x|z) of --likelihood implicit has no density, so that there is no ELBO, likelihood or "
                           "score by it: sample, decode, encode and reconstruct are what this model can do");
}

static elbo_node *sample_likelihood(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_context *context = (elbo_context *)dist->extra;
    const adversary_options *o = context->options;
    shape.dim[shape.rank - 1] = o->autoencoder.latent;
    elbo_node *z = elbo_broadcast_to(dist->parameter[0], shape);
    return elbo_noisy_decoder_draw(context, &o->autoencoder.network, z, o->decoder_noise, row_axis);
}

static const elbo_dist_type implicit_likelihood = {.name = "implicit",
                                                   ELBO_DIST_IS(REAL, COMPOSITION, "x = g(z, eps); no density"),
                                                   .log_prob = no_density,
                                                   .sample = sample_likelihood};

static const elbo_dist_type *likelihood(const void *options) {
    return likelihood_free(options) ? &implicit_likelihood : elbo_autoencoder_likelihood(options);
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    if (!likelihood_free(context->options)) return elbo_autoencoder_decode(context, z);
    if (!z) return (elbo_dist){0};
    elbo_shape shape = elbo_node_shape(z);
    shape.dim[shape.rank - 1] = context->item.size;
    return (elbo_dist){.type = &implicit_likelihood,
                       .graph = context->builder.graph,
                       .parameter = {z},
                       .shape = shape,
                       .event_rank = 1,
                       .extra = context};
}

/* ---- training ---- */

/* What tells the first kind of pairs from the second. */
static elbo_update learn(const adversary_options *o, elbo_node *score_a, elbo_node *score_b) {
    return (elbo_update){.name = "adversary",
                         .objective = elbo_critic_loss(score_a, score_b),
                         .groups = {"adversary"},
                         .rate = o->adversary_rate,
                         .beta1 = o->adversary_beta1,
                         .repeats = o->adversary_steps};
}

static int compare_pairs(elbo_estimate *how, elbo_update out[ELBO_MODEL_UPDATES]) {
    elbo_context *context = how->context;
    elbo_node *z[2], *x[2] = {how->x, NULL}; /* of the data, of the model */
    elbo_node *scored[2];
    for (int update = 0; update < 2; update++) {
        z[0] = elbo_estimate_draws(how, false);
        z[1] = elbo_dist_sample(&how->prior, 0);
        elbo_dist simulated = decode(context, z[1]);
        x[1] = elbo_dist_sample(&simulated, 0);
        for (int k = 0; k < 2; k++) {
            elbo_node *datum = datum_seen(context, update ? elbo_stop_gradient(x[k]) : x[k]);
            scored[k] = score(context, datum, update ? elbo_stop_gradient(z[k]) : z[k]);
        }
        if (update == 0) {
            out[0] = (elbo_update){.name = "divergence", .groups = {"encoder", "decoder"}, .unranked = true};
            out[0].loss = out[0].kl = elbo_mean_all(scored[0]);
            out[0].objective = elbo_sub(out[0].loss, elbo_mean_all(scored[1]));
        } else {
            out[1] = learn(context->options, scored[0], scored[1]);
        }
        if (!context->builder.training) return 1;
    }
    return 2;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const adversary_options *o = context->options;
    elbo_estimate how = {.context = context,
                         .model = &elbo_model_avb,
                         .x = x,
                         .weights = weights,
                         .samples = 1,
                         .posterior = encode(context, x)};
    if (!how.posterior.type) return 0;
    how.prior = elbo_autoencoder_prior(context, elbo_node_shape(x).dim[0]);
    if (likelihood_free(o)) return compare_pairs(&how, out);
    elbo_node *z = elbo_estimate_draws(&how, false);
    out[0] = elbo_estimate_with_kl(&how, z, divergence(&how.posterior, z));
    out[0].name = "bound";
    out[0].groups[0] = "encoder";
    out[0].groups[1] = "decoder";
    out[0].unranked = true;
    if (!context->builder.training) return 1;
    elbo_node *code = elbo_stop_gradient(seen(&how.posterior, elbo_estimate_draws(&how, false)));
    elbo_node *draw = elbo_dist_sample(&how.prior, 0);
    elbo_node *datum = datum_seen(context, x);
    out[1] = learn(o, score(context, datum, code), score(context, datum, draw));
    return 2;
}

const elbo_model_type elbo_model_avb = {
    .name = "avb",
    .title = "adversarial variational Bayes",
    .description =
        "an implicit posterior, a network of datum and noise, whose density an adversary estimates; p(x|z) may be "
        "implicit too",
    .paper = "Mescheder, Nowozin and Geiger 2017, arXiv:1701.04722",
    .options = &options_table,
    .relevance = relevance,
    .check = check,
    .latent = elbo_autoencoder_latent,
    .likelihood = likelihood,
    .levels = elbo_autoencoder_levels,
    .initialisation = elbo_autoencoder_initialisation,
    .prior = elbo_autoencoder_prior,
    .encode = encode,
    .decode = decode,
    .updates = updates};
