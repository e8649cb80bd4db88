/* Runs that differ in their seed alone: OUT/seed1, OUT/seed2, ..., with OUT/recipe.yaml, from which each was made, and
 * OUT/seeds.json, which says which there are and what they reached. */
#ifndef ELBO_CLI_SUPPORT_SEEDS_H
#define ELBO_CLI_SUPPORT_SEEDS_H

#include "support/json.h"

enum { ELBO_CLI_SEEDS_PATH = 4096 };

typedef struct elbo_cli_seeds {
    const char *folder; /* the caller's */
    int64_t first, count;
} elbo_cli_seeds;

/* Whether a folder holds such runs. */
bool elbo_cli_seeds_in(const char *folder);
/* Reads which; ELBO_ERROR_FORMAT for a damaged file. */
elbo_status elbo_cli_seeds_read(const char *folder, elbo_cli_seeds *seeds, elbo_error *error);
/* The folder of the index-th run, from 0, and the last part of its name. */
void elbo_cli_seeds_path(const elbo_cli_seeds *seeds, size_t index, char path[ELBO_CLI_SEEDS_PATH]);
void elbo_cli_seeds_name(const elbo_cli_seeds *seeds, size_t index, char name[32]);

/* A new training of `count` seeds, or, where config is NULL, the rest of one. */
typedef struct elbo_cli_seeds_training {
    const elbo_config *config; /* its seed is the first */
    const char *folder;
    int64_t count, epochs; /* epochs: resuming, 0: as configured */
    int64_t jobs;          /* trainings at the same time; 0: resuming: one */
} elbo_cli_seeds_training;

/* Trains, reports and returns the exit code. */
int elbo_cli_seeds_train(const elbo_context *context, const elbo_cli_seeds_training *training);

#endif
