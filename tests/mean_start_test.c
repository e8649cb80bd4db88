/* The bias of p(x|z) at the data's mean before the first step: against means taken here. */
#include "cluster_support.h"
/* after the above */
#include <math.h>

enum { ROWS = 1203, SIZE = 5 }; /* rows: no multiple of a batch */

static const char bias_name[] = "decoder.output.bias";

/* Column 0 is always 0, column 1 always the top; the others vary. */
static void fill(uint8_t *bytes, double *mean) {
    for (int i = 0; i < SIZE; i++) mean[i] = 0;
    for (int r = 0; r < ROWS; r++)
        for (int i = 0; i < SIZE; i++) {
            bytes[r * SIZE + i] = (uint8_t)(i == 0 ? 0 : i == 1 ? 255 : (r * (7 + 6 * i) + i) % 251);
            mean[i] += bytes[r * SIZE + i] / 255.0 / ROWS;
        }
}

/* Opens the model, compares its first SIZE numbers with `want`, and the rest with 0. */
static void check(const char *model, const char *const *settings, const double *want) {
    static uint8_t bytes[ROWS * SIZE];
    double mean[SIZE];
    elbo_instance instance;
    elbo_dataset *dataset;
    fill(bytes, mean);
    open_instance(model, &instance, &dataset, ELBO_U8, bytes, ROWS, SIZE, settings);
    const float *bias = tensor(&instance, bias_name);
    int64_t count = (int64_t)elbo_params_find(instance.params, bias_name)->count;
    for (int64_t i = 0; i < count; i++) {
        double wanted = want && i < SIZE ? want[i] : 0;
        /* a mean of levels that are rounded to f32, times the slope of log odds, and the bias's own rounding */
        if (!(fabs((double)bias[i] - wanted) <= (1 / (0.001 * 0.999) + fabs(wanted)) * ldexp(1, -24)))
            fail_msg("%s, number %d: %.9g; %.9g was expected", model, (int)i, (double)bias[i], wanted);
    }
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

static void test_log_odds(void **state) {
    (void)state;
    static uint8_t bytes[ROWS * SIZE];
    static const char *const drawn[] = {NULL}, *const grey[] = {"binarize", "none", NULL};
    double mean[SIZE], want[SIZE];
    fill(bytes, mean);
    for (int i = 0; i < SIZE; i++) {
        double share = i == 0 ? 0.001 : i == 1 ? 0.999 : mean[i];
        want[i] = log(share) - log1p(-share);
    }
    check("iwae", drawn, want);
    check("iwae", grey, want);
    check("lvae", (const char *const[]){"output-bias", "data", NULL}, want);
}

static void test_cut_in_the_middle(void **state) {
    (void)state;
    static uint8_t bytes[ROWS * SIZE];
    double mean[SIZE], want[SIZE];
    fill(bytes, mean);
    for (int i = 0; i < SIZE; i++) {
        double share = 0;
        for (int r = 0; r < ROWS; r++) share += (bytes[r * SIZE + i] > 127) / (double)ROWS;
        share = fmin(fmax(share, 0.001), 0.999);
        want[i] = log(share) - log1p(-share);
    }
    check("iwae", (const char *const[]){"binarize", "threshold", NULL}, want);
}

static void test_means_of_a_normal(void **state) {
    (void)state;
    static uint8_t bytes[ROWS * SIZE];
    double mean[SIZE];
    fill(bytes, mean);
    check("iwae", (const char *const[]){"likelihood", "gaussian", NULL}, mean);
}

static void test_zero(void **state) {
    (void)state;
    check("iwae", (const char *const[]){"output-bias", "zero", NULL}, NULL);
    check("hvae", (const char *const[]){NULL}, NULL);
    check("iwae", (const char *const[]){"likelihood", "continuous_bernoulli", NULL}, NULL);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_log_odds), cmocka_unit_test(test_cut_in_the_middle),
                                       cmocka_unit_test(test_means_of_a_normal), cmocka_unit_test(test_zero)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
