/* The Pareto distribution: power tails from scale up. */
#include <math.h>

#include "dist/formula.h"

enum { SCALE, CONCENTRATION };

/* log(x / scale) */
static elbo_node *height(const elbo_dist *dist, elbo_node *x) { return elbo_log(elbo_div(x, dist->parameter[SCALE])); }

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *a = dist->parameter[CONCENTRATION];
    elbo_node *tail = elbo_mul(elbo_shift(a, 1), height(dist, x));
    return elbo_sub(elbo_sub(elbo_log(a), elbo_log(dist->parameter[SCALE])), tail);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_less_equal(dist->parameter[SCALE], x), dist->parameter[SCALE], density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_max(x, dist->parameter[SCALE]);
    return elbo_neg(elbo_expm1(elbo_neg(elbo_mul(dist->parameter[CONCENTRATION], height(dist, inside)))));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *above = elbo_neg(elbo_div(elbo_log1p(elbo_neg(p)), dist->parameter[CONCENTRATION]));
    return elbo_mul(dist->parameter[SCALE], elbo_exp(above));
}

/* Where the concentration is at most `order` the moment of this order is infinite. */
static elbo_node *moment(const elbo_dist *dist, double order, elbo_node *value) {
    return elbo_formula_full(
        dist, elbo_formula_if_less(elbo_formula_number(dist, order), dist->parameter[CONCENTRATION], value,
                                   elbo_formula_number(dist, INFINITY)));
}

static elbo_node *mean(const elbo_dist *dist) {
    elbo_node *a = dist->parameter[CONCENTRATION];
    return moment(dist, 1, elbo_mul(dist->parameter[SCALE], elbo_div(a, elbo_shift(a, -1))));
}

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *a = dist->parameter[CONCENTRATION];
    elbo_node *square = elbo_square(elbo_div(dist->parameter[SCALE], elbo_shift(a, -1)));
    return moment(dist, 2, elbo_mul(square, elbo_div(a, elbo_shift(a, -2))));
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[SCALE]); }

static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *a = dist->parameter[CONCENTRATION];
    return elbo_shift(elbo_add(elbo_sub(elbo_log(dist->parameter[SCALE]), elbo_log(a)), elbo_reciprocal(a)), 1);
}

/* a_q log(m_p / m_q) + log(a_p / a_q) + a_q / a_p - 1 if p starts where q is already there, else infinite */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *ap = p->parameter[CONCENTRATION], *aq = q->parameter[CONCENTRATION], *ratio = elbo_div(aq, ap);
    elbo_node *start = elbo_log(elbo_div(p->parameter[SCALE], q->parameter[SCALE]));
    elbo_node *value = elbo_shift(elbo_muladd(aq, start, elbo_sub(ratio, elbo_log(ratio))), -1);
    return elbo_formula_if_less(p->parameter[SCALE], q->parameter[SCALE], elbo_formula_number(p, INFINITY), value);
}

const elbo_dist_type elbo_dist_pareto = {
    .name = "pareto",
    ELBO_DIST_IS(FROM_SCALE, INVERSE_CDF, "concentration / scale (scale / x)^(concentration + 1)"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 20",
    .kl_source = "Gil, Alajaji and Linder 2013, Information Sciences 249",
    .parameter = {{"scale", ELBO_CONSTRAINT_POSITIVE, NULL}, {"concentration", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
