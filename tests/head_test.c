/* Heads: every registered distribution from plain numbers, and what is said of choices that cannot be read. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/rng.h"
#include "graph/graph.h"
#include "models/head.h"

enum { SIZE = 4, COMPONENTS = 3, ROWS = 20 };

/* A row for each distribution: what must be given with its name, and how many numbers are left for one draw of SIZE
 * values: counted by hand, a triangle of 4 rows has 10 numbers. */
static const struct {
    const char *name, *text;
    int64_t width;
} rows[] = {
    {"bernoulli", "bernoulli", 4},
    {"beta", "beta", 8},
    {"binomial", "binomial(total=5)", 4},
    {"categorical", "categorical", 12},
    {"cauchy", "cauchy", 8},
    {"chi_squared", "chi_squared", 4},
    {"continuous_bernoulli", "continuous_bernoulli", 4},
    {"dirichlet", "dirichlet", 4},
    {"discretised_logistic", "discretised_logistic(levels=5)", 8},
    {"erlang", "erlang(concentration=3)", 4},
    {"exponential", "exponential", 4},
    {"f", "f", 8},
    {"gamma", "gamma", 8},
    {"gompertz", "gompertz", 8},
    {"gumbel", "gumbel", 8},
    {"laplace", "laplace", 8},
    {"log_normal", "log_normal", 8},
    {"logistic", "logistic", 8},
    {"multinomial", "multinomial(total=5)", 4},
    {"multivariate_laplace", "multivariate_laplace", 14},
    {"multivariate_normal", "multivariate_normal", 14},
    {"multivariate_normal_mixture", "multivariate_normal_mixture", 45},
    {"multivariate_t", "multivariate_t", 15},
    {"negative_binomial", "negative_binomial", 8},
    {"normal", "normal", 8},
    {"normal_mixture", "normal_mixture", 27},
    {"pareto", "pareto", 8},
    {"poisson", "poisson", 4},
    {"rayleigh", "rayleigh", 4},
    {"reciprocal", "reciprocal", 8},
    {"relaxed_bernoulli", "relaxed_bernoulli", 8},
    {"relaxed_categorical", "relaxed_categorical", 5},
    {"student_t", "student_t", 12},
    {"triangular", "triangular", 12},
    {"uniform", "uniform", 8},
    {"weibull", "weibull", 8},
};
enum { TYPES = sizeof rows / sizeof *rows };

static elbo_head read_head(const char *text) {
    elbo_error error = {0};
    elbo_head head;
    elbo_head_sizes sizes = {.size = SIZE, .components = COMPONENTS};
    if (elbo_head_parse(&head, "--posterior", text, sizes, &error) != ELBO_OK) fail_msg("%s", error.message);
    return head;
}

static elbo_plan *plan_of(elbo_graph *graph, elbo_node *const *fetch, size_t count, elbo_precision precision) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = fetch,
                           .fetch_count = count,
                           .backend = precision == ELBO_PRECISION_F64 ? ELBO_BACKEND_REFERENCE : ELBO_BACKEND_CPU,
                           .precision = precision,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    return plan;
}

static void run_plan(elbo_plan *plan) {
    elbo_error error = {0};
    if (elbo_plan_run(plan, &(elbo_run){.seed = 3}, &error) != ELBO_OK) fail_msg("%s", error.message);
}

/* The value of a node in f64, on the heap. */
static double *values_of(elbo_plan *plan, elbo_node *node) {
    int64_t count = elbo_shape_count(elbo_node_shape(node));
    double *value = calloc((size_t)count, sizeof *value);
    assert_true(elbo_plan_read(plan, node, value, count));
    return value;
}

/* Numbers in [-most, most], different for each place. */
static double number_at(int64_t i, double most) {
    elbo_rng rng = {7, ELBO_STREAM_SAMPLE, 0};
    return most * (2 * elbo_rng_uniform(&rng, (uint32_t)i, 0) - 1);
}

/* ---- one row for each file ---- */

static void every_distribution_has_a_row(void **state) {
    (void)state;
    size_t known = 0;
    for (; elbo_registry_dists[known]; known++) {
        size_t r = 0;
        while (r < TYPES && strcmp(rows[r].name, elbo_registry_dists[known]->name) != 0) r++;
        if (r == TYPES) fail_msg("%s has no row here", elbo_registry_dists[known]->name);
    }
    assert_int_equal(known, TYPES);
}

static void widths(void **state) {
    (void)state;
    for (int r = 0; r < TYPES; r++) {
        elbo_head head = read_head(rows[r].text);
        assert_string_equal(head.type->name, rows[r].name);
        if (elbo_head_width(&head) != rows[r].width)
            fail_msg("%s: %lld numbers, not %lld", rows[r].text, (long long)elbo_head_width(&head),
                     (long long)rows[r].width);
    }
}

/* ---- numbers to parameters ---- */

/* The value that a parameter has in the standard distribution; `before` is the one in the table before it. */
static double standard(const elbo_head *head, int k, int64_t i, double before) {
    switch (head->type->parameter[k].constraint) {
        case ELBO_CONSTRAINT_POSITIVE: return 1;
        case ELBO_CONSTRAINT_UNIT_INTERVAL: return 0.5;
        case ELBO_CONSTRAINT_ORDERED: return before + 1;
        case ELBO_CONSTRAINT_WHOLE: return head->value[k];
        case ELBO_CONSTRAINT_LOWER_TRIANGULAR: return i / SIZE % SIZE == i % SIZE;
        default: return 0;
    }
}

static void zeros_are_the_standard_distribution(void **state) {
    (void)state;
    for (int r = 0; r < TYPES; r++) {
        elbo_head head = read_head(rows[r].text);
        elbo_graph *graph = elbo_graph_new();
        elbo_dist dist = elbo_head_dist(&head, elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(2, rows[r].width)));
        assert_non_null(dist.type);
        assert_int_equal(dist.shape.rank, 2);
        assert_true(dist.shape.dim[0] == 2 && dist.shape.dim[1] == SIZE && dist.event_rank == 1);
        int count = elbo_head_parameters(head.type);
        elbo_plan *plan = plan_of(graph, dist.parameter, (size_t)count, ELBO_PRECISION_F64);
        run_plan(plan);
        double before = 0;
        for (int k = 0; k < count; k++) {
            double *value = values_of(plan, dist.parameter[k]);
            for (int64_t i = 0; i < elbo_shape_count(elbo_node_shape(dist.parameter[k])); i++) {
                double wanted = standard(&head, k, i, before);
                if (!(fabs(value[i] - wanted) < 1e-12)) /* softplus and log round a few times */
                    fail_msg("%s: %s is %.15g, not %g", rows[r].name, head.type->parameter[k].name, value[i], wanted);
            }
            before = value[0];
            free(value);
        }
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

static bool obeys(elbo_constraint constraint, int64_t i, double value, double before) {
    int64_t row = i / SIZE % SIZE, column = i % SIZE;
    switch (constraint) {
        case ELBO_CONSTRAINT_POSITIVE: return value > 0;
        case ELBO_CONSTRAINT_UNIT_INTERVAL: return value > 0 && value < 1;
        case ELBO_CONSTRAINT_ORDERED: return value > before;
        case ELBO_CONSTRAINT_LOWER_TRIANGULAR: return column > row ? value == 0 : column < row || value > 0;
        default: return isfinite(value);
    }
}

/* In f32, where 1 - sigmoid(30) and 30 + softplus(-30) are lost. */
static void constraints_hold_for_any_numbers(void **state) {
    (void)state;
    for (int r = 0; r < TYPES; r++) {
        elbo_head head = read_head(rows[r].text);
        elbo_graph *graph = elbo_graph_new();
        int64_t total = 50 * rows[r].width;
        elbo_node *numbers = elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(50, rows[r].width));
        elbo_dist dist = elbo_head_dist(&head, numbers);
        int count = elbo_head_parameters(head.type);
        elbo_plan *plan = plan_of(graph, dist.parameter, (size_t)count, ELBO_PRECISION_F32);
        float *input = elbo_plan_input(plan, numbers);
        for (int64_t i = 0; i < total; i++)
            input[i] = i == 0 || i == rows[r].width ? -30 : i == SIZE ? -30 : (float)number_at(i, 30);
        if (rows[r].width >= 2 * SIZE) input[0] = 30, input[SIZE] = -30; /* low far out, the step above it tiny */
        run_plan(plan);
        double *before = NULL;
        for (int k = 0; k < count; k++) {
            double *value = values_of(plan, dist.parameter[k]);
            bool ordered = head.type->parameter[k].constraint == ELBO_CONSTRAINT_ORDERED;
            for (int64_t i = 0; i < elbo_shape_count(elbo_node_shape(dist.parameter[k])); i++)
                if (!isfinite(value[i]) ||
                    !obeys(head.type->parameter[k].constraint, i, value[i], ordered ? before[i] : 0))
                    fail_msg("%s: %s[%lld] is %.9g", rows[r].name, head.type->parameter[k].name, (long long)i,
                             value[i]);
            free(before);
            before = value;
        }
        free(before);
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

/* Fixed parameters stay what they are, beside free ones. */
static void fixed_parameters(void **state) {
    (void)state;
    static const struct {
        const char *text;
        int parameter;
        double value;
        int64_t width;
    } given[] = {{"student_t(df=3)", 0, 3, 8},         {"gamma( 0.5 )", 0, 0.5, 4},
                 {"gamma(rate=2)", 1, 2, 4},           {"normal-mixture(scale=0.25)", 2, 0.25, 15},
                 {"dirichlet(0.1)", 0, 0.1, 0},        {"uniform(-1, 2)", 1, 2, 0},
                 {"gaussian(log_scale=-1)", 1, -1, 4}, {"multivariate_t(df=4, loc=1)", 1, 1, 10}};
    for (size_t g = 0; g < sizeof given / sizeof *given; g++) {
        elbo_head head = read_head(given[g].text);
        assert_int_equal(elbo_head_width(&head), given[g].width);
        elbo_graph *graph = elbo_graph_new();
        elbo_dist dist = elbo_head_standard(&head, graph, 2);
        assert_non_null(dist.type);
        assert_true(dist.shape.rank == 2 && dist.shape.dim[0] == 2 && dist.shape.dim[1] == SIZE);
        double value = NAN;
        assert_true(elbo_node_constant(dist.parameter[given[g].parameter], &value));
        assert_true(value == given[g].value);
        elbo_graph_free(graph);
    }
}

/* A likelihood of levels: its locations and scales are in units of half the range. */
static void levels_and_units(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_head head;
    elbo_head_sizes sizes = {.size = SIZE, .components = 1, .levels = 7};
    assert_int_equal(elbo_head_parse(&head, "--likelihood", "discretised-logistic", sizes, &error), ELBO_OK);
    assert_true(head.fixed[2] && head.value[2] == 7);
    head.unit = 3;
    elbo_graph *graph = elbo_graph_new();
    elbo_dist dist = elbo_head_dist(&head, elbo_constant(graph, 0, ELBO_SHAPE(1, 2 * SIZE)));
    elbo_plan *plan = plan_of(graph, dist.parameter, 2, ELBO_PRECISION_F64);
    run_plan(plan);
    double *loc = values_of(plan, dist.parameter[0]), *scale = values_of(plan, dist.parameter[1]);
    assert_true(fabs(loc[0]) < 1e-12 && fabs(scale[SIZE - 1] - 3) < 1e-11);
    free(loc);
    free(scale);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    assert_int_equal(elbo_head_parse(&head, "--likelihood", "discretised_logistic(levels=5)", sizes, &error),
                     ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "--levels"));
}

/* ---- densities ---- */

/* d log p(x) / d numbers against central differences. With steps of h the rounding of log p (of order 10) gives
 * 1e-15 / h = 1e-10, and h^2 / 6 times a third derivative of up to some thousands 1e-7: 1e-6 bounds both. */
static void gradients(void **state) {
    (void)state;
    const double h = 1e-5;
    for (int r = 0; r < TYPES; r++) {
        elbo_head head = read_head(rows[r].text);
        int64_t width = rows[r].width;
        elbo_graph *graph = elbo_graph_new();
        elbo_node *numbers = elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(ROWS, width));
        elbo_node *x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(ROWS, SIZE));
        elbo_dist dist = elbo_head_dist(&head, numbers);
        elbo_node *drawn = elbo_dist_sample(&dist, 0), *log_p = elbo_dist_log_prob(&dist, x), *slope;
        elbo_grad(elbo_sum_all(log_p), &numbers, 1, &slope);
        elbo_plan *draw = plan_of(graph, &drawn, 1, ELBO_PRECISION_F64);
        elbo_node *fetch[2] = {log_p, slope};
        elbo_plan *plan = plan_of(graph, fetch, 2, ELBO_PRECISION_F64);
        double *input = elbo_plan_input(plan, numbers), *first = elbo_plan_input(draw, numbers);
        for (int64_t i = 0; i < ROWS * width; i++) input[i] = first[i] = number_at(i, 1);
        run_plan(draw);
        double *z = values_of(draw, drawn);
        memcpy(elbo_plan_input(plan, x), z, sizeof *z * ROWS * SIZE);
        run_plan(plan);
        double *exact = values_of(plan, slope);
        for (int64_t j = 0; j < width; j++) {
            double *side[2];
            for (int up = 0; up < 2; up++) {
                for (int64_t row = 0; row < ROWS; row++) input[row * width + j] += up ? 2 * h : -h;
                run_plan(plan);
                side[up] = values_of(plan, log_p);
            }
            for (int64_t row = 0; row < ROWS; row++) {
                double wanted = (side[1][row] - side[0][row]) / (2 * h), got = exact[row * width + j];
                if (!(fabs(got - wanted) < 1e-6 * (1 + fabs(wanted))))
                    fail_msg("%s: d log p / d number %lld of row %lld is %.9g, not %.9g", rows[r].name, (long long)j,
                             (long long)row, got, wanted);
                input[row * width + j] = number_at(row * width + j, 1);
            }
            free(side[0]);
            free(side[1]);
        }
        free(exact);
        free(z);
        elbo_plan_free(draw);
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

/* log p of both at draws of the standard distribution, and the draws themselves, agree to the last rounding. */
static void standard_is_dist_at_zero(void **state) {
    (void)state;
    for (int r = 0; r < TYPES; r++) {
        elbo_head head = read_head(rows[r].text);
        elbo_graph *graph = elbo_graph_new();
        elbo_dist made = elbo_head_standard(&head, graph, ROWS);
        elbo_dist zero = elbo_head_dist(&head, elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(ROWS, rows[r].width)));
        assert_true(elbo_shape_equal(made.shape, zero.shape) && made.event_rank == zero.event_rank);
        elbo_node *z = elbo_dist_sample(&made, 0);
        elbo_node *fetch[2] = {elbo_dist_log_prob(&made, z), elbo_dist_log_prob(&zero, z)};
        elbo_plan *plan = plan_of(graph, fetch, 2, ELBO_PRECISION_F64);
        run_plan(plan);
        double *one = values_of(plan, fetch[0]), *two = values_of(plan, fetch[1]);
        for (int row = 0; row < ROWS; row++)
            if (!isfinite(one[row]) || !(fabs(one[row] - two[row]) < 1e-10 * (1 + fabs(one[row]))))
                fail_msg("%s: log p is %.15g, and %.15g at zero numbers", rows[r].name, one[row], two[row]);
        free(one);
        free(two);
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

/* Numbers [L, B, width] give what [L B, width] do, row by row; and L draws of [B, width] have a density each. */
static void sample_axes(void **state) {
    (void)state;
    enum { L = 2, B = 3 };
    for (int r = 0; r < TYPES; r++) {
        elbo_head head = read_head(rows[r].text);
        elbo_graph *graph = elbo_graph_new();
        elbo_node *flat = elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(L * B, rows[r].width));
        elbo_dist one = elbo_head_dist(&head, flat);
        elbo_dist two = elbo_head_dist(&head, elbo_reshape(flat, ELBO_SHAPE(L, B, rows[r].width)));
        elbo_dist few = elbo_head_dist(&head, elbo_slice(flat, 0, 0, B));
        assert_true(two.type && elbo_shape_equal(two.shape, ELBO_SHAPE(L, B, SIZE)));
        elbo_node *z = elbo_dist_sample(&one, 0), *draws = elbo_dist_sample(&few, L);
        assert_true(elbo_shape_equal(elbo_node_shape(draws), ELBO_SHAPE(L, B, SIZE)));
        elbo_node *fetch[4] = {elbo_dist_log_prob(&one, z),
                               elbo_dist_log_prob(&two, elbo_reshape(z, ELBO_SHAPE(L, B, SIZE))),
                               elbo_dist_log_prob(&few, draws), elbo_dist_sample(&two, 0)};
        assert_true(elbo_shape_equal(elbo_node_shape(fetch[1]), ELBO_SHAPE(L, B)));
        assert_true(elbo_shape_equal(elbo_node_shape(fetch[2]), ELBO_SHAPE(L, B)));
        assert_true(elbo_shape_equal(elbo_node_shape(fetch[3]), ELBO_SHAPE(L, B, SIZE)));
        elbo_plan *plan = plan_of(graph, fetch, 4, ELBO_PRECISION_F32);
        float *input = elbo_plan_input(plan, flat);
        for (int64_t i = 0; i < L * B * rows[r].width; i++) input[i] = (float)number_at(i, 1);
        run_plan(plan);
        double *p = values_of(plan, fetch[0]), *q = values_of(plan, fetch[1]), *s = values_of(plan, fetch[2]);
        for (int i = 0; i < L * B; i++)
            if (!isfinite(s[i]) || !(fabs(p[i] - q[i]) < 1e-4 * (1 + fabs(p[i])))) /* f32, sums of some ten terms */
                fail_msg("%s: log p of row %d is %g, with an axis of samples %g; of a draw %g", rows[r].name, i, p[i],
                         q[i], s[i]);
        free(p);
        free(q);
        free(s);
        elbo_plan_free(plan);
        elbo_graph_free(graph);
    }
}

/* ---- choices that cannot be read ---- */

static void misspelt_choices(void **state) {
    (void)state;
    static const struct {
        const char *text, *said[4];
    } wrong[] = {
        {"student_t(df=-1)", {"student_t", "df", "\"-1\"", "positive"}},
        {"student_t(df=0)", {"df", "\"0\"", "positive"}},
        {"gamma(foo=1)", {"gamma", "foo=1", "concentration (positive)", "rate (positive)"}},
        {"gamma(1e-60)", {"concentration", "1e-60", "positive"}}, /* 0 as f32 */
        {"normal(1e60)", {"loc", "1e60", "real"}},
        {"gamma(1,2,3)", {"gamma", "no parameter for \"3\"", "rate"}},
        {"gamma(1,concentration=2)", {"gamma", "concentration is given twice"}},
        {"gamma(1,)", {"gamma", "rate", "\"\"", "positive"}},
        {"gamma(nan)", {"gamma", "concentration", "nan", "positive"}},
        {"gamma(inf)", {"gamma", "concentration", "inf", "positive"}},
        {"gamma(1x)", {"gamma", "concentration", "1x", "positive"}},
        {"erlang", {"erlang", "concentration", "erlang(concentration=5)"}},
        {"erlang(2.5)", {"erlang", "concentration", "2.5", "whole number"}},
        {"uniform(2,1)", {"uniform", "high 1", "above", "low 2"}},
        {"uniform(high=1,low=2)", {"uniform", "high 1", "above", "low 2"}},
        {"uniform(high=1)", {"uniform", "high", "above low", "give both"}},
        {"triangular(peak=1)", {"triangular", "peak", "\"1\"", "between 0 and 1"}},
        {"normal(", {"normal", "normal(", "end with", "')'"}},
        {"normal(1)2", {"normal", "normal(1)2", "end with", "')'"}},
        {"normla", {"normla", "no such distribution", "did you mean normal?"}},
        {"log-norml", {"log_norml", "did you mean log_normal?"}},
        {"", {"no such distribution", "elbo list distributions"}},
        {"xyzxyzxyz", {"xyzxyzxyz", "no such distribution", "elbo list distributions"}},
        {"multivariate_normal(scale_tril=1)", {"multivariate_normal", "scale_tril", "left to the model"}},
        {"discretised_logistic", {"discretised_logistic", "levels", "discretised_logistic(levels=5)"}},
    };
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        elbo_error error = {0};
        elbo_head head;
        elbo_head_sizes sizes = {.size = SIZE, .components = COMPONENTS};
        if (elbo_head_parse(&head, "--prior", wrong[i].text, sizes, &error) != ELBO_ERROR_USAGE)
            fail_msg("\"%s\" was read", wrong[i].text);
        assert_int_equal(strncmp(error.message, "--prior ", 8), 0);
        for (int s = 0; s < 4 && wrong[i].said[s]; s++)
            if (!strstr(error.message, wrong[i].said[s]))
                fail_msg("\"%s\" does not say \"%s\"", error.message, wrong[i].said[s]);
    }
}

/* ---- where draws may lie ---- */

static void ranges(void **state) {
    (void)state;
    enum { STANDARD = ELBO_HEAD_STANDARD, FREE = ELBO_HEAD_FREE };
    static const struct {
        const char *inner, *outer;
        int outer_freedom;
        bool fits;
    } pairs[] = {
        {"normal", "student_t", STANDARD, true},
        {"normal", "gamma", STANDARD, false},
        {"gamma", "normal", STANDARD, true},
        {"beta", "gamma", STANDARD, true},
        {"gamma", "beta", STANDARD, false},
        {"beta", "uniform", STANDARD, true},
        {"beta", "uniform(-1,0.5)", STANDARD, false},
        {"normal", "uniform", STANDARD, false},
        {"uniform", "uniform", STANDARD, false},
        {"triangular(0.25,0.75)", "beta", STANDARD, true},
        {"uniform", "normal", STANDARD, true},
        {"triangular(0,1)", "uniform", FREE, false},
        {"pareto", "pareto", STANDARD, false},
        {"pareto(2)", "pareto", STANDARD, true},
        {"pareto", "gamma", STANDARD, true},
        {"gamma", "pareto", STANDARD, false},
        {"reciprocal", "gamma", STANDARD, true},
        {"reciprocal", "reciprocal", STANDARD, false},
        {"normal", "multivariate_t", STANDARD, true},
        {"multivariate_normal", "normal", STANDARD, true},
        {"normal_mixture", "laplace", STANDARD, true},
        {"multivariate_normal", "gamma", STANDARD, false},
        {"dirichlet", "relaxed_categorical", STANDARD, true},
        {"dirichlet", "normal", STANDARD, false},
        {"bernoulli", "poisson", STANDARD, true},
        {"poisson", "bernoulli", STANDARD, false},
        {"bernoulli", "normal", STANDARD, false},
        {"binomial(3)", "binomial(4)", STANDARD, true},
        {"binomial(4)", "binomial(3)", STANDARD, false},
        {"multinomial(2)", "multinomial(2)", STANDARD, true},
        {"multinomial(2)", "multinomial(3)", STANDARD, false},
        {"discretised_logistic(levels=4)", "discretised_logistic(levels=3)", STANDARD, false},
    };
    for (size_t i = 0; i < sizeof pairs / sizeof *pairs; i++) {
        elbo_head inner = read_head(pairs[i].inner), outer = read_head(pairs[i].outer);
        if (elbo_head_fits(&inner, ELBO_HEAD_FREE, &outer, (elbo_head_freedom)pairs[i].outer_freedom) != pairs[i].fits)
            fail_msg("%s %s in %s", pairs[i].inner, pairs[i].fits ? "does not lie" : "lies", pairs[i].outer);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_distribution_has_a_row),
        cmocka_unit_test(widths),
        cmocka_unit_test(zeros_are_the_standard_distribution),
        cmocka_unit_test(constraints_hold_for_any_numbers),
        cmocka_unit_test(fixed_parameters),
        cmocka_unit_test(levels_and_units),
        cmocka_unit_test(gradients),
        cmocka_unit_test(standard_is_dist_at_zero),
        cmocka_unit_test(sample_axes),
        cmocka_unit_test(misspelt_choices),
        cmocka_unit_test(ranges),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
