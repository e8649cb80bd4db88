#include "train/append.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

elbo_status elbo_append(int descriptor, const char *path, const void *bytes, size_t count, bool sync,
                        elbo_error *error) {
    struct stat before;
    bool regular = fstat(descriptor, &before) == 0 && S_ISREG(before.st_mode);
    size_t done = 0;
    int code = 0;
    while (done < count) {
        ssize_t wrote = write(descriptor, (const char *)bytes + done, count - done);
        if (wrote > 0)
            done += (size_t)wrote;
        else if (wrote == 0 || errno != EINTR) {
            code = wrote == 0 ? ENOSPC : errno;
            break;
        }
    }
    if (code == 0 && sync && fsync(descriptor) != 0) code = errno;
    if (code == 0) return ELBO_OK;
    if (regular && ftruncate(descriptor, before.st_size) != 0)
        return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s; its end at byte %lld is torn", path,
                         strerror(code), (long long)before.st_size);
    return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, strerror(code));
}
