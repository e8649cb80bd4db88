#include "eval/metric/root.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "infer/fit/factor.h"

/* root = sum over i of sqrt(value) v v' for the rows v of `vectors`. */
static void compose(const double *values, const double *vectors, int64_t n, double *root) {
    memset(root, 0, (size_t)(n * n) * sizeof *root);
    for (int64_t k = 0; k < n; k++) {
        const double *v = vectors + k * n;
        double length = sqrt(values[k]);
        if (length == 0) continue;
        for (int64_t i = 0; i < n; i++) {
            double factor = length * v[i], *row = root + i * n;
            for (int64_t j = 0; j < n; j++) row[j] += factor * v[j];
        }
    }
}

static elbo_status clip(double *values, int64_t n, elbo_error *error) {
    double most = 0;
    for (int64_t i = 0; i < n; i++) most = fmax(most, fabs(values[i]));
    for (int64_t i = 0; i < n; i++) {
        if (values[i] < -1e-8 * most)
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "a matrix root: eigenvalue %g beside %g; a positive semidefinite matrix was expected",
                             values[i], most);
        values[i] = fmax(values[i], 0);
    }
    return ELBO_OK;
}

elbo_status elbo_metric_root(double *a, int64_t n, double *root, double *trace, elbo_error *error) {
    size_t numbers = (size_t)(n * n + 2 * n);
    double *vectors = elbo_calloc(numbers * sizeof *vectors);
    if (!vectors) return elbo_fail_memory(error, numbers * sizeof *vectors, "eigenvectors");
    double *values = vectors + n * n, *work = values + n;
    elbo_status status = elbo_factor_eigen(a, n, values, vectors, work)
                             ? clip(values, n, error)
                             : elbo_fail(error, ELBO_ERROR_NUMERIC, "a matrix root: no eigenvalues were found");
    if (status == ELBO_OK && root) compose(values, vectors, n, root);
    if (status == ELBO_OK && trace) {
        *trace = 0;
        for (int64_t i = 0; i < n; i++) *trace += sqrt(values[i]);
    }
    elbo_free(vectors);
    return status;
}
