/* What a model in use is conditioned on: set once, read by every batch of the calls that follow. */
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"
#include "graph/graph.h"

static elbo_status keep(elbo_model *model, void *condition, int64_t rows) {
    elbo_free(model->condition);
    model->condition = condition;
    model->condition_rows = rows;
    return ELBO_OK;
}

/* ---- from arrays ---- */

static elbo_status take_labels(elbo_model *model, const elbo_array *labels, elbo_error *error) {
    if (labels->rank != 1 || labels->dtype != ELBO_I32 || labels->shape[0] < 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "a condition of type %s and rank %d; labels, i32 [N], were expected, N at least 1",
                         elbo_dtype_name(labels->dtype), labels->rank);
    int64_t rows = labels->shape[0], classes = model->info.classes;
    const int32_t *label = labels->data;
    for (int64_t i = 0; i < rows; i++)
        if (label[i] < 0 || label[i] >= classes)
            return elbo_fail(error, ELBO_ERROR_USAGE, "label %d; the model knows %lld classes, 0 to %lld (%.200s)",
                             (int)label[i], (long long)classes, (long long)classes - 1, model->info.class_names);
    size_t bytes = sizeof *label * (size_t)rows;
    void *copy = elbo_calloc(bytes);
    if (!copy) return elbo_fail_memory(error, bytes, "labels");
    memcpy(copy, label, bytes);
    return keep(model, copy, rows);
}

/* Raw values of any type as floats. */
static float *floats(const void *values, elbo_dtype dtype, int64_t count, elbo_error *error) {
    size_t bytes = sizeof(float) * (size_t)count;
    float *out = elbo_calloc(bytes);
    if (!out) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: conditions");
    if (dtype == ELBO_F32) memcpy(out, values, bytes);
    for (int64_t i = 0; dtype == ELBO_U8 && i < count; i++) out[i] = ((const uint8_t *)values)[i];
    return out;
}

static elbo_status take_items(elbo_model *model, const elbo_array *items, elbo_error *error) {
    int64_t size = 1;
    for (int axis = 1; axis < items->rank; axis++) size *= items->shape[axis];
    bool numbers = items->dtype == ELBO_F32 || items->dtype == ELBO_U8;
    if (items->rank < 2 || items->shape[0] < 1 || size != model->info.item_size || !numbers)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "a condition of type %s and rank %d with items of %lld values; items [N, item...] of %lld "
                         "values, u8 or f32, were expected",
                         elbo_dtype_name(items->dtype), items->rank, (long long)size, (long long)model->info.item_size);
    float *copy = floats(items->data, items->dtype, items->shape[0] * size, error);
    return copy ? keep(model, copy, items->shape[0]) : ELBO_ERROR_MEMORY;
}

elbo_status elbo_model_set_condition(elbo_model *model, const elbo_array *condition, elbo_error *error) {
    if (!condition) return keep(model, NULL, 0);
    switch (elbo_condition_kind(&model->instance)) {
        case ELBO_CONDITION_LABEL: return take_labels(model, condition, error);
        case ELBO_CONDITION_PART: return take_items(model, condition, error);
        case ELBO_CONDITION_NONE: break;
    }
    return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "a %s has no condition; a model of p(x|c) (cvae) has",
                     model->info.model);
}

/* ---- from data sets ---- */

elbo_status elbo_model_condition_rows(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                      const int64_t *index, int64_t start, int64_t count, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    elbo_condition kind = elbo_condition_kind(&model->instance);
    elbo_array rows = {0};
    if (kind == ELBO_CONDITION_NONE || count < 1) return ELBO_OK;
    ELBO_TRY(elbo_instance_fits(&model->instance, info, error));
    bool labels = kind == ELBO_CONDITION_LABEL;
    ELBO_TRY(elbo_array_new(&rows, labels ? ELBO_I32 : info->dtype, labels ? 1 : 2, (int64_t[]){count, info->item_size},
                            error));
    elbo_status status = labels ? elbo_dataset_labels(dataset, split, index, start, count, rows.data, error)
                                : elbo_dataset_rows(dataset, split, index, start, count, rows.data, error);
    if (status == ELBO_OK) status = elbo_model_set_condition(model, &rows, error);
    elbo_array_free(&rows);
    return status;
}

/* ---- into programs ---- */

static elbo_status fail_missing(const elbo_model *model, elbo_error *error) {
    if (model->info.classes > 0)
        return elbo_fail(error, ELBO_ERROR_STATE, "this %s is conditioned on labels (%.200s), and none is given",
                         model->info.model, model->info.class_names);
    return elbo_fail(error, ELBO_ERROR_STATE, "this %s is conditioned on a part of the item, and none is given",
                     model->info.model);
}

elbo_status elbo_model_feed_condition(const elbo_model *model, const elbo_program *program, int64_t first, int64_t rows,
                                      int64_t count, elbo_error *error) {
    char *to = program->condition ? elbo_plan_input(program->plan, program->condition) : NULL;
    if (!to) return ELBO_OK;
    if (!model->condition) return fail_missing(model, error);
    bool shared = model->condition_rows == 1;
    if (!shared && model->condition_rows != count)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%lld conditions for %lld rows; as many were expected, or one",
                         (long long)model->condition_rows, (long long)count);
    size_t each = model->info.classes > 0 ? sizeof(int32_t) : sizeof(float) * (size_t)model->info.item_size;
    for (int64_t i = 0; i < rows; i++)
        memcpy(to + (size_t)i * each, (const char *)model->condition + (shared ? 0 : (size_t)(first + i) * each), each);
    return ELBO_OK;
}

elbo_status elbo_model_given(const elbo_model *model, elbo_array *mask, elbo_error *error) {
    const elbo_instance *instance = &model->instance;
    size_t size = (size_t)instance->item.size;
    if (elbo_condition_kind(instance) != ELBO_CONDITION_PART)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "a %s of this kind is not conditioned on a part of the item",
                         model->info.model);
    double *wide = elbo_calloc(sizeof *wide * size);
    if (!wide) return elbo_fail_memory(error, sizeof *wide * size, "a mask");
    elbo_status status = elbo_array_new(mask, ELBO_F32, instance->item.rank, instance->item.shape, error);
    if (status == ELBO_OK) instance->type->given(instance->config->model, &instance->item, wide);
    for (size_t i = 0; i < size && status == ELBO_OK; i++) ((float *)mask->data)[i] = (float)wide[i];
    elbo_free(wide);
    return status;
}
