/* Classifiers in commands: their training, and what they make of the rows of a data set. */
#ifndef ELBO_CLI_SUPPORT_CLASSIFIER_H
#define ELBO_CLI_SUPPORT_CLASSIFIER_H

#include "support/json.h"

/* `elbo classify train`. */
extern const elbo_command elbo_cli_classify_train;

/* Probabilities f32 [count, classes] and features f32 [count, features] (either may be NULL) of count rows of a split
 * from `start` on; the caller frees them.  The rows are read in portions. */
elbo_status elbo_cli_classifier_apply(elbo_classifier *classifier, const elbo_dataset *dataset, elbo_split split,
                                      int64_t start, int64_t count, elbo_array *probabilities, elbo_array *features,
                                      elbo_error *error);
/* Features of items f32 or u8 [N, item...] into rows first.. of `features` f32 [M, features]. */
elbo_status elbo_cli_classifier_features(elbo_classifier *classifier, const elbo_array *items, int64_t first,
                                         elbo_array *features, elbo_error *error);
/* ELBO_ERROR_SHAPE if the data have items of another size; a warning where their values have another range than those
 * of the training. */
elbo_status elbo_cli_classifier_check(const elbo_context *context, const elbo_classifier *classifier,
                                      const elbo_data_info *data, elbo_error *error);

/* "2 layers 500,500 of relu" and so on, a line with its newline. */
void elbo_cli_classifier_print(const elbo_classifier *classifier);
json_t *elbo_cli_classifier_json(const elbo_classifier *classifier);

/* How it judged a split: figures as lines, or added to an object. */
void elbo_cli_classification_print(const elbo_classification *judged, const char *rows);
void elbo_cli_classification_json(json_t *object, const elbo_classification *judged);

#endif
