/* Making a distribution from its parameters: shapes and known values are checked here, for every type alike. */
#include <math.h>
#include <string.h>

#include "dist/dist.h"
#include "graph/graph.h"

/* Sizes of the letters in a type's axes; 0: not met yet. */
typedef int64_t letter_sizes[128];

static int axes_of(const elbo_dist_parameter *parameter) { return parameter->axes ? (int)strlen(parameter->axes) : 0; }

/* The value of element i of a constant node; false if it is known only at run time. */
static bool known(const elbo_node *node, int64_t i, double *value) {
    if (node->op == &elbo_op_literal) *value = ((const double *)node->extra)[i];
    return node->op == &elbo_op_literal || elbo_node_constant(node, value);
}

static bool refuse(const elbo_dist_type *type, const elbo_dist_parameter *parameter, elbo_node *node, double value) {
    elbo_graph_fail(node->graph, ELBO_ERROR_NUMERIC, "%s: parameter %s is %g; it must be %s", type->name,
                    parameter->name, value, elbo_constraint_text(parameter->constraint));
    return false;
}

/* Whether element i of a matrix [..., n, n] lies below (-1), on (0) or above (1) the diagonal. */
static int side_of(const elbo_node *node, int64_t i) {
    int64_t n = node->shape.dim[node->shape.rank - 1];
    int64_t row = i / n % n, column = i % n;
    return (column > row) - (column < row);
}

static bool obeys(elbo_constraint constraint, const elbo_node *node, int64_t i, double value) {
    if (!isfinite(value)) return false;
    switch (constraint) {
        case ELBO_CONSTRAINT_POSITIVE: return value > 0;
        case ELBO_CONSTRAINT_UNIT_INTERVAL: return value > 0 && value < 1;
        case ELBO_CONSTRAINT_WHOLE: return value >= 1 && value == floor(value);
        case ELBO_CONSTRAINT_LOWER_TRIANGULAR: {
            int side = side_of(node, i);
            return side < 0 || (side == 0 ? value > 0 : value == 0);
        }
        default: return true;
    }
}

/* low < high wherever both are known, over the broadcast of both. */
static bool ordered(const elbo_dist_type *type, int k, elbo_node *const *parameter) {
    elbo_shape shape;
    int64_t stride[2][ELBO_MAX_RANK];
    elbo_node *pair[2] = {parameter[k - 1], parameter[k]};
    if (!elbo_shape_broadcast(pair[0]->shape, pair[1]->shape, &shape)) return true; /* said elsewhere */
    for (int side = 0; side < 2; side++) elbo_shape_strides(pair[side]->shape, shape, stride[side]);
    for (int64_t i = 0; i < elbo_shape_count(shape); i++) {
        int64_t at[2] = {0, 0}, rest = i;
        double low, high;
        for (int axis = shape.rank - 1; axis >= 0; rest /= shape.dim[axis], axis--)
            for (int side = 0; side < 2; side++) at[side] += rest % shape.dim[axis] * stride[side][axis];
        if (!known(pair[0], at[0], &low) || !known(pair[1], at[1], &high)) return true;
        if (!(low < high)) return refuse(type, &type->parameter[k], pair[1], high);
    }
    return true;
}

static bool check_values(const elbo_dist_type *type, int k, elbo_node *const *parameter) {
    const elbo_dist_parameter *row = &type->parameter[k];
    elbo_node *node = parameter[k];
    double value;
    if (row->constraint == ELBO_CONSTRAINT_WHOLE && !elbo_node_constant(node, &value)) {
        elbo_graph_fail(node->graph, ELBO_ERROR_UNSUPPORTED, "%s: parameter %s must be %s", type->name, row->name,
                        elbo_constraint_text(row->constraint));
        return false;
    }
    int64_t count = node->op == &elbo_op_literal || row->axes ? elbo_shape_count(node->shape) : 1;
    for (int64_t i = 0; i < count && known(node, i, &value); i++)
        if (!obeys(row->constraint, node, i, value)) return refuse(type, row, node, value);
    return row->constraint != ELBO_CONSTRAINT_ORDERED || ordered(type, k, parameter);
}

/* Splits a parameter's shape into batch and event axes; notes the sizes of the letters. */
static bool check_shape(const elbo_dist_type *type, int k, elbo_node *node, elbo_shape *batch, letter_sizes sizes) {
    const elbo_dist_parameter *row = &type->parameter[k];
    int own = axes_of(row), lead = node->shape.rank - own;
    char one[96], two[96];
    elbo_shape_text(node->shape, one, sizeof one);
    bool fits = lead >= 0 && node->dtype == ELBO_F32;
    for (int axis = 0; fits && axis < own; axis++) {
        int64_t *size = &sizes[(int)row->axes[axis]], here = node->shape.dim[lead + axis];
        fits = *size == 0 || *size == here;
        *size = here;
    }
    if (!fits) {
        elbo_graph_fail(node->graph, ELBO_ERROR_SHAPE, "%s: parameter %s is %s %s; real numbers %s%s%s were expected",
                        type->name, row->name, elbo_dtype_name(node->dtype), one,
                        own ? "with last axes " : "of any shape", own ? row->axes : "",
                        own ? ", the same for all parameters," : "");
        return false;
    }
    elbo_shape before = *batch, mine = node->shape;
    mine.rank = lead;
    if (elbo_shape_broadcast(before, mine, batch)) return true;
    elbo_graph_fail(node->graph, ELBO_ERROR_SHAPE, "%s: parameter %s is %s; its batch axes do not broadcast with %s",
                    type->name, row->name, one, elbo_shape_text(before, two, sizeof two));
    return false;
}

elbo_dist elbo_dist_new(const elbo_dist_type *type, elbo_node *const parameter[ELBO_DIST_PARAMETERS], int event_rank) {
    elbo_dist dist = {.event_rank = event_rank};
    letter_sizes sizes = {0};
    for (int k = 0; k < ELBO_DIST_PARAMETERS && type->parameter[k].name; k++) {
        if (!parameter[k]) return (elbo_dist){0};
        dist.parameter[k] = parameter[k];
        if (!check_shape(type, k, parameter[k], &dist.shape, sizes)) return (elbo_dist){0};
    }
    dist.graph = elbo_node_graph(parameter[0]);
    for (int k = 0; k < ELBO_DIST_PARAMETERS && type->parameter[k].name; k++)
        if (!check_values(type, k, parameter)) return (elbo_dist){0};
    for (const char *letter = type->event; letter && *letter; letter++)
        if (dist.shape.rank < ELBO_MAX_RANK) dist.shape.dim[dist.shape.rank++] = sizes[(int)*letter];
    if (event_rank < elbo_dist_own_rank(type) || event_rank > dist.shape.rank) {
        char text[96];
        elbo_graph_fail(dist.graph, ELBO_ERROR_SHAPE, "%s: %d event axes of a draw of shape %s; %d to %d were expected",
                        type->name, event_rank, elbo_shape_text(dist.shape, text, sizeof text),
                        elbo_dist_own_rank(type), dist.shape.rank);
        return (elbo_dist){0};
    }
    dist.type = type;
    return dist;
}
