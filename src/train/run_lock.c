#include "train/run_lock.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "base/memory.h"

struct elbo_run_lock {
    int descriptor;
};

/* The number that the holder wrote; 0 when it has not come to that yet. */
static long holder(int descriptor) {
    char text[32] = "";
    ssize_t got = pread(descriptor, text, sizeof text - 1, 0);
    long pid = got > 0 ? strtol(text, NULL, 10) : 0;
    return pid > 0 ? pid : 0;
}

static elbo_status lock_failed(int descriptor, int code, const char *folder, elbo_error *error) {
    if (code != EWOULDBLOCK) return elbo_fail(error, ELBO_ERROR_IO, "cannot lock %s/.lock: %s", folder, strerror(code));
    long pid = holder(descriptor);
    if (pid == 0) return elbo_fail(error, ELBO_ERROR_STATE, "another process is already training in %s", folder);
    return elbo_fail(error, ELBO_ERROR_STATE,
                     "process %ld is already training in %s; wait for it or use another folder", pid, folder);
}

/* The number only serves the message that another process gets, so a disk too full for it is no reason to stop. */
static void sign(int descriptor) {
    char text[32];
    int length = snprintf(text, sizeof text, "%ld\n", (long)getpid());
    if (ftruncate(descriptor, 0) != 0 || pwrite(descriptor, text, (size_t)length, 0) != length) return;
}

elbo_run_lock *elbo_run_lock_take(const char *folder, elbo_error *error) {
    elbo_run_lock *lock = elbo_calloc(sizeof *lock);
    char *path = elbo_textf("%s/.lock", folder);
    if (!lock || !path) {
        elbo_free(lock);
        elbo_free(path);
        return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory for the lock of %s", folder);
    }
    lock->descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (lock->descriptor < 0) {
        (void)elbo_fail(error, ELBO_ERROR_IO, "cannot open %s: %s", path, strerror(errno));
        elbo_free(path);
        elbo_free(lock);
        return NULL;
    }
    elbo_free(path);
    if (flock(lock->descriptor, LOCK_EX | LOCK_NB) != 0) {
        (void)lock_failed(lock->descriptor, errno, folder, error);
        close(lock->descriptor);
        elbo_free(lock);
        return NULL;
    }
    sign(lock->descriptor);
    return lock;
}

void elbo_run_lock_release(elbo_run_lock *lock) {
    if (!lock) return;
    int ignored = ftruncate(lock->descriptor, 0); /* a stale number does no harm: the lock itself is what counts */
    (void)ignored;
    close(lock->descriptor);
    elbo_free(lock);
}
