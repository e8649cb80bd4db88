/* elbo traverse: what each latent dimension does. */
#include <stdio.h>

#include "support/condition.h"
#include "support/describe.h"
#include "support/latent.h"
#include "support/save.h"
#include "support/show.h"

#define TRAVERSE_OPTIONS(O)                                                                                    \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                                            \
    O(INTS, dims, "", 0, 1e9, NULL, "dimensions to run through, counted from 0 (default: all, at most 16)")    \
    O(REAL, range, "3", 0, 1000, NULL, "how far from 0 to go, in standard deviations of the prior")            \
    O(INT, steps, "11", 2, 10000, NULL, "items in a row")                                                      \
    O(INT, row, "-1", -1, 1e15, NULL, "start from the code of this row, counted from 0 (-1: from the origin)") \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "split of that row")                                       \
    O(INT, label, "-1", -1, 65535, NULL, ELBO_CLI_LABEL_HELP " (-1: none)")
ELBO_OPTIONS_STRUCT(traverse_options, TRAVERSE_OPTIONS);
#define ELBO_TABLE_STRUCT traverse_options
static ELBO_TABLE(traverse_table, "Traversal", TRAVERSE_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* The code to start from: [1, latent]; empty for the origin. */
static elbo_status find_base(elbo_cli_run *run, const traverse_options *options, elbo_array *base, elbo_error *error) {
    elbo_array rows = {0};
    elbo_split split;
    if (options->row < 0) return ELBO_OK;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, &options->row, 0, 1, &rows, error));
    elbo_status status = elbo_model_encode(run->model, &rows, base, NULL, error);
    elbo_array_free(&rows);
    return status;
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const traverse_options *options = elbo_context_values(run->context, &traverse_table);
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    elbo_array base = {0}, items = {0};
    elbo_ints dims = elbo_cli_traversed(&options->dims, run->info->latent);
    ELBO_CLI_TRY(elbo_cli_check_dims(&dims, run->info->latent, error));
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(find_base(run, options, &base, error));
    ELBO_CLI_TRY(elbo_cli_condition_label(run, options->label, error)); /* else that of the row, if there is one */
    elbo_status status = elbo_cli_show_traversal(run, base.data, &dims, options->steps, options->range, &items, error);
    elbo_array_free(&base);
    elbo_picture layout = {.columns = (int)options->steps};
    if (status == ELBO_OK) status = elbo_cli_save(run, &items, &layout, kind, options->out, error);
    elbo_array_free(&items);
    if (status != ELBO_OK) return status;
    if (!options->dims.count && dims.count < run->info->latent)
        elbo_context_note(run->context, "the first %d of %lld dimensions; --dims names others", dims.count,
                          (long long)run->info->latent);
    char what[96];
    snprintf(what, sizeof what, "%d dimension%s in %lld steps", dims.count, dims.count == 1 ? "" : "s",
             (long long)options->steps);
    json_t *more = json_object();
    json_object_set_new(more, "dims", elbo_cli_json_integers(dims.value, (size_t)dims.count));
    json_object_set_new(more, "steps", json_integer(options->steps));
    return elbo_cli_wrote(run, options->out, what, more);
}

static int run(elbo_context *context) {
    const traverse_options *options = elbo_context_values(context, &traverse_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_traverse = {
    .name = "traverse",
    .group = ELBO_GROUP_USE,
    .order = 5,
    .summary = "vary one latent dimension at a time",
    .usage = (const char *const[]){"RUN -o FILE [--dims N,N,...] [OPTIONS]", NULL},
    .description =
        "Decodes a row of codes for each dimension: that one runs from -RANGE to RANGE, the others stay where the "
        "start "
        "has them. An array holds the items row by row.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"steps", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables = (const elbo_options *const[]){&traverse_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo traverse run -o traversal.png", "every dimension, from the origin"},
                                       {"elbo traverse run --row 7 --dims 0,3 --range 2 -o traversal.png",
                                        "two dimensions around a held-out row"},
                                       {0}},
    .run = run,
};
