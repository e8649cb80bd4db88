/* The Dirichlet distribution: gamma variates of the concentrations, divided by their sum. */
#include <math.h>

#include "dist/formula.h"
#include "ops/gamma.h"

static elbo_node *total(const elbo_dist *dist) { return elbo_sum(dist->parameter[0], -1, -1, true); }
static elbo_node *drop(elbo_node *x) { return elbo_sum(x, -1, -1, false); }

/* sum of log Gamma(a_i) - log Gamma(sum of a_i) */
static elbo_node *log_normaliser(const elbo_dist *dist) {
    return elbo_sub(drop(elbo_lgamma(dist->parameter[0])), elbo_lgamma(drop(dist->parameter[0])));
}

/* Vectors with an element that is not positive have density 0; that the sum is 1 is taken for granted. */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_formula_is_positive(x), *one = elbo_formula_number(dist, 1);
    elbo_node *logs = elbo_log(elbo_where(inside, x, one));
    elbo_node *value = elbo_sub(drop(elbo_mul(elbo_shift(dist->parameter[0], -1), logs)), log_normaliser(dist));
    elbo_node *outside = drop(elbo_shift(elbo_neg(inside), 1));
    return elbo_where(outside, elbo_formula_number(dist, -INFINITY), value);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *log_z = elbo_random_log_gamma(dist->parameter[0], shape, row_axis);
    return elbo_exp(elbo_formula_above_underflow(elbo_log_softmax(log_z, -1)));
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_div(dist->parameter[0], total(dist)); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *share = mean(dist);
    return elbo_div(elbo_mul(share, elbo_shift(elbo_neg(share), 1)), elbo_shift(total(dist), 1));
}

/* log B + sum of (a_i - 1) (psi(sum) - psi(a_i)) */
static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *psis = elbo_sub(elbo_digamma(total(dist)), elbo_digamma(dist->parameter[0]));
    return elbo_add(log_normaliser(dist), drop(elbo_mul(elbo_shift(dist->parameter[0], -1), psis)));
}

/* log B_q - log B_p + sum of (a_p - a_q) (psi(a_p) - psi(sum of a_p)) */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *psis = elbo_sub(elbo_digamma(p->parameter[0]), elbo_digamma(total(p)));
    elbo_node *terms = drop(elbo_mul(elbo_sub(p->parameter[0], q->parameter[0]), psis));
    return elbo_add(elbo_sub(log_normaliser(q), log_normaliser(p)), terms);
}

const elbo_dist_type elbo_dist_dirichlet = {
    .name = "dirichlet",
    ELBO_DIST_IS(SIMPLEX, COMPOSITION, "Gamma(sum a) prod x_i^(a_i - 1) / Gamma(a_i), a = concentration"),
    .source = "Kotz, Balakrishnan and Johnson 2000, Continuous Multivariate Distributions, chapter 49",
    .kl_source = "Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"concentration", ELBO_CONSTRAINT_POSITIVE, "K"}},
    .event = "K",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .entropy = entropy,
    .kl = kl};
