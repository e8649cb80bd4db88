/* A mixture of K normal distributions of vectors, each with independent elements. How its draws move: mixture.h. */
#include "dist/formula.h"
#include "dist/mixture.h"

enum { LOGITS, LOC, SCALE };

/* (x - loc) / scale: [..., K, D] */
static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(elbo_mixture_above(x), dist->parameter[LOC]), dist->parameter[SCALE]);
}

/* log N(x; loc, scale): [..., K, D] */
static elbo_node *log_normals(const elbo_dist *dist, elbo_node *x) {
    elbo_node *half = elbo_scale(elbo_square(standardised(dist, x)), 0.5);
    return elbo_neg(elbo_shift(elbo_add(half, elbo_log(dist->parameter[SCALE])), ELBO_HALF_LOG_TWO_PI));
}

static elbo_node *log_weights(const elbo_dist *dist) { return elbo_mixture_log_weights(dist->parameter[LOGITS]); }

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *joint = elbo_add(elbo_sum(log_normals(dist, x), -1, -1, false), log_weights(dist));
    return elbo_logsumexp(joint, -1, -1, false);
}

/* J_dj = sum_k W_kd (Phi_kd - F_d) d log N_kj / dz_j below the diagonal, the density on it. */
static elbo_node *jacobian(const elbo_dist *dist, elbo_node *z, elbo_node *weights) {
    elbo_shape shape = elbo_node_shape(z);
    int64_t size = shape.rank ? shape.dim[shape.rank - 1] : 1;
    elbo_node *u = standardised(dist, z), *below = elbo_mixture_normal_cdf(u);
    elbo_node *slope = elbo_neg(elbo_div(u, dist->parameter[SCALE])); /* d log N / dz */
    elbo_node *density = elbo_mixture_sum(elbo_mul(weights, elbo_exp(log_normals(dist, z))));
    elbo_node *f = elbo_mixture_above(elbo_mixture_sum(elbo_mul(weights, below)));
    elbo_node *moved = elbo_matmul(elbo_mul(weights, elbo_sub(below, f)), slope, true, false);
    return elbo_where(elbo_mixture_diagonal(dist->graph, size), elbo_formula_with_axis(density), moved);
}

static elbo_node *with_gradient(const elbo_dist *dist, elbo_node *drawn) {
    elbo_node *z = elbo_stop_gradient(drawn);
    elbo_node *weights = elbo_mixture_conditional_weights(log_weights(dist), log_normals(dist, z));
    elbo_node *below = elbo_mixture_normal_cdf(standardised(dist, z));
    return elbo_mixture_draw(z, weights, below, jacobian(dist, z, weights));
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *chosen = elbo_mixture_choice(dist->parameter[LOGITS], shape, row_axis);
    elbo_node *e = elbo_mixture_above(elbo_random_normal(dist->graph, shape, row_axis));
    elbo_node *each = elbo_muladd(dist->parameter[SCALE], e, dist->parameter[LOC]);
    return with_gradient(dist, elbo_mixture_sum(elbo_mul(elbo_formula_with_axis(chosen), each)));
}

static elbo_node *weighted(const elbo_dist *dist, elbo_node *x) {
    return elbo_mixture_mean(dist->parameter[LOGITS], x);
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, weighted(dist, dist->parameter[LOC])); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *away = elbo_sub(dist->parameter[LOC], elbo_mixture_above(weighted(dist, dist->parameter[LOC])));
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
