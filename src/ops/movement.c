/* Operations that move values without changing them. They serve every type of value; gradients exist for reals.
 *
 * Attributes:
 *   reshape, broadcast_to   i[0] rank, i[1..] dimensions of the result
 *   transpose               i[k] the input's axis that becomes axis k
 *   concat                  i[0] axis
 *   slice                   i[0] axis, i[1] start, i[2] count
 *   pad                     i[0] axis, i[1] zeros before, i[2] zeros after */
#ifndef REAL

#include <string.h>

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

/* Bytes of one element; `real` is the size of the plan's real type. */
static size_t width_of(const elbo_node *node, size_t real) {
    return node->dtype == ELBO_F32 ? real : elbo_dtype_size(node->dtype);
}

/* An array seen from one axis: outer blocks of `length` pieces of `piece` bytes. */
typedef struct view {
    int64_t outer, length;
    size_t piece;
} view;

static view view_of(const elbo_node *node, int axis, size_t real) {
    elbo_shape shape = node->shape;
    return (view){elbo_shape_span(shape, 0, axis), shape.dim[axis],
                  (size_t)elbo_shape_span(shape, axis + 1, shape.rank) * width_of(node, real)};
}

/* `count` elements of a row, each `stride` elements from the one before; the width is known where this is inlined. */
static inline void copy_strided(char *out, const char *in, int64_t count, int64_t stride, size_t width) {
    for (int64_t i = 0; i < count; i++) memcpy(out + (size_t)i * width, in + (size_t)(i * stride) * width, width);
}

static void copy_row(char *out, const char *in, int64_t count, int64_t stride, size_t width) {
    if (stride == 1)
        memcpy(out, in, (size_t)count * width);
    else if (width == sizeof(float))
        copy_strided(out, in, count, stride, sizeof(float));
    else
        copy_strided(out, in, count, stride, width);
}

/* out[index] = in[sum of index * stride], strides in elements. */
static void strided_bytes(const elbo_kernel *kernel, const int64_t stride[ELBO_MAX_RANK], size_t real) {
    elbo_shape shape = kernel->node->shape;
    size_t width = width_of(kernel->node, real);
    int last = shape.rank - 1;
    int64_t length = last < 0 ? 1 : shape.dim[last], index[ELBO_MAX_RANK] = {0}, from = 0;
    int64_t rows = length > 0 ? elbo_shape_count(shape) / length : 0;
    for (int64_t row = 0; row < rows; row++) {
        copy_row((char *)kernel->out + (size_t)(row * length) * width,
                 (const char *)kernel->in[0] + (size_t)from * width, length, last < 0 ? 1 : stride[last], width);
        for (int axis = last - 1; axis >= 0; axis--) { /* the next row, as an odometer counts */
            from += stride[axis];
            if (++index[axis] < shape.dim[axis]) break;
            from -= index[axis] * stride[axis];
            index[axis] = 0;
        }
    }
}

static void transpose_bytes(const elbo_kernel *kernel, size_t real) {
    elbo_shape in = kernel->node->input[0]->shape;
    int64_t stride[ELBO_MAX_RANK] = {0};
    for (int axis = 0; axis < in.rank; axis++)
        stride[axis] = elbo_shape_span(in, (int)kernel->node->attributes.i[axis] + 1, in.rank);
    strided_bytes(kernel, stride, real);
}

static void broadcast_to_bytes(const elbo_kernel *kernel, size_t real) {
    int64_t stride[ELBO_MAX_RANK];
    elbo_shape_strides(kernel->node->input[0]->shape, kernel->node->shape, stride);
    strided_bytes(kernel, stride, real);
}

static void concat_bytes(const elbo_kernel *kernel, size_t real) {
    const elbo_node *node = kernel->node;
    int axis = (int)node->attributes.i[0];
    view to = view_of(node, axis, real);
    int64_t start = 0;
    for (int k = 0; k < node->inputs; k++) {
        view from = view_of(node->input[k], axis, real);
        size_t block = (size_t)from.length * from.piece;
        for (int64_t o = 0; o < to.outer; o++)
            memcpy((char *)kernel->out + (size_t)(o * to.length + start) * to.piece,
                   (const char *)kernel->in[k] + (size_t)o * block, block);
        start += from.length;
    }
}

static void slice_bytes(const elbo_kernel *kernel, size_t real) {
    int axis = (int)kernel->node->attributes.i[0];
    int64_t start = kernel->node->attributes.i[1];
    view to = view_of(kernel->node, axis, real), from = view_of(kernel->node->input[0], axis, real);
    size_t block = (size_t)to.length * to.piece;
    for (int64_t o = 0; o < to.outer; o++)
        memcpy((char *)kernel->out + (size_t)o * block,
               (const char *)kernel->in[0] + (size_t)(o * from.length + start) * from.piece, block);
}

static void pad_bytes(const elbo_kernel *kernel, size_t real) {
    int axis = (int)kernel->node->attributes.i[0];
    int64_t before = kernel->node->attributes.i[1];
    view to = view_of(kernel->node, axis, real), from = view_of(kernel->node->input[0], axis, real);
    size_t block = (size_t)from.length * from.piece;
    memset(kernel->out, 0, (size_t)(to.outer * to.length) * to.piece);
    for (int64_t o = 0; o < to.outer; o++)
        memcpy((char *)kernel->out + (size_t)(o * to.length + before) * to.piece,
               (const char *)kernel->in[0] + (size_t)o * block, block);
}

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/movement.c"
#include "ops/real_f64.h"
#include "ops/movement.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_attributes shape_attributes(elbo_shape shape) {
    elbo_attributes attributes = {.i = {shape.rank}};
    for (int axis = 0; axis < shape.rank && axis < ELBO_MAX_RANK; axis++) attributes.i[1 + axis] = shape.dim[axis];
    return attributes;
}

static bool shape_from(const elbo_attributes *attributes, elbo_shape *shape) {
    *shape = (elbo_shape){(int)attributes->i[0], {0}};
    if (attributes->i[0] < 0 || attributes->i[0] > ELBO_MAX_RANK) return false;
    for (int axis = 0; axis < shape->rank; axis++) shape->dim[axis] = attributes->i[1 + axis];
    return true;
}

/* A node whose input is one repeated value is that value in another shape. */
static elbo_node *settled(elbo_node *x, elbo_node *y) {
    double value;
    return y && elbo_node_constant(x, &value) ? elbo_constant(y->graph, value, y->shape) : y;
}

/* reshape */

static elbo_status infer_reshape(elbo_node *node, elbo_error *error) {
    elbo_shape shape;
    char asked[128];
    if (!shape_from(&node->attributes, &shape))
        return elbo_misfit(node, error, "a shape of rank 0 to %d, not %lld", ELBO_MAX_RANK,
                           (long long)node->attributes.i[0]);
    elbo_shape_text(shape, asked, sizeof asked);
    int64_t total = elbo_shape_count(node->shape), known = 1;
    int open = -1;
    for (int axis = 0; axis < shape.rank; axis++) {
        int64_t size = shape.dim[axis];
        if (size == -1 && open < 0)
            open = axis;
        else if (size < 1 || __builtin_mul_overflow(known, size, &known))
            return elbo_misfit(node, error, "dimensions of at least 1 and at most one -1 in the shape %s", asked);
    }
    if (open >= 0 ? total % known != 0 : total != known)
        return elbo_misfit(node, error, "a value of %s%lld elements for the shape %s",
                           open >= 0 ? "a multiple of " : "", (long long)known, asked);
    if (open >= 0) shape.dim[open] = total / known;
    node->attributes = shape_attributes(shape);
    node->shape = shape;
    return ELBO_OK;
}

static void gradient_reshape(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_reshape(dy, node->input[0]->shape);
}

elbo_node *elbo_reshape(elbo_node *x, elbo_shape shape) {
    if (!x || elbo_shape_equal(x->shape, shape)) return x;
    elbo_attributes attributes = shape_attributes(shape);
    elbo_node *root = x->op == &elbo_op_reshape ? x->input[0] : x;
    elbo_node *y = elbo_apply(&elbo_op_reshape, 1, &root, &attributes);
    return y && elbo_shape_equal(y->shape, root->shape) ? root : settled(root, y);
}

/* stop_gradient */

elbo_node *elbo_stop_gradient(elbo_node *x) {
    return settled(x, x ? elbo_apply(&elbo_op_stop_gradient, 1, &x, NULL) : NULL);
}

/* transpose */

static elbo_status infer_transpose(elbo_node *node, elbo_error *error) {
    elbo_shape in = node->input[0]->shape;
    unsigned seen = 0;
    for (int axis = 0; axis < in.rank; axis++) {
        int64_t from = node->attributes.i[axis];
        if (from < 0 || from >= in.rank || seen & 1u << from)
            return elbo_misfit(node, error, "a permutation of the axes 0 to %d; axis %d is to come from %lld",
                               in.rank - 1, axis, (long long)from);
        seen |= 1u << from;
        node->shape.dim[axis] = in.dim[from];
    }
    return ELBO_OK;
}

static void gradient_transpose(elbo_node *node, elbo_node *dy, elbo_node **din) {
    int inverse[ELBO_MAX_RANK] = {0};
    for (int axis = 0; axis < node->shape.rank; axis++) inverse[node->attributes.i[axis]] = axis;
    din[0] = elbo_transpose(dy, inverse);
}

elbo_node *elbo_transpose(elbo_node *x, const int *permutation) {
    if (!x) return NULL;
    elbo_attributes attributes = {0};
    bool moves = false;
    for (int axis = 0; axis < x->shape.rank; axis++) {
        attributes.i[axis] = permutation[axis] < 0 ? permutation[axis] + x->shape.rank : permutation[axis];
        moves = moves || attributes.i[axis] != axis;
    }
    if (!moves) return x;
    elbo_node *y = elbo_apply(&elbo_op_transpose, 1, &x, &attributes);
    if (!y || x->op != &elbo_op_transpose) return settled(x, y);
    int composed[ELBO_MAX_RANK] = {0};
    for (int axis = 0; axis < x->shape.rank; axis++) composed[axis] = (int)x->attributes.i[attributes.i[axis]];
    return elbo_transpose(x->input[0], composed);
}

/* broadcast_to */

static elbo_status infer_broadcast_to(elbo_node *node, elbo_error *error) {
    elbo_shape shape, both;
    char asked[128];
    if (!shape_from(&node->attributes, &shape))
        return elbo_misfit(node, error, "a shape of rank 0 to %d, not %lld", ELBO_MAX_RANK,
                           (long long)node->attributes.i[0]);
    if (!elbo_shape_broadcast(node->shape, shape, &both) || !elbo_shape_equal(both, shape))
        return elbo_misfit(node, error, "a shape that broadcasts to %s", elbo_shape_text(shape, asked, sizeof asked));
    node->shape = shape;
    return ELBO_OK;
}

static void gradient_broadcast_to(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_sum_to(dy, node->input[0]->shape);
}

elbo_node *elbo_broadcast_to(elbo_node *x, elbo_shape shape) {
    if (!x || elbo_shape_equal(x->shape, shape)) return x;
    if (x->op == &elbo_op_broadcast_to) return elbo_broadcast_to(x->input[0], shape);
    elbo_attributes attributes = shape_attributes(shape);
    return settled(x, elbo_apply(&elbo_op_broadcast_to, 1, &x, &attributes));
}

/* concat */

/* Resolves i[0], an axis that may count from the end. */
static elbo_status resolve_axis(elbo_node *node, elbo_error *error) {
    elbo_shape shape = node->input[0]->shape;
    int axis = shape.rank > 0 ? elbo_shape_axis(shape, (int)node->attributes.i[0]) : -1;
    if (axis < 0)
        return elbo_misfit(node, error, "an axis from %d to %d, not %lld", -shape.rank, shape.rank - 1,
                           (long long)node->attributes.i[0]);
    node->attributes.i[0] = axis;
    return ELBO_OK;
}

static elbo_status infer_concat(elbo_node *node, elbo_error *error) {
    ELBO_TRY(resolve_axis(node, error));
    int axis = (int)node->attributes.i[0];
    for (int k = 1; k < node->inputs; k++) {
        elbo_shape shape = node->input[k]->shape, first = node->input[0]->shape;
        bool same_rank = shape.rank == first.rank;
        if (same_rank) first.dim[axis] = shape.dim[axis];
        if (!same_rank || !elbo_shape_equal(shape, first) || node->input[k]->dtype != node->dtype)
            return elbo_misfit(node, error, "one type, and shapes that differ along axis %d alone; see input %d", axis,
                               k);
        node->shape.dim[axis] += shape.dim[axis];
    }
    return ELBO_OK;
}

static void gradient_concat(elbo_node *node, elbo_node *dy, elbo_node **din) {
    int axis = (int)node->attributes.i[0];
    int64_t start = 0;
    for (int k = 0; k < node->inputs; k++) {
        int64_t count = node->input[k]->shape.dim[axis];
        din[k] = elbo_slice(dy, axis, start, count);
        start += count;
    }
}

/* Long lists are concatenated in bundles, since a node with a gradient may have 64 inputs. */
enum { BUNDLE = 64 };

elbo_node *elbo_concat(elbo_node *const *x, int count, int axis) {
    elbo_node *part[BUNDLE];
    if (!x || count < 1 || !x[0]) return NULL;
    elbo_attributes attributes = {.i = {axis}};
    if (count == 1) return elbo_apply(&elbo_op_concat, 1, x, &attributes) ? x[0] : NULL;
    if (count <= BUNDLE) return elbo_apply(&elbo_op_concat, count, x, &attributes);
    int parts = 0, size = BUNDLE;
    while (size < (count + BUNDLE - 1) / BUNDLE) size *= BUNDLE;
    for (int first = 0; first < count; first += size)
        part[parts++] = elbo_concat(x + first, count - first < size ? count - first : size, axis);
    return elbo_concat(part, parts, axis);
}

/* slice */

static elbo_status infer_slice(elbo_node *node, elbo_error *error) {
    ELBO_TRY(resolve_axis(node, error));
    int axis = (int)node->attributes.i[0];
    int64_t size = node->shape.dim[axis], start = node->attributes.i[1], count = node->attributes.i[2];
    if (start < 0 || count < 1 || start >= size || count > size - start)
        return elbo_misfit(node, error, "a part of the %lld along axis %d, not %lld from %lld on", (long long)size,
                           axis, (long long)count, (long long)start);
    node->shape.dim[axis] = count;
    return ELBO_OK;
}

static void gradient_slice(elbo_node *node, elbo_node *dy, elbo_node **din) {
    int axis = (int)node->attributes.i[0];
    int64_t start = node->attributes.i[1], count = node->attributes.i[2];
    din[0] = elbo_pad(dy, axis, start, node->input[0]->shape.dim[axis] - start - count);
}

/* What was put together is taken apart for nothing: the part of a concatenation that a slice of it is, or NULL. */
static elbo_node *concatenated(const elbo_node *slice) {
    const elbo_node *whole = slice->input[0];
    int64_t axis = slice->attributes.i[0], at = 0;
    if (whole->op != &elbo_op_concat || whole->attributes.i[0] != axis) return NULL;
    for (int part = 0; part < whole->inputs; part++) {
        int64_t size = whole->input[part]->shape.dim[axis];
        if (at == slice->attributes.i[1] && size == slice->attributes.i[2]) return whole->input[part];
        at += size;
    }
    return NULL;
}

elbo_node *elbo_slice(elbo_node *x, int axis, int64_t start, int64_t count) {
    if (!x) return NULL;
    elbo_attributes attributes = {.i = {axis, start, count}};
    elbo_node *y = elbo_apply(&elbo_op_slice, 1, &x, &attributes);
    elbo_node *part = y ? concatenated(y) : NULL;
    if (part) return part;
    return y && elbo_shape_equal(x->shape, y->shape) ? x : settled(x, y);
}

/* pad */

static elbo_status infer_pad(elbo_node *node, elbo_error *error) {
    ELBO_TRY(resolve_axis(node, error));
    int axis = (int)node->attributes.i[0];
    int64_t before = node->attributes.i[1], after = node->attributes.i[2], *size = &node->shape.dim[axis];
    if (before < 0 || after < 0 || __builtin_add_overflow(*size, before, size) ||
        __builtin_add_overflow(*size, after, size))
        return elbo_misfit(node, error, "counts of zeros of at least 0 along axis %d, not %lld and %lld", axis,
                           (long long)before, (long long)after);
    return ELBO_OK;
}

static void gradient_pad(elbo_node *node, elbo_node *dy, elbo_node **din) {
    int axis = (int)node->attributes.i[0];
    din[0] = elbo_slice(dy, axis, node->attributes.i[1], node->input[0]->shape.dim[axis]);
}

elbo_node *elbo_pad(elbo_node *x, int axis, int64_t before, int64_t after) {
    if (!x) return NULL;
    elbo_attributes attributes = {.i = {axis, before, after}};
    elbo_node *y = elbo_apply(&elbo_op_pad, 1, &x, &attributes);
    return y && elbo_shape_equal(x->shape, y->shape) ? x : y;
}

#define REALS .inputs = 1, .low = -3, .high = 3
static const elbo_op_case reshape_cases[] = {{.shape = {{2, {6, 5}}}, REALS, .attributes.i = {3, 3, 2, 5}},
                                             {.shape = {{3, {2, 3, 7}}}, REALS, .attributes.i = {2, -1, 21}},
                                             {.shape = {{2, {1, 1}}}, REALS, .attributes.i = {0}},
                                             {.shape = {{0, {0}}}, REALS, .attributes.i = {3, 1, -1, 1}}};
static const elbo_op_case stop_gradient_cases[] = {{.shape = {{2, {3, 5}}}, REALS}};
static const elbo_op_case transpose_cases[] = {
    {.shape = {{2, {7, 3}}}, REALS, .attributes.i = {1, 0}},
    {.shape = {{3, {2, 3, 5}}}, REALS, .attributes.i = {1, 2, 0}},
    {.shape = {{4, {2, 1, 3, 5}}}, REALS, .attributes.i = {0, 2, 1, 3}},
    {.shape = {{6, {2, 1, 3, 1, 2, 3}}}, REALS, .attributes.i = {5, 0, 4, 1, 3, 2}}};
static const elbo_op_case broadcast_to_cases[] = {{.shape = {{1, {5}}}, REALS, .attributes.i = {2, 3, 5}},
                                                  {.shape = {{0, {0}}}, REALS, .attributes.i = {3, 2, 1, 7}},
                                                  {.shape = {{3, {2, 1, 3}}}, REALS, .attributes.i = {4, 1, 2, 5, 3}}};
static const elbo_op_case concat_cases[] = {
    {.shape = {{2, {3, 2}}, {2, {3, 5}}}, .inputs = 2, .low = -3, .high = 3, .attributes.i = {1}},
    {.shape = {{2, {1, 4}}, {2, {3, 4}}, {2, {2, 4}}}, .inputs = 3, .low = -3, .high = 3, .attributes.i = {0}},
    {.shape = {{4, {2, 3, 1, 2}}, {4, {2, 1, 1, 2}}, {4, {2, 2, 1, 2}}, {4, {2, 1, 1, 2}}},
     .inputs = 4,
     .low = -3,
     .high = 3,
     .attributes.i = {-3}},
    {.shape = {{1, {7}}}, REALS, .attributes.i = {0}}};
static const elbo_op_case slice_cases[] = {{.shape = {{2, {5, 7}}}, REALS, .attributes.i = {1, 2, 3}},
                                           {.shape = {{3, {5, 3, 2}}}, REALS, .attributes.i = {0, 4, 1}},
                                           {.shape = {{3, {2, 9, 1}}}, REALS, .attributes.i = {-2, 0, 8}}};
static const elbo_op_case pad_cases[] = {{.shape = {{2, {3, 5}}}, REALS, .attributes.i = {1, 2, 1}},
                                         {.shape = {{3, {2, 1, 3}}}, REALS, .attributes.i = {-2, 0, 3}},
                                         {.shape = {{1, {4}}}, REALS, .attributes.i = {0, 5, 0}}};

#define OP(name_, formula_, inputs_, infer_, gradient_, ...)                                     \
    const elbo_op elbo_op_##name_ = {.name = #name_,                                             \
                                     .formula = formula_,                                        \
                                     .inputs = inputs_,                                          \
                                     .infer = infer_,                                            \
                                     .gradient = gradient_,                                      \
                                     .cases = name_##_cases,                                     \
                                     .case_count = sizeof name_##_cases / sizeof *name_##_cases, \
                                     __VA_ARGS__};
#define KERNELS(name_) .run_f32 = run_##name_##_f32, .run_f64 = run_##name_##_f64
OP(reshape, "x in another shape", 1, infer_reshape, gradient_reshape, .flags = ELBO_OP_ALIAS)
OP(stop_gradient, "x", 1, NULL, NULL, .flags = ELBO_OP_ALIAS | ELBO_OP_NO_GRADIENT)
OP(transpose, "y[i_k..] = x[i..], axis k from axis p_k", 1, infer_transpose, gradient_transpose, KERNELS(transpose))
OP(broadcast_to, "x repeated", 1, infer_broadcast_to, gradient_broadcast_to, .role = ELBO_ROLE_BROADCAST,
   KERNELS(broadcast_to))
OP(concat, "x_1, x_2, ... along an axis", -1, infer_concat, gradient_concat, KERNELS(concat))
OP(slice, "x[start .. start + count) along an axis", 1, infer_slice, gradient_slice, KERNELS(slice))
OP(pad, "0.., x, 0.. along an axis", 1, infer_pad, gradient_pad, KERNELS(pad))

static const elbo_op *const ops[] = {
    &elbo_op_reshape, &elbo_op_stop_gradient, &elbo_op_transpose, &elbo_op_broadcast_to,
    &elbo_op_concat,  &elbo_op_slice,         &elbo_op_pad,       NULL};
const elbo_op_family elbo_ops_movement = {"movement", ops};

#else /* the reference kernels, for REAL */

#define RUN(name) \
    static void K(run_##name)(const elbo_kernel *kernel) { name##_bytes(kernel, sizeof(REAL)); }
RUN(transpose)
RUN(broadcast_to)
RUN(concat)
RUN(slice)
RUN(pad)
#undef RUN

#endif
