/* elbo score clusters, detection, probe: what is judged by labels. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/rows.h"
#include "support/score.h"

/* ---- Clusters ---- */

/* `true` is a word of C; the field has another name. */
typedef struct clusters_options {
    char *predicted, *truth;
} clusters_options;
static const elbo_option clusters_rows[] = {
    {"predicted", ELBO_OPTION_TEXT, "", 0, 0, NULL, "clusters of the rows, whole numbers: " ELBO_CLI_SCORE_FILE,
     offsetof(clusters_options, predicted)},
    {"true", ELBO_OPTION_TEXT, "", 0, 0, NULL, "classes of the same rows", offsetof(clusters_options, truth)}};
static const elbo_options clusters_table = {"Clusters", clusters_rows, 2, sizeof(clusters_options)};

static json_t *matching_json(const elbo_cluster_scores *scores) {
    json_t *list = json_array();
    for (int64_t i = 0; i < scores->clusters; i++)
        json_array_append_new(
            list, json_pack("{s:I, s:o}", "cluster", (json_int_t)scores->cluster[i], "class",
                            scores->matched[i] == ELBO_UNMATCHED ? json_null() : json_integer(scores->matched[i])));
    return list;
}

static int show_clusters(const elbo_context *context, const elbo_cluster_scores *s) {
    const elbo_cli_score_figure figures[] = {
        {"accuracy", s->accuracy}, {"nmi", s->nmi}, {"nmi_geometric", s->nmi_geometric},
        {"nmi_max", s->nmi_max},   {"ari", s->ari}, {"purity", s->purity}};
    size_t count = sizeof figures / sizeof *figures;
    if (context->common->json) {
        json_t *object = elbo_cli_score_json("clusters", figures, count);
        json_object_set_new(object, "count", json_integer(s->count));
        json_object_set_new(object, "clusters", json_integer(s->clusters));
        json_object_set_new(object, "classes", json_integer(s->classes));
        json_object_set_new(object, "matching", matching_json(s));
        return elbo_cli_json_print(context, object);
    }
    printf("%lld rows, %lld clusters, %lld classes\n", (long long)s->count, (long long)s->clusters,
           (long long)s->classes);
    elbo_cli_score_print(figures, count);
    return ELBO_EXIT_OK;
}

static int run_clusters(elbo_context *context) {
    const clusters_options *options = elbo_context_values(context, &clusters_table);
    elbo_cli_score_input inputs[] = {{"predicted", options->predicted, false, {0}},
                                     {"true", options->truth, false, {0}}};
    elbo_error error = {0};
    elbo_cluster_scores scores = {0};
    int code = elbo_cli_score_load(context, inputs, 2);
    if (code == ELBO_EXIT_OK)
        code = elbo_score_clusters(&inputs[0].array, &inputs[1].array, &scores, &error) == ELBO_OK
                   ? show_clusters(context, &scores)
                   : elbo_context_fail(context, &error);
    elbo_cluster_scores_clear(&scores);
    elbo_cli_score_free(inputs, 2);
    return code;
}

const elbo_command elbo_cli_score_clusters = {
    .name = "clusters",
    .group = ELBO_GROUP_USE,
    .summary = "compare clusters with classes: accuracy, NMI, ARI, purity",
    .usage = (const char *const[]){"--predicted FILE --true FILE [OPTIONS]", NULL},
    .description =
        "The numbers of clusters and classes mean nothing, and there may be more of one than of the other: "
        "accuracy is that of the best one-to-one matching.\n\n" ELBO_CLI_SCORE_FILES,
    .flags = (const elbo_flag[]){{"predicted", 0, "FILE"}, {"true", 0, "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&clusters_table, NULL},
    .examples = (const elbo_example[]){{"elbo score clusters --predicted c.npy --true y.npy", "six figures"}, {0}},
    .run = run_clusters,
};

/* ---- Detection ---- */

#define DETECTION_OPTIONS(O)                                                                                \
    O(TEXT, scores, "", 0, 0, NULL, "a number for each row, high for anomalies: " ELBO_CLI_SCORE_FILE)      \
    O(TEXT, labels, "", 0, 0, NULL, "labels of the same rows: 1 for an anomaly, 0 for a normal row")        \
    O(INTS, anomaly, "", -1e15, 1e15, NULL, "the labels that mean an anomaly, all others being normal")     \
    O(INTS, normal, "", -1e15, 1e15, NULL, "the labels that mean a normal row, all others being anomalies") \
    O(REAL, false_alarms, "0.05", 0, 1, NULL, "share of the normal rows that the threshold may take for anomalies")
ELBO_OPTIONS_STRUCT(detection_options, DETECTION_OPTIONS);
#define ELBO_TABLE_STRUCT detection_options
static ELBO_TABLE(detection_table, "Detection", DETECTION_OPTIONS);
#undef ELBO_TABLE_STRUCT

static bool among(const elbo_ints *list, double value) {
    for (int i = 0; i < list->count; i++)
        if ((double)list->value[i] == value) return true;
    return false;
}

/* Labels as 0 and 1 where the options name the anomalies or the normal rows. */
static elbo_status rename_labels(elbo_array *labels, const detection_options *options, elbo_error *error) {
    elbo_array renamed;
    if (!options->anomaly.count && !options->normal.count) return ELBO_OK;
    ELBO_CLI_TRY(elbo_array_new(&renamed, ELBO_I32, labels->rank, labels->shape, error));
    int64_t count = elbo_array_count(labels);
    for (int64_t i = 0; i < count; i++) {
        double value = elbo_cli_value_at(labels, i);
        ((int32_t *)renamed.data)[i] =
            options->anomaly.count ? among(&options->anomaly, value) : !among(&options->normal, value);
    }
    elbo_array_free(labels);
    *labels = renamed;
    return ELBO_OK;
}

static int show_detection(const elbo_context *context, const elbo_detection *d) {
    const elbo_cli_score_figure figures[] = {
        {"auroc", d->auroc}, {"average_precision", d->average_precision}, {"detected", d->detected}};
    if (context->common->json) {
        json_t *object = elbo_cli_score_json("detection", figures, 3);
        json_object_set_new(object, "count", json_integer(d->count));
        json_object_set_new(object, "anomalies", json_integer(d->anomalies));
        json_object_set_new(object, "auroc_stderr", elbo_cli_json_real(d->auroc_stderr));
        json_object_set_new(object, "threshold", elbo_cli_json_real(d->threshold));
        json_object_set_new(object, "false_alarms", elbo_cli_json_real(d->false_alarms));
        json_object_set_new(object, "precision", elbo_cli_json_real(d->precision));
        return elbo_cli_json_print(context, object);
    }
    printf("%lld rows, %lld anomalies\n", (long long)d->count, (long long)d->anomalies);
    elbo_cli_score_print(figures, 3);
    elbo_cli_score_line("auroc_stderr", d->auroc_stderr, "standard error of auroc over rows");
    elbo_cli_score_line("false_alarms", d->false_alarms, "share of normal rows at or above the threshold");
    elbo_cli_score_line("precision", d->precision, "share of alarms that are anomalies");
    printf("threshold: alarm at scores of %.9g and above\n", d->threshold);
    return ELBO_EXIT_OK;
}

static int run_detection(elbo_context *context) {
    const detection_options *options = elbo_context_values(context, &detection_table);
    elbo_cli_score_input inputs[] = {{"scores", options->scores, false, {0}}, {"labels", options->labels, false, {0}}};
    if (options->anomaly.count && options->normal.count)
        return elbo_context_usage(context, "--anomaly and --normal do not go together");
    elbo_error error = {0};
    elbo_detection found;
    int code = elbo_cli_score_load(context, inputs, 2);
    if (code == ELBO_EXIT_OK &&
        (rename_labels(&inputs[1].array, options, &error) != ELBO_OK ||
         elbo_score_detection(&inputs[0].array, &inputs[1].array, options->false_alarms, &found, &error) != ELBO_OK))
        code = elbo_context_fail(context, &error);
    else if (code == ELBO_EXIT_OK)
        code = show_detection(context, &found);
    elbo_cli_score_free(inputs, 2);
    return code;
}

const elbo_command elbo_cli_score_detection = {
    .name = "detection",
    .group = ELBO_GROUP_USE,
    .summary = "judge scores of anomalies: AUROC, precision, a threshold",
    .usage = (const char *const[]){"--scores FILE --labels FILE [--false-alarms RATE] [OPTIONS]", NULL},
    .description =
        "Scores shall be high for anomalies. The threshold is the lowest one whose false alarms stay within "
        "the rate on these rows; equal scores fall on the same side.\n\n" ELBO_CLI_SCORE_FILES,
    .flags = (const elbo_flag[]){{"scores", 0, "FILE"},
                                 {"labels", 0, "FILE"},
                                 {"anomaly", 0, "LABEL,..."},
                                 {"normal", 0, "LABEL,..."},
                                 {"false_alarms", 0, "RATE"},
                                 {0}},
    .tables = (const elbo_options *const[]){&detection_table, NULL},
    .examples = (const elbo_example[]){{"elbo score detection --scores s.npy --labels y.npy", "at 5 % false alarms"},
                                       {"elbo score detection --scores s.npy --labels digits.npy --normal 4 "
                                        "--false-alarms 0.01",
                                        "every other digit is an anomaly"},
                                       {0}},
    .run = run_detection,
};

/* ---- Probes ---- */

#define PROBE_FILES(O)                                                                      \
    O(TEXT, codes, "", 0, 0, NULL, "a row of numbers for each datum: " ELBO_CLI_SCORE_FILE) \
    O(TEXT, labels, "", 0, 0, NULL, "classes of the same rows, whole numbers")              \
    O(TEXT, test_codes, "", 0, 0, NULL, "rows to judge by (default: a share of the rows)")  \
    O(TEXT, test_labels, "", 0, 0, NULL, "their classes")
ELBO_OPTIONS_STRUCT(probe_files, PROBE_FILES);
#define ELBO_TABLE_STRUCT probe_files
static ELBO_TABLE(probe_files_table, "Files", PROBE_FILES);
#undef ELBO_TABLE_STRUCT

static int show_probe(const elbo_context *context, const elbo_probe *p) {
    const elbo_cli_score_figure figures[] = {{"linear_accuracy", p->linear_accuracy},
                                             {"knn_accuracy", p->knn_accuracy}};
    if (context->common->json) {
        json_t *object = elbo_cli_score_json("probe", figures, 2);
        json_object_set_new(object, "train", json_integer(p->train));
        json_object_set_new(object, "test", json_integer(p->test));
        json_object_set_new(object, "dims", json_integer(p->dims));
        json_object_set_new(object, "classes", json_integer(p->classes));
        json_object_set_new(object, "linear_train_accuracy", elbo_cli_json_real(p->linear_train_accuracy));
        json_object_set_new(object, "majority_accuracy", elbo_cli_json_real(p->majority_accuracy));
        json_object_set_new(object, "iterations", json_integer(p->iterations));
        json_object_set_new(object, "converged", json_boolean(p->converged));
        json_object_set_new(object, "unknown", json_integer(p->unknown));
        elbo_cli_score_json_warning(object, p->warning);
        return elbo_cli_json_print(context, object);
    }
    printf("%lld training and %lld test rows of %lld numbers, %lld classes\n", (long long)p->train, (long long)p->test,
           (long long)p->dims, (long long)p->classes);
    elbo_cli_score_print(figures, 2);
    elbo_cli_score_line("linear_train", p->linear_train_accuracy, "the linear classifier on its training rows");
    elbo_cli_score_line("majority", p->majority_accuracy, "always guessing the most frequent class");
    elbo_cli_score_warning(p->warning);
    return ELBO_EXIT_OK;
}

static int run_probe(elbo_context *context) {
    const probe_files *files = elbo_context_values(context, &probe_files_table);
    const elbo_probe_options *options = elbo_context_values(context, &elbo_probe_options_table);
    elbo_cli_score_input inputs[] = {{"codes", files->codes, false, {0}},
                                     {"labels", files->labels, false, {0}},
                                     {"test_codes", files->test_codes, true, {0}},
                                     {"test_labels", files->test_labels, true, {0}}};
    bool held = files->test_codes[0] != 0;
    if (held != (files->test_labels[0] != 0))
        return elbo_context_usage(context, "--test-codes and --test-labels go together");
    if (held && (elbo_context_given(context, "test_fraction") || elbo_context_given(context, "seed")))
        return elbo_context_usage(context,
                                  "--test-codes: --test-fraction and --seed, which deal test rows, do not go "
                                  "with it");
    elbo_error error = {0};
    elbo_probe probe;
    int code = elbo_cli_score_load(context, inputs, 4);
    if (code == ELBO_EXIT_OK)
        code = elbo_score_probe(&inputs[0].array, &inputs[1].array, held ? &inputs[2].array : NULL,
                                held ? &inputs[3].array : NULL, options, (int)context->common->threads, &probe,
                                &error) == ELBO_OK
                   ? show_probe(context, &probe)
                   : elbo_context_fail(context, &error);
    elbo_cli_score_free(inputs, 4);
    return code;
}

const elbo_command elbo_cli_score_probe = {
    .name = "probe",
    .group = ELBO_GROUP_USE,
    .summary = "read labels from codes: linear classifier, neighbours",
    .usage = (const char *const[]){"--codes FILE --labels FILE [--test-codes FILE --test-labels FILE] [OPTIONS]", NULL},
    .description =
        "Trains multinomial logistic regression on standardised codes, and looks at the nearest training "
        "codes of each test row. Both are judged on test rows only.\n\n" ELBO_CLI_SCORE_FILES,
    .flags =
        (const elbo_flag[]){
            {"codes", 0, "FILE"}, {"labels", 0, "FILE"}, {"test_codes", 0, "FILE"}, {"test_labels", 0, "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&probe_files_table, &elbo_probe_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo score probe --codes 'z.npz#mean' --labels 'z.npz#labels'",
                                        "what 'elbo encode' wrote, a fifth held out"},
                                       {0}},
    .run = run_probe,
};
