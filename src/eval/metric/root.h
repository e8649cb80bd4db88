/* Square roots of symmetric matrices. */
#ifndef ELBO_EVAL_METRIC_ROOT_H
#define ELBO_EVAL_METRIC_ROOT_H

#include "base/error.h"

/* The symmetric root V sqrt(L) V' of a = V L V': [n, n], positive semidefinite: eigenvalues down to -1e-8 of the
 * largest one are rounding and taken as 0, ELBO_ERROR_NUMERIC below. root may be NULL; *trace (unless NULL) is the sum
 * of sqrt(L), the root's trace. a is used up. */
elbo_status elbo_metric_root(double *a, int64_t n, double *root, double *trace, elbo_error *error);

#endif
