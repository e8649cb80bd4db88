/* Autoencoders that are pre-trained before the part that a model is about (Xie, Girshick and Farhadi 2016,
 * arXiv:1511.06335, section 3.2). A training has up to three phases:
 *
 *   layers       each layer of the encoder, with its mirror in the decoder, is an autoencoder of the values below it,
 *                one after the other, those below held; a share of the values of input and code is dropped
 *   autoencoder  encoder and decoder as a whole
 *   the last     what the model is about
 *
 * The first two are left out where they have no epochs. */
#ifndef ELBO_MODELS_STACK_H
#define ELBO_MODELS_STACK_H

#include "models/network.h"

/* Rows of options: the network, and how its pre-training goes. */
#define ELBO_STACK_NETWORK_OPTIONS(O)                                                                                \
    O(CHOICE, network, "mlp", 0, 0, "mlp|conv", "kind of encoder and decoder")                                       \
    O(INTS, hidden, "500,500,2000", 1, 1e6, NULL, "widths of the hidden layers from data to code")                   \
    O(INTS, decoder_hidden, "", 1, 1e6, NULL, "widths of the decoder's, from code to data (default: mirrored)")      \
    O(INTS, channels, "32,64", 1, 65536, NULL, "conv: channels of the 4x4 stride-2 convolutions, from data to code") \
    O(CHOICE, activation, "relu", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                                 \
    O(CHOICE, init, "glorot-uniform", 0, 0, "lecun-uniform|glorot-uniform|he-normal|normal", "how weights start")    \
    O(REAL, init_scale, "1", 0, 1000, NULL, "factor on the start; normal: its standard deviation")
#define ELBO_STACK_OPTIONS(O)                                                                                      \
    O(INT, layer_epochs, "0", 0, 1e6, NULL,                                                                        \
      "epochs that pre-train each layer of encoder and decoder as an autoencoder of its own, one after the other") \
    O(INT, pretrain_epochs, "10", 0, 1e6, NULL, "epochs that pre-train encoder and decoder as an autoencoder")     \
    O(REAL, pretrain_rate, "1", 1e-6, 1e6, NULL, "rate of the pre-training, as a multiple of --lr")

typedef enum elbo_stack_part { ELBO_STACK_LAYERS, ELBO_STACK_WHOLE, ELBO_STACK_LAST } elbo_stack_part;

/* How a model is stacked: its options, and its layers next to the code and next to the data. */
typedef struct elbo_stack {
    const elbo_model_type *model;
    const elbo_network_options *network;
    int64_t layer_epochs, pretrain_epochs;
    double rate;               /* of both, times the configured one */
    double noise, whole_noise; /* share of the values that is dropped: in the layers, and in the data as a whole */
    bool squared;              /* what is minimised is |x - mean of p(x|z)|^2, not -log p(x|z) */
    /* The encoder's last layer: [B, width] -> the code, [B, latent]. */
    elbo_node *(*code)(elbo_context *context, elbo_node *h);
    /* The decoder's last layer: [B, width] -> the distribution, or loss, of the data. */
    elbo_dist (*output)(elbo_context *context, elbo_node *h);
} elbo_stack;

/* Whether the layers can be taken one by one. */
elbo_status elbo_stack_check(const elbo_stack *stack, elbo_error *error);
/* The phases, of which the last has that name and so many epochs; returns how many. */
int elbo_stack_phases(const elbo_stack *stack, const char *last, int64_t epochs, elbo_phase out[ELBO_MODEL_PHASES]);
elbo_stack_part elbo_stack_part_of(const elbo_stack *stack, int phase);
/* The updates of a phase before the last on x: [B, size]; returns how many. The layers' losses are those of `model`:
 * squared errors of a deterministic one, else those of normal distributions of variance 1, or squared errors where the
 * stack says so. Outside training the layers have no update, and that of the whole stands in. */
int elbo_stack_updates(const elbo_stack *stack, elbo_context *context, elbo_node *x,
                       elbo_update out[ELBO_MODEL_UPDATES]);

#endif
