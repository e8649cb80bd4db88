/* Estimates of log p(x) by Markov chains, datum by datum, and what both kinds share. */
#ifndef ELBO_EVAL_ESTIMATE_H
#define ELBO_EVAL_ESTIMATE_H

#include "eval/chains.h"
#include "eval/gaussian_fit.h"
#include "infer/ais.h"

/* Where the figures of a batch go: [count] each. */
typedef struct elbo_estimate_rows {
    double *log_p, *error;                 /* estimate and its standard error */
    double *reverse_log_p, *reverse_error; /* of AIS: from the posterior to the prior */
    double *effective;                     /* effective number of weights: (sum w)^2 / sum w^2 */
    double *acceptance;                    /* mean acceptance probability */
    double *mixing;                        /* potential scale reduction (R-hat) of the worst dimension of z */
} elbo_estimate_rows;

/* How chains are run. */
typedef struct elbo_estimate_options {
    int64_t chains, leapfrog, burn_in;
    double acceptance;
    int64_t samples;      /* posterior: draws for the fit, and again for the estimate */
    int64_t temperatures; /* annealing */
    elbo_ais_schedule schedule;
    bool exact; /* annealing: the rows' z are draws of p(z|x), as data drawn from the model bring them */
    uint64_t seed;
} elbo_estimate_options;

/* log p(x) from draws of the posterior (Kingma and Welling 2013, appendix D):
 *
 *   1/p(x) = E_p(z|x)[ q(z) / (p(z) p(x|z)) ]   for any density q,
 *
 * with q = N(m, S) fitted to draws of the posterior, and the mean taken over fresh ones. Errors come from the spread
 * between chains, so that autocorrelation within a chain is in them. */
typedef struct elbo_posterior_estimate {
    elbo_chains chains;
    elbo_estimate_options options;
    int64_t draws; /* of each chain, in both halves */
    struct posterior_worker {
        elbo_gaussian_fit pooled;    /* of each datum of a group */
        elbo_gaussian_fit chainwise; /* of each row, spreads alone: for R-hat */
        double *peak, *sum, *square; /* of the weights of each row, over e^peak */
    } * worker;
} elbo_posterior_estimate;

elbo_status elbo_posterior_estimate_new(elbo_posterior_estimate *estimate, const elbo_instance *instance, int64_t batch,
                                        const elbo_estimate_options *options, elbo_precision precision, int threads,
                                        elbo_error *error);
void elbo_posterior_estimate_clear(elbo_posterior_estimate *estimate);
/* Work for one datum. */
double elbo_posterior_estimate_cost(const elbo_estimate_options *options);
/* rows->z: where the chains of each datum start; NULL: at draws of the prior. ELBO_ERROR_NUMERIC names a row of which
 * the fit is singular or a weight is no number. */
elbo_status elbo_posterior_estimate_run(elbo_posterior_estimate *estimate, const elbo_chains_rows *rows,
                                        const elbo_estimate_rows *out, elbo_work *work, elbo_error *error);

/* log p(x) by annealed importance sampling in both directions: see infer/ais.h. */
typedef struct elbo_annealing_estimate {
    elbo_chains chains;
    elbo_estimate_options options;
    struct annealing_worker {
        elbo_ais ais;
        double *log_weight; /* [rows] */
    } * worker;
} elbo_annealing_estimate;

elbo_status elbo_annealing_estimate_new(elbo_annealing_estimate *estimate, const elbo_instance *instance, int64_t batch,
                                        const elbo_estimate_options *options, elbo_precision precision, int threads,
                                        elbo_error *error);
void elbo_annealing_estimate_clear(elbo_annealing_estimate *estimate);
double elbo_annealing_estimate_cost(const elbo_estimate_options *options);
/* rows->z is read where options.exact is set; else the reverse chains start where the forward ones end. */
elbo_status elbo_annealing_estimate_run(elbo_annealing_estimate *estimate, const elbo_chains_rows *rows,
                                        const elbo_estimate_rows *out, elbo_work *work, elbo_error *error);

/* log 1/n sum e^v of v[0], v[stride], ... (n of them, times sign), its standard error by the delta method, and the
 * effective number. False if a value is no number, or all are -infinity. */
bool elbo_log_mean(const double *value, int64_t count, int64_t stride, double sign, double *mean, double *error,
                   double *effective);

#endif
