/* The log-normal distribution: log x is N(loc, scale^2). */
#include "dist/formula.h"

enum { LOC, SCALE };

static elbo_node *standardised(const elbo_dist *dist, elbo_node *log_x) {
    return elbo_div(elbo_sub(log_x, dist->parameter[LOC]), dist->parameter[SCALE]);
}

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *log_x = elbo_log(x), *square = elbo_square(standardised(dist, log_x));
    elbo_node *sum =
        elbo_add(elbo_muladd(square, elbo_formula_number(dist, 0.5), log_x), elbo_log(dist->parameter[SCALE]));
    return elbo_neg(elbo_shift(sum, ELBO_HALF_LOG_TWO_PI));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), elbo_formula_number(dist, 1), density);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *e = elbo_random_normal(dist->graph, shape, row_axis);
    return elbo_exp(elbo_muladd(dist->parameter[SCALE], e, dist->parameter[LOC]));
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *inside = elbo_formula_is_positive(x);
    elbo_node *log_x = elbo_log(elbo_where(inside, x, elbo_formula_number(dist, 1)));
    elbo_node *u = elbo_scale(standardised(dist, log_x), 1 / ELBO_SQRT_TWO);
    return elbo_where(inside, elbo_shift(elbo_scale(elbo_erf(u), 0.5), 0.5), elbo_formula_number(dist, 0));
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *u = elbo_scale(elbo_erfinv(elbo_shift(elbo_scale(p, 2), -1)), ELBO_SQRT_TWO);
    return elbo_exp(elbo_muladd(dist->parameter[SCALE], u, dist->parameter[LOC]));
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_exp(elbo_add(dist->parameter[LOC], elbo_scale(elbo_square(dist->parameter[SCALE]), 0.5)));
}

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_mul(elbo_square(mean(dist)), elbo_expm1(elbo_square(dist->parameter[SCALE])));
}

static elbo_node *mode(const elbo_dist *dist) {
    return elbo_exp(elbo_sub(dist->parameter[LOC], elbo_square(dist->parameter[SCALE])));
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_shift(elbo_add(dist->parameter[LOC], elbo_log(dist->parameter[SCALE])), 0.5 + ELBO_HALF_LOG_TWO_PI);
}

/* That of the normal distributions of log x. */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type) return NULL;
    elbo_node *r = elbo_div(p->parameter[SCALE], q->parameter[SCALE]);
    elbo_node *d = elbo_div(elbo_sub(p->parameter[LOC], q->parameter[LOC]), q->parameter[SCALE]);
    elbo_node *squares = elbo_scale(elbo_add(elbo_square(r), elbo_square(d)), 0.5);
    return elbo_shift(elbo_sub(squares, elbo_log(r)), -0.5);
}

const elbo_dist_type elbo_dist_log_normal = {
    .name = "log_normal",
    ELBO_DIST_IS(POSITIVE, COMPOSITION, "exp(-((log x - loc) / scale)^2 / 2) / (x scale sqrt(2 pi))"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 14",
    .kl_source = "Gil, Alajaji and Linder 2013, Information Sciences 249",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"scale", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};
