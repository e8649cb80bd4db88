/* Draws of gamma variates. */
#ifndef ELBO_OPS_GAMMA_H
#define ELBO_OPS_GAMMA_H

#include "graph/graph.h"

/* y = log z with z ~ Gamma(concentration, rate 1), for concentration broadcast to `shape`: small concentrations give z
 * that no floating-point number holds, and log z that any does. Reproducible as elbo_random_normal is. The gradient is
 * the implicit one (Figurnov, Mohamed and Mnih 2018): the draw as a function of concentration at fixed probability. */
elbo_node *elbo_random_log_gamma(elbo_node *concentration, elbo_shape shape, int row_axis);

extern const elbo_op elbo_op_random_log_gamma, elbo_op_log_gamma_slope;

#endif
