#include "data/labels.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/reader.h"

enum { MOST_CLASSES = 65536 };

bool elbo_text_number(const char *text, locale_t plain, double *value) {
    while (*text == ' ' || *text == '\t') text++;
    const char *digit = text + (*text == '-');
    int64_t whole = 0;
    int digits = 0;
    for (; *digit >= '0' && *digit <= '9' && digits < 15; digit++, digits++) whole = whole * 10 + (*digit - '0');
    if (digits > 0 && *digit == 0) { /* most cells of most files */
        *value = *text == '-' ? -(double)whole : (double)whole;
        return true;
    }
    char *end;
    *value = strtod_l(text, &end, plain);
    if (end == text) return false;
    while (*end == ' ' || *end == '\t') end++;
    return *end == 0;
}

static bool class_value(const char *text, double *value) {
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    bool numeric = plain && elbo_text_number(text, plain, value) && isfinite(*value);
    if (plain) freelocale(plain);
    return numeric;
}

static uint32_t hash_of(const char *text) { /* FNV-1a */
    uint32_t hash = 2166136261u;
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 16777619u;
    return hash;
}

static elbo_status widen_table(elbo_classes *classes, elbo_error *error) {
    uint32_t slots = classes->slot_count ? classes->slot_count * 2 : 64;
    int room = (int)(slots / 2);
    int32_t *table = elbo_calloc(slots * sizeof *table);
    char **names = elbo_grow(classes->names, (size_t)classes->count * sizeof *names, (size_t)room * sizeof *names);
    if (names) classes->names = names;
    if (!table || !names) {
        elbo_free(table);
        return elbo_fail_memory(error, slots * sizeof *table, "class names");
    }
    for (int code = 0; code < classes->count; code++) {
        uint32_t at = hash_of(names[code]) & (slots - 1);
        while (table[at]) at = (at + 1) & (slots - 1);
        table[at] = code + 1;
    }
    elbo_free(classes->slots);
    classes->slots = table;
    classes->slot_count = slots;
    classes->room = room;
    return ELBO_OK;
}

elbo_status elbo_classes_code(elbo_classes *classes, const char *text, int32_t *code, elbo_error *error) {
    double value;
    char number[40];
    if (class_value(text, &value)) {
        snprintf(number, sizeof number, "%.15g", value == 0 ? 0.0 : value);
        text = number;
    }
    if (classes->count == classes->room) ELBO_TRY(widen_table(classes, error));
    uint32_t at = hash_of(text) & (classes->slot_count - 1);
    for (; classes->slots[at]; at = (at + 1) & (classes->slot_count - 1))
        if (strcmp(classes->names[classes->slots[at] - 1], text) == 0) {
            *code = classes->slots[at] - 1;
            return ELBO_OK;
        }
    if (classes->count == MOST_CLASSES)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "more than %d different labels; a label says which of a few classes a row belongs to",
                         MOST_CLASSES);
    char *name = elbo_strdup(text);
    if (!name) return elbo_fail_memory(error, strlen(text), "a class name");
    classes->names[classes->count] = name;
    *code = classes->count++;
    classes->slots[at] = classes->count;
    return ELBO_OK;
}

void elbo_classes_clear(elbo_classes *classes) {
    for (int code = 0; code < classes->count; code++) elbo_free(classes->names[code]);
    elbo_free(classes->names);
    elbo_free(classes->slots);
    memset(classes, 0, sizeof *classes);
}

typedef struct ranked {
    char *name;
    double value;
    int32_t code;
} ranked;

static int by_value(const void *left, const void *right) {
    double a = ((const ranked *)left)->value, b = ((const ranked *)right)->value;
    return (a > b) - (a < b);
}

static int by_name(const void *left, const void *right) {
    return strcmp(((const ranked *)left)->name, ((const ranked *)right)->name);
}

static void drop_labels(elbo_table *table) {
    elbo_array_free(&table->labels);
    for (int code = 0; table->class_names && code < table->classes; code++) elbo_free(table->class_names[code]);
    elbo_free(table->class_names);
    table->class_names = NULL;
    table->classes = 0;
}

elbo_status elbo_classes_finish(elbo_classes *classes, elbo_table *table, elbo_error *error) {
    size_t count = (size_t)classes->count;
    ranked *order = elbo_calloc(count * sizeof *order);
    int32_t *recode = elbo_calloc(count * sizeof *recode);
    if (!order || !recode) {
        elbo_free(order);
        elbo_free(recode);
        return elbo_fail_memory(error, count * sizeof *order, "class names");
    }
    bool numeric = true;
    for (int code = 0; code < classes->count; code++) {
        order[code] = (ranked){.name = classes->names[code], .code = code};
        if (!class_value(order[code].name, &order[code].value)) numeric = false;
    }
    qsort(order, count, sizeof *order, numeric ? by_value : by_name);
    for (int code = 0; code < classes->count; code++) {
        classes->names[code] = order[code].name;
        recode[order[code].code] = code;
    }
    int32_t *labels = table->labels.data;
    int64_t rows = elbo_array_count(&table->labels);
    for (int64_t row = 0; row < rows; row++) labels[row] = recode[labels[row]];
    table->class_names = classes->names;
    table->classes = classes->count;
    elbo_free(classes->slots);
    memset(classes, 0, sizeof *classes);
    elbo_free(order);
    elbo_free(recode);
    return ELBO_OK;
}

static double value_at(const elbo_array *values, int64_t row) {
    switch (values->dtype) {
        case ELBO_F32: return (double)((const float *)values->data)[row];
        case ELBO_F64: return ((const double *)values->data)[row];
        case ELBO_U8: return ((const uint8_t *)values->data)[row];
        case ELBO_I32: return ((const int32_t *)values->data)[row];
        case ELBO_BF16: break;
    }
    return NAN;
}

static elbo_status check_shape(const elbo_array *values, int64_t rows, const char *name, elbo_error *error) {
    int long_axes = 0;
    for (int axis = 0; axis < values->rank; axis++) long_axes += values->shape[axis] != 1;
    if (long_axes > 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "%s: labels must be one whole number for each row, not an array of "
                         "rank %d (%lld x %lld...)",
                         name, values->rank, (long long)values->shape[0], (long long)values->shape[1]);
    int64_t count = elbo_array_count(values);
    if (count != rows)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds %lld labels, but there are %lld rows", name,
                         (long long)count, (long long)rows);
    return ELBO_OK;
}

static elbo_status code_distinct(elbo_table *table, const elbo_array *values, elbo_error *error) {
    elbo_classes classes = {0};
    int32_t *labels = table->labels.data;
    elbo_status status = ELBO_OK;
    for (int64_t row = 0; row < table->labels.shape[0] && status == ELBO_OK; row++) {
        char text[40];
        snprintf(text, sizeof text, "%.15g", value_at(values, row));
        status = elbo_classes_code(&classes, text, &labels[row], error);
    }
    if (status == ELBO_OK) status = elbo_classes_finish(&classes, table, error);
    elbo_classes_clear(&classes);
    return status;
}

elbo_status elbo_labels_from_array(elbo_table *table, const elbo_array *values, int64_t rows, const char *name,
                                   elbo_error *error) {
    ELBO_TRY(check_shape(values, rows, name, error));
    double least = 0, most = 0;
    for (int64_t row = 0; row < rows; row++) {
        double value = value_at(values, row);
        if (!(fabs(value) <= 0x1p53 && value == floor(value)))
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: label %lld is %g; a label is a whole number", name,
                             (long long)row, value);
        if (value < least) least = value;
        if (value > most) most = value;
    }
    drop_labels(table);
    ELBO_TRY(elbo_array_new(&table->labels, ELBO_I32, 1, &rows, error));
    if (least < 0 || most >= MOST_CLASSES) {
        elbo_status status = code_distinct(table, values, error);
        return status == ELBO_OK ? ELBO_OK : elbo_fail_context(error, status, "%s", name);
    }
    for (int64_t row = 0; row < rows; row++) ((int32_t *)table->labels.data)[row] = (int32_t)value_at(values, row);
    table->classes = (int)most + 1;
    return ELBO_OK;
}

elbo_status elbo_labels_from_file(elbo_table *table, const char *path, int64_t rows, elbo_error *error) {
    elbo_location location;
    ELBO_TRY(elbo_location_split(&location, path, error));
    elbo_status status;
    if (elbo_path_ends(location.path, ELBO_CSV_ENDINGS)) {
        drop_labels(table);
        status = elbo_csv_labels(table, location.path, location.key, rows, error);
    } else {
        elbo_array values = {0};
        status = elbo_array_load(&values, path, error);
        if (status == ELBO_OK) status = elbo_labels_from_array(table, &values, rows, path, error);
        elbo_array_free(&values);
    }
    elbo_location_clear(&location);
    return status == ELBO_OK ? ELBO_OK : elbo_fail_context(error, status, "labels");
}
