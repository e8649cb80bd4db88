#include "support/fit_files.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/output.h"
#include "support/rows.h"

enum { PATH = 4200 };

elbo_status elbo_cli_fit_folder(const char *path, elbo_error *error) {
    char part[PATH];
    size_t length = strlen(path);
    if (length >= sizeof part) return elbo_cli_fail(error, ELBO_ERROR_USAGE, "the folder's name is too long");
    for (size_t i = 1; i <= length; i++) {
        if (path[i] != '/' && path[i]) continue;
        memcpy(part, path, i);
        part[i] = 0;
        struct stat what;
        if (mkdir(part, 0777) == 0) continue;
        const char *reason = strerror(errno);
        bool there = stat(part, &what) == 0;
        if (there && S_ISDIR(what.st_mode)) continue;
        return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot make the folder %s: %s", part,
                             there ? "it is no folder" : reason);
    }
    return ELBO_OK;
}

/* ---- curve.jsonl ---- */

static void write_curve(FILE *stream, const void *user) {
    int64_t count;
    const elbo_fit_point *points = elbo_fit_curve(user, &count);
    for (int64_t i = 0; i < count; i++) {
        json_t *line = json_object();
        json_object_set_new(line, "iteration", json_integer(points[i].iteration));
        json_object_set_new(line, "elbo_e", elbo_cli_json_real(points[i].after_e));
        json_object_set_new(line, "elbo_m", elbo_cli_json_real(points[i].after_m));
        json_object_set_new(line, "log_likelihood", elbo_cli_json_real(points[i].log_likelihood));
        json_object_set_new(line, "seconds", elbo_cli_json_real(points[i].seconds));
        json_dumpf(line, stream, 0);
        fputc('\n', stream);
        json_decref(line);
    }
}

/* ---- curve.svg ---- */

/* The bound after an E-step stands at its iteration, that after the M-step half a step further: a staircase that meets
 * the log-likelihood at whole numbers. */
static elbo_status draw_curve(const elbo_fit *fit, const elbo_data_info *data, const char *path, elbo_error *error) {
    int64_t count;
    const elbo_fit_point *points = elbo_fit_curve(fit, &count);
    const elbo_fit_info *info = elbo_fit_get_info(fit);
    double *numbers = calloc((size_t)count * 6, sizeof *numbers), *x = numbers, *y = x + 2 * count;
    double *whole = y + 2 * count, *likelihood = whole + count;
    if (!numbers) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory");
    for (int64_t i = 0; i < count; i++) {
        x[2 * i] = whole[i] = (double)points[i].iteration;
        x[2 * i + 1] = x[2 * i] + 0.5;
        y[2 * i] = points[i].after_e;
        y[2 * i + 1] = points[i].after_m;
        likelihood[i] = points[i].log_likelihood;
    }
    char title[64], subtitle[512];
    snprintf(title, sizeof title, "%s: bound by iteration", info->method);
    snprintf(subtitle, sizeof subtitle, "%lld training rows of %.400s", (long long)info->rows, data->source);
    const elbo_chart chart = {
        .title = title, .subtitle = subtitle, .x_label = "iteration", .y_label = "nats per datum"};
    const elbo_chart_series series[] = {
        {.name = "ELBO after E-steps and M-steps", .x = x, .y = y, .count = 2 * count},
        {.name = "log-likelihood", .x = whole, .y = likelihood, .count = count, .dashed = true}};
    elbo_status status = elbo_chart_lines(&chart, series, isnan(likelihood[0]) ? 1 : 2, path, error);
    free(numbers);
    return status;
}

/* ---- means.png, loadings.png ---- */

/* Means in the range of the data, loadings around grey. */
static elbo_status draw_tensor(const elbo_fit *fit, const elbo_data_info *data, const char *folder, elbo_error *error) {
    const elbo_fit_info *info = elbo_fit_get_info(fit);
    const char *name = NULL;
    elbo_array tensor = {0};
    char path[PATH];
    for (size_t i = 0; elbo_fit_tensor(fit, i, &name, &tensor); i++)
        if (strcmp(name, "means") == 0 || strcmp(name, "loadings") == 0) break;
    elbo_picture picture = {.item_rank = info->item_rank, .low = data->minimum, .high = data->maximum};
    for (int axis = 0; axis < info->item_rank; axis++) picture.item_shape[axis] = info->item_shape[axis];
    if (info->bytes) picture.low = 0, picture.high = data->maximum > 1 ? 1 : 1.0 / 255;
    if (strcmp(name, "loadings") == 0) {
        double most = 0;
        for (int64_t i = 0; i < elbo_array_count(&tensor); i++) most = fmax(most, fabs(((double *)tensor.data)[i]));
        picture.low = -most, picture.high = most;
    }
    if (!(picture.high > picture.low)) picture.high = picture.low + 1;
    snprintf(path, sizeof path, "%s/%s.png", folder, name);
    return elbo_picture_grid(&tensor, &picture, path, error);
}

elbo_status elbo_cli_fit_write(const elbo_context *context, const elbo_fit *fit, const elbo_data_info *data,
                               const char *folder, elbo_error *error) {
    const elbo_fit_info *info = elbo_fit_get_info(fit);
    char path[PATH];
    snprintf(path, sizeof path, "%s/curve.jsonl", folder);
    if (elbo_cli_output(context, path, write_curve, fit) != ELBO_EXIT_OK)
        return elbo_cli_fail(error, ELBO_ERROR_IO, "the curve was not written");
    snprintf(path, sizeof path, "%s/curve.svg", folder);
    ELBO_CLI_TRY(draw_curve(fit, data, path, error));
    if (elbo_cli_is_image(info->item_rank, info->item_shape)) ELBO_CLI_TRY(draw_tensor(fit, data, folder, error));
    snprintf(path, sizeof path, "%s/model.safetensors", folder);
    return elbo_fit_save(fit, path, error);
}
