/* The M-step of EM: q(theta) is a point mass, moved to the maximum of sum of r log p(x, z | theta) under the constraint
 * that no eigenvalue of a covariance is below the variance floor (Bishop 2006, 9.2.2; Hathaway 1985 for constraints).
 */
#include <math.h>
#include <string.h>

#include "infer/fit/factor.h"
#include "infer/fit/mixture.h"

static const double log_two_pi = 1.8378770664093454836;

void elbo_mixture_offset_point(elbo_mixture *mixture, int64_t k, double log_det) {
    mixture->offset[k] = log(mixture->weights[k]) - 0.5 * (log_det + (double)mixture->dims * log_two_pi);
}

/* A component that has lost its rows keeps mean and covariance: there is nothing to divide by, and since the bound is a
 * sum over components, one that stays as it is does not make it fall. */
static const double least_weight = 1e-6;

static void diagonal(elbo_mixture *mixture, const double *second, double weight, int64_t k) {
    int64_t dims = mixture->dims;
    double floor_ = mixture->variance_floor, sum = 0;
    for (int64_t d = 0; d < dims; d++) {
        sum += second[d];
        if (mixture->kind == ELBO_COVARIANCE_DIAGONAL)
            mixture->covariances[k * dims + d] = fmax(second[d] / weight, floor_);
    }
    if (mixture->kind == ELBO_COVARIANCE_SPHERICAL)
        mixture->covariances[k] = fmax(sum / (weight * (double)dims), floor_);
}

/* -log|C| - trace(C^-1 S) is largest, among C whose eigenvalues reach the floor, at S with its small eigenvalues raised
 * to it: S + sum of (floor - lambda) v v'. */
static elbo_status full(elbo_mixture *mixture, const double *second, double weight, int64_t k, elbo_mixture_work *work,
                        elbo_error *error) {
    int64_t dims = mixture->dims;
    double *covariance = mixture->covariances + k * dims * dims, *copy = work->matrix, *vectors = copy + dims * dims;
    double *values = work->vector, least = mixture->variance_floor;
    for (int64_t i = 0; i < dims * dims; i++) covariance[i] = second[i] / weight;
    if (elbo_factor_cholesky(copy, covariance, dims, -least)) return ELBO_OK;
    memcpy(copy, covariance, (size_t)(dims * dims) * sizeof *copy);
    if (!elbo_factor_eigen(copy, dims, values, vectors, values + dims))
        return elbo_fail(error, ELBO_ERROR_NUMERIC, "fit: no eigenvalues of the covariance of component %lld",
                         (long long)k);
    for (int64_t e = 0; e < dims && values[e] < least; e++) {
        const double *v = vectors + e * dims;
        for (int64_t i = 0; i < dims; i++) {
            double raise = (least - values[e]) * v[i], *row = covariance + i * dims;
            for (int64_t j = 0; j < dims; j++) row[j] += raise * v[j];
        }
    }
    return ELBO_OK;
}

elbo_status elbo_mixture_update_point(elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t rows,
                                      elbo_mixture_work *work, elbo_error *error) {
    int64_t dims = mixture->dims, count = mixture->kind == ELBO_COVARIANCE_FULL ? dims * dims : dims;
    for (int64_t k = 0; k < mixture->components; k++) {
        double weight = moments->weight[k], log_det = 0;
        mixture->weights[k] = weight / (double)rows;
        if (weight > least_weight) {
            for (int64_t d = 0; d < dims; d++) {
                moments->shift[d] = moments->first[k * dims + d] / weight;
                mixture->means[k * dims + d] += moments->shift[d];
            }
            elbo_mixture_recentre(mixture, moments, k, moments->shift);
            if (mixture->kind == ELBO_COVARIANCE_FULL)
                ELBO_TRY(full(mixture, moments->second + k * count, weight, k, work, error));
            else
                diagonal(mixture, moments->second + k * count, weight, k);
        }
        ELBO_TRY(elbo_mixture_factor(mixture, k, work->matrix, &log_det, error));
        elbo_mixture_offset_point(mixture, k, log_det);
    }
    return ELBO_OK;
}
