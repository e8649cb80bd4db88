/* The beta distribution: x1 / (x1 + x0) for gamma variates x1, x0 of these concentrations. */
#include "dist/formula.h"
#include "ops/gamma.h"

enum { ONE, ZERO };

static elbo_node *log_beta(const elbo_dist *dist) {
    return elbo_formula_log_beta(dist->parameter[ONE], dist->parameter[ZERO]);
}

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *y = elbo_shift(elbo_neg(x), 1), *log_x = elbo_log(x), *log_y = elbo_log1p(elbo_neg(x));
    return elbo_sub(elbo_formula_log_beta_kernel(dist->parameter[ONE], dist->parameter[ZERO], x, y, log_x, log_y),
                    elbo_add(log_x, log_y));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_mul(elbo_formula_is_positive(x), elbo_less(x, elbo_formula_number(dist, 1)));
    return elbo_formula_within(dist, x, inside, elbo_formula_number(dist, 0.5), density);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *one = elbo_random_log_gamma(dist->parameter[ONE], shape, row_axis);
    elbo_node *zero = elbo_random_log_gamma(dist->parameter[ZERO], shape, row_axis);
    return elbo_formula_inside_unit(elbo_sigmoid(elbo_sub(one, zero)));
}

/* Where x is 1 the odds are infinite. */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *one = elbo_formula_number(dist, 1), *above = elbo_less_equal(one, x);
    elbo_node *safe = elbo_where(above, elbo_formula_number(dist, 0.5), elbo_relu(x));
    elbo_node *odds = elbo_div(safe, elbo_sub(one, safe));
    return elbo_where(above, one, elbo_beta_cdf(dist->parameter[ONE], dist->parameter[ZERO], odds));
}

static elbo_node *total(const elbo_dist *dist) { return elbo_add(dist->parameter[ONE], dist->parameter[ZERO]); }
static elbo_node *mean(const elbo_dist *dist) { return elbo_div(dist->parameter[ONE], total(dist)); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *both = elbo_mul(mean(dist), elbo_div(dist->parameter[ZERO], total(dist)));
    return elbo_div(both, elbo_shift(total(dist), 1));
}

/* log B - (a - 1) psi(a) - (b - 1) psi(b) + (a + b - 2) psi(a + b) */
static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *a = dist->parameter[ONE], *b = dist->parameter[ZERO], *psi = elbo_digamma(total(dist));
    elbo_node *left = elbo_mul(elbo_shift(a, -1), elbo_sub(psi, elbo_digamma(a)));
    elbo_node *right = elbo_mul(elbo_shift(b, -1), elbo_sub(psi, elbo_digamma(b)));
    return elbo_add(log_beta(dist), elbo_add(left, right));
}

/* log B_q - log B_p + (a_p - a_q) (psi(a_p) - psi(a_p + b_p)) + (b_p - b_q) (psi(b_p) - psi(a_p + b_p)) */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *sum = elbo_sub(log_beta(q), log_beta(p)), *psi = elbo_digamma(total(p));
    for (int k = ONE; k <= ZERO; k++)
        sum =
            elbo_muladd(elbo_sub(p->parameter[k], q->parameter[k]), elbo_sub(elbo_digamma(p->parameter[k]), psi), sum);
    return sum;
}

const elbo_dist_type elbo_dist_beta = {
    .name = "beta",
    ELBO_DIST_IS(UNIT_INTERVAL, COMPOSITION,
                 "x^(a - 1) (1 - x)^(b - 1) / B(a, b), a, b = concentration1, concentration0"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 25",
    .kl_source = "the Dirichlet's: Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"concentration1", ELBO_CONSTRAINT_POSITIVE, NULL},
                  {"concentration0", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .entropy = entropy,
    .cdf = cdf,
    .kl = kl};
