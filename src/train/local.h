/* What a training keeps for each row where the model has no encoder (elbo_local): the numbers of its posterior, moved
 * by gradients, or its code, moved by Hamiltonian Monte Carlo. Before each step on the parameters the rows of the batch
 * are moved, all at once. */
#ifndef ELBO_TRAIN_LOCAL_H
#define ELBO_TRAIN_LOCAL_H

#include "infer/hmc.h"
#include "train/checkpoint.h"
#include "train/local_fit.h"
#include "train/step.h"

/* Moves batches of one size. */
typedef struct elbo_local_program {
    int64_t rows;
    elbo_graph *graph; /* draws x from raw values */
    elbo_plan *draw;
    elbo_node *raw, *x;
    elbo_local_fit fit; /* ELBO_LOCAL_NUMBERS */
    elbo_graph *density;
    elbo_plan *density_plan;
    elbo_node *density_x;
    elbo_hmc hmc; /* ELBO_LOCAL_CODES */
    elbo_local_rows state;
} elbo_local_program;

enum { ELBO_LOCAL_ARRAYS = 4 };

typedef struct elbo_local_store {
    elbo_local kind;
    int64_t rows, width, steps;
    double rate;
    float *numbers, *mean, *square; /* [rows, width]: of all training rows; the last two with gradients alone */
    float *chain;                   /* [2]: log step size and number of adaptations, with codes alone */
    elbo_local_program full, rest;
} elbo_local_store;

/* rest: rows of the last batch of an epoch, or 0. Does nothing for a model with an encoder. Clear it also after a
 * failure. */
elbo_status elbo_local_store_new(elbo_local_store *store, const elbo_instance *instance, int64_t rows, int64_t batch,
                                 int64_t rest, int threads, elbo_error *error);
void elbo_local_store_clear(elbo_local_store *store);
/* What a checkpoint must hold of it, into flats; returns how many, at most ELBO_LOCAL_ARRAYS. */
size_t elbo_local_store_flats(const elbo_local_store *store, elbo_flat *flats);

/* Moves the rows index[0..program->rows) and hands what they came to to the step's input. visits: how often each of
 * these rows was moved before. rate_factor: of the rate. ELBO_ERROR_NUMERIC where a gradient or a density is not
 * finite. */
elbo_status elbo_local_store_move(elbo_local_store *store, elbo_step_program *program, const int64_t *index,
                                  int64_t visits, double rate_factor, double kl_weight, const elbo_run *run,
                                  elbo_error *error);

#endif
