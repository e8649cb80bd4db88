/* Where values come from: inputs, parameters, constants. The plan supplies their memory. */
#include <string.h>

#include "graph/graph.h"
#include "graph/params.h"

static elbo_shape shape_of(const elbo_attributes *attributes) {
    elbo_shape shape = {(int)attributes->i[0], {0}};
    for (int axis = 0; axis < shape.rank && axis < ELBO_MAX_RANK; axis++) shape.dim[axis] = attributes->i[1 + axis];
    return shape;
}

static elbo_status infer(elbo_node *node, elbo_error *error) {
    if (node->attributes.i[0] < 0 || node->attributes.i[0] > ELBO_MAX_RANK)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "rank %lld; 0 to %d were expected", (long long)node->attributes.i[0],
                         ELBO_MAX_RANK);
    node->shape = shape_of(&node->attributes);
    for (int axis = 0; axis < node->shape.rank; axis++)
        if (node->shape.dim[axis] < 1)
            return elbo_fail(error, ELBO_ERROR_SHAPE, "dimension %d is %lld; at least 1 was expected", axis,
                             (long long)node->shape.dim[axis]);
    node->dtype = (elbo_dtype)node->attributes.i[8];
    return ELBO_OK;
}

const elbo_op elbo_op_input = {.name = "input", .formula = "x", .flags = ELBO_OP_SOURCE, .infer = infer};
const elbo_op elbo_op_param = {.name = "param", .formula = "theta", .flags = ELBO_OP_SOURCE, .infer = infer};
const elbo_op elbo_op_constant = {.name = "constant", .formula = "c", .flags = ELBO_OP_SOURCE, .infer = infer};
const elbo_op elbo_op_literal = {.name = "literal", .formula = "[c...]", .flags = ELBO_OP_SOURCE, .infer = infer};
static const elbo_op *const ops[] = {&elbo_op_input, &elbo_op_param, &elbo_op_constant, &elbo_op_literal, NULL};
const elbo_op_family elbo_ops_source = {"source", ops};

static elbo_attributes attributes_of(elbo_shape shape, elbo_dtype dtype) {
    elbo_attributes attributes = {0};
    attributes.i[0] = shape.rank;
    for (int axis = 0; axis < shape.rank && axis < ELBO_MAX_RANK; axis++) attributes.i[1 + axis] = shape.dim[axis];
    attributes.i[8] = dtype;
    return attributes;
}

static elbo_node *input_named(elbo_graph *graph, const char *name) {
    for (int id = 0; id < graph->count; id++)
        if (graph->node[id]->op == &elbo_op_input && strcmp(graph->node[id]->extra, name) == 0) return graph->node[id];
    return NULL;
}

elbo_node *elbo_input(elbo_graph *graph, const char *name, elbo_dtype dtype, elbo_shape shape) {
    if (!graph) return NULL;
    elbo_node *known = input_named(graph, name);
    if (known && known->dtype == dtype && elbo_shape_equal(known->shape, shape)) return known;
    if (known)
        return elbo_graph_fail(graph, ELBO_ERROR_SHAPE, "input \"%s\" is there already with another shape", name);
    if (dtype != ELBO_F32 && dtype != ELBO_U8 && dtype != ELBO_I32)
        return elbo_graph_fail(graph, ELBO_ERROR_UNSUPPORTED, "input \"%s\" of type %s: f32, u8 or i32 were expected",
                               name, elbo_dtype_name(dtype));
    const char *copy = elbo_arena_strdup(&graph->arena, name);
    if (!copy) return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: input \"%s\"", name);
    elbo_attributes attributes = attributes_of(shape, dtype);
    return elbo_graph_apply(graph, &elbo_op_input, 0, NULL, &attributes, copy);
}

elbo_node *elbo_constant(elbo_graph *graph, double value, elbo_shape shape) {
    elbo_attributes attributes = attributes_of(shape, ELBO_F32);
    attributes.f[0] = value;
    return elbo_graph_apply(graph, &elbo_op_constant, 0, NULL, &attributes, NULL);
}

elbo_node *elbo_scalar(elbo_graph *graph, double value) { return elbo_constant(graph, value, ELBO_SCALAR); }

elbo_node *elbo_literal(elbo_graph *graph, const double *values, elbo_shape shape) {
    if (!graph) return NULL;
    size_t bytes = sizeof *values * (size_t)elbo_shape_count(shape);
    double *copy = elbo_arena_calloc(&graph->arena, bytes);
    if (!copy) return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a literal");
    memcpy(copy, values, bytes);
    elbo_attributes attributes = attributes_of(shape, ELBO_F32);
    return elbo_graph_apply(graph, &elbo_op_literal, 0, NULL, &attributes, copy);
}

elbo_node *elbo_param(elbo_graph *graph, elbo_params *params, const char *name) {
    if (!graph) return NULL;
    const elbo_param_info *info = params ? elbo_params_find(params, name) : NULL;
    if (!info) return elbo_graph_fail(graph, ELBO_ERROR_STATE, "there is no parameter \"%s\"", name);
    elbo_attributes attributes = attributes_of(info->shape, ELBO_F32);
    attributes.i[9] = elbo_params_index(params, info);
    return elbo_graph_apply(graph, &elbo_op_param, 0, NULL, &attributes, params);
}
