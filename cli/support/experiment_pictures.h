/* The pictures of an experiment: those that a measurement left at its stages, side by side. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_PICTURES_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_PICTURES_H

#include "support/experiment_plan.h"

enum { ELBO_CLI_PICTURES_IN_A_ROW = 4 };

/* What was drawn. */
typedef struct elbo_cli_stage_pictures {
    char path[ELBO_CLI_PLAN_PATH]; /* OUT/MEASURE-PANEL-SERIES.png */
    char caption[512];             /* which steps */
} elbo_cli_stage_pictures;

/* Draws the pictures of the index-th measurement of a complete run into one; *drawn is false where it left none. */
elbo_status elbo_cli_experiment_pictures_write(const elbo_cli_plan *plan, const elbo_cli_planned *run, size_t measure,
                                               elbo_cli_stage_pictures *out, bool *drawn, elbo_error *error);

#endif
