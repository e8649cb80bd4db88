#include "infer/fit/trace.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

double elbo_fit_clock(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

elbo_status elbo_fit_trace_new(elbo_fit_trace *trace, const elbo_fit_options *options, elbo_fit_progress progress,
                               void *user, elbo_error *error) {
    size_t bytes = (size_t)options->iterations * sizeof *trace->points;
    *trace = (elbo_fit_trace){.points = elbo_calloc(bytes),
                              .room = options->iterations,
                              .restarts = options->restarts,
                              .tolerance = options->tolerance,
                              .progress = progress,
                              .user = user};
    trace->kept = elbo_calloc(bytes);
    if (trace->points && trace->kept) return ELBO_OK;
    elbo_fit_trace_free(trace);
    return elbo_fail_memory(error, bytes, "the curve of a fit");
}

void elbo_fit_trace_free(elbo_fit_trace *trace) {
    elbo_free(trace->points);
    elbo_free(trace->kept);
    *trace = (elbo_fit_trace){0};
}

void elbo_fit_trace_restart(elbo_fit_trace *trace, int64_t restart) {
    trace->count = 0;
    trace->restart = restart;
    trace->converged = false;
    trace->begun = elbo_fit_clock();
}

elbo_status elbo_fit_trace_add(elbo_fit_trace *trace, double after_e, double after_m, double log_likelihood, bool *done,
                               elbo_error *error) {
    elbo_fit_point *point = &trace->points[trace->count];
    *point = (elbo_fit_point){trace->count + 1, after_e, after_m, log_likelihood, elbo_fit_clock() - trace->begun};
    if (!isfinite(after_e) || !isfinite(after_m))
        return elbo_fail(error, ELBO_ERROR_NUMERIC,
                         "fit: the bound of iteration %lld is %g after the E-step and %g after the M-step; a larger "
                         "--variance-floor may help",
                         (long long)point->iteration, after_e, after_m);
    trace->converged = trace->count > 0 && after_e - point[-1].after_e < trace->tolerance;
    trace->count++;
    *done = trace->converged || trace->count == trace->room;
    if (trace->progress && trace->progress(trace->user, trace->restart, point))
        return elbo_fail(error, ELBO_ERROR_INTERRUPTED, "fit: stopped on request after iteration %lld",
                         (long long)point->iteration);
    return ELBO_OK;
}

bool elbo_fit_trace_keep(elbo_fit_trace *trace, double elbo) {
    if (trace->kept_count > 0 && !(elbo > trace->kept_elbo)) return false;
    memcpy(trace->kept, trace->points, (size_t)trace->count * sizeof *trace->points);
    trace->kept_count = trace->count;
    trace->kept_restart = trace->restart;
    trace->kept_elbo = elbo;
    trace->kept_converged = trace->converged;
    return true;
}
