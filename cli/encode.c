/* elbo encode: the codes of data, as arrays or as a chart. */
#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/latent.h"
#include "support/rows.h"
#include "support/save.h"
#include "support/show.h"

#define ENCODE_OPTIONS(O)                                                                                             \
    O(TEXT, out, "", 0, 0, NULL,                                                                                      \
      "file to write: .npy, .npz or .csv; .svg for a chart of two dimensions; - for NPY to standard output")          \
    O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which rows")                                                      \
    O(INT, count, "0", 0, 1e12, NULL, "only the first rows (0: all)")                                                 \
    O(CHOICE, what, "auto", 0, 0, "auto|mean|deviation|both|draw",                                                    \
      "of q(z|x): its mean, its standard deviation, both side by side, or a draw; auto: both in .npz, else the mean") \
    O(INT, draws, "1", 1, 1e6, NULL, "with --what draw: so many for each row; more than one: [N, draws, latent]")     \
    O(INT, seed, "1", 0, 9.2e18, NULL, "seed of the draws")                                                           \
    O(INTS, dims, "0,1", 0, 1e9, NULL, "the two dimensions of a chart, counted from 0")
ELBO_OPTIONS_STRUCT(encode_options, ENCODE_OPTIONS);
#define ELBO_TABLE_STRUCT encode_options
static ELBO_TABLE(encode_table, "Codes", ENCODE_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* What was asked for; empty arrays where it was not. */
typedef struct codes {
    elbo_array mean, deviation, labels;
    bool drawn; /* mean holds draws */
} codes;

static bool asks(const encode_options *options, const char *what) { return strcmp(options->what, what) == 0; }

static bool is_archive(const encode_options *options) {
    return elbo_cli_is_npz(options->out) && !strrchr(options->out, '#');
}

/* The seed of one of several draws, which are those of one draw where there is no other. */
static uint64_t seed_of(const encode_options *options, int64_t draw) {
    return (uint64_t)options->seed + (uint64_t)draw * UINT64_C(0x9E3779B97F4A7C15);
}

/* Draws of q(z|x): [count, latent], or [count, draws, latent]. */
static elbo_status draw(elbo_cli_run *run, const encode_options *options, elbo_split split, int64_t count,
                        elbo_array *drawn, elbo_error *error) {
    int64_t latent = run->info->latent, draws = options->draws;
    const int64_t one[] = {count, latent}, several[] = {count, draws, latent};
    elbo_array rows = {0}, z = {0};
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, NULL, 0, count, &rows, error));
    elbo_status status = elbo_model_condition_rows(run->model, run->dataset, split, NULL, 0, count, error);
    if (status == ELBO_OK)
        status = elbo_array_new(drawn, ELBO_F32, draws > 1 ? 3 : 2, draws > 1 ? several : one, error);
    for (int64_t d = 0; d < draws && status == ELBO_OK; d++) {
        status = elbo_model_draw_codes(run->model, &rows, seed_of(options, d), &z, error);
        for (int64_t row = 0; row < count && status == ELBO_OK; row++)
            memcpy((float *)drawn->data + (row * draws + d) * latent, (const float *)z.data + row * latent,
                   sizeof(float) * (size_t)latent);
        elbo_array_free(&z);
    }
    elbo_array_free(&rows);
    return status;
}

static elbo_status make(elbo_cli_run *run, const encode_options *options, elbo_split split, codes *made,
                        elbo_error *error) {
    int64_t count = run->data->count[split];
    if (options->count > 0 && options->count < count) count = options->count;
    bool both = asks(options, "both") || (asks(options, "auto") && is_archive(options));
    bool mean = !asks(options, "deviation"), deviation = both || !mean;
    made->drawn = asks(options, "draw");
    if (made->drawn)
        ELBO_CLI_TRY(draw(run, options, split, count, &made->mean, error));
    else
        ELBO_CLI_TRY(elbo_cli_run_encode(run, split, 0, count, mean ? &made->mean : NULL,
                                         deviation ? &made->deviation : NULL, error));
    if (!is_archive(options) || run->data->classes == 0) return ELBO_OK;
    return elbo_cli_labels(run->dataset, split, 0, count, &made->labels, error);
}

/* [mean, deviation]: [N, 2 latent] */
static elbo_status side_by_side(const codes *made, elbo_array *both, elbo_error *error) {
    int64_t rows = made->mean.shape[0], latent = made->mean.shape[1];
    const int64_t shape[] = {rows, 2 * latent};
    ELBO_CLI_TRY(elbo_array_new(both, ELBO_F32, 2, shape, error));
    size_t width = (size_t)latent * sizeof(float);
    for (int64_t row = 0; row < rows; row++) {
        float *out = (float *)both->data + 2 * row * latent;
        memcpy(out, (const float *)made->mean.data + row * latent, width);
        memcpy(out + latent, (const float *)made->deviation.data + row * latent, width);
    }
    return ELBO_OK;
}

static elbo_status save_archive(const codes *made, const char *path, elbo_error *error) {
    const elbo_array *parts[] = {&made->mean, &made->deviation, &made->labels}, *arrays[3];
    const char *const names[] = {made->drawn ? "draw" : "mean", "deviation", "labels"}, *used[3];
    size_t count = 0;
    for (int i = 0; i < 3; i++) {
        if (!parts[i]->data) continue;
        arrays[count] = parts[i];
        used[count++] = names[i];
    }
    return elbo_cli_save_npz(arrays, used, count, path, error);
}

static elbo_status save_array(const codes *made, const char *path, elbo_error *error) {
    if (!made->mean.data) return elbo_array_save(&made->deviation, path, error);
    if (!made->deviation.data) return elbo_array_save(&made->mean, path, error);
    elbo_array both = {0};
    ELBO_CLI_TRY(side_by_side(made, &both, error));
    elbo_status status = elbo_array_save(&both, path, error);
    elbo_array_free(&both);
    return status;
}

static elbo_status save(elbo_cli_run *run, const encode_options *options, elbo_split split, const codes *made,
                        elbo_error *error) {
    if (elbo_cli_kind_by_name(options->out) == ELBO_CLI_KIND_CHART)
        return elbo_cli_write_scatter(run, split, &made->mean, made->drawn ? options->draws : 0, &options->dims,
                                      options->out, error);
    return is_archive(options) ? save_archive(made, options->out, error) : save_array(made, options->out, error);
}

static elbo_status check_chart(const elbo_cli_run *run, const encode_options *options, elbo_error *error) {
    if (elbo_cli_kind_by_name(options->out) != ELBO_CLI_KIND_CHART) return ELBO_OK;
    if (run->info->latent < 2)
        return elbo_cli_fail(error, ELBO_ERROR_SHAPE, "a chart shows two dimensions; the model has one");
    if (options->dims.count != 2) return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--dims: a chart shows two dimensions");
    return elbo_cli_check_dims(&options->dims, run->info->latent, error);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const encode_options *options = elbo_context_values(run->context, &encode_table);
    codes made = {.drawn = false};
    elbo_split split;
    ELBO_CLI_TRY(check_chart(run, options, error));
    ELBO_CLI_TRY(elbo_cli_run_data(run, error));
    ELBO_CLI_TRY(elbo_cli_run_split(run, options->split, &split, error));
    elbo_status status = make(run, options, split, &made, error);
    if (status == ELBO_OK) status = save(run, options, split, &made, error);
    int64_t count = made.mean.data ? made.mean.shape[0] : made.deviation.data ? made.deviation.shape[0] : 0;
    elbo_array_free(&made.mean);
    elbo_array_free(&made.deviation);
    elbo_array_free(&made.labels);
    if (status != ELBO_OK) return status;
    char what[64];
    snprintf(what, sizeof what, "%lld codes", (long long)count);
    return elbo_cli_wrote(run, options->out, what,
                          json_pack("{s:I, s:I}", "count", (json_int_t)count, "latent", (json_int_t)run->info->latent));
}

static int run(elbo_context *context) {
    const encode_options *options = elbo_context_values(context, &encode_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_CHART | ELBO_CLI_KIND_ARRAY);
    bool chart = elbo_cli_kind_by_name(options->out) == ELBO_CLI_KIND_CHART;
    if (code == ELBO_EXIT_OK && chart && (asks(options, "deviation") || asks(options, "both")))
        code = elbo_context_usage(context, "--what %s: a chart shows means or draws", options->what);
    if (code == ELBO_EXIT_OK && !asks(options, "draw") && elbo_context_given(context, "draws"))
        code = elbo_context_usage(context, "--draws needs --what draw");
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_encode = {
    .name = "encode",
    .group = ELBO_GROUP_USE,
    .order = 2,
    .summary = "compute the codes of data",
    .usage = (const char *const[]){"RUN -o FILE [--data SOURCE] [OPTIONS]", NULL},
    .description =
        "Writes q(z|x) for each row: arrays [N, latent]. An .npz file holds mean, deviation and, where there are any, "
        "labels. Pixels that training drew as 0 or 1 are encoded as the grey values that they "
        "are.\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"count", 'n', NULL}, ELBO_CLI_SOURCE_FLAGS, {0}},
    .tables = (const elbo_options *const[]){&encode_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples =
        (const elbo_example[]){{"elbo encode run --split test -o z.npz", "codes of the held-out rows"},
                               {"elbo encode run --data new.csv -o z.csv", "features of other data"},
                               {"elbo encode run --split test -o latent.svg", "a chart, coloured by label"},
                               {"elbo encode run -n 20 --what draw --draws 200 -o q.svg", "of their posteriors"},
                               {0}},
    .run = run,
};
