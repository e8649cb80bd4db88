/* What the kinds of `elbo score` share: reading arrays, and figures in words. */
#ifndef ELBO_CLI_SUPPORT_SCORE_H
#define ELBO_CLI_SUPPORT_SCORE_H

#include "support/json.h"

extern const elbo_command elbo_cli_score_clusters, elbo_cli_score_detection, elbo_cli_score_probe;
extern const elbo_command elbo_cli_score_disentanglement, elbo_cli_score_units, elbo_cli_score_frechet;
extern const elbo_command elbo_cli_score_topics;

/* A file that an option names. */
typedef struct elbo_cli_score_input {
    const char *option; /* "predicted" */
    const char *path;   /* "": not given */
    bool optional;
    elbo_array array; /* filled in; empty where no file was given */
} elbo_cli_score_input;

#define ELBO_CLI_SCORE_FILE \
    "file with an array: .npy, .npz#key, .csv or .mat#name; - for NPY or CSV from standard input"
#define ELBO_CLI_SCORE_FILES                                                                                        \
    "Arrays are read from .npy, .npz#key, .csv or .mat#name files; - is standard input, as NPY or CSV, for one of " \
    "them."

/* Reads the files; those that are not optional must be given. Returns the exit code, with the failure reported. Free
 * with elbo_cli_score_free, also after a failure. */
int elbo_cli_score_load(const elbo_context *context, elbo_cli_score_input *inputs, size_t count);
void elbo_cli_score_free(elbo_cli_score_input *inputs, size_t count);

/* A figure of a kind of metric; a NaN is printed as "not defined". */
typedef struct elbo_cli_score_figure {
    const char *name;
    double value;
} elbo_cli_score_figure;

/* A line for each figure, with what it is. */
void elbo_cli_score_print(const elbo_cli_score_figure *figures, size_t count);
/* A line about something else, in the same columns. */
void elbo_cli_score_line(const char *name, double value, const char *note);
/* "warning: ..." unless the text is empty. */
void elbo_cli_score_warning(const char *text);

/* {"kind": ..., the figures}, to be added to. */
json_t *elbo_cli_score_json(const char *kind, const elbo_cli_score_figure *figures, size_t count);
void elbo_cli_score_json_warning(json_t *object, const char *text);

#endif
