#include "support/condition.h"

#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/save.h"

static elbo_status fail_kind(const elbo_cli_run *run, const char *option, const char *what, elbo_error *error) {
    return elbo_cli_fail(error, ELBO_ERROR_UNSUPPORTED, "%s: a %s%s is not conditioned on %s", option, run->info->model,
                         run->info->condition ? " of this kind" : "", what);
}

static elbo_status set_labels(elbo_cli_run *run, int64_t count, int64_t each, int64_t first, elbo_error *error) {
    elbo_array labels = {0};
    if (run->info->classes == 0) return fail_kind(run, "--label", "labels", error);
    ELBO_CLI_TRY(elbo_array_new(&labels, ELBO_I32, 1, &count, error));
    for (int64_t i = 0; i < count; i++) ((int32_t *)labels.data)[i] = (int32_t)(first + i / each);
    elbo_status status = elbo_model_set_condition(run->model, &labels, error);
    elbo_array_free(&labels);
    return status;
}

elbo_status elbo_cli_condition_label(elbo_cli_run *run, int64_t label, elbo_error *error) {
    return label < 0 ? ELBO_OK : set_labels(run, 1, 1, label, error);
}

elbo_status elbo_cli_show_classes(elbo_cli_run *run, const elbo_cli_samples *how, elbo_array *items,
                                  elbo_error *error) {
    elbo_cli_samples all = *how;
    all.count = how->count * run->info->classes;
    ELBO_CLI_TRY(set_labels(run, all.count, how->count, 0, error));
    return elbo_cli_show_samples(run, &all, items, error);
}

elbo_status elbo_cli_show_completions(elbo_cli_run *run, elbo_split split, int64_t rows, const elbo_cli_samples *how,
                                      elbo_array *originals, elbo_array *items, elbo_error *error) {
    if (!run->info->condition || run->info->classes > 0)
        return fail_kind(run, "--complete", "a part of the item", error);
    if (rows > run->data->count[split]) rows = run->data->count[split];
    elbo_cli_samples all = *how;
    all.count = rows * how->count;
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, NULL, 0, rows, originals, error));
    int64_t *index = malloc(sizeof *index * (size_t)all.count);
    if (!index) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %lld rows", (long long)all.count);
    for (int64_t i = 0; i < all.count; i++) index[i] = i / how->count;
    elbo_status status = elbo_model_condition_rows(run->model, run->dataset, split, index, 0, all.count, error);
    free(index);
    if (status == ELBO_OK) status = elbo_cli_show_samples(run, &all, items, error);
    if (status != ELBO_OK) elbo_array_free(originals);
    return status;
}

/* What is given of an item, on mid-grey. */
static void show_given(float *to, const float *item, const float *mask, int64_t size, double grey) {
    for (int64_t i = 0; i < size; i++) to[i] = mask[i] > 0 ? item[i] : (float)grey;
}

elbo_status elbo_cli_write_completions(const elbo_cli_run *run, const elbo_array *originals, const elbo_array *items,
                                       const elbo_picture *look, const char *path, elbo_error *error) {
    int64_t rows = originals->shape[0], each = items->shape[0] / rows, size = run->info->item_size;
    int64_t shape[ELBO_MAX_RANK];
    double low, high;
    elbo_array mask = {0}, all = {0};
    elbo_picture layout = *look;
    layout.columns = (int)(each + 2);
    memcpy(shape, originals->shape, sizeof shape);
    shape[0] = rows * (each + 2);
    elbo_model_picture_range(run->model, &low, &high);
    ELBO_CLI_TRY(elbo_model_given(run->model, &mask, error));
    elbo_status status = elbo_array_new(&all, ELBO_F32, originals->rank, shape, error);
    for (int64_t row = 0; row < rows && status == ELBO_OK; row++) {
        const float *original = (const float *)originals->data + row * size;
        float *to = (float *)all.data + row * (each + 2) * size;
        show_given(to, original, mask.data, size, (low + high) / 2);
        memcpy(to + size, (const float *)items->data + row * each * size, sizeof *to * (size_t)(each * size));
        memcpy(to + (each + 1) * size, original, sizeof *to * (size_t)size);
    }
    if (status == ELBO_OK) status = elbo_cli_save(run, &all, &layout, ELBO_CLI_KIND_PICTURE, path, error);
    elbo_array_free(&mask);
    elbo_array_free(&all);
    return status;
}
