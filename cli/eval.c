/* elbo eval: how well a model explains data. */
#include <stdio.h>

#include "support/describe.h"
#include "support/figures.h"
#include "support/progress.h"

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const elbo_evaluation_options *options = elbo_context_values(run->context, &elbo_evaluation_options_table);
    elbo_evaluation evaluation = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(elbo_cli_evaluate(run, options, &evaluation, error));
    if (run->context->common->json) {
        json_t *object = elbo_cli_figures_json(&evaluation);
        json_object_set_new(object, "model", elbo_cli_json_text(run->info->model));
        json_object_set_new(object, "epoch", json_integer(run->info->epoch));
        json_object_set_new(object, "data", elbo_cli_json_text(run->data->source));
        json_object_set_new(object, "split", elbo_cli_json_text(options->split));
        run->code = elbo_cli_json_print(run->context, object);
    } else {
        char rows[4200];
        snprintf(rows, sizeof rows, "%s, epoch %lld: %lld %s rows of %.4000s", run->info->model,
                 (long long)run->info->epoch, (long long)evaluation.count, elbo_cli_split_word(split),
                 run->data->source);
        elbo_cli_figures_print(&evaluation, rows);
    }
    elbo_evaluation_clear(&evaluation);
    return ELBO_OK;
}

static int run(elbo_context *context) { return elbo_cli_run_with(context, work); }

const elbo_command command_eval = {
    .name = "eval",
    .group = ELBO_GROUP_TRAIN,
    .order = 1,
    .summary = "measure ELBO, likelihood and use of the latent dimensions",
    .usage = (const char *const[]){"RUN [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Figures are in nats for each datum, with all constants. With --samples, -log p(x) is estimated by importance "
        "sampling from q(z|x); its two errors are that over rows and that from the finite number of samples. Few "
        "effective samples mean that more are needed.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables = (const elbo_options *const[]){&elbo_evaluation_options_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table,
                                            &elbo_cli_progress_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo eval run", "ELBO of the held-out rows"},
                                       {"elbo eval run --samples 5000", "and their likelihood"},
                                       {"elbo eval run --data mnist --split test --json", "other data, for a program"},
                                       {0}},
    .run = run,
};
