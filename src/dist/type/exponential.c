/* The exponential distribution. */
#include "dist/formula.h"

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    return elbo_sub(elbo_log(dist->parameter[0]), elbo_mul(dist->parameter[0], x));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_not_negative(x), elbo_formula_number(dist, 0), density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_neg(elbo_expm1(elbo_neg(elbo_mul(dist->parameter[0], elbo_relu(x)))));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    return elbo_neg(elbo_div(elbo_log1p(elbo_neg(p)), dist->parameter[0]));
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_reciprocal(dist->parameter[0]); }
static elbo_node *variance(const elbo_dist *dist) { return elbo_square(mean(dist)); }
static elbo_node *mode(const elbo_dist *dist) { return elbo_formula_all(dist, 0); }
static elbo_node *entropy(const elbo_dist *dist) { return elbo_shift(elbo_neg(elbo_log(dist->parameter[0])), 1); }

const elbo_dist_type elbo_dist_exponential = {
    .name = "exponential",
    ELBO_DIST_IS(NON_NEGATIVE, INVERSE_CDF, "rate exp(-rate x)"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 19",
    .kl_to = ELBO_GAMMA_FAMILY,
    .kl_source = "the gamma family: Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"rate", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = elbo_formula_gamma_kl};
