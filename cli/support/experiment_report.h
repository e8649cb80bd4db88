/* What an experiment leaves: charts, results.json, table.md, report.html. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_REPORT_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_REPORT_H

#include "support/experiment_table.h"

/* Writes everything into the plan's folder, from the runs that are complete.  `command` is what was typed.  The caller
 * releases *results (the content of results.json) and clears `table`, also after a failure. */
elbo_status elbo_cli_experiment_report(const elbo_cli_plan *plan, const char *command, elbo_cli_cells *table,
                                       json_t **results, elbo_error *error);

#endif
