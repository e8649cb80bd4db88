#include "infer/fit/rows.h"

#include <math.h>
#include <omp.h>
#include <string.h>

static double raw(const elbo_fit_rows *rows, int64_t at) {
    switch (rows->dtype) {
        case ELBO_U8: return ((const uint8_t *)rows->data)[at];
        case ELBO_F32: return ((const float *)rows->data)[at];
        default: return ((const double *)rows->data)[at];
    }
}

elbo_status elbo_fit_rows_of(const elbo_array *x, elbo_fit_rows *rows, elbo_error *error) {
    bool known = x->dtype == ELBO_U8 || x->dtype == ELBO_F32 || x->dtype == ELBO_F64;
    if (!known || x->rank < 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "fit: an array of rank %d of type %s; u8, f32 or f64 rows expected",
                         x->rank, elbo_dtype_name(x->dtype));
    int64_t count = x->shape[0], dims = count > 0 ? elbo_array_count(x) / count : 0;
    if (count < 1 || dims < 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "fit: %lld rows of %lld numbers; at least one of each is needed",
                         (long long)count, (long long)dims);
    *rows = (elbo_fit_rows){x->data, x->dtype, count, dims, x->dtype == ELBO_U8 ? 1.0 / 255 : 1, NULL};
    if (x->dtype == ELBO_U8) return ELBO_OK;
    for (int64_t i = 0; i < count * dims; i++)
        if (!isfinite(raw(rows, i)))
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "fit: row %lld, column %lld of the data is %g; finite numbers "
                             "were expected",
                             (long long)(i / dims), (long long)(i % dims), raw(rows, i));
    return ELBO_OK;
}

void elbo_fit_rows_row(const elbo_fit_rows *rows, int64_t row, double *out) {
    for (int64_t d = 0; d < rows->dims; d++)
        out[d] = rows->scale * raw(rows, row * rows->dims + d) - (rows->centre ? rows->centre[d] : 0);
}

/* One loop for each type, so that the conversion is not decided anew for every number. */
#define LOAD_ROW(type)                                                                                         \
    do {                                                                                                       \
        const type *from = (const type *)rows->data + (first + lane) * rows->dims;                             \
        for (int64_t d = 0; d < rows->dims; d++) panel[d * ELBO_PANEL + lane] = rows->scale * (double)from[d]; \
    } while (0)

void elbo_fit_rows_panel(const elbo_fit_rows *rows, int64_t first, double *panel) {
    int present = elbo_fit_rows_present(rows, first / ELBO_PANEL);
    if (present < ELBO_PANEL) memset(panel, 0, (size_t)(rows->dims * ELBO_PANEL) * sizeof *panel);
    for (int lane = 0; lane < present; lane++) {
        if (rows->dtype == ELBO_U8)
            LOAD_ROW(uint8_t);
        else if (rows->dtype == ELBO_F32)
            LOAD_ROW(float);
        else
            LOAD_ROW(double);
    }
    if (!rows->centre) return;
    for (int64_t d = 0; d < rows->dims; d++)
        for (int lane = 0; lane < present; lane++) panel[d * ELBO_PANEL + lane] -= rows->centre[d];
}

void elbo_fit_rows_describe(const elbo_fit_rows *rows, double *mean, double *variance) {
    int64_t count = rows->count, dims = rows->dims;
    memset(mean, 0, (size_t)dims * sizeof *mean);
    memset(variance, 0, (size_t)dims * sizeof *variance);
    for (int64_t n = 0; n < count; n++)
        for (int64_t d = 0; d < dims; d++) mean[d] += rows->scale * raw(rows, n * dims + d);
    for (int64_t d = 0; d < dims; d++) mean[d] /= (double)count;
    for (int64_t n = 0; n < count; n++)
        for (int64_t d = 0; d < dims; d++) {
            double away = rows->scale * raw(rows, n * dims + d) - mean[d];
            variance[d] += away * away;
        }
    for (int64_t d = 0; d < dims; d++) variance[d] /= (double)count;
}

int64_t elbo_fit_rows_panels(const elbo_fit_rows *rows) { return (rows->count + ELBO_PANEL - 1) / ELBO_PANEL; }

int64_t elbo_fit_rows_block(const elbo_fit_rows *rows) {
    enum { NUMBERS = 1 << 17, FEWEST = 16, MOST = 128 };
    int64_t fit = NUMBERS / (rows->dims * ELBO_PANEL), panels = elbo_fit_rows_panels(rows);
    fit = fit < FEWEST ? FEWEST : fit > MOST ? MOST : fit;
    return fit < panels ? fit : panels;
}

int elbo_fit_rows_present(const elbo_fit_rows *rows, int64_t panel) {
    int64_t left = rows->count - panel * ELBO_PANEL;
    return left < 0 ? 0 : left < ELBO_PANEL ? (int)left : ELBO_PANEL;
}

int elbo_fit_threads(int threads, double work) {
    int most = threads > 0 ? threads : omp_get_num_procs();
    double worth = 1 + work / 1e6; /* below that, waking a thread costs more than it does */
    return worth < most ? (int)worth : most;
}
