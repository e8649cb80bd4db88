#include "eval/metric/panels.h"

#include <string.h>

#include "base/memory.h"

elbo_status elbo_metric_panels(elbo_panels *panels, const double *x, int64_t rows, int64_t columns,
                               const double *centre, const double *scale, bool ones, elbo_error *error) {
    int64_t dims = columns + ones, count = (rows + ELBO_PANEL - 1) / ELBO_PANEL;
    size_t bytes = (size_t)(count * dims * ELBO_PANEL) * sizeof(double);
    double *data = elbo_calloc(bytes);
    if (!data) return elbo_fail_memory(error, bytes, "panels");
    for (int64_t row = 0; row < rows; row++) {
        double *out = data + row / ELBO_PANEL * dims * ELBO_PANEL + row % ELBO_PANEL;
        for (int64_t c = 0; c < columns; c++) {
            double value = x[row * columns + c] - (centre ? centre[c] : 0);
            out[c * ELBO_PANEL] = scale ? value * scale[c] : value;
        }
        if (ones) out[columns * ELBO_PANEL] = 1;
    }
    *panels = (elbo_panels){data, count, dims};
    return ELBO_OK;
}

void elbo_metric_moments(const double *x, int64_t rows, int64_t columns, int64_t less, double *mean, double *variance) {
    memset(mean, 0, (size_t)columns * sizeof *mean);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t c = 0; c < columns; c++) mean[c] += x[row * columns + c];
    for (int64_t c = 0; c < columns; c++) mean[c] /= (double)rows;
    if (!variance) return;
    memset(variance, 0, (size_t)columns * sizeof *variance);
    for (int64_t row = 0; row < rows; row++)
        for (int64_t c = 0; c < columns; c++) {
            double away = x[row * columns + c] - mean[c];
            variance[c] += away * away;
        }
    for (int64_t c = 0; c < columns; c++) variance[c] /= (double)(rows - less);
}
