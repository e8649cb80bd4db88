/* k-means: the K centres of least mean squared distance between each row and its nearest centre. */
#ifndef ELBO_INFER_FIT_KMEANS_H
#define ELBO_INFER_FIT_KMEANS_H

#include "infer/fit/rows.h"

typedef struct elbo_kmeans_options {
    int64_t clusters, starts; /* of the starts the best is kept */
    uint64_t seed;
    int threads; /* 0: all processors; the same bits for any number */
} elbo_kmeans_options;

/* Lloyd's iterations (1982) from seeds of k-means++ until no row changes its cluster, or 300 of them. A cluster that
 * loses all its rows keeps its centre. centre: [clusters, dims]; *distance: the mean squared distance, or NULL.
 * ELBO_ERROR_USAGE for more clusters than rows. */
elbo_status elbo_kmeans(const elbo_fit_rows *rows, const elbo_kmeans_options *options, double *centre, double *distance,
                        elbo_error *error);

#endif
