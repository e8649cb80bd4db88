#include "base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"

elbo_status elbo_file_begin(elbo_file *file, const char *path, elbo_error *error) {
    memset(file, 0, sizeof *file);
    if (strcmp(path, "-") == 0) {
        file->stream = stdout;
        return ELBO_OK;
    }
    file->path = elbo_strdup(path);
    file->temporary = elbo_textf("%s.tmp.%ld", path, (long)getpid());
    if (!file->path || !file->temporary) {
        elbo_file_abort(file);
        return elbo_fail_memory(error, strlen(path), "a file name");
    }
    file->stream = fopen(file->temporary, "wb");
    if (!file->stream) {
        elbo_status status = elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
        elbo_free(file->temporary);
        file->temporary = NULL;
        elbo_file_abort(file);
        return status;
    }
    return ELBO_OK;
}

/* The rename itself is durable only when the folder is synced too. */
static void sync_folder_of(const char *path) {
    char *folder = elbo_strdup(path);
    if (!folder) return;
    char *slash = strrchr(folder, '/');
    if (slash) *(slash == folder ? slash + 1 : slash) = 0;
    int descriptor = open(slash ? folder : ".", O_RDONLY | O_DIRECTORY);
    if (descriptor >= 0) {
        (void)fsync(descriptor);
        close(descriptor);
    }
    elbo_free(folder);
}

elbo_status elbo_file_commit(elbo_file *file, elbo_error *error) {
    const char *name = file->path ? file->path : "standard output";
    bool good = fflush(file->stream) == 0 && !ferror(file->stream);
    int code = errno;
    if (!file->path) {
        file->stream = NULL;
        return good ? ELBO_OK : elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", name, strerror(code));
    }
    if (good && fsync(fileno(file->stream)) != 0) good = false, code = errno;
    if (fclose(file->stream) != 0 && good) good = false, code = errno;
    file->stream = NULL;
    if (good && rename(file->temporary, file->path) != 0) good = false, code = errno;
    elbo_status status = ELBO_OK;
    if (good)
        sync_folder_of(file->path);
    else {
        status = elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", name, strerror(code));
        (void)unlink(file->temporary);
    }
    elbo_free(file->temporary);
    elbo_free(file->path);
    memset(file, 0, sizeof *file);
    return status;
}

void elbo_file_abort(elbo_file *file) {
    if (file->stream && file->path) fclose(file->stream);
    if (file->temporary) (void)unlink(file->temporary);
    elbo_free(file->temporary);
    elbo_free(file->path);
    memset(file, 0, sizeof *file);
}

elbo_status elbo_file_put(const char *path, const void *bytes, size_t count, elbo_error *error) {
    elbo_file file;
    ELBO_TRY(elbo_file_begin(&file, path, error));
    (void)fwrite(bytes, 1, count, file.stream);
    return elbo_file_commit(&file, error);
}

elbo_status elbo_file_get(const char *path, size_t limit, char **bytes, size_t *count, elbo_error *error) {
    *bytes = NULL;
    *count = 0;
    FILE *stream = fopen(path, "rb");
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    size_t size = 0, room = 0;
    char *block = NULL;
    elbo_status status = ELBO_OK;
    for (;;) {
        if (size + 1 >= room) {
            size_t wanted = room ? room * 2 : 65536;
            char *grown = elbo_grow(block, size, wanted);
            if (!grown) {
                status = elbo_fail_memory(error, wanted, path);
                break;
            }
            block = grown;
            room = wanted;
        }
        size_t got = fread(block + size, 1, room - size - 1, stream);
        size += got;
        if (size > limit) {
            status = elbo_fail(error, ELBO_ERROR_FORMAT, "%s is larger than the %zu bytes expected here", path, limit);
            break;
        }
        if (got == 0) {
            if (ferror(stream)) status = elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
            break;
        }
    }
    fclose(stream);
    if (status != ELBO_OK) {
        elbo_free(block);
        return status;
    }
    block[size] = 0;
    *bytes = block;
    *count = size;
    return ELBO_OK;
}

elbo_status elbo_folder_make(const char *path, elbo_error *error) {
    char *copy = elbo_strdup(path);
    if (!copy) return elbo_fail_memory(error, strlen(path), "a path");
    elbo_status status = ELBO_OK;
    for (char *at = copy + 1; status == ELBO_OK; at++) {
        if (*at != '/' && *at != 0) continue;
        char end = *at;
        *at = 0;
        struct stat about;
        if (mkdir(copy, 0777) != 0 && (errno != EEXIST || stat(copy, &about) != 0 || !S_ISDIR(about.st_mode)))
            status = elbo_fail(error, ELBO_ERROR_IO, "cannot make folder %s: %s", copy,
                               errno == EEXIST ? "a file of that name is in the way" : strerror(errno));
        *at = end;
        if (!end) break;
    }
    elbo_free(copy);
    return status;
}
