#include "eval/posterior.h"

#include <stdio.h>

#include "graph/graph.h"

int elbo_posterior_parameters(const elbo_dist *dist) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && dist->parameter[count]) count++;
    return count;
}

void elbo_posterior_spread(elbo_dist *dist) {
    for (int k = 0; k < elbo_posterior_parameters(dist); k++) {
        elbo_node *node = dist->parameter[k];
        if (node->shape.rank <= dist->shape.rank) {
            dist->parameter[k] = elbo_broadcast_to(node, dist->shape);
        } else if (node->shape.dim[0] != dist->shape.dim[0]) {
            elbo_graph_fail(dist->graph, ELBO_ERROR_UNSUPPORTED,
                            "parameter %d of the %s posterior has no axis that counts data", k, dist->type->name);
        }
    }
}

int64_t elbo_posterior_width(const elbo_dist *dist, int k) {
    elbo_shape shape = elbo_node_shape(dist->parameter[k]);
    return elbo_shape_span(shape, 1, shape.rank);
}

elbo_dist elbo_posterior_inputs(const elbo_dist *like, elbo_graph *graph, int64_t rows) {
    elbo_dist dist = *like;
    dist.graph = graph;
    dist.shape.dim[0] = rows;
    for (int k = 0; k < elbo_posterior_parameters(like); k++) {
        char name[32];
        snprintf(name, sizeof name, "posterior%d", k);
        elbo_shape shape = elbo_node_shape(like->parameter[k]);
        shape.dim[0] = rows;
        dist.parameter[k] = elbo_input(graph, name, ELBO_F32, shape);
    }
    return dist;
}
