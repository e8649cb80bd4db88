/* Rows out of a data set: into the caller's memory, and into files. */
#include <string.h>

#include "base/memory.h"
#include "data/dataset.h"
#include "data/format/arrays.h"

static const char *const split_names[4] = {"training", "validation", "test", "whole"};

static elbo_status check_range(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                               int64_t count, elbo_error *error) {
    if ((int)split < 0 || (int)split > 3)
        return elbo_fail(error, ELBO_ERROR_USAGE, "no split has number %d", (int)split);
    int64_t rows = dataset->splits[split].count;
    if (count < 0 || (!index && (start < 0 || start > rows || count > rows - start)))
        return elbo_fail(error, ELBO_ERROR_USAGE, "%lld rows from row %lld of the %s split, which has %lld",
                         (long long)count, (long long)start, split_names[split], (long long)rows);
    for (int64_t i = 0; index && i < count; i++)
        if (index[i] < 0 || index[i] >= rows)
            return elbo_fail(error, ELBO_ERROR_USAGE, "row %lld of the %s split, which has %lld", (long long)index[i],
                             split_names[split], (long long)rows);
    return ELBO_OK;
}

elbo_status elbo_dataset_rows(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                              int64_t count, void *out, elbo_error *error) {
    ELBO_TRY(check_range(dataset, split, index, start, count, error));
    const elbo_rows *rows = &dataset->splits[split];
    const char *values = dataset->table.values.data;
    const elbo_sparse *sparse = &dataset->table.sparse;
    size_t bytes = dataset->item_bytes;
    for (int64_t i = 0; sparse->row_start && i < count; i++)
        elbo_sparse_row(sparse, elbo_rows_at(rows, index ? index[i] : start + i),
                        (float *)((char *)out + (size_t)i * bytes));
    if (sparse->row_start) return ELBO_OK;
    if (!index && !rows->index) {
        memcpy(out, values + (size_t)(rows->start + start) * bytes, (size_t)count * bytes);
        return ELBO_OK;
    }
    for (int64_t i = 0; i < count; i++) {
        int64_t row = elbo_rows_at(rows, index ? index[i] : start + i);
        memcpy((char *)out + (size_t)i * bytes, values + (size_t)row * bytes, bytes);
    }
    return ELBO_OK;
}

elbo_status elbo_dataset_labels(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                int64_t count, int32_t *out, elbo_error *error) {
    ELBO_TRY(check_range(dataset, split, index, start, count, error));
    if (!dataset->table.labels.data)
        return elbo_fail(error, ELBO_ERROR_STATE, "%s has no labels", dataset->info.source);
    const int32_t *labels = dataset->table.labels.data;
    for (int64_t i = 0; i < count; i++)
        out[i] = labels[elbo_rows_at(&dataset->splits[split], index ? index[i] : start + i)];
    return ELBO_OK;
}

elbo_status elbo_dataset_factors(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                 int64_t count, int32_t *out, elbo_error *error) {
    ELBO_TRY(check_range(dataset, split, index, start, count, error));
    const elbo_array *factors = &dataset->table.factors;
    if (!factors->data)
        return elbo_fail(error, ELBO_ERROR_STATE, "%s has no known factors of variation; synth:sprites has",
                         dataset->info.source);
    size_t width = (size_t)factors->shape[1];
    for (int64_t i = 0; i < count; i++) {
        int64_t row = elbo_rows_at(&dataset->splits[split], index ? index[i] : start + i);
        memcpy(out + (size_t)i * width, (const int32_t *)factors->data + (size_t)row * width, width * sizeof *out);
    }
    return ELBO_OK;
}

/* ---- conversion ---- */

/* One split as a table of its own.  Rows that lie one behind the other are borrowed, dealt ones copied. */
static elbo_status gather(elbo_table *table, const elbo_dataset *dataset, elbo_split split, elbo_error *error) {
    const elbo_table *from = &dataset->table;
    const elbo_rows *rows = &dataset->splits[split];
    table->values = from->values;
    table->values.release = NULL;
    table->values.shape[0] = rows->count;
    table->classes = from->classes;
    table->class_names = from->class_names;
    if (rows->index || from->sparse.row_start) {
        int64_t shape[ELBO_MAX_RANK];
        memcpy(shape, table->values.shape, sizeof shape);
        ELBO_TRY(elbo_array_new(&table->values, from->values.dtype, from->values.rank, shape, error));
        ELBO_TRY(elbo_dataset_rows(dataset, split, NULL, 0, rows->count, table->values.data, error));
    } else {
        table->values.data = (char *)from->values.data + (size_t)rows->start * dataset->item_bytes;
    }
    if (!from->labels.data) return ELBO_OK;
    ELBO_TRY(elbo_array_new(&table->labels, ELBO_I32, 1, &rows->count, error));
    return elbo_dataset_labels(dataset, split, NULL, 0, rows->count, table->labels.data, error);
}

/* Which leading rows of a split are training rows, so that a format with splits of its own keeps them. */
static int64_t train_rows_of(const elbo_dataset *dataset, elbo_split split) {
    int64_t train = dataset->table.train_rows;
    if (split == ELBO_SPLIT_TEST) return 0;
    return split == ELBO_SPLIT_ALL && train < dataset->splits[split].count ? train : -1;
}

static const struct elbo_format *find_output(const char *to, elbo_error *error) {
    for (const struct elbo_format *const *format = elbo_registry_formats; *format; format++)
        if ((*format)->write && (*format)->claims_output && (*format)->claims_output(to)) return *format;
    return elbo_fail_null(
        error, ELBO_ERROR_USAGE,
        "cannot write %s: expected a name ending in .npy, .npz, .csv, .idx or like images-idx3-ubyte.gz, "
        "or idx:FOLDER or png:FOLDER",
        to);
}

static elbo_status write_as(const struct elbo_format *format, const elbo_table *table, const char *to,
                            elbo_error *error) {
    elbo_location location;
    size_t name = strlen(format->name);
    if (strncmp(to, format->name, name) == 0 && to[name] == ':') to += name + 1;
    if (!*to) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: names no folder", format->name);
    ELBO_TRY(elbo_location_split(&location, to, error));
    elbo_status status = format->write(table, location.path, location.key, error);
    elbo_location_clear(&location);
    return status;
}

elbo_status elbo_dataset_convert(const elbo_dataset *dataset, elbo_split split, const char *to, elbo_error *error) {
    ELBO_TRY(check_range(dataset, split, NULL, 0, 0, error));
    if (dataset->splits[split].count == 0)
        return elbo_fail(error, ELBO_ERROR_STATE, "the %s split of %s has no rows to write", split_names[split],
                         dataset->info.source);
    elbo_error unread;
    const struct elbo_format *format = find_output(to, error ? error : &unread);
    if (!format) return ELBO_ERROR_USAGE;
    elbo_table table = {.train_rows = train_rows_of(dataset, split)};
    elbo_status status = gather(&table, dataset, split, error);
    if (status == ELBO_OK) status = write_as(format, &table, to, error);
    elbo_array_free(&table.values);
    elbo_array_free(&table.labels);
    return status;
}
