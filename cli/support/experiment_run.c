#include "support/experiment_run.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/measurement.h"
#include "support/output.h"

enum { PATH = ELBO_CLI_PLAN_PATH + 64, TEXT = 4096 };

typedef struct work {
    const elbo_cli_plan *plan;
    elbo_cli_planned *run;
    int threads;
    const elbo_cli_experiment_watch *watch;
    const char *measuring; /* the name of the measurement at work */
    int64_t target;        /* the step to stop after */
    bool asked;            /* the watch wants to stop */
} work;

/* ---- State ---- */

static void file_in(const work *w, const char *name, char path[PATH]) {
    snprintf(path, PATH, "%s/%s", w->run->folder, name);
}

static bool has_file(const work *w, const char *name) {
    char path[PATH];
    file_in(w, name, path);
    return access(path, F_OK) == 0;
}

static json_t *fresh_state(void) { return json_pack("{s:b, s:[]}", "finished", 0, "measured"); }

static elbo_status load_state(work *w, elbo_error *error) {
    char path[PATH];
    json_error_t problem;
    file_in(w, "reproduce.json", path);
    json_decref(w->run->state);
    w->run->state = has_file(w, "reproduce.json") ? json_load_file(path, 0, &problem) : fresh_state();
    if (json_is_array(json_object_get(w->run->state, "measured"))) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_FORMAT, "%s:%d: damaged: %s", path, problem.line, problem.text);
}

static elbo_status save_state(const work *w, elbo_error *error) {
    char path[PATH], *text = json_dumps(w->run->state, JSON_INDENT(1) | JSON_REAL_PRECISION(17));
    if (!text) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the state of %s", w->run->name);
    file_in(w, "reproduce.json", path);
    elbo_status status = elbo_cli_output_save(path, text, error);
    free(text);
    return status;
}

static bool is_finished(const work *w) { return json_is_true(json_object_get(w->run->state, "finished")); }

/* ---- The same run? ---- */

static elbo_status compare_tables(const work *w, const elbo_config *there, elbo_error *error) {
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_config_table(elbo_config_model(there), i)); i++)
        for (size_t row = 0; row < table->count; row++) {
            char before[TEXT] = "", now[TEXT] = "";
            (void)elbo_config_get(there, table->rows[row].name, before, sizeof before);
            (void)elbo_config_get(w->run->config, table->rows[row].name, now, sizeof now);
            if (strcmp(before, now) == 0) continue;
            if (!elbo_config_matters(there, table->rows[row].name) &&
                !elbo_config_matters(w->run->config, table->rows[row].name))
                continue; /* a default that has changed since, of something that the run does not have */
            return elbo_cli_fail(error, ELBO_ERROR_STATE,
                                 "%s holds a run with %s %.200s; it is to be %.200s now. Give another folder with "
                                 "--out, or remove that run",
                                 w->run->folder, table->rows[row].name, *before ? before : "\"\"", *now ? now : "\"\"");
        }
    return ELBO_OK;
}

static elbo_status check_same(const work *w, elbo_error *error) {
    char path[PATH];
    file_in(w, "recipe.yaml", path);
    elbo_config *there = elbo_config_load(path, error);
    if (!there) return error->status;
    const char *before = elbo_config_model(there), *now = elbo_config_model(w->run->config);
    elbo_status status = strcmp(before, now) == 0
                             ? compare_tables(w, there, error)
                             : elbo_cli_fail(error, ELBO_ERROR_STATE,
                                             "%s holds a run of the model %s; it is to be %s now. Give another folder "
                                             "with --out, or remove that run",
                                             w->run->folder, before, now);
    elbo_config_free(there);
    return status;
}

/* ---- Measuring ---- */

/* Steps as epochs, a whole number where it is one. */
static json_t *epoch_json(const work *w, int64_t step) {
    return step % w->run->steps ? json_real((double)step / (double)w->run->steps) : json_integer(step / w->run->steps);
}

static bool is_at(const work *w, const json_t *entry, int64_t step) {
    json_t *epoch = epoch_json(w, step);
    bool same = json_number_value(json_object_get(entry, "epoch")) == json_number_value(epoch);
    json_decref(epoch);
    return same;
}

static json_t *find_measured(const work *w, int64_t step, const char *name) {
    json_t *list = json_object_get(w->run->state, "measured"), *one;
    size_t i;
    json_array_foreach(list, i, one) if (is_at(w, one, step) &&
                                         strcmp(json_string_value(json_object_get(one, "name")), name) == 0) return one;
    return NULL;
}

/* Everything that decides the numbers, as one line. */
static char *describe(const elbo_cli_experiment_measure *measure, const elbo_options *table, const void *values) {
    char *text = NULL, value[TEXT];
    size_t size = 0;
    FILE *stream = open_memstream(&text, &size);
    if (!stream) return NULL;
    fprintf(stream, "%s of %s", measure->kind, measure->checkpoint);
    for (size_t i = 0; i < table->count; i++)
        if (elbo_options_get(table, values, table->rows[i].name, value, sizeof value))
            fprintf(stream, ", %s %s", table->rows[i].name, value);
    if (fclose(stream) == 0) return text;
    free(text);
    return NULL;
}

static bool show_share(void *user, double share) {
    work *w = user;
    w->asked = w->watch->measuring(w->watch->user, w->run, w->measuring, share);
    return w->asked;
}

/* A measurement with its options filled in. */
typedef struct ready {
    const elbo_cli_experiment_measure *measure;
    const elbo_cli_measurement *kind;
    void *options;
    char *spec;
} ready;

static void ready_clear(ready *r) {
    if (r->options) elbo_options_clear(r->kind->options, r->options);
    free(r->options);
    free(r->spec);
}

static elbo_status ready_make(ready *r, const work *w, const elbo_cli_experiment_measure *measure, elbo_error *error) {
    *r = (ready){.measure = measure, .kind = elbo_cli_measurement_find(measure->kind)};
    r->options = calloc(1, r->kind->options->struct_size);
    if (!r->options) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a measurement");
    ELBO_CLI_TRY(elbo_cli_plan_measure_options(w->plan, measure, r->kind->options, r->options, error));
    r->spec = describe(measure, r->kind->options, r->options);
    return r->spec ? ELBO_OK : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a measurement");
}

/* The measurement as it stands in the state, made with the same options. */
static bool is_measured(const work *w, const ready *r, int64_t step) {
    json_t *entry = find_measured(w, step, r->measure->name);
    const char *spec = json_string_value(json_object_get(entry, "spec"));
    return spec && strcmp(spec, r->spec) == 0;
}

static elbo_status measure_now(work *w, const ready *r, int64_t step, elbo_error *error) {
    json_t *entry = find_measured(w, step, r->measure->name), *values = json_object();
    const elbo_cli_measured at = {.folder = w->run->folder,
                                  .checkpoint = r->measure->checkpoint,
                                  .name = r->measure->name,
                                  .step = step,
                                  .threads = w->threads,
                                  .progress = show_share,
                                  .user = w};
    w->measuring = r->measure->name;
    elbo_status status = r->kind->measure(&at, r->options, values, error);
    if (status == ELBO_OK && entry) { /* the options of the measurement have changed */
        json_object_set(entry, "values", values);
        json_object_set_new(entry, "spec", json_string(r->spec));
    } else if (status == ELBO_OK) {
        json_array_append_new(json_object_get(w->run->state, "measured"),
                              json_pack("{s:o, s:I, s:s, s:s, s:O}", "epoch", epoch_json(w, step), "step",
                                        (json_int_t)step, "name", r->measure->name, "spec", r->spec, "values", values));
    }
    json_decref(values);
    return status == ELBO_OK ? save_state(w, error) : status;
}

static bool at_stages(const elbo_cli_experiment_measure *measure) { return strcmp(measure->when, "stages") == 0; }

static bool is_stage(const work *w, int64_t step) {
    for (size_t i = 0; i < w->run->stages; i++)
        if (w->run->stage[i] == step) return true;
    return false;
}

static elbo_status measure_one(work *w, const ready *r, int64_t step, elbo_error *error) {
    double epoch = (double)w->run->steps;
    for (size_t i = 0; at_stages(r->measure) && i < w->run->stages && w->run->stage[i] < step; i++)
        if (!is_measured(w, r, w->run->stage[i]))
            return elbo_cli_fail(error, ELBO_ERROR_STATE,
                                 "%s is at epoch %g, and %s was not measured, or not like this, at epoch %g: the "
                                 "stages or the measurement have changed. Give another folder with --out, or remove "
                                 "that run",
                                 w->run->folder, (double)step / epoch, r->measure->name,
                                 (double)w->run->stage[i] / epoch);
    bool due = is_finished(w) || (at_stages(r->measure) && is_stage(w, step));
    return due && !is_measured(w, r, step) ? measure_now(w, r, step, error) : ELBO_OK;
}

/* What is due after this step, after a look back at what should have been done before. */
static elbo_status measure_due(work *w, int64_t step, elbo_error *error) {
    const elbo_cli_experiment *e = w->plan->experiment;
    for (size_t m = 0; m < e->measures; m++) {
        ready one;
        elbo_status status = ready_make(&one, w, &e->measure[m], error);
        if (status == ELBO_OK) status = measure_one(w, &one, step, error);
        ready_clear(&one);
        if (status != ELBO_OK) return status;
    }
    return ELBO_OK;
}

/* ---- Training ---- */

/* A stage at the end of an epoch waits until the epoch is evaluated and written down. */
static bool show_training(void *user, const elbo_progress *progress) {
    work *w = user;
    w->asked = w->watch->training(w->watch->user, w->run, progress);
    bool within = w->target % w->run->steps != 0;
    int64_t done = progress->event == ELBO_EVENT_EPOCH  ? progress->epoch * w->run->steps
                   : progress->event == ELBO_EVENT_STEP ? (progress->epoch - 1) * w->run->steps + progress->step
                                                        : 0;
    return w->asked || (done >= w->target && (within || progress->event == ELBO_EVENT_EPOCH));
}

static elbo_status step_of(const work *w, int64_t *step, elbo_error *error) {
    elbo_model *model = elbo_model_open(w->run->folder, "last", w->threads, error);
    if (!model) return error->status;
    *step = elbo_model_get_info(model)->step;
    elbo_model_free(model);
    return ELBO_OK;
}

/* The next pause, where a measurement wants pauses. */
static int64_t next_target(const work *w, int64_t step) {
    const elbo_cli_experiment *e = w->plan->experiment;
    bool pauses = false;
    for (size_t m = 0; m < e->measures; m++) pauses = pauses || at_stages(&e->measure[m]);
    for (size_t i = 0; pauses && i < w->run->stages; i++)
        if (w->run->stage[i] > step) return w->run->stage[i];
    return w->run->epochs * w->run->steps;
}

static elbo_status train(work *w, bool resume, elbo_error *error) {
    const elbo_training request = {.config = resume ? NULL : w->run->config,
                                   .folder = w->run->folder,
                                   .threads = w->threads,
                                   .progress = show_training,
                                   .user = w};
    elbo_status status = elbo_train(&request, error);
    if (status == ELBO_ERROR_INTERRUPTED && !w->asked) return ELBO_OK; /* at a stage */
    if (status != ELBO_OK) return status;
    json_object_set_new(w->run->state, "finished", json_true());
    return save_state(w, error);
}

elbo_status elbo_cli_experiment_check(const elbo_cli_plan *plan, elbo_cli_planned *run, elbo_error *error) {
    const work w = {.plan = plan, .run = run};
    if (has_file(&w, "last.safetensors")) return check_same(&w, error);
    if (!has_file(&w, "reproduce.json")) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has lost its checkpoint; remove the folder", run->folder);
}

elbo_status elbo_cli_experiment_run(const elbo_cli_plan *plan, elbo_cli_planned *run, int threads,
                                    const elbo_cli_experiment_watch *watch, elbo_error *error) {
    work w = {.plan = plan, .run = run, .threads = threads, .watch = watch};
    int64_t step = 0;
    bool started = has_file(&w, "last.safetensors");
    ELBO_CLI_TRY(elbo_cli_experiment_check(plan, run, error));
    ELBO_CLI_TRY(load_state(&w, error));
    if (started) ELBO_CLI_TRY(step_of(&w, &step, error));
    for (;;) {
        if (step > 0) ELBO_CLI_TRY(measure_due(&w, step, error));
        if (is_finished(&w)) return ELBO_OK;
        w.target = next_target(&w, step);
        ELBO_CLI_TRY(train(&w, started, error));
        started = true;
        ELBO_CLI_TRY(step_of(&w, &step, error));
    }
}
