/* elbo interpolate: from one datum to another through the latent space. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/latent.h"
#include "support/save.h"

#define INTERPOLATE_OPTIONS(O)                                                                                  \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                                             \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows")                                               \
    O(INTS, from, "", 0, 1e15, NULL, "rows to start from, counted from 0, one for each strip")                  \
    O(INTS, to, "", 0, 1e15, NULL, "rows to go to, as many")                                                    \
    O(INT, pairs, "5", 1, ELBO_MAX_INTS, NULL, "without --from and --to: strips from rows 0 to 1, 2 to 3, ...") \
    O(INT, steps, "11", 2, 10000, NULL, "items of a strip, both ends included")                                 \
    O(CHOICE, path, "spherical", 0, 0, "spherical|linear", "turn from one code to the other, or go straight")
ELBO_OPTIONS_STRUCT(interpolate_options, INTERPOLATE_OPTIONS);
#define ELBO_TABLE_STRUCT interpolate_options
static ELBO_TABLE(interpolate_table, "Interpolation", INTERPOLATE_OPTIONS);
#undef ELBO_TABLE_STRUCT

static void choose_rows(const elbo_cli_run *run, const interpolate_options *options, elbo_split split, elbo_ints *from,
                        elbo_ints *to) {
    *from = options->from;
    *to = options->to;
    if (from->count) return;
    int64_t most = run->data->count[split] / 2, pairs = options->pairs < most ? options->pairs : most;
    from->count = to->count = (int)(pairs > 0 ? pairs : 1);
    for (int i = 0; i < from->count; i++) {
        from->value[i] = 2 * i;
        to->value[i] = 2 * i + 1;
    }
}

static elbo_status encode(elbo_cli_run *run, elbo_split split, const elbo_ints *rows, elbo_array *codes,
                          elbo_error *error) {
    elbo_array items = {0};
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, rows->value, 0, rows->count, &items, error));
    elbo_status status = elbo_model_encode(run->model, &items, codes, NULL, error);
    elbo_array_free(&items);
    return status;
}

/* Models of p(x|c): a strip keeps the condition of the row that it starts from. */
static elbo_status condition(elbo_cli_run *run, elbo_split split, const elbo_ints *from, int64_t steps,
                             elbo_error *error) {
    int64_t count = from->count * steps, *index = malloc(sizeof *index * (size_t)count);
    if (!index) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %lld rows", (long long)count);
    for (int64_t i = 0; i < count; i++) index[i] = from->value[i / steps];
    elbo_status status = elbo_model_condition_rows(run->model, run->dataset, split, index, 0, count, error);
    free(index);
    return status;
}

static elbo_status make(elbo_cli_run *run, const interpolate_options *options, elbo_split split, elbo_array *items,
                        elbo_error *error) {
    elbo_array start = {0}, end = {0}, codes = {0};
    elbo_ints from, to;
    choose_rows(run, options, split, &from, &to);
    elbo_status status = encode(run, split, &from, &start, error);
    if (status == ELBO_OK) status = encode(run, split, &to, &end, error);
    bool spherical = strcmp(options->path, "spherical") == 0;
    if (status == ELBO_OK) status = elbo_cli_latent_paths(&start, &end, options->steps, spherical, &codes, error);
    if (status == ELBO_OK) status = condition(run, split, &from, options->steps, error);
    if (status == ELBO_OK) status = elbo_model_decode(run->model, &codes, false, 0, items, error);
    elbo_array_free(&start);
    elbo_array_free(&end);
    elbo_array_free(&codes);
    return status;
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const interpolate_options *options = elbo_context_values(run->context, &interpolate_table);
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    elbo_array items = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(make(run, options, split, &items, error));
    elbo_picture layout = {.columns = (int)options->steps};
    int64_t strips = items.shape[0] / options->steps;
    elbo_status status = elbo_cli_save(run, &items, &layout, kind, options->out, error);
    elbo_array_free(&items);
    if (status != ELBO_OK) return status;
    char what[96];
    snprintf(what, sizeof what, "%lld strip%s of %lld steps", (long long)strips, strips == 1 ? "" : "s",
             (long long)options->steps);
    return elbo_cli_wrote(run, options->out, what,
                          json_pack("{s:I, s:I}", "strips", (json_int_t)strips, "steps", (json_int_t)options->steps));
}

static int run(elbo_context *context) {
    const interpolate_options *options = elbo_context_values(context, &interpolate_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    if (code == ELBO_EXIT_OK && options->from.count != options->to.count)
        code = elbo_context_usage(context, "--from names %d rows and --to %d: as many were expected",
                                  options->from.count, options->to.count);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_interpolate = {
    .name = "interpolate",
    .group = ELBO_GROUP_USE,
    .order = 4,
    .summary = "go from one datum to another in steps",
    .usage = (const char *const[]){"RUN -o FILE [--from ROW,... --to ROW,...] [OPTIONS]", NULL},
    .description =
        "Encodes pairs of rows, goes from the one code to the other, and decodes the way: a strip for each pair. Both "
        "ends are reconstructions, too (under a condition, as models of p(x|c) have it, that of the first row holds "
        "all the way). An array holds the items strip by strip.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"},
                                 {"steps", 'n', NULL},
                                 {"from", 0, "ROW,..."},
                                 {"to", 0, "ROW,..."},
                                 ELBO_CLI_SOURCE_FLAGS,
                                 {0}},
    .tables = (const elbo_options *const[]){&interpolate_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo interpolate run -o strips.png", "five pairs of held-out rows"},
                                       {"elbo interpolate run --from 3,3 --to 7,12 -n 15 -o strips.png",
                                        "from row 3 to rows 7 and 12"},
                                       {0}},
    .run = run,
};
