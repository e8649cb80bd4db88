/* The manual page, in the man macros of roff. */
#ifndef ELBO_CLI_SUPPORT_MANUAL_H
#define ELBO_CLI_SUPPORT_MANUAL_H

#include <stdio.h>

void elbo_cli_manual_write(FILE *stream);

#endif
