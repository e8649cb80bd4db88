/* The Weibull distribution: (x / scale)^concentration is Exp(1). */
#include "dist/formula.h"

enum { SCALE, CONCENTRATION };

/* concentration log(x / scale) */
static elbo_node *log_age(const elbo_dist *dist, elbo_node *x) {
    return elbo_mul(dist->parameter[CONCENTRATION], elbo_log(elbo_div(x, dist->parameter[SCALE])));
}

/* log k - log x + k log(x / scale) - (x / scale)^k */
static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *age = log_age(dist, x);
    elbo_node *leading = elbo_sub(elbo_log(dist->parameter[CONCENTRATION]), elbo_log(x));
    return elbo_add(leading, elbo_sub(age, elbo_exp(age)));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), dist->parameter[SCALE], density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_formula_is_positive(x);
    elbo_node *value =
        elbo_neg(elbo_expm1(elbo_neg(elbo_exp(log_age(dist, elbo_where(inside, x, dist->parameter[SCALE]))))));
    return elbo_where(inside, value, elbo_formula_number(dist, 0));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *age = elbo_log(elbo_neg(elbo_log1p(elbo_neg(p))));
    return elbo_mul(dist->parameter[SCALE], elbo_exp(elbo_div(age, dist->parameter[CONCENTRATION])));
}

/* log Gamma(1 + order / k): the log of a moment of (x / scale) */
static elbo_node *log_moment(const elbo_dist *dist, double order) {
    return elbo_lgamma(elbo_shift(elbo_scale(elbo_reciprocal(dist->parameter[CONCENTRATION]), order), 1));
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_mul(dist->parameter[SCALE], elbo_exp(log_moment(dist, 1)));
}

/* mean^2 (E[x^2] / mean^2 - 1) */
static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *ratio = elbo_sub(log_moment(dist, 2), elbo_scale(log_moment(dist, 1), 2));
    return elbo_mul(elbo_square(mean(dist)), elbo_expm1(ratio));
}

/* scale (1 - 1/k)^(1/k) above k = 1, else 0 */
static elbo_node *mode(const elbo_dist *dist) {
    elbo_node *k = dist->parameter[CONCENTRATION], *one = elbo_formula_number(dist, 1), *inside = elbo_less(one, k);
    elbo_node *safe = elbo_where(inside, k, elbo_formula_number(dist, 2));
    elbo_node *value = elbo_exp(elbo_div(elbo_log1p(elbo_neg(elbo_reciprocal(safe))), safe));
    return elbo_mul(dist->parameter[SCALE], elbo_where(inside, value, elbo_formula_number(dist, 0)));
}

static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *k = dist->parameter[CONCENTRATION];
    elbo_node *euler = elbo_shift(elbo_scale(elbo_reciprocal(k), -ELBO_EULER), ELBO_EULER + 1);
    return elbo_add(euler, elbo_sub(elbo_log(dist->parameter[SCALE]), elbo_log(k)));
}

/* log(k_p / k_q) + k_q log l_q - k_p log l_p + (k_p - k_q) (log l_p - gamma / k_p)
 *   + (l_p / l_q)^k_q Gamma(k_q / k_p + 1) - 1; with r = k_q / k_p and d = k_q log(l_p / l_q) this is
 * -log r - d - gamma (1 - r) + exp(d + log Gamma(r + 1)) - 1 */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *r = elbo_div(q->parameter[CONCENTRATION], p->parameter[CONCENTRATION]);
    elbo_node *d = elbo_mul(q->parameter[CONCENTRATION], elbo_log(elbo_div(p->parameter[SCALE], q->parameter[SCALE])));
    elbo_node *tail = elbo_exp(elbo_add(d, elbo_lgamma(elbo_shift(r, 1))));
    elbo_node *rest = elbo_sub(elbo_scale(r, ELBO_EULER), elbo_add(elbo_log(r), d));
    return elbo_shift(elbo_add(rest, tail), -1 - ELBO_EULER);
}

const elbo_dist_type elbo_dist_weibull = {
    .name = "weibull",
    ELBO_DIST_IS(POSITIVE, INVERSE_CDF, "k / scale u^(k - 1) exp(-u^k), u = x / scale, k = concentration"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 21",
    .kl_source = "Bauckhage 2013, arXiv:1310.3713",
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
