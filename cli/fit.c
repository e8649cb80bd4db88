/* elbo fit: classic latent variable models by exact EM and coordinate ascent. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/describe.h"
#include "support/fit_apply.h"
#include "support/fit_files.h"
#include "support/interrupt.h"
#include "support/progress.h"
#include "support/rows.h"
#include "support/save.h"

#define FIT_OPTIONS(O)                                                                                      \
    O(TEXT, data, "synth:glyphs", 0, 0, NULL, "data source")                                                \
    O(TEXT, out, "", 0, 0, NULL, "folder for the fit, which must not hold one yet (default: figures only)") \
    O(TEXT, codes, "", 0, 0, NULL,                                                                          \
      "also write responsibilities (gmm, bgmm) or posterior means (ppca, fa): .npy, .npz or .csv")          \
    O(CHOICE, codes_split, "test", 0, 0, ELBO_CLI_SPLITS, "rows whose codes are written")
ELBO_OPTIONS_STRUCT(fit_command_options, FIT_OPTIONS);
#define ELBO_TABLE_STRUCT fit_command_options
static ELBO_TABLE(fit_table, "Files", FIT_OPTIONS);
#undef ELBO_TABLE_STRUCT

static const char *method_at(size_t index) { return elbo_fit_method(index, NULL); }

/* What a command holds while it works; everything is released at its end. */
typedef struct work {
    const elbo_context *context;
    const fit_command_options *options;
    const elbo_fit_options *fit_options;
    const char *method;
    elbo_dataset *dataset;
    elbo_fit *fit;
    elbo_cli_progress bar;
    double test; /* mean log-likelihood of the test rows; NaN where there are none */
} work;

/* ---- Checks before the work ---- */

static int check_options(const elbo_context *context, const char *method) {
    for (size_t i = 0; i < elbo_fit_options_table.count; i++) {
        const char *name = elbo_fit_options_table.rows[i].name;
        if (!elbo_context_given(context, name) || elbo_fit_applies(method, name)) continue;
        char dashed[64];
        size_t length = 0;
        for (; name[length] && length + 1 < sizeof dashed; length++)
            dashed[length] = name[length] == '_' ? '-' : name[length];
        dashed[length] = 0;
        return elbo_context_usage(context, "option --%s: %s has no use for it", dashed, method);
    }
    return ELBO_EXIT_OK;
}

static int check_files(const elbo_context *context, const fit_command_options *options) {
    char path[4096];
    struct stat what;
    if (*options->codes &&
        (elbo_cli_kind_by_name(options->codes) != ELBO_CLI_KIND_ARRAY || strcmp(options->codes, "-") == 0))
        return elbo_context_usage(context, "--codes %s: a file ending in .npy, .npz or .csv was expected",
                                  options->codes);
    if (!*options->codes && elbo_context_given(context, "codes_split"))
        return elbo_context_usage(context, "--codes-split: there is no --codes to write");
    if (snprintf(path, sizeof path, "%s/model.safetensors", options->out) >= (int)sizeof path)
        return elbo_context_usage(context, "--out: the folder's name is too long");
    if (*options->out && stat(path, &what) == 0)
        return elbo_context_usage(context, "--out %s: the folder holds a fit already", options->out);
    return ELBO_EXIT_OK;
}

/* ---- The work ---- */

static bool show(void *user, int64_t restart, const elbo_fit_point *point) {
    work *w = user;
    char label[64];
    double share = (double)point->iteration / (double)w->fit_options->iterations;
    double whole = ((double)restart + share) / (double)w->fit_options->restarts;
    snprintf(label, sizeof label, "start %lld/%lld, iteration %lld", (long long)restart + 1,
             (long long)w->fit_options->restarts, (long long)point->iteration);
    const elbo_cli_progress_field fields[] = {{"ELBO", point->after_m, 3, false},
                                              {"log p", point->log_likelihood, 3, false}};
    const elbo_cli_progress_state state = {label, share, whole, fields, isnan(point->log_likelihood) ? 1 : 2};
    elbo_cli_progress_update(&w->bar, &state);
    if (w->bar.style == ELBO_CLI_PROGRESS_LINES) elbo_cli_progress_line(&w->bar, &state);
    return elbo_cli_interrupt_requested();
}

static elbo_status mean_score(const elbo_fit *fit, const elbo_array *rows, double *mean, elbo_error *error) {
    elbo_array each = {0};
    ELBO_CLI_TRY(elbo_fit_score(fit, rows, &each, error));
    *mean = 0;
    for (int64_t n = 0; n < each.shape[0]; n++) *mean += ((const double *)each.data)[n] / (double)each.shape[0];
    elbo_array_free(&each);
    return ELBO_OK;
}

static elbo_status fit_rows(work *w, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(w->dataset);
    elbo_array rows = {0};
    if (info->count[ELBO_SPLIT_TRAIN] == 0)
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no training rows", info->source);
    ELBO_CLI_TRY(elbo_cli_rows(w->dataset, ELBO_SPLIT_TRAIN, NULL, 0, info->count[ELBO_SPLIT_TRAIN], &rows, error));
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&w->bar, w->context);
    w->fit = elbo_fit_new(w->method, &rows, w->fit_options, (int)w->context->common->threads, show, w, error);
    elbo_cli_progress_end(&w->bar);
    elbo_array_free(&rows);
    return w->fit ? ELBO_OK : error->status;
}

static elbo_status score_test(work *w, elbo_error *error) {
    int64_t count = elbo_dataset_info(w->dataset)->count[ELBO_SPLIT_TEST];
    elbo_array rows = {0};
    w->test = NAN;
    if (count == 0) return ELBO_OK;
    ELBO_CLI_TRY(elbo_cli_rows(w->dataset, ELBO_SPLIT_TEST, NULL, 0, count, &rows, error));
    elbo_status status = mean_score(w->fit, &rows, &w->test, error);
    elbo_array_free(&rows);
    return status;
}

static elbo_status write_codes(work *w, elbo_error *error) {
    elbo_split split = elbo_cli_split(w->options->codes_split);
    int64_t count = elbo_dataset_info(w->dataset)->count[split];
    elbo_array rows = {0}, codes = {0};
    if (count == 0)
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "--codes-split %s: there are no such rows",
                             w->options->codes_split);
    ELBO_CLI_TRY(elbo_cli_rows(w->dataset, split, NULL, 0, count, &rows, error));
    elbo_status status = elbo_fit_encode(w->fit, &rows, &codes, error);
    if (status == ELBO_OK) status = elbo_array_save(&codes, w->options->codes, error);
    elbo_array_free(&rows);
    elbo_array_free(&codes);
    return status;
}

static elbo_status run_work(work *w, elbo_error *error) {
    const elbo_data_options *data = elbo_context_values(w->context, &elbo_data_options_table);
    w->dataset = elbo_dataset_open(w->options->data, data, error);
    if (!w->dataset) return error->status;
    if (*w->options->out) ELBO_CLI_TRY(elbo_cli_fit_folder(w->options->out, error));
    ELBO_CLI_TRY(fit_rows(w, error));
    ELBO_CLI_TRY(score_test(w, error));
    if (*w->options->codes) ELBO_CLI_TRY(write_codes(w, error));
    if (!*w->options->out) return ELBO_OK;
    return elbo_cli_fit_write(w->context, w->fit, elbo_dataset_info(w->dataset), w->options->out, error);
}

/* ---- Saying ---- */

static int report_json(const work *w) {
    const elbo_fit_info *info = elbo_fit_get_info(w->fit);
    const elbo_data_info *data = elbo_dataset_info(w->dataset);
    json_t *object = json_object();
    json_object_set_new(object, "method", elbo_cli_json_text(info->method));
    json_object_set_new(object, "data", elbo_cli_json_text(data->source));
    json_object_set_new(object, "train_rows", json_integer(info->rows));
    json_object_set_new(object, "test_rows", json_integer(data->count[ELBO_SPLIT_TEST]));
    json_object_set_new(object, "item_size", json_integer(info->item_size));
    json_object_set_new(object, "scaled", json_boolean(info->bytes));
    json_object_set_new(object, "elbo", elbo_cli_json_real(info->elbo));
    json_object_set_new(object, "log_likelihood", elbo_cli_json_real(info->log_likelihood));
    json_object_set_new(object, "test_log_likelihood", elbo_cli_json_real(w->test));
    json_object_set_new(object, "iterations", json_integer(info->iterations));
    json_object_set_new(object, "converged", json_boolean(info->converged));
    json_object_set_new(object, "restart", json_integer(info->restart));
    json_object_set_new(object, "empty", json_integer(info->empty));
    json_object_set_new(object, "seconds", elbo_cli_json_real(info->seconds));
    json_object_set_new(object, "out", *w->options->out ? elbo_cli_json_text(w->options->out) : json_null());
    json_object_set_new(object, "codes", *w->options->codes ? elbo_cli_json_text(w->options->codes) : json_null());
    return elbo_cli_json_print(w->context, object);
}

static int report(const work *w) {
    const elbo_fit_info *info = elbo_fit_get_info(w->fit);
    bool mixture = elbo_fit_applies(w->method, "components");
    if (info->empty > 0)
        elbo_context_note(w->context, "%lld of %lld components hold less than half a row", (long long)info->empty,
                          (long long)info->codes);
    if (w->context->common->json) return report_json(w);
    printf("%s, %lld %s: %lld rows of %lld numbers%s\n", info->method, (long long)info->codes,
           mixture ? "components" : "latent dimensions", (long long)info->rows, (long long)info->item_size,
           info->bytes ? ", bytes scaled to [0, 1]" : "");
    printf("%-16s%.6g nats per datum\n", "ELBO", info->elbo);
    printf("%-16strain %.6g", strcmp(w->method, "bgmm") == 0 ? "predictive log" : "log-likelihood",
           info->log_likelihood);
    if (!isnan(w->test)) printf(", test %.6g", w->test);
    puts(" nats per datum");
    printf("%-16s%lld%s", "iterations", (long long)info->iterations,
           info->converged ? ", converged" : ", stopped before the tolerance was reached");
    if (w->fit_options->restarts > 1)
        printf(" (start %lld of %lld)", (long long)info->restart + 1, (long long)w->fit_options->restarts);
    printf("\n%-16s%.2f\n", "seconds", info->seconds);
    if (*w->options->codes)
        printf("codes of the %s rows written to %s\n", elbo_cli_split_word(elbo_cli_split(w->options->codes_split)),
               w->options->codes);
    if (*w->options->out) printf("fit in %s\n", w->options->out);
    return ELBO_EXIT_OK;
}

static int run(elbo_context *context) {
    work w = {.context = context,
              .options = elbo_context_values(context, &fit_table),
              .fit_options = elbo_context_values(context, &elbo_fit_options_table),
              .method = elbo_context_argument(context, 0)};
    elbo_error error = {0};
    int code = check_options(context, w.method);
    if (code == ELBO_EXIT_OK) code = check_files(context, w.options);
    if (code != ELBO_EXIT_OK) return code;
    code = run_work(&w, &error) == ELBO_OK ? report(&w) : elbo_context_fail(context, &error);
    elbo_fit_free(w.fit);
    elbo_dataset_free(w.dataset);
    return code;
}

static const elbo_command *const below[] = {&elbo_cli_fit_apply, NULL};

const elbo_command command_fit = {
    .name = "fit",
    .group = ELBO_GROUP_TRAIN,
    .order = 2,
    .summary = "fit a mixture, PPCA or factor analysis by EM",
    .usage = (const char *const[]){"METHOD [--data SOURCE] [--out DIR] [OPTIONS]", NULL},
    .description =
        "Models whose posterior is known in closed form, fitted to the training rows without a network:\n\n"
        "gmm: mixture of Gaussians, by EM. bgmm: the same with priors on everything, by mean-field variational "
        "inference. ppca: probabilistic principal component analysis, by EM. fa: factor analysis, by EM.\n\n"
        "Figures are in nats for each datum, with all constants. Bytes are scaled to [0, 1], and the log-likelihood is "
        "the density of the scaled values; other numbers are taken as they are. Of bgmm, it is the density predicted "
        "from the training rows. The ELBO never falls, and with EM it meets the log-likelihood after each E-step.\n\n"
        "DIR gets model.safetensors, curve.jsonl and curve.svg (ELBO after each E-step and M-step) and, where rows are "
        "images, means.png or loadings.png.",
    .arguments = (const elbo_argument[]){{"METHOD", "one of", ELBO_ARGUMENT_WORD, 1, 1, method_at}, {0}},
    .flags = (const elbo_flag[]){{"data", 0, "SOURCE"},
                                 {"out", 'o', "DIR"},
                                 {"codes", 0, "FILE"},
                                 {"item_shape", 0, "SHAPE"},
                                 {"train_labels", 0, "CLASSES"},
                                 {"labels", 0, "FILE|COLUMN"},
                                 {0}},
    .tables = (const elbo_options *const[]){&fit_table, &elbo_fit_options_table, &elbo_data_options_table,
                                            &elbo_cli_progress_options_table, NULL},
    .subcommands = below,
    .examples =
        (const elbo_example[]){
            {"elbo fit gmm --data mnist --components 20 -o fit", "a mixture of 20 diagonal Gaussians"},
            {"elbo fit ppca --data mnist --latent 10 --codes z.npz -o fit", "ten axes, and codes of the test rows"},
            {"elbo fit bgmm --data synth:mixture --covariance full --components 8", "unneeded components empty"},
            {0}},
    .run = run,
};
