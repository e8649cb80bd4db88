/* Multinomial logistic regression by L-BFGS. */
#ifndef ELBO_EVAL_METRIC_LOGISTIC_H
#define ELBO_EVAL_METRIC_LOGISTIC_H

#include "base/error.h"

typedef struct elbo_logistic_settings {
    double l2;          /* adds l2 / (2 rows) |W|^2 to the mean cross-entropy; biases are free */
    bool standardise;   /* the penalty is for columns scaled to variance 1; constant ones get weight 0 */
    int64_t iterations; /* at most */
    double tolerance;   /* ends once no element of the gradient is larger */
    int threads;        /* 0: all processors */
} elbo_logistic_settings;

typedef struct elbo_logistic {
    int64_t dims, classes, iterations;
    bool converged;
    double loss;    /* mean cross-entropy and penalty */
    double *weight; /* [classes, dims + 1], the bias last; for columns as they come; owned */
} elbo_logistic;

/* Minimises -1/N sum log softmax(W x + b)[label] + l2 / (2 N) |W|^2 for x: [rows, dims], label: [rows] in
 * 0..classes-1. The same bits for any number of threads. */
elbo_status elbo_logistic_fit(elbo_logistic *fit, const double *x, const int32_t *label, int64_t rows, int64_t dims,
                              int64_t classes, const elbo_logistic_settings *settings, elbo_error *error);
void elbo_logistic_clear(elbo_logistic *fit);
/* The most probable class of each row; the first of equals. */
void elbo_logistic_predict(const elbo_logistic *fit, const double *x, int64_t rows, int32_t *label);
/* The share of rows whose most probable class is their label. */
double elbo_logistic_accuracy(const elbo_logistic *fit, const double *x, const int32_t *label, int64_t rows);

#endif
