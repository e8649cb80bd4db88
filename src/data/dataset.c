#include "data/dataset.h"

#include <errno.h>
#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/labels.h"

enum { LOOKED_AT = 10000 }; /* training rows that minimum, maximum and integral are taken from */

#define OPTION_ROW(type_, name_, initial_, minimum_, maximum_, choices_, help_) \
    {#name_, ELBO_OPTION_##type_, initial_, minimum_, maximum_, choices_, help_, offsetof(elbo_data_options, name_)},
static const elbo_option option_rows[] = {ELBO_DATA_OPTIONS(OPTION_ROW)};
const elbo_options elbo_data_options_table = {"Rows and splits", option_rows, sizeof option_rows / sizeof *option_rows,
                                              sizeof(elbo_data_options)};

void elbo_table_clear(elbo_table *table) {
    elbo_array_free(&table->values);
    elbo_array_free(&table->labels);
    for (int code = 0; table->class_names && code < table->classes; code++) elbo_free(table->class_names[code]);
    elbo_free(table->class_names);
    for (int64_t i = 0; table->feature_names && i < table->features; i++) elbo_free(table->feature_names[i]);
    elbo_free(table->feature_names);
    for (int64_t i = 0; table->factor_names && i < table->factors.shape[1]; i++) elbo_free(table->factor_names[i]);
    elbo_free(table->factor_names);
    elbo_array_free(&table->factors);
    elbo_sparse_clear(&table->sparse);
    memset(table, 0, sizeof *table);
    table->train_rows = -1;
}

/* ---- item shape ---- */

elbo_status elbo_item_shape_parse(const char *text, int *rank, int64_t *shape, int64_t *size, elbo_error *error) {
    *rank = 0;
    *size = 0;
    if (!text || !*text) return ELBO_OK;
    *size = 1;
    for (const char *at = text;;) {
        char *end;
        errno = 0;
        long long length = *at >= '0' && *at <= '9' ? strtoll(at, &end, 10) : 0;
        if (length < 1 || errno || length > INT32_MAX || *size > INT64_MAX / 64 / length || *rank == ELBO_MAX_RANK - 1)
            break;
        shape[(*rank)++] = length;
        *size *= length;
        if (!*end) return ELBO_OK;
        if (*end != 'x' && *end != 'X' && *end != ',') break;
        at = end + 1;
    }
    return elbo_fail(error, ELBO_ERROR_USAGE, "item shape \"%s\": expected lengths such as 28x28 or 3x32x32", text);
}

/* Gives the items the shape that was asked for, and a vector of one where there is none. */
static elbo_status shape_items(elbo_array *values, const char *source, const elbo_data_options *options,
                               elbo_error *error) {
    int rank;
    int64_t shape[ELBO_MAX_RANK], size;
    if (values->rank < 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds a single number; rows were expected", source);
    if (values->rank == 1) values->shape[values->rank++] = 1;
    int64_t count = elbo_array_count(values);
    if (count == 0)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds no data: %lld rows", source, (long long)values->shape[0]);
    ELBO_TRY(elbo_item_shape_parse(options->item_shape, &rank, shape, &size, error));
    if (rank) {
        if (size != count / values->shape[0])
            return elbo_fail(error, ELBO_ERROR_SHAPE, "item shape %s has %lld values, but an item of %s has %lld",
                             options->item_shape, (long long)size, source, (long long)(count / values->shape[0]));
        values->rank = rank + 1;
        for (int axis = 0; axis < rank; axis++) values->shape[axis + 1] = shape[axis];
    }
    if (values->rank > 4)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "%s: items with %d axes; expected 1 to 3 (the option item-shape joins "
                         "axes)",
                         source, values->rank - 1);
    return ELBO_OK;
}

/* ---- values ---- */

/* bf16, i32 and f64 become f32 here, so that a data set holds bytes or f32. */
static elbo_status narrow(elbo_array *values, elbo_error *error) {
    if (values->dtype == ELBO_U8 || values->dtype == ELBO_F32) return ELBO_OK;
    elbo_array narrowed;
    ELBO_TRY(elbo_array_new(&narrowed, ELBO_F32, values->rank, values->shape, error));
    int64_t count = elbo_array_count(values);
    float *out = narrowed.data;
    for (int64_t i = 0; i < count; i++) {
        if (values->dtype == ELBO_F64)
            out[i] = (float)((const double *)values->data)[i];
        else if (values->dtype == ELBO_I32)
            out[i] = (float)((const int32_t *)values->data)[i];
        else {
            uint32_t bits = (uint32_t)((const uint16_t *)values->data)[i] << 16;
            memcpy(out + i, &bits, sizeof bits);
        }
    }
    elbo_array_free(values);
    *values = narrowed;
    return ELBO_OK;
}

static elbo_status check_finite(const elbo_array *values, const char *source, elbo_error *error) {
    if (values->dtype != ELBO_F32 || !values->data) return ELBO_OK; /* readers of sparse rows look themselves */
    int64_t rows = values->shape[0], size = elbo_array_count(values) / rows;
    for (int64_t row = 0; row < rows; row++) {
        const float *item = (const float *)values->data + row * size;
        int bad = 0; /* counted without a branch, so that the compiler makes vectors of it */
        for (int64_t i = 0; i < size; i++) bad += !(fabsf(item[i]) <= FLT_MAX);
        for (int64_t i = 0; bad && i < size; i++)
            if (!isfinite(item[i]))
                return elbo_fail(error, ELBO_ERROR_NUMERIC,
                                 "%s: row %lld, column %lld (counted from 0) is %g; finite f32 numbers were expected",
                                 source, (long long)row, (long long)i, (double)item[i]);
    }
    return ELBO_OK;
}

/* The same for rows of which only some values are kept. */
static void look_at_entries(elbo_dataset *dataset) {
    const elbo_rows *train = &dataset->splits[ELBO_SPLIT_TRAIN];
    const elbo_sparse *sparse = &dataset->table.sparse;
    elbo_data_info *info = &dataset->info;
    int64_t rows = train->count < LOOKED_AT ? train->count : LOOKED_AT, seen = 0;
    info->integral = true;
    for (int64_t row = 0; row < rows; row++) {
        int64_t r = elbo_rows_at(train, row);
        for (int64_t e = sparse->row_start[r]; e < sparse->row_start[r + 1]; e++, seen++) {
            double value = (double)sparse->value[e];
            info->minimum = seen == 0 ? value : fmin(info->minimum, value);
            info->maximum = seen == 0 ? value : fmax(info->maximum, value);
            if (value != floor(value)) info->integral = false;
        }
    }
    if (seen == rows * sparse->columns) return;
    info->minimum = fmin(info->minimum, 0);
    info->maximum = fmax(info->maximum, 0);
}

static void look_at_values(elbo_dataset *dataset) {
    const elbo_rows *train = &dataset->splits[ELBO_SPLIT_TRAIN];
    elbo_data_info *info = &dataset->info;
    int64_t rows = train->count < LOOKED_AT ? train->count : LOOKED_AT;
    bool bytes = info->dtype == ELBO_U8;
    info->integral = true;
    for (int64_t row = 0; row < rows; row++) {
        const char *item =
            (const char *)dataset->table.values.data + elbo_rows_at(train, row) * (int64_t)dataset->item_bytes;
        for (int64_t i = 0; i < info->item_size; i++) {
            double value = bytes ? ((const unsigned char *)item)[i] : (double)((const float *)item)[i];
            if ((row == 0 && i == 0) || value < info->minimum) info->minimum = value;
            if ((row == 0 && i == 0) || value > info->maximum) info->maximum = value;
            if (!bytes && value != floor(value)) info->integral = false;
        }
    }
}

/* ---- labels ---- */

static elbo_status check_labels(elbo_table *table, const char *source, elbo_error *error) {
    if (!table->labels.data) return ELBO_OK;
    int64_t rows = table->values.shape[0];
    if (elbo_array_count(&table->labels) != rows)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: %lld labels for %lld rows", source,
                         (long long)elbo_array_count(&table->labels), (long long)rows);
    const int32_t *label = table->labels.data;
    for (int64_t row = 0; row < rows; row++)
        if (label[row] < 0 || label[row] >= table->classes)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: label %d of row %lld; expected 0 to %d", source, label[row],
                             (long long)row, table->classes - 1);
    if (table->class_names) return ELBO_OK;
    table->class_names = elbo_calloc((size_t)table->classes * sizeof *table->class_names);
    for (int code = 0; table->class_names && code < table->classes; code++)
        if (!(table->class_names[code] = elbo_textf("%d", code))) return elbo_fail_memory(error, 16, "class names");
    return table->class_names ? ELBO_OK
                              : elbo_fail_memory(error, (size_t)table->classes * sizeof(char *), "class names");
}

/* ---- opening ---- */

static const struct elbo_format *find_format(const elbo_location *location, const char *source, elbo_error *error) {
    struct stat about;
    bool exists = stat(location->path, &about) == 0;
    for (const struct elbo_format *const *format = elbo_registry_formats; *format; format++)
        if ((*format)->claims && (*format)->claims(location->path, location->key, exists && S_ISDIR(about.st_mode)))
            return *format;
    if (!exists) return elbo_fail_null(error, ELBO_ERROR_IO, "cannot open %s: %s", source, strerror(errno));
    char names[200];
    size_t used = 0;
    for (const struct elbo_format *const *format = elbo_registry_formats; *format && used < sizeof names; format++)
        used += (size_t)snprintf(names + used, sizeof names - used, used ? ", %s" : "%s", (*format)->name);
    return elbo_fail_null(error, ELBO_ERROR_FORMAT, "%s is %s that is in none of the known formats: %s", source,
                          S_ISDIR(about.st_mode) ? "a folder" : "a file", names);
}

static elbo_status read_source(elbo_dataset *dataset, const char *source, const elbo_data_options *options,
                               elbo_error *error) {
    elbo_location location;
    elbo_table *table = &dataset->table;
    ELBO_TRY(elbo_location_split(&location, source, error));
    const struct elbo_format *format = find_format(&location, source, error);
    elbo_status status = format  ? format->read(table, location.path, location.key, options, error)
                         : error ? error->status
                                 : ELBO_ERROR_FORMAT;
    bool own_labels = format && strcmp(format->name, "csv") == 0 && table->labels.data;
    /* A CSV file takes the option for one of its own columns; else it names a file, which then comes first. */
    if (status == ELBO_OK && *options->labels && !own_labels)
        status = elbo_labels_from_file(table, options->labels, table->values.rank ? table->values.shape[0] : 0, error);
    if (status == ELBO_OK) {
        bool generated = strcmp(format->name, "synth") == 0;
        dataset->format_name =
            generated ? elbo_textf("%.*s", (int)strcspn(source, "?"), source) : elbo_strdup(format->name);
        if (!dataset->format_name) status = elbo_fail_memory(error, strlen(source), "a name");
    }
    elbo_location_clear(&location);
    return status;
}

static elbo_status finish(elbo_dataset *dataset, const elbo_data_options *options, elbo_error *error) {
    elbo_table *table = &dataset->table;
    elbo_data_info *info = &dataset->info;
    ELBO_TRY(shape_items(&table->values, dataset->source, options, error));
    ELBO_TRY(narrow(&table->values, error));
    ELBO_TRY(check_finite(&table->values, dataset->source, error));
    ELBO_TRY(check_labels(table, dataset->source, error));
    int64_t rows = table->values.shape[0];
    if (table->train_rows == 0 || table->train_rows > rows)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: %lld of %lld rows are training rows; at least one was expected",
                         dataset->source, (long long)table->train_rows, (long long)rows);
    /* An empty test part is none, and a pooled one is no longer told from the rest. */
    if (table->train_rows == rows || options->pool) table->train_rows = -1;
    ELBO_TRY(elbo_splits_deal(dataset->splits, rows, table->train_rows, options, error));
    if (*options->train_labels) ELBO_TRY(elbo_splits_keep(dataset->splits, table, options->train_labels, error));
    elbo_splits_limit(dataset->splits, options->limit);
    info->source = dataset->source;
    info->format = dataset->format_name;
    info->dtype = table->values.dtype;
    info->item_rank = table->values.rank - 1;
    info->item_size = 1;
    for (int axis = 0; axis < info->item_rank; axis++) {
        info->item_shape[axis] = table->values.shape[axis + 1];
        info->item_size *= info->item_shape[axis];
    }
    dataset->item_bytes = (size_t)info->item_size * elbo_dtype_size(info->dtype);
    for (int split = 0; split < 4; split++) info->count[split] = dataset->splits[split].count;
    info->classes = table->labels.data ? table->classes : 0;
    info->class_names = (const char *const *)table->class_names;
    info->feature_names = (const char *const *)table->feature_names;
    info->factors = table->factors.data ? (int)table->factors.shape[1] : 0;
    info->factor_names = (const char *const *)table->factor_names;
    if (table->sparse.row_start)
        look_at_entries(dataset);
    else
        look_at_values(dataset);
    return ELBO_OK;
}

/* The caller's options, or the defaults; texts that are NULL count as unset. */
static elbo_status settle_options(elbo_data_options *settled, elbo_data_options *defaults,
                                  const elbo_data_options *options, elbo_error *error) {
    static char unset[] = "";
    memset(defaults, 0, sizeof *defaults);
    if (!options) {
        ELBO_TRY(elbo_options_init(&elbo_data_options_table, defaults, error));
        options = defaults;
    }
    *settled = *options;
    if (!settled->labels) settled->labels = unset;
    if (!settled->columns) settled->columns = unset;
    if (!settled->item_shape) settled->item_shape = unset;
    if (!settled->train_labels) settled->train_labels = unset;
    return ELBO_OK;
}

static elbo_dataset *dataset_new(const char *source, elbo_error *error) {
    elbo_dataset *dataset = elbo_calloc(sizeof *dataset);
    if (dataset) dataset->table.train_rows = -1;
    if (dataset) dataset->source = elbo_strdup(source);
    if (dataset && dataset->source) return dataset;
    elbo_free(dataset);
    return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory for a data set");
}

/* Options that the source cannot heed are refused rather than passed over. */
static elbo_status check_options(const elbo_dataset *dataset, const elbo_data_options *options, elbo_error *error) {
    if (*options->columns && strcmp(dataset->format_name, "csv") != 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s is %s: --columns chooses columns of CSV files only",
                         dataset->source, dataset->format_name);
    if (options->test_count > 0 && dataset->table.train_rows >= 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s has a test split of its own: --test-count is for sources without",
                         dataset->source);
    return ELBO_OK;
}

elbo_dataset *elbo_dataset_open(const char *source, const elbo_data_options *options, elbo_error *error) {
    elbo_data_options settled, defaults;
    elbo_dataset *dataset = dataset_new(source, error);
    if (!dataset) return NULL;
    elbo_status status = settle_options(&settled, &defaults, options, error);
    if (status == ELBO_OK) status = read_source(dataset, source, &settled, error);
    if (status == ELBO_OK) status = check_options(dataset, &settled, error);
    if (status == ELBO_OK) status = finish(dataset, &settled, error);
    elbo_options_clear(&elbo_data_options_table, &defaults);
    if (status == ELBO_OK) return dataset;
    elbo_dataset_free(dataset);
    return NULL;
}

static elbo_status take_array(elbo_dataset *dataset, const elbo_array *x, const elbo_array *labels,
                              const elbo_data_options *options, elbo_error *error) {
    dataset->table.values = *x;
    dataset->table.values.release = NULL; /* borrowed */
    dataset->format_name = elbo_strdup("array");
    if (!dataset->format_name) return elbo_fail_memory(error, 8, "a name");
    int64_t rows = x->rank ? x->shape[0] : 0;
    if (labels) return elbo_labels_from_array(&dataset->table, labels, rows, "the array of labels", error);
    return *options->labels ? elbo_labels_from_file(&dataset->table, options->labels, rows, error) : ELBO_OK;
}

elbo_dataset *elbo_dataset_from_array(const elbo_array *x, const elbo_array *labels, const elbo_data_options *options,
                                      elbo_error *error) {
    elbo_data_options settled, defaults;
    elbo_dataset *dataset = dataset_new("the array", error);
    if (!dataset) return NULL;
    elbo_status status = settle_options(&settled, &defaults, options, error);
    if (status == ELBO_OK) status = take_array(dataset, x, labels, &settled, error);
    if (status == ELBO_OK) status = finish(dataset, &settled, error);
    elbo_options_clear(&elbo_data_options_table, &defaults);
    if (status == ELBO_OK) return dataset;
    elbo_dataset_free(dataset);
    return NULL;
}

void elbo_dataset_free(elbo_dataset *dataset) {
    if (!dataset) return;
    elbo_table_clear(&dataset->table);
    elbo_splits_clear(dataset->splits);
    elbo_free(dataset->source);
    elbo_free(dataset->format_name);
    elbo_free(dataset);
}

const elbo_data_info *elbo_dataset_info(const elbo_dataset *dataset) { return &dataset->info; }
