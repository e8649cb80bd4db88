/* elbo classify train: a classifier from labelled rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "support/classifier.h"
#include "support/interrupt.h"
#include "support/progress.h"
#include "support/run.h"

#define TRAIN_OPTIONS(O)                                                  \
    O(TEXT, out, "", 0, 0, NULL, "file for the classifier: .safetensors") \
    O(TEXT, from, "", 0, 0, NULL,                                         \
      "run (or checkpoint) whose encoder the hidden layers begin as: dense ones that read the datum alone")
ELBO_OPTIONS_STRUCT(train_options, TRAIN_OPTIONS);
#define ELBO_TABLE_STRUCT train_options
static ELBO_TABLE(train_table, "Files", TRAIN_OPTIONS);
#undef ELBO_TABLE_STRUCT

typedef struct work {
    const elbo_context *context;
    const train_options *options;
    const elbo_classifier_options *how;
    elbo_dataset *dataset;
    elbo_model *from;
    elbo_classifier *classifier;
    elbo_classification judged;
    elbo_cli_progress bar;
    double seconds;
} work;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static bool show(void *user, int64_t epoch, double loss, double accuracy) {
    work *w = user;
    char label[64];
    double share = (double)epoch / (double)w->how->epochs;
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)epoch, (long long)w->how->epochs);
    const elbo_cli_progress_field fields[] = {{"cross-entropy", loss, 4, false}, {"accuracy", accuracy, 4, false}};
    const elbo_cli_progress_state state = {label, share, share, fields, 2};
    elbo_cli_progress_update(&w->bar, &state);
    if (w->bar.style == ELBO_CLI_PROGRESS_LINES) elbo_cli_progress_line(&w->bar, &state);
    return elbo_cli_interrupt_requested();
}

static elbo_status train(work *w, elbo_error *error) {
    int threads = (int)w->context->common->threads;
    w->dataset = elbo_dataset_open(elbo_context_argument(w->context, 0),
                                   elbo_context_values(w->context, &elbo_data_options_table), error);
    if (!w->dataset) return error->status;
    if (*w->options->from) {
        w->from = elbo_model_open(w->options->from, NULL, threads, error);
        if (!w->from) return error->status;
    }
    double begun = now();
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&w->bar, w->context);
    w->classifier = elbo_classifier_train(w->dataset, w->from, w->how, threads, show, w, error);
    elbo_cli_progress_end(&w->bar);
    w->seconds = now() - begun;
    if (!w->classifier) return error->status;
    ELBO_CLI_TRY(elbo_classifier_save(w->classifier, w->options->out, error));
    if (elbo_dataset_info(w->dataset)->count[ELBO_SPLIT_TEST] == 0) return ELBO_OK;
    return elbo_classifier_measure(w->classifier, w->dataset, ELBO_SPLIT_TEST, &w->judged, error);
}

static int report(const work *w) {
    const elbo_classifier_info *info = elbo_classifier_get_info(w->classifier);
    const char *source = elbo_dataset_info(w->dataset)->source;
    if (w->context->common->json) {
        json_t *object = elbo_cli_classifier_json(w->classifier);
        json_object_set_new(object, "data", elbo_cli_json_text(source));
        json_object_set_new(object, "seconds", elbo_cli_json_real(w->seconds));
        if (w->judged.count) elbo_cli_classification_json(object, &w->judged);
        json_object_set_new(object, "out", elbo_cli_json_text(w->options->out));
        return elbo_cli_json_print(w->context, object);
    }
    elbo_cli_classifier_print(w->classifier);
    printf("%s: last epoch %.4f nats, accuracy %.4f; %.1f s\n", source, info->loss, info->accuracy, w->seconds);
    if (w->judged.count) elbo_cli_classification_print(&w->judged, "test");
    printf("classifier written to %s\n", w->options->out);
    return ELBO_EXIT_OK;
}

static bool is_safetensors(const char *path) {
    size_t length = strlen(path), tail = strlen(".safetensors");
    return length > tail && strcmp(path + length - tail, ".safetensors") == 0;
}

static int run(elbo_context *context) {
    work w = {.context = context,
              .options = elbo_context_values(context, &train_table),
              .how = elbo_context_values(context, &elbo_classifier_options_table)};
    elbo_error error = {0};
    if (!is_safetensors(w.options->out))
        return elbo_context_usage(context, "--out %s: a file ending in .safetensors was expected", w.options->out);
    int code = train(&w, &error) == ELBO_OK ? report(&w) : elbo_context_fail(context, &error);
    elbo_classification_clear(&w.judged);
    elbo_classifier_free(w.classifier);
    elbo_model_free(w.from);
    elbo_dataset_free(w.dataset);
    return code;
}

const elbo_command elbo_cli_classify_train = {
    .name = "train",
    .group = ELBO_GROUP_TRAIN,
    .summary = "train a classifier on labelled rows",
    .usage = (const char *const[]){"DATA -o FILE [--from RUN] [OPTIONS]", NULL},
    .description =
        "Dense layers and a softmax, trained on the labels of the training rows by AdamW on the cross-entropy, and "
        "judged by the test rows. With --from, the hidden layers begin as those of a trained encoder, which may have "
        "seen many more rows than have labels; --freeze keeps them as they are.\n\n"
        "--labelled takes that many training rows, drawn by the seed, and leaves the test rows alone; --limit cuts "
        "every split.",
    .arguments = (const elbo_argument[]){{"DATA", "data source with labels", ELBO_ARGUMENT_SOURCE, 1, 1, NULL}, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"},
                                 {"from", 0, "RUN"},
                                 {"item_shape", 0, "SHAPE"},
                                 {"train_labels", 0, "CLASSES"},
                                 {"labels", 0, "FILE|COLUMN"},
                                 {0}},
    .tables = (const elbo_options *const[]){&train_table, &elbo_classifier_options_table, &elbo_data_options_table,
                                            &elbo_cli_progress_options_table, NULL},
    .examples =
        (const elbo_example[]){
            {"elbo classify train mnist -o c.safetensors", "from scratch, on every training row"},
            {"elbo classify train mnist --from run --labelled 100 -o c.safetensors", "few labels, a trained encoder"},
            {0}},
    .run = run,
};
