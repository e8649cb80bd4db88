/* Batch normalisation and dropout as layers. */
#include <stdio.h>

#include "graph/graph.h"
#include "nn/nn.h"

static const double keep = 0.9; /* of the running statistics in each step */
static const double epsilon = 1e-5;

/* A running statistic: its value before this step; training moves it towards `now`. */
static elbo_node *running(elbo_builder *builder, const char *layer, const char *name, elbo_node *now, int64_t width,
                          elbo_init init) {
    const char *group = builder->group;
    char full[128];
    snprintf(full, sizeof full, "%s.%s", group, layer); /* encoder and decoder may have layers of one name */
    builder->group = "state";
    elbo_node *value = elbo_nn_param(builder, full, name, ELBO_SHAPE(width), init, 1, 1, 1);
    if (now) elbo_nn_assign(builder, full, name, elbo_add(elbo_scale(value, keep), elbo_scale(now, 1 - keep)));
    builder->group = group;
    return value;
}

elbo_node *elbo_nn_batch_norm(elbo_builder *builder, elbo_node *x, const char *layer, bool affine) {
    elbo_shape shape = elbo_node_shape(x);
    if (!x || shape.rank < 2) return NULL;
    int64_t width = shape.dim[shape.rank - 1];
    elbo_graph *graph = builder->graph;
    elbo_node *gain = elbo_constant(graph, 1, ELBO_SHAPE(width)), *bias = elbo_constant(graph, 0, ELBO_SHAPE(width));
    if (affine) {
        gain = elbo_nn_param(builder, layer, "gain", ELBO_SHAPE(width), ELBO_INIT_ONE, 1, 1, 1);
        bias = elbo_nn_param(builder, layer, "shift", ELBO_SHAPE(width), ELBO_INIT_ZERO, 0, 1, 1);
    }
    if (!builder->training) {
        elbo_node *mean = running(builder, layer, "mean", NULL, width, ELBO_INIT_ZERO);
        elbo_node *variance = running(builder, layer, "variance", NULL, width, ELBO_INIT_ONE);
        elbo_node *factor = elbo_mul(gain, elbo_rsqrt(elbo_shift(variance, epsilon)));
        return elbo_muladd(elbo_sub(x, mean), factor, bias);
    }
    elbo_node *mean, *variance, *rows = elbo_reshape(x, ELBO_SHAPE(-1, width));
    elbo_node *y = elbo_batch_norm(rows, gain, bias, epsilon, &mean, &variance);
    running(builder, layer, "mean", elbo_stop_gradient(mean), width, ELBO_INIT_ZERO);
    running(builder, layer, "variance", elbo_stop_gradient(variance), width, ELBO_INIT_ONE);
    return elbo_reshape(y, shape);
}

elbo_node *elbo_nn_dropout(elbo_builder *builder, elbo_node *x, double rate) {
    if (!x || !builder->training || rate <= 0) return x;
    elbo_node *kept =
        elbo_less(elbo_random_uniform(builder->graph, elbo_node_shape(x), 0), elbo_scalar(builder->graph, 1 - rate));
    return elbo_scale(elbo_mul(x, kept), 1 / (1 - rate));
}
