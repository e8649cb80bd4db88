/* What an experiment can measure on a checkpoint.  A new measurement is a line of the table in measurement.c: a name,
 * options and a function. */
#ifndef ELBO_CLI_SUPPORT_MEASUREMENT_H
#define ELBO_CLI_SUPPORT_MEASUREMENT_H

#include "support/json.h"

/* The checkpoint at hand. */
typedef struct elbo_cli_measured {
    const char *folder;     /* of the run */
    const char *checkpoint; /* "last" or "best" */
    const char *name;       /* of the measurement in its experiment: a file name */
    int64_t step;           /* of the training */
    int threads;
    bool (*progress)(void *user, double share); /* true: stop */
    void *user;
} elbo_cli_measured;

typedef struct elbo_cli_measurement {
    const char *name, *help;
    const elbo_options *options;
    /* Adds numbers by name to `values`, null where one was not asked for. */
    elbo_status (*measure)(const elbo_cli_measured *at, const void *options, json_t *values, elbo_error *error);
} elbo_cli_measurement;

/* The measurement of a name, or NULL. */
const elbo_cli_measurement *elbo_cli_measurement_find(const char *name);
/* "evaluation, likelihood": the names. */
void elbo_cli_measurement_list(char *out, size_t size);

#endif
