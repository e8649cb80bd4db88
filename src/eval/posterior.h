/* Posteriors between plans: one plan works out the parameters of q(z|x), another one takes them as inputs. */
#ifndef ELBO_EVAL_POSTERIOR_H
#define ELBO_EVAL_POSTERIOR_H

#include "dist/dist.h"

/* Gives each parameter a leading axis of dist->shape.dim[0] rows, so that a row's parameters are adjacent numbers. A
 * parameter that cannot have one is an error in the graph. */
void elbo_posterior_spread(elbo_dist *dist);
/* How many parameters a distribution has. */
int elbo_posterior_parameters(const elbo_dist *dist);
/* Numbers of parameter k for one row, after elbo_posterior_spread. */
int64_t elbo_posterior_width(const elbo_dist *dist, int k);
/* The same distribution in another graph, for so many rows, its parameters inputs. */
elbo_dist elbo_posterior_inputs(const elbo_dist *like, elbo_graph *graph, int64_t rows);

#endif
