/* Products with a sparse matrix S: [B, V] in compressed rows: entry e lies in the row r with
 * row_start[r] <= e < row_start[r + 1] and in column[e], and has value[e]. As for convolutions, the operations are the
 * derivatives of one trilinear form,
 *     T(value, weight, y) = sum over entries of value[e] weight[column[e], h] y[row of e, h]
 *     sparse_matmul(row_start, column, value, weight)   dT/dy       -> [B, H]
 *     sparse_matmul_weight(row_start, column, value, y) dT/dweight  -> [V, H]
 *     sparse_matmul_value(row_start, column, y, weight) dT/dvalue   -> [capacity]
 * row_start and column come from outside: bounds of a row are limited to [0, capacity], a row that ends before it
 * starts is empty, and an entry whose column is out of range counts for nothing. No read or write leaves its array.
 *
 * Attributes: sparse_matmul_weight: i[0] = V. */
#ifndef REAL

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

static int64_t rows_of(const elbo_node *node) { return node->input[0]->shape.dim[0] - 1; }

/* The entries [first, last) of a row. */
static void entries_of(const int32_t *row_start, int64_t row, int64_t capacity, int64_t *first, int64_t *last) {
    int64_t from = row_start[row], to = row_start[row + 1];
    *first = from < 0 ? 0 : from;
    *last = to > capacity ? capacity : to;
}

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/sparse.c"
#include "ops/real_f64.h"
#include "ops/sparse.c"
#include "ops/real_end.h"
/* clang-format on */

/* row_start: i32 [B + 1], column: i32 [capacity]. */
static bool has_structure(const elbo_node *node) {
    const elbo_node *row_start = node->input[0], *column = node->input[1];
    return row_start->dtype == ELBO_I32 && row_start->shape.rank == 1 && row_start->shape.dim[0] >= 2 &&
           column->dtype == ELBO_I32 && column->shape.rank == 1;
}

static bool is_real(const elbo_node *node, int rank) { return node->dtype == ELBO_F32 && node->shape.rank == rank; }

static elbo_status infer_sparse_matmul(elbo_node *node, elbo_error *error) {
    const elbo_node *value = node->input[2], *weight = node->input[3];
    if (!has_structure(node) || !is_real(value, 1) || value->shape.dim[0] != node->input[1]->shape.dim[0] ||
        !is_real(weight, 2))
        return elbo_misfit(node, error,
                           "row_start i32 [B + 1], column i32 [capacity], value [capacity], weight [V, H]");
    node->shape = ELBO_SHAPE(rows_of(node), weight->shape.dim[1]);
    node->dtype = ELBO_F32;
    return ELBO_OK;
}

static elbo_status infer_sparse_matmul_weight(elbo_node *node, elbo_error *error) {
    const elbo_node *value = node->input[2], *y = node->input[3];
    if (!has_structure(node) || !is_real(value, 1) || value->shape.dim[0] != node->input[1]->shape.dim[0] ||
        !is_real(y, 2) || y->shape.dim[0] != rows_of(node) || node->attributes.i[0] < 1)
        return elbo_misfit(node, error,
                           "row_start i32 [B + 1], column i32 [capacity], value [capacity], y [B, H] and at "
                           "least one column, not %lld",
                           (long long)node->attributes.i[0]);
    node->shape = ELBO_SHAPE(node->attributes.i[0], y->shape.dim[1]);
    node->dtype = ELBO_F32;
    return ELBO_OK;
}

static elbo_status infer_sparse_matmul_value(elbo_node *node, elbo_error *error) {
    const elbo_node *y = node->input[2], *weight = node->input[3];
    if (!has_structure(node) || !is_real(y, 2) || y->shape.dim[0] != rows_of(node) || !is_real(weight, 2) ||
        weight->shape.dim[1] != y->shape.dim[1])
        return elbo_misfit(node, error, "row_start i32 [B + 1], column i32 [capacity], y [B, H], weight [V, H]");
    node->shape = node->input[1]->shape;
    node->dtype = ELBO_F32;
    return ELBO_OK;
}

/* One derivative of the form with the structure of `like`. */
static elbo_node *derivative(const elbo_op *op, const elbo_node *like, elbo_node *a, elbo_node *b, int64_t columns) {
    elbo_attributes attributes = {.i = {columns}};
    return elbo_apply(op, 4, (elbo_node *[]){like->input[0], like->input[1], a, b}, &attributes);
}

static void gradient_sparse_matmul(elbo_node *node, elbo_node *dy, elbo_node **din) {
    elbo_node *value = node->input[2], *weight = node->input[3];
    din[2] = derivative(&elbo_op_sparse_matmul_value, node, dy, weight, 0);
    din[3] = derivative(&elbo_op_sparse_matmul_weight, node, value, dy, weight->shape.dim[0]);
}

static void gradient_sparse_matmul_weight(elbo_node *node, elbo_node *dweight, elbo_node **din) {
    elbo_node *value = node->input[2], *y = node->input[3];
    din[2] = derivative(&elbo_op_sparse_matmul_value, node, y, dweight, 0);
    din[3] = derivative(&elbo_op_sparse_matmul, node, value, dweight, 0);
}

static void gradient_sparse_matmul_value(elbo_node *node, elbo_node *dvalue, elbo_node **din) {
    elbo_node *y = node->input[2], *weight = node->input[3];
    din[2] = derivative(&elbo_op_sparse_matmul, node, dvalue, weight, 0);
    din[3] = derivative(&elbo_op_sparse_matmul_weight, node, dvalue, y, weight->shape.dim[0]);
}

elbo_node *elbo_sparse_matmul(elbo_node *row_start, elbo_node *column, elbo_node *value, elbo_node *weight) {
    return elbo_apply(&elbo_op_sparse_matmul, 4, (elbo_node *[]){row_start, column, value, weight}, NULL);
}

/* Columns run past V where integers > V; the test sorts row_start. */
#define SPARSE .dtype = {ELBO_I32, ELBO_I32, ELBO_F32, ELBO_F32}, .inputs = 4, .low = -2, .high = 2
static const elbo_op_case sparse_matmul_cases[] = {
    {.shape = {{1, {4}}, {1, {8}}, {1, {8}}, {2, {5, 3}}}, SPARSE, .integers = 5},
    {.shape = {{1, {2}}, {1, {6}}, {1, {6}}, {2, {9, 1}}}, SPARSE, .integers = 9},
    {.shape = {{1, {6}}, {1, {7}}, {1, {7}}, {2, {4, 7}}}, SPARSE, .integers = 7}};
static const elbo_op_case sparse_matmul_weight_cases[] = {
    {.shape = {{1, {4}}, {1, {8}}, {1, {8}}, {2, {3, 3}}}, SPARSE, .integers = 5, .attributes.i = {5}},
    {.shape = {{1, {2}}, {1, {6}}, {1, {6}}, {2, {1, 1}}}, SPARSE, .integers = 9, .attributes.i = {9}},
    {.shape = {{1, {6}}, {1, {7}}, {1, {7}}, {2, {5, 7}}}, SPARSE, .integers = 7, .attributes.i = {4}}};
static const elbo_op_case sparse_matmul_value_cases[] = {
    {.shape = {{1, {4}}, {1, {8}}, {2, {3, 3}}, {2, {5, 3}}}, SPARSE, .integers = 5},
    {.shape = {{1, {2}}, {1, {6}}, {2, {1, 1}}, {2, {9, 1}}}, SPARSE, .integers = 9},
    {.shape = {{1, {6}}, {1, {7}}, {2, {5, 7}}, {2, {4, 7}}}, SPARSE, .integers = 7}};

#define OP(name_, formula_)                                        \
    const elbo_op elbo_op_##name_ = {.name = #name_,               \
                                     .formula = formula_,          \
                                     .inputs = 4,                  \
                                     .infer = infer_##name_,       \
                                     .gradient = gradient_##name_, \
                                     .run_f32 = run_##name_##_f32, \
                                     .run_f64 = run_##name_##_f64, \
                                     .cases = name_##_cases,       \
                                     .case_count = sizeof name_##_cases / sizeof *name_##_cases};
OP(sparse_matmul, "S weight")
OP(sparse_matmul_weight, "S' y")
OP(sparse_matmul_value, "(y weight') at the entries of S")

static const elbo_op *const ops[] = {&elbo_op_sparse_matmul, &elbo_op_sparse_matmul_weight,
                                     &elbo_op_sparse_matmul_value, NULL};
const elbo_op_family elbo_ops_sparse = {"sparse", ops};

#else /* the reference kernels, for REAL */

/* Visits the terms of the form: every entry in range and every h. */
#define EACH_TERM(statement)                                                     \
    for (int64_t r = 0; r < rows_of(n); r++) {                                   \
        int64_t first, last;                                                     \
        entries_of(row_start, r, n->input[1]->shape.dim[0], &first, &last);      \
        for (int64_t e = first; e < last; e++)                                   \
            for (int64_t h = 0; h < width; h++) {                                \
                if (column[e] < 0 || column[e] >= columns) continue;             \
                int64_t at_weight = column[e] * width + h, at_y = r * width + h; \
                statement;                                                       \
            }                                                                    \
    }

static void K(run_sparse_matmul)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    const int32_t *row_start = kernel->in[0], *column = kernel->in[1];
    const REAL *value = kernel->in[2], *weight = kernel->in[3];
    int64_t columns = n->input[3]->shape.dim[0], width = n->shape.dim[1];
    REAL *y = kernel->out;
    for (int64_t i = 0; i < rows_of(n) * width; i++) y[i] = 0;
    EACH_TERM(y[at_y] += value[e] * weight[at_weight])
}

static void K(run_sparse_matmul_weight)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    const int32_t *row_start = kernel->in[0], *column = kernel->in[1];
    const REAL *value = kernel->in[2], *y = kernel->in[3];
    int64_t columns = n->shape.dim[0], width = n->shape.dim[1];
    REAL *weight = kernel->out;
    for (int64_t i = 0; i < columns * width; i++) weight[i] = 0;
    EACH_TERM(weight[at_weight] += value[e] * y[at_y])
}

static void K(run_sparse_matmul_value)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    const int32_t *row_start = kernel->in[0], *column = kernel->in[1];
    const REAL *y = kernel->in[2], *weight = kernel->in[3];
    int64_t columns = n->input[3]->shape.dim[0], width = n->input[3]->shape.dim[1];
    REAL *value = kernel->out;
    for (int64_t i = 0; i < n->shape.dim[0]; i++) value[i] = 0;
    EACH_TERM(value[e] += y[at_y] * weight[at_weight])
}
#undef EACH_TERM

#endif
