/* The normal distribution of vectors, by location and Cholesky factor of the covariance. */
#include "dist/ellipse.h"
#include "dist/formula.h"

enum { LOC, SCALE };

static double half_size(const elbo_dist *dist) { return 0.5 * (double)elbo_ellipse_size(dist->parameter[SCALE]); }

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *y = elbo_ellipse_whiten(x, dist->parameter[LOC], dist->parameter[SCALE]);
    elbo_node *sum = elbo_add(elbo_scale(elbo_ellipse_square(y), 0.5), elbo_ellipse_log_det(dist->parameter[SCALE]));
    return elbo_neg(elbo_shift(sum, 2 * half_size(dist) * ELBO_HALF_LOG_TWO_PI));
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *e = elbo_random_normal(dist->graph, shape, row_axis);
    return elbo_add(elbo_ellipse_apply(dist->parameter[SCALE], e), dist->parameter[LOC]);
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_ellipse_variance(dist->parameter[SCALE]));
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_shift(elbo_ellipse_log_det(dist->parameter[SCALE]), half_size(dist) * (1 + 2 * ELBO_HALF_LOG_TWO_PI));
}

/* tr(S_q^-1 S_p): the squared length of all columns of L_p, whitened by L_q */
static elbo_node *trace(const elbo_dist *p, const elbo_dist *q) {
    int swap[ELBO_MAX_RANK];
    int rank = elbo_node_shape(p->parameter[SCALE]).rank;
    for (int axis = 0; axis < rank; axis++) swap[axis] = axis;
    swap[rank - 2] = rank - 1;
    swap[rank - 1] = rank - 2;
    elbo_node *rows = elbo_transpose(elbo_tril_fill(elbo_tril_take(p->parameter[SCALE])), swap);
    elbo_node *l = q->parameter[SCALE];
    elbo_shape shape = elbo_node_shape(l);
    if (shape.rank > 2) { /* a batch of triangles: one axis more, so that each meets all rows of its own */
        if (shape.rank >= ELBO_MAX_RANK) return elbo_formula_with_axis(l);
        for (int axis = shape.rank; axis > shape.rank - 2; axis--) shape.dim[axis] = shape.dim[axis - 1];
        shape.dim[shape.rank - 2] = 1;
        shape.rank++;
        l = elbo_reshape(l, shape);
    }
    elbo_node *white = elbo_ellipse_whiten(rows, elbo_formula_number(p, 0), l);
    return elbo_sum(elbo_square(white), -2, -1, false);
}

/* The closed KL to independent normals: the diagonal of the covariance is all that they see. */
static elbo_node *kl_to_normal(const elbo_dist *p, const elbo_dist *q) {
    elbo_node *log_scale = elbo_broadcast_to(q->parameter[1], q->shape);
    elbo_node *spread =
        elbo_add(elbo_ellipse_variance(p->parameter[SCALE]), elbo_square(elbo_sub(p->parameter[LOC], q->parameter[0])));
    elbo_node *each = elbo_muladd(elbo_scale(spread, 0.5), elbo_exp(elbo_scale(log_scale, -2)), log_scale);
    elbo_node *rest = elbo_shift(elbo_ellipse_log_det(p->parameter[SCALE]), half_size(p));
    return elbo_sub(elbo_sum(each, -1, -1, false), rest);
}

/* (tr(S_q^-1 S_p) + |L_q^-1 (m_p - m_q)|^2 - D) / 2 + log det L_q - log det L_p */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type == &elbo_dist_normal && q->event_rank > 0 && q->shape.rank > 0) return kl_to_normal(p, q);
    if (q->type != p->type) return NULL;
    elbo_node *y = elbo_ellipse_whiten(p->parameter[LOC], q->parameter[LOC], q->parameter[SCALE]);
    elbo_node *squares = elbo_shift(elbo_scale(elbo_add(trace(p, q), elbo_ellipse_square(y)), 0.5), -half_size(p));
    return elbo_add(squares,
                    elbo_sub(elbo_ellipse_log_det(q->parameter[SCALE]), elbo_ellipse_log_det(p->parameter[SCALE])));
}

const elbo_dist_type elbo_dist_multivariate_normal = {
    .name = "multivariate_normal",
    ELBO_DIST_IS(VECTOR, LOCATION_SCALE, "exp(-|L^-1 (x - loc)|^2 / 2) / ((2 pi)^(D/2) det L), L = scale_tril"),
    .source = "Bishop 2006, section 2.3",
    .kl_to = "multivariate_normal, normal",
    .kl_source = "Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, "D"}, {"scale_tril", ELBO_CONSTRAINT_LOWER_TRIANGULAR, "DD"}},
    .event = "D",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mean,
    .entropy = entropy,
    .kl = kl};
