/* The normal quantile that the command makes codes with, judged by GSL. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <math.h>
#include <stdint.h>

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

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_quantile), cmocka_unit_test(test_ends)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
