/* Operations against answers worked out by hand, on both backends, and their behaviour on hostile indices. Every
 * number is exact in f32 unless a tolerance is given. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "elbo.h"

enum { MOST = 8 };

/* A graph under construction: literals for reals, inputs for whole numbers, and what is expected of some nodes. */
typedef struct sheet {
    elbo_graph *graph;
    elbo_node *input[MOST];
    const int32_t *whole[MOST];
    int inputs;
    elbo_node *node[32];
    const double *expected[32];
    double tolerance[32]; /* relative, or absolute below 1 */
    int nodes;
} sheet;

static int begin(void **state) {
    static sheet s;
    s = (sheet){.graph = elbo_graph_new()};
    *state = &s;
    return s.graph ? 0 : -1;
}

static int end(void **state) {
    elbo_graph_free(((sheet *)*state)->graph);
    return 0;
}

static elbo_node *whole_values(sheet *s, elbo_shape shape, const int32_t *values) {
    char name[] = "i0";
    name[1] = (char)('0' + s->inputs);
    assert_in_range(s->inputs, 0, MOST - 1);
    s->whole[s->inputs] = values;
    return s->input[s->inputs++] = elbo_input(s->graph, name, ELBO_I32, shape);
}

/* R(shape, values), W(shape, values): a real and a whole array. EXPECT(node, shape, values): what must come out. */
#define R(shape, ...)                 elbo_literal(s->graph, (const double[]){__VA_ARGS__}, shape)
#define W(shape, ...)                 whole_values(s, shape, (const int32_t[]){__VA_ARGS__})
#define EXPECT(node, shape, ...)      expect(s, node, shape, (const double[]){__VA_ARGS__}, 0)
#define EXPECT_NEAR(node, shape, ...) expect(s, node, shape, (const double[]){__VA_ARGS__}, 1e-6)
#define SHAPE                         ELBO_SHAPE

static void expect(sheet *s, elbo_node *node, elbo_shape shape, const double *values, double tolerance) {
    elbo_error error = {0};
    if (elbo_graph_check(s->graph, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(elbo_shape_equal(elbo_node_shape(node), shape));
    s->node[s->nodes] = node;
    s->expected[s->nodes] = values;
    s->tolerance[s->nodes++] = tolerance;
}

static void run_on(const sheet *s, elbo_backend backend, elbo_precision precision) {
    elbo_error error = {0};
    elbo_plan_spec spec = {
        .fetch = s->node, .fetch_count = (size_t)s->nodes, .backend = backend, .precision = precision, .threads = 2};
    elbo_plan *plan = elbo_plan_new(s->graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    for (int k = 0; k < s->inputs; k++) {
        size_t bytes = sizeof(int32_t) * (size_t)elbo_shape_count(elbo_node_shape(s->input[k]));
        void *memory = elbo_plan_input(plan, s->input[k]);
        if (memory) memcpy(memory, s->whole[k], bytes);
    }
    assert_int_equal(elbo_plan_run(plan, NULL, &error), ELBO_OK);
    for (int k = 0; k < s->nodes; k++) {
        double found[64];
        int64_t count = elbo_shape_count(elbo_node_shape(s->node[k]));
        assert_in_range(count, 1, 64);
        assert_true(elbo_plan_read(plan, s->node[k], found, count));
        for (int64_t i = 0; i < count; i++)
            if (!(fabs(found[i] - s->expected[k][i]) <= s->tolerance[k] * (1 + fabs(s->expected[k][i]))))
                fail_msg("backend %d, expectation %d, element %d: %.9g, not %.9g", (int)backend, k, (int)i, found[i],
                         s->expected[k][i]);
    }
    elbo_plan_free(plan);
}

static void check(const sheet *s) {
    run_on(s, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64);
    run_on(s, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F32);
    run_on(s, ELBO_BACKEND_CPU, ELBO_PRECISION_F32);
}

static void movement(void **state) {
    sheet *s = *state;
    elbo_node *x = R(SHAPE(2, 3), 1, 2, 3, 4, 5, 6), *row = R(SHAPE(1, 3), 7, 8, 9);
    elbo_node *cube = R(SHAPE(2, 2, 2), 1, 2, 3, 4, 5, 6, 7, 8);
    EXPECT(elbo_reshape(x, SHAPE(-1, 2)), SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
    EXPECT(elbo_stop_gradient(x), SHAPE(2, 3), 1, 2, 3, 4, 5, 6);
    EXPECT(elbo_transpose(x, (int[]){1, 0}), SHAPE(3, 2), 1, 4, 2, 5, 3, 6);
    EXPECT(elbo_transpose(cube, (int[]){2, 0, 1}), SHAPE(2, 2, 2), 1, 3, 5, 7, 2, 4, 6, 8);
    EXPECT(elbo_broadcast_to(row, SHAPE(2, 2, 3)), SHAPE(2, 2, 3), 7, 8, 9, 7, 8, 9, 7, 8, 9, 7, 8, 9);
    EXPECT(elbo_broadcast_to(R(SHAPE(2, 1), 1, 2), SHAPE(2, 3)), SHAPE(2, 3), 1, 1, 1, 2, 2, 2);
    EXPECT(elbo_concat((elbo_node *[]){x, row, row}, 3, 0), SHAPE(4, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9, 7, 8, 9);
    EXPECT(elbo_concat((elbo_node *[]){x, R(SHAPE(2, 1), 0, -1)}, 2, -1), SHAPE(2, 4), 1, 2, 3, 0, 4, 5, 6, -1);
    EXPECT(elbo_slice(x, 1, 1, 2), SHAPE(2, 2), 2, 3, 5, 6);
    EXPECT(elbo_slice(cube, -2, 1, 1), SHAPE(2, 1, 2), 3, 4, 7, 8);
    EXPECT(elbo_pad(x, 1, 1, 2), SHAPE(2, 6), 0, 1, 2, 3, 0, 0, 0, 4, 5, 6, 0, 0);
    EXPECT(elbo_pad(row, 0, 0, 1), SHAPE(2, 3), 7, 8, 9, 0, 0, 0);
    check(s);
}

/* Whole numbers move too, and more parts than one node can take are concatenated in bundles. */
static void movement_of_whole_numbers(void **state) {
    sheet *s = *state;
    elbo_node *x = W(SHAPE(2, 2), 1, 2, 3, 4), *part[150];
    EXPECT(elbo_transpose(x, (int[]){-1, 0}), SHAPE(2, 2), 1, 3, 2, 4);
    EXPECT(elbo_pad(elbo_slice(x, 0, 1, 1), 1, 1, 0), SHAPE(1, 3), 0, 3, 4);
    EXPECT(elbo_gather(x, W(SHAPE(3), 1, 0, 2)), SHAPE(3, 2), 3, 4, 1, 2, 0, 0);
    for (int k = 0; k < 150; k++) part[k] = R(SHAPE(1), k);
    elbo_node *all = elbo_concat(part, 150, 0), *gradient[2];
    elbo_grad(elbo_sum_all(elbo_mul(all, all)), (elbo_node *[]){part[0], part[149]}, 2, gradient);
    EXPECT(elbo_slice(all, 0, 62, 5), SHAPE(5), 62, 63, 64, 65, 66);
    EXPECT(elbo_slice(all, 0, 127, 3), SHAPE(3), 127, 128, 129);
    EXPECT(gradient[1], SHAPE(1), 298);
    check(s);
}

static void indices(void **state) {
    sheet *s = *state;
    elbo_node *table = R(SHAPE(3, 2), 1, 2, 3, 4, 5, 6), *index = W(SHAPE(4), 2, 0, 2, 1);
    EXPECT(elbo_gather(table, index), SHAPE(4, 2), 5, 6, 1, 2, 5, 6, 3, 4);
    EXPECT(elbo_gather(R(SHAPE(3), 7, 8, 9), W(SHAPE(2, 2), 0, 1, 2, 0)), SHAPE(2, 2), 7, 8, 9, 7);
    EXPECT(elbo_scatter_add(R(SHAPE(4, 2), 1, 2, 3, 4, 5, 6, 7, 8), index, 4), SHAPE(4, 2), 3, 4, 7, 8, 6, 8, 0, 0);
    EXPECT(elbo_one_hot(index, 3), SHAPE(4, 3), 0, 0, 1, 1, 0, 0, 0, 0, 1, 0, 1, 0);
    elbo_node *x = R(SHAPE(2, 3), 1, 5, 5, 9, -1, 9);
    EXPECT(elbo_argmax(x, 1), SHAPE(2), 1, 0);
    EXPECT(elbo_argmax(x, -2), SHAPE(3), 1, 0, 1);
    check(s);
}

static void indices_out_of_range(void **state) {
    sheet *s = *state;
    elbo_node *index = W(SHAPE(5), -1, 3, INT32_MAX, INT32_MIN, 1);
    EXPECT(elbo_gather(R(SHAPE(3, 1), 1, 2, 3), index), SHAPE(5, 1), 0, 0, 0, 0, 2);
    EXPECT(elbo_scatter_add(R(SHAPE(5), 1, 2, 3, 4, 5), index, 3), SHAPE(3), 0, 5, 0);
    EXPECT(elbo_one_hot(index, 2), SHAPE(5, 2), 0, 0, 0, 0, 0, 0, 0, 0, 0, 1);
    check(s);
}

static void scans(void **state) {
    sheet *s = *state;
    elbo_node *x = R(SHAPE(4), 1, 2, 4, 8), *y = R(SHAPE(2, 2), 1, 2, 3, 4);
    EXPECT(elbo_cumsum(x, 0, false, false), SHAPE(4), 1, 3, 7, 15);
    EXPECT(elbo_cumsum(x, 0, true, false), SHAPE(4), 0, 1, 3, 7);
    EXPECT(elbo_cumsum(x, 0, false, true), SHAPE(4), 15, 14, 12, 8);
    EXPECT(elbo_cumsum(x, 0, true, true), SHAPE(4), 14, 12, 8, 0);
    EXPECT(elbo_cumsum(y, 0, false, false), SHAPE(2, 2), 1, 2, 4, 6);
    EXPECT(elbo_cumsum(y, -1, false, false), SHAPE(2, 2), 1, 3, 3, 7);
    check(s);
}

static void triangles(void **state) {
    sheet *s = *state;
    elbo_node *l = R(SHAPE(2, 2), 2, 99, 3, 4), *b = R(SHAPE(2, 1), 4, 22); /* 99 lies above the diagonal */
    EXPECT(elbo_tril_fill(R(SHAPE(6), 1, 2, 3, 4, 5, 6)), SHAPE(3, 3), 1, 0, 0, 2, 3, 0, 4, 5, 6);
    EXPECT(elbo_tril_take(l), SHAPE(3), 2, 3, 4);
    EXPECT(elbo_tril_solve(l, b, false), SHAPE(2, 1), 2, 4);
    EXPECT(elbo_tril_solve(l, b, true), SHAPE(2, 1), -6.25, 5.5);
    elbo_node *gradient;
    elbo_grad(elbo_sum_all(elbo_tril_solve(l, b, false)), &l, 1, &gradient);
    EXPECT(gradient, SHAPE(2, 2), -0.25, 0, -0.5, -1); /* -(L'^-1 1) y' below, 0 above */
    check(s);
}

static void convolutions(void **state) {
    sheet *s = *state;
    elbo_node *x = R(SHAPE(1, 1, 3, 3), 1, 2, 3, 4, 5, 6, 7, 8, 9), *w = R(SHAPE(1, 1, 2, 2), 1, 2, 3, 4);
    elbo_node *small = R(SHAPE(1, 1, 2, 2), 1, 2, 3, 4), *line = R(SHAPE(1, 1, 1, 2), 1, 2);
    EXPECT(elbo_conv2d(x, w, 1, 0), SHAPE(1, 1, 2, 2), 37, 47, 67, 77);
    EXPECT(elbo_conv2d(x, w, 2, 1), SHAPE(1, 1, 2, 2), 4, 18, 36, 77);
    EXPECT(elbo_conv2d(x, w, 2, 0), SHAPE(1, 1, 1, 1), 37);
    EXPECT(elbo_conv2d(line, R(SHAPE(3, 1, 1, 1), 1, 10, 100), 1, 0), SHAPE(1, 3, 1, 2), 1, 2, 10, 20, 100, 200);
    EXPECT(elbo_conv2d(R(SHAPE(2, 2, 1, 1), 1, 2, 3, 4), R(SHAPE(1, 2, 1, 1), 5, 7), 1, 0), SHAPE(2, 1, 1, 1), 19, 43);
    EXPECT(elbo_conv2d_transposed(small, w, 1, 0, 0), SHAPE(1, 1, 3, 3), 1, 4, 4, 6, 20, 16, 9, 24, 16);
    EXPECT(elbo_conv2d_transposed(small, w, 1, 1, 0), SHAPE(1, 1, 1, 1), 20);
    EXPECT(elbo_conv2d_transposed(small, w, 2, 0, 1), SHAPE(1, 1, 5, 5), 1, 2, 2, 4, 0, 3, 4, 6, 8, 0, 3, 6, 4, 8, 0, 9,
           12, 12, 16, 0, 0, 0, 0, 0, 0);
    /* weight: [I, O, KH, KW] */
    EXPECT(elbo_conv2d_transposed(line, R(SHAPE(1, 2, 1, 1), 10, 20), 1, 0, 0), SHAPE(1, 2, 1, 2), 10, 20, 20, 40);
    elbo_node *gradient;
    elbo_grad(elbo_sum_all(elbo_conv2d(x, w, 1, 0)), &w, 1, &gradient);
    EXPECT(gradient, SHAPE(1, 1, 2, 2), 12, 16, 24, 28);
    check(s);
}

/* S = [[0, 2, 0], [0, 0, 0], [3, 0, 4]], with one entry to spare. */
static void sparse(void **state) {
    sheet *s = *state;
    elbo_node *row_start = W(SHAPE(4), 0, 1, 1, 3), *column = W(SHAPE(4), 1, 0, 2, 0);
    elbo_node *value = R(SHAPE(4), 2, 3, 4, 99), *weight = R(SHAPE(3, 2), 1, 2, 3, 4, 5, 6), *gradient[2];
    elbo_node *y = elbo_sparse_matmul(row_start, column, value, weight);
    EXPECT(y, SHAPE(3, 2), 6, 8, 0, 0, 23, 30);
    elbo_node *factor = R(SHAPE(3, 2), 1, 2, 3, 4, 5, 6);
    elbo_grad(elbo_sum_all(elbo_mul(y, factor)), (elbo_node *[]){value, weight}, 2, gradient);
    EXPECT(gradient[0], SHAPE(4), 11, 17, 61, 0);
    EXPECT(gradient[1], SHAPE(3, 2), 15, 18, 2, 4, 20, 24);
    check(s);
}

/* Bounds and columns from a damaged file: nothing is read or written out of range. */
static void sparse_out_of_range(void **state) {
    sheet *s = *state;
    elbo_node *row_start = W(SHAPE(4), INT32_MIN, 1, 2, INT32_MAX), *column = W(SHAPE(3), -1, 7, 1);
    elbo_node *falling = W(SHAPE(3), 2, -5, 1), *gradient[2];
    elbo_node *value = R(SHAPE(3), 2, 3, 4), *weight = R(SHAPE(2, 1), 10, 20);
    elbo_node *y = elbo_sparse_matmul(row_start, column, value, weight);
    EXPECT(y, SHAPE(3, 1), 0, 0, 80);
    elbo_grad(elbo_sum_all(y), (elbo_node *[]){value, weight}, 2, gradient);
    EXPECT(gradient[0], SHAPE(3), 0, 0, 20);
    EXPECT(gradient[1], SHAPE(2, 1), 0, 4);
    EXPECT(elbo_sparse_matmul(falling, W(SHAPE(3), 0, 1, 1), value, weight), SHAPE(2, 1), 0, 20);
    check(s);
}

static void normalisation(void **state) {
    sheet *s = *state;
    elbo_node *x = R(SHAPE(2, 2), 1, 2, 3, 6), *gain = R(SHAPE(2), 2, 1), *bias = R(SHAPE(2), 0, 1), *mean, *variance;
    EXPECT_NEAR(elbo_batch_norm(x, gain, bias, 0, &mean, &variance), SHAPE(2, 2), -2, 0, 2, 2);
    EXPECT(mean, SHAPE(2), 2, 4);
    EXPECT(variance, SHAPE(2), 1, 4);
    EXPECT_NEAR(elbo_batch_norm(x, gain, bias, 3, NULL, NULL), SHAPE(2, 2), -1, 1 - 2 / sqrt(7), 1, 1 + 2 / sqrt(7));
    elbo_node *image = R(SHAPE(2, 2, 1, 2), 1, 3, 0, 0, 5, 7, 2, 2);
    EXPECT_NEAR(elbo_batch_norm(image, gain, bias, 0, &mean, &variance), SHAPE(2, 2, 1, 2), -6 / sqrt(5), -2 / sqrt(5),
                0, 0, 2 / sqrt(5), 6 / sqrt(5), 2, 2);
    EXPECT(mean, SHAPE(2), 4, 1);
    EXPECT(variance, SHAPE(2), 5, 1);
    EXPECT_NEAR(elbo_layer_norm(x, gain, bias, 0), SHAPE(2, 2), -2, 2, -2, 2);
    check(s);
}

static void products_and_sums(void **state) {
    sheet *s = *state;
    elbo_node *a = R(SHAPE(2, 3), 1, 2, 3, 4, 5, 6), *b = R(SHAPE(3, 2), 1, 0, 2, 1, 0, 3);
    EXPECT(elbo_matmul(a, b, false, false), SHAPE(2, 2), 5, 11, 14, 23);
    EXPECT(elbo_matmul(a, a, true, false), SHAPE(3, 3), 17, 22, 27, 22, 29, 36, 27, 36, 45);
    EXPECT(elbo_matmul(a, a, false, true), SHAPE(2, 2), 14, 32, 32, 77);
    EXPECT(elbo_sum(a, 0, 0, false), SHAPE(3), 5, 7, 9);
    EXPECT(elbo_sum(a, 1, 1, true), SHAPE(2, 1), 6, 15);
    EXPECT(elbo_sum_all(a), ELBO_SCALAR, 21);
    EXPECT_NEAR(elbo_mean(a, -1, -1, false), SHAPE(2), 2, 5);
    EXPECT(elbo_max_over(a, 0, 1, false), ELBO_SCALAR, 6);
    EXPECT(elbo_sum_to(a, SHAPE(2, 1)), SHAPE(2, 1), 6, 15);
    EXPECT_NEAR(elbo_logsumexp(R(SHAPE(2), 1000, 1000), 0, 0, false), ELBO_SCALAR, 1000 + log(2));
    EXPECT_NEAR(elbo_softmax(R(SHAPE(2), 0, log(3)), 0), SHAPE(2), 0.25, 0.75);
    check(s);
}

int main(void) {
#define TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)
    const struct CMUnitTest tests[] = {TEST(movement),
                                       TEST(movement_of_whole_numbers),
                                       TEST(indices),
                                       TEST(indices_out_of_range),
                                       TEST(scans),
                                       TEST(triangles),
                                       TEST(convolutions),
                                       TEST(sparse),
                                       TEST(sparse_out_of_range),
                                       TEST(normalisation),
                                       TEST(products_and_sums)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
