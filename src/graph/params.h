/* The store of parameters. */
#ifndef ELBO_GRAPH_PARAMS_H
#define ELBO_GRAPH_PARAMS_H

#include "base/error.h"

/* Groups are padded (with zeros that stay zero) to a multiple of this, so that an optimiser can see one as a matrix. */
enum { ELBO_GROUP_MULTIPLE = 1024 };

/* Place of a tensor's record in the store. */
int64_t elbo_params_index(const elbo_params *params, const elbo_param_info *info);
/* Where a tensor starts in the flat array; NULL before elbo_params_finish. */
float *elbo_params_tensor(const elbo_params *params, int64_t index);
/* Counts the calls of elbo_params_touch. */
uint64_t elbo_params_version(const elbo_params *params);
bool elbo_params_finished(const elbo_params *params);

#endif
