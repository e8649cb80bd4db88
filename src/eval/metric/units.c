/* Units of codes that the data move. */
#include <string.h>

#include "base/memory.h"
#include "eval/metric/input.h"
#include "eval/metric/panels.h"

static elbo_status check_layers(const elbo_ints *layers, int64_t units, elbo_error *error) {
    int64_t sum = 0;
    for (int i = 0; i < layers->count; i++) {
        if (layers->value[i] < 1)
            return elbo_fail(error, ELBO_ERROR_USAGE, "layers: layer %d has %lld units; at least 1 was expected", i + 1,
                             (long long)layers->value[i]);
        sum += layers->value[i];
    }
    if (sum == units) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE, "layers: %lld units in all, but the codes have %lld columns",
                     (long long)sum, (long long)units);
}

static elbo_status measure(const elbo_metric_matrix *codes, const elbo_ints *layers, double threshold, elbo_units *out,
                           elbo_error *error) {
    int64_t units = codes->columns;
    elbo_ints whole = {1, {units}};
    const elbo_ints *used = layers && layers->count ? layers : &whole;
    if (!(threshold >= 0))
        return elbo_fail(error, ELBO_ERROR_USAGE, "threshold: %g; a variance of at least 0 was expected", threshold);
    if (codes->rows < 2) return elbo_fail(error, ELBO_ERROR_SHAPE, "codes: one row; a variance needs at least 2");
    ELBO_TRY(check_layers(used, units, error));
    double *mean = elbo_calloc((size_t)units * sizeof *mean);
    out->variance = elbo_calloc((size_t)units * sizeof *out->variance);
    if (!mean || !out->variance) {
        elbo_free(mean);
        return elbo_fail_memory(error, (size_t)units * sizeof *mean, "variances");
    }
    elbo_metric_moments(codes->data, codes->rows, units, 1, mean, out->variance);
    elbo_free(mean);
    out->count = codes->rows;
    out->units = units;
    out->layers = *used;
    out->layer_active.count = used->count;
    for (int64_t unit = 0, layer = 0, left = used->value[0]; unit < units; unit++, left--) {
        while (left == 0) left = used->value[++layer];
        bool active = out->variance[unit] > threshold;
        out->active_units += active;
        out->layer_active.value[layer] += active;
    }
    return ELBO_OK;
}

elbo_status elbo_score_units(const elbo_array *codes, const elbo_ints *layers, double threshold, elbo_units *out,
                             elbo_error *error) {
    elbo_metric_matrix matrix;
    memset(out, 0, sizeof *out);
    ELBO_TRY(elbo_metric_matrix_read(&matrix, codes, "codes", error));
    elbo_status status = measure(&matrix, layers, threshold, out, error);
    elbo_metric_matrix_clear(&matrix);
    if (status != ELBO_OK) elbo_units_clear(out);
    return status;
}

void elbo_units_clear(elbo_units *units) {
    elbo_free(units->variance);
    memset(units, 0, sizeof *units);
}
