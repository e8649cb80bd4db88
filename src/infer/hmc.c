#include "infer/hmc.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "graph/plan.h"

/* ---- making ---- */

static elbo_hmc_options completed(const elbo_hmc_options *options) {
    elbo_hmc_options full = *options;
    if (full.leapfrog == 0) full.leapfrog = 10;
    if (full.step_size == 0) full.step_size = 0.5;
    if (full.acceptance == 0) full.acceptance = 0.9;
    if (full.jitter == 0) full.jitter = 0.2;
    if (full.jitter < 0) full.jitter = 0;
    return full;
}

static elbo_status check(const elbo_hmc_options *options, const elbo_plan *plan, elbo_error *error) {
    if (options->leapfrog < 1)
        return elbo_fail(error, ELBO_ERROR_USAGE, "HMC: %lld leapfrog steps; at least 1 was expected",
                         (long long)options->leapfrog);
    if (!(options->step_size > 0 && isfinite(options->step_size)))
        return elbo_fail(error, ELBO_ERROR_USAGE, "HMC: a step size of %g; a positive number was expected",
                         options->step_size);
    if (!(options->acceptance > 0 && options->acceptance < 1))
        return elbo_fail(error, ELBO_ERROR_USAGE, "HMC: an acceptance rate of %g; one between 0 and 1 was expected",
                         options->acceptance);
    if (!(options->jitter < 1 && options->gain >= 0))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "HMC: a jitter of %g and a gain of %g; below 1, and from 0 up, were expected", options->jitter,
                         options->gain);
    if (plan->precision == ELBO_PRECISION_F64)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "HMC: an f64 plan; positions are f32");
    return ELBO_OK;
}

static elbo_status allocate(elbo_hmc *hmc, elbo_error *error) {
    size_t rows = (size_t)hmc->rows, numbers = rows * (size_t)hmc->latent, groups = (size_t)hmc->groups;
    float **wide[] = {&hmc->z, &hmc->prior_gradient, &hmc->likelihood_gradient, &hmc->momentum};
    float **single[] = {&hmc->log_prior, &hmc->log_likelihood, &hmc->length};
    double **doubles[] = {&hmc->accepted, &hmc->energy, &hmc->uniform};
    bool all = true;
    for (size_t i = 0; i < sizeof wide / sizeof *wide; i++)
        all = (*wide[i] = elbo_calloc(sizeof(float) * numbers)) && all;
    for (size_t i = 0; i < sizeof single / sizeof *single; i++)
        all = (*single[i] = elbo_calloc(sizeof(float) * rows)) && all;
    for (size_t i = 0; i < sizeof doubles / sizeof *doubles; i++)
        all = (*doubles[i] = elbo_calloc(sizeof(double) * rows)) && all;
    hmc->log_step = elbo_calloc(sizeof(double) * groups);
    hmc->rate = elbo_calloc(sizeof(double) * groups);
    if (!all || !hmc->log_step || !hmc->rate)
        return elbo_fail_memory(error, sizeof(float) * 4 * numbers, "Hamiltonian Monte Carlo");
    return ELBO_OK;
}

elbo_status elbo_hmc_new(elbo_hmc *hmc, const elbo_hmc_target *target, elbo_plan *plan, const elbo_hmc_options *options,
                         elbo_error *error) {
    memset(hmc, 0, sizeof *hmc);
    hmc->target = *target;
    hmc->options = completed(options);
    hmc->plan = plan;
    hmc->rows = target->data * target->chains;
    hmc->latent = target->latent;
    hmc->groups = options->shared ? 1 : target->data;
    hmc->stream = ELBO_HMC_STREAM_POSTERIOR;
    ELBO_TRY(check(&hmc->options, plan, error));
    ELBO_TRY(allocate(hmc, error));
    for (int64_t g = 0; g < hmc->groups; g++) hmc->log_step[g] = log(hmc->options.step_size);
    return ELBO_OK;
}

void elbo_hmc_clear(elbo_hmc *hmc) {
    void *const blocks[] = {hmc->z,        hmc->log_prior, hmc->log_likelihood, hmc->prior_gradient,
                            hmc->accepted, hmc->momentum,  hmc->energy,         hmc->likelihood_gradient,
                            hmc->length,   hmc->uniform,   hmc->log_step,       hmc->rate};
    for (size_t i = 0; i < sizeof blocks / sizeof *blocks; i++) elbo_free(blocks[i]);
    memset(hmc, 0, sizeof *hmc);
}

/* ---- the density ---- */

/* What the plan yields at its input. */
typedef struct terms {
    const float *log_prior, *log_likelihood, *prior_gradient, *likelihood_gradient;
} terms;

static terms terms_of(const elbo_hmc *hmc) {
    return (terms){elbo_plan_value(hmc->plan, hmc->target.log_prior),
                   elbo_plan_value(hmc->plan, hmc->target.log_likelihood),
                   elbo_plan_value(hmc->plan, hmc->target.prior_gradient),
                   elbo_plan_value(hmc->plan, hmc->target.likelihood_gradient)};
}

/* Makes the plan's position of a row the chain's. */
static void keep(elbo_hmc *hmc, const float *z, const terms *at, int64_t row) {
    size_t bytes = sizeof(float) * (size_t)hmc->latent;
    int64_t first = row * hmc->latent;
    memcpy(hmc->z + first, z + first, bytes);
    memcpy(hmc->prior_gradient + first, at->prior_gradient + first, bytes);
    memcpy(hmc->likelihood_gradient + first, at->likelihood_gradient + first, bytes);
    hmc->log_prior[row] = at->log_prior[row];
    hmc->log_likelihood[row] = at->log_likelihood[row];
}

elbo_status elbo_hmc_place(elbo_hmc *hmc, const float *z, uint32_t first_row, elbo_error *error) {
    float *input = elbo_plan_input(hmc->plan, hmc->target.z);
    memcpy(input, z, sizeof *input * (size_t)(hmc->rows * hmc->latent));
    ELBO_TRY(elbo_plan_run(hmc->plan, NULL, error));
    terms at = terms_of(hmc);
    hmc->first_row = first_row;
    hmc->transitions = 0;
    for (int64_t row = 0; row < hmc->rows; row++) {
        hmc->accepted[row] = 0;
        keep(hmc, input, &at, row);
        if (isfinite(at.log_prior[row]) && isfinite(at.log_likelihood[row])) continue;
        return elbo_fail(
            error, ELBO_ERROR_NUMERIC, "row %lld: HMC cannot start where log p(z) is %g and log p(x|z) is %g",
            (long long)(first_row + row % hmc->target.data), (double)at.log_prior[row], (double)at.log_likelihood[row]);
    }
    return ELBO_OK;
}

/* ---- a transition ---- */

static double unit_interval(uint32_t bits) { return ((double)(bits >> 9) + 0.5) * 0x1p-23; }

/* Two standard normals of two words (Box and Muller). */
static void normal_pair(const uint32_t *word, double out[2]) {
    double radius = sqrt(-2 * log(unit_interval(word[0]))), angle = 6.283185307179586476925 * unit_interval(word[1]);
    out[0] = radius * cos(angle);
    out[1] = radius * sin(angle);
}

/* The momentum, the length of the steps and the decision of one chain, from a run of blocks of its own. */
static void draw_row(elbo_hmc *hmc, int64_t row) {
    elbo_rng rng = {hmc->options.seed, hmc->stream, hmc->step};
    int64_t datum = row % hmc->target.data, chain = row / hmc->target.data, blocks = (hmc->latent + 3) / 4 + 1;
    uint32_t number = hmc->first_row + (uint32_t)datum, block = (uint32_t)(chain * blocks), word[4];
    float *momentum = hmc->momentum + row * hmc->latent;
    double square = 0;
    for (int64_t first = 0; first < hmc->latent; first += 4) {
        double normal[4];
        elbo_rng_block(&rng, number, block++, word);
        normal_pair(word, normal);
        normal_pair(word + 2, normal + 2);
        for (int64_t d = first; d < hmc->latent && d < first + 4; d++) {
            momentum[d] = (float)normal[d - first];
            square += (double)momentum[d] * (double)momentum[d];
        }
    }
    elbo_rng_block(&rng, number, block, word);
    double away = hmc->options.jitter * (2 * unit_interval(word[1]) - 1);
    hmc->uniform[row] = unit_interval(word[0]);
    hmc->length[row] = (float)(exp(hmc->log_step[datum % hmc->groups]) * (1 + away));
    hmc->energy[row] = square / 2;
}

/* p += share length grad log pi for every row. */
static void kick(elbo_hmc *hmc, const float *prior, const float *likelihood, double share, double beta) {
    float weight = (float)beta;
    for (int64_t row = 0; row < hmc->rows; row++) {
        float step = (float)share * hmc->length[row];
        for (int64_t i = row * hmc->latent, end = i + hmc->latent; i < end; i++)
            hmc->momentum[i] += step * (prior[i] + weight * likelihood[i]);
    }
}

static void drift(const elbo_hmc *hmc, float *z) {
    for (int64_t row = 0; row < hmc->rows; row++)
        for (int64_t i = row * hmc->latent, end = i + hmc->latent; i < end; i++)
            z[i] += hmc->length[row] * hmc->momentum[i];
}

/* From a position whose gradients are given; two half kicks between drifts are one. */
static elbo_status follow(elbo_hmc *hmc, const float *prior, const float *likelihood, int64_t steps, double beta,
                          elbo_error *error) {
    float *z = elbo_plan_input(hmc->plan, hmc->target.z);
    kick(hmc, prior, likelihood, 0.5, beta);
    for (int64_t s = 0; s < steps; s++) {
        drift(hmc, z);
        ELBO_TRY(elbo_plan_run(hmc->plan, NULL, error));
        terms at = terms_of(hmc);
        kick(hmc, at.prior_gradient, at.likelihood_gradient, s + 1 < steps ? 1 : 0.5, beta);
    }
    return ELBO_OK;
}

elbo_status elbo_hmc_leapfrog(elbo_hmc *hmc, int64_t steps, double beta, elbo_error *error) {
    terms at = terms_of(hmc);
    return follow(hmc, at.prior_gradient, at.likelihood_gradient, steps, beta, error);
}

double elbo_hmc_energy(const elbo_hmc *hmc, int64_t row, double beta) {
    terms at = terms_of(hmc);
    double square = 0;
    for (int64_t i = row * hmc->latent, end = i + hmc->latent; i < end; i++)
        square += (double)hmc->momentum[i] * (double)hmc->momentum[i];
    return square / 2 - (double)at.log_prior[row] - beta * (double)at.log_likelihood[row];
}

/* Probability that the end of the trajectory is accepted; what is not a number never is. */
static double acceptance(const elbo_hmc *hmc, int64_t row, double beta) {
    double gain = hmc->energy[row] - elbo_hmc_energy(hmc, row, beta);
    return gain >= 0 ? 1 : gain < 0 ? exp(gain) : 0;
}

static void decide(elbo_hmc *hmc, double beta) {
    const float *z = elbo_plan_input(hmc->plan, hmc->target.z);
    terms at = terms_of(hmc);
    for (int64_t g = 0; g < hmc->groups; g++) hmc->rate[g] = 0;
    for (int64_t row = 0; row < hmc->rows; row++) {
        double probability = acceptance(hmc, row, beta);
        hmc->accepted[row] += probability;
        hmc->rate[row % hmc->target.data % hmc->groups] += probability;
        if (hmc->uniform[row] < probability) keep(hmc, z, &at, row);
    }
}

static void adapt_steps(elbo_hmc *hmc) {
    double gain = hmc->options.gain, each = (double)hmc->groups / (double)hmc->rows;
    hmc->adaptations++;
    if (gain == 0) gain = pow((double)hmc->adaptations, -0.6);
    for (int64_t g = 0; g < hmc->groups; g++) {
        double next = hmc->log_step[g] + gain * (hmc->rate[g] * each - hmc->options.acceptance);
        hmc->log_step[g] = fmin(fmax(next, -40), 40); /* far from what overflows */
    }
}

elbo_status elbo_hmc_run(elbo_hmc *hmc, int64_t transitions, double beta, bool adapt, elbo_error *error) {
    float *z = elbo_plan_input(hmc->plan, hmc->target.z);
    for (int64_t t = 0; t < transitions; t++) {
        for (int64_t row = 0; row < hmc->rows; row++) {
            draw_row(hmc, row);
            hmc->energy[row] -= (double)hmc->log_prior[row] + beta * (double)hmc->log_likelihood[row];
        }
        memcpy(z, hmc->z, sizeof *z * (size_t)(hmc->rows * hmc->latent));
        ELBO_TRY(follow(hmc, hmc->prior_gradient, hmc->likelihood_gradient, hmc->options.leapfrog, beta, error));
        decide(hmc, beta);
        if (adapt) adapt_steps(hmc);
        hmc->transitions++;
        hmc->step++;
        if (hmc->options.after) ELBO_TRY(hmc->options.after(hmc->options.user, error));
    }
    return ELBO_OK;
}

double elbo_hmc_acceptance(const elbo_hmc *hmc, int64_t datum) {
    double sum = 0;
    int64_t data = hmc->target.data, count = 0;
    for (int64_t row = 0; row < hmc->rows; row++) {
        if (datum >= 0 && row % data != datum) continue;
        sum += hmc->accepted[row];
        count += hmc->transitions;
    }
    return count > 0 ? sum / (double)count : NAN;
}
