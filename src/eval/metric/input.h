/* Arrays that came from anywhere, as what the metrics compute with. */
#ifndef ELBO_EVAL_METRIC_INPUT_H
#define ELBO_EVAL_METRIC_INPUT_H

#include "base/error.h"

/* Finite numbers, row-major. */
typedef struct elbo_metric_matrix {
    int64_t rows, columns;
    double *data; /* [rows, columns], owned */
} elbo_metric_matrix;

/* Whole numbers as codes 0..classes-1, in rising order of the numbers. */
typedef struct elbo_metric_labels {
    int64_t count, classes;
    int32_t *code;  /* [count], owned */
    int64_t *value; /* [classes], rising, owned */
} elbo_metric_labels;

/* Reads [N, D], or [N] as [N, 1], of any type but bf16. `what` names the array in messages: "codes". ELBO_ERROR_SHAPE
 * for another rank or no rows, ELBO_ERROR_NUMERIC for a number that is not finite, with its row. */
elbo_status elbo_metric_matrix_read(elbo_metric_matrix *matrix, const elbo_array *array, const char *what,
                                    elbo_error *error);
void elbo_metric_matrix_clear(elbo_metric_matrix *matrix);

/* Reads one column of an array as labels; elbo_metric_labels_read an array [N] or [N, 1]. ELBO_ERROR_FORMAT names the
 * row of a number that is not whole. */
elbo_status elbo_metric_column_read(elbo_metric_labels *labels, const elbo_array *array, int64_t column,
                                    const char *what, elbo_error *error);
elbo_status elbo_metric_labels_read(elbo_metric_labels *labels, const elbo_array *array, const char *what,
                                    elbo_error *error);
void elbo_metric_labels_clear(elbo_metric_labels *labels);

/* The rows and columns of an array [N, D] or [N]. */
elbo_status elbo_metric_shape(const elbo_array *array, const char *what, int64_t *rows, int64_t *columns,
                              elbo_error *error);
/* The code of a number among the sorted `value`s, or -1. */
int32_t elbo_metric_code(const int64_t *value, int64_t classes, int64_t number);
/* ELBO_ERROR_SHAPE unless both are of one length. */
elbo_status elbo_metric_same_length(const char *first, int64_t first_count, const char *second, int64_t second_count,
                                    elbo_error *error);
/* Adds a sentence to a warning as far as it fits. */
void elbo_metric_warn(char *warning, size_t size, const char *format, ...) ELBO_PRINTF(3, 4);

#endif
