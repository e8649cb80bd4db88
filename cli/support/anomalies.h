/* How unlike the training data rows are: scores, what labels say, and a threshold that training rows set. */
#ifndef ELBO_CLI_SUPPORT_ANOMALIES_H
#define ELBO_CLI_SUPPORT_ANOMALIES_H

#include "support/run.h"

/* Options of the command and of the measurement. */
#define ELBO_CLI_ANOMALY_OPTIONS(O)                                                                                  \
    O(CHOICE, score, "auto", 0, 0, "auto|elbo|reconstruction|likelihood",                                            \
      "-ELBO; reconstruction error; -log p(x) by importance sampling; auto: elbo, of an autoencoder reconstruction") \
    O(INT, normal_label, "-1", -1, 2147483647, NULL,                                                                 \
      "rows with this label are normal and all others anomalies (default: the classes of the run's --train-labels; " \
      "without, labels are 0 for normal, 1 for anomalies)")                                                          \
    O(REAL, false_alarms, "0.05", 0, 1, NULL, "share of normal rows that may be called anomalies")                   \
    O(INT, samples, "0", 0, 1e6, NULL, "likelihood: samples for each row (0: 100)")                                  \
    O(INT, reference, "2000", 1, 1e9, NULL, "training rows that the threshold is set by, at most")                   \
    O(INT, worst, "20", 1, 10000, NULL, "rows in the picture")                                                       \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows are scored")                                         \
    O(INT, count, "0", 0, 1e12, NULL, "only the first rows (0: all)")                                                \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")
ELBO_OPTIONS_STRUCT(elbo_cli_anomaly_options, ELBO_CLI_ANOMALY_OPTIONS);
extern const elbo_options elbo_cli_anomaly_options_table;

typedef struct elbo_cli_anomalies {
    const elbo_cli_anomaly_options *options;
    elbo_split split;
    bool (*progress)(void *user, double share); /* true: stop; NULL: none */
    void *user;
    /* What is found. */
    const char *score;    /* elbo, reconstruction or likelihood */
    elbo_array scores;    /* f64 [N] */
    elbo_array anomalies; /* i32 [N], 1 for an anomaly; or empty: not known */
    int64_t reference;    /* training rows behind the threshold */
    double threshold;
    int64_t alarms;
    elbo_detection detection; /* count 0: no labels of both kinds */
} elbo_cli_anomalies;

/* Scores rows of the run's data, whose options, split and progress are set, by the run's model. The threshold is that
 * of the data that the run was trained on. Free with elbo_cli_anomalies_free, also after a failure. */
elbo_status elbo_cli_anomalies_find(elbo_cli_anomalies *found, elbo_cli_run *run, elbo_error *error);
void elbo_cli_anomalies_free(elbo_cli_anomalies *found);

/* The rows of the highest scores, the worst first, as many as the options ask for; the caller frees them with free.
 * NULL: out of memory. */
int64_t *elbo_cli_anomalies_worst(const elbo_cli_anomalies *found, int64_t *count);
/* Those rows above their reconstructions, as a picture. */
elbo_status elbo_cli_anomalies_draw(const elbo_cli_anomalies *found, elbo_cli_run *run, const int64_t *worst,
                                    int64_t count, const char *path, elbo_error *error);

#endif
