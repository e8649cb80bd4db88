#include "eval/metric/input.h"

#include <math.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

static const double largest_whole = 9007199254740992.0; /* 2^53: beyond it f64 skips whole numbers */

static double value_at(const elbo_array *array, int64_t index) {
    switch (array->dtype) {
        case ELBO_F32: return ((const float *)array->data)[index];
        case ELBO_F64: return ((const double *)array->data)[index];
        case ELBO_U8: return ((const uint8_t *)array->data)[index];
        case ELBO_I32: return ((const int32_t *)array->data)[index];
        case ELBO_BF16: break; /* elbo_metric_shape refuses it */
    }
    return NAN;
}

elbo_status elbo_metric_shape(const elbo_array *array, const char *what, int64_t *rows, int64_t *columns,
                              elbo_error *error) {
    if (!array || !array->data) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: no array was given", what);
    if (array->dtype == ELBO_BF16)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: numbers of type f32, f64, u8 or i32 were expected, not bf16",
                         what);
    if (array->rank != 1 && array->rank != 2)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: an array of rank %d; a table [rows, columns] was expected", what,
                         array->rank);
    *rows = array->shape[0];
    *columns = array->rank == 2 ? array->shape[1] : 1;
    if (*rows < 1 || *columns < 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: the array is empty (%lld rows, %lld columns)", what,
                         (long long)*rows, (long long)*columns);
    return ELBO_OK;
}

elbo_status elbo_metric_matrix_read(elbo_metric_matrix *matrix, const elbo_array *array, const char *what,
                                    elbo_error *error) {
    memset(matrix, 0, sizeof *matrix);
    ELBO_TRY(elbo_metric_shape(array, what, &matrix->rows, &matrix->columns, error));
    int64_t count = matrix->rows * matrix->columns;
    matrix->data = elbo_calloc((size_t)count * sizeof *matrix->data);
    if (!matrix->data) return elbo_fail_memory(error, (size_t)count * sizeof *matrix->data, what);
    for (int64_t i = 0; i < count; i++) {
        matrix->data[i] = value_at(array, i);
        if (isfinite(matrix->data[i])) continue;
        elbo_metric_matrix_clear(matrix);
        return elbo_fail(error, ELBO_ERROR_NUMERIC,
                         "%s: row %lld, column %lld (from 0) is %s; a finite number was expected", what,
                         (long long)(i / matrix->columns), (long long)(i % matrix->columns),
                         isnan(value_at(array, i)) ? "NaN" : "infinite");
    }
    return ELBO_OK;
}

void elbo_metric_matrix_clear(elbo_metric_matrix *matrix) {
    elbo_free(matrix->data);
    matrix->data = NULL;
}

static int compare_whole(const void *a, const void *b) {
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int32_t elbo_metric_code(const int64_t *value, int64_t classes, int64_t number) {
    int64_t low = 0, high = classes;
    while (low < high) {
        int64_t middle = low + (high - low) / 2;
        if (value[middle] < number)
            low = middle + 1;
        else
            high = middle;
    }
    return low < classes && value[low] == number ? (int32_t)low : -1;
}

/* value: [count] numbers as read; sorted, made unique. */
static void encode(elbo_metric_labels *labels, const int64_t *number) {
    memcpy(labels->value, number, (size_t)labels->count * sizeof *number);
    qsort(labels->value, (size_t)labels->count, sizeof *labels->value, compare_whole);
    for (int64_t i = 0; i < labels->count; i++)
        if (i == 0 || labels->value[i] != labels->value[labels->classes - 1])
            labels->value[labels->classes++] = labels->value[i];
    for (int64_t i = 0; i < labels->count; i++)
        labels->code[i] = elbo_metric_code(labels->value, labels->classes, number[i]);
}

static elbo_status read_whole(int64_t *number, const elbo_array *array, int64_t rows, int64_t columns, int64_t column,
                              const char *what, elbo_error *error) {
    for (int64_t row = 0; row < rows; row++) {
        double value = value_at(array, row * columns + column);
        if (!(fabs(value) <= largest_whole) || value != floor(value))
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "%s: row %lld, column %lld (from 0) is %g; a whole number was expected", what,
                             (long long)row, (long long)column, value);
        number[row] = (int64_t)value;
    }
    return ELBO_OK;
}

elbo_status elbo_metric_column_read(elbo_metric_labels *labels, const elbo_array *array, int64_t column,
                                    const char *what, elbo_error *error) {
    int64_t columns;
    memset(labels, 0, sizeof *labels);
    ELBO_TRY(elbo_metric_shape(array, what, &labels->count, &columns, error));
    if (labels->count > INT32_MAX)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: %lld rows; at most 2^31 - 1 were expected", what,
                         (long long)labels->count);
    size_t bytes = (size_t)labels->count * sizeof *labels->value;
    int64_t *number = elbo_calloc(bytes);
    labels->code = elbo_calloc((size_t)labels->count * sizeof *labels->code);
    labels->value = elbo_calloc(bytes);
    elbo_status status = number && labels->code && labels->value
                             ? read_whole(number, array, labels->count, columns, column, what, error)
                             : elbo_fail_memory(error, bytes, what);
    if (status == ELBO_OK)
        encode(labels, number);
    else
        elbo_metric_labels_clear(labels);
    elbo_free(number);
    return status;
}

elbo_status elbo_metric_labels_read(elbo_metric_labels *labels, const elbo_array *array, const char *what,
                                    elbo_error *error) {
    int64_t rows = 0, columns = 0;
    memset(labels, 0, sizeof *labels);
    ELBO_TRY(elbo_metric_shape(array, what, &rows, &columns, error));
    if (columns != 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: %lld columns; one number for each row was expected", what,
                         (long long)columns);
    return elbo_metric_column_read(labels, array, 0, what, error);
}

void elbo_metric_labels_clear(elbo_metric_labels *labels) {
    elbo_free(labels->code);
    elbo_free(labels->value);
    memset(labels, 0, sizeof *labels);
}

elbo_status elbo_metric_same_length(const char *first, int64_t first_count, const char *second, int64_t second_count,
                                    elbo_error *error) {
    if (first_count == second_count) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: %lld rows, but %s: %lld; as many were expected", first,
                     (long long)first_count, second, (long long)second_count);
}

void elbo_metric_warn(char *warning, size_t size, const char *format, ...) {
    size_t used = strlen(warning);
    if (used > 0 && used + 1 < size) {
        warning[used++] = ' ';
        warning[used] = '\0';
    }
    va_list list;
    va_start(list, format);
    if (used < size) vsnprintf(warning + used, size - used, format, list);
    va_end(list);
}
