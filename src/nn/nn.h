/* Layers: functions from nodes to nodes. Each declares its parameters in the builder's store under
 * "<prefix>.<name>.weight" and "<prefix>.<name>.bias", or finds them there. */
#ifndef ELBO_NN_NN_H
#define ELBO_NN_NN_H

#include "base/error.h"

/* Values that parameters of the group "state" take after a step: running means and the like. */
enum { ELBO_ASSIGNMENTS = 64 };
typedef struct elbo_assignments {
    elbo_node *value[ELBO_ASSIGNMENTS];
    size_t offset[ELBO_ASSIGNMENTS]; /* in the flat array; known once the store is finished */
    int count;
} elbo_assignments;

/* A normal posterior over each parameter of a group: one draw for each name in a graph. */
enum { ELBO_DRAWN_WEIGHTS = 64 };
typedef struct elbo_weight_posterior {
    const char *group;
    elbo_node *kl; /* KL(q || N(0, 1)) of all that were drawn; NULL: none yet */
    elbo_node *loc[ELBO_DRAWN_WEIGHTS], *drawn[ELBO_DRAWN_WEIGHTS];
    int count;
} elbo_weight_posterior;

typedef struct elbo_builder {
    elbo_graph *graph;
    elbo_params *params;
    const char *group; /* of the parameters that are declared: "encoder", "decoder", ... */
    elbo_init init;    /* of weights; biases start at zero unless the layer says otherwise */
    double init_scale;
    bool training;                  /* batch norm uses the batch's statistics */
    elbo_assignments *assignments;  /* NULL: state stays as it is */
    elbo_weight_posterior *weights; /* NULL: parameters are what they are */
} elbo_builder;

/* "tanh", "relu", ...: the names that elbo_nn_activate knows, separated by '|'. */
#define ELBO_ACTIVATIONS "tanh|relu|leaky-relu|softplus|elu|sigmoid|silu|gelu|identity"
elbo_node *elbo_nn_activate(elbo_node *x, const char *name);

/* A named parameter of the builder's group; NULL (and an error in the graph) on a misfit. */
elbo_node *elbo_nn_param(elbo_builder *builder, const char *layer, const char *name, elbo_shape shape, elbo_init init,
                         double scale, int64_t fan_in, int64_t fan_out);

/* Gives a parameter of the builder's group a new value after the step. */
void elbo_nn_assign(elbo_builder *builder, const char *layer, const char *name, elbo_node *value);

/* x: [..., in] -> x W + b: [..., out]. */
elbo_node *elbo_nn_dense(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out);
/* Dense layers of the given widths, each followed by the activation. */
elbo_node *elbo_nn_mlp(elbo_builder *builder, elbo_node *x, const char *name, const elbo_ints *widths,
                       const char *activation);
/* x: [..., D] normalised over all leading axes, with gain and shift where affine. Training uses the batch's statistics
 * and keeps running ones in the group "state"; otherwise those are used. */
elbo_node *elbo_nn_batch_norm(elbo_builder *builder, elbo_node *x, const char *layer, bool affine);
/* Training: each value is dropped with probability `rate`, the others are scaled up so that the mean stays. */
elbo_node *elbo_nn_dropout(elbo_builder *builder, elbo_node *x, double rate);
/* x: [B, C, H, W] -> [B, out, H', W'], with bias. */
elbo_node *elbo_nn_conv(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out, int64_t kernel, int stride,
                        int padding);
elbo_node *elbo_nn_conv_transposed(elbo_builder *builder, elbo_node *x, const char *layer, int64_t out, int64_t kernel,
                                   int stride, int padding, int output_padding);

#endif
