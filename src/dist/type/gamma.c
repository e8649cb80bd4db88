/* The gamma distribution of any positive concentration. */
#include "ops/gamma.h"
#include "dist/formula.h"

enum { CONCENTRATION, RATE };

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *w = elbo_mul(dist->parameter[RATE], x);
    return elbo_sub(elbo_formula_log_gamma_kernel(dist->parameter[CONCENTRATION], w), elbo_log(x));
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_div(dist->parameter[CONCENTRATION], dist->parameter[RATE]);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), mean(dist), density);
}

/* exp(log z - log rate); what is too small for a number stays at the smallest one, inside the support */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *log_z = elbo_random_log_gamma(dist->parameter[CONCENTRATION], shape, row_axis);
    return elbo_exp(elbo_formula_above_underflow(elbo_sub(log_z, elbo_log(dist->parameter[RATE]))));
}

/* P(a, w) */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_gamma_cdf(dist->parameter[CONCENTRATION], elbo_mul(dist->parameter[RATE], elbo_relu(x)));
}

static elbo_node *variance(const elbo_dist *dist) { return elbo_div(mean(dist), dist->parameter[RATE]); }

static elbo_node *mode(const elbo_dist *dist) {
    return elbo_div(elbo_relu(elbo_shift(dist->parameter[CONCENTRATION], -1)), dist->parameter[RATE]);
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_sub(elbo_formula_gamma_entropy(dist->parameter[CONCENTRATION]), elbo_log(dist->parameter[RATE]));
}

const elbo_dist_type elbo_dist_gamma = {
    .name = "gamma",
    ELBO_DIST_IS(POSITIVE, IMPLICIT, "rate^a x^(a - 1) exp(-rate x) / Gamma(a), a = concentration"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 17",
    .kl_to = ELBO_GAMMA_FAMILY,
    .kl_source = "Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"concentration", ELBO_CONSTRAINT_POSITIVE, NULL}, {"rate", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .kl = elbo_formula_gamma_kl};
