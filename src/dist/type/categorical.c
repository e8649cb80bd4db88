/* The categorical distribution over 0..K-1, by logits on the last axis. Values are whole numbers held as reals. */
#include "dist/dist.h"

static int64_t classes(const elbo_dist *dist) {
    elbo_shape shape = elbo_node_shape(dist->parameter[0]);
    return shape.rank ? shape.dim[shape.rank - 1] : 0;
}

/* [0, 1, ..., K-1] */
static elbo_node *values(const elbo_dist *dist) {
    elbo_node *ones = elbo_constant(dist->graph, 1, ELBO_SHAPE(classes(dist)));
    return elbo_cumsum(ones, 0, true, false);
}

static elbo_node *with_axis(elbo_node *x) {
    elbo_shape shape = elbo_node_shape(x);
    if (shape.rank >= ELBO_MAX_RANK) return NULL;
    shape.dim[shape.rank++] = 1;
    return elbo_reshape(x, shape);
}

/* l_x - logsumexp(l); a value that is no class has probability 0 on paper and must not occur. */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *chosen = elbo_equal(with_axis(x), values(dist));
    elbo_node *logit = elbo_sum(elbo_mul(chosen, dist->parameter[0]), -1, -1, false);
    return elbo_sub(logit, elbo_logsumexp(dist->parameter[0], -1, -1, false));
}

/* Gumbel's trick: argmax of logits - log(-log u) is a draw. */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    shape.dim[shape.rank++] = classes(dist);
    elbo_node *u = elbo_random_uniform(dist->graph, shape, row_axis);
    return elbo_to_real(elbo_argmax(elbo_sub(dist->parameter[0], elbo_log(elbo_neg(elbo_log(u)))), -1));
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_sum(elbo_mul(elbo_softmax(dist->parameter[0], -1), values(dist)), -1, -1, false);
}

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *away = elbo_sub(values(dist), with_axis(mean(dist)));
    return elbo_sum(elbo_mul(elbo_softmax(dist->parameter[0], -1), elbo_square(away)), -1, -1, false);
}

/* The classes up to x. */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *up_to = elbo_less_equal(values(dist), with_axis(x));
    return elbo_sum(elbo_mul(up_to, elbo_softmax(dist->parameter[0], -1)), -1, -1, false);
}

static elbo_node *mode(const elbo_dist *dist) { return elbo_to_real(elbo_argmax(dist->parameter[0], -1)); }

static elbo_node *entropy(const elbo_dist *dist) {
    elbo_node *log_p = elbo_log_softmax(dist->parameter[0], -1);
    return elbo_neg(elbo_sum(elbo_mul(elbo_exp(log_p), log_p), -1, -1, false));
}

static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != &elbo_dist_categorical) return NULL;
    elbo_node *log_p = elbo_log_softmax(p->parameter[0], -1), *log_q = elbo_log_softmax(q->parameter[0], -1);
    return elbo_sum(elbo_mul(elbo_exp(log_p), elbo_sub(log_p, log_q)), -1, -1, false);
}

const elbo_dist_type elbo_dist_categorical = {.name = "categorical",
                                              .parameter = {{"logits", ELBO_CONSTRAINT_REAL, "K"}},
                                              ELBO_DIST_IS(CLASSES, PLAIN, "softmax(logits)_x"),
                                              .source = "Bishop 2006, appendix B",
                                              .kl_source = "the sum of p log(p / q) over the values",
                                              .log_prob = log_prob,
                                              .sample = sample,
                                              .mean = mean,
                                              .variance = variance,
                                              .mode = mode,
                                              .entropy = entropy,
                                              .cdf = cdf,
                                              .kl = kl};

elbo_dist elbo_categorical(elbo_node *logits, int event_rank) {
    elbo_shape shape = elbo_node_shape(logits);
    if (shape.rank) shape.rank--;
    return (elbo_dist){.type = &elbo_dist_categorical,
                       .graph = elbo_node_graph(logits),
                       .parameter = {logits},
                       .shape = shape,
                       .event_rank = event_rank};
}
