/* Variational deep embedding of Jiang, Zheng, Tan, Tang and Zhou 2017 (arXiv:1611.05148): an autoencoder whose prior is
 * a mixture of normal distributions, each a cluster.
 *
 *   p(c) = pi_c;  p(z|c) = N(mu_c, diag sigma_c^2);  p(x|z) by the decoder;  q(z|x) = N(mu(x), diag sigma(x)^2)
 *
 * The bound takes q(c|x) = p(c|z) at each draw z of q(z|x). With gamma_c = p(c|z) it is
 *
 *   log p(x|z) - sum_c gamma_c (log gamma_c - log pi_c + KL(q(z|x) || p(z|c)))
 *
 * (the paper's equation 12, whose sums over dimensions are the closed KL). For each fixed gamma this is below log p(x)
 * in expectation over z, so its mean over gammas is too.
 *
 * A training has up to three phases (stack.h): the layers of an autoencoder one after the other, the autoencoder as a
 * whole, and the bound, before which the mixture is fitted to the means of q(z|x) by EM. */
#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/params.h"
#include "infer/fit/mixture_fit.h"
#include "infer/kl.h"
#include "models/autoencoder.h"
#include "models/code_basis.h"
#include "models/stack.h"

#define VADE_CODE_OPTIONS(O)                                         \
    O(INT, latent, "10", 1, 65536, NULL, "dimensions of the code z") \
    O(INT, components, "10", 1, 4096, NULL, "clusters: components of the mixture")
/* A deviation that is trained with the autoencoder ends at its lower bound, from where the bound never gets away. */
#define VADE_DECODER_OPTIONS(O)                                                                       \
    O(TEXT, likelihood, "bernoulli", 0, 0, NULL,                                                      \
      "p(x|z): a distribution whose parameters the decoder gives: bernoulli, gaussian, poisson, ...") \
    O(CHOICE, variance, "fixed", 0, 0, "learned|shared|fixed",                                        \
      "gaussian: from the decoder for each value, one trained value for all, or --scale")             \
    O(REAL, scale, "0.70710678118654752", 1e-6, 1e6, NULL,                                            \
      "gaussian: standard deviation that is fixed, or at the start; the default: squared error")      \
    O(REAL, min_scale, "0.001", 1e-9, 1e6, NULL, "gaussian: lower bound of the standard deviation")   \
    O(BOOL, bounded_mean, "false", 0, 0, NULL, "gaussian: mean through a sigmoid into (0,1)")         \
    O(INT, levels, "256", 2, 256, NULL, "categorical, discretised_logistic: grey values")
#define VADE_DRAW_OPTIONS(O) O(INT, draws, "1", 1, 10000, NULL, "samples of z for each datum in a training step")
#define VADE_OPTIONS(O)                                                                                              \
    ELBO_STACK_OPTIONS(O)                                                                                            \
    O(CHOICE, pretrain_loss, "auto", 0, 0, "auto|squared|likelihood",                                                \
      "pre-training: |x - mean of p(x|z)|^2, or -log p(x|z); auto: squared with bernoulli, whose codes fall into "   \
      "clusters better for it")                                                                                      \
    O(REAL, noise, "0", 0, 0.99, NULL, "pre-training: share of the values that are dropped (denoising)")             \
    O(CHOICE, mixture_covariance, "full", 0, 0, "diagonal|full",                                                     \
      "EM: covariances, of which the prior takes the diagonal")                                                      \
    O(CHOICE, mixture_basis, "turned", 0, 0, "turned|kept",                                                          \
      "after EM with full covariances: turn and scale the codes such that their diagonals tell most, or leave them") \
    O(REAL, mixture_scale, "4", 1e-6, 1e6, NULL,                                                                     \
      "turned: deviation of the components, on average; that of q(z|x) begins near 1")                               \
    O(INT, mixture_starts, "20", 1, 10000, NULL, "starts of EM, of which the best is kept")                          \
    O(REAL, mixture_floor, "1e-3", 1e-12, 1e12, NULL, "EM: least variance of a component in each dimension")

/* Members of the first that have no row are filled in by base_of. */
typedef struct vade_options {
    elbo_autoencoder_options autoencoder;
    VADE_OPTIONS(ELBO_OPTION_FIELD)
} vade_options;

#define ELBO_TABLE_STRUCT vade_options
static const elbo_option rows[] = {
    VADE_CODE_OPTIONS(ELBO_AUTOENCODER_ROW) VADE_OPTIONS(ELBO_TABLE_ROW) ELBO_STACK_NETWORK_OPTIONS(ELBO_NETWORK_ROW)
        VADE_DECODER_OPTIONS(ELBO_AUTOENCODER_ROW) VADE_DRAW_OPTIONS(ELBO_AUTOENCODER_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (vade)", rows, sizeof rows / sizeof *rows, sizeof(vade_options)};

#define GAUSSIAN    "gaussian|normal"
#define PRETRAINING "--pretrain-epochs or --layer-epochs above 0"

static const elbo_relevance relevance[] = {
    {"channels", {"network"}, "conv", "--network conv"},
    {"variance", {"likelihood"}, GAUSSIAN, "--likelihood gaussian"},
    {"scale", {"likelihood"}, GAUSSIAN, "--likelihood gaussian"},
    {"scale", {"variance"}, "shared|fixed", "--variance shared or fixed"},
    {"min_scale", {"likelihood"}, GAUSSIAN, "--likelihood gaussian"},
    {"min_scale", {"variance"}, "learned|shared", "--variance learned or shared"},
    {"bounded_mean", {"likelihood"}, GAUSSIAN, "--likelihood gaussian"},
    {"levels", {"likelihood"}, "categorical|discretised_logistic*", "--likelihood categorical or discretised_logistic"},
    {"pretrain_rate", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"pretrain_loss", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"noise", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"mixture_covariance", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"mixture_basis", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"mixture_basis", {"mixture_covariance"}, "full", "--mixture-covariance full"},
    {"mixture_scale", {"mixture_basis"}, "turned", "--mixture-basis turned"},
    {"mixture_scale", {"mixture_covariance"}, "full", "--mixture-covariance full"},
    {"mixture_scale", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"mixture_starts", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {"mixture_floor", {"pretrain_epochs", "layer_epochs"}, "!0", PRETRAINING},
    {NULL}};

extern const elbo_dist_type elbo_dist_normal_mixture;
extern const elbo_model_type elbo_model_vade;

/* ---- The autoencoder inside ---- */

/* Options as the functions of autoencoder.h read them: texts are the model's own, or constant. */
static elbo_autoencoder_options base_of(const vade_options *o) {
    elbo_autoencoder_options base = o->autoencoder;
    base.prior = "normal_mixture";
    base.learn_prior = true;
    base.posterior = "normal";
    base.inference = "sgvb";
    base.estimator = "b";
    base.control = "none";
    return base;
}

/* The context with those options, which must live as long as it. */
static elbo_context inside(const elbo_context *context, const elbo_autoencoder_options *base) {
    elbo_context inner = *context;
    inner.options = base;
    return inner;
}

/* How its autoencoder is pre-trained; defined below its parts. */
static elbo_stack stack_of(const vade_options *o);

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    elbo_autoencoder_options base = base_of(options);
    ELBO_TRY(elbo_autoencoder_check(&base, item, error));
    elbo_stack stack = stack_of(options);
    const elbo_dist_type *likelihood = elbo_autoencoder_likelihood(options);
    if (stack.squared && likelihood && !likelihood->mean)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--pretrain-loss squared: %s has no mean; use likelihood",
                         likelihood->name);
    return elbo_stack_check(&stack, error);
}

static elbo_dist posterior(elbo_context *context, elbo_node *numbers) {
    elbo_autoencoder_options base = base_of(context->options);
    elbo_context inner = inside(context, &base);
    return elbo_autoencoder_posterior(&inner, numbers);
}

static int64_t posterior_width(const void *options) {
    elbo_autoencoder_options base = base_of(options);
    return elbo_autoencoder_posterior_width(&base);
}

static elbo_node *posterior_numbers(elbo_context *context, elbo_node *x) {
    elbo_autoencoder_options base = base_of(context->options);
    elbo_context inner = inside(context, &base);
    return elbo_autoencoder_posterior_numbers(&inner, x);
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    return posterior(context, posterior_numbers(context, x));
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    elbo_autoencoder_options base = base_of(context->options);
    elbo_context inner = inside(context, &base);
    return elbo_autoencoder_decode(&inner, z);
}

/* ---- The mixture ---- */

typedef struct mixture {
    elbo_node *log_weights; /* [K] */
    elbo_dist each;         /* N(mu_c, sigma_c^2): [K, D] */
} mixture;

/* Its start before any data: equal weights, unit scales, means drawn apart, as components that are one stay one. */
static elbo_node *mixture_part(elbo_context *context, const char *name, elbo_shape shape, elbo_init init) {
    context->builder.group = "prior";
    return elbo_nn_param(&context->builder, "mixture", name, shape, init, 1, 1, 1);
}

static mixture mixture_of(elbo_context *context) {
    const elbo_autoencoder_options *o = context->options;
    elbo_shape each = ELBO_SHAPE(o->components, o->latent);
    elbo_node *logits = mixture_part(context, "logits", ELBO_SHAPE(o->components), ELBO_INIT_ZERO);
    elbo_node *loc = mixture_part(context, "loc", each, ELBO_INIT_NORMAL);
    elbo_node *log_scale = mixture_part(context, "log_scale", each, ELBO_INIT_ZERO);
    return (mixture){elbo_log_softmax(logits, -1), elbo_normal(loc, log_scale, 1)};
}

static elbo_dist prior(elbo_context *context, int64_t count) {
    const elbo_autoencoder_options *o = context->options;
    mixture m = mixture_of(context);
    elbo_shape each = ELBO_SHAPE(count, o->components, o->latent);
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {elbo_broadcast_to(m.log_weights, ELBO_SHAPE(count, o->components)),
                                                  elbo_broadcast_to(m.each.parameter[0], each),
                                                  elbo_broadcast_to(elbo_exp(m.each.parameter[1]), each)};
    return elbo_dist_new(&elbo_dist_normal_mixture, parameter, 1);
}

/* [..., D] -> [..., 1, D], beside components [K, D]. */
static elbo_node *beside(elbo_node *x) {
    elbo_shape shape = elbo_node_shape(x);
    if (shape.rank == 0 || shape.rank == ELBO_MAX_RANK) return NULL;
    shape.dim[shape.rank] = shape.dim[shape.rank - 1];
    shape.dim[shape.rank - 1] = 1;
    shape.rank++;
    return elbo_reshape(x, shape);
}

/* log p(c|z): [..., K] for z: [..., D] */
static elbo_node *log_assignment(const mixture *m, elbo_node *z) {
    elbo_node *each = elbo_sum(m->each.type->log_prob(&m->each, beside(z)), -1, -1, false);
    return elbo_log_softmax(elbo_add(each, m->log_weights), -1);
}

static int64_t clusters(const void *options) { return ((const vade_options *)options)->autoencoder.components; }

static elbo_node *assign(elbo_context *context, elbo_node *z) {
    mixture m = mixture_of(context);
    return log_assignment(&m, z);
}

static elbo_dist cluster_prior(elbo_context *context, int64_t count) {
    const elbo_autoencoder_options *o = context->options;
    mixture m = mixture_of(context);
    elbo_shape shape = ELBO_SHAPE(count, o->components, o->latent);
    return elbo_normal(elbo_broadcast_to(m.each.parameter[0], shape), elbo_broadcast_to(m.each.parameter[1], shape), 1);
}

/* ---- Phases ---- */

/* The means of q(z|x): the first half of the numbers of the encoder's last layer. */
static elbo_node *code_layer(elbo_context *context, elbo_node *h) {
    int64_t latent = ((const vade_options *)context->options)->autoencoder.latent;
    return elbo_slice(elbo_nn_dense(&context->builder, h, "posterior", 2 * latent), -1, 0, latent);
}

static elbo_dist output_layer(elbo_context *context, elbo_node *h) {
    elbo_autoencoder_options base = base_of(context->options);
    elbo_context inner = inside(context, &base);
    base.network.hidden.count = 0;
    return elbo_autoencoder_decode(&inner, h);
}

static bool squares(const vade_options *o) {
    bool bernoulli = elbo_autoencoder_likelihood(o) == &elbo_dist_bernoulli;
    return strcmp(o->pretrain_loss, "squared") == 0 || (strcmp(o->pretrain_loss, "auto") == 0 && bernoulli);
}

static elbo_stack stack_of(const vade_options *o) {
    return (elbo_stack){.model = &elbo_model_vade,
                        .network = &o->autoencoder.network,
                        .layer_epochs = o->layer_epochs,
                        .pretrain_epochs = o->pretrain_epochs,
                        .rate = o->pretrain_rate,
                        .noise = o->noise,
                        .whole_noise = o->noise,
                        .squared = squares(o),
                        .code = code_layer,
                        .output = output_layer};
}

static int phases(const void *options, int64_t epochs, elbo_phase out[ELBO_MODEL_PHASES]) {
    elbo_stack stack = stack_of(options);
    return elbo_stack_phases(&stack, "bound", epochs, out);
}

static float *tensor_of(elbo_params *params, const char *name, size_t count) {
    const elbo_param_info *info = elbo_params_find(params, name);
    return info && info->count == count ? elbo_params_tensor(params, elbo_params_index(params, info)) : NULL;
}

/* Weights below 1e-8 would only make logits that no gradient brings back. */
static elbo_status take_mixture(const elbo_mixture *fitted, const double *centre, elbo_params *params,
                                elbo_error *error) {
    int64_t count = fitted->components, dims = fitted->dims;
    float *logits = tensor_of(params, "prior.mixture.logits", (size_t)count);
    float *loc = tensor_of(params, "prior.mixture.loc", (size_t)(count * dims));
    float *log_scale = tensor_of(params, "prior.mixture.log_scale", (size_t)(count * dims));
    if (!logits || !loc || !log_scale)
        return elbo_fail(error, ELBO_ERROR_INTERNAL, "vade: the mixture has no parameters of %lld components in %lld",
                         (long long)count, (long long)dims);
    for (int64_t k = 0; k < count; k++) logits[k] = (float)log(fmax(fitted->weights[k], 1e-8));
    bool full = fitted->kind == ELBO_COVARIANCE_FULL;
    for (int64_t i = 0; i < count * dims; i++) {
        int64_t variance = full ? i * dims + i % dims : i; /* [K, D, D] or [K, D] */
        loc[i] = (float)(fitted->means[i] + centre[i % dims]);
        log_scale[i] = (float)(0.5 * log(fitted->covariances[variance]));
    }
    return ELBO_OK;
}

static elbo_status fit_mixture(const elbo_entrance *entrance, elbo_fit_rows *codes, double *moments,
                               elbo_mixture *fitted, elbo_fit_trace *trace, elbo_error *error) {
    const vade_options *o = entrance->options;
    elbo_fit_options options = {.iterations = 200,
                                .tolerance = 1e-5,
                                .restarts = o->mixture_starts,
                                .seed = (int64_t)entrance->seed,
                                .variance_floor = o->mixture_floor};
    int64_t empty;
    elbo_fit_rows_describe(codes, moments, moments + codes->dims);
    codes->centre = moments;
    elbo_covariance_kind kind =
        strcmp(o->mixture_covariance, "full") == 0 ? ELBO_COVARIANCE_FULL : ELBO_COVARIANCE_DIAGONAL;
    ELBO_TRY(elbo_mixture_new(fitted, o->autoencoder.components, codes->dims, kind, false, error));
    fitted->variance_floor = o->mixture_floor;
    ELBO_TRY(elbo_fit_trace_new(trace, &options, NULL, NULL, error));
    ELBO_TRY(elbo_mixture_fit(fitted, codes, &options, entrance->threads, trace, &empty, error));
    if (kind == ELBO_COVARIANCE_FULL && strcmp(o->mixture_basis, "turned") == 0)
        ELBO_TRY(elbo_code_basis_turn(entrance->params, fitted, moments, o->mixture_scale, error));
    return take_mixture(fitted, moments, entrance->params, error);
}

/* Before the bound: EM on the means of q(z|x). */
static elbo_status enter(const elbo_entrance *entrance, elbo_error *error) {
    elbo_stack stack = stack_of(entrance->options);
    if (elbo_stack_part_of(&stack, entrance->phase) != ELBO_STACK_LAST) return ELBO_OK;
    const int64_t shape[2] = {entrance->rows, entrance->latent};
    elbo_array array = {.dtype = ELBO_F32, .rank = 2, .shape = {shape[0], shape[1]}, .data = (void *)entrance->codes};
    elbo_fit_rows codes;
    elbo_arena arena = {0};
    elbo_mixture fitted = {0};
    elbo_fit_trace trace = {0};
    ELBO_TRY(elbo_fit_rows_of(&array, &codes, error));
    double *moments = elbo_arena_calloc(&arena, sizeof *moments * 2 * (size_t)entrance->latent);
    elbo_status status = moments ? fit_mixture(entrance, &codes, moments, &fitted, &trace, error)
                                 : elbo_fail_memory(error, sizeof *moments * 2 * (size_t)entrance->latent, "moments");
    elbo_mixture_free(&fitted);
    elbo_fit_trace_free(&trace);
    elbo_arena_clear(&arena);
    return status;
}

/* ---- Updates ---- */

/* sum_c gamma_c (log gamma_c - log pi_c + KL(q(z|x) || p(z|c))): [..., B] for z: [..., B, D] */
static elbo_node *mixture_kl(const mixture *m, const elbo_dist *q, elbo_node *z) {
    elbo_dist each = elbo_normal(beside(q->parameter[0]), beside(q->parameter[1]), 1);
    elbo_node *kl = elbo_sum(each.type->kl(&each, &m->each), -1, -1, false); /* [B, K] */
    elbo_node *log_gamma = log_assignment(m, z);
    elbo_node *inner = elbo_add(elbo_sub(log_gamma, m->log_weights), kl);
    return elbo_sum(elbo_mul(elbo_exp(log_gamma), inner), -1, -1, false);
}

static elbo_update bound(elbo_context *context, elbo_node *x, const elbo_weights *weights) {
    const vade_options *o = context->options;
    elbo_estimate how = {.context = context,
                         .model = &elbo_model_vade,
                         .x = x,
                         .weights = weights,
                         .samples = o->autoencoder.draws,
                         .posterior = encode(context, x),
                         .prior = prior(context, elbo_node_shape(x).dim[0])};
    if (!how.posterior.type || !how.prior.type) return (elbo_update){.name = "bound"};
    elbo_node *z = elbo_estimate_draws(&how, false);
    mixture m = mixture_of(context);
    elbo_scope_push(context->builder.graph, "kl");
    elbo_node *kl = mixture_kl(&m, &how.posterior, z);
    elbo_scope_pop(context->builder.graph);
    elbo_update update = elbo_estimate_with_kl(&how, z, kl);
    update.name = "bound";
    return update;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const vade_options *o = context->options;
    elbo_stack stack = stack_of(o);
    bool last = elbo_stack_part_of(&stack, context->phase) == ELBO_STACK_LAST;
    if (!last && context->data_rows > 0 && o->autoencoder.components > context->data_rows)
        elbo_graph_fail(context->builder.graph, ELBO_ERROR_USAGE,
                        "--components %lld: there are %lld training rows, and each cluster starts from at least one",
                        (long long)o->autoencoder.components, (long long)context->data_rows);
    if (!last) return elbo_stack_updates(&stack, context, x, out);
    out[0] = bound(context, x, weights);
    return 1;
}

const elbo_model_type elbo_model_vade = {.name = "vade",
                                         .title = "variational deep embedding",
                                         .description =
                                             "clusters: a mixture of normal distributions as prior, started by "
                                             "EM on the codes of a pre-trained autoencoder",
                                         .paper = "Jiang, Zheng, Tan, Tang and Zhou 2017, arXiv:1611.05148",
                                         .options = &options_table,
                                         .relevance = relevance,
                                         .check = check,
                                         .latent = elbo_autoencoder_latent,
                                         .likelihood = elbo_autoencoder_likelihood,
                                         .levels = elbo_autoencoder_levels,
                                         .initialisation = elbo_autoencoder_initialisation,
                                         .prior = prior,
                                         .encode = encode,
                                         .decode = decode,
                                         .posterior_width = posterior_width,
                                         .posterior_numbers = posterior_numbers,
                                         .posterior = posterior,
                                         .clusters = clusters,
                                         .assign = assign,
                                         .cluster_prior = cluster_prior,
                                         .phases = phases,
                                         .enter = enter,
                                         .updates = updates};
