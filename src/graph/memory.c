/* Places for values: sources first, then one workspace in which values whose lifetimes do not overlap share bytes. */
#include <string.h>

#include "graph/params.h"
#include "graph/plan.h"

enum { ALIGNMENT = 64 };

static size_t rounded(size_t bytes) { return (bytes + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT; }

size_t elbo_plan_element(const elbo_plan *plan, const elbo_node *node) {
    if (node->dtype != ELBO_F32) return elbo_dtype_size(node->dtype);
    return plan->precision == ELBO_PRECISION_F64 ? 8 : 4;
}

void *elbo_plan_memory_of(const elbo_plan *plan, const elbo_node *node) {
    return plan->value[plan->value[node->id].root].memory;
}

static void fill(const elbo_plan *plan, const elbo_node *node, void *memory) {
    int64_t count = elbo_shape_count(node->shape);
    const double *literal = node->op == &elbo_op_literal ? node->extra : NULL;
    for (int64_t i = 0; i < count; i++) {
        double value = literal ? literal[i] : node->attributes.f[0];
        if (plan->precision == ELBO_PRECISION_F64)
            ((double *)memory)[i] = value;
        else
            ((float *)memory)[i] = (float)value;
    }
}

/* Memory of inputs, constants and (in f64) parameters; f32 parameters are read where they are. */
static elbo_status place_source(elbo_plan *plan, const elbo_node *node, elbo_error *error) {
    elbo_value *value = &plan->value[node->id];
    value->bytes = (size_t)elbo_shape_count(node->shape) * elbo_plan_element(plan, node);
    if (value->memory) return ELBO_OK;
    if (node->op == &elbo_op_param && plan->precision != ELBO_PRECISION_F64) {
        value->memory = elbo_params_tensor((elbo_params *)node->extra, node->attributes.i[9]);
        if (!value->memory) return elbo_fail(error, ELBO_ERROR_STATE, "plan: parameters are not laid out yet");
        return ELBO_OK;
    }
    if (!value->stored && node->op != &elbo_op_input) return ELBO_OK;
    value->memory = elbo_arena_calloc(&plan->arena, rounded(value->bytes) + ALIGNMENT);
    if (!value->memory) return elbo_fail_memory(error, value->bytes, "a plan's inputs");
    value->memory = (void *)rounded((size_t)value->memory);
    plan->source_bytes += rounded(value->bytes);
    if (node->op == &elbo_op_constant || node->op == &elbo_op_literal) fill(plan, node, value->memory);
    return ELBO_OK;
}

/* Whether somebody may still read a source when a value is written over it: a reader in another unit, or one that
 * comes later in the same unit. */
static bool is_read_after(const elbo_plan *plan, const elbo_node *source, const elbo_node *written) {
    for (int id = source->id + 1; id < plan->nodes; id++) {
        const elbo_node *reader = plan->graph->node[id];
        if (!plan->value[id].needed || reader == written) continue;
        for (int k = 0; k < reader->inputs; k++)
            if (plan->value[reader->input[k]->id].root == source->id &&
                (id > written->id || plan->value[id].unit != plan->value[written->id].unit))
                return true;
    }
    return false;
}

/* A target takes a value straight from its unit where no other place is promised to it and nobody reads what is there
 * any more; otherwise it is copied after the run. */
static void bind_targets(elbo_plan *plan, const elbo_plan_spec *spec) {
    for (size_t i = 0; i < spec->target_count; i++) {
        int root = plan->value[spec->target[i].node->id].root;
        elbo_value *value = &plan->value[root];
        bool safe = value->unit >= 0 && !value->memory;
        for (size_t s = 0; s < spec->source_count && safe; s++)
            if (spec->source[s].memory == spec->target[i].memory)
                safe = !is_read_after(plan, spec->source[s].node, plan->graph->node[root]);
        if (safe) value->memory = spec->target[i].memory;
    }
}

static void bind_sources(elbo_plan *plan, const elbo_plan_spec *spec) {
    for (size_t i = 0; i < spec->source_count; i++)
        if (spec->source[i].node && spec->source[i].node->op == &elbo_op_input)
            plan->value[spec->source[i].node->id].memory = spec->source[i].memory;
}

static elbo_status list_copies(elbo_plan *plan, const elbo_plan_spec *spec, elbo_error *error) {
    size_t most = spec->target_count + (size_t)plan->graph->assignments;
    plan->copy = elbo_arena_calloc(&plan->arena, sizeof *plan->copy * (most + 1));
    if (!plan->copy) return elbo_fail_memory(error, most, "a plan's copies");
    for (size_t i = 0; i < most; i++) {
        const elbo_node *node;
        void *to;
        if (i < spec->target_count) {
            node = spec->target[i].node;
            to = spec->target[i].memory;
        } else {
            const elbo_assignment *assignment = &plan->graph->assignment[i - spec->target_count];
            node = assignment->value;
            if (plan->precision == ELBO_PRECISION_F64) continue; /* the store is f32; checks do not train */
            to = elbo_params_tensor((elbo_params *)assignment->param->extra, assignment->param->attributes.i[9]);
        }
        const elbo_value *value = &plan->value[plan->value[node->id].root];
        if (value->memory != to)
            plan->copy[plan->copies++] =
                (elbo_copy){node->id, to, (size_t)elbo_shape_count(node->shape) * elbo_plan_element(plan, node)};
    }
    return ELBO_OK;
}

typedef struct block {
    size_t offset, end;
    int last_use;
} block;

static void find_last_uses(elbo_plan *plan) {
    for (int p = 0; p < plan->units; p++) {
        const elbo_unit *unit = &plan->unit[plan->program[p]];
        for (int m = 0; m < unit->members; m++) {
            elbo_value *own = &plan->value[unit->member[m]->id];
            if (own->last_use < p) own->last_use = p;
            for (int k = 0; k < unit->member[m]->inputs; k++)
                plan->value[plan->value[unit->member[m]->input[k]->id].root].last_use = p;
        }
    }
}

/* First fit by offset among the blocks that are still alive. */
static size_t find_offset(block *alive, int *count, int now, size_t bytes) {
    int kept = 0;
    for (int i = 0; i < *count; i++)
        if (alive[i].last_use >= now) alive[kept++] = alive[i]; /* sorted by offset, stays so */
    *count = kept;
    size_t at = 0;
    int place = 0;
    while (place < kept && alive[place].offset < at + bytes) {
        if (alive[place].end > at) at = alive[place].end;
        place++;
    }
    return at;
}

static void insert(block *alive, int *count, block added) {
    int place = *count;
    while (place > 0 && alive[place - 1].offset > added.offset) {
        alive[place] = alive[place - 1];
        place--;
    }
    alive[place] = added;
    ++*count;
}

static elbo_status place_results(elbo_plan *plan, elbo_error *error) {
    block *alive = elbo_calloc(sizeof *alive * (size_t)(plan->nodes + 1));
    if (!alive) return elbo_fail_memory(error, sizeof *alive * (size_t)plan->nodes, "a plan's memory");
    int count = 0;
    for (int p = 0; p < plan->units; p++) {
        const elbo_unit *unit = &plan->unit[plan->program[p]];
        for (int m = 0; m < unit->members; m++) {
            elbo_value *value = &plan->value[unit->member[m]->id];
            value->bytes = (size_t)elbo_shape_count(unit->member[m]->shape) * elbo_plan_element(plan, unit->member[m]);
            if (!value->stored || value->memory) continue;
            size_t bytes = rounded(value->bytes);
            value->offset = find_offset(alive, &count, p, bytes);
            insert(alive, &count,
                   (block){value->offset, value->offset + bytes, value->pinned ? plan->units : value->last_use});
            if (value->offset + bytes > plan->workspace_bytes) plan->workspace_bytes = value->offset + bytes;
        }
    }
    elbo_free(alive);
    plan->workspace = elbo_calloc(plan->workspace_bytes);
    if (!plan->workspace) return elbo_fail_memory(error, plan->workspace_bytes, "a plan's workspace");
    for (int u = 0; u < plan->units; u++)
        for (int m = 0; m < plan->unit[u].members; m++) {
            elbo_value *value = &plan->value[plan->unit[u].member[m]->id];
            if (value->stored && !value->memory) value->memory = plan->workspace + value->offset;
        }
    return ELBO_OK;
}

elbo_status elbo_plan_place(elbo_plan *plan, const elbo_plan_spec *spec, elbo_error *error) {
    bind_sources(plan, spec);
    for (int id = 0; id < plan->nodes; id++) {
        const elbo_node *node = plan->graph->node[id];
        if (plan->value[id].needed && node->op->flags & ELBO_OP_SOURCE) ELBO_TRY(place_source(plan, node, error));
    }
    bind_targets(plan, spec);
    find_last_uses(plan);
    ELBO_TRY(place_results(plan, error));
    return list_copies(plan, spec, error);
}
