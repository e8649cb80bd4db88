/* The Bernoulli distribution, by logits. */
#include "dist/dist.h"

/* x l - softplus(l), which is x log p + (1 - x) log(1 - p) */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_sub(elbo_mul(x, dist->parameter[0]), elbo_softplus(dist->parameter[0]));
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_sigmoid(dist->parameter[0]); }

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    return elbo_less(elbo_random_uniform(dist->graph, shape, row_axis), mean(dist));
}

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_mul(elbo_sigmoid(dist->parameter[0]), elbo_sigmoid(elbo_neg(dist->parameter[0])));
}

/* 0 below 0, 1 from 1 on, 1 - p between them */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *zero = elbo_constant(dist->graph, 0, ELBO_SCALAR), *one = elbo_constant(dist->graph, 1, ELBO_SCALAR);
    elbo_node *between = elbo_sigmoid(elbo_neg(dist->parameter[0]));
    return elbo_mul(elbo_less_equal(zero, x), elbo_where(elbo_less_equal(one, x), one, between));
}

static elbo_node *mode(const elbo_dist *dist) {
    return elbo_less(elbo_constant(dist->graph, 0, ELBO_SCALAR), dist->parameter[0]);
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_sub(elbo_softplus(dist->parameter[0]), elbo_mul(mean(dist), dist->parameter[0]));
}

/* p (l_p - l_q) - softplus(l_p) + softplus(l_q) */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != &elbo_dist_bernoulli) return NULL;
    elbo_node *a = p->parameter[0], *b = q->parameter[0];
    return elbo_add(elbo_mul(mean(p), elbo_sub(a, b)), elbo_sub(elbo_softplus(b), elbo_softplus(a)));
}

const elbo_dist_type elbo_dist_bernoulli = {.name = "bernoulli",
                                            .parameter = {{"logits", ELBO_CONSTRAINT_REAL, NULL}},
                                            ELBO_DIST_IS(BINARY, PLAIN, "p^x (1 - p)^(1 - x), p = sigmoid(logits)"),
                                            .source = "Kingma and Welling 2013, appendix C.1",
                                            .kl_source = "the sum of p log(p / q) over the values",
                                            .log_prob = log_prob,
                                            .sample = sample,
                                            .mean = mean,
                                            .variance = variance,
                                            .mode = mode,
                                            .entropy = entropy,
                                            .cdf = cdf,
                                            .kl = kl};

elbo_dist elbo_bernoulli(elbo_node *logits, int event_rank) {
    return (elbo_dist){.type = &elbo_dist_bernoulli,
                       .graph = elbo_node_graph(logits),
                       .parameter = {logits},
                       .shape = elbo_node_shape(logits),
                       .event_rank = event_rank};
}
