/* Rows of a matrix as panels (backend/cpu/vector/panel.h): moved, scaled, transposed in blocks. */
#ifndef ELBO_EVAL_METRIC_PANELS_H
#define ELBO_EVAL_METRIC_PANELS_H

#include "backend/cpu/panel.h"
#include "base/error.h"

/* Panels of x: [rows, columns], each column c as (x - centre[c]) * scale[c] (NULL: 0 and 1), and with `ones` a last
 * column of ones. Rows that fill up the last panel are zeros. The caller elbo_frees `data`. */
elbo_status elbo_metric_panels(elbo_panels *panels, const double *x, int64_t rows, int64_t columns,
                               const double *centre, const double *scale, bool ones, elbo_error *error);
/* Mean and, unless NULL, variance (sum of squares over rows - less) of each column. */
void elbo_metric_moments(const double *x, int64_t rows, int64_t columns, int64_t less, double *mean, double *variance);

#endif
