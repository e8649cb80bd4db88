/* The figures of an evaluation, for people and for programs. */
#ifndef ELBO_CLI_SUPPORT_FIGURES_H
#define ELBO_CLI_SUPPORT_FIGURES_H

#include "support/json.h"
#include "support/run.h"

json_t *elbo_cli_figures_json(const elbo_evaluation *evaluation);
/* A table with a line for each figure.  `rows` says what was evaluated: "10000 test rows". */
void elbo_cli_figures_print(const elbo_evaluation *evaluation, const char *rows);

/* Evaluates with a progress bar that Ctrl-C can stop; the caller clears `out`. */
elbo_status elbo_cli_evaluate(elbo_cli_run *run, const elbo_evaluation_options *options, elbo_evaluation *out,
                              elbo_error *error);

#endif
