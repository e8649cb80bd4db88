#include <math.h>
#include <string.h>

#include "graph/graph.h"
#include "infer/infer.h"

const elbo_estimator_type *elbo_estimator_find(const char *name, elbo_error *error) {
    char known[256] = "";
    for (size_t i = 0; elbo_registry_estimators[i]; i++) {
        if (strcmp(elbo_registry_estimators[i]->name, name) == 0) return elbo_registry_estimators[i];
        if (*known) strncat(known, ", ", sizeof known - strlen(known) - 1);
        strncat(known, elbo_registry_estimators[i]->name, sizeof known - strlen(known) - 1);
    }
    return elbo_fail_null(error, ELBO_ERROR_USAGE, "unknown estimator \"%s\"; this build has %s", name, known);
}

elbo_status elbo_estimator_check_draws(const elbo_estimator_type *type, int64_t draws, int64_t groups,
                                       elbo_error *error) {
    if (draws < type->least_draws)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--estimator %s compares draws: give --draws %d or more", type->name,
                         type->least_draws);
    if (type->option && strcmp(type->option, "groups") == 0 && draws % groups != 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--estimator %s: --draws %lld are all draws and cannot be split into --groups %lld of equal "
                         "size: give a multiple of %lld",
                         type->name, (long long)draws, (long long)groups, (long long)groups);
    return ELBO_OK;
}

elbo_update elbo_estimate_bound(elbo_estimate *estimate, const elbo_estimator_type *type) {
    if (!estimate->posterior.type) estimate->posterior = estimate->model->encode(estimate->context, estimate->x);
    estimate->prior = estimate->model->prior(estimate->context, elbo_node_shape(estimate->x).dim[0]);
    if (!estimate->posterior.type || !estimate->prior.type) return (elbo_update){.name = "bound"};
    elbo_update update = type->bound(estimate);
    update.name = "bound";
    return update;
}

elbo_node *elbo_estimate_draws(const elbo_estimate *estimate, bool axis) {
    elbo_scope_push(estimate->context->builder.graph, "posterior");
    elbo_node *z = elbo_dist_sample(&estimate->posterior, estimate->samples > 1 || axis ? estimate->samples : 0);
    elbo_scope_pop(estimate->context->builder.graph);
    return z;
}

elbo_terms elbo_estimate_terms(const elbo_estimate *estimate, const elbo_dist *posterior, elbo_node *z) {
    elbo_graph *graph = estimate->context->builder.graph;
    elbo_terms terms = {.z = z};
    elbo_dist likelihood = estimate->model->decode(estimate->context, z);
    if (!likelihood.type) return terms;
    elbo_scope_push(graph, "reconstruction");
    terms.log_likelihood = elbo_dist_log_prob(&likelihood, estimate->x);
    elbo_scope_pop(graph);
    elbo_scope_push(graph, "kl");
    terms.log_prior = elbo_dist_log_prob(&estimate->prior, z);
    terms.log_posterior = elbo_dist_log_prob(posterior, z);
    elbo_scope_pop(graph);
    return terms;
}

elbo_dist elbo_estimate_stopped(const elbo_estimate *estimate) {
    elbo_dist stopped = estimate->posterior;
    for (int k = 0; k < ELBO_DIST_PARAMETERS && stopped.parameter[k]; k++) {
        double value; /* constants stay what they are: some types read them while the graph is built */
        if (!elbo_node_constant(stopped.parameter[k], &value))
            stopped.parameter[k] = elbo_stop_gradient(stopped.parameter[k]);
    }
    return stopped;
}

elbo_node *elbo_estimate_log_weight(const elbo_estimate *estimate, const elbo_terms *terms) {
    elbo_node *rest = elbo_sub(terms->log_prior, terms->log_posterior);
    return elbo_add(terms->log_likelihood, elbo_mul(estimate->weights->kl, rest));
}

elbo_update elbo_estimate_report(const elbo_terms *terms) {
    elbo_update update = {.reconstruction = elbo_neg(elbo_mean_all(terms->log_likelihood)),
                          .kl = elbo_mean_all(elbo_sub(terms->log_posterior, terms->log_prior))};
    update.loss = elbo_add(update.reconstruction, update.kl);
    return update;
}

elbo_update elbo_estimate_report_weighted(const elbo_estimate *estimate, const elbo_terms *terms) {
    elbo_node *log_weight = elbo_add(terms->log_likelihood, elbo_sub(terms->log_prior, terms->log_posterior));
    elbo_node *bound = elbo_logsumexp(log_weight, 0, 0, false);
    elbo_update update = {.reconstruction = elbo_neg(elbo_mean_all(terms->log_likelihood)),
                          .loss = elbo_shift(elbo_neg(elbo_mean_all(bound)), log((double)estimate->samples))};
    update.kl = elbo_sub(update.loss, update.reconstruction);
    return update;
}
