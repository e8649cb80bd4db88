/* Student's t distribution of vectors: a normal vector, stretched by a common factor. */
#include <math.h>

#include "dist/ellipse.h"
#include "dist/formula.h"
#include "ops/gamma.h"

enum { DF, LOC, SCALE };

static int64_t size(const elbo_dist *dist) { return elbo_ellipse_size(dist->parameter[SCALE]); }
static elbo_node *half_df(const elbo_dist *dist) { return elbo_scale(dist->parameter[DF], 0.5); }

/* log Gamma((df + D) / 2) - log Gamma(df / 2): whole steps one by one, which is exact at any df, and a half one */
static elbo_node *log_gamma_ratio(const elbo_dist *dist) {
    elbo_node *half = half_df(dist), *sum = elbo_formula_number(dist, 0);
    int64_t whole = size(dist) / 2;
    if (whole > 0) {
        elbo_node *ones = elbo_constant(dist->graph, 1, ELBO_SHAPE(whole));
        elbo_node *steps = elbo_add(elbo_formula_with_axis(half), elbo_cumsum(ones, 0, true, false));
        sum = elbo_sum(elbo_log(steps), -1, -1, false);
    }
    return size(dist) % 2 ? elbo_add(sum, elbo_formula_log_gamma_half(elbo_shift(half, (double)whole))) : sum;
}

/* log of the density at loc */
static elbo_node *log_peak(const elbo_dist *dist) {
    double half_size = 0.5 * (double)size(dist);
    elbo_node *volume = elbo_shift(elbo_scale(elbo_log(dist->parameter[DF]), half_size), half_size * ELBO_LOG_PI);
    return elbo_sub(elbo_sub(log_gamma_ratio(dist), volume), elbo_ellipse_log_det(dist->parameter[SCALE]));
}

static elbo_node *half_sum(const elbo_dist *dist) { return elbo_shift(half_df(dist), 0.5 * (double)size(dist)); }

/* log(1 + |y|^2 / df); from |y|^2 / df = 2^100 on, or |y| = 2^60, through log |y|^2 in units of 2^120, so that nothing
 * overflows. Each formula sees only vectors that are its own. */
static elbo_node *log_tail(const elbo_dist *dist, elbo_node *y) {
    elbo_node *zero = elbo_formula_number(dist, 0), *one = elbo_formula_number(dist, 1), *df = dist->parameter[DF];
    elbo_node *square = elbo_ellipse_square(elbo_scale(y, 0x1p-60));
    elbo_node *is_near = elbo_less(square, elbo_min(one, elbo_scale(df, 0x1p-20)));
    elbo_node *log_square = elbo_shift(elbo_log(elbo_where(is_near, one, square)), 120 * ELBO_LOG_TWO);
    elbo_node *small = elbo_where(is_near, elbo_ellipse_square(elbo_clamp(y, -0x1p60, 0x1p60)), zero);
    elbo_node *far = elbo_softplus(elbo_sub(log_square, elbo_log(df)));
    return elbo_where(is_near, elbo_log1p(elbo_div(small, df)), far);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *y = elbo_ellipse_whiten(x, dist->parameter[LOC], dist->parameter[SCALE]);
    elbo_node *tail = log_tail(dist, y);
    return elbo_sub(log_peak(dist), elbo_mul(half_sum(dist), tail));
}

/* loc + sqrt(df / 2 / z) L e, e ~ N(0, I), one z ~ Gamma(df/2, 1) for each vector */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *e = elbo_random_normal(dist->graph, shape, row_axis);
    elbo_shape vectors = shape;
    vectors.rank--;
    int axis = row_axis < vectors.rank ? row_axis : 0;
    elbo_node *log_z = elbo_random_log_gamma(half_df(dist), vectors, axis);
    elbo_node *stretch = elbo_exp(elbo_scale(elbo_sub(elbo_log(half_df(dist)), log_z), 0.5));
    return elbo_muladd(elbo_formula_with_axis(stretch), elbo_ellipse_apply(dist->parameter[SCALE], e),
                       dist->parameter[LOC]);
}

static elbo_node *above(const elbo_dist *dist, double bound, elbo_node *value, elbo_node *beyond) {
    elbo_node *more = elbo_less(elbo_formula_number(dist, bound), elbo_formula_with_axis(dist->parameter[DF]));
    return elbo_formula_full(dist, elbo_where(more, value, beyond));
}

static elbo_node *mean(const elbo_dist *dist) {
    return above(dist, 1, dist->parameter[LOC], elbo_formula_number(dist, NAN));
}

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *df = elbo_formula_with_axis(dist->parameter[DF]);
    elbo_node *value = elbo_mul(elbo_ellipse_variance(dist->parameter[SCALE]), elbo_div(df, elbo_shift(df, -2)));
    elbo_node *infinite = above(dist, 1, elbo_formula_number(dist, INFINITY), elbo_formula_number(dist, NAN));
    return above(dist, 2, value, infinite);
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

/* (df + D)/2 (psi((df + D)/2) - psi(df/2)) - log of the peak */
static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *more = half_sum(dist);
    elbo_node *tail = elbo_mul(more, elbo_sub(elbo_digamma(more), elbo_digamma(half_df(dist))));
    return elbo_sub(tail, log_peak(dist));
}

const elbo_dist_type elbo_dist_multivariate_t = {
    .name = "multivariate_t",
    ELBO_DIST_IS(VECTOR, LOCATION_SCALE,
                 "Gamma((df + D) / 2) (1 + |y|^2 / df)^(-(df + D) / 2) / (Gamma(df / 2) (df pi)^(D/2) det L), "
                 "y = L^-1 (x - loc), L = scale_tril"),
    .source = "Kotz and Nadarajah 2004, Multivariate t Distributions and Their Applications",
    .parameter = {{"df", ELBO_CONSTRAINT_POSITIVE, NULL},
                  {"loc", ELBO_CONSTRAINT_REAL, "D"},
                  {"scale_tril", ELBO_CONSTRAINT_LOWER_TRIANGULAR, "DD"}},
    .event = "D",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy};
