/* Lower triangular matrices: packing and solving. Attributes: tril_solve: i[0] transposed. */
#ifndef REAL

#include <math.h>

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/triangle.c"
#include "ops/real_f64.h"
#include "ops/triangle.c"
#include "ops/real_end.h"
/* clang-format on */

/* The n with n(n+1)/2 = packed, or 0. */
static int64_t side_of(int64_t packed) {
    int64_t n = (int64_t)((sqrt(8 * (double)packed + 1) - 1) / 2 + 0.5);
    return n * (n + 1) / 2 == packed ? n : 0;
}

static bool is_square(elbo_shape shape) {
    return shape.rank >= 2 && shape.dim[shape.rank - 1] == shape.dim[shape.rank - 2];
}

/* tril_fill, tril_take */

static elbo_status infer_tril_fill(elbo_node *node, elbo_error *error) {
    elbo_shape in = node->shape;
    int64_t n = in.rank > 0 ? side_of(in.dim[in.rank - 1]) : 0;
    if (node->dtype != ELBO_F32 || n < 1 || in.rank >= ELBO_MAX_RANK)
        return elbo_misfit(node, error, "real numbers [..., n(n+1)/2] of rank 1 to %d", ELBO_MAX_RANK - 1);
    node->shape.dim[in.rank - 1] = n;
    node->shape.dim[in.rank] = n;
    node->shape.rank++;
    return ELBO_OK;
}

static elbo_status infer_tril_take(elbo_node *node, elbo_error *error) {
    if (node->dtype != ELBO_F32 || !is_square(node->shape)) return elbo_misfit(node, error, "real numbers [..., n, n]");
    int64_t n = node->shape.dim[node->shape.rank - 1];
    node->shape.dim[node->shape.rank - 1] = 0;
    node->shape.rank--;
    node->shape.dim[node->shape.rank - 1] = n * (n + 1) / 2;
    return ELBO_OK;
}

static void gradient_tril_fill(elbo_node *node, elbo_node *dy, elbo_node **din) {
    (void)node;
    din[0] = elbo_tril_take(dy);
}

static void gradient_tril_take(elbo_node *node, elbo_node *dy, elbo_node **din) {
    (void)node;
    din[0] = elbo_tril_fill(dy);
}

elbo_node *elbo_tril_fill(elbo_node *x) { return elbo_apply(&elbo_op_tril_fill, 1, &x, NULL); }
elbo_node *elbo_tril_take(elbo_node *x) { return elbo_apply(&elbo_op_tril_take, 1, &x, NULL); }

/* tril_solve */

static elbo_status infer_tril_solve(elbo_node *node, elbo_error *error) {
    elbo_shape l = node->input[0]->shape, b = node->input[1]->shape;
    bool fits =
        node->input[0]->dtype == ELBO_F32 && node->input[1]->dtype == ELBO_F32 && is_square(l) && b.rank == l.rank;
    for (int axis = 0; fits && axis < l.rank - 1; axis++) fits = l.dim[axis] == b.dim[axis];
    if (!fits) return elbo_misfit(node, error, "real matrices L [..., n, n] and b [..., n, m] with equal leading axes");
    node->shape = b;
    return ELBO_OK;
}

/* From L y = b: db = L'^-1 dy and dL = -db y'; from L' y = b: db = L^-1 dy and dL = -y db'. Above the diagonal L is not
 * read. */
static void gradient_tril_solve(elbo_node *node, elbo_node *dy, elbo_node **din) {
    bool transposed = node->attributes.i[0] != 0;
    elbo_node *db = elbo_tril_solve(node->input[0], dy, !transposed);
    elbo_node *outer = transposed ? elbo_matmul(node, db, false, true) : elbo_matmul(db, node, false, true);
    din[0] = elbo_neg(elbo_tril_fill(elbo_tril_take(outer)));
    din[1] = db;
}

elbo_node *elbo_tril_solve(elbo_node *l, elbo_node *b, bool transposed) {
    elbo_attributes attributes = {.i = {transposed}};
    return elbo_apply(&elbo_op_tril_solve, 2, (elbo_node *[]){l, b}, &attributes);
}

/* Triangles are drawn with diagonals well away from 0. */
static const elbo_op_case tril_fill_cases[] = {{.shape = {{1, {1}}}, .inputs = 1, .low = -3, .high = 3},
                                               {.shape = {{1, {10}}}, .inputs = 1, .low = -3, .high = 3},
                                               {.shape = {{3, {2, 3, 6}}}, .inputs = 1, .low = -3, .high = 3}};
static const elbo_op_case tril_take_cases[] = {{.shape = {{2, {1, 1}}}, .inputs = 1, .low = -3, .high = 3},
                                               {.shape = {{2, {5, 5}}}, .inputs = 1, .low = -3, .high = 3},
                                               {.shape = {{4, {2, 1, 3, 3}}}, .inputs = 1, .low = -3, .high = 3}};
#define SOLVE .inputs = 2, .low = 0.6, .high = 1.6
static const elbo_op_case tril_solve_cases[] = {
    {.shape = {{2, {4, 4}}, {2, {4, 3}}}, SOLVE, .attributes.i = {0}},
    {.shape = {{2, {4, 4}}, {2, {4, 3}}}, SOLVE, .attributes.i = {1}},
    {.shape = {{3, {3, 3, 3}}, {3, {3, 3, 1}}}, SOLVE, .attributes.i = {0}},
    {.shape = {{4, {2, 1, 2, 2}}, {4, {2, 1, 2, 5}}}, SOLVE, .attributes.i = {1}},
    {.shape = {{2, {1, 1}}, {2, {1, 1}}}, SOLVE, .attributes.i = {0}}};

#define OP(name_, formula_, inputs_)                               \
    const elbo_op elbo_op_##name_ = {.name = #name_,               \
                                     .formula = formula_,          \
                                     .inputs = inputs_,            \
                                     .infer = infer_##name_,       \
                                     .gradient = gradient_##name_, \
                                     .run_f32 = run_##name_##_f32, \
                                     .run_f64 = run_##name_##_f64, \
                                     .cases = name_##_cases,       \
                                     .case_count = sizeof name_##_cases / sizeof *name_##_cases};
OP(tril_fill, "y[i, j] = x[i(i+1)/2 + j] for j <= i, else 0", 1)
OP(tril_take, "y[i(i+1)/2 + j] = x[i, j] for j <= i", 1)
OP(tril_solve, "L^-1 b or L'^-1 b", 2)

static const elbo_op *const ops[] = {&elbo_op_tril_fill, &elbo_op_tril_take, &elbo_op_tril_solve, NULL};
const elbo_op_family elbo_ops_triangle = {"triangle", ops};

#else /* the reference kernels, for REAL */

static void K(run_tril_fill)(const elbo_kernel *kernel) {
    elbo_shape shape = kernel->node->shape;
    int64_t n = shape.dim[shape.rank - 1], matrices = elbo_shape_span(shape, 0, shape.rank - 2);
    const REAL *x = kernel->in[0];
    REAL *y = kernel->out;
    for (int64_t m = 0; m < matrices; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++)
                y[(m * n + i) * n + j] = j <= i ? x[m * n * (n + 1) / 2 + i * (i + 1) / 2 + j] : 0;
}

static void K(run_tril_take)(const elbo_kernel *kernel) {
    elbo_shape shape = kernel->node->input[0]->shape;
    int64_t n = shape.dim[shape.rank - 1], matrices = elbo_shape_span(shape, 0, shape.rank - 2);
    const REAL *x = kernel->in[0];
    REAL *y = kernel->out;
    for (int64_t m = 0; m < matrices; m++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j <= i; j++) y[m * n * (n + 1) / 2 + i * (i + 1) / 2 + j] = x[(m * n + i) * n + j];
}

/* Substitution, forwards for L and backwards for L'. */
static void K(run_tril_solve)(const elbo_kernel *kernel) {
    elbo_shape shape = kernel->node->shape;
    bool transposed = kernel->node->attributes.i[0] != 0;
    int64_t columns = shape.dim[shape.rank - 1], n = shape.dim[shape.rank - 2];
    int64_t matrices = elbo_shape_span(shape, 0, shape.rank - 2);
    for (int64_t m = 0; m < matrices; m++) {
        const REAL *l = (const REAL *)kernel->in[0] + m * n * n;
        const REAL *b = (const REAL *)kernel->in[1] + m * n * columns;
        REAL *y = (REAL *)kernel->out + m * n * columns;
        for (int64_t step = 0; step < n; step++) {
            int64_t i = transposed ? n - 1 - step : step;
            for (int64_t c = 0; c < columns; c++) {
                REAL rest = b[i * columns + c];
                if (transposed)
                    for (int64_t j = i + 1; j < n; j++) rest -= l[j * n + i] * y[j * columns + c];
                else
                    for (int64_t j = 0; j < i; j++) rest -= l[i * n + j] * y[j * columns + c];
                y[i * columns + c] = rest / l[i * n + i];
            }
        }
    }
}

#endif
