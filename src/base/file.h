/* Files that appear whole or not at all: written to a temporary name beside the target, synced, then renamed. */
#ifndef ELBO_BASE_FILE_H
#define ELBO_BASE_FILE_H

#include <stdio.h>

#include "base/error.h"

typedef struct elbo_file {
    FILE *stream;    /* write here */
    char *path;      /* the final name; NULL for standard output */
    char *temporary; /* NULL for standard output */
} elbo_file;

/* Opens for writing; "-" is standard output. */
elbo_status elbo_file_begin(elbo_file *file, const char *path, elbo_error *error);
/* Flushes, syncs, renames and closes; on failure (a full disk, say) removes the temporary file, leaves the old file
 * as it was and reports. */
elbo_status elbo_file_commit(elbo_file *file, elbo_error *error);
/* Drops what was written; safe on a zeroed or committed struct. */
void elbo_file_abort(elbo_file *file);
/* Writes bytes whole in one call to the above. */
elbo_status elbo_file_put(const char *path, const void *bytes, size_t count, elbo_error *error);
/* Reads a whole file of at most `limit` bytes into a zero-terminated block that the caller elbo_frees. */
elbo_status elbo_file_get(const char *path, size_t limit, char **bytes, size_t *count, elbo_error *error);
/* mkdir -p. */
elbo_status elbo_folder_make(const char *path, elbo_error *error);

#endif
