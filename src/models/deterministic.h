/* Autoencoders without probabilities: encode gives a code, decode gives values, and a loss compares these with the
 * data. In the contract of a model they stand where distributions stand:
 *
 *   encode   a code: draws and mean are the code itself, the variance is 0; it has no density
 *   decode   values with a loss: log_prob is minus the loss, so that a reconstruction is measured as anywhere else
 *   prior    none
 *
 * What needs a density, or a draw of data, is an error in the graph that says so. A model of this kind sets
 * `deterministic` in its type. */
#ifndef ELBO_MODELS_DETERMINISTIC_H
#define ELBO_MODELS_DETERMINISTIC_H

#include "models/model.h"

/* code: [B, latent] -> an event of rank 1. */
elbo_dist elbo_code(elbo_node *code);
/* Stands for p(z); whatever is asked of it fails. */
elbo_dist elbo_code_prior(elbo_context *context, int64_t rows, int64_t latent);

/* Squared error: sum (x - value)^2; value: [..., size], the mean. */
extern const elbo_dist_type elbo_squared_error_type;
elbo_dist elbo_squared_error(elbo_node *value);
/* Cross-entropy: -sum x log p + (1 - x) log(1 - p), p = sigmoid(logits) the mean, x in [0, 1]. */
extern const elbo_dist_type elbo_cross_entropy_type;
elbo_dist elbo_cross_entropy(elbo_node *logits);

/* The update of such a model: the loss of decode(encode(seen)) at x, [B, size] both. */
elbo_update elbo_deterministic_update(elbo_context *context, const elbo_model_type *model, elbo_node *seen,
                                      elbo_node *x);

/* The fields of such a model's type, each a function of its own of that name in the model's file. */
#define ELBO_DETERMINISTIC_PARTS                                                                            \
    .deterministic = true, .check = check, .latent = latent, .likelihood = likelihood, .levels = no_levels, \
    .initialisation = initialisation, .prior = prior, .encode = encode, .decode = decode

/* Rules for options that have no meaning without a KL. */
#define ELBO_DETERMINISTIC_RULES \
    {"beta", {NULL}, "", "a model with a prior"}, { "kl_warmup", {NULL}, "", "a model with a prior" }

#endif
