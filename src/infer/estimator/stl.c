/* Sticking the landing (Roeder, Wu and Duvenaud 2017): estimator A without the score of q. The gradient reaches q's
 * parameters through the draws alone; what is left out has mean zero, and where q is the exact posterior nothing is
 * left to vary. */
#include "infer/infer.h"

static elbo_update bound(const elbo_estimate *e) {
    elbo_dist stopped = elbo_estimate_stopped(e);
    elbo_terms terms = elbo_estimate_terms(e, &stopped, elbo_estimate_draws(e, false));
    elbo_update update = elbo_estimate_report(&terms);
    update.objective = elbo_add(update.reconstruction, elbo_mul(e->weights->kl, update.kl));
    return update;
}

const elbo_estimator_type elbo_estimator_stl = {
    .name = "stl",
    .description = "sticking the landing: SGVB A without the score of q, whose noise vanishes at the exact posterior",
    .paper = "Roeder, Wu and Duvenaud 2017, arXiv:1703.09194",
    .reparameterised = true,
    .least_draws = 1,
    .bound = bound};
