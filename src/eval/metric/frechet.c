/* The Frechet distance of two sets of features, each taken as normally distributed. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/input.h"
#include "eval/metric/panels.h"
#include "eval/metric/root.h"

/* mean: [d]; covariance: [d, d], divided by rows - 1. */
static elbo_status moments(const elbo_metric_matrix *x, double *mean, double *covariance, elbo_error *error) {
    int64_t d = x->columns;
    elbo_panels panels;
    elbo_metric_moments(x->data, x->rows, d, 0, mean, NULL);
    ELBO_TRY(elbo_metric_panels(&panels, x->data, x->rows, d, mean, NULL, false, error));
    elbo_panel_best()->gather(covariance, d, &panels, 0, d, &panels, 0, d, true);
    for (int64_t i = 0; i < d; i++)
        for (int64_t j = 0; j <= i; j++)
            covariance[i * d + j] = covariance[j * d + i] = covariance[i * d + j] / (double)(x->rows - 1);
    elbo_free((void *)panels.data);
    return ELBO_OK;
}

/* out = a b for square matrices */
static void product(double *restrict out, const double *restrict a, const double *restrict b, int64_t n) {
    memset(out, 0, (size_t)(n * n) * sizeof *out);
    for (int64_t i = 0; i < n; i++)
        for (int64_t k = 0; k < n; k++) {
            double factor = a[i * n + k];
            for (int64_t j = 0; j < n; j++) out[i * n + j] += factor * b[k * n + j];
        }
}

/* The trace of (A B)^(1/2), which is that of the symmetric (A^(1/2) B A^(1/2))^(1/2). A is used up; spare: [2 n, n] */
static elbo_status root_trace(double *a, const double *b, int64_t n, double *spare, double *trace, elbo_error *error) {
    double *root = spare, *half = spare + n * n;
    ELBO_TRY(elbo_metric_root(a, n, root, NULL, error));
    product(half, root, b, n);
    product(a, half, root, n);
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < i; j++) a[i * n + j] = a[j * n + i] = 0.5 * (a[i * n + j] + a[j * n + i]);
    return elbo_metric_root(a, n, NULL, trace, error);
}

static elbo_status measure(const elbo_metric_matrix *a, const elbo_metric_matrix *b, double *memory, elbo_frechet *out,
                           elbo_error *error) {
    int64_t d = a->columns;
    double *mean_a = memory, *mean_b = mean_a + d, *first = mean_b + d, *second = first + d * d, trace;
    ELBO_TRY(moments(a, mean_a, first, error));
    ELBO_TRY(moments(b, mean_b, second, error));
    for (int64_t i = 0; i < d; i++) {
        out->mean_term += (mean_a[i] - mean_b[i]) * (mean_a[i] - mean_b[i]);
        out->covariance_term += first[i * d + i] + second[i * d + i];
    }
    ELBO_TRY(root_trace(first, second, d, second + d * d, &trace, error));
    out->covariance_term = fmax(out->covariance_term - 2 * trace, 0);
    out->frechet = out->mean_term + out->covariance_term;
    return ELBO_OK;
}

static elbo_status check(const elbo_metric_matrix *a, const elbo_metric_matrix *b, elbo_error *error) {
    if (a->columns != b->columns)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "features: a has %lld columns and b %lld; as many were expected",
                         (long long)a->columns, (long long)b->columns);
    if (a->rows < 2 || b->rows < 2)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "features: a has %lld rows and b %lld; a covariance needs at least 2 of each",
                         (long long)a->rows, (long long)b->rows);
    if (a->columns > ELBO_FRECHET_DIMS)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "features: %lld columns; at most %d were expected",
                         (long long)a->columns, ELBO_FRECHET_DIMS);
    return ELBO_OK;
}

elbo_status elbo_score_frechet(const elbo_array *a, const elbo_array *b, elbo_frechet *out, elbo_error *error) {
    elbo_metric_matrix first = {0}, second = {0};
    double *memory = NULL;
    memset(out, 0, sizeof *out);
    elbo_status status = elbo_metric_matrix_read(&first, a, "a", error);
    if (status == ELBO_OK) status = elbo_metric_matrix_read(&second, b, "b", error);
    if (status == ELBO_OK) status = check(&first, &second, error);
    if (status == ELBO_OK) {
        int64_t d = out->dims = first.columns;
        out->rows_a = first.rows;
        out->rows_b = second.rows;
        size_t bytes = (size_t)(2 * d + 4 * d * d) * sizeof *memory;
        memory = elbo_calloc(bytes);
        status = memory ? measure(&first, &second, memory, out, error) : elbo_fail_memory(error, bytes, "covariances");
        int64_t rows = first.rows < second.rows ? first.rows : second.rows;
        if (rows < 10 * d)
            elbo_metric_warn(out->warning, sizeof out->warning,
                             "%lld rows for %lld dimensions: with so few the distance is biased upwards; compare only "
                             "sets of the same size.",
                             (long long)rows, (long long)d);
    }
    elbo_free(memory);
    elbo_metric_matrix_clear(&first);
    elbo_metric_matrix_clear(&second);
    return status;
}
