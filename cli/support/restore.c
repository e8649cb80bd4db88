#include "support/restore.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/rows.h"
#include "support/save.h"

#define ELBO_TABLE_STRUCT elbo_cli_restore_options
ELBO_TABLE(elbo_cli_restore_options_table, "Denoising", ELBO_CLI_RESTORE_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { COLUMNS = 10 };
static const double usual_level = 0.3;

/* The noise that is asked for; what is left open is that of the training. vade and dec have a --noise too, a share of
 * values that are dropped in pre-training: a number, no kind. */
static void settle(const elbo_cli_run *run, const elbo_cli_restore_options *options, elbo_cli_restored *out) {
    char trained[64] = "", level[64] = "", *end = NULL;
    elbo_cli_run_option(run, "noise", trained, sizeof trained);
    elbo_cli_run_option(run, "noise_level", level, sizeof level);
    bool own = *trained && strcmp(trained, "none") != 0 && (strtod(trained, &end), end == trained);
    bool left = strcmp(options->noise, "auto") == 0;
    snprintf(out->noise, sizeof out->noise, "%s", !left ? options->noise : own ? trained : "masking");
    bool same = own && strcmp(out->noise, trained) == 0;
    out->level = options->noise_level >= 0 ? options->noise_level : same && *level ? strtod(level, NULL) : usual_level;
}

static elbo_status take_through(elbo_cli_run *run, elbo_split split, const elbo_cli_restore_options *options,
                                elbo_cli_restored *out, elbo_error *error) {
    int64_t count = options->count < run->data->count[split] ? options->count : run->data->count[split];
    elbo_array *items = out->items, codes = {0};
    ELBO_CLI_TRY(elbo_cli_run_rows(run, split, NULL, 0, count, &items[ELBO_CLI_ORIGINAL], error));
    ELBO_CLI_TRY(elbo_model_corrupt(run->model, &items[ELBO_CLI_ORIGINAL], out->noise, out->level,
                                    (uint64_t)options->seed, &items[ELBO_CLI_CORRUPTED], error));
    bool part = run->info->condition && run->info->classes == 0; /* what is given of the item is corrupted, too */
    if (part) ELBO_CLI_TRY(elbo_model_set_condition(run->model, &items[ELBO_CLI_CORRUPTED], error));
    ELBO_CLI_TRY(elbo_model_encode(run->model, &items[ELBO_CLI_CORRUPTED], &codes, NULL, error));
    elbo_status status = elbo_model_decode(run->model, &codes, false, 0, &items[ELBO_CLI_RESTORED], error);
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

elbo_status elbo_cli_restore(elbo_cli_run *run, elbo_split split, const elbo_cli_restore_options *options,
                             elbo_cli_restored *out, elbo_error *error) {
    memset(out, 0, sizeof *out);
    settle(run, options, out);
    ELBO_CLI_TRY(take_through(run, split, options, out, error));
    const elbo_array *original = &out->items[ELBO_CLI_ORIGINAL];
    out->error_corrupted = mean_square(run, original, &out->items[ELBO_CLI_CORRUPTED]);
    out->error_restored = mean_square(run, original, &out->items[ELBO_CLI_RESTORED]);
    return ELBO_OK;
}

void elbo_cli_restored_free(elbo_cli_restored *restored) {
    for (int k = 0; k < ELBO_CLI_RESTORE_KINDS; k++) elbo_array_free(&restored->items[k]);
}

elbo_status elbo_cli_restored_draw(const elbo_cli_run *run, const elbo_cli_restored *restored, int64_t most,
                                   const char *path, elbo_error *error) {
    elbo_array first[ELBO_CLI_RESTORE_KINDS];
    const elbo_array *all[ELBO_CLI_RESTORE_KINDS];
    int64_t count = restored->items[ELBO_CLI_ORIGINAL].shape[0];
    if (count > most) count = most;
    for (int k = 0; k < ELBO_CLI_RESTORE_KINDS; k++) {
        first[k] = restored->items[k]; /* borrowed */
        first[k].shape[0] = count;
        all[k] = &first[k];
    }
    elbo_picture picture = {.columns = count < COLUMNS ? (int)count : COLUMNS};
    ELBO_CLI_TRY(elbo_cli_picture(run, &picture, error));
    return elbo_picture_compare(all, ELBO_CLI_RESTORE_KINDS, &picture, path, error);
}
