/* What elliptical distributions share: loc: [..., D] and the lower triangular L: [..., D, D] with LL' the covariance,
 * or what takes its place. Above the diagonal L is not read. */
#ifndef ELBO_DIST_ELLIPSE_H
#define ELBO_DIST_ELLIPSE_H

#include "dist/dist.h"

/* D. */
int64_t elbo_ellipse_size(elbo_node *l);
/* log det L: [...]. */
elbo_node *elbo_ellipse_log_det(elbo_node *l);
/* L^-1 (x - loc) for x with any leading axes: [..., D]. */
elbo_node *elbo_ellipse_whiten(elbo_node *x, elbo_node *loc, elbo_node *l);
/* L e: [..., D]. */
elbo_node *elbo_ellipse_apply(elbo_node *l, elbo_node *e);
/* The diagonal of LL': [..., D]. */
elbo_node *elbo_ellipse_variance(elbo_node *l);
/* |y|^2 over the last axis. */
elbo_node *elbo_ellipse_square(elbo_node *y);

#endif
