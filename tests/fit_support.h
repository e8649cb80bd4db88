/* What the tests of classic fits share: data with a known distribution, fits, and dense Gaussians by GSL. */
#ifndef ELBO_TESTS_FIT_SUPPORT_H
#define ELBO_TESTS_FIT_SUPPORT_H

#include <gsl/gsl_eigen.h>
#include <gsl/gsl_linalg.h>
#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "eval/fit.h"
#include "scratch.h"

#define near(actual, expected, room) near_at(actual, expected, room, #actual, __FILE__, __LINE__)
static inline void near_at(double actual, double expected, double room, const char *what, const char *file, int line) {
    if (fabs(actual - expected) <= room) return;
    print_error("%s is %.17g; %.17g was expected, within %g\n", what, actual, expected, room);
    _fail(file, line);
}

/* Options by name, NULL-ended pairs. */
static inline elbo_fit_options fit_options(const char *const *pairs) {
    elbo_fit_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&elbo_fit_options_table, &options, &error), ELBO_OK);
    for (; *pairs; pairs += 2)
        if (elbo_options_set(&elbo_fit_options_table, &options, pairs[0], pairs[1], &error) != ELBO_OK)
            fail_msg("%s", error.message);
    return options;
}

#define FIT(method, x, threads, ...) fit_with(method, x, threads, (const char *const[]){__VA_ARGS__, NULL})
static inline elbo_fit *fit_with(const char *method, const elbo_array *x, int threads, const char *const *pairs) {
    elbo_error error = {0};
    elbo_fit_options options = fit_options(pairs);
    elbo_fit *fit = elbo_fit_new(method, x, &options, threads, NULL, NULL, &error);
    elbo_options_clear(&elbo_fit_options_table, &options);
    if (!fit) fail_msg("%s", error.message);
    return fit;
}

/* The message with which a fit is refused, and its status. */
#define REFUSED(status, pattern, method, x, ...) \
    fit_refused(status, pattern, method, x, (const char *const[]){__VA_ARGS__, NULL})
static inline void fit_refused(elbo_status status, const char *pattern, const char *method, const elbo_array *x,
                               const char *const *pairs) {
    elbo_error error = {0};
    elbo_fit_options options = fit_options(pairs);
    assert_null(elbo_fit_new(method, x, &options, 1, NULL, NULL, &error));
    elbo_options_clear(&elbo_fit_options_table, &options);
    assert_int_equal(error.status, status);
    if (!strstr(error.message, pattern)) fail_msg("no \"%s\" in: %s", pattern, error.message);
}

static inline const double *fit_tensor(const elbo_fit *fit, const char *wanted) {
    const char *name;
    elbo_array array;
    for (size_t i = 0; elbo_fit_tensor(fit, i, &name, &array); i++)
        if (strcmp(name, wanted) == 0) return array.data;
    fail_msg("no tensor %s", wanted);
    return NULL;
}

/* A mixture of three Gaussians in the plane, or one of linear models, has rows x: f64 [rows, dims]. */
static inline elbo_array fit_rows(int64_t rows, int64_t dims) {
    elbo_array x = {0};
    elbo_error error = {0};
    assert_int_equal(elbo_array_new(&x, ELBO_F64, 2, (const int64_t[]){rows, dims}, &error), ELBO_OK);
    return x;
}

/* Bounds of a curve never fall, and touch the log-likelihood after each E-step.  A bound is a sum of N terms of size
 * `size` per datum, each with a rounding error of about D eps: their mean is good to 1e-12 of that size here. */
static inline void fit_check_curve(const elbo_fit *fit, bool touches) {
    int64_t count;
    const elbo_fit_point *points = elbo_fit_curve(fit, &count);
    assert_true(count >= 1);
    for (int64_t i = 0; i < count; i++) {
        const elbo_fit_point *p = &points[i];
        double room = 1e-12 * (1 + fabs(p->after_e)) * (double)fit->info.item_size;
        assert_int_equal(p->iteration, i + 1);
        if (p->after_m < p->after_e - room)
            fail_msg("iteration %d: %.17g after M < %.17g after E", (int)i + 1, p->after_m, p->after_e);
        if (i && p->after_e < p[-1].after_m - room)
            fail_msg("iteration %d: %.17g after E < %.17g after M before", (int)i + 1, p->after_e, p[-1].after_m);
        if (touches && fabs(p->after_e - p->log_likelihood) > room)
            fail_msg("iteration %d: bound %.17g, log-likelihood %.17g", (int)i + 1, p->after_e, p->log_likelihood);
        if (!touches) assert_true(isnan(p->log_likelihood));
    }
    double last = points[count - 1].after_m;
    assert_true(fit->info.elbo >= last - 1e-12 * (1 + fabs(last)) * (double)fit->info.item_size);
    assert_int_equal(count, fit->info.iterations);
}

/* log N(x; mean, covariance) by Cholesky's factor in GSL; covariance: [dims, dims] */
static inline double fit_log_normal(const double *x, const double *mean, const double *covariance, int64_t dims) {
    size_t n = (size_t)dims;
    gsl_matrix *c = gsl_matrix_alloc(n, n);
    gsl_vector *away = gsl_vector_alloc(n), *solved = gsl_vector_alloc(n);
    double square = 0, log_det = 0;
    for (size_t i = 0; i < n; i++) {
        gsl_vector_set(away, i, x[i] - mean[i]);
        for (size_t j = 0; j < n; j++) gsl_matrix_set(c, i, j, covariance[i * n + j]);
    }
    gsl_linalg_cholesky_decomp1(c);
    gsl_linalg_cholesky_solve(c, away, solved);
    for (size_t i = 0; i < n; i++) {
        log_det += 2 * log(gsl_matrix_get(c, i, i));
        square += gsl_vector_get(away, i) * gsl_vector_get(solved, i);
    }
    gsl_matrix_free(c);
    gsl_vector_free(away);
    gsl_vector_free(solved);
    return -0.5 * (square + log_det + (double)dims * 1.8378770664093454836);
}

/* Component k's covariance as a dense matrix, whatever is stored. */
static inline void fit_dense_covariance(const elbo_fit *fit, int64_t k, double *out) {
    int64_t dims = fit->info.item_size;
    const double *c = fit_tensor(fit, "covariances");
    for (int64_t i = 0; i < dims; i++)
        for (int64_t j = 0; j < dims; j++) switch (fit->mixture.kind) {
                case ELBO_COVARIANCE_FULL: out[i * dims + j] = c[(k * dims + i) * dims + j]; break;
                case ELBO_COVARIANCE_DIAGONAL: out[i * dims + j] = i == j ? c[k * dims + i] : 0; break;
                case ELBO_COVARIANCE_SPHERICAL: out[i * dims + j] = i == j ? c[k] : 0; break;
            }
}

#endif
