/* Deep embedded clustering of Xie, Girshick and Farhadi 2016 (arXiv:1511.06335): an encoder z = f(x) and K centres
 * mu_j, trained by themselves from where an autoencoder and k-means left them. With Student's t as kernel,
 *
 *   q_ij = (1 + |z_i - mu_j|^2 / nu)^(-(nu + 1)/2) / sum_j' of the same        (equation 1)
 *   p_ij = q_ij^2 / f_j / sum_j' q_ij'^2 / f_j',   f_j = sum_i q_ij            (equation 3)
 *
 * and encoder and centres move down the gradient of KL(P || Q) = mean_i sum_j p_ij log p_ij / q_ij with P held.
 *
 * The paper works P out for all rows every so many steps. Here the rows of a step get theirs in that step, from q as it
 * is, with a running mean of q_j in the place of f_j (p does not change with the scale of f). The running mean begins
 * at its exact value over all training rows. With all rows in one batch and no memory (--mass-decay 0) P is the paper's
 * at one step between updates.
 *
 * A training has up to three phases (stack.h): the layers of the autoencoder, the autoencoder as a whole, and the
 * clusters. The decoder stays behind in the last one. */
#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "graph/params.h"
#include "infer/fit/kmeans.h"
#include "models/deterministic.h"
#include "models/stack.h"

#define DEC_OPTIONS(O)                                                                                       \
    O(INT, latent, "10", 1, 65536, NULL, "dimensions of the code")                                           \
    O(INT, components, "10", 1, 4096, NULL, "clusters")                                                      \
    O(CHOICE, loss, "squared", 0, 0, "squared|cross-entropy",                                                \
      "of the autoencoder: |x - x'|^2, or the cross-entropy of values in [0, 1]")                            \
    ELBO_STACK_OPTIONS(O)                                                                                    \
    O(REAL, noise, "0.2", 0, 0.99, NULL, "share of the values that is dropped while layers are pre-trained") \
    O(REAL, whole_noise, "0", 0, 0.99, NULL, "the same of the data while the autoencoder is")                \
    O(INT, starts, "20", 1, 10000, NULL, "starts of k-means, of which the best is kept")                     \
    O(REAL, freedom, "1", 1e-3, 1e6, NULL, "degrees of freedom nu of the kernel")                            \
    O(REAL, mass_decay, "0.99", 0, 0.999999, NULL, "share of the running mean of q that a step keeps")

typedef struct dec_options {
    elbo_network_options network;
    DEC_OPTIONS(ELBO_OPTION_FIELD)
} dec_options;

#define ELBO_TABLE_STRUCT dec_options
static const elbo_option rows[] = {DEC_OPTIONS(ELBO_TABLE_ROW) ELBO_STACK_NETWORK_OPTIONS(ELBO_NETWORK_ROW)};
#undef ELBO_TABLE_STRUCT
static const elbo_options options_table = {"Model (dec)", rows, sizeof rows / sizeof *rows, sizeof(dec_options)};

static const elbo_relevance relevance[] = {{"channels", {"network"}, "conv", "--network conv"},
                                           {"noise", {"layer_epochs"}, "!0", "--layer-epochs above 0"},
                                           {"whole_noise", {"pretrain_epochs"}, "!0", "--pretrain-epochs above 0"},
                                           {"early_stop", {NULL}, "", "a loss that tells which epoch is the best"},
                                           ELBO_DETERMINISTIC_RULES,
                                           {NULL}};

extern const elbo_model_type elbo_model_dec;

/* ---- The autoencoder ---- */

static elbo_dist with_loss(const dec_options *o, elbo_node *numbers) {
    return o->loss[0] == 's' ? elbo_squared_error(numbers) : elbo_cross_entropy(numbers);
}

static const elbo_dist_type *likelihood(const void *options) {
    return ((const dec_options *)options)->loss[0] == 's' ? &elbo_squared_error_type : &elbo_cross_entropy_type;
}

static int64_t latent(const void *options) { return ((const dec_options *)options)->latent; }
static int64_t no_levels(const void *options) { return (void)options, 0; }

static void initialisation(const void *options, elbo_init *init, double *scale) {
    elbo_network_initialisation(&((const dec_options *)options)->network, init, scale);
}

static elbo_dist prior(elbo_context *context, int64_t count) {
    return elbo_code_prior(context, count, latent(context->options));
}

static elbo_dist encode(elbo_context *context, elbo_node *x) {
    const dec_options *o = context->options;
    return elbo_code(elbo_network_encode(context, &o->network, x, "code", o->latent));
}

static elbo_dist decode(elbo_context *context, elbo_node *z) {
    const dec_options *o = context->options;
    return with_loss(o, elbo_network_decode(context, &o->network, z, 1));
}

static elbo_node *code_layer(elbo_context *context, elbo_node *h) {
    return elbo_nn_dense(&context->builder, h, "code", latent(context->options));
}

static elbo_dist output_layer(elbo_context *context, elbo_node *h) {
    const dec_options *o = context->options;
    context->builder.group = "decoder";
    return with_loss(o, elbo_nn_dense(&context->builder, h, "output", context->item.size));
}

static elbo_stack stack_of(const dec_options *o) {
    return (elbo_stack){.model = &elbo_model_dec,
                        .network = &o->network,
                        .layer_epochs = o->layer_epochs,
                        .pretrain_epochs = o->pretrain_epochs,
                        .rate = o->pretrain_rate,
                        .noise = o->noise,
                        .whole_noise = o->whole_noise,
                        .code = code_layer,
                        .output = output_layer};
}

static elbo_status check(const void *options, const elbo_item *item, elbo_error *error) {
    const dec_options *o = options;
    elbo_stack stack = stack_of(o);
    ELBO_TRY(elbo_network_check(&o->network, item, error));
    if (o->layer_epochs == 0 && o->pretrain_epochs == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "dec starts from the codes of an autoencoder: --pretrain-epochs or --layer-epochs above 0 was "
                         "expected");
    return elbo_stack_check(&stack, error);
}

static int phases(const void *options, int64_t epochs, elbo_phase out[ELBO_MODEL_PHASES]) {
    elbo_stack stack = stack_of(options);
    return elbo_stack_phases(&stack, "clusters", epochs, out);
}

/* ---- The clusters ---- */

static int64_t clusters(const void *options) { return ((const dec_options *)options)->components; }

static elbo_node *centres(elbo_context *context) {
    const dec_options *o = context->options;
    context->builder.group = "clusters";
    return elbo_nn_param(&context->builder, "centre", "loc", ELBO_SHAPE(o->components, o->latent), ELBO_INIT_NORMAL, 1,
                         1, 1);
}

/* log q: [..., K] for z: [..., D] */
static elbo_node *assign(elbo_context *context, elbo_node *z) {
    const dec_options *o = context->options;
    elbo_shape beside = elbo_node_shape(z);
    if (!z || beside.rank == 0 || beside.rank == ELBO_MAX_RANK) return NULL;
    beside.dim[beside.rank] = beside.dim[beside.rank - 1];
    beside.dim[beside.rank++ - 1] = 1;
    elbo_node *away = elbo_sub(elbo_reshape(z, beside), centres(context));
    elbo_node *distance = elbo_sum(elbo_square(away), -1, -1, false);
    elbo_node *kernel = elbo_scale(elbo_log1p(elbo_scale(distance, 1 / o->freedom)), -0.5 * (o->freedom + 1));
    return elbo_log_softmax(kernel, -1);
}

/* The running mean of q over rows, [K]; training moves it towards that of the batch. */
static elbo_node *mass(elbo_context *context, elbo_node *log_q) {
    const dec_options *o = context->options;
    elbo_builder *builder = &context->builder;
    builder->group = "state";
    elbo_node *kept = elbo_nn_param(builder, "clusters", "mass", ELBO_SHAPE(o->components), ELBO_INIT_CONSTANT,
                                    1 / (double)o->components, 1, 1);
    if (!builder->training) return kept;
    elbo_node *now = elbo_mean(elbo_exp(elbo_stop_gradient(log_q)), 0, 0, false);
    elbo_node *moved = elbo_add(elbo_scale(kept, o->mass_decay), elbo_scale(now, 1 - o->mass_decay));
    elbo_nn_assign(builder, "clusters", "mass", moved);
    return moved;
}

/* KL(P || Q). Clusters without any mass stay finite: they have no q either. */
static elbo_update sharpen(elbo_context *context, elbo_node *x) {
    elbo_update update = {.name = "clusters", .groups = {"encoder", "clusters"}, .unranked = true};
    elbo_dist code = encode(context, x);
    if (!code.type) return update;
    elbo_scope_push(context->builder.graph, "clusters");
    elbo_node *log_q = assign(context, elbo_dist_mean(&code));
    elbo_node *log_mass = elbo_log(elbo_max(mass(context, log_q), elbo_scalar(context->builder.graph, 1e-30)));
    elbo_node *log_p = elbo_log_softmax(elbo_sub(elbo_scale(elbo_stop_gradient(log_q), 2), log_mass), -1);
    elbo_node *divergence = elbo_sum(elbo_mul(elbo_exp(log_p), elbo_sub(log_p, log_q)), -1, -1, false);
    update.objective = update.loss = elbo_mean_all(divergence);
    elbo_scope_pop(context->builder.graph);
    return update;
}

static int updates(elbo_context *context, elbo_node *x, const elbo_weights *weights,
                   elbo_update out[ELBO_MODEL_UPDATES]) {
    const dec_options *o = context->options;
    elbo_stack stack = stack_of(o);
    (void)weights;
    if (context->data_rows > 0 && o->components > context->data_rows)
        elbo_graph_fail(context->builder.graph, ELBO_ERROR_USAGE,
                        "--components %lld: there are %lld training rows, and each cluster starts from at least one",
                        (long long)o->components, (long long)context->data_rows);
    if (elbo_stack_part_of(&stack, context->phase) != ELBO_STACK_LAST)
        return elbo_stack_updates(&stack, context, x, out);
    out[0] = sharpen(context, x);
    return 1;
}

/* ---- Where the clusters start ---- */

static float *tensor_of(elbo_params *params, const char *name, size_t count) {
    const elbo_param_info *info = elbo_params_find(params, name);
    return info && info->count == count ? elbo_params_tensor(params, elbo_params_index(params, info)) : NULL;
}

/* The mean of q over all rows: mean: [K], zeros at first; q: [K], scratch. */
static void measure_mass(const elbo_entrance *entrance, const double *centre, double *mean, double *q) {
    const dec_options *o = entrance->options;
    int64_t dims = entrance->latent;
    for (int64_t n = 0; n < entrance->rows; n++) {
        double total = 0;
        for (int64_t k = 0; k < o->components; k++) {
            double square = 0;
            for (int64_t d = 0; d < dims; d++) {
                double away = (double)entrance->codes[n * dims + d] - centre[k * dims + d];
                square += away * away;
            }
            total += q[k] = pow(1 + square / o->freedom, -0.5 * (o->freedom + 1));
        }
        for (int64_t k = 0; k < o->components; k++) mean[k] += q[k] / total / (double)entrance->rows;
    }
}

static elbo_status start_clusters(const elbo_entrance *entrance, const elbo_fit_rows *codes, double *scratch,
                                  elbo_error *error) {
    const dec_options *o = entrance->options;
    int64_t count = o->components, numbers = count * entrance->latent;
    double *centre = scratch, *mean = scratch + numbers;
    float *loc = tensor_of(entrance->params, "clusters.centre.loc", (size_t)numbers);
    float *kept = tensor_of(entrance->params, "state.clusters.mass", (size_t)count);
    if (!loc || !kept) return elbo_fail(error, ELBO_ERROR_INTERNAL, "dec: the clusters have no parameters");
    elbo_kmeans_options how = {count, o->starts, entrance->seed, entrance->threads};
    ELBO_TRY(elbo_kmeans(codes, &how, centre, NULL, error));
    measure_mass(entrance, centre, mean, mean + count);
    for (int64_t i = 0; i < numbers; i++) loc[i] = (float)centre[i];
    for (int64_t k = 0; k < count; k++) kept[k] = (float)mean[k];
    return ELBO_OK;
}

/* Before the last phase: k-means on the codes. */
static elbo_status enter(const elbo_entrance *entrance, elbo_error *error) {
    const dec_options *o = entrance->options;
    elbo_stack stack = stack_of(o);
    if (elbo_stack_part_of(&stack, entrance->phase) != ELBO_STACK_LAST) return ELBO_OK;
    elbo_array array = {
        .dtype = ELBO_F32, .rank = 2, .shape = {entrance->rows, entrance->latent}, .data = (void *)entrance->codes};
    elbo_fit_rows codes;
    elbo_arena arena = {0};
    size_t bytes = sizeof(double) * (size_t)(o->components * (entrance->latent + 2));
    ELBO_TRY(elbo_fit_rows_of(&array, &codes, error));
    double *scratch = elbo_arena_calloc(&arena, bytes);
    elbo_status status =
        scratch ? start_clusters(entrance, &codes, scratch, error) : elbo_fail_memory(error, bytes, "clusters");
    elbo_arena_clear(&arena);
    return status;
}

const elbo_model_type elbo_model_dec = {.name = "dec",
                                        .title = "deep embedded clustering",
                                        .description =
                                            "clusters: an encoder and centres that sharpen their own assignments, "
                                            "started by k-means on the codes of a pre-trained autoencoder",
                                        .paper = "Xie, Girshick and Farhadi 2016, arXiv:1511.06335",
                                        .options = &options_table,
                                        .relevance = relevance,
                                        ELBO_DETERMINISTIC_PARTS,
                                        .clusters = clusters,
                                        .assign = assign,
                                        .phases = phases,
                                        .enter = enter,
                                        .updates = updates};
