/* The uniform distribution on an interval. */
#include <math.h>

#include "dist/formula.h"

enum { LOW, HIGH };

static elbo_node *width(const elbo_dist *dist) { return elbo_sub(dist->parameter[HIGH], dist->parameter[LOW]); }

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_mul(elbo_less_equal(dist->parameter[LOW], x), elbo_less_equal(x, dist->parameter[HIGH]));
    return elbo_where(inside, elbo_neg(elbo_log(width(dist))), elbo_formula_number(dist, -INFINITY));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_clamp(elbo_div(elbo_sub(x, dist->parameter[LOW]), width(dist)), 0, 1);
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    return elbo_muladd(width(dist), p, dist->parameter[LOW]);
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_scale(elbo_add(dist->parameter[LOW], dist->parameter[HIGH]), 0.5);
}

static elbo_node *variance(const elbo_dist *dist) { return elbo_scale(elbo_square(width(dist)), 1. / 12); }
static elbo_node *entropy(const elbo_dist *dist) { return elbo_log(width(dist)); }

/* log of the ratio of the widths if p's interval lies in q's, else infinite */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *inside = elbo_mul(elbo_less_equal(q->parameter[LOW], p->parameter[LOW]),
                                 elbo_less_equal(p->parameter[HIGH], q->parameter[HIGH]));
    return elbo_where(inside, elbo_sub(entropy(q), entropy(p)), elbo_formula_number(p, INFINITY));
}

const elbo_dist_type elbo_dist_uniform = {
    .name = "uniform",
    ELBO_DIST_IS(INTERVAL, LOCATION_SCALE, "1 / (high - low)"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 26",
    .kl_source = "the mean of log p - log q, which is constant on p's interval",
    .parameter = {{"low", ELBO_CONSTRAINT_REAL, NULL}, {"high", ELBO_CONSTRAINT_ORDERED, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mean,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
