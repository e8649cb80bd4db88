/* The best one-to-one matching of rows and columns: the Hungarian method. */
#ifndef ELBO_EVAL_METRIC_ASSIGNMENT_H
#define ELBO_EVAL_METRIC_ASSIGNMENT_H

#include "base/error.h"

/* Matches rows and columns of gain: [rows, columns] one to one so that the sum of the gains of matched pairs is
 * largest; min(rows, columns) pairs are matched. match: [rows], the column or -1. Shortest augmenting paths with
 * potentials (Kuhn 1955; Jonker and Volgenant 1987): O(min^2 max) steps; ELBO_ERROR_UNSUPPORTED beyond 2e10 of them. */
elbo_status elbo_assignment(const int64_t *gain, int64_t rows, int64_t columns, int64_t *match, elbo_error *error);

#endif
