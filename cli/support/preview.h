/* The first rows of a split, to look at. */
#ifndef ELBO_CLI_SUPPORT_PREVIEW_H
#define ELBO_CLI_SUPPORT_PREVIEW_H

#include "support/command.h"

#define ELBO_CLI_PREVIEW_STYLES "auto|ascii|blocks|colour"

typedef struct elbo_cli_preview {
    elbo_split split;
    int64_t count;     /* rows at most; 0: as many as suit the medium */
    const char *style; /* one of ELBO_CLI_PREVIEW_STYLES, for text */
} elbo_cli_preview;

/* Prints images as characters, other rows as numbers, to standard output. */
elbo_status elbo_cli_preview_print(const elbo_dataset *dataset, const elbo_cli_preview *preview, elbo_error *error);
/* Writes images as one PNG; ELBO_ERROR_SHAPE if the rows are no images. */
elbo_status elbo_cli_preview_save(const elbo_dataset *dataset, const elbo_cli_preview *preview, const char *path,
                                  elbo_error *error);

#endif
