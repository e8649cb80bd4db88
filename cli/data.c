/* elbo data: describe a source, convert it, or fetch a known one. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "support/describe.h"
#include "support/interrupt.h"
#include "support/json.h"
#include "support/preview.h"
#include "support/progress.h"
#include "support/rows.h"
#include "support/save.h"

static elbo_dataset *open_source(const elbo_context *context, elbo_error *error) {
    return elbo_dataset_open(elbo_context_argument(context, 0), elbo_context_values(context, &elbo_data_options_table),
                             error);
}

/* ---- elbo data SOURCE ---- */

#define PREVIEW_OPTIONS(O)                                                                \
    O(TEXT, out, "", 0, 0, NULL, "also write the preview to a .png file")                 \
    O(CHOICE, split, "train", 0, 0, ELBO_CLI_SPLITS, "split whose first rows to preview") \
    O(INT, count, "0", 0, 10000, NULL, "rows in the preview (0: 8 as text, 100 as PNG)")  \
    O(BOOL, preview, "true", 0, 0, NULL, "print the preview as text")                     \
    O(CHOICE, style, "auto", 0, 0, ELBO_CLI_PREVIEW_STYLES,                               \
      "characters of the text; auto: blocks on a terminal with UTF-8, else ascii")
ELBO_OPTIONS_STRUCT(preview_options, PREVIEW_OPTIONS);
#define ELBO_TABLE_STRUCT preview_options
static ELBO_TABLE(preview_table, "Preview", PREVIEW_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status describe(const elbo_context *context, const elbo_dataset *dataset, const int64_t *counts, int *code,
                            elbo_error *error) {
    const preview_options *options = elbo_context_values(context, &preview_table);
    const elbo_data_info *info = elbo_dataset_info(dataset);
    elbo_cli_preview preview = {elbo_cli_split(options->split), options->count, options->style};
    if (*options->out) {
        elbo_status status = elbo_cli_preview_save(dataset, &preview, options->out, error);
        if (status != ELBO_OK) return status;
    }
    if (context->common->json) {
        json_t *object = elbo_cli_describe_json(info, counts);
        if (*options->out) json_object_set_new(object, "preview", elbo_cli_json_text(options->out));
        *code = elbo_cli_json_print(context, object);
        return ELBO_OK;
    }
    elbo_cli_describe_print(info, counts);
    if (!options->preview || info->count[preview.split] == 0) return ELBO_OK;
    return elbo_cli_preview_print(dataset, &preview, error);
}

static bool is_png(const char *path) {
    size_t length = strlen(path);
    return length > 4 && strcasecmp(path + length - 4, ".png") == 0;
}

static int run_describe(elbo_context *context) {
    const char *out = ((const preview_options *)elbo_context_values(context, &preview_table))->out;
    elbo_error error = {0};
    if (*out && !is_png(out)) return elbo_context_usage(context, "--out %s: a file ending in .png was expected", out);
    elbo_dataset *dataset = open_source(context, &error);
    if (!dataset) return elbo_context_fail(context, &error);
    bool labelled = elbo_dataset_info(dataset)->classes > 0;
    int64_t *counts = labelled ? elbo_cli_count_classes(dataset, &error) : NULL;
    int code = ELBO_EXIT_OK;
    if ((labelled && !counts) || describe(context, dataset, counts, &code, &error) != ELBO_OK)
        code = elbo_context_fail(context, &error);
    free(counts);
    elbo_dataset_free(dataset);
    return code;
}

/* ---- elbo data convert SOURCE TO ---- */

#define CONVERT_OPTIONS(O) O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "split to write")
ELBO_OPTIONS_STRUCT(convert_options, CONVERT_OPTIONS);
#define ELBO_TABLE_STRUCT convert_options
static ELBO_TABLE(convert_table, "Conversion", CONVERT_OPTIONS);
#undef ELBO_TABLE_STRUCT

static int run_convert(elbo_context *context) {
    const convert_options *options = elbo_context_values(context, &convert_table);
    const char *to = elbo_context_argument(context, 1);
    elbo_split split = elbo_cli_split(options->split);
    elbo_error error = {0};
    elbo_dataset *dataset = open_source(context, &error);
    if (!dataset) return elbo_context_fail(context, &error);
    int64_t rows = elbo_dataset_info(dataset)->count[split];
    elbo_status status = elbo_dataset_convert(dataset, split, to, &error);
    elbo_dataset_free(dataset);
    if (status != ELBO_OK) return elbo_context_fail(context, &error);
    if (!context->common->json) {
        printf("%lld rows (%s) written to %s\n", (long long)rows, options->split, to);
        return ELBO_EXIT_OK;
    }
    json_t *object = json_object();
    json_object_set_new(object, "source", elbo_cli_json_text(elbo_context_argument(context, 0)));
    json_object_set_new(object, "to", elbo_cli_json_text(to));
    json_object_set_new(object, "split", elbo_cli_json_text(options->split));
    json_object_set_new(object, "rows", json_integer(rows));
    return elbo_cli_json_print(context, object);
}

static const elbo_command data_convert = {
    .name = "convert",
    .group = ELBO_GROUP_DATA,
    .summary = "write a source, or one split of it, in another format",
    .usage = (const char *const[]){"SOURCE TO [OPTIONS]", NULL},
    .description =
        "The ending of TO names the format: .npy, .npz (arrays x and y), .csv, or an IDX pair such as "
        "NAME-images-idx3-ubyte.gz. For a folder put the format before it: idx:DIR or png:DIR.",
    .arguments = (const elbo_argument[]){{"SOURCE", "what to read", ELBO_ARGUMENT_SOURCE, 1, 1, NULL},
                                         {"TO", "what to write", ELBO_ARGUMENT_FILE, 1, 1, NULL},
                                         {0}},
    .flags =
        (const elbo_flag[]){
            {"item_shape", 0, "SHAPE"}, {"train_labels", 0, "CLASSES"}, {"labels", 0, "FILE|COLUMN"}, {0}},
    .tables = (const elbo_options *const[]){&convert_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo data convert synth:glyphs glyphs.npz", "generated digits as NumPy file"},
                                       {"elbo data convert mnist test.csv --split test", "one split as a table"},
                                       {0}},
    .run = run_convert,
};

/* ---- elbo data factors SOURCE TO ---- */

static elbo_status write_factors(const elbo_dataset *dataset, elbo_split split, const char *to, elbo_error *error) {
    elbo_array factors = {0};
    int64_t rows = elbo_dataset_info(dataset)->count[split];
    if (rows == 0)
        return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no rows in that split",
                             elbo_dataset_info(dataset)->source);
    ELBO_CLI_TRY(elbo_cli_factors(dataset, split, 0, rows, &factors, error));
    elbo_status status = elbo_array_save(&factors, to, error);
    elbo_array_free(&factors);
    return status;
}

static int report_factors(const elbo_context *context, const elbo_data_info *info, int64_t rows, const char *to) {
    if (context->common->json) {
        json_t *object = json_object(), *names = json_array();
        for (int f = 0; f < info->factors; f++) json_array_append_new(names, elbo_cli_json_text(info->factor_names[f]));
        json_object_set_new(object, "to", elbo_cli_json_text(to));
        json_object_set_new(object, "rows", json_integer(rows));
        json_object_set_new(object, "factors", names);
        return elbo_cli_json_print(context, object);
    }
    printf("factors of %lld rows written to %s:", (long long)rows, to);
    for (int f = 0; f < info->factors; f++) printf("%s %s", f ? "," : "", info->factor_names[f]);
    putchar('\n');
    return ELBO_EXIT_OK;
}

static int run_factors(elbo_context *context) {
    const convert_options *options = elbo_context_values(context, &convert_table);
    const char *to = elbo_context_argument(context, 1);
    elbo_split split = elbo_cli_split(options->split);
    elbo_error error = {0};
    if (strcmp(to, "-") == 0 || elbo_cli_kind_by_name(to) != ELBO_CLI_KIND_ARRAY)
        return elbo_context_usage(context, "%s: a file ending in .npy, .npz or .csv was expected", to);
    elbo_dataset *dataset = open_source(context, &error);
    if (!dataset) return elbo_context_fail(context, &error);
    elbo_status status = write_factors(dataset, split, to, &error);
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int code =
        status == ELBO_OK ? report_factors(context, info, info->count[split], to) : elbo_context_fail(context, &error);
    elbo_dataset_free(dataset);
    return code;
}

static const elbo_command data_factors = {
    .name = "factors",
    .group = ELBO_GROUP_DATA,
    .summary = "write the factors of variation that a generator knows",
    .usage = (const char *const[]){"SOURCE TO [OPTIONS]", NULL},
    .description =
        "A row for each row of the source and a column for each factor: whole numbers, counted from 0. "
        "'elbo score disentanglement' compares codes with them.",
    .arguments =
        (const elbo_argument[]){{"SOURCE", "a generator such as synth:sprites", ELBO_ARGUMENT_SOURCE, 1, 1, NULL},
                                {"TO", "file to write: .npy, .npz or .csv", ELBO_ARGUMENT_FILE, 1, 1, NULL},
                                {0}},
    .tables = (const elbo_options *const[]){&convert_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo data factors synth:sprites factors.npy --split test",
                                        "shape, scale, orientation and place of the test rows"},
                                       {0}},
    .run = run_factors,
};

/* ---- elbo data get NAME ---- */

#define GET_OPTIONS(O)                                                                       \
    O(TEXT, out, "", 0, 0, NULL, "folder for the files (default: the name of the data set)") \
    O(TEXT, base_url, "", 0, 0, NULL, "address of a mirror that has the files")
ELBO_OPTIONS_STRUCT(get_options, GET_OPTIONS);
#define ELBO_TABLE_STRUCT get_options
static ELBO_TABLE(get_table, "Download", GET_OPTIONS);
#undef ELBO_TABLE_STRUCT

static const char *download_word(size_t index) {
    return index < elbo_download_count() ? elbo_download_at(index)->name : NULL;
}

static const elbo_download *find_download(const char *name) {
    for (size_t i = 0; i < elbo_download_count(); i++)
        if (strcmp(elbo_download_at(i)->name, name) == 0) return elbo_download_at(i);
    return NULL;
}

typedef struct fetching {
    const elbo_context *context;
    elbo_cli_progress progress;
    char file[256];
    bool finished;
} fetching;

static bool show_progress(void *user, const char *file, int64_t done, int64_t total) {
    fetching *fetch = user;
    if (strcmp(fetch->file, file) != 0) { /* each file has a bar of its own */
        elbo_cli_progress_end(&fetch->progress);
        elbo_cli_progress_begin(&fetch->progress, fetch->context);
        snprintf(fetch->file, sizeof fetch->file, "%s", file);
        fetch->finished = false;
    }
    elbo_cli_progress_field megabytes = {"MB", (double)done / 1e6, 1, true};
    double share = total > 0 ? (double)done / (double)total : NAN;
    elbo_cli_progress_state state = {fetch->file, share, share, &megabytes, 1};
    if (total > 0 && done >= total && !fetch->finished) {
        elbo_cli_progress_line(&fetch->progress, &state);
        fetch->finished = true;
    } else if (!fetch->finished)
        elbo_cli_progress_update(&fetch->progress, &state);
    return elbo_cli_interrupt_requested();
}

static int run_get(elbo_context *context) {
    const get_options *options = elbo_context_values(context, &get_table);
    const elbo_download *download = find_download(elbo_context_argument(context, 0));
    const char *folder = *options->out ? options->out : download->name;
    fetching fetch = {.context = context};
    elbo_error error = {0};
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&fetch.progress, context);
    elbo_status status = elbo_download_get(download->name, folder, *options->base_url ? options->base_url : NULL,
                                           show_progress, &fetch, &error);
    elbo_cli_progress_end(&fetch.progress);
    if (status != ELBO_OK) return elbo_context_fail(context, &error);
    if (!context->common->json) {
        printf("%s: %d files in %s (%s)\n", download->title, download->files, folder, download->licence);
        return ELBO_EXIT_OK;
    }
    json_t *object = json_object();
    json_object_set_new(object, "name", elbo_cli_json_text(download->name));
    json_object_set_new(object, "folder", elbo_cli_json_text(folder));
    json_object_set_new(object, "files", json_integer(download->files));
    json_object_set_new(object, "licence", elbo_cli_json_text(download->licence));
    return elbo_cli_json_print(context, object);
}

static const elbo_command data_get = {
    .name = "get",
    .group = ELBO_GROUP_DATA,
    .summary = "fetch a known data set",
    .usage = (const char *const[]){"NAME [OPTIONS]", NULL},
    .description =
        "Every file is checked against its known size and SHA-256 before it gets its name. An interrupted "
        "download goes on where it stopped when the command is given again.",
    .arguments = (const elbo_argument[]){{"NAME", "one of", ELBO_ARGUMENT_WORD, 1, 1, download_word}, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "DIR"}, {"base_url", 0, "URL"}, {0}},
    .tables = (const elbo_options *const[]){&get_table, &elbo_cli_progress_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo data get mnist --out data/mnist", "into a folder of that name"}, {0}},
    .run = run_get,
};

const elbo_command command_data = {
    .name = "data",
    .group = ELBO_GROUP_DATA,
    .summary = "describe, preview, convert and fetch data",
    .usage = (const char *const[]){"SOURCE [OPTIONS]", NULL},
    .description =
        "Shows the shape, type, range, splits and labels of a source and its first rows.\n\n"
        "A source is a folder with MNIST's IDX files, a folder of PNGs (subfolders are labels), a file (.idx, .npy, "
        ".npz#key, .csv, .mat#name, .png, each as the format needs), or a generator such as synth:glyphs, whose "
        "options follow a question mark: 'synth:glyphs?seed=1'.\n\n"
        "A source called convert, factors or get is written ./convert, ./factors or ./get.",
    .arguments = (const elbo_argument[]){{"SOURCE", "what to describe", ELBO_ARGUMENT_SOURCE, 1, 1, NULL}, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"},
                                 {"count", 'n', NULL},
                                 {"item_shape", 0, "SHAPE"},
                                 {"train_labels", 0, "CLASSES"},
                                 {"labels", 0, "FILE|COLUMN"},
                                 {0}},
    .tables = (const elbo_options *const[]){&preview_table, &elbo_data_options_table, NULL},
    .subcommands = (const elbo_command *const[]){&data_convert, &data_factors, &data_get, NULL},
    .examples = (const elbo_example[]){{"elbo data synth:glyphs", "the generated digits"},
                                       {"elbo data mnist -o preview.png -n 200", "a picture of 200 training rows"},
                                       {"elbo data table.csv --labels species --json", "for a program"},
                                       {0}},
    .run = run_describe,
};
