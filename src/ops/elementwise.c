/* Elementwise operations: everything here is generated from the lines of elementwise.def. */
#ifndef REAL

#include <math.h>
#include <string.h>

#include "base/special.h"
#include "graph/graph.h"
#include "ops/elementwise.h"

static elbo_node *elbo_unsupported(elbo_node *node) {
    return elbo_graph_fail(node->graph, ELBO_ERROR_UNSUPPORTED, "%s has no gradient", node->op->name);
}

/* Walks the output in order and hands the offsets of the (broadcast) inputs to the kernels. */
typedef struct walk {
    int64_t count, index[ELBO_MAX_RANK], stride[3][ELBO_MAX_RANK], offset[3];
    const elbo_node *node;
} walk;

static walk walk_begin(const elbo_node *node) {
    walk w = {.count = elbo_shape_count(node->shape), .node = node};
    for (int k = 0; k < node->inputs; k++) elbo_shape_strides(node->input[k]->shape, node->shape, w.stride[k]);
    return w;
}

static void walk_next(walk *w) {
    elbo_shape shape = w->node->shape;
    for (int axis = shape.rank - 1; axis >= 0; axis--) {
        for (int k = 0; k < w->node->inputs; k++) w->offset[k] += w->stride[k][axis];
        if (++w->index[axis] < shape.dim[axis]) return;
        w->index[axis] = 0;
        for (int k = 0; k < w->node->inputs; k++) w->offset[k] -= w->stride[k][axis] * shape.dim[axis];
    }
}

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/elementwise.c"
#include "ops/real_f64.h"
#include "ops/elementwise.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer(elbo_node *node, elbo_error *error) {
    elbo_shape shape = ELBO_SCALAR;
    char one[96], two[96];
    bool converts = node->op->code == ELBO_CODE_to_real;
    for (int k = 0; k < node->inputs; k++) {
        elbo_node *input = node->input[k];
        if (!converts && input->dtype != ELBO_F32)
            return elbo_fail(error, ELBO_ERROR_SHAPE, "input %d is %s; real numbers were expected (see elbo_to_real)",
                             k, elbo_dtype_name(input->dtype));
        elbo_shape before = shape;
        if (!elbo_shape_broadcast(before, input->shape, &shape))
            return elbo_fail(error, ELBO_ERROR_SHAPE, "shapes %s and %s do not broadcast",
                             elbo_shape_text(before, one, sizeof one), elbo_shape_text(input->shape, two, sizeof two));
    }
    node->shape = shape;
    node->dtype = ELBO_F32;
    return ELBO_OK;
}

#define GRADIENT(name, arity, value, gradient_a, gradient_b, gradient_c, low, high)       \
    static void gradient_##name(elbo_node *node, elbo_node *dy, elbo_node **din) {        \
        elbo_node *y = node, *a = node->input[0], *b = arity > 1 ? node->input[1] : NULL; \
        elbo_node *c = arity > 2 ? node->input[2] : NULL;                                 \
        (void)dy, (void)y, (void)a, (void)b, (void)c;                                     \
        din[0] = gradient_a;                                                              \
        if (arity > 1) din[1] = gradient_b;                                               \
        if (arity > 2) din[2] = gradient_c;                                               \
    }
#define E GRADIENT
#include "ops/elementwise.def"
#undef E

/* Equal shapes, and each input broadcast in turn. */
#define CASES(low_, high_, arity)                                                                                  \
    (const elbo_op_case[]) {                                                                                       \
        {.shape = {{2, {7, 13}}, {2, {7, 13}}, {2, {7, 13}}}, .inputs = arity, .low = low_, .high = high_},        \
            {.shape = {{3, {2, 3, 40}}, {1, {40}}, {2, {3, 1}}}, .inputs = arity, .low = low_, .high = high_},     \
            {.shape = {{2, {1, 5}}, {2, {33, 1}}, {0, {0}}}, .inputs = arity, .low = low_, .high = high_}, {       \
            .shape = {{0, {0}}, {4, {2, 3, 1, 5}}, {4, {1, 3, 2, 1}}}, .inputs = arity, .low = low_, .high = high_ \
        }                                                                                                          \
    }
#define OP(name_, arity, value, gradient_a, gradient_b, gradient_c, low, high)                                    \
    const elbo_op elbo_op_##name_ = {.name = #name_,                                                              \
                                     .formula = #value,                                                           \
                                     .inputs = arity,                                                             \
                                     .flags = ELBO_OP_ELEMENTWISE,                                                \
                                     .role = ELBO_CODE_##name_ == ELBO_CODE_add ? ELBO_ROLE_ADD : ELBO_ROLE_NONE, \
                                     .code = ELBO_CODE_##name_,                                                   \
                                     .infer = infer,                                                              \
                                     .gradient = gradient_##name_,                                                \
                                     .run_f32 = run_##name_##_f32,                                                \
                                     .run_f64 = run_##name_##_f64,                                                \
                                     .cases = CASES(low, high, arity),                                            \
                                     .case_count = 4};
#define E OP
#include "ops/elementwise.def"
#undef E

static const elbo_op *const ops[] = {
#define E(name, ...) &elbo_op_##name,
#include "ops/elementwise.def"
#undef E
    NULL};
const elbo_op_family elbo_ops_elementwise = {"elementwise", ops};

/* The value when every input is one known constant. */
static elbo_node *folded(const elbo_op *op, int inputs, elbo_node *const *input) {
    double value[3], result;
    elbo_shape shape = ELBO_SCALAR;
    for (int k = 0; k < inputs; k++)
        if (!elbo_node_constant(input[k], &value[k]) || !elbo_shape_broadcast(shape, input[k]->shape, &shape))
            return NULL;
    elbo_node scalar = {.dtype = ELBO_F32}, *list[3] = {&scalar, &scalar, &scalar};
    elbo_node node = {.op = op, .inputs = inputs, .input = list};
    op->run_f64(&(elbo_kernel){.node = &node, .out = &result, .in = (const void *[]){&value[0], &value[1], &value[2]}});
    return elbo_constant(input[0]->graph, result, shape);
}

static bool is(const elbo_node *node, double wanted) {
    double value;
    return elbo_node_constant(node, &value) && value == wanted;
}

/* x + 0, x * 1 and the like, where the result has x's shape. */
static elbo_node *simplified(const elbo_op *op, elbo_node *a, elbo_node *b) {
    elbo_shape shape;
    if (!elbo_shape_broadcast(a->shape, b->shape, &shape)) return NULL;
    bool keeps_a = elbo_shape_equal(shape, a->shape), keeps_b = elbo_shape_equal(shape, b->shape);
    switch (op->code) {
        case ELBO_CODE_add:
            if (keeps_a && is(b, 0)) return a;
            if (keeps_b && is(a, 0)) return b;
            break;
        case ELBO_CODE_sub:
            if (keeps_a && is(b, 0)) return a;
            break;
        case ELBO_CODE_mul:
            if (keeps_a && is(b, 1)) return a;
            if (keeps_b && is(a, 1)) return b;
            if (is(a, 0) || is(b, 0)) return elbo_constant(a->graph, 0, shape);
            break;
        case ELBO_CODE_div:
            if (keeps_a && is(b, 1)) return a;
            if (is(a, 0)) return elbo_constant(a->graph, 0, shape);
            break;
        default: break;
    }
    return NULL;
}

/* An input that only repeats another node is replaced by it where the other inputs have the full shape anyway. */
static elbo_node *without_broadcast(elbo_node *const *input, int inputs, int k) {
    if (input[k]->op->role != ELBO_ROLE_BROADCAST) return input[k];
    elbo_shape shape = input[k]->input[0]->shape;
    for (int other = 0; other < inputs; other++)
        if (other != k && !elbo_shape_broadcast(shape, input[other]->shape, &shape)) return input[k];
    return elbo_shape_equal(shape, input[k]->shape) ? input[k]->input[0] : input[k];
}

static elbo_node *elementwise(const elbo_op *op, int inputs, elbo_node *a, elbo_node *b, elbo_node *c);

/* Where every input only repeats smaller ones, the result does too: it is worked out once and repeated afterwards,
 * until it meets something of the full shape. NULL where that is not so. */
static elbo_node *broadcast_late(const elbo_op *op, int inputs, elbo_node *const *input) {
    elbo_node *source[3] = {NULL, NULL, NULL};
    elbo_shape full = ELBO_SCALAR, small = ELBO_SCALAR;
    for (int k = 0; k < inputs; k++) {
        source[k] = input[k]->op->role == ELBO_ROLE_BROADCAST ? input[k]->input[0] : input[k];
        if (!elbo_shape_broadcast(full, input[k]->shape, &full)) return NULL;
        if (!elbo_shape_broadcast(small, source[k]->shape, &small)) return NULL;
    }
    if (elbo_shape_equal(full, small)) return NULL;
    return elbo_broadcast_to(elementwise(op, inputs, source[0], source[1], source[2]), full);
}

static elbo_node *elementwise(const elbo_op *op, int inputs, elbo_node *a, elbo_node *b, elbo_node *c) {
    elbo_node *input[3] = {a, b, c};
    for (int k = 0; k < inputs; k++)
        if (!input[k]) return NULL;
    for (int k = 0; k < inputs; k++) input[k] = without_broadcast(input, inputs, k);
    elbo_node *late = broadcast_late(op, inputs, input);
    if (late) return late;
    elbo_node *simple = folded(op, inputs, input);
    if (!simple && inputs == 2 && input[0]->dtype == ELBO_F32 && input[1]->dtype == ELBO_F32)
        simple = simplified(op, input[0], input[1]);
    return simple ? simple : elbo_apply(op, inputs, input, NULL);
}

#define UNARY(name) \
    elbo_node *elbo_##name(elbo_node *x) { return elementwise(&elbo_op_##name, 1, x, NULL, NULL); }
#define BINARY(name) \
    elbo_node *elbo_##name(elbo_node *a, elbo_node *b) { return elementwise(&elbo_op_##name, 2, a, b, NULL); }
ELBO_UNARY_LIST(UNARY)
ELBO_BINARY_LIST(BINARY)

elbo_node *elbo_to_real(elbo_node *x) {
    return x && x->dtype == ELBO_F32 ? x : elementwise(&elbo_op_to_real, 1, x, NULL, NULL);
}
elbo_node *elbo_muladd(elbo_node *a, elbo_node *b, elbo_node *c) { return elementwise(&elbo_op_muladd, 3, a, b, c); }
elbo_node *elbo_where(elbo_node *condition, elbo_node *a, elbo_node *b) {
    return elementwise(&elbo_op_where, 3, condition, a, b);
}
elbo_node *elbo_shift(elbo_node *x, double value) { return x ? elbo_add(x, elbo_scalar(x->graph, value)) : NULL; }
elbo_node *elbo_scale(elbo_node *x, double value) { return x ? elbo_mul(x, elbo_scalar(x->graph, value)) : NULL; }
elbo_node *elbo_power(elbo_node *x, double exponent) {
    if (exponent == 1) return x;
    if (exponent == 2) return elbo_square(x);
    if (exponent == 0.5) return elbo_sqrt(x);
    if (exponent == -1) return elbo_reciprocal(x);
    return x ? elbo_pow(x, elbo_scalar(x->graph, exponent)) : NULL;
}
elbo_node *elbo_clamp(elbo_node *x, double low, double high) {
    return x ? elbo_min(elbo_max(x, elbo_scalar(x->graph, low)), elbo_scalar(x->graph, high)) : NULL;
}
elbo_node *elbo_leaky_relu(elbo_node *x, double slope) {
    return x ? elbo_where(elbo_less(elbo_scalar(x->graph, 0), x), x, elbo_scale(x, slope)) : NULL;
}
elbo_node *elbo_elu(elbo_node *x, double alpha) {
    /* expm1 sees only x <= 0, so that neither value nor gradient overflows where the other branch is taken */
    return x ? elbo_add(elbo_relu(x), elbo_scale(elbo_expm1(elbo_min(x, elbo_scalar(x->graph, 0))), alpha)) : NULL;
}

#else /* the reference kernels, for REAL */

static REAL K(load)(const void *data, elbo_dtype dtype, int64_t offset) {
    if (dtype == ELBO_U8) return (REAL)((const uint8_t *)data)[offset];
    if (dtype == ELBO_I32) return (REAL)((const int32_t *)data)[offset];
    return ((const REAL *)data)[offset];
}

#define KERNEL(name, arity, value, gradient_a, gradient_b, gradient_c, low, high)                \
    static void K(run_##name)(const elbo_kernel *kernel) {                                       \
        walk w = walk_begin(kernel->node);                                                       \
        for (int64_t i = 0; i < w.count; i++, walk_next(&w)) {                                   \
            REAL a = K(load)(kernel->in[0], kernel->node->input[0]->dtype, w.offset[0]);         \
            REAL b = arity > 1 ? ((const REAL *)kernel->in[arity > 1])[w.offset[1]] : 0;         \
            REAL c = arity > 2 ? ((const REAL *)kernel->in[arity > 2 ? 2 : 0])[w.offset[2]] : 0; \
            (void)a, (void)b, (void)c;                                                           \
            ((REAL *)kernel->out)[i] = value;                                                    \
        }                                                                                        \
    }
#define E KERNEL
#include "ops/elementwise.def"
#undef E
#undef KERNEL

#endif
