/* How far an evaluation is, and whether it shall stop. */
#ifndef ELBO_EVAL_WORK_H
#define ELBO_EVAL_WORK_H

#include "base/error.h"

typedef struct elbo_work {
    elbo_evaluation_progress progress; /* or NULL */
    void *user;
    double done, total; /* in passes of one row through the decoder, about */
} elbo_work;

/* Counts an amount as done and reports; ELBO_ERROR_INTERRUPTED if the caller wants to stop. */
static inline elbo_status elbo_work_add(elbo_work *work, double amount, elbo_error *error) {
    work->done += amount;
    double share = work->done < work->total ? work->done / work->total : 1;
    if (!work->progress || !work->progress(work->user, share)) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_INTERRUPTED, "evaluation stopped on request after %.0f %% of the work",
                     100 * share);
}

#endif
