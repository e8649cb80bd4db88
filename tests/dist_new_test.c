/* How distributions are made and refused, what they say of themselves, and gamma variates below them. */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/special.h"
#include "dist/dist.h"
#include "graph/graph.h"

enum { SIZE = 3 };

static int parameters_of(const elbo_dist_type *type) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && type->parameter[count].name) count++;
    return count;
}

static elbo_shape shape_of(const elbo_dist_parameter *row) {
    elbo_shape shape = {row->axes ? (int)strlen(row->axes) : 0, {SIZE, SIZE, SIZE}};
    return shape;
}

/* A value that obeys: parameters that must grow grow with k. */
static elbo_node *good(elbo_graph *graph, const elbo_dist_parameter *row, int k) {
    static const double triangle[SIZE * SIZE * SIZE] = {1, 0, 0, 0.5, 2, 0, -1, 0, 1, 1, 0, 0, 0, 2,
                                                        0, 3, 0, 1,   2, 0, 0,  1, 1, 0, 0, 0, 1};
    switch (row->constraint) {
        case ELBO_CONSTRAINT_UNIT_INTERVAL: return elbo_constant(graph, 0.5, shape_of(row));
        case ELBO_CONSTRAINT_WHOLE: return elbo_constant(graph, 4, shape_of(row));
        case ELBO_CONSTRAINT_LOWER_TRIANGULAR: return elbo_literal(graph, triangle, shape_of(row));
        default: return elbo_constant(graph, 1 + k, shape_of(row));
    }
}

/* The type with parameter k replaced; fails the test unless the graph refuses it with both names. */
static void expect_refusal(const elbo_dist_type *type, int wrong, double value, bool literal) {
    elbo_graph *graph = elbo_graph_new();
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    double values[SIZE * SIZE * SIZE];
    for (int k = 0; k < parameters_of(type); k++) parameter[k] = good(graph, &type->parameter[k], k);
    for (int i = 0; i < SIZE * SIZE * SIZE; i++) values[i] = value;
    elbo_shape shape = shape_of(&type->parameter[wrong]);
    parameter[wrong] = literal ? elbo_literal(graph, values, shape) : elbo_constant(graph, value, shape);
    elbo_dist dist = elbo_dist_new(type, parameter, elbo_dist_own_rank(type));
    elbo_error error = {0};
    elbo_status status = elbo_graph_check(graph, &error);
    if (dist.type || status == ELBO_OK)
        fail_msg("%s: %s = %g was not refused", type->name, type->parameter[wrong].name, value);
    if (!strstr(error.message, type->name) || !strstr(error.message, type->parameter[wrong].name))
        fail_msg("%s: %s = %g is refused with \"%s\"", type->name, type->parameter[wrong].name, value, error.message);
    elbo_graph_free(graph);
}

static void wrong_values_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        elbo_constraint constraint;
        double value[4];
    } wrong[] = {{ELBO_CONSTRAINT_REAL, {NAN, INFINITY, -INFINITY, NAN}},
                 {ELBO_CONSTRAINT_POSITIVE, {0, -1, NAN, INFINITY}},
                 {ELBO_CONSTRAINT_UNIT_INTERVAL, {0, 1, -0.5, NAN}},
                 {ELBO_CONSTRAINT_ORDERED, {-5, 1, NAN, 0.5}},
                 {ELBO_CONSTRAINT_WHOLE, {0, 2.5, -3, NAN}},
                 {ELBO_CONSTRAINT_LOWER_TRIANGULAR, {0, -1, 1, NAN}}};
    for (size_t i = 0; elbo_registry_dists[i]; i++)
        for (int k = 0; k < parameters_of(elbo_registry_dists[i]); k++)
            for (int v = 0; v < 8; v++)
                expect_refusal(elbo_registry_dists[i], k,
                               wrong[elbo_registry_dists[i]->parameter[k].constraint].value[v / 2], v % 2);
    for (size_t c = 0; c < ELBO_CONSTRAINT_COUNT; c++) assert_int_equal(wrong[c].constraint, c);
}

static void right_values_are_accepted(void **state) {
    (void)state;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        const elbo_dist_type *type = elbo_registry_dists[i];
        elbo_graph *graph = elbo_graph_new();
        elbo_error error = {0};
        elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
        for (int k = 0; k < parameters_of(type); k++) parameter[k] = good(graph, &type->parameter[k], k);
        elbo_dist dist = elbo_dist_new(type, parameter, elbo_dist_own_rank(type));
        if (elbo_graph_check(graph, &error) != ELBO_OK) fail_msg("%s", error.message);
        assert_ptr_equal(dist.type, type);
        assert_int_equal(dist.shape.rank, elbo_dist_own_rank(type));
        elbo_node *z = elbo_dist_sample(&dist, 2);
        assert_int_equal(elbo_node_shape(z).rank, 1 + dist.shape.rank);
        assert_int_equal(elbo_node_shape(elbo_dist_log_prob(&dist, z)).rank, 1);
        assert_int_equal(elbo_graph_check(graph, &error), ELBO_OK);
        elbo_graph_free(graph);
    }
}

/* Parameters of shapes that broadcast to [2, 3]: everything has the shape of a draw, or one number per datum. */
static void parameters_broadcast(void **state) {
    (void)state;
    static const elbo_shape shapes[ELBO_DIST_PARAMETERS] = {{2, {2, 1}}, {1, {3}}, {0, {0}}};
    int seen = 0;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        const elbo_dist_type *type = elbo_registry_dists[i];
        if (type->parameter[0].axes || type->event || type->parameter[0].constraint == ELBO_CONSTRAINT_WHOLE) continue;
        if (parameters_of(type) < 2 || type->parameter[1].axes) continue;
        elbo_graph *graph = elbo_graph_new();
        elbo_error error = {0};
        elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
        for (int k = 0; k < parameters_of(type); k++) {
            double value;
            elbo_node_constant(good(graph, &type->parameter[k], k), &value);
            parameter[k] = elbo_constant(graph, value, shapes[k]);
        }
        elbo_dist dist = elbo_dist_new(type, parameter, 2);
        elbo_node *(*const of[])(const elbo_dist *) = {type->mean, type->variance, type->mode};
        assert_true(elbo_shape_equal(dist.shape, ELBO_SHAPE(2, 3)));
        for (int m = 0; m < 3; m++)
            if (of[m] && !elbo_shape_equal(elbo_node_shape(of[m](&dist)), dist.shape))
                fail_msg("%s: moment %d has another shape than a draw", type->name, m);
        if (type->entropy) assert_int_equal(elbo_node_shape(elbo_dist_entropy(&dist)).rank, 0);
        if (elbo_dist_kl(&dist, &dist)) assert_int_equal(elbo_node_shape(elbo_dist_kl(&dist, &dist)).rank, 0);
        elbo_node *z = elbo_dist_sample(&dist, 5);
        assert_true(elbo_shape_equal(elbo_node_shape(z), ELBO_SHAPE(5, 2, 3)));
        assert_true(elbo_shape_equal(elbo_node_shape(elbo_dist_log_prob(&dist, z)), ELBO_SHAPE(5)));
        if (elbo_graph_check(graph, &error) != ELBO_OK) fail_msg("%s", error.message);
        elbo_graph_free(graph);
        seen++;
    }
    assert_true(seen >= 15);
}

/* A parameter whose shape does not fit; low and high of which one pair of many is out of order. */
static void wrong_shapes_are_refused_by_name(void **state) {
    (void)state;
    static const struct {
        const char *name, *parameter;
        int event_rank;
        elbo_shape shape[2];
    } cases[] = {
        {"laplace", "scale", 0, {{1, {3}}, {1, {4}}}},
        {"multivariate_normal", "scale_tril", 1, {{1, {3}}, {2, {4, 4}}}},
        {"multivariate_normal", "scale_tril", 1, {{1, {3}}, {1, {3}}}},
        {"multivariate_normal", "loc", 1, {{0, {0}}, {2, {3, 3}}}},
        {"laplace", "event axes", 3, {{2, {2, 3}}, {1, {3}}}},
        {"multivariate_normal", "event axes", 0, {{1, {3}}, {2, {3, 3}}}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_graph *graph = elbo_graph_new();
        elbo_node *parameter[ELBO_DIST_PARAMETERS] = {elbo_input(graph, "a", ELBO_F32, cases[i].shape[0]),
                                                      elbo_input(graph, "b", ELBO_F32, cases[i].shape[1]), NULL};
        elbo_dist dist = elbo_dist_new(elbo_dist_find(cases[i].name), parameter, cases[i].event_rank);
        elbo_error error = {0};
        assert_int_equal(elbo_graph_check(graph, &error), ELBO_ERROR_SHAPE);
        assert_null(dist.type);
        if (!strstr(error.message, cases[i].name) || !strstr(error.message, cases[i].parameter))
            fail_msg("case %d is refused with \"%s\"", (int)i, error.message);
        elbo_graph_free(graph);
    }
    elbo_graph *graph = elbo_graph_new();
    elbo_node *pair[ELBO_DIST_PARAMETERS] = {elbo_literal(graph, ((double[]){0, 5}), ELBO_SHAPE(2, 1)),
                                             elbo_literal(graph, ((double[]){6, 7, 4}), ELBO_SHAPE(3)), NULL};
    elbo_error error = {0};
    assert_null(elbo_dist_new(elbo_dist_find("uniform"), pair, 0).type);
    assert_int_equal(elbo_graph_check(graph, &error), ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "high is 4"));
    elbo_graph_free(graph);
}

/* A KL between supports that do not fit is an error that names both; NULL alone says that no closed form exists. */
static void misfits_name_both(void **state) {
    (void)state;
    elbo_graph *graph = elbo_graph_new();
    elbo_node *one = elbo_scalar(graph, 1), *pair[ELBO_DIST_PARAMETERS] = {one, one, NULL};
    elbo_dist normal = elbo_normal(one, one, 0), gamma = elbo_dist_new(&elbo_dist_gamma, pair, 0);
    bool closed = true;
    assert_null(elbo_dist_kl(&gamma, &normal));
    assert_non_null(elbo_dist_kl_or_sampled(&gamma, &normal, 10, &closed));
    assert_false(closed);
    assert_int_equal(elbo_graph_check(graph, NULL), ELBO_OK);
    assert_null(elbo_dist_kl_or_sampled(&normal, &gamma, 10, &closed));
    elbo_error error = {0};
    assert_int_equal(elbo_graph_check(graph, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "normal"));
    assert_non_null(strstr(error.message, "gamma"));
    elbo_graph_free(graph);
}

static void supports_nest(void **state) {
    (void)state;
    assert_true(elbo_support_within(ELBO_SUPPORT_UNIT_INTERVAL, ELBO_SUPPORT_REAL));
    assert_true(elbo_support_within(ELBO_SUPPORT_NON_NEGATIVE, ELBO_SUPPORT_POSITIVE));
    assert_true(elbo_support_within(ELBO_SUPPORT_BINARY, ELBO_SUPPORT_COUNTS));
    assert_true(elbo_support_within(ELBO_SUPPORT_INTERVAL, ELBO_SUPPORT_INTERVAL));
    assert_false(elbo_support_within(ELBO_SUPPORT_REAL, ELBO_SUPPORT_POSITIVE));
    assert_false(elbo_support_within(ELBO_SUPPORT_COUNTS, ELBO_SUPPORT_REAL)); /* no density */
    assert_false(elbo_support_within(ELBO_SUPPORT_REAL, ELBO_SUPPORT_COUNTS));
    assert_false(elbo_support_within(ELBO_SUPPORT_SIMPLEX, ELBO_SUPPORT_VECTOR)); /* other measures */
    for (int s = 0; s < ELBO_SUPPORT_COUNT; s++) assert_true(elbo_support_within((elbo_support)s, (elbo_support)s));
}

static void a_line_describes_each(void **state) {
    (void)state;
    char text[256];
    assert_string_equal(elbo_dist_describe(&elbo_dist_gamma, text, sizeof text),
                        "positive numbers; concentration (positive), rate (positive); implicit; KL closed");
    assert_string_equal(elbo_dist_describe(&elbo_dist_gamma, text, 9), "positive");
    assert_string_equal(elbo_support_text((elbo_support)99), "?");
}

/* -(dF/da) / (dF/dy) against differences of GSL's F, or of 1 - F above the middle, where z is about the quantile of a
 * probability: tails and small shapes included. */
static void gamma_slope_is_that_of_the_quantile(void **state) {
    (void)state;
    static const double shapes[] = {0.01, 0.1, 0.5, 1, 1.7, 5, 30, 400, 9e3, 9e4, 2e5},
                        shares[] = {1e-3, 0.05, 0.3, 0.5, 0.8, 0.99, 0.99999};
    for (size_t i = 0; i < sizeof shapes / sizeof *shapes; i++)
        for (size_t j = 0; j < sizeof shares / sizeof *shares; j++) {
            double a = shapes[i], p = shares[j], value[4];
            double h = 2e-3 * fmin(a, sqrt(a)), cube = 1 - 1 / (9 * a) + elbo_normal_icdf(p) / (3 * sqrt(a));
            double y = a < 1 ? (log(p) + lgamma(a + 1)) / a : log(a) + 3 * log(fmax(cube, 0.1));
            double z = exp(y);
            if (z < 1e-250) continue; /* GSL's F wants z itself */
            for (int s = 0; s < 4; s++) {
                double moved = a + h * ((double[]){-2, -1, 1, 2})[s];
                value[s] = z > a ? -gsl_cdf_gamma_Q(z, moved, 1) : gsl_cdf_gamma_P(z, moved, 1);
            }
            double slope = (value[0] - 8 * value[1] + 8 * value[2] - value[3]) / (12 * h);
            double expected = -slope / (z * gsl_ran_gamma_pdf(z, a, 1)), found = elbo_log_gamma_slope_value(a, y);
            if (!(fabs(found - expected) <= 1e-5 * fabs(expected)))
                fail_msg("shape %g, probability %g: slope %.10g, difference %.10g", a, p, found, expected);
        }
    /* log z of a small shape, far below what a number z could hold: y = (log p + log Gamma(a + 1)) / a */
    double a = 0.01, y = (log(1e-9) + lgamma(a + 1)) / a;
    assert_true(fabs(elbo_log_gamma_slope_value(a, y) - (elbo_digamma_value(a + 1) - y) / a) < 1e-9 * fabs(y / a));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(wrong_values_are_refused_by_name),
        cmocka_unit_test(right_values_are_accepted),
        cmocka_unit_test(parameters_broadcast),
        cmocka_unit_test(wrong_shapes_are_refused_by_name),
        cmocka_unit_test(misfits_name_both),
        cmocka_unit_test(supports_nest),
        cmocka_unit_test(a_line_describes_each),
        cmocka_unit_test(gamma_slope_is_that_of_the_quantile),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
