/* Draws of whole numbers, held as reals. No gradient flows into their parameters. */
#ifndef ELBO_OPS_COUNT_H
#define ELBO_OPS_COUNT_H

#include "graph/graph.h"

/* Poisson counts for rates broadcast to `shape`. Reproducible as elbo_random_normal is. */
elbo_node *elbo_random_poisson(elbo_node *rate, elbo_shape shape, int row_axis);
/* probability: [..., K], broadcast to `shape`, of which the last axis sums to 1 -> counts that sum to total. */
elbo_node *elbo_random_multinomial(elbo_node *probability, int64_t total, elbo_shape shape, int row_axis);

extern const elbo_op elbo_op_random_poisson, elbo_op_random_multinomial;

#endif
