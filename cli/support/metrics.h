/* What a run wrote about itself. */
#ifndef ELBO_CLI_SUPPORT_METRICS_H
#define ELBO_CLI_SUPPORT_METRICS_H

#include "support/json.h"

/* The last complete line of a run's metrics.jsonl; an empty object where there is none. */
json_t *elbo_cli_metrics_last(const char *folder);

#endif
