/* The networks of an autoencoder: dense, or convolutional with dense layers on the side of the code. */
#ifndef ELBO_MODELS_NETWORK_H
#define ELBO_MODELS_NETWORK_H

#include "models/model.h"

#define ELBO_NETWORK_OPTIONS(O)                                                                                      \
    O(CHOICE, network, "mlp", 0, 0, "mlp|conv", "kind of encoder and decoder")                                       \
    O(INTS, hidden, "500", 1, 1e6, NULL, "widths of the hidden layers from data to code, such as 500,200")           \
    O(INTS, decoder_hidden, "", 1, 1e6, NULL, "widths of the decoder's, from code to data (default: mirrored)")      \
    O(INTS, channels, "32,64", 1, 65536, NULL, "conv: channels of the 4x4 stride-2 convolutions, from data to code") \
    O(CHOICE, activation, "tanh", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                                 \
    O(CHOICE, init, "lecun-uniform", 0, 0, "lecun-uniform|glorot-uniform|he-normal|normal", "how weights start")     \
    O(REAL, init_scale, "1", 0, 1000, NULL, "factor on the start; normal: its standard deviation")
ELBO_OPTIONS_STRUCT(elbo_network_options, ELBO_NETWORK_OPTIONS);
/* A row of a model's table: these options are the first member of its struct. */
#define ELBO_NETWORK_ROW(type_, name_, initial_, minimum_, maximum_, choices_, help_) \
    {#name_, ELBO_OPTION_##type_, initial_, minimum_, maximum_, choices_, help_, offsetof(elbo_network_options, name_)},

/* Whether network and data go together. */
elbo_status elbo_network_check(const elbo_network_options *options, const elbo_item *item, elbo_error *error);
/* x: [B, size] -> `out` numbers for each datum, [B, out]; the last layer carries the name `last`. */
elbo_node *elbo_network_encode(elbo_context *context, const elbo_network_options *options, elbo_node *x,
                               const char *last, int64_t out);
/* z: [..., latent] -> `out` numbers for each value of the datum, [..., out * size], those of one kind side by side. */
elbo_node *elbo_network_decode(elbo_context *context, const elbo_network_options *options, elbo_node *z, int64_t out);
/* How the weights start, for the builder. */
void elbo_network_initialisation(const elbo_network_options *options, elbo_init *init, double *scale);

#endif
