#include "train/checkpoint.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/params.h"
#include "train/safetensors.h"

/* Metadata as texts: options by name, the instance's fields, the state's fields. Reals as hexadecimal floats. */
typedef struct pairs {
    elbo_arena arena;
    elbo_safetensors_pair *pair;
    size_t count, room;
    bool failed;
} pairs;

static void add(pairs *list, const char *key, const char *value) {
    if (list->count == list->room) {
        size_t room = list->room ? 2 * list->room : 128;
        elbo_safetensors_pair *grown = elbo_grow(list->pair, sizeof *grown * list->count, sizeof *grown * room);
        if (!grown) {
            list->failed = true;
            return;
        }
        list->pair = grown;
        list->room = room;
    }
    elbo_safetensors_pair made = {elbo_arena_strdup(&list->arena, key), elbo_arena_strdup(&list->arena, value)};
    if (!made.key || !made.value) list->failed = true;
    list->pair[list->count++] = made;
}

static void add_int64_t(pairs *list, const char *key, int64_t value) {
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, value);
    add(list, key, text);
}

static void add_double(pairs *list, const char *key, double value) {
    char text[40];
    snprintf(text, sizeof text, "%a", value);
    add(list, key, text);
}

/* X(type, field): what an instance is besides options and parameters. */
#define INSTANCE_FIELDS(X) \
    X(double, shift) X(double, factor) X(double, low) X(double, high)

static void add_instance(pairs *list, const elbo_instance *instance) {
    char text[4096], key[96];
    add(list, "format", "elbo-checkpoint-1");
    add(list, "elbo.version", ELBO_VERSION);
    add(list, "model", instance->type->name);
    for (size_t t = 0;; t++) {
        const elbo_options *table = elbo_config_table(instance->type->name, t);
        if (!table) break;
        for (size_t row = 0; row < table->count; row++) {
            elbo_config_get(instance->config, table->rows[row].name, text, sizeof text);
            snprintf(key, sizeof key, "option.%s", table->rows[row].name);
            add(list, key, text);
        }
    }
    add(list, "dtype", elbo_dtype_name(instance->dtype));
    add_int64_t(list, "item.rank", instance->item.rank);
    for (int axis = 0; axis < instance->item.rank; axis++) {
        snprintf(key, sizeof key, "item.shape.%d", axis);
        add_int64_t(list, key, instance->item.shape[axis]);
    }
    add_int64_t(list, "item.classes", instance->item.classes);
    add_int64_t(list, "item.binary", instance->item.binary);
    add_int64_t(list, "item.levels", instance->item.levels);
    add_int64_t(list, "binarize", instance->binarize);
#define ADD_FIELD(type, name) add_##type(list, #name, instance->name);
    INSTANCE_FIELDS(ADD_FIELD)
#undef ADD_FIELD
}

elbo_status elbo_checkpoint_write(const char *path, const elbo_instance *instance, const elbo_training_state *state,
                                  const elbo_flat *flats, size_t flat_count, elbo_error *error) {
    pairs list = {{0}, NULL, 0, 0, false};
    add_instance(&list, instance);
#define ADD_STATE(type, name) add_##type(&list, "state." #name, state->name);
    if (state) {
        ELBO_TRAINING_STATE(ADD_STATE)
    }
#undef ADD_STATE
    size_t params = elbo_params_count(instance->params), count = params + flat_count;
    elbo_safetensors_tensor *tensor = elbo_arena_calloc(&list.arena, sizeof *tensor * count);
    elbo_status status = ELBO_OK;
    if (list.failed || !tensor) {
        status = elbo_fail_memory(error, sizeof *tensor * count, "a checkpoint");
    } else {
        for (size_t i = 0; i < params; i++) {
            const elbo_param_info *info = elbo_params_at(instance->params, i);
            tensor[i] = (elbo_safetensors_tensor){.name = info->name, .dtype = ELBO_SAFETENSORS_F32,
                                                  .rank = info->shape.rank,
                                                  .data = elbo_params_tensor(instance->params, (int64_t)i)};
            memcpy(tensor[i].shape, info->shape.dim, sizeof tensor[i].shape);
        }
        for (size_t i = 0; i < flat_count; i++)
            tensor[params + i] = (elbo_safetensors_tensor){.name = flats[i].name, .dtype = ELBO_SAFETENSORS_F32, .rank = 1,
                                                           .shape = {(int64_t)flats[i].length}, .data = flats[i].data};
        status = elbo_safetensors_write(path, tensor, count, list.pair, list.count, error);
    }
    elbo_arena_clear(&list.arena);
    elbo_free(list.pair);
    return status;
}

/* ---- reading ---- */

typedef struct reader {
    const elbo_safetensors *file;
    const char *path;
    elbo_error *error;
    elbo_status status;
} reader;

static const char *text_of(reader *r, const char *key) {
    const char *text = elbo_safetensors_metadata(r->file, key);
    if (!text && r->status == ELBO_OK)
        r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT, "%s is no checkpoint of elbo: metadata \"%s\" is missing",
                              r->path, key);
    return text;
}

static double read_double(reader *r, const char *key) {
    const char *text = text_of(r, key);
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;
    if (text && (end == text || *end) && r->status == ELBO_OK)
        r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT, "%s: metadata \"%s\" is \"%s\"; a number was expected", r->path,
                              key, text);
    return value;
}

static int64_t read_int64_t(reader *r, const char *key) {
    const char *text = text_of(r, key);
    char *end = NULL;
    long long value = text ? strtoll(text, &end, 10) : 0;
    if (text && (end == text || *end) && r->status == ELBO_OK)
        r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT, "%s: metadata \"%s\" is \"%s\"; a whole number was expected",
                              r->path, key, text);
    return value;
}

static void read_options(reader *r, elbo_config *config) {
    char key[96];
    for (size_t t = 0; r->status == ELBO_OK; t++) {
        const elbo_options *table = elbo_config_table(elbo_config_model(config), t);
        if (!table) break;
        for (size_t row = 0; row < table->count && r->status == ELBO_OK; row++) {
            snprintf(key, sizeof key, "option.%s", table->rows[row].name);
            const char *text = elbo_safetensors_metadata(r->file, key); /* newer options keep their default */
            if (text) r->status = elbo_config_set(config, table->rows[row].name, text, r->error);
        }
    }
}

static void read_fields(reader *r, elbo_instance *instance) {
    char key[96];
    instance->item.rank = (int)read_int64_t(r, "item.rank");
    if (r->status == ELBO_OK && (instance->item.rank < 1 || instance->item.rank > ELBO_MAX_RANK))
        r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT, "%s: items of rank %d", r->path, instance->item.rank);
    instance->item.size = 1;
    for (int axis = 0; axis < instance->item.rank && r->status == ELBO_OK; axis++) {
        snprintf(key, sizeof key, "item.shape.%d", axis);
        instance->item.shape[axis] = read_int64_t(r, key);
        if (r->status == ELBO_OK && (instance->item.shape[axis] < 1 || instance->item.shape[axis] > 1 << 24))
            r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT, "%s: metadata \"%s\" is out of range", r->path, key);
        instance->item.size *= instance->item.shape[axis];
    }
    instance->item.classes = (int)read_int64_t(r, "item.classes");
    instance->item.binary = read_int64_t(r, "item.binary");
    instance->item.levels = read_int64_t(r, "item.levels");
    instance->binarize = (elbo_binarize)read_int64_t(r, "binarize");
    const char *dtype = text_of(r, "dtype");
    instance->dtype = dtype && strcmp(dtype, "u8") == 0 ? ELBO_U8 : ELBO_F32;
#define READ_FIELD(type, name) instance->name = read_##type(r, #name);
    INSTANCE_FIELDS(READ_FIELD)
#undef READ_FIELD
}

static void read_params(reader *r, elbo_instance *instance) {
    for (size_t i = 0; i < elbo_params_count(instance->params) && r->status == ELBO_OK; i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        r->status = elbo_safetensors_copy(r->file, info->name, ELBO_F32, info->shape.rank, info->shape.dim,
                                          elbo_params_tensor(instance->params, (int64_t)i), r->error);
    }
    elbo_params_touch(instance->params);
}

elbo_status elbo_checkpoint_read(const char *path, elbo_instance *instance, elbo_training_state *state,
                                 elbo_error *error) {
    memset(instance, 0, sizeof *instance);
    elbo_safetensors *file = elbo_safetensors_open(path, error);
    if (!file) return error ? error->status : ELBO_ERROR_FORMAT;
    reader r = {file, path, error, ELBO_OK};
    const char *model = text_of(&r, "model");
    if (model) {
        instance->config = elbo_config_new(model, error);
        if (!instance->config) r.status = ELBO_ERROR_FORMAT;
    }
    if (r.status == ELBO_OK) {
        instance->type = instance->config->type;
        read_options(&r, instance->config);
    }
    if (r.status == ELBO_OK) read_fields(&r, instance);
#define READ_STATE(type, name) state->name = read_##type(&r, "state." #name);
    if (r.status == ELBO_OK && state) {
        ELBO_TRAINING_STATE(READ_STATE)
    }
#undef READ_STATE
    if (r.status == ELBO_OK && instance->type->check)
        r.status = instance->type->check(instance->config->model, &instance->item, error);
    if (r.status == ELBO_OK) r.status = elbo_instance_make_params(instance, error);
    if (r.status == ELBO_OK) read_params(&r, instance);
    elbo_safetensors_free(file);
    if (r.status != ELBO_OK) elbo_instance_clear(instance);
    return r.status;
}

elbo_status elbo_instance_read(elbo_instance *instance, const char *path, elbo_error *error) {
    return elbo_checkpoint_read(path, instance, NULL, error);
}

elbo_status elbo_checkpoint_read_flats(const char *path, const elbo_flat *flats, size_t flat_count, elbo_error *error) {
    elbo_safetensors *file = elbo_safetensors_open(path, error);
    if (!file) return error ? error->status : ELBO_ERROR_FORMAT;
    elbo_status status = ELBO_OK;
    for (size_t i = 0; i < flat_count && status == ELBO_OK; i++) {
        int64_t shape[1] = {(int64_t)flats[i].length};
        status = elbo_safetensors_copy(file, flats[i].name, ELBO_F32, 1, shape, flats[i].data, error);
    }
    elbo_safetensors_free(file);
    return status;
}
