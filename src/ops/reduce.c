/* Reductions over adjacent axes, and what is built from them. */
#ifndef REAL

#include "ops/reduce.h"

#include <math.h>

#include "base/special.h"
#include "graph/graph.h"

elbo_reduce_view elbo_reduce_view_of(const elbo_node *node) {
    elbo_shape shape = node->input[0]->shape;
    int first = (int)node->attributes.i[0], end = (int)node->attributes.i[1];
    return (elbo_reduce_view){elbo_shape_span(shape, 0, first), elbo_shape_span(shape, first, end),
                              elbo_shape_span(shape, end, shape.rank)};
}

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/reduce.c"
#include "ops/real_f64.h"
#include "ops/reduce.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer(elbo_node *node, elbo_error *error) {
    elbo_shape in = node->input[0]->shape, out = ELBO_SCALAR;
    int64_t *i = node->attributes.i;
    char text[96];
    if (node->input[0]->dtype != ELBO_F32)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "the input is %s; real numbers were expected",
                         elbo_dtype_name(node->input[0]->dtype));
    if (i[0] < 0 || i[1] > in.rank || i[0] > i[1])
        return elbo_fail(error, ELBO_ERROR_SHAPE, "axes %lld to %lld of shape %s", (long long)i[0], (long long)i[1] - 1,
                         elbo_shape_text(in, text, sizeof text));
    for (int axis = 0; axis < in.rank; axis++) {
        bool reduced = axis >= i[0] && axis < i[1];
        if (!reduced || i[2]) out.dim[out.rank++] = reduced ? 1 : in.dim[axis];
    }
    node->shape = out;
    return ELBO_OK;
}

/* The result with the reduced axes back as size 1, so that it broadcasts against the input. */
static elbo_node *spread(elbo_node *value, const elbo_node *node) {
    elbo_shape shape = node->input[0]->shape;
    for (int axis = (int)node->attributes.i[0]; axis < node->attributes.i[1]; axis++) shape.dim[axis] = 1;
    return elbo_reshape(value, shape);
}

static void gradient_sum(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_broadcast_to(spread(dy, node), node->input[0]->shape);
}

static void gradient_max_over(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_mul(spread(dy, node), elbo_equal(node->input[0], spread(node, node)));
}

static void gradient_logsumexp(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_mul(spread(dy, node), elbo_exp(elbo_sub(node->input[0], spread(node, node))));
}

static const elbo_op_case cases[] = {
    {.shape = {{2, {5, 37}}}, .inputs = 1, .low = -3, .high = 3, .attributes = {.i = {1, 2, 0}}},
    {.shape = {{2, {5, 37}}}, .inputs = 1, .low = -3, .high = 3, .attributes = {.i = {0, 1, 0}}},
    {.shape = {{2, {5, 37}}}, .inputs = 1, .low = -3, .high = 3, .attributes = {.i = {0, 2, 0}}},
    {.shape = {{3, {3, 4, 5}}}, .inputs = 1, .low = -3, .high = 3, .attributes = {.i = {1, 2, 1}}},
    {.shape = {{4, {3, 4, 1, 5}}}, .inputs = 1, .low = -3, .high = 3, .attributes = {.i = {2, 4, 1}}},
    {.shape = {{1, {3000}}}, .inputs = 1, .low = -3, .high = 3, .attributes = {.i = {0, 1, 0}}},
};
#define REDUCTION(name_, formula_, role_)                          \
    const elbo_op elbo_op_##name_ = {.name = #name_,               \
                                     .formula = formula_,          \
                                     .inputs = 1,                  \
                                     .role = role_,                \
                                     .infer = infer,               \
                                     .gradient = gradient_##name_, \
                                     .run_f32 = run_##name_##_f32, \
                                     .run_f64 = run_##name_##_f64, \
                                     .cases = cases,               \
                                     .case_count = sizeof cases / sizeof *cases};
REDUCTION(sum, "sum_j x_j", ELBO_ROLE_SUM)
REDUCTION(max_over, "max_j x_j", ELBO_ROLE_NONE)
REDUCTION(logsumexp, "log sum_j exp x_j", ELBO_ROLE_NONE)
static const elbo_op *const ops[] = {&elbo_op_sum, &elbo_op_max_over, &elbo_op_logsumexp, NULL};
const elbo_op_family elbo_ops_reduce = {"reduce", ops};

static elbo_node *reduction(const elbo_op *op, elbo_node *x, int first, int last, bool keep) {
    if (!x) return NULL;
    int from = elbo_shape_axis(x->shape, first), to = elbo_shape_axis(x->shape, last);
    char text[96];
    if (from < 0 || to < from)
        return elbo_graph_fail(x->graph, ELBO_ERROR_SHAPE, "%s: axes %d to %d of shape %s", op->name, first, last,
                               elbo_shape_text(x->shape, text, sizeof text));
    elbo_attributes attributes = {.i = {from, to + 1, keep}};
    return elbo_apply(op, 1, &x, &attributes);
}

elbo_node *elbo_sum(elbo_node *x, int first, int last, bool keep) {
    elbo_node *y = reduction(&elbo_op_sum, x, first, last, keep);
    double value;
    if (y && elbo_node_constant(x, &value))
        return elbo_constant(x->graph, value * (double)elbo_reduce_view_of(y).middle, y->shape);
    return y;
}

elbo_node *elbo_mean(elbo_node *x, int first, int last, bool keep) {
    elbo_node *total = elbo_sum(x, first, last, keep);
    if (!total) return NULL;
    return elbo_scale(total, (double)elbo_shape_count(total->shape) / (double)elbo_shape_count(x->shape));
}

elbo_node *elbo_max_over(elbo_node *x, int first, int last, bool keep) {
    return reduction(&elbo_op_max_over, x, first, last, keep);
}

elbo_node *elbo_logsumexp(elbo_node *x, int first, int last, bool keep) {
    return reduction(&elbo_op_logsumexp, x, first, last, keep);
}

elbo_node *elbo_sum_all(elbo_node *x) { return x && x->shape.rank ? elbo_sum(x, 0, -1, false) : x; }
elbo_node *elbo_mean_all(elbo_node *x) { return x && x->shape.rank ? elbo_mean(x, 0, -1, false) : x; }

elbo_node *elbo_log_softmax(elbo_node *x, int axis) { return elbo_sub(x, elbo_logsumexp(x, axis, axis, true)); }
elbo_node *elbo_softmax(elbo_node *x, int axis) { return elbo_exp(elbo_log_softmax(x, axis)); }

elbo_node *elbo_sum_to(elbo_node *x, elbo_shape shape) {
    if (!x || elbo_shape_equal(x->shape, shape)) return x;
    int extra = x->shape.rank - shape.rank;
    for (int axis = x->shape.rank - 1; x && axis >= 0;) { /* runs of axes that were repeated, from the back */
        bool repeated = axis < extra || (shape.dim[axis - extra] == 1 && x->shape.dim[axis] != 1);
        int start = axis;
        while (repeated && start > 0 &&
               (start - 1 < extra || (shape.dim[start - 1 - extra] == 1 && x->shape.dim[start - 1] != 1)))
            start--;
        if (repeated) x = elbo_sum(x, start, axis, true);
        axis = start - 1;
    }
    return elbo_reshape(x, shape);
}

#else /* the reference kernels: sums in double */

static void K(run_sum)(const elbo_kernel *kernel) {
    elbo_reduce_view view = elbo_reduce_view_of(kernel->node);
    const REAL *x = kernel->in[0];
    for (int64_t i = 0; i < view.outer * view.inner; i++) {
        const REAL *from = x + i / view.inner * view.middle * view.inner + i % view.inner;
        double sum = 0;
        for (int64_t j = 0; j < view.middle; j++) sum += (double)from[j * view.inner];
        ((REAL *)kernel->out)[i] = (REAL)sum;
    }
}

static void K(run_max_over)(const elbo_kernel *kernel) {
    elbo_reduce_view view = elbo_reduce_view_of(kernel->node);
    const REAL *x = kernel->in[0];
    for (int64_t i = 0; i < view.outer * view.inner; i++) {
        const REAL *from = x + i / view.inner * view.middle * view.inner + i % view.inner;
        REAL most = from[0];
        for (int64_t j = 1; j < view.middle; j++)
            if (from[j * view.inner] > most || isnan(from[j * view.inner])) most = from[j * view.inner];
        ((REAL *)kernel->out)[i] = most;
    }
}

static void K(run_logsumexp)(const elbo_kernel *kernel) {
    elbo_reduce_view view = elbo_reduce_view_of(kernel->node);
    const REAL *x = kernel->in[0];
    K(run_max_over)(kernel);
    for (int64_t i = 0; i < view.outer * view.inner; i++) {
        const REAL *from = x + i / view.inner * view.middle * view.inner + i % view.inner;
        double most = (double)((REAL *)kernel->out)[i], sum = 0;
        if (isinf(most)) continue; /* all -inf, or one +inf: that is the answer */
        for (int64_t j = 0; j < view.middle; j++) sum += exp((double)from[j * view.inner] - most);
        ((REAL *)kernel->out)[i] = (REAL)(most + log(sum));
    }
}

#endif
