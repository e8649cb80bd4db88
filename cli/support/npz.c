/* Several arrays in one NPZ file.  Each goes through the library's NPY writer into a file of its own, which libzip then
 * takes into the archive. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zip.h>

#include "support/save.h"

enum { PATH = 4096 };

static elbo_status fail_write(const char *path, const char *why, elbo_error *error) {
    return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, why);
}

/* "PATH.tmp.PID" or, for an array's own file, "PATH.tmp.PID.NAME.npy". */
static elbo_status temporary_name(const char *path, const char *name, char *out, elbo_error *error) {
    int length = name ? snprintf(out, PATH, "%s.tmp.%ld.%s.npy", path, (long)getpid(), name)
                      : snprintf(out, PATH, "%s.tmp.%ld", path, (long)getpid());
    return length < PATH ? ELBO_OK : fail_write(path, strerror(ENAMETOOLONG), error);
}

static elbo_status add(zip_t *archive, const char *file, const char *name, const char *path, elbo_error *error) {
    char entry[256];
    snprintf(entry, sizeof entry, "%s.npy", name);
    zip_source_t *source = zip_source_file(archive, file, 0, -1);
    zip_int64_t index = source ? zip_file_add(archive, entry, source, ZIP_FL_ENC_UTF_8) : -1;
    if (source && index < 0) zip_source_free(source);
    /* 1980-01-01: the same arrays give the same bytes */
    if (index < 0 || zip_set_file_compression(archive, (zip_uint64_t)index, ZIP_CM_DEFLATE, 1) != 0 ||
        zip_file_set_dostime(archive, (zip_uint64_t)index, 0, 1 << 5 | 1, 0) != 0)
        return fail_write(path, zip_strerror(archive), error);
    return ELBO_OK;
}

static elbo_status pack(char files[][PATH], const char *const *names, size_t count, const char *temporary,
                        const char *path, elbo_error *error) {
    int code = 0;
    zip_t *archive = zip_open(temporary, ZIP_CREATE | ZIP_TRUNCATE, &code);
    if (!archive) return fail_write(path, strerror(errno), error);
    elbo_status status = ELBO_OK;
    for (size_t i = 0; i < count && status == ELBO_OK; i++) status = add(archive, files[i], names[i], path, error);
    if (status == ELBO_OK && zip_close(archive) == 0) return ELBO_OK;
    if (status == ELBO_OK) status = fail_write(path, zip_strerror(archive), error);
    zip_discard(archive);
    return status;
}

elbo_status elbo_cli_save_npz(const elbo_array *const *arrays, const char *const *names, size_t count, const char *path,
                              elbo_error *error) {
    char temporary[PATH], (*files)[PATH] = calloc(count + 1, PATH);
    if (!files) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %s", path);
    elbo_status status = temporary_name(path, NULL, temporary, error);
    for (size_t i = 0; i < count && status == ELBO_OK; i++) {
        status = temporary_name(path, names[i], files[i], error);
        if (status == ELBO_OK) status = elbo_array_save(arrays[i], files[i], error);
    }
    if (status == ELBO_OK) status = pack(files, names, count, temporary, path, error);
    if (status == ELBO_OK && rename(temporary, path) != 0) status = fail_write(path, strerror(errno), error);
    if (status != ELBO_OK) (void)unlink(temporary);
    for (size_t i = 0; i < count; i++)
        if (files[i][0]) (void)unlink(files[i]);
    free(files);
    return status;
}
