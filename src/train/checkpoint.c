#include "train/checkpoint.h"

#include <inttypes.h>
#include <math.h>
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

/* X(type, field, key, least, most): what an instance is besides options, item shape and parameters. */
#define INSTANCE_NUMBERS(X)                            \
    X(int, item.classes, "item.classes", 0, INT32_MAX) \
    X(bool, item.binary, "item.binary", 0, 1)          \
    X(int64_t, item.levels, "item.levels", 0, 256)     \
    X(elbo_binarize, binarize, "binarize", 0, ELBO_BINARIZE_THRESHOLD)
#define INSTANCE_REALS(X) X(shift) X(factor) X(low) X(high)

enum { MOST_ITEM = 1 << 28, MOST_THREADS = 4096 };

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
    add(list, "warning", instance->warning);
    if (*instance->class_names) add(list, "item.class_names", instance->class_names);
#define ADD_NUMBER(type, field, key, least, most) add_int64_t(list, key, (int64_t)instance->field);
    INSTANCE_NUMBERS(ADD_NUMBER)
#undef ADD_NUMBER
#define ADD_REAL(field) add_double(list, #field, instance->field);
    INSTANCE_REALS(ADD_REAL)
#undef ADD_REAL
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
            tensor[i] = (elbo_safetensors_tensor){.name = info->name,
                                                  .dtype = ELBO_SAFETENSORS_F32,
                                                  .rank = info->shape.rank,
                                                  .data = elbo_params_tensor(instance->params, (int64_t)i)};
            memcpy(tensor[i].shape, info->shape.dim, sizeof tensor[i].shape);
        }
        for (size_t i = 0; i < flat_count; i++)
            tensor[params + i] = (elbo_safetensors_tensor){.name = flats[i].name,
                                                           .dtype = ELBO_SAFETENSORS_F32,
                                                           .rank = 1,
                                                           .shape = {(int64_t)flats[i].length},
                                                           .data = flats[i].data};
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

static void refuse(reader *r, const char *key, const char *text, const char *expected) {
    if (r->status != ELBO_OK) return;
    r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT, "%s: metadata \"%s\" is \"%.40s\"; %s was expected", r->path,
                          key, text, expected);
}

/* What went wrong with the file's own texts is the file's fault, not that of whoever typed the command. */
static void blame_file(reader *r, const char *key) {
    if (r->status == ELBO_OK || r->status == ELBO_ERROR_MEMORY) return;
    r->status = elbo_fail_context(r->error, ELBO_ERROR_FORMAT, *key ? "%s: metadata \"%s\"" : "%s", r->path, key);
}

static double read_double(reader *r, const char *key) {
    const char *text = text_of(r, key);
    char *end = NULL;
    double value = text ? strtod(text, &end) : 0;
    if (text && (end == text || *end || isnan(value))) refuse(r, key, text, "a number");
    return value;
}

static int64_t read_between(reader *r, const char *key, int64_t least, int64_t most) {
    const char *text = text_of(r, key);
    char *end = NULL, expected[80];
    long long value = text ? strtoll(text, &end, 10) : least; /* out of range: the nearest end, out of bounds too */
    if (text && end != text && !*end && value >= least && value <= most) return value;
    snprintf(expected, sizeof expected, "a whole number from %" PRId64 " to %" PRId64, least, most);
    if (text) refuse(r, key, text, expected);
    return least;
}

static int64_t read_int64_t(reader *r, const char *key) { return read_between(r, key, 0, INT64_C(1) << 53); }

static void read_options(reader *r, elbo_config *config) {
    char key[96];
    for (size_t t = 0; r->status == ELBO_OK; t++) {
        const elbo_options *table = elbo_config_table(elbo_config_model(config), t);
        if (!table) break;
        for (size_t row = 0; row < table->count && r->status == ELBO_OK; row++) {
            snprintf(key, sizeof key, "option.%s", table->rows[row].name);
            const char *text = elbo_safetensors_metadata(r->file, key); /* newer options keep their default */
            if (text) r->status = elbo_config_set(config, table->rows[row].name, text, r->error);
            blame_file(r, key);
        }
    }
}

static void read_item(reader *r, elbo_item *item) {
    char key[96];
    item->rank = (int)read_between(r, "item.rank", 1, ELBO_MAX_RANK);
    item->size = 1;
    for (int axis = 0; axis < item->rank; axis++) {
        snprintf(key, sizeof key, "item.shape.%d", axis);
        item->shape[axis] = read_between(r, key, 1, MOST_ITEM / item->size);
        item->size *= item->shape[axis];
    }
}

static void read_fields(reader *r, elbo_instance *instance) {
    read_item(r, &instance->item);
    const char *dtype = text_of(r, "dtype"), *warning = elbo_safetensors_metadata(r->file, "warning");
    const char *names = elbo_safetensors_metadata(r->file, "item.class_names"); /* models with such a condition */
    instance->dtype = dtype && strcmp(dtype, "u8") == 0 ? ELBO_U8 : ELBO_F32;
    if (dtype && strcmp(dtype, elbo_dtype_name(instance->dtype)) != 0) refuse(r, "dtype", dtype, "u8 or f32");
    snprintf(instance->warning, sizeof instance->warning, "%s", warning ? warning : "");
    snprintf(instance->class_names, sizeof instance->class_names, "%s", names ? names : "");
#define READ_NUMBER(type, field, key, least, most) instance->field = (type)read_between(r, key, least, most);
    INSTANCE_NUMBERS(READ_NUMBER)
#undef READ_NUMBER
#define READ_REAL(field) instance->field = read_double(r, #field);
    INSTANCE_REALS(READ_REAL)
#undef READ_REAL
    if (r->status == ELBO_OK && !(isfinite(instance->shift) && isfinite(instance->factor) && instance->factor > 0))
        r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT,
                              "%s: values are scaled as (x - %g) * %g; a finite shift and a "
                              "factor above 0 were expected",
                              r->path, instance->shift, instance->factor);
}

/* Lying options must not make room for more than the file holds. */
static void make_params(reader *r, elbo_instance *instance) {
    size_t wanted = 0, held = 0;
    r->status = elbo_instance_declare_params(instance, r->error);
    blame_file(r, "");
    if (r->status != ELBO_OK) return;
    for (size_t i = 0; i < elbo_params_count(instance->params); i++)
        wanted += elbo_params_at(instance->params, i)->count;
    for (size_t i = 0; i < elbo_safetensors_count(r->file); i++)
        held += elbo_safetensors_at(r->file, i)->bytes / sizeof(float);
    if (wanted > held)
        r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT,
                              "%s: a model of these options has %zu numbers, more than the "
                              "%zu of the file's tensors",
                              r->path, wanted, held);
    else
        r->status = elbo_params_finish(instance->params, r->error);
}

static void read_params(reader *r, elbo_instance *instance) {
    for (size_t i = 0; i < elbo_params_count(instance->params) && r->status == ELBO_OK; i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        float *data = elbo_params_tensor(instance->params, (int64_t)i);
        r->status =
            elbo_safetensors_copy(r->file, info->name, ELBO_F32, info->shape.rank, info->shape.dim, data, r->error);
        for (size_t k = 0; k < info->count && r->status == ELBO_OK; k++)
            if (!isfinite(data[k]))
                r->status = elbo_fail(r->error, ELBO_ERROR_FORMAT,
                                      "%s: element %zu of \"%s\" is %g; finite parameters "
                                      "were expected",
                                      r->path, k, info->name, (double)data[k]);
    }
    elbo_params_touch(instance->params);
}

static void read_model(reader *r, elbo_instance *instance) {
    const char *model = text_of(r, "model");
    if (!model) return;
    instance->config = elbo_config_new(model, r->error);
    if (!instance->config) r->status = r->error ? r->error->status : ELBO_ERROR_FORMAT;
    blame_file(r, "model");
    if (r->status != ELBO_OK) return;
    instance->type = instance->config->type;
    read_options(r, instance->config);
    if (r->status == ELBO_OK) read_fields(r, instance);
    if (r->status == ELBO_OK && instance->type->check) {
        r->status = instance->type->check(instance->config->model, &instance->item, r->error);
        blame_file(r, "");
    }
}

elbo_status elbo_checkpoint_read(const char *path, elbo_instance *instance, elbo_training_state *state,
                                 elbo_error *error) {
    memset(instance, 0, sizeof *instance);
    elbo_safetensors *file = elbo_safetensors_open(path, error);
    if (!file) return error ? error->status : ELBO_ERROR_FORMAT;
    reader r = {file, path, error, ELBO_OK};
    read_model(&r, instance);
#define READ_STATE(type, name) state->name = read_##type(&r, "state." #name);
    if (r.status == ELBO_OK && state) {
        ELBO_TRAINING_STATE(READ_STATE)
        state->threads = read_between(&r, "state.threads", 0, MOST_THREADS);
    }
#undef READ_STATE
    if (r.status == ELBO_OK) make_params(&r, instance);
    if (r.status == ELBO_OK) read_params(&r, instance);
    elbo_safetensors_free(file);
    if (r.status != ELBO_OK) elbo_instance_clear(instance);
    return r.status;
}

elbo_status elbo_instance_read(elbo_instance *instance, const char *path, elbo_error *error) {
    return elbo_checkpoint_read(path, instance, NULL, error);
}

elbo_status elbo_checkpoint_read_params(const char *path, elbo_instance *instance, elbo_error *error) {
    elbo_safetensors *file = elbo_safetensors_open(path, error);
    if (!file) return error ? error->status : ELBO_ERROR_FORMAT;
    reader r = {file, path, error, ELBO_OK};
    read_params(&r, instance);
    elbo_safetensors_free(file);
    return r.status;
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
