#include "models/critic.h"

#include <stdio.h>

#include "graph/graph.h"

static elbo_node *activate(const elbo_critic *critic, elbo_node *h) {
    return critic->activation ? elbo_nn_activate(h, critic->activation) : elbo_leaky_relu(h, 0.2);
}

elbo_node *elbo_critic_score(elbo_context *context, const elbo_critic *critic, elbo_node *z) {
    elbo_builder *builder = &context->builder;
    if (!z) return NULL;
    builder->group = critic->group ? critic->group : "critic";
    elbo_node *h = z;
    for (int i = 0; i < critic->widths->count; i++) {
        char layer[32];
        snprintf(layer, sizeof layer, "dense%d", i + 1);
        h = activate(critic, elbo_nn_dense(builder, h, layer, critic->widths->value[i]));
    }
    if (critic->learning) h = elbo_nn_dropout(builder, h, critic->dropout);
    elbo_node *score = elbo_nn_dense(builder, h, "output", 1);
    if (!score) return NULL;
    elbo_shape shape = elbo_node_shape(score);
    shape.rank--;
    return elbo_reshape(score, shape);
}

elbo_node *elbo_critic_loss(elbo_node *score_a, elbo_node *score_b) {
    elbo_node *a = elbo_mean_all(elbo_softplus(elbo_neg(score_a))), *b = elbo_mean_all(elbo_softplus(score_b));
    return elbo_scale(elbo_add(a, b), 0.5);
}

/* All moves at once: the dimensions, each twice in a row, make a list; read with rows longer by one, it is moved by one
 * more in each row. */
elbo_node *elbo_critic_permuted(elbo_node *z) {
    static const int turned[2] = {1, 0};
    if (!z) return NULL;
    elbo_shape shape = elbo_node_shape(z);
    int64_t rows = shape.dim[0], size = shape.dim[1];
    if (rows <= size)
        return elbo_graph_fail(elbo_node_graph(z), ELBO_ERROR_SHAPE,
                               "%lld rows to permute in %lld dimensions; more rows than dimensions were expected",
                               (long long)rows, (long long)size);
    elbo_node *across = elbo_transpose(z, turned);
    elbo_node *list = elbo_reshape(elbo_concat((elbo_node *[]){across, across}, 2, 1), ELBO_SHAPE(2 * rows * size));
    elbo_node *skewed = elbo_reshape(elbo_pad(list, 0, 0, size), ELBO_SHAPE(size, 2 * rows + 1));
    return elbo_transpose(elbo_slice(skewed, 1, 1, rows), turned);
}
