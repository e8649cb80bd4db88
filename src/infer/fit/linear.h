/* Linear-Gaussian latent variables: x = W z + mean + e, z ~ N(0, I), e ~ N(0, diag(noise)), by exact EM.
 *
 * Probabilistic PCA has one noise variance (Tipping and Bishop 1999), factor analysis one for each dimension (Rubin and
 * Thayer 1982).  An iteration sees the data through S V alone, with S the sample covariance and V: [D, Z].  It is
 * computed either from S, summed once in N D^2 / 2 multiply-adds, in D^2 Z, or from the rows in 2 N D Z. */
#ifndef ELBO_INFER_FIT_LINEAR_H
#define ELBO_INFER_FIT_LINEAR_H

#include "infer/fit/rows.h"
#include "infer/fit/trace.h"

/* Coordinates have their origin at the mean. */
typedef struct elbo_linear {
    int64_t dims, latent;
    bool isotropic;
    double *loadings; /* [Z, D]: row j is column j of W */
    double *noise;    /* [D], all the same where isotropic */
    /* What scores need, set by elbo_linear_prepare. */
    double *scaled;    /* [Z, D]: W' / noise */
    double *posterior; /* [Z, Z]: covariance of q(z|x), (I + W' W / noise)^-1 */
    double log_det;    /* of W W' + diag(noise) */
} elbo_linear;

elbo_status elbo_linear_new(elbo_linear *linear, int64_t dims, int64_t latent, bool isotropic, elbo_error *error);
void elbo_linear_free(elbo_linear *linear);
/* Fills in what scores need; ELBO_ERROR_NUMERIC where the parameters are no good. */
elbo_status elbo_linear_prepare(elbo_linear *linear, elbo_error *error);

/* Fits rows (whose centre is their mean) with the variances of their columns [D]: the best of several starts.  Axes end
 * up with W' W / noise diagonal, longest first, the largest element of each positive. */
elbo_status elbo_linear_fit(elbo_linear *linear, const elbo_fit_rows *rows, const double *variance,
                            const elbo_fit_options *options, int threads, elbo_fit_trace *trace, elbo_error *error);

/* log p(x) [N] and posterior means [N, Z]; either may be NULL. */
elbo_status elbo_linear_score(const elbo_linear *linear, const elbo_fit_rows *rows, int threads, double *log_density,
                              double *means, elbo_error *error);
/* [count, D] */
elbo_status elbo_linear_sample(const elbo_linear *linear, int64_t count, uint64_t seed, double *out, elbo_error *error);

#endif
