/* Gradients compared: as JSON, as a table, as charts. */
#ifndef ELBO_CLI_SUPPORT_GRADIENTS_H
#define ELBO_CLI_SUPPORT_GRADIENTS_H

#include "support/json.h"

json_t *elbo_cli_gradients_json(const elbo_gradvar_comparison *comparison);
/* title: what was measured, for the first line. */
void elbo_cli_gradients_print(const elbo_gradvar_comparison *comparison, const char *title);

/* Whether some estimator was measured with several numbers of draws: then draws are an axis. */
bool elbo_cli_gradients_is_sweep(const elbo_gradvar_comparison *comparison);
typedef enum elbo_cli_gradients_figure {
    ELBO_CLI_GRADIENTS_VARIANCE,
    ELBO_CLI_GRADIENTS_SNR
} elbo_cli_gradients_figure;
/* A chart of variance or signal-to-noise ratio: bars, or for a sweep lines against the draws on logarithmic axes. */
elbo_status elbo_cli_gradients_chart(const elbo_gradvar_comparison *comparison, elbo_cli_gradients_figure figure,
                                     const char *subtitle, const char *path, elbo_error *error);

#endif
