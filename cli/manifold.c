/* elbo manifold: the decoder over two latent dimensions. */
#include <stdio.h>

#include "support/condition.h"
#include "support/latent.h"
#include "support/save.h"
#include "support/show.h"

#define MANIFOLD_OPTIONS(O)                                                                                          \
    O(TEXT, out, "", 0, 0, NULL, ELBO_CLI_OUT_HELP)                                                                  \
    O(INT, side, "20", 1, 1000, NULL, "items in a row and in a column")                                              \
    O(INTS, dims, "", 0, 1e9, NULL, "the two dimensions, counted from 0; all others are 0 (default: the first two)") \
    O(INT, scale, "0", 0, 64, NULL, "picture: pixels for each image pixel (0: 1 to 4, as they fit)")                 \
    O(INT, label, "-1", -1, 65535, NULL, ELBO_CLI_LABEL_HELP " (-1: none)")
ELBO_OPTIONS_STRUCT(manifold_options, MANIFOLD_OPTIONS);
#define ELBO_TABLE_STRUCT manifold_options
static ELBO_TABLE(manifold_table, "Manifold", MANIFOLD_OPTIONS);
#undef ELBO_TABLE_STRUCT

static elbo_status choose_dims(const manifold_options *options, int64_t latent, elbo_ints *dims, elbo_error *error) {
    *dims = options->dims;
    if (dims->count == 0) {
        dims->count = latent < 2 ? 1 : 2;
        dims->value[1] = 1;
    }
    if (dims->count > 2) return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--dims: two dimensions were expected");
    return elbo_cli_check_dims(dims, latent, error);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    const manifold_options *options = elbo_context_values(run->context, &manifold_table);
    elbo_cli_kind kind = elbo_cli_kind_by_name(options->out);
    elbo_array items = {0};
    elbo_ints dims;
    ELBO_CLI_TRY(choose_dims(options, run->info->latent, &dims, error));
    ELBO_CLI_TRY(elbo_cli_check_picture(run, kind, error));
    ELBO_CLI_TRY(elbo_cli_condition_label(run, options->label, error));
    ELBO_CLI_TRY(elbo_cli_show_manifold(run, &dims, options->side, &items, error));
    elbo_picture layout = {.columns = (int)options->side, .scale = (int)options->scale, .seamless = true};
    elbo_status status = elbo_cli_save(run, &items, &layout, kind, options->out, error);
    int64_t rows = items.shape[0] / options->side;
    elbo_array_free(&items);
    if (status != ELBO_OK) return status;
    char what[96];
    snprintf(what, sizeof what, "a manifold of %lld x %lld", (long long)rows, (long long)options->side);
    json_t *more = json_object();
    json_object_set_new(more, "dims", elbo_cli_json_integers(dims.value, (size_t)dims.count));
    json_object_set_new(more, "side", json_integer(options->side));
    return elbo_cli_wrote(run, options->out, what, more);
}

static int run(elbo_context *context) {
    const manifold_options *options = elbo_context_values(context, &manifold_table);
    int code = elbo_cli_check_out(context, options->out, ELBO_CLI_KIND_PICTURE | ELBO_CLI_KIND_ARRAY);
    return code == ELBO_EXIT_OK ? elbo_cli_run_with(context, work) : code;
}

const elbo_command command_manifold = {
    .name = "manifold",
    .group = ELBO_GROUP_USE,
    .order = 6,
    .summary = "decode a grid over two latent dimensions",
    .usage = (const char *const[]){"RUN -o FILE [-n N] [OPTIONS]", NULL},
    .description =
        "The grid is spaced equally in probability under the prior N(0,1), through its inverse distribution function "
        "(Kingma and Welling 2013, appendix A). The first dimension rises from left to right, the second from the last "
        "row to the first, as on the chart of 'elbo encode'. An array holds the items row by row.",
    .arguments = (const elbo_argument[]){ELBO_CLI_RUN_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {"side", 'n', NULL}, {0}},
    .tables = (const elbo_options *const[]){&manifold_table, &elbo_cli_model_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo manifold run -o manifold.png", "20 x 20 over a plane of codes"},
                                       {"elbo manifold run -n 12 --dims 3,7 -o plane.png", "two of more dimensions"},
                                       {0}},
    .run = run,
};
