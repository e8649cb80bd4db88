/* elbo anomaly: how unlike the training data rows are. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/anomalies.h"
#include "support/describe.h"
#include "support/interrupt.h"
#include "support/progress.h"
#include "support/save.h"

#define ANOMALY_OPTIONS(O)                                                                                         \
    O(TEXT, out, "", 0, 0, NULL, "picture (.png) of the worst rows, the worst first, above their reconstructions") \
    O(TEXT, scores, "", 0, 0, NULL, "file for the score of each row: .npy, .npz or .csv")
ELBO_OPTIONS_STRUCT(anomaly_options, ANOMALY_OPTIONS);
#define ELBO_TABLE_STRUCT anomaly_options
static ELBO_TABLE(anomaly_table, "Output", ANOMALY_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { LISTED = 10 };

typedef struct job {
    elbo_cli_run *run;
    const anomaly_options *files;
    const elbo_cli_anomaly_options *options;
    elbo_cli_anomalies found;
} job;

static bool show(void *user, double share) {
    const elbo_cli_progress_state state = {"scoring", share, share, NULL, 0};
    elbo_cli_progress_update(user, &state);
    return elbo_cli_interrupt_requested();
}

/* ---- what is written ---- */

static void print_json(job *j, const int64_t *worst, int64_t count) {
    const elbo_cli_anomalies *f = &j->found;
    const elbo_detection *d = &f->detection;
    bool known = d->count > 0;
    json_t *object = json_object(), *rows = json_array();
    json_object_set_new(object, "model", elbo_cli_json_text(j->run->info->model));
    json_object_set_new(object, "epoch", json_integer(j->run->info->epoch));
    json_object_set_new(object, "data", elbo_cli_json_text(j->run->data->source));
    json_object_set_new(object, "score", elbo_cli_json_text(f->score));
    json_object_set_new(object, "count", json_integer(f->scores.shape[0]));
    json_object_set_new(object, "reference", json_integer(f->reference));
    json_object_set_new(object, "threshold", elbo_cli_json_real(f->threshold));
    json_object_set_new(object, "alarms", json_integer(f->alarms));
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
    const elbo_cli_anomalies *f = &j->found;
    const elbo_detection *d = &f->detection;
    long long rows = (long long)f->scores.shape[0];
    printf("%s, epoch %lld: %lld rows of %s by %s\n", j->run->info->model, (long long)j->run->info->epoch, rows,
           j->run->data->source, f->score);
    printf("  %-18s %10.3f  above it %g of %lld %straining rows\n", "threshold", f->threshold, j->options->false_alarms,
           (long long)f->reference, j->options->normal_label >= 0 ? "normal " : "");
    printf("  %-18s %10lld  of %lld rows\n", "alarms", (long long)f->alarms, rows);
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
    for (int64_t i = 0; i < count && i < LISTED; i++) printf(" %lld", (long long)worst[i]);
    puts("");
    if (j->files->out[0]) printf("%lld worst rows written to %s\n", (long long)count, j->files->out);
    if (j->files->scores[0]) printf("scores written to %s\n", j->files->scores);
}

static elbo_status deliver(job *j, elbo_error *error) {
    int64_t count, *worst = elbo_cli_anomalies_worst(&j->found, &count);
    if (!worst) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory: an order of rows");
    elbo_status status = ELBO_OK;
    if (j->files->out[0]) status = elbo_cli_anomalies_draw(&j->found, j->run, worst, count, j->files->out, error);
    if (status == ELBO_OK && j->files->scores[0]) status = elbo_array_save(&j->found.scores, j->files->scores, error);
    if (status == ELBO_OK && j->run->context->common->json) print_json(j, worst, count);
    if (status == ELBO_OK && !j->run->context->common->json) print_text(j, worst, count);
    free(worst);
    return status;
}

static elbo_status find(job *j, elbo_error *error) {
    elbo_cli_progress bar;
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&bar, j->run->context);
    j->found.progress = show;
    j->found.user = &bar;
    elbo_status status = elbo_cli_anomalies_find(&j->found, j->run, error);
    elbo_cli_progress_end(&bar);
    return status;
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    job j = {.run = run,
             .files = elbo_context_values(run->context, &anomaly_table),
             .options = elbo_context_values(run->context, &elbo_cli_anomaly_options_table)};
    j.found.options = j.options;
    if (j.files->out[0]) ELBO_CLI_TRY(elbo_cli_check_picture(run, ELBO_CLI_KIND_PICTURE, error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, j.options->split, &j.found.split, error));
    elbo_status status = find(&j, error);
    if (status == ELBO_OK) status = deliver(&j, error);
    elbo_cli_anomalies_free(&j.found);
    return status;
}

static int check_file(const elbo_context *context, const char *name, const char *path, elbo_cli_kind kind,
                      const char *wanted) {
    if (!path[0] || (strcmp(path, "-") != 0 && elbo_cli_kind_by_name(path) == kind)) return ELBO_EXIT_OK;
    return elbo_context_usage(context, "--%s %s: a file ending in %s was expected", name, path, wanted);
}

static int run(elbo_context *context) {
    const anomaly_options *files = elbo_context_values(context, &anomaly_table);
    const elbo_cli_anomaly_options *options = elbo_context_values(context, &elbo_cli_anomaly_options_table);
    int code = check_file(context, "out", files->out, ELBO_CLI_KIND_PICTURE, ".png");
    if (code == ELBO_EXIT_OK)
        code = check_file(context, "scores", files->scores, ELBO_CLI_KIND_ARRAY, ".npy, .npz or .csv");
    if (code == ELBO_EXIT_OK && elbo_context_given(context, "samples") && !strcmp(options->score, "likelihood") == 0)
        code = elbo_context_usage(context, "--samples needs --score likelihood");
    if (code == ELBO_EXIT_OK && elbo_context_given(context, "worst") && !files->out[0] && !context->common->json)
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
    .tables = (const elbo_options *const[]){&elbo_cli_anomaly_options_table, &anomaly_table,
                                            &elbo_cli_model_options_table, &elbo_cli_source_options_table,
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
