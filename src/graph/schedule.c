/* From nodes to units in order.
 *
 * Fusion.  Call elementwise and random nodes light and all others heavy.  A node's level is the number of heavy nodes
 * on the longest way to it.  Two light nodes of the same level never depend on each other through a heavy one, so all
 * light nodes of one level and one shape form one unit: a single pass over memory.  A light node with at most one
 * stored input is first moved down to the latest level that its users allow, which never adds traffic. */
#include <string.h>

#include "graph/plan.h"

static void need(elbo_plan *plan, const elbo_node *node) {
    if (!node || plan->value[node->id].needed) return;
    plan->value[node->id].needed = true; /* ids fall from users to inputs, so one sweep below finds the rest */
}

static elbo_status find_needed(elbo_plan *plan, const elbo_plan_spec *spec, elbo_error *error) {
    for (size_t i = 0; i < spec->fetch_count + spec->target_count; i++) {
        const elbo_node *node = i < spec->fetch_count ? spec->fetch[i] : spec->target[i - spec->fetch_count].node;
        if (!node) return elbo_fail(error, ELBO_ERROR_STATE, "plan: output %zu is NULL", i);
        if (node->graph != plan->graph)
            return elbo_fail(error, ELBO_ERROR_STATE, "plan: output %zu belongs to another graph", i);
        need(plan, node);
    }
    for (int i = 0; i < plan->graph->assignments; i++) need(plan, plan->graph->assignment[i].value);
    for (int id = plan->nodes - 1; id >= 0; id--) {
        const elbo_node *node = plan->graph->node[id];
        if (!plan->value[id].needed) continue;
        for (int k = 0; k < node->inputs; k++) {
            need(plan, node->input[k]);
            plan->value[node->input[k]->id].uses++;
        }
    }
    for (int id = 0; id < plan->nodes; id++) {
        const elbo_node *node = plan->graph->node[id];
        elbo_value *value = &plan->value[id];
        value->unit = -1;
        value->root = node->op->flags & ELBO_OP_ALIAS ? plan->value[node->input[0]->id].root : id;
    }
    return ELBO_OK;
}

typedef struct scheduler {
    elbo_plan *plan;
    int *level;      /* [nodes] */
    int *user_start; /* CSR of users among needed nodes, aliases included */
    int *user;
    char *light; /* [nodes] */
} scheduler;

static bool is_light(const elbo_node *node) { return node->op->flags & (ELBO_OP_ELEMENTWISE | ELBO_OP_RANDOM); }

static bool has_outside_reader(const scheduler *s, int id) { return s->plan->value[id].pinned; }

static void list_users(scheduler *s) {
    elbo_plan *plan = s->plan;
    for (int id = 0; id < plan->nodes; id++) s->user_start[id + 1] = s->user_start[id] + plan->value[id].uses;
    int *fill = s->level; /* scratch until levels are computed */
    for (int id = 0; id < plan->nodes; id++) fill[id] = s->user_start[id];
    for (int id = 0; id < plan->nodes; id++) {
        const elbo_node *node = plan->graph->node[id];
        for (int k = 0; plan->value[id].needed && k < node->inputs; k++) s->user[fill[node->input[k]->id]++] = id;
    }
}

static elbo_unit *new_unit(elbo_plan *plan, elbo_unit_kind kind, int room) {
    elbo_unit *unit = &plan->unit[plan->units++];
    unit->kind = kind;
    unit->member = elbo_arena_calloc(&plan->arena, sizeof *unit->member * (size_t)room);
    return unit->member ? unit : NULL;
}

static void join(elbo_plan *plan, elbo_unit *unit, elbo_node *node) {
    unit->member[unit->members++] = node;
    plan->value[node->id].unit = (int)(unit - plan->unit);
}

/* The only user of a node that nobody outside reads, or NULL. */
static elbo_node *sole_user(const scheduler *s, const elbo_node *node) {
    if (s->plan->value[node->id].uses != 1 || has_outside_reader(s, node->id)) return NULL;
    return s->plan->graph->node[s->user[s->user_start[node->id]]];
}

/* matmul -> + row -> activation, where each has one user. */
static elbo_unit *matmul_unit(scheduler *s, elbo_node *node) {
    elbo_plan *plan = s->plan;
    elbo_unit *unit = new_unit(plan, ELBO_UNIT_MATMUL, 3);
    if (!unit) return NULL;
    join(plan, unit, node);
    elbo_node *user = sole_user(s, node);
    if (!user || user->op->role != ELBO_ROLE_ADD || !elbo_shape_equal(user->shape, node->shape)) return unit;
    elbo_node *row = user->input[user->input[0] == node];
    int64_t columns = node->shape.dim[node->shape.rank - 1];
    if (row == node || elbo_shape_count(row->shape) != columns || row->shape.rank == 0 ||
        row->shape.dim[row->shape.rank - 1] != columns || row->op != &elbo_op_param)
        return unit;
    unit->bias = row;
    join(plan, unit, user);
    elbo_node *next = sole_user(s, user);
    if (next && next->inputs == 1 && plan->backend->folds_activation && plan->backend->folds_activation(next->op)) {
        unit->activation = next->op;
        join(plan, unit, next);
    }
    return unit;
}

/* A new shape between light nodes: without a level of its own, light nodes before it and after a second one that
 * restores the shape would be one unit that waits for itself. */
static bool reshapes_light(const scheduler *s, const elbo_node *node) {
    const elbo_node *root = s->plan->graph->node[s->plan->value[node->id].root];
    return node->op->flags & ELBO_OP_ALIAS && s->light[root->id] &&
           !elbo_shape_equal(node->shape, node->input[0]->shape);
}

static void find_levels(scheduler *s) {
    elbo_plan *plan = s->plan;
    for (int id = 0; id < plan->nodes; id++) {
        const elbo_node *node = plan->graph->node[id];
        s->level[id] = 0;
        if (!plan->value[id].needed) continue;
        for (int k = 0; k < node->inputs; k++)
            if (s->level[node->input[k]->id] > s->level[id]) s->level[id] = s->level[node->input[k]->id];
        bool free_of_charge = s->light[id] || node->op->flags & (ELBO_OP_SOURCE | ELBO_OP_ALIAS);
        bool folded = plan->value[id].unit >= 0 && plan->unit[plan->value[id].unit].member[0] != node;
        if ((!free_of_charge && !folded) || reshapes_light(s, node)) s->level[id]++;
    }
}

/* The latest level at which a node may be computed; -1: no bound. Aliases pass their users' bounds on. */
static int latest_level(const scheduler *s, int id) {
    int bound = -1;
    if (has_outside_reader(s, id)) return s->level[id];
    for (int u = s->user_start[id]; u < s->user_start[id + 1]; u++) {
        int user = s->user[u], limit;
        if (s->plan->graph->node[user]->op->flags & ELBO_OP_ALIAS)
            limit = latest_level(s, user) - reshapes_light(s, s->plan->graph->node[user]);
        else
            limit = s->light[user] ? s->level[user] : s->level[user] - 1;
        if (limit >= 0 && (bound < 0 || limit < bound)) bound = limit;
    }
    return bound;
}

static void sink(scheduler *s) {
    for (int id = s->plan->nodes - 1; id >= 0; id--) {
        const elbo_node *node = s->plan->graph->node[id];
        if (!s->plan->value[id].needed || !s->light[id]) continue;
        int large = 0;
        for (int k = 0; k < node->inputs; k++)
            large += elbo_shape_equal(node->input[k]->shape, node->shape) && node->input[k]->op != &elbo_op_constant;
        int latest = large <= 1 ? latest_level(s, id) : -1;
        if (latest > s->level[id]) s->level[id] = latest;
    }
}

static elbo_unit *fused_unit_for(scheduler *s, const elbo_node *node) {
    elbo_plan *plan = s->plan;
    for (int u = plan->units - 1; u >= 0; u--) {
        elbo_unit *unit = &plan->unit[u];
        if (unit->kind == ELBO_UNIT_FUSED && unit->level == s->level[node->id] &&
            elbo_shape_equal(unit->shape, node->shape))
            return unit;
    }
    elbo_unit *unit = new_unit(plan, ELBO_UNIT_FUSED, plan->nodes - node->id + 8);
    if (unit) {
        unit->level = s->level[node->id];
        unit->shape = node->shape;
    }
    return unit;
}

/* A sum over trailing axes of a light node joins the unit of that node, unless one row would be the whole loop (the
 * stand-alone sum can use all threads then) or the unit already sums rows of another length. */
static int64_t rows_of(const elbo_node *sum) {
    return elbo_shape_span(sum->input[0]->shape, 0, (int)sum->attributes.i[0]);
}

static elbo_unit *unit_that_sums(scheduler *s, const elbo_node *node) {
    elbo_plan *plan = s->plan;
    if (node->op->role != ELBO_ROLE_SUM || !s->light[node->input[0]->id]) return NULL;
    int number = plan->value[node->input[0]->id].unit;
    elbo_shape shape = node->input[0]->shape;
    bool trailing = node->attributes.i[1] == shape.rank;
    if (number < 0 || plan->unit[number].kind != ELBO_UNIT_FUSED || !trailing) return NULL;
    if (rows_of(node) == 1 && elbo_shape_count(shape) > 16384) return NULL;
    elbo_unit *unit = &plan->unit[number];
    for (int m = 0; m < unit->members; m++)
        if (unit->member[m]->op->role == ELBO_ROLE_SUM && rows_of(unit->member[m]) != rows_of(node)) return NULL;
    return unit;
}

static elbo_status make_units(scheduler *s, elbo_error *error) {
    elbo_plan *plan = s->plan;
    for (int id = 0; id < plan->nodes; id++) {
        elbo_node *node = plan->graph->node[id];
        if (!plan->value[id].needed || plan->value[id].unit >= 0 || node->op->flags & (ELBO_OP_SOURCE | ELBO_OP_ALIAS))
            continue;
        elbo_unit *unit = NULL;
        if (s->light[id])
            unit = fused_unit_for(s, node);
        else {
            if (plan->backend->fuses) unit = unit_that_sums(s, node);
            if (!unit) unit = new_unit(plan, ELBO_UNIT_NODE, 1);
        }
        if (!unit) return elbo_fail_memory(error, 0, "a plan's units");
        join(plan, unit, node);
    }
    return ELBO_OK;
}

/* Marks the values that must have memory, seen through aliases. */
static void find_stored(elbo_plan *plan) {
    for (int id = 0; id < plan->nodes; id++) {
        elbo_value *value = &plan->value[id];
        const elbo_node *node = plan->graph->node[id];
        if (!value->needed) continue;
        if (value->pinned) {
            plan->value[value->root].stored = true;
            plan->value[value->root].pinned = true;
        }
        if (node->op->flags & ELBO_OP_ALIAS) continue;
        for (int k = 0; k < node->inputs; k++) {
            elbo_value *input = &plan->value[plan->value[node->input[k]->id].root];
            bool same_unit = input->unit >= 0 && input->unit == value->unit;
            /* a fused unit reads constants as immediates */
            bool immediate = plan->graph->node[plan->value[node->input[k]->id].root]->op == &elbo_op_constant &&
                             value->unit >= 0 && plan->unit[value->unit].kind == ELBO_UNIT_FUSED;
            bool through_alias = node->input[k]->op->flags & ELBO_OP_ALIAS;
            if ((!same_unit && !immediate) || (through_alias && !immediate)) input->stored = true;
        }
    }
}

/* Kahn's algorithm over units; among those that are ready, the one with the smallest first id goes next. */
static elbo_status order_units(elbo_plan *plan, elbo_error *error) {
    int count = plan->units, *waiting = elbo_calloc(sizeof(int) * (size_t)(count + 1));
    char *edge = elbo_calloc((size_t)count * (size_t)count + 1);
    plan->program = elbo_arena_calloc(&plan->arena, sizeof(int) * (size_t)(count + 1));
    if (!waiting || !edge || !plan->program) {
        elbo_free(waiting);
        elbo_free(edge);
        return elbo_fail_memory(error, (size_t)count * (size_t)count, "a plan's order");
    }
    for (int u = 0; u < count; u++)
        for (int m = 0; m < plan->unit[u].members; m++)
            for (int k = 0; k < plan->unit[u].member[m]->inputs; k++) {
                int from = plan->value[plan->value[plan->unit[u].member[m]->input[k]->id].root].unit;
                if (from >= 0 && from != u && !edge[from * count + u]) {
                    edge[from * count + u] = 1;
                    waiting[u]++;
                }
            }
    int placed = 0;
    while (placed < count) {
        int best = -1;
        for (int u = 0; u < count; u++)
            if (waiting[u] == 0 && (best < 0 || plan->unit[u].member[0]->id < plan->unit[best].member[0]->id)) best = u;
        if (best < 0) break;
        waiting[best] = -1;
        plan->unit[best].order = placed;
        plan->program[placed++] = best;
        for (int u = 0; u < count; u++)
            if (edge[best * count + u]) waiting[u]--;
    }
    elbo_free(waiting);
    elbo_free(edge);
    return placed == count ? ELBO_OK
                           : elbo_fail(error, ELBO_ERROR_INTERNAL, "plan: units depend on each other in a circle");
}

static void pin_outputs(elbo_plan *plan, const elbo_plan_spec *spec) {
    for (size_t i = 0; i < spec->fetch_count; i++) plan->value[spec->fetch[i]->id].pinned = true;
    for (size_t i = 0; i < spec->target_count; i++) plan->value[spec->target[i].node->id].pinned = true;
    for (int i = 0; i < plan->graph->assignments; i++) plan->value[plan->graph->assignment[i].value->id].pinned = true;
    for (int id = 0; plan->keep_all && id < plan->nodes; id++)
        if (plan->value[id].needed) plan->value[id].pinned = true;
}

elbo_status elbo_plan_schedule(elbo_plan *plan, const elbo_plan_spec *spec, elbo_error *error) {
    ELBO_TRY(find_needed(plan, spec, error));
    pin_outputs(plan, spec);
    size_t nodes = (size_t)plan->nodes, edges = 0;
    for (int id = 0; id < plan->nodes; id++) edges += (size_t)plan->value[id].uses;
    scheduler s = {.plan = plan};
    s.level = elbo_arena_calloc(&plan->arena, sizeof(int) * (nodes + 1));
    s.user_start = elbo_arena_calloc(&plan->arena, sizeof(int) * (nodes + 1));
    s.user = elbo_arena_calloc(&plan->arena, sizeof(int) * (edges + 1));
    s.light = elbo_arena_calloc(&plan->arena, nodes + 1);
    plan->unit = elbo_arena_calloc(&plan->arena, sizeof *plan->unit * (nodes + 1));
    if (!s.level || !s.user_start || !s.user || !s.light || !plan->unit)
        return elbo_fail_memory(error, nodes * 64, "a plan");
    list_users(&s);
    if (plan->backend->fuses) {
        for (int id = 0; id < plan->nodes; id++) {
            elbo_node *node = plan->graph->node[id];
            if (plan->value[id].needed && node->op->role == ELBO_ROLE_MATMUL && !matmul_unit(&s, node))
                return elbo_fail_memory(error, 0, "a plan's units");
        }
        for (int id = 0; id < plan->nodes; id++)
            s.light[id] = plan->value[id].needed && plan->value[id].unit < 0 && is_light(plan->graph->node[id]);
        find_levels(&s);
        sink(&s);
    }
    ELBO_TRY(make_units(&s, error));
    find_stored(plan);
    return order_units(plan, error);
}
