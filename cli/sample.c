/* elbo sample: what a model makes up. */
#include <stdio.h>

#include "support/save.h"
#include "support/show.h"

#define SAMPLE_OPTIONS(O)                                                                                     \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                                           \
    O(INT, count, "100", 1, 1e7, NULL, "how many samples")                                                    \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")                                                   \
    O(REAL, temperature, "1", 0, 100, NULL, "factor on the codes: below 1 more typical, above 1 more varied") \
    O(BOOL, draw, "false", 0, 0, NULL, "draw from p(x|z) instead of showing its mean")                        \
    O(INT, cluster, "-1", -1, 65535, NULL, "models of clusters: draw codes from this one, counted from 0 (-1: all)")
ELBO_OPTIONS_STRUCT(sample_options, SAMPLE_OPTIONS);
#define ELBO_TABLE_STRUCT sample_options
static ELBO_TABLE(sample_table, "Sample", SAMPLE_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status save(elbo_cli_run *run, const elbo_array *items, elbo_cli_kind kind, const char *path,
                        elbo_error *error) {
    const elbo_cli_picture_options *look = elbo_context_values(run->context, &elbo_cli_picture_options_table);
    elbo_picture layout = {.columns = (int)look->columns, .scale = (int)look->scale};
    return elbo_cli_save(run, items, &layout, kind, path, error);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const sample_options *options = elbo_context_values(run->context, &sample_table);
    const elbo_cli_samples how = {options->count, (uint64_t)options->seed, options->temperature,
                                  options->draw,  options->cluster >= 0,   options->cluster};
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    elbo_array items = {0};
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(elbo_cli_show_samples(run, &how, &items, error));
    elbo_status status = save(run, &items, kind, options->out, error);
    elbo_array_free(&items);
    if (status != ELBO_OK) return status;
    char what[64];
    snprintf(what, sizeof what, "%lld samples", (long long)options->count);
    return elbo_cli_wrote(run, options->out, what, json_pack("{s:I}", "count", (json_int_t)options->count));
}

static int run(elbo_context *context) {
    const sample_options *options = elbo_context_values(context, &sample_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_sample = {
    .name = "sample",
    .group = ELBO_GROUP_USE,
    .order = 0,
    .summary = "draw from a model",
    .usage = (const char *const[]){"RUN -o FILE [-n N] [OPTIONS]", NULL},
    .description =
        "Draws codes from the prior and decodes them. What is written are the means of p(x|z), in the units of the "
        "data; "
        "with --draw, draws from p(x|z) as the model's definition has it.",
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"count", 'n', NULL}, {0}},
    .tables = (const elbo_options *const[]){&sample_table, &elbo_cli_picture_options_table,
                                            &elbo_cli_model_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo sample run -n 100 --seed 1 -o grid.png", "a picture of 100 samples"},
                                       {"elbo sample run -n 10000 -o samples.npy", "an array [10000, item...]"},
                                       {"elbo sample run -n 1000 --draw -o - | python3 use.py", "into a pipe"},
                                       {0}},
    .run = run,
};
