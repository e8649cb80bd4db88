/* Graphs: twins merge, constants fold, misfits are told in full, NULL passes through, gradients add up. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "graph/graph.h"

#define SHAPE ELBO_SHAPE

static int begin(void **state) {
    *state = elbo_graph_new();
    return *state ? 0 : -1;
}

static int end(void **state) {
    elbo_graph_free(*state);
    return 0;
}

static void assert_sound(const elbo_graph *graph) {
    elbo_error error = {0};
    if (elbo_graph_check(graph, &error) != ELBO_OK) fail_msg("%s", error.message);
}

/* The graph failed with this status and a message that holds each part (up to NULL). */
static void assert_failed(const elbo_graph *graph, elbo_status status, const char *const *part) {
    elbo_error error = {0};
    if (elbo_graph_check(graph, &error) != status)
        fail_msg("status %d, not %d: %s", (int)error.status, (int)status, error.message);
    for (; *part; part++)
        if (!strstr(error.message, *part)) fail_msg("no \"%s\" in \"%s\"", *part, error.message);
}
#define PARTS(...) ((const char *const[]){__VA_ARGS__, NULL})

static elbo_node *real_input(elbo_graph *graph, const char *name, elbo_shape shape) {
    return elbo_input(graph, name, ELBO_F32, shape);
}

/* A node's value in f64 on the reference backend, every real input set to `x`. */
static void evaluate(elbo_graph *graph, elbo_node *node, elbo_node *input, const double *x, double *out) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = &node,
                           .fetch_count = 1,
                           .backend = ELBO_BACKEND_REFERENCE,
                           .precision = ELBO_PRECISION_F64,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    void *memory = elbo_plan_input(plan, input);
    if (memory) memcpy(memory, x, sizeof *x * (size_t)elbo_shape_count(elbo_node_shape(input)));
    assert_int_equal(elbo_plan_run(plan, NULL, &error), ELBO_OK);
    assert_true(elbo_plan_read(plan, node, out, elbo_shape_count(elbo_node_shape(node))));
    elbo_plan_free(plan);
}

static void twins_merge(void **state) {
    elbo_graph *graph = *state;
    elbo_node *a = real_input(graph, "a", SHAPE(2, 3)), *b = real_input(graph, "b", SHAPE(2, 3));
    assert_ptr_equal(a, real_input(graph, "a", SHAPE(2, 3)));
    assert_ptr_equal(elbo_mul(a, b), elbo_mul(a, b));
    assert_ptr_not_equal(elbo_mul(a, b), elbo_mul(b, a));
    assert_ptr_equal(elbo_scalar(graph, 2), elbo_scalar(graph, 2));
    assert_ptr_not_equal(elbo_scalar(graph, 2), elbo_constant(graph, 2, SHAPE(1)));
    assert_ptr_equal(elbo_cumsum(a, -1, true, false), elbo_cumsum(a, 1, true, false));
    assert_ptr_not_equal(elbo_cumsum(a, 1, true, false), elbo_cumsum(a, 1, true, true));
    assert_ptr_equal(elbo_slice(a, -1, 0, 2), elbo_slice(a, 1, 0, 2));
    assert_ptr_equal(elbo_reshape(a, SHAPE(3, -1)), elbo_reshape(a, SHAPE(3, 2)));
    assert_ptr_equal(elbo_sum(a, -2, -1, false), elbo_sum_all(a));
    assert_ptr_not_equal(elbo_random_normal(graph, SHAPE(2), 0), elbo_random_normal(graph, SHAPE(2), 0));
    elbo_node *first = NULL;
    for (int i = 0; i < 2000; i++) { /* the table of twins grows, and still finds them */
        elbo_node *node = elbo_shift(a, i + 1);
        if (i == 0) first = node;
    }
    assert_ptr_equal(first, elbo_shift(a, 1));
    assert_sound(graph);
}

static void assert_constant(const elbo_node *node, double wanted, elbo_shape shape) {
    double value = NAN;
    assert_true(elbo_node_constant(node, &value));
    assert_true(value == wanted);
    assert_true(elbo_shape_equal(elbo_node_shape(node), shape));
}

static void constants_fold(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(2, 3)), *two = elbo_scalar(graph, 2);
    elbo_node *threes = elbo_constant(graph, 3, SHAPE(2, 3)), *zeros = elbo_constant(graph, 0, SHAPE(2, 3));
    assert_constant(elbo_add(two, threes), 5, SHAPE(2, 3));
    assert_constant(elbo_where(two, threes, two), 3, SHAPE(2, 3));
    assert_constant(elbo_sqrt(elbo_scalar(graph, 9)), 3, ELBO_SCALAR);
    assert_constant(elbo_mul(x, elbo_scalar(graph, 0)), 0, SHAPE(2, 3));
    assert_constant(elbo_sum_all(threes), 18, ELBO_SCALAR);
    assert_constant(elbo_matmul(x, elbo_constant(graph, 0, SHAPE(3, 4)), false, false), 0, SHAPE(2, 4));
    assert_constant(elbo_reshape(threes, SHAPE(-1)), 3, SHAPE(6));
    assert_constant(elbo_transpose(threes, (int[]){1, 0}), 3, SHAPE(3, 2));
    assert_constant(elbo_broadcast_to(two, SHAPE(4, 1)), 2, SHAPE(4, 1));
    assert_constant(elbo_slice(threes, 0, 1, 1), 3, SHAPE(1, 3));
    assert_ptr_equal(elbo_add(x, zeros), x);
    assert_ptr_equal(elbo_mul(elbo_scalar(graph, 1), x), x);
    assert_ptr_equal(elbo_sub(x, zeros), x);
    assert_ptr_equal(elbo_div(x, elbo_scalar(graph, 1)), x);
    assert_ptr_equal(elbo_power(x, 1), x);
    assert_ptr_equal(elbo_reshape(elbo_reshape(x, SHAPE(6)), SHAPE(2, 3)), x);
    assert_ptr_equal(elbo_transpose(elbo_transpose(x, (int[]){1, 0}), (int[]){1, 0}), x);
    assert_ptr_equal(elbo_slice(x, 1, 0, 3), x);
    assert_ptr_equal(elbo_pad(x, 1, 0, 0), x);
    assert_ptr_equal(elbo_concat(&x, 1, 0), x);
    assert_ptr_equal(elbo_broadcast_to(x, SHAPE(2, 3)), x);
    assert_ptr_equal(elbo_to_real(x), x);
    /* x + 0 where the zero is larger than x is not x */
    assert_ptr_not_equal(elbo_add(elbo_slice(x, 0, 0, 1), zeros), elbo_slice(x, 0, 0, 1));
    assert_sound(graph);
}

/* Each builder on inputs that do not fit. */
#define MISFIT(name, call)                               \
    static elbo_node *name(elbo_node *a, elbo_node *b) { \
        (void)a, (void)b;                                \
        return call;                                     \
    }
MISFIT(bad_add, elbo_add(a, b))
MISFIT(bad_muladd, elbo_muladd(a, a, b))
MISFIT(bad_matmul, elbo_matmul(a, b, false, false))
MISFIT(bad_sum, elbo_sum(a, 1, 5, false))
MISFIT(bad_reshape, elbo_reshape(a, SHAPE(4, 2)))
MISFIT(bad_open_reshape, elbo_reshape(a, SHAPE(-1, 4)))
MISFIT(bad_two_open, elbo_reshape(a, SHAPE(-1, -1)))
MISFIT(bad_overflow, elbo_reshape(a, SHAPE(INT64_C(1) << 40, INT64_C(1) << 40)))
MISFIT(bad_transpose, elbo_transpose(a, ((int[]){0, 0})))
MISFIT(bad_far_transpose, elbo_transpose(a, ((int[]){0, 2})))
MISFIT(bad_broadcast, elbo_broadcast_to(a, SHAPE(4, 3)))
MISFIT(bad_shrink, elbo_broadcast_to(a, SHAPE(3)))
MISFIT(bad_concat, elbo_concat(((elbo_node *[]){a, a, b}), 3, 1))
MISFIT(bad_concat_axis, elbo_concat(((elbo_node *[]){a, a}), 2, 2))
MISFIT(bad_slice, elbo_slice(a, 1, 2, 2))
MISFIT(bad_slice_start, elbo_slice(a, 0, -1, 1))
MISFIT(bad_huge_slice, elbo_slice(a, 1, 1, INT64_MAX))
MISFIT(bad_pad, elbo_pad(a, 1, -1, 2))
MISFIT(bad_huge_pad, elbo_pad(a, 1, INT64_MAX, INT64_MAX))
MISFIT(bad_gather, elbo_gather(a, b))
MISFIT(bad_scatter_add, elbo_scatter_add(a, b, 3))
MISFIT(bad_one_hot, elbo_one_hot(a, 3))
MISFIT(bad_argmax, elbo_argmax(a, 2))
MISFIT(bad_cumsum, elbo_cumsum(a, -3, false, false))
MISFIT(bad_tril_fill, elbo_tril_fill(b))
MISFIT(bad_tril_take, elbo_tril_take(a))
MISFIT(bad_tril_solve, elbo_tril_solve(a, b, false))
MISFIT(bad_conv2d, elbo_conv2d(a, b, 1, 0))
MISFIT(bad_stride, elbo_conv2d(a, b, 0, 0))
MISFIT(bad_transposed, elbo_conv2d_transposed(a, b, 1, 0, 0))
MISFIT(bad_output_padding, elbo_conv2d_transposed(a, b, 2, 0, 2))
MISFIT(bad_sparse, elbo_sparse_matmul(a, a, b, b))
MISFIT(bad_batch_norm, elbo_batch_norm(a, b, b, 1e-5, NULL, NULL))
MISFIT(bad_layer_norm, elbo_layer_norm(a, b, b, 1e-5))

static const struct {
    elbo_node *(*build)(elbo_node *a, elbo_node *b);
    elbo_shape a, b;
    const char *part[5];
} misfits[] = {
    {bad_add, {2, {2, 3}}, {1, {4}}, {"add: ", "[2, 3]", "[4]"}},
    {bad_muladd, {2, {2, 3}}, {2, {3, 2}}, {"muladd: ", "[2, 3]", "[3, 2]"}},
    {bad_matmul, {2, {100, 784}}, {2, {500, 20}}, {"matmul: ", "[100, 784]", "[500, 20]"}},
    {bad_sum, {2, {2, 3}}, {0, {0}}, {"sum: ", "axes 1 to 5", "[2, 3]"}},
    {bad_reshape, {2, {2, 3}}, {0, {0}}, {"reshape: ", "[2, 3]", "8 elements", "[4, 2]"}},
    {bad_open_reshape, {2, {2, 3}}, {0, {0}}, {"reshape: ", "[2, 3]", "multiple of 4", "[-1, 4]"}},
    {bad_two_open, {2, {2, 3}}, {0, {0}}, {"reshape: ", "[2, 3]", "at most one -1", "[-1, -1]"}},
    {bad_overflow, {2, {2, 3}}, {0, {0}}, {"reshape: ", "[2, 3]", "[1099511627776, 1099511627776]"}},
    {bad_transpose, {2, {2, 3}}, {0, {0}}, {"transpose: ", "[2, 3]", "permutation"}},
    {bad_far_transpose, {2, {2, 3}}, {0, {0}}, {"transpose: ", "[2, 3]", "permutation", "from 2"}},
    {bad_broadcast, {2, {2, 3}}, {0, {0}}, {"broadcast_to: ", "[2, 3]", "[4, 3]"}},
    {bad_shrink, {2, {2, 3}}, {0, {0}}, {"broadcast_to: ", "[2, 3]", "[3]"}},
    {bad_concat, {2, {2, 3}}, {2, {3, 3}}, {"concat: ", "[2, 3], [2, 3] and [3, 3]", "axis 1", "input 2"}},
    {bad_concat_axis, {2, {2, 3}}, {0, {0}}, {"concat: ", "[2, 3]", "axis from -2 to 1, not 2"}},
    {bad_slice, {2, {2, 3}}, {0, {0}}, {"slice: ", "[2, 3]", "the 3 along axis 1", "not 2 from 2"}},
    {bad_slice_start, {2, {2, 3}}, {0, {0}}, {"slice: ", "[2, 3]", "from -1"}},
    {bad_huge_slice, {2, {2, 3}}, {0, {0}}, {"slice: ", "[2, 3]", "9223372036854775807 from 1"}},
    {bad_pad, {2, {2, 3}}, {0, {0}}, {"pad: ", "[2, 3]", "at least 0", "-1 and 2"}},
    {bad_huge_pad, {2, {2, 3}}, {0, {0}}, {"pad: ", "[2, 3]", "9223372036854775807"}},
    {bad_gather, {2, {2, 3}}, {1, {4}}, {"gather: ", "[2, 3]", "[4]", "i32"}},
    {bad_scatter_add, {2, {2, 3}}, {1, {4}}, {"scatter_add: ", "[2, 3]", "[4]", "i32"}},
    {bad_one_hot, {2, {2, 3}}, {0, {0}}, {"one_hot: ", "[2, 3]", "i32"}},
    {bad_argmax, {2, {2, 3}}, {0, {0}}, {"argmax: ", "[2, 3]", "axis from -2 to 1, not 2"}},
    {bad_cumsum, {2, {2, 3}}, {0, {0}}, {"cumsum: ", "[2, 3]", "axis from -2 to 1, not -3"}},
    {bad_tril_fill, {2, {2, 3}}, {1, {5}}, {"tril_fill: ", "[5]", "n(n+1)/2"}},
    {bad_tril_take, {2, {2, 3}}, {0, {0}}, {"tril_take: ", "[2, 3]", "[..., n, n]"}},
    {bad_tril_solve, {2, {3, 3}}, {2, {2, 1}}, {"tril_solve: ", "[3, 3]", "[2, 1]", "[..., n, m]"}},
    {bad_conv2d, {4, {1, 3, 8, 8}}, {4, {5, 4, 3, 3}}, {"conv2d: ", "[1, 3, 8, 8]", "[5, 4, 3, 3]", "[O, I, KH, KW]"}},
    {bad_conv2d, {4, {1, 3, 2, 8}}, {4, {5, 3, 3, 3}}, {"conv2d: ", "[1, 3, 2, 8]", "[5, 3, 3, 3]", "no larger"}},
    {bad_stride, {4, {1, 3, 8, 8}}, {4, {5, 3, 3, 3}}, {"conv2d: ", "[1, 3, 8, 8]", "[5, 3, 3, 3]", "not 0"}},
    {bad_transposed,
     {4, {1, 3, 8, 8}},
     {4, {5, 3, 3, 3}},
     {"conv2d_transposed: ", "[1, 3, 8, 8]", "[5, 3, 3, 3]", "[I, O, KH, KW]"}},
    {bad_transposed, {2, {1, 3}}, {4, {5, 3, 3, 3}}, {"conv2d_transposed: ", "[1, 3]", "[5, 3, 3, 3]"}},
    {bad_output_padding, {4, {1, 3, 8, 8}}, {4, {3, 5, 3, 3}}, {"conv2d_transposed: ", "output padding", "not 2"}},
    {bad_sparse, {1, {4}}, {2, {2, 3}}, {"sparse_matmul: ", "[4], [4], [2, 3] and [2, 3]", "row_start i32 [B + 1]"}},
    {bad_batch_norm, {2, {2, 3}}, {1, {2}}, {"batch_norm: ", "[2, 3]", "[2]", "axis 1"}},
    {bad_layer_norm, {2, {2, 3}}, {1, {2}}, {"layer_norm: ", "[2, 3]", "[2]", "axis 1"}},
};

static void misfits_are_told(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof misfits / sizeof *misfits; i++) {
        elbo_graph *graph = elbo_graph_new();
        elbo_node *a = real_input(graph, "a", misfits[i].a), *b = real_input(graph, "b", misfits[i].b);
        elbo_scope_push(graph, "encoder");
        elbo_scope_push(graph, "dense1");
        assert_sound(graph);
        assert_null(misfits[i].build(a, b));
        const char *part[8] = {"in encoder/dense1: "};
        for (int k = 0; k < 5 && misfits[i].part[k]; k++) part[k + 1] = misfits[i].part[k];
        assert_failed(graph, ELBO_ERROR_SHAPE, part);
        elbo_graph_free(graph);
    }
}

static void types_are_checked(void **state) {
    elbo_graph *graph = *state;
    elbo_node *bytes = elbo_input(graph, "bytes", ELBO_U8, SHAPE(2, 3));
    assert_non_null(elbo_to_real(bytes));
    assert_null(elbo_exp(bytes));
    assert_failed(graph, ELBO_ERROR_SHAPE, PARTS("exp: ", "u8", "elbo_to_real"));
}

static void the_first_error_stays(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(2, 3)), *bad = elbo_reshape(x, SHAPE(7)), *out = NULL;
    assert_null(bad);
    assert_null(elbo_add(x, bad));
    assert_null(elbo_transpose(x, (int[]){0, 0}));
    assert_null(elbo_scalar(graph, 1));
    elbo_grad(elbo_sum_all(bad), &x, 1, &out);
    assert_null(out);
    assert_failed(graph, ELBO_ERROR_SHAPE, PARTS("reshape: ", "[7]"));
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = &x, .fetch_count = 1, .backend = ELBO_BACKEND_REFERENCE};
    assert_null(elbo_plan_new(graph, &spec, &error));
    assert_int_equal(error.status, ELBO_ERROR_SHAPE);
    assert_non_null(strstr(error.message, "reshape: "));
}

static void graphs_do_not_mix(void **state) {
    elbo_graph *graph = *state, *other = elbo_graph_new();
    assert_null(elbo_add(real_input(graph, "x", SHAPE(2)), real_input(other, "x", SHAPE(2))));
    assert_failed(graph, ELBO_ERROR_STATE, PARTS("add", "another graph"));
    elbo_graph_free(other);
}

static void null_passes_through(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(2, 3)), *none = NULL, *mean = x, *variance = x, *out = x;
    elbo_node *found[] = {
#define UNARY(name)  elbo_##name(none),
#define BINARY(name) elbo_##name(none, x), elbo_##name(x, none),
        ELBO_UNARY_LIST(UNARY) ELBO_BINARY_LIST(BINARY)
#undef UNARY
#undef BINARY
            elbo_muladd(x, none, x),
        elbo_where(x, x, none),
        elbo_shift(none, 1),
        elbo_scale(none, 2),
        elbo_power(none, 3),
        elbo_clamp(none, 0, 1),
        elbo_leaky_relu(none, 0.1),
        elbo_elu(none, 1),
        elbo_to_real(none),
        elbo_stop_gradient(none),
        elbo_matmul(none, x, false, false),
        elbo_matmul(x, none, false, false),
        elbo_sparse_matmul(none, x, x, x),
        elbo_sparse_matmul(x, x, x, none),
        elbo_conv2d(none, x, 1, 0),
        elbo_conv2d(x, none, 1, 0),
        elbo_conv2d_transposed(none, x, 1, 0, 0),
        elbo_conv2d_transposed(x, none, 1, 0, 0),
        elbo_sum(none, 0, 0, false),
        elbo_mean(none, 0, 0, false),
        elbo_max_over(none, 0, 0, false),
        elbo_logsumexp(none, 0, 0, false),
        elbo_sum_all(none),
        elbo_mean_all(none),
        elbo_argmax(none, 0),
        elbo_softmax(none, 0),
        elbo_log_softmax(none, 0),
        elbo_sum_to(none, ELBO_SCALAR),
        elbo_cumsum(none, 0, false, false),
        elbo_reshape(none, SHAPE(1)),
        elbo_transpose(none, (int[]){0}),
        elbo_broadcast_to(none, SHAPE(1)),
        elbo_concat(&none, 1, 0),
        elbo_concat((elbo_node *[]){x, none}, 2, 0),
        elbo_concat(&x, 0, 0),
        elbo_slice(none, 0, 0, 1),
        elbo_pad(none, 0, 0, 1),
        elbo_gather(none, x),
        elbo_gather(x, none),
        elbo_scatter_add(none, x, 1),
        elbo_scatter_add(x, none, 1),
        elbo_one_hot(none, 1),
        elbo_tril_fill(none),
        elbo_tril_take(none),
        elbo_tril_solve(none, x, false),
        elbo_tril_solve(x, none, true),
        elbo_batch_norm(none, x, x, 0, &mean, &variance),
        elbo_batch_norm(x, none, x, 0, NULL, NULL),
        elbo_layer_norm(x, x, none, 0),
        elbo_random_normal(NULL, SHAPE(2), 0),
        elbo_scalar(NULL, 1)};
    for (size_t i = 0; i < sizeof found / sizeof *found; i++)
        if (found[i]) fail_msg("builder %zu made something of nothing", i);
    assert_null(mean);
    assert_null(variance);
    elbo_grad(NULL, &x, 1, &out);
    assert_null(out);
    assert_sound(graph);
}

/* d/dx of x^3 + 3 x + sum of (x, x) + x[0] x[1], each x used over and over. */
static void gradients_add_up(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(2)), *gradient, *second;
    elbo_node *twice = elbo_concat((elbo_node *[]){x, x}, 2, 0);
    elbo_node *cross = elbo_mul(elbo_slice(x, 0, 0, 1), elbo_slice(x, 0, 1, 1));
    elbo_node *loss = elbo_add(elbo_sum_all(elbo_add(elbo_mul(x, elbo_square(x)), elbo_scale(x, 3))),
                               elbo_add(elbo_sum_all(twice), elbo_sum_all(cross)));
    elbo_grad(loss, &x, 1, &gradient);
    elbo_grad(elbo_sum_all(gradient), &x, 1, &second);
    assert_sound(graph);
    double found[2];
    evaluate(graph, gradient, x, (double[]){2, -1}, found);
    assert_true(found[0] == 3 * 4 + 3 + 2 - 1);
    assert_true(found[1] == 3 * 1 + 3 + 2 + 2);
    evaluate(graph, second, x, (double[]){2, -1}, found);
    assert_true(found[0] == 6 * 2 + 1);
    assert_true(found[1] == -6 + 1);
}

/* Of several values, in the middle of a graph too; nothing flows where nothing depends or the gradient is stopped. */
static void gradients_of_several(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(3)), *other = real_input(graph, "other", SHAPE(2, 2));
    elbo_node *y = elbo_exp(x), *loss = elbo_sum_all(elbo_mul(y, elbo_stop_gradient(x))), *out[4];
    elbo_grad(loss, (elbo_node *[]){x, y, other, loss}, 4, out);
    assert_sound(graph);
    assert_constant(out[2], 0, SHAPE(2, 2));
    assert_constant(out[3], 1, ELBO_SCALAR);
    double found[3], at[3] = {0, 1, -2};
    evaluate(graph, out[0], x, at, found);
    for (int i = 0; i < 3; i++) assert_true(fabs(found[i] - exp(at[i]) * at[i]) < 1e-14);
    evaluate(graph, out[1], x, at, found);
    for (int i = 0; i < 3; i++) assert_true(found[i] == at[i]);
    elbo_grad(elbo_sum_all(elbo_floor(elbo_stop_gradient(x))), &x, 1, out);
    assert_constant(out[0], 0, SHAPE(3));
    elbo_grad(elbo_sum_all(elbo_one_hot(elbo_argmax(x, 0), 3)), &x, 1, out);
    assert_constant(out[0], 0, SHAPE(3));
}

static void gradients_that_do_not_exist(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(3)), *out = x;
    elbo_scope_push(graph, "prior");
    elbo_grad(elbo_sum_all(elbo_trigamma(x)), &x, 1, &out);
    assert_failed(graph, ELBO_ERROR_UNSUPPORTED, PARTS("in prior: ", "trigamma has no gradient"));
}

static void gradients_of_no_scalar(void **state) {
    elbo_graph *graph = *state;
    elbo_node *x = real_input(graph, "x", SHAPE(2, 3)), *out = x;
    elbo_grad(x, &x, 1, &out);
    assert_null(out);
    assert_failed(graph, ELBO_ERROR_SHAPE, PARTS("gradient", "[2, 3]", "scalar"));
}

/* Every allocation fails in turn: an error each time, never a crash, and no leak (the sanitizer looks). */
static void memory_runs_out(void **state) {
    (void)state;
    bool finished = false;
    for (long number = 1; !finished; number++) {
        assert_in_range(number, 1, 10000);
        elbo_error error = {0};
        elbo_memory_fail_at(number);
        elbo_graph *graph = elbo_graph_new();
        elbo_scope_push(graph, "scope");
        elbo_node *x = elbo_input(graph, "x", ELBO_F32, SHAPE(4, 3)), *gradient = NULL;
        elbo_node *w = elbo_literal(graph, (double[]){1, 2, 3, 4, 5, 6}, SHAPE(3, 2));
        elbo_grad(elbo_sum_all(elbo_tanh(elbo_matmul(x, w, false, false))), &x, 1, &gradient);
        elbo_plan_spec spec = {.fetch = &gradient, .fetch_count = 1, .backend = ELBO_BACKEND_REFERENCE};
        elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
        finished = elbo_memory_count() < number;
        elbo_memory_fail_at(0);
        if (finished)
            assert_non_null(plan);
        else if (plan)
            fail_msg("allocation %ld failed and nobody noticed", number);
        else
            assert_int_equal(error.status, ELBO_ERROR_MEMORY);
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {TEST(twins_merge),
                                       TEST(constants_fold),
                                       TEST(misfits_are_told),
                                       TEST(types_are_checked),
                                       TEST(the_first_error_stays),
                                       TEST(graphs_do_not_mix),
                                       TEST(null_passes_through),
                                       TEST(gradients_add_up),
                                       TEST(gradients_of_several),
                                       TEST(gradients_that_do_not_exist),
                                       TEST(gradients_of_no_scalar),
                                       TEST(memory_runs_out)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
