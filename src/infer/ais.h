/* Annealed importance sampling (Neal 2001) from the prior to the posterior, with Hamiltonian Monte Carlo in between
 * (Sohl-Dickstein and Culpepper 2012; Wu et al. 2017).
 *
 * Along 0 = b_0 < ... < b_T = 1 the chain goes through f_t(z) = p(z) p(x|z)^b_t:
 *
 *   forward   z_0 ~ p(z), z_t from z_(t-1) by a transition that leaves f_t as it is,
 *             log w = sum_t (b_t - b_(t-1)) log p(x|z_(t-1)),        E[w] = p(x);
 *   reverse   z_T ~ p(z|x), z_(t-1) from z_t by a transition that leaves f_(t-1) as it is,
 *             log w = sum_t (b_t - b_(t-1)) log p(x|z_t),            E[1/w] = 1 / p(x).
 *
 * So the forward mean of w is a lower bound of log p(x) in expectation, and the reverse harmonic mean an upper one
 * (bidirectional Monte Carlo: Grosse et al. 2015). Both hold only if no transition depends on what the chains did
 * before: step sizes come from chains of their own (elbo_ais_tune), which are then thrown away. */
#ifndef ELBO_INFER_AIS_H
#define ELBO_INFER_AIS_H

#include "infer/hmc.h"

typedef enum elbo_ais_schedule {
    ELBO_AIS_SIGMOID, /* b = (s(d(2u - 1)) - s(-d)) / (s(d) - s(-d)), d = 4, u = t/T: dense at both ends */
    ELBO_AIS_LINEAR   /* b = u */
} elbo_ais_schedule;

typedef struct elbo_ais {
    elbo_hmc *hmc; /* borrowed */
    elbo_ais_schedule schedule;
    int64_t temperatures; /* T */
    int64_t stations;     /* of the tuning chains */
    double *log_step;     /* that they found: [stations + 1, groups] */
} elbo_ais;

/* b at u from 0 to 1. */
double elbo_ais_beta(elbo_ais_schedule schedule, double u);
/* Transitions of elbo_ais_tune, elbo_ais_forward and elbo_ais_reverse together. */
int64_t elbo_ais_transitions(int64_t temperatures);

/* hmc: with the gain of its options set for tuning, see ELBO_AIS_GAIN. Clear it also after a failure. */
#define ELBO_AIS_GAIN 0.2
elbo_status elbo_ais_new(elbo_ais *ais, elbo_hmc *hmc, int64_t temperatures, elbo_ais_schedule schedule,
                         elbo_error *error);
void elbo_ais_clear(elbo_ais *ais);

/* Finds step sizes for every temperature, from draws z of the prior: [rows, latent]. */
elbo_status elbo_ais_tune(elbo_ais *ais, const float *z, uint32_t first_row, elbo_error *error);
/* From draws of the prior; log_weight: [rows]. hmc->z ends near the posterior. */
elbo_status elbo_ais_forward(elbo_ais *ais, const float *z, uint32_t first_row, double *log_weight, elbo_error *error);
/* Transitions at the posterior that move z away from where it is, without tuning. */
elbo_status elbo_ais_settle(elbo_ais *ais, const float *z, uint32_t first_row, int64_t transitions, elbo_error *error);
/* From draws of the posterior. */
elbo_status elbo_ais_reverse(elbo_ais *ais, const float *z, uint32_t first_row, double *log_weight, elbo_error *error);

#endif
