/* The bound on a batch, datum by datum, and what other estimates need of it. */
#ifndef ELBO_EVAL_BOUND_H
#define ELBO_EVAL_BOUND_H

#include "train/local_fit.h"

typedef struct elbo_bound {
    int64_t rows, latent;
    elbo_graph *graph;
    elbo_context context; /* what the parts were built with: posteriors of a model's own type hold on to it */
    elbo_plan *plan;
    elbo_node *raw;            /* input: [rows, size] */
    elbo_node *x;              /* what the model sees, binarised: [rows, size] */
    elbo_node *z;              /* one draw of q(z|x): [rows, latent] */
    elbo_node *mean;           /* of q(z|x): [rows, latent] */
    elbo_node *reconstruction; /* -log p(x|z): [rows]; of documents the mean over other draws of z */
    elbo_node *kl;       /* KL(q(z|x) || p(z)), or log q - log p at z where that has no closed form: [rows, latent] */
    elbo_dist posterior; /* its parameters are fetched: [rows, ...] each */
    elbo_node *label;    /* input: [rows], of a model that is conditioned on labels; else NULL */
    elbo_node *local;    /* input: numbers of q(z|x), of a model without an encoder; else NULL */
    elbo_local_reader reader;
} elbo_bound;

/* Compiles the bound for batches of so many rows. Pixels and z are draws of (seed, row) when a run has step 0 and
 * first_row = the index of the batch's first row. Clear it also after a failure. */
elbo_status elbo_bound_new(elbo_bound *bound, const elbo_instance *instance, int64_t rows, elbo_precision precision,
                           int threads, elbo_error *error);
void elbo_bound_clear(elbo_bound *bound);
/* What is to be said of bounds that are none, because q(z|x) has no density but an estimate; "" elsewhere. */
const char *elbo_bound_caution(const elbo_bound *bound);
/* Fills the plan's inputs with rows of a split, from `first` on: at most those of the bound. */
elbo_status elbo_bound_read(elbo_bound *bound, const elbo_instance *instance, const elbo_dataset *dataset,
                            elbo_split split, int64_t first, int64_t rows, elbo_error *error);
/* What the rows of the last run are conditioned on: [rows, elbo_condition_width]; NULL: nothing. */
const float *elbo_bound_condition(const elbo_bound *bound);
/* Runs the plan, whose raw input is filled; where the model has no encoder, fits the posteriors first. */
elbo_status elbo_bound_run(elbo_bound *bound, const elbo_run *run, elbo_error *error);

#endif
