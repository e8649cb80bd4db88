#include "graph/plan.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "graph/params.h"

/* The parameters' store that a graph reads, or NULL. */
static elbo_params *params_of(const elbo_plan *plan) {
    for (int id = 0; id < plan->nodes; id++)
        if (plan->graph->node[id]->op == &elbo_op_param) return (elbo_params *)plan->graph->node[id]->extra;
    return NULL;
}

static elbo_status check_spec(const elbo_plan_spec *spec, elbo_error *error) {
    bool reference = spec->backend == ELBO_BACKEND_REFERENCE;
    if (spec->precision == ELBO_PRECISION_F64 && !reference)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "plan: f64 runs on the reference backend only");
    if (spec->precision == ELBO_PRECISION_BF16 && reference)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "plan: bf16 runs on the cpu backend only");
    return ELBO_OK;
}

static void describe(const elbo_unit *unit, elbo_step *step) {
    const elbo_node *last = unit->member[unit->members - 1];
    char shape[40];
    elbo_shape_text(unit->kind == ELBO_UNIT_FUSED ? unit->shape : last->shape, shape, sizeof shape);
    step->kind = unit->kind == ELBO_UNIT_FUSED ? "fused" : unit->member[0]->op->name;
    snprintf(step->label, sizeof step->label, "%.40s %s%s%s", elbo_node_label(last), shape, unit->activation ? " " : "",
             unit->activation ? unit->activation->name : "");
}

static elbo_status compile(elbo_plan *plan, elbo_error *error) {
    plan->step = elbo_arena_calloc(&plan->arena, sizeof *plan->step * (size_t)(plan->units + 1));
    if (!plan->step) return elbo_fail_memory(error, sizeof *plan->step * (size_t)plan->units, "a plan's steps");
    for (int p = 0; p < plan->units; p++) {
        elbo_unit *unit = &plan->unit[plan->program[p]];
        elbo_step *step = &plan->step[plan->steps];
        describe(unit, step);
        ELBO_TRY(plan->backend->compile(plan, unit, step, error));
        plan->steps++;
    }
    return ELBO_OK;
}

elbo_plan *elbo_plan_new(elbo_graph *graph, const elbo_plan_spec *spec, elbo_error *error) {
    if (elbo_graph_check(graph, error) != ELBO_OK || check_spec(spec, error) != ELBO_OK) return NULL;
    elbo_plan *plan = elbo_calloc(sizeof *plan);
    if (!plan) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a plan");
    plan->graph = graph;
    plan->backend = spec->backend == ELBO_BACKEND_REFERENCE ? &elbo_backend_reference : &elbo_backend_cpu;
    plan->precision = spec->precision;
    plan->threads = spec->threads;
    plan->params_fixed = spec->params_fixed;
    plan->keep_all = spec->keep_all && spec->backend == ELBO_BACKEND_REFERENCE;
    plan->nodes = graph->count;
    plan->value = elbo_arena_calloc(&plan->arena, sizeof *plan->value * (size_t)(graph->count + 1));
    if (!plan->value) {
        elbo_fail_memory(error, sizeof *plan->value * (size_t)graph->count, "a plan");
    } else if (elbo_plan_schedule(plan, spec, error) == ELBO_OK && elbo_plan_place(plan, spec, error) == ELBO_OK &&
               compile(plan, error) == ELBO_OK) {
        return plan;
    }
    elbo_plan_free(plan);
    return NULL;
}

void elbo_plan_free(elbo_plan *plan) {
    if (!plan) return;
    for (int i = 0; plan->step && i <= plan->steps && i < plan->units; i++)
        if (plan->step[i].release) plan->step[i].release(&plan->step[i]);
    if (plan->backend && plan->backend->release) plan->backend->release(plan);
    elbo_free(plan->workspace);
    elbo_arena_clear(&plan->arena);
    elbo_free(plan);
}

void *elbo_plan_input(elbo_plan *plan, const elbo_node *input) {
    if (!input || input->id >= plan->nodes || input->op != &elbo_op_input) return NULL;
    return plan->value[input->id].memory;
}

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* f64 plans work on widened copies of the f32 parameters. */
static void widen_parameters(elbo_plan *plan) {
    for (int id = 0; id < plan->nodes; id++) {
        const elbo_node *node = plan->graph->node[id];
        if (node->op != &elbo_op_param || !plan->value[id].memory) continue;
        const float *from = elbo_params_tensor((elbo_params *)node->extra, node->attributes.i[9]);
        double *to = plan->value[id].memory;
        for (int64_t i = 0; i < elbo_shape_count(node->shape); i++) to[i] = (double)from[i];
    }
}

elbo_status elbo_plan_run(elbo_plan *plan, const elbo_run *run, elbo_error *error) {
    elbo_run zero = {0};
    elbo_params *params = params_of(plan);
    if (params) plan->params_version = elbo_params_version(params);
    if (params && plan->precision == ELBO_PRECISION_F64) widen_parameters(plan);
    if (plan->backend->begin) plan->backend->begin(plan);
    for (int i = 0; i < plan->steps; i++) {
        elbo_step *step = &plan->step[i];
        double start = plan->profiling ? now() : 0;
        step->run(step, run ? run : &zero);
        if (plan->profiling) step->seconds += now() - start, step->runs++;
    }
    if (plan->backend->end) plan->backend->end(plan);
    for (int i = 0; i < plan->copies; i++)
        memcpy(plan->copy[i].to, plan->value[plan->value[plan->copy[i].id].root].memory, plan->copy[i].bytes);
    (void)error;
    return ELBO_OK;
}

const void *elbo_plan_value(const elbo_plan *plan, const elbo_node *node) {
    if (!node || node->id >= plan->nodes) return NULL;
    const elbo_value *root = &plan->value[plan->value[node->id].root];
    bool source = plan->graph->node[plan->value[node->id].root]->op->flags & ELBO_OP_SOURCE;
    return plan->value[node->id].needed && (root->pinned || source) ? root->memory : NULL;
}

bool elbo_plan_read(const elbo_plan *plan, const elbo_node *node, double *out, int64_t count) {
    const void *memory = elbo_plan_value(plan, node);
    if (!memory || count > elbo_shape_count(node->shape)) return false;
    for (int64_t i = 0; i < count; i++) {
        switch (node->dtype) {
            case ELBO_U8: out[i] = ((const uint8_t *)memory)[i]; break;
            case ELBO_I32: out[i] = ((const int32_t *)memory)[i]; break;
            case ELBO_BF16: {
                uint32_t bits = (uint32_t)((const uint16_t *)memory)[i] << 16;
                float value;
                memcpy(&value, &bits, sizeof value);
                out[i] = (double)value;
                break;
            }
            default:
                out[i] = plan->precision == ELBO_PRECISION_F64 ? ((const double *)memory)[i]
                                                               : (double)((const float *)memory)[i];
        }
    }
    return true;
}

void elbo_plan_profile(elbo_plan *plan, bool on) { plan->profiling = on; }
size_t elbo_plan_steps(const elbo_plan *plan) { return (size_t)plan->steps; }

bool elbo_plan_step(const elbo_plan *plan, size_t index, elbo_step_info *info) {
    if (index >= (size_t)plan->steps) return false;
    const elbo_step *step = &plan->step[index];
    *info = (elbo_step_info){
        .kind = step->kind, .seconds = step->seconds, .runs = step->runs, .flops = step->flops, .bytes = step->bytes};
    memcpy(info->label, step->label, sizeof info->label);
    return true;
}

size_t elbo_plan_memory(const elbo_plan *plan) { return plan->workspace_bytes + plan->source_bytes; }
