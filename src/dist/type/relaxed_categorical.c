/* The relaxed (Concrete) categorical distribution: the softmax of (logits + Gumbel variates) / temperature. The density
 * is with respect to x_1, ..., x_(K-1). */
#include <math.h>

#include "dist/formula.h"

enum { TEMPERATURE, LOGITS };

static double classes(const elbo_dist *dist) {
    elbo_shape shape = elbo_node_shape(dist->parameter[LOGITS]);
    return shape.rank ? (double)shape.dim[shape.rank - 1] : 1;
}

/* log (K-1)! + (K-1) log t + sum of (l_i - (t + 1) log x_i) - K logsumexp(l_i - t log x_i) */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    double k = classes(dist);
    elbo_node *inside = elbo_formula_is_positive(x), *one = elbo_formula_number(dist, 1);
    elbo_node *logs = elbo_log(elbo_where(inside, x, one));
    elbo_node *scores =
        elbo_sub(dist->parameter[LOGITS], elbo_mul(elbo_formula_with_axis(dist->parameter[TEMPERATURE]), logs));
    elbo_node *sum = elbo_sum(elbo_sub(scores, logs), -1, -1, false);
    elbo_node *value = elbo_sub(sum, elbo_scale(elbo_logsumexp(scores, -1, -1, false), k));
    value = elbo_add(elbo_shift(value, lgamma(k)), elbo_scale(elbo_log(dist->parameter[TEMPERATURE]), k - 1));
    elbo_node *outside = elbo_sum(elbo_shift(elbo_neg(inside), 1), -1, -1, false);
    return elbo_where(outside, elbo_formula_number(dist, -INFINITY), value);
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *gumbel = elbo_neg(elbo_log(elbo_neg(elbo_log(elbo_random_uniform(dist->graph, shape, row_axis)))));
    elbo_node *scores =
        elbo_div(elbo_add(dist->parameter[LOGITS], gumbel), elbo_formula_with_axis(dist->parameter[TEMPERATURE]));
    return elbo_exp(elbo_formula_above_underflow(elbo_log_softmax(scores, -1)));
}

const elbo_dist_type elbo_dist_relaxed_categorical = {
    .name = "relaxed_categorical",
    ELBO_DIST_IS(SIMPLEX, COMPOSITION,
                 "(K - 1)! t^(K - 1) prod p_i x_i^(-t - 1) / (sum p_i x_i^-t)^K, t = temperature, p = softmax(logits)"),
    .source = "Maddison, Mnih and Teh 2017, arXiv:1611.00712",
    .parameter = {{"temperature", ELBO_CONSTRAINT_POSITIVE, NULL}, {"logits", ELBO_CONSTRAINT_REAL, "K"}},
    .event = "K",
    .log_prob = log_prob,
    .sample = sample};
