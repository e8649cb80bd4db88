/* The folder of a run: recipe.yaml, run.json, metrics.jsonl, TensorBoard events, checkpoints, a lock. */
#ifndef ELBO_TRAIN_RUN_FOLDER_H
#define ELBO_TRAIN_RUN_FOLDER_H

#include "train/checkpoint.h"
#include "train/step.h"

typedef struct elbo_run_folder elbo_run_folder;

/* ELBO_ERROR_USAGE if a folder holds a run already. */
elbo_status elbo_run_folder_unused(const char *path, elbo_error *error);
/* Makes (or, resuming, finds) and locks the folder. A new run refuses a folder that holds one. */
elbo_run_folder *elbo_run_folder_open(const char *path, bool resume, elbo_error *error);
void elbo_run_folder_free(elbo_run_folder *folder);
const char *elbo_run_folder_last(const elbo_run_folder *folder);
const char *elbo_run_folder_best(const elbo_run_folder *folder);

/* Writes recipe.yaml and run.json, cuts the logs back to the state at hand. */
elbo_status elbo_run_folder_begin(elbo_run_folder *folder, const elbo_instance *instance,
                                  const elbo_training_state *state, bool fresh, elbo_error *error);
/* A line for an epoch that ended (state->epoch counts it); figures that are NAN become null. */
elbo_status elbo_run_folder_epoch(elbo_run_folder *folder, const elbo_training_state *state,
                                  const elbo_step_result *test, int64_t steps, double rate, elbo_error *error);
/* profile.txt: the steps of the compiled program by time. */
elbo_status elbo_run_folder_profile(elbo_run_folder *folder, const elbo_step_program *program, elbo_error *error);

#endif
