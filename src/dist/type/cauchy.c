/* The Cauchy distribution. It has no mean and no variance: they are NaN. */
#include <math.h>

#include "dist/formula.h"

enum { LOC, SCALE };

static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    return elbo_div(elbo_sub(x, dist->parameter[LOC]), dist->parameter[SCALE]);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *tail = elbo_formula_log1p_square(standardised(dist, x));
    return elbo_neg(elbo_shift(elbo_add(tail, elbo_log(dist->parameter[SCALE])), ELBO_LOG_PI));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_shift(elbo_scale(elbo_atan(standardised(dist, x)), 1 / ELBO_PI), 0.5);
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    return elbo_muladd(dist->parameter[SCALE], elbo_tan(elbo_scale(elbo_shift(p, -0.5), ELBO_PI)),
                       dist->parameter[LOC]);
}

static elbo_node *none(const elbo_dist *dist) { return elbo_formula_all(dist, NAN); }
static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_shift(elbo_log(dist->parameter[SCALE]), ELBO_LOG_PI + 2 * ELBO_LOG_TWO));
}

/* log(((s_p + s_q)^2 + (m_p - m_q)^2) / (4 s_p s_q)) = log(1 + v^2) + 2 log(s_p + s_q) - log(4 s_p s_q) */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *sp = p->parameter[SCALE], *sq = q->parameter[SCALE], *sum = elbo_add(sp, sq);
    elbo_node *away = elbo_div(elbo_sub(p->parameter[LOC], q->parameter[LOC]), sum);
    elbo_node *scales = elbo_sub(elbo_scale(elbo_log(sum), 2), elbo_add(elbo_log(sp), elbo_log(sq)));
    return elbo_add(elbo_formula_log1p_square(away), elbo_shift(scales, -2 * ELBO_LOG_TWO));
}

const elbo_dist_type elbo_dist_cauchy = {
    .name = "cauchy",
    ELBO_DIST_IS(REAL, INVERSE_CDF, "1 / (pi scale (1 + ((x - loc) / scale)^2))"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 16",
    .kl_source = "Chyzak and Nielsen 2019, arXiv:1905.10965",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = none,
    .variance = none,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
