/* Products with a matrix of mostly zeros that is stored dense:
 *     matmul_nonzero(x, weight)    x weight   [B, V] [V, H] -> [B, H]
 *     matmul_nonzero_weight(x, y)  x' y       [B, V]' [B, H] -> [V, H], its derivative in weight
 * The derivatives in x are plain products: they are dense. */
#ifndef REAL

#include "ops/nonzero.h"

#include <string.h>

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

enum { BLOCK = 8 }; /* values of x that are passed over at once where all are zero */

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/nonzero.c"
#include "ops/real_f64.h"
#include "ops/nonzero.c"
#include "ops/real_end.h"
/* clang-format on */

static bool is_matrix(const elbo_node *node) { return node->dtype == ELBO_F32 && node->shape.rank == 2; }

static elbo_status infer_matmul_nonzero(elbo_node *node, elbo_error *error) {
    const elbo_node *x = node->input[0], *weight = node->input[1];
    if (!is_matrix(x) || !is_matrix(weight) || x->shape.dim[1] != weight->shape.dim[0])
        return elbo_misfit(node, error, "x [B, V], weight [V, H]");
    node->shape = ELBO_SHAPE(x->shape.dim[0], weight->shape.dim[1]);
    return ELBO_OK;
}

static elbo_status infer_matmul_nonzero_weight(elbo_node *node, elbo_error *error) {
    const elbo_node *x = node->input[0], *y = node->input[1];
    if (!is_matrix(x) || !is_matrix(y) || x->shape.dim[0] != y->shape.dim[0])
        return elbo_misfit(node, error, "x [B, V], y [B, H]");
    node->shape = ELBO_SHAPE(x->shape.dim[1], y->shape.dim[1]);
    return ELBO_OK;
}

static void gradient_matmul_nonzero(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_matmul(dy, node->input[1], false, true);
    din[1] = elbo_apply(&elbo_op_matmul_nonzero_weight, 2, (elbo_node *[]){node->input[0], dy}, NULL);
}

static void gradient_matmul_nonzero_weight(elbo_node *node, elbo_node *dweight, elbo_node **din) {
    din[0] = elbo_matmul(node->input[1], dweight, false, true);
    din[1] = elbo_matmul_nonzero(node->input[0], dweight);
}

elbo_node *elbo_matmul_nonzero(elbo_node *x, elbo_node *weight) {
    return elbo_apply(&elbo_op_matmul_nonzero, 2, (elbo_node *[]){x, weight}, NULL);
}

static const elbo_op_case matmul_nonzero_cases[] = {
    {.shape = {{2, {3, 21}}, {2, {21, 4}}}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {{2, {1, 8}}, {2, {8, 1}}}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {{2, {5, 3}}, {2, {3, 9}}}, .inputs = 2, .low = -2, .high = 2}};
static const elbo_op_case matmul_nonzero_weight_cases[] = {
    {.shape = {{2, {3, 21}}, {2, {3, 4}}}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {{2, {1, 8}}, {2, {1, 1}}}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {{2, {5, 3}}, {2, {5, 9}}}, .inputs = 2, .low = -2, .high = 2}};

#define OP(name_, formula_)                                        \
    const elbo_op elbo_op_##name_ = {.name = #name_,               \
                                     .formula = formula_,          \
                                     .inputs = 2,                  \
                                     .infer = infer_##name_,       \
                                     .gradient = gradient_##name_, \
                                     .run_f32 = run_##name_##_f32, \
                                     .run_f64 = run_##name_##_f64, \
                                     .cases = name_##_cases,       \
                                     .case_count = sizeof name_##_cases / sizeof *name_##_cases};
OP(matmul_nonzero, "x weight, over the values of x that are not zero")
OP(matmul_nonzero_weight, "x' y, over the values of x that are not zero")

static const elbo_op *const ops[] = {&elbo_op_matmul_nonzero, &elbo_op_matmul_nonzero_weight, NULL};
const elbo_op_family elbo_ops_nonzero = {"nonzero", ops};

#else /* the reference kernels, for REAL */

/* By the bits, several values at a time. A negative zero is no zero here, and found to be one later. */
static bool K(all_zero)(const REAL *x) {
    uint64_t word[BLOCK * sizeof *x / sizeof(uint64_t)], any = 0;
    memcpy(word, x, sizeof word);
    for (size_t i = 0; i < sizeof word / sizeof *word; i++) any |= word[i];
    return any == 0;
}

static void K(add_scaled)(REAL *restrict sum, const REAL *restrict term, REAL factor, int64_t count) {
    for (int64_t h = 0; h < count; h++) sum[h] += factor * term[h];
}

/* Calls for each value of a row that is not zero, the place in the row as v. */
#define EACH_NONZERO(row, columns, statement)                    \
    for (int64_t b = 0; b < columns; b += BLOCK) {               \
        int64_t end = columns - b < BLOCK ? columns : b + BLOCK; \
        if (end - b == BLOCK && K(all_zero)(row + b)) continue;  \
        for (int64_t v = b; v < end; v++)                        \
            if (row[v] != 0) statement;                          \
    }

static void K(run_matmul_nonzero)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    int64_t rows = n->shape.dim[0], width = n->shape.dim[1], columns = n->input[1]->shape.dim[0];
    const REAL *x = kernel->in[0], *weight = kernel->in[1];
    REAL *y = kernel->out;
    for (int64_t i = 0; i < rows * width; i++) y[i] = 0;
    for (int64_t r = 0; r < rows; r++) {
        const REAL *row = x + r * columns;
        EACH_NONZERO(row, columns, K(add_scaled)(y + r * width, weight + v * width, row[v], width))
    }
}

static void K(run_matmul_nonzero_weight)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    int64_t columns = n->shape.dim[0], width = n->shape.dim[1], rows = n->input[0]->shape.dim[0];
    const REAL *x = kernel->in[0], *y = kernel->in[1];
    REAL *weight = kernel->out;
    for (int64_t i = 0; i < columns * width; i++) weight[i] = 0;
    for (int64_t r = 0; r < rows; r++) {
        const REAL *row = x + r * columns;
        EACH_NONZERO(row, columns, K(add_scaled)(weight + v * width, y + r * width, row[v], width))
    }
}
#undef EACH_NONZERO

#endif
