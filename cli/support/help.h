/* Help texts, made from the commands' tables. */
#ifndef ELBO_CLI_SUPPORT_HELP_H
#define ELBO_CLI_SUPPORT_HELP_H

#include <stdio.h>

#include "support/command.h"

/* All commands by group. */
void elbo_cli_help_overview(FILE *stream);
/* One command; path is "data convert" for a subcommand; subject NULL shows what holds for all subjects. */
void elbo_cli_help_command(FILE *stream, const elbo_command *command, const char *path, const char *subject);

#endif
