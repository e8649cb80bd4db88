#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "train/checkpoint.h"

static bool exists(const char *path) {
    struct stat what;
    return stat(path, &what) == 0;
}

/* The checkpoint that a run folder offers, as a new string; NULL with an error. */
static char *choose(const char *folder, const char *which, elbo_error *error) {
    char *best = elbo_textf("%s/best.safetensors", folder), *last = elbo_textf("%s/last.safetensors", folder);
    char *chosen = NULL;
    if (!best || !last) {
        elbo_fail(error, ELBO_ERROR_MEMORY, "out of memory: a path");
    } else if (which) {
        chosen = strcmp(which, "best") == 0 ? best : last;
        if (!exists(chosen))
            chosen = elbo_fail_null(error, ELBO_ERROR_IO, "%s: no such checkpoint in this run", chosen);
    } else {
        chosen = exists(best) ? best : exists(last) ? last : NULL;
        if (!chosen)
            elbo_fail(error, ELBO_ERROR_IO, "%s is no run: it has neither best.safetensors nor last.safetensors",
                      folder);
    }
    if (best != chosen) elbo_free(best);
    if (last != chosen) elbo_free(last);
    return chosen;
}

char *elbo_checkpoint_locate(const char *path, const char *which, elbo_error *error) {
    struct stat what;
    if (which && strcmp(which, "best") != 0 && strcmp(which, "last") != 0)
        return elbo_fail_null(error, ELBO_ERROR_USAGE, "no checkpoint is called \"%s\"; best or last was expected",
                              which);
    if (stat(path, &what) != 0)
        return elbo_fail_null(error, ELBO_ERROR_IO, "%s: no such run folder or checkpoint", path);
    if (S_ISDIR(what.st_mode)) return choose(path, which, error);
    if (which)
        return elbo_fail_null(error, ELBO_ERROR_USAGE, "%s is a checkpoint already: \"%s\" chooses in a run folder",
                              path, which);
    char *copy = elbo_strdup(path);
    return copy ? copy : elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a path");
}
