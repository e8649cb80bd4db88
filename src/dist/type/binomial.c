/* The binomial distribution: successes among a known number of trials. P(success) = sigmoid(logits). */
#include "dist/formula.h"
#include "graph/graph.h"
#include "ops/count.h"
#include "ops/gamma.h"

enum { TOTAL, LOGITS };

/* The constructor made sure that it is a whole constant. */
static double total(const elbo_dist *dist) {
    double value = 1;
    elbo_node_constant(dist->parameter[TOTAL], &value);
    return value;
}

/* n! / (k! (n - k)!) = 1 / ((n + 1) B(k + 1, n - k + 1)) */
static elbo_node *density(const elbo_dist *dist, elbo_node *k) {
    elbo_node *l = dist->parameter[LOGITS], *n = dist->parameter[TOTAL];
    elbo_node *log_p = elbo_neg(elbo_softplus(elbo_neg(l))), *log_q = elbo_neg(elbo_softplus(l));
    elbo_node *kernel = elbo_formula_log_beta_kernel(elbo_shift(k, 1), elbo_shift(elbo_sub(n, k), 1), elbo_sigmoid(l),
                                                     elbo_sigmoid(elbo_neg(l)), log_p, log_q);
    return elbo_sub(kernel, elbo_add(elbo_add(log_p, log_q), elbo_log(elbo_shift(n, 1))));
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *k) {
    elbo_node *inside = elbo_mul(elbo_formula_is_count(k), elbo_less_equal(k, dist->parameter[TOTAL]));
    return elbo_formula_within(dist, k, inside, elbo_formula_number(dist, 0), density);
}

/* The first of two classes. */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *l = elbo_formula_with_axis(elbo_broadcast_to(dist->parameter[LOGITS], shape));
    elbo_node *both = elbo_concat((elbo_node *[]){elbo_sigmoid(l), elbo_sigmoid(elbo_neg(l))}, 2, -1);
    elbo_node *counts = elbo_random_multinomial(both, (int64_t)total(dist), elbo_node_shape(both), row_axis);
    return elbo_reshape(elbo_slice(counts, -1, 0, 1), shape);
}

/* I_{1 - p}(n - k, k + 1) for k < n */
static elbo_node *cdf(const elbo_dist *dist, elbo_node *x) {
    elbo_node *n = dist->parameter[TOTAL], *one = elbo_formula_number(dist, 1), *last = elbo_less_equal(n, x);
    elbo_node *k = elbo_where(last, elbo_formula_number(dist, 0), elbo_floor(elbo_relu(x)));
    elbo_node *value = elbo_beta_cdf(elbo_sub(n, k), elbo_add(k, one), elbo_exp(elbo_neg(dist->parameter[LOGITS])));
    return elbo_mul(elbo_formula_is_not_negative(x), elbo_where(last, one, value));
}

static elbo_node *success(const elbo_dist *dist) { return elbo_sigmoid(dist->parameter[LOGITS]); }
static elbo_node *mean(const elbo_dist *dist) { return elbo_mul(dist->parameter[TOTAL], success(dist)); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_mul(mean(dist), elbo_sigmoid(elbo_neg(dist->parameter[LOGITS])));
}

static elbo_node *mode(const elbo_dist *dist) {
    elbo_node *place = elbo_mul(elbo_shift(dist->parameter[TOTAL], 1), success(dist));
    return elbo_min(elbo_floor(place), dist->parameter[TOTAL]);
}

/* The Bernoulli distribution's, total times, for equal totals. */
static elbo_node *kl(const elbo_dist *p, const elbo_dist *q) {
    if (q->type != p->type || total(p) != total(q)) return NULL;
    elbo_node *a = p->parameter[LOGITS], *b = q->parameter[LOGITS];
    elbo_node *one = elbo_muladd(success(p), elbo_sub(a, b), elbo_sub(elbo_softplus(b), elbo_softplus(a)));
    return elbo_mul(p->parameter[TOTAL], one);
}

const elbo_dist_type elbo_dist_binomial = {
    .name = "binomial",
    ELBO_DIST_IS(COUNTS_TO_TOTAL, PLAIN, "total! / (x! (total - x)!) p^x (1 - p)^(total - x), p = sigmoid(logits)"),
    .source = "Johnson, Kemp and Kotz 2005, Univariate Discrete Distributions, chapter 3",
    .kl_source = "an exponential family at equal totals",
    .parameter = {{"total", ELBO_CONSTRAINT_WHOLE, NULL}, {"logits", ELBO_CONSTRAINT_REAL, NULL}},
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mode,
    .cdf = cdf,
    .kl = kl};
