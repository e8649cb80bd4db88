/* Internals of data sets. */
#ifndef ELBO_DATA_DATASET_H
#define ELBO_DATA_DATASET_H

#include "base/error.h"
#include "data/format.h"

/* Parses "28x28" (or "28,28") into at most ELBO_MAX_RANK - 1 lengths and their product; "" and NULL give rank 0 and
 * size 0.  ELBO_ERROR_USAGE names the text. */
elbo_status elbo_item_shape_parse(const char *text, int *rank, int64_t *shape, int64_t *size, elbo_error *error);

/* Rows of one split, as rows of the source: a run from `start`, or a list. */
typedef struct elbo_rows {
    int64_t start, count;
    int64_t *index; /* [count], owned, or NULL for the run */
} elbo_rows;

/* Deals `rows` rows, of which the first train_rows are the source's training rows (-1: it does not say), to splits
 * [4] by elbo_split.  Without test rows of its own a permutation by (split_seed, step 0) decides: its first rows are
 * the test rows, none of them where options pool.  Validation rows are the first of a permutation by (split_seed, step
 * 1) of the training rows.  What no permutation touches keeps the source's order.  Free with elbo_splits_clear, also
 * after a failure. */
elbo_status elbo_splits_deal(elbo_rows splits[4], int64_t rows, int64_t train_rows, const elbo_data_options *options,
                             elbo_error *error);
/* Leaves training and validation rows of the classes that `names` lists, "1,cat", and no others.  ELBO_ERROR_USAGE for
 * a name that is none of the table's, or where no training row is left. */
elbo_status elbo_splits_keep(elbo_rows splits[4], const elbo_table *table, const char *names, elbo_error *error);
/* Leaves the first `limit` rows of each split (0: all). */
void elbo_splits_limit(elbo_rows splits[4], int64_t limit);
void elbo_splits_clear(elbo_rows splits[4]);

/* The row of the source that a row of a split is. */
static inline int64_t elbo_rows_at(const elbo_rows *rows, int64_t row) {
    return rows->index ? rows->index[row] : rows->start + row;
}

struct elbo_dataset {
    elbo_table table;
    elbo_rows splits[4];
    elbo_data_info info;
    char *source, *format_name;
    size_t item_bytes;
};

#endif
