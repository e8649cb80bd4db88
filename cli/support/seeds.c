#include "support/seeds.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/jobs.h"
#include "support/metrics.h"
#include "support/output.h"
#include "support/summary.h"

enum { PATH = ELBO_CLI_SEEDS_PATH + 64 };

static void file_in(const char *folder, const char *name, char path[PATH]) {
    snprintf(path, PATH, "%.*s/%s", ELBO_CLI_SEEDS_PATH, folder, name);
}

static bool has(const char *folder, const char *name) {
    char path[PATH];
    file_in(folder, name, path);
    return access(path, F_OK) == 0;
}

bool elbo_cli_seeds_in(const char *folder) { return has(folder, "seeds.json"); }

elbo_status elbo_cli_seeds_read(const char *folder, elbo_cli_seeds *seeds, elbo_error *error) {
    char path[PATH];
    json_error_t problem = {0};
    file_in(folder, "seeds.json", path);
    json_t *object = json_load_file(path, 0, &problem);
    *seeds = (elbo_cli_seeds){.folder = folder,
                              .first = json_integer_value(json_object_get(object, "first")),
                              .count = json_integer_value(json_object_get(object, "seeds"))};
    bool whole = json_is_integer(json_object_get(object, "first")) && seeds->count >= 1 && seeds->count <= 1000 &&
                 seeds->first >= 0 && seeds->first <= INT64_MAX - 1000;
    json_decref(object);
    if (whole) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_FORMAT, "%s:%d: damaged: %s", path, problem.line,
                         problem.text[0] ? problem.text : "\"first\" and \"seeds\" (1 to 1000) were expected");
}

void elbo_cli_seeds_name(const elbo_cli_seeds *seeds, size_t index, char name[32]) {
    snprintf(name, 32, "seed%lld", (long long)(seeds->first + (int64_t)index));
}

void elbo_cli_seeds_path(const elbo_cli_seeds *seeds, size_t index, char path[ELBO_CLI_SEEDS_PATH]) {
    char name[32];
    elbo_cli_seeds_name(seeds, index, name);
    snprintf(path, ELBO_CLI_SEEDS_PATH, "%.4000s/%s", seeds->folder, name);
}

/* ---- Training ---- */

typedef struct crew {
    const elbo_context *context;
    const elbo_cli_seeds_training *training;
    elbo_cli_seeds seeds;
    elbo_cli_jobs jobs;
    char (*name)[32]; /* [count] */
    bool resumed;
} crew;

typedef struct watch {
    elbo_cli_jobs *jobs;
    size_t index;
} watch;

static bool watching(void *user, const elbo_progress *progress) {
    const watch *w = user;
    return elbo_cli_jobs_training(w->jobs, w->index, progress);
}

/* The configuration of all with the seed of one. */
static elbo_config *configure(const crew *c, size_t index, elbo_error *error) {
    char path[PATH], seed[32];
    file_in(c->seeds.folder, "recipe.yaml", path);
    elbo_config *config = c->resumed ? elbo_config_load(path, error) : elbo_config_copy(c->training->config, error);
    snprintf(seed, sizeof seed, "%lld", (long long)(c->seeds.first + (int64_t)index));
    if (!config || elbo_config_set(config, "seed", seed, error) == ELBO_OK) return config;
    elbo_config_free(config);
    return NULL;
}

static elbo_status train_one(elbo_cli_jobs *jobs, size_t index, void *user, elbo_error *error) {
    const crew *c = user;
    char folder[ELBO_CLI_SEEDS_PATH];
    watch w = {jobs, index};
    elbo_cli_seeds_path(&c->seeds, index, folder);
    bool begun = has(folder, "last.safetensors"), chosen = elbo_context_given(c->context, "threads");
    elbo_config *config = begun ? NULL : configure(c, index, error);
    if (!begun && !config) return error->status;
    const elbo_training request = {.config = config,
                                   .folder = folder,
                                   .epochs = c->training->epochs,
                                   .threads = begun && !chosen && c->training->jobs == 0 ? 0 : jobs->threads,
                                   .progress = watching,
                                   .user = &w};
    elbo_status status = elbo_train(&request, error);
    elbo_config_free(config);
    return status;
}

/* ---- What they reached ---- */

static json_t *describe_run(const crew *c, size_t index) {
    char folder[ELBO_CLI_SEEDS_PATH];
    const elbo_cli_job *job = &c->jobs.job[index];
    json_t *object = json_object();
    elbo_cli_seeds_path(&c->seeds, index, folder);
    json_object_set_new(object, "seed", json_integer(c->seeds.first + (int64_t)index));
    json_object_set_new(object, "folder", elbo_cli_json_text(folder));
    json_object_set_new(object, "complete", json_boolean(job->outcome == ELBO_OK));
    if (*job->message && job->outcome != ELBO_OK)
        json_object_set_new(object, "message", elbo_cli_json_text(job->message));
    json_object_set_new(object, "values", elbo_cli_metrics_last(folder));
    return object;
}

/* {"model", "first", "seeds", "complete", "runs": [...], "summary": {NAME: {mean, sd, median, count}}}: the summary is
 * over the complete runs. */
static json_t *describe(const crew *c, const char *model) {
    json_t *object = json_object(), *runs = json_array(), *values = json_array(), *summary;
    for (size_t i = 0; i < c->jobs.count; i++) {
        json_t *run = describe_run(c, i);
        json_array_append_new(runs, run);
        if (c->jobs.job[i].outcome == ELBO_OK) json_array_append(values, json_object_get(run, "values"));
    }
    summary = elbo_cli_summaries(values);
    json_decref(values);
    json_object_set_new(object, "model", elbo_cli_json_text(model));
    json_object_set_new(object, "folder", elbo_cli_json_text(c->seeds.folder));
    json_object_set_new(object, "first", json_integer(c->seeds.first));
    json_object_set_new(object, "seeds", json_integer(c->seeds.count));
    json_object_set_new(object, "complete", json_boolean(elbo_cli_jobs_incomplete(&c->jobs) == 0));
    json_object_set_new(object, "runs", runs);
    json_object_set_new(object, "summary", summary);
    return object;
}

static elbo_status save(const crew *c, const json_t *object, elbo_error *error) {
    char path[PATH], *text = json_dumps(object, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    if (!text) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %s/seeds.json", c->seeds.folder);
    file_in(c->seeds.folder, "seeds.json", path);
    elbo_status status = elbo_cli_output_save(path, text, error);
    free(text);
    return status;
}

static int report(const crew *c, json_t *object) {
    int code = elbo_cli_jobs_incomplete(&c->jobs) ? ELBO_EXIT_FAILURE : ELBO_EXIT_OK;
    size_t complete = c->jobs.count - elbo_cli_jobs_incomplete(&c->jobs);
    if (c->context->common->json) {
        int printed = elbo_cli_json_print(c->context, json_incref(object));
        return printed == ELBO_EXIT_OK ? code : printed;
    }
    printf("%zu of %zu seeds complete, figures of the last epoch of each (losses: -ELBO in nats)\n", complete,
           c->jobs.count);
    elbo_cli_summaries_print(json_object_get(object, "summary"), complete);
    printf("runs in %s/seed*, figures in %s/seeds.json\n", c->seeds.folder, c->seeds.folder);
    return code;
}

/* ---- The folder ---- */

static elbo_status begin_new(crew *c, elbo_error *error) {
    char path[PATH], seed[32] = "0";
    const elbo_cli_seeds_training *training = c->training;
    if (access(training->folder, F_OK) == 0)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "%s is there already: --seeds makes a new folder%s%s%s",
                             training->folder, elbo_cli_seeds_in(training->folder) ? " (--resume " : "",
                             elbo_cli_seeds_in(training->folder) ? training->folder : "",
                             elbo_cli_seeds_in(training->folder) ? " goes on with this one)" : "");
    (void)elbo_config_get(training->config, "seed", seed, sizeof seed);
    c->seeds = (elbo_cli_seeds){training->folder, strtoll(seed, NULL, 10), training->count};
    if (c->seeds.first > INT64_MAX - 1000)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--seed %s leaves no room for %lld seeds", seed,
                             (long long)training->count);
    ELBO_CLI_TRY(elbo_cli_make_folders(training->folder, error));
    file_in(training->folder, "recipe.yaml", path);
    return elbo_config_save(training->config, path, error);
}

/* Where nothing could be trained, nothing is left. */
static void clean_up(const crew *c) {
    char path[PATH], folder[ELBO_CLI_SEEDS_PATH];
    for (size_t i = 0; i < c->jobs.count; i++) {
        elbo_cli_seeds_path(&c->seeds, i, folder);
        if (access(folder, F_OK) == 0) return;
    }
    file_in(c->seeds.folder, "seeds.json", path);
    (void)unlink(path);
    file_in(c->seeds.folder, "recipe.yaml", path);
    (void)unlink(path);
    (void)rmdir(c->seeds.folder);
}

static elbo_status prepare(crew *c, elbo_error *error) {
    ELBO_CLI_TRY(c->resumed ? elbo_cli_seeds_read(c->training->folder, &c->seeds, error) : begin_new(c, error));
    size_t count = (size_t)c->seeds.count;
    c->jobs.count = count;
    c->jobs.job = calloc(count, sizeof *c->jobs.job);
    c->name = calloc(count, sizeof *c->name);
    if (!c->jobs.job || !c->name) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the runs");
    for (size_t i = 0; i < count; i++) {
        elbo_cli_seeds_name(&c->seeds, i, c->name[i]);
        c->jobs.job[i] = (elbo_cli_job){.name = c->name[i], .outcome = ELBO_ERROR_STATE};
    }
    return ELBO_OK;
}

/* Says which runs there will be before the first one begins, so that a kill at any moment leaves a folder to go on
 * with; and what they reached at the end. */
static int train(crew *c, const char *model, elbo_error *error) {
    json_t *object = describe(c, model);
    elbo_status status = save(c, object, error);
    json_decref(object);
    if (status != ELBO_OK) return elbo_context_fail(c->context, error);
    size_t workers = elbo_cli_jobs_share(&c->jobs, c->training->jobs > 0 ? c->training->jobs : 1);
    if (elbo_cli_jobs_run(&c->jobs, workers, error) != ELBO_OK) return elbo_context_fail(c->context, error);
    size_t left = elbo_cli_jobs_incomplete(&c->jobs);
    object = describe(c, model);
    status = save(c, object, error);
    int code = status != ELBO_OK       ? elbo_context_fail(c->context, error)
               : c->jobs.interrupted   ? ELBO_EXIT_INTERRUPTED
               : c->jobs.refused       ? ELBO_EXIT_USAGE
               : left == c->jobs.count ? ELBO_EXIT_FAILURE
                                       : report(c, object);
    json_decref(object);
    if (c->jobs.interrupted)
        elbo_context_note(c->context,
                          "stopped with %zu of %zu runs complete; everything is saved. To go on: elbo train --resume "
                          "%s",
                          c->jobs.count - left, c->jobs.count, c->seeds.folder);
    return code;
}

int elbo_cli_seeds_train(const elbo_context *context, const elbo_cli_seeds_training *training) {
    crew c = {.context = context, .training = training, .resumed = training->config == NULL};
    elbo_error error = {0};
    c.jobs = (elbo_cli_jobs){.context = context, .work = train_one, .user = &c, .alike = true};
    int code =
        prepare(&c, &error) == ELBO_OK ? train(&c, context->subject, &error) : elbo_context_fail(context, &error);
    if (!c.resumed && c.jobs.job && !c.jobs.interrupted && elbo_cli_jobs_incomplete(&c.jobs) == c.jobs.count)
        clean_up(&c);
    free(c.jobs.job);
    free(c.name);
    return code;
}
