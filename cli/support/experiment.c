/* Where experiments come from: the program itself or a file. */
#include "support/experiment.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_BYTES = 1 << 20 }; /* far above any experiment; keeps a wrong file from taking all memory */

const char *elbo_cli_experiment_word(size_t index) { return elbo_cli_experiment_sources[index].name; }

static bool is_path(const char *name) {
    size_t length = strlen(name);
    return strchr(name, '/') || (length > 5 && strcmp(name + length - 5, ".yaml") == 0);
}

static elbo_cli_experiment *open_file(const char *path, elbo_error *error) {
    FILE *stream = fopen(path, "rb");
    unsigned char *text = stream ? malloc(MAX_BYTES + 1) : NULL;
    elbo_cli_experiment *experiment = NULL;
    size_t size = text ? fread(text, 1, MAX_BYTES + 1, stream) : 0;
    if (!stream)
        (void)elbo_cli_fail(error, ELBO_ERROR_IO, "cannot open %s: %s", path, strerror(errno));
    else if (!text)
        (void)elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %s", path);
    else if (ferror(stream))
        (void)elbo_cli_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    else if (size > MAX_BYTES)
        (void)elbo_cli_fail(error, ELBO_ERROR_FORMAT, "%s has more than %d bytes; an experiment was expected", path,
                            MAX_BYTES);
    else
        experiment = elbo_cli_experiment_parse(path, text, size, error);
    free(text);
    if (stream) fclose(stream);
    return experiment;
}

elbo_cli_experiment *elbo_cli_experiment_open(const char *name, elbo_error *error) {
    if (is_path(name)) return open_file(name, error);
    for (const elbo_cli_experiment_source *source = elbo_cli_experiment_sources; source->name; source++) {
        char file[256];
        if (strcmp(source->name, name) != 0) continue;
        snprintf(file, sizeof file, "%s.yaml", name);
        return elbo_cli_experiment_parse(file, source->text, source->size, error);
    }
    const char *nearest = elbo_word_nearest(elbo_cli_experiment_word, name);
    (void)elbo_cli_fail(error, ELBO_ERROR_USAGE,
                        "unknown experiment '%s'%s%s%s; 'elbo list experiments' shows them, and a file is named with "
                        "a '/' or .yaml",
                        name, nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
    return NULL;
}

bool elbo_cli_experiment_holds(const elbo_cli_experiment *experiment, size_t panel, size_t series) {
    const elbo_cli_words *panels = &experiment->series[series].panels;
    for (size_t i = 0; i < panels->count; i++)
        if (strcmp(panels->item[i], experiment->panel[panel].name) == 0) return true;
    return panels->count == 0;
}

elbo_status elbo_cli_experiment_at(const elbo_cli_experiment *experiment, int line, elbo_error *error) {
    char message[sizeof error->message];
    snprintf(message, sizeof message, "%s", error->message);
    snprintf(error->message, sizeof error->message, "%.250s:%d: %.700s", experiment->file, line, message);
    return error->status;
}
