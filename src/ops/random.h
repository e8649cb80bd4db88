/* Random draws. Attributes: i[0] rank, i[1..6] dimensions, i[7] row axis, i[8] stream. */
#ifndef ELBO_OPS_RANDOM_H
#define ELBO_OPS_RANDOM_H

#include "graph/graph.h"

extern const elbo_op elbo_op_random_uniform, elbo_op_random_normal;

/* The shape seen as [before, rows, after]: row = index of the middle, column = before-index * after + after-index. */
typedef struct elbo_random_view {
    int64_t before, rows, after;
    uint32_t stream;
} elbo_random_view;
elbo_random_view elbo_random_view_of(const elbo_node *node);

#endif
