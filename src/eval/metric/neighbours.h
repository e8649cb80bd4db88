/* The k nearest neighbours by Euclidean distance. */
#ifndef ELBO_EVAL_METRIC_NEIGHBOURS_H
#define ELBO_EVAL_METRIC_NEIGHBOURS_H

#include "eval/metric/input.h"

/* Guesses the label of each row of `test` by the majority among the labels of its `neighbours` nearest rows of `train`
 * (at most all); among classes with as many votes that of the nearest one wins. Candidates come from products in f32 of
 * the centred rows and are told apart by exact distances; where f32 cannot tell that no other row is nearer, all rows
 * are looked at. guess: [test rows]. */
elbo_status elbo_neighbours(const elbo_metric_matrix *train, const int32_t *label, const elbo_metric_matrix *test,
                            int64_t neighbours, int threads, int32_t *guess, elbo_error *error);

#endif
