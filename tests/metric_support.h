/* What the tests of metrics share: arrays from numbers, the tables of fixtures/metrics.txt, random codes. */
#ifndef ELBO_TESTS_METRIC_SUPPORT_H
#define ELBO_TESTS_METRIC_SUPPORT_H

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h> /* needs some of the above before it */

#include "base/memory.h"
#include "base/rng.h"
#include "elbo.h"

#define COUNT(list) (sizeof(list) / sizeof *(list))

static inline void close_to(double value, double wanted, double tolerance, const char *what) {
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%s is %.12g; %.12g was expected, give or take %.3g", what, value, wanted, tolerance);
}

/* An f64 array [rows, columns], rank 1 where columns is 0. */
static inline elbo_array table_new(int64_t rows, int64_t columns) {
    elbo_array array;
    const int64_t shape[] = {rows, columns};
    assert_int_equal(elbo_array_new(&array, ELBO_F64, columns ? 2 : 1, shape, NULL), ELBO_OK);
    return array;
}

static inline double *numbers(const elbo_array *array) { return array->data; }

static inline elbo_array table_from(const double *values, int64_t rows, int64_t columns) {
    elbo_array array = table_new(rows, columns);
    memcpy(array.data, values, (size_t)(rows * (columns ? columns : 1)) * sizeof *values);
    return array;
}

/* [rows] from one column of a table. */
static inline elbo_array column_of(const elbo_array *table, int64_t column) {
    elbo_array array = table_new(table->shape[0], 0);
    for (int64_t i = 0; i < table->shape[0]; i++) numbers(&array)[i] = numbers(table)[i * table->shape[1] + column];
    return array;
}

/* [rows, count] from the first columns of a table. */
static inline elbo_array columns_of(const elbo_array *table, int64_t count) {
    elbo_array array = table_new(table->shape[0], count);
    for (int64_t i = 0; i < table->shape[0]; i++)
        for (int64_t c = 0; c < count; c++) numbers(&array)[i * count + c] = numbers(table)[i * table->shape[1] + c];
    return array;
}

/* Whole numbers of a column as i32; the caller elbo_frees them. */
static inline int32_t *whole_numbers(const elbo_array *table, int64_t column) {
    int32_t *out = elbo_calloc((size_t)table->shape[0] * sizeof *out);
    assert_non_null(out);
    for (int64_t i = 0; i < table->shape[0]; i++) out[i] = (int32_t)numbers(table)[i * table->shape[1] + column];
    return out;
}

/* A table of the fixture. */
static inline elbo_array fixture(const char *name) {
    FILE *in = fopen(TEST_DIR "/fixtures/metrics.txt", "r");
    assert_non_null(in);
    char found[64];
    long rows, columns;
    while (fscanf(in, "%63s %ld %ld", found, &rows, &columns) == 3) {
        elbo_array table = table_new(rows, columns);
        for (long i = 0; i < rows * columns; i++) assert_int_equal(fscanf(in, "%lf", &numbers(&table)[i]), 1);
        if (strcmp(found, name) == 0) {
            fclose(in);
            return table;
        }
        elbo_array_free(&table);
    }
    fclose(in);
    fail_msg("fixtures/metrics.txt has no %s", name);
    return (elbo_array){0};
}

static inline void free_all(elbo_array *arrays, size_t count) {
    for (size_t i = 0; i < count; i++) elbo_array_free(&arrays[i]);
}

static inline void expect_message(const elbo_error *error, elbo_status status, const char *part) {
    if (error->status != status || !strstr(error->message, part))
        fail_msg("status %s, message '%s'; '%s' was expected", elbo_status_text(error->status), error->message, part);
}

#endif
