/* The multinomial distribution: how often each of K classes comes up in `total` draws. */
#include <math.h>

#include "dist/formula.h"
#include "graph/graph.h"
#include "ops/count.h"

enum { TOTAL, LOGITS };

static double total(const elbo_dist *dist) {
    double value = 1;
    elbo_node_constant(dist->parameter[TOTAL], &value);
    return value;
}

/* log of total times the probabilities */
static elbo_node *log_rates(const elbo_dist *dist) {
    return elbo_shift(elbo_log_softmax(dist->parameter[LOGITS], -1), log(total(dist)));
}

/* log of the Poisson probability of a count at a rate given by its logarithm */
static elbo_node *log_poisson(elbo_node *count, elbo_node *log_rate) {
    return elbo_sub(elbo_formula_log_gamma_kernel(elbo_shift(count, 1), elbo_exp(log_rate)), log_rate);
}

/* Poisson counts of rates total p, given that their sum is total */
static elbo_node *density(const elbo_dist *dist, elbo_node *x) {
    elbo_node *joint = elbo_sum(log_poisson(x, log_rates(dist)), -1, -1, false);
    return elbo_sub(joint,
                    log_poisson(elbo_formula_number(dist, total(dist)), elbo_formula_number(dist, log(total(dist)))));
}

/* Vectors that are no counts, or whose sum is not the total, have probability 0. */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    elbo_node *count = elbo_formula_is_count(x), *zero = elbo_formula_number(dist, 0);
    elbo_node *wrong = elbo_add(elbo_sum(elbo_shift(elbo_neg(count), 1), -1, -1, false),
                                elbo_abs(elbo_shift(elbo_sum(x, -1, -1, false), -total(dist))));
    elbo_node *value = density(dist, elbo_where(count, x, zero));
    return elbo_where(elbo_less(zero, wrong), elbo_formula_number(dist, -INFINITY), value);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    return elbo_random_multinomial(elbo_softmax(dist->parameter[LOGITS], -1), (int64_t)total(dist), shape, row_axis);
}

static elbo_node *mean(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_scale(elbo_softmax(dist->parameter[LOGITS], -1), total(dist)));
}

static elbo_node *variance(const elbo_dist *dist) {
    elbo_node *p = elbo_softmax(dist->parameter[LOGITS], -1);
    return elbo_formula_full(dist, elbo_scale(elbo_mul(p, elbo_shift(elbo_neg(p), 1)), total(dist)));
}

/* The categorical distribution's, total times, for equal totals. */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type || total(p) != total(q)) return NULL;
    elbo_node *log_p = elbo_log_softmax(p->parameter[LOGITS], -1), *log_q = elbo_log_softmax(q->parameter[LOGITS], -1);
    return elbo_scale(elbo_sum(elbo_mul(elbo_exp(log_p), elbo_sub(log_p, log_q)), -1, -1, false), total(p));
}

const elbo_dist_type elbo_dist_multinomial = {
    .name = "multinomial",
    ELBO_DIST_IS(COUNT_VECTOR, PLAIN, "total! prod p_i^x_i / x_i!, p = softmax(logits)"),
    .source = "Johnson, Kotz and Balakrishnan 1997, Discrete Multivariate Distributions, chapter 35",
    .kl_source = "an exponential family at equal totals",
    .parameter = {{"total", ELBO_CONSTRAINT_WHOLE, NULL}, {"logits", ELBO_CONSTRAINT_REAL, "K"}},
    .event = "K",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .kl = kl};
