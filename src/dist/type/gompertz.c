/* The Gompertz distribution: a hazard that grows as exp(rate x). concentration (exp(rate x) - 1) is Exp(1). */
#include "dist/formula.h"

enum { CONCENTRATION, RATE };

/* concentration (exp(rate x) - 1) */
static elbo_node *age(const elbo_dist *dist, elbo_node *x) {
    return elbo_mul(dist->parameter[CONCENTRATION], elbo_expm1(elbo_mul(dist->parameter[RATE], x)));
}

static elbo_node *log_hazard_at_0(const elbo_dist *dist) {
    return elbo_add(elbo_log(dist->parameter[CONCENTRATION]), elbo_log(dist->parameter[RATE]));
}

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    return elbo_sub(elbo_add(log_hazard_at_0(dist), elbo_mul(dist->parameter[RATE], x)), age(dist, x));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_not_negative(x), elbo_formula_number(dist, 0), density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_neg(elbo_expm1(elbo_neg(age(dist, elbo_relu(x)))));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *t = elbo_neg(elbo_log1p(elbo_neg(p)));
    return elbo_div(elbo_log1p(elbo_div(t, dist->parameter[CONCENTRATION])), dist->parameter[RATE]);
}

/* rate x as a function of t ~ Exp(1), on a new last axis */
static elbo_node *at_nodes(const elbo_dist *dist) {
    elbo_node *concentration = elbo_formula_with_axis(dist->parameter[CONCENTRATION]);
    return elbo_log1p(elbo_div(elbo_formula_exponential_nodes(dist->graph), concentration));
}

/* E[rate x] = e^concentration E_1(concentration), as an expectation over t */
static elbo_node *scaled_mean(const elbo_dist *dist) { return elbo_formula_exponential_expect(at_nodes(dist)); }

static elbo_node *mean(const elbo_dist *dist) { return elbo_div(scaled_mean(dist), dist->parameter[RATE]); }

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *away = elbo_sub(at_nodes(dist), elbo_formula_with_axis(scaled_mean(dist)));
    return elbo_div(elbo_formula_exponential_expect(elbo_square(away)), elbo_square(dist->parameter[RATE]));
}

static elbo_node *mode(const elbo_dist *dist) {
    return elbo_div(elbo_relu(elbo_neg(elbo_log(dist->parameter[CONCENTRATION]))), dist->parameter[RATE]);
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_shift(elbo_neg(elbo_add(log_hazard_at_0(dist), scaled_mean(dist))), 1);
}

const elbo_dist_type elbo_dist_gompertz = {
    .name = "gompertz",
    ELBO_DIST_IS(NON_NEGATIVE, INVERSE_CDF, "concentration rate exp(rate x - concentration (exp(rate x) - 1))"),
    .source = "Johnson, Kotz and Balakrishnan 1995, chapter 22",
    .parameter = {{"concentration", ELBO_CONSTRAINT_POSITIVE, NULL}, {"rate", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf};
