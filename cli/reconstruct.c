/* elbo reconstruct: data through the code and back. */
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/save.h"
#include "support/show.h"

#define RECONSTRUCT_OPTIONS(O)                                    \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)               \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows") \
    O(INT, count, "10", 1, 1e7, NULL, "how many of the first rows")
ELBO_OPTIONS_STRUCT(reconstruct_options, RECONSTRUCT_OPTIONS);
#define ELBO_TABLE_STRUCT reconstruct_options
static ELBO_TABLE(reconstruct_table, "Reconstruction", RECONSTRUCT_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status save(const elbo_cli_run *run, const elbo_array *originals, const elbo_array *items,
                        elbo_cli_kind kind, const char *path, elbo_error *error) {
    if (kind == ELBO_CLI_KIND_PICTURE) return elbo_cli_write_reconstructions(run, originals, items, path, error);
    const elbo_array *both[] = {originals, items};
    const char *const names[] = {"x", "reconstruction"};
    bool whole_archive = elbo_cli_is_npz(path) && !strrchr(path, '#');
    return whole_archive ? elbo_cli_save_npz(both, names, 2, path, error) : elbo_array_save(items, path, error);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const reconstruct_options *options = elbo_context_values(run->context, &reconstruct_table);
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    elbo_array originals = {0}, items = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(elbo_cli_show_reconstructions(run, split, options->count, &originals, &items, error));
    int64_t count = items.shape[0];
    elbo_status status = save(run, &originals, &items, kind, options->out, error);
    elbo_array_free(&originals);
    elbo_array_free(&items);
    if (status != ELBO_OK) return status;
    char what[96];
    snprintf(what, sizeof what, "%lld %s rows%s", (long long)count, elbo_cli_split_word(split),
             kind == ELBO_CLI_KIND_PICTURE ? ", each above its reconstruction," : ", reconstructed,");
    return elbo_cli_wrote(run, options->out, what, json_pack("{s:I}", "count", (json_int_t)count));
}

static int run(elbo_context *context) {
    const reconstruct_options *options = elbo_context_values(context, &reconstruct_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_reconstruct = {
    .name = "reconstruct",
    .group = ELBO_GROUP_USE,
    .order = 1,
    .summary = "encode data and decode the codes",
    .usage = (const char *const[]){"RUN -o FILE [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Writes the mean of p(x|z) at the mean of q(z|x): a picture has the originals above, an .npz file holds them "
        "as "
        "x beside reconstruction, other arrays hold the reconstructions alone. Where the model was trained on pixels "
        "drawn as 0 or 1, the originals are shown and encoded as the grey values that they are, and reconstructions "
        "are "
        "probabilities of white.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables = (const elbo_options *const[]){&reconstruct_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo reconstruct run -o reconstructions.png", "ten held-out rows"},
                                       {"elbo reconstruct run --data new.npy --split all -n 500 -o out.npz",
                                        "other data, as arrays"},
                                       {0}},
    .run = run,
};
