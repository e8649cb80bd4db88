/* The condition c of a model of p(x | c) (elbo_condition) on its way into graphs: where data are at hand the label is
 * read with them and a part is cut out of x; what is worked out from such a graph takes the numbers as an input. A
 * model without a condition passes through all of these untouched. */
#ifndef ELBO_TRAIN_CONDITION_H
#define ELBO_TRAIN_CONDITION_H

#include "train/instance.h"

elbo_condition elbo_condition_kind(const elbo_instance *instance);
/* Numbers of one condition; 0: the model has none. */
int64_t elbo_condition_width(const elbo_instance *instance);

/* Gives the context its condition for data x: [rows, size], as the model sees them (not read where labels are the
 * condition). Returns the input "label", i32 [rows], that the caller has to fill, or NULL where there is none. */
elbo_node *elbo_condition_add(const elbo_instance *instance, elbo_context *context, int64_t rows, elbo_node *x);
/* The same from an input "condition", [rows, width], which it returns; NULL for a model without one. */
elbo_node *elbo_condition_add_input(const elbo_instance *instance, elbo_context *context, int64_t rows);

/* The labels of rows (index, start and rows as in elbo_dataset_rows) into the plan's input; nothing to do where `label`
 * is NULL. Whoever opened the data has seen that their classes fit (elbo_instance_fits). */
elbo_status elbo_condition_read(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                int64_t rows, elbo_plan *plan, const elbo_node *label, elbo_error *error);
/* Whether data have the classes that the model was trained with, where it is conditioned on them. */
elbo_status elbo_condition_fits(const elbo_instance *instance, const elbo_data_info *info, elbo_error *error);
/* "a, b, c": the names of the classes, as many as fit. */
void elbo_condition_names(const elbo_data_info *info, char *text, size_t size);

#endif
