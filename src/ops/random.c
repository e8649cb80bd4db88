/* Random draws, a function of (seed, stream, step, row, column) alone. */
#ifndef REAL

#include "ops/random.h"

#include <math.h>

#include "base/special.h"

elbo_random_view elbo_random_view_of(const elbo_node *node) {
    int axis = (int)node->attributes.i[7];
    elbo_shape shape = node->shape;
    if (shape.rank == 0) return (elbo_random_view){1, 1, 1, (uint32_t)node->attributes.i[8]};
    return (elbo_random_view){elbo_shape_span(shape, 0, axis), shape.dim[axis],
                              elbo_shape_span(shape, axis + 1, shape.rank), (uint32_t)node->attributes.i[8]};
}

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/random.c"
#include "ops/real_f64.h"
#include "ops/random.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer(elbo_node *node, elbo_error *error) {
    const int64_t *i = node->attributes.i;
    node->shape.rank = (int)i[0];
    for (int axis = 0; axis < node->shape.rank; axis++) node->shape.dim[axis] = i[1 + axis];
    if (i[7] < 0 || (i[0] > 0 && i[7] >= i[0]))
        return elbo_fail(error, ELBO_ERROR_SHAPE, "row axis %lld of a draw of rank %lld", (long long)i[7],
                         (long long)i[0]);
    elbo_random_view view = elbo_random_view_of(node);
    if (view.rows > UINT32_MAX || view.before * view.after > UINT32_MAX)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%lld rows of %lld draws are more than 2^32", (long long)view.rows,
                         (long long)(view.before * view.after));
    return ELBO_OK;
}

const elbo_op elbo_op_random_uniform = {.name = "random_uniform",
                                        .formula = "u ~ U(0,1)",
                                        .flags = ELBO_OP_RANDOM | ELBO_OP_NO_GRADIENT,
                                        .infer = infer,
                                        .run_f32 = run_uniform_f32,
                                        .run_f64 = run_uniform_f64};
const elbo_op elbo_op_random_normal = {.name = "random_normal",
                                       .formula = "e ~ N(0,1)",
                                       .flags = ELBO_OP_RANDOM | ELBO_OP_NO_GRADIENT,
                                       .infer = infer,
                                       .run_f32 = run_normal_f32,
                                       .run_f64 = run_normal_f64};
static const elbo_op *const ops[] = {&elbo_op_random_uniform, &elbo_op_random_normal, NULL};
const elbo_op_family elbo_ops_random = {"random", ops};

static elbo_node *draw(elbo_graph *graph, const elbo_op *op, elbo_shape shape, int row_axis) {
    if (!graph) return NULL;
    if (row_axis < 0) row_axis += shape.rank;
    elbo_attributes attributes = {.i = {shape.rank}};
    for (int axis = 0; axis < shape.rank && axis < ELBO_MAX_RANK; axis++) attributes.i[1 + axis] = shape.dim[axis];
    attributes.i[7] = row_axis;
    attributes.i[8] = ELBO_STREAM_GRAPH + graph->streams++;
    return elbo_graph_apply(graph, op, 0, NULL, &attributes, NULL);
}

elbo_node *elbo_random_uniform(elbo_graph *graph, elbo_shape shape, int row_axis) {
    return draw(graph, &elbo_op_random_uniform, shape, row_axis);
}

elbo_node *elbo_random_normal(elbo_graph *graph, elbo_shape shape, int row_axis) {
    return draw(graph, &elbo_op_random_normal, shape, row_axis);
}

#else /* the reference kernels */

static void K(draw)(const elbo_kernel *kernel, double (*value)(const elbo_rng *, uint32_t, uint32_t)) {
    elbo_random_view v = elbo_random_view_of(kernel->node);
    elbo_rng rng = {kernel->run.seed, v.stream, kernel->run.step};
    REAL *out = kernel->out;
    for (int64_t before = 0; before < v.before; before++)
        for (int64_t row = 0; row < v.rows; row++)
            for (int64_t after = 0; after < v.after; after++)
                *out++ =
                    (REAL)value(&rng, (uint32_t)(row + kernel->run.first_row), (uint32_t)(before * v.after + after));
}

static void K(run_uniform)(const elbo_kernel *kernel) { K(draw)(kernel, elbo_rng_uniform); }
static void K(run_normal)(const elbo_kernel *kernel) { K(draw)(kernel, elbo_rng_normal); }

#endif
