/* elbo score frechet: the distance of two sets of features, or of images by the features of a classifier. */
#include <stdio.h>
#include <string.h>

#include "support/classifier.h"
#include "support/describe.h"
#include "support/score.h"

#define FRECHET_OPTIONS(O)                                                                                        \
    O(TEXT, a, "", 0, 0, NULL, "features of one set, a row for each item: " ELBO_CLI_SCORE_FILE)                  \
    O(TEXT, b, "", 0, 0, NULL, "features of the other set, by the same extractor")                                \
    O(TEXT, classifier, "", 0, 0, NULL,                                                                           \
      "a and b are data sources of images; their features are the last hidden layer of this classifier of 'elbo " \
      "classify train'")                                                                                          \
    O(CHOICE, a_split, "all", 0, 0, ELBO_CLI_SPLITS, "with --classifier: which rows of a")                        \
    O(CHOICE, b_split, "all", 0, 0, ELBO_CLI_SPLITS, "with --classifier: which rows of b")
ELBO_OPTIONS_STRUCT(frechet_options, FRECHET_OPTIONS);
#define ELBO_TABLE_STRUCT frechet_options
static ELBO_TABLE(frechet_table, "Features", FRECHET_OPTIONS);
#undef ELBO_TABLE_STRUCT

static int show_frechet(const elbo_context *context, const elbo_frechet *f) {
    const frechet_options *options = elbo_context_values(context, &frechet_table);
    const elbo_cli_score_figure figures[] = {{"frechet", f->frechet}};
    if (context->common->json) {
        json_t *object = elbo_cli_score_json("frechet", figures, 1);
        json_object_set_new(object, "mean_term", elbo_cli_json_real(f->mean_term));
        json_object_set_new(object, "covariance_term", elbo_cli_json_real(f->covariance_term));
        json_object_set_new(object, "rows_a", json_integer(f->rows_a));
        json_object_set_new(object, "rows_b", json_integer(f->rows_b));
        json_object_set_new(object, "dims", json_integer(f->dims));
        json_object_set_new(object, "classifier",
                            elbo_cli_json_text(*options->classifier ? options->classifier : NULL));
        elbo_cli_score_json_warning(object, f->warning);
        return elbo_cli_json_print(context, object);
    }
    printf("%lld and %lld rows of %lld features\n", (long long)f->rows_a, (long long)f->rows_b, (long long)f->dims);
    elbo_cli_score_print(figures, 1);
    elbo_cli_score_line("mean_term", f->mean_term, "|m_a - m_b|^2");
    elbo_cli_score_line("covariance_term", f->covariance_term, "trace(C_a + C_b - 2 (C_a C_b)^(1/2))");
    if (*options->classifier)
        printf("features of %s: figures compare only with those of the same classifier\n", options->classifier);
    elbo_cli_score_warning(f->warning);
    return ELBO_EXIT_OK;
}

/* ---- Images ---- */

static elbo_status features_of(const elbo_context *context, elbo_classifier *classifier, const char *source,
                               const char *split_name, elbo_array *features, elbo_error *error) {
    elbo_split split = elbo_cli_split(split_name);
    elbo_dataset *dataset = elbo_dataset_open(source, NULL, error);
    if (!dataset) return error->status;
    const elbo_data_info *info = elbo_dataset_info(dataset);
    elbo_status status = elbo_cli_classifier_check(context, classifier, info, error);
    if (status == ELBO_OK && info->count[split] == 0)
        status = elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no %s rows", source, split_name);
    if (status == ELBO_OK)
        status = elbo_cli_classifier_apply(classifier, dataset, split, 0, info->count[split], NULL, features, error);
    elbo_dataset_free(dataset);
    return status;
}

static elbo_status compare_images(const elbo_context *context, const frechet_options *options, elbo_frechet *out,
                                  elbo_error *error) {
    elbo_array a = {0}, b = {0};
    elbo_classifier *classifier = elbo_classifier_load(options->classifier, (int)context->common->threads, error);
    if (!classifier) return error->status;
    elbo_status status = features_of(context, classifier, options->a, options->a_split, &a, error);
    if (status == ELBO_OK) status = features_of(context, classifier, options->b, options->b_split, &b, error);
    if (status == ELBO_OK) status = elbo_score_frechet(&a, &b, out, error);
    elbo_array_free(&a);
    elbo_array_free(&b);
    elbo_classifier_free(classifier);
    return status;
}

static int run_images(elbo_context *context, const frechet_options *options) {
    elbo_error error = {0};
    elbo_frechet frechet;
    if (!*options->a || !*options->b)
        return elbo_context_usage(context, "--%s SOURCE is missing", *options->a ? "b" : "a");
    return compare_images(context, options, &frechet, &error) == ELBO_OK ? show_frechet(context, &frechet)
                                                                         : elbo_context_fail(context, &error);
}

/* ---- Features ---- */

static int run_frechet(elbo_context *context) {
    const frechet_options *options = elbo_context_values(context, &frechet_table);
    elbo_cli_score_input inputs[] = {{"a", options->a, false, {0}}, {"b", options->b, false, {0}}};
    elbo_error error = {0};
    elbo_frechet frechet;
    if (*options->classifier) return run_images(context, options);
    if (elbo_context_given(context, "a_split") || elbo_context_given(context, "b_split"))
        return elbo_context_usage(context,
                                  "--a-split and --b-split need --classifier: files of features are read whole");
    int code = elbo_cli_score_load(context, inputs, 2);
    if (code == ELBO_EXIT_OK)
        code = elbo_score_frechet(&inputs[0].array, &inputs[1].array, &frechet, &error) == ELBO_OK
                   ? show_frechet(context, &frechet)
                   : elbo_context_fail(context, &error);
    elbo_cli_score_free(inputs, 2);
    return code;
}

const elbo_command elbo_cli_score_frechet = {
    .name = "frechet",
    .group = ELBO_GROUP_USE,
    .summary = "the distance of two sets of features, each taken as normal",
    .usage =
        (const char *const[]){"--a FILE --b FILE [OPTIONS]", "--classifier FILE --a SOURCE --b SOURCE [OPTIONS]", NULL},
    .description =
        "Features of one extractor for both sets, such as a layer of a classifier. The distance depends on "
        "the extractor and on the sizes of the sets: it is not comparable with published ones that were "
        "taken with another.\n\n"
        "With --classifier, a and b are images from anywhere (any data source, in the units that the classifier was "
        "trained on), and the features are those of its last hidden layer.\n\n" ELBO_CLI_SCORE_FILES,
    .flags = (const elbo_flag[]){{"a", 0, "FILE"}, {"b", 0, "FILE"}, {"classifier", 0, "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&frechet_table, NULL},
    .examples =
        (const elbo_example[]){{"elbo score frechet --a data.npy --b samples.npy", "one figure"},
                               {"elbo score frechet --classifier c.safetensors --a s.npy --b mnist --b-split test",
                                "images made elsewhere against data"},
                               {0}},
    .run = run_frechet,
};
