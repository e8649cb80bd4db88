/* `elbo eval --frechet`: draws of a model against data, in the features of a classifier. */
#ifndef ELBO_CLI_SUPPORT_FRECHET_H
#define ELBO_CLI_SUPPORT_FRECHET_H

#include "support/json.h"
#include "support/mixture.h"
#include "support/run.h"

#define ELBO_CLI_FRECHET_OPTIONS(O)                                                                             \
    O(TEXT, frechet, "", 0, 0, NULL,                                                                            \
      "Frechet distance of draws (means of p(x|z), z from the prior) and rows of the split, --count or 10 000 " \
      "of each, in the last hidden layer of this classifier of 'elbo classify train'")                          \
    O(TEXT, mixture, "", 0, 0, NULL, "frechet: " ELBO_CLI_MIXTURE_HELP)
ELBO_OPTIONS_STRUCT(elbo_cli_frechet_options, ELBO_CLI_FRECHET_OPTIONS);
extern const elbo_options elbo_cli_frechet_options_table;

/* Whether --frechet was given. Reports a usage error, whose exit code goes to *code (else ELBO_EXIT_OK), for options
 * that do not go with it, or that go with it alone. */
bool elbo_cli_frechet_wanted(const elbo_context *context, int *code);

typedef struct elbo_cli_frechet {
    elbo_frechet draws, floor; /* of draws, and of rows of the other split, both against those of this one */
    elbo_split split, other;
    char classifier[512]; /* what it is, in words */
} elbo_cli_frechet;
elbo_status elbo_cli_frechet_measure(elbo_cli_run *run, elbo_cli_frechet *out, elbo_error *error);
json_t *elbo_cli_frechet_json(const elbo_cli_run *run, const elbo_cli_frechet *measured);
void elbo_cli_frechet_print(const elbo_cli_run *run, const elbo_cli_frechet *measured);

#endif
