/* Matrix products with broadcast leading axes. */
#ifndef REAL

#include "ops/matmul.h"

#include <math.h>

#include "base/special.h"

static elbo_shape leading(elbo_shape shape) {
    shape.rank -= 2;
    return shape;
}

elbo_matmul_view elbo_matmul_view_of(const elbo_node *node) {
    elbo_shape a = node->input[0]->shape, b = node->input[1]->shape;
    bool ta = node->attributes.i[0], tb = node->attributes.i[1];
    elbo_matmul_view view = {.m = a.dim[a.rank - (ta ? 1 : 2)],
                             .k = a.dim[a.rank - (ta ? 2 : 1)],
                             .n = b.dim[b.rank - (tb ? 2 : 1)],
                             .leading = leading(node->shape)};
    view.batch = elbo_shape_count(view.leading);
    elbo_shape_strides(leading(a), view.leading, view.stride_a);
    elbo_shape_strides(leading(b), view.leading, view.stride_b);
    return view;
}

/* Which matrix of an operand the product with this number uses. */
static int64_t matrix_of(int64_t product, const elbo_shape *lead, const int64_t *stride) {
    int64_t at = 0;
    for (int axis = lead->rank - 1; axis >= 0; axis--) {
        at += product % lead->dim[axis] * stride[axis];
        product /= lead->dim[axis];
    }
    return at;
}

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/matmul.c"
#include "ops/real_f64.h"
#include "ops/matmul.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer(elbo_node *node, elbo_error *error) {
    elbo_shape a = node->input[0]->shape, b = node->input[1]->shape, lead = ELBO_SCALAR;
    bool ta = node->attributes.i[0], tb = node->attributes.i[1];
    char one[96], two[96];
    elbo_shape_text(a, one, sizeof one);
    elbo_shape_text(b, two, sizeof two);
    for (int k = 0; k < 2; k++)
        if (node->input[k]->dtype != ELBO_F32)
            return elbo_fail(error, ELBO_ERROR_SHAPE, "input %d is %s; real numbers were expected", k,
                             elbo_dtype_name(node->input[k]->dtype));
    if (a.rank < 2 || b.rank < 2)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s times %s: matrices were expected", one, two);
    if (a.dim[a.rank - (ta ? 2 : 1)] != b.dim[b.rank - (tb ? 1 : 2)] ||
        !elbo_shape_broadcast(leading(a), leading(b), &lead))
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s%s times %s%s does not fit", one, ta ? " transposed" : "", two,
                         tb ? " transposed" : "");
    lead.dim[lead.rank++] = a.dim[a.rank - (ta ? 1 : 2)];
    lead.dim[lead.rank++] = b.dim[b.rank - (tb ? 2 : 1)];
    node->shape = lead;
    node->dtype = ELBO_F32;
    return ELBO_OK;
}

/* y = op(a) op(b): da = dy op(b)' or its transpose, db = op(a)' dy or its transpose. */
static void gradient(elbo_node *node, elbo_node *dy, elbo_node **din) {
    elbo_node *a = node->input[0], *b = node->input[1];
    bool ta = node->attributes.i[0], tb = node->attributes.i[1];
    din[0] = ta ? elbo_matmul(b, dy, tb, true) : elbo_matmul(dy, b, false, !tb);
    if (!ta && a->shape.rank > 2 && b->shape.rank == 2) { /* one product over all rows instead of a sum over a batch */
        a = elbo_reshape(a, ELBO_SHAPE(-1, a->shape.dim[a->shape.rank - 1]));
        dy = elbo_reshape(dy, ELBO_SHAPE(-1, dy->shape.dim[dy->shape.rank - 1]));
    }
    din[1] = tb ? elbo_matmul(dy, a, true, ta) : elbo_matmul(a, dy, !ta, false);
}

#define S(...)                                                      \
    {                                                               \
        sizeof((int[]){__VA_ARGS__}) / sizeof(int), { __VA_ARGS__ } \
    }
static const elbo_op_case cases[] = {
    {.shape = {S(5, 7), S(7, 3)}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {S(7, 5), S(7, 3)}, .inputs = 2, .low = -2, .high = 2, .attributes = {.i = {1, 0}}},
    {.shape = {S(5, 7), S(3, 7)}, .inputs = 2, .low = -2, .high = 2, .attributes = {.i = {0, 1}}},
    {.shape = {S(7, 5), S(3, 7)}, .inputs = 2, .low = -2, .high = 2, .attributes = {.i = {1, 1}}},
    {.shape = {S(1, 1), S(1, 1)}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {S(4, 5, 7), S(7, 3)}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {S(4, 5, 7), S(4, 7, 3)}, .inputs = 2, .low = -2, .high = 2},
    {.shape = {S(2, 1, 5, 4), S(3, 6, 4)}, .inputs = 2, .low = -2, .high = 2, .attributes = {.i = {0, 1}}},
    {.shape = {S(4, 7, 5), S(7, 3)}, .inputs = 2, .low = -2, .high = 2, .attributes = {.i = {1, 0}}},
    {.shape = {S(33, 20), S(20, 65)}, .inputs = 2, .low = -2, .high = 2},
};
#undef S
const elbo_op elbo_op_matmul = {.name = "matmul",
                                .formula = "y = a b",
                                .inputs = 2,
                                .role = ELBO_ROLE_MATMUL,
                                .infer = infer,
                                .gradient = gradient,
                                .run_f32 = run_matmul_f32,
                                .run_f64 = run_matmul_f64,
                                .cases = cases,
                                .case_count = sizeof cases / sizeof *cases};
static const elbo_op *const ops[] = {&elbo_op_matmul, NULL};
const elbo_op_family elbo_ops_matmul = {"matmul", ops};

elbo_node *elbo_matmul(elbo_node *a, elbo_node *b, bool transpose_a, bool transpose_b) {
    elbo_attributes attributes = {.i = {transpose_a, transpose_b}};
    double value;
    elbo_node *y = elbo_apply(&elbo_op_matmul, 2, (elbo_node *[]){a, b}, &attributes);
    if (y && ((elbo_node_constant(a, &value) && value == 0) || (elbo_node_constant(b, &value) && value == 0)))
        return elbo_constant(a->graph, 0, y->shape);
    return y;
}

#else /* the reference kernel: sums in double */

static void K(run_matmul)(const elbo_kernel *kernel) {
    elbo_matmul_view v = elbo_matmul_view_of(kernel->node);
    bool ta = kernel->node->attributes.i[0], tb = kernel->node->attributes.i[1];
    for (int64_t product = 0; product < v.batch; product++) {
        const REAL *a = (const REAL *)kernel->in[0] + matrix_of(product, &v.leading, v.stride_a) * v.m * v.k;
        const REAL *b = (const REAL *)kernel->in[1] + matrix_of(product, &v.leading, v.stride_b) * v.k * v.n;
        REAL *y = (REAL *)kernel->out + product * v.m * v.n;
        for (int64_t i = 0; i < v.m; i++)
            for (int64_t j = 0; j < v.n; j++) {
                double sum = 0;
                for (int64_t l = 0; l < v.k; l++)
                    sum +=
                        (double)(ta ? a[l * v.m + i] : a[i * v.k + l]) * (double)(tb ? b[j * v.k + l] : b[l * v.n + j]);
                y[i * v.n + j] = (REAL)sum;
            }
    }
}

#endif
