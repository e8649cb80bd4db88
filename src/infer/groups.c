#include "infer/groups.h"

#include <math.h>

#include "graph/graph.h"

elbo_node *elbo_estimate_grouped(const elbo_estimate *e, elbo_node *log_weight) {
    if (!log_weight) return NULL;
    return elbo_reshape(log_weight, ELBO_SHAPE(e->groups, e->samples / e->groups, elbo_node_shape(log_weight).dim[1]));
}

elbo_node *elbo_estimate_group_bound(const elbo_estimate *e, elbo_node *log_weight) {
    elbo_node *grouped = elbo_estimate_grouped(e, log_weight);
    if (!grouped) return NULL;
    return elbo_shift(elbo_mean_all(elbo_logsumexp(grouped, 1, 1, false)), -log((double)(e->samples / e->groups)));
}
