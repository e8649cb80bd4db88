/* The runs of an experiment: every option resolved, data found, stages as epochs. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_PLAN_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_PLAN_H

#include "support/experiment.h"
#include "support/json.h"

enum { ELBO_CLI_PLAN_PATH = 4096 };

/* One training: a panel, a series, a seed. */
typedef struct elbo_cli_planned {
    size_t panel, series;
    int seed; /* from 0: how many above the first one */
    char name[ELBO_EXPERIMENT_NAME + 32];
    char folder[ELBO_CLI_PLAN_PATH];
    elbo_config *config;
    int64_t rows, epochs;                      /* training rows; epochs of the whole training */
    int64_t steps;                             /* of an epoch */
    int64_t stage[ELBO_EXPERIMENT_STAGES + 1]; /* steps, rising; the last is the end */
    size_t stages;
    json_t *state;       /* of support/experiment_run.h */
    elbo_status outcome; /* ELBO_OK: complete */
    char message[1024];  /* of a failure */
} elbo_cli_planned;

typedef struct elbo_cli_plan {
    const elbo_cli_experiment *experiment;
    elbo_cli_form form;
    int64_t seeds;
    const char *out;                                                    /* folder */
    bool panel[ELBO_EXPERIMENT_PANELS], series[ELBO_EXPERIMENT_SERIES]; /* those that were asked for */
    elbo_cli_planned *run;
    size_t count;
} elbo_cli_plan;

typedef struct elbo_cli_plan_request {
    const elbo_cli_experiment *experiment;
    elbo_cli_form form;
    int64_t seeds;        /* 0: as the experiment says */
    const char *panels;   /* names separated by commas; "": all */
    const char *series;   /* the same */
    const char *out;      /* folder for runs and figures */
    const char *data_dir; /* where data sets lie under their names */
} elbo_cli_plan_request;

/* Makes every configuration and opens every data set once, so that nothing is trained if anything is wrong.  Messages
 * name the line of the experiment.  The plan refers to the request's texts; clear it also after a failure. */
elbo_status elbo_cli_plan_make(elbo_cli_plan *plan, const elbo_cli_plan_request *request, elbo_error *error);
void elbo_cli_plan_clear(elbo_cli_plan *plan);

/* Whether a series has runs in a panel and both were asked for. */
bool elbo_cli_plan_holds(const elbo_cli_plan *plan, size_t panel, size_t series);
/* "quick", "full", or "" for the plain form. */
const char *elbo_cli_form_name(elbo_cli_form form);

/* Fills a struct of a measurement's options: the measurement's own, changed by the form. */
elbo_status elbo_cli_plan_measure_options(const elbo_cli_plan *plan, const elbo_cli_experiment_measure *measure,
                                          const elbo_options *table, void *values, elbo_error *error);

/* What an experiment calls mnist: a source as it stands if it says where it lies ("synth:glyphs", "./x.npy"), else
 * DATA_DIR/NAME, where a folder that holds a single .mat file means that file. */
elbo_status elbo_cli_plan_source(const char *data_dir, const char *name, char out[ELBO_CLI_PLAN_PATH],
                                 elbo_error *error);

/* Opens the data that a configuration describes; NULL on failure. */
elbo_dataset *elbo_cli_open_configured(const elbo_config *config, elbo_error *error);

#endif
