/* Codes in other axes: the autoencoder is the same function, and the mixture the same density. */
#include "models/code_basis.h"

#include "cluster_support.h"

enum { LATENT = 3, WIDTH = 5, COMPONENTS = 4, ROWS = 8, SIZE = 6, POINTS = 20 };

static const char *const settings[] = {"latent", "3", "hidden", "5", "components", "4", "likelihood", "gaussian", NULL};

static double uniform(uint64_t *state) {
    *state = *state * 6364136223846793005u + 1442695040888963407u;
    return (double)(*state >> 11) * 0x1p-53 - 0.5;
}

/* Components with covariances A A' + 0.1 I. */
static void fill(elbo_mixture *m, double *centre) {
    elbo_error error = {0};
    uint64_t state = 7;
    assert_int_equal(elbo_mixture_new(m, COMPONENTS, LATENT, ELBO_COVARIANCE_FULL, false, &error), ELBO_OK);
    for (int k = 0; k < COMPONENTS; k++) {
        double a[LATENT][LATENT];
        m->weights[k] = (k + 1) / 10.0;
        for (int i = 0; i < LATENT; i++) {
            m->means[k * LATENT + i] = 3 * uniform(&state);
            for (int j = 0; j < LATENT; j++) a[i][j] = uniform(&state);
        }
        for (int i = 0; i < LATENT; i++)
            for (int j = 0; j < LATENT; j++) {
                double sum = i == j ? 0.1 : 0;
                for (int l = 0; l < LATENT; l++) sum += a[i][l] * a[j][l];
                m->covariances[(k * LATENT + i) * LATENT + j] = sum;
            }
    }
    for (int i = 0; i < LATENT; i++) centre[i] = 2 * uniform(&state);
}

/* log N(away; 0, c) without its constant, by elimination; away and c are used up. */
static double log_normal(double *away, double c[LATENT][LATENT]) {
    double sum = 0;
    for (int p = 0; p < LATENT; p++) {
        sum -= 0.5 * (log(c[p][p]) + away[p] * away[p] / c[p][p]);
        for (int i = p + 1; i < LATENT; i++) {
            double factor = c[i][p] / c[p][p];
            away[i] -= factor * away[p];
            for (int j = p; j < LATENT; j++) c[i][j] -= factor * c[p][j];
        }
    }
    return sum;
}

static double log_density(const elbo_mixture *m, const double *centre, int k, const double *z) {
    double away[LATENT], c[LATENT][LATENT];
    for (int i = 0; i < LATENT; i++) {
        away[i] = z[i] - centre[i] - m->means[k * LATENT + i];
        for (int j = 0; j < LATENT; j++) c[i][j] = m->covariances[(k * LATENT + i) * LATENT + j];
    }
    return log_normal(away, c);
}

/* What the encoder's last layer makes of h, and the decoder's first of that. */
static void pass(const elbo_instance *instance, const double *h, double *code, double *read, double *other) {
    const float *w = tensor(instance, "encoder.posterior.weight"), *b = tensor(instance, "encoder.posterior.bias");
    const float *v = tensor(instance, "decoder.dense1.weight"), *c = tensor(instance, "decoder.dense1.bias");
    for (int d = 0; d < 2 * LATENT; d++) {
        double sum = (double)b[d];
        for (int i = 0; i < WIDTH; i++) sum += h[i] * (double)w[i * 2 * LATENT + d];
        *(d < LATENT ? &code[d] : &other[d - LATENT]) = sum;
    }
    for (int j = 0; j < WIDTH; j++) {
        read[j] = (double)c[j];
        for (int d = 0; d < LATENT; d++) read[j] += code[d] * (double)v[d * WIDTH + j];
    }
}

static void turn(double deviation) {
    static float x[ROWS * SIZE];
    uint64_t state = 3;
    elbo_instance instance;
    elbo_dataset *dataset;
    elbo_error error = {0};
    elbo_mixture mixture;
    double centre[LATENT], h[POINTS][WIDTH], code[POINTS][LATENT], read[POINTS][WIDTH], other[POINTS][LATENT];
    double before[POINTS][COMPONENTS], turned[LATENT], again[WIDTH], kept[LATENT], constant = 0;
    for (int i = 0; i < ROWS * SIZE; i++) x[i] = (float)uniform(&state);
    open_instance("vade", &instance, &dataset, ELBO_F32, x, ROWS, SIZE, settings);
    for (int d = 0; d < 2 * LATENT; d++) tensor(&instance, "encoder.posterior.bias")[d] = (float)uniform(&state);
    fill(&mixture, centre);
    for (int p = 0; p < POINTS; p++) {
        for (int i = 0; i < WIDTH; i++) h[p][i] = 4 * uniform(&state);
        pass(&instance, h[p], code[p], read[p], other[p]);
        for (int k = 0; k < COMPONENTS; k++) before[p][k] = log_density(&mixture, centre, k, code[p]);
    }
    uint64_t version = elbo_params_version(instance.params);
    assert_int_equal(elbo_code_basis_turn(instance.params, &mixture, centre, deviation, &error), ELBO_OK);
    assert_true(elbo_params_version(instance.params) > version);

    /* new parameters are rounded to f32, relative errors of 2^-24 each: sums of at most 5 products of numbers that are
     * at most 30 times their result or 100 in size, so 1e-4 is far above what rounding makes; log densities
     * of points up to 30 deviations away change by at most 30 times as much, relative to the narrowest deviation */
    for (int p = 0; p < POINTS; p++) {
        pass(&instance, h[p], turned, again, kept);
        for (int j = 0; j < WIDTH; j++) assert_true(fabs(again[j] - read[p][j]) < 1e-4);
        for (int d = 0; d < LATENT; d++) assert_true(kept[d] == other[p][d]); /* of the deviation of q(z|x) */
        for (int k = 0; k < COMPONENTS; k++) {
            double change = log_density(&mixture, centre, k, turned) - before[p][k];
            if (p == 0 && k == 0) constant = change; /* -log |T| */
            assert_true(fabs(change - constant) < 1e-3);
        }
    }
    double means[LATENT][LATENT] = {{0}};
    for (int i = 0; i < LATENT; i++)
        for (int j = 0; j < LATENT; j++) {
            double within = 0;
            for (int k = 0; k < COMPONENTS; k++) {
                within += mixture.weights[k] * mixture.covariances[(k * LATENT + i) * LATENT + j];
                means[i][j] += mixture.weights[k] * mixture.means[k * LATENT + i] * mixture.means[k * LATENT + j];
            }
            assert_true(fabs(within - (i == j ? deviation * deviation : 0)) < 1e-10 * deviation * deviation);
            if (i != j) assert_true(fabs(means[i][j]) < 1e-10 * deviation * deviation);
            assert_true(centre[i] == 0);
        }
    elbo_mixture_free(&mixture);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

static void test_same_function_and_density(void **state) {
    (void)state;
    turn(1);
    turn(4);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_same_function_and_density)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
