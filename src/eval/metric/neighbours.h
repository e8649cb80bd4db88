/* The k nearest neighbours by Euclidean distance. */
#ifndef ELBO_EVAL_METRIC_NEIGHBOURS_H
#define ELBO_EVAL_METRIC_NEIGHBOURS_H

#include "eval/metric/input.h"

/* Guesses the label of each row of `test` by the majority among the labels of its `neighbours` nearest rows of `train`
 * (at most all); among classes with as many votes that of the nearest one wins. Candidates come from products in f32 of
 * the centred rows; the nearest of them are then told apart by exact distances. guess: [test rows]. */
elbo_status elbo_neighbours(const elbo_metric_matrix *train, const int32_t *label, int64_t classes,
                            const elbo_metric_matrix *test, int64_t neighbours, int threads, int32_t *guess,
                            elbo_error *error);

#endif
