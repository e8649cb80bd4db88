/* Appendix D of Kingma and Welling 2013: p(x) from draws of the posterior. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/estimate.h"

/* The run that draws from the prior: far from those of the bound and of importance sampling (0, 1, 2, ...). */
enum { STEP_START = INT32_MAX - 2 };

double elbo_posterior_estimate_cost(const elbo_estimate_options *options) {
    int64_t draws = (options->samples + options->chains - 1) / options->chains;
    return (double)(options->burn_in + 2 * draws) * elbo_chains_cost(options->chains, options->leapfrog);
}

static elbo_status new_worker(const elbo_chains *chains, struct posterior_worker *worker, elbo_error *error) {
    int64_t rows = chains->data * chains->chains;
    size_t bytes = sizeof(double) * (size_t)rows;
    ELBO_TRY(elbo_gaussian_fit_new(&worker->pooled, chains->data, chains->latent, false, error));
    ELBO_TRY(elbo_gaussian_fit_new(&worker->chainwise, rows, chains->latent, true, error));
    worker->peak = elbo_calloc(bytes);
    worker->sum = elbo_calloc(bytes);
    worker->square = elbo_calloc(bytes);
    if (!worker->peak || !worker->sum || !worker->square) return elbo_fail_memory(error, bytes, "sums of weights");
    return ELBO_OK;
}

elbo_status elbo_posterior_estimate_new(elbo_posterior_estimate *estimate, const elbo_instance *instance, int64_t batch,
                                        const elbo_estimate_options *options, elbo_precision precision, int threads,
                                        elbo_error *error) {
    memset(estimate, 0, sizeof *estimate);
    estimate->options = *options;
    estimate->draws = (options->samples + options->chains - 1) / options->chains;
    elbo_hmc_options hmc = {.leapfrog = options->leapfrog, .acceptance = options->acceptance, .seed = options->seed};
    ELBO_TRY(elbo_chains_new(&estimate->chains, instance, batch, options->chains, &hmc, precision, threads, error));
    size_t bytes = sizeof *estimate->worker * (size_t)estimate->chains.workers;
    estimate->worker = elbo_calloc(bytes);
    if (!estimate->worker) return elbo_fail_memory(error, bytes, "an estimate");
    for (int w = 0; w < estimate->chains.workers; w++)
        ELBO_TRY(new_worker(&estimate->chains, &estimate->worker[w], error));
    return ELBO_OK;
}

void elbo_posterior_estimate_clear(elbo_posterior_estimate *estimate) {
    for (int w = 0; estimate->worker && w < estimate->chains.workers; w++) {
        struct posterior_worker *worker = &estimate->worker[w];
        elbo_gaussian_fit_clear(&worker->pooled);
        elbo_gaussian_fit_clear(&worker->chainwise);
        elbo_free(worker->peak);
        elbo_free(worker->sum);
        elbo_free(worker->square);
    }
    elbo_free(estimate->worker);
    elbo_chains_clear(&estimate->chains);
    memset(estimate, 0, sizeof *estimate);
}

/* ---- the first half ---- */

static elbo_status fail_row(const elbo_chains_group *group, int64_t datum, const char *what, elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_NUMERIC, "likelihood of row %lld by HMC: %s",
                     (long long)(group->first_row + datum), what);
}

/* The first half of the burn-in, for chains that start from the prior: the posterior is approached by degrees, since
 * step sizes for the slopes far from it would be too small for all that follows. */
static elbo_status approach(elbo_posterior_estimate *estimate, elbo_hmc *hmc, elbo_error *error) {
    int64_t steps = estimate->options.burn_in / 2;
    for (int64_t s = 0; s < steps; s++)
        ELBO_TRY(elbo_hmc_run(hmc, 1, elbo_ais_beta(ELBO_AIS_SIGMOID, (double)s / (double)steps), true, error));
    hmc->adaptations = 0;
    return elbo_hmc_run(hmc, estimate->options.burn_in - steps, 1, true, error);
}

/* Step sizes and draws start anew with each group: its result must not depend on what the thread did before. */
static elbo_status burn_in(elbo_posterior_estimate *estimate, int number, const elbo_chains_group *group,
                           const float *z, elbo_error *error) {
    elbo_chains_worker *worker = &estimate->chains.worker[number];
    elbo_hmc *hmc = &worker->hmc;
    hmc->stream = ELBO_HMC_STREAM_POSTERIOR;
    hmc->step = 0;
    hmc->adaptations = 0;
    for (int64_t g = 0; g < hmc->groups; g++) hmc->log_step[g] = log(hmc->options.step_size);
    if (z)
        elbo_chains_spread(&estimate->chains, number, group, z);
    else
        ELBO_TRY(elbo_chains_draw(&estimate->chains, number, group, STEP_START, error));
    ELBO_TRY(elbo_hmc_place(hmc, worker->z, group->first_row, error));
    ELBO_TRY(z ? elbo_hmc_run(hmc, estimate->options.burn_in, 1, true, error) : approach(estimate, hmc, error));
    return elbo_hmc_place(hmc, hmc->z, group->first_row, error); /* acceptance is counted from here on */
}

static elbo_status fit(elbo_posterior_estimate *estimate, int number, const elbo_chains_group *group,
                       elbo_error *error) {
    elbo_hmc *hmc = &estimate->chains.worker[number].hmc;
    struct posterior_worker *own = &estimate->worker[number];
    int64_t data = estimate->chains.data;
    elbo_gaussian_fit_reset(&own->pooled);
    elbo_gaussian_fit_reset(&own->chainwise);
    for (int64_t s = 0; s < estimate->draws; s++) {
        ELBO_TRY(elbo_hmc_run(hmc, 1, 1, false, error));
        for (int64_t row = 0; row < hmc->rows; row++) {
            elbo_gaussian_fit_add(&own->pooled, row % data, hmc->z + row * hmc->latent);
            elbo_gaussian_fit_add(&own->chainwise, row, hmc->z + row * hmc->latent);
        }
    }
    for (int64_t i = 0; i < group->count; i++)
        if (!elbo_gaussian_fit_finish(&own->pooled, i))
            return fail_row(group, i, "its draws of z have a singular covariance; more samples or burn-in may help",
                            error);
    return ELBO_OK;
}

/* R-hat of Gelman and Rubin 1992 for the worst dimension: sqrt((n-1)/n + B/W), B the variance of the means of the
 * chains, W the mean of their variances. NaN for chains of one draw. */
static double mixing(const elbo_posterior_estimate *estimate, const struct posterior_worker *own, int64_t datum) {
    int64_t data = estimate->chains.data, chains = estimate->chains.chains, latent = estimate->chains.latent;
    double draws = (double)estimate->draws, worst = 0;
    if (estimate->draws < 2) return NAN;
    for (int64_t d = 0; d < latent; d++) {
        double within = 0, between = 0, mean = 0;
        for (int64_t c = 0; c < chains; c++) {
            int64_t at = (c * data + datum) * latent + d;
            double away = own->chainwise.mean[at] - mean;
            within += own->chainwise.scatter[at] / (draws - 1) / (double)chains;
            mean += away / (double)(c + 1);
            between += away * (own->chainwise.mean[at] - mean) / (double)(chains - 1);
        }
        double ratio = sqrt((draws - 1) / draws + between / within);
        if (!(ratio <= worst)) worst = ratio;
    }
    return worst;
}

/* ---- the second half ---- */

/* Adds e^value to a row's sums. */
static void add_weight(struct posterior_worker *own, int64_t row, double value) {
    if (value > own->peak[row]) {
        double shrink = exp(own->peak[row] - value);
        own->sum[row] *= shrink;
        own->square[row] *= shrink * shrink;
        own->peak[row] = value;
    }
    double weight = exp(value - own->peak[row]);
    own->sum[row] += weight;
    own->square[row] += weight * weight;
}

static elbo_status weigh(elbo_posterior_estimate *estimate, int number, const elbo_chains_group *group,
                         elbo_error *error) {
    elbo_hmc *hmc = &estimate->chains.worker[number].hmc;
    struct posterior_worker *own = &estimate->worker[number];
    int64_t data = estimate->chains.data;
    for (int64_t row = 0; row < hmc->rows; row++) {
        own->peak[row] = -INFINITY;
        own->sum[row] = own->square[row] = 0;
    }
    for (int64_t s = 0; s < estimate->draws; s++) {
        ELBO_TRY(elbo_hmc_run(hmc, 1, 1, false, error));
        for (int64_t row = 0; row < hmc->rows; row++) {
            if (row % data >= group->count) continue;
            double value = elbo_gaussian_fit_log_density(&own->pooled, row % data, hmc->z + row * hmc->latent) -
                           (double)hmc->log_prior[row] - (double)hmc->log_likelihood[row];
            if (!isfinite(value)) return fail_row(group, row % data, "a weight is not a finite number", error);
            add_weight(own, row, value);
        }
    }
    return ELBO_OK;
}

/* Chains are independent of each other: the error is that of the mean of their means. */
static void conclude(const elbo_posterior_estimate *estimate, const struct posterior_worker *own, int64_t datum,
                     double *log_p, double *error, double *effective) {
    int64_t data = estimate->chains.data, chains = estimate->chains.chains;
    double peak = -INFINITY, mean = 0, spread = 0, sum = 0, square = 0;
    for (int64_t c = 0; c < chains; c++) peak = fmax(peak, own->peak[c * data + datum]);
    for (int64_t c = 0; c < chains; c++) {
        int64_t row = c * data + datum;
        double factor = exp(own->peak[row] - peak), value = own->sum[row] * factor, away = value - mean;
        mean += away / (double)(c + 1);
        spread += away * (value - mean);
        sum += value;
        square += own->square[row] * factor * factor;
    }
    *log_p = -(peak + log(mean / (double)estimate->draws));
    *error = sqrt(spread / (double)(chains - 1) / (double)chains) / mean;
    *effective = sum * sum / square;
}

typedef struct task {
    elbo_posterior_estimate *estimate;
    const elbo_chains_rows *rows;
    const elbo_estimate_rows *out;
} task;

static elbo_status run_group(void *user, int number, const elbo_chains_group *group, elbo_error *error) {
    task *t = user;
    elbo_posterior_estimate *estimate = t->estimate;
    const elbo_hmc *hmc = &estimate->chains.worker[number].hmc;
    ELBO_TRY(burn_in(estimate, number, group, t->rows->z, error));
    ELBO_TRY(fit(estimate, number, group, error));
    ELBO_TRY(weigh(estimate, number, group, error));
    for (int64_t i = 0; i < group->count; i++) {
        int64_t at = group->first + i;
        conclude(estimate, &estimate->worker[number], i, &t->out->log_p[at], &t->out->error[at],
                 &t->out->effective[at]);
        t->out->acceptance[at] = elbo_hmc_acceptance(hmc, i);
        t->out->mixing[at] = mixing(estimate, &estimate->worker[number], i);
    }
    return ELBO_OK;
}

elbo_status elbo_posterior_estimate_run(elbo_posterior_estimate *estimate, const elbo_chains_rows *rows,
                                        const elbo_estimate_rows *out, elbo_work *work, elbo_error *error) {
    task t = {estimate, rows, out};
    return elbo_chains_run(&estimate->chains, rows, run_group, &t, work, error);
}
