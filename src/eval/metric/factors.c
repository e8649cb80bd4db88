#include "eval/metric/factors.h"

#include <string.h>

#include "base/memory.h"

static elbo_status read_factors(elbo_factors *table, const elbo_array *factors, elbo_error *error) {
    int64_t rows;
    ELBO_TRY(elbo_metric_shape(factors, "factors", &rows, &table->given, error));
    ELBO_TRY(elbo_metric_same_length("codes", table->codes.rows, "factors", rows, error));
    size_t count = (size_t)table->given;
    table->column = elbo_calloc(count * sizeof *table->column);
    table->label = elbo_calloc(count * sizeof *table->label);
    table->rows = elbo_calloc(count * sizeof *table->rows);
    table->start = elbo_calloc(count * sizeof *table->start);
    if (!table->column || !table->label || !table->rows || !table->start)
        return elbo_fail_memory(error, count * sizeof *table->label, "factors");
    for (int64_t f = 0; f < table->given; f++) {
        elbo_metric_labels *label = &table->label[table->used];
        ELBO_TRY(elbo_metric_column_read(label, factors, f, "factors", error));
        if (label->classes == 1)
            elbo_metric_labels_clear(label);
        else
            table->column[table->used++] = f;
    }
    if (table->used > 0) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT,
                     "factors: every factor has one value for all rows; at least one that varies was expected");
}

/* Row numbers by value: a counting sort. */
static elbo_status group(elbo_factors *table, int64_t f, elbo_error *error) {
    const elbo_metric_labels *label = &table->label[f];
    table->rows[f] = elbo_calloc((size_t)label->count * sizeof(int64_t));
    table->start[f] = elbo_calloc((size_t)(label->classes + 2) * sizeof(int64_t));
    if (!table->rows[f] || !table->start[f])
        return elbo_fail_memory(error, (size_t)label->count * sizeof(int64_t), "factors");
    int64_t *next = table->start[f] + 1; /* moves to the start of the following value */
    for (int64_t i = 0; i < label->count; i++) next[label->code[i] + 1]++;
    for (int64_t v = 0; v < label->classes; v++) next[v + 1] += next[v];
    for (int64_t i = 0; i < label->count; i++) table->rows[f][next[label->code[i]]++] = i;
    return ELBO_OK;
}

static elbo_status take(elbo_metric_matrix *part, const elbo_factors *table, int64_t first, int64_t count,
                        elbo_error *error) {
    int64_t columns = table->codes.columns;
    *part = (elbo_metric_matrix){count, columns, elbo_calloc((size_t)(count * columns) * sizeof *part->data)};
    if (!part->data) return elbo_fail_memory(error, (size_t)(count * columns) * sizeof *part->data, "codes");
    for (int64_t i = 0; i < count; i++)
        memcpy(part->data + i * columns, table->codes.data + table->order[first + i] * columns,
               (size_t)columns * sizeof *part->data);
    return ELBO_OK;
}

static int32_t *take_labels(const elbo_factors *table, int64_t first, int64_t count) {
    int32_t *out = elbo_calloc((size_t)(table->used * count) * sizeof *out);
    for (int64_t f = 0; f < table->used && out; f++)
        for (int64_t i = 0; i < count; i++) out[f * count + i] = table->label[f].code[table->order[first + i]];
    return out;
}

static int64_t least(int64_t a, int64_t b) { return a < b ? a : b; }

static elbo_status split(elbo_factors *table, int64_t points, int64_t test_points, uint64_t seed, elbo_error *error) {
    int64_t rows = table->codes.rows;
    if (rows < 3)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "codes: %lld rows; at least 3 were expected", (long long)rows);
    table->sample = least(points, rows);
    table->train = least(points, rows - rows / 3);
    table->test = least(test_points, rows / 3);
    table->order = elbo_calloc((size_t)rows * sizeof *table->order);
    if (!table->order) return elbo_fail_memory(error, (size_t)rows * sizeof *table->order, "an order of rows");
    elbo_rng_permutation(&(elbo_rng){seed, ELBO_STREAM_SPLIT, 0}, table->order, rows);
    ELBO_TRY(take(&table->sample_codes, table, 0, table->sample, error));
    ELBO_TRY(take(&table->test_codes, table, table->train, table->test, error));
    table->train_codes = table->sample_codes;
    table->train_codes.rows = table->train;
    table->sample_label = take_labels(table, 0, table->sample);
    table->test_label = take_labels(table, table->train, table->test);
    if (table->sample_label && table->test_label) return ELBO_OK;
    return elbo_fail_memory(error, (size_t)(table->used * rows) * sizeof(int32_t), "factors");
}

elbo_status elbo_factors_read(elbo_factors *table, const elbo_array *codes, const elbo_array *factors, int64_t points,
                              int64_t test_points, uint64_t seed, elbo_error *error) {
    memset(table, 0, sizeof *table);
    elbo_status status = elbo_metric_matrix_read(&table->codes, codes, "codes", error);
    if (status == ELBO_OK) status = read_factors(table, factors, error);
    for (int64_t f = 0; f < table->used && status == ELBO_OK; f++) status = group(table, f, error);
    if (status == ELBO_OK) status = split(table, points, test_points, seed, error);
    if (status != ELBO_OK) elbo_factors_clear(table);
    return status;
}

void elbo_factors_clear(elbo_factors *table) {
    for (int64_t f = 0; f < table->given; f++) {
        if (table->label) elbo_metric_labels_clear(&table->label[f]);
        if (table->rows) elbo_free(table->rows[f]);
        if (table->start) elbo_free(table->start[f]);
    }
    elbo_metric_matrix_clear(&table->codes);
    elbo_metric_matrix_clear(&table->sample_codes);
    elbo_metric_matrix_clear(&table->test_codes);
    elbo_free(table->column);
    elbo_free(table->label);
    elbo_free(table->rows);
    elbo_free(table->start);
    elbo_free(table->order);
    elbo_free(table->sample_label);
    elbo_free(table->test_label);
    memset(table, 0, sizeof *table);
}

int64_t elbo_factors_partner(const elbo_factors *table, int64_t factor, int64_t row, const elbo_rng *rng,
                             uint32_t draw_row, uint32_t draw_column) {
    int32_t value = table->label[factor].code[row];
    int64_t first = table->start[factor][value], count = table->start[factor][value + 1] - first;
    return table->rows[factor][first + (int64_t)elbo_rng_below(rng, draw_row, draw_column, (uint64_t)count)];
}

bool elbo_factors_repeat(const elbo_factors *table, int64_t factor) {
    int64_t shared = 0;
    for (int64_t v = 0; v < table->label[factor].classes; v++) {
        int64_t count = table->start[factor][v + 1] - table->start[factor][v];
        if (count > 1) shared += count;
    }
    return 2 * shared >= table->codes.rows;
}
