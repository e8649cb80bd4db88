#include "support/anomalies.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/experiment_plan.h"
#include "support/rows.h"
#include "support/save.h"

#define ELBO_TABLE_STRUCT elbo_cli_anomaly_options
ELBO_TABLE(elbo_cli_anomaly_options_table, "Anomalies", ELBO_CLI_ANOMALY_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { DEFAULT_SAMPLES = 100, COLUMNS = 10, NAMES = 4096 };

/* The search at hand. */
typedef struct job {
    elbo_cli_run *run;
    elbo_cli_anomalies *found;
    const elbo_cli_anomaly_options *options;
} job;

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

/* ---- scores ---- */

static elbo_status score_rows(const job *j, const elbo_dataset *dataset, const char *split, int64_t count,
                              elbo_array *out, elbo_error *error) {
    elbo_row_scores rows = {0};
    elbo_evaluation_options options = {0};
    ELBO_CLI_TRY(elbo_options_init(&elbo_evaluation_options_table, &options, error));
    ELBO_CLI_TRY(elbo_options_set(&elbo_evaluation_options_table, &options, "split", split, error));
    options.count = count;
    options.seed = j->options->seed;
    if (is(j->found->score, "likelihood"))
        options.samples = j->options->samples > 0 ? j->options->samples : DEFAULT_SAMPLES;
    elbo_status status =
        elbo_model_score(j->run->model, dataset, &options, j->found->progress, j->found->user, &rows, error);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    if (is(j->found->score, "auto")) j->found->score = rows.kl ? "elbo" : "reconstruction";
    if (status == ELBO_OK && is(j->found->score, "elbo") && !rows.kl)
        status = elbo_cli_fail(error, ELBO_ERROR_UNSUPPORTED,
                               "%s has codes, not a posterior, and so no ELBO: use --score reconstruction",
                               j->run->info->model);
    if (status == ELBO_OK) status = elbo_array_new(out, ELBO_F64, 1, &rows.count, error);
    for (int64_t i = 0; status == ELBO_OK && i < rows.count; i++)
        ((double *)out->data)[i] = rows.log_p                    ? -rows.log_p[i]
                                   : is(j->found->score, "elbo") ? rows.reconstruction[i] + rows.kl[i]
                                                                 : rows.reconstruction[i];
    elbo_row_scores_clear(&rows);
    return status;
}

/* ---- labels ---- */

/* The number that a label stands for in --normal-label: the class's name where that is a number, else its index. */
static int64_t class_number(const elbo_data_info *info, int32_t label) {
    if (label < 0 || label >= info->classes) return label;
    char *end;
    long long number = strtoll(info->class_names[label], &end, 10);
    return *end == 0 && end != info->class_names[label] ? number : label;
}

/* Whether a list "1,cat" has the name. */
static bool lists(const char *list, const char *name) {
    size_t length = strlen(name);
    for (const char *at = list; *at; at += strcspn(at, ","), at += *at == ',') {
        at += strspn(at, " ");
        size_t here = strcspn(at, ",");
        while (here > 0 && at[here - 1] == ' ') here--;
        if (here == length && strncmp(at, name, length) == 0) return true;
    }
    return false;
}

/* What says which rows are normal: --normal-label, the run's --train-labels ("" where it has none), or labels of 0 and
 * 1. */
typedef enum source_of_truth { BY_LABEL, BY_TRAINING, BY_ZERO } source_of_truth;

static source_of_truth truth_of(const job *j, char trained[NAMES]) {
    elbo_cli_run_option(j->run, "train_labels", trained, NAMES);
    return j->options->normal_label >= 0 ? BY_LABEL : *trained ? BY_TRAINING : BY_ZERO;
}

/* Labels to 0 for normal rows and 1 for anomalies; returns how many are normal, -1 where labels do not say it. */
static int64_t tell(const job *j, const elbo_data_info *info, int32_t *label, int64_t count) {
    char trained[NAMES];
    source_of_truth by = truth_of(j, trained);
    int64_t normal = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t number = class_number(info, label[i]);
        if (by == BY_ZERO && number != 0 && number != 1) return -1; /* classes of something else */
        label[i] = by == BY_LABEL      ? number != j->options->normal_label
                   : by == BY_TRAINING ? !lists(trained, info->class_names[label[i]])
                                       : (int32_t)number;
        normal += label[i] == 0;
    }
    return normal;
}

/* Which rows are anomalies, 0 or 1; empty where labels do not say it. */
static elbo_status mark(const job *j, const elbo_dataset *dataset, elbo_split split, int64_t count, elbo_array *out,
                        elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    bool chosen = j->options->normal_label >= 0;
    if (info->classes == 0 && chosen)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--normal-label: %s has no labels", info->source);
    if (info->classes == 0) return ELBO_OK;
    ELBO_CLI_TRY(elbo_cli_labels(dataset, split, 0, count, out, error));
    int64_t normal = tell(j, info, out->data, count);
    if (normal < 0) elbo_array_free(out);
    if (chosen && normal == 0)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--normal-label %lld: no %s row of %s has this label",
                             (long long)j->options->normal_label, elbo_cli_split_word(split), info->source);
    return ELBO_OK;
}

/* ---- threshold ---- */

static int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* The least number that at most the allowed share of scores lies above. */
static double quantile(double *score, int64_t count, double false_alarms) {
    qsort(score, (size_t)count, sizeof *score, ascending);
    int64_t allowed = (int64_t)floor(false_alarms * (double)count + 1e-9);
    return allowed >= count ? -INFINITY : score[count - 1 - allowed];
}

/* From the training rows of a data set, the normal ones where labels say which. */
static elbo_status threshold_of(const job *j, const elbo_dataset *dataset, elbo_error *error) {
    elbo_array scores = {0}, anomalies = {0};
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t count = info->count[ELBO_SPLIT_TRAIN], kept = 0;
    if (count > j->options->reference) count = j->options->reference;
    if (count < 1)
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no training rows to set the threshold by", info->source);
    elbo_status status = score_rows(j, dataset, "train", count, &scores, error);
    if (status == ELBO_OK && info->classes > 0) status = mark(j, dataset, ELBO_SPLIT_TRAIN, count, &anomalies, error);
    double *score = scores.data;
    const int32_t *anomaly = anomalies.data;
    for (int64_t i = 0; status == ELBO_OK && i < count; i++)
        if (!anomaly || !anomaly[i]) score[kept++] = score[i];
    if (status == ELBO_OK && kept == 0)
        status = elbo_cli_fail(error, ELBO_ERROR_STATE, "none of %lld training rows of %s is normal", (long long)count,
                               info->source);
    if (status == ELBO_OK) j->found->threshold = quantile(score, kept, j->options->false_alarms);
    j->found->reference = kept;
    elbo_array_free(&scores);
    elbo_array_free(&anomalies);
    return status;
}

/* The run's own data say what is usual, whatever data are scored. */
static elbo_status set_threshold(const job *j, elbo_error *error) {
    const elbo_context *context = j->run->context;
    const elbo_cli_source_options *source =
        context ? elbo_context_values(context, &elbo_cli_source_options_table) : NULL;
    if (!source || !source->data[0]) return threshold_of(j, j->run->dataset, error);
    elbo_dataset *own = elbo_cli_open_configured(j->run->config, error);
    if (!own) return error->status;
    elbo_status status = threshold_of(j, own, error);
    elbo_dataset_free(own);
    return status;
}

static elbo_status judge(const job *j, elbo_error *error) {
    const double *score = j->found->scores.data;
    const int32_t *anomaly = j->found->anomalies.data;
    int64_t count = j->found->scores.shape[0], anomalies = 0;
    for (int64_t i = 0; i < count; i++) {
        j->found->alarms += score[i] > j->found->threshold;
        anomalies += anomaly ? anomaly[i] : 0;
    }
    if (!anomaly || anomalies == 0 || anomalies == count) return ELBO_OK;
    ELBO_CLI_TRY(elbo_score_detection(&j->found->scores, &j->found->anomalies, j->options->false_alarms,
                                      &j->found->detection, error));
    int64_t caught = 0;
    for (int64_t i = 0; i < count; i++) caught += anomaly[i] && score[i] > j->found->threshold;
    j->found->detection.threshold =
        j->found->threshold; /* that of the training rows, not of the rows that are judged */
    j->found->detection.detected = (double)caught / (double)anomalies;
    j->found->detection.false_alarms = (double)(j->found->alarms - caught) / (double)(count - anomalies);
    j->found->detection.precision = j->found->alarms > 0 ? (double)caught / (double)j->found->alarms : NAN;
    return ELBO_OK;
}

/* ---- the worst ---- */

typedef struct ranked {
    double score;
    int64_t row;
} ranked;

static int descending(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

int64_t *elbo_cli_anomalies_worst(const elbo_cli_anomalies *found, int64_t *count) {
    int64_t rows = found->scores.shape[0];
    ranked *all = malloc(sizeof *all * (size_t)rows);
    int64_t *worst = malloc(sizeof *worst * (size_t)rows);
    *count = rows < found->options->worst ? rows : found->options->worst;
    for (int64_t i = 0; all && i < rows; i++) all[i] = (ranked){((const double *)found->scores.data)[i], i};
    if (all) qsort(all, (size_t)rows, sizeof *all, descending);
    for (int64_t i = 0; all && worst && i < *count; i++) worst[i] = all[i].row;
    if (!all) free(worst);
    int64_t *made = all ? worst : NULL;
    free(all);
    return made;
}

elbo_status elbo_cli_anomalies_draw(const elbo_cli_anomalies *found, elbo_cli_run *run, const int64_t *worst,
                                    int64_t count, const char *path, elbo_error *error) {
    elbo_array rows = {0}, codes = {0}, back = {0};
    elbo_picture picture = {.columns = count < COLUMNS ? (int)count : COLUMNS};
    elbo_status status = elbo_cli_run_rows(run, found->split, worst, 0, count, &rows, error);
    if (status == ELBO_OK) status = elbo_model_encode(run->model, &rows, &codes, NULL, error);
    if (status == ELBO_OK) status = elbo_model_decode(run->model, &codes, false, 0, &back, error);
    if (status == ELBO_OK) status = elbo_cli_picture(run, &picture, error);
    const elbo_array *both[] = {&rows, &back};
    if (status == ELBO_OK) status = elbo_picture_compare(both, 2, &picture, path, error);
    elbo_array_free(&rows);
    elbo_array_free(&codes);
    elbo_array_free(&back);
    return status;
}

/* ---- all of it ---- */

elbo_status elbo_cli_anomalies_find(elbo_cli_anomalies *found, elbo_cli_run *run, elbo_error *error) {
    const job j = {.run = run, .found = found, .options = found->options};
    found->score = j.options->score;
    ELBO_CLI_TRY(score_rows(&j, run->dataset, j.options->split, j.options->count, &found->scores, error));
    ELBO_CLI_TRY(mark(&j, run->dataset, found->split, found->scores.shape[0], &found->anomalies, error));
    ELBO_CLI_TRY(set_threshold(&j, error));
    return judge(&j, error);
}

void elbo_cli_anomalies_free(elbo_cli_anomalies *found) {
    elbo_array_free(&found->scores);
    elbo_array_free(&found->anomalies);
}
