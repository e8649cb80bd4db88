#include "infer/correlation.h"

#include <math.h>

#include "graph/graph.h"

/* log w: [B, B]. */
static elbo_node *log_weights(elbo_graph *graph, int64_t batch, int64_t rows, elbo_aggregate how) {
    double n = (double)rows, m = (double)(batch - 1);
    if (how == ELBO_AGGREGATE_WEIGHTED || batch == 1) return elbo_scalar(graph, -log(n * (double)batch));
    double *w = elbo_calloc(sizeof *w * (size_t)(batch * batch));
    if (!w) return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: %lld weights", (long long)(batch * batch));
    for (int64_t i = 0; i < batch; i++)
        for (int64_t j = 0; j < batch; j++)
            w[i * batch + j] = -log(j == i ? n : j == (i + 1) % batch ? n * m / (n - m) : m);
    elbo_node *node = elbo_literal(graph, w, ELBO_SHAPE(batch, batch));
    elbo_free(w);
    return node;
}

elbo_correlation elbo_correlation_of(const elbo_dist *q, const elbo_dist *p, elbo_node *z, int64_t rows,
                                     elbo_aggregate how) {
    elbo_correlation none = {NULL};
    if (!z || !q->type || !p->type) return none;
    elbo_graph *graph = elbo_node_graph(z);
    int64_t batch = elbo_node_shape(z).dim[0], size = elbo_node_shape(z).dim[1];
    elbo_scope_push(graph, "correlation");
    elbo_node *pairs = q->type->log_prob(q, elbo_reshape(z, ELBO_SHAPE(batch, 1, size))); /* log q(z_id|x_jd) */
    pairs = elbo_broadcast_to(pairs, ELBO_SHAPE(batch, batch, size));
    elbo_node *weights = log_weights(graph, batch, rows, how);
    elbo_node *each = elbo_broadcast_to(weights, ELBO_SHAPE(batch, batch));
    elbo_node *whole = elbo_logsumexp(elbo_add(elbo_sum(pairs, -1, -1, false), each), 1, 1, false);
    elbo_node *apart = elbo_logsumexp(elbo_add(pairs, elbo_reshape(each, ELBO_SHAPE(batch, batch, 1))), 1, 1, false);
    apart = elbo_sum(apart, -1, -1, false);
    elbo_correlation out = {.information = elbo_mean_all(elbo_sub(elbo_dist_log_prob(q, z), whole)),
                            .correlation = elbo_mean_all(elbo_sub(whole, apart)),
                            .dimensions = elbo_mean_all(elbo_sub(apart, elbo_dist_log_prob(p, z)))};
    elbo_scope_pop(graph);
    return out;
}
