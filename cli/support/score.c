#include "support/score.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/text.h"

/* ---- Files ---- */

/* Copies standard input to a file that is named after what it begins like. */
static elbo_status keep_standard_input(char *path, size_t size, elbo_error *error) {
    char block[65536];
    size_t got = fread(block, 1, sizeof block, stdin);
    if (got == 0) return elbo_cli_fail(error, ELBO_ERROR_IO, "standard input is empty; an array was expected");
    bool npy = got >= 6 && memcmp(block, "\x93NUMPY", 6) == 0;
    const char *folder = getenv("TMPDIR");
    snprintf(path, size, "%s/elbo-score-XXXXXX%s", folder && *folder ? folder : "/tmp", npy ? ".npy" : ".csv");
    int file = mkstemps(path, 4);
    FILE *out = file >= 0 ? fdopen(file, "wb") : NULL;
    if (!out) {
        if (file >= 0) {
            (void)close(file);
            (void)unlink(path);
        }
        return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot keep standard input in %s: %s", path, strerror(errno));
    }
    bool good = true;
    for (; got > 0 && good; got = fread(block, 1, sizeof block, stdin)) good = fwrite(block, 1, got, out) == got;
    if (fclose(out) == 0 && good && !ferror(stdin)) return ELBO_OK;
    (void)unlink(path);
    return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot keep standard input in %s", path);
}

static elbo_status load(elbo_cli_score_input *input, elbo_error *error) {
    char path[4096];
    if (strcmp(input->path, "-") != 0) return elbo_array_load(&input->array, input->path, error);
    ELBO_CLI_TRY(keep_standard_input(path, sizeof path, error));
    elbo_status status = elbo_array_load(&input->array, path, error);
    (void)unlink(path);
    return status;
}

int elbo_cli_score_load(const elbo_context *context, elbo_cli_score_input *inputs, size_t count) {
    const char *standard = NULL;
    char dashed[ELBO_NAME_SIZE], other[ELBO_NAME_SIZE];
    for (size_t i = 0; i < count; i++) {
        if (!inputs[i].path[0] && !inputs[i].optional)
            return elbo_context_usage(context, "--%s FILE is missing", elbo_cli_text_dashed(inputs[i].option, dashed));
        if (strcmp(inputs[i].path, "-") != 0) continue;
        if (standard)
            return elbo_context_usage(context, "--%s and --%s both read standard input",
                                      elbo_cli_text_dashed(standard, dashed),
                                      elbo_cli_text_dashed(inputs[i].option, other));
        standard = inputs[i].option;
    }
    elbo_error error = {0};
    for (size_t i = 0; i < count; i++)
        if (inputs[i].path[0] && load(&inputs[i], &error) != ELBO_OK) return elbo_context_fail(context, &error);
    return ELBO_EXIT_OK;
}

void elbo_cli_score_free(elbo_cli_score_input *inputs, size_t count) {
    for (size_t i = 0; i < count; i++) elbo_array_free(&inputs[i].array);
}

/* ---- Words ---- */

static bool find(const char *name, elbo_metric_info *out) {
    for (size_t i = 0; elbo_metric_at(i, out); i++)
        if (strcmp(out->name, name) == 0) return true;
    return false;
}

void elbo_cli_score_line(const char *name, double value, const char *note) {
    char number[48] = "not defined";
    if (!isnan(value)) snprintf(number, sizeof number, "%.4f", value);
    int column = printf("  %-20s %11s  ", name, number);
    elbo_cli_text_wrap(stdout, note, column, column);
}

void elbo_cli_score_print(const elbo_cli_score_figure *figures, size_t count) {
    for (size_t i = 0; i < count; i++) {
        elbo_metric_info metric = {.title = "", .range = ""};
        char note[512];
        find(figures[i].name, &metric);
        snprintf(note, sizeof note, "%s (%s)", metric.title, metric.range);
        elbo_cli_score_line(figures[i].name, figures[i].value, note);
    }
}

void elbo_cli_score_warning(const char *text) {
    if (!text[0]) return;
    int column = printf("warning: ");
    elbo_cli_text_wrap(stdout, text, column, 0);
}

json_t *elbo_cli_score_json(const char *kind, const elbo_cli_score_figure *figures, size_t count) {
    json_t *object = json_object();
    json_object_set_new(object, "kind", elbo_cli_json_text(kind));
    for (size_t i = 0; i < count; i++)
        json_object_set_new(object, figures[i].name, elbo_cli_json_real(figures[i].value));
    return object;
}

void elbo_cli_score_json_warning(json_t *object, const char *text) {
    json_object_set_new(object, "warning", elbo_cli_json_text(text[0] ? text : NULL));
}
