/* Likelihoods of a part of the datum, where the rest is given: log p(y | z, c) for x = (y, c). */
#ifndef ELBO_MODELS_PARTIAL_H
#define ELBO_MODELS_PARTIAL_H

#include "models/model.h"

/* The model's mask of what is given, [size] of 1 and 0, as a node. */
elbo_node *elbo_partial_mask(const elbo_context *context, const elbo_model_type *type);
/* `whole` over all values of x, one number for each, to what is left of it when those under the mask are known to be
 * `given`, [B, size]: they cost nothing, and mean, mode and draws repeat them. */
elbo_dist elbo_partial(const elbo_dist *whole, elbo_node *given, elbo_node *mask);

#endif
