/* Black-box variational inference (Ranganath, Gerrish and Blei 2014): the numbers of q(z|x) moved for each datum by
 * gradients of its bound, a batch of data at a time. Adam (Kingma and Ba 2014) scales the moves. */
#ifndef ELBO_TRAIN_LOCAL_FIT_H
#define ELBO_TRAIN_LOCAL_FIT_H

#include "models/head.h"
#include "train/instance.h"

/* What is moved, for each row of a batch: [rows, width] each. */
typedef struct elbo_local_rows {
    float *numbers, *mean, *square; /* of q; of the gradient */
    int64_t moves;                  /* made before: for Adam's correction of its start */
} elbo_local_rows;

elbo_status elbo_local_rows_new(elbo_local_rows *state, int64_t rows, int64_t width, elbo_error *error);
void elbo_local_rows_clear(elbo_local_rows *state);
/* Forgets what earlier moves left behind; the numbers stay. */
void elbo_local_rows_restart(elbo_local_rows *state, int64_t rows, int64_t width);

typedef struct elbo_local_fit {
    int64_t rows, width, item_size;
    elbo_graph *graph;
    elbo_plan *plan, *bound_plan; /* the latter NULL unless asked for */
    elbo_node *x;                 /* input: [rows, size], the model's own values */
    elbo_node *condition;         /* input: [rows, width] of a model with one; else NULL */
    elbo_node *numbers;           /* input: [rows, width] */
    elbo_node *kl_weight;         /* input */
    elbo_node *gradient;          /* of -sum of the rows' bounds: [rows, width] */
    elbo_node *bound;             /* of each row, by the draws of a run: [rows] */
} elbo_local_fit;

typedef struct elbo_local_fit_spec {
    int64_t rows;
    const elbo_head *head; /* the family that is fitted; NULL: that of the model's posterior */
    bool trained; /* the gradient is estimated as the model's options say; else by the estimator that fits best */
    bool bound;   /* elbo_local_fit_bound will be called */
    elbo_precision precision;
    int threads;
} elbo_local_fit_spec;

/* Clear it also after a failure. */
elbo_status elbo_local_fit_new(elbo_local_fit *fit, const elbo_instance *instance, const elbo_local_fit_spec *spec,
                               elbo_error *error);
void elbo_local_fit_clear(elbo_local_fit *fit);
/* What the rows of the runs that follow are conditioned on: [rows, elbo_condition_width]; NULL: nothing. */
void elbo_local_fit_condition(elbo_local_fit *fit, const float *condition);

typedef struct elbo_local_moves {
    int64_t first, steps; /* steps [first, first + steps) */
    int64_t hold, total;  /* the rate stays up to step `hold` and falls linearly to zero at `total`; 0, 0: it stays */
    double rate, kl_weight;
    int64_t counted;      /* rows that matter; those behind them pad the batch, and may come to nothing. 0: all */
    const int64_t *index; /* what messages call the rows; NULL: run->first_row and on */
    const char *option;   /* of the rate, for messages: "--fit-rate"; or NULL */
} elbo_local_moves;

/* Moves the numbers. x: [rows, size]. run: step s draws as step run->step + s; rows count from first_row.
 * ELBO_ERROR_NUMERIC names the first row whose gradient is not finite. */
elbo_status elbo_local_fit_run(elbo_local_fit *fit, const float *x, elbo_local_rows *state,
                               const elbo_local_moves *moves, const elbo_run *run, elbo_error *error);
/* The bound of each row at its numbers, the mean of so many runs of draws, into out: [rows]. The same run draws the
 * same noise whatever the numbers are, so that differences of bounds vary little. */
elbo_status elbo_local_fit_bound(elbo_local_fit *fit, const float *x, const float *numbers, int64_t runs,
                                 const elbo_run *run, double *out, elbo_error *error);

/* ---- numbers of rows that were not trained on ---- */

/* Draws a batch's pixels and fits its posteriors, from the standard one on. */
typedef struct elbo_local_reader {
    elbo_local_fit fit;
    elbo_graph *graph;
    elbo_plan *draw;
    elbo_node *raw, *x;
    elbo_local_rows state;
    int64_t steps;
    double rate;
    int64_t counted; /* rows of the batch that matter, as in elbo_local_moves: may be set before each run */
} elbo_local_reader;

/* draw: pixels are drawn as in training; else grey values stay what they are. Clear it also after a failure. */
elbo_status elbo_local_reader_new(elbo_local_reader *reader, const elbo_instance *instance, int64_t rows, bool draw,
                                  elbo_precision precision, int threads, elbo_error *error);
void elbo_local_reader_clear(elbo_local_reader *reader);
/* Where raw values may be written: [rows, size] of the instance's type. */
void *elbo_local_reader_input(const elbo_local_reader *reader);
/* raw: what goes there; NULL: it is there. The numbers are in reader->state afterwards. */
elbo_status elbo_local_reader_run(elbo_local_reader *reader, const void *raw, const elbo_run *run, elbo_error *error);

#endif
