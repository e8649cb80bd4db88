/* The compiled step of a training: one graph for a number of rows, one plan for each update. */
#ifndef ELBO_TRAIN_STEP_H
#define ELBO_TRAIN_STEP_H

#include "train/condition.h"

typedef struct elbo_step_program {
    int64_t rows;
    bool training; /* gradients too; else the loss alone */
    elbo_graph *graph;
    elbo_node *raw, *kl_weight;
    elbo_node *local; /* input [rows, width] of models without an encoder; else NULL */
    elbo_node *label; /* input [rows] of models that are conditioned on labels; else NULL */
    elbo_assignments assignments;
    float *params; /* where those go; NULL unless training */
    elbo_update update[ELBO_MODEL_UPDATES];
    int updates;
    elbo_plan *plan[ELBO_MODEL_UPDATES];
} elbo_step_program;

/* What a step found. */
typedef struct elbo_step_result {
    double loss, reconstruction, kl;
} elbo_step_result;

/* Builds and compiles. gradient: flat, in the layout of the parameters; NULL for a program that only evaluates. */
elbo_status elbo_step_program_new(elbo_step_program *program, const elbo_instance *instance, int64_t rows,
                                  float *gradient, int threads, elbo_error *error);
void elbo_step_program_clear(elbo_step_program *program);

/* Copies rows of a split into every plan's input. */
elbo_status elbo_step_program_load(elbo_step_program *program, const elbo_instance *instance,
                                   const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                   elbo_error *error);
/* The same into the input of update u alone. */
elbo_status elbo_step_program_load_update(elbo_step_program *program, int u, const elbo_instance *instance,
                                          const elbo_dataset *dataset, elbo_split split, const int64_t *index,
                                          int64_t start, elbo_error *error);
/* Runs update u; its figures into *result. */
elbo_status elbo_step_program_run(elbo_step_program *program, int u, double kl_weight, const elbo_run *run,
                                  elbo_step_result *result, elbo_error *error);

/* Where the first value that is not finite arises in a step that went wrong: reruns it node by node on the reference
 * backend with the inputs at hand. Writes "exp in encoder/posterior, value 3 of row 17" into text; *row is the row of
 * the batch or -1. */
elbo_status elbo_step_diagnose(elbo_step_program *program, int u, double kl_weight, const elbo_run *run, char *text,
                               size_t size, int64_t *row, elbo_error *error);

#endif
