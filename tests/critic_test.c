/* Critics and the parts of the KL by themselves: permuted batches, the optimum of a critic's loss, exact values of
 * mutual information and total correlation. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "graph/graph.h"
#include "infer/correlation.h"
#include "models/critic.h"

static elbo_plan *plan_of(elbo_graph *graph, elbo_node **fetch, size_t count) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = fetch,
                           .fetch_count = count,
                           .backend = ELBO_BACKEND_REFERENCE,
                           .precision = ELBO_PRECISION_F64,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    return plan;
}

/* ---- permuted batches ---- */

static void permuted_of(int64_t rows, int64_t size) {
    elbo_error error = {0};
    elbo_graph *graph = elbo_graph_new();
    elbo_node *z = elbo_input(graph, "z", ELBO_F32, ELBO_SHAPE(rows, size)), *out = elbo_critic_permuted(z);
    if (rows <= size) {
        assert_null(out);
        assert_int_equal(elbo_graph_check(graph, &error), ELBO_ERROR_SHAPE);
        elbo_graph_free(graph);
        return;
    }
    elbo_plan *plan = plan_of(graph, &out, 1);
    double *in = elbo_plan_input(plan, z), *got = calloc((size_t)(rows * size), sizeof *got);
    for (int64_t i = 0; i < rows * size; i++) in[i] = (double)i; /* row and column */
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){0}, &error), ELBO_OK);
    assert_true(elbo_plan_read(plan, out, got, rows * size));
    for (int64_t d = 0; d < size; d++)
        for (int64_t i = 0; i < rows; i++) assert_true(got[i * size + d] == (double)((i + d + 1) % rows * size + d));
    free(got);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
}

static void test_permuted(void **state) {
    (void)state;
    static const int64_t cases[][2] = {{2, 1}, {3, 2}, {8, 3}, {200, 70}, {101, 100}, {3, 3}, {1, 1}, {1, 5}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) permuted_of(cases[c][0], cases[c][1]);
}

/* ---- the optimum ---- */

static double shift = 0.75; /* a = N(shift, 1), b = N(-shift, 1): log a/b = 2 shift z */

static double normal_density(double z, double mean) { return exp(-0.5 * (z - mean) * (z - mean)) / sqrt(2 * M_PI); }

/* a's half of the loss at the exact ratio; b's is the same by symmetry. */
static double loss_at(double z, void *unused) {
    (void)unused;
    double t = 2 * shift * z;
    return normal_density(z, shift) * (fmax(-t, 0) + log1p(exp(-fabs(t))));
}

static double exact_loss(void) {
    double value, error;
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(200);
    gsl_function f = {.function = loss_at};
    gsl_integration_qag(&f, -12, 12, 1e-12, 1e-10, 200, GSL_INTEG_GAUSS61, work, &value, &error);
    gsl_integration_workspace_free(work);
    return value;
}

/* A critic without hidden layers, T = w z + c, on the midpoints of N equal shares of each density: an integral over a
 * density as a plain mean. What is left out of the last share of each tail is below 1e-3 for N = 4096 (the integrand
 * grows like |z|, and a share of 1/N lies beyond |z| = 3.5). */
static void test_optimum(void **state) {
    (void)state;
    enum { N = 4096 };
    elbo_error error = {0};
    elbo_graph *graph = elbo_graph_new();
    elbo_params *params = elbo_params_new(1);
    elbo_context context = {.builder = {.graph = graph, .params = params, .training = true}};
    elbo_ints none = {0};
    elbo_critic critic = {.widths = &none, .learning = true};
    elbo_node *a = elbo_input(graph, "a", ELBO_F32, ELBO_SHAPE(N, 1)),
              *b = elbo_input(graph, "b", ELBO_F32, ELBO_SHAPE(N, 1));
    elbo_node *score = elbo_critic_score(&context, &critic, a);
    elbo_node *fetch[3] = {elbo_critic_loss(score, elbo_critic_score(&context, &critic, b))}, *wrt[2];
    wrt[0] = elbo_param(graph, params, "critic.output.weight");
    wrt[1] = elbo_param(graph, params, "critic.output.bias");
    elbo_grad(fetch[0], wrt, 2, fetch + 1);
    assert_int_equal(elbo_params_finish(params, &error), ELBO_OK);
    elbo_plan *plan = plan_of(graph, fetch, 3);
    for (int i = 0; i < N; i++) {
        double middle = gsl_cdf_ugaussian_Pinv((i + 0.5) / N);
        ((double *)elbo_plan_input(plan, a))[i] = middle + shift;
        ((double *)elbo_plan_input(plan, b))[i] = middle - shift;
    }
    float *w = elbo_params_data(params, NULL) + elbo_params_find(params, "critic.output.weight")->offset;
    float *c = elbo_params_data(params, NULL) + elbo_params_find(params, "critic.output.bias")->offset;
    double loss = 0, gradient[2] = {0};
    *w = -1;
    *c = 1;
    for (int step = 0; step < 400; step++) { /* the loss is convex, with a curvature below (1 + shift^2) / 4 */
        elbo_params_touch(params);
        assert_int_equal(elbo_plan_run(plan, &(elbo_run){0}, &error), ELBO_OK);
        for (int k = 0; k < 2; k++) assert_true(elbo_plan_read(plan, fetch[1 + k], &gradient[k], 1));
        *w -= (float)(2 * gradient[0]);
        *c -= (float)(2 * gradient[1]);
    }
    assert_true(elbo_plan_read(plan, fetch[0], &loss, 1));
    assert_true(fabs(loss - exact_loss()) < 1e-3);
    assert_true(fabs((double)*w - 2 * shift) < 5e-3); /* an error of 1e-3 in the gradient over a curvature of a fifth */
    assert_true(fabs((double)*c) < 1e-3);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    elbo_params_free(params);
}

/* ---- the parts of the KL ---- */

typedef struct parts {
    elbo_graph *graph;
    elbo_node *z, *fetch[3];
    elbo_plan *plan;
} parts;

static parts parts_of(const double *loc, const double *log_scale, int64_t batch, int64_t size, int64_t rows,
                      elbo_aggregate how, bool drawn) {
    parts p = {.graph = elbo_graph_new()};
    elbo_shape shape = ELBO_SHAPE(batch, size);
    elbo_dist q = elbo_normal(elbo_literal(p.graph, loc, shape), elbo_literal(p.graph, log_scale, shape), 1);
    elbo_dist prior = elbo_standard_normal(p.graph, shape, 1);
    p.z = drawn ? elbo_dist_sample(&q, 0) : elbo_input(p.graph, "z", ELBO_F32, shape);
    elbo_correlation c = elbo_correlation_of(&q, &prior, p.z, rows, how);
    p.fetch[0] = c.information;
    p.fetch[1] = c.correlation;
    p.fetch[2] = c.dimensions;
    p.plan = plan_of(p.graph, p.fetch, 3);
    return p;
}

static void parts_run(parts *p, uint32_t step, double out[3]) {
    elbo_error error = {0};
    assert_int_equal(elbo_plan_run(p->plan, &(elbo_run){.seed = 5, .step = step}, &error), ELBO_OK);
    for (int k = 0; k < 3; k++) assert_true(elbo_plan_read(p->plan, p->fetch[k], &out[k], 1));
}

static void parts_close(parts *p) {
    elbo_plan_free(p->plan);
    elbo_graph_free(p->graph);
}

/* Two data with two dimensions each. */
static const double loc[2][2] = {{1.25, 1}, {-0.75, -1.5}};
static const double log_scale[2][2] = {{-0.5, 0.25}, {0, -0.75}};

static double log_normal(double z, double mean, double log_deviation) {
    double u = (z - mean) * exp(-log_deviation);
    return -0.5 * u * u - log_deviation - 0.5 * log(2 * M_PI);
}

/* Integrals over the plane by the trapezoidal rule, exact to rounding for smooth functions that vanish at the ends. */
static void exact_parts(double out[3]) {
    const double h = 0.05, end = 9;
    out[0] = out[1] = out[2] = 0;
    for (double z0 = -end; z0 <= end; z0 += h)
        for (double z1 = -end; z1 <= end; z1 += h) {
            double each[2][2], joint[2];
            for (int j = 0; j < 2; j++) {
                each[j][0] = log_normal(z0, loc[j][0], log_scale[j][0]);
                each[j][1] = log_normal(z1, loc[j][1], log_scale[j][1]);
                joint[j] = exp(each[j][0] + each[j][1]);
            }
            double whole = 0.5 * (joint[0] + joint[1]);
            double log_whole = log(whole + 1e-300), log_apart = 0;
            for (int d = 0; d < 2; d++) log_apart += log(0.5 * (exp(each[0][d]) + exp(each[1][d])) + 1e-300);
            for (int j = 0; j < 2; j++) out[0] += 0.5 * joint[j] * (each[j][0] + each[j][1] - log_whole) * h * h;
            out[1] += whole * (log_whole - log_apart) * h * h;
            out[2] += whole * (log_apart - log_normal(z0, 0, 0) - log_normal(z1, 0, 0)) * h * h;
        }
}

/* With both data in the batch, stratified weights are 1/2 and the estimate is the aggregate itself: means over draws
 * come to the exact parts, within 5 standard errors (three figures: a false alarm in 5e5 seeds). Weighted sampling has
 * weights of 1/4: it is off by known multiples of log 2. */
static void test_exact_parts(void **state) {
    (void)state;
    enum { RUNS = 20000 };
    double exact[3], got[3], other[3], mean[3] = {0}, square[3] = {0};
    parts stratified = parts_of(*loc, *log_scale, 2, 2, 2, ELBO_AGGREGATE_STRATIFIED, true);
    parts weighted = parts_of(*loc, *log_scale, 2, 2, 2, ELBO_AGGREGATE_WEIGHTED, true);
    exact_parts(exact);
    assert_true(exact[1] > 0.2); /* else there is nothing to see */
    for (uint32_t run = 0; run < RUNS; run++) {
        parts_run(&stratified, run, got);
        parts_run(&weighted, run, other);
        assert_true(fabs(other[0] - got[0] - log(2)) < 1e-12);
        assert_true(fabs(other[1] - got[1] - log(2)) < 1e-12);
        assert_true(fabs(other[2] - got[2] + 2 * log(2)) < 1e-12);
        for (int k = 0; k < 3; k++) {
            mean[k] += got[k] / RUNS;
            square[k] += got[k] * got[k] / RUNS;
        }
    }
    for (int k = 0; k < 3; k++) {
        double deviation = sqrt((square[k] - mean[k] * mean[k]) / RUNS);
        if (!(fabs(mean[k] - exact[k]) < 5 * deviation))
            fail_msg("part %d is %g +- %g, not %g", k, mean[k], deviation, exact[k]);
    }
    parts_close(&stratified);
    parts_close(&weighted);
}

/* Posteriors so far apart that at each z one alone counts show the weights one by one; their sum must be 1. */
static void test_stratified_weights(void **state) {
    (void)state;
    enum { B = 5, N = 12 };
    double mean[B], zero[B] = {0}, parts_got[3], total = 0;
    for (int i = 0; i < B; i++) mean[i] = 60.0 * i;
    parts p = parts_of(mean, zero, B, 1, N, ELBO_AGGREGATE_STRATIFIED, false);
    for (int s = 0; s < B; s++) {
        double own = 0;
        for (int i = 0; i < B; i++) {
            ((double *)elbo_plan_input(p.plan, p.z))[i] = mean[(i + s) % B];
            own += log_normal(mean[(i + s) % B], mean[i], 0) / B;
        }
        parts_run(&p, 0, parts_got);
        double weight = exp(own - parts_got[0] - log_normal(0, 0, 0));
        double m = B - 1, wanted = s == 0 ? 1.0 / N : s == 1 ? (N - m) / (N * m) : 1 / m;
        assert_true(fabs(weight / wanted - 1) < 1e-9);
        total += weight;
    }
    assert_true(fabs(total - 1) < 1e-9);
    parts_close(&p);
}

/* Whatever the weights, the parts add up to log q(z|x) - log p(z). */
static void test_sum_of_parts(void **state) {
    (void)state;
    for (int how = 0; how < 2; how++)
        for (int64_t batch = 1; batch <= 2; batch++) {
            double got[3], wanted = 0;
            parts p = parts_of(*loc, *log_scale, batch, 2, 7, (elbo_aggregate)how, false);
            for (int i = 0; i < 2 * batch; i++) {
                double z = 0.5 * i - 0.6;
                ((double *)elbo_plan_input(p.plan, p.z))[i] = z;
                wanted +=
                    (log_normal(z, loc[i / 2][i % 2], log_scale[i / 2][i % 2]) - log_normal(z, 0, 0)) / (double)batch;
            }
            parts_run(&p, 0, got);
            assert_true(fabs(got[0] + got[1] + got[2] - wanted) < 1e-12);
            parts_close(&p);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_permuted),     cmocka_unit_test(test_optimum),
        cmocka_unit_test(test_exact_parts),  cmocka_unit_test(test_stratified_weights),
        cmocka_unit_test(test_sum_of_parts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
