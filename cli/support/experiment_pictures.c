#include "support/experiment_pictures.h"

#include <stdio.h>
#include <string.h>

#include "support/rows.h"

/* Reads a PNG as u8 [1, H, W] or [1, 3, H, W]. */
static elbo_status read_picture(const char *path, elbo_array *image, elbo_error *error) {
    elbo_data_options options = {.pool = true};
    elbo_dataset *dataset = elbo_dataset_open(path, &options, error);
    if (!dataset) return error->status;
    elbo_status status = elbo_cli_rows(dataset, ELBO_SPLIT_ALL, NULL, 0, 1, image, error);
    elbo_dataset_free(dataset);
    return status;
}

/* Adds an image to those of the same shape that are there: [rows, H, W]. */
static elbo_status add_picture(const char *path, int64_t at, int64_t rows, elbo_array *all, elbo_error *error) {
    elbo_array image = {0};
    ELBO_CLI_TRY(read_picture(path, &image, error));
    size_t bytes = (size_t)elbo_array_count(&image);
    elbo_status status = ELBO_OK;
    if (!all->data) {
        int64_t shape[ELBO_MAX_RANK] = {rows};
        for (int axis = 1; axis < image.rank; axis++) shape[axis] = image.shape[axis];
        status = elbo_array_new(all, ELBO_U8, image.rank, shape, error);
    }
    if (status == ELBO_OK && (image.dtype != ELBO_U8 || (size_t)elbo_array_count(all) != bytes * (size_t)rows))
        status =
            elbo_cli_fail(error, ELBO_ERROR_SHAPE, "%s has another size than the picture of the first stage", path);
    if (status == ELBO_OK) memcpy((char *)all->data + (size_t)at * bytes, image.data, bytes);
    elbo_array_free(&image);
    return status;
}

/* The measurement's entries of the run that have a picture. */
static json_t *find_pictures(const elbo_cli_planned *run, const char *name) {
    json_t *found = json_array(), *entry;
    size_t i;
    json_array_foreach(json_object_get(run->state, "measured"), i, entry) {
        const char *of = json_string_value(json_object_get(entry, "name"));
        if (of && strcmp(of, name) == 0 && json_is_string(json_object_get(json_object_get(entry, "values"), "picture")))
            json_array_append(found, entry);
    }
    return found;
}

static elbo_status gather(const json_t *found, elbo_array *all, char caption[512], elbo_error *error) {
    size_t count = json_array_size(found), i, used = 0;
    json_t *entry;
    used = (size_t)snprintf(caption, 512, "after ");
    json_array_foreach((json_t *)found, i, entry) {
        const char *path = json_string_value(json_object_get(json_object_get(entry, "values"), "picture"));
        ELBO_CLI_TRY(add_picture(path, (int64_t)i, (int64_t)count, all, error));
        long long step = json_integer_value(json_object_get(entry, "step"));
        if (used < 480) used += (size_t)snprintf(caption + used, 512 - used, "%s%lld", i ? ", " : "", step);
    }
    if (used < 480)
        snprintf(caption + used, 512 - used, " steps%s", count > ELBO_CLI_PICTURES_IN_A_ROW ? ", row by row" : "");
    return ELBO_OK;
}

static elbo_status draw(const elbo_array *all, const char *path, elbo_error *error) {
    int64_t count = all->shape[0], rows = (count + ELBO_CLI_PICTURES_IN_A_ROW - 1) / ELBO_CLI_PICTURES_IN_A_ROW;
    elbo_picture layout = {.columns = (int)((count + rows - 1) / rows),
                           .scale = 1,
                           .padding = 12,
                           .low = 0,
                           .high = 255,
                           .item_rank = all->rank - 1};
    for (int axis = 1; axis < all->rank; axis++) layout.item_shape[axis - 1] = all->shape[axis];
    return elbo_picture_grid(all, &layout, path, error);
}

elbo_status elbo_cli_experiment_pictures_write(const elbo_cli_plan *plan, const elbo_cli_planned *run, size_t measure,
                                               elbo_cli_stage_pictures *out, bool *drawn, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    const char *name = e->measure[measure].name;
    json_t *found = find_pictures(run, name);
    elbo_array all = {0};
    *drawn = json_array_size(found) > 0;
    snprintf(out->path, sizeof out->path, "%.3800s/%s-%s-%s.png", plan->out, name, e->panel[run->panel].name,
             e->series[run->series].name);
    elbo_status status = ELBO_OK;
    if (*drawn) status = gather(found, &all, out->caption, error);
    if (*drawn && status == ELBO_OK) status = draw(&all, out->path, error);
    elbo_array_free(&all);
    json_decref(found);
    return status;
}
