/* Matrix products. Attributes: i[0] transpose a, i[1] transpose b. */
#ifndef ELBO_OPS_MATMUL_H
#define ELBO_OPS_MATMUL_H

#include "graph/graph.h"

extern const elbo_op elbo_op_matmul;

/* Sizes of the products: `batch` of them over the broadcast leading axes, each [m, k] times [k, n]. */
typedef struct elbo_matmul_view {
    int64_t m, k, n, batch;
    elbo_shape leading;                                       /* of the result */
    int64_t stride_a[ELBO_MAX_RANK], stride_b[ELBO_MAX_RANK]; /* in matrices, 0 along repeated axes */
} elbo_matmul_view;
elbo_matmul_view elbo_matmul_view_of(const elbo_node *node);

#endif
