/* The record of an evaluation, and what every kind of evaluation needs. */
#ifndef ELBO_EVAL_EVALUATION_H
#define ELBO_EVAL_EVALUATION_H

#include "train/instance.h"

/* Fills in evaluation->warning from the other figures. about_data: a warning of the instance, or "". */
void elbo_evaluation_warn(elbo_evaluation *evaluation, const char *about_data);
/* Another one behind those that are there, unless it is "". */
void elbo_evaluation_add_warning(elbo_evaluation *evaluation, const char *text);

/* Which split the options name, and how many of its rows are used. ELBO_ERROR_USAGE if it has none, ELBO_ERROR_SHAPE if
 * the model cannot read them. */
elbo_status elbo_evaluation_rows(const elbo_instance *instance, const elbo_dataset *dataset,
                                 const elbo_evaluation_options *options, elbo_split *split, int64_t *count,
                                 elbo_error *error);
/* Standard error of a mean from the sum of squared deviations; NaN for one datum. */
double elbo_standard_error(double square, int64_t count);
/* Seconds of a clock that never goes back. */
double elbo_seconds(void);

#endif
