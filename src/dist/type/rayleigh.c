/* The Rayleigh distribution: the length of a plane vector with components N(0, scale^2). */
#include "dist/formula.h"

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = elbo_div(x, dist->parameter[0]);
    return elbo_sub(elbo_sub(elbo_log(u), elbo_log(dist->parameter[0])), elbo_scale(elbo_square(u), 0.5));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), dist->parameter[0], density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = elbo_div(elbo_relu(x), dist->parameter[0]);
    return elbo_neg(elbo_expm1(elbo_scale(elbo_square(u), -0.5)));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    return elbo_mul(dist->parameter[0], elbo_sqrt(elbo_scale(elbo_log1p(elbo_neg(p)), -2)));
}

/* scale sqrt(pi / 2) */
static elbo_node *mean(const elbo_dist *dist) { return elbo_scale(dist->parameter[0], 1.2533141373155002512); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_scale(elbo_square(dist->parameter[0]), 2 - ELBO_PI / 2);
}

static elbo_node *mode(const elbo_dist *dist) { return dist->parameter[0]; }

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_shift(elbo_log(dist->parameter[0]), 1 - ELBO_LOG_TWO / 2 + ELBO_EULER / 2);
}

/* Weibull's with concentration 2: 2 log(s_q / s_p) + s_p^2 / s_q^2 - 1 */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *ratio = elbo_div(p->parameter[0], q->parameter[0]);
    return elbo_shift(elbo_sub(elbo_square(ratio), elbo_scale(elbo_log(ratio), 2)), -1);
}

const elbo_dist_type elbo_dist_rayleigh = {.name = "rayleigh",
                                           ELBO_DIST_IS(POSITIVE, INVERSE_CDF, "x / scale^2 exp(-(x / scale)^2 / 2)"),
                                           .source = "Johnson, Kotz and Balakrishnan 1994, chapter 18",
                                           .kl_source = "Gil, Alajaji and Linder 2013, Information Sciences 249",
                                           .parameter = {{"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
                                           .log_prob = log_prob,
                                           .sample = elbo_formula_sample_inverse,
                                           .mean = mean,
                                           .variance = variance,
                                           .mode = mode,
                                           .entropy = entropy,
                                           .cdf = cdf,
                                           .icdf = icdf,
                                           .kl = kl};
