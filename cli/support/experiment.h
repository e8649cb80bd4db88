/* Experiments: files that say which runs draw a paper's figure or table, what is measured on them and what comes out.
 *
 * The grid panels x series x seeds is the set of runs.  docs/reproduce.md describes the file. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_H

#include "support/command.h"

enum {
    ELBO_EXPERIMENT_PANELS = 64,
    ELBO_EXPERIMENT_SERIES = 64,
    ELBO_EXPERIMENT_MEASURES = 16,
    ELBO_EXPERIMENT_CHARTS = 8,
    ELBO_EXPERIMENT_STAGES = 64,
    ELBO_EXPERIMENT_NAME = 96
};

/* One line "key: value" of a map; a list as value is joined by commas, as the options take it. */
typedef struct elbo_cli_pair {
    const char *key, *value;
    int line;
} elbo_cli_pair;

typedef struct elbo_cli_pairs {
    elbo_cli_pair *item;
    size_t count;
} elbo_cli_pairs;

typedef struct elbo_cli_words {
    const char **item;
    size_t count;
    int line;
} elbo_cli_words;

/* How much of an experiment is run: what the file says, changed by its `quick` or `full` parts with --quick, --full. */
typedef enum elbo_cli_form {
    ELBO_CLI_FORM_PLAIN,
    ELBO_CLI_FORM_QUICK,
    ELBO_CLI_FORM_FULL,
    ELBO_CLI_FORMS
} elbo_cli_form;

/* A panel (a data set and a size, say) or a series (a method): options that its runs have. */
typedef struct elbo_cli_experiment_part {
    const char *name, *title, *model; /* title: the name where the file has none; model NULL: the experiment's */
    elbo_cli_pairs options[ELBO_CLI_FORMS];
    double y_limits[2];    /* a panel: of its charts; equal: fitted */
    elbo_cli_words panels; /* a series: the panels that it is in; empty: all */
    int line;
} elbo_cli_experiment_part;

/* Steps, epochs, or training rows seen, at which training pauses to be measured. */
typedef struct elbo_cli_experiment_stages {
    const char *unit; /* "steps", "epochs" or "samples" */
    double at[ELBO_EXPERIMENT_STAGES];
    size_t count;
    int line;
} elbo_cli_experiment_stages;

typedef struct elbo_cli_experiment_measure {
    const char *name, *kind; /* kind: of support/measurement.h */
    const char *when;        /* "end" or "stages" (the end is a stage) */
    const char *checkpoint;  /* "last" or "best"; stages: "last" */
    elbo_cli_pairs options[ELBO_CLI_FORMS];
    int line;
} elbo_cli_experiment_measure;

/* One chart for each panel; every series has a line for each of `lines`: value -> name. */
typedef struct elbo_cli_experiment_chart {
    const char *name, *title, *x, *y_label;
    bool x_log, y_log;
    elbo_cli_pairs lines;
    int line;
} elbo_cli_experiment_chart;

typedef struct elbo_cli_experiment_table {
    elbo_cli_pairs columns; /* value -> heading */
    elbo_cli_pairs paper;   /* PANEL-SERIES or PANEL-SERIES/VALUE -> what the paper says */
} elbo_cli_experiment_table;

/* Of every run. */
typedef struct elbo_cli_experiment_extent {
    elbo_cli_pairs options;
    elbo_cli_experiment_stages stages; /* of none: those of the plain form */
    int64_t seeds;                     /* 0: the same */
    int line;                          /* 0: the file has none of this form */
} elbo_cli_experiment_extent;

typedef struct elbo_cli_experiment {
    const char *name, *title, *paper, *shows, *differs, *model;
    elbo_cli_experiment_part panel[ELBO_EXPERIMENT_PANELS], series[ELBO_EXPERIMENT_SERIES];
    size_t panels, series_count;
    elbo_cli_experiment_extent extent[ELBO_CLI_FORMS];
    elbo_cli_experiment_measure measure[ELBO_EXPERIMENT_MEASURES];
    size_t measures;
    elbo_cli_experiment_chart chart[ELBO_EXPERIMENT_CHARTS];
    size_t charts;
    elbo_cli_experiment_table table;
    char file[512]; /* for messages: "FILE:LINE: ..." */
    void *memory;   /* what every text and list lies in */
} elbo_cli_experiment;

/* A file of recipes/experiments, taken into the program when it was built (cmake/experiments.cmake); the list ends with
 * a NULL name. */
typedef struct elbo_cli_experiment_source {
    const char *name, *title;
    const unsigned char *text;
    size_t size;
} elbo_cli_experiment_source;
extern const elbo_cli_experiment_source elbo_cli_experiment_sources[];

/* The index-th built-in experiment's name, as a word_at. */
const char *elbo_cli_experiment_word(size_t index);

/* Reads a built-in experiment or, where the name has a '/' or ends in .yaml, a file.  NULL with a message that names
 * file, line and what was expected.  Free with elbo_cli_experiment_free. */
elbo_cli_experiment *elbo_cli_experiment_open(const char *name, elbo_error *error);
elbo_cli_experiment *elbo_cli_experiment_parse(const char *file, const unsigned char *text, size_t size,
                                               elbo_error *error);
void elbo_cli_experiment_free(elbo_cli_experiment *experiment);

/* Whether a series has runs in a panel. */
bool elbo_cli_experiment_holds(const elbo_cli_experiment *experiment, size_t panel, size_t series);
/* Fails with "FILE:LINE: message" before what `error` says already. */
elbo_status elbo_cli_experiment_at(const elbo_cli_experiment *experiment, int line, elbo_error *error);

#endif
