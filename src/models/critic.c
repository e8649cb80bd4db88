#include "models/critic.h"

#include <stdio.h>

#include "graph/graph.h"

elbo_node *elbo_critic_score(elbo_context *context, const elbo_critic *critic, elbo_node *z) {
    elbo_builder *builder = &context->builder;
    if (!z) return NULL;
    builder->group = "critic";
    elbo_node *h = z;
    for (int i = 0; i < critic->widths->count; i++) {
        char layer[32];
        snprintf(layer, sizeof layer, "dense%d", i + 1);
        h = elbo_leaky_relu(elbo_nn_dense(builder, h, layer, critic->widths->value[i]), 0.2);
    }
    elbo_node *score = elbo_nn_dense(builder, elbo_nn_dropout(builder, h, critic->dropout), "output", 1);
    elbo_shape shape = elbo_node_shape(score);
    shape.rank--;
    return elbo_reshape(score, shape);
}

elbo_node *elbo_critic_loss(elbo_node *score_a, elbo_node *score_b) {
    elbo_node *a = elbo_mean_all(elbo_softplus(elbo_neg(score_a))), *b = elbo_mean_all(elbo_softplus(score_b));
    return elbo_scale(elbo_add(a, b), 0.5);
}

elbo_node *elbo_critic_permuted(elbo_node *z) {
    if (!z) return NULL;
    elbo_shape shape = elbo_node_shape(z);
    int64_t rows = shape.dim[0], size = shape.dim[1];
    elbo_node *column[64];
    if (size > 64)
        return elbo_graph_fail(elbo_node_graph(z), ELBO_ERROR_UNSUPPORTED,
                               "a permuted batch of %lld dimensions; at most 64 were expected", (long long)size);
    for (int64_t d = 0; d < size; d++) {
        int64_t moved = (d + 1) % rows;
        elbo_node *whole = elbo_slice(z, 1, d, 1);
        elbo_node *part[2] = {elbo_slice(whole, 0, moved, rows - moved), moved ? elbo_slice(whole, 0, 0, moved) : NULL};
        column[d] = moved ? elbo_concat(part, 2, 0) : whole;
    }
    return elbo_concat(column, (int)size, 1);
}
