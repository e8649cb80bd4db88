/* Probabilistic PCA and factor analysis by EM, against their closed forms and dense Gaussians. */
#include <gsl/gsl_blas.h>

#include "fit_support.h"
#include "infer/fit/covariance.h"

enum { DIMS = 8, LATENT = 3, ROWS = 600 };

/* Rows of W z + mean + noise, with a noise deviation of its own for each dimension unless `same`. */
static elbo_array draw(int64_t rows, int64_t dims, int latent, bool same, uint64_t seed) {
    elbo_array x = fit_rows(rows, dims);
    elbo_rng w = {seed, ELBO_STREAM_INIT, 0}, z = {seed, ELBO_STREAM_SAMPLE, 0};
    for (int64_t n = 0; n < rows; n++)
        for (int64_t d = 0; d < dims; d++) {
            double deviation = same ? 0.5 : 0.2 + 0.1 * (double)(d % 7);
            double value = 3 + (double)d + deviation * elbo_rng_normal(&z, (uint32_t)n, (uint32_t)(latent + d));
            for (int j = 0; j < latent; j++)
                value += (1.5 - 0.3 * j) * elbo_rng_normal(&w, (uint32_t)j, (uint32_t)d) *
                         elbo_rng_normal(&z, (uint32_t)n, (uint32_t)j);
            ((double *)x.data)[n * dims + d] = value;
        }
    return x;
}

static void moments(const elbo_array *x, double *mean, double *covariance) {
    int64_t rows = x->shape[0], dims = x->shape[1];
    const double *data = x->data;
    memset(mean, 0, (size_t)dims * sizeof *mean);
    memset(covariance, 0, (size_t)(dims * dims) * sizeof *covariance);
    for (int64_t n = 0; n < rows; n++)
        for (int64_t d = 0; d < dims; d++) mean[d] += data[n * dims + d] / (double)rows;
    for (int64_t n = 0; n < rows; n++)
        for (int64_t i = 0; i < dims; i++)
            for (int64_t j = 0; j < dims; j++)
                covariance[i * dims + j] +=
                    (data[n * dims + i] - mean[i]) * (data[n * dims + j] - mean[j]) / (double)rows;
}

/* Eigenvalues in falling order, and eigenvectors as columns, by GSL. */
static void eigen(const double *matrix, gsl_vector *values, gsl_matrix *vectors) {
    size_t n = values->size;
    gsl_matrix *copy = gsl_matrix_alloc(n, n);
    gsl_eigen_symmv_workspace *workspace = gsl_eigen_symmv_alloc(n);
    for (size_t i = 0; i < n * n; i++) gsl_matrix_set(copy, i / n, i % n, matrix[i]);
    gsl_eigen_symmv(copy, values, vectors, workspace);
    gsl_eigen_symmv_sort(values, vectors, GSL_EIGEN_SORT_VAL_DESC);
    gsl_eigen_symmv_free(workspace);
    gsl_matrix_free(copy);
}

/* Tipping and Bishop (1999), equations 7 and 8: at the maximum sigma^2 is the mean of the discarded eigenvalues, W
 * spans the leading eigenvectors with squared lengths lambda_j - sigma^2, and the log-likelihood follows.  EM converges
 * linearly and stops when an iteration gains less than rounding, about 1e-14 here; the bound is flat there, so that
 * parameters are known to about 1e-7, the root of it, over one less the rate: 1e-5 leaves room for a rate of 0.99. */
static void test_ppca_closed_form(void **state) {
    (void)state;
    elbo_array x = draw(ROWS, DIMS, LATENT, true, 21);
    double mean[DIMS], covariance[DIMS * DIMS], noise = 0, expected = DIMS * (1.8378770664093454836 + 1);
    gsl_vector *values = gsl_vector_alloc(DIMS);
    gsl_matrix *vectors = gsl_matrix_alloc(DIMS, DIMS);
    moments(&x, mean, covariance);
    eigen(covariance, values, vectors);
    elbo_fit *fit = FIT("ppca", &x, 1, "latent", "3", "iterations", "3000", "tolerance", "0");
    fit_check_curve(fit, true);
    for (size_t d = LATENT; d < DIMS; d++) noise += gsl_vector_get(values, d) / (DIMS - LATENT);
    for (size_t d = 0; d < DIMS; d++) expected += log(d < LATENT ? gsl_vector_get(values, d) : noise);
    near(fit_tensor(fit, "noise")[0], noise, 1e-5 * noise);
    near(fit->info.log_likelihood, -0.5 * expected, 1e-10);
    for (int d = 0; d < DIMS; d++) near(fit_tensor(fit, "mean")[d], mean[d], 1e-12);
    for (int j = 0; j < LATENT; j++) {
        const double *axis = fit_tensor(fit, "loadings") + j * DIMS;
        double square = 0, along = 0, most = 0;
        for (int d = 0; d < DIMS; d++) {
            square += axis[d] * axis[d];
            along += axis[d] * gsl_matrix_get(vectors, (size_t)d, (size_t)j);
            if (fabs(axis[d]) > fabs(most)) most = axis[d];
        }
        near(square, gsl_vector_get(values, (size_t)j) - noise, 1e-5 * gsl_vector_get(values, (size_t)j));
        near(along * along / square, 1, 1e-9); /* each axis is that eigenvector, up to its sign */
        assert_true(most > 0);
    }
    gsl_vector_free(values);
    gsl_matrix_free(vectors);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

/* The largest principal angle between the loadings and the leading eigenvectors, for a wide matrix with fewer rows than
 * columns: the smallest singular value of Q' U, with Q an orthonormal basis of the loadings, is its cosine. */
static void test_ppca_subspace(void **state) {
    (void)state;
    enum { N = 40, D = 60, Z = 4 };
    elbo_array x = draw(N, D, Z, true, 22);
    double mean[D], covariance[D * D];
    gsl_vector *values = gsl_vector_alloc(D), *cosines = gsl_vector_alloc(Z), *work = gsl_vector_alloc(Z);
    gsl_matrix *vectors = gsl_matrix_alloc(D, D), *across = gsl_matrix_alloc(Z, Z), *v = gsl_matrix_alloc(Z, Z);
    moments(&x, mean, covariance);
    eigen(covariance, values, vectors);
    elbo_fit *fit = FIT("ppca", &x, 1, "latent", "4", "iterations", "2000", "tolerance", "0");
    fit_check_curve(fit, true);
    const double *loadings = fit_tensor(fit, "loadings"); /* orthogonal rows: see elbo.h, and checked by the cosines */
    for (size_t i = 0; i < Z; i++)
        for (size_t j = 0; j < Z; j++) {
            double sum = 0, square = 0;
            for (size_t d = 0; d < D; d++) {
                sum += loadings[i * D + d] * gsl_matrix_get(vectors, d, j);
                square += loadings[i * D + d] * loadings[i * D + d];
            }
            gsl_matrix_set(across, i, j, sum / sqrt(square));
        }
    gsl_linalg_SV_decomp(across, v, cosines, work);
    for (size_t j = 0; j < Z; j++) near(gsl_vector_get(cosines, j), 1, 1e-9);
    gsl_vector_free(values);
    gsl_vector_free(cosines);
    gsl_vector_free(work);
    gsl_matrix_free(vectors);
    gsl_matrix_free(across);
    gsl_matrix_free(v);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

/* C = W W' + diag(noise) as a dense matrix. */
static void dense(const elbo_fit *fit, double *covariance) {
    int64_t dims = fit->info.item_size, latent = fit->linear.latent;
    const double *w = fit_tensor(fit, "loadings"), *noise = fit_tensor(fit, "noise");
    for (int64_t i = 0; i < dims; i++)
        for (int64_t j = 0; j < dims; j++) {
            double sum = i == j ? noise[fit->linear.isotropic ? 0 : i] : 0;
            for (int64_t z = 0; z < latent; z++) sum += w[z * dims + i] * w[z * dims + j];
            covariance[i * dims + j] = sum;
        }
}

/* E[z|x] = W' C^-1 (x - mean), by Gauss elimination in GSL. */
static void dense_codes(const elbo_fit *fit, const double *covariance, const double *row, double *codes) {
    size_t dims = (size_t)fit->info.item_size;
    gsl_matrix *c = gsl_matrix_alloc(dims, dims);
    gsl_vector *away = gsl_vector_alloc(dims), *solved = gsl_vector_alloc(dims);
    for (size_t i = 0; i < dims * dims; i++) gsl_matrix_set(c, i / dims, i % dims, covariance[i]);
    for (size_t i = 0; i < dims; i++) gsl_vector_set(away, i, row[i] - fit_tensor(fit, "mean")[i]);
    gsl_linalg_HH_solve(c, away, solved);
    for (int64_t z = 0; z < fit->linear.latent; z++) {
        codes[z] = 0;
        for (size_t i = 0; i < dims; i++)
            codes[z] += fit_tensor(fit, "loadings")[z * (int64_t)dims + (int64_t)i] * gsl_vector_get(solved, i);
    }
    gsl_matrix_free(c);
    gsl_vector_free(away);
    gsl_vector_free(solved);
}

static void test_dense(void **state) {
    (void)state;
    const char *const methods[] = {"ppca", "fa"};
    elbo_array x = draw(203, DIMS, LATENT, false, 23), score = {0}, codes = {0};
    elbo_error error = {0};
    for (int m = 0; m < 2; m++) {
        double covariance[DIMS * DIMS], expected[LATENT], sum = 0;
        elbo_fit *fit = FIT(methods[m], &x, 1, "latent", "3", "iterations", "30", "tolerance", "0");
        fit_check_curve(fit, true);
        dense(fit, covariance);
        assert_int_equal(elbo_fit_score(fit, &x, &score, &error), ELBO_OK);
        assert_int_equal(elbo_fit_encode(fit, &x, &codes, &error), ELBO_OK);
        for (int n = 0; n < 203; n++) {
            const double *row = (const double *)x.data + n * DIMS;
            double density = fit_log_normal(row, fit_tensor(fit, "mean"), covariance, DIMS);
            near(((const double *)score.data)[n], density, 1e-10 * (1 + fabs(density)));
            sum += density / 203;
            dense_codes(fit, covariance, row, expected);
            for (int z = 0; z < LATENT; z++)
                near((double)((const float *)codes.data)[n * LATENT + z], expected[z], 1e-6 * (1 + fabs(expected[z])));
        }
        near(fit->info.elbo, sum, 1e-11 * (1 + fabs(sum)));
        elbo_array_free(&score);
        elbo_array_free(&codes);
        elbo_fit_free(fit);
    }
    elbo_array_free(&x);
}

/* Factor analysis finds the noise of each dimension.  The standard error of a variance of `left` independent residuals
 * is sqrt(2/N) of it, and here, with 3 factors over 12 dimensions, at most twice that; 5 errors over 12 figures. It
 * also explains the data better than PPCA, whose model is a special case. */
static void test_fa_recovers(void **state) {
    (void)state;
    enum { N = 5000, D = 12 };
    elbo_array x = draw(N, D, 3, false, 24);
    elbo_fit *fit = FIT("fa", &x, 2, "latent", "3", "iterations", "2000", "tolerance", "1e-10");
    elbo_fit *ppca = FIT("ppca", &x, 2, "latent", "3", "iterations", "2000", "tolerance", "1e-10");
    fit_check_curve(fit, true);
    for (int d = 0; d < D; d++) {
        double variance = pow(0.2 + 0.1 * (d % 7), 2);
        near(fit_tensor(fit, "noise")[d], variance, 5 * 2 * variance * sqrt(2.0 / N));
    }
    assert_true(fit->info.log_likelihood > ppca->info.log_likelihood);
    elbo_fit_free(fit);
    elbo_fit_free(ppca);
    elbo_array_free(&x);
}

/* V S from the summed matrix and from the rows, against plain sums, for 1 and 3 threads to the same bits. */
static void test_covariance_routes(void **state) {
    (void)state;
    enum { Z = 5 };
    const int64_t shapes[][2] = {{500, 40}, {30, 130}};
    elbo_error error = {0};
    for (int s = 0; s < 2; s++) {
        int64_t rows = shapes[s][0], dims = shapes[s][1];
        elbo_array x = draw(rows, dims, 2, false, 25);
        double *mean = elbo_calloc((size_t)(dims + dims * dims + 4 * Z * dims) * sizeof *mean);
        double *matrix = mean + dims, *v = matrix + dims * dims, *out[2] = {v + Z * dims, v + 2 * Z * dims};
        elbo_fit_rows view;
        elbo_rng rng = {6, ELBO_STREAM_SAMPLE, 0};
        moments(&x, mean, matrix);
        assert_int_equal(elbo_fit_rows_of(&x, &view, &error), ELBO_OK);
        view.centre = mean;
        for (int64_t i = 0; i < Z * dims; i++) v[i] = elbo_rng_normal(&rng, 0, (uint32_t)i);
        for (int t = 0; t < 2; t++) {
            elbo_covariance covariance;
            assert_int_equal(elbo_covariance_new(&covariance, &view, Z, 40, 1 + 2 * t, &error), ELBO_OK);
            assert_true((covariance.matrix != NULL) == (s == 0)); /* both routes are taken */
            elbo_covariance_apply(&covariance, v, out[t]);
            elbo_covariance_free(&covariance);
        }
        assert_memory_equal(out[0], out[1], (size_t)(Z * dims) * sizeof(double));
        for (int64_t z = 0; z < Z; z++)
            for (int64_t d = 0; d < dims; d++) {
                double sum = 0, size = 0;
                for (int64_t i = 0; i < dims; i++) {
                    sum += v[z * dims + i] * matrix[i * dims + d];
                    size += fabs(v[z * dims + i] * matrix[i * dims + d]);
                }
                near(out[0][z * dims + d], sum, 1e-13 * size * (double)rows);
            }
        elbo_free(mean);
        elbo_array_free(&x);
    }
}

static void test_degenerate(void **state) {
    (void)state;
    const char *const methods[] = {"ppca", "fa"};
    for (int m = 0; m < 2; m++) {
        /* A constant column: fa's noise there is the floor. */
        elbo_array x = draw(50, DIMS, LATENT, false, 26);
        for (int n = 0; n < 50; n++) ((double *)x.data)[n * DIMS + 2] = -4;
        elbo_fit *fit = FIT(methods[m], &x, 1, "latent", "2", "variance-floor", "1e-4");
        fit_check_curve(fit, true);
        if (m == 1) near(fit_tensor(fit, "noise")[2], 1e-4, 0);
        elbo_fit_free(fit);
        REFUSED(ELBO_ERROR_USAGE, "8 latent dimensions for rows of 8 numbers", methods[m], &x, "latent", "8");
        elbo_array_free(&x);

        /* One row: all of it is mean, noise at the floor, nothing for the loadings to explain.  The largest density is
         * that of W = 0, which EM nears; the floor bounds it. */
        elbo_array one = fit_rows(1, 3);
        memcpy(one.data, (const double[]){1, 2, 3}, 3 * sizeof(double));
        fit = FIT(methods[m], &one, 1, "latent", "1", "variance-floor", "0.5", "iterations", "500", "tolerance", "0");
        fit_check_curve(fit, true);
        near(fit->info.log_likelihood, -1.5 * (1.8378770664093454836 + log(0.5)), 1e-9);
        elbo_fit_free(fit);
        elbo_array_free(&one);
    }
}

/* As for the mixtures: 4.5 standard errors over 8 + 36 figures, false alarms 3e-4. */
static void test_sample(void **state) {
    (void)state;
    enum { COUNT = 20000 };
    elbo_array x = draw(300, DIMS, LATENT, false, 27), drawn = {0};
    elbo_error error = {0};
    double covariance[DIMS * DIMS];
    elbo_fit *fit = FIT("fa", &x, 1, "latent", "3");
    dense(fit, covariance);
    assert_int_equal(elbo_fit_sample(fit, COUNT, 4, &drawn, &error), ELBO_OK);
    for (int i = 0; i < DIMS; i++)
        for (int j = 0; j <= i; j++) {
            double sum = 0, square = 0, one = 0;
            for (int n = 0; n < COUNT; n++) {
                const float *row = (const float *)drawn.data + n * DIMS;
                double a = (double)row[i] - fit_tensor(fit, "mean")[i], b = (double)row[j] - fit_tensor(fit, "mean")[j];
                sum += a * b / COUNT, square += a * b * a * b / COUNT, one += a / COUNT;
            }
            near(sum, covariance[i * DIMS + j], 4.5 * sqrt((square - sum * sum) / COUNT));
            near(one, 0, 4.5 * sqrt(covariance[i * DIMS + i] / COUNT));
        }
    elbo_array_free(&drawn);
    elbo_fit_free(fit);
    elbo_array_free(&x);
}

static void test_file(void **state) {
    const scratch *place = *state;
    const char *const methods[] = {"ppca", "fa"};
    elbo_array x = draw(90, DIMS, LATENT, false, 28), a = {0}, b = {0};
    elbo_error error = {0};
    for (int m = 0; m < 2; m++) {
        elbo_fit *fit = FIT(methods[m], &x, 1, "latent", "2", "restarts", "2"), *loaded;
        assert_int_equal(elbo_fit_save(fit, place->path, &error), ELBO_OK);
        loaded = elbo_fit_load(place->path, 1, &error);
        if (!loaded) fail_msg("%s", error.message);
        assert_string_equal(loaded->info.method, methods[m]);
        assert_int_equal(elbo_fit_score(fit, &x, &a, &error), ELBO_OK);
        assert_int_equal(elbo_fit_score(loaded, &x, &b, &error), ELBO_OK);
        assert_memory_equal(a.data, b.data, 90 * sizeof(double));
        elbo_array_free(&a);
        elbo_array_free(&b);
        elbo_fit_free(fit);
        elbo_fit_free(loaded);
    }
    elbo_array_free(&x);
    scratch_write(place->path, "no fit", 6);
    assert_null(elbo_fit_load(place->path, 1, &error));
    assert_int_equal(error.status, ELBO_ERROR_FORMAT);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ppca_closed_form),
        cmocka_unit_test(test_ppca_subspace),
        cmocka_unit_test(test_dense),
        cmocka_unit_test(test_fa_recovers),
        cmocka_unit_test(test_covariance_routes),
        cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_sample),
        cmocka_unit_test_setup_teardown(test_file, scratch_make, scratch_remove),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
