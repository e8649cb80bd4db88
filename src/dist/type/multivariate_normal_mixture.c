/* A mixture of K normal distributions of vectors, each with a full covariance by its Cholesky factor L_k. How its draws
 * move: mixture.h, with u = L_k^-1 (z - loc_k): row d of it is z_d, standardised by its distribution given z_<d. */
#include "dist/ellipse.h"
#include "dist/formula.h"
#include "dist/mixture.h"

enum { LOGITS, LOC, SCALE };

static int64_t size(const elbo_dist *dist) { return elbo_ellipse_size(dist->parameter[SCALE]); }
static bool has_batch(const elbo_dist *dist) {
    return elbo_node_shape(dist->parameter[LOC]).rank > 2 || elbo_node_shape(dist->parameter[SCALE]).rank > 3;
}

/* L_k with zeros above the diagonal: [..., K, D, D] */
static elbo_node *triangles(const elbo_dist *dist) { return elbo_tril_fill(elbo_tril_take(dist->parameter[SCALE])); }

/* u: [..., K, D]. One mixture for all x: a solve for each component with all x as columns. */
static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    elbo_node *above = elbo_mixture_above(x);
    if (!above) return NULL;
    if (has_batch(dist)) return elbo_ellipse_whiten(above, dist->parameter[LOC], dist->parameter[SCALE]);
    static const int to_columns[3] = {1, 2, 0}, to_rows[3] = {2, 0, 1};
    elbo_node *away = elbo_sub(above, dist->parameter[LOC]);
    elbo_shape shape = elbo_node_shape(away);
    if (shape.rank < 2) return NULL;
    elbo_node *columns = elbo_reshape(away, ELBO_SHAPE(-1, shape.dim[shape.rank - 2], size(dist)));
    elbo_node *solved = elbo_tril_solve(dist->parameter[SCALE], elbo_transpose(columns, to_columns), false);
    return elbo_reshape(elbo_transpose(solved, to_rows), shape);
}

static elbo_node *log_weights(const elbo_dist *dist) { return elbo_mixture_log_weights(dist->parameter[LOGITS]); }

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *squares = elbo_scale(elbo_ellipse_square(standardised(dist, x)), 0.5);
    elbo_node *log_normal = elbo_neg(elbo_add(squares, elbo_ellipse_log_det(dist->parameter[SCALE])));
    elbo_node *joint = elbo_add(log_normal, log_weights(dist));
    return elbo_shift(elbo_logsumexp(joint, -1, -1, false), -ELBO_HALF_LOG_TWO_PI * (double)size(dist));
}

/* The diagonal of L_k: [..., K, D] */
static elbo_node *deviations(const elbo_dist *dist) {
    elbo_node *diagonal = elbo_mixture_diagonal(dist->graph, size(dist));
    return elbo_sum(elbo_where(diagonal, dist->parameter[SCALE], elbo_formula_number(dist, 0)), -1, -1, false);
}

/* L_k^-1: [..., K, D, D] */
static elbo_node *inverses(const elbo_dist *dist) {
    elbo_node *l = dist->parameter[SCALE];
    return elbo_tril_solve(l, elbo_broadcast_to(elbo_mixture_diagonal(dist->graph, size(dist)), elbo_node_shape(l)),
                           false);
}

/* [..., K, D, D] -> [..., D, D] */
static elbo_node *sum_components(elbo_node *x) { return elbo_sum(x, -3, -3, false); }

/* J_dj = sum_k W_kd (phi(u_kd) M_dj - (Phi_kd - F_d) sum_(i<d) u_ki M_ij), M = L_k^-1: how the conditional mean of z_d
 * moves with z_j, and how the weights do. */
static elbo_node *jacobian(const elbo_dist *dist, elbo_node *u, elbo_node *weights) {
    elbo_node *m = inverses(dist), *below = elbo_mixture_normal_cdf(u);
    elbo_node *phi = elbo_exp(elbo_shift(elbo_scale(elbo_square(u), -0.5), -ELBO_HALF_LOG_TWO_PI));
    elbo_node *f = elbo_mixture_above(elbo_mixture_sum(elbo_mul(weights, below)));
    elbo_node *before = elbo_cumsum(elbo_mul(elbo_formula_with_axis(u), m), -2, true, false);
    elbo_node *means = elbo_mul(elbo_formula_with_axis(elbo_mul(weights, phi)), m);
    elbo_node *choices = elbo_mul(elbo_formula_with_axis(elbo_mul(weights, elbo_sub(below, f))), before);
    return sum_components(elbo_sub(means, choices));
}

static elbo_node *with_gradient(const elbo_dist *dist, elbo_node *drawn) {
    elbo_node *z = elbo_stop_gradient(drawn), *u = standardised(dist, z);
    elbo_node *log_normals = elbo_neg(elbo_add(elbo_scale(elbo_square(u), 0.5), elbo_log(deviations(dist))));
    elbo_node *weights = elbo_mixture_conditional_weights(log_weights(dist), log_normals);
    return elbo_mixture_draw(z, weights, elbo_mixture_normal_cdf(u), jacobian(dist, u, weights));
}

/* L_k e for every component: [..., K, D]; one mixture for all e: one product with all the triangles, row by row. */
static elbo_node *stretched(const elbo_dist *dist, elbo_node *e, elbo_shape each) {
    if (has_batch(dist))
        return elbo_ellipse_apply(dist->parameter[SCALE], elbo_broadcast_to(elbo_mixture_above(e), each));
    elbo_node *rows = elbo_reshape(triangles(dist), ELBO_SHAPE(-1, size(dist)));
    return elbo_reshape(elbo_matmul(elbo_reshape(e, ELBO_SHAPE(-1, size(dist))), rows, false, true), each);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *chosen = elbo_mixture_choice(dist->parameter[LOGITS], shape, row_axis);
    elbo_shape each = elbo_node_shape(chosen);
    if (!chosen || each.rank >= ELBO_MAX_RANK) return elbo_formula_with_axis(chosen);
    each.dim[each.rank++] = size(dist);
    elbo_node *e = elbo_random_normal(dist->graph, shape, row_axis);
    elbo_node *all = elbo_add(stretched(dist, e, each), dist->parameter[LOC]);
    return with_gradient(dist, elbo_mixture_sum(elbo_mul(elbo_formula_with_axis(chosen), all)));
}

static elbo_node *weighted(const elbo_dist *dist, elbo_node *x) {
    return elbo_mixture_mean(dist->parameter[LOGITS], x);
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, weighted(dist, dist->parameter[LOC])); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *away = elbo_sub(dist->parameter[LOC], elbo_mixture_above(weighted(dist, dist->parameter[LOC])));
    elbo_node *spread = elbo_add(elbo_ellipse_variance(dist->parameter[SCALE]), elbo_square(away));
    return elbo_formula_full(dist, weighted(dist, spread));
}

const elbo_dist_type elbo_dist_multivariate_normal_mixture = {
    .name = "multivariate_normal_mixture",
    ELBO_DIST_IS(VECTOR, IMPLICIT, "sum_k p_k N(x; loc_k, L_k L_k'), p = softmax(logits), L = scale_tril"),
    .source =
        "Bishop 2006, section 9.2; gradients: Graves 2016, arXiv:1607.05690, with the conditional distributions of "
        "Bishop 2006, section 2.3.1",
    .parameter = {{"logits", ELBO_CONSTRAINT_REAL, "K"},
                  {"loc", ELBO_CONSTRAINT_REAL, "KD"},
                  {"scale_tril", ELBO_CONSTRAINT_LOWER_TRIANGULAR, "KDD"}},
    .event = "D",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance};
