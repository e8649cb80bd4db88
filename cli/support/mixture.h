/* Codes from a mixture fitted to the codes of data, instead of from the prior. */
#ifndef ELBO_CLI_SUPPORT_MIXTURE_H
#define ELBO_CLI_SUPPORT_MIXTURE_H

#include "support/run.h"

#define ELBO_CLI_MIXTURE_HELP                                                                                     \
    "draw codes from a mixture of normal distributions instead of the prior: K components with full covariance, " \
    "fitted by EM to a draw of q(z|x) for each training row; or a fit of codes that 'elbo fit' left (folder or file)"

/* Whether `mixture` asks for a new fit, which needs the run's data. */
bool elbo_cli_mixture_is_new(const char *mixture);
/* Draws codes f32 [count, latent], which the caller frees.  mixture: "10", or the folder or file of a fit; a new one is
 * fitted with the seed to the training rows of the run's data, which must be open. */
elbo_status elbo_cli_mixture_codes(elbo_cli_run *run, const char *mixture, int64_t count, uint64_t seed,
                                   elbo_array *codes, elbo_error *error);
/* The file of a fit: the path itself, or model.safetensors in it if it is a folder. */
void elbo_cli_fit_path(const char *path, char *out, size_t size);

#endif
