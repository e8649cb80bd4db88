/* A trained model at work in a command, with the data that it is shown. */
#ifndef ELBO_CLI_SUPPORT_RUN_H
#define ELBO_CLI_SUPPORT_RUN_H

#include "support/json.h"

/* The argument of every command that uses a model. */
#define ELBO_CLI_RUN_ARGUMENT \
    { "RUN", "folder of a run, or a .safetensors checkpoint", ELBO_ARGUMENT_FOLDER, 1, 1, NULL }

/* The same, of commands that work on folders of seeds too (elbo_cli_run_with_each). */
#define ELBO_CLI_RUNS_ARGUMENT \
    { "RUN", "folder of a run or of --seeds, or a .safetensors checkpoint", ELBO_ARGUMENT_FOLDER, 1, 1, NULL }

#define ELBO_CLI_MODEL_OPTIONS(O)                                  \
    O(CHOICE, checkpoint, "auto", 0, 0, "auto|best|last",          \
      "which state of the run: of the best epoch or of the last; " \
      "auto: the best where there is one")
ELBO_OPTIONS_STRUCT(elbo_cli_model_options, ELBO_CLI_MODEL_OPTIONS);
extern const elbo_options elbo_cli_model_options_table;

/* Listed together with elbo_data_options_table by the commands that read data. */
#define ELBO_CLI_SOURCE_OPTIONS(O) O(TEXT, data, "", 0, 0, NULL, "data source (default: the one of the run)")
ELBO_OPTIONS_STRUCT(elbo_cli_source_options, ELBO_CLI_SOURCE_OPTIONS);
extern const elbo_options elbo_cli_source_options_table;
#define ELBO_CLI_SOURCE_FLAGS \
    {"data", 0, "SOURCE"}, {"item_shape", 0, "SHAPE"}, {"train_labels", 0, "CLASSES"}, { "labels", 0, "FILE|COLUMN" }
/* A paragraph for the descriptions of those commands. */
#define ELBO_CLI_SOURCE_TEXT                                                                                         \
    "Data are those of the run unless --data names others. Options of the data that are not given are those of the " \
    "run."

typedef struct elbo_cli_run {
    const elbo_context *context;
    const char *path;
    elbo_model *model;
    const elbo_model_info *info;
    const elbo_config *config;
    elbo_dataset *dataset;      /* NULL until elbo_cli_run_data */
    const elbo_data_info *data; /* the same */
    bool pooled;                /* the data have training rows alone, by the option pool */
    bool one_of_many;           /* a run of a folder of seeds: figures are kept, and nothing is printed */
    json_t *figures;            /* of such a run */
    int code;                   /* exit code where the work itself succeeded: ELBO_EXIT_OK, unless set */
} elbo_cli_run;

/* Opens the model that the first argument names, calls work, closes everything, and reports a failure.  Returns the
 * exit code. */
int elbo_cli_run_with(const elbo_context *context, elbo_status (*work)(elbo_cli_run *run, elbo_error *error));

/* The same for a folder of `elbo train --seeds`: work is called for the run of each seed, and mean, standard deviation
 * and median of what it hands to elbo_cli_run_figures are reported. Any other path is as in elbo_cli_run_with. */
int elbo_cli_run_with_each(const elbo_context *context, elbo_status (*work)(elbo_cli_run *run, elbo_error *error));
/* Takes a command's figures, an object of numbers by name (and lists of such objects with a "method"): kept for the
 * summary over seeds, or printed with --json. False: the command is to print them as text. */
bool elbo_cli_run_figures(elbo_cli_run *run, json_t *figures);

/* Opens the data that the options name.  ELBO_ERROR_SHAPE if the model cannot read its items. */
elbo_status elbo_cli_run_data(elbo_cli_run *run, elbo_error *error);
/* The split, which must have rows: ELBO_ERROR_STATE says which ones have. */
elbo_status elbo_cli_run_split(elbo_cli_run *run, const char *name, elbo_split *split, elbo_error *error);

/* Rows of the data in the shape that the model reads, which are also what a model of p(x|c) is conditioned on from then
 * on (elbo_model_condition_rows).  index, start and count as in elbo_dataset_rows. */
elbo_status elbo_cli_run_rows(elbo_cli_run *run, elbo_split split, const int64_t *index, int64_t start, int64_t count,
                              elbo_array *rows, elbo_error *error);
/* Means and deviations (either may be NULL) of q(z|x) for count rows from `start` on: f32 [count, latent]; the caller
 * frees them.  The rows are read in portions, so that a large split needs no memory for its images. */
elbo_status elbo_cli_run_encode(elbo_cli_run *run, elbo_split split, int64_t start, int64_t count, elbo_array *mean,
                                elbo_array *deviation, elbo_error *error);

/* An option of the run as text, "" if it has none of that name. */
void elbo_cli_run_option(const elbo_cli_run *run, const char *name, char *out, size_t size);
/* "test", "training": the split for sentences. */
const char *elbo_cli_split_word(elbo_split split);

#endif
