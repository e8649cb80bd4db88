/* The folder that `elbo fit` leaves. */
#ifndef ELBO_CLI_SUPPORT_FIT_FILES_H
#define ELBO_CLI_SUPPORT_FIT_FILES_H

#include "support/json.h"

/* Makes a folder and those above it. */
elbo_status elbo_cli_fit_folder(const char *path, elbo_error *error);
/* Writes model.safetensors, curve.jsonl, curve.svg and, where items are images, means.png or loadings.png. */
elbo_status elbo_cli_fit_write(const elbo_context *context, const elbo_fit *fit, const elbo_data_info *data,
                               const char *folder, elbo_error *error);

#endif
