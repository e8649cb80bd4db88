/* Every discrete distribution of one number in the registry, by sums over its values: total probability, cdf, moments,
 * entropy, mode, closed KLs, GSL's probabilities where GSL has them, and Pearson's test on its draws. */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_randist.h>

#include "dist_support.h"

enum { SETTINGS = 4, VALUES = 4096 }; /* beyond VALUES lies less than 1e-12 of each row's probability */

typedef struct row {
    const char *name;
    setting at[SETTINGS];
    int settings, classes;
    double (*pmf)(const double (*p)[WIDTH], unsigned k); /* by GSL */
} row;

#define GSL(name, expression) \
    static double name(const double(*p)[WIDTH], unsigned k) { return expression; }
#define SIGMOID(l) (1 / (1 + exp(-(l))))
GSL(pmf_bernoulli, gsl_ran_bernoulli_pdf(k, SIGMOID(p[0][0])))
GSL(pmf_poisson, gsl_ran_poisson_pdf(k, p[0][0]))
GSL(pmf_binomial, gsl_ran_binomial_pdf(k, SIGMOID(p[1][0]), (unsigned)p[0][0]))
GSL(pmf_negative_binomial, gsl_ran_negative_binomial_pdf(k, SIGMOID(-p[1][0]), p[0][0]))

#define AT(...)         \
    {                   \
        { __VA_ARGS__ } \
    }
static const row rows[] = {
    {"bernoulli", {AT({0.7}), AT({-2}), AT({-30}), AT({12})}, 4, 0, .pmf = pmf_bernoulli},
    {"categorical", {AT({0.5, -1, 0.2, 2}), AT({1, 1, 0, -1}), AT({0, 40, -40, 1})}, 3, 4, NULL},
    {"poisson", {AT({3.5}), AT({2}), AT({1e-3}), AT({1500})}, 4, 0, .pmf = pmf_poisson},
    {"binomial", {AT({11}, {0.3}), AT({11}, {-1}), AT({1}, {-9}), AT({3000}, {2})}, 4, 0, .pmf = pmf_binomial},
    {"negative_binomial",
     {AT({3.5}, {0.3}), AT({3.5}, {-1}), AT({0.2}, {1.5}), AT({1e5}, {-5})},
     4,
     .pmf = pmf_negative_binomial},
    {"discretised_logistic",
     {AT({3.3}, {0.2}, {8}), AT({4.5}, {1.5}, {8}), AT({-20}, {0.3}, {256}), AT({100}, {1e3}, {256})},
     4,
     0,
     NULL},
};

typedef struct look {
    const row *row;
    const elbo_dist_type *type;
    int number;
    probe probe; /* over all the values */
    double value[VALUES], log_p[VALUES];
} look;

static const row *row_of(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static bool is_discrete(const elbo_dist_type *type) {
    elbo_support s = type->support;
    return s == ELBO_SUPPORT_BINARY || s == ELBO_SUPPORT_CLASSES || s == ELBO_SUPPORT_LEVELS ||
           s == ELBO_SUPPORT_COUNTS || s == ELBO_SUPPORT_COUNTS_TO_TOTAL;
}

/* The last value that there is: VALUES - 1 where there is no last one. */
static int last_of(const look *l) {
    const double(*p)[WIDTH] = l->probe.at.value;
    switch (l->type->support) {
        case ELBO_SUPPORT_BINARY: return 1;
        case ELBO_SUPPORT_CLASSES: return l->row->classes - 1;
        case ELBO_SUPPORT_LEVELS: return (int)p[2][0] - 1;
        case ELBO_SUPPORT_COUNTS_TO_TOTAL: return (int)p[0][0];
        default: return VALUES - 1;
    }
}

static int near(const look *l, const char *what, double found, double expected, double tolerance) {
    if (fabs(found - expected) <= tolerance) return 0;
    print_error("%s, setting %d: %s is %.12g; %.12g +- %.2g was expected\n", l->type->name, l->number, what, found,
                expected, tolerance);
    return 1;
}

static void each(int (*check)(look *l)) {
    int failures = 0;
    look *l = calloc(1, sizeof *l);
    assert_non_null(l);
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        l->type = elbo_registry_dists[i];
        if (!is_discrete(l->type)) continue;
        l->row = row_of(l->type->name);
        if (!l->row) fail_msg("%s has no row in tests/dist_discrete_test.c", l->type->name);
        for (l->number = 0; l->number < l->row->settings; l->number++) {
            int64_t points = l->type->support == ELBO_SUPPORT_COUNTS ? VALUES : 0;
            l->probe = probe_new(l->type, l->row->at[l->number], l->row->classes, 1);
            if (!points) points = last_of(l) + 1;
            probe_free(&l->probe);
            l->probe = probe_new(l->type, l->row->at[l->number], l->row->classes, points);
            for (int k = 0; k < VALUES; k++) l->value[k] = k, l->log_p[k] = -INFINITY;
            probe_read(&l->probe, elbo_dist_log_prob(&l->probe.dist, l->probe.x), l->value, ELBO_PRECISION_F64,
                       l->log_p, points);
            failures += check(l);
            probe_free(&l->probe);
        }
    }
    free(l);
    assert_int_equal(failures, 0);
}

static int check_probabilities(look *l) {
    double sum = 0;
    int failures = 0, points = (int)l->probe.points;
    float single[VALUES];
    double read[VALUES];
    for (int k = 0; k < points; k++) sum += exp(l->log_p[k]);
    failures += near(l, "the sum of probabilities", sum, 1, 1e-9);
    for (int k = 0; l->row->pmf && k < points; k += 1 + points / 50) {
        double expected = l->row->pmf(l->probe.at.value, (unsigned)k);
        if (expected > 1e-200)
            failures += near(l, "log p against GSL", l->log_p[k], log(expected), 1e-8 * (1 + fabs(l->log_p[k])));
    }
    probe_read(&l->probe, elbo_dist_log_prob(&l->probe.dist, l->probe.x), l->value, ELBO_PRECISION_F32, read, points);
    for (int k = 0; k < points; k++) {
        single[k] = (float)read[k];
        /* roundings of log p, and of a parameter of relative error 6e-8, to which a count of k answers by up to k */
        double tolerance = 1e-5 * (1 + fabs(l->log_p[k])) + 4 * 6e-8 * (k + exp(l->log_p[k]) * 1e4);
        failures += near(l, "log p in f32", (double)single[k], l->log_p[k], tolerance);
    }
    return failures;
}

/* Values between and beyond the whole numbers have probability 0. The older two take what they are given. */
static int check_outside(look *l) {
    if (l->type == &elbo_dist_bernoulli || l->type == &elbo_dist_categorical) return 0;
    double x[3] = {-1, 0.5, last_of(l) == VALUES - 1 ? 2.5 : last_of(l) + 1}, found[3];
    int failures = 0;
    probe p = probe_new(l->type, l->row->at[l->number], l->row->classes, 3);
    probe_read(&p, elbo_dist_log_prob(&p.dist, p.x), x, ELBO_PRECISION_F64, found, 3);
    for (int i = 0; i < 3; i++) failures += found[i] != -INFINITY;
    if (failures) near(l, "the number of values with a probability outside the support", failures, 0, 0);
    probe_free(&p);
    return failures;
}

static double expect(const look *l, double (*of)(const look *l, int k, double about), double about) {
    double sum = 0;
    for (int k = 0; k < l->probe.points; k++)
        if (exp(l->log_p[k]) > 0) sum += exp(l->log_p[k]) * of(l, k, about);
    return sum;
}

/* The cdf is the sum of the probabilities, between the values too, 0 below all of them and 1 from the last one on. */
static int check_cdf(look *l) {
    int failures = 0, points = (int)l->probe.points;
    double found[VALUES], moved[VALUES], sum = 0, ends[2] = {-0.5, last_of(l) + 0.5}, at_ends[2];
    assert_non_null(l->type->cdf);
    probe_read(&l->probe, l->type->cdf(&l->probe.dist, l->probe.x), l->value, ELBO_PRECISION_F64, found, points);
    for (int k = 0; k < points; k++) {
        sum += exp(l->log_p[k]);
        failures += near(l, "the cdf", found[k], sum, 1e-9);
        moved[k] = k + 0.75;
    }
    probe_read(&l->probe, l->type->cdf(&l->probe.dist, l->probe.x), moved, ELBO_PRECISION_F64, moved, points);
    for (int k = 0; k < points; k++) failures += near(l, "the cdf between values", moved[k], found[k], 0);
    probe two = probe_new(l->type, l->row->at[l->number], l->row->classes, 2);
    probe_read(&two, l->type->cdf(&two.dist, two.x), ends, ELBO_PRECISION_F64, at_ends, 2);
    probe_free(&two);
    failures += near(l, "the cdf below all values", at_ends[0], 0, 0);
    return failures + near(l, "the cdf above all values", at_ends[1], 1, 1e-12);
}

static double value_of(const look *l, int k, double about) { return l->value[k] - about; }
static double square_of(const look *l, int k, double about) { return (l->value[k] - about) * (l->value[k] - about); }
static double surprise_of(const look *l, int k, double about) { return -l->log_p[k] - about; }

static int check_moments(look *l) {
    const elbo_dist *dist = &l->probe.dist;
    double mean = expect(l, value_of, 0), variance = expect(l, square_of, mean);
    int failures = near(l, "the mean", probe_number(&l->probe, l->type->mean(dist)), mean, 1e-8 * (1e-3 + mean));
    failures +=
        near(l, "the variance", probe_number(&l->probe, l->type->variance(dist)), variance, 1e-7 * (1e-3 + variance));
    if (l->type->entropy)
        failures +=
            near(l, "the entropy", probe_number(&l->probe, l->type->entropy(dist)), expect(l, surprise_of, 0), 1e-9);
    if (l->type->mode) {
        double mode = probe_number(&l->probe, l->type->mode(dist));
        for (int k = 0; k < l->probe.points; k++)
            if (l->log_p[k] > l->log_p[(int)mode] + 1e-9) return failures + near(l, "the mode", mode, k, 0);
    }
    return failures;
}

/* Closed KLs between the first two settings, both ways and to itself. */
static int check_kl(look *l) {
    int failures = 0;
    if (l->number > 1) return 0;
    for (int other = 0; other < 2; other++) {
        double log_q[VALUES], sum = 0;
        elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
        for (int k = 0; k < parameters_of(l->type); k++) {
            bool whole = l->type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE;
            bool shared = strcmp(l->type->parameter[k].name, "total") == 0;
            elbo_shape shape = shape_of_parameter(l->type, k, l->row->classes);
            parameter[k] = shared  ? l->probe.parameter[k]
                           : whole ? elbo_scalar(l->probe.graph, l->row->at[other].value[k][0])
                                   : elbo_literal(l->probe.graph, l->row->at[other].value[k], shape);
        }
        elbo_dist q = elbo_dist_new(l->type, parameter, 0);
        elbo_node *closed = elbo_dist_kl(&l->probe.dist, &q);
        assert_non_null(closed);
        probe_read(&l->probe, elbo_dist_log_prob(&q, l->probe.x), l->value, ELBO_PRECISION_F64, log_q, l->probe.points);
        for (int k = 0; k < l->probe.points; k++)
            if (exp(l->log_p[k]) > 0) sum += exp(l->log_p[k]) * (l->log_p[k] - log_q[k]);
        failures += near(l, "a KL", probe_number(&l->probe, closed), sum, 1e-7 * (1 + sum));
    }
    return failures;
}

/* Pearson's chi-square over cells of at least 8 expected draws; the seeds are fixed, the level is 1e-6 a setting, some
 * 25 settings: a correct sampler fails with probability 3e-5, once and for all. */
static int check_draws(look *l) {
    double *draw = calloc(DRAWS, sizeof *draw), statistic = 0, expected = 0, mass = 0;
    int cells = 0, seen = 0, at = 0, failures = 0;
    sorted_draws(&l->probe, draw);
    for (int i = 0; i < DRAWS; i++)
        if (draw[i] < 0 || draw[i] > last_of(l) || draw[i] != floor(draw[i])) {
            failures = near(l, "a draw", draw[i], 0, 0);
            free(draw);
            return failures;
        }
    for (int k = 0; k < l->probe.points; k++) {
        expected += DRAWS * exp(l->log_p[k]);
        mass += exp(l->log_p[k]);
        while (at < DRAWS && draw[at] <= k) at++, seen++;
        bool last = k == l->probe.points - 1 || DRAWS * (1 - mass) < 8;
        if (last) expected += DRAWS * fmax(0, 1 - mass), seen += DRAWS - at;
        if (expected < 8 && !last) continue;
        if (expected > 1e-9) statistic += (seen - expected) * (seen - expected) / expected, cells++;
        if (last) break;
        expected = 0;
        seen = 0;
    }
    free(draw);
    if (cells < 2) return near(l, "Pearson's statistic of one cell", statistic, 0, 25);
    return near(l, "Pearson's statistic", statistic, 0, gsl_cdf_chisq_Qinv(1e-6, cells - 1));
}

#define CHECK(name)                  \
    static void name(void **state) { \
        (void)state;                 \
        each(check_##name);          \
    }
CHECK(probabilities)
CHECK(outside)
CHECK(cdf)
CHECK(moments)
CHECK(kl)
CHECK(draws)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(probabilities), cmocka_unit_test(outside), cmocka_unit_test(cdf),
        cmocka_unit_test(moments),       cmocka_unit_test(kl),      cmocka_unit_test(draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
