/* How well a score tells anomalies from normal rows. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/input.h"

typedef struct scored {
    double score;
    int32_t anomaly;
} scored;

static int compare(const void *a, const void *b) {
    double x = ((const scored *)a)->score, y = ((const scored *)b)->score;
    return (x < y) - (x > y);
}

/* The end of the rows with the same score as `first`, and how many of them are anomalies. */
static int64_t group(const scored *row, int64_t count, int64_t first, int64_t *anomalies) {
    int64_t end = first;
    *anomalies = 0;
    while (end < count && row[end].score == row[first].score) *anomalies += row[end++].anomaly;
    return end;
}

/* AUROC is the mean over anomalies of the share of normal rows that score less, ties counting half. Its variance is
 * s2(shares of anomalies) / anomalies + s2(shares of normal rows) / normals (DeLong et al. 1988). */
static void area(const scored *row, int64_t count, elbo_detection *out) {
    double anomalies = (double)out->anomalies, normals = (double)(count - out->anomalies);
    double above_normals = 0, above_anomalies = 0, sum = 0, first = 0, second = 0;
    for (int64_t at = 0, end; at < count; at = end) {
        int64_t here;
        end = group(row, count, at, &here);
        double positive = (double)here, negative = (double)(end - at - here);
        double below_normals = (normals - above_normals - 0.5 * negative) / normals;
        double below_anomalies = (above_anomalies + 0.5 * positive) / anomalies;
        sum += positive * below_normals;
        first += positive * below_normals * below_normals;
        second += negative * below_anomalies * below_anomalies;
        above_normals += negative;
        above_anomalies += positive;
    }
    out->auroc = sum / anomalies;
    double mean = out->auroc, spread = 0;
    if (anomalies > 1) spread += fmax(first - anomalies * mean * mean, 0) / (anomalies - 1) / anomalies;
    if (normals > 1) spread += fmax(second - normals * mean * mean, 0) / (normals - 1) / normals;
    out->auroc_stderr = anomalies > 1 && normals > 1 ? sqrt(spread) : NAN;
}

/* sum over thresholds of (recall - recall before) precision, and the lowest threshold with few enough false alarms. */
static void sweep(const scored *row, int64_t count, double most, elbo_detection *out) {
    int64_t normals = count - out->anomalies, found = 0;
    out->threshold = nextafter(row[0].score, INFINITY); /* no alarm at all */
    out->detected = out->false_alarms = 0;
    out->precision = NAN;
    for (int64_t at = 0, end; at < count; at = end) {
        int64_t here;
        end = group(row, count, at, &here);
        found += here;
        double precision = (double)found / (double)end, alarms = (double)(end - found) / (double)normals;
        out->average_precision += (double)here / (double)out->anomalies * precision;
        if (alarms > most) continue;
        out->threshold = row[at].score;
        out->detected = (double)found / (double)out->anomalies;
        out->false_alarms = alarms;
        out->precision = precision;
    }
}

static elbo_status check(const elbo_metric_matrix *scores, const elbo_metric_labels *labels, double false_alarms,
                         elbo_error *error) {
    if (!(false_alarms >= 0 && false_alarms <= 1))
        return elbo_fail(error, ELBO_ERROR_USAGE, "false alarms: a rate of %g; 0 to 1 was expected", false_alarms);
    if (scores->columns != 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "scores: %lld columns; one number for each row was expected",
                         (long long)scores->columns);
    ELBO_TRY(elbo_metric_same_length("scores", scores->rows, "labels", labels->count, error));
    for (int64_t row = 0; row < labels->count; row++) {
        int64_t value = labels->value[labels->code[row]];
        if (value != 0 && value != 1)
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "labels: row %lld (from 0) is %lld; 0 (normal) or 1 (anomaly) was expected",
                             (long long)row, (long long)value);
    }
    if (labels->classes == 2) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "labels: every row is %s; both kinds were expected",
                     labels->value[0] ? "an anomaly" : "normal");
}

static elbo_status measure(const elbo_metric_matrix *scores, const elbo_metric_labels *labels, double false_alarms,
                           elbo_detection *out, elbo_error *error) {
    ELBO_TRY(check(scores, labels, false_alarms, error));
    int64_t count = out->count = scores->rows;
    scored *row = elbo_calloc((size_t)count * sizeof *row);
    if (!row) return elbo_fail_memory(error, (size_t)count * sizeof *row, "scores");
    for (int64_t i = 0; i < count; i++) {
        row[i] = (scored){scores->data[i], labels->code[i]};
        out->anomalies += labels->code[i];
    }
    qsort(row, (size_t)count, sizeof *row, compare);
    area(row, count, out);
    sweep(row, count, false_alarms, out);
    elbo_free(row);
    return ELBO_OK;
}

elbo_status elbo_score_detection(const elbo_array *scores, const elbo_array *labels, double false_alarms,
                                 elbo_detection *out, elbo_error *error) {
    elbo_metric_matrix score = {0};
    elbo_metric_labels label = {0};
    memset(out, 0, sizeof *out);
    elbo_status status = elbo_metric_matrix_read(&score, scores, "scores", error);
    if (status == ELBO_OK) status = elbo_metric_labels_read(&label, labels, "labels", error);
    if (status == ELBO_OK) status = measure(&score, &label, false_alarms, out, error);
    elbo_metric_matrix_clear(&score);
    elbo_metric_labels_clear(&label);
    return status;
}
