#include "dist/dist.h"

elbo_node *elbo_dist_sum_event(elbo_node *x, int event_rank) {
    return event_rank > 0 ? elbo_sum(x, -event_rank, -1, false) : x;
}

elbo_node *elbo_dist_log_prob(const elbo_dist *dist, elbo_node *x) {
    return dist->type ? elbo_dist_sum_event(dist->type->log_prob(dist, x), dist->event_rank) : NULL;
}

elbo_node *elbo_dist_sample(const elbo_dist *dist, int64_t samples) {
    if (!dist->type || !dist->graph) return NULL;
    elbo_shape shape = dist->shape;
    if (samples > 0 && shape.rank < ELBO_MAX_RANK) {
        for (int axis = shape.rank; axis > 0; axis--) shape.dim[axis] = shape.dim[axis - 1];
        shape.dim[0] = samples;
        shape.rank++;
    }
    int row_axis = shape.rank - dist->event_rank - 1;
    return dist->type->sample(dist, shape, row_axis < 0 ? 0 : row_axis);
}

elbo_node *elbo_dist_kl_elements(const elbo_dist *p, const elbo_dist *q) {
    return p->type && q->type && p->type->kl ? p->type->kl(p, q) : NULL;
}

elbo_node *elbo_dist_kl(const elbo_dist *p, const elbo_dist *q) {
    elbo_node *elements = elbo_dist_kl_elements(p, q);
    return elements ? elbo_dist_sum_event(elements, p->event_rank) : NULL;
}
