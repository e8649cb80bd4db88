/* One JSON object for each command that was given --json. */
#ifndef ELBO_CLI_SUPPORT_JSON_H
#define ELBO_CLI_SUPPORT_JSON_H

#include <jansson.h>

#include "support/command.h"

/* A number; null for NaN and infinities, which JSON does not have. */
json_t *elbo_cli_json_real(double value);
json_t *elbo_cli_json_reals(const double *values, size_t count);
json_t *elbo_cli_json_integers(const int64_t *values, size_t count);
/* A string; NULL gives null, and bytes that are not UTF-8 (a file name may have them) become U+FFFD. */
json_t *elbo_cli_json_text(const char *text);

/* Prints the object as one line to standard output and releases it.  Returns the exit code: failure with a message
 * where the object is NULL (memory ran out while it was made). */
int elbo_cli_json_print(const elbo_context *context, json_t *object);

#endif
