/* The numbers of an experiment's runs. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_VALUES_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_VALUES_H

#include "support/experiment_plan.h"
#include "support/summary.h"

/* One value by epoch, finite numbers only. */
typedef struct elbo_cli_curve {
    double *epoch, *value;
    size_t count;
} elbo_cli_curve;

/* A value of a run:
 *   train_loss, gradient_norm, ...   as in metrics.jsonl
 *   train_elbo, test_elbo            the losses with their sign turned
 *   seconds                          of training up to each epoch
 *   NAME.VALUE                       of the measurement NAME, at each epoch where it was made
 *   NAME.iwae:*_encoder_snr          of its last measurement: values of such names against the numbers in place of *
 * ELBO_ERROR_STATE if the run has nothing of that name.  Free with elbo_cli_curve_clear, also after a failure. */
elbo_status elbo_cli_run_curve(const elbo_cli_planned *run, const char *value, elbo_cli_curve *out, elbo_error *error);
void elbo_cli_curve_clear(elbo_cli_curve *curve);

/* The last number of that curve; NaN where it is empty. */
elbo_status elbo_cli_run_value(const elbo_cli_planned *run, const char *value, double *out, elbo_error *error);

/* A value over the seeds: the complete runs of a panel and a series. */
elbo_status elbo_cli_cell_summary(const elbo_cli_plan *plan, size_t panel, size_t series, const char *value,
                                  elbo_cli_summary *out, elbo_error *error);

/* A figure of a paper, "-104 +- 3" or "about 1050": false without a number; spread NaN where there is none. */
bool elbo_cli_published(const char *text, double *value, double *spread);

#endif
