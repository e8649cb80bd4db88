#include "support/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

bool elbo_cli_output_is_standard(const char *path) { return !*path || strcmp(path, "-") == 0; }

char *elbo_cli_output_text(void (*write)(FILE *stream, const void *user), const void *user) {
    char *text = NULL;
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return NULL;
    write(stream, user);
    bool failed = ferror(stream) != 0;
    if (fclose(stream) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

static elbo_status fail_io(const char *path, int code, elbo_error *error) {
    return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, strerror(code));
}

/* Writes beside the target, syncs, renames. */
elbo_status elbo_cli_output_save(const char *path, const char *text, elbo_error *error) {
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid()) >= (int)sizeof temporary)
        return fail_io(path, ENAMETOOLONG, error);
    FILE *stream = fopen(temporary, "wb");
    if (!stream) return fail_io(path, errno, error);
    int code = 0;
    if (fputs(text, stream) < 0 || fflush(stream) != 0 || fsync(fileno(stream)) != 0) code = errno;
    if (fclose(stream) != 0 && !code) code = errno;
    if (!code && rename(temporary, path) != 0) code = errno;
    if (!code) return ELBO_OK;
    (void)unlink(temporary);
    return fail_io(path, code, error);
}

int elbo_cli_output(const elbo_context *context, const char *path, void (*write)(FILE *stream, const void *user),
                    const void *user) {
    if (elbo_cli_output_is_standard(path)) {
        write(stdout, user);
        return ELBO_EXIT_OK;
    }
    char *text = elbo_cli_output_text(write, user);
    if (!text) {
        elbo_error error = {.status = ELBO_ERROR_MEMORY};
        return elbo_context_fail(context, &error);
    }
    elbo_error error = {0};
    elbo_status status = elbo_cli_output_save(path, text, &error);
    free(text);
    return status == ELBO_OK ? ELBO_EXIT_OK : elbo_context_fail(context, &error);
}

elbo_status elbo_cli_make_folders(const char *path, elbo_error *error) {
    char part[4096];
    for (size_t length = 1; *path; length++) {
        if (path[length] == '/' || path[length] == 0) {
            if (snprintf(part, sizeof part, "%.*s", (int)length, path) >= (int)sizeof part)
                return elbo_cli_fail(error, ELBO_ERROR_USAGE, "the folder's name is too long: %.100s...", path);
            if (mkdir(part, 0777) != 0 && errno != EEXIST)
                return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot make the folder %s: %s", part, strerror(errno));
        }
        if (path[length] == 0) break;
    }
    return ELBO_OK;
}
