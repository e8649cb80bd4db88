/* CIWAE (Rainforth et al. 2018, section 5): beta ELBO + (1 - beta) importance-weighted bound, from the same K draws. */
#include <math.h>

#include "infer/infer.h"

/* log_weight: [K, B] -> scalar. */
static elbo_node *combine(const elbo_estimate *e, elbo_node *log_weight) {
    elbo_node *weighted = elbo_mean_all(elbo_logsumexp(log_weight, 0, 0, false));
    return elbo_add(elbo_scale(elbo_mean_all(log_weight), e->share),
                    elbo_scale(elbo_shift(weighted, -log((double)e->samples)), 1 - e->share));
}

static elbo_update bound(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_estimate_draws(e, true));
    elbo_node *rest = elbo_sub(terms.log_prior, terms.log_posterior);
    elbo_update update = {.reconstruction = elbo_neg(elbo_mean_all(terms.log_likelihood)),
                          .loss = elbo_neg(combine(e, elbo_add(terms.log_likelihood, rest)))};
    update.kl = elbo_sub(update.loss, update.reconstruction);
    update.objective = elbo_neg(combine(e, elbo_estimate_log_weight(e, &terms)));
    return update;
}

const elbo_estimator_type elbo_estimator_ciwae = {
    .name = "ciwae",
    .description = "--share times the ELBO and the rest the importance-weighted bound of --draws; the loss is that sum",
    .paper = "Rainforth et al. 2018, arXiv:1802.04537",
    .reparameterised = true,
    .weighted = true,
    .mixed = true,
    .option = "share",
    .least_draws = 1,
    .bound = bound};
