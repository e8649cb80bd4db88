/* Student's t distribution with location and scale. */
#include <math.h>

#include "dist/formula.h"
#include "ops/gamma.h"

enum { DF, LOC, SCALE };

static elbo_node *half_df(const elbo_dist *dist) { return elbo_scale(dist->parameter[DF], 0.5); }

/* log Gamma((df+1)/2) - log Gamma(df/2) - log(df pi)/2 - log scale - (df+1)/2 log(1 + u^2/df) */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = elbo_div(elbo_sub(x, dist->parameter[LOC]), dist->parameter[SCALE]);
    elbo_node *tail = elbo_formula_log1p_square(elbo_div(u, elbo_sqrt(dist->parameter[DF])));
    elbo_node *gammas =
        elbo_sub(elbo_formula_log_gamma_half(half_df(dist)), elbo_scale(elbo_log(dist->parameter[DF]), 0.5));
    elbo_node *constant = elbo_shift(elbo_sub(gammas, elbo_log(dist->parameter[SCALE])), -ELBO_LOG_PI / 2);
    return elbo_sub(constant, elbo_mul(elbo_shift(half_df(dist), 0.5), tail));
}

/* loc + scale e sqrt(df / 2 / z), e ~ N(0,1), z ~ Gamma(df/2, 1): reparameterised in df by the gamma variate */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *e = elbo_random_normal(dist->graph, shape, row_axis);
    elbo_node *log_z = elbo_random_log_gamma(half_df(dist), shape, row_axis);
    elbo_node *stretch = elbo_exp(elbo_scale(elbo_sub(elbo_log(half_df(dist)), log_z), 0.5));
    return elbo_muladd(dist->parameter[SCALE], elbo_mul(e, stretch), dist->parameter[LOC]);
}

/* With t = u^2 / df: 1/2 + sign(u) I_{t / (1 + t)}(1/2, df/2) / 2 near loc; half of I_{1 / (1 + t)}(df/2, 1/2) in the
 * tails. |u| is kept above 0, where the root of t has no slope. */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = elbo_div(elbo_sub(x, dist->parameter[LOC]), dist->parameter[SCALE]),
              *one = elbo_formula_number(dist, 1);
    elbo_node *negative = elbo_less(u, elbo_formula_number(dist, 0));
    elbo_node *size = elbo_shift(elbo_where(negative, elbo_neg(u), u), 1e-12);
    elbo_node *r = elbo_div(size, elbo_sqrt(dist->parameter[DF])), *half = elbo_formula_number(dist, 0.5);
    elbo_node *near = elbo_scale(elbo_beta_cdf(half, half_df(dist), elbo_square(elbo_min(r, one))), 0.5);
    elbo_node *far = elbo_square(elbo_reciprocal(elbo_max(r, one)));
    elbo_node *tail =
        elbo_where(elbo_less(r, one), elbo_sub(half, near), elbo_scale(elbo_beta_cdf(half_df(dist), half, far), 0.5));
    return elbo_where(negative, tail, elbo_sub(one, tail));
}

/* value where df > bound, else `beyond` */
static elbo_node *above(const elbo_dist *dist, double bound, elbo_node *value, elbo_node *beyond) {
    return elbo_formula_full(
        dist, elbo_formula_if_less(elbo_formula_number(dist, bound), dist->parameter[DF], value, beyond));
}

static elbo_node *mean(const elbo_dist *dist) {
    return above(dist, 1, dist->parameter[LOC], elbo_formula_number(dist, NAN));
}

/* scale^2 df / (df - 2) for df > 2, infinite for df > 1 */
static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *df = dist->parameter[DF];
    elbo_node *value = elbo_mul(elbo_square(dist->parameter[SCALE]), elbo_div(df, elbo_shift(df, -2)));
    elbo_node *infinite = above(dist, 1, elbo_formula_number(dist, INFINITY), elbo_formula_number(dist, NAN));
    return above(dist, 2, value, infinite);
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

/* (df+1)/2 (psi((df+1)/2) - psi(df/2)) + log(df pi)/2 - log Gamma((df+1)/2) + log Gamma(df/2) + log scale */
static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *half = half_df(dist), *more = elbo_shift(half, 0.5);
    elbo_node *tail = elbo_mul(more, elbo_sub(elbo_digamma(more), elbo_digamma(half)));
    elbo_node *gammas = elbo_sub(elbo_scale(elbo_log(dist->parameter[DF]), 0.5), elbo_formula_log_gamma_half(half));
    elbo_node *sum = elbo_add(elbo_add(tail, gammas), elbo_log(dist->parameter[SCALE]));
    return elbo_formula_full(dist, elbo_shift(sum, ELBO_LOG_PI / 2));
}

const elbo_dist_type elbo_dist_student_t = {
    .name = "student_t",
    ELBO_DIST_IS(REAL, LOCATION_SCALE,
                 "(1 + u^2 / df)^(-(df + 1) / 2) / (scale sqrt(df) B(df / 2, 1/2)), u = (x - loc) / scale"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 28",
    .parameter = {{"df", ELBO_CONSTRAINT_POSITIVE, NULL},
                  {"loc", ELBO_CONSTRAINT_REAL, NULL},
                  {"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf};
