/* The relaxed (binary Concrete) Bernoulli distribution: logit x is a logistic variate around logits / temperature. */
#include "dist/formula.h"

enum { TEMPERATURE, LOGITS };

/* temperature logit(x) - logits: a standard logistic variate */
static elbo_node *standardised(const elbo_dist *dist, elbo_node *x) {
    elbo_node *logit = elbo_sub(elbo_log(x), elbo_log1p(elbo_neg(x)));
    return elbo_sub(elbo_mul(dist->parameter[TEMPERATURE], logit), dist->parameter[LOGITS]);
}

static elbo_node *is_inside(const elbo_dist *dist, elbo_node *x) {
    return elbo_mul(elbo_formula_is_positive(x), elbo_less(x, elbo_formula_number(dist, 1)));
}

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *size = elbo_abs(standardised(dist, x));
    elbo_node *logistic = elbo_add(size, elbo_scale(elbo_log1p(elbo_exp(elbo_neg(size))), 2));
    elbo_node *stretch =
        elbo_sub(elbo_log(dist->parameter[TEMPERATURE]), elbo_add(elbo_log(x), elbo_log1p(elbo_neg(x))));
    return elbo_sub(stretch, logistic);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, is_inside(dist, x), elbo_formula_number(dist, 0.5), density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = is_inside(dist, x);
    elbo_node *safe = elbo_where(inside, x, elbo_formula_number(dist, 0.5));
    return elbo_where(inside, elbo_sigmoid(standardised(dist, safe)), elbo_formula_is_positive(x));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *logit = elbo_sub(elbo_log(p), elbo_log1p(elbo_neg(p)));
    elbo_node *u = elbo_div(elbo_add(logit, dist->parameter[LOGITS]), dist->parameter[TEMPERATURE]);
    return elbo_formula_inside_unit(elbo_sigmoid(u));
}

const elbo_dist_type elbo_dist_relaxed_bernoulli = {
    .name = "relaxed_bernoulli",
    ELBO_DIST_IS(UNIT_INTERVAL, INVERSE_CDF,
                 "temperature exp(-w) / (x (1 - x) (1 + exp(-w))^2), w = temperature logit(x) - logits"),
    .source = "Maddison, Mnih and Teh 2017, arXiv:1611.00712, appendix B",
    .parameter = {{"temperature", ELBO_CONSTRAINT_POSITIVE, NULL}, {"logits", ELBO_CONSTRAINT_REAL, NULL}},
    .log_prob = log_prob,
    .sample = elbo_formula_sample_inverse,
    .cdf = cdf,
    .icdf = icdf};
