/* The reciprocal (log-uniform) distribution: log x is uniform. */
#include <math.h>

#include "dist/formula.h"

enum { LOW, HIGH };

/* log(high / low) */
static elbo_node *width(const elbo_dist *dist) {
    return elbo_log(elbo_div(dist->parameter[HIGH], dist->parameter[LOW]));
}

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    return elbo_neg(elbo_add(elbo_log(x), elbo_log(width(dist))));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_mul(elbo_less_equal(dist->parameter[LOW], x), elbo_less_equal(x, dist->parameter[HIGH]));
    return elbo_formula_within(dist, x, inside, dist->parameter[LOW], density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_min(elbo_max(x, dist->parameter[LOW]), dist->parameter[HIGH]);
    return elbo_div(elbo_log(elbo_div(inside, dist->parameter[LOW])), width(dist));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    return elbo_mul(dist->parameter[LOW], elbo_exp(elbo_mul(p, width(dist))));
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_div(elbo_sub(dist->parameter[HIGH], dist->parameter[LOW]), width(dist));
}

/* (high^2 - low^2) / (2 width) - mean^2 = mean ((high + low) / 2 - mean) */
static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *middle = elbo_scale(elbo_add(dist->parameter[HIGH], dist->parameter[LOW]), 0.5);
    return elbo_mul(mean(dist), elbo_sub(middle, mean(dist)));
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOW]); }

static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *logs = elbo_add(elbo_log(dist->parameter[LOW]), elbo_log(dist->parameter[HIGH]));
    return elbo_add(elbo_scale(logs, 0.5), elbo_log(width(dist)));
}

/* log of the ratio of the widths if p's interval lies in q's, else infinite */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *inside = elbo_mul(elbo_less_equal(q->parameter[LOW], p->parameter[LOW]),
                                 elbo_less_equal(p->parameter[HIGH], q->parameter[HIGH]));
    return elbo_where(inside, elbo_sub(elbo_log(width(q)), elbo_log(width(p))), elbo_formula_number(p, INFINITY));
}

const elbo_dist_type elbo_dist_reciprocal = {
    .name = "reciprocal",
    ELBO_DIST_IS(INTERVAL, INVERSE_CDF, "1 / (x log(high / low))"),
    .source = "Hamming 1970, Bell System Technical Journal 49",
    .kl_source = "the mean of log p - log q, which is constant on p's interval",
    .parameter = {{"low", ELBO_CONSTRAINT_POSITIVE, NULL}, {"high", ELBO_CONSTRAINT_ORDERED, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
