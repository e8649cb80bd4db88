/* Convolution in two dimensions: one trilinear form of image, weight and response,
 *     T(x, w, y) = sum over b, o, i, p, q, k, l of x[b, i, p s + k - d, q s + l - d] w[o, i, k, l] y[b, o, p, q]
 * with stride s, padding d and x = 0 outside the image. Its three derivatives are the three operations, so that they
 * are closed under differentiation: conv2d(x, w)         dT/dy  x: [B, I, H, W], w: [O, I, KH, KW] -> [B, O, P, Q]
 *     conv2d_input(y, w)   dT/dx  y: [B, O, P, Q], w: [O, I, KH, KW] -> [B, I, H, W]
 *     conv2d_weight(x, y)  dT/dw  x: [B, I, H, W], y: [B, O, P, Q] -> [O, I, KH, KW]
 * where P = (H + 2 d - KH) / s + 1 and Q = (W + 2 d - KW) / s + 1, rounded down.
 *
 * Attributes of all three: i[0] stride s, i[1] padding d, i[2] and i[3] the last two dimensions of the result: (P, Q),
 * filled in by the shape rule; (H, W), which y alone does not tell where the stride does not divide; (KH, KW). */
#ifndef REAL

#include "graph/graph.h"
#include "graph/misfit.h"
#include "ops/names.h"

/* The sizes of one form, however it is used. */
typedef struct form {
    int64_t batch, in, height, width, out, kernel_height, kernel_width, rows, columns, stride, padding;
} form;

static form form_of(elbo_shape x, elbo_shape w, elbo_shape y, const elbo_attributes *attributes) {
    return (form){x.dim[0], x.dim[1], x.dim[2], x.dim[3],         y.dim[1],        w.dim[2],
                  w.dim[3], y.dim[2], y.dim[3], attributes->i[0], attributes->i[1]};
}

/* The order matters. */
/* clang-format off */
#include "ops/real_f32.h"
#include "ops/convolution.c"
#include "ops/real_f64.h"
#include "ops/convolution.c"
#include "ops/real_end.h"
/* clang-format on */

/* Places of a kernel along one axis; 0 if it does not fit once. */
static int64_t places(int64_t size, int64_t kernel, const elbo_attributes *attributes) {
    int64_t room = size + 2 * attributes->i[1] - kernel;
    return room < 0 ? 0 : room / attributes->i[0] + 1;
}

/* Both inputs are real and of rank 4, stride and padding make sense. */
static bool well_formed(const elbo_node *node) {
    for (int k = 0; k < 2; k++)
        if (node->input[k]->dtype != ELBO_F32 || node->input[k]->shape.rank != 4) return false;
    return node->attributes.i[0] >= 1 && node->attributes.i[1] >= 0;
}

static elbo_status infer_conv2d(elbo_node *node, elbo_error *error) {
    elbo_shape x = node->input[0]->shape, w = node->input[1]->shape;
    elbo_attributes *a = &node->attributes;
    if (!well_formed(node) || x.dim[1] != w.dim[1])
        return elbo_misfit(node, error,
                           "real x [B, I, H, W], weight [O, I, KH, KW], stride >= 1 (not %lld), padding >= 0 "
                           "(not %lld)",
                           (long long)a->i[0], (long long)a->i[1]);
    a->i[2] = places(x.dim[2], w.dim[2], a);
    a->i[3] = places(x.dim[3], w.dim[3], a);
    if (a->i[2] < 1 || a->i[3] < 1)
        return elbo_misfit(node, error, "a kernel no larger than the image padded by %lld on each side",
                           (long long)a->i[1]);
    node->shape = (elbo_shape){4, {x.dim[0], w.dim[0], a->i[2], a->i[3]}};
    return ELBO_OK;
}

static elbo_status infer_conv2d_input(elbo_node *node, elbo_error *error) {
    elbo_shape y = node->input[0]->shape, w = node->input[1]->shape;
    const elbo_attributes *a = &node->attributes;
    if (!well_formed(node) || y.dim[1] != w.dim[0] || a->i[2] < 1 || a->i[3] < 1 ||
        places(a->i[2], w.dim[2], a) != y.dim[2] || places(a->i[3], w.dim[3], a) != y.dim[3])
        return elbo_misfit(node, error,
                           "y [B, O, P, Q] and weight [O, I, KH, KW] of a convolution of %lldx%lld images "
                           "with stride %lld and padding %lld",
                           (long long)a->i[2], (long long)a->i[3], (long long)a->i[0], (long long)a->i[1]);
    node->shape = (elbo_shape){4, {y.dim[0], w.dim[1], a->i[2], a->i[3]}};
    return ELBO_OK;
}

static elbo_status infer_conv2d_weight(elbo_node *node, elbo_error *error) {
    elbo_shape x = node->input[0]->shape, y = node->input[1]->shape;
    const elbo_attributes *a = &node->attributes;
    if (!well_formed(node) || x.dim[0] != y.dim[0] || a->i[2] < 1 || a->i[3] < 1 ||
        places(x.dim[2], a->i[2], a) != y.dim[2] || places(x.dim[3], a->i[3], a) != y.dim[3])
        return elbo_misfit(node, error,
                           "x [B, I, H, W] and y [B, O, P, Q] of a convolution with %lldx%lld kernels, stride "
                           "%lld and padding %lld",
                           (long long)a->i[2], (long long)a->i[3], (long long)a->i[0], (long long)a->i[1]);
    node->shape = (elbo_shape){4, {y.dim[1], x.dim[1], a->i[2], a->i[3]}};
    return ELBO_OK;
}

/* One derivative of the form with the stride and padding of `like` and the last two dimensions of `size`. */
static elbo_node *derivative(const elbo_op *op, elbo_node *a, elbo_node *b, const elbo_node *like, elbo_shape size) {
    elbo_attributes attributes = {.i = {like->attributes.i[0], like->attributes.i[1], size.dim[2], size.dim[3]}};
    return elbo_apply(op, 2, (elbo_node *[]){a, b}, &attributes);
}

static void gradient_conv2d(elbo_node *node, elbo_node *dy, elbo_node **din) {
    elbo_node *x = node->input[0], *w = node->input[1];
    din[0] = derivative(&elbo_op_conv2d_input, dy, w, node, x->shape);
    din[1] = derivative(&elbo_op_conv2d_weight, x, dy, node, w->shape);
}

static void gradient_conv2d_input(elbo_node *node, elbo_node *dx, elbo_node **din) {
    elbo_node *y = node->input[0], *w = node->input[1];
    din[0] = derivative(&elbo_op_conv2d, dx, w, node, y->shape);
    din[1] = derivative(&elbo_op_conv2d_weight, dx, y, node, w->shape);
}

static void gradient_conv2d_weight(elbo_node *node, elbo_node *dw, elbo_node **din) {
    elbo_node *x = node->input[0], *y = node->input[1];
    din[0] = derivative(&elbo_op_conv2d_input, y, dw, node, x->shape);
    din[1] = derivative(&elbo_op_conv2d, x, dw, node, y->shape);
}

elbo_node *elbo_conv2d(elbo_node *x, elbo_node *weight, int stride, int padding) {
    elbo_attributes attributes = {.i = {stride, padding}};
    return elbo_apply(&elbo_op_conv2d, 2, (elbo_node *[]){x, weight}, &attributes);
}

/* The weight's [I, O, KH, KW] is the [O, I, KH, KW] of the convolution whose adjoint this is. */
elbo_node *elbo_conv2d_transposed(elbo_node *x, elbo_node *weight, int stride, int padding, int output_padding) {
    if (!x || !weight) return NULL;
    elbo_shape in = x->shape, w = weight->shape;
    elbo_attributes attributes = {.i = {stride, padding}};
    for (int axis = 2; axis < 4; axis++)
        attributes.i[axis] = (in.dim[axis] - 1) * stride - 2 * (int64_t)padding + w.dim[axis] + output_padding;
    if (in.rank == 4 && w.rank == 4 && in.dim[1] == w.dim[0] && stride >= 1 && padding >= 0 && output_padding >= 0 &&
        output_padding < stride && attributes.i[2] >= 1 && attributes.i[3] >= 1)
        return elbo_apply(&elbo_op_conv2d_input, 2, (elbo_node *[]){x, weight}, &attributes);
    char one[128], two[128];
    return elbo_graph_fail(
        x->graph, ELBO_ERROR_SHAPE,
        "conv2d_transposed: inputs %s and %s; expected x [B, I, H, W], weight [I, O, KH, KW], stride >= 1 "
        "(not %d), padding >= 0 (not %d) that leaves an image, 0 <= output padding < stride (not %d)",
        elbo_shape_text(in, one, sizeof one), elbo_shape_text(w, two, sizeof two), stride, padding, output_padding);
}

/* Strides that divide and that do not, padding, single pixels, flat kernels. */
#define REALS .inputs = 2, .low = -2, .high = 2
static const elbo_op_case conv2d_cases[] = {
    {.shape = {{4, {2, 3, 5, 6}}, {4, {4, 3, 3, 3}}}, REALS, .attributes.i = {1, 1}},
    {.shape = {{4, {2, 2, 7, 6}}, {4, {3, 2, 3, 3}}}, REALS, .attributes.i = {2, 1}},
    {.shape = {{4, {1, 1, 6, 5}}, {4, {2, 1, 2, 4}}}, REALS, .attributes.i = {3, 0}},
    {.shape = {{4, {1, 3, 1, 1}}, {4, {2, 3, 3, 3}}}, REALS, .attributes.i = {1, 2}},
    {.shape = {{4, {3, 5, 4, 1}}, {4, {7, 5, 1, 1}}}, REALS, .attributes.i = {1, 0}}};
static const elbo_op_case conv2d_input_cases[] = {
    {.shape = {{4, {2, 4, 5, 6}}, {4, {4, 3, 3, 3}}}, REALS, .attributes.i = {1, 1, 5, 6}},
    {.shape = {{4, {2, 3, 4, 3}}, {4, {3, 2, 3, 3}}}, REALS, .attributes.i = {2, 1, 7, 6}},
    {.shape = {{4, {1, 2, 2, 1}}, {4, {2, 1, 2, 4}}}, REALS, .attributes.i = {3, 0, 6, 5}},
    {.shape = {{4, {1, 2, 3, 3}}, {4, {2, 3, 3, 3}}}, REALS, .attributes.i = {1, 2, 1, 1}},
    {.shape = {{4, {3, 7, 4, 1}}, {4, {7, 5, 1, 1}}}, REALS, .attributes.i = {1, 0, 4, 1}}};
static const elbo_op_case conv2d_weight_cases[] = {
    {.shape = {{4, {2, 3, 5, 6}}, {4, {2, 4, 5, 6}}}, REALS, .attributes.i = {1, 1, 3, 3}},
    {.shape = {{4, {2, 2, 7, 6}}, {4, {2, 3, 4, 3}}}, REALS, .attributes.i = {2, 1, 3, 3}},
    {.shape = {{4, {1, 1, 6, 5}}, {4, {1, 2, 2, 1}}}, REALS, .attributes.i = {3, 0, 2, 4}},
    {.shape = {{4, {1, 3, 1, 1}}, {4, {1, 2, 3, 3}}}, REALS, .attributes.i = {1, 2, 3, 3}},
    {.shape = {{4, {3, 5, 4, 1}}, {4, {3, 7, 4, 1}}}, REALS, .attributes.i = {1, 0, 1, 1}}};

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
OP(conv2d, "y[b, o, p, q] = sum x[b, i, p s + k - d, q s + l - d] w[o, i, k, l]")
OP(conv2d_input, "x[b, i, h, w] = sum y[b, o, p, q] w[o, i, h + d - p s, w + d - q s]")
OP(conv2d_weight, "w[o, i, k, l] = sum x[b, i, p s + k - d, q s + l - d] y[b, o, p, q]")

static const elbo_op *const ops[] = {&elbo_op_conv2d, &elbo_op_conv2d_input, &elbo_op_conv2d_weight, NULL};
const elbo_op_family elbo_ops_convolution = {"convolution", ops};

#else /* the reference kernels, for REAL */

/* Visits every term of the form whose pixel lies in the image and lets it add to one of the three arrays. */
#define EACH_TERM(statement)                                                                                 \
    for (int64_t b = 0; b < f.batch; b++)                                                                    \
        for (int64_t o = 0; o < f.out; o++)                                                                  \
            for (int64_t i = 0; i < f.in; i++)                                                               \
                for (int64_t p = 0; p < f.rows; p++)                                                         \
                    for (int64_t q = 0; q < f.columns; q++)                                                  \
                        for (int64_t k = 0; k < f.kernel_height; k++)                                        \
                            for (int64_t l = 0; l < f.kernel_width; l++) {                                   \
                                int64_t row = p * f.stride + k - f.padding;                                  \
                                int64_t column = q * f.stride + l - f.padding;                               \
                                if (row < 0 || row >= f.height || column < 0 || column >= f.width) continue; \
                                int64_t at_x = ((b * f.in + i) * f.height + row) * f.width + column;         \
                                int64_t at_w = ((o * f.in + i) * f.kernel_height + k) * f.kernel_width + l;  \
                                int64_t at_y = ((b * f.out + o) * f.rows + p) * f.columns + q;               \
                                statement;                                                                   \
                            }

static void K(clear)(const elbo_kernel *kernel) {
    REAL *out = kernel->out;
    for (int64_t i = 0; i < elbo_shape_count(kernel->node->shape); i++) out[i] = 0;
}

static void K(run_conv2d)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    form f = form_of(n->input[0]->shape, n->input[1]->shape, n->shape, &n->attributes);
    const REAL *x = kernel->in[0], *w = kernel->in[1];
    REAL *y = kernel->out;
    K(clear)(kernel);
    EACH_TERM(y[at_y] += x[at_x] * w[at_w])
}

static void K(run_conv2d_input)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    form f = form_of(n->shape, n->input[1]->shape, n->input[0]->shape, &n->attributes);
    const REAL *y = kernel->in[0], *w = kernel->in[1];
    REAL *x = kernel->out;
    K(clear)(kernel);
    EACH_TERM(x[at_x] += y[at_y] * w[at_w])
}

static void K(run_conv2d_weight)(const elbo_kernel *kernel) {
    const elbo_node *n = kernel->node;
    form f = form_of(n->input[0]->shape, n->shape, n->input[1]->shape, &n->attributes);
    const REAL *x = kernel->in[0], *y = kernel->in[1];
    REAL *w = kernel->out;
    K(clear)(kernel);
    EACH_TERM(w[at_w] += x[at_x] * y[at_y])
}
#undef EACH_TERM

#endif
