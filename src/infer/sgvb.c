#include "infer/sgvb.h"

#include "graph/graph.h"

/* Mean over samples (when there is a leading sample axis) and data of [L, B] or [B]. */
static elbo_node *mean(elbo_node *x) { return elbo_mean_all(x); }

/* KL per datum and dimension [B, Z] (B) or its sampled counterpart log q - log p [L, B, Z] (A). */
static elbo_node *kl_elements(elbo_context *context, const elbo_dist *posterior, const elbo_dist *prior, elbo_node *z,
                              bool analytic) {
    if (!analytic) return elbo_sub(posterior->type->log_prob(posterior, z), prior->type->log_prob(prior, z));
    elbo_node *elements = elbo_dist_kl_elements(posterior, prior);
    if (!elements)
        return elbo_graph_fail(context->builder.graph, ELBO_ERROR_UNSUPPORTED,
                               "KL(%s || %s) has no closed form: use --estimator a", posterior->type->name,
                               prior->type->name);
    return elements;
}

elbo_update elbo_infer_sgvb(elbo_context *context, const elbo_model_type *model, elbo_node *x,
                            const elbo_weights *weights, const elbo_sgvb *how) {
    elbo_graph *graph = context->builder.graph;
    elbo_update update = {.name = "bound"};
    elbo_dist posterior = model->encode(context, x);
    if (!posterior.type) return update;
    elbo_scope_push(graph, "posterior");
    elbo_node *z = elbo_dist_sample(&posterior, how->samples > 1 ? how->samples : 0);
    elbo_scope_pop(graph);
    elbo_dist likelihood = model->decode(context, z);
    elbo_dist prior = model->prior(context, elbo_node_shape(x).dim[0]);
    if (!likelihood.type || !prior.type) return update;

    elbo_scope_push(graph, "reconstruction");
    update.reconstruction = elbo_neg(mean(elbo_dist_log_prob(&likelihood, x)));
    elbo_scope_pop(graph);
    elbo_scope_push(graph, "kl");
    elbo_node *elements = kl_elements(context, &posterior, &prior, z, how->analytic_kl);
    update.kl = mean(elbo_dist_sum_event(elements, 1));
    elbo_node *pressed = update.kl;
    if (how->free_bits > 0) {
        int rank = elbo_node_shape(elements).rank;
        elbo_node *per_dimension = rank > 1 ? elbo_mean(elements, 0, rank - 2, false) : elements;
        pressed = elbo_sum_all(elbo_max(per_dimension, elbo_scalar(graph, how->free_bits)));
    }
    elbo_scope_pop(graph);
    update.loss = elbo_add(update.reconstruction, update.kl);
    update.objective = elbo_add(update.reconstruction, elbo_mul(weights->kl, pressed));
    return update;
}
