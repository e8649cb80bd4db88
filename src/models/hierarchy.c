#include "models/hierarchy.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "infer/infer.h"

static const double half_log_two_pi = 0.91893853320467274178;
static const double least_variance = 1e-5;

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

const elbo_relevance elbo_hierarchy_relevance[] = {ELBO_GROUP_RULES, {NULL}};

/* ---- checks and plain facts ---- */

static elbo_status likelihood_head(const elbo_hierarchy_options *o, int64_t size, elbo_head *head, elbo_error *error) {
    elbo_head_sizes sizes = {.size = size, .levels = 256};
    ELBO_TRY(elbo_head_parse(head, "--likelihood", o->likelihood, sizes, error));
    if (head->type->support == ELBO_SUPPORT_CLASSES) head->components = 256;
    if (head->type->support == ELBO_SUPPORT_LEVELS) head->unit = 127.5;
    if (strstr(head->type->name, "mixture"))
        return elbo_fail(error, ELBO_ERROR_USAGE, "--likelihood %s: a mixture of data is not known here",
                         head->type->name);
    return ELBO_OK;
}

elbo_status elbo_hierarchy_check(const void *options, const elbo_item *item, elbo_error *error) {
    const elbo_hierarchy_options *o = options;
    elbo_head head;
    if (o->latents.count == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--latents is empty: one number for each level was expected, such as "
                         "64,32,16");
    if (o->latents.count != o->widths.count)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--latents has %d levels and --widths %d; one width for each level "
                         "was expected",
                         o->latents.count, o->widths.count);
    const elbo_estimator_type *estimator = elbo_estimator_find(o->estimator, error);
    if (!estimator) return ELBO_ERROR_USAGE;
    ELBO_TRY(elbo_estimator_check_draws(estimator, o->draws, o->groups, error));
    if (o->batch_norm && is(o->estimator, "dreg"))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--estimator dreg needs --no-batch-norm: its gradient takes the weight of a draw to depend on "
                         "that draw alone, and batch norm ties all draws together");
    return likelihood_head(o, item->size, &head, error);
}

int64_t elbo_hierarchy_latent(const void *options) {
    const elbo_hierarchy_options *o = options;
    int64_t sum = 0;
    for (int i = 0; i < o->latents.count; i++) sum += o->latents.value[i];
    return sum;
}

void elbo_hierarchy_layers(const void *options, elbo_ints *out) {
    *out = ((const elbo_hierarchy_options *)options)->latents;
}

const elbo_dist_type *elbo_hierarchy_likelihood(const void *options) {
    elbo_head head;
    const elbo_hierarchy_options *o = options;
    return likelihood_head(o, 1, &head, NULL) == ELBO_OK ? head.type : NULL;
}

int64_t elbo_hierarchy_levels(const void *options) {
    (void)options;
    return 256;
}

void elbo_hierarchy_initialisation(const void *options, elbo_init *init, double *scale) {
    const elbo_hierarchy_options *o = options;
    *init = is(o->init, "normal")           ? ELBO_INIT_NORMAL
            : is(o->init, "glorot-uniform") ? ELBO_INIT_GLOROT_UNIFORM
            : is(o->init, "he-normal")      ? ELBO_INIT_HE_NORMAL
                                            : ELBO_INIT_LECUN_UNIFORM;
    *scale = o->init_scale;
}

const char *elbo_hierarchy_mean_bias(const void *options) {
    const elbo_hierarchy_options *o = options;
    elbo_head head;
    if (!is(o->output_bias, "data") || likelihood_head(o, 1, &head, NULL) != ELBO_OK || head.fixed[0]) return NULL;
    return head.type == &elbo_dist_bernoulli || head.type == &elbo_dist_normal ? "decoder.output.bias" : NULL;
}

/* ---- networks ---- */

static elbo_node *normed(elbo_context *context, elbo_node *x, const char *layer) {
    const elbo_hierarchy_options *o = context->options;
    if (!o->batch_norm) return x;
    char name[64];
    snprintf(name, sizeof name, "%s.norm", layer);
    return elbo_nn_batch_norm(&context->builder, x, name, true);
}

/* "up1": `depth` dense layers of a level's width. */
static elbo_node *hidden(elbo_context *context, elbo_node *x, const char *name, int level) {
    const elbo_hierarchy_options *o = context->options;
    for (int64_t d = 0; d < o->depth; d++) {
        char layer[48];
        snprintf(layer, sizeof layer, "%s%d.dense%d", name, level + 1, (int)d + 1);
        x = normed(context, elbo_nn_dense(&context->builder, x, layer, o->widths.value[level]), layer);
        x = elbo_nn_activate(x, o->activation);
    }
    return x;
}

/* Mean and (before it is made positive) variance of a level: [..., 2 d]. */
static elbo_node *statistics(elbo_context *context, elbo_node *h, const char *name, int level) {
    const elbo_hierarchy_options *o = context->options;
    char layer[48];
    snprintf(layer, sizeof layer, "%s%d.normal", name, level + 1);
    return normed(context, elbo_nn_dense(&context->builder, h, layer, 2 * o->latents.value[level]), layer);
}

typedef struct normal {
    elbo_node *mean, *variance;
} normal;

static normal normal_of(const elbo_context *context, elbo_node *numbers, int level) {
    const elbo_hierarchy_options *o = context->options;
    int64_t size = o->latents.value[level];
    elbo_node *raw = elbo_slice(numbers, -1, size, size);
    elbo_node *variance = is(o->variance, "exp") ? elbo_exp(raw) : elbo_softplus(raw);
    return (normal){elbo_slice(numbers, -1, 0, size), elbo_shift(variance, least_variance)};
}

/* p(z_i | z_i+1), i = level, by the network under level i + 1. */
static normal below(elbo_context *context, elbo_node *code_above, int level) {
    context->builder.group = "decoder";
    elbo_node *h = hidden(context, code_above, "down", level + 1);
    return normal_of(context, statistics(context, h, "down", level), level);
}

/* q(z_i | z_i-1) of the stack. */
static normal above(elbo_context *context, elbo_node *code_below, int level) {
    context->builder.group = "encoder";
    elbo_node *h = hidden(context, code_below, "up", level);
    return normal_of(context, statistics(context, h, "up", level), level);
}

/* Product of two normals, each with its own precision as weight: what data and what prior say of one level. */
static normal merge(normal a, normal b) {
    elbo_node *p = elbo_reciprocal(a.variance), *q = elbo_reciprocal(b.variance);
    elbo_node *variance = elbo_reciprocal(elbo_add(p, q));
    return (normal){elbo_mul(variance, elbo_add(elbo_mul(a.mean, p), elbo_mul(b.mean, q))), variance};
}

static normal standard(elbo_graph *graph) { return (normal){elbo_scalar(graph, 0), elbo_scalar(graph, 1)}; }

static elbo_node *log_normal(elbo_node *z, normal n) {
    elbo_node *spread = elbo_div(elbo_square(elbo_sub(z, n.mean)), n.variance);
    return elbo_shift(elbo_scale(elbo_add(spread, elbo_log(n.variance)), -0.5), -half_log_two_pi);
}

/* ---- the three distributions: each walks the levels, and does one thing at each ---- */

typedef struct walk {
    elbo_context *context;
    const elbo_hierarchy_options *options;
    const elbo_dist *dist;
    elbo_node *z;     /* given: densities there; NULL: draws, or means */
    elbo_shape shape; /* of draws */
    int row_axis;
    bool mean;
    elbo_node *code[ELBO_MAX_INTS], *density[ELBO_MAX_INTS], *variance[ELBO_MAX_INTS];
} walk;

static int64_t start_of(const elbo_hierarchy_options *o, int level) {
    int64_t start = 0;
    for (int i = 0; i < level; i++) start += o->latents.value[i];
    return start;
}

/* One level whose distribution is known: its code, and the density there. */
static void visit(walk *w, int level, normal n) {
    int64_t size = w->options->latents.value[level];
    elbo_shape shape = w->shape;
    w->variance[level] = n.variance;
    if (w->z) {
        w->code[level] = elbo_slice(w->z, -1, start_of(w->options, level), size);
        w->density[level] = log_normal(w->code[level], n);
        return;
    }
    shape.dim[shape.rank - 1] = size;
    elbo_node *mean = elbo_broadcast_to(n.mean, shape);
    w->variance[level] = elbo_broadcast_to(n.variance, shape);
    w->code[level] = mean;
    if (!w->mean)
        w->code[level] =
            elbo_muladd(elbo_sqrt(n.variance), elbo_random_normal(w->dist->graph, shape, w->row_axis), mean);
}

static void walk_prior(walk *w) {
    int top = w->options->latents.count - 1;
    visit(w, top, standard(w->dist->graph));
    for (int i = top - 1; i >= 0; i--) visit(w, i, below(w->context, w->code[i + 1], i));
}

static void walk_stack(walk *w) {
    visit(w, 0, normal_of(w->context, w->dist->parameter[0], 0));
    for (int i = 1; i < w->options->latents.count; i++) visit(w, i, above(w->context, w->code[i - 1], i));
}

static normal estimate(const walk *w, int level) {
    int64_t start = 2 * start_of(w->options, level), size = 2 * w->options->latents.value[level];
    return normal_of(w->context, elbo_slice(w->dist->parameter[0], -1, start, size), level);
}

static void walk_ladder(walk *w) {
    int top = w->options->latents.count - 1;
    visit(w, top, estimate(w, top));
    for (int i = top - 1; i >= 0; i--) visit(w, i, merge(estimate(w, i), below(w->context, w->code[i + 1], i)));
}

static walk begin(const elbo_dist *dist, elbo_node *z, elbo_shape shape, int row_axis) {
    elbo_context *context = (elbo_context *)dist->extra;
    return (walk){
        .context = context, .options = context->options, .dist = dist, .z = z, .shape = shape, .row_axis = row_axis};
}

/* Levels side by side. One that does not know of all leading axes is the same along the others. */
static elbo_node *together(const walk *w, elbo_node *const *part) {
    int levels = w->options->latents.count;
    elbo_node *full[ELBO_MAX_INTS];
    elbo_shape lead = ELBO_SHAPE(1);
    for (int i = 0; i < levels; i++) {
        elbo_shape one = elbo_node_shape(part[i]), before = lead;
        if (!part[i]) return NULL;
        one.dim[one.rank - 1] = 1;
        if (!elbo_shape_broadcast(before, one, &lead))
            return elbo_concat(part, levels, -1); /* which says what is wrong */
    }
    for (int i = 0; i < levels; i++) {
        elbo_shape shape = lead;
        shape.dim[shape.rank - 1] = w->options->latents.value[i];
        full[i] = elbo_broadcast_to(part[i], shape);
    }
    return elbo_concat(full, levels, -1);
}

#define HIERARCHY(kind)                                                                 \
    static elbo_node *kind##_log_prob(const elbo_dist *dist, elbo_node *z) {            \
        walk w = begin(dist, z, elbo_node_shape(z), 0);                                 \
        walk_##kind(&w);                                                                \
        return together(&w, w.density);                                                 \
    }                                                                                   \
    static elbo_node *kind##_sample(const elbo_dist *dist, elbo_shape shape, int row) { \
        walk w = begin(dist, NULL, shape, row);                                         \
        walk_##kind(&w);                                                                \
        return together(&w, w.code);                                                    \
    }                                                                                   \
    static elbo_node *kind##_mean(const elbo_dist *dist) {                              \
        walk w = begin(dist, NULL, dist->shape, 0);                                     \
        w.mean = true;                                                                  \
        walk_##kind(&w);                                                                \
        return together(&w, w.code);                                                    \
    }                                                                                   \
    static elbo_node *kind##_variance(const elbo_dist *dist) {                          \
        walk w = begin(dist, NULL, dist->shape, 0);                                     \
        w.mean = true;                                                                  \
        walk_##kind(&w);                                                                \
        return together(&w, w.variance);                                                \
    }                                                                                   \
    static const elbo_dist_type kind##_type = {.name = #kind " of normals",             \
                                               .support = ELBO_SUPPORT_REAL,            \
                                               .draws = ELBO_DRAWS_LOCATION_SCALE,      \
                                               .log_prob = kind##_log_prob,             \
                                               .sample = kind##_sample,                 \
                                               .mean = kind##_mean,                     \
                                               .variance = kind##_variance};
HIERARCHY(prior)
HIERARCHY(stack)
HIERARCHY(ladder)

static elbo_dist dist_of(const elbo_dist_type *type, elbo_context *context, elbo_node *numbers, int64_t rows) {
    return (elbo_dist){.type = type,
                       .graph = context->builder.graph,
                       .parameter = {numbers},
                       .shape = ELBO_SHAPE(rows, elbo_hierarchy_latent(context->options)),
                       .event_rank = 1,
                       .extra = context};
}

/* ---- parts of the contract ---- */

elbo_dist elbo_hierarchy_prior(elbo_context *context, int64_t rows) {
    return dist_of(&prior_type, context, NULL, rows);
}

elbo_dist elbo_hierarchy_decode(elbo_context *context, elbo_node *z) {
    const elbo_hierarchy_options *o = context->options;
    elbo_head head;
    if (!z || likelihood_head(o, context->item.size, &head, NULL) != ELBO_OK) return (elbo_dist){0};
    context->builder.group = "decoder";
    elbo_node *h = hidden(context, elbo_slice(z, -1, 0, o->latents.value[0]), "down", 0);
    return elbo_head_dist(&head, elbo_nn_dense(&context->builder, h, "output", elbo_head_width(&head)));
}

int elbo_hierarchy_updates(elbo_context *context, const elbo_model_type *model, elbo_node *x,
                           const elbo_weights *weights, elbo_update out[ELBO_MODEL_UPDATES]) {
    const elbo_hierarchy_options *o = context->options;
    elbo_estimate how = {.context = context,
                         .model = model,
                         .x = x,
                         .weights = weights,
                         .samples = o->draws,
                         .groups = o->groups,
                         .share = o->share};
    out[0] = elbo_estimate_bound(&how, elbo_estimator_find(o->estimator, NULL));
    return 1;
}

int64_t elbo_stack_width(const void *options) {
    return 2 * ((const elbo_hierarchy_options *)options)->latents.value[0];
}

elbo_node *elbo_stack_numbers(elbo_context *context, elbo_node *x) {
    context->builder.group = "encoder";
    return statistics(context, hidden(context, x, "up", 0), "up", 0);
}

elbo_dist elbo_stack_posterior(elbo_context *context, elbo_node *numbers) {
    return numbers ? dist_of(&stack_type, context, numbers, elbo_node_shape(numbers).dim[0]) : (elbo_dist){0};
}

elbo_dist elbo_stack_encode(elbo_context *context, elbo_node *x) {
    return elbo_stack_posterior(context, elbo_stack_numbers(context, x));
}

int64_t elbo_ladder_width(const void *options) { return 2 * elbo_hierarchy_latent(options); }

elbo_node *elbo_ladder_numbers(elbo_context *context, elbo_node *x) {
    const elbo_hierarchy_options *o = context->options;
    elbo_node *level[ELBO_MAX_INTS], *h = x;
    context->builder.group = "encoder";
    for (int i = 0; i < o->latents.count; i++) {
        h = hidden(context, h, "up", i);
        level[i] = statistics(context, h, "up", i);
    }
    return elbo_concat(level, o->latents.count, -1);
}

elbo_dist elbo_ladder_posterior(elbo_context *context, elbo_node *numbers) {
    return numbers ? dist_of(&ladder_type, context, numbers, elbo_node_shape(numbers).dim[0]) : (elbo_dist){0};
}

elbo_dist elbo_ladder_encode(elbo_context *context, elbo_node *x) {
    return elbo_ladder_posterior(context, elbo_ladder_numbers(context, x));
}
