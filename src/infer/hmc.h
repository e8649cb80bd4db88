/* Hamiltonian Monte Carlo (Duane et al. 1987; Neal 2011, "MCMC using Hamiltonian dynamics") over the codes of many data
 * and chains at once.
 *
 * It leaves pi(z) ~ p(z) p(x|z)^beta as it is. A transition draws a momentum p ~ N(0, I), follows
 * dz/dt = p, dp/dt = grad log pi(z) for some leapfrog steps of length e,
 *
 *   p += e/2 grad log pi(z);   z += e p;   p += e/2 grad log pi(z),
 *
 * and accepts where it ends with probability min(1, e^-dH), H = |p|^2 / 2 - log pi(z). The length of a chain's steps is
 * its step size times a uniform draw around 1 in each transition, so that no mode of a Gaussian is in step with the
 * trajectory. Each leapfrog step is one run of one plan, whatever the number of chains.
 *
 * Use: elbo_hmc_new once; then, as often as wanted, elbo_hmc_place (positions; the density there is worked out), any
 * number of elbo_hmc_run, and the new positions in hmc->z. Nothing is allocated between new and clear. Where parameters
 * of the model have changed, place again: what is kept of the density is out of date.
 *
 * Draws depend on (seed, stream, number of the transition, datum, chain), not on threads, nor on which data are
 * side by side. */
#ifndef ELBO_INFER_HMC_H
#define ELBO_INFER_HMC_H

#include "infer/hmc_target.h"

/* Streams of random numbers, below those of graphs. Callers that share a seed use streams of their own. */
enum {
    ELBO_HMC_STREAM_POSTERIOR = 100,
    ELBO_HMC_STREAM_TUNING,
    ELBO_HMC_STREAM_FORWARD,
    ELBO_HMC_STREAM_SETTLING,
    ELBO_HMC_STREAM_REVERSE
};

/* Zeroes stand for the values in brackets. */
typedef struct elbo_hmc_options {
    int64_t leapfrog;  /* steps of a transition [10] */
    double step_size;  /* at the start [0.5] */
    double acceptance; /* that step sizes are adapted to, between 0 and 1 [0.9] */
    double jitter;     /* a step is within 1 +- jitter of its size, below 1 [0.2]; negative: exactly its size */
    double gain;       /* of the adaptation, the same in every transition [t^-0.6 in the t-th adapting one] */
    bool shared;       /* one step size for all rows; else one for each datum, which its chains share */
    uint64_t seed;
    /* Called after each transition where it is not NULL; another status than ELBO_OK ends the run with it. */
    elbo_status (*after)(void *user, elbo_error *error);
    void *user;
} elbo_hmc_options;

/* The state of all chains. Positions and densities may be read; step sizes, stream and step may be set. */
typedef struct elbo_hmc {
    elbo_hmc_target target;
    elbo_hmc_options options;
    elbo_plan *plan; /* borrowed */
    int64_t rows, latent, groups;

    float *z;                                    /* positions: [rows, latent], rows as the target counts them */
    float *log_prior, *log_likelihood;           /* there: [rows] */
    float *prior_gradient, *likelihood_gradient; /* there: [rows, latent] */
    double *log_step;                            /* logarithms of the step sizes: [groups] */
    double *accepted;                            /* sum of acceptance probabilities since place: [rows] */
    int64_t transitions;                         /* since place */
    int64_t adaptations;                         /* since new, or since the caller set it to 0 */
    uint32_t first_row;                          /* number of the first datum in the whole data set */
    uint32_t stream, step;                       /* of the next transition */

    float *momentum; /* [rows, latent] */
    double *energy;  /* -log pi + |p|^2 / 2 where the transition begins: [rows] */
    float *length;   /* of a leapfrog step: [rows] */
    double *uniform; /* that decides: [rows] */
    double *rate;    /* [groups] */
} elbo_hmc;

/* plan: elbo_hmc_target_plan's, or any that fetches the target's four terms in f32; borrowed. Clear it also after a
 * failure. */
elbo_status elbo_hmc_new(elbo_hmc *hmc, const elbo_hmc_target *target, elbo_plan *plan, const elbo_hmc_options *options,
                         elbo_error *error);
void elbo_hmc_clear(elbo_hmc *hmc);

/* Puts the chains at z: [rows, latent] (which may be hmc->z). first_row: the number of the first datum. Feed the data
 * to the plan before. ELBO_ERROR_NUMERIC names a row whose density is zero or not a number there. */
elbo_status elbo_hmc_place(elbo_hmc *hmc, const float *z, uint32_t first_row, elbo_error *error);

/* So many transitions at a temperature beta. adapt: moves each step size after each transition,
 *   log e += gain (mean acceptance probability of its chains - the wanted one),
 * a stochastic approximation (Robbins and Monro 1951) whose gain falls as t^-0.6. The chains are exact only while it is
 * off: throw away what was drawn with it. */
elbo_status elbo_hmc_run(elbo_hmc *hmc, int64_t transitions, double beta, bool adapt, elbo_error *error);

/* Mean acceptance probability of the chains of a datum, or (datum < 0) of all, since place; NaN before a transition. */
double elbo_hmc_acceptance(const elbo_hmc *hmc, int64_t datum);

/* The parts of a transition, for tests: leapfrog steps of hmc->length from the position that is the plan's input and
 * hmc->momentum, where gradients are the plan's; and what they yield, H of a row. */
elbo_status elbo_hmc_leapfrog(elbo_hmc *hmc, int64_t steps, double beta, elbo_error *error);
double elbo_hmc_energy(const elbo_hmc *hmc, int64_t row, double beta);

#endif
