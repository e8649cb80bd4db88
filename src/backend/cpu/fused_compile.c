/* From a unit of nodes to the program of a fused loop. */
#include <string.h>

#include "backend/cpu/fused.h"

typedef struct compiler {
    elbo_plan *plan;
    const elbo_unit *unit;
    elbo_fused *program;
    int *slot_of;   /* [nodes] slot of a node's value, -1: none yet */
    int *last_use;  /* [nodes] member number of the last reader in the unit */
    int *free_list; /* registers that can be used again */
    int free_count;
    int64_t outer; /* rows of the folded sums, or 0 */
} compiler;

static const elbo_node *root_of(const compiler *c, const elbo_node *node) {
    return c->plan->graph->node[c->plan->value[node->id].root];
}

static bool is_contiguous(const compiler *c, const elbo_node *input) {
    return input->dtype == ELBO_F32 && elbo_shape_count(input->shape) == elbo_shape_count(c->unit->shape);
}

/* Collects the inputs that need a load step, each once. */
static void list_inputs(compiler *c) {
    elbo_fused *program = c->program;
    for (int m = 0; m < c->unit->members; m++) {
        const elbo_node *member = c->unit->member[m];
        for (int k = 0; k < member->inputs; k++) {
            const elbo_node *input = member->input[k], *root = root_of(c, input);
            bool inside = c->plan->value[root->id].unit == (int)(c->unit - c->plan->unit);
            bool known = inside || root->op == &elbo_op_constant || is_contiguous(c, input);
            for (int i = 0; i < program->inputs && !known; i++) known = program->input[i].node == input;
            if (known) continue;
            elbo_fused_input *made = &program->input[program->inputs++];
            made->node = input;
            made->memory = elbo_plan_memory_of(c->plan, input);
            made->dtype = input->dtype;
            elbo_shape_strides(input->shape, c->unit->shape, made->stride);
        }
    }
}

static bool can_merge(const elbo_fused *program, int d, const int64_t *dim) {
    for (int i = 0; i < program->inputs; i++) {
        const int64_t *stride = program->input[i].stride;
        if (dim[d] != 1 && dim[d + 1] != 1 && stride[d] != stride[d + 1] * dim[d + 1]) return false;
    }
    return true;
}

/* Merges neighbouring axes along which every input advances evenly; never across the border of a folded sum. */
static void merge_axes(compiler *c) {
    elbo_fused *program = c->program;
    elbo_shape shape = c->unit->shape;
    int border = 0; /* axes that count rows */
    if (c->outer) {
        int64_t rows = 1;
        while (border < shape.rank && rows < c->outer) rows *= shape.dim[border++];
    }
    int dims = 0, row_dims = 0;
    for (int axis = 0; axis < shape.rank; axis++) {
        bool fresh = dims == 0 || axis == border;
        int64_t pair[ELBO_MAX_RANK + 2] = {0};
        if (!fresh) { /* compare the last merged axis with this one */
            pair[dims - 1] = program->dim[dims - 1];
            pair[dims] = shape.dim[axis];
            for (int i = 0; i < program->inputs; i++) program->input[i].stride[dims] = program->input[i].stride[axis];
            fresh = !can_merge(program, dims - 1, pair);
        }
        if (fresh) {
            for (int i = 0; i < program->inputs; i++) program->input[i].stride[dims] = program->input[i].stride[axis];
            program->dim[dims++] = shape.dim[axis];
        } else {
            for (int i = 0; i < program->inputs; i++) {
                int64_t *stride = program->input[i].stride;
                if (shape.dim[axis] != 1) stride[dims - 1] = stride[dims];
            }
            program->dim[dims - 1] *= shape.dim[axis];
        }
        if (axis < border) row_dims = dims;
    }
    if (!c->outer) row_dims = program->inputs && dims > 1 ? dims - 1 : 0;
    program->dims = dims;
    program->row_dims = row_dims;
    program->rows = program->columns = 1;
    for (int d = 0; d < dims; d++) *(d < row_dims ? &program->rows : &program->columns) *= program->dim[d];
}

static void choose_tiles(elbo_fused *program) {
    enum { MOST = 1024 };
    int64_t parts = (program->columns + MOST - 1) / MOST;
    program->tile_columns = (program->columns + parts - 1) / parts;
    if (parts > 1) program->tile_columns = (program->tile_columns + 15) / 16 * 16;
    program->tile_rows = parts > 1 || program->rows == 1 ? 1 : MOST / program->columns;
    if (program->tile_rows < 1) program->tile_rows = 1;
    program->tile = (program->tile_rows * program->tile_columns + 15) / 16 * 16;
}

static int new_register(compiler *c) { return c->free_count ? c->free_list[--c->free_count] : c->program->registers++; }

static int new_slot(compiler *c, float *memory) {
    elbo_fused *program = c->program;
    program->slot[program->slots] = (elbo_fused_slot){memory, memory ? 0 : new_register(c)};
    return program->slots++;
}

/* The slot that holds an input's value; emits a load where one is needed. */
static int slot_for_input(compiler *c, const elbo_node *input) {
    elbo_fused *program = c->program;
    const elbo_node *root = root_of(c, input);
    bool inside = c->plan->value[root->id].unit == (int)(c->unit - c->plan->unit);
    int id = inside || root->op == &elbo_op_constant ? root->id : input->id;
    if (c->slot_of[id] >= 0) return c->slot_of[id];
    double value;
    if (elbo_node_constant(root, &value)) {
        int number = program->registers++; /* constants keep their register */
        program->constant[program->constants++] = (elbo_fused_constant){number, (float)value};
        program->slot[program->slots] = (elbo_fused_slot){NULL, number};
        return c->slot_of[id] = program->slots++;
    }
    if (is_contiguous(c, input)) return c->slot_of[id] = new_slot(c, elbo_plan_memory_of(c->plan, input));
    int number = 0;
    while (program->input[number].node != input) number++;
    int slot = c->slot_of[id] = new_slot(c, NULL);
    program->step[program->steps++] = (elbo_fused_step){.kind = ELBO_FUSED_LOAD, .out = slot, .input = number};
    return slot;
}

static void free_registers(compiler *c, const elbo_node *member, int number) {
    for (int k = 0; k < member->inputs; k++) {
        const elbo_node *root = root_of(c, member->input[k]);
        int id = c->plan->value[root->id].unit == (int)(c->unit - c->plan->unit) ? root->id : member->input[k]->id;
        if (root->op == &elbo_op_constant || c->last_use[id] != number) continue;
        c->last_use[id] = -1; /* an input that is read twice is freed once */
        const elbo_fused_slot *slot = &c->program->slot[c->slot_of[id]];
        if (!slot->memory) c->free_list[c->free_count++] = slot->number;
    }
}

static void emit(compiler *c, int number) {
    elbo_fused *program = c->program;
    const elbo_node *node = c->unit->member[number];
    const elbo_value *value = &c->plan->value[node->id];
    elbo_fused_step step = {.kind = ELBO_FUSED_APPLY};
    for (int k = 0; k < node->inputs; k++) step.in[k] = slot_for_input(c, node->input[k]);
    for (int k = node->inputs; k < 3; k++) step.in[k] = step.in[0];
    if (node->op->role == ELBO_ROLE_SUM) {
        step.kind = ELBO_FUSED_SUM;
        step.sum = program->sums++;
        step.sums = value->memory;
    } else {
        if (node->op->flags & ELBO_OP_RANDOM) {
            step.kind = ELBO_FUSED_DRAW;
            step.normal = node->op == &elbo_op_random_normal;
            step.random = elbo_random_view_of(node);
        } else {
            step.function = program->vector->elementwise[node->op->code];
        }
        free_registers(c, node, number); /* first, so that an operation may work in place */
        step.out = c->slot_of[node->id] = new_slot(c, value->stored ? value->memory : NULL);
    }
    program->step[program->steps++] = step;
    if (step.kind == ELBO_FUSED_SUM) free_registers(c, node, number);
}

static void find_last_uses(compiler *c) {
    for (int m = 0; m < c->unit->members; m++) {
        const elbo_node *member = c->unit->member[m];
        if (member->op->role == ELBO_ROLE_SUM)
            c->outer = elbo_shape_span(member->input[0]->shape, 0, (int)member->attributes.i[0]);
        for (int k = 0; k < member->inputs; k++) {
            const elbo_node *root = root_of(c, member->input[k]);
            bool inside = c->plan->value[root->id].unit == (int)(c->unit - c->plan->unit);
            c->last_use[inside ? root->id : member->input[k]->id] = m;
        }
    }
}

static elbo_status allocate(compiler *c, elbo_error *error) {
    elbo_arena *arena = &c->plan->arena;
    size_t members = (size_t)c->unit->members, most = 4 * members + 4, nodes = (size_t)c->plan->nodes;
    elbo_fused *program = c->program = elbo_arena_calloc(arena, sizeof *program);
    if (program) {
        program->input = elbo_arena_calloc(arena, sizeof *program->input * most);
        program->slot = elbo_arena_calloc(arena, sizeof *program->slot * most);
        program->constant = elbo_arena_calloc(arena, sizeof *program->constant * most);
        program->step = elbo_arena_calloc(arena, sizeof *program->step * most);
    }
    c->slot_of = elbo_calloc(sizeof(int) * nodes);
    c->last_use = elbo_calloc(sizeof(int) * nodes);
    c->free_list = elbo_calloc(sizeof(int) * most);
    if (!program || !program->input || !program->slot || !program->constant || !program->step || !c->slot_of ||
        !c->last_use || !c->free_list)
        return elbo_fail_memory(error, most * 64, "a fused step");
    for (size_t i = 0; i < nodes; i++) c->slot_of[i] = c->last_use[i] = -1;
    return ELBO_OK;
}

static elbo_status allocate_scratch(compiler *c, elbo_error *error) {
    elbo_fused *program = c->program;
    size_t registers = sizeof(float) * (size_t)program->tile * (size_t)(program->registers + 1);
    program->slot_offset = registers;
    program->total_offset = registers + sizeof(float *) * (size_t)program->slots;
    size_t bytes = program->total_offset + sizeof(double) * (size_t)(program->sums + 1);
    program->scratch_bytes = (bytes + 127) / 64 * 64;
    program->scratch = elbo_arena_calloc(&c->plan->arena, program->scratch_bytes * (size_t)program->threads + 64);
    if (!program->scratch) return elbo_fail_memory(error, program->scratch_bytes, "a fused step");
    program->scratch += -(uintptr_t)program->scratch & 63;
    return ELBO_OK;
}

elbo_status elbo_cpu_compile_fused(elbo_plan *plan, const elbo_unit *unit, elbo_step *step, elbo_error *error) {
    compiler c = {.plan = plan, .unit = unit};
    elbo_status status = allocate(&c, error);
    if (status == ELBO_OK) {
        c.program->vector = ((elbo_cpu *)plan->backend_data)->vector;
        c.program->threads = plan->threads;
        find_last_uses(&c);
        list_inputs(&c);
        merge_axes(&c);
        choose_tiles(c.program);
        for (int m = 0; m < unit->members; m++) emit(&c, m);
        status = allocate_scratch(&c, error);
        step->state = c.program;
        step->run = elbo_fused_run;
        step->bytes = 0;
        for (int m = 0; m < unit->members; m++)
            if (plan->value[unit->member[m]->id].stored) step->bytes += (int64_t)plan->value[unit->member[m]->id].bytes;
        for (int i = 0; i < c.program->slots; i++)
            if (c.program->slot[i].memory) step->bytes += 4 * c.program->rows * c.program->columns;
    }
    elbo_free(c.slot_of);
    elbo_free(c.last_use);
    elbo_free(c.free_list);
    return status;
}
