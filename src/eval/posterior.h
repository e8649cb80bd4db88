/* Posteriors between plans: one plan works out the parameters of q(z|x), another one takes them as inputs. */
#ifndef ELBO_EVAL_POSTERIOR_H
#define ELBO_EVAL_POSTERIOR_H

#include "models/model.h"

/* Gives each parameter that is no constant a leading axis of dist->shape.dim[0] rows, so that a row's parameters are
 * adjacent numbers. */
void elbo_posterior_spread(elbo_dist *dist);
/* How many parameters a distribution has. */
int elbo_posterior_parameters(const elbo_dist *dist);
/* Numbers of parameter k for one row, after elbo_posterior_spread; 0 for a constant. */
int64_t elbo_posterior_width(const elbo_dist *dist, int k);
/* A distribution's mean and, unless deviation is NULL, its standard deviation; by 64 draws where they have no closed
 * form. Where the mean does not exist or is infinite, the median or mode stands in for it; the deviation is then NaN or
 * infinite. */
elbo_node *elbo_posterior_mean(const elbo_dist *dist, elbo_node **deviation);
/* The same distribution in another graph, for so many rows, its parameters inputs (constants stay constants). Types of
 * a model's own build with a context: theirs is put into *context, which must live while the distribution is used. */
elbo_dist elbo_posterior_inputs(const elbo_dist *like, elbo_graph *graph, int64_t rows, elbo_context *context);

#endif
