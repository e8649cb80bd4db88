/* The chi-squared distribution: the gamma distribution of concentration df / 2 and rate 1/2. */
#include "dist/formula.h"
#include "ops/gamma.h"

static elbo_node *concentration(const elbo_dist *dist) { return elbo_scale(dist->parameter[0], 0.5); }
static elbo_node *mean(const elbo_dist *dist) { return dist->parameter[0]; }

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    return elbo_sub(elbo_formula_log_gamma_kernel(concentration(dist), elbo_scale(x, 0.5)), elbo_log(x));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), dist->parameter[0], density);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *log_z = elbo_random_log_gamma(concentration(dist), shape, row_axis);
    return elbo_exp(elbo_formula_above_underflow(elbo_shift(log_z, ELBO_LOG_TWO)));
}

/* P(a, w) */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_gamma_cdf(concentration(dist), elbo_scale(elbo_relu(x), 0.5));
}

static elbo_node *variance(const elbo_dist *dist) { return elbo_scale(dist->parameter[0], 2); }
static elbo_node *mode(const elbo_dist *dist) { return elbo_relu(elbo_shift(dist->parameter[0], -2)); }

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_shift(elbo_formula_gamma_entropy(concentration(dist)), ELBO_LOG_TWO);
}

const elbo_dist_type elbo_dist_chi_squared = {
    .name = "chi_squared",
    ELBO_DIST_IS(POSITIVE, COMPOSITION, "(x / 2)^(df / 2) exp(-x / 2) / (x Gamma(df / 2))"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 18",
    .kl_to = ELBO_GAMMA_FAMILY,
    .kl_source = "the gamma family: Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"df", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .kl = elbo_formula_gamma_kl};
