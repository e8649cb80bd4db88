/* Cumulative sums. Attributes: i[0] axis, i[1] exclusive, i[2] reverse. */
#ifndef REAL

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/scan.c"
#include "ops/real_f64.h"
#include "ops/scan.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer_cumsum(elbo_node *node, elbo_error *error) {
    int axis = node->shape.rank > 0 ? elbo_shape_axis(node->shape, (int)node->attributes.i[0]) : -1;
    if (node->dtype != ELBO_F32 || axis < 0)
        return elbo_misfit(node, error, "real numbers and an axis from %d to %d, not %lld", -node->shape.rank,
                           node->shape.rank - 1, (long long)node->attributes.i[0]);
    node->attributes.i[0] = axis;
    return ELBO_OK;
}

/* x_j is in y_i for j <= i, hence dy_i in dx_j for i >= j. */
static void gradient_cumsum(elbo_node *node, elbo_node *dy, elbo_node **din) {
    const int64_t *i = node->attributes.i;
    din[0] = elbo_cumsum(dy, (int)i[0], i[1] != 0, i[2] == 0);
}

elbo_node *elbo_cumsum(elbo_node *x, int axis, bool exclusive, bool reverse) {
    elbo_attributes attributes = {.i = {axis, exclusive, reverse}};
    return elbo_apply(&elbo_op_cumsum, 1, &x, &attributes);
}

static const elbo_op_case cumsum_cases[] = {
    {.shape = {{1, {9}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {0, 0, 0}},
    {.shape = {{2, {3, 7}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {1, 1, 0}},
    {.shape = {{3, {2, 5, 3}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {-2, 0, 1}},
    {.shape = {{3, {5, 1, 3}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {0, 1, 1}},
    {.shape = {{2, {4, 1}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {1, 0, 0}}};

const elbo_op elbo_op_cumsum = {.name = "cumsum",
                                .formula = "y_i = sum of x_j over j <= i",
                                .inputs = 1,
                                .infer = infer_cumsum,
                                .gradient = gradient_cumsum,
                                .run_f32 = run_cumsum_f32,
                                .run_f64 = run_cumsum_f64,
                                .cases = cumsum_cases,
                                .case_count = sizeof cumsum_cases / sizeof *cumsum_cases};
static const elbo_op *const ops[] = {&elbo_op_cumsum, NULL};
const elbo_op_family elbo_ops_scan = {"scan", ops};

#else /* the reference kernels, for REAL */

static void K(run_cumsum)(const elbo_kernel *kernel) {
    elbo_shape shape = kernel->node->shape;
    int axis = (int)kernel->node->attributes.i[0];
    bool exclusive = kernel->node->attributes.i[1] != 0, reverse = kernel->node->attributes.i[2] != 0;
    int64_t outer = elbo_shape_span(shape, 0, axis), size = shape.dim[axis];
    int64_t inner = elbo_shape_span(shape, axis + 1, shape.rank);
    const REAL *x = kernel->in[0];
    REAL *y = kernel->out;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            REAL sum = 0;
            for (int64_t step = 0; step < size; step++) {
                int64_t at = (o * size + (reverse ? size - 1 - step : step)) * inner + i;
                y[at] = exclusive ? sum : sum + x[at];
                sum += x[at];
            }
        }
}

#endif
