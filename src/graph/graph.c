#include "graph/graph.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

elbo_graph *elbo_graph_new(void) { return elbo_calloc(sizeof(elbo_graph)); }

void elbo_graph_free(elbo_graph *graph) {
    if (!graph) return;
    elbo_arena_clear(&graph->arena);
    elbo_free(graph->node);
    elbo_free(graph->table);
    elbo_free(graph->assignment);
    elbo_free(graph);
}

elbo_status elbo_graph_check(const elbo_graph *graph, elbo_error *error) {
    if (!graph) return elbo_fail(error, ELBO_ERROR_MEMORY, "out of memory: no graph");
    if (graph->error.status != ELBO_OK && error) *error = graph->error;
    return graph->error.status;
}

elbo_node *elbo_graph_fail(elbo_graph *graph, elbo_status status, const char *format, ...) {
    if (!graph || graph->error.status != ELBO_OK) return NULL;
    va_list arguments;
    char text[sizeof graph->error.message - 160];
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    const char *scope = graph->scopes ? graph->scope[graph->scopes - 1] : NULL;
    if (scope)
        elbo_fail(&graph->error, status, "in %.120s: %s", scope, text);
    else
        elbo_fail(&graph->error, status, "%s", text);
    return NULL;
}

void elbo_scope_push(elbo_graph *graph, const char *label) {
    if (!graph) return;
    if (graph->scopes == (int)(sizeof graph->scope / sizeof *graph->scope)) {
        elbo_graph_fail(graph, ELBO_ERROR_STATE, "scope \"%s\" nests too deeply", label);
        return;
    }
    const char *outer = graph->scopes ? graph->scope[graph->scopes - 1] : NULL;
    size_t size = strlen(label) + (outer ? strlen(outer) : 0) + 2;
    char *text = elbo_arena_calloc(&graph->arena, size);
    if (text)
        snprintf(text, size, "%s%s%s", outer ? outer : "", outer ? "/" : "", label);
    else
        elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a scope label");
    graph->scope[graph->scopes++] = text;
}

void elbo_scope_pop(elbo_graph *graph) {
    if (graph && graph->scopes > 0) graph->scopes--;
}

elbo_shape elbo_node_shape(const elbo_node *node) { return node ? node->shape : ELBO_SCALAR; }
elbo_graph *elbo_node_graph(const elbo_node *node) { return node ? node->graph : NULL; }
const char *elbo_node_label(const elbo_node *node) { return node && node->label ? node->label : ""; }

bool elbo_node_constant(const elbo_node *node, double *value) {
    if (!node || node->op != &elbo_op_constant) return false;
    *value = node->attributes.f[0];
    return true;
}

/* FNV-1a over what identifies a node. */
static uint64_t hash_bytes(uint64_t hash, const void *bytes, size_t count) {
    for (size_t i = 0; i < count; i++) hash = (hash ^ ((const unsigned char *)bytes)[i]) * 0x100000001b3u;
    return hash;
}

static uint64_t hash_node(const elbo_node *node) {
    uint64_t hash = hash_bytes(0xcbf29ce484222325u, &node->op, sizeof node->op);
    hash = hash_bytes(hash, &node->attributes, sizeof node->attributes);
    hash = hash_bytes(hash, &node->extra, sizeof node->extra);
    return hash_bytes(hash, node->input, sizeof *node->input * (size_t)node->inputs);
}

static bool same_node(const elbo_node *a, const elbo_node *b) {
    return a->op == b->op && a->inputs == b->inputs && a->extra == b->extra && a->dtype == b->dtype &&
           elbo_shape_equal(a->shape, b->shape) && memcmp(&a->attributes, &b->attributes, sizeof a->attributes) == 0 &&
           memcmp(a->input, b->input, sizeof *a->input * (size_t)a->inputs) == 0;
}

static int *table_slot(elbo_graph *graph, const elbo_node *node) {
    size_t mask = (size_t)graph->table_size - 1, at = hash_node(node) & mask;
    while (graph->table[at] >= 0 && !same_node(graph->node[graph->table[at]], node)) at = (at + 1) & mask;
    return &graph->table[at];
}

static bool make_room(elbo_graph *graph) {
    if (graph->count < graph->capacity) return true;
    int capacity = graph->capacity ? graph->capacity * 2 : 256;
    elbo_node **node = elbo_grow(graph->node, sizeof *node * (size_t)graph->count, sizeof *node * (size_t)capacity);
    if (!node) return false;
    graph->node = node;
    int *table = elbo_calloc(sizeof *table * 2 * (size_t)capacity);
    if (!table) return false;
    elbo_free(graph->table);
    graph->table = table;
    graph->table_size = capacity * 2;
    graph->capacity = capacity;
    for (int i = 0; i < graph->table_size; i++) table[i] = -1;
    for (int i = 0; i < graph->count; i++) *table_slot(graph, graph->node[i]) = i;
    return true;
}

elbo_node *elbo_graph_apply(elbo_graph *graph, const elbo_op *op, int inputs, elbo_node *const *input,
                            const elbo_attributes *attributes, const void *extra) {
    if (!graph || graph->error.status != ELBO_OK) return NULL;
    for (int i = 0; i < inputs; i++) {
        if (!input[i]) return NULL;
        if (input[i]->graph != graph)
            return elbo_graph_fail(graph, ELBO_ERROR_STATE, "%s: input %d belongs to another graph", op->name, i);
    }
    elbo_node *node = elbo_arena_calloc(&graph->arena, sizeof *node);
    elbo_node **list = elbo_arena_calloc(&graph->arena, sizeof *list * (size_t)(inputs ? inputs : 1));
    if (!node || !list || !make_room(graph))
        return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a node for %s", op->name);
    for (int i = 0; i < inputs; i++) list[i] = input[i];
    node->graph = graph;
    node->op = op;
    node->id = graph->count;
    node->inputs = inputs;
    node->input = list;
    if (attributes) node->attributes = *attributes;
    node->extra = extra;
    node->dtype = inputs ? list[0]->dtype : ELBO_F32;
    node->shape = inputs ? list[0]->shape : ELBO_SCALAR;
    node->label = graph->scopes ? graph->scope[graph->scopes - 1] : NULL;
    elbo_error error = {0};
    if (op->infer && op->infer(node, &error) != ELBO_OK)
        return elbo_graph_fail(graph, error.status, "%s: %s", op->name, error.message);
    double elements = 1; /* in double, so that a product beyond int64 shows */
    for (int axis = 0; axis < node->shape.rank; axis++) elements *= (double)node->shape.dim[axis];
    if (elements > 0x1p40)
        return elbo_graph_fail(graph, ELBO_ERROR_SHAPE, "%s: %g elements are too many", op->name, elements);
    int *slot = table_slot(graph, node);
    if (*slot >= 0 && !(op->flags & ELBO_OP_RANDOM)) return graph->node[*slot];
    if (*slot < 0) *slot = node->id;
    graph->node[graph->count++] = node;
    return node;
}

elbo_node *elbo_apply(const elbo_op *op, int inputs, elbo_node *const *input, const elbo_attributes *attributes) {
    return input[0] ? elbo_graph_apply(input[0]->graph, op, inputs, input, attributes, NULL) : NULL;
}

void elbo_graph_assign(elbo_node *param, elbo_node *value) {
    if (!param || !value) return;
    elbo_graph *graph = param->graph;
    if (param->op != &elbo_op_param || !elbo_shape_equal(param->shape, value->shape)) {
        elbo_graph_fail(graph, ELBO_ERROR_SHAPE, "assign: the target must be a parameter of the value's shape");
        return;
    }
    size_t size = sizeof *graph->assignment;
    elbo_assignment *grown =
        elbo_grow(graph->assignment, size * (size_t)graph->assignments, size * (size_t)(graph->assignments + 1));
    if (!grown) {
        elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: an assignment");
        return;
    }
    graph->assignment = grown;
    graph->assignment[graph->assignments++] = (elbo_assignment){param, value};
}
