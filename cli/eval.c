/* elbo eval: how well a model explains data. */
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/figures.h"
#include "support/frechet.h"
#include "support/gap.h"
#include "support/progress.h"
#include "support/save.h"
#include "support/seeds.h"
#include "support/text.h"

#define EVAL_OPTIONS(O)                                                                                             \
    O(TEXT, per_datum, "", 0, 0, NULL,                                                                              \
      "with --nll: file for log p(x) and its standard error, for each row and method: columns in .npy or .csv, an " \
      "array for each method in .npz")
ELBO_OPTIONS_STRUCT(eval_options, EVAL_OPTIONS);
#define ELBO_TABLE_STRUCT eval_options
static ELBO_TABLE(eval_table, "Output", EVAL_OPTIONS);
#undef ELBO_TABLE_STRUCT

static void title(const elbo_cli_run *run, int64_t count, const char *kind, char *out, size_t size) {
    int used = snprintf(out, size, "%s, epoch %lld: %lld %s rows", run->info->model, (long long)run->info->epoch,
                        (long long)count, kind);
    if (run->data) snprintf(out + used, size - (size_t)used, " of %.4000s", run->data->source);
}

static void add_origin(const elbo_cli_run *run, json_t *object, const char *split) {
    json_object_set_new(object, "model", elbo_cli_json_text(run->info->model));
    json_object_set_new(object, "epoch", json_integer(run->info->epoch));
    json_object_set_new(object, "data", elbo_cli_json_text(run->data ? run->data->source : NULL));
    json_object_set_new(object, "split", elbo_cli_json_text(split));
}

/* ---- The ELBO and its parts ---- */

static elbo_status measure(elbo_cli_run *run, elbo_error *error) {
    const elbo_evaluation_options *options = elbo_context_values(run->context, &elbo_evaluation_options_table);
    elbo_evaluation evaluation = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(elbo_cli_evaluate(run, options, &evaluation, error));
    json_t *object = elbo_cli_figures_json(&evaluation);
    add_origin(run, object, options->split);
    if (!elbo_cli_run_figures(run, object)) {
        char rows[4200];
        title(run, evaluation.count, elbo_cli_split_word(split), rows, sizeof rows);
        elbo_cli_figures_print(&evaluation, rows);
    }
    elbo_evaluation_clear(&evaluation);
    return ELBO_OK;
}

/* ---- Likelihoods compared ---- */

static elbo_status report(elbo_cli_run *run, const elbo_likelihood_comparison *comparison, const char *split,
                          const char *kind, elbo_error *error) {
    const eval_options *options = elbo_context_values(run->context, &eval_table);
    if (options->per_datum[0]) ELBO_CLI_TRY(elbo_cli_likelihoods_save(comparison, options->per_datum, error));
    json_t *object = elbo_cli_likelihoods_json(comparison);
    add_origin(run, object, comparison->simulated ? NULL : split);
    if (elbo_cli_run_figures(run, object)) return ELBO_OK;
    char rows[4200];
    title(run, comparison->count, kind, rows, sizeof rows);
    elbo_cli_likelihoods_print(comparison, rows);
    if (options->per_datum[0]) printf("each row written to %s\n", options->per_datum);
    return ELBO_OK;
}

static elbo_status compare(elbo_cli_run *run, elbo_error *error) {
    const elbo_evaluation_options *evaluation = elbo_context_values(run->context, &elbo_evaluation_options_table);
    const elbo_likelihood_options *options = elbo_context_values(run->context, &elbo_likelihood_options_table);
    elbo_likelihood_comparison comparison = {0};
    const char *kind = "simulated";
    if (!options->simulated) {
        elbo_split split;
        ELBO_CLI_TRY(elbo_cli_run_data(run, error));
        ELBO_CLI_TRY(elbo_cli_run_split(run, evaluation->split, &split, error));
        kind = elbo_cli_split_word(split);
    }
    ELBO_CLI_TRY(elbo_cli_likelihoods(run, evaluation, options, &comparison, error));
    elbo_status status = report(run, &comparison, evaluation->split, kind, error);
    elbo_likelihoods_clear(&comparison);
    return status;
}

/* ---- The gap ---- */

static elbo_status separate(elbo_cli_run *run, elbo_error *error) {
    const elbo_evaluation_options *options = elbo_context_values(run->context, &elbo_evaluation_options_table);
    elbo_gap gap = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(elbo_cli_gap_measure(run, options, &gap, error));
    json_t *object = elbo_cli_gap_json(&gap);
    add_origin(run, object, options->split);
    if (!elbo_cli_run_figures(run, object)) {
        char rows[4200];
        title(run, gap.count, elbo_cli_split_word(split), rows, sizeof rows);
        elbo_cli_gap_print(&gap, rows);
    }
    elbo_gap_clear(&gap);
    return ELBO_OK;
}

/* ---- Draws against data ---- */

static elbo_status compare_draws(elbo_cli_run *run, elbo_error *error) {
    const elbo_evaluation_options *options = elbo_context_values(run->context, &elbo_evaluation_options_table);
    elbo_cli_frechet measured;
    ELBO_CLI_TRY(elbo_cli_frechet_measure(run, &measured, error));
    json_t *object = elbo_cli_frechet_json(run, &measured);
    add_origin(run, object, options->split);
    if (!elbo_cli_run_figures(run, object)) elbo_cli_frechet_print(run, &measured);
    return ELBO_OK;
}

/* ---- The command ---- */

/* Options of one kind of evaluation that were typed for the other; ELBO_EXIT_OK if there is none. */
static int refuse_idle(const elbo_context *context, bool comparing, bool simulated) {
    const elbo_options *likelihood = &elbo_likelihood_options_table, *data = &elbo_data_options_table;
    char dashed[ELBO_NAME_SIZE];
    if (comparing && elbo_context_given(context, "active_threshold"))
        return elbo_context_usage(context, "--active-threshold does not go with --nll, which counts no units");
    for (size_t i = 0; i < likelihood->count && !comparing; i++)
        if (elbo_context_given(context, likelihood->rows[i].name))
            return elbo_context_usage(context, "--%s needs --nll METHODS",
                                      elbo_cli_text_dashed(likelihood->rows[i].name, dashed));
    if (!comparing && elbo_context_given(context, "per_datum"))
        return elbo_context_usage(context, "--per-datum needs --nll METHODS");
    if (!simulated) return ELBO_EXIT_OK;
    if (elbo_context_given(context, "data") || elbo_context_given(context, "split"))
        return elbo_context_usage(context, "--simulated draws its data: --data and --split do not go with it");
    for (size_t i = 0; i < data->count; i++)
        if (elbo_context_given(context, data->rows[i].name))
            return elbo_context_usage(context, "--simulated draws its data: --%s does not go with it",
                                      elbo_cli_text_dashed(data->rows[i].name, dashed));
    return ELBO_EXIT_OK;
}

static int run(elbo_context *context) {
    const elbo_likelihood_options *options = elbo_context_values(context, &elbo_likelihood_options_table);
    const char *file = ((const eval_options *)elbo_context_values(context, &eval_table))->per_datum;
    bool comparing = elbo_context_given(context, "nll");
    int code;
    bool drawing = elbo_cli_frechet_wanted(context, &code);
    if (code == ELBO_EXIT_OK && drawing) return elbo_cli_run_with_each(context, compare_draws);
    if (code != ELBO_EXIT_OK) return code;
    bool separating = elbo_cli_gap_wanted(context, &code);
    if (code == ELBO_EXIT_OK) code = refuse_idle(context, comparing, options->simulated);
    if (code == ELBO_EXIT_OK && file[0] &&
        (strcmp(file, "-") == 0 || elbo_cli_kind_by_name(file) != ELBO_CLI_KIND_ARRAY))
        code = elbo_context_usage(context, "--per-datum %s: a file ending in .npy, .npz or .csv was expected", file);
    if (code == ELBO_EXIT_OK && file[0] && elbo_cli_seeds_in(elbo_context_argument(context, 0)))
        code = elbo_context_usage(context, "--per-datum: one file for the runs of several seeds; name one run");
    if (code != ELBO_EXIT_OK) return code;
    return elbo_cli_run_with_each(context, separating ? separate : comparing ? compare : measure);
}

const elbo_command command_eval = {
    .name = "eval",
    .group = ELBO_GROUP_TRAIN,
    .order = 1,
    .summary = "measure ELBO, likelihood and use of the latent dimensions",
    .usage = (const char *const[]){"RUN [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Figures are in nats for each datum, with all constants. With --samples, -log p(x) is estimated by importance "
        "sampling from q(z|x); its two errors are that over rows and that from the finite number of samples. Few "
        "effective samples mean that more are needed.\n\n"
        "--nll compares estimators on the same rows: naive Monte Carlo from the prior, importance sampling, draws of "
        "the "
        "posterior by Hamiltonian Monte Carlo (for codes of fewer than 5 dimensions), and annealed importance sampling "
        "in both directions, which brackets -log p(x).\n\n"
        "--gap fits the posterior of each row and says how much of log p(x) - ELBO the encoder costs and how much the "
        "family of posteriors.\n\n"
        "--frechet compares draws with data in the features of a classifier trained on the same data, and gives the "
        "distance of training rows as the floor.\n\n"
        "A folder of 'elbo train --seeds' gives mean, standard deviation and median of the figures of its "
        "runs.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUNS_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"count", 'n', NULL},
                                 {"nll", 0, "METHODS"},
                                 {"frechet", 0, "CLASSIFIER"},
                                 {"mixture", 0, "K|FIT"},
                                 {"per_datum", 0, "FILE"},
                                 ELBO_CLI_SOURCE_FLAGS,
                                 {0}},
    .tables = (const elbo_options *const[]){&elbo_evaluation_options_table, &elbo_likelihood_options_table, &eval_table,
                                            &elbo_cli_gap_options_table, &elbo_gap_options_table,
                                            &elbo_cli_frechet_options_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table,
                                            &elbo_cli_progress_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo eval run", "ELBO of the held-out rows"},
                                       {"elbo eval run --samples 5000", "and their likelihood"},
                                       {"elbo eval run --nll is,ais -n 100", "two estimates of it, compared"},
                                       {"elbo eval run --gap -n 1000", "what the encoder costs, and the family"},
                                       {"elbo eval run --nll ais --simulated", "how far the model's own can be off"},
                                       {"elbo eval run --frechet c.safetensors", "draws against data, by a classifier"},
                                       {"elbo eval run --data mnist --split test --json", "other data, for a program"},
                                       {0}},
    .run = run,
};
