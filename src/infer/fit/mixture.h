/* Mixtures of Gaussians: one E-step, and two M-steps.
 *
 * Mean-field inference chooses q(Z) q(theta) to raise the evidence lower bound.  With theta the weights, means and
 * precisions, the update of q(Z) needs of q(theta) the expectation of log p(x, z = k | theta) alone, which is
 *     offset_k - |A_k (x - m_k)|^2 / 2
 * for both choices of q(theta) made here:
 *   a point mass    q(theta) = delta(theta - theta_0): the update of theta_0 is the M-step of EM   (mixture_point.c)
 *   conjugate       Dirichlet and Gauss-Wishart, with Bishop's updates (mixture_posterior.c) So EM is coordinate ascent
 * with the second factor held to a point, and both share this file's pass over the data.
 *
 * Everything is in coordinates whose origin is the rows' centre. */
#ifndef ELBO_INFER_FIT_MIXTURE_H
#define ELBO_INFER_FIT_MIXTURE_H

#include "infer/fit/rows.h"

typedef enum elbo_covariance_kind {
    ELBO_COVARIANCE_DIAGONAL, /* [K, D] */
    ELBO_COVARIANCE_FULL,     /* [K, D, D] */
    ELBO_COVARIANCE_SPHERICAL /* [K] */
} elbo_covariance_kind;

/* Dirichlet(concentration) on the weights; mean | precision ~ N(0, (strength precision)^-1); precision ~ Wishart with
 * `degrees` degrees of freedom and inverse scale diag(scatter), or, where covariances are diagonal, Gamma(degrees / 2,
 * scatter / 2) for each dimension, or, where they are spherical, one Gamma(degrees / 2, scatter[0] / 2) for all. */
typedef struct elbo_mixture_prior {
    double concentration, strength, degrees;
    double *scatter; /* [D], owned by the mixture */
} elbo_mixture_prior;

typedef struct elbo_mixture {
    int64_t components, dims;
    elbo_covariance_kind kind;
    bool conjugate; /* q(theta) is a distribution, with this prior */
    elbo_mixture_prior prior;
    double variance_floor;                        /* of a point's covariances: no eigenvalue is smaller */
    double *weights, *means, *covariances;        /* point: the parameters; else E[weight], E[mean], E[precision]^-1 */
    double *concentrations, *strengths, *degrees; /* [K] each, conjugate: of q(theta) */
    double *offset;                               /* [K] */
    double *precision;                            /* [K, D], NULL for full covariances: A_k'A_k on the diagonal */
    double *whitening;                            /* [K, D, D], lower triangular A_k; full covariances */
} elbo_mixture;

/* Sums over the rows with responsibilities r about the means m_k that the mixture had during the pass. */
typedef struct elbo_mixture_moments {
    double *weight; /* [K] sum of r */
    double *first;  /* [K, D] sum of r (x - m) */
    double
        *second;   /* [K, D] sum of r (x - m)^2, or [K, D, D] sum of r (x - m)(x - m)', lower triangle and its mirror */
    double *shift; /* [D], scratch */
    double expected, entropy, log_likelihood; /* sums of r log rho, of -r log r, of log sum of rho */
} elbo_mixture_moments;

typedef struct elbo_mixture_work {
    int64_t block;           /* panels at a time */
    double *x;               /* [block, D, ELBO_PANEL] */
    double *r;               /* [block, K, ELBO_PANEL] */
    double *sums;            /* [block, 3] */
    double *away, *weighted; /* [block, D, ELBO_PANEL] each; full covariances */
    double *matrix;          /* [3 D, D]: factorisations; full covariances */
    double *vector;          /* [3 D] */
} elbo_mixture_work;

/* The numbers in the covariances, and in the second moments, of K components. */
int64_t elbo_mixture_covariance_count(elbo_covariance_kind kind, int64_t components, int64_t dims);

elbo_status elbo_mixture_new(elbo_mixture *mixture, int64_t components, int64_t dims, elbo_covariance_kind kind,
                             bool conjugate, elbo_error *error);
void elbo_mixture_free(elbo_mixture *mixture);
elbo_status elbo_mixture_moments_new(elbo_mixture_moments *moments, const elbo_mixture *mixture, elbo_error *error);
void elbo_mixture_moments_free(elbo_mixture_moments *moments);
elbo_status elbo_mixture_work_new(elbo_mixture_work *work, const elbo_mixture *mixture, const elbo_fit_rows *rows,
                                  elbo_error *error);
void elbo_mixture_work_free(elbo_mixture_work *work);

/* The E-step, and in the same pass over the rows the moments for the M-step; the same bits for any number of threads.
 * assigned: i32 [N]: each row belongs wholly to that component, and the three sums are 0. */
void elbo_mixture_pass(const elbo_mixture *mixture, const elbo_fit_rows *rows, const int32_t *assigned, int threads,
                       elbo_mixture_work *work, elbo_mixture_moments *moments);

/* The moments of component k about m_k + shift instead. */
void elbo_mixture_recentre(const elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t k, const double *shift);

/* The M-step: the best q(theta) of its kind for these moments, which end up about the new means.  ELBO_ERROR_NUMERIC
 * where a covariance cannot be factored. */
elbo_status elbo_mixture_update(elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t rows,
                                elbo_mixture_work *work, elbo_error *error);
elbo_status elbo_mixture_update_point(elbo_mixture *mixture, elbo_mixture_moments *moments, int64_t rows,
                                      elbo_mixture_work *work, elbo_error *error);
elbo_status elbo_mixture_update_posterior(elbo_mixture *mixture, elbo_mixture_moments *moments, elbo_mixture_work *work,
                                          elbo_error *error);

/* offset and precision or whitening from the parameters; for files that were read. */
elbo_status elbo_mixture_prepare(elbo_mixture *mixture, elbo_error *error);
void elbo_mixture_offset_point(elbo_mixture *mixture, int64_t k, double log_det);
void elbo_mixture_offset_posterior(elbo_mixture *mixture, int64_t k, double log_det);
/* log |covariance| of component k, and its precision or whitening. */
elbo_status elbo_mixture_factor(elbo_mixture *mixture, int64_t k, double *work /* [D, D] */, double *log_det,
                                elbo_error *error);

/* Sum of r E[log p(x, z | theta)] for moments about the mixture's means. */
double elbo_mixture_expected(const elbo_mixture *mixture, const elbo_mixture_moments *moments, double *work /* [D] */);
/* KL(q(theta) || p(theta)); 0 for a point. */
double elbo_mixture_divergence(const elbo_mixture *mixture);

/* log p(x) of each row [N] (conjugate: the posterior predictive density, a mixture of Student's t), and
 * responsibilities [N, K]; either may be NULL. */
elbo_status elbo_mixture_score(const elbo_mixture *mixture, const elbo_fit_rows *rows, int threads, double *log_density,
                               double *responsibilities, elbo_error *error);
/* count draws of p(x), or of the predictive density: [count, D]. */
elbo_status elbo_mixture_sample(const elbo_mixture *mixture, int64_t count, uint64_t seed, double *out,
                                elbo_error *error);

/* One start: k-means++ seeds, each row given to the nearest, one M-step. */
elbo_status elbo_mixture_start(elbo_mixture *mixture, const elbo_fit_rows *rows, uint64_t seed, uint32_t restart,
                               int threads, elbo_mixture_work *work, elbo_mixture_moments *moments, elbo_error *error);

#endif
