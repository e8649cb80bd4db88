/* elbo probe: what simple classifiers read from the codes of a model. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/rows.h"
#include "support/save.h"

#define PROBE_OPTIONS(O)                                                                           \
    O(INT, count, "0", 0, 1e12, NULL, "only the first rows of either split (0: all)")              \
    O(REAL, l2, "1", 0, 1e12, NULL, "linear: penalty l2/(2N) |W|^2 beside the mean cross-entropy") \
    O(INT, iterations, "500", 1, 1e6, NULL, "linear: at most so many iterations")                  \
    O(INT, neighbours, "10", 1, 10000, NULL, "k-NN: neighbours that vote")
ELBO_OPTIONS_STRUCT(probe_options, PROBE_OPTIONS);
#define ELBO_TABLE_STRUCT probe_options
static ELBO_TABLE(probe_table, "Probe", PROBE_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* Codes and classes of one split. */
typedef struct coded {
    elbo_array codes, labels;
} coded;

static void clear(coded *c) {
    elbo_array_free(&c->codes);
    elbo_array_free(&c->labels);
}

static elbo_status take(elbo_cli_run *run, elbo_split split, coded *out, elbo_error *error) {
    const probe_options *options = elbo_context_values(run->context, &probe_table);
    int64_t count = run->data->count[split];
    if (options->count > 0 && options->count < count) count = options->count;
    ELBO_CLI_TRY(elbo_cli_run_encode(run, split, 0, count, &out->codes, NULL, error));
    return elbo_cli_labels(run->dataset, split, 0, count, &out->labels, error);
}

static elbo_status fit(elbo_cli_run *run, const coded *train, const coded *test, elbo_probe *out, elbo_error *error) {
    const probe_options *own = elbo_context_values(run->context, &probe_table);
    elbo_probe_options options = {0};
    ELBO_CLI_TRY(elbo_options_init(&elbo_probe_options_table, &options, error));
    options.l2 = own->l2;
    options.iterations = own->iterations;
    options.neighbours = own->neighbours;
    elbo_status status = elbo_score_probe(&train->codes, &train->labels, &test->codes, &test->labels, &options,
                                          (int)run->context->common->threads, out, error);
    elbo_options_clear(&elbo_probe_options_table, &options);
    return status;
}

static void show_json(elbo_cli_run *run, const elbo_probe *p) {
    json_t *object = json_object();
    json_object_set_new(object, "model", elbo_cli_json_text(run->info->model));
    json_object_set_new(object, "epoch", json_integer(run->info->epoch));
    json_object_set_new(object, "data", elbo_cli_json_text(run->data->source));
    json_object_set_new(object, "train", json_integer(p->train));
    json_object_set_new(object, "test", json_integer(p->test));
    json_object_set_new(object, "dims", json_integer(p->dims));
    json_object_set_new(object, "classes", json_integer(p->classes));
    json_object_set_new(object, "linear_accuracy", elbo_cli_json_real(p->linear_accuracy));
    json_object_set_new(object, "linear_train_accuracy", elbo_cli_json_real(p->linear_train_accuracy));
    json_object_set_new(object, "knn_accuracy", elbo_cli_json_real(p->knn_accuracy));
    json_object_set_new(object, "majority_accuracy", elbo_cli_json_real(p->majority_accuracy));
    json_object_set_new(object, "iterations", json_integer(p->iterations));
    json_object_set_new(object, "converged", json_boolean(p->converged));
    json_object_set_new(object, "unknown", json_integer(p->unknown));
    json_object_set_new(object, "warning", elbo_cli_json_text(p->warning[0] ? p->warning : NULL));
    run->code = elbo_cli_json_print(run->context, object);
}

static void show(elbo_cli_run *run, const elbo_probe *p) {
    printf("%s, epoch %lld: codes of %s, %lld dimensions, %lld classes\n", run->info->model,
           (long long)run->info->epoch, run->data->source, (long long)p->dims, (long long)p->classes);
    printf("trained on %lld rows, accuracy on %lld others\n", (long long)p->train, (long long)p->test);
    printf("  %-18s %7.4f  (%.4f on its training rows)\n", "linear probe", p->linear_accuracy,
           p->linear_train_accuracy);
    printf("  %-18s %7.4f\n", "nearest neighbours", p->knn_accuracy);
    printf("  %-18s %7.4f\n", "most frequent class", p->majority_accuracy);
    if (p->warning[0]) printf("warning: %s\n", p->warning);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    coded train = {{0}, {0}}, test = {{0}, {0}};
    elbo_probe probe = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    if (run->data->classes == 0)
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no labels; --labels names a file or column with them",
                             run->data->source);
    ELBO_CLI_TRY(elbo_cli_run_split(run, "train", &split, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, "test", &split, error));
    elbo_status status = take(run, ELBO_SPLIT_TRAIN, &train, error);
    if (status == ELBO_OK) status = take(run, ELBO_SPLIT_TEST, &test, error);
    if (status == ELBO_OK) status = fit(run, &train, &test, &probe, error);
    if (status == ELBO_OK && run->context->common->json) show_json(run, &probe);
    if (status == ELBO_OK && !run->context->common->json) show(run, &probe);
    clear(&train);
    clear(&test);
    return status;
}

static int run(elbo_context *context) { return elbo_cli_run_with(context, work); }

const elbo_command command_probe = {
    .name = "probe",
    .group = ELBO_GROUP_USE,
    .order = 9,
    .summary = "measure what a linear classifier and k-NN read from the codes",
    .usage = (const char *const[]){"RUN [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Encodes the training and the test rows, fits a linear classifier and a vote of nearest neighbours to the "
        "codes "
        "of the training rows, and reports the share of the test rows whose label they "
        "get right.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables = (const elbo_options *const[]){&probe_table, &elbo_cli_model_options_table, &elbo_cli_source_options_table,
                                            &elbo_data_options_table, NULL},
    .examples =
        (const elbo_example[]){{"elbo probe run", "accuracies on the run's own test rows"},
                               {"elbo probe run --data mnist -n 2000", "other data, the first 2000 rows of each"},
                               {0}},
    .run = run,
};
