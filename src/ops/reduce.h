/* Reductions. Attributes: i[0] first axis, i[1] one past the last, i[2] keep the axes with size 1. */
#ifndef ELBO_OPS_REDUCE_H
#define ELBO_OPS_REDUCE_H

#include "graph/graph.h"

extern const elbo_op elbo_op_sum, elbo_op_max_over, elbo_op_logsumexp;

/* Input of a reduction seen as [outer, middle, inner]; the middle is reduced. */
typedef struct elbo_reduce_view {
    int64_t outer, middle, inner;
} elbo_reduce_view;
elbo_reduce_view elbo_reduce_view_of(const elbo_node *node);

#endif
