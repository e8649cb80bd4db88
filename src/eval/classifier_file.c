/* Classifiers as files: the layers as tensors, the rest as metadata. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/classifier.h"
#include "graph/params.h"
#include "train/safetensors.h"

#define FORMAT "elbo-classifier-1"

enum { FIXED = 32, TENSORS = 2 * ELBO_MAX_INTS + 2, MOST_CLASSES = 65536, MOST_SIZE = 1 << 28 };

/* X(field, type): the numbers that a file keeps. */
#define NUMBERS(X)          \
    X(shift, real)          \
    X(factor, real)         \
    X(threshold, integer)   \
    X(levels, integer)      \
    X(info.frozen, integer) \
    X(info.rows, integer)   \
    X(info.epochs, integer) \
    X(info.low, real)       \
    X(info.high, real)      \
    X(info.loss, real)      \
    X(info.accuracy, real)

typedef struct texts {
    elbo_arena arena;
    elbo_safetensors_pair *pair;
    size_t count;
    bool failed;
} texts;

static void add(texts *list, const char *key, const char *value) {
    char full[96];
    snprintf(full, sizeof full, "elbo.classifier.%s", key);
    elbo_safetensors_pair made = {elbo_arena_strdup(&list->arena, full), elbo_arena_strdup(&list->arena, value)};
    if (!made.key || !made.value) list->failed = true;
    list->pair[list->count++] = made;
}

/* "28x28", "500,500" */
static void join(const int64_t *value, int count, char between, char *out, size_t size) {
    size_t used = 0;
    *out = 0;
    for (int i = 0; i < count && used < size; i++)
        used += (size_t)snprintf(out + used, size - used, "%.*s%" PRId64, i ? 1 : 0, &between, value[i]);
}

static void describe(const elbo_classifier *classifier, texts *list) {
    const elbo_classifier_info *info = &classifier->info;
    char text[512];
    add(list, "format", FORMAT);
    join(info->item_shape, info->item_rank, 'x', text, sizeof text);
    add(list, "item_shape", text);
    join(info->hidden.value, info->hidden.count, ',', text, sizeof text);
    add(list, "hidden", text);
    add(list, "activation", info->activation);
    add(list, "start", info->start);
#define ADD_real(field)    snprintf(text, sizeof text, "%.17g", (double)classifier->field);
#define ADD_integer(field) snprintf(text, sizeof text, "%" PRId64, (int64_t)classifier->field);
#define ADD(field, type)   ADD_##type(field) add(list, #field, text);
    NUMBERS(ADD)
#undef ADD
    snprintf(text, sizeof text, "%d", info->classes);
    add(list, "classes", text);
    for (int k = 0; k < info->classes; k++) {
        snprintf(text, sizeof text, "class.%d", k);
        add(list, text, info->class_names[k]);
    }
}

elbo_status elbo_classifier_save(const elbo_classifier *classifier, const char *path, elbo_error *error) {
    elbo_safetensors_tensor tensor[TENSORS];
    texts list = {0};
    size_t count = elbo_params_count(classifier->params);
    size_t room = (size_t)(FIXED + classifier->info.classes) * sizeof *list.pair;
    list.pair = elbo_arena_calloc(&list.arena, room);
    if (list.pair) describe(classifier, &list);
    elbo_status status = list.pair && !list.failed ? ELBO_OK : elbo_fail_memory(error, room, "a classifier");
    for (size_t i = 0; i < count && status == ELBO_OK; i++) {
        const elbo_param_info *info = elbo_params_at(classifier->params, i);
        tensor[i] = (elbo_safetensors_tensor){.name = info->name,
                                              .dtype = ELBO_SAFETENSORS_F32,
                                              .rank = info->shape.rank,
                                              .data = elbo_params_tensor(classifier->params, (int64_t)i)};
        memcpy(tensor[i].shape, info->shape.dim, sizeof tensor[i].shape);
    }
    if (status == ELBO_OK) status = elbo_safetensors_write(path, tensor, count, list.pair, list.count, error);
    elbo_arena_clear(&list.arena);
    return status;
}

/* ---- Reading ---- */

typedef struct source {
    const elbo_safetensors *file;
    const char *path;
} source;

static const char *lookup(const source *from, const char *key) {
    char full[96];
    snprintf(full, sizeof full, "elbo.classifier.%s", key);
    return elbo_safetensors_metadata(from->file, full);
}

static elbo_status wrong(const source *from, const char *key, const char *wanted, elbo_error *error) {
    const char *text = lookup(from, key);
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: its metadata elbo.classifier.%s is %s; %s was expected", from->path,
                     key, text ? text : "missing", wanted);
}

/* Whole numbers from 1 on between separators, whose product (or each of them) stays within bounds. */
static int split(const char *text, char between, int most, int64_t *value) {
    int count = 0;
    while (text && count < most) {
        char *end;
        long long number = strtoll(text, &end, 10);
        if (end == text || number < 1 || number > MOST_SIZE) return 0;
        value[count++] = number;
        if (*end == 0) return count;
        if (*end != between) return 0;
        text = end + 1;
    }
    return 0;
}

static elbo_status read_shape(elbo_classifier *classifier, const source *from, elbo_error *error) {
    elbo_classifier_info *info = &classifier->info;
    info->item_rank = split(lookup(from, "item_shape"), 'x', ELBO_MAX_RANK - 1, info->item_shape);
    info->hidden.count = split(lookup(from, "hidden"), ',', ELBO_MAX_INTS, info->hidden.value);
    if (!info->item_rank) return wrong(from, "item_shape", "a shape such as 28x28", error);
    if (!info->hidden.count) return wrong(from, "hidden", "a list of widths such as 500,500", error);
    info->item_size = 1;
    for (int axis = 0; axis < info->item_rank && info->item_size <= MOST_SIZE; axis++)
        info->item_size *= info->item_shape[axis];
    return info->item_size <= MOST_SIZE ? ELBO_OK : wrong(from, "item_shape", "a shape of fewer values", error);
}

static elbo_status read_names(elbo_classifier *classifier, const source *from, elbo_error *error) {
    const char *text = lookup(from, "classes"), *activation = lookup(from, "activation"),
               *start = lookup(from, "start");
    long classes = text ? strtol(text, NULL, 10) : 0;
    if (classes < 2 || classes > MOST_CLASSES) return wrong(from, "classes", "a number from 2 to 65536", error);
    if (!activation) return wrong(from, "activation", "the name of one", error);
    if (!start) return wrong(from, "start", "a text", error);
    const char **names = elbo_calloc((size_t)classes * sizeof *names);
    if (!names) return elbo_fail_memory(error, (size_t)classes * sizeof *names, "class names");
    elbo_status status = ELBO_OK;
    for (long k = 0; k < classes && status == ELBO_OK; k++) {
        char key[32];
        snprintf(key, sizeof key, "class.%ld", k);
        if (!(names[k] = lookup(from, key))) status = wrong(from, key, "a name", error);
    }
    if (status == ELBO_OK) status = elbo_classifier_name(classifier, names, (int)classes, activation, start, error);
    elbo_free(names);
    return status;
}

static elbo_status read_numbers(elbo_classifier *classifier, const source *from, elbo_error *error) {
#define PARSE_real(text)    strtod(text, NULL)
#define PARSE_integer(text) strtoll(text, NULL, 10)
#define READ(field, type)                                         \
    {                                                             \
        const char *text = lookup(from, #field);                  \
        if (!text) return wrong(from, #field, "a number", error); \
        classifier->field = PARSE_##type(text);                   \
    }
    NUMBERS(READ)
#undef READ
    if (!isfinite(classifier->shift)) return wrong(from, "shift", "a finite number", error);
    if (!isfinite(classifier->factor)) return wrong(from, "factor", "a finite number", error);
    if (classifier->levels < 0 || classifier->levels > 256) return wrong(from, "levels", "0 to 256", error);
    return ELBO_OK;
}

/* Whether the layers in the file are what the metadata say, before memory is taken for them. */
static elbo_status check_extent(const elbo_classifier *classifier, const source *from, elbo_error *error) {
    const elbo_classifier_info *info = &classifier->info;
    int64_t in = info->item_size;
    for (int layer = 0; layer <= info->hidden.count; layer++) {
        bool last = layer == info->hidden.count;
        int64_t out = last ? info->classes : info->hidden.value[layer];
        char name[64];
        snprintf(name, sizeof name, last ? "softmax.output.weight" : "hidden.dense%d.weight", layer + 1);
        const elbo_safetensors_tensor *tensor = elbo_safetensors_find(from->file, name);
        if (!tensor || tensor->rank != 2 || tensor->shape[0] != in || tensor->shape[1] != out)
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "%s: a tensor %s of shape [%" PRId64 ", %" PRId64 "] was expected from its metadata",
                             from->path, name, in, out);
        in = out;
    }
    return ELBO_OK;
}

static elbo_status read_tensors(elbo_classifier *classifier, const source *from, elbo_error *error) {
    for (size_t i = 0; i < elbo_params_count(classifier->params); i++) {
        const elbo_param_info *info = elbo_params_at(classifier->params, i);
        float *to = elbo_params_tensor(classifier->params, (int64_t)i);
        ELBO_TRY(elbo_safetensors_copy(from->file, info->name, ELBO_F32, info->shape.rank, info->shape.dim, to, error));
        for (size_t k = 0; k < info->count; k++)
            if (!isfinite(to[k]))
                return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: element %zu of %s is %g", from->path, k, info->name,
                                 (double)to[k]);
    }
    elbo_params_touch(classifier->params);
    return ELBO_OK;
}

static elbo_status read_all(elbo_classifier *classifier, const source *from, elbo_error *error) {
    const char *format = lookup(from, "format");
    if (!format || strcmp(format, FORMAT) != 0)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: no classifier of elbo: its metadata elbo.classifier.format is "
                         "%s; " FORMAT " was expected",
                         from->path, format ? format : "missing");
    ELBO_TRY(read_shape(classifier, from, error));
    ELBO_TRY(read_numbers(classifier, from, error));
    ELBO_TRY(read_names(classifier, from, error));
    ELBO_TRY(check_extent(classifier, from, error));
    ELBO_TRY(elbo_classifier_make_params(classifier, 0, error));
    return read_tensors(classifier, from, error);
}

elbo_classifier *elbo_classifier_load(const char *path, int threads, elbo_error *error) {
    source from = {elbo_safetensors_open(path, error), path};
    if (!from.file) return NULL;
    elbo_classifier *classifier = elbo_classifier_blank(threads, error);
    if (classifier && read_all(classifier, &from, error) != ELBO_OK) {
        elbo_classifier_free(classifier);
        classifier = NULL;
    }
    elbo_safetensors_free((elbo_safetensors *)(uintptr_t)from.file);
    return classifier;
}
