/* Nodes and how they are made. */
#ifndef ELBO_GRAPH_GRAPH_H
#define ELBO_GRAPH_GRAPH_H

#include "base/memory.h"
#include "graph/op.h"

struct elbo_node {
    elbo_graph *graph;
    const elbo_op *op;
    int id;           /* position in graph->node: inputs come before users */
    elbo_dtype dtype; /* ELBO_F32 stands for the plan's real type */
    elbo_shape shape;
    int inputs;
    elbo_node **input;
    elbo_attributes attributes;
    const void *extra; /* literal: const double *; input: const char * name; param: elbo_params * */
    const char *label;
};

/* A value to be stored into a parameter of the "state" group after a run. */
typedef struct elbo_assignment {
    elbo_node *param, *value;
} elbo_assignment;

struct elbo_graph {
    elbo_arena arena;
    elbo_node **node;
    int count, capacity;
    int *table; /* open-addressed set of node ids for common subexpressions; -1: free */
    int table_size;
    elbo_error error;
    const char *scope[16];
    int scopes;
    uint32_t streams;
    elbo_assignment *assignment;
    int assignments;
};

/* Makes a node, or returns the twin that already computes the same.  NULL inputs give NULL. */
elbo_node *elbo_graph_apply(elbo_graph *graph, const elbo_op *op, int inputs, elbo_node *const *input,
                            const elbo_attributes *attributes, const void *extra);
/* apply for nodes that have at least one input. */
elbo_node *elbo_apply(const elbo_op *op, int inputs, elbo_node *const *input, const elbo_attributes *attributes);
/* Records the first error; returns NULL. */
elbo_node *elbo_graph_fail(elbo_graph *graph, elbo_status status, const char *format, ...) ELBO_PRINTF(3, 4);

/* Whether every element is one known value. */
bool elbo_node_constant(const elbo_node *node, double *value);
/* "[100, 784]" into a caller's buffer; returns it. */
const char *elbo_shape_text(elbo_shape shape, char *text, size_t size);
/* NumPy's rule; false if the shapes do not fit. */
bool elbo_shape_broadcast(elbo_shape a, elbo_shape b, elbo_shape *out);
/* Axis -1.. to 0..rank-1; -1 if out of range. */
int elbo_shape_axis(elbo_shape shape, int axis);
/* Product of dim[first..last). */
int64_t elbo_shape_span(elbo_shape shape, int first, int last);

/* Element strides of `in` when it is broadcast to `out`: 0 along repeated axes. */
void elbo_shape_strides(elbo_shape in, elbo_shape out, int64_t stride[ELBO_MAX_RANK]);

/* After a run of a plan that contains value, store it into param (a parameter of the group "state"). */
void elbo_graph_assign(elbo_node *param, elbo_node *value);

/* Sources, by their operations in src/ops/source.c. */
extern const elbo_op elbo_op_input, elbo_op_param, elbo_op_constant, elbo_op_literal;

#endif
