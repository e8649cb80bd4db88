/* The curves of a run, for plots. */
#include <string.h>

#include "base/memory.h"
#include "train/metrics_log.h"

static elbo_status copy(const elbo_metrics_series *series, double **epoch, double **value, size_t *count,
                        elbo_error *error) {
    size_t bytes = sizeof(double) * series->count;
    *epoch = elbo_calloc(bytes);
    *value = elbo_calloc(bytes);
    if (!*epoch || !*value) {
        elbo_free(*epoch);
        elbo_free(*value);
        *epoch = *value = NULL;
        return elbo_fail_memory(error, bytes, "a series of metrics.jsonl");
    }
    memcpy(*epoch, series->epoch, bytes);
    memcpy(*value, series->value, bytes);
    *count = series->count;
    return ELBO_OK;
}

elbo_status elbo_metrics_read(const char *folder, const char *name, double **epoch, double **value, size_t *count,
                              elbo_error *error) {
    *epoch = *value = NULL;
    *count = 0;
    char *path = elbo_textf("%s/metrics.jsonl", folder);
    if (!path) return elbo_fail_memory(error, strlen(folder), "a path");
    elbo_metrics_log log = {0};
    elbo_status status = elbo_metrics_log_read(&log, path, error);
    const elbo_metrics_series *series = status == ELBO_OK ? elbo_metrics_log_find(&log, name) : NULL;
    if (series) status = copy(series, epoch, value, count, error);
    elbo_metrics_log_clear(&log);
    elbo_free(path);
    return status;
}

void elbo_metrics_free(double *numbers) { elbo_free(numbers); }
