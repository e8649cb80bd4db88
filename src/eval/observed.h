/* The data of an evaluation, batch by batch: rows of a data set as the model sees them, or draws from the model itself;
 * with what the encoder says of them, where there is one. */
#ifndef ELBO_EVAL_OBSERVED_H
#define ELBO_EVAL_OBSERVED_H

#include "eval/bound.h"
#include "eval/likelihood.h"

typedef struct elbo_observed {
    elbo_instance instance; /* borrowed parts; reads x as it is where data are drawn */
    int64_t rows;
    bool simulated, encoded;
    elbo_bound bound;  /* where there is an encoder */
    elbo_graph *graph; /* of plan */
    elbo_plan *plan;   /* draws z and x, or reads x where there is no encoder; else NULL */
    elbo_node *raw, *x, *z;
} elbo_observed;

/* What elbo_observed_read yields; pointers hold until the next call. */
typedef struct elbo_observed_rows {
    elbo_likelihood_rows rows; /* x, and the posterior's parameters where there is an encoder */
    const float *drawn_z;      /* that the rows were drawn with: [count, latent]; NULL: they were not */
    const float *encoded_z;    /* a draw of q(z|x): [count, latent]; NULL without an encoder */
} elbo_observed_rows;

/* rows: of a batch. Clear it also after a failure. */
elbo_status elbo_observed_new(elbo_observed *observed, const elbo_instance *instance, int64_t rows, bool simulated,
                              elbo_precision precision, int threads, elbo_error *error);
void elbo_observed_clear(elbo_observed *observed);

/* `count` rows from `first` on. Pixels and draws depend on (seed, row). dataset: not read where data are drawn. */
elbo_status elbo_observed_read(elbo_observed *observed, const elbo_dataset *dataset, elbo_split split, int64_t first,
                               int64_t count, uint64_t seed, elbo_observed_rows *out, elbo_error *error);
/* The ELBO of a row of the batch that was read last. ELBO_ERROR_NUMERIC names a row where it is no number. */
elbo_status elbo_observed_elbo(const elbo_observed *observed, int64_t row, int64_t first, double *elbo,
                               elbo_error *error);

#endif
