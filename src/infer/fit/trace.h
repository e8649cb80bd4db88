/* What a fit says while it runs, and when it ends. */
#ifndef ELBO_INFER_FIT_TRACE_H
#define ELBO_INFER_FIT_TRACE_H

#include "base/error.h"

typedef struct elbo_fit_trace {
    elbo_fit_point *points; /* [room], owned */
    int64_t count, room;
    int64_t restart, restarts;
    double tolerance, begun;
    elbo_fit_progress progress; /* or NULL */
    void *user;
    bool converged;
    /* Of the best start so far: */
    elbo_fit_point *kept; /* [room], owned */
    int64_t kept_count, kept_restart;
    double kept_elbo; /* final bound */
    bool kept_converged;
} elbo_fit_trace;

/* Room for `iterations` points, so that nothing is allocated while the fit runs. */
elbo_status elbo_fit_trace_new(elbo_fit_trace *trace, const elbo_fit_options *options, elbo_fit_progress progress,
                               void *user, elbo_error *error);
void elbo_fit_trace_free(elbo_fit_trace *trace);
/* Forgets the points of an earlier start. */
void elbo_fit_trace_restart(elbo_fit_trace *trace, int64_t restart);
/* Adds an iteration (nats per datum) and reports it.  *done: the bound has gained less than the tolerance since the
 * last one, or there is no room for more.  ELBO_ERROR_NUMERIC where the bound is not finite, ELBO_ERROR_INTERRUPTED on
 * request. */
elbo_status elbo_fit_trace_add(elbo_fit_trace *trace, double after_e, double after_m, double log_likelihood, bool *done,
                               elbo_error *error);
/* Whether a start that ended with this bound is the best so far; if so its points are kept. */
bool elbo_fit_trace_keep(elbo_fit_trace *trace, double elbo);
/* Seconds of a monotonic clock. */
double elbo_fit_clock(void);

#endif
