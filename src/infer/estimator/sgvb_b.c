/* Estimator B of Kingma and Welling 2013 (equation 7): the reconstruction by draws, the KL in closed form. Where the
 * pair of posterior and prior has no closed KL, it is log q - log p at the draws, as in estimator A. */
#include "infer/kl.h"

static elbo_update bound(const elbo_estimate *e) {
    elbo_node *z = elbo_estimate_draws(e, false);
    elbo_node *closed = elbo_dist_kl_elements(&e->posterior, &e->prior);
    return elbo_estimate_with_kl(e, z, closed ? closed : elbo_estimate_sampled_kl(e, z));
}

const elbo_estimator_type elbo_estimator_sgvb_b = {
    .name = "b",
    .description = "SGVB B: reparameterised, closed KL where the pair of posterior and prior has one",
    .paper = "Kingma and Welling 2013, equation 7",
    .reparameterised = true,
    .free_bits = true,
    .least_draws = 1,
    .bound = bound};
