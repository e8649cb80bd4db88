/* The Gumbel distribution of largest values. */
#include "dist/formula.h"

enum { LOC, SCALE };

static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(x, dist->parameter[LOC]), dist->parameter[SCALE]);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = standardised(dist, x);
    return elbo_neg(elbo_add(elbo_add(u, elbo_exp(elbo_neg(u))), elbo_log(dist->parameter[SCALE])));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_exp(elbo_neg(elbo_exp(elbo_neg(standardised(dist, x)))));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *u = elbo_neg(elbo_log(elbo_neg(elbo_log(p))));
    return elbo_muladd(dist->parameter[SCALE], u, dist->parameter[LOC]);
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_add(dist->parameter[LOC], elbo_scale(dist->parameter[SCALE], ELBO_EULER));
}

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_scale(elbo_square(dist->parameter[SCALE]), ELBO_PI * ELBO_PI / 6));
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_shift(elbo_log(dist->parameter[SCALE]), ELBO_EULER + 1));
}

/* With r = s_p / s_q and d = (m_p - m_q) / s_q: -log r + gamma (r - 1) + exp(-d) Gamma(r + 1) - 1 + d */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *r = elbo_div(p->parameter[SCALE], q->parameter[SCALE]);
    elbo_node *d = elbo_div(elbo_sub(p->parameter[LOC], q->parameter[LOC]), q->parameter[SCALE]);
    elbo_node *tail = elbo_exp(elbo_sub(elbo_lgamma(elbo_shift(r, 1)), d));
    elbo_node *rest = elbo_sub(elbo_muladd(r, elbo_formula_number(p, ELBO_EULER), d), elbo_log(r));
    return elbo_shift(elbo_add(rest, tail), -1 - ELBO_EULER);
}

const elbo_dist_type elbo_dist_gumbel = {
    .name = "gumbel",
    ELBO_DIST_IS(REAL, INVERSE_CDF, "exp(-u - exp(-u)) / scale, u = (x - loc) / scale"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 22",
    .kl_source = "Gil, Alajaji and Linder 2013, Information Sciences 249",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
