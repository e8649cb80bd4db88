/* VIMCO (Mnih and Rezende 2016): the importance-weighted bound for draws without a gradient, discrete ones say. With
 * L = log 1/K sum_j w_j,
 *
 *   gradient = sum_k (L - L_-k) d log q(z_k|x) + sum_k w~_k d log w_k
 *
 * where L_-k is L with w_k replaced by the geometric mean of the others: what the draw is judged against. */
#include <math.h>

#include "graph/graph.h"
#include "infer/infer.h"

/* L_-k for each k: [K, B] from log w: [K, B]. The replaced weights stand on the diagonal of [K, K, B]. */
static elbo_node *without_each(elbo_node *log_weight, int64_t k, int64_t rows) {
    elbo_graph *graph = elbo_node_graph(log_weight);
    elbo_node *others = elbo_scale(elbo_sub(elbo_sum(log_weight, 0, 0, true), log_weight), 1 / (double)(k - 1));
    elbo_node *index = elbo_stop_gradient(elbo_cumsum(elbo_constant(graph, 1, ELBO_SHAPE(k)), 0, false, false));
    elbo_node *same = elbo_equal(elbo_reshape(index, ELBO_SHAPE(k, 1, 1)), elbo_reshape(index, ELBO_SHAPE(1, k, 1)));
    elbo_node *all = elbo_where(same, elbo_reshape(others, ELBO_SHAPE(k, 1, rows)),
                                elbo_reshape(log_weight, ELBO_SHAPE(1, k, rows)));
    return elbo_shift(elbo_logsumexp(all, 1, 1, false), -log((double)k));
}

static elbo_update bound(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_stop_gradient(elbo_estimate_draws(e, true)));
    elbo_update update = elbo_estimate_report_weighted(e, &terms);
    elbo_node *log_weight = elbo_estimate_log_weight(e, &terms);
    if (!log_weight) return update;
    int64_t rows = elbo_node_shape(log_weight).dim[1];
    elbo_node *all = elbo_shift(elbo_logsumexp(log_weight, 0, 0, false), -log((double)e->samples)); /* [B] */
    elbo_node *signal = elbo_stop_gradient(elbo_sub(all, without_each(log_weight, e->samples, rows)));
    elbo_node *score = elbo_sum(elbo_mul(signal, terms.log_posterior), 0, 0, false);
    update.objective = elbo_neg(elbo_mean_all(elbo_add(score, all)));
    return update;
}

const elbo_estimator_type elbo_estimator_vimco = {
    .name = "vimco",
    .description =
        "the bound of iwae for draws without a gradient (Bernoulli codes): each draw is judged against the "
        "others",
    .paper = "Mnih and Rezende 2016, arXiv:1602.06725",
    .weighted = true,
    .least_draws = 2,
    .bound = bound};
