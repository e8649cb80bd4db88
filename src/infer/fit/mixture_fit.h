/* Fitting a mixture: starts, iterations, the best of them. */
#ifndef ELBO_INFER_FIT_MIXTURE_FIT_H
#define ELBO_INFER_FIT_MIXTURE_FIT_H

#include "infer/fit/mixture.h"
#include "infer/fit/trace.h"

/* The prior of a conjugate mixture from the options and the variances of the columns [D]. */
elbo_status elbo_mixture_set_prior(elbo_mixture *mixture, const elbo_fit_options *options, const double *variance,
                                   elbo_error *error);

/* E-step, M-step, until the trace says that it is done; then one E-step more, whose bound goes to *elbo. */
elbo_status elbo_mixture_iterate(elbo_mixture *mixture, const elbo_fit_rows *rows, int threads, elbo_mixture_work *work,
                                 elbo_mixture_moments *moments, elbo_fit_trace *trace, double *elbo, elbo_error *error);

/* The best of options->restarts starts; *empty: its components with less than half a row. */
elbo_status elbo_mixture_fit(elbo_mixture *mixture, const elbo_fit_rows *rows, const elbo_fit_options *options,
                             int threads, elbo_fit_trace *trace, int64_t *empty, elbo_error *error);

#endif
