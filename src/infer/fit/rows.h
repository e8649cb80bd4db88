/* A data matrix as the fits read it: any type of number, brought block by block to centred double precision.
 *
 * The data stay as they are (bytes stay bytes): a pass converts a block of rows at a time, which then serves every
 * component or axis while it is in the cache. */
#ifndef ELBO_INFER_FIT_ROWS_H
#define ELBO_INFER_FIT_ROWS_H

#include "backend/cpu/panel.h"
#include "base/error.h"

/* The value of row n, column d is scale * data[n * dims + d] - centre[d]. */
typedef struct elbo_fit_rows {
    const void *data; /* [count, dims], borrowed */
    elbo_dtype dtype; /* ELBO_U8, ELBO_F32 or ELBO_F64 */
    int64_t count, dims;
    double scale;         /* 1/255 for bytes, else 1 */
    const double *centre; /* [dims], or NULL: zeros */
} elbo_fit_rows;

/* Looks at an array [N, ...] as rows; ELBO_ERROR_SHAPE for another type or no rows, ELBO_ERROR_NUMERIC names the first
 * value that is not finite. */
elbo_status elbo_fit_rows_of(const elbo_array *x, elbo_fit_rows *rows, elbo_error *error);

/* Rows first..first + ELBO_PANEL - 1 as a panel [dims, ELBO_PANEL]; rows beyond the last are zeros. */
void elbo_fit_rows_panel(const elbo_fit_rows *rows, int64_t first, double *panel);
/* One row: [dims]. */
void elbo_fit_rows_row(const elbo_fit_rows *rows, int64_t row, double *out);

/* Mean and (biased) variance of each column of rows as they are, without their centre: [dims] each; two passes, so that
 * a large mean takes no digits from a small variance. */
void elbo_fit_rows_describe(const elbo_fit_rows *rows, double *mean, double *variance);

/* How many panels make a block: as many as stay in the second-level cache, or a few where rows are long. */
int64_t elbo_fit_rows_block(const elbo_fit_rows *rows);
/* Number of panels of all rows, the last one possibly not full. */
int64_t elbo_fit_rows_panels(const elbo_fit_rows *rows);
/* How many of the rows of a panel exist. */
int elbo_fit_rows_present(const elbo_fit_rows *rows, int64_t panel);

/* As many threads as `work` multiply-adds are worth, at most `threads` (0: one for each processor). */
int elbo_fit_threads(int threads, double work);

#endif
