/* The sample covariance S of centred rows as a linear map. */
#ifndef ELBO_INFER_FIT_COVARIANCE_H
#define ELBO_INFER_FIT_COVARIANCE_H

#include "infer/fit/rows.h"

typedef struct elbo_covariance {
    const elbo_fit_rows *rows;
    int64_t latent, block;
    int threads;
    double *matrix; /* [D, D], or NULL: the rows are read anew each time */
    double *x, *t;  /* rows: [block, D, ELBO_PANEL], [block, Z, ELBO_PANEL] */
    double *wide;   /* [Z rounded up to panels, D]: panels [D, ELBO_PANEL] of columns of V, and of S V */
} elbo_covariance;

/* `uses`: how often it will be applied to `latent` columns, which decides how. */
elbo_status elbo_covariance_new(elbo_covariance *covariance, const elbo_fit_rows *rows, int64_t latent, int64_t uses,
                                int threads, elbo_error *error);
void elbo_covariance_free(elbo_covariance *covariance);
/* out = V S for v: [Z, D]; the same bits for any number of threads. */
void elbo_covariance_apply(const elbo_covariance *covariance, const double *v, double *out);

#endif
