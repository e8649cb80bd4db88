/* One run of an experiment: trained up to each stage, measured there, and never twice. */
#ifndef ELBO_CLI_SUPPORT_EXPERIMENT_RUN_H
#define ELBO_CLI_SUPPORT_EXPERIMENT_RUN_H

#include "support/experiment_plan.h"

/* Who watches.  Each returns true to stop; both are called from the thread that runs. */
typedef struct elbo_cli_experiment_watch {
    bool (*training)(void *user, const elbo_cli_planned *run, const elbo_progress *progress);
    bool (*measuring)(void *user, const elbo_cli_planned *run, const char *measure, double share);
    void *user;
} elbo_cli_experiment_watch;

/* Whether the run's folder is free or holds this very run: ELBO_ERROR_STATE, naming the option, if it holds another. */
elbo_status elbo_cli_experiment_check(const elbo_cli_plan *plan, elbo_cli_planned *run, elbo_error *error);

/* Does what is left of a run: all of it, the rest of one that was stopped, or nothing.  run->state then holds
 *   {"finished": true,
 *    "measured": [{"epoch": 5, "step": 200, "name": "test", "spec": "...", "values": {"nll": 101.2, ...}}, ...]}
 * as does the file reproduce.json in its folder.  ELBO_ERROR_INTERRUPTED when the watch stopped it;
 * ELBO_ERROR_STATE if the folder holds a run with other options. */
elbo_status elbo_cli_experiment_run(const elbo_cli_plan *plan, elbo_cli_planned *run, int threads,
                                    const elbo_cli_experiment_watch *watch, elbo_error *error);

#endif
