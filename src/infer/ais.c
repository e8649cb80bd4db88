#include "infer/ais.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

/* The tuning chains take fewer temperatures: step sizes change slowly along the path. */
static int64_t stations_of(int64_t temperatures) {
    enum { FEWEST = 60, SHARE = 10 };
    return temperatures / SHARE > FEWEST ? temperatures / SHARE : FEWEST;
}

double elbo_ais_beta(elbo_ais_schedule schedule, double u) {
    static const double steepness = 4;
    if (schedule == ELBO_AIS_LINEAR || u <= 0 || u >= 1) return u;
    double low = 1 / (1 + exp(steepness)), here = 1 / (1 + exp(steepness * (1 - 2 * u)));
    return (here - low) / (1 - 2 * low);
}

int64_t elbo_ais_transitions(int64_t temperatures) { return stations_of(temperatures) + 1 + 2 * temperatures - 1; }

elbo_status elbo_ais_new(elbo_ais *ais, elbo_hmc *hmc, int64_t temperatures, elbo_ais_schedule schedule,
                         elbo_error *error) {
    memset(ais, 0, sizeof *ais);
    if (temperatures < 1)
        return elbo_fail(error, ELBO_ERROR_USAGE, "AIS: %lld temperatures; at least 1 was expected",
                         (long long)temperatures);
    ais->hmc = hmc;
    ais->schedule = schedule;
    ais->temperatures = temperatures;
    ais->stations = stations_of(temperatures);
    size_t bytes = sizeof *ais->log_step * (size_t)((ais->stations + 1) * hmc->groups);
    ais->log_step = elbo_calloc(bytes);
    return ais->log_step ? ELBO_OK : elbo_fail_memory(error, bytes, "step sizes");
}

void elbo_ais_clear(elbo_ais *ais) {
    elbo_free(ais->log_step);
    memset(ais, 0, sizeof *ais);
}

/* Puts the chains there and lets them draw from the beginning of a stream. */
static elbo_status begin(elbo_ais *ais, uint32_t stream, const float *z, uint32_t first_row, elbo_error *error) {
    ais->hmc->stream = stream;
    ais->hmc->step = 0;
    return elbo_hmc_place(ais->hmc, z, first_row, error);
}

elbo_status elbo_ais_tune(elbo_ais *ais, const float *z, uint32_t first_row, elbo_error *error) {
    elbo_hmc *hmc = ais->hmc;
    hmc->adaptations = 0;
    for (int64_t g = 0; g < hmc->groups; g++) hmc->log_step[g] = log(hmc->options.step_size);
    ELBO_TRY(begin(ais, ELBO_HMC_STREAM_TUNING, z, first_row, error));
    for (int64_t s = 0; s <= ais->stations; s++) {
        double beta = elbo_ais_beta(ais->schedule, (double)s / (double)ais->stations);
        ELBO_TRY(elbo_hmc_run(hmc, 1, beta, true, error));
        memcpy(ais->log_step + s * hmc->groups, hmc->log_step, sizeof *hmc->log_step * (size_t)hmc->groups);
    }
    return ELBO_OK;
}

/* Step sizes at u, between those of the two nearest stations. */
static void set_steps(elbo_ais *ais, double u) {
    double at = u * (double)ais->stations, below = fmin(floor(at), (double)ais->stations - 1), share = at - below;
    const double *low = ais->log_step + (int64_t)below * ais->hmc->groups, *high = low + ais->hmc->groups;
    for (int64_t g = 0; g < ais->hmc->groups; g++) ais->hmc->log_step[g] = (1 - share) * low[g] + share * high[g];
}

/* One transition at the t-th temperature. */
static elbo_status move(elbo_ais *ais, int64_t t, elbo_error *error) {
    double u = (double)t / (double)ais->temperatures;
    set_steps(ais, u);
    return elbo_hmc_run(ais->hmc, 1, elbo_ais_beta(ais->schedule, u), false, error);
}

static void weigh(const elbo_ais *ais, int64_t t, double *log_weight) {
    double count = (double)ais->temperatures;
    double step =
        elbo_ais_beta(ais->schedule, (double)t / count) - elbo_ais_beta(ais->schedule, (double)(t - 1) / count);
    for (int64_t row = 0; row < ais->hmc->rows; row++) log_weight[row] += step * (double)ais->hmc->log_likelihood[row];
}

elbo_status elbo_ais_forward(elbo_ais *ais, const float *z, uint32_t first_row, double *log_weight, elbo_error *error) {
    ELBO_TRY(begin(ais, ELBO_HMC_STREAM_FORWARD, z, first_row, error));
    memset(log_weight, 0, sizeof *log_weight * (size_t)ais->hmc->rows);
    for (int64_t t = 1; t <= ais->temperatures; t++) {
        weigh(ais, t, log_weight);
        ELBO_TRY(move(ais, t, error));
    }
    return ELBO_OK;
}

elbo_status elbo_ais_settle(elbo_ais *ais, const float *z, uint32_t first_row, int64_t transitions, elbo_error *error) {
    ELBO_TRY(begin(ais, ELBO_HMC_STREAM_SETTLING, z, first_row, error));
    set_steps(ais, 1);
    return elbo_hmc_run(ais->hmc, transitions, 1, false, error);
}

elbo_status elbo_ais_reverse(elbo_ais *ais, const float *z, uint32_t first_row, double *log_weight, elbo_error *error) {
    ELBO_TRY(begin(ais, ELBO_HMC_STREAM_REVERSE, z, first_row, error));
    memset(log_weight, 0, sizeof *log_weight * (size_t)ais->hmc->rows);
    for (int64_t t = ais->temperatures; t >= 1; t--) {
        weigh(ais, t, log_weight);
        if (t > 1) ELBO_TRY(move(ais, t - 1, error));
    }
    return ELBO_OK;
}
