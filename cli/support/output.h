/* Text that a command makes, sent to standard output or to a file. */
#ifndef ELBO_CLI_SUPPORT_OUTPUT_H
#define ELBO_CLI_SUPPORT_OUTPUT_H

#include <stdio.h>

#include "support/command.h"

/* Whether a path means standard output: "" or "-". */
bool elbo_cli_output_is_standard(const char *path);

/* Calls write(stream, user) and sends what it wrote to `path`.  A file appears whole or not at
 * all.  Returns the exit code. */
int elbo_cli_output(const elbo_context *context, const char *path, void (*write)(FILE *stream, const void *user),
                    const void *user);

/* Writes a text to a file, which appears whole or not at all. */
elbo_status elbo_cli_output_save(const char *path, const char *text, elbo_error *error);

/* Makes a folder and those above it, where they are missing. */
elbo_status elbo_cli_make_folders(const char *path, elbo_error *error);

/* What write(stream, user) wrote, as a string to be freed with free(); NULL when out of memory. */
char *elbo_cli_output_text(void (*write)(FILE *stream, const void *user), const void *user);

#endif
