/* What `elbo data SOURCE` shows. */
#ifndef ELBO_CLI_SUPPORT_DESCRIBE_H
#define ELBO_CLI_SUPPORT_DESCRIBE_H

#include "support/json.h"

extern const char *const elbo_cli_split_names[4]; /* by elbo_split */
#define ELBO_CLI_SPLITS "train|valid|test|all"

/* The split of one of ELBO_CLI_SPLITS. */
elbo_split elbo_cli_split(const char *name);

/* Rows of each class by split: [classes][4], to be freed with free(); NULL with the error filled in. */
int64_t *elbo_cli_count_classes(const elbo_dataset *dataset, elbo_error *error);

/* counts may be NULL where the data set has no labels. */
json_t *elbo_cli_describe_json(const elbo_data_info *info, const int64_t *counts);
void elbo_cli_describe_print(const elbo_data_info *info, const int64_t *counts);

/* "28x28" for an item shape. */
void elbo_cli_shape_text(int rank, const int64_t *shape, char *out, size_t size);

#endif
