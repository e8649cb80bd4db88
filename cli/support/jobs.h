/* Trainings side by side, which share threads and a progress bar.  One that fails does not take the others with it. */
#ifndef ELBO_CLI_SUPPORT_JOBS_H
#define ELBO_CLI_SUPPORT_JOBS_H

#include <pthread.h>

#include "support/progress.h"

typedef struct elbo_cli_job {
    const char *name;
    elbo_status outcome; /* ELBO_OK: complete */
    char message[1024];  /* of a failure */
    /* What follows is touched with the lock of the jobs held. */
    double share; /* of its training that is done */
    bool active;
    bool worked; /* it was not complete before */
} elbo_cli_job;

typedef struct elbo_cli_jobs {
    const elbo_context *context;
    elbo_cli_job *job; /* [count], with names */
    size_t count;
    int threads; /* of each; set by elbo_cli_jobs_share */
    /* Does the work of one job, in a thread of its own. */
    elbo_status (*work)(struct elbo_cli_jobs *jobs, size_t index, void *user, elbo_error *error);
    void *user;
    bool alike;       /* what one is refused for (ELBO_ERROR_USAGE), all are: the others are not tried */
    bool refused;     /* that has happened */
    bool interrupted; /* after elbo_cli_jobs_run: somebody asked to stop */
    pthread_mutex_t lock;
    size_t next;
    elbo_cli_progress bar;
} elbo_cli_jobs;

/* How many are to run at the same time (0: one for each thread) settles how many threads each has: small networks gain
 * little from several threads, runs side by side everything.  Returns the number that will run at the same time. */
size_t elbo_cli_jobs_share(elbo_cli_jobs *jobs, int64_t at_once);
/* Runs all, so many at the same time. */
elbo_status elbo_cli_jobs_run(elbo_cli_jobs *jobs, size_t at_once, elbo_error *error);
/* The number of those that are not complete. */
size_t elbo_cli_jobs_incomplete(const elbo_cli_jobs *jobs);

/* What a job says while it works; both return whether it is to stop. */
bool elbo_cli_jobs_training(elbo_cli_jobs *jobs, size_t index, const elbo_progress *progress);
bool elbo_cli_jobs_measuring(elbo_cli_jobs *jobs, size_t index, const char *what, double share);

#endif
