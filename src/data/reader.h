/* Bytes in order from a plain file, a gzip file (told by its first bytes, not by its name) or any other source.
 *
 * A reader knows the most bytes its source can hold, so that a header that promises more is caught before anything is
 * allocated, and the offset of what it hands out, so that a message can say where. */
#ifndef ELBO_DATA_READER_H
#define ELBO_DATA_READER_H

#include "base/error.h"

/* Deflate cannot expand a byte to more than this. */
#define ELBO_INFLATE_LIMIT 1032

typedef struct elbo_reader {
    const char *name; /* for messages: borrowed, lives as long as the reader */
    int64_t offset;   /* bytes handed out so far, counted after decompression */
    int64_t limit;    /* no more bytes than this can come */
    bool exact;       /* `limit` is the very size, and the file's bytes are the data's bytes */
    elbo_status (*fill)(struct elbo_reader *reader, void *out, size_t want, size_t *got, elbo_error *error);
    void (*close)(struct elbo_reader *reader);
    void *state;
} elbo_reader;

/* Opens a file; `path` is borrowed.  ELBO_ERROR_IO if it cannot be read. */
elbo_status elbo_reader_open(elbo_reader *reader, const char *path, elbo_error *error);
/* Accepts a zeroed or closed reader. */
void elbo_reader_close(elbo_reader *reader);
/* Reads up to `want` bytes; *got is less only at the end. */
elbo_status elbo_reader_some(elbo_reader *reader, void *out, size_t want, size_t *got, elbo_error *error);
/* Reads exactly `want` bytes, or fails with the offset and `what` was to be there. */
elbo_status elbo_reader_exactly(elbo_reader *reader, void *out, size_t want, const char *what, elbo_error *error);
/* Fails if the source can not hold `bytes` more; `what` promised them. */
elbo_status elbo_reader_expect(const elbo_reader *reader, uint64_t bytes, const char *what, elbo_error *error);
/* Fails if bytes are left after the data. */
elbo_status elbo_reader_end(elbo_reader *reader, elbo_error *error);

/* The first bytes of a file, decompressed; returns how many there were, 0 for a file that cannot be read. */
size_t elbo_peek(const char *path, void *out, size_t want);

/* Whether a path ends in any of the endings, separated by '|', whatever the case: ".csv|.csv.gz". */
bool elbo_path_ends(const char *path, const char *endings);
/* The part after the last '/'. */
const char *elbo_path_name(const char *path);

#endif
