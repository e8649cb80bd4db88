/* Annealed importance sampling in both directions for the data of an evaluation. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/estimate.h"

/* Steps of the runs that draw from the prior: far from those of the bound (0), of importance sampling (1, 2, ...) and
 * of simulated data (the last). */
enum { STEP_TUNING = INT32_MAX - 1, STEP_FORWARD = INT32_MAX };

double elbo_annealing_estimate_cost(const elbo_estimate_options *options) {
    return (double)(elbo_ais_transitions(options->temperatures) + options->burn_in) *
           elbo_chains_cost(options->chains, options->leapfrog);
}

elbo_status elbo_annealing_estimate_new(elbo_annealing_estimate *estimate, const elbo_instance *instance, int64_t batch,
                                        const elbo_estimate_options *options, elbo_precision precision, int threads,
                                        elbo_error *error) {
    memset(estimate, 0, sizeof *estimate);
    estimate->options = *options;
    elbo_hmc_options hmc = {
        .leapfrog = options->leapfrog, .acceptance = options->acceptance, .gain = ELBO_AIS_GAIN, .seed = options->seed};
    elbo_chains *chains = &estimate->chains;
    ELBO_TRY(elbo_chains_new(chains, instance, batch, options->chains, &hmc, precision, threads, error));
    estimate->worker = elbo_calloc(sizeof *estimate->worker * (size_t)chains->workers);
    if (!estimate->worker) return elbo_fail_memory(error, 0, "an estimate");
    for (int w = 0; w < chains->workers; w++) {
        size_t bytes = sizeof(double) * (size_t)(chains->data * chains->chains);
        estimate->worker[w].log_weight = elbo_calloc(bytes);
        if (!estimate->worker[w].log_weight) return elbo_fail_memory(error, bytes, "weights");
        ELBO_TRY(elbo_ais_new(&estimate->worker[w].ais, &chains->worker[w].hmc, options->temperatures,
                              options->schedule, error));
    }
    return ELBO_OK;
}

void elbo_annealing_estimate_clear(elbo_annealing_estimate *estimate) {
    for (int w = 0; estimate->worker && w < estimate->chains.workers; w++) {
        elbo_ais_clear(&estimate->worker[w].ais);
        elbo_free(estimate->worker[w].log_weight);
    }
    elbo_free(estimate->worker);
    elbo_chains_clear(&estimate->chains);
    memset(estimate, 0, sizeof *estimate);
}

bool elbo_log_mean(const double *value, int64_t count, int64_t stride, double sign, double *mean, double *error,
                   double *effective) {
    double peak = -INFINITY, sum = 0, square = 0;
    for (int64_t i = 0; i < count; i++) {
        if (!(sign * value[i * stride] < INFINITY)) return false;
        peak = fmax(peak, sign * value[i * stride]);
    }
    if (peak == -INFINITY) return false;
    for (int64_t i = 0; i < count; i++) {
        double weight = exp(sign * value[i * stride] - peak);
        sum += weight;
        square += weight * weight;
    }
    *mean = peak + log(sum / (double)count);
    *effective = sum * sum / square;
    /* var(log mean w) ~ var(w) / (n E[w]^2), the variance with n - 1 in its denominator */
    *error = count > 1 ? sqrt(fmax(0, (double)count / *effective - 1) / (double)(count - 1)) : NAN;
    return true;
}

typedef struct task {
    elbo_annealing_estimate *estimate;
    const elbo_chains_rows *rows;
    const elbo_estimate_rows *out;
} task;

/* sign 1: log p = log mean w; -1: log p = -log mean 1/w. */
static elbo_status conclude(const task *t, const double *log_weight, const elbo_chains_group *group, double sign,
                            double *log_p, double *deviation, double *effective, elbo_error *error) {
    const elbo_chains *chains = &t->estimate->chains;
    for (int64_t i = 0; i < group->count; i++) {
        double mean, count;
        int64_t at = group->first + i;
        if (!elbo_log_mean(log_weight + i, chains->chains, chains->data, sign, &mean, &deviation[at], &count))
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "likelihood of row %lld by AIS: a weight is not a finite number",
                             (long long)(group->first_row + i));
        log_p[at] = sign * mean;
        if (effective) effective[at] = count;
    }
    return ELBO_OK;
}

static elbo_status run_group(void *user, int number, const elbo_chains_group *group, elbo_error *error) {
    task *t = user;
    const elbo_chains *chains = &t->estimate->chains;
    elbo_chains_worker *worker = &chains->worker[number];
    struct annealing_worker *own = &t->estimate->worker[number];
    const elbo_estimate_rows *out = t->out;
    ELBO_TRY(elbo_chains_draw(chains, number, group, STEP_TUNING, error));
    ELBO_TRY(elbo_ais_tune(&own->ais, worker->z, group->first_row, error));
    ELBO_TRY(elbo_chains_draw(chains, number, group, STEP_FORWARD, error));
    ELBO_TRY(elbo_ais_forward(&own->ais, worker->z, group->first_row, own->log_weight, error));
    for (int64_t i = 0; i < group->count; i++) out->acceptance[group->first + i] = elbo_hmc_acceptance(&worker->hmc, i);
    ELBO_TRY(conclude(t, own->log_weight, group, 1, out->log_p, out->error, out->effective, error));
    const float *start = worker->hmc.z;
    if (t->estimate->options.exact) {
        elbo_chains_spread(chains, number, group, t->rows->z);
        start = worker->z;
    }
    ELBO_TRY(elbo_ais_settle(&own->ais, start, group->first_row, t->estimate->options.burn_in, error));
    ELBO_TRY(elbo_ais_reverse(&own->ais, worker->hmc.z, group->first_row, own->log_weight, error));
    return conclude(t, own->log_weight, group, -1, out->reverse_log_p, out->reverse_error, NULL, error);
}

elbo_status elbo_annealing_estimate_run(elbo_annealing_estimate *estimate, const elbo_chains_rows *rows,
                                        const elbo_estimate_rows *out, elbo_work *work, elbo_error *error) {
    task t = {estimate, rows, out};
    return elbo_chains_run(&estimate->chains, rows, run_group, &t, work, error);
}
