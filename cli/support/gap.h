/* `elbo eval --gap`: the gap between log p(x) and the ELBO, separated. */
#ifndef ELBO_CLI_SUPPORT_GAP_H
#define ELBO_CLI_SUPPORT_GAP_H

#include "support/json.h"
#include "support/run.h"

#define ELBO_CLI_GAP_OPTIONS(O)                                                                                 \
    O(BOOL, gap, "false", 0, 0, NULL,                                                                           \
      "separate log p(x) - ELBO into what the family of posteriors costs (approximation) and what the encoder " \
      "costs (amortisation), by fitting the posterior of each row")
ELBO_OPTIONS_STRUCT(elbo_cli_gap_options, ELBO_CLI_GAP_OPTIONS);
extern const elbo_options elbo_cli_gap_options_table;

/* Whether --gap was given. Reports a usage error, whose exit code goes to *code (else ELBO_EXIT_OK), for options that
 * do not go with it, or that go with it alone. */
bool elbo_cli_gap_wanted(const elbo_context *context, int *code);
/* Measures with a progress bar that Ctrl-C can stop; the caller clears `out`. */
elbo_status elbo_cli_gap_measure(elbo_cli_run *run, const elbo_evaluation_options *evaluation, elbo_gap *out,
                                 elbo_error *error);
json_t *elbo_cli_gap_json(const elbo_gap *gap);
/* `rows` says what was evaluated: "vae, epoch 5: 1000 test rows". */
void elbo_cli_gap_print(const elbo_gap *gap, const char *rows);

#endif
