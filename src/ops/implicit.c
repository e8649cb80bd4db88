/* Draws of vectors that are reparameterised implicitly (Figurnov, Mohamed and Mnih 2018): a draw z of a distribution
 * with parameters theta moves so that f(z, theta) stays what it is, dz = -j^-1 df with j = df/dz lower triangular.
 * Differentiating that again would need more derivatives of f than are carried, and is refused: the gradient is written
 * with implicit_slope(j), a copy of j that has no gradient of its own. */
#ifndef REAL

#include "ops/implicit.h"

#include <string.h>

#include "graph/misfit.h"

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/implicit.c"
#include "ops/real_f64.h"
#include "ops/implicit.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer_random_implicit(elbo_node *node, elbo_error *error) {
    elbo_shape square = node->shape;
    bool fits = square.rank >= 1 && square.rank < ELBO_MAX_RANK;
    if (fits) square.dim[square.rank] = square.dim[square.rank - 1], square.rank++;
    for (int k = 0; k < 3; k++) fits = fits && node->input[k]->dtype == ELBO_F32;
    if (!fits || !elbo_shape_equal(node->shape, node->input[1]->shape) ||
        !elbo_shape_equal(square, node->input[2]->shape))
        return elbo_misfit(node, error, "real numbers z [..., D], f [..., D] and j [..., D, D]");
    return ELBO_OK;
}

static elbo_status infer_implicit_slope(elbo_node *node, elbo_error *error) {
    return node->dtype == ELBO_F32 ? ELBO_OK : elbo_misfit(node, error, "real numbers");
}

static void gradient_random_implicit(elbo_node *node, elbo_node *dy, elbo_node **din) {
    if (!dy) return;
    elbo_shape shape = dy->shape, column = shape;
    column.dim[column.rank++] = 1;
    elbo_node *j = elbo_apply(&elbo_op_implicit_slope, 1, &node->input[2], NULL);
    din[1] = elbo_neg(elbo_reshape(elbo_tril_solve(j, elbo_reshape(dy, column), true), shape));
}

static void gradient_implicit_slope(elbo_node *node, elbo_node *dy, elbo_node **din) {
    (void)dy;
    din[0] = elbo_graph_fail(node->graph, ELBO_ERROR_UNSUPPORTED,
                             "%s has no gradient: draws of a mixture can be differentiated once", node->op->name);
}

static const elbo_op_case random_cases[] = {
    {.shape = {{2, {5, 3}}, {2, {5, 3}}, {3, {5, 3, 3}}}, .inputs = 3, .low = 0.5, .high = 2},
    {.shape = {{1, {1}}, {1, {1}}, {2, {1, 1}}}, .inputs = 3, .low = 0.5, .high = 2}};
static const elbo_op_case slope_cases[] = {{.shape = {{3, {2, 3, 3}}}, .inputs = 1, .low = -2, .high = 2},
                                           {.shape = {{0, {0}}}, .inputs = 1, .low = -2, .high = 2}};

const elbo_op elbo_op_random_implicit = {.name = "random_implicit",
                                         .formula = "z, which keeps f: dz = -j^-1 df",
                                         .inputs = 3,
                                         .infer = infer_random_implicit,
                                         .gradient = gradient_random_implicit,
                                         .run_f32 = run_copy_f32,
                                         .run_f64 = run_copy_f64,
                                         .cases = random_cases,
                                         .case_count = sizeof random_cases / sizeof *random_cases};
const elbo_op elbo_op_implicit_slope = {.name = "implicit_slope",
                                        .formula = "j, of which no gradient is known",
                                        .inputs = 1,
                                        .infer = infer_implicit_slope,
                                        .gradient = gradient_implicit_slope,
                                        .run_f32 = run_copy_f32,
                                        .run_f64 = run_copy_f64,
                                        .cases = slope_cases,
                                        .case_count = sizeof slope_cases / sizeof *slope_cases};
static const elbo_op *const ops[] = {&elbo_op_random_implicit, &elbo_op_implicit_slope, NULL};
const elbo_op_family elbo_ops_implicit = {"implicit", ops};

elbo_node *elbo_random_implicit(elbo_node *z, elbo_node *f, elbo_node *j) {
    return elbo_apply(&elbo_op_random_implicit, 3, (elbo_node *[]){z, f, j}, NULL);
}

#else /* the reference kernels, for REAL */

static void K(run_copy)(const elbo_kernel *kernel) {
    memcpy(kernel->out, kernel->in[0], sizeof(REAL) * (size_t)elbo_shape_count(kernel->node->shape));
}

#endif
