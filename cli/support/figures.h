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

/* The same for estimates of -log p(x) side by side. dataset may be NULL where the options say that data are drawn. */
json_t *elbo_cli_likelihoods_json(const elbo_likelihood_comparison *comparison);
void elbo_cli_likelihoods_print(const elbo_likelihood_comparison *comparison, const char *rows);
elbo_status elbo_cli_likelihoods(elbo_cli_run *run, const elbo_evaluation_options *evaluation,
                                 const elbo_likelihood_options *options, elbo_likelihood_comparison *out,
                                 elbo_error *error);
/* log p(x) and its standard error for each row and method, and those of the reverse half of ais: f64 columns side by
 * side, or in an .npz file arrays [N, 2] named after the methods, "ais_reverse" among them. */
elbo_status elbo_cli_likelihoods_save(const elbo_likelihood_comparison *comparison, const char *path,
                                      elbo_error *error);

#endif
