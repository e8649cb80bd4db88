/* The KL of the codes in three parts (Hoffman and Johnson 2016; Chen et al. 2018, arXiv:1802.04942, equation 2):
 *
 *   E KL(q(z|x) || p(z)) =   E log q(z|x) / q(z)              mutual information of datum and code
 *                          + E log q(z) / prod_d q(z_d)       total correlation
 *                          + E log prod_d q(z_d) / p(z)       KL of the dimensions
 *
 * with q(z) = 1/N sum_n q(z|x_n) over all N data, of which a batch of B is at hand. */
#ifndef ELBO_INFER_CORRELATION_H
#define ELBO_INFER_CORRELATION_H

#include "dist/dist.h"

/* Both estimate q(z) and each q(z_d) at the draw z_i of row i as sum_j w_ij q(z_i|x_j). */
typedef enum elbo_aggregate {
    ELBO_AGGREGATE_WEIGHTED,  /* w_ij = 1 / (N B): minibatch-weighted sampling, too low by about log N for far codes */
    ELBO_AGGREGATE_STRATIFIED /* w_ii = 1/N, one other (N - B + 1) / (N (B - 1)), the rest 1 / (B - 1): unbiased */
} elbo_aggregate;

typedef struct elbo_correlation {
    elbo_node *information, *correlation, *dimensions; /* scalars: means over the batch */
} elbo_correlation;

/* z: [B, D], a draw of q, whose type has no event axes of its own; rows: N, at least B. A batch of one row has its own
 * term alone under both. What is NULL stands for an error in the graph. */
elbo_correlation elbo_correlation_of(const elbo_dist *q, const elbo_dist *p, elbo_node *z, int64_t rows,
                                     elbo_aggregate how);

#endif
