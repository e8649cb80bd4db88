#include "train/step.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

static bool trains(const elbo_update *update, const char *group) {
    if (!update->groups[0]) return strcmp(group, "state") != 0;
    for (int g = 0; g < 4 && update->groups[g]; g++)
        if (strcmp(update->groups[g], group) == 0) return true;
    return false;
}

/* Gradients of an update's objective as targets in the flat gradient array; returns how many. */
static size_t gradient_targets(elbo_graph *graph, const elbo_instance *instance, const elbo_update *update,
                               float *gradient, elbo_target *target, elbo_node **scratch) {
    size_t params = elbo_params_count(instance->params), count = 0;
    elbo_node **wrt = scratch, **out = scratch + params;
    for (size_t i = 0; i < params; i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        if (!trains(update, info->group)) continue;
        wrt[count] = elbo_param(graph, instance->params, info->name);
        target[count++].memory = gradient + info->offset;
    }
    elbo_grad(update->objective, wrt, count, out);
    for (size_t i = 0; i < count; i++) target[i].node = out[i];
    return count;
}

static elbo_status compile(elbo_step_program *program, const elbo_instance *instance, int u, float *gradient,
                           int threads, elbo_error *error) {
    const elbo_update *update = &program->update[u];
    elbo_node *fetch[4 + ELBO_ASSIGNMENTS];
    size_t fetches = 0, params = elbo_params_count(instance->params);
    elbo_node *candidate[4] = {update->loss, update->reconstruction, update->kl, update->objective};
    for (int i = 0; i < 4; i++)
        if (candidate[i] && (i < 3 || gradient)) fetch[fetches++] = candidate[i];
    for (int i = 0; gradient && u == 0 && i < program->assignments.count; i++)
        fetch[fetches++] = program->assignments.value[i];
    elbo_arena arena = {0};
    elbo_target *target = elbo_arena_calloc(&arena, sizeof *target * params);
    elbo_node **scratch = elbo_arena_calloc(&arena, sizeof *scratch * 2 * params);
    if (!target || !scratch) {
        elbo_arena_clear(&arena);
        return elbo_fail_memory(error, sizeof *target * params, "a step");
    }
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = fetches, .target = target, .threads = threads, .params_fixed = !gradient};
    if (strcmp(instance->config->training.precision, "bf16") == 0) spec.precision = ELBO_PRECISION_BF16;
    if (gradient) spec.target_count = gradient_targets(program->graph, instance, update, gradient, target, scratch);
    program->plan[u] = elbo_plan_new(program->graph, &spec, error);
    elbo_arena_clear(&arena);
    return program->plan[u] ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

elbo_status elbo_step_program_new(elbo_step_program *program, const elbo_instance *instance, int64_t rows,
                                  float *gradient, int threads, elbo_error *error) {
    memset(program, 0, sizeof *program);
    program->rows = rows;
    program->training = gradient != NULL;
    if (gradient) program->params = elbo_params_data(instance->params, NULL);
    program->graph = elbo_graph_new();
    if (!program->graph) return elbo_fail_memory(error, 0, "a graph");
    program->raw = elbo_instance_raw(instance, program->graph, rows);
    elbo_node *x = elbo_instance_x(instance, program->raw, true);
    program->kl_weight = elbo_input(program->graph, "kl_weight", ELBO_F32, ELBO_SCALAR);
    elbo_context context = elbo_instance_context(instance, program->graph, program->training);
    if (program->training) context.builder.assignments = &program->assignments;
    program->local = elbo_instance_add_local(instance, &context, rows);
    program->label = elbo_condition_add(instance, &context, rows, x);
    elbo_weights weights = {program->kl_weight};
    program->updates = instance->type->updates(&context, x, &weights, program->update);
    elbo_status status = elbo_graph_check(program->graph, error);
    for (int u = 0; u < program->updates && status == ELBO_OK; u++)
        if (gradient || program->update[u].loss) status = compile(program, instance, u, gradient, threads, error);
    if (status != ELBO_OK) elbo_step_program_clear(program);
    return status;
}

void elbo_step_program_clear(elbo_step_program *program) {
    if (!program) return;
    for (int u = 0; u < ELBO_MODEL_UPDATES; u++) elbo_plan_free(program->plan[u]);
    elbo_graph_free(program->graph);
    memset(program, 0, sizeof *program);
}

elbo_status elbo_step_program_load_update(elbo_step_program *program, int u, const elbo_instance *instance,
                                          const elbo_dataset *dataset, elbo_split split, const int64_t *index,
                                          int64_t start, elbo_error *error) {
    elbo_plan *plan = program->plan[u];
    void *to = plan ? elbo_plan_input(plan, program->raw) : NULL;
    ELBO_TRY(elbo_condition_read(dataset, split, index, start, program->rows, plan, program->label, error));
    return to ? elbo_instance_rows(instance, dataset, split, index, start, program->rows, to, error) : ELBO_OK;
}

elbo_status elbo_step_program_load(elbo_step_program *program, const elbo_instance *instance,
                                   const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                   elbo_error *error) {
    for (int u = 0; u < program->updates; u++)
        ELBO_TRY(elbo_step_program_load_update(program, u, instance, dataset, split, index, start, error));
    return ELBO_OK;
}

static double read_scalar(const elbo_plan *plan, const elbo_node *node) {
    double value = 0;
    return node && elbo_plan_read(plan, node, &value, 1) ? value : 0;
}

/* State parameters take their new values. */
static void assign(elbo_step_program *program) {
    const elbo_assignments *assignments = &program->assignments;
    float *params = program->params;
    for (int i = 0; params && i < assignments->count; i++) {
        size_t count = (size_t)elbo_shape_count(assignments->value[i]->shape);
        memcpy(params + assignments->offset[i], elbo_plan_value(program->plan[0], assignments->value[i]),
               sizeof *params * count);
    }
}

elbo_status elbo_step_program_run(elbo_step_program *program, int u, double kl_weight, const elbo_run *run,
                                  elbo_step_result *result, elbo_error *error) {
    elbo_plan *plan = program->plan[u];
    const elbo_update *update = &program->update[u];
    float *weight = elbo_plan_input(plan, program->kl_weight);
    if (weight) *weight = (float)kl_weight;
    ELBO_TRY(elbo_plan_run(plan, run, error));
    if (u == 0) assign(program);
    *result = (elbo_step_result){read_scalar(plan, update->loss ? update->loss : update->objective),
                                 read_scalar(plan, update->reconstruction), read_scalar(plan, update->kl)};
    return ELBO_OK;
}

/* ---- finding a NaN ---- */

static bool first_bad(const elbo_plan *plan, const elbo_node *node, double *scratch, int64_t *at) {
    int64_t count = elbo_shape_count(node->shape);
    if (node->dtype != ELBO_F32 || !elbo_plan_read(plan, node, scratch, count)) return false;
    for (*at = 0; *at < count; ++*at)
        if (!isfinite(scratch[*at])) return true;
    return false;
}

static void describe_place(const elbo_node *node, int64_t at, int64_t rows, char *text, size_t size, int64_t *row) {
    char shape[96];
    int64_t inside = at;
    *row = -1;
    for (int axis = node->shape.rank - 1; axis >= 0; axis--) { /* the axis of data is 0, or 1 behind samples */
        if (node->shape.dim[axis] == rows && axis <= 1) *row = inside % rows;
        inside /= node->shape.dim[axis];
    }
    const char *label = node->op == &elbo_op_param ? elbo_params_at(node->extra, (size_t)node->attributes.i[9])->name
                                                   : elbo_node_label(node);
    int used = snprintf(text, size, "%s in %s, element %lld of %s", node->op->name, *label ? label : "the loss",
                        (long long)at, elbo_shape_text(node->shape, shape, sizeof shape));
    if (*row >= 0 && used > 0 && (size_t)used < size)
        snprintf(text + used, size - (size_t)used, ", row %lld of the batch", (long long)*row);
}

elbo_status elbo_step_diagnose(elbo_step_program *program, int u, double kl_weight, const elbo_run *run, char *text,
                               size_t size, int64_t *row, elbo_error *error) {
    elbo_graph *graph = program->graph;
    elbo_node *fetch[1] = {program->update[u].objective};
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = 1, .backend = ELBO_BACKEND_REFERENCE, .keep_all = true};
    int64_t most = 1;
    for (int id = 0; id < graph->count; id++)
        if (elbo_shape_count(graph->node[id]->shape) > most) most = elbo_shape_count(graph->node[id]->shape);
    snprintf(text, size, "the gradient, while the loss itself is finite");
    *row = -1;
    elbo_plan *plan = elbo_plan_new(graph, &spec, error);
    double *scratch = elbo_calloc(sizeof *scratch * (size_t)most);
    elbo_status status = plan && scratch ? ELBO_OK : ELBO_ERROR_MEMORY;
    if (status == ELBO_OK) {
        const elbo_node *raw = program->raw;
        memcpy(elbo_plan_input(plan, raw), elbo_plan_input(program->plan[u], raw),
               elbo_dtype_size(raw->dtype) * (size_t)elbo_shape_count(raw->shape));
        float *weight = elbo_plan_input(plan, program->kl_weight);
        float *local = program->local ? elbo_plan_input(plan, program->local) : NULL;
        const float *kept = program->local ? elbo_plan_input(program->plan[u], program->local) : NULL;
        int32_t *label = program->label ? elbo_plan_input(plan, program->label) : NULL;
        const int32_t *labels = program->label ? elbo_plan_input(program->plan[u], program->label) : NULL;
        if (weight) *weight = (float)kl_weight;
        if (label && labels) memcpy(label, labels, sizeof *label * (size_t)program->rows);
        if (local && kept) memcpy(local, kept, sizeof *local * (size_t)elbo_shape_count(program->local->shape));
        status = elbo_plan_run(plan, run, error);
    }
    int64_t at;
    for (int id = 0; id < graph->count && status == ELBO_OK; id++)
        if (first_bad(plan, graph->node[id], scratch, &at)) {
            describe_place(graph->node[id], at, program->rows, text, size, row);
            break;
        }
    elbo_free(scratch);
    elbo_plan_free(plan);
    return status;
}
