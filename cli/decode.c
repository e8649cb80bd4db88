/* elbo decode: data from codes. */
#include <stdio.h>

#include "support/condition.h"
#include "support/rows.h"
#include "support/save.h"

#define DECODE_OPTIONS(O)                                                              \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                    \
    O(BOOL, draw, "false", 0, 0, NULL, "draw from p(x|z) instead of writing its mean") \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")                            \
    O(INT, label, "-1", -1, 65535, NULL, ELBO_CLI_LABEL_HELP " (-1: none)")
ELBO_OPTIONS_STRUCT(decode_options, DECODE_OPTIONS);
#define ELBO_TABLE_STRUCT decode_options
static ELBO_TABLE(decode_table, "Decoding", DECODE_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const decode_options *options = elbo_context_values(run->context, &decode_table);
    const elbo_cli_picture_options *look = elbo_context_values(run->context, &elbo_cli_picture_options_table);
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    elbo_array codes = {0}, items = {0};
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(elbo_cli_codes_load(elbo_context_argument(run->context, 1), run->info->latent, &codes, error));
    elbo_status status = elbo_cli_condition_label(run, options->label, error);
    if (status == ELBO_OK)
        status = elbo_model_decode(run->model, &codes, options->draw, (uint64_t)options->seed, &items, error);
    int64_t count = codes.shape[0];
    elbo_array_free(&codes);
    elbo_picture layout = {.columns = (int)look->columns, .scale = (int)look->scale};
    if (status == ELBO_OK) status = elbo_cli_save(run, &items, &layout, kind, options->out, error);
    elbo_array_free(&items);
    if (status != ELBO_OK) return status;
    char what[64];
    snprintf(what, sizeof what, "%lld decoded codes", (long long)count);
    return elbo_cli_wrote(run, options->out, what, json_pack("{s:I}", "count", (json_int_t)count));
}

static int run(elbo_context *context) {
    const decode_options *options = elbo_context_values(context, &decode_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_decode = {
    .name = "decode",
    .group = ELBO_GROUP_USE,
    .order = 3,
    .summary = "turn codes into data",
    .usage = (const char *const[]){"RUN CODES -o FILE [OPTIONS]", NULL},
    .description =
        "Writes the means of p(x|z), in the units of the data, for codes z that are given row by row; with --draw, "
        "draws "
        "from p(x|z).",
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT,
                                         {"CODES", "array [N, latent]: .npy, .npz#key, .csv or .mat#name",
                                          ELBO_ARGUMENT_FILE, 1, 1, NULL},
                                         {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&decode_table, &elbo_cli_picture_options_table,
                                            &elbo_cli_model_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo decode run z.npy -o x.npy", "arrays in, arrays out"},
                                       {"elbo decode run z.npz#mean -o x.png", "codes that 'elbo encode' wrote"},
                                       {0}},
    .run = run,
};
