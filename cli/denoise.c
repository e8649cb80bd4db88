/* elbo denoise: data corrupted, and what a model makes of them. */
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/restore.h"
#include "support/save.h"

#define DENOISE_OPTIONS(O) O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)
ELBO_OPTIONS_STRUCT(denoise_options, DENOISE_OPTIONS);
#define ELBO_TABLE_STRUCT denoise_options
static ELBO_TABLE(denoise_table, "Output", DENOISE_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status save(const elbo_cli_run *run, const char *path, const elbo_cli_restored *made, elbo_error *error) {
    const elbo_array *all[ELBO_CLI_RESTORE_KINDS] = {&made->items[ELBO_CLI_ORIGINAL], &made->items[ELBO_CLI_CORRUPTED],
                                                     &made->items[ELBO_CLI_RESTORED]};
    const char *const names[ELBO_CLI_RESTORE_KINDS] = {"x", "corrupted", "restored"};
    if (elbo_cli_kind_by_name(path) == ELBO_CLI_KIND_PICTURE)
        return elbo_cli_restored_draw(run, made, INT64_MAX, path, error);
    bool archive = elbo_cli_is_npz(path) && !strrchr(path, '#');
    return archive ? elbo_cli_save_npz(all, names, ELBO_CLI_RESTORE_KINDS, path, error)
                   : elbo_array_save(&made->items[ELBO_CLI_RESTORED], path, error);
}

static elbo_status report(elbo_cli_run *run, const char *path, const elbo_cli_restored *made) {
    long long count = (long long)made->items[ELBO_CLI_ORIGINAL].shape[0];
    char what[160];
    if (!run->context->common->json && strcmp(path, "-") != 0)
        printf("mean squared error: corrupted %.5f, restored %.5f\n", made->error_corrupted, made->error_restored);
    snprintf(what, sizeof what, "%lld rows: originals, with %s noise of level %g, restored,", count, made->noise,
             made->level);
    return elbo_cli_wrote(
        run, path, what,
        json_pack("{s:I,s:s,s:f,s:f,s:f}", "count", (json_int_t)count, "noise", made->noise, "noise_level", made->level,
                  "mse_corrupted", made->error_corrupted, "mse_restored", made->error_restored));
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const denoise_options *files = elbo_context_values(run->context, &denoise_table);
    const elbo_cli_restore_options *options = elbo_context_values(run->context, &elbo_cli_restore_options_table);
    elbo_cli_restored made = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_check_picture(run, elbo_cli_kind_by_name(files->out), error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    elbo_status status = elbo_cli_restore(run, split, options, &made, error);
    if (status == ELBO_OK) status = save(run, files->out, &made, error);
    if (status == ELBO_OK) status = report(run, files->out, &made);
    elbo_cli_restored_free(&made);
    return status;
}

static int run(elbo_context *context) {
    const denoise_options *files = elbo_context_values(context, &denoise_table);
    int code = elbo_cli_check_out(context, files->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_denoise = {
    .name = "denoise",
    .group = ELBO_GROUP_USE,
    .order = 7,
    .summary = "corrupt data and restore them through the code",
    .usage = (const char *const[]){"RUN -o FILE [--noise KIND] [--noise-level LEVEL] [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Corrupts rows, encodes and decodes them, and prints the mean squared error before and after, with black as 0 "
        "and white as 1. A picture has originals, corrupted and restored rows below each other; an .npz file holds "
        "them as x, corrupted and restored; other arrays hold the restored rows. A model trained with the same --noise "
        "is the one for the task (elbo train ae --noise KIND), and that noise is the default.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables =
        (const elbo_options *const[]){&elbo_cli_restore_options_table, &denoise_table, &elbo_cli_model_options_table,
                                      &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo denoise run --noise masking --noise-level 0.5 -o denoised.png",
                                        "ten held-out rows with half of their pixels missing"},
                                       {"elbo denoise run --noise blur --noise-level 2 -n 100 -o out.npz --json",
                                        "deblurring, as arrays and figures"},
                                       {0}},
    .run = run,
};
