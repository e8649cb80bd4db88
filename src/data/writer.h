/* Bytes into a file that appears whole or not at all, compressed with gzip if asked. */
#ifndef ELBO_DATA_WRITER_H
#define ELBO_DATA_WRITER_H

#include "base/file.h"

typedef struct elbo_writer {
    elbo_file file;
    void *deflate; /* z_stream and its buffer, or NULL */
} elbo_writer;

elbo_status elbo_writer_begin(elbo_writer *writer, const char *path, bool compressed, elbo_error *error);
elbo_status elbo_writer_put(elbo_writer *writer, const void *bytes, size_t count, elbo_error *error);
/* Ends the file: commits it if `status` is ELBO_OK, else drops it and returns `status`. */
elbo_status elbo_writer_end(elbo_writer *writer, elbo_status status, elbo_error *error);

#endif
