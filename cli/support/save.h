/* Where a command's result goes: a picture, an array or a chart, told by the ending of its name. */
#ifndef ELBO_CLI_SUPPORT_SAVE_H
#define ELBO_CLI_SUPPORT_SAVE_H

#include "support/json.h"
#include "support/run.h"

typedef enum elbo_cli_kind {
    ELBO_CLI_KIND_PICTURE = 1, /* .png */
    ELBO_CLI_KIND_ARRAY = 2,   /* .npy, .npz, .npz#key, .csv, or "-": NPY to standard output */
    ELBO_CLI_KIND_CHART = 4    /* .svg */
} elbo_cli_kind;

#define ELBO_CLI_OUT_HELP \
    "file to write: .png for a picture; .npy, .npz or .csv for an array; - for NPY to standard output"

/* The kind of an output path; 0: none. */
elbo_cli_kind elbo_cli_kind_by_name(const char *path);
/* Whether a path has one of the `allowed` kinds (their sum).  Reports a usage error and returns its exit code for a
 * missing path, another ending, or "-" where it cannot be. */
int elbo_cli_check_out(const elbo_context *context, const char *path, int allowed);
/* Whether a path ends in ".npz" or has it before a '#'. */
bool elbo_cli_is_npz(const char *path);

/* How pictures of many images look; listed by the commands that leave it to the caller. */
#define ELBO_CLI_PICTURE_OPTIONS(O)                                                                   \
    O(INT, columns, "0", 0, 10000, NULL, "picture: images in a row (0: so that it is nearly square)") \
    O(INT, scale, "0", 0, 64, NULL, "picture: pixels for each image pixel (0: 1 to 4, as they fit)")
ELBO_OPTIONS_STRUCT(elbo_cli_picture_options, ELBO_CLI_PICTURE_OPTIONS);
extern const elbo_options elbo_cli_picture_options_table;

/* A layout in the range of the model's data; ELBO_ERROR_SHAPE if its items are no images. */
elbo_status elbo_cli_picture(const elbo_cli_run *run, elbo_picture *picture, elbo_error *error);

/* For commands that are about to make a picture: the same check before the work. */
elbo_status elbo_cli_check_picture(const elbo_cli_run *run, elbo_cli_kind kind, elbo_error *error);

/* Writes items [N, item...] as picture, laid out as `layout` says (its range and item shape are filled in here), or as
 * array. */
elbo_status elbo_cli_save(const elbo_cli_run *run, const elbo_array *items, const elbo_picture *layout,
                          elbo_cli_kind kind, const char *path, elbo_error *error);

/* Writes several arrays as one NPZ file, each under its name.  The file appears whole or not at all. */
elbo_status elbo_cli_save_npz(const elbo_array *const *arrays, const char *const *names, size_t count, const char *path,
                              elbo_error *error);

/* Says what was written: "WHAT written to PATH", or with --json an object with model, epoch, out and the members of
 * `more` (released; may be NULL).  Nothing where the path is "-". */
elbo_status elbo_cli_wrote(elbo_cli_run *run, const char *path, const char *what, json_t *more);

#endif
