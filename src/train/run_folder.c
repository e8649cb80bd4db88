#include "train/run_folder.h"

#include <dirent.h>
#include <inttypes.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "graph/plan.h"
#include "train/metrics_log.h"
#include "train/run_lock.h"
#include "train/tfevents.h"

struct elbo_run_folder {
    char *path, *last, *best, *metrics, *recipe, *record, *profile;
    elbo_run_lock *lock;
    elbo_tfevents *events;
};

static bool exists(const char *path) {
    struct stat about;
    return stat(path, &about) == 0;
}

static elbo_status name_files(elbo_run_folder *f, const char *path, elbo_error *error) {
    f->path = elbo_strdup(path);
    f->last = elbo_textf("%s/last.safetensors", path);
    f->best = elbo_textf("%s/best.safetensors", path);
    f->metrics = elbo_textf("%s/metrics.jsonl", path);
    f->recipe = elbo_textf("%s/recipe.yaml", path);
    f->record = elbo_textf("%s/run.json", path);
    f->profile = elbo_textf("%s/profile.txt", path);
    if (f->path && f->last && f->best && f->metrics && f->recipe && f->record && f->profile) return ELBO_OK;
    return elbo_fail_memory(error, strlen(path), "file names");
}

/* Whether a name is that of one of a run's files while it is written: "last.safetensors.tmp.4711". */
static bool is_half_written(const char *name) {
    static const char *const files[] = {"last.safetensors", "best.safetensors", "metrics.jsonl",
                                        "recipe.yaml",      "run.json",         "profile.txt"};
    for (size_t i = 0; i < sizeof files / sizeof *files; i++) {
        size_t length = strlen(files[i]);
        if (strncmp(name, files[i], length) == 0 && strncmp(name + length, ".tmp.", 5) == 0) return true;
    }
    return false;
}

/* What a killed training was writing is as large as a checkpoint and of no use. The lock is held: nobody writes. */
static void sweep(const elbo_run_folder *f) {
    DIR *stream = opendir(f->path);
    if (!stream) return;
    for (struct dirent *entry; (entry = readdir(stream));) {
        char *path = is_half_written(entry->d_name) ? elbo_textf("%s/%s", f->path, entry->d_name) : NULL;
        if (path) (void)unlink(path);
        elbo_free(path);
    }
    closedir(stream);
}

elbo_status elbo_run_folder_unused(const char *path, elbo_error *error) {
    char *last = elbo_textf("%s/last.safetensors", path);
    if (!last) return elbo_fail_memory(error, strlen(path), "a file name");
    bool used = exists(last);
    elbo_free(last);
    if (!used) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "%s holds a run already: resume it with --resume %s, or choose another folder", path, path);
}

elbo_run_folder *elbo_run_folder_open(const char *path, bool resume, elbo_error *error) {
    elbo_run_folder *f = elbo_calloc(sizeof *f);
    if (!f) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a run folder");
    elbo_status status = name_files(f, path, error);
    if (status == ELBO_OK && resume && !exists(f->last))
        status = elbo_fail(error, ELBO_ERROR_IO, "%s holds no run to resume: %s is missing", path, f->last);
    if (status == ELBO_OK && !resume) {
        status = elbo_folder_make(path, error);
        if (status == ELBO_OK) status = elbo_run_folder_unused(path, error);
    }
    if (status == ELBO_OK) {
        f->lock = elbo_run_lock_take(path, error);
        if (f->lock) {
            sweep(f);
            return f;
        }
    }
    elbo_run_folder_free(f);
    return NULL;
}

void elbo_run_folder_free(elbo_run_folder *f) {
    if (!f) return;
    elbo_tfevents_free(f->events);
    elbo_run_lock_release(f->lock);
    elbo_free(f->path);
    elbo_free(f->last);
    elbo_free(f->best);
    elbo_free(f->metrics);
    elbo_free(f->recipe);
    elbo_free(f->record);
    elbo_free(f->profile);
    elbo_free(f);
}

const char *elbo_run_folder_last(const elbo_run_folder *folder) { return folder->last; }
const char *elbo_run_folder_best(const elbo_run_folder *folder) { return folder->best; }

static elbo_status write_record(const elbo_run_folder *f, const elbo_instance *instance,
                                const elbo_training_state *state, elbo_error *error) {
    size_t length;
    elbo_params_data(instance->params, &length);
    json_t *object = json_pack("{s:s, s:s, s:s, s:s, s:I, s:I, s:I}", "elbo", ELBO_VERSION, "compiler", __VERSION__,
                               "libraries", elbo_backend_versions(), "model", instance->type->name, "seed",
                               (json_int_t)instance->config->training.seed, "threads", (json_int_t)state->threads,
                               "parameters", (json_int_t)length);
    char *text = object ? json_dumps(object, JSON_INDENT(2)) : NULL;
    json_decref(object);
    if (!text) return elbo_fail_memory(error, 1024, "run.json");
    elbo_status status = elbo_file_put(f->record, text, strlen(text), error);
    free(text);
    return status;
}

elbo_status elbo_run_folder_begin(elbo_run_folder *f, const elbo_instance *instance, const elbo_training_state *state,
                                  bool fresh, elbo_error *error) {
    ELBO_TRY(elbo_config_save(instance->config, f->recipe, error));
    ELBO_TRY(write_record(f, instance, state, error));
    ELBO_TRY(elbo_metrics_log_truncate(f->metrics, state->epoch, error));
    f->events = elbo_tfevents_new(f->path, error);
    if (!f->events) return error ? error->status : ELBO_ERROR_IO;
    return fresh ? ELBO_OK : elbo_tfevents_restart(f->events, state->step + 1, error);
}

elbo_status elbo_run_folder_epoch(elbo_run_folder *f, const elbo_training_state *s, const elbo_step_result *test,
                                  int64_t steps, double rate, elbo_error *error) {
    double rows = (double)s->rows, speed = s->seconds > 0 ? rows / s->seconds : 0, norm = s->norm / (double)steps;
    elbo_metric line[] = {ELBO_METRIC_OF_INTEGER("epoch", s->epoch),
                          ELBO_METRIC_OF_INTEGER("step", s->step),
                          ELBO_METRIC_OF_REAL("train_loss", s->loss / rows),
                          ELBO_METRIC_OF_REAL("reconstruction", s->reconstruction / rows),
                          ELBO_METRIC_OF_REAL("kl", s->kl / rows),
                          ELBO_METRIC_OF_REAL("test_loss", test->loss),
                          ELBO_METRIC_OF_REAL("test_reconstruction", test->reconstruction),
                          ELBO_METRIC_OF_REAL("test_kl", test->kl),
                          ELBO_METRIC_OF_REAL("rate", rate),
                          ELBO_METRIC_OF_REAL("gradient_norm", norm),
                          ELBO_METRIC_OF_REAL("seconds", s->seconds),
                          ELBO_METRIC_OF_REAL("samples_per_second", speed)};
    ELBO_TRY(elbo_metrics_log_append(f->metrics, line, sizeof line / sizeof *line, error));
    elbo_tfevents_scalar scalar[8] = {{"loss/train", s->loss / rows},
                                      {"kl/train", s->kl / rows},
                                      {"rate", rate},
                                      {"gradient_norm", norm},
                                      {"samples_per_second", speed}};
    size_t count = 5;
    if (!isnan(s->reconstruction))
        scalar[count++] = (elbo_tfevents_scalar){"reconstruction/train", s->reconstruction / rows};
    if (!isnan(test->loss)) {
        scalar[count++] = (elbo_tfevents_scalar){"loss/test", test->loss};
        scalar[count++] = (elbo_tfevents_scalar){"kl/test", test->kl};
    }
    return elbo_tfevents_scalars(f->events, s->step, scalar, count, error);
}

elbo_status elbo_run_folder_profile(elbo_run_folder *f, const elbo_step_program *program, elbo_error *error) {
    elbo_file file;
    ELBO_TRY(elbo_file_begin(&file, f->profile, error));
    for (int u = 0; u < program->updates; u++) {
        double total = 0;
        elbo_step_info info = {0};
        elbo_plan_step(program->plan[u], 0, &info);
        fprintf(file.stream, "update %s, %" PRId64 " rows, %" PRId64 " runs\n%-10s %-56s %10s %12s %8s %8s\n",
                program->update[u].name, program->rows, info.runs, "step", "of", "us", "kFLOP", "GFLOP/s", "GB/s");
        for (size_t i = 0; i < elbo_plan_steps(program->plan[u]); i++) {
            elbo_plan_step(program->plan[u], i, &info);
            double each = info.runs ? info.seconds / (double)info.runs : 0;
            total += each;
            fprintf(file.stream, "%-10s %-56s %10.1f %12.3f %8.1f %8.1f\n", info.kind, info.label, 1e6 * each,
                    1e-3 * (double)info.flops, each > 0 ? 1e-9 * (double)info.flops / each : 0,
                    each > 0 ? 1e-9 * (double)info.bytes / each : 0);
        }
        fprintf(file.stream, "%-67s %10.1f\n", "all", 1e6 * total);
    }
    return elbo_file_commit(&file, error);
}
