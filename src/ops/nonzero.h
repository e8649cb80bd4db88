/* Products with matrices that are dense in memory but mostly zeros, such as documents as counts of words. */
#ifndef ELBO_OPS_NONZERO_H
#define ELBO_OPS_NONZERO_H

#include "elbo.h"

/* x: [B, V], weight: [V, H] -> x weight: [B, H], over the values of x that are not zero alone: faster than elbo_matmul
 * while these are fewer than one in twenty or so and H is some hundreds. A zero takes its row of weight out even where
 * that is not finite. */
elbo_node *elbo_matmul_nonzero(elbo_node *x, elbo_node *weight);

#endif
