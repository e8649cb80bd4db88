/* Draws that are reparameterised implicitly. */
#ifndef ELBO_OPS_IMPLICIT_H
#define ELBO_OPS_IMPLICIT_H

#include "graph/graph.h"

/* The draw z: [..., D], with the gradient dz = -j^-1 df for f: [..., D], written at z with its gradient stopped, and
 * j = df/dz: [..., D, D], of which what stands above the diagonal is not read. A second derivative is an error. */
elbo_node *elbo_random_implicit(elbo_node *z, elbo_node *f, elbo_node *j);

extern const elbo_op elbo_op_random_implicit, elbo_op_implicit_slope;

#endif
