/* elbo sample: what a model makes up. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/condition.h"
#include "support/describe.h"
#include "support/mixture.h"
#include "support/save.h"
#include "support/show.h"

#define SAMPLE_OPTIONS(O)                                                                                            \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                                                  \
    O(INT, count, "100", 1, 1e7, NULL, "how many samples")                                                           \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")                                                          \
    O(REAL, temperature, "1", 0, 100, NULL, "factor on the codes: below 1 more typical, above 1 more varied")        \
    O(BOOL, draw, "false", 0, 0, NULL, "draw from p(x|z) instead of showing its mean")                               \
    O(INT, cluster, "-1", -1, 65535, NULL, "models of clusters: draw codes from this one, counted from 0 (-1: all)") \
    O(TEXT, mixture, "", 0, 0, NULL, ELBO_CLI_MIXTURE_HELP)                                                          \
    O(TEXT, label, "", 0, 0, NULL,                                                                                   \
      ELBO_CLI_LABEL_HELP ", or all: --count samples (10, unless given) of each, a row of the picture for each")     \
    O(INT, complete, "0", 0, 1e6, NULL,                                                                              \
      "models conditioned on a part of the item: complete what is given of the first so many rows of the data, "     \
      "each --count times (8, unless given)")                                                                        \
    O(CHOICE, split, "test", 0, 0, ELBO_CLI_SPLITS, "split of the rows to complete")
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

/* Items at codes of a mixture. */
static elbo_status show_mixture(elbo_cli_run *run, const sample_options *options, elbo_array *items,
                                elbo_error *error) {
    elbo_array codes = {0};
    uint64_t seed = (uint64_t)options->seed;
    if (elbo_cli_mixture_is_new(options->mixture)) ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_mixture_codes(run, options->mixture, options->count, seed, &codes, error));
    elbo_status status = elbo_model_decode(run->model, &codes, options->draw, seed, items, error);
    elbo_array_free(&codes);
    return status;
}

/* The class that was asked for; -1: every class, or none was asked for. */
static int64_t class_of(const sample_options *options) {
    bool one = *options->label && strcmp(options->label, "all") != 0;
    return one ? strtoll(options->label, NULL, 10) : -1;
}

static bool of_all_classes(const sample_options *options) { return strcmp(options->label, "all") == 0; }

/* The usual number is for samples of one kind. */
static elbo_cli_samples how_many(const elbo_cli_run *run, const sample_options *options) {
    elbo_cli_samples how = {options->count, (uint64_t)options->seed, options->temperature,
                            options->draw,  options->cluster >= 0,   options->cluster};
    bool given = elbo_context_given(run->context, "count");
    if (!given && options->complete > 0) how.count = 8;
    if (!given && of_all_classes(options)) how.count = 10;
    return how;
}

static elbo_status complete(elbo_cli_run *run, const sample_options *options, const elbo_cli_samples *how,
                            elbo_cli_kind kind, int64_t *count, elbo_error *error) {
    elbo_array originals = {0}, items = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    ELBO_CLI_TRY(elbo_cli_show_completions(run, split, options->complete, how, &originals, &items, error));
    const elbo_cli_picture_options *look = elbo_context_values(run->context, &elbo_cli_picture_options_table);
    elbo_picture layout = {.scale = (int)look->scale};
    elbo_status status = kind == ELBO_CLI_KIND_PICTURE
                             ? elbo_cli_write_completions(run, &originals, &items, &layout, options->out, error)
                             : save(run, &items, kind, options->out, error);
    *count = items.shape[0];
    elbo_array_free(&originals);
    elbo_array_free(&items);
    return status;
}

static elbo_status make(elbo_cli_run *run, const sample_options *options, const elbo_cli_samples *how,
                        elbo_array *items, elbo_error *error) {
    if (of_all_classes(options)) return elbo_cli_show_classes(run, how, items, error);
    ELBO_CLI_TRY(elbo_cli_condition_label(run, class_of(options), error));
    return *options->mixture ? show_mixture(run, options, items, error) : elbo_cli_show_samples(run, how, items, error);
}

static elbo_status draw_all(elbo_cli_run *run, const sample_options *options, const elbo_cli_samples *how,
                            elbo_cli_kind kind, int64_t *count, elbo_error *error) {
    const elbo_cli_picture_options *look = elbo_context_values(run->context, &elbo_cli_picture_options_table);
    elbo_array items = {0};
    ELBO_CLI_TRY(make(run, options, how, &items, error));
    bool rows = of_all_classes(options) && look->columns == 0;
    elbo_picture layout = {.columns = (int)(rows ? how->count : look->columns), .scale = (int)look->scale};
    elbo_status status = elbo_cli_save(run, &items, &layout, kind, options->out, error);
    *count = items.shape[0];
    elbo_array_free(&items);
    return status;
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const sample_options *options = elbo_context_values(run->context, &sample_table);
    const elbo_cli_samples how = how_many(run, options);
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    int64_t count = 0;
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(options->complete > 0 ? complete(run, options, &how, kind, &count, error)
                                       : draw_all(run, options, &how, kind, &count, error));
    char what[64];
    snprintf(what, sizeof what, "%lld %s", (long long)count, options->complete > 0 ? "completions" : "samples");
    return elbo_cli_wrote(run, options->out, what, json_pack("{s:I}", "count", (json_int_t)count));
}

/* Options that would do nothing. */
static int check_mixture(const elbo_context *context, const sample_options *options) {
    if (*options->mixture && elbo_context_given(context, "temperature"))
        return elbo_context_usage(context, "--temperature is of the prior: it does not go with --mixture");
    if (*options->mixture && options->cluster >= 0)
        return elbo_context_usage(context, "--cluster is of the prior: it does not go with --mixture");
    bool reads = elbo_cli_mixture_is_new(options->mixture) || options->complete > 0;
    if (elbo_context_given(context, "data") && !reads)
        return elbo_context_usage(context, "--data: there is no --mixture K to be fitted to them, nor --complete");
    return ELBO_EXIT_OK;
}

static int check_condition(const elbo_context *context, const sample_options *options) {
    char *end = NULL;
    long long class = strtoll(options->label, &end, 10);
    if (*options->label && !of_all_classes(options) && (*end || class < 0 || class > INT32_MAX))
        return elbo_context_usage(context, "--label %s: all, or a class counted from 0, was expected", options->label);
    if (options->complete > 0 && (*options->label || *options->mixture || options->cluster >= 0))
        return elbo_context_usage(context,
                                  "--complete takes codes from p(z|c) of each row: --label, --mixture and "
                                  "--cluster do not go with it");
    if (of_all_classes(options) && *options->mixture)
        return elbo_context_usage(context, "--label all does not go with --mixture: name one class");
    if (options->complete > 0 && elbo_context_given(context, "columns"))
        return elbo_context_usage(context, "--columns: with --complete there is a row for each item");
    if (elbo_context_given(context, "split") && options->complete == 0)
        return elbo_context_usage(context, "--split needs --complete");
    return ELBO_EXIT_OK;
}

static int run(elbo_context *context) {
    const sample_options *options = elbo_context_values(context, &sample_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    if (code == ELBO_EXIT_OK) code = check_mixture(context, options);
    if (code == ELBO_EXIT_OK) code = check_condition(context, options);
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
        "with --draw, draws from p(x|z) as the model's definition has it.\n\n"
        "--mixture draws codes from where those of the data are, instead of from the prior: the way to samples of an "
        "autoencoder, which has no prior, and of a model whose codes leave gaps in it.\n\n"
        "Models of p(x|c) need the condition: --label for the class, or --complete for items of which a part is given. "
        "A picture of completions has a row for each item: what is given of it, the completions, the item itself; an "
        "array holds the completions alone, item by item.\n\n"
        "Data are those of the run unless --data names others, which are read with the run's options.",
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"},
                                 {"count", 'n', NULL},
                                 {"mixture", 0, "K|FIT"},
                                 {"label", 0, "K|all"},
                                 {"data", 0, "SOURCE"},
                                 {0}},
    .tables = (const elbo_options *const[]){&sample_table, &elbo_cli_picture_options_table,
                                            &elbo_cli_model_options_table, &elbo_cli_source_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo sample run -n 100 --seed 1 -o grid.png", "a picture of 100 samples"},
                                       {"elbo sample run -n 10000 -o samples.npy", "an array [10000, item...]"},
                                       {"elbo sample run --mixture 20 -o grid.png",
                                        "codes from a mixture fitted to the data's"},
                                       {"elbo sample run --label all -o digits.png", "a row of each class"},
                                       {"elbo sample run --complete 10 -o parts.png", "the rest of ten test rows"},
                                       {"elbo sample run -n 1000 --draw -o - | python3 use.py", "into a pipe"},
                                       {0}},
    .run = run,
};
