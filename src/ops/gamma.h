/* Draws of gamma variates; the distribution functions of the gamma and beta families. */
#ifndef ELBO_OPS_GAMMA_H
#define ELBO_OPS_GAMMA_H

#include "graph/graph.h"

/* y = log z with z ~ Gamma(concentration, rate 1), for concentration broadcast to `shape`: small concentrations give z
 * that no floating-point number holds, and log z that any does. Reproducible as elbo_random_normal is. The gradient is
 * the implicit one (Figurnov, Mohamed and Mnih 2018): the draw as a function of concentration at fixed probability. */
elbo_node *elbo_random_log_gamma(elbo_node *concentration, elbo_shape shape, int row_axis);

/* P(a, w), the distribution function of Gamma(a, 1) at w, 0 for w <= 0; and I_x(a, b) at x = odds / (1 + odds), that of
 * x / (1 - x) with x ~ Beta(a, b). Arguments broadcast. The derivatives in w and the odds are densities, which have
 * derivatives of their own; those in a and b can be taken once. */
elbo_node *elbo_gamma_cdf(elbo_node *a, elbo_node *w);
elbo_node *elbo_beta_cdf(elbo_node *a, elbo_node *b, elbo_node *odds);

extern const elbo_op elbo_op_random_log_gamma, elbo_op_log_gamma_slope;
extern const elbo_op elbo_op_gamma_cdf, elbo_op_gamma_density, elbo_op_gamma_cdf_slope;
extern const elbo_op elbo_op_beta_cdf, elbo_op_beta_density, elbo_op_beta_cdf_slope;

#endif
