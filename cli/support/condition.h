/* Models of p(x|c) in commands: samples of a class, completions of items of which a part is given. */
#ifndef ELBO_CLI_SUPPORT_CONDITION_H
#define ELBO_CLI_SUPPORT_CONDITION_H

#include "support/show.h"

#define ELBO_CLI_LABEL_HELP "models conditioned on labels: the class, counted from 0"

/* The class for what is made next; does nothing for a negative one. */
elbo_status elbo_cli_condition_label(elbo_cli_run *run, int64_t label, elbo_error *error);

/* how->count samples of each class, class by class. ELBO_ERROR_UNSUPPORTED for a model without classes. */
elbo_status elbo_cli_show_classes(elbo_cli_run *run, const elbo_cli_samples *how, elbo_array *items, elbo_error *error);

/* For each of the first `rows` rows of a split (all, if it has fewer) how->count completions of what is given of it,
 * row by row; and the rows themselves. ELBO_ERROR_UNSUPPORTED for a model that is given no part of the item. */
elbo_status elbo_cli_show_completions(elbo_cli_run *run, elbo_split split, int64_t rows, const elbo_cli_samples *how,
                                      elbo_array *originals, elbo_array *items, elbo_error *error);
/* A row for each original: what is given of it on grey, its completions, itself. */
elbo_status elbo_cli_write_completions(const elbo_cli_run *run, const elbo_array *originals, const elbo_array *items,
                                       const elbo_picture *look, const char *path, elbo_error *error);

#endif
