/* metrics.jsonl: one JSON object per line, usually one line per epoch, that any tool can tail, grep and plot. */
#ifndef ELBO_TRAIN_METRICS_LOG_H
#define ELBO_TRAIN_METRICS_LOG_H

#include "base/error.h"

typedef enum elbo_metric_kind {
    ELBO_METRIC_REAL, /* NaN and infinities, which JSON lacks, become null */
    ELBO_METRIC_INTEGER,
    ELBO_METRIC_TEXT, /* UTF-8 */
    ELBO_METRIC_REALS /* reals[count] */
} elbo_metric_kind;

typedef struct elbo_metric {
    const char *name;
    elbo_metric_kind kind;
    double real;
    int64_t integer;
    const char *text;
    const double *reals;
    size_t count;
} elbo_metric;

#define ELBO_METRIC_OF_REAL(name_, value_) ((elbo_metric){.name = (name_), .kind = ELBO_METRIC_REAL, .real = (value_)})
#define ELBO_METRIC_OF_INTEGER(name_, value_) \
    ((elbo_metric){.name = (name_), .kind = ELBO_METRIC_INTEGER, .integer = (value_)})
#define ELBO_METRIC_OF_TEXT(name_, value_) ((elbo_metric){.name = (name_), .kind = ELBO_METRIC_TEXT, .text = (value_)})
#define ELBO_METRIC_OF_REALS(name_, values_, count_) \
    ((elbo_metric){.name = (name_), .kind = ELBO_METRIC_REALS, .reals = (values_), .count = (count_)})

/* Appends one line, makes it durable, and creates the file if need be.  Numbers keep 17 significant digits, so that
 * they read back exactly.  On failure the file is as it was.  Names are UTF-8 and occur once, else
 * ELBO_ERROR_USAGE; a file whose last line is torn is not written on (ELBO_ERROR_STATE): cut it back first. */
elbo_status elbo_metrics_log_append(const char *path, const elbo_metric *metrics, size_t count, elbo_error *error);

/* For resuming: keeps the lines up to the first whose "epoch" is greater than `epoch`, and drops a torn or unreadable
 * last line.  Lines without "epoch" belong to the line before them.  The file changes whole or not at all; a missing
 * file is an empty one.  ELBO_ERROR_FORMAT names line and byte of damage elsewhere than at the end. */
elbo_status elbo_metrics_log_truncate(const char *path, int64_t epoch, elbo_error *error);

/* The numbers of one name over the lines that have it. */
typedef struct elbo_metrics_series {
    char *name;
    size_t count;
    double *epoch; /* [count] "epoch" of that line, else of the last line that had it; NaN before the first */
    double *value; /* [count]; NaN for null */
    size_t room;   /* internal */
} elbo_metrics_series;

/* Every series in order of first appearance.  Element i of an array is the series "name[i]".  Texts and truth values
 * are left out.  A zeroed struct is empty. */
typedef struct elbo_metrics_log {
    elbo_metrics_series *series;
    size_t count;
    size_t lines;
    size_t room; /* internal */
} elbo_metrics_log;

/* Reads a log; a torn last line (someone may be writing it now) is passed over.  Clear with elbo_metrics_log_clear. */
elbo_status elbo_metrics_log_read(elbo_metrics_log *log, const char *path, elbo_error *error);
void elbo_metrics_log_clear(elbo_metrics_log *log);
/* NULL when no line has that name. */
const elbo_metrics_series *elbo_metrics_log_find(const elbo_metrics_log *log, const char *name);

#endif
