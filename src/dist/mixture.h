/* What mixtures of normal vectors share. Values: [..., D]; what belongs to a component: [..., K, D]; log_weights:
 * [..., K].
 *
 * The choice of a component has no gradient, so a draw is reparameterised implicitly: element after element it stays
 * where its conditional distribution function keeps its value,
 *   F_d(z_d | z_<d) = sum_k W_kd Phi(u_kd),  W_kd proportional to p_k prod_(j<d) N_kj,
 * where u_kd is z_d less the mean that component k has for it given z_<d, over its standard deviation, and N_kj the
 * density of that. This gives dz = -J^-1 dF with the lower triangular J_dj = dF_d / dz_j; second derivatives are
 * refused. */
#ifndef ELBO_DIST_MIXTURE_H
#define ELBO_DIST_MIXTURE_H

#include "dist/dist.h"

/* [..., D] -> [..., 1, D] */
elbo_node *elbo_mixture_above(elbo_node *x);
/* Sums over components: [..., K, D] -> [..., D]. */
elbo_node *elbo_mixture_sum(elbo_node *x);
/* log of the weights of the logits, and sum of them times x: [..., K, D] -> [..., D]. */
elbo_node *elbo_mixture_log_weights(elbo_node *logits);
elbo_node *elbo_mixture_mean(elbo_node *logits, elbo_node *x);
/* Of each draw of `shape` a component, as [..., K] with a single 1. */
elbo_node *elbo_mixture_choice(elbo_node *logits, elbo_shape shape, int row_axis);
/* W, of log N: [..., K, D]. */
elbo_node *elbo_mixture_conditional_weights(elbo_node *log_weights, elbo_node *log_normals);
/* Phi(u), the standard normal's distribution function. */
elbo_node *elbo_mixture_normal_cdf(elbo_node *u);
/* 1 on the diagonal of [n, n], else 0. */
elbo_node *elbo_mixture_diagonal(elbo_graph *graph, int64_t n);
/* z with its gradient, from what is written at z with its gradient stopped: W, Phi(u) and J, whose diagonal, a density,
 * is kept above 0. */
elbo_node *elbo_mixture_draw(elbo_node *z, elbo_node *weights, elbo_node *below, elbo_node *j);

#endif
