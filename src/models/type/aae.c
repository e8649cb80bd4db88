/* The adversarial autoencoder of Makhzani, Shlens, Jaitly, Goodfellow and Frey 2015 (arXiv:1511.05644): an autoencoder
 * whose codes are made to look like draws of a prior p(z) = N(0, s^2 I) by a critic T, which tells the two apart. Each
 * step makes three updates in a row:
 *
 *   reconstruction   encoder and decoder: the error of decode(z), z = encode(x)
 *   critic           E_p(z) softplus(-T(z)) + E_data softplus(T(encode(x))), halved
 *   generator        the encoder against the critic: E_data softplus(-T(encode(x)))
 *
 * The code is a number, or a draw of N(mu(x), diag sigma(x)^2) (the paper's section 2, deterministic and Gaussian).
 *
 * With --clusters K the code begins with K shares y = softmax(..), which a second critic compares with one-hot draws
 * of the uniform distribution over clusters (section 6); what is left of the code, z, is the style. A row's cluster is
 * the largest share. The code as a whole is (y, z).
 *
 * There is a prior to draw codes from and no bound: neither a density of codes nor one of data is part of the model. */
#include "graph/graph.h"
#include "models/critic.h"
#include "models/deterministic.h"
#include "models/network.h"

#define AAE_OPTIONS(O)                                                                                          \
    O(INT, latent, "8", 1, 65536, NULL, "dimensions of z, without those of --clusters")                         \
    O(INT, clusters, "0", 0, 4096, NULL, "clusters: the code begins with a share for each of them (0: none)")   \
    O(REAL, prior_scale, "1", 1e-6, 1e6, NULL, "standard deviation of the prior of z")                          \
    O(CHOICE, encoder, "deterministic", 0, 0, "deterministic|gaussian",                                         \
      "z is a function of x, or a draw of a normal distribution with mean and deviation by the encoder")        \
    O(CHOICE, loss, "cross-entropy", 0, 0, "squared|cross-entropy",                                             \
      "of the reconstruction: |x - x'|^2, or the cross-entropy of values in [0, 1]")                            \
    O(REAL, noise, "0", 0, 0.99, NULL, "share of the values that the encoder does not see while it is trained") \
    O(BOOL, batch_norm, "true", 0, 0, NULL,                                                                     \
      "normalise each of the encoder's last numbers over the batch: keeps clusters from running dry")           \
    O(INTS, critic_hidden, "1000,1000", 1, 65536, NULL, "widths of the critics' hidden layers")                 \
    O(CHOICE, critic_activation, "relu", 0, 0, ELBO_ACTIVATIONS, "after each of them")                          \
    O(REAL, critic_rate, "0.3", 1e-6, 1e6, NULL, "rate of the critics, as a multiple of --lr")                  \
    O(REAL, generator_rate, "1", 1e-6, 1e6, NULL, "rate of the encoder against them, as a multiple of --lr")    \
    O(REAL, adversary_beta1, "0.5", 0, 0.99999999, NULL,                                                        \
      "adam, adamw: decay of the mean gradient of critics and generator")
#define AAE_NETWORK_OPTIONS(O)                                                                                       \
    O(CHOICE, network, "mlp", 0, 0, "mlp|conv", "kind of encoder and decoder")                                       \
    O(INTS, hidden, "1000,1000", 1, 1e6, NULL, "widths of the hidden layers from data to code")                      \
    O(INTS, decoder_hidden, "", 1, 1e6, NULL, "widths of the decoder's, from code to data (default: mirrored)")      \
    O(INTS, channels, "32,64", 1, 65536, NULL, "conv: channels of the 4x4 stride-2 convolutions, from data to code") \
    O(CHOICE, activation, "relu", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                                 \
    O(CHOICE, init, "glorot-uniform", 0, 0, "lecun-uniform|glorot-uniform|he-normal|normal", "how weights start")    \
    O(REAL, init_scale, "1", 0, 1000, NULL, "factor on the start; normal: its standard deviation")

typedef struct aae_options {
    elbo_network_options network;
    AAE_OPTIONS(ELBO_OPTION_FIELD)
} aae_options;

#define ELBO_TABLE_STRUCT aae_options
static const elbo_option rows[] = {AAE_OPTIONS(ELBO_TABLE_ROW) AAE_NETWORK_OPTIONS(ELBO_NETWORK_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (aae)", rows, sizeof rows / sizeof *rows, sizeof(aae_options)};

static const elbo_relevance relevance[] = {
    {"channels", {"network"}, "conv", "--network conv"},
    {"adversary_beta1", {"optimizer"}, "adam|adamw", "--optimizer adam or adamw"},
    {"early_stop", {NULL}, "", "a loss that tells which epoch is the best"},
    ELBO_DETERMINISTIC_RULES,
    {NULL}};

static bool is_gaussian(const aae_options *o) { return o->encoder[0] == 'g'; }

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const aae_options *o = options;
    return elbo_network_check(&o->network, item, error);
}

static int64_t clusters(const void *options) { return ((const aae_options *)options)->clusters; }
static int64_t latent(const void *options) { return clusters(options) + ((const aae_options *)options)->latent; }
static int64_t no_levels(const void *options) { return (void)options, 0; }

static const elbo_dist_type *likelihood(const void *options) {
    return ((const aae_options *)options)->loss[0] == 's' ? &elbo_squared_error_type : &elbo_cross_entropy_type;
}

static void initialisation(const void *options, elbo_init *init, double *scale) {
    elbo_network_initialisation(&((const aae_options *)options)->network, init, scale);
}

/* ---- Distributions without densities ---- */

static elbo_node *no_density(const elbo_dist *dist, elbo_node *x) {
    (void)x;
    return elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED,
                           "an adversarial autoencoder has draws of codes and no density: it has neither an ELBO nor a "
                           "likelihood (its reconstruction error is what `elbo eval RUN` measures)");
}

enum { LOC, SCALE };

static elbo_node *sample_about(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    return elbo_muladd(dist->parameter[SCALE], elbo_random_normal(dist->graph, shape, row_axis), dist->parameter[LOC]);
}

static elbo_node *mean_of(const elbo_dist *dist) { return elbo_broadcast_to(dist->parameter[LOC], dist->shape); }

static elbo_node *variance_of(const elbo_dist *dist) {
    return elbo_broadcast_to(elbo_square(dist->parameter[SCALE]), dist->shape);
}

/* loc + scale noise; some scales may be 0. */
static const elbo_dist_type spread_type = {
    .name = "code with noise",
    ELBO_DIST_IS(REAL, LOCATION_SCALE, "none"),
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"scale", ELBO_CONSTRAINT_REAL, NULL}},
    .log_prob = no_density,
    .sample = sample_about,
    .mean = mean_of,
    .variance = variance_of};

static elbo_dist spread(elbo_node *loc, elbo_node *scale, elbo_shape shape) {
    if (!loc || !scale) return (elbo_dist){0};
    return (elbo_dist){.type = &spread_type,
                       .graph = elbo_node_graph(loc),
                       .parameter = {loc, scale},
                       .shape = shape,
                       .event_rank = 1};
}

/* [latent]: `shares` for each cluster, `rest` for each dimension of z. */
static elbo_node *pattern(elbo_graph *graph, const aae_options *o, double shares, double rest) {
    elbo_node *style = elbo_constant(graph, rest, ELBO_SHAPE(o->latent));
    if (o->clusters == 0) return style;
    elbo_node *parts[2] = {elbo_constant(graph, shares, ELBO_SHAPE(o->clusters)), style};
    return elbo_concat(parts, 2, 0);
}

static const aae_options *options_of(const elbo_dist *dist) { return ((const elbo_context *)dist->extra)->options; }

/* z ~ N(0, s^2); y: one-hot, uniform, where the largest of uniform numbers is. */
static elbo_node *sample_prior(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    const aae_options *o = options_of(dist);
    elbo_shape part = shape;
    part.dim[shape.rank - 1] = o->latent;
    elbo_node *z = elbo_scale(elbo_random_normal(dist->graph, part, row_axis), o->prior_scale);
    if (o->clusters == 0) return z;
    part.dim[shape.rank - 1] = o->clusters;
    elbo_node *largest = elbo_argmax(elbo_random_uniform(dist->graph, part, row_axis), -1);
    return elbo_concat((elbo_node *[]){elbo_one_hot(largest, o->clusters), z}, 2, -1);
}

static elbo_node *prior_mean(const elbo_dist *dist) {
    const aae_options *o = options_of(dist);
    double share = o->clusters ? 1 / (double)o->clusters : 0;
    return elbo_broadcast_to(pattern(dist->graph, o, share, 0), dist->shape);
}

static elbo_node *prior_variance(const elbo_dist *dist) {
    const aae_options *o = options_of(dist);
    double share = o->clusters ? 1 / (double)o->clusters : 0;
    return elbo_broadcast_to(pattern(dist->graph, o, share * (1 - share), o->prior_scale * o->prior_scale),
                             dist->shape);
}

static const elbo_dist_type prior_type = {.name = "draws",
                                          ELBO_DIST_IS(REAL, PLAIN, "none"),
                                          .log_prob = no_density,
                                          .sample = sample_prior,
                                          .mean = prior_mean,
                                          .variance = prior_variance};

static elbo_dist prior(elbo_context *context, int64_t count) {
    return (elbo_dist){.type = &prior_type,
                       .graph = context->builder.graph,
                       .shape = ELBO_SHAPE(count, latent(context->options)),
                       .event_rank = 1,
                       .extra = context};
}

/* ---- Parts ---- */

/* (y, z): y = softmax of the encoder's first numbers. */
static elbo_dist encode(elbo_context *context, elbo_node *x) {
    const aae_options *o = context->options;
    bool gaussian = is_gaussian(o);
    int64_t wide = o->clusters + o->latent * (gaussian ? 2 : 1);
    elbo_node *numbers = elbo_network_encode(context, &o->network, x, "code", wide);
    if (!numbers) return (elbo_dist){0};
    if (o->batch_norm) numbers = elbo_nn_batch_norm(&context->builder, numbers, "code", true);
    elbo_node *loc = numbers;
    int64_t count = elbo_node_shape(numbers).dim[0];
    if (o->clusters || gaussian) loc = elbo_slice(numbers, -1, o->clusters, o->latent);
    elbo_node *shares = o->clusters ? elbo_softmax(elbo_slice(numbers, -1, 0, o->clusters), -1) : NULL;
    if (shares) loc = elbo_concat((elbo_node *[]){shares, loc}, 2, -1);
    if (!gaussian) return elbo_code(loc);
    elbo_node *scale = elbo_exp(elbo_scale(elbo_slice(numbers, -1, o->clusters + o->latent, o->latent), 0.5));
    return spread(loc, elbo_pad(scale, -1, o->clusters, 0), ELBO_SHAPE(count, latent(o)));
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const aae_options *o = context->options;
    elbo_node *numbers = elbo_network_decode(context, &o->network, z, 1);
    return o->loss[0] == 's' ? elbo_squared_error(numbers) : elbo_cross_entropy(numbers);
}

/* log y; shares that have come to 0 in single precision are as small as it goes. */
static elbo_node *assign(elbo_context *context, elbo_node *z) {
    elbo_node *shares = elbo_slice(z, -1, 0, clusters(context->options));
    return elbo_log(elbo_max(shares, elbo_scalar(context->builder.graph, 1e-37)));
}

/* One-hot shares and the prior of z. */
static elbo_dist cluster_prior(elbo_context *context, int64_t count) {
    enum { MOST = 4096 };
    const aae_options *o = context->options;
    elbo_graph *graph = context->builder.graph;
    double index[MOST];
    for (int64_t k = 0; k < o->clusters; k++) index[k] = (double)k;
    elbo_node *across = elbo_literal(graph, index, ELBO_SHAPE(1, o->clusters));
    elbo_node *one_hot = elbo_equal(elbo_reshape(across, ELBO_SHAPE(o->clusters, 1)), across);
    elbo_shape shape = ELBO_SHAPE(count, o->clusters, latent(o));
    elbo_node *loc = elbo_broadcast_to(elbo_pad(one_hot, -1, 0, o->latent), shape);
    return spread(loc, elbo_broadcast_to(pattern(graph, o, 0, o->prior_scale), shape), shape);
}

/* ---- Training ---- */

enum { OF_STYLE, OF_CLUSTERS, CRITICS };

/* T of a code by one of the critics, which sees its part of it. */
static elbo_node *score(elbo_context *context, int which, elbo_node *code) {
    static const char *const groups[CRITICS] = {"critic", "cluster_critic"};
    const aae_options *o = context->options;
    elbo_critic critic = {.widths = &o->critic_hidden, .activation = o->critic_activation, .group = groups[which]};
    int64_t start = which == OF_STYLE ? o->clusters : 0, count = which == OF_STYLE ? o->latent : o->clusters;
    return elbo_critic_score(context, &critic, elbo_slice(code, -1, start, count));
}

static int critics(const aae_options *o) { return o->clusters ? CRITICS : 1; }

static elbo_node *plus(elbo_node *sum, elbo_node *term) { return sum ? elbo_add(sum, term) : term; }

static elbo_update learn(elbo_context *context, elbo_node *code, elbo_node *drawn) {
    const aae_options *o = context->options;
    elbo_update update = {.name = "critic",
                          .groups = {"critic", o->clusters ? "cluster_critic" : NULL},
                          .rate = o->critic_rate,
                          .beta1 = o->adversary_beta1};
    for (int which = 0; which < critics(o); which++)
        update.objective = plus(update.objective, elbo_critic_loss(score(context, which, drawn),
                                                                   score(context, which, elbo_stop_gradient(code))));
    return update;
}

static elbo_update mislead(elbo_context *context, elbo_node *code) {
    const aae_options *o = context->options;
    elbo_update update = {
        .name = "generator", .groups = {"encoder"}, .rate = o->generator_rate, .beta1 = o->adversary_beta1};
    for (int which = 0; which < critics(o); which++)
        update.objective = plus(update.objective, elbo_mean_all(elbo_softplus(elbo_neg(score(context, which, code)))));
    return update;
}

static elbo_update reconstruct(elbo_context *context, elbo_node *code, elbo_node *x) {
    elbo_update update = {.name = "reconstruction", .groups = {"encoder", "decoder"}, .unranked = true};
    elbo_dist decoded = decode(context, code);
    if (!decoded.type) return update;
    elbo_scope_push(context->builder.graph, "reconstruction");
    update.reconstruction = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&decoded, x)));
    elbo_scope_pop(context->builder.graph);
    update.loss = update.objective = update.reconstruction;
    return update;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const aae_options *o = context->options;
    (void)weights;
    elbo_dist code = encode(context, elbo_nn_dropout(&context->builder, x, o->noise));
    if (!code.type) return 0;
    elbo_node *z = elbo_dist_sample(&code, 0);
    out[0] = reconstruct(context, z, x);
    if (!context->builder.training) return 1;
    elbo_dist drawn = prior(context, elbo_node_shape(x).dim[0]);
    out[1] = learn(context, z, elbo_dist_sample(&drawn, 0));
    out[2] = mislead(context, z);
    return 3;
}

const elbo_model_type elbo_model_aae = {.name = "aae",
                                        .title = "adversarial autoencoder",
                                        .description =
                                            "an autoencoder whose codes a critic cannot tell from draws of a prior; "
                                            "with --clusters, one that finds clusters",
                                        .paper = "Makhzani et al. 2015, arXiv:1511.05644",
                                        .options = &options_table,
                                        .relevance = relevance,
                                        ELBO_DETERMINISTIC_PARTS,
                                        .clusters = clusters,
                                        .assign = assign,
                                        .cluster_prior = cluster_prior,
                                        .updates = updates};
