/* The charts of an experiment: one for each panel, with a line for each series and value. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_CHARTS_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_CHARTS_H

#include "support/experiment_plan.h"

/* Where the chart of a panel is written: OUT/CHART-PANEL.svg. */
void elbo_cli_experiment_chart_path(const elbo_cli_plan *plan, size_t chart, size_t panel,
                                    char out[ELBO_CLI_PLAN_PATH]);
/* Writes it from the complete runs, over several seeds their mean.  *written is false where no run is complete. */
elbo_status elbo_cli_experiment_chart_write(const elbo_cli_plan *plan, size_t chart, size_t panel, bool *written,
                                            elbo_error *error);

#endif
