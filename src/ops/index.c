/* Operations that choose places by whole numbers. An index out of range never leads to a read or write out of range:
 * it stands for a row of zeros, which gather and one_hot return and scatter_add drops.
 *
 * Attributes: scatter_add, one_hot: i[0] size; argmax: i[0] axis. */
#ifndef REAL

#include <string.h>

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

/* Rows are moved as bytes, so that a table may hold any type. */
static void gather_bytes(const elbo_kernel *kernel, size_t real) {
    const elbo_node *table = kernel->node->input[0];
    size_t width = table->dtype == ELBO_F32 ? real : elbo_dtype_size(table->dtype);
    size_t row = (size_t)elbo_shape_span(table->shape, 1, table->shape.rank) * width;
    const int32_t *index = kernel->in[1];
    int64_t count = elbo_shape_count(kernel->node->input[1]->shape);
    for (int64_t i = 0; i < count; i++) {
        char *out = (char *)kernel->out + (size_t)i * row;
        if (index[i] >= 0 && index[i] < table->shape.dim[0])
            memcpy(out, (const char *)kernel->in[0] + (size_t)index[i] * row, row);
        else
            memset(out, 0, row);
    }
}

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/index.c"
#include "ops/real_f64.h"
#include "ops/index.c"
#include "ops/real_end.h"
/* clang-format on */

/* gather */

static elbo_status infer_gather(elbo_node *node, elbo_error *error) {
    elbo_shape table = node->input[0]->shape, index = node->input[1]->shape;
    int rank = index.rank + table.rank - 1;
    if (node->input[1]->dtype != ELBO_I32 || table.rank < 1 || rank > ELBO_MAX_RANK)
        return elbo_misfit(node, error, "a table [V, D...] and an index of i32 [I...], together of rank up to %d",
                           ELBO_MAX_RANK + 1);
    node->shape = index;
    node->shape.rank = rank;
    for (int axis = 1; axis < table.rank; axis++) node->shape.dim[index.rank + axis - 1] = table.dim[axis];
    return ELBO_OK;
}

static void gradient_gather(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_scatter_add(dy, node->input[1], node->input[0]->shape.dim[0]);
}

elbo_node *elbo_gather(elbo_node *table, elbo_node *index) {
    return elbo_apply(&elbo_op_gather, 2, (elbo_node *[]){table, index}, NULL);
}

/* scatter_add */

static elbo_status infer_scatter_add(elbo_node *node, elbo_error *error) {
    elbo_shape rows = node->input[0]->shape, index = node->input[1]->shape;
    int64_t size = node->attributes.i[0];
    bool fits = node->input[0]->dtype == ELBO_F32 && node->input[1]->dtype == ELBO_I32 && rows.rank >= index.rank &&
                rows.rank - index.rank < ELBO_MAX_RANK && size >= 1;
    for (int axis = 0; fits && axis < index.rank; axis++) fits = rows.dim[axis] == index.dim[axis];
    if (!fits)
        return elbo_misfit(node, error, "rows [I..., D...], an index of i32 [I...] and a size of at least 1, not %lld",
                           (long long)size);
    node->shape = (elbo_shape){1 + rows.rank - index.rank, {size}};
    for (int axis = index.rank; axis < rows.rank; axis++) node->shape.dim[1 + axis - index.rank] = rows.dim[axis];
    return ELBO_OK;
}

static void gradient_scatter_add(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_gather(dy, node->input[1]);
}

elbo_node *elbo_scatter_add(elbo_node *rows, elbo_node *index, int64_t size) {
    elbo_attributes attributes = {.i = {size}};
    return elbo_apply(&elbo_op_scatter_add, 2, (elbo_node *[]){rows, index}, &attributes);
}

/* one_hot */

static elbo_status infer_one_hot(elbo_node *node, elbo_error *error) {
    elbo_shape index = node->input[0]->shape;
    int64_t size = node->attributes.i[0];
    if (node->input[0]->dtype != ELBO_I32 || index.rank >= ELBO_MAX_RANK || size < 1)
        return elbo_misfit(node, error, "an index of i32 of rank up to %d and a size of at least 1, not %lld",
                           ELBO_MAX_RANK - 1, (long long)size);
    node->dtype = ELBO_F32;
    node->shape.dim[node->shape.rank++] = size;
    return ELBO_OK;
}

elbo_node *elbo_one_hot(elbo_node *index, int64_t size) {
    elbo_attributes attributes = {.i = {size}};
    return elbo_apply(&elbo_op_one_hot, 1, &index, &attributes);
}

/* argmax */

static elbo_status infer_argmax(elbo_node *node, elbo_error *error) {
    elbo_shape in = node->input[0]->shape;
    int axis = in.rank > 0 ? elbo_shape_axis(in, (int)node->attributes.i[0]) : -1;
    if (node->input[0]->dtype != ELBO_F32 || axis < 0)
        return elbo_misfit(node, error, "real numbers and an axis from %d to %d, not %lld", -in.rank, in.rank - 1,
                           (long long)node->attributes.i[0]);
    node->attributes.i[0] = axis;
    node->dtype = ELBO_I32;
    node->shape = (elbo_shape){in.rank - 1, {0}};
    for (int from = 0, to = 0; from < in.rank; from++)
        if (from != axis) node->shape.dim[to++] = in.dim[from];
    return ELBO_OK;
}

elbo_node *elbo_argmax(elbo_node *x, int axis) {
    elbo_attributes attributes = {.i = {axis}};
    return elbo_apply(&elbo_op_argmax, 1, &x, &attributes);
}

/* Indices run past the size where integers > size. */
#define INDEXED .dtype = {ELBO_F32, ELBO_I32}, .inputs = 2, .low = -3, .high = 3
static const elbo_op_case gather_cases[] = {{.shape = {{2, {5, 3}}, {1, {7}}}, INDEXED, .integers = 5},
                                            {.shape = {{1, {4}}, {2, {3, 2}}}, INDEXED, .integers = 4},
                                            {.shape = {{3, {3, 1, 5}}, {0, {0}}}, INDEXED, .integers = 3},
                                            {.shape = {{2, {4, 2}}, {3, {2, 1, 5}}}, INDEXED, .integers = 7}};
static const elbo_op_case scatter_add_cases[] = {
    {.shape = {{2, {7, 3}}, {1, {7}}}, INDEXED, .integers = 5, .attributes.i = {5}},
    {.shape = {{2, {3, 2}}, {2, {3, 2}}}, INDEXED, .integers = 4, .attributes.i = {4}},
    {.shape = {{2, {1, 5}}, {0, {0}}}, INDEXED, .integers = 3, .attributes.i = {3}},
    {.shape = {{4, {2, 1, 5, 2}}, {3, {2, 1, 5}}}, INDEXED, .integers = 7, .attributes.i = {4}}};
static const elbo_op_case one_hot_cases[] = {
    {.shape = {{1, {9}}}, .dtype = {ELBO_I32}, .inputs = 1, .integers = 5, .attributes.i = {5}},
    {.shape = {{0, {0}}}, .dtype = {ELBO_I32}, .inputs = 1, .integers = 1, .attributes.i = {1}},
    {.shape = {{3, {2, 1, 3}}}, .dtype = {ELBO_I32}, .inputs = 1, .integers = 6, .attributes.i = {4}}};
static const elbo_op_case argmax_cases[] = {
    {.shape = {{2, {5, 7}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {1}},
    {.shape = {{3, {3, 5, 2}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {-2}},
    {.shape = {{2, {9, 1}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {0}},
    {.shape = {{1, {1}}}, .inputs = 1, .low = -3, .high = 3, .attributes.i = {0}}};

#define OP(name_, formula_, inputs_, flags_, gradient_)            \
    const elbo_op elbo_op_##name_ = {.name = #name_,               \
                                     .formula = formula_,          \
                                     .inputs = inputs_,            \
                                     .flags = flags_,              \
                                     .infer = infer_##name_,       \
                                     .gradient = gradient_,        \
                                     .run_f32 = run_##name_##_f32, \
                                     .run_f64 = run_##name_##_f64, \
                                     .cases = name_##_cases,       \
                                     .case_count = sizeof name_##_cases / sizeof *name_##_cases};
OP(gather, "y[i] = table[index[i]]", 2, 0, gradient_gather)
OP(scatter_add, "y[v] = sum of rows[i] with index[i] = v", 2, 0, gradient_scatter_add)
OP(one_hot, "y[i, v] = (index[i] = v)", 1, ELBO_OP_NO_GRADIENT, NULL)
OP(argmax, "the first i with the largest x[i]", 1, ELBO_OP_NO_GRADIENT, NULL)

static const elbo_op *const ops[] = {&elbo_op_gather, &elbo_op_scatter_add, &elbo_op_one_hot, &elbo_op_argmax, NULL};
const elbo_op_family elbo_ops_index = {"index", ops};

#else /* the reference kernels, for REAL */

static void K(run_gather)(const elbo_kernel *kernel) { gather_bytes(kernel, sizeof(REAL)); }

static void K(run_scatter_add)(const elbo_kernel *kernel) {
    elbo_shape shape = kernel->node->shape;
    int64_t row = elbo_shape_span(shape, 1, shape.rank), count = elbo_shape_count(kernel->node->input[1]->shape);
    const REAL *rows = kernel->in[0];
    const int32_t *index = kernel->in[1];
    REAL *out = kernel->out;
    for (int64_t i = 0; i < shape.dim[0] * row; i++) out[i] = 0;
    for (int64_t i = 0; i < count; i++) {
        if (index[i] < 0 || index[i] >= shape.dim[0]) continue;
        for (int64_t d = 0; d < row; d++) out[index[i] * row + d] += rows[i * row + d];
    }
}

static void K(run_one_hot)(const elbo_kernel *kernel) {
    int64_t size = kernel->node->attributes.i[0], count = elbo_shape_count(kernel->node->input[0]->shape);
    const int32_t *index = kernel->in[0];
    REAL *out = kernel->out;
    for (int64_t i = 0; i < count; i++)
        for (int64_t v = 0; v < size; v++) out[i * size + v] = index[i] == v;
}

static void K(run_argmax)(const elbo_kernel *kernel) {
    elbo_shape in = kernel->node->input[0]->shape;
    int axis = (int)kernel->node->attributes.i[0];
    int64_t outer = elbo_shape_span(in, 0, axis), size = in.dim[axis], inner = elbo_shape_span(in, axis + 1, in.rank);
    const REAL *x = kernel->in[0];
    int32_t *out = kernel->out;
    for (int64_t o = 0; o < outer; o++)
        for (int64_t i = 0; i < inner; i++) {
            const REAL *line = x + o * size * inner + i;
            int64_t best = 0;
            for (int64_t k = 1; k < size; k++)
                if (line[k * inner] > line[best * inner]) best = k;
            out[o * inner + i] = (int32_t)best;
        }
}

#endif
