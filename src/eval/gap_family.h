/* One family of posteriors fitted to the data of a batch, one by one: the numbers of each, the bound that they give,
 * and the parameters that importance sampling draws from. */
#ifndef ELBO_EVAL_GAP_FAMILY_H
#define ELBO_EVAL_GAP_FAMILY_H

#include "eval/likelihood.h"
#include "train/local_fit.h"

typedef struct elbo_gap_family {
    elbo_local_fit fit;
    elbo_local_rows state;
    /* Bounds of the rows at the first numbers; when 3 of 5 and 4 of 5 steps are done, at one rate, so that their
     * difference tells whether the fit has arrived; and at the end, where the rate has fallen to zero. */
    double *start, *middle, *late, *end;
    elbo_graph *graph; /* numbers to parameters */
    elbo_plan *plan;
    elbo_node *numbers;          /* input: [rows, width] */
    elbo_dist posterior;         /* parameters: [rows, ...] each, unless they are constants */
    elbo_node *mean, *deviation; /* of it: [rows, latent] */
} elbo_gap_family;

/* head: NULL for the model's own posterior. Clear it also after a failure. */
elbo_status elbo_gap_family_new(elbo_gap_family *family, const elbo_instance *instance, const elbo_head *head,
                                int64_t rows, elbo_precision precision, int threads, elbo_error *error);
void elbo_gap_family_clear(elbo_gap_family *family);

/* What the family does with a batch. x: [rows, size] of which the first `count` rows matter. */
typedef struct elbo_gap_rows {
    const float *x;
    int64_t count;
    elbo_run run;
} elbo_gap_rows;

/* Fits from the numbers in family->state on, and fills the bounds. Counts its work in passes through the
 * decoder: elbo_gap_family_cost for each row. */
elbo_status elbo_gap_family_fit(elbo_gap_family *family, const elbo_gap_options *options, const elbo_gap_rows *rows,
                                elbo_work *work, elbo_error *error);
double elbo_gap_family_cost(const elbo_gap_options *options);

/* Works out the parameters of the numbers at hand: posterior's values, mean and deviation of the plan. */
elbo_status elbo_gap_family_read(elbo_gap_family *family, elbo_error *error);
/* Numbers of a head over real codes whose distributions have about these means and deviations, [rows, latent] each, as
 * far as the names of its parameters tell; zeros else. Components of a mixture lie around the mean at random. */
void elbo_gap_family_start(elbo_gap_family *family, const elbo_head *head, const float *mean, const float *deviation,
                           const elbo_run *run);

#endif
