/* The normal distribution, by location and log scale. */
#include "dist/formula.h"

enum { LOC, LOG_SCALE };

/* log N(x) = -1/2 ((x - loc) / scale)^2 - log scale - 1/2 log 2 pi */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = elbo_mul(elbo_sub(x, dist->parameter[LOC]), elbo_exp(elbo_neg(dist->parameter[LOG_SCALE])));
    return elbo_shift(elbo_neg(elbo_add(elbo_scale(elbo_square(u), 0.5), dist->parameter[LOG_SCALE])),
                      -ELBO_HALF_LOG_TWO_PI);
}

static elbo_node *scale_of(const elbo_dist *dist) { return elbo_exp(dist->parameter[LOG_SCALE]); }

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    return elbo_muladd(scale_of(dist), elbo_random_normal(dist->graph, shape, row_axis), dist->parameter[LOC]);
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_broadcast_to(dist->parameter[LOC], dist->shape); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_broadcast_to(elbo_exp(elbo_scale(dist->parameter[LOG_SCALE], 2)), dist->shape);
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_broadcast_to(elbo_shift(dist->parameter[LOG_SCALE], 0.5 + ELBO_HALF_LOG_TWO_PI), dist->shape);
}

static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *u = elbo_mul(elbo_sub(x, dist->parameter[LOC]), elbo_exp(elbo_neg(dist->parameter[LOG_SCALE])));
    return elbo_shift(elbo_scale(elbo_erf(elbo_scale(u, 1 / ELBO_SQRT_TWO)), 0.5), 0.5);
}

static elbo_node *icdf(const elbo_dist *dist, elbo_node *p) {
    elbo_node *u = elbo_scale(elbo_erfinv(elbo_shift(elbo_scale(p, 2), -1)), ELBO_SQRT_TWO);
    return elbo_muladd(scale_of(dist), u, dist->parameter[LOC]);
}

/* KL = log s_q - log s_p + (s_p^2 + (m_p - m_q)^2) / (2 s_q^2) - 1/2; appendix B of Kingma and Welling for q = N(0,1)
 */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != &elbo_dist_normal) return NULL;
    elbo_node *spread = elbo_add(elbo_exp(elbo_scale(p->parameter[LOG_SCALE], 2)),
                                 elbo_square(elbo_sub(p->parameter[LOC], q->parameter[LOC])));
    elbo_node *relative = elbo_mul(spread, elbo_exp(elbo_scale(q->parameter[LOG_SCALE], -2)));
    return elbo_shift(elbo_add(elbo_sub(q->parameter[LOG_SCALE], p->parameter[LOG_SCALE]), elbo_scale(relative, 0.5)),
                      -0.5);
}

const elbo_dist_type elbo_dist_normal = {
    .name = "normal",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, NULL}, {"log_scale", ELBO_CONSTRAINT_REAL, NULL}},
    ELBO_DIST_IS(REAL, LOCATION_SCALE, "exp(-((x - loc) / scale)^2 / 2) / (scale sqrt(2 pi))"),
    .source = "Kingma and Welling 2013, appendix B",
    .kl_source = "Kingma and Welling 2013, appendix B",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mean,
    .entropy = entropy,
    .cdf = cdf,
    .icdf = icdf,
    .kl = kl};

elbo_dist elbo_normal(elbo_node *loc, elbo_node *log_scale, int event_rank) {
    elbo_dist dist = {.type = &elbo_dist_normal,
                      .graph = elbo_node_graph(loc),
                      .parameter = {loc, log_scale},
                      .event_rank = event_rank};
    dist.shape = elbo_node_shape(elbo_add(loc, log_scale));
    return dist;
}

elbo_dist elbo_standard_normal(elbo_graph *graph, elbo_shape shape, int event_rank) {
    elbo_node *zero = elbo_constant(graph, 0, shape);
    return elbo_normal(zero, zero, event_rank);
}
