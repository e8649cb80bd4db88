/* Runs an optimiser's formula over the flat arrays: one compiled pass for each contiguous range of trained groups. */
#include "optim/optim.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/params.h"

#define ELBO_TABLE_STRUCT elbo_optimiser_options
ELBO_TABLE(elbo_optimiser_options_table, "Optimiser", ELBO_OPTIMISER_OPTIONS);
#undef ELBO_TABLE_STRUCT

const elbo_relevance elbo_optimiser_relevance[] = {
    {"momentum", {"optimizer"}, "momentum", "--optimizer momentum"},
    {"nesterov", {"optimizer"}, "momentum", "--optimizer momentum"},
    {"beta1", {"optimizer"}, "adam|adamw", "--optimizer adam or adamw"},
    {"beta2", {"optimizer"}, "adam|adamw", "--optimizer adam or adamw"},
    {"rho", {"optimizer"}, "rmsprop", "--optimizer rmsprop"},
    {"epsilon", {"optimizer"}, "adagrad|rmsprop|adam|adamw", "--optimizer adagrad, rmsprop, adam or adamw"},
    {"square_start", {"optimizer"}, "adagrad|rmsprop|adam|adamw", "--optimizer adagrad, rmsprop, adam or adamw"},
    {"lr_decay", {"schedule"}, "step|exponential", "--schedule step or exponential"},
    {"lr_every", {"schedule"}, "step|exponential", "--schedule step or exponential"},
    {"lr_min", {"schedule"}, "!constant", "a --schedule that lowers the rate"},
    {NULL}};

/* A gradient of zero moves a parameter by 0 / (0 + epsilon): epsilon must stay above zero in f32, also after Adam's
 * correction. */
static const double smallest_epsilon = 1e-30;

typedef struct range {
    size_t first, count; /* in the flat arrays; multiples of ELBO_GROUP_MULTIPLE */
    elbo_graph *graph;
    elbo_plan *update, *norm;
    elbo_node *square_sums; /* [rows] */
    elbo_node *scalar_node[ELBO_OPTIMISER_SCALARS], *scale_node;
    float *scalar[ELBO_OPTIMISER_SCALARS], *scale; /* in the update's memory; NULL: not in the formula */
} range;

struct elbo_optimiser {
    elbo_params *params;
    const elbo_optimiser_type *type;
    elbo_optimiser_options options; /* numbers only: the texts stay with the caller */
    float *gradient, *slot[ELBO_OPTIMISER_SLOTS];
    range *range;
    size_t ranges;
    int threads;
};

/* ---- formulas ---- */

elbo_node *elbo_optimiser_average(elbo_node *average, elbo_node *value, double decay) {
    elbo_graph *graph = elbo_node_graph(value);
    if (decay < 0.5) return elbo_muladd(elbo_sub(average, value), elbo_scalar(graph, decay), value);
    return elbo_muladd(elbo_sub(value, average), elbo_scalar(graph, 1 - decay), average);
}

elbo_node *elbo_optimiser_move(elbo_node *param, elbo_node *rate, elbo_node *direction, elbo_node *square,
                               elbo_node *epsilon) {
    return elbo_muladd(elbo_div(direction, elbo_add(elbo_sqrt(square), epsilon)), rate, param);
}

/* ---- options ---- */

const elbo_optimiser_type *elbo_optimiser_find(const char *name, elbo_error *error) {
    char known[256] = "";
    for (size_t i = 0; elbo_registry_optimisers[i]; i++) {
        if (strcmp(elbo_registry_optimisers[i]->name, name) == 0) return elbo_registry_optimisers[i];
        if (*known) strncat(known, ", ", sizeof known - strlen(known) - 1);
        strncat(known, elbo_registry_optimisers[i]->name, sizeof known - strlen(known) - 1);
    }
    return elbo_fail_null(error, ELBO_ERROR_USAGE, "unknown optimizer \"%s\"; this build has %s", name, known);
}

static bool keeps_squares(const elbo_optimiser_type *type) {
    for (int s = 0; s < type->slots; s++)
        if (type->slot_squares[s]) return true;
    return false;
}

static elbo_status check_options(const elbo_optimiser_type *type, const elbo_optimiser_options *options,
                                 elbo_error *error) {
    if (keeps_squares(type) && options->epsilon < smallest_epsilon)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--epsilon %g: %s divides by it where a parameter never had a gradient; "
                         "at least %g was expected",
                         options->epsilon, type->name, smallest_epsilon);
    if (!keeps_squares(type) && options->square_start > 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--square-start: %s keeps no squares", type->name);
    if (options->nesterov && strcmp(type->name, "momentum") != 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--nesterov is for --optimizer momentum, not %s", type->name);
    if (options->lr_min > options->lr)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--lr-min %g is above --lr %g", options->lr_min, options->lr);
    return ELBO_OK;
}

/* ---- which parts of the flat arrays ---- */

/* Keeps the ranges in order and joins those that touch. */
static void add_range(elbo_optimiser *optimiser, size_t first, size_t count) {
    range *list = optimiser->range;
    size_t at = optimiser->ranges;
    while (at > 0 && list[at - 1].first > first) at--;
    if (at > 0 && list[at - 1].first == first) return; /* named twice */
    memmove(&list[at + 1], &list[at], sizeof *list * (optimiser->ranges - at));
    list[at] = (range){.first = first, .count = count};
    optimiser->ranges++;
}

static void join_ranges(elbo_optimiser *optimiser) {
    range *list = optimiser->range;
    size_t kept = 0;
    for (size_t i = 0; i < optimiser->ranges; i++) {
        if (list[i].count == 0) continue;
        if (kept > 0 && list[kept - 1].first + list[kept - 1].count == list[i].first)
            list[kept - 1].count += list[i].count;
        else
            list[kept++] = list[i];
    }
    optimiser->ranges = kept;
}

static elbo_status add_group(elbo_optimiser *optimiser, const char *group, elbo_error *error) {
    size_t first, count;
    if (strcmp(group, "state") == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "optimiser: the group \"state\" is not trained");
    if (!elbo_params_group(optimiser->params, group, &first, &count))
        return elbo_fail(error, ELBO_ERROR_USAGE, "optimiser: the model has no group \"%s\"", group);
    add_range(optimiser, first, count);
    return ELBO_OK;
}

static elbo_status find_ranges(elbo_optimiser *optimiser, const char *const *groups, elbo_error *error) {
    size_t tensors = elbo_params_count(optimiser->params);
    optimiser->range = elbo_calloc(sizeof *optimiser->range * (tensors + 1));
    if (!optimiser->range) return elbo_fail_memory(error, sizeof *optimiser->range * tensors, "an optimiser");
    for (size_t g = 0; groups && groups[g]; g++) ELBO_TRY(add_group(optimiser, groups[g], error));
    for (size_t i = 0; i < tensors && !(groups && groups[0]); i++) {
        const char *group = elbo_params_at(optimiser->params, i)->group;
        if (strcmp(group, "state") != 0) ELBO_TRY(add_group(optimiser, group, error));
    }
    join_ranges(optimiser);
    if (optimiser->ranges == 0)
        return elbo_fail(error, ELBO_ERROR_STATE, "optimiser: there are no parameters to train");
    return ELBO_OK;
}

/* ---- slots ---- */

static bool is_trained(const elbo_optimiser *optimiser, size_t offset) {
    for (size_t r = 0; r < optimiser->ranges; r++)
        if (offset - optimiser->range[r].first < optimiser->range[r].count) return true;
    return false;
}

/* The padding between tensors stays zero in every slot. */
static void start_squares(const elbo_optimiser *optimiser, float *slot) {
    for (size_t i = 0; i < elbo_params_count(optimiser->params); i++) {
        const elbo_param_info *info = elbo_params_at(optimiser->params, i);
        for (size_t k = 0; is_trained(optimiser, info->offset) && k < info->count; k++)
            slot[info->offset + k] = (float)optimiser->options.square_start;
    }
}

static elbo_status make_slots(elbo_optimiser *optimiser, elbo_error *error) {
    size_t length;
    elbo_params_data(optimiser->params, &length);
    for (int s = 0; s < optimiser->type->slots; s++) {
        optimiser->slot[s] = elbo_calloc(sizeof(float) * length);
        if (!optimiser->slot[s]) return elbo_fail_memory(error, sizeof(float) * length, "an optimiser's slots");
        if (optimiser->type->slot_squares[s] && optimiser->options.square_start > 0)
            start_squares(optimiser, optimiser->slot[s]);
    }
    return ELBO_OK;
}

/* ---- plans ---- */

/* The gradient as the formula sees it. */
static elbo_node *shaped_gradient(const elbo_optimiser *optimiser, range *part, elbo_node *param, elbo_node *gradient) {
    const elbo_optimiser_options *options = &optimiser->options;
    if (options->clip > 0) {
        part->scale_node = elbo_input(part->graph, "scale", ELBO_F32, ELBO_SCALAR);
        gradient = elbo_mul(gradient, part->scale_node);
    }
    if (options->weight_decay > 0 && !optimiser->type->decoupled_decay)
        gradient = elbo_muladd(param, elbo_scalar(part->graph, options->weight_decay), gradient);
    return gradient;
}

static elbo_status make_plans(elbo_optimiser *optimiser, range *part, elbo_error *error) {
    static const char *const slot_name[ELBO_OPTIMISER_SLOTS] = {"slot0", "slot1"};
    static const char *const scalar_name[ELBO_OPTIMISER_SCALARS] = {"scalar0", "scalar1", "scalar2", "scalar3"};
    elbo_graph *graph = part->graph = elbo_graph_new();
    if (!graph) return elbo_fail_memory(error, sizeof(elbo_node *), "an optimiser's graph");
    elbo_shape shape = ELBO_SHAPE((int64_t)(part->count / ELBO_GROUP_MULTIPLE), ELBO_GROUP_MULTIPLE);
    const elbo_optimiser_type *type = optimiser->type;
    elbo_node *param = elbo_input(graph, "param", ELBO_F32, shape);
    elbo_node *gradient = elbo_input(graph, "gradient", ELBO_F32, shape);
    elbo_optimiser_input in = {.graph = graph, .param = param};
    in.gradient = shaped_gradient(optimiser, part, param, gradient);
    for (int s = 0; s < type->slots; s++) in.slot[s] = elbo_input(graph, slot_name[s], ELBO_F32, shape);
    for (int k = 0; k < ELBO_OPTIMISER_SCALARS; k++)
        in.scalar[k] = part->scalar_node[k] = elbo_input(graph, scalar_name[k], ELBO_F32, ELBO_SCALAR);
    elbo_node *slot[ELBO_OPTIMISER_SLOTS] = {NULL};
    elbo_node *moved = type->build(&in, &optimiser->options, slot);
    part->square_sums = elbo_sum(elbo_square(gradient), 1, 1, false);
    ELBO_TRY(elbo_graph_check(graph, error));

    elbo_target source[2 + ELBO_OPTIMISER_SLOTS], target[1 + ELBO_OPTIMISER_SLOTS];
    float *data = elbo_params_data(optimiser->params, NULL) + part->first;
    source[0] = (elbo_target){gradient, optimiser->gradient + part->first};
    source[1] = (elbo_target){param, data};
    target[0] = (elbo_target){moved, data};
    for (int s = 0; s < type->slots; s++) {
        source[2 + s] = (elbo_target){in.slot[s], optimiser->slot[s] + part->first};
        target[1 + s] = (elbo_target){slot[s], optimiser->slot[s] + part->first};
    }
    elbo_plan_spec update = {.target = target,
                             .target_count = 1 + (size_t)type->slots,
                             .source = source,
                             .source_count = 2 + (size_t)type->slots,
                             .threads = optimiser->threads};
    elbo_plan_spec norm = {.fetch = &part->square_sums,
                           .fetch_count = 1,
                           .source = source,
                           .source_count = 1,
                           .threads = optimiser->threads};
    part->update = elbo_plan_new(graph, &update, error);
    if (part->update) part->norm = elbo_plan_new(graph, &norm, error);
    if (!part->norm) return error ? error->status : ELBO_ERROR_MEMORY;
    for (int k = 0; k < ELBO_OPTIMISER_SCALARS; k++)
        part->scalar[k] = elbo_plan_input(part->update, part->scalar_node[k]);
    part->scale = elbo_plan_input(part->update, part->scale_node);
    return ELBO_OK;
}

/* ---- from outside ---- */

static elbo_status prepare(elbo_optimiser *optimiser, const char *const *groups, elbo_error *error) {
    ELBO_TRY(find_ranges(optimiser, groups, error));
    ELBO_TRY(make_slots(optimiser, error));
    for (size_t r = 0; r < optimiser->ranges; r++) ELBO_TRY(make_plans(optimiser, &optimiser->range[r], error));
    return ELBO_OK;
}

elbo_optimiser *elbo_optimiser_new(elbo_params *params, const char *const *groups, float *gradient,
                                   const elbo_optimiser_options *options, int threads, elbo_error *error) {
    if (!elbo_params_finished(params))
        return elbo_fail_null(error, ELBO_ERROR_STATE, "optimiser: the parameters are not laid out yet");
    const elbo_optimiser_type *type = elbo_optimiser_find(options->optimizer, error);
    if (!type || check_options(type, options, error) != ELBO_OK) return NULL;
    elbo_optimiser *optimiser = elbo_calloc(sizeof *optimiser);
    if (!optimiser) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: an optimiser");
    optimiser->params = params;
    optimiser->type = type;
    optimiser->options = *options;
    optimiser->options.optimizer = optimiser->options.schedule = NULL;
    optimiser->gradient = gradient;
    optimiser->threads = threads;
    if (prepare(optimiser, groups, error) == ELBO_OK) return optimiser;
    elbo_optimiser_free(optimiser);
    return NULL;
}

void elbo_optimiser_free(elbo_optimiser *optimiser) {
    if (!optimiser) return;
    for (size_t r = 0; optimiser->range && r < optimiser->ranges; r++) {
        elbo_plan_free(optimiser->range[r].update);
        elbo_plan_free(optimiser->range[r].norm);
        elbo_graph_free(optimiser->range[r].graph);
    }
    for (int s = 0; s < ELBO_OPTIMISER_SLOTS; s++) elbo_free(optimiser->slot[s]);
    elbo_free(optimiser->range);
    elbo_free(optimiser);
}

elbo_status elbo_optimiser_norm(elbo_optimiser *optimiser, double *norm, elbo_error *error) {
    double total = 0;
    for (size_t r = 0; r < optimiser->ranges; r++) {
        const range *part = &optimiser->range[r];
        ELBO_TRY(elbo_plan_run(part->norm, NULL, error));
        const float *square_sum = elbo_plan_value(part->norm, part->square_sums);
        for (size_t row = 0; row < part->count / ELBO_GROUP_MULTIPLE; row++) total += (double)square_sum[row];
    }
    *norm = sqrt(total);
    return ELBO_OK;
}

static elbo_status check_step(const elbo_optimiser *optimiser, double rate, int64_t t, double scale,
                              elbo_error *error) {
    if (!isfinite(rate) || !isfinite(scale))
        return elbo_fail(error, ELBO_ERROR_NUMERIC, "optimiser: step %lld has rate %g and gradient scale %g",
                         (long long)t, rate, scale);
    if (t < 1) return elbo_fail(error, ELBO_ERROR_STATE, "optimiser: steps count from 1, not %lld", (long long)t);
    if (scale != 1 && !(optimiser->options.clip > 0))
        return elbo_fail(error, ELBO_ERROR_STATE, "optimiser: the gradient can be scaled only where --clip is set");
    return ELBO_OK;
}

elbo_status elbo_optimiser_step(elbo_optimiser *optimiser, double rate, int64_t t, double scale, elbo_error *error) {
    ELBO_TRY(check_step(optimiser, rate, t, scale, error));
    double scalar[ELBO_OPTIMISER_SCALARS] = {0};
    optimiser->type->prepare(&optimiser->options, rate, t, scalar);
    for (size_t r = 0; r < optimiser->ranges; r++) {
        range *part = &optimiser->range[r];
        for (int k = 0; k < ELBO_OPTIMISER_SCALARS; k++)
            if (part->scalar[k]) *part->scalar[k] = (float)scalar[k];
        if (part->scale) *part->scale = (float)scale;
        ELBO_TRY(elbo_plan_run(part->update, NULL, error));
    }
    elbo_params_touch(optimiser->params);
    return ELBO_OK;
}

float *elbo_optimiser_slot(elbo_optimiser *optimiser, int index, const char **name) {
    if (index < 0 || index >= optimiser->type->slots) return NULL;
    if (name) *name = optimiser->type->slot_name[index];
    return optimiser->slot[index];
}
