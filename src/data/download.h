/* Fetching published files: whole, checked, and from where the last try stopped. */
#ifndef ELBO_DATA_DOWNLOAD_H
#define ELBO_DATA_DOWNLOAD_H

#include "elbo.h"

/* A published file: its name, exact size in bytes, and SHA-256 in lower-case hexadecimal. */
typedef struct elbo_fetch_file {
    const char *name;
    int64_t size;
    const char *sha256;
} elbo_fetch_file;

/* Fetches `url` into folder/name.  While it is incomplete it is folder/name.part, which a later call continues; it
 * gets its name only when size and SHA-256 are right, and is removed when the SHA-256 is wrong.  A file that is
 * there and right is left alone; one that is there and wrong is never overwritten (ELBO_ERROR_STATE).
 * ELBO_ERROR_INTERRUPTED when `progress` (may be NULL) returned true. */
elbo_status elbo_fetch(const elbo_fetch_file *file, const char *url, const char *folder,
                       elbo_download_progress progress, void *user, elbo_error *error);

/* A data set to download.  `finish` (may be NULL) turns the fetched files into ones that elbo_dataset_open reads. */
typedef struct elbo_download_record {
    elbo_download about;
    const char *base_url;
    const elbo_fetch_file *file; /* [about.files] */
    elbo_status (*finish)(const char *folder, elbo_error *error);
} elbo_download_record;

/* elbo_download_get for a record that need not be a built-in one. */
elbo_status elbo_download_record_get(const elbo_download_record *record, const char *folder, const char *base_url,
                                     elbo_download_progress progress, void *user, elbo_error *error);

/* The built-in record of a name, or NULL. */
const elbo_download_record *elbo_download_find(const char *name);

/* Turns the text of Larochelle's binarised MNIST (a line of 784 digits 0 or 1 with blanks between, for each image)
 * into an IDX file of bytes 0 and 255: [rows, 28, 28].  Leaves an equal file as it is; fails with ELBO_ERROR_STATE
 * when another one of that name is there. */
elbo_status elbo_amat_to_idx(const char *from, const char *to, elbo_error *error);

#endif
