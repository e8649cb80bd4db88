#include "infer/hmc_target.h"

#include <string.h>

#include "graph/graph.h"

bool elbo_hmc_target_suits(const elbo_dist *prior) {
    if (!prior->type) return false;
    elbo_support support = prior->type->support;
    if (support == ELBO_SUPPORT_REAL || support == ELBO_SUPPORT_VECTOR) return true;
    elbo_graph_fail(prior->graph, ELBO_ERROR_UNSUPPORTED,
                    "Hamiltonian Monte Carlo moves through all real numbers; the codes of a %s prior are %s",
                    prior->type->name, elbo_support_text(support));
    return false;
}

/* d(sum of the rows)/dz: each row depends on its own z alone. */
static elbo_node *row_gradient(elbo_node *rows, elbo_node *z) {
    elbo_node *gradient = NULL;
    elbo_grad(elbo_sum_all(rows), &z, 1, &gradient);
    return gradient ? elbo_broadcast_to(gradient, elbo_node_shape(z)) : NULL;
}

void elbo_hmc_target_build(elbo_hmc_target *target, elbo_context *context, const elbo_model_type *model, elbo_node *x,
                           int64_t chains) {
    memset(target, 0, sizeof *target);
    target->data = elbo_node_shape(x).dim[0];
    target->chains = chains;
    target->latent = model->latent(context->options);
    elbo_shape rows = ELBO_SHAPE(chains, target->data);
    elbo_dist prior = model->prior(context, target->data);
    if (!elbo_hmc_target_suits(&prior)) return;
    target->z = elbo_input(context->builder.graph, "z", ELBO_F32, ELBO_SHAPE(chains, target->data, target->latent));
    elbo_dist likelihood = model->decode(context, target->z);
    if (!likelihood.type) return;
    target->log_prior = elbo_broadcast_to(elbo_dist_log_prob(&prior, target->z), rows);
    target->log_likelihood = elbo_broadcast_to(elbo_dist_log_prob(&likelihood, x), rows);
    target->prior_gradient = row_gradient(target->log_prior, target->z);
    target->likelihood_gradient = row_gradient(target->log_likelihood, target->z);
}

elbo_plan *elbo_hmc_target_plan(const elbo_hmc_target *target, elbo_precision precision, int threads,
                                elbo_error *error) {
    elbo_node *const fetch[] = {target->log_prior, target->log_likelihood, target->prior_gradient,
                                target->likelihood_gradient};
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = 4, .precision = precision, .threads = threads, .params_fixed = true};
    return elbo_plan_new(elbo_node_graph(target->z), &spec, error);
}
