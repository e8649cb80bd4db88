#include "eval/bound.h"

#include <string.h>

#include "eval/posterior.h"
#include "graph/graph.h"

static elbo_node *kl_elements(const elbo_dist *posterior, const elbo_dist *prior, elbo_node *z) {
    elbo_node *elements = elbo_dist_kl_elements(posterior, prior);
    return elements ? elements : elbo_sub(posterior->type->log_prob(posterior, z), prior->type->log_prob(prior, z));
}

static void build(elbo_bound *bound, const elbo_instance *instance) {
    elbo_context context = elbo_instance_context(instance, bound->graph, false);
    bound->raw = elbo_instance_raw(instance, bound->graph, bound->rows);
    bound->x = elbo_instance_x(instance, bound->raw, true);
    bound->posterior = instance->type->encode(&context, bound->x);
    if (!bound->posterior.type) return;
    elbo_posterior_spread(&bound->posterior);
    bound->z = elbo_dist_sample(&bound->posterior, 0);
    bound->mean = bound->posterior.type->mean(&bound->posterior);
    elbo_dist likelihood = instance->type->decode(&context, bound->z);
    elbo_dist prior = instance->type->prior(&context, bound->rows);
    if (!likelihood.type || !prior.type) return;
    bound->reconstruction = elbo_neg(elbo_dist_log_prob(&likelihood, bound->x));
    bound->kl =
        elbo_broadcast_to(kl_elements(&bound->posterior, &prior, bound->z), ELBO_SHAPE(bound->rows, bound->latent));
}

elbo_status elbo_bound_new(elbo_bound *bound, const elbo_instance *instance, int64_t rows, elbo_precision precision,
                           int threads, elbo_error *error) {
    memset(bound, 0, sizeof *bound);
    bound->rows = rows;
    bound->latent = instance->type->latent(instance->config->model);
    bound->graph = elbo_graph_new();
    if (!bound->graph) return elbo_fail_memory(error, 0, "a graph");
    build(bound, instance);
    ELBO_TRY(elbo_graph_check(bound->graph, error));
    elbo_node *fetch[5 + ELBO_DIST_PARAMETERS] = {bound->x, bound->z, bound->mean, bound->reconstruction, bound->kl};
    size_t count = 5;
    for (int k = 0; k < elbo_posterior_parameters(&bound->posterior); k++)
        fetch[count++] = bound->posterior.parameter[k];
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = count, .precision = precision, .threads = threads, .params_fixed = true};
    bound->plan = elbo_plan_new(bound->graph, &spec, error);
    return bound->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

void elbo_bound_clear(elbo_bound *bound) {
    elbo_plan_free(bound->plan);
    elbo_graph_free(bound->graph);
    memset(bound, 0, sizeof *bound);
}
