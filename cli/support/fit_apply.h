/* `elbo fit apply`. */
#ifndef ELBO_CLI_SUPPORT_FIT_APPLY_H
#define ELBO_CLI_SUPPORT_FIT_APPLY_H

#include "support/command.h"

extern const elbo_command elbo_cli_fit_apply;

#endif
