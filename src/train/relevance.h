/* Options that were set and do nothing. */
#ifndef ELBO_TRAIN_RELEVANCE_H
#define ELBO_TRAIN_RELEVANCE_H

#include "base/relevance.h"
#include "train/config.h"

/* The index-th list of rules that holds for a model; NULL past the end. */
const elbo_relevance *elbo_relevance_list(const elbo_model_type *type, size_t index);
/* ELBO_ERROR_USAGE, naming option and what it needs, if an option that was set (elbo_config_was_set) has no effect. */
elbo_status elbo_config_check_relevance(const elbo_config *config, elbo_error *error);

#endif
