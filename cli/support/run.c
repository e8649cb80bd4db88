#include "support/run.h"

#include <stdio.h>
#include <string.h>

#include "support/describe.h"
#include "support/rows.h"
#include "support/seeds.h"
#include "support/summary.h"

#define ELBO_TABLE_STRUCT elbo_cli_model_options
ELBO_TABLE(elbo_cli_model_options_table, "Model", ELBO_CLI_MODEL_OPTIONS);
#undef ELBO_TABLE_STRUCT
#define ELBO_TABLE_STRUCT elbo_cli_source_options
ELBO_TABLE(elbo_cli_source_options_table, "Data", ELBO_CLI_SOURCE_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { TEXT = 4096, PORTION = 4096 };

const char *elbo_cli_split_word(elbo_split split) {
    static const char *const words[4] = {"training", "validation", "test", "data"};
    return words[split];
}

void elbo_cli_run_option(const elbo_cli_run *run, const char *name, char *out, size_t size) {
    if (!elbo_config_get(run->config, name, out, size)) *out = 0;
}

static elbo_status open_model(elbo_cli_run *run, elbo_error *error) {
    const elbo_cli_model_options *options = elbo_context_values(run->context, &elbo_cli_model_options_table);
    const char *which = strcmp(options->checkpoint, "auto") == 0 ? NULL : options->checkpoint;
    run->model = elbo_model_open(run->path, which, (int)run->context->common->threads, error);
    if (!run->model) return error->status;
    run->info = elbo_model_get_info(run->model);
    run->config = elbo_model_get_config(run->model);
    return ELBO_OK;
}

static elbo_status work_on(elbo_cli_run *run, elbo_status (*work)(elbo_cli_run *run, elbo_error *error),
                           elbo_error *error) {
    elbo_status status = open_model(run, error);
    if (status == ELBO_OK) status = work(run, error);
    elbo_dataset_free(run->dataset);
    elbo_model_free(run->model);
    return status;
}

int elbo_cli_run_with(const elbo_context *context, elbo_status (*work)(elbo_cli_run *run, elbo_error *error)) {
    elbo_cli_run run = {.context = context, .path = elbo_context_argument(context, 0), .code = ELBO_EXIT_OK};
    elbo_error error = {0};
    elbo_cli_seeds seeds;
    char one[ELBO_CLI_SEEDS_PATH];
    if (elbo_cli_seeds_in(run.path) && elbo_cli_seeds_read(run.path, &seeds, &error) == ELBO_OK) {
        elbo_cli_seeds_path(&seeds, 0, one);
        return elbo_context_usage(context, "%s holds runs of %lld seeds: name one of them, such as %s", run.path,
                                  (long long)seeds.count, one);
    }
    return work_on(&run, work, &error) == ELBO_OK ? run.code : elbo_context_fail(context, &error);
}

/* ---- Folders of seeds ---- */

bool elbo_cli_run_figures(elbo_cli_run *run, json_t *figures) {
    if (run->one_of_many)
        run->figures = figures;
    else if (run->context->common->json)
        run->code = elbo_cli_json_print(run->context, figures);
    else
        json_decref(figures);
    return run->one_of_many || run->context->common->json;
}

static int report_seeds(const elbo_context *context, const elbo_cli_seeds *seeds, json_t *runs) {
    json_t *summary = elbo_cli_summaries(runs), *run, *object;
    size_t i;
    if (summary && !context->common->json) {
        printf("%lld seeds of %s\n", (long long)seeds->count, seeds->folder);
        elbo_cli_summaries_print(summary, json_array_size(runs));
        json_decref(summary);
        return ELBO_EXIT_OK;
    }
    object = summary ? json_object() : NULL;
    json_array_foreach(runs, i, run) json_object_set_new(run, "seed", json_integer(seeds->first + (int64_t)i));
    json_object_set_new(object, "folder", elbo_cli_json_text(seeds->folder));
    json_object_set(object, "runs", runs);
    json_object_set_new(object, "summary", summary);
    return elbo_cli_json_print(context, object);
}

static elbo_status work_on_seed(const elbo_context *context, const elbo_cli_seeds *seeds, size_t index,
                                elbo_status (*work)(elbo_cli_run *run, elbo_error *error), json_t *runs,
                                elbo_error *error) {
    char path[ELBO_CLI_SEEDS_PATH], message[sizeof error->message];
    elbo_cli_run run = {.context = context, .path = path, .one_of_many = true};
    elbo_cli_seeds_path(seeds, index, path);
    elbo_status status = work_on(&run, work, error);
    if (status == ELBO_OK && !run.figures)
        status = elbo_cli_fail(error, ELBO_ERROR_USAGE,
                               "with these options there are no figures of several seeds; "
                               "name one run");
    if (status == ELBO_OK) {
        json_array_append_new(runs, run.figures);
        return ELBO_OK;
    }
    json_decref(run.figures);
    snprintf(message, sizeof message, "%s", error->message);
    snprintf(error->message, sizeof error->message, "%.300s: %.600s", path, message);
    return status;
}

int elbo_cli_run_with_each(const elbo_context *context, elbo_status (*work)(elbo_cli_run *run, elbo_error *error)) {
    const char *path = elbo_context_argument(context, 0);
    elbo_cli_seeds seeds;
    elbo_error error = {0};
    if (!elbo_cli_seeds_in(path)) return elbo_cli_run_with(context, work);
    json_t *runs = json_array();
    elbo_status status = elbo_cli_seeds_read(path, &seeds, &error);
    for (size_t i = 0; status == ELBO_OK && i < (size_t)seeds.count; i++)
        status = work_on_seed(context, &seeds, i, work, runs, &error);
    int code = status == ELBO_OK ? report_seeds(context, &seeds, runs) : elbo_context_fail(context, &error);
    json_decref(runs);
    return code;
}

/* ---- Data ---- */

/* The run's options of the data, overridden by those that were typed. */
static elbo_status merge_options(const elbo_cli_run *run, elbo_data_options *merged, elbo_error *error) {
    const elbo_options *table = &elbo_data_options_table;
    const elbo_data_options *typed = elbo_context_values(run->context, table);
    const elbo_cli_source_options *source = elbo_context_values(run->context, &elbo_cli_source_options_table);
    ELBO_CLI_TRY(elbo_options_init(table, merged, error));
    for (size_t i = 0; i < table->count; i++) {
        const char *name = table->rows[i].name;
        char text[TEXT] = "";
        bool given = typed && elbo_context_given(run->context, name);
        if (!given && *source->data && strcmp(name, "train_labels") == 0) continue; /* classes of the run's own data */
        bool known = given ? elbo_options_get(table, typed, name, text, sizeof text)
                           : elbo_config_get(run->config, name, text, sizeof text);
        if (known) ELBO_CLI_TRY(elbo_options_set(table, merged, name, text, error));
    }
    return ELBO_OK;
}

static elbo_status check_items(const elbo_cli_run *run, elbo_error *error) {
    if (run->data->item_size == run->info->item_size) return ELBO_OK;
    char have[128], want[128];
    elbo_cli_shape_text(run->data->item_rank, run->data->item_shape, have, sizeof have);
    elbo_cli_shape_text(run->info->item_rank, run->info->item_shape, want, sizeof want);
    return elbo_cli_fail(error, ELBO_ERROR_SHAPE, "%s has items of shape %s; the model reads %s", run->data->source,
                         have, want);
}

/* Bytes where training had fractions, or the other way round, give figures that look like a bad model. */
static void warn_of_units(const elbo_cli_run *run) {
    double low, high, ratio;
    elbo_model_picture_range(run->model, &low, &high);
    ratio = (run->data->maximum - run->data->minimum) / (high - low);
    if (ratio > 0.02 && ratio < 50) return;
    elbo_context_note(run->context,
                      "warning: %s has values from %g to %g, and the model was trained on %g to %g: are "
                      "the units the same?",
                      run->data->source, run->data->minimum, run->data->maximum, low, high);
}

elbo_status elbo_cli_run_data(elbo_cli_run *run, elbo_error *error) {
    const elbo_cli_source_options *options = elbo_context_values(run->context, &elbo_cli_source_options_table);
    elbo_data_options merged = {0};
    char source[TEXT];
    elbo_cli_run_option(run, "data", source, sizeof source);
    elbo_status status = merge_options(run, &merged, error);
    if (status == ELBO_OK) {
        run->pooled = merged.pool;
        run->dataset = elbo_dataset_open(*options->data ? options->data : source, &merged, error);
        if (!run->dataset) status = error->status;
    }
    elbo_options_clear(&elbo_data_options_table, &merged);
    if (status != ELBO_OK) return status;
    run->data = elbo_dataset_info(run->dataset);
    ELBO_CLI_TRY(check_items(run, error));
    if (*options->data) warn_of_units(run);
    return ELBO_OK;
}

elbo_status elbo_cli_run_split(elbo_cli_run *run, const char *name, elbo_split *split, elbo_error *error) {
    *split = elbo_cli_split(name);
    const int64_t *count = run->data->count;
    if (count[*split] > 0) return ELBO_OK;
    if (run->pooled)
        return elbo_cli_fail(error, ELBO_ERROR_STATE,
                             "%s has no %s rows: with --pool all %lld are training rows. --split all takes them, and "
                             "--no-pool brings the source's own splits back, whose test rows the model has been "
                             "trained on; other rows come with --data SOURCE --no-pool",
                             run->data->source, elbo_cli_split_word(*split), (long long)count[ELBO_SPLIT_ALL]);
    return elbo_cli_fail(error, ELBO_ERROR_STATE,
                         "%s has no %s rows (train %lld, valid %lld, test %lld); --split names the rows to use",
                         run->data->source, elbo_cli_split_word(*split), (long long)count[ELBO_SPLIT_TRAIN],
                         (long long)count[ELBO_SPLIT_VALID], (long long)count[ELBO_SPLIT_TEST]);
}

/* A source of whole numbers may come as bytes where the training data did not, so that all are brought to one type.
 * The sizes agree (check_items), so that only the shape is the model's: 784 values may be 28x28. */
elbo_status elbo_cli_run_rows(elbo_cli_run *run, elbo_split split, const int64_t *index, int64_t start, int64_t count,
                              elbo_array *rows, elbo_error *error) {
    elbo_array stored = {0};
    int64_t shape[ELBO_MAX_RANK] = {count};
    for (int axis = 0; axis < run->info->item_rank; axis++) shape[axis + 1] = run->info->item_shape[axis];
    ELBO_CLI_TRY(elbo_cli_rows(run->dataset, split, index, start, count, &stored, error));
    memset(rows, 0, sizeof *rows);
    elbo_status status = elbo_array_new(rows, ELBO_F32, run->info->item_rank + 1, shape, error);
    for (int64_t i = 0; status == ELBO_OK && i < count * run->info->item_size; i++)
        ((float *)rows->data)[i] = (float)elbo_cli_value_at(&stored, i);
    elbo_array_free(&stored);
    if (status == ELBO_OK)
        status = elbo_model_condition_rows(run->model, run->dataset, split, index, start, count, error);
    if (status != ELBO_OK) elbo_array_free(rows);
    return status;
}

/* Encodes rows and copies what comes out behind the `start` codes that are there. */
static elbo_status encode_portion(elbo_cli_run *run, const elbo_array *rows, int64_t start, elbo_array *mean,
                                  elbo_array *deviation, elbo_error *error) {
    elbo_array part[2] = {{0}};
    elbo_array *whole[2] = {mean, deviation};
    elbo_status status =
        elbo_model_encode(run->model, rows, mean ? &part[0] : NULL, deviation ? &part[1] : NULL, error);
    size_t width = (size_t)run->info->latent * sizeof(float);
    for (int i = 0; i < 2; i++) {
        if (status == ELBO_OK && whole[i])
            memcpy((char *)whole[i]->data + (size_t)start * width, part[i].data, (size_t)rows->shape[0] * width);
        elbo_array_free(&part[i]);
    }
    return status;
}

static elbo_status encode_all(elbo_cli_run *run, elbo_split split, int64_t start, int64_t count, elbo_array *mean,
                              elbo_array *deviation, elbo_error *error) {
    for (int64_t done = 0; done < count; done += PORTION) {
        int64_t rest = count - done, now = rest < PORTION ? rest : PORTION;
        elbo_array rows = {0};
        ELBO_CLI_TRY(elbo_cli_run_rows(run, split, NULL, start + done, now, &rows, error));
        elbo_status status = encode_portion(run, &rows, done, mean, deviation, error);
        elbo_array_free(&rows);
        if (status != ELBO_OK) return status;
    }
    return elbo_model_set_condition(run->model, NULL, error); /* that of the last portion is nobody's */
}

elbo_status elbo_cli_run_encode(elbo_cli_run *run, elbo_split split, int64_t start, int64_t count, elbo_array *mean,
                                elbo_array *deviation, elbo_error *error) {
    const int64_t shape[] = {count, run->info->latent};
    elbo_array *whole[2] = {mean, deviation};
    elbo_status status = ELBO_OK;
    for (int i = 0; i < 2; i++)
        if (whole[i]) memset(whole[i], 0, sizeof *whole[i]);
    for (int i = 0; i < 2 && status == ELBO_OK; i++)
        if (whole[i]) status = elbo_array_new(whole[i], ELBO_F32, 2, shape, error);
    if (status == ELBO_OK) status = encode_all(run, split, start, count, mean, deviation, error);
    for (int i = 0; i < 2 && status != ELBO_OK; i++) elbo_array_free(whole[i]);
    return status;
}
