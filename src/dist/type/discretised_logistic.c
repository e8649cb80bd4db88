/* The discretised logistic distribution: a logistic variate rounded to 0, 1, ..., levels - 1; what lies beyond the ends
 * belongs to them. loc and scale are in units of levels. */
#include "dist/formula.h"
#include "graph/graph.h"

enum { LOC, SCALE, LEVELS };

/* The constructor made sure that they are a whole constant. */
static int64_t levels(const elbo_dist *dist) {
    double value = 1;
    elbo_node_constant(dist->parameter[LEVELS], &value);
    return (int64_t)value;
}

/* With a and b the upper and lower edge of x in standard units: log(sigmoid(a) - sigmoid(b)) =
 * log sigmoid(a) + log sigmoid(-b) + log(1 - e^(b - a)), where an open end has only its one factor. */
static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *zero = elbo_formula_number(dist, 0), *scale = dist->parameter[SCALE];
    elbo_node *away = elbo_sub(x, dist->parameter[LOC]);
    elbo_node *below_top = elbo_less(x, elbo_formula_number(dist, (double)levels(dist) - 1));
    elbo_node *above_bottom = elbo_less(zero, x);
    elbo_node *top = elbo_neg(elbo_softplus(elbo_neg(elbo_div(elbo_shift(away, 0.5), scale))));
    elbo_node *bottom = elbo_neg(elbo_softplus(elbo_div(elbo_shift(away, -0.5), scale)));
    elbo_node *width = elbo_log(elbo_neg(elbo_expm1(elbo_neg(elbo_reciprocal(scale)))));
    elbo_node *ends = elbo_add(elbo_where(below_top, top, zero), elbo_where(above_bottom, bottom, zero));
    return elbo_add(ends, elbo_where(elbo_mul(below_top, above_bottom), width, zero));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *last = elbo_formula_number(dist, (double)levels(dist) - 1);
    elbo_node *inside = elbo_mul(elbo_formula_is_count(x), elbo_less_equal(x, last));
    return elbo_formula_within(dist, x, inside, elbo_formula_number(dist, 0), density);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *edge = elbo_sub(elbo_shift(elbo_floor(x), 0.5), dist->parameter[LOC]);
    elbo_node *last = elbo_less_equal(elbo_formula_number(dist, (double)levels(dist) - 1), x);
    elbo_node *value = elbo_sigmoid(elbo_div(edge, dist->parameter[SCALE]));
    return elbo_mul(elbo_formula_is_not_negative(x), elbo_where(last, elbo_formula_number(dist, 1), value));
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *u = elbo_random_uniform(dist->graph, shape, row_axis);
    elbo_node *logit = elbo_sub(elbo_log(u), elbo_log1p(elbo_neg(u)));
    elbo_node *x = elbo_stop_gradient(elbo_muladd(dist->parameter[SCALE], logit, dist->parameter[LOC]));
    return elbo_clamp(elbo_floor(elbo_shift(x, 0.5)), 0, (double)levels(dist) - 1);
}

/* 0, 1, ... on a new last axis, and log p of them. */
static elbo_node *values(const elbo_dist *dist) {
    return elbo_cumsum(elbo_constant(dist->graph, 1, ELBO_SHAPE(levels(dist))), 0, true, false);
}

static elbo_node *at_values(const elbo_dist *dist) {
    elbo_dist wide = *dist;
    wide.parameter[LOC] = elbo_formula_with_axis(elbo_formula_full(dist, dist->parameter[LOC]));
    wide.parameter[SCALE] = elbo_formula_with_axis(elbo_formula_full(dist, dist->parameter[SCALE]));
    return density(&wide, values(dist));
}

static elbo_node *expect(const elbo_dist *dist, elbo_node *of) {
    return elbo_sum(elbo_mul(elbo_exp(at_values(dist)), of), -1, -1, false);
}

static elbo_node *mean(const elbo_dist *dist) { return expect(dist, values(dist)); }

static elbo_node *variance(const elbo_dist *dist) {
    return expect(dist, elbo_square(elbo_sub(values(dist), elbo_formula_with_axis(mean(dist)))));
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_to_real(elbo_argmax(at_values(dist), -1)); }

/* -p log p is 0 where p underflows; log p may not. */
static elbo_node *entropy(const elbo_dist *dist) { return elbo_neg(expect(dist, at_values(dist))); }

static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type || levels(p) != levels(q)) return NULL;
    return expect(p, elbo_sub(at_values(p), at_values(q)));
}

const elbo_dist_type elbo_dist_discretised_logistic = {
    .name = "discretised_logistic",
    ELBO_DIST_IS(LEVELS, PLAIN,
                 "sigmoid((x + 1/2 - loc) / scale) - sigmoid((x - 1/2 - loc) / scale), open at both ends"),
    .source = "Salimans, Karpathy, Chen and Kingma 2017, arXiv:1701.05517",
    .kl_source = "the sum of p log(p / q) over the values",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL},
                  {"scale", ELBO_CONSTRAINT_POSITIVE, NULL},
                  {"levels", ELBO_CONSTRAINT_WHOLE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .kl = kl};
