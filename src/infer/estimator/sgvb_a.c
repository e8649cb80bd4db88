/* Estimator A of Kingma and Welling 2013 (equation 6): the mean over draws of log w, reparameterised. */
#include "infer/kl.h"

static elbo_update bound(const elbo_estimate *e) {
    elbo_node *z = elbo_estimate_draws(e, false);
    return elbo_estimate_with_kl(e, z, elbo_estimate_sampled_kl(e, z));
}

const elbo_estimator_type elbo_estimator_sgvb_a = {.name = "a",
                                                   .description = "SGVB A: reparameterised, KL by the same draws",
                                                   .paper = "Kingma and Welling 2013, equation 6",
                                                   .reparameterised = true,
                                                   .free_bits = true,
                                                   .least_draws = 1,
                                                   .bound = bound};
