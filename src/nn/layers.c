#include <stdio.h>
#include <string.h>

#include "graph/graph.h"
#include "nn/nn.h"

elbo_node *elbo_nn_activate(elbo_node *x, const char *name) {
    if (strcmp(name, "tanh") == 0) return elbo_tanh(x);
    if (strcmp(name, "relu") == 0) return elbo_relu(x);
    if (strcmp(name, "leaky-relu") == 0) return elbo_leaky_relu(x, 0.01);
    if (strcmp(name, "softplus") == 0) return elbo_softplus(x);
    if (strcmp(name, "elu") == 0) return elbo_elu(x, 1);
    if (strcmp(name, "sigmoid") == 0) return elbo_sigmoid(x);
    if (strcmp(name, "silu") == 0) return elbo_mul(x, elbo_sigmoid(x));
    if (strcmp(name, "gelu") == 0)
        return elbo_mul(elbo_scale(x, 0.5), elbo_shift(elbo_erf(elbo_scale(x, 0.70710678118654752440)), 1));
    if (strcmp(name, "identity") == 0) return x;
    return elbo_graph_fail(elbo_node_graph(x), ELBO_ERROR_USAGE, "unknown activation \"%s\"; %s were expected", name,
                           ELBO_ACTIVATIONS);
}

/* The parameter itself: declared, or found. */
static elbo_node *declare(elbo_builder *builder, const char *full, elbo_shape shape, elbo_init init, double scale,
                          int64_t fan_in, int64_t fan_out) {
    elbo_error error;
    if (elbo_params_declare(builder->params, builder->group, full, shape, init, scale, fan_in, fan_out, &error) !=
        ELBO_OK)
        return elbo_graph_fail(builder->graph, error.status, "%s", error.message);
    return elbo_param(builder->graph, builder->params, full);
}

/* A draw of N(loc, scale^2), and its KL to N(0, 1): sum of (scale^2 + loc^2 - 1) / 2 - log scale. */
static elbo_node *draw_weight(elbo_builder *builder, const char *full, elbo_node *loc) {
    enum { FIRST_LOG_SCALE = -5 }; /* nearly certain at the start: training begins as without it */
    elbo_weight_posterior *weights = builder->weights;
    for (int i = 0; i < weights->count; i++)
        if (weights->loc[i] == loc) return weights->drawn[i];
    if (!loc || weights->count == ELBO_DRAWN_WEIGHTS)
        return elbo_graph_fail(builder->graph, ELBO_ERROR_UNSUPPORTED, "more than %d tensors with a posterior",
                               ELBO_DRAWN_WEIGHTS);
    char name[208];
    snprintf(name, sizeof name, "%s.log_scale", full);
    elbo_shape shape = elbo_node_shape(loc);
    elbo_node *log_scale = declare(builder, name, shape, ELBO_INIT_CONSTANT, FIRST_LOG_SCALE, 1, 1);
    elbo_node *noise = elbo_random_normal(builder->graph, shape, 0);
    elbo_node *spread = elbo_add(elbo_exp(elbo_scale(log_scale, 2)), elbo_square(loc));
    elbo_node *kl = elbo_sum_all(elbo_sub(elbo_scale(elbo_shift(spread, -1), 0.5), log_scale));
    weights->loc[weights->count] = loc;
    weights->kl = weights->kl ? elbo_add(weights->kl, kl) : kl;
    return weights->drawn[weights->count++] = elbo_muladd(elbo_exp(log_scale), noise, loc);
}

elbo_node *elbo_nn_param(elbo_builder *builder, const char *layer, const char *name, elbo_shape shape, elbo_init init,
                         double scale, int64_t fan_in, int64_t fan_out) {
    char full[192];
    snprintf(full, sizeof full, "%s.%s.%s", builder->group, layer, name);
    elbo_node *value = declare(builder, full, shape, init, scale, fan_in, fan_out);
    bool drawn = builder->weights && strcmp(builder->weights->group, builder->group) == 0;
    return drawn ? draw_weight(builder, full, value) : value;
}

void elbo_nn_assign(elbo_builder *builder, const char *layer, const char *name, elbo_node *value) {
    elbo_assignments *assignments = builder->assignments;
    char full[192];
    snprintf(full, sizeof full, "%s.%s.%s", builder->group, layer, name);
    const elbo_param_info *info = elbo_params_find(builder->params, full);
    if (!assignments || !value) return;
    for (int i = 0; info && i < assignments->count;
         i++) /* a part that is built twice means the same: the first counts */
        if (assignments->offset[i] == info->offset) return;
    if (!info || assignments->count == ELBO_ASSIGNMENTS) {
        elbo_graph_fail(builder->graph, ELBO_ERROR_INTERNAL, "%s cannot be assigned to", full);
        return;
    }
    assignments->value[assignments->count] = value;
    assignments->offset[assignments->count++] = info->offset;
}

static void push(elbo_builder *builder, const char *layer) {
    char label[128];
    snprintf(label, sizeof label, "%s/%s", builder->group, layer);
    elbo_scope_push(builder->graph, label);
}

elbo_node *elbo_nn_dense(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out) {
    elbo_shape shape = elbo_node_shape(x);
    if (!x || shape.rank == 0) return NULL;
    int64_t in = shape.dim[shape.rank - 1];
    push(builder, layer);
    elbo_node *weight =
        elbo_nn_param(builder, layer, "weight", ELBO_SHAPE(in, out), builder->init, builder->init_scale, in, out);
    elbo_node *bias =
        elbo_nn_param(builder, layer, "bias", ELBO_SHAPE(out),
                      builder->init == ELBO_INIT_LECUN_UNIFORM ? ELBO_INIT_LECUN_UNIFORM : ELBO_INIT_ZERO, 1, in, out);
    elbo_node *y = elbo_add(elbo_matmul(x, weight, false, false), bias);
    elbo_scope_pop(builder->graph);
    return y;
}

elbo_node *elbo_nn_mlp(elbo_builder *builder, elbo_node *x, const char *name, const elbo_ints *widths,
                       const char *activation) {
    for (int i = 0; i < widths->count; i++) {
        char layer[64];
        snprintf(layer, sizeof layer, "%s%d", name, i + 1);
        x = elbo_nn_dense(builder, x, layer, widths->value[i]);
        push(builder, layer);
        x = elbo_nn_activate(x, activation);
        elbo_scope_pop(builder->graph);
    }
    return x;
}

static elbo_node *add_channel_bias(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out) {
    elbo_node *bias = elbo_nn_param(builder, layer, "bias", ELBO_SHAPE(out), ELBO_INIT_ZERO, 0, out, out);
    return elbo_add(x, elbo_reshape(bias, ELBO_SHAPE(1, out, 1, 1)));
}

elbo_node *elbo_nn_conv(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out, int64_t kernel, int stride,
                        int padding) {
    if (!x) return NULL;
    int64_t in = elbo_node_shape(x).dim[1], area = kernel * kernel;
    push(builder, layer);
    elbo_node *weight = elbo_nn_param(builder, layer, "weight", ELBO_SHAPE(out, in, kernel, kernel), builder->init,
                                      builder->init_scale, in * area, out * area);
    elbo_node *y = add_channel_bias(builder, elbo_conv2d(x, weight, stride, padding), layer, out);
    elbo_scope_pop(builder->graph);
    return y;
}

elbo_node *elbo_nn_conv_transposed(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out, int64_t kernel,
                                   int stride, int padding, int output_padding) {
    if (!x) return NULL;
    int64_t in = elbo_node_shape(x).dim[1], area = kernel * kernel;
    push(builder, layer);
    elbo_node *weight = elbo_nn_param(builder, layer, "weight", ELBO_SHAPE(in, out, kernel, kernel), builder->init,
                                      builder->init_scale, in * area / (stride * stride), out * area);
    elbo_node *y = elbo_conv2d_transposed(x, weight, stride, padding, output_padding);
    y = add_channel_bias(builder, y, layer, out);
    elbo_scope_pop(builder->graph);
    return y;
}
