/* elbo gradvar: how noisy, and how far off, estimators of a gradient are. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/gradients.h"
#include "support/interrupt.h"
#include "support/output.h"
#include "support/progress.h"
#include "support/run.h"
#include "support/text.h"

#define GRADVAR_OPTIONS(O)                                                                                         \
    O(TEXT, out, "", 0, 0, NULL,                                                                                   \
      "folder for variance.svg, snr.svg and gradvar.json (made if need be), or one file: .svg (variance, or with " \
      "--draws-list the signal-to-noise ratio) or .json")                                                          \
    O(REAL, toy, "0", -1e6, 1e6, NULL,                                                                             \
      "no RUN: d/dtheta E[z^2], z ~ N(theta, 1), at this theta, beside its exact mean and variance")
ELBO_OPTIONS_STRUCT(gradvar_options, GRADVAR_OPTIONS);
#define ELBO_TABLE_STRUCT gradvar_options
static ELBO_TABLE(gradvar_table, "Output", GRADVAR_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { PATH = 4352 };

/* ---- The textbook case ---- */

static void print_toy(const elbo_gradvar_example example[ELBO_GRADVAR_EXAMPLES], double theta, int64_t draws) {
    printf("d/dtheta E[z^2], z ~ N(theta, 1), at theta = %g: %lld single draws (+- standard error)\n\n", theta,
           (long long)draws);
    printf("  %-16s %24s %10s %26s %12s\n", "", "mean", "exact", "variance", "exact");
    for (int i = 0; i < ELBO_GRADVAR_EXAMPLES; i++) {
        const elbo_gradvar_example *e = &example[i];
        printf("  %-16s %12.4f +- %8.4f %10.4f %13.3f +- %9.3f %12.3f\n", e->method, e->mean, e->mean_stderr,
               e->exact_mean, e->variance, e->variance_stderr, e->exact_variance);
    }
}

static json_t *toy_json(const elbo_gradvar_example example[ELBO_GRADVAR_EXAMPLES], double theta, int64_t draws) {
    json_t *object = json_object(), *list = json_array();
    json_object_set_new(object, "theta", elbo_cli_json_real(theta));
    json_object_set_new(object, "draws", json_integer(draws));
    for (int i = 0; i < ELBO_GRADVAR_EXAMPLES; i++) {
        const elbo_gradvar_example *e = &example[i];
        json_t *one = json_object();
        json_object_set_new(one, "method", elbo_cli_json_text(e->method));
        json_object_set_new(one, "mean", elbo_cli_json_real(e->mean));
        json_object_set_new(one, "mean_stderr", elbo_cli_json_real(e->mean_stderr));
        json_object_set_new(one, "exact_mean", elbo_cli_json_real(e->exact_mean));
        json_object_set_new(one, "variance", elbo_cli_json_real(e->variance));
        json_object_set_new(one, "variance_stderr", elbo_cli_json_real(e->variance_stderr));
        json_object_set_new(one, "exact_variance", elbo_cli_json_real(e->exact_variance));
        json_array_append_new(list, one);
    }
    json_object_set_new(object, "estimators", list);
    return object;
}

static int run_toy(elbo_context *context) {
    enum { DRAWS = 100000 };
    const gradvar_options *options = elbo_context_values(context, &gradvar_table);
    const elbo_gradvar_options *how = elbo_context_values(context, &elbo_gradvar_options_table);
    elbo_gradvar_example example[ELBO_GRADVAR_EXAMPLES];
    elbo_error error = {0};
    int64_t draws = elbo_context_given(context, "repeats") ? how->repeats : DRAWS;
    for (size_t i = 0; i < elbo_gradvar_options_table.count; i++) {
        const char *name = elbo_gradvar_options_table.rows[i].name;
        char dashed[ELBO_NAME_SIZE];
        if (strcmp(name, "repeats") != 0 && strcmp(name, "seed") != 0 && elbo_context_given(context, name))
            return elbo_context_usage(context, "--toy has no model: --%s does not go with it",
                                      elbo_cli_text_dashed(name, dashed));
    }
    if (elbo_context_argument(context, 0) || elbo_context_given(context, "out") || elbo_context_given(context, "data"))
        return elbo_context_usage(context, "--toy stands alone: neither RUN nor --data nor --out go with it");
    if (elbo_gradvar_square(options->toy, draws, (uint64_t)how->seed, example, &error) != ELBO_OK)
        return elbo_context_fail(context, &error);
    if (context->common->json) return elbo_cli_json_print(context, toy_json(example, options->toy, draws));
    print_toy(example, options->toy, draws);
    return ELBO_EXIT_OK;
}

/* ---- A model ---- */

static bool show(void *user, double share) {
    elbo_cli_progress_update(user, &(elbo_cli_progress_state){"gradients", share, share, NULL, 0});
    return elbo_cli_interrupt_requested();
}

static json_t *describe(const elbo_cli_run *run, const elbo_gradvar_comparison *comparison, const char *split) {
    json_t *object = elbo_cli_gradients_json(comparison);
    json_object_set_new(object, "model", elbo_cli_json_text(run->info->model));
    json_object_set_new(object, "epoch", json_integer(run->info->epoch));
    json_object_set_new(object, "data", elbo_cli_json_text(run->data->source));
    json_object_set_new(object, "split", elbo_cli_json_text(split));
    return object;
}

static bool ends_in(const char *path, const char *ending) {
    size_t length = strlen(path), tail = strlen(ending);
    return length > tail && strcmp(path + length - tail, ending) == 0;
}

static elbo_status save_json(const char *path, json_t *object, elbo_error *error) {
    char *text = object ? json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(12)) : NULL;
    elbo_status status = text ? elbo_cli_output_save(path, text, error)
                              : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %s", path);
    free(text);
    return status;
}

static elbo_status save_folder(const char *folder, const elbo_gradvar_comparison *comparison, const char *subtitle,
                               json_t *object, elbo_error *error) {
    char path[PATH];
    if (mkdir(folder, 0777) != 0 && errno != EEXIST)
        return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot make the folder %s: %s", folder, strerror(errno));
    snprintf(path, sizeof path, "%.4300s/variance.svg", folder);
    ELBO_CLI_TRY(elbo_cli_gradients_chart(comparison, ELBO_CLI_GRADIENTS_VARIANCE, subtitle, path, error));
    snprintf(path, sizeof path, "%.4300s/snr.svg", folder);
    ELBO_CLI_TRY(elbo_cli_gradients_chart(comparison, ELBO_CLI_GRADIENTS_SNR, subtitle, path, error));
    snprintf(path, sizeof path, "%.4300s/gradvar.json", folder);
    return save_json(path, object, error);
}

static elbo_status save(const char *out, const elbo_gradvar_comparison *comparison, const char *subtitle,
                        json_t *object, elbo_error *error) {
    if (ends_in(out, ".json")) return save_json(out, object, error);
    if (!ends_in(out, ".svg")) return save_folder(out, comparison, subtitle, object, error);
    bool sweep = elbo_cli_gradients_is_sweep(comparison);
    return elbo_cli_gradients_chart(comparison, sweep ? ELBO_CLI_GRADIENTS_SNR : ELBO_CLI_GRADIENTS_VARIANCE, subtitle,
                                    out, error);
}

static elbo_status report(elbo_cli_run *run, const elbo_gradvar_comparison *comparison, const char *split,
                          elbo_error *error) {
    const gradvar_options *options = elbo_context_values(run->context, &gradvar_table);
    char title[PATH];
    snprintf(title, sizeof title, "%s, epoch %lld: %lld gradients of one batch, %lld %s rows of %.4000s",
             run->info->model, (long long)run->info->epoch, (long long)comparison->repeats, (long long)comparison->rows,
             split, run->data->source);
    json_t *object = describe(run, comparison, split);
    elbo_status status = *options->out ? save(options->out, comparison, title, object, error) : ELBO_OK;
    if (status == ELBO_OK && run->context->common->json) {
        run->code = elbo_cli_json_print(run->context, object);
        return ELBO_OK;
    }
    json_decref(object);
    if (status != ELBO_OK) return status;
    elbo_cli_gradients_print(comparison, title);
    if (*options->out) printf("written to %s\n", options->out);
    return ELBO_OK;
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const elbo_gradvar_options *options = elbo_context_values(run->context, &elbo_gradvar_options_table);
    elbo_gradvar_comparison comparison = {0};
    elbo_cli_progress bar;
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&bar, run->context);
    elbo_status status = elbo_gradvar(run->model, run->dataset, options, show, &bar, &comparison, error);
    elbo_cli_progress_end(&bar);
    if (status == ELBO_OK) status = report(run, &comparison, elbo_cli_split_word(split), error);
    elbo_gradvar_clear(&comparison);
    return status;
}

static int run(elbo_context *context) {
    if (elbo_context_given(context, "toy")) return run_toy(context);
    if (!elbo_context_argument(context, 0)) return elbo_context_usage(context, "RUN or --toy THETA was expected");
    return elbo_cli_run_with(context, work);
}

const elbo_command command_gradvar = {
    .name = "gradvar",
    .group = ELBO_GROUP_TRAIN,
    .order = 4,
    .summary = "measure bias and variance of estimators of the gradient",
    .usage = (const char *const[]){"RUN [--estimators LIST] [OPTIONS]", "--toy THETA [--repeats N]", NULL},
    .description =
        "Parameters and data stay as they are, and only the draws of z change: so what differs between the gradients "
        "of an estimator is its noise, and what differs between the means of two estimators of one bound is bias. a, "
        "b, stl and reinforce estimate the gradient of the ELBO for any number of draws, iwae, dreg and vimco that of "
        "the importance-weighted bound of so many draws, miwae that of so many in groups (miwae/8:64: eight groups of "
        "eight); piwae (piwae/8:64) and ciwae (ciwae/0.05:64) follow two bounds at once and are their own reference. "
        "The bound is the plain one, whatever weights, free bits or "
        "precision the run was trained with; a run of wake-sleep or full-vb is measured with the networks that it "
        "has.\n\n"
        "A control that the run has not trained (reinforce/mean, reinforce/learned) gets --warm-up steps on the batch "
        "first, and a note says so: a network that has to know one batch alone does better than in a "
        "training.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments =
        (const elbo_argument[]){
            {"RUN", "folder of a run, or a .safetensors checkpoint", ELBO_ARGUMENT_FOLDER, 0, 1, NULL}, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "DIR|FILE"},
                                 {"estimators", 0, "LIST"},
                                 {"toy", 0, "THETA"},
                                 {"repeats", 'n', NULL},
                                 ELBO_CLI_SOURCE_FLAGS,
                                 {0}},
    .tables = (const elbo_options *const[]){&elbo_gradvar_options_table, &gradvar_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table,
                                            &elbo_cli_progress_options_table, NULL},
    .examples =
        (const elbo_example[]){
            {"elbo gradvar run", "every estimator that the posterior can serve"},
            {"elbo gradvar run --estimators b:1,stl:1,reinforce/none:1,reinforce/mean:1 -o figures",
             "some, with charts"},
            {"elbo gradvar run --estimators iwae,dreg --draws-list 1,2,5,10,50,100 -o snr.svg", "as the draws grow"},
            {"elbo gradvar --toy 3", "a case with exact answers"},
            {0}},
    .run = run,
};
