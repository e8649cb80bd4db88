/* Rows of data sets as arrays, and arrays of other types as single-precision numbers. */
#ifndef ELBO_CLI_SUPPORT_ROWS_H
#define ELBO_CLI_SUPPORT_ROWS_H

#include "support/command.h"

/* Whether items of this shape are images: HxW, 1xHxW or 3xHxW. */
bool elbo_cli_is_image(int rank, const int64_t *shape);

/* Rows index[0..count) of a split, or start.. where index is NULL, as [count, item...] of the data set's type; the
 * caller frees the array, which is empty after a failure. */
elbo_status elbo_cli_rows(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                          int64_t count, elbo_array *rows, elbo_error *error);
/* The labels of the same rows as i32 [count]; ELBO_ERROR_STATE if there are none. */
elbo_status elbo_cli_labels(const elbo_dataset *dataset, elbo_split split, int64_t start, int64_t count,
                            elbo_array *labels, elbo_error *error);

/* The factors of variation of the same rows as i32 [count, factors]; ELBO_ERROR_STATE if they are not known. */
elbo_status elbo_cli_factors(const elbo_dataset *dataset, elbo_split split, int64_t start, int64_t count,
                             elbo_array *factors, elbo_error *error);

/* The element of an array of any type but bf16. */
double elbo_cli_value_at(const elbo_array *array, int64_t index);

/* Reads codes: [N, latent], or [latent] for a single one, as f32 [N, latent], finite; the caller frees them. */
elbo_status elbo_cli_codes_load(const char *path, int64_t latent, elbo_array *codes, elbo_error *error);

#endif
