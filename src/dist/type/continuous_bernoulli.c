/* The continuous Bernoulli distribution: the density exp(logits x) on [0, 1], normalised. */
#include <math.h>

#include "dist/formula.h"

/* Where |logits| is below this, series take over from formulas that divide by it. */
static const double small_logits = 0.3, tiny_logits = 1e-3;

static elbo_node *is_below(const elbo_dist *dist, double bound) {
    return elbo_less(elbo_abs(dist->parameter[0]), elbo_formula_number(dist, bound));
}

/* The logits, or a value away from 0 in their place where the series holds: what the other formula sees. */
static elbo_node *away_from_zero(const elbo_dist *dist, double bound) {
    return elbo_where(is_below(dist, bound), elbo_formula_number(dist, 1), dist->parameter[0]);
}

/* c0 + c1 s + c2 s^2 + c3 s^3 with s = logits^2. */
static elbo_node *series(const elbo_dist *dist, double c0, double c1, double c2, double c3) {
    elbo_node *s = elbo_square(dist->parameter[0]);
    elbo_node *sum = elbo_shift(elbo_scale(s, c3), c2);
    return elbo_shift(elbo_mul(elbo_shift(elbo_mul(sum, s), c1), s), c0);
}

/* log((e^l - 1) / l) = max(l, 0) + log((1 - e^-|l|) / |l|); near 0: l/2 + l^2/24 - l^4/2880 + ... */
static elbo_node *log_normaliser(const elbo_dist *dist) {
    elbo_node *l = away_from_zero(dist, small_logits), *size = elbo_abs(l);
    elbo_node *value = elbo_add(elbo_relu(l), elbo_log(elbo_div(elbo_neg(elbo_expm1(elbo_neg(size))), size)));
    elbo_node *even =
        elbo_mul(elbo_square(dist->parameter[0]), series(dist, 1. / 24, -1. / 2880, 1. / 181440, -1. / 9676800));
    elbo_node *near = elbo_add(elbo_scale(dist->parameter[0], 0.5), even);
    return elbo_where(is_below(dist, small_logits), near, value);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_mul(elbo_formula_is_not_negative(x), elbo_less_equal(x, elbo_formula_number(dist, 1)));
    elbo_node *value = elbo_sub(elbo_mul(dist->parameter[0], x), log_normaliser(dist));
    return elbo_where(inside, value, elbo_formula_number(dist, -INFINITY));
}

/* (e^(l x) - 1) / (e^l - 1), with x mirrored where l > 0 so that no exponential overflows; near l = 0 x plus the first
 * terms of its series */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *t = elbo_clamp(x, 0, 1), *l = away_from_zero(dist, tiny_logits), *size = elbo_neg(elbo_abs(l));
    elbo_node *one = elbo_formula_number(dist, 1), *up = elbo_formula_is_positive(l);
    elbo_node *from = elbo_where(up, elbo_sub(one, t), t);
    elbo_node *share = elbo_div(elbo_expm1(elbo_mul(size, from)), elbo_expm1(size));
    elbo_node *value = elbo_where(up, elbo_sub(one, share), share);
    elbo_node *bend = elbo_mul(elbo_mul(t, elbo_sub(one, t)), dist->parameter[0]);
    elbo_node *second = elbo_mul(elbo_sub(one, elbo_scale(t, 2)), elbo_scale(dist->parameter[0], 1. / 12));
    elbo_node *near = elbo_add(t, elbo_mul(bend, elbo_shift(second, -0.5)));
    return elbo_where(is_below(dist, tiny_logits), near, value);
}

/* log(1 + p (e^l - 1)) / l, mirrored likewise; near l = 0: p + l/2 p (1 - p) + l^2/6 p (1 - p) (1 - 2 p) */
static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *l = away_from_zero(dist, tiny_logits), *size = elbo_neg(elbo_abs(l));
    elbo_node *one = elbo_formula_number(dist, 1), *up = elbo_formula_is_positive(l);
    elbo_node *from = elbo_where(up, elbo_sub(one, p), p);
    elbo_node *way = elbo_div(elbo_log1p(elbo_mul(from, elbo_expm1(size))), size);
    elbo_node *value = elbo_where(up, elbo_sub(one, way), way);
    elbo_node *bend = elbo_mul(elbo_mul(p, elbo_sub(one, p)), dist->parameter[0]);
    elbo_node *second = elbo_mul(elbo_sub(one, elbo_scale(p, 2)), elbo_scale(dist->parameter[0], 1. / 6));
    elbo_node *near = elbo_add(p, elbo_mul(bend, elbo_shift(second, 0.5)));
    return elbo_where(is_below(dist, tiny_logits), near, value);
}

/* 1 / (1 - e^-l) - 1/l; near 0: 1/2 + l/12 - l^3/720 + ... */
static elbo_node *mean(const elbo_dist *dist) {
    elbo_node *l = away_from_zero(dist, small_logits);
    elbo_node *value = elbo_neg(elbo_add(elbo_reciprocal(elbo_expm1(elbo_neg(l))), elbo_reciprocal(l)));
    elbo_node *odd = elbo_mul(dist->parameter[0], series(dist, 1. / 12, -1. / 720, 1. / 30240, -1. / 1209600));
    return elbo_where(is_below(dist, small_logits), elbo_shift(odd, 0.5), value);
}

/* 1/l^2 - e^-|l| / (1 - e^-|l|)^2, the derivative of the mean */
static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *size = elbo_neg(elbo_abs(away_from_zero(dist, small_logits)));
    elbo_node *value =
        elbo_sub(elbo_reciprocal(elbo_square(size)), elbo_div(elbo_exp(size), elbo_square(elbo_expm1(size))));
    return elbo_where(is_below(dist, small_logits), series(dist, 1. / 12, -1. / 240, 1. / 6048, -1. / 172800), value);
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_is_positive(dist->parameter[0]); }

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_sub(log_normaliser(dist), elbo_mul(dist->parameter[0], mean(dist)));
}

/* (l_p - l_q) mean_p - log Z_p + log Z_q */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    return elbo_muladd(elbo_sub(p->parameter[0], q->parameter[0]), mean(p),
                       elbo_sub(log_normaliser(q), log_normaliser(p)));
}

const elbo_dist_type elbo_dist_continuous_bernoulli = {
    .name = "continuous_bernoulli",
    ELBO_DIST_IS(UNIT_INTERVAL, INVERSE_CDF, "logits exp(logits x) / (exp(logits) - 1)"),
    .source = "Loaiza-Ganem and Cunningham 2019, arXiv:1907.06845",
    .kl_source = "Loaiza-Ganem and Cunningham 2019, arXiv:1907.06845 (an exponential family)",
    .parameter = {{"logits", ELBO_CONSTRAINT_REAL, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
