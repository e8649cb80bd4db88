/* Rows that are mostly zeros, such as documents as counts of words: kept as entries, served dense. */
#ifndef ELBO_DATA_SPARSE_H
#define ELBO_DATA_SPARSE_H

#include "base/error.h"

/* Compressed rows: entries row_start[r] .. row_start[r + 1] - 1 are those of row r, in the order of their columns, each
 * column at most once. A zeroed struct is empty (row_start NULL). */
typedef struct elbo_sparse {
    int64_t rows, columns;
    int64_t *row_start; /* [rows + 1] */
    int32_t *column;
    float *value;
} elbo_sparse;
void elbo_sparse_clear(elbo_sparse *sparse);

/* A row as `columns` numbers into the caller's memory. */
void elbo_sparse_row(const elbo_sparse *sparse, int64_t row, float *out);

/* Entries as they come, in any order. A zeroed struct holds none. */
typedef struct elbo_entries {
    int64_t count, room;
    int64_t *row;
    int32_t *column;
    float *value;
} elbo_entries;
void elbo_entries_clear(elbo_entries *entries);
elbo_status elbo_entries_add(elbo_entries *entries, int64_t row, int32_t column, float value, elbo_error *error);
/* Sorts them into a matrix of that size, which holds every row and column named; repeated ones are added up. */
elbo_status elbo_entries_finish(const elbo_entries *entries, int64_t rows, int64_t columns, elbo_sparse *out,
                                elbo_error *error);

#endif
