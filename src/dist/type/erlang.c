/* The Erlang distribution: the sum of `concentration` draws of Exp(rate), and sampled as that sum. */
#include "dist/formula.h"
#include "graph/graph.h"
#include "ops/gamma.h"

enum { CONCENTRATION, RATE };

/* Terms of the sum; the constructor made sure that they are a whole constant. */
static int64_t terms(const elbo_dist *dist) {
    double value = 1;
    elbo_node_constant(dist->parameter[CONCENTRATION], &value);
    return (int64_t)value;
}

static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *w = elbo_mul(dist->parameter[RATE], x);
    return elbo_sub(elbo_formula_log_gamma_kernel(dist->parameter[CONCENTRATION], w), elbo_log(x));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    return elbo_formula_within(dist, x, elbo_formula_is_positive(x), elbo_reciprocal(dist->parameter[RATE]), density);
}

/* All exponentials in one draw, summed over a new first axis. */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_shape all = {shape.rank + 1, {terms(dist)}};
    if (all.rank > ELBO_MAX_RANK)
        return elbo_graph_fail(dist->graph, ELBO_ERROR_SHAPE, "erlang: a draw of rank %d has too many axes",
                               shape.rank);
    for (int axis = 0; axis < shape.rank; axis++) all.dim[1 + axis] = shape.dim[axis];
    elbo_node *u = elbo_random_uniform(dist->graph, all, shape.rank > 0 ? row_axis + 1 : 0);
    return elbo_neg(elbo_div(elbo_sum(elbo_log(u), 0, 0, false), dist->parameter[RATE]));
}

/* P(a, w) */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    return elbo_gamma_cdf(dist->parameter[CONCENTRATION], elbo_mul(dist->parameter[RATE], elbo_relu(x)));
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_div(dist->parameter[CONCENTRATION], dist->parameter[RATE]);
}
static elbo_node *variance(const elbo_dist *dist) { return elbo_div(mean(dist), dist->parameter[RATE]); }

static elbo_node *mode(const elbo_dist *dist) {
    return elbo_div(elbo_shift(dist->parameter[CONCENTRATION], -1), dist->parameter[RATE]);
}

static elbo_node *entropy(const elbo_dist *dist) {
    return elbo_sub(elbo_formula_gamma_entropy(dist->parameter[CONCENTRATION]), elbo_log(dist->parameter[RATE]));
}

const elbo_dist_type elbo_dist_erlang = {
    .name = "erlang",
    ELBO_DIST_IS(POSITIVE, COMPOSITION, "rate^k x^(k - 1) exp(-rate x) / (k - 1)!, k = concentration"),
    .source = "Johnson, Kotz and Balakrishnan 1994, chapter 17",
    .kl_to = ELBO_GAMMA_FAMILY,
    .kl_source = "Penny 2001, KL-divergences of normal, gamma, Dirichlet and Wishart densities",
    .parameter = {{"concentration", ELBO_CONSTRAINT_WHOLE, NULL}, {"rate", ELBO_CONSTRAINT_POSITIVE, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .entropy = entropy,
    .cdf = cdf,
    .kl = elbo_formula_gamma_kl};
