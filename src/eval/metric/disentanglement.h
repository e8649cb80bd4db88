/* The parts of elbo_score_disentanglement. Each writes its figures into `out`. */
#ifndef ELBO_EVAL_METRIC_DISENTANGLEMENT_H
#define ELBO_EVAL_METRIC_DISENTANGLEMENT_H

#include "eval/metric/factors.h"

typedef struct elbo_disentangling {
    const elbo_factors *table;
    const elbo_disentanglement_options *options;
    int threads;
    elbo_disentanglement *out;
} elbo_disentangling;

/* Batches with one factor fixed (fixed_factor.c). */
elbo_status elbo_disentangling_beta_vae(const elbo_disentangling *work, elbo_error *error);
elbo_status elbo_disentangling_factor_vae(const elbo_disentangling *work, elbo_error *error);
/* MIG and modularity, from histograms (information_gap.c). */
elbo_status elbo_disentangling_information(const elbo_disentangling *work, bool mig, bool modularity,
                                           elbo_error *error);
/* DCI and SAP, from predictors of the factors (importance.c). */
elbo_status elbo_disentangling_dci(const elbo_disentangling *work, elbo_error *error);
elbo_status elbo_disentangling_sap(const elbo_disentangling *work, elbo_error *error);

/* The formulas of DCI for an importance: [Z, F] with columns that sum to 1 (or are 0): the mean over dimensions of
 * 1 - entropy (base F) of a row as shares, weighted by its sum, and the mean over factors of 1 - entropy (base Z) of a
 * column, weighted likewise. NaN where there is one factor, or one dimension. */
void elbo_dci_scores(const double *importance, int64_t dims, int64_t factors, double *disentanglement,
                     double *completeness);
/* Mean over factors of (largest - second largest) / scale[f] in score: [Z, F]; NaN for one dimension. */
double elbo_disentangling_gap(const double *score, const double *scale, int64_t dims, int64_t factors);
/* Ridgeway and Mozer's modularity of information: [Z, F]; NaN for one factor. */
double elbo_disentangling_modularity(const double *information, int64_t dims, int64_t factors);

#endif
