/* Codes in levels, z = [z_1, ..., z_L] side by side, each level a diagonal normal given the one above it:
 *
 *   p(z) = N(z_L; 0, I) prod_i N(z_i; mu_i(z_i+1), sigma_i(z_i+1)^2),   p(x|z_1)
 *
 * Two kinds of posterior:
 *   stack    q(z_1|x) prod_i q(z_i+1|z_i), bottom up (Burda et al. 2015; Soenderby et al. 2016, "VAE")
 *   ladder   a deterministic pass up gives estimates mu^_i, sigma^_i for each level; the pass down merges them with the
 *            prior's, weighed by precision (Soenderby et al. 2016, "LVAE")
 *
 * As distributions they are elementwise: log_prob is one number for each dimension, given the level above or below, so
 * that every estimator and every evaluation of other codes applies. */
#ifndef ELBO_MODELS_HIERARCHY_H
#define ELBO_MODELS_HIERARCHY_H

#include "infer/groups.h"
#include "models/head.h"
#include "models/model.h"

/* Those that need no closed KL and draw codes with a gradient. */
#define ELBO_HIERARCHY_ESTIMATORS "a|stl|iwae|dreg|miwae|piwae|ciwae"

#define ELBO_OUTPUT_BIAS_OPTION(O, initial)                                                                          \
    O(CHOICE, output_bias, initial, 0, 0, "zero|data",                                                               \
      "where the bias of p(x|z) starts; data: bernoulli: at the log odds of the training rows' means, gaussian: at " \
      "the means, else at zero")

#define ELBO_HIERARCHY_OPTIONS(O)                                                                                 \
    O(INTS, latents, "64,32,16,8,4", 1, 65536, NULL, "dimensions of the codes, from data up")                     \
    O(INTS, widths, "512,256,128,64,32", 1, 65536, NULL, "widths of the networks under each level, from data up") \
    O(INT, depth, "2", 1, 8, NULL, "dense layers of each network")                                                \
    O(CHOICE, activation, "leaky-relu", 0, 0, ELBO_ACTIVATIONS, "after each hidden layer")                        \
    O(BOOL, batch_norm, "true", 0, 0, NULL, "normalise the batch in every dense layer but the output")            \
    O(CHOICE, variance, "softplus", 0, 0, "softplus|exp",                                                         \
      "of the codes: softplus(.) + 1e-5, or the exponential of a "                                                \
      "log variance")                                                                                             \
    O(TEXT, likelihood, "bernoulli", 0, 0, NULL, "p(x|z): a distribution whose parameters the decoder gives")     \
    O(CHOICE, estimator, "a", 0, 0, ELBO_HIERARCHY_ESTIMATORS,                                                    \
      "of the gradient: `elbo list estimators` tells them apart")                                                 \
    O(INT, draws, "1", 1, 10000, NULL, "samples of z for each datum in a training step (L, or K of iwae)")        \
    ELBO_GROUP_OPTIONS(O)                                                                                         \
    O(CHOICE, init, "glorot-uniform", 0, 0, "lecun-uniform|glorot-uniform|he-normal|normal", "how weights start") \
    O(REAL, init_scale, "1", 0, 1000, NULL, "factor on the start; normal: its standard deviation")                \
    ELBO_OUTPUT_BIAS_OPTION(O, "zero")
ELBO_OPTIONS_STRUCT(elbo_hierarchy_options, ELBO_HIERARCHY_OPTIONS);

/* The fields of a model's type that are the same for both kinds; kind: stack or ladder. */
#define ELBO_HIERARCHY_PARTS(kind)                                                                             \
    .relevance = elbo_hierarchy_relevance, .check = elbo_hierarchy_check, .latent = elbo_hierarchy_latent,     \
    .layers = elbo_hierarchy_layers, .likelihood = elbo_hierarchy_likelihood, .levels = elbo_hierarchy_levels, \
    .initialisation = elbo_hierarchy_initialisation, .mean_bias = elbo_hierarchy_mean_bias,                    \
    .prior = elbo_hierarchy_prior, .encode = elbo_##kind##_encode, .decode = elbo_hierarchy_decode,            \
    .posterior_width = elbo_##kind##_width, .posterior_numbers = elbo_##kind##_numbers,                        \
    .posterior = elbo_##kind##_posterior

/* Which of these options need others. */
extern const elbo_relevance elbo_hierarchy_relevance[];

/* Functions of the model contract for models whose options begin with an elbo_hierarchy_options. */
elbo_status elbo_hierarchy_check(const void *options, const elbo_item *item, elbo_error *error);
int64_t elbo_hierarchy_latent(const void *options);
void elbo_hierarchy_layers(const void *options, elbo_ints *out);
const elbo_dist_type *elbo_hierarchy_likelihood(const void *options);
int64_t elbo_hierarchy_levels(const void *options);
void elbo_hierarchy_initialisation(const void *options, elbo_init *init, double *scale);
const char *elbo_hierarchy_mean_bias(const void *options);
elbo_dist elbo_hierarchy_prior(elbo_context *context, int64_t rows);
elbo_dist elbo_hierarchy_decode(elbo_context *context, elbo_node *z);

/* The update of a step by the estimator that the options name. */
int elbo_hierarchy_updates(elbo_context *context, const elbo_model_type *model, elbo_node *x,
                           const elbo_weights *weights, elbo_update out[ELBO_MODEL_UPDATES]);

int64_t elbo_stack_width(const void *options);
elbo_node *elbo_stack_numbers(elbo_context *context, elbo_node *x);
elbo_dist elbo_stack_posterior(elbo_context *context, elbo_node *numbers);
elbo_dist elbo_stack_encode(elbo_context *context, elbo_node *x);

int64_t elbo_ladder_width(const void *options);
elbo_node *elbo_ladder_numbers(elbo_context *context, elbo_node *x);
elbo_dist elbo_ladder_posterior(elbo_context *context, elbo_node *numbers);
elbo_dist elbo_ladder_encode(elbo_context *context, elbo_node *x);

#endif
