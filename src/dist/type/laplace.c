/* The Laplace distribution. */
#include "dist/formula.h"

enum { LOC, SCALE };

static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(x, dist->parameter[LOC]), dist->parameter[SCALE]);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *tail = elbo_add(elbo_abs(standardised(dist, x)), elbo_log(dist->parameter[SCALE]));
    return elbo_neg(elbo_shift(tail, ELBO_LOG_TWO));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = standardised(dist, x), *tail = elbo_scale(elbo_exp(elbo_neg(elbo_abs(u))), 0.5);
    return elbo_formula_if_less(u, elbo_formula_number(dist, 0), tail, elbo_shift(elbo_neg(tail), 1));
}

/* loc - scale sign(v) log(1 - 2 |v|), v = p - 1/2 */
static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *v = elbo_shift(p, -0.5);
    elbo_node *u = elbo_mul(elbo_sign(v), elbo_log1p(elbo_scale(elbo_abs(v), -2)));
    return elbo_sub(dist->parameter[LOC], elbo_mul(dist->parameter[SCALE], u));
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_scale(elbo_square(dist->parameter[SCALE]), 2));
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_shift(elbo_log(dist->parameter[SCALE]), 1 + ELBO_LOG_TWO));
}

/* With r = s_p / s_q and d = |m_p - m_q|: -log r + r exp(-d / s_p) + d / s_q - 1 */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *r = elbo_div(p->parameter[SCALE], q->parameter[SCALE]);
    elbo_node *d = elbo_abs(elbo_sub(p->parameter[LOC], q->parameter[LOC]));
    elbo_node *near = elbo_mul(r, elbo_exp(elbo_neg(elbo_div(d, p->parameter[SCALE]))));
    return elbo_shift(elbo_add(near, elbo_sub(elbo_div(d, q->parameter[SCALE]), elbo_log(r))), -1);
}

const elbo_dist_type elbo_dist_laplace = {
    .name = "laplace",
    ELBO_DIST_IS(REAL, LOCATION_SCALE, "exp(-|x - loc| / scale) / (2 scale)"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 24",
    .kl_source = "Gil, Alajaji and Linder 2013, Information Sciences 249",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mean,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
