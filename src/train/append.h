/* Appending a record to a log so that it is there whole or not at all, as far as a running process can see to it. */
#ifndef ELBO_TRAIN_APPEND_H
#define ELBO_TRAIN_APPEND_H

#include "base/error.h"

/* Appends bytes at the end of an open file (O_APPEND).  When the disk fills up half-way, the file is cut back to its
 * old length before ELBO_ERROR_IO is reported.  `sync` waits until the bytes are on the disk.  `path` is for
 * messages. */
elbo_status elbo_append(int descriptor, const char *path, const void *bytes, size_t count, bool sync,
                        elbo_error *error);

#endif
