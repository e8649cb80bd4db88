/* The negative binomial distribution: successes before the total-th failure; a Poisson count whose rate is a gamma
 * variate, so that the total need not be whole. P(success) = sigmoid(logits). */
#include "dist/formula.h"
#include "ops/count.h"
#include "ops/gamma.h"

enum { TOTAL, LOGITS };

static elbo_node *log_success(const elbo_dist *dist) {
    return elbo_neg(elbo_softplus(elbo_neg(dist->parameter[LOGITS])));
}
static elbo_node *log_failure(const elbo_dist *dist) { return elbo_neg(elbo_softplus(dist->parameter[LOGITS])); }

/* Gamma(k + r) / (k! Gamma(r)) = 1 / ((k + r) B(r, k + 1)) */
static elbo_node *density(const elbo_dist *dist, elbo_node *k) {
    elbo_node *r = dist->parameter[TOTAL], *l = dist->parameter[LOGITS];
    elbo_node *kernel = elbo_formula_log_beta_kernel(r, elbo_shift(k, 1), elbo_sigmoid(elbo_neg(l)), elbo_sigmoid(l),
                                                     log_failure(dist), log_success(dist));
    return elbo_sub(kernel, elbo_add(log_success(dist), elbo_log(elbo_add(k, r))));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *k) {
    return elbo_formula_within(dist, k, elbo_formula_is_count(k), elbo_formula_number(dist, 0), density);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *log_z = elbo_random_log_gamma(dist->parameter[TOTAL], shape, row_axis);
    return elbo_random_poisson(elbo_exp(elbo_add(log_z, dist->parameter[LOGITS])), shape, row_axis);
}

/* I_{1 - p}(total, k + 1) */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *k = elbo_floor(elbo_relu(x)), *odds = elbo_exp(elbo_neg(dist->parameter[LOGITS]));
    elbo_node *value = elbo_beta_cdf(dist->parameter[TOTAL], elbo_shift(k, 1), odds);
    return elbo_mul(elbo_formula_is_not_negative(x), value);
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_mul(dist->parameter[TOTAL], elbo_exp(dist->parameter[LOGITS]));
}

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_mul(mean(dist), elbo_shift(elbo_exp(dist->parameter[LOGITS]), 1));
}

static elbo_node *mode(const elbo_dist *dist) {
    elbo_node *above = elbo_relu(elbo_shift(dist->parameter[TOTAL], -1));
    return elbo_floor(elbo_mul(above, elbo_exp(dist->parameter[LOGITS])));
}

/* Closed where both have the same node as total: the binomial coefficients cancel. */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type || p->parameter[TOTAL] != q->parameter[TOTAL]) return NULL;
    elbo_node *failures = elbo_mul(p->parameter[TOTAL], elbo_sub(log_failure(p), log_failure(q)));
    return elbo_muladd(mean(p), elbo_sub(log_success(p), log_success(q)), failures);
}

const elbo_dist_type elbo_dist_negative_binomial = {
    .name = "negative_binomial",
    ELBO_DIST_IS(COUNTS, PLAIN, "Gamma(x + total) / (x! Gamma(total)) p^x (1 - p)^total, p = sigmoid(logits)"),
    .source = "Johnson, Kemp and Kotz 2005, Univariate Discrete Distributions, chapter 5",
    .kl_source = "an exponential family at equal totals",
    .parameter = {{"total", ELBO_CONSTRAINT_POSITIVE, NULL}, {"logits", ELBO_CONSTRAINT_REAL, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .cdf = cdf,
    .kl = kl};
