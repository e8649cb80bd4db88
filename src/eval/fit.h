/* What the files of classic fits share. */
#ifndef ELBO_EVAL_FIT_H
#define ELBO_EVAL_FIT_H

#include "infer/fit/linear.h"
#include "infer/fit/mixture_fit.h"

typedef enum elbo_fit_kind { ELBO_FIT_GMM, ELBO_FIT_BGMM, ELBO_FIT_PPCA, ELBO_FIT_FA } elbo_fit_kind;

struct elbo_fit {
    elbo_fit_kind kind;
    elbo_fit_options options; /* owned */
    elbo_fit_info info;
    int threads;
    double *centre;       /* [D] mean of the training rows */
    elbo_mixture mixture; /* gmm, bgmm; means about the centre */
    elbo_linear linear;   /* ppca, fa */
    double *means;        /* [K, D]: the mixture's means about the origin */
    elbo_fit_trace trace;
};

/* Whether its model is a mixture. */
bool elbo_fit_is_mixture(const elbo_fit *fit);
/* A fit of this method and shape without values: its parts are allocated, its options are copied.  NULL on failure. */
elbo_fit *elbo_fit_blank(const char *method, const elbo_fit_options *options, int item_rank, const int64_t *item_shape,
                         int threads, elbo_error *error);
/* means from the mixture's own. */
void elbo_fit_place_means(elbo_fit *fit);

#endif
