/* elbo denoise: data corrupted, and what a model makes of them. */
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/rows.h"
#include "support/save.h"

#define DENOISE_OPTIONS(O)                                                                                            \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                                                   \
    O(CHOICE, noise, "masking", 0, 0, "masking|gaussian|salt-pepper|blur", "how rows are corrupted")                  \
    O(REAL, noise_level, "0.3", 0, 1000, NULL,                                                                        \
      "masking, salt-pepper: share of the values; gaussian: standard deviation, black 0 and white 1; blur: standard " \
      "deviation, pixels")                                                                                            \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "which rows")                                                     \
    O(INT, count, "10", 1, 1e7, NULL, "how many of the first rows")                                                   \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the noise")
ELBO_OPTIONS_STRUCT(denoise_options, DENOISE_OPTIONS);
#define ELBO_TABLE_STRUCT denoise_options
static ELBO_TABLE(denoise_table, "Denoising", DENOISE_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { ORIGINAL, CORRUPTED, RESTORED, KINDS, COLUMNS = 10 };

static elbo_status make(elbo_cli_run *run, elbo_split split, elbo_array items[KINDS], elbo_error *error) {
    const denoise_options *options = elbo_context_values(run->context, &denoise_table);
    int64_t count = options->count < run->data->count[split] ? options->count : run->data->count[split];
    elbo_array codes = {0};
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, NULL, 0, count, &items[ORIGINAL], error));
    ELBO_CLI_TRY(elbo_model_corrupt(run->model, &items[ORIGINAL], options->noise, options->noise_level,
                                    (uint64_t)options->seed, &items[CORRUPTED], error));
    bool part = run->info->condition && run->info->classes == 0; /* what is given of the item is corrupted, too */
    if (part) ELBO_CLI_TRY(elbo_model_set_condition(run->model, &items[CORRUPTED], error));
    ELBO_CLI_TRY(elbo_model_encode(run->model, &items[CORRUPTED], &codes, NULL, error));
    elbo_status status = elbo_model_decode(run->model, &codes, false, 0, &items[RESTORED], error);
    elbo_array_free(&codes);
    return status;
}

/* Mean over values of (a - b)^2, with the range of pictures as unit. */
static double mean_square(const elbo_cli_run *run, const elbo_array *a, const elbo_array *b) {
    double low, high, sum = 0;
    int64_t count = elbo_array_count(a);
    elbo_model_picture_range(run->model, &low, &high);
    for (int64_t i = 0; i < count; i++) {
        double away = (elbo_cli_value_at(a, i) - elbo_cli_value_at(b, i)) / (high - low);
        sum += away * away;
    }
    return sum / (double)count;
}

static elbo_status save(elbo_cli_run *run, elbo_array items[KINDS], elbo_error *error) {
    const denoise_options *options = elbo_context_values(run->context, &denoise_table);
    const elbo_array *all[KINDS] = {&items[ORIGINAL], &items[CORRUPTED], &items[RESTORED]};
    const char *const names[KINDS] = {"x", "corrupted", "restored"};
    int64_t count = items[ORIGINAL].shape[0];
    if (elbo_cli_kind_by_name(options->out) == ELBO_CLI_KIND_PICTURE) {
        elbo_picture picture = {.columns = count < COLUMNS ? (int)count : COLUMNS};
        ELBO_CLI_TRY(elbo_cli_picture(run, &picture, error));
        return elbo_picture_compare(all, KINDS, &picture, options->out, error);
    }
    bool archive = elbo_cli_is_npz(options->out) && !strrchr(options->out, '#');
    return archive ? elbo_cli_save_npz(all, names, KINDS, options->out, error)
                   : elbo_array_save(&items[RESTORED], options->out, error);
}

static elbo_status report(elbo_cli_run *run, const elbo_array items[KINDS], elbo_error *error) {
    const denoise_options *options = elbo_context_values(run->context, &denoise_table);
    double before = mean_square(run, &items[ORIGINAL], &items[CORRUPTED]);
    double after = mean_square(run, &items[ORIGINAL], &items[RESTORED]);
    long long count = (long long)items[ORIGINAL].shape[0];
    char what[160];
    (void)error;
    if (!run->context->common->json && strcmp(options->out, "-") != 0)
        printf("mean squared error: corrupted %.5f, restored %.5f\n", before, after);
    snprintf(what, sizeof what, "%lld rows: originals, with %s noise of level %g, restored,", count, options->noise,
             options->noise_level);
    return elbo_cli_wrote(
        run, options->out, what,
        json_pack("{s:I,s:s,s:f,s:f,s:f}", "count", (json_int_t)count, "noise", options->noise, "noise_level",
                  options->noise_level, "mse_corrupted", before, "mse_restored", after));
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const denoise_options *options = elbo_context_values(run->context, &denoise_table);
    elbo_array items[KINDS] = {{0}, {0}, {0}};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_check_picture(run, elbo_cli_kind_by_name(options->out), error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    elbo_status status = make(run, split, items, error);
    if (status == ELBO_OK) status = save(run, items, error);
    if (status == ELBO_OK) status = report(run, items, error);
    for (int k = 0; k < KINDS; k++) elbo_array_free(&items[k]);
    return status;
}

static int run(elbo_context *context) {
    const denoise_options *options = elbo_context_values(context, &denoise_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_denoise = {
    .name = "denoise",
    .group = ELBO_GROUP_USE,
    .order = 7,
    .summary = "corrupt data and restore them through the code",
    .usage = (const char *const[]){"RUN --noise KIND --noise-level LEVEL -o FILE [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Corrupts rows, encodes and decodes them, and prints the mean squared error before and after, with black as 0 "
        "and white as 1. A picture has originals, corrupted and restored rows below each other; an .npz file holds "
        "them as x, corrupted and restored; other arrays hold the restored rows. A model trained with the same --noise "
        "is the one for the task (elbo train ae --noise KIND).\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables = (const elbo_options *const[]){&denoise_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo denoise run --noise masking --noise-level 0.5 -o denoised.png",
                                        "ten held-out rows with half of their pixels missing"},
                                       {"elbo denoise run --noise blur --noise-level 2 -n 100 -o out.npz --json",
                                        "deblurring, as arrays and figures"},
                                       {0}},
    .run = run,
};
