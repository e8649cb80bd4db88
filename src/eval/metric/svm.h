/* Linear support vector machines on one number, one against the rest: what SAP compares. */
#ifndef ELBO_EVAL_METRIC_SVM_H
#define ELBO_EVAL_METRIC_SVM_H

#include "base/error.h"

/* (w, b) that minimises (w^2 + b^2) / 2 + C sum_i c_i max(0, 1 - y_i (w x_i + b))^2 for x: [rows], y_i = 1 where
 * label[i] == positive and -1 elsewhere, c_i = positive_cost or rest_cost. The function is convex and once
 * differentiable: Newton's method with halved steps ends at the minimum. */
void elbo_svm_fit(const double *x, const int32_t *label, int64_t rows, int32_t positive, double c, double positive_cost,
                  double rest_cost, double *w, double *b);

/* The share of test rows that machines, one for each class, with costs that balance the classes (rows / (classes rows
 * of the class) for a class, 1 for the rest, with two classes each its own) tell right: the class whose w x + b is
 * largest. ELBO_ERROR_MEMORY. */
elbo_status elbo_svm_accuracy(const double *x, const int32_t *label, int64_t rows, const double *test_x,
                              const int32_t *test_label, int64_t test_rows, int64_t classes, double c, double *accuracy,
                              elbo_error *error);

#endif
