#include "infer/fit/mixture_fit.h"

#include <math.h>

elbo_status elbo_mixture_set_prior(elbo_mixture *mixture, const elbo_fit_options *options, const double *variance,
                                   elbo_error *error) {
    int64_t dims = mixture->dims;
    bool full = mixture->kind == ELBO_COVARIANCE_FULL;
    double degrees = options->prior_degrees > 0 ? options->prior_degrees : full ? (double)dims : 1, mean = 0;
    if (full && !(degrees > (double)(dims - 1)))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "fit: prior degrees %g; a Wishart prior in %lld dimensions needs more "
                         "than %lld",
                         degrees, (long long)dims, (long long)(dims - 1));
    mixture->prior.concentration =
        options->prior_concentration > 0 ? options->prior_concentration : 1 / (double)mixture->components;
    mixture->prior.strength = options->prior_strength;
    mixture->prior.degrees = degrees;
    for (int64_t d = 0; d < dims; d++) {
        double column = fmax(variance[d], options->variance_floor);
        mean += column / (double)dims;
        mixture->prior.scatter[d] = degrees * options->prior_scale * column;
    }
    if (mixture->kind == ELBO_COVARIANCE_SPHERICAL) mixture->prior.scatter[0] = degrees * options->prior_scale * mean;
    return ELBO_OK;
}

elbo_status elbo_mixture_iterate(elbo_mixture *mixture, const elbo_fit_rows *rows, int threads, elbo_mixture_work *work,
                                 elbo_mixture_moments *moments, elbo_fit_trace *trace, double *elbo,
                                 elbo_error *error) {
    double count = (double)rows->count;
    for (bool done = false; !done;) {
        elbo_mixture_pass(mixture, rows, NULL, threads, work, moments);
        double after_e = (moments->expected + moments->entropy - elbo_mixture_divergence(mixture)) / count;
        double log_likelihood = mixture->conjugate ? NAN : moments->log_likelihood / count;
        ELBO_TRY(elbo_mixture_update(mixture, moments, rows->count, work, error));
        double expected = elbo_mixture_expected(mixture, moments, work->vector);
        double after_m = (expected + moments->entropy - elbo_mixture_divergence(mixture)) / count;
        ELBO_TRY(elbo_fit_trace_add(trace, after_e, after_m, log_likelihood, &done, error));
    }
    elbo_mixture_pass(mixture, rows, NULL, threads, work, moments);
    *elbo = (moments->expected + moments->entropy - elbo_mixture_divergence(mixture)) / count;
    return ELBO_OK;
}

static int64_t count_empty(const elbo_mixture *mixture, const elbo_mixture_moments *moments) {
    int64_t empty = 0;
    for (int64_t k = 0; k < mixture->components; k++) empty += moments->weight[k] < 0.5;
    return empty;
}

/* The best start is left in `mixture`; `trial` is of the same shape. */
static elbo_status search(elbo_mixture *mixture, elbo_mixture *trial, const elbo_fit_rows *rows,
                          const elbo_fit_options *options, int threads, elbo_mixture_work *work,
                          elbo_mixture_moments *moments, elbo_fit_trace *trace, int64_t *empty, elbo_error *error) {
    for (int64_t restart = 0; restart < options->restarts; restart++) {
        double elbo = 0;
        elbo_fit_trace_restart(trace, restart);
        ELBO_TRY(
            elbo_mixture_start(trial, rows, (uint64_t)options->seed, (uint32_t)restart, threads, work, moments, error));
        ELBO_TRY(elbo_mixture_iterate(trial, rows, threads, work, moments, trace, &elbo, error));
        if (!elbo_fit_trace_keep(trace, elbo)) continue;
        *empty = count_empty(trial, moments);
        elbo_mixture swap = *mixture;
        *mixture = *trial;
        *trial = swap;
    }
    return ELBO_OK;
}

elbo_status elbo_mixture_fit(elbo_mixture *mixture, const elbo_fit_rows *rows, const elbo_fit_options *options,
                             int threads, elbo_fit_trace *trace, int64_t *empty, elbo_error *error) {
    elbo_mixture trial = {0};
    elbo_mixture_work work = {0};
    elbo_mixture_moments moments = {0};
    elbo_status status =
        elbo_mixture_new(&trial, mixture->components, mixture->dims, mixture->kind, mixture->conjugate, error);
    if (status == ELBO_OK) {
        trial.variance_floor = mixture->variance_floor;
        double *scatter = trial.prior.scatter;
        trial.prior = mixture->prior;
        trial.prior.scatter = scatter;
        for (int64_t d = 0; scatter && d < mixture->dims; d++) scatter[d] = mixture->prior.scatter[d];
        status = elbo_mixture_work_new(&work, mixture, rows, error);
    }
    if (status == ELBO_OK) status = elbo_mixture_moments_new(&moments, mixture, error);
    if (status == ELBO_OK)
        status = search(mixture, &trial, rows, options, threads, &work, &moments, trace, empty, error);
    elbo_mixture_free(&trial);
    elbo_mixture_work_free(&work);
    elbo_mixture_moments_free(&moments);
    return status;
}
