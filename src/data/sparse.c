#include "data/sparse.h"

#include <string.h>

#include "base/memory.h"

void elbo_sparse_clear(elbo_sparse *sparse) {
    elbo_free(sparse->row_start);
    elbo_free(sparse->column);
    elbo_free(sparse->value);
    memset(sparse, 0, sizeof *sparse);
}

void elbo_sparse_row(const elbo_sparse *sparse, int64_t row, float *out) {
    memset(out, 0, (size_t)sparse->columns * sizeof *out);
    for (int64_t e = sparse->row_start[row]; e < sparse->row_start[row + 1]; e++)
        out[sparse->column[e]] = sparse->value[e];
}

void elbo_entries_clear(elbo_entries *entries) {
    elbo_free(entries->row);
    elbo_free(entries->column);
    elbo_free(entries->value);
    memset(entries, 0, sizeof *entries);
}

/* More room for one of the three arrays; false leaves it as it was. */
static bool grow(void **array, int64_t old, int64_t room, size_t size) {
    void *grown = elbo_grow(*array, (size_t)old * size, (size_t)room * size);
    if (grown) *array = grown;
    return grown != NULL;
}

static elbo_status widen(elbo_entries *entries, elbo_error *error) {
    int64_t old = entries->room, room = old ? 2 * old : 4096;
    void *row = entries->row, *column = entries->column, *value = entries->value;
    bool done = grow(&row, old, room, sizeof *entries->row);
    entries->row = row;
    done = done && grow(&column, old, room, sizeof *entries->column);
    entries->column = column;
    done = done && grow(&value, old, room, sizeof *entries->value);
    entries->value = value;
    if (!done) return elbo_fail_memory(error, (size_t)room * sizeof *entries->row, "counts of words");
    entries->room = room;
    return ELBO_OK;
}

elbo_status elbo_entries_add(elbo_entries *entries, int64_t row, int32_t column, float value, elbo_error *error) {
    if (entries->count == entries->room) ELBO_TRY(widen(entries, error));
    entries->row[entries->count] = row;
    entries->column[entries->count] = column;
    entries->value[entries->count++] = value;
    return ELBO_OK;
}

/* Turns how often each key occurs, at count[key + 1], into where it starts, at count[key]. */
static void add_up(int64_t *count, int64_t keys) {
    for (int64_t key = 0; key < keys; key++) count[key + 1] += count[key];
}

/* The order of the entries by column, those of one column as they came. */
static void by_column(const elbo_entries *entries, int64_t columns, int64_t *start, int64_t *order) {
    for (int64_t e = 0; e < entries->count; e++) start[entries->column[e] + 1]++;
    add_up(start, columns);
    for (int64_t e = 0; e < entries->count; e++) order[start[entries->column[e]]++] = e;
}

/* Fills the matrix in an order that is by column; then each row is. */
static void by_row(const elbo_entries *entries, const int64_t *order, int64_t *next, elbo_sparse *out) {
    for (int64_t e = 0; e < entries->count; e++) out->row_start[entries->row[e] + 1]++;
    add_up(out->row_start, out->rows);
    memcpy(next, out->row_start, (size_t)out->rows * sizeof *next);
    for (int64_t i = 0; i < entries->count; i++) {
        int64_t e = order[i], to = next[entries->row[e]]++;
        out->column[to] = entries->column[e];
        out->value[to] = entries->value[e];
    }
}

static void merge(elbo_sparse *out) {
    int64_t kept = 0, from = 0;
    for (int64_t row = 0; row < out->rows; row++) {
        int64_t end = out->row_start[row + 1], first = kept;
        for (; from < end; from++) {
            if (kept > first && out->column[kept - 1] == out->column[from]) {
                out->value[kept - 1] += out->value[from];
                continue;
            }
            out->column[kept] = out->column[from];
            out->value[kept++] = out->value[from];
        }
        out->row_start[row + 1] = kept;
    }
}

elbo_status elbo_entries_finish(const elbo_entries *entries, int64_t rows, int64_t columns, elbo_sparse *out,
                                elbo_error *error) {
    size_t count = (size_t)entries->count, keys = (size_t)(rows > columns ? rows : columns) + 1;
    *out = (elbo_sparse){.rows = rows, .columns = columns};
    out->row_start = elbo_calloc(((size_t)rows + 1) * sizeof *out->row_start);
    out->column = elbo_calloc(count * sizeof *out->column);
    out->value = elbo_calloc(count * sizeof *out->value);
    int64_t *order = elbo_calloc(count * sizeof *order), *place = elbo_calloc(keys * sizeof *place);
    bool room = out->row_start && out->column && out->value && order && place;
    if (room) {
        by_column(entries, columns, place, order);
        by_row(entries, order, place, out);
        merge(out);
    } else {
        elbo_sparse_clear(out);
    }
    elbo_free(order);
    elbo_free(place);
    return room ? ELBO_OK : elbo_fail_memory(error, (count + keys) * sizeof *order, "counts of words");
}
