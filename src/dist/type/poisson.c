/* The Poisson distribution. */
#include "dist/formula.h"
#include "ops/count.h"
#include "ops/gamma.h"

/* k log rate - rate - log k! */
static elbo_node *density(const elbo_dist *dist, elbo_node *k) {
    elbo_node *rate = dist->parameter[0];
    return elbo_sub(elbo_formula_log_gamma_kernel(elbo_shift(k, 1), rate), elbo_log(rate));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *k) {
    return elbo_formula_within(dist, k, elbo_formula_is_count(k), elbo_formula_number(dist, 0), density);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    return elbo_random_poisson(dist->parameter[0], shape, row_axis);
}

/* A sum of k + 1 waiting times is longer than 1: 1 - P(k + 1, rate) */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *terms = elbo_shift(elbo_floor(elbo_relu(x)), 1);
    elbo_node *value = elbo_shift(elbo_neg(elbo_gamma_cdf(terms, dist->parameter[0])), 1);
    return elbo_mul(elbo_formula_is_not_negative(x), value);
}

static elbo_node *mean(const elbo_dist *dist) { return dist->parameter[0]; }
static elbo_node *mode(const elbo_dist *dist) { return elbo_floor(dist->parameter[0]); }

static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *a = p->parameter[0], *b = q->parameter[0];
    return elbo_muladd(a, elbo_sub(elbo_log(a), elbo_log(b)), elbo_sub(b, a));
}

const elbo_dist_type elbo_dist_poisson = {
    .name = "poisson",
    ELBO_DIST_IS(COUNTS, PLAIN, "rate^x exp(-rate) / x!"),
    .source = "Johnson, Kemp and Kotz 2005, Univariate Discrete Distributions, chapter 4",
    .kl_source = "the mean of x log(rate_p / rate_q) + rate_q - rate_p",
    .parameter = {{"rate", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = mean,
    .mode = mode,
    .cdf = cdf,
    .kl = kl};
