/* elbo classify: the class of each row by a trained classifier. */
#include <stdio.h>
#include <string.h>

#include "support/classifier.h"
#include "support/describe.h"
#include "support/output.h"
#include "support/rows.h"
#include "support/save.h"

#define CLASSIFY_OPTIONS(O)                                                                                          \
    O(TEXT, with, "", 0, 0, NULL, "classifier that 'elbo classify train' wrote")                                     \
    O(TEXT, out, "", 0, 0, NULL,                                                                                     \
      "predictions: .csv with the class of each row and its probability, .npy with all probabilities [N, classes]; " \
      "- for CSV to standard output")                                                                                \
    O(TEXT, features, "", 0, 0, NULL,                                                                                \
      "also write the values of the last hidden layer [N, features]: .npy, .npz or .csv")                            \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows")
ELBO_OPTIONS_STRUCT(classify_options, CLASSIFY_OPTIONS);
#define ELBO_TABLE_STRUCT classify_options
static ELBO_TABLE(classify_table, "Classes", CLASSIFY_OPTIONS);
#undef ELBO_TABLE_STRUCT

typedef struct work {
    const elbo_context *context;
    const classify_options *options;
    elbo_dataset *dataset;
    const elbo_data_info *data;
    elbo_classifier *classifier;
    const elbo_classifier_info *info;
    elbo_split split;
    elbo_array probabilities, features, labels;
    elbo_classification judged;
} work;

/* ---- Files ---- */

static int likeliest(const float *row, int classes) {
    int best = 0;
    for (int k = 1; k < classes; k++)
        if (row[k] > row[best]) best = k;
    return best;
}

/* A name in quotes where CSV needs them. */
static void put_name(FILE *stream, const char *name) {
    if (!strpbrk(name, ",\"\r\n")) {
        fputs(name, stream);
        return;
    }
    fputc('"', stream);
    for (; *name; name++) {
        if (*name == '"') fputc('"', stream);
        fputc(*name, stream);
    }
    fputc('"', stream);
}

static void write_csv(FILE *stream, const void *user) {
    const work *w = user;
    bool labelled = w->labels.data != NULL;
    fprintf(stream, "row,class,probability%s\n", labelled ? ",label" : "");
    for (int64_t n = 0; n < w->probabilities.shape[0]; n++) {
        const float *row = (const float *)w->probabilities.data + n * w->info->classes;
        int best = likeliest(row, w->info->classes);
        fprintf(stream, "%lld,", (long long)n);
        put_name(stream, w->info->class_names[best]);
        fprintf(stream, ",%.6g", (double)row[best]);
        if (labelled) fputc(',', stream);
        if (labelled) put_name(stream, w->data->class_names[((const int32_t *)w->labels.data)[n]]);
        fputc('\n', stream);
    }
}

static bool ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

static bool is_csv(const char *path) { return strcmp(path, "-") == 0 || ends_in(path, ".csv"); }

/* ---- The work ---- */

static elbo_status predict(work *w, elbo_error *error) {
    const classify_options *options = w->options;
    int64_t count = w->data->count[w->split];
    bool predictions = *options->out != 0, features = *options->features != 0;
    if (w->data->classes > 0)
        ELBO_CLI_TRY(elbo_classifier_measure(w->classifier, w->dataset, w->split, &w->judged, error));
    if (predictions || features)
        ELBO_CLI_TRY(elbo_cli_classifier_apply(w->classifier, w->dataset, w->split, 0, count,
                                               predictions ? &w->probabilities : NULL, features ? &w->features : NULL,
                                               error));
    if (predictions && w->data->classes > 0)
        ELBO_CLI_TRY(elbo_cli_labels(w->dataset, w->split, 0, count, &w->labels, error));
    if (features) ELBO_CLI_TRY(elbo_array_save(&w->features, options->features, error));
    if (predictions && !is_csv(options->out)) return elbo_array_save(&w->probabilities, options->out, error);
    return ELBO_OK;
}

static elbo_status open_all(work *w, elbo_error *error) {
    w->classifier = elbo_classifier_load(w->options->with, (int)w->context->common->threads, error);
    if (!w->classifier) return error->status;
    w->info = elbo_classifier_get_info(w->classifier);
    w->dataset = elbo_dataset_open(elbo_context_argument(w->context, 0),
                                   elbo_context_values(w->context, &elbo_data_options_table), error);
    if (!w->dataset) return error->status;
    w->data = elbo_dataset_info(w->dataset);
    w->split = elbo_cli_split(w->options->split);
    ELBO_CLI_TRY(elbo_cli_classifier_check(w->context, w->classifier, w->data, error));
    if (w->data->count[w->split] > 0) return predict(w, error);
    return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no %s rows; --split names the rows to use", w->data->source,
                         elbo_cli_split_names[w->split]);
}

static int report(const work *w) {
    const classify_options *options = w->options;
    bool piped = strcmp(options->out, "-") == 0;
    if (*options->out && is_csv(options->out)) {
        int code = elbo_cli_output(w->context, options->out, write_csv, w);
        if (code != ELBO_EXIT_OK || piped) return code;
    }
    if (w->context->common->json) {
        json_t *object = elbo_cli_classifier_json(w->classifier);
        json_object_set_new(object, "data", elbo_cli_json_text(w->data->source));
        json_object_set_new(object, "split", elbo_cli_json_text(options->split));
        if (w->judged.count) elbo_cli_classification_json(object, &w->judged);
        if (!w->judged.count) json_object_set_new(object, "count", json_integer(w->data->count[w->split]));
        json_object_set_new(object, "out", elbo_cli_json_text(*options->out ? options->out : NULL));
        return elbo_cli_json_print(w->context, object);
    }
    elbo_cli_classifier_print(w->classifier);
    if (w->judged.count) elbo_cli_classification_print(&w->judged, options->split);
    if (*options->out) printf("%lld predictions written to %s\n", (long long)w->probabilities.shape[0], options->out);
    if (*options->features)
        printf("%lld rows of %lld features written to %s\n", (long long)w->features.shape[0],
               (long long)w->info->features, options->features);
    return ELBO_EXIT_OK;
}

static int check_files(const elbo_context *context, const classify_options *options) {
    if (!*options->with) return elbo_context_usage(context, "--with FILE is missing: a classifier");
    if (*options->out && !is_csv(options->out) && elbo_cli_kind_by_name(options->out) != ELBO_CLI_KIND_ARRAY)
        return elbo_context_usage(context, "--out %s: a file ending in .csv, .npy or .npz was expected", options->out);
    if (*options->features &&
        (strcmp(options->features, "-") == 0 || elbo_cli_kind_by_name(options->features) != ELBO_CLI_KIND_ARRAY))
        return elbo_context_usage(context, "--features %s: a file ending in .npy, .npz or .csv was expected",
                                  options->features);
    return ELBO_EXIT_OK;
}

static int run(elbo_context *context) {
    work w = {.context = context, .options = elbo_context_values(context, &classify_table)};
    elbo_error error = {0};
    int code = check_files(context, w.options);
    if (code == ELBO_EXIT_OK) {
        elbo_status status = open_all(&w, &error);
        code = status == ELBO_OK ? report(&w) : elbo_context_fail(context, &error);
        if (status == ELBO_OK && code == ELBO_EXIT_OK && !w.judged.count && !*w.options->out && !*w.options->features)
            elbo_context_note(context, "the rows have no labels: --out FILE writes what they are taken for");
    }
    elbo_array_free(&w.probabilities);
    elbo_array_free(&w.features);
    elbo_array_free(&w.labels);
    elbo_classification_clear(&w.judged);
    elbo_classifier_free(w.classifier);
    elbo_dataset_free(w.dataset);
    return code;
}

static const elbo_command *const below[] = {&elbo_cli_classify_train, NULL};

const elbo_command command_classify = {
    .name = "classify",
    .group = ELBO_GROUP_USE,
    .order = 10,
    .summary = "tell the class of each row, or train a classifier",
    .usage = (const char *const[]){"DATA --with FILE [-o FILE] [OPTIONS]", NULL},
    .description =
        "Gives each row the likeliest class by a classifier that 'elbo classify train' wrote, and where rows have "
        "labels, the share that is right and the cross-entropy. With --json, confusion is a row for each true class, "
        "with the number of its rows that were taken for each class.",
    .arguments = (const elbo_argument[]){{"DATA", "data source", ELBO_ARGUMENT_SOURCE, 1, 1, NULL}, {0}},
    .flags = (const elbo_flag[]){{"with", 0, "FILE"},
                                 {"out", 'o', "FILE"},
                                 {"features", 0, "FILE"},
                                 {"item_shape", 0, "SHAPE"},
                                 {"train_labels", 0, "CLASSES"},
                                 {"labels", 0, "FILE|COLUMN"},
                                 {0}},
    .tables = (const elbo_options *const[]){&classify_table, &elbo_data_options_table, NULL},
    .subcommands = below,
    .examples =
        (const elbo_example[]){
            {"elbo classify train mnist -o c.safetensors", "train one"},
            {"elbo classify mnist --with c.safetensors -o predictions.csv", "a class for each test row"},
            {"elbo classify new.npy --with c.safetensors --split all -o -", "of rows without labels, into a pipe"},
            {0}},
    .run = run,
};
