/* The posterior of a model as Hamiltonian Monte Carlo needs it: the two terms of log p(z) + beta log p(x|z) and their
 * gradients with respect to z, for many chains at once. The terms stay apart so that another temperature beta needs no
 * evaluation of its own. */
#ifndef ELBO_INFER_HMC_TARGET_H
#define ELBO_INFER_HMC_TARGET_H

#include "models/model.h"

/* Chains are the slow axis, so that data [data, size] broadcast over them: chain c of datum i is row c data + i. */
typedef struct elbo_hmc_target {
    int64_t data, chains, latent;
    elbo_node *z;                                    /* input: [chains, data, latent] */
    elbo_node *log_prior, *log_likelihood;           /* [chains, data] */
    elbo_node *prior_gradient, *likelihood_gradient; /* [chains, data, latent] */
} elbo_hmc_target;

/* Builds the terms in the context's graph. x: [data, size], in the model's own values. A prior that is discrete or
 * bounded is an error in the graph that names it: leapfrog steps leave its support. */
void elbo_hmc_target_build(elbo_hmc_target *target, elbo_context *context, const elbo_model_type *model, elbo_node *x,
                           int64_t chains);
/* Whether z may be any vector of real numbers; otherwise an error in the graph. */
bool elbo_hmc_target_suits(const elbo_dist *prior);

/* A plan that yields the four terms; NULL on failure. The caller feeds x, frees the plan, and keeps the graph alive
 * for as long. */
elbo_plan *elbo_hmc_target_plan(const elbo_hmc_target *target, elbo_precision precision, int threads,
                                elbo_error *error);

#endif
