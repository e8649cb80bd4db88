/* Tables of counts of two discrete variables, and what information theory says of them, in nats. */
#ifndef ELBO_EVAL_METRIC_CONTINGENCY_H
#define ELBO_EVAL_METRIC_CONTINGENCY_H

#include "base/error.h"

typedef struct elbo_contingency {
    int64_t total, rows, columns;
    int64_t *count;                    /* [rows, columns], owned */
    int64_t *row_count, *column_count; /* [rows], [columns], owned */
} elbo_contingency;

/* Counts of pairs (a, b) with a: [total] in 0..rows-1 and b: [total] in 0..columns-1. ELBO_ERROR_UNSUPPORTED for a
 * table of more than 10^8 cells. */
elbo_status elbo_contingency_new(elbo_contingency *table, const int32_t *a, const int32_t *b, int64_t total,
                                 int64_t rows, int64_t columns, elbo_error *error);
void elbo_contingency_clear(elbo_contingency *table);

/* -sum p log p over counts: [classes]. */
double elbo_contingency_entropy(const int64_t *count, int64_t classes, int64_t total);
/* I(a; b) = sum p(a, b) log p(a, b) / (p(a) p(b)); not below 0. */
double elbo_contingency_information(const elbo_contingency *table);

#endif
