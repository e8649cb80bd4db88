/* synth:onehot and synth:ring: their rows, that test rows stay where the training rows change, and the density of the
 * ring. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <gsl/gsl_integration.h>
#include <gsl/gsl_sf_bessel.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "data/synth/synth.h"

static elbo_table table_of(const char *source) {
    elbo_error error = {0};
    elbo_table table = {0};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    for (size_t i = 0; elbo_registry_formats[i]; i++)
        if (strcmp(elbo_registry_formats[i]->name, "synth") == 0 &&
            elbo_registry_formats[i]->read(&table, source, NULL, &options, &error) != ELBO_OK)
            fail_msg("%s", error.message);
    elbo_options_clear(&elbo_data_options_table, &options);
    return table;
}

static void test_onehot(void **state) {
    (void)state;
    elbo_table table = table_of("synth:onehot?size=3&rows=7&test=4");
    const uint8_t *values = table.values.data;
    const int32_t *labels = table.labels.data;
    assert_int_equal(table.train_rows, 7);
    assert_int_equal(table.classes, 3);
    assert_int_equal(table.values.shape[0], 11);
    for (int row = 0; row < 11; row++) {
        int which = (row < 7 ? row : row - 7) % 3;
        assert_int_equal(labels[row], which);
        for (int k = 0; k < 3; k++) assert_int_equal(values[3 * row + k], k == which);
    }
    elbo_table_clear(&table);
}

/* Without noise the label is the quarter that the point lies in. */
static void test_quarters(void **state) {
    (void)state;
    elbo_table table = table_of("synth:ring?rows=100&test=0&scale=0&radius=3");
    const float *x = table.values.data;
    for (int i = 0; i < 100; i++) {
        int quarter = x[2 * i + 1] >= 0 ? (x[2 * i] >= 0 ? 0 : 1) : (x[2 * i] < 0 ? 2 : 3);
        assert_int_equal(((int32_t *)table.labels.data)[i], quarter);
        assert_true(fabs(hypot((double)x[2 * i], (double)x[2 * i + 1]) - 3) < 1e-6);
    }
    elbo_table_clear(&table);
}

static void test_test_rows_stay(void **state) {
    (void)state;
    elbo_table few = table_of("synth:ring?rows=20&test=9"), many = table_of("synth:ring?rows=33&test=9");
    elbo_table other = table_of("synth:ring?rows=20&test=9&seed=1");
    const float *a = few.values.data, *b = many.values.data, *c = other.values.data;
    assert_memory_equal(a, b, 40 * sizeof *a);
    assert_memory_equal(a + 40, b + 66, 18 * sizeof *a);
    for (int i = 0; i < 58; i++) assert_true(a[i] != c[i]);
    elbo_table_clear(&few);
    elbo_table_clear(&many);
    elbo_table_clear(&other);
}

/* Rice's density, with the Bessel function scaled so that nothing overflows. */
static double density(double r, void *parameters) {
    const elbo_ring_options *o = parameters;
    double away = (r - o->radius) / o->scale, at = r * o->radius / (o->scale * o->scale);
    return r / (o->scale * o->scale) * exp(-0.5 * away * away) * gsl_sf_bessel_I0_scaled(at);
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Kolmogorov and Smirnov's largest distance of 5000 draws passes 2.3 / sqrt(5000) in one of twenty thousand samples;
 * the seed is fixed. Distances from the centre against Rice's density, angles against the uniform one. */
static void test_ring(void **state) {
    (void)state;
    enum { ROWS = 5000 };
    elbo_error error = {0};
    elbo_ring_options options;
    assert_int_equal(elbo_options_init(&elbo_ring_options_table, &options, &error), ELBO_OK);
    options.scale = 0.4;
    elbo_table table = table_of("synth:ring?rows=5000&test=0&scale=0.4");
    const float *x = table.values.data;
    double *r = malloc(2 * ROWS * sizeof *r), *turn = r + ROWS, below = 0, from = 0, worst[2] = {0};
    gsl_integration_workspace *work = gsl_integration_workspace_alloc(100);
    gsl_function f = {.function = density, .params = &options};
    for (int i = 0; i < ROWS; i++) {
        r[i] = hypot((double)x[2 * i], (double)x[2 * i + 1]);
        turn[i] = atan2((double)x[2 * i + 1], (double)x[2 * i]) / (2 * M_PI);
        if (turn[i] < 0) turn[i] += 1;
    }
    qsort(r, ROWS, sizeof *r, by_value);
    qsort(turn, ROWS, sizeof *turn, by_value);
    for (int i = 0; i < ROWS; i++) {
        double part, unsure;
        gsl_integration_qag(&f, from, r[i], 1e-10, 1e-8, 100, GSL_INTEG_GAUSS21, work, &part, &unsure);
        below += part;
        from = r[i];
        const double at[2] = {below, turn[i]};
        for (int k = 0; k < 2; k++) worst[k] = fmax(worst[k], fmax((i + 1.0) / ROWS - at[k], at[k] - (double)i / ROWS));
    }
    if (worst[0] > 2.3 / sqrt(ROWS) || worst[1] > 2.3 / sqrt(ROWS)) fail_msg("distances %g, %g", worst[0], worst[1]);
    gsl_integration_workspace_free(work);
    free(r);
    elbo_table_clear(&table);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_onehot), cmocka_unit_test(test_test_rows_stay),
                                       cmocka_unit_test(test_quarters), cmocka_unit_test(test_ring)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
