#include "eval/bound.h"

#include <string.h>

#include "eval/perplexity.h"
#include "eval/posterior.h"
#include "graph/graph.h"
#include "train/condition.h"

/* KL of each dimension; where the distributions have no such parts, that of the datum shared evenly. */
static elbo_node *kl_elements(const elbo_bound *bound, const elbo_dist *prior) {
    const elbo_dist *posterior = &bound->posterior;
    elbo_shape full = ELBO_SHAPE(bound->rows, bound->latent);
    elbo_node *elements = elbo_dist_kl_elements(posterior, prior);
    bool single = elbo_dist_own_rank(posterior->type) == 0 && elbo_dist_own_rank(prior->type) == 0;
    if (!elements && single)
        elements = elbo_sub(posterior->type->log_prob(posterior, bound->z), prior->type->log_prob(prior, bound->z));
    if (elements && single) return elbo_broadcast_to(elements, full);
    elbo_node *datum = elements
                           ? elbo_dist_kl(posterior, prior)
                           : elbo_sub(elbo_dist_log_prob(posterior, bound->z), elbo_dist_log_prob(prior, bound->z));
    datum = elbo_reshape(elbo_scale(datum, 1 / (double)bound->latent), ELBO_SHAPE(bound->rows, 1));
    return elbo_broadcast_to(datum, full);
}

static void build(elbo_bound *bound, const elbo_instance *instance) {
    elbo_context *context = &bound->context;
    *context = elbo_instance_context(instance, bound->graph, false);
    bound->raw = elbo_instance_raw(instance, bound->graph, bound->rows);
    bound->x = elbo_instance_x(instance, bound->raw, true);
    bound->local = elbo_instance_add_local(instance, context, bound->rows);
    bound->label = elbo_condition_add(instance, context, bound->rows, bound->x);
    bound->posterior = instance->type->encode(context, bound->x);
    if (!bound->posterior.type) return;
    elbo_posterior_spread(&bound->posterior);
    bound->z = elbo_dist_sample(&bound->posterior, 0);
    bound->mean = elbo_posterior_mean(&bound->posterior, NULL);
    bool documents = elbo_perplexity_applies(instance);
    elbo_node *z = documents ? elbo_dist_sample(&bound->posterior, ELBO_PERPLEXITY_DRAWS) : bound->z;
    elbo_dist likelihood = instance->type->decode(context, z);
    elbo_dist prior = instance->type->prior(context, bound->rows);
    if (!likelihood.type || !prior.type) return;
    bound->reconstruction = elbo_neg(elbo_dist_log_prob(&likelihood, bound->x));
    if (documents) bound->reconstruction = elbo_mean(bound->reconstruction, 0, 0, false);
    bound->kl = instance->type->deterministic ? elbo_constant(bound->graph, 0, ELBO_SHAPE(bound->rows, bound->latent))
                                              : kl_elements(bound, &prior);
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
    elbo_node *fetch[6 + ELBO_DIST_PARAMETERS] = {bound->x, bound->z, bound->mean, bound->reconstruction, bound->kl};
    size_t count = 5;
    if (bound->context.condition) fetch[count++] = bound->context.condition;
    for (int k = 0; k < elbo_posterior_parameters(&bound->posterior); k++)
        fetch[count++] = bound->posterior.parameter[k];
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = count, .precision = precision, .threads = threads, .params_fixed = true};
    bound->plan = elbo_plan_new(bound->graph, &spec, error);
    if (!bound->plan) return error ? error->status : ELBO_ERROR_INTERNAL;
    return bound->local ? elbo_local_reader_new(&bound->reader, instance, rows, true, precision, threads, error)
                        : ELBO_OK;
}

elbo_status elbo_bound_read(elbo_bound *bound, const elbo_instance *instance, const elbo_dataset *dataset,
                            elbo_split split, int64_t first, int64_t rows, elbo_error *error) {
    void *raw = elbo_plan_input(bound->plan, bound->raw);
    bound->reader.counted = rows;
    ELBO_TRY(elbo_condition_read(dataset, split, NULL, first, rows, bound->plan, bound->label, error));
    return raw ? elbo_instance_rows(instance, dataset, split, NULL, first, rows, raw, error) : ELBO_OK;
}

const float *elbo_bound_condition(const elbo_bound *bound) {
    return bound->context.condition ? elbo_plan_value(bound->plan, bound->context.condition) : NULL;
}

elbo_status elbo_bound_run(elbo_bound *bound, const elbo_run *run, elbo_error *error) {
    float *local = bound->local ? elbo_plan_input(bound->plan, bound->local) : NULL;
    if (local) {
        ELBO_TRY(elbo_local_reader_run(&bound->reader, elbo_plan_input(bound->plan, bound->raw), run, error));
        memcpy(local, bound->reader.state.numbers, sizeof *local * (size_t)elbo_shape_count(bound->local->shape));
    }
    return elbo_plan_run(bound->plan, run, error);
}

const char *elbo_bound_caution(const elbo_bound *bound) {
    if (!bound->posterior.type || !bound->posterior.type->estimated) return "";
    return "ELBO and KL are estimates by an adversary, no bounds, and may exceed log p(x): elbo eval --nll ais "
           "brackets it";
}

void elbo_bound_clear(elbo_bound *bound) {
    elbo_local_reader_clear(&bound->reader);
    elbo_plan_free(bound->plan);
    elbo_graph_free(bound->graph);
    memset(bound, 0, sizeof *bound);
}
