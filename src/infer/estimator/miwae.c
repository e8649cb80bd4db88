/* MIWAE (Rainforth et al. 2018, section 5): T draws in M groups of K = T / M, and the mean of the groups' bounds,
 *
 *   1/M sum_m log 1/K sum_k w_mk.
 *
 * The signal of the encoder's gradient falls as K grows and its noise as M does. */
#include "infer/groups.h"

static elbo_update bound(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_estimate_draws(e, true));
    elbo_node *rest = elbo_sub(terms.log_prior, terms.log_posterior);
    elbo_update update = {.reconstruction = elbo_neg(elbo_mean_all(terms.log_likelihood)),
                          .loss = elbo_neg(elbo_estimate_group_bound(e, elbo_add(terms.log_likelihood, rest)))};
    update.kl = elbo_sub(update.loss, update.reconstruction);
    update.objective = elbo_neg(elbo_estimate_group_bound(e, elbo_estimate_log_weight(e, &terms)));
    return update;
}

const elbo_estimator_type elbo_estimator_miwae = {
    .name = "miwae",
    .description =
        "--draws in --groups M groups: the mean of the groups' importance-weighted bounds, which is the loss",
    .paper = "Rainforth et al. 2018, arXiv:1802.04537",
    .reparameterised = true,
    .weighted = true,
    .option = "groups",
    .least_draws = 1,
    .bound = bound};
