/* The logistic distribution. */
#include "dist/formula.h"

enum { LOC, SCALE };

static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(x, dist->parameter[LOC]), dist->parameter[SCALE]);
}

/* -u - 2 log(1 + e^-u) - log scale, by |u|: the density is even */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *size = elbo_abs(standardised(dist, x));
    elbo_node *tail = elbo_add(size, elbo_scale(elbo_log1p(elbo_exp(elbo_neg(size))), 2));
    return elbo_neg(elbo_add(tail, elbo_log(dist->parameter[SCALE])));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) { return elbo_sigmoid(standardised(dist, x)); }

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *logit = elbo_sub(elbo_log(p), elbo_log1p(elbo_neg(p)));
    return elbo_muladd(dist->parameter[SCALE], logit, dist->parameter[LOC]);
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_scale(elbo_square(dist->parameter[SCALE]), ELBO_PI * ELBO_PI / 3));
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_shift(elbo_log(dist->parameter[SCALE]), 2));
}

const elbo_dist_type elbo_dist_logistic = {
    .name = "logistic",
    ELBO_DIST_IS(REAL, INVERSE_CDF, "exp(-u) / (scale (1 + exp(-u))^2), u = (x - loc) / scale"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 23",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mean,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf};
