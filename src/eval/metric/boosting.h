/* Gradient-boosted trees for classification (Friedman 2001, algorithm 6). */
#ifndef ELBO_EVAL_METRIC_BOOSTING_H
#define ELBO_EVAL_METRIC_BOOSTING_H

#include "base/error.h"

enum { ELBO_BOOSTING_DEPTH = 8 };

typedef struct elbo_boosting_settings {
    int64_t rounds; /* a round grows a tree for each class */
    int64_t depth;  /* questions on the way to a leaf: 1 to ELBO_BOOSTING_DEPTH */
    double rate;    /* share of a tree's step that is taken */
    int threads;    /* 0: all processors */
} elbo_boosting_settings;

/* A question, or a leaf. The children of node i are 2 i + 1 (x[column] <= threshold) and 2 i + 2. */
typedef struct elbo_boosting_node {
    int32_t column; /* -1: a leaf */
    double threshold, value;
} elbo_boosting_node;

typedef struct elbo_boosting {
    int64_t dims, classes, rounds, nodes; /* nodes of a tree: 2^(depth + 1) - 1 */
    double *start;                        /* [classes]: log of the share of each class */
    elbo_boosting_node *node;             /* [rounds, classes, nodes] */
    double *importance; /* [dims]: decrease of the squared error by questions about each column, as shares; all 0 where
                           nothing was asked */
} elbo_boosting;

/* Fits sums of regression trees f_k so that softmax(f) predicts label: [rows] in 0..classes-1 from x: [rows, dims].
 * Each round grows for each class a tree on the residuals (one-hot - softmax), best question first by the decrease of
 * the squared error, with Newton steps as leaves. Questions are asked at the midpoints between the distinct values of a
 * column where they are at most 256, else between 256 quantiles. The same bits for any number of threads. */
elbo_status elbo_boosting_fit(elbo_boosting *fit, const double *x, const int32_t *label, int64_t rows, int64_t dims,
                              int64_t classes, const elbo_boosting_settings *settings, elbo_error *error);
void elbo_boosting_clear(elbo_boosting *fit);
/* The share of rows whose most probable class is their label. */
double elbo_boosting_accuracy(const elbo_boosting *fit, const double *x, const int32_t *label, int64_t rows);

#endif
