/* Limited-memory BFGS for smooth convex functions (Nocedal and Wright, Numerical Optimization, algorithm 7.5) with a
 * bisection for the weak Wolfe conditions. */
#ifndef ELBO_EVAL_METRIC_LBFGS_H
#define ELBO_EVAL_METRIC_LBFGS_H

#include "base/error.h"

/* The value at x: [count], and the gradient there. */
typedef double (*elbo_lbfgs_function)(void *user, const double *x, double *gradient);

typedef struct elbo_lbfgs_result {
    int64_t iterations;
    bool converged; /* no element of the gradient is larger than the tolerance */
    double value;
} elbo_lbfgs_result;

/* Improves x: [count] in place. A line search that finds nothing better ends it, as rounding does at a minimum. */
elbo_status elbo_lbfgs(elbo_lbfgs_function function, void *user, double *x, int64_t count, int64_t iterations,
                       double tolerance, elbo_lbfgs_result *result, elbo_error *error);

#endif
