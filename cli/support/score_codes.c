/* elbo score disentanglement, units: what is told from codes. */
#include <stdio.h>

#include "support/score.h"

/* ---- Disentanglement ---- */

#define DISENTANGLEMENT_FILES(O)                                                                                 \
    O(TEXT, codes, "", 0, 0, NULL, "a row of numbers for each datum, posterior means say: " ELBO_CLI_SCORE_FILE) \
    O(TEXT, factors, "", 0, 0, NULL,                                                                             \
      "the factors of the same rows, a column of whole numbers for each ('elbo data factors' knows some)")
ELBO_OPTIONS_STRUCT(disentanglement_files, DISENTANGLEMENT_FILES);
#define ELBO_TABLE_STRUCT disentanglement_files
static ELBO_TABLE(disentanglement_files_table, "Files", DISENTANGLEMENT_FILES);
#undef ELBO_TABLE_STRUCT

static json_t *table_json(const double *values, int64_t rows, int64_t columns) {
    json_t *list = json_array();
    for (int64_t i = 0; i < rows; i++)
        json_array_append_new(list, elbo_cli_json_reals(values + i * columns, (size_t)columns));
    return list;
}

static int show_disentanglement(const elbo_context *context, const elbo_disentanglement *d) {
    const elbo_cli_score_figure figures[] = {{"beta_vae", d->beta_vae},
                                             {"factor_vae", d->factor_vae},
                                             {"mig", d->mig},
                                             {"dci_disentanglement", d->dci_disentanglement},
                                             {"dci_completeness", d->dci_completeness},
                                             {"dci_informativeness", d->dci_informativeness},
                                             {"sap", d->sap},
                                             {"modularity", d->modularity}};
    size_t count = sizeof figures / sizeof *figures;
    if (context->common->json) {
        json_t *object = elbo_cli_score_json("disentanglement", figures, count);
        json_object_set_new(object, "count", json_integer(d->count));
        json_object_set_new(object, "codes", json_integer(d->codes));
        json_object_set_new(object, "factors", json_integer(d->factors));
        json_object_set_new(object, "used", json_integer(d->used));
        json_object_set_new(object, "train", json_integer(d->train));
        json_object_set_new(object, "test", json_integer(d->test));
        json_object_set_new(object, "active", d->active < 0 ? json_null() : json_integer(d->active));
        json_object_set_new(object, "information", table_json(d->information, d->codes, d->factors));
        json_object_set_new(object, "importance", table_json(d->importance, d->codes, d->factors));
        elbo_cli_score_json_warning(object, d->warning);
        return elbo_cli_json_print(context, object);
    }
    printf("%lld rows, %lld dimensions, %lld factors; fits on %lld rows, judged on %lld\n", (long long)d->count,
           (long long)d->codes, (long long)d->factors, (long long)d->train, (long long)d->test);
    elbo_cli_score_print(figures, count);
    elbo_cli_score_warning(d->warning);
    return ELBO_EXIT_OK;
}

static int run_disentanglement(elbo_context *context) {
    const disentanglement_files *files = elbo_context_values(context, &disentanglement_files_table);
    const elbo_disentanglement_options *options = elbo_context_values(context, &elbo_disentanglement_options_table);
    elbo_cli_score_input inputs[] = {{"codes", files->codes, false, {0}}, {"factors", files->factors, false, {0}}};
    elbo_error error = {0};
    elbo_disentanglement scores = {0};
    int code = elbo_cli_score_load(context, inputs, 2);
    if (code == ELBO_EXIT_OK)
        code = elbo_score_disentanglement(&inputs[0].array, &inputs[1].array, options, (int)context->common->threads,
                                          &scores, &error) == ELBO_OK
                   ? show_disentanglement(context, &scores)
                   : elbo_context_fail(context, &error);
    elbo_disentanglement_clear(&scores);
    elbo_cli_score_free(inputs, 2);
    return code;
}

const elbo_command elbo_cli_score_disentanglement = {
    .name = "disentanglement",
    .group = ELBO_GROUP_USE,
    .summary = "compare codes with factors of variation: six scores",
    .usage = (const char *const[]){"--codes FILE --factors FILE [--metrics NAME,...] [OPTIONS]", NULL},
    .description =
        "Rows are the whole grid of the factors or a sample of it. Batches with one factor fixed are drawn from the "
        "rows that share its value. A factor with one value only is left out. Scores vary much over seeds of training: "
        "compare several.\n\n" ELBO_CLI_SCORE_FILES,
    .flags = (const elbo_flag[]){{"codes", 0, "FILE"}, {"factors", 0, "FILE"}, {"metrics", 0, "NAME,..."}, {0}},
    .tables = (const elbo_options *const[]){&disentanglement_files_table, &elbo_disentanglement_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo score disentanglement --codes z.npy --factors v.npy", "all of them"},
                                       {"elbo score disentanglement --codes z.npy --factors v.npy --metrics mig",
                                        "one of them, at once"},
                                       {0}},
    .run = run_disentanglement,
};

/* ---- Units ---- */

#define UNITS_OPTIONS(O)                                                                                       \
    O(TEXT, codes, "", 0, 0, NULL, "posterior means, a row for each datum: " ELBO_CLI_SCORE_FILE)              \
    O(INTS, layers, "", 1, 1e9, NULL, "units of each layer, in the order of the columns (default: one layer)") \
    O(REAL, threshold, "0.01", 0, 1e300, NULL, "a unit is active if its posterior mean varies more than this")
ELBO_OPTIONS_STRUCT(units_options, UNITS_OPTIONS);
#define ELBO_TABLE_STRUCT units_options
static ELBO_TABLE(units_table, "Units", UNITS_OPTIONS);
#undef ELBO_TABLE_STRUCT

static int show_units(const elbo_context *context, const elbo_units *u) {
    if (context->common->json) {
        json_t *object = elbo_cli_score_json("units", NULL, 0);
        json_object_set_new(object, "active_units", json_integer(u->active_units));
        json_object_set_new(object, "count", json_integer(u->count));
        json_object_set_new(object, "units", json_integer(u->units));
        json_object_set_new(object, "layers", elbo_cli_json_integers(u->layers.value, (size_t)u->layers.count));
        json_object_set_new(object, "layer_active",
                            elbo_cli_json_integers(u->layer_active.value, (size_t)u->layer_active.count));
        json_object_set_new(object, "variance", elbo_cli_json_reals(u->variance, (size_t)u->units));
        return elbo_cli_json_print(context, object);
    }
    printf("%lld rows\n  %-20s %lld of %lld\n", (long long)u->count, "active_units", (long long)u->active_units,
           (long long)u->units);
    for (int i = 0; i < u->layers.count && u->layers.count > 1; i++)
        printf("    layer %-14d %lld of %lld\n", i + 1, (long long)u->layer_active.value[i],
               (long long)u->layers.value[i]);
    return ELBO_EXIT_OK;
}

static int run_units(elbo_context *context) {
    const units_options *options = elbo_context_values(context, &units_table);
    elbo_cli_score_input input = {"codes", options->codes, false, {0}};
    elbo_error error = {0};
    elbo_units units = {0};
    int code = elbo_cli_score_load(context, &input, 1);
    if (code == ELBO_EXIT_OK)
        code = elbo_score_units(&input.array, &options->layers, options->threshold, &units, &error) == ELBO_OK
                   ? show_units(context, &units)
                   : elbo_context_fail(context, &error);
    elbo_units_clear(&units);
    elbo_cli_score_free(&input, 1);
    return code;
}

const elbo_command elbo_cli_score_units = {
    .name = "units",
    .group = ELBO_GROUP_USE,
    .summary = "count the units that the data move, for each layer",
    .usage = (const char *const[]){"--codes FILE [--layers N,N,...] [OPTIONS]", NULL},
    .description = "A unit is active if its posterior mean varies over the data.\n\n" ELBO_CLI_SCORE_FILES,
    .flags = (const elbo_flag[]){{"codes", 0, "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&units_table, NULL},
    .examples = (const elbo_example[]){{"elbo score units --codes 'z.npz#mean'", "of what 'elbo encode' wrote"},
                                       {"elbo score units --codes z.npy --layers 64,32,16,8,4", "of a hierarchy"},
                                       {0}},
    .run = run_units,
};
