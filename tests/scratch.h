/* A folder for a test's files, under the folder the test runs in, and raw reading and writing of small files. */
#ifndef ELBO_TESTS_SCRATCH_H
#define ELBO_TESTS_SCRATCH_H

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cmocka.h> /* needs some of the above before it */

typedef struct scratch {
    char folder[64];
    char path[128]; /* FOLDER/file */
} scratch;

static inline int scratch_make(void **state) {
    scratch *place = calloc(1, sizeof *place);
    if (!place) return -1;
    snprintf(place->folder, sizeof place->folder, "scratch.XXXXXX");
    if (!mkdtemp(place->folder)) return -1;
    snprintf(place->path, sizeof place->path, "%s/file", place->folder);
    *state = place;
    return 0;
}

static inline int scratch_remove(void **state) {
    scratch *place = *state;
    char command[128];
    snprintf(command, sizeof command, "rm -rf '%s'", place->folder);
    int result = system(command);
    free(place);
    return result;
}

static inline void scratch_write(const char *path, const void *bytes, size_t count) {
    (void)unlink(path); /* overwriting in place makes some file systems wait for the disk */
    FILE *stream = fopen(path, "wb");
    assert_non_null(stream);
    assert_int_equal(fwrite(bytes, 1, count, stream), count);
    assert_int_equal(fclose(stream), 0);
}

/* The caller frees; a zero byte follows. */
static inline char *scratch_read(const char *path, size_t *count) {
    FILE *stream = fopen(path, "rb");
    assert_non_null(stream);
    char *bytes = calloc(1, 1 << 20);
    assert_non_null(bytes);
    *count = fread(bytes, 1, (1 << 20) - 1, stream);
    fclose(stream);
    return bytes;
}

/* No file may grow beyond `bytes` until the next call; RLIM_INFINITY ends it.  Stands for a disk that fills up. */
static inline void scratch_disk_size(rlim_t bytes) {
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &limit), 0);
    limit.rlim_cur = bytes < limit.rlim_max ? bytes : limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

/* Calls `attempt` with its 1st, 2nd, ... allocation failing, until it gets by with fewer. */
#define SCRATCH_EACH_ALLOCATION(number, attempt, check)       \
    for (long number = 1;; number++) {                        \
        elbo_memory_fail_at(number);                          \
        attempt;                                              \
        bool scratch_reached = elbo_memory_count() >= number; \
        elbo_memory_fail_at(0);                               \
        check;                                                \
        if (!scratch_reached) break;                          \
        assert_true(number < 10000);                          \
    }

#endif
