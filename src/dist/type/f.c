/* Fisher's F distribution: the ratio of two chi-squared variates, each divided by its degrees of freedom. */
#include <math.h>

#include "dist/formula.h"
#include "ops/gamma.h"

enum { DF1, DF2 };

static elbo_node *half(const elbo_dist *dist, int k) { return elbo_scale(dist->parameter[k], 0.5); }

static elbo_node *log_ratio(const elbo_dist *dist) {
    return elbo_sub(elbo_log(dist->parameter[DF1]), elbo_log(dist->parameter[DF2]));
}

/* t / (1 + t) with t = x df1 / df2 is a beta variate. */
static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *log_t = elbo_add(elbo_log(x), log_ratio(dist)), *minus = elbo_neg(log_t);
    elbo_node *kernel =
        elbo_formula_log_beta_kernel(half(dist, DF1), half(dist, DF2), elbo_sigmoid(log_t), elbo_sigmoid(minus),
                                     elbo_neg(elbo_softplus(minus)), elbo_neg(elbo_softplus(log_t)));
    return elbo_sub(kernel, elbo_log(x));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), elbo_formula_number(dist, 1), density);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *top = elbo_random_log_gamma(half(dist, DF1), shape, row_axis);
    elbo_node *bottom = elbo_random_log_gamma(half(dist, DF2), shape, row_axis);
    return elbo_exp(elbo_formula_above_underflow(elbo_sub(elbo_sub(top, bottom), log_ratio(dist))));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *odds = elbo_mul(elbo_relu(x), elbo_div(dist->parameter[DF1], dist->parameter[DF2]));
    return elbo_beta_cdf(half(dist, DF1), half(dist, DF2), odds);
}

/* Moments are infinite up to a bound of df2. */
static elbo_node *moment(const elbo_dist *dist, double bound, elbo_node *value) {
    return elbo_formula_full(dist, elbo_formula_if_less(elbo_formula_number(dist, bound), dist->parameter[DF2], value,
                                                        elbo_formula_number(dist, INFINITY)));
}

static elbo_node *mean(const elbo_dist *dist) {
    return moment(dist, 2, elbo_div(dist->parameter[DF2], elbo_shift(dist->parameter[DF2], -2)));
}

/* 2 df2^2 (df1 + df2 - 2) / (df1 (df2 - 2)^2 (df2 - 4)) */
static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *df1 = dist->parameter[DF1], *df2 = dist->parameter[DF2];
    elbo_node *square = elbo_square(elbo_div(df2, elbo_shift(df2, -2)));
    elbo_node *rest = elbo_div(elbo_shift(elbo_add(df1, df2), -2), elbo_mul(df1, elbo_shift(df2, -4)));
    return moment(dist, 4, elbo_scale(elbo_mul(square, rest), 2));
}

/* (df1 - 2) df2 / (df1 (df2 + 2)), 0 for df1 up to 2 */
static elbo_node *mode(const elbo_dist *dist) {
    elbo_node *first = elbo_div(elbo_relu(elbo_shift(dist->parameter[DF1], -2)), dist->parameter[DF1]);
    return elbo_mul(first, elbo_div(dist->parameter[DF2], elbo_shift(dist->parameter[DF2], 2)));
}

/* log B(a, b) + (1 - a) psi(a) - (1 + b) psi(b) + (a + b) psi(a + b) - log(df1 / df2) */
static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *a = half(dist, DF1), *b = half(dist, DF2), *sum = elbo_add(a, b);
    elbo_node *left = elbo_mul(elbo_shift(elbo_neg(a), 1), elbo_digamma(a));
    elbo_node *right = elbo_mul(elbo_shift(b, 1), elbo_digamma(b));
    elbo_node *psis = elbo_add(elbo_sub(left, right), elbo_mul(sum, elbo_digamma(sum)));
    return elbo_sub(elbo_add(elbo_formula_log_beta(a, b), psis), log_ratio(dist));
}

const elbo_dist_type elbo_dist_f = {
    .name = "f",
    ELBO_DIST_IS(POSITIVE, COMPOSITION,
                 "t^(df1 / 2) (1 + t)^(-(df1 + df2) / 2) / (x B(df1 / 2, df2 / 2)), t = x df1 / df2"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 27",
    .parameter = {{"df1", ELBO_CONSTRAINT_POSITIVE, NULL}, {"df2", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf};
