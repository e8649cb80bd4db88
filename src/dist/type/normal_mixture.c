/* A mixture of K normal distributions of vectors, each with independent elements.
 *
 * The choice of a component has no gradient, so a draw is reparameterised implicitly: element after element it stays
 * where its conditional distribution function keeps its value,
 *   F_d(z_d | z_<d) = sum_k W_kd Phi_kd,  W_kd proportional to p_k prod_(j<d) N(z_j; loc_kj, scale_kj),
 * which makes dz = -J^-1 dF with the lower triangular J_dj = dF_d / dz_j. Second derivatives are not carried. */
#include <math.h>

#include "dist/formula.h"

enum { LOGITS, LOC, SCALE };

/* [..., D] -> [..., 1, D] */
static elbo_node *above_components(elbo_node *x) {
    elbo_shape shape = elbo_node_shape(elbo_formula_with_axis(x));
    if (shape.rank < 2) return NULL;
    shape.dim[shape.rank - 1] = shape.dim[shape.rank - 2];
    shape.dim[shape.rank - 2] = 1;
    return elbo_reshape(x, shape);
}

/* (x - loc) / scale: [..., K, D] */
static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(above_components(x), dist->parameter[LOC]), dist->parameter[SCALE]);
}

/* log N(x; loc, scale): [..., K, D] */
static elbo_node *log_normals(const elbo_dist *dist, elbo_node *x) {
    elbo_node *half = elbo_scale(elbo_square(standardised(dist, x)), 0.5);
    return elbo_neg(elbo_shift(elbo_add(half, elbo_log(dist->parameter[SCALE])), ELBO_HALF_LOG_TWO_PI));
}

static elbo_node *log_weights(const elbo_dist *dist) { return elbo_log_softmax(dist->parameter[LOGITS], -1); }

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *joint = elbo_add(elbo_sum(log_normals(dist, x), -1, -1, false), log_weights(dist));
    return elbo_logsumexp(joint, -1, -1, false);
}

/* Sums over components. */
static elbo_node *mix(elbo_node *x) { return elbo_sum(x, -2, -2, false); }

/* W: [..., K, D], for the elements before each one. */
static elbo_node *conditional_weights(const elbo_dist *dist, elbo_node *z) {
    elbo_node *before = elbo_cumsum(log_normals(dist, z), -1, true, false);
    return elbo_softmax(elbo_add(before, elbo_formula_with_axis(log_weights(dist))), -2);
}

static elbo_node *normal_cdf(elbo_node *u) {
    return elbo_shift(elbo_scale(elbo_erf(elbo_scale(u, 1 / ELBO_SQRT_TWO)), 0.5), 0.5);
}

/* J: [..., D, D]; what stands above its diagonal is not read. */
static elbo_node *jacobian(const elbo_dist *dist, elbo_node *z, elbo_node *weights) {
    elbo_shape shape = elbo_node_shape(z);
    int64_t size = shape.rank ? shape.dim[shape.rank - 1] : 1;
    elbo_node *u = standardised(dist, z), *below = elbo_mul(weights, normal_cdf(u));
    elbo_node *slope = elbo_neg(elbo_div(u, dist->parameter[SCALE])); /* d log N / dz */
    elbo_node *density = mix(elbo_mul(weights, elbo_exp(log_normals(dist, z))));
    elbo_node *moved = elbo_sub(elbo_matmul(below, slope, true, false),
                                elbo_mul(elbo_formula_with_axis(mix(below)), elbo_matmul(weights, slope, true, false)));
    elbo_node *place = elbo_cumsum(elbo_constant(dist->graph, 1, ELBO_SHAPE(size)), 0, true, false);
    elbo_node *diagonal = elbo_equal(elbo_formula_with_axis(place), place);
    elbo_node *safe = elbo_max(density, elbo_formula_number(dist, 1e-30));
    return elbo_where(diagonal, elbo_formula_with_axis(safe), moved);
}

/* z with the gradient -J^-1 dF: the value of what is subtracted is 0. */
static elbo_node *with_gradient(const elbo_dist *dist, elbo_node *drawn) {
    elbo_node *z = elbo_stop_gradient(drawn), *weights = conditional_weights(dist, z);
    elbo_node *f = mix(elbo_mul(weights, normal_cdf(standardised(dist, z))));
    elbo_node *change = elbo_formula_with_axis(elbo_sub(f, elbo_stop_gradient(f)));
    elbo_node *j = elbo_stop_gradient(jacobian(dist, z, weights));
    return elbo_sub(z, elbo_reshape(elbo_tril_solve(j, change, false), elbo_node_shape(z)));
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_shape choices = shape, logits = elbo_node_shape(dist->parameter[LOGITS]);
    if (shape.rank < 1 || logits.rank < 1) return NULL;
    int64_t components = logits.dim[logits.rank - 1];
    choices.dim[choices.rank - 1] = components;
    elbo_node *u = elbo_random_uniform(dist->graph, choices, row_axis);
    elbo_node *gumbel = elbo_neg(elbo_log(elbo_neg(elbo_log(u))));
    elbo_node *chosen = elbo_one_hot(elbo_argmax(elbo_add(dist->parameter[LOGITS], gumbel), -1), components);
    elbo_node *e = above_components(elbo_random_normal(dist->graph, shape, row_axis));
    elbo_node *each = elbo_muladd(dist->parameter[SCALE], e, dist->parameter[LOC]);
    return with_gradient(dist, mix(elbo_mul(elbo_formula_with_axis(chosen), each)));
}

static elbo_node *weighted(const elbo_dist *dist, elbo_node *x) {
    return mix(elbo_mul(elbo_formula_with_axis(elbo_softmax(dist->parameter[LOGITS], -1)), x));
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, weighted(dist, dist->parameter[LOC])); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *away = elbo_sub(dist->parameter[LOC], above_components(weighted(dist, dist->parameter[LOC])));
    elbo_node *spread = elbo_add(elbo_square(dist->parameter[SCALE]), elbo_square(away));
    return elbo_formula_full(dist, weighted(dist, spread));
}

const elbo_dist_type elbo_dist_normal_mixture = {
    .name = "normal_mixture",
    ELBO_DIST_IS(VECTOR, IMPLICIT, "sum_k p_k prod_d N(x_d; loc_kd, scale_kd^2), p = softmax(logits)"),
    .source = "Bishop 2006, section 9.2; gradients: Graves 2016, arXiv:1607.05690",
    .parameter = {{"logits", ELBO_CONSTRAINT_REAL, "K"},
                  {"loc", ELBO_CONSTRAINT_REAL, "KD"},
                  {"scale", ELBO_CONSTRAINT_POSITIVE, "KD"}},
    .event = "D",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance};
