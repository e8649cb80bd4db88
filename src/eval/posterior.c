#include "eval/posterior.h"

#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

int elbo_posterior_parameters(const elbo_dist *dist) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && dist->parameter[count]) count++;
    return count;
}

/* Constants are the same for every row: they stay as they are. */
static bool is_constant(const elbo_node *node) {
    double value;
    return elbo_node_constant(node, &value);
}

void elbo_posterior_spread(elbo_dist *dist) {
    int own_rank = elbo_dist_own_rank(dist->type);
    if (dist->extra) return; /* a model's own type: its parameters are rows of numbers */
    for (int k = 0; k < elbo_posterior_parameters(dist); k++) {
        elbo_node *node = dist->parameter[k];
        const char *axes = dist->type->parameter[k].axes;
        elbo_shape from = node->shape, full = dist->shape;
        full.rank -= own_rank;
        for (const char *axis = axes; axis && *axis && full.rank < ELBO_MAX_RANK; axis++, full.rank++)
            full.dim[full.rank] = from.dim[from.rank - (int)strlen(axis)];
        if (!is_constant(node)) dist->parameter[k] = elbo_broadcast_to(node, full);
    }
}

int64_t elbo_posterior_width(const elbo_dist *dist, int k) {
    elbo_shape shape = elbo_node_shape(dist->parameter[k]);
    return is_constant(dist->parameter[k]) ? 0 : elbo_shape_span(shape, 1, shape.rank);
}

/* Draws of a distribution without closed moments. */
enum { MOMENT_DRAWS = 64 };

/* Where a mean does not exist (Cauchy) or diverges (Pareto): the median, or the mode of types without a closed one. */
static elbo_node *centre(const elbo_dist *dist, elbo_node *mean) {
    const elbo_dist_type *type = dist->type;
    elbo_node *half = elbo_constant(dist->graph, 0.5, dist->shape);
    elbo_node *other = type->icdf ? type->icdf(dist, half) : type->mode ? type->mode(dist) : NULL;
    return other ? elbo_where(elbo_is_finite(mean), mean, other) : mean;
}

elbo_node *elbo_posterior_mean(const elbo_dist *dist, elbo_node **deviation) {
    const elbo_dist_type *type = dist->type;
    bool closed = type->mean && type->variance;
    elbo_node *draws = closed ? NULL : elbo_dist_sample(dist, MOMENT_DRAWS);
    elbo_node *mean = closed ? centre(dist, type->mean(dist)) : elbo_mean(draws, 0, 0, false);
    if (!deviation) return mean;
    *deviation = elbo_sqrt(closed ? type->variance(dist)
                                  : elbo_scale(elbo_mean(elbo_square(elbo_sub(draws, mean)), 0, 0, false),
                                               MOMENT_DRAWS / (MOMENT_DRAWS - 1.0)));
    return mean;
}

elbo_dist elbo_posterior_inputs(const elbo_dist *like, elbo_graph *graph, int64_t rows, elbo_context *context) {
    elbo_dist dist = *like;
    if (like->extra) {
        *context = *(const elbo_context *)like->extra;
        context->builder.graph = graph;
        dist.extra = context;
    }
    dist.graph = graph;
    dist.shape.dim[0] = rows;
    for (int k = 0; k < elbo_posterior_parameters(like); k++) {
        char name[32];
        double value;
        elbo_shape shape = elbo_node_shape(like->parameter[k]);
        if (elbo_node_constant(like->parameter[k], &value)) {
            if (shape.rank == like->shape.rank && shape.dim[0] == like->shape.dim[0]) shape.dim[0] = rows;
            dist.parameter[k] = elbo_constant(graph, value, shape);
            continue;
        }
        snprintf(name, sizeof name, "posterior%d", k);
        shape.dim[0] = rows;
        dist.parameter[k] = elbo_input(graph, name, ELBO_F32, shape);
    }
    return dist;
}
