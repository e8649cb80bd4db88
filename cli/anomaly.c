/* elbo anomaly: how unlike the training data rows are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/experiment_plan.h"
#include "support/interrupt.h"
#include "support/progress.h"
#include "support/rows.h"
#include "support/save.h"

#define ANOMALY_OPTIONS(O)                                                                                            \
    O(CHOICE, score, "auto", 0, 0, "auto|elbo|reconstruction|likelihood",                                             \
      "-ELBO; reconstruction error; -log p(x) by importance sampling; auto: elbo, of an autoencoder reconstruction")  \
    O(INT, normal_label, "-1", -1, 2147483647, NULL,                                                                  \
      "rows with this label are normal and all others anomalies (default: labels are 0 for normal, 1 for anomalies)") \
    O(REAL, false_alarms, "0.05", 0, 1, NULL, "share of normal rows that may be called anomalies")                    \
    O(INT, samples, "0", 0, 1e6, NULL, "likelihood: samples for each row (0: 100)")                                   \
    O(INT, reference, "2000", 1, 1e9, NULL, "training rows that the threshold is set by, at most")                    \
    O(INT, worst, "20", 1, 10000, NULL, "rows in the picture")                                                        \
    O(TEXT, out, "", 0, 0, NULL, "picture (.png) of the worst rows, the worst first, above their reconstructions")    \
    O(TEXT, scores, "", 0, 0, NULL, "file for the score of each row: .npy, .npz or .csv")                             \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows are scored")                                          \
    O(INT, count, "0", 0, 1e12, NULL, "only the first rows (0: all)")                                                 \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")
ELBO_OPTIONS_STRUCT(anomaly_options, ANOMALY_OPTIONS);
#define ELBO_TABLE_STRUCT anomaly_options
static ELBO_TABLE(anomaly_table, "Anomalies", ANOMALY_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { DEFAULT_SAMPLES = 100, COLUMNS = 10 };

typedef struct job {
    elbo_cli_run *run;
    const anomaly_options *options;
    const char *score;
    elbo_split split;
    elbo_array scores;    /* f64 [N] */
    elbo_array anomalies; /* i32 [N], or empty: not known */
    int64_t reference;    /* training rows behind the threshold */
    double threshold;
    int64_t alarms;
    elbo_detection detection; /* count 0: no labels of both kinds */
} job;

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

static bool show(void *user, double share) {
    const elbo_cli_progress_state state = {"scoring", share, share, NULL, 0};
    elbo_cli_progress_update(user, &state);
    return elbo_cli_interrupt_requested();
}

/* ---- scores ---- */

static elbo_status score_rows(job *j, const elbo_dataset *dataset, const char *split, int64_t count, elbo_array *out,
                              elbo_error *error) {
    elbo_cli_progress bar;
    elbo_row_scores rows = {0};
    elbo_evaluation_options options = {0};
    ELBO_CLI_TRY(elbo_options_init(&elbo_evaluation_options_table, &options, error));
    ELBO_CLI_TRY(elbo_options_set(&elbo_evaluation_options_table, &options, "split", split, error));
    options.count = count;
    options.seed = j->options->seed;
    if (is(j->score, "likelihood")) options.samples = j->options->samples > 0 ? j->options->samples : DEFAULT_SAMPLES;
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&bar, j->run->context);
    elbo_status status = elbo_model_score(j->run->model, dataset, &options, show, &bar, &rows, error);
    elbo_cli_progress_end(&bar);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    if (is(j->score, "auto")) j->score = rows.kl ? "elbo" : "reconstruction";
    if (status == ELBO_OK && is(j->score, "elbo") && !rows.kl)
        status = elbo_cli_fail(error, ELBO_ERROR_UNSUPPORTED,
                               "%s has codes, not a posterior, and so no ELBO: use --score reconstruction",
                               j->run->info->model);
    if (status == ELBO_OK) status = elbo_array_new(out, ELBO_F64, 1, &rows.count, error);
    for (int64_t i = 0; status == ELBO_OK && i < rows.count; i++)
        ((double *)out->data)[i] = rows.log_p             ? -rows.log_p[i]
                                   : is(j->score, "elbo") ? rows.reconstruction[i] + rows.kl[i]
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

/* Which rows are anomalies, 0 or 1; empty where labels do not say it. */
static elbo_status mark(const job *j, const elbo_dataset *dataset, elbo_split split, int64_t count, elbo_array *out,
                        elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    bool chosen = j->options->normal_label >= 0;
    if (info->classes == 0 && chosen)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--normal-label: %s has no labels", info->source);
    if (info->classes == 0) return ELBO_OK;
    ELBO_CLI_TRY(elbo_cli_labels(dataset, split, 0, count, out, error));
    int32_t *label = out->data;
    int64_t normal = 0;
    for (int64_t i = 0; i < count; i++) {
        int64_t number = class_number(info, label[i]);
        if (!chosen && number != 0 && number != 1) { /* classes of something else */
            elbo_array_free(out);
            return ELBO_OK;
        }
        label[i] = chosen ? number != j->options->normal_label : (int32_t)number;
        normal += label[i] == 0;
    }
    if (chosen && normal == 0)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--normal-label %lld: no row of %s has this label",
                             (long long)j->options->normal_label, info->source);
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
static elbo_status threshold_of(job *j, const elbo_dataset *dataset, elbo_error *error) {
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
    if (status == ELBO_OK) j->threshold = quantile(score, kept, j->options->false_alarms);
    j->reference = kept;
    elbo_array_free(&scores);
    elbo_array_free(&anomalies);
    return status;
}

/* The run's own data say what is usual, whatever data are scored. */
static elbo_status set_threshold(job *j, elbo_error *error) {
    const elbo_cli_source_options *source = elbo_context_values(j->run->context, &elbo_cli_source_options_table);
    if (!source->data[0]) return threshold_of(j, j->run->dataset, error);
    elbo_dataset *own = elbo_cli_open_configured(j->run->config, error);
    if (!own) return error->status;
    elbo_status status = threshold_of(j, own, error);
    elbo_dataset_free(own);
    return status;
}

static elbo_status judge(job *j, elbo_error *error) {
    const double *score = j->scores.data;
    const int32_t *anomaly = j->anomalies.data;
    int64_t count = j->scores.shape[0], anomalies = 0;
    for (int64_t i = 0; i < count; i++) {
        j->alarms += score[i] > j->threshold;
        anomalies += anomaly ? anomaly[i] : 0;
    }
    if (!anomaly || anomalies == 0 || anomalies == count) return ELBO_OK;
    ELBO_CLI_TRY(elbo_score_detection(&j->scores, &j->anomalies, j->options->false_alarms, &j->detection, error));
    int64_t caught = 0;
    for (int64_t i = 0; i < count; i++) caught += anomaly[i] && score[i] > j->threshold;
    j->detection.threshold = j->threshold; /* that of the training rows, not of the rows that are judged */
    j->detection.detected = (double)caught / (double)anomalies;
    j->detection.false_alarms = (double)(j->alarms - caught) / (double)(count - anomalies);
    j->detection.precision = j->alarms > 0 ? (double)caught / (double)j->alarms : NAN;
    return ELBO_OK;
}

/* ---- what is written ---- */

typedef struct ranked {
    double score;
    int64_t row;
} ranked;

static int descending(const void *a, const void *b) {
    const ranked *x = a, *y = b;
    if (x->score != y->score) return x->score < y->score ? 1 : -1;
    return (x->row > y->row) - (x->row < y->row);
}

static int64_t *worst_rows(const job *j, int64_t *count) {
    int64_t rows = j->scores.shape[0];
    ranked *all = malloc(sizeof *all * (size_t)rows);
    int64_t *worst = malloc(sizeof *worst * (size_t)rows);
    *count = rows < j->options->worst ? rows : j->options->worst;
    for (int64_t i = 0; all && i < rows; i++) all[i] = (ranked){((const double *)j->scores.data)[i], i};
    if (all) qsort(all, (size_t)rows, sizeof *all, descending);
    for (int64_t i = 0; all && worst && i < *count; i++) worst[i] = all[i].row;
    if (!all) free(worst);
    int64_t *made = all ? worst : NULL;
    free(all);
    return made;
}

static elbo_status draw_worst(job *j, const int64_t *worst, int64_t count, elbo_error *error) {
    elbo_array rows = {0}, codes = {0}, back = {0};
    elbo_picture picture = {.columns = count < COLUMNS ? (int)count : COLUMNS};
    elbo_status status = elbo_cli_run_rows(j->run, j->split, worst, 0, count, &rows, error);
    if (status == ELBO_OK) status = elbo_model_encode(j->run->model, &rows, &codes, NULL, error);
    if (status == ELBO_OK) status = elbo_model_decode(j->run->model, &codes, false, 0, &back, error);
    if (status == ELBO_OK) status = elbo_cli_picture(j->run, &picture, error);
    const elbo_array *both[] = {&rows, &back};
    if (status == ELBO_OK) status = elbo_picture_compare(both, 2, &picture, j->options->out, error);
    elbo_array_free(&rows);
    elbo_array_free(&codes);
    elbo_array_free(&back);
    return status;
}

static void print_json(job *j, const int64_t *worst, int64_t count) {
    const elbo_detection *d = &j->detection;
    bool known = d->count > 0;
    json_t *object = json_object(), *rows = json_array();
    json_object_set_new(object, "model", elbo_cli_json_text(j->run->info->model));
    json_object_set_new(object, "epoch", json_integer(j->run->info->epoch));
    json_object_set_new(object, "data", elbo_cli_json_text(j->run->data->source));
    json_object_set_new(object, "score", elbo_cli_json_text(j->score));
    json_object_set_new(object, "count", json_integer(j->scores.shape[0]));
    json_object_set_new(object, "reference", json_integer(j->reference));
    json_object_set_new(object, "threshold", elbo_cli_json_real(j->threshold));
    json_object_set_new(object, "alarms", json_integer(j->alarms));
    json_object_set_new(object, "anomalies", known ? json_integer(d->anomalies) : json_null());
    json_object_set_new(object, "auroc", elbo_cli_json_real(known ? d->auroc : NAN));
    json_object_set_new(object, "auroc_stderr", elbo_cli_json_real(known ? d->auroc_stderr : NAN));
    json_object_set_new(object, "average_precision", elbo_cli_json_real(known ? d->average_precision : NAN));
    json_object_set_new(object, "detected", elbo_cli_json_real(known ? d->detected : NAN));
    json_object_set_new(object, "false_alarms", elbo_cli_json_real(known ? d->false_alarms : NAN));
    json_object_set_new(object, "precision", elbo_cli_json_real(known ? d->precision : NAN));
    for (int64_t i = 0; i < count; i++) json_array_append_new(rows, json_integer(worst[i]));
    json_object_set_new(object, "worst", rows);
    j->run->code = elbo_cli_json_print(j->run->context, object);
}

static void print_text(const job *j, const int64_t *worst, int64_t count) {
    const elbo_detection *d = &j->detection;
    long long rows = (long long)j->scores.shape[0];
    printf("%s, epoch %lld: %lld rows of %s by %s\n", j->run->info->model, (long long)j->run->info->epoch, rows,
           j->run->data->source, j->score);
    printf("  %-18s %10.3f  above it %g of %lld %straining rows\n", "threshold", j->threshold, j->options->false_alarms,
           (long long)j->reference, j->options->normal_label >= 0 ? "normal " : "");
    printf("  %-18s %10lld  of %lld rows\n", "alarms", (long long)j->alarms, rows);
    if (d->count > 0) {
        printf("  %-18s %10.4f  +- %.4f, %lld anomalies\n", "AUROC", d->auroc, d->auroc_stderr,
               (long long)d->anomalies);
        printf("  %-18s %10.4f\n", "average precision", d->average_precision);
        printf("  %-18s %10.4f  of the anomalies\n", "detected", d->detected);
        printf("  %-18s %10.4f  of the normal rows\n", "false alarms", d->false_alarms);
    } else {
        puts("no labels tell anomalies from normal rows (--normal-label K, or labels 0 and 1)");
    }
    printf("  worst rows        ");
    for (int64_t i = 0; i < count && i < COLUMNS; i++) printf(" %lld", (long long)worst[i]);
    puts("");
    if (j->options->out[0]) printf("%lld worst rows written to %s\n", (long long)count, j->options->out);
    if (j->options->scores[0]) printf("scores written to %s\n", j->options->scores);
}

static elbo_status deliver(job *j, elbo_error *error) {
    int64_t count, *worst = worst_rows(j, &count);
    if (!worst) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory: an order of rows");
    elbo_status status = j->options->out[0] ? draw_worst(j, worst, count, error) : ELBO_OK;
    if (status == ELBO_OK && j->options->scores[0]) status = elbo_array_save(&j->scores, j->options->scores, error);
    if (status == ELBO_OK && j->run->context->common->json) print_json(j, worst, count);
    if (status == ELBO_OK && !j->run->context->common->json) print_text(j, worst, count);
    free(worst);
    return status;
}

static elbo_status measure(job *j, elbo_error *error) {
    int64_t count = j->options->count;
    ELBO_CLI_TRY(elbo_cli_run_split(j->run, j->options->split, &j->split, error));
    ELBO_CLI_TRY(score_rows(j, j->run->dataset, j->options->split, count, &j->scores, error));
    ELBO_CLI_TRY(mark(j, j->run->dataset, j->split, j->scores.shape[0], &j->anomalies, error));
    ELBO_CLI_TRY(set_threshold(j, error));
    ELBO_CLI_TRY(judge(j, error));
    return deliver(j, error);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    job j = {.run = run, .options = elbo_context_values(run->context, &anomaly_table)};
    j.score = j.options->score;
    if (j.options->out[0]) ELBO_CLI_TRY(elbo_cli_check_picture(run, ELBO_CLI_KIND_PICTURE, error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    elbo_status status = measure(&j, error);
    elbo_array_free(&j.scores);
    elbo_array_free(&j.anomalies);
    return status;
}

static int check_file(const elbo_context *context, const char *name, const char *path, elbo_cli_kind kind,
                      const char *wanted) {
    if (!path[0] || (strcmp(path, "-") != 0 && elbo_cli_kind_by_name(path) == kind)) return ELBO_EXIT_OK;
    return elbo_context_usage(context, "--%s %s: a file ending in %s was expected", name, path, wanted);
}

static int run(elbo_context *context) {
    const anomaly_options *options = elbo_context_values(context, &anomaly_table);
    int code = check_file(context, "out", options->out, ELBO_CLI_KIND_PICTURE, ".png");
    if (code == ELBO_EXIT_OK)
        code = check_file(context, "scores", options->scores, ELBO_CLI_KIND_ARRAY, ".npy, .npz or .csv");
    if (code == ELBO_EXIT_OK && elbo_context_given(context, "samples") && !is(options->score, "likelihood"))
        code = elbo_context_usage(context, "--samples needs --score likelihood");
    if (code == ELBO_EXIT_OK && elbo_context_given(context, "worst") && !options->out[0] && !context->common->json)
        code = elbo_context_usage(context, "--worst needs -o FILE.png, or --json");
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_anomaly = {
    .name = "anomaly",
    .group = ELBO_GROUP_USE,
    .order = 8,
    .summary = "score how unlike the training data rows are",
    .usage = (const char *const[]){"RUN [--data SOURCE] [--normal-label K] [OPTIONS]", NULL},
    .description =
        "Scores each row: higher is stranger. A row is called an anomaly where its score lies above a threshold, which "
        "at most the share --false-alarms of the training rows of the run's own data pass (of the normal ones, where "
        "labels tell). Where labels say which rows are normal, AUROC and average precision tell how well the scores "
        "separate them, whatever the threshold.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags =
        (const elbo_flag[]){
            {"out", 'o', "FILE"}, {"scores", 0, "FILE"}, {"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables =
        (const elbo_options *const[]){&anomaly_table, &elbo_cli_model_options_table, &elbo_cli_source_options_table,
                                      &elbo_data_options_table, &elbo_cli_progress_options_table, NULL},
    .examples =
        (const elbo_example[]){
            {"elbo anomaly run --data new.npy --split all --scores scores.csv", "a score for each row of other data"},
            {"elbo anomaly run --data mnist --normal-label 0 --worst 20 -o worst.png",
             "how well it tells zeros from other digits"},
            {"elbo anomaly run --score likelihood --samples 500 --json", "by estimates of -log p(x)"},
            {0}},
    .run = run,
};
