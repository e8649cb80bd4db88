/* log p(x) of single data by importance sampling (Burda et al. 2015, section 3; Rezende et al. 2014, appendix E):
 *
 *   log p(x) ~ log 1/S sum_s w_s,   w_s = p(x|z_s) p(z_s) / q(z_s|x),   z_s ~ q(z|x).
 *
 * The estimate is a lower bound in expectation, and too low by about 1/2 (1/ESS - 1/S) where weights are uneven. With
 * the prior in the place of q it is the naive one, log 1/S sum_s p(x|z_s). */
#ifndef ELBO_EVAL_LIKELIHOOD_H
#define ELBO_EVAL_LIKELIHOOD_H

#include "eval/work.h"
#include "train/instance.h"

/* Running sums of one datum: peak = max log w, sum of w / e^peak and of its square. */
typedef struct elbo_weights_sum {
    double peak, sum, square;
} elbo_weights_sum;

/* Each thread has a plan of its own and takes data from the batch: threads need not wait for each other. */
typedef struct elbo_likelihood_worker {
    elbo_plan *plan;
    elbo_weights_sum *sum; /* [data] */
    elbo_error error;
} elbo_likelihood_worker;

typedef struct elbo_likelihood {
    int64_t samples; /* S */
    int64_t per_run; /* samples of each datum in a run; the last run of a datum may use fewer of them */
    int64_t runs;    /* ceil(S / per_run) */
    int64_t data;    /* data side by side in a run */
    int64_t item_size;
    elbo_graph *graph;
    elbo_node *x;          /* input: [data, size] */
    elbo_node *condition;  /* input: [data, width] of a model with one; else NULL */
    elbo_dist posterior;   /* its parameters are inputs; type NULL: draws are the prior's */
    elbo_node *log_weight; /* [per_run, data] */
    elbo_likelihood_worker *worker;
    int workers;
} elbo_likelihood;

/* What a batch of data brings: model's x [count, size], the parameters of its posterior, and its place in the split. */
typedef struct elbo_likelihood_rows {
    const float *x;
    const float *condition; /* [count, width] of a model with one; else NULL */
    const float *parameter[ELBO_DIST_PARAMETERS];
    int64_t count, first_row;
} elbo_likelihood_rows;

/* Compiles the weights. posterior: one whose parameters have a leading axis of data (see posterior.h). The data
 * come in batches of as many rows as it has. data: how many of them share a run; 0: as many as keep the activations of
 * a run near the processor. Draws depend on (seed, datum,
 * sample) and on how wide an item is, not on this number. Clear it also after a failure. */
elbo_status elbo_likelihood_new(elbo_likelihood *likelihood, const elbo_instance *instance, const elbo_dist *posterior,
                                int64_t samples, int64_t data, elbo_precision precision, int threads,
                                elbo_error *error);
/* The same with draws of the prior instead of the posterior; batch: rows that come at a time, whose `parameter` is not
 * read. */
elbo_status elbo_likelihood_prior_new(elbo_likelihood *likelihood, const elbo_instance *instance, int64_t batch,
                                      int64_t samples, elbo_precision precision, int threads, elbo_error *error);
void elbo_likelihood_clear(elbo_likelihood *likelihood);

/* Reports through `work` from the calling thread alone. log p and effective sample size (sum w)^2 / sum w^2 of each
 * row, into [count] each. ELBO_ERROR_NUMERIC names a row whose weights are not numbers, or all zero. */
elbo_status elbo_likelihood_run(elbo_likelihood *likelihood, const elbo_likelihood_rows *rows, uint64_t seed,
                                elbo_work *work, double *log_p, double *effective, elbo_error *error);

#endif
