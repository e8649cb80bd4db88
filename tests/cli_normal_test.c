/* The normal quantile and draws that the command makes codes with, judged by GSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdint.h>
#include <stdlib.h>

#include "support/normal.h"

/* GSL's inverse is good to about 1e-15 of the value; a unit in the last place of 37 is 7e-15. */
static void check(double p) {
    double expected = p <= 0.5 ? gsl_cdf_ugaussian_Pinv(p) : -gsl_cdf_ugaussian_Pinv(1 - p);
    double error = fabs(elbo_cli_normal_quantile(p) - expected);
    if (!(error <= 1e-14 * (fabs(expected) + 0.01))) fail_msg("p = %g: off by %g", p, error);
}

static void test_quantile(void **state) {
    (void)state;
    static const double awkward[] = {1e-300, 1e-200,  1e-100, 1e-50,   1e-20, 1e-10, 1e-5,      0.001,
                                     0.025,  0.49999, 0.5,    0.50001, 0.975, 0.999, 1 - 1e-10, 1 - 0x1p-53};
    for (size_t i = 0; i < sizeof awkward / sizeof *awkward; i++) check(awkward[i]);
    for (int i = 1; i < 2000; i++) check(i / 2000.0);
}

static void test_ends(void **state) {
    (void)state;
    assert_true(elbo_cli_normal_quantile(0) == -INFINITY);
    assert_true(elbo_cli_normal_quantile(1) == INFINITY);
    assert_true(elbo_cli_normal_quantile(0x1p-1074) == elbo_cli_normal_quantile(1e-300));
    assert_true(isnan(elbo_cli_normal_quantile(-1e-9)));
    assert_true(isnan(elbo_cli_normal_quantile(1.1)));
    assert_true(isnan(elbo_cli_normal_quantile(NAN)));
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov: the largest distance between the shares of 10 000 draws and the distribution function passes
 * 0.0163 in one of a hundred samples, 0.0230 in one of twenty thousand; the seeds are fixed. */
static void test_draws(void **state) {
    (void)state;
    enum { DRAWS = 10000 };
    double *draw = malloc(DRAWS * sizeof *draw);
    assert_non_null(draw);
    for (uint64_t seed = 0; seed < 4; seed++) {
        double distance = 0;
        for (int i = 0; i < DRAWS; i++) draw[i] = elbo_cli_normal_draw(seed, (uint64_t)i);
        assert_true(draw[7] == elbo_cli_normal_draw(seed, 7));
        assert_true(draw[7] != elbo_cli_normal_draw(seed + 1, 7));
        qsort(draw, DRAWS, sizeof *draw, by_value);
        for (int i = 0; i < DRAWS; i++) {
            double below = gsl_cdf_ugaussian_P(draw[i]);
            distance = fmax(distance, fmax((i + 1.0) / DRAWS - below, below - (double)i / DRAWS));
        }
        if (distance > 0.0230) fail_msg("seed %d: distance %g", (int)seed, distance);
    }
    free(draw);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quantile), cmocka_unit_test(test_ends),
                                       cmocka_unit_test(test_draws)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
