/* The distribution functions of the gamma and beta families: against GSL over shapes from 1e-3 to 1e4 and over both
 * tails, their derivatives against densities and signed differences, and every discrete cdf against GSL. */
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_randist.h>

#include "base/incomplete.h"
#include "base/special.h"
#include "dist_support.h"

static const double shapes[] = {1e-3, 0.05, 0.5, 1, 2.5, 17, 300, 1e4};
enum { SHAPES = sizeof shapes / sizeof *shapes, PLACES = 9 };

/* Tolerances: 1e-9 is what GSL promises of its own; beyond a = 1e3 its asymptotic formulas are good to 1e-8 only. */
static int near(const char *what, double a, double b, double x, double found, double expected, double tolerance) {
    if (fabs(found - expected) <= tolerance) return 0;
    print_error("%s(%g, %g) at %.17g is %.15g; %.15g +- %.2g was expected\n", what, a, b, x, found, expected,
                tolerance);
    return 1;
}

/* From far below the mean to far above it. */
static double place(double mean, double deviation, int i) {
    static const double tail[PLACES] = {-9, -5, -2, -0.5, 0, 0.5, 2, 5, 9};
    double straight = mean + tail[i] * deviation;
    return straight > 0.2 * mean ? straight : mean * exp(tail[i] * deviation / mean);
}

static void gamma_values(void **state) {
    (void)state;
    int failures = 0;
    for (int s = 0; s < SHAPES; s++)
        for (int i = 0; i < PLACES; i++) {
            double a = shapes[s], w = place(a, fmin(sqrt(a), 30 * a), i);
            double expected = gsl_cdf_gamma_P(w, a, 1), found = elbo_gamma_cdf_value(a, w);
            failures += near("gamma_cdf", a, 0, w, found, expected, 1e-9 * expected + 1e-15 + (a > 1e3 ? 1e-8 : 0));
            double density = gsl_ran_gamma_pdf(w, a, 1);
            failures +=
                near("gamma_density", a, 0, w, elbo_gamma_density_value(a, w), density, 1e-10 * density * (1 + a));
        }
    assert_int_equal(failures, 0);
    assert_true(elbo_gamma_cdf_value(2, 0) == 0 && elbo_gamma_cdf_value(2, -1) == 0);
    assert_true(elbo_gamma_cdf_value(2, INFINITY) == 1 && isnan(elbo_gamma_cdf_value(-1, 1)));
    /* from 1e8 on an approximation takes over, whose error is below 1 / a */
    double below = elbo_gamma_cdf_value(1e8, 1e8 + 5e3), above = elbo_gamma_cdf_value(1e8 + 0.01, 1e8 + 5e3 + 0.01);
    assert_true(fabs(below - above) < 1e-8);
}

static void beta_values(void **state) {
    (void)state;
    int failures = 0;
    for (int s = 0; s < SHAPES; s++)
        for (int r = 0; r < SHAPES; r++)
            for (int i = 0; i < PLACES; i++) {
                double a = shapes[s], b = shapes[r], deviation = fmin(sqrt(1 / a + 1 / b), 30), l = log(a / b);
                double odds = exp(l + deviation * (i - 4)), x = odds / (1 + odds), y = 1 / (1 + odds);
                double found = elbo_beta_cdf_value(a, b, odds), lower = gsl_cdf_beta_P(x, a, b);
                double upper = gsl_cdf_beta_P(y, b, a), tight = 1e-9 + 1e-13 * (a + b);
                /* GSL takes x, in which 1 - x is lost near 1: it is asked for the smaller side */
                double expected = x < 0.5 ? lower : 1 - upper;
                failures += near("beta_cdf", a, b, odds, found, expected, tight);
                failures += near("1 - beta_cdf", a, b, odds, elbo_beta_cdf_value(b, a, 1 / odds), 1 - found, tight);
            }
    assert_int_equal(failures, 0);
    assert_true(elbo_beta_cdf_value(2, 3, 0) == 0 && elbo_beta_cdf_value(2, 3, INFINITY) == 1);
}

/* d log odds density is x^a y^b / B, and each slope is a difference of the values: five points, steps of 1e-3. */
static double slope_of(double (*value)(double, double, double), double a, double b, double c, int which) {
    static const double at[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    double p[3] = {a, b, c}, centre = p[which], h = 1e-3 * centre, sum = 0;
    for (int s = 0; s < 4; s++) {
        p[which] = centre + at[s] * h;
        sum += weight[s] * value(p[0], p[1], p[2]);
    }
    return sum / (12 * h);
}

static double gamma_of(double a, double unused, double w) {
    (void)unused;
    return elbo_gamma_cdf_value(a, w);
}

/* In units of 1 / argument, in which every slope is of order sqrt(a) at most; truncation is (h sqrt(a))^4. */
static void slopes(void **state) {
    (void)state;
    int failures = 0;
    for (int s = 0; s < SHAPES - 1; s++)
        for (int i = 1; i < PLACES - 1; i++) {
            double a = shapes[s], w = place(a, fmin(sqrt(a), 30 * a), i), loose = 1e-8 * (1 + a);
            failures += near("d gamma_cdf / dw", a, 0, w, w * elbo_gamma_density_value(a, w),
                             w * slope_of(gamma_of, a, 0, w, 2), loose);
            failures += near("d gamma_cdf / da", a, 0, w, a * elbo_gamma_cdf_shape_slope_value(a, w),
                             a * slope_of(gamma_of, a, 0, w, 0), loose);
            for (int r = 0; r < SHAPES - 1; r++) {
                double b = shapes[r], odds = exp(log(a / b) + fmin(sqrt(1 / a + 1 / b), 30) * (i - 4)), in_a, in_b;
                loose = 1e-8 * (1 + a + b);
                elbo_beta_cdf_shape_slope_values(a, b, odds, &in_a, &in_b);
                failures += near("d beta_cdf / d odds", a, b, odds, odds * elbo_beta_odds_density_value(a, b, odds),
                                 odds * slope_of(elbo_beta_cdf_value, a, b, odds, 2), loose);
                failures += near("d beta_cdf / da", a, b, odds, a * in_a,
                                 a * slope_of(elbo_beta_cdf_value, a, b, odds, 0), loose);
                failures += near("d beta_cdf / db", a, b, odds, b * in_b,
                                 b * slope_of(elbo_beta_cdf_value, a, b, odds, 1), loose);
            }
        }
    assert_int_equal(failures, 0);
}

/* Nodes */

#define A p[0][0]
#define B p[1][0]
#define C p[2][0]
#define GSL(name, expression) \
    static double name(const double(*p)[WIDTH], double x) { return expression; }
#define SIGMOID(l) (1 / (1 + exp(-(l))))
GSL(of_gamma, gsl_cdf_gamma_P(x, A, 1 / B))
GSL(of_chi_squared, gsl_cdf_chisq_P(x, A))
GSL(of_beta, gsl_cdf_beta_P(x, A, B))
GSL(of_f, gsl_cdf_fdist_P(x, A, B))
GSL(of_t, gsl_cdf_tdist_P((x - B) / C, A))
GSL(of_poisson, gsl_cdf_poisson_P((unsigned)x, A))
GSL(of_binomial, gsl_cdf_binomial_P((unsigned)x, SIGMOID(B), (unsigned)A))
GSL(of_negative_binomial, gsl_cdf_negative_binomial_P((unsigned)x, SIGMOID(-B), A))

enum { POINTS = 7 };
static const struct row {
    const char *name;
    double (*cdf)(const double (*p)[WIDTH], double x);
    double at[ELBO_DIST_PARAMETERS], x[POINTS];
} rows[] = {
    {"gamma", of_gamma, {1.7, 1.5}, {1e-6, 0.02, 0.3, 1, 2, 6, 15}},
    {"gamma", of_gamma, {1e-3, 2}, {1e-30, 1e-12, 1e-5, 0.01, 1, 3, 8}},
    {"gamma", of_gamma, {900, 1e6}, {7e-4, 8e-4, 8.8e-4, 9e-4, 9.3e-4, 1e-3, 1.1e-3}},
    {"erlang", of_gamma, {3, 1e-6}, {1e4, 1e5, 1e6, 2e6, 4e6, 1e7, 3e7}},
    {"chi_squared", of_chi_squared, {0.7}, {1e-9, 1e-3, 0.2, 1, 3, 9, 20}},
    {"beta", of_beta, {0.6, 0.5}, {1e-9, 1e-3, 0.2, 0.5, 0.9, 0.999, 0.9999999}},
    {"beta", of_beta, {200, 3e3}, {0.04, 0.05, 0.06, 0.0625, 0.065, 0.07, 0.08}},
    {"f", of_f, {5, 12}, {1e-4, 0.1, 0.6, 1, 2, 5, 20}},
    {"f", of_f, {0.8, 0.7}, {1e-8, 1e-3, 0.3, 1, 8, 1e3, 1e8}},
    {"student_t", of_t, {7, 0.5, 2}, {-20, -5, -1, 0.5, 1, 5, 30}},
    {"student_t", of_t, {0.3, 1, 0x1p-20}, {-1e3, 0, 1 - 0x1p-20, 1, 1 + 0x1p-20, 1.5, 1e3}},
    {"student_t", of_t, {1e4, -10, 1e6}, {-5e6, -2e6, -5e5, -10, 4e5, 2e6, 5e6}},
    {"poisson", of_poisson, {3.5}, {0, 1, 2, 3, 5, 9, 15}},
    {"poisson", of_poisson, {1500}, {1300, 1400, 1450, 1500, 1530, 1600, 1700}},
    {"binomial", of_binomial, {11, 0.3}, {0, 1, 3, 5, 7, 9, 10}},
    {"binomial", of_binomial, {3000, -7}, {0, 1, 2, 3, 5, 9, 20}},
    {"negative_binomial", of_negative_binomial, {3.5, 0.3}, {0, 1, 3, 5, 7, 15, 40}},
    {"negative_binomial", of_negative_binomial, {0.2, 4}, {0, 1, 3, 9, 27, 90, 300}},
};
#undef A
#undef B
#undef C

static probe probe_of(const struct row *r) {
    setting at = {{{0}}};
    for (int k = 0; k < ELBO_DIST_PARAMETERS; k++) at.value[k][0] = r->at[k];
    return probe_new(elbo_dist_find(r->name), at, 0, POINTS);
}

/* In f64 and, within what rounding of x and the parameters does, in f32. */
static void nodes_against_gsl(void **state) {
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        probe p = probe_of(&rows[i]);
        double found[POINTS], single[POINTS], x[POINTS];
        for (int k = 0; k < POINTS; k++) x[k] = (double)(float)rows[i].x[k];
        elbo_node *cdf = p.type->cdf(&p.dist, p.x);
        probe_read(&p, cdf, x, ELBO_PRECISION_F64, found, POINTS);
        probe_read(&p, cdf, x, ELBO_PRECISION_F32, single, POINTS);
        for (int k = 0; k < POINTS; k++) {
            double expected = rows[i].cdf((const double(*)[WIDTH])p.at.value, x[k]);
            failures += near(rows[i].name, rows[i].at[0], rows[i].at[1], x[k], found[k], expected, 2e-9);
            /* the slope of a cdf in its logarithm is below sqrt(shape), and 6 roundings are made before it is taken */
            double loose = 6 * 6e-8 * (1 + sqrt(fmin(fabs(rows[i].at[0]), 1e4)));
            failures += near(rows[i].name, rows[i].at[0], rows[i].at[1], x[k], single[k], expected, loose);
        }
        probe_free(&p);
    }
    assert_int_equal(failures, 0);
}

/* The cdf's gradient in x is the density; in the parameters it is a difference of the cdf. */
static void gradients(void **state) {
    (void)state;
    int failures = 0, looked = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        probe p = probe_of(&rows[i]);
        double slope[POINTS], density[POINTS], moved[2][POINTS];
        elbo_node *cdf = p.type->cdf(&p.dist, p.x), *total = elbo_sum_all(cdf), *in_x, *in[ELBO_DIST_PARAMETERS];
        bool counts = p.type->support == ELBO_SUPPORT_COUNTS || p.type->support == ELBO_SUPPORT_COUNTS_TO_TOTAL;
        int count = parameters_of(p.type);
        elbo_grad(total, &p.x, 1, &in_x);
        elbo_grad(total, p.parameter, (size_t)count, in);
        probe_read(&p, in_x, rows[i].x, ELBO_PRECISION_F64, slope, POINTS);
        probe_read(&p, elbo_exp(elbo_dist_log_prob(&p.dist, p.x)), rows[i].x, ELBO_PRECISION_F64, density, POINTS);
        for (int k = 0; k < POINTS && !counts; k++, looked++)
            failures += near("a density", rows[i].at[0], rows[i].at[1], rows[i].x[k], slope[k], density[k],
                             1e-8 * (fabs(density[k]) + 1e-9));
        for (int k = 0; k < count; k++) {
            bool location = strcmp(p.type->parameter[k].name, "loc") == 0;
            double found, centre = p.at.value[k][0], sum[2] = {0, 0};
            double unit = fabs(location ? p.at.value[k + 1][0] : centre), h = 1e-5 * unit;
            if (p.type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE) continue;
            probe_read(&p, in[k], rows[i].x, ELBO_PRECISION_F64, &found, 1);
            for (int side = 0; side < 2; side++) {
                p.at.value[k][0] = centre + (side ? h : -h);
                probe_read(&p, cdf, rows[i].x, ELBO_PRECISION_F64, moved[side], POINTS);
                for (int j = 0; j < POINTS; j++) sum[side] += moved[side][j];
            }
            p.at.value[k][0] = centre;
            /* per relative change: 1e-5 steps lose 1e-16 / 1e-5 to rounding and gain (1e-5 sqrt(shape))^2 / 6 */
            double expected = unit * (sum[1] - sum[0]) / (2 * h);
            failures += near(p.type->parameter[k].name, rows[i].at[0], rows[i].at[1], centre, unit * found, expected,
                             2e-6 + 2e-6 * fabs(expected));
        }
        probe_free(&p);
    }
    assert_true(looked >= 80);
    assert_int_equal(failures, 0);
}

int main(void) {
    gsl_set_error_handler_off();
    const struct CMUnitTest tests[] = {cmocka_unit_test(gamma_values), cmocka_unit_test(beta_values),
                                       cmocka_unit_test(slopes), cmocka_unit_test(nodes_against_gsl),
                                       cmocka_unit_test(gradients)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
