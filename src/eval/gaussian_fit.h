/* Normal distributions with full covariance, fitted to draws as they come. */
#ifndef ELBO_EVAL_GAUSSIAN_FIT_H
#define ELBO_EVAL_GAUSSIAN_FIT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/error.h"

typedef struct elbo_gaussian_fit {
    int64_t groups, width;
    bool diagonal;   /* only variances */
    int64_t *count;  /* draws: [groups] */
    double *mean;    /* [groups, width] */
    double *scatter; /* sums of products of deviations: [groups, width, width], or [groups, width] where diagonal; after
                        elbo_gaussian_fit_finish the Cholesky factor of the covariance */
    double *log_norm; /* log density at the mean, after finish: [groups] */
    double *away;     /* [width] */
} elbo_gaussian_fit;

/* Clear it also after a failure. */
elbo_status elbo_gaussian_fit_new(elbo_gaussian_fit *fit, int64_t groups, int64_t width, bool diagonal,
                                  elbo_error *error);
void elbo_gaussian_fit_clear(elbo_gaussian_fit *fit);
/* Forgets all draws. */
void elbo_gaussian_fit_reset(elbo_gaussian_fit *fit);
/* Takes in a draw z: [width] of a group. */
void elbo_gaussian_fit_add(elbo_gaussian_fit *fit, int64_t group, const float *z);
/* Turns the scatter of a group (not diagonal) into its covariance's factor; false if that is singular. */
bool elbo_gaussian_fit_finish(elbo_gaussian_fit *fit, int64_t group);
/* log N(z; mean, covariance), after finish. */
double elbo_gaussian_fit_log_density(const elbo_gaussian_fit *fit, int64_t group, const float *z);

#endif
