#include "infer/kl.h"

#include "graph/graph.h"

/* Axes of the event that the type does not take as its own. */
static int free_axes(const elbo_dist *dist) { return dist->event_rank - elbo_dist_own_rank(dist->type); }

elbo_node *elbo_estimate_sampled_kl(const elbo_estimate *e, elbo_node *z) {
    const elbo_dist *q = &e->posterior, *p = &e->prior;
    elbo_graph *graph = e->context->builder.graph;
    elbo_scope_push(graph, "kl");
    elbo_node *kl = free_axes(q) == free_axes(p) ? elbo_sub(q->type->log_prob(q, z), p->type->log_prob(p, z))
                                                 : elbo_sub(elbo_dist_log_prob(q, z), elbo_dist_log_prob(p, z));
    elbo_scope_pop(graph);
    return kl;
}

/* How many axes of kl belong to the elements of a datum; the others count draws and data. */
static int element_axes(const elbo_estimate *e, elbo_node *kl) {
    int axes = free_axes(&e->posterior) < free_axes(&e->prior) ? free_axes(&e->posterior) : free_axes(&e->prior);
    return elbo_node_shape(kl).rank > axes ? axes : 0;
}

elbo_update elbo_estimate_with_kl(const elbo_estimate *e, elbo_node *z, elbo_node *kl) {
    elbo_graph *graph = e->context->builder.graph;
    elbo_update update = {0};
    elbo_dist likelihood = e->model->decode(e->context, z);
    if (!likelihood.type || !kl) return update;
    elbo_scope_push(graph, "reconstruction");
    update.reconstruction = elbo_neg(elbo_mean_all(elbo_dist_log_prob(&likelihood, e->x)));
    elbo_scope_pop(graph);
    elbo_scope_push(graph, "kl");
    int axes = element_axes(e, kl), rank = elbo_node_shape(kl).rank;
    update.kl = elbo_mean_all(elbo_dist_sum_event(kl, axes));
    elbo_node *pressed = update.kl;
    if (e->free_bits > 0) {
        elbo_node *mean = rank > axes ? elbo_mean(kl, 0, rank - axes - 1, false) : kl;
        pressed = elbo_sum_all(elbo_max(mean, elbo_scalar(graph, e->free_bits)));
    }
    elbo_scope_pop(graph);
    update.loss = elbo_add(update.reconstruction, update.kl);
    update.objective = elbo_add(update.reconstruction, elbo_mul(e->weights->kl, pressed));
    return update;
}
