/* EM for mixtures of Gaussians: monotone, exact, the same for any number of threads, right for degenerate data. */
#include <gsl/gsl_sort_vector.h>

#include "fit_support.h"
#include "infer/fit/factor.h"

enum { DIMS = 3 };
static const double true_weight[] = {0.5, 0.3, 0.2};
static const double true_mean[3][DIMS] = {{0, 0, 0}, {4, 1, -2}, {-3, 5, 1}};
/* Rows of lower triangular factors of the covariances. */
static const double true_factor[3][DIMS][DIMS] = {{{1, 0, 0}, {0.5, 0.8, 0}, {0, -0.3, 0.6}},
                                                  {{0.7, 0, 0}, {0, 1.2, 0}, {0.4, 0.2, 0.5}},
                                                  {{1.5, 0, 0}, {-0.6, 0.5, 0}, {0, 0, 1}}};

static elbo_array known_mixture(int64_t rows, uint64_t seed) {
    elbo_array x = fit_rows(rows, DIMS);
    elbo_rng rng = {seed, ELBO_STREAM_SAMPLE, 0};
    for (int64_t n = 0; n < rows; n++) {
        double u = elbo_rng_uniform(&rng, (uint32_t)n, 100);
        int k = u < 0.5 ? 0 : u < 0.8 ? 1 : 2;
        for (int i = 0; i < DIMS; i++) {
            double value = true_mean[k][i];
            for (int j = 0; j <= i; j++)
                value += true_factor[k][i][j] * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)j);
            ((double *)x.data)[n * DIMS + i] = value;
        }
    }
    return x;
}

/* log p(x) by dense Gaussians, and the responsibilities of a row. */
static double direct(const elbo_fit *fit, const double *x, double *responsibility) {
    int64_t dims = fit->info.item_size, components = fit->mixture.components;
    double covariance[64], sum = 0;
    assert_true(dims * dims <= 64);
    for (int64_t k = 0; k < components; k++) {
        fit_dense_covariance(fit, k, covariance);
        responsibility[k] = fit_tensor(fit, "weights")[k] *
                            exp(fit_log_normal(x, fit_tensor(fit, "means") + k * dims, covariance, dims));
        sum += responsibility[k];
    }
    for (int64_t k = 0; k < components; k++) responsibility[k] /= sum;
    return log(sum);
}

static void check_direct(const elbo_fit *fit, const elbo_array *x) {
    elbo_array score = {0}, codes = {0};
    elbo_error error = {0};
    int64_t components = fit->mixture.components, rows = x->shape[0];
    double responsibility[16], sum = 0;
    assert_int_equal(elbo_fit_score(fit, x, &score, &error), ELBO_OK);
    assert_int_equal(elbo_fit_encode(fit, x, &codes, &error), ELBO_OK);
    for (int64_t n = 0; n < rows; n++) {
        double expected = direct(fit, (const double *)x->data + n * fit->info.item_size, responsibility);
        near(((const double *)score.data)[n], expected, 1e-10 * (1 + fabs(expected)));
        sum += expected;
        for (int64_t k = 0; k < components; k++)
            near((double)((const float *)codes.data)[n * components + k], responsibility[k], 1e-6);
    }
    /* The bound after the last E-step is the log-likelihood of the parameters that are kept. */
    near(fit->info.elbo, sum / (double)rows, 1e-11 * (1 + fabs(fit->info.elbo)));
    near(fit->info.log_likelihood, sum / (double)rows, 1e-11 * (1 + fabs(fit->info.elbo)));
    elbo_array_free(&score);
    elbo_array_free(&codes);
}

static const char *const kinds[] = {"diagonal", "full", "spherical"};

static void test_monotone_and_exact(void **state) {
    (void)state;
    /* 997 rows: the last panel is not full. */
    elbo_array x = known_mixture(997, 11);
    for (int kind = 0; kind < 3; kind++)
        for (int components = 1; components <= 7; components += 3) {
            char text[16];
            snprintf(text, sizeof text, "%d", components);
            elbo_fit *fit =
                FIT("gmm", &x, 1, "components", text, "covariance", kinds[kind], "iterations", "40", "tolerance", "0");
            fit_check_curve(fit, true);
            check_direct(fit, &x);
            elbo_fit_free(fit);
        }
    elbo_array_free(&x);
}

/* The M-step by plain sums over the rows from the responsibilities at the parameters of three iterations gives those
 * of four. */
static void test_update(void **state) {
    (void)state;
    enum { ROWS = 211, K = 3 };
    elbo_array x = known_mixture(ROWS, 20);
    const double *data = x.data;
    for (int kind = 0; kind < 3; kind++) {
        double r[ROWS * K];
        elbo_error error = {0};
        elbo_fit_rows rows;
        elbo_fit *before = FIT("gmm", &x, 1, "components", "3", "covariance", kinds[kind], "iterations", "3"), *after;
        after = FIT("gmm", &x, 1, "components", "3", "covariance", kinds[kind], "iterations", "4");
        assert_int_equal(elbo_fit_rows_of(&x, &rows, &error), ELBO_OK);
        rows.centre = before->centre;
        assert_int_equal(elbo_mixture_score(&before->mixture, &rows, 1, NULL, r, &error), ELBO_OK);
        for (int k = 0; k < K; k++) {
            double weight = 0, mean[DIMS] = {0}, covariance[DIMS * DIMS] = {0}, stored[DIMS * DIMS], trace = 0;
            for (int n = 0; n < ROWS; n++) weight += r[n * K + k];
            for (int n = 0; n < ROWS; n++)
                for (int i = 0; i < DIMS; i++) mean[i] += r[n * K + k] * data[n * DIMS + i] / weight;
            for (int n = 0; n < ROWS; n++)
                for (int i = 0; i < DIMS * DIMS; i++)
                    covariance[i] += r[n * K + k] * (data[n * DIMS + i / DIMS] - mean[i / DIMS]) *
                                     (data[n * DIMS + i % DIMS] - mean[i % DIMS]) / weight;
            for (int i = 0; i < DIMS; i++) trace += covariance[i * (DIMS + 1)];
            near(fit_tensor(after, "weights")[k], weight / ROWS, 1e-12);
            fit_dense_covariance(after, k, stored);
            for (int i = 0; i < DIMS; i++) near(fit_tensor(after, "means")[k * DIMS + i], mean[i], 1e-11);
            for (int i = 0; i < DIMS * DIMS; i++) {
                bool diagonal = i % (DIMS + 1) == 0;
                double expected = kind == 2 ? trace / DIMS : covariance[i];
                near(stored[i], kind == 1 || diagonal ? expected : 0, 1e-11);
            }
        }
        elbo_fit_free(before);
        elbo_fit_free(after);
    }
    elbo_array_free(&x);
}

/* Eight groups far apart, eight components: squared distances choose a new group each time (a row of a group that has a
 * seed is chosen with probability below 1e-5), so the start has one component in each.  Seeds chosen evenly would have
 * done so in 1 of 400 cases. */
static void test_start(void **state) {
    (void)state;
    enum { GROUPS = 8, EACH = 16 };
    elbo_array x = fit_rows(GROUPS * EACH, 2);
    elbo_rng rng = {8, ELBO_STREAM_SAMPLE, 0};
    for (int n = 0; n < GROUPS * EACH; n++)
        for (int d = 0; d < 2; d++)
            ((double *)x.data)[2 * n + d] =
                10 * (d ? n % GROUPS / 3 : n % GROUPS % 3) + 1e-3 * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)d);
    elbo_fit *fit = FIT("gmm", &x, 1, "components", "8", "iterations", "1");
    for (int k = 0; k < GROUPS; k++) near(fit_tensor(fit, "weights")[k], 1.0 / GROUPS, 1e-9);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

/* One component is the Gaussian of maximum likelihood: mean and covariance of the sample. */
static void test_one_component(void **state) {
    (void)state;
    elbo_array x = known_mixture(200, 12);
    const double *data = x.data;
    elbo_fit *fit = FIT("gmm", &x, 1, "components", "1", "covariance", "full");
    double mean[DIMS] = {0}, covariance[DIMS][DIMS] = {{0}};
    for (int n = 0; n < 200; n++)
        for (int i = 0; i < DIMS; i++) mean[i] += data[n * DIMS + i] / 200;
    for (int n = 0; n < 200; n++)
        for (int i = 0; i < DIMS; i++)
            for (int j = 0; j < DIMS; j++)
                covariance[i][j] += (data[n * DIMS + i] - mean[i]) * (data[n * DIMS + j] - mean[j]) / 200;
    for (int i = 0; i < DIMS; i++) {
        near(fit_tensor(fit, "means")[i], mean[i], 1e-12);
        for (int j = 0; j < DIMS; j++) near(fit_tensor(fit, "covariances")[i * DIMS + j], covariance[i][j], 1e-12);
    }
    assert_true(fit->info.converged);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

/* Estimates lie within 5 standard errors of the truth (normal theory, components all but disjoint: the largest overlap
 * misplaces fewer than 1 row in 500, which 5 errors of ~1/sqrt(4000) leave room for).  9 means, 3 weights and 18
 * variances at 5 sigma: false alarms in fewer than 2e-5 of seeds. */
static void test_recovers(void **state) {
    (void)state;
    enum { ROWS = 20000 };
    elbo_array x = known_mixture(ROWS, 13);
    elbo_fit *fit = FIT("gmm", &x, 2, "components", "3", "covariance", "full", "restarts", "4", "tolerance", "1e-9");
    fit_check_curve(fit, true);
    for (int t = 0; t < 3; t++) {
        int best = 0;
        double distance[3] = {0};
        for (int k = 0; k < 3; k++) {
            for (int i = 0; i < DIMS; i++)
                distance[k] += pow(fit_tensor(fit, "means")[k * DIMS + i] - true_mean[t][i], 2);
            if (distance[k] < distance[best]) best = k;
        }
        double rows = ROWS * true_weight[t];
        near(fit_tensor(fit, "weights")[best], true_weight[t], 5 * sqrt(true_weight[t] * (1 - true_weight[t]) / ROWS));
        for (int i = 0; i < DIMS; i++) {
            double variance[DIMS] = {0}; /* true covariance of i with j */
            for (int j = 0; j < DIMS; j++)
                for (int l = 0; l < DIMS; l++) variance[j] += true_factor[t][i][l] * true_factor[t][j][l];
            near(fit_tensor(fit, "means")[best * DIMS + i], true_mean[t][i], 5 * sqrt(variance[i] / rows));
            for (int j = 0; j < DIMS; j++) {
                double other = 0;
                for (int l = 0; l < DIMS; l++) other += true_factor[t][j][l] * true_factor[t][j][l];
                double spread = sqrt((variance[i] * other + variance[j] * variance[j]) / rows);
                near(fit_tensor(fit, "covariances")[(best * DIMS + i) * DIMS + j], variance[j], 5 * spread);
            }
        }
    }
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

static void same_bits(const elbo_fit *a, const elbo_fit *b) {
    const char *name;
    elbo_array one, two;
    for (size_t i = 0; elbo_fit_tensor(a, i, &name, &one); i++) {
        assert_true(elbo_fit_tensor(b, i, &name, &two));
        assert_memory_equal(one.data, two.data, (size_t)elbo_array_count(&one) * sizeof(double));
    }
    assert_true(a->info.elbo == b->info.elbo && a->info.log_likelihood == b->info.log_likelihood);
}

static void test_threads(void **state) {
    (void)state;
    /* Wide enough that several threads are worth it. */
    enum { ROWS = 700, WIDE = 70 };
    elbo_array x = fit_rows(ROWS, WIDE);
    elbo_rng rng = {5, ELBO_STREAM_SAMPLE, 0};
    for (int64_t i = 0; i < ROWS * WIDE; i++)
        ((double *)x.data)[i] = elbo_rng_normal(&rng, (uint32_t)(i / WIDE), (uint32_t)(i % WIDE));
    for (int kind = 0; kind < 2; kind++) {
        elbo_fit *one = FIT("gmm", &x, 1, "components", "9", "covariance", kinds[kind], "iterations", "5");
        elbo_fit *three = FIT("gmm", &x, 3, "components", "9", "covariance", kinds[kind], "iterations", "5");
        same_bits(one, three);
        fit_check_curve(one, true);
        elbo_fit_free(one);
        elbo_fit_free(three);
    }
    elbo_array_free(&x);
}

static void fill(elbo_array *x, const double *values) {
    memcpy(x->data, values, (size_t)elbo_array_count(x) * sizeof *values);
}

static void test_degenerate(void **state) {
    (void)state;
    for (int kind = 0; kind < 3; kind++) {
        /* One row: its own mean, variances at the floor. log N = -(log 2 pi + log 0.25) for two dimensions. */
        elbo_array one = fit_rows(1, 2);
        fill(&one, (const double[]){3, -7});
        elbo_fit *fit = FIT("gmm", &one, 1, "components", "1", "covariance", kinds[kind], "variance-floor", "0.25");
        near(fit->info.log_likelihood, -1.8378770664093454836 - log(0.25), 1e-12);
        near(fit_tensor(fit, "means")[1], -7, 0);
        fit_check_curve(fit, true);
        elbo_fit_free(fit);
        REFUSED(ELBO_ERROR_USAGE, "2 components for 1 rows", "gmm", &one, "components", "2");
        elbo_array_free(&one);

        /* Two different rows, each three times, and four components: two of them stay empty. */
        elbo_array twins = fit_rows(6, 2);
        fill(&twins, (const double[]){1, 1, 1, 1, 1, 1, 5, 5, 5, 5, 5, 5});
        fit = FIT("gmm", &twins, 1, "components", "4", "covariance", kinds[kind], "variance-floor", "0.01");
        fit_check_curve(fit, true);
        check_direct(fit, &twins);
        assert_int_equal(fit->info.empty, 2);
        /* Half the rows on each of two points: -log 2 - log 2 pi - log 0.01. */
        near(fit->info.log_likelihood, -log(2) - 1.8378770664093454836 - log(0.01), 1e-9);
        elbo_fit_free(fit);
        elbo_array_free(&twins);

        /* A constant column among others. */
        elbo_array x = known_mixture(300, 14);
        for (int n = 0; n < 300; n++) ((double *)x.data)[n * DIMS + 1] = 1e6;
        fit = FIT("gmm", &x, 1, "components", "3", "covariance", kinds[kind], "variance-floor", "1e-3");
        fit_check_curve(fit, true);
        if (kind == 0) near(fit_tensor(fit, "covariances")[1], 1e-3, 0);
        if (kind == 1) near(fit_tensor(fit, "covariances")[4], 1e-3, 1e-12);
        elbo_fit_free(fit);
        elbo_array_free(&x);
    }
}

static void test_refused(void **state) {
    (void)state;
    elbo_array x = known_mixture(10, 15);
    REFUSED(ELBO_ERROR_USAGE, "option latent is set to 3, but gmm", "gmm", &x, "latent", "3");
    REFUSED(ELBO_ERROR_USAGE, "option prior_scale", "gmm", &x, "prior-scale", "3");
    REFUSED(ELBO_ERROR_USAGE, "option components", "ppca", &x, "components", "3", "latent", "2");
    REFUSED(ELBO_ERROR_USAGE, "no method is called", "kmeans", &x, "components", "3");
    ((double *)x.data)[7] = NAN;
    REFUSED(ELBO_ERROR_NUMERIC, "row 2, column 1", "gmm", &x, "components", "3");
    elbo_array_free(&x);
    assert_true(elbo_fit_applies("fa", "latent"));
    assert_true(elbo_fit_applies("bgmm", "prior-scale"));
    assert_false(elbo_fit_applies("gmm", "prior-scale"));
    assert_false(elbo_fit_applies("gmm", "no-such"));
}

static bool stop_third(void *user, int64_t restart, const elbo_fit_point *point) {
    (void)restart;
    ++*(int *)user;
    return point->iteration == 3;
}

static void test_stop(void **state) {
    (void)state;
    elbo_array x = known_mixture(100, 16);
    elbo_error error = {0};
    elbo_fit_options options = fit_options((const char *const[]){"components", "3", "tolerance", "0", NULL});
    int calls = 0;
    assert_null(elbo_fit_new("gmm", &x, &options, 1, stop_third, &calls, &error));
    assert_int_equal(error.status, ELBO_ERROR_INTERRUPTED);
    assert_int_equal(calls, 3);
    elbo_options_clear(&elbo_fit_options_table, &options);
    elbo_array_free(&x);
}

/* Bytes are the same numbers as their 255th parts. */
static void test_bytes(void **state) {
    (void)state;
    enum { ROWS = 60, SIDE = 2 };
    elbo_array bytes = {0}, real = fit_rows(ROWS, SIDE * SIDE);
    elbo_error error = {0};
    assert_int_equal(elbo_array_new(&bytes, ELBO_U8, 3, (const int64_t[]){ROWS, SIDE, SIDE}, &error), ELBO_OK);
    for (int i = 0; i < ROWS * SIDE * SIDE; i++) {
        ((uint8_t *)bytes.data)[i] = (uint8_t)(i * 97 % 256);
        ((double *)real.data)[i] = (double)(i * 97 % 256) / 255;
    }
    elbo_fit *a = FIT("gmm", &bytes, 1, "components", "3"), *b = FIT("gmm", &real, 1, "components", "3");
    near(a->info.log_likelihood, b->info.log_likelihood, 1e-10);
    assert_true(a->info.bytes && a->info.item_rank == 2 && !b->info.bytes);
    elbo_array unused = {0};
    assert_int_equal(elbo_fit_score(a, &real, &unused, &error), ELBO_ERROR_SHAPE);
    assert_int_equal(elbo_fit_sample(a, 5, 1, &unused, &error), ELBO_OK);
    assert_int_equal(unused.rank, 3);
    elbo_array_free(&unused);
    elbo_fit_free(a);
    elbo_fit_free(b);
    elbo_array_free(&bytes);
    elbo_array_free(&real);
}

/* Draws have the mixture's mean and covariance: 4.5 standard errors over 3 + 6 figures, false alarms 6e-5. The spread
 * of a product of two centred draws is estimated from the draws themselves. */
static void test_sample(void **state) {
    (void)state;
    enum { COUNT = 40000 };
    elbo_array x = known_mixture(500, 17), drawn = {0};
    elbo_error error = {0};
    for (int kind = 0; kind < 3; kind++) {
        elbo_fit *fit = FIT("gmm", &x, 1, "components", "3", "covariance", kinds[kind]);
        double mean[DIMS] = {0}, covariance[9], whole[9] = {0};
        for (int k = 0; k < 3; k++)
            for (int i = 0; i < DIMS; i++)
                mean[i] += fit_tensor(fit, "weights")[k] * fit_tensor(fit, "means")[k * DIMS + i];
        for (int k = 0; k < 3; k++) {
            fit_dense_covariance(fit, k, covariance);
            const double *m = fit_tensor(fit, "means") + k * DIMS;
            for (int i = 0; i < 9; i++)
                whole[i] += fit_tensor(fit, "weights")[k] *
                            (covariance[i] + (m[i / 3] - mean[i / 3]) * (m[i % 3] - mean[i % 3]));
        }
        assert_int_equal(elbo_fit_sample(fit, COUNT, 9, &drawn, &error), ELBO_OK);
        const float *value = drawn.data;
        for (int i = 0; i < 9; i++) {
            double sum = 0, square = 0, one = 0;
            for (int n = 0; n < COUNT; n++) {
                double a = (double)value[n * 3 + i / 3] - mean[i / 3], b = (double)value[n * 3 + i % 3] - mean[i % 3];
                sum += a * b / COUNT, square += a * b * a * b / COUNT, one += a / COUNT;
            }
            near(sum, whole[i], 4.5 * sqrt((square - sum * sum) / COUNT));
            near(one, 0, 4.5 * sqrt(whole[i / 3 * 4] / COUNT));
        }
        elbo_array_free(&drawn);
        elbo_fit_free(fit);
    }
    elbo_array_free(&x);
}

static void test_file(void **state) {
    const scratch *place = *state;
    elbo_array x = known_mixture(150, 18), a = {0}, b = {0};
    elbo_error error = {0};
    const char *const methods[] = {"gmm", "bgmm"};
    for (int m = 0; m < 2; m++)
        for (int kind = 0; kind < 3; kind++) {
            elbo_fit *fit = FIT(methods[m], &x, 1, "components", "3", "covariance", kinds[kind], "iterations", "7");
            assert_int_equal(elbo_fit_save(fit, place->path, &error), ELBO_OK);
            elbo_fit *loaded = elbo_fit_load(place->path, 1, &error);
            if (!loaded) fail_msg("%s", error.message);
            assert_int_equal(loaded->info.rows, 150);
            assert_true(loaded->info.elbo == fit->info.elbo);
            assert_int_equal(loaded->options.iterations, 7);
            assert_int_equal(elbo_fit_score(fit, &x, &a, &error), ELBO_OK);
            assert_int_equal(elbo_fit_score(loaded, &x, &b, &error), ELBO_OK);
            for (int n = 0; n < 150; n++) near(((double *)a.data)[n], ((double *)b.data)[n], 1e-10);
            elbo_array_free(&a);
            elbo_array_free(&b);
            elbo_fit_free(fit);
            elbo_fit_free(loaded);
        }
    elbo_array_free(&x);
}

static void test_memory(void **state) {
    (void)state;
    elbo_array x = known_mixture(40, 19);
    elbo_error error = {0};
    elbo_fit_options options = fit_options((const char *const[]){"components", "2", "covariance", "full", NULL});
    elbo_fit *fit = NULL;
    SCRATCH_EACH_ALLOCATION(number, fit = elbo_fit_new("bgmm", &x, &options, 1, NULL, NULL, &error), {
        if (!fit) assert_int_equal(error.status, ELBO_ERROR_MEMORY);
        elbo_fit_free(fit);
    });
    assert_non_null(fit);
    elbo_options_clear(&elbo_fit_options_table, &options);
    elbo_array_free(&x);
}

/* Against GSL's eigenvalues, for ranks from 1 to full. */
static void test_eigen(void **state) {
    (void)state;
    enum { N = 24 };
    elbo_rng rng = {3, ELBO_STREAM_SAMPLE, 0};
    for (int rank = 1; rank <= N; rank += rank < 4 ? 1 : 5) {
        double a[N * N], original[N * N], values[N], vectors[N * N], work[N];
        gsl_matrix *matrix = gsl_matrix_alloc(N, N);
        gsl_vector *expected = gsl_vector_alloc(N);
        gsl_eigen_symm_workspace *workspace = gsl_eigen_symm_alloc(N);
        for (int i = 0; i < N * N; i++) {
            a[i] = 0;
            for (int r = 0; r < rank; r++)
                a[i] += elbo_rng_normal(&rng, (uint32_t)(i / N), (uint32_t)r) *
                        elbo_rng_normal(&rng, (uint32_t)(i % N), (uint32_t)r);
            original[i] = a[i];
            gsl_matrix_set(matrix, (size_t)(i / N), (size_t)(i % N), a[i]);
        }
        gsl_eigen_symm(matrix, expected, workspace);
        gsl_sort_vector(expected);
        assert_true(elbo_factor_eigen(a, N, values, vectors, work));
        double size = values[N - 1];
        for (int i = 0; i < N; i++) {
            near(values[i], gsl_vector_get(expected, (size_t)i), 1e-13 * size);
            for (int j = 0; j < N; j++) {
                double image = 0, product = 0;
                for (int k = 0; k < N; k++) {
                    image += original[j * N + k] * vectors[i * N + k];
                    product += vectors[i * N + k] * vectors[j * N + k];
                }
                near(image, values[i] * vectors[i * N + j], 1e-13 * size);
                near(product, i == j, 1e-13);
            }
        }
        gsl_matrix_free(matrix);
        gsl_vector_free(expected);
        gsl_eigen_symm_free(workspace);
    }
}

/* Every instruction set that runs here gives the same sums, up to their order. */
static void test_kernels(void **state) {
    (void)state;
    enum { D = 13, M = 7, SIZE = D * ELBO_PANEL };
    const elbo_panel_table *best = elbo_panel_best(), *base = &elbo_panel_baseline;
    double *x = elbo_calloc(3 * 2 * SIZE * sizeof *x), *one = x + 2 * SIZE, *two = one + 2 * SIZE;
    double a[D * D], mean[D], precision[D];
    elbo_rng rng = {4, ELBO_STREAM_SAMPLE, 0};
    assert_non_null(x);
    for (int i = 0; i < 2 * SIZE; i++) x[i] = elbo_rng_normal(&rng, 0, (uint32_t)i);
    for (int i = 0; i < D * D; i++) a[i] = i % D > i / D ? 0 : elbo_rng_normal(&rng, 1, (uint32_t)i);
    for (int d = 0; d < D; d++) mean[d] = d, precision[d] = 1 + d;
    best->distance(one, x, mean, precision, D), base->distance(two, x, mean, precision, D);
    for (int i = 0; i < ELBO_PANEL; i++) near(one[i], two[i], 1e-12 * two[i]);
    best->quadratic(one, a, x, D), base->quadratic(two, a, x, D);
    for (int i = 0; i < ELBO_PANEL; i++) near(one[i], two[i], 1e-12 * (1 + two[i]));
    best->multiply(one, a, D, x, M, D), base->multiply(two, a, D, x, M, D);
    for (int i = 0; i < M * ELBO_PANEL; i++) near(one[i], two[i], 1e-12 * D);
    double sums[4][D * D] = {{0}};
    elbo_panels panels = {x, 2, D};
    best->gather(sums[0], D, &panels, 1, D, &panels, 2, D, false);
    base->gather(sums[1], D, &panels, 1, D, &panels, 2, D, false);
    for (int i = 0; i < D * D; i++) {
        double expected = 0;
        for (int p = 0; p < 2 && i / D >= 1 && i % D >= 2; p++)
            for (int r = 0; r < ELBO_PANEL; r++)
                expected += x[(p * D + i / D) * ELBO_PANEL + r] * x[(p * D + i % D) * ELBO_PANEL + r];
        near(sums[0][i], expected, 1e-11);
        near(sums[1][i], expected, 1e-11);
    }
    best->moments(sums[2], sums[3], &panels, mean, x, SIZE, 1, D);
    for (int d = 1; d < D; d++) {
        double first = 0, second = 0;
        for (int p = 0; p < 2; p++)
            for (int r = 0; r < ELBO_PANEL; r++) {
                double away = x[(p * D + d) * ELBO_PANEL + r] - mean[d];
                first += x[p * SIZE + r] * away, second += x[p * SIZE + r] * away * away;
            }
        near(sums[2][d], first, 1e-11 * (1 + fabs(second)));
        near(sums[3][d], second, 1e-11 * (1 + fabs(second)));
    }
    elbo_free(x);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_monotone_and_exact),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_start),
        cmocka_unit_test(test_one_component),
        cmocka_unit_test(test_recovers),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_stop),
        cmocka_unit_test(test_bytes),
        cmocka_unit_test(test_sample),
        cmocka_unit_test_setup_teardown(test_file, scratch_make, scratch_remove),
        cmocka_unit_test(test_memory),
        cmocka_unit_test(test_eigen),
        cmocka_unit_test(test_kernels),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
