/* PIWAE (Rainforth et al. 2018, section 5): prior and decoder follow the importance-weighted bound of all T draws, the
 * encoder the mean of the bounds of M groups (miwae.c).
 *
 * One forward pass serves both. With z taken as given, and log q(z|x) as a constant, the gradient of the first bound
 * reaches prior and decoder alone. The second one's is sum w~_mk d log w_mk / M, w~ = softmax within a group, of which
 * the encoder's part goes through z and through q's own parameters:
 *
 *   w~ d log p(x, z)/dz . dz/dphi  -  w~ d log q(z(phi)|x; phi)/dphi. */
#include "graph/graph.h"
#include "infer/groups.h"

static elbo_node *encoder(const elbo_estimate *e, const elbo_terms *terms, elbo_node *log_weight, elbo_node *draws,
                          elbo_node *log_posterior) {
    elbo_shape shape = elbo_node_shape(log_weight);
    double share = 1 / (double)(e->groups * shape.dim[1]);
    elbo_node *weight = elbo_reshape(elbo_softmax(elbo_estimate_grouped(e, log_weight), 1), shape), *slope;
    weight = elbo_stop_gradient(elbo_scale(weight, share));
    elbo_node *joint = elbo_add(terms->log_likelihood, elbo_mul(e->weights->kl, terms->log_prior));
    elbo_node *along = elbo_sum_all(elbo_mul(weight, joint));
    elbo_grad(along, &terms->z, 1, &slope);
    elbo_node *score = elbo_mul(e->weights->kl, elbo_sum_all(elbo_mul(weight, log_posterior)));
    return elbo_sub(elbo_sum_all(elbo_mul(elbo_stop_gradient(slope), draws)), score);
}

static elbo_update bound(const elbo_estimate *e) {
    elbo_node *draws = elbo_estimate_draws(e, true);
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_stop_gradient(draws));
    elbo_scope_push(e->context->builder.graph, "kl");
    elbo_node *log_posterior = elbo_dist_log_prob(&e->posterior, draws);
    elbo_scope_pop(e->context->builder.graph);
    terms.log_posterior = elbo_stop_gradient(log_posterior);
    elbo_update update = elbo_estimate_report_weighted(e, &terms);
    elbo_node *log_weight = elbo_estimate_log_weight(e, &terms);
    if (!log_weight) return update;
    elbo_node *theta = elbo_mean_all(elbo_logsumexp(log_weight, 0, 0, false));
    update.objective = elbo_neg(elbo_add(theta, encoder(e, &terms, log_weight, draws, log_posterior)));
    return update;
}

const elbo_estimator_type elbo_estimator_piwae = {
    .name = "piwae",
    .description =
        "the decoder by the bound of all --draws, which is the loss, the encoder by those of --groups M groups",
    .paper = "Rainforth et al. 2018, arXiv:1802.04537",
    .reparameterised = true,
    .weighted = true,
    .mixed = true,
    .option = "groups",
    .least_draws = 1,
    .bound = bound};
