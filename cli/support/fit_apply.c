/* elbo fit apply: a fit that was saved, at work on rows, and its draws. */
#include "support/fit_apply.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/json.h"
#include "support/mixture.h"
#include "support/rows.h"
#include "support/save.h"

#define APPLY_OPTIONS(O)                                                                                           \
    O(TEXT, data, "", 0, 0, NULL, "data source of rows like those of the fit")                                     \
    O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which rows")                                                   \
    O(TEXT, scores, "", 0, 0, NULL, "write log p(x) of each row: .npy, .npz or .csv")                              \
    O(TEXT, codes, "", 0, 0, NULL,                                                                                 \
      "write responsibilities (gmm, bgmm) or posterior means (ppca, fa) of each row: .npy, .npz or .csv")          \
    O(TEXT, samples, "", 0, 0, NULL, "write draws of p(x), in the units of the (scaled) data: .npy, .npz or .csv") \
    O(INT, count, "100", 1, 1e7, NULL, "how many draws")                                                           \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")
ELBO_OPTIONS_STRUCT(apply_options, APPLY_OPTIONS);
#define ELBO_TABLE_STRUCT apply_options
static ELBO_TABLE(apply_table, "Use", APPLY_OPTIONS);
#undef ELBO_TABLE_STRUCT

typedef struct work {
    const elbo_context *context;
    const apply_options *options;
    elbo_fit *fit;
    int64_t rows;
    double mean, error; /* of log p(x) */
} work;

static void mean_score(work *w, const elbo_array *scores) {
    const double *each = scores->data;
    double square = 0;
    w->rows = scores->shape[0];
    for (int64_t n = 0; n < w->rows; n++) w->mean += each[n] / (double)w->rows;
    for (int64_t n = 0; n < w->rows; n++) square += (each[n] - w->mean) * (each[n] - w->mean);
    w->error = w->rows > 1 ? sqrt(square / (double)(w->rows - 1) / (double)w->rows) : NAN;
}

static elbo_status apply_rows(work *w, const elbo_array *rows, elbo_error *error) {
    elbo_array scores = {0}, codes = {0};
    elbo_status status = elbo_fit_score(w->fit, rows, &scores, error);
    if (status == ELBO_OK) mean_score(w, &scores);
    if (status == ELBO_OK && *w->options->scores) status = elbo_array_save(&scores, w->options->scores, error);
    if (status == ELBO_OK && *w->options->codes) {
        status = elbo_fit_encode(w->fit, rows, &codes, error);
        if (status == ELBO_OK) status = elbo_array_save(&codes, w->options->codes, error);
    }
    elbo_array_free(&scores);
    elbo_array_free(&codes);
    return status;
}

static elbo_status apply_data(work *w, elbo_error *error) {
    elbo_split split = elbo_cli_split(w->options->split);
    elbo_dataset *dataset =
        elbo_dataset_open(w->options->data, elbo_context_values(w->context, &elbo_data_options_table), error);
    if (!dataset) return error->status;
    int64_t count = elbo_dataset_info(dataset)->count[split];
    elbo_array rows = {0};
    elbo_status status =
        count > 0 ? elbo_cli_rows(dataset, split, NULL, 0, count, &rows, error)
                  : elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no %s rows", w->options->data, w->options->split);
    if (status == ELBO_OK) status = apply_rows(w, &rows, error);
    elbo_array_free(&rows);
    elbo_dataset_free(dataset);
    return status;
}

static elbo_status draw(work *w, elbo_error *error) {
    elbo_array x = {0};
    ELBO_CLI_TRY(elbo_fit_sample(w->fit, w->options->count, (uint64_t)w->options->seed, &x, error));
    elbo_status status = elbo_array_save(&x, w->options->samples, error);
    elbo_array_free(&x);
    return status;
}

static elbo_status run_work(work *w, elbo_error *error) {
    char path[4096];
    elbo_cli_fit_path(elbo_context_argument(w->context, 0), path, sizeof path);
    w->fit = elbo_fit_load(path, (int)w->context->common->threads, error);
    if (!w->fit) return error->status;
    if (*w->options->data) ELBO_CLI_TRY(apply_data(w, error));
    return *w->options->samples ? draw(w, error) : ELBO_OK;
}

static json_t *file_json(const char *path) { return elbo_cli_json_text(*path ? path : NULL); }

static int report(const work *w) {
    const elbo_fit_info *info = elbo_fit_get_info(w->fit);
    if (w->context->common->json) {
        json_t *object = json_object();
        json_object_set_new(object, "method", elbo_cli_json_text(info->method));
        json_object_set_new(object, "train_rows", json_integer(info->rows));
        json_object_set_new(object, "item_size", json_integer(info->item_size));
        json_object_set_new(object, "codes", json_integer(info->codes));
        json_object_set_new(object, "train_log_likelihood", elbo_cli_json_real(info->log_likelihood));
        json_object_set_new(object, "rows", json_integer(w->rows));
        json_object_set_new(object, "log_likelihood", elbo_cli_json_real(w->rows ? w->mean : NAN));
        json_object_set_new(object, "log_likelihood_stderr", elbo_cli_json_real(w->rows ? w->error : NAN));
        json_object_set_new(object, "scores_out", file_json(w->options->scores));
        json_object_set_new(object, "codes_out", file_json(w->options->codes));
        json_object_set_new(object, "samples_out", file_json(w->options->samples));
        return elbo_cli_json_print(w->context, object);
    }
    printf("%s, %lld %s, fitted to %lld rows of %lld numbers: %.6g nats per datum\n", info->method,
           (long long)info->codes, elbo_fit_applies(info->method, "components") ? "components" : "latent dimensions",
           (long long)info->rows, (long long)info->item_size, info->log_likelihood);
    if (w->rows) printf("log-likelihood of %lld rows: %.6g +- %.2g\n", (long long)w->rows, w->mean, w->error);
    if (*w->options->scores) printf("log p(x) written to %s\n", w->options->scores);
    if (*w->options->codes) printf("codes written to %s\n", w->options->codes);
    if (*w->options->samples) printf("%lld draws written to %s\n", (long long)w->options->count, w->options->samples);
    return ELBO_EXIT_OK;
}

static int check(const elbo_context *context, const apply_options *options) {
    const struct {
        const char *name, *path;
    } files[] = {{"scores", options->scores}, {"codes", options->codes}, {"samples", options->samples}};
    for (int i = 0; i < 3; i++)
        if (*files[i].path &&
            (strcmp(files[i].path, "-") == 0 || elbo_cli_kind_by_name(files[i].path) != ELBO_CLI_KIND_ARRAY))
            return elbo_context_usage(context, "--%s %s: a file ending in .npy, .npz or .csv was expected",
                                      files[i].name, files[i].path);
    if (!*options->data && (*options->scores || *options->codes || elbo_context_given(context, "split")))
        return elbo_context_usage(context, "--data SOURCE is missing: rows to score and to encode");
    if (!*options->samples && (elbo_context_given(context, "count") || elbo_context_given(context, "seed")))
        return elbo_context_usage(context, "--count and --seed: there are no --samples to draw");
    if (!*options->data && !*options->samples)
        return elbo_context_usage(context, "--data SOURCE or --samples FILE was expected");
    return ELBO_EXIT_OK;
}

static int run(elbo_context *context) {
    work w = {.context = context, .options = elbo_context_values(context, &apply_table)};
    elbo_error error = {0};
    int code = check(context, w.options);
    if (code != ELBO_EXIT_OK) return code;
    code = run_work(&w, &error) == ELBO_OK ? report(&w) : elbo_context_fail(context, &error);
    elbo_fit_free(w.fit);
    return code;
}

const elbo_command elbo_cli_fit_apply = {
    .name = "apply",
    .group = ELBO_GROUP_TRAIN,
    .summary = "score and encode rows by a fit, or draw from it",
    .usage =
        (const char *const[]){"FIT [--data SOURCE] [--scores FILE] [--codes FILE] [--samples FILE] [OPTIONS]", NULL},
    .description =
        "FIT is what 'elbo fit' left. Rows must be of the kind that it saw: bytes for bytes, which are scaled to [0, "
        "1]. 'elbo cluster FIT' compares the components of a mixture with labels; 'elbo sample RUN --mixture FIT' "
        "decodes draws of a fit of codes.",
    .arguments =
        (const elbo_argument[]){{"FIT", "folder of a fit, or its model.safetensors", ELBO_ARGUMENT_FOLDER, 1, 1, NULL},
                                {0}},
    .flags = (const elbo_flag[]){{"data", 0, "SOURCE"},
                                 {"scores", 0, "FILE"},
                                 {"codes", 0, "FILE"},
                                 {"samples", 0, "FILE"},
                                 {"count", 'n', NULL},
                                 {"item_shape", 0, "SHAPE"},
                                 {"train_labels", 0, "CLASSES"},
                                 {"labels", 0, "FILE|COLUMN"},
                                 {0}},
    .tables = (const elbo_options *const[]){&apply_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo fit apply fit --data new.npy --scores s.npy", "log p(x) of each row"},
                                       {"elbo fit apply fit --samples x.npy -n 1000", "draws"},
                                       {0}},
    .run = run,
};
