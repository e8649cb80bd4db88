/* The operations of movement.c, index.c, scan.c, triangle.c, convolution.c, sparse.c and nonzero.c by name, for
 * backends that have kernels of their own for some of them. What each one's attributes hold is written above it in its
 * file. */
#ifndef ELBO_OPS_NAMES_H
#define ELBO_OPS_NAMES_H

#include "graph/op.h"

extern const elbo_op elbo_op_reshape, elbo_op_stop_gradient, elbo_op_transpose, elbo_op_broadcast_to, elbo_op_concat,
    elbo_op_slice, elbo_op_pad;
extern const elbo_op elbo_op_gather, elbo_op_scatter_add, elbo_op_one_hot, elbo_op_argmax;
extern const elbo_op elbo_op_cumsum;
extern const elbo_op elbo_op_tril_fill, elbo_op_tril_take, elbo_op_tril_solve;
extern const elbo_op elbo_op_conv2d, elbo_op_conv2d_input, elbo_op_conv2d_weight;
extern const elbo_op elbo_op_sparse_matmul, elbo_op_sparse_matmul_weight, elbo_op_sparse_matmul_value;
extern const elbo_op elbo_op_matmul_nonzero, elbo_op_matmul_nonzero_weight;

#endif
