#include "support/output.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
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

static int fail_io(const elbo_context *context, const char *path, int code) {
    elbo_error error = {.status = ELBO_ERROR_IO};
    snprintf(error.message, sizeof error.message, "cannot write %s: %s", path, strerror(code));
    return elbo_context_fail(context, &error);
}

/* Writes beside the target, syncs, renames. */
static int save(const elbo_context *context, const char *path, const char *text) {
    char temporary[4096];
    if (snprintf(temporary, sizeof temporary, "%s.tmp.%ld", path, (long)getpid()) >= (int)sizeof temporary)
        return fail_io(context, path, ENAMETOOLONG);
    FILE *stream = fopen(temporary, "wb");
    if (!stream) return fail_io(context, path, errno);
    int code = 0;
    if (fputs(text, stream) < 0 || fflush(stream) != 0 || fsync(fileno(stream)) != 0) code = errno;
    if (fclose(stream) != 0 && !code) code = errno;
    if (!code && rename(temporary, path) != 0) code = errno;
    if (!code) return ELBO_EXIT_OK;
    (void)unlink(temporary);
    return fail_io(context, path, code);
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
    int code = save(context, path, text);
    free(text);
    return code;
}
