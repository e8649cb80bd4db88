/* What the tests of clustering models share: instances of any model, trainings in a scratch folder, steps against a
 * fixture, and the accuracy of clusters. */
#ifndef ELBO_TESTS_CLUSTER_SUPPORT_H
#define ELBO_TESTS_CLUSTER_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "fixture.h"
#include "graph/params.h"
#include "scratch.h"
#include "train/checkpoint.h"
#include "train/step.h"

/* ---- instances ---- */

/* settings: names and values, NULL-ended. */
static inline elbo_config *configure(const char *model, const char *const *settings, const char *const *more) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(model, &error);
    if (!config) fail_msg("%s", error.message);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? more : settings; at && *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

static inline void open_instance(const char *model, elbo_instance *instance, elbo_dataset **dataset, elbo_dtype dtype,
                                 void *values, int64_t rows, int64_t size, const char *const *settings) {
    elbo_error error = {0};
    elbo_array x = {.dtype = dtype, .rank = 2, .shape = {rows, size}, .data = values};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    *dataset = elbo_dataset_from_array(&x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!*dataset) fail_msg("%s", error.message);
    elbo_config *config = configure(model, settings, NULL);
    if (elbo_instance_new(instance, config, *dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
}

static inline float *tensor(const elbo_instance *instance, const char *name) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_tensor(instance->params, elbo_params_index(instance->params, info));
}

/* ---- against a fixture ---- */

static inline const entry *wanted(const char *scope, const char *name) {
    char full[160];
    snprintf(full, sizeof full, "%.60s%.90s", scope, name);
    const entry *found = fixture_find(full);
    if (!found) fail_msg("the fixture has no %s", full);
    return found;
}

/* Parameters "<scope><name>" of the fixture. */
static inline void take_parameters(elbo_instance *instance, const char *scope) {
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        const entry *e = wanted(scope, info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(instance->params, (int64_t)i)[k] = (float)e->value[k];
    }
    elbo_params_touch(instance->params);
}

/* The largest error relative to the vector's root mean square, or to `floor` if that is more. Where both are zero,
 * anything but zero is wrong. */
static inline double relative_error(const float *got, const double *right, int count, double floor) {
    double worst = 0, square = 0;
    for (int i = 0; i < count; i++) {
        square += right[i] * right[i];
        worst = fmax(worst, fabs((double)got[i] - right[i]));
    }
    return worst > 0 ? worst / fmax(sqrt(square / count), floor) : 0;
}

/* Gradients of the instance's parameters against <name>.d.<parameter>. Sums that cancel, as that of a bias in front of
 * batch normalisation, are as exact as their terms: a tenth of the size of all gradients stands for these. */
static inline void check_gradients(const elbo_instance *instance, const float *gradient, const char *name) {
    double square = 0, count = 0;
    for (int pass = 0; pass < 2; pass++)
        for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
            const elbo_param_info *info = elbo_params_at(instance->params, i);
            char key[128];
            snprintf(key, sizeof key, ".d.%s", info->name);
            const entry *right = wanted(name, key);
            for (int k = 0; pass == 0 && k < right->count; k++) square += right->value[k] * right->value[k];
            count += pass == 0 ? right->count : 0;
            if (pass == 0) continue;
            double floor = 0.1 * sqrt(square / count);
            double worst = relative_error(gradient + info->offset, right->value, (int)info->count, floor);
            if (!(worst < 5e-5)) fail_msg("%s: gradient of %s is off by %g of its size", name, info->name, worst);
        }
}

/* Update u of a phase on bytes: its loss is <name>.loss. Single precision rounds each of a few hundred terms by 6e-8.
 */
static inline void check_step(elbo_instance *instance, const uint8_t *bytes, int64_t rows, const char *name, int phase,
                              int u, uint64_t seed, uint32_t step) {
    elbo_error error = {0};
    size_t length;
    elbo_params_data(instance->params, &length);
    float *gradient = aligned_alloc(64, (sizeof(float) * length + 63) / 64 * 64);
    memset(gradient, 0, sizeof(float) * length);
    elbo_step_program program;
    instance->phase = phase;
    if (elbo_step_program_new(&program, instance, rows, gradient, 1, &error) != ELBO_OK) fail_msg("%s", error.message);
    void *input = elbo_plan_input(program.plan[u], program.raw);
    memcpy(input, bytes, (size_t)(rows * instance->item.size));
    elbo_run run = {.seed = seed, .step = step};
    elbo_step_result result;
    if (elbo_step_program_run(&program, u, 1, &run, &result, &error) != ELBO_OK) fail_msg("%s", error.message);
    double right = wanted(name, ".loss")->value[0];
    if (!(fabs(result.loss - right) <= 1e-5 * fabs(right)))
        fail_msg("%s: %.9g, PyTorch %.9g", name, result.loss, right);
    check_gradients(instance, gradient, name);
    elbo_step_program_clear(&program);
    free(gradient);
}

/* ---- trainings ---- */

typedef struct watcher {
    double first, last, reconstruction; /* the last two of the last epoch */
    int epochs, steps, stop_step;       /* stop after so many steps; 0: never */
} watcher;

static inline bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_STEP) return w->stop_step && ++w->steps == w->stop_step;
    if (progress->event != ELBO_EVENT_EPOCH) return false;
    if (w->epochs++ == 0) w->first = progress->loss;
    w->last = progress->loss;
    w->reconstruction = progress->reconstruction;
    return false;
}

typedef char text[256];

static const char *scratch_folder;

static inline elbo_status train(const char *model, const char *name, const char *const *settings,
                                const char *const *more, watcher *w, text path, elbo_error *error) {
    snprintf(path, sizeof(text), "%.120s/%.120s", scratch_folder, name);
    elbo_config *config = configure(model, settings, more);
    elbo_training training = {.config = config, .folder = path, .threads = 1, .progress = watch, .user = w};
    elbo_status status = elbo_train(&training, error);
    elbo_config_free(config);
    return status;
}

static inline void expect_refusal(const char *model, const char *name, const char *const *settings,
                                  const char *const *more, const char *says) {
    elbo_error error = {0};
    watcher w = {0};
    text path;
    assert_int_equal(train(model, name, settings, more, &w, path, &error), ELBO_ERROR_USAGE);
    if (!strstr(error.message, says)) fail_msg("\"%s\" does not say \"%s\"", error.message, says);
}

/* The run's last state. Close with elbo_instance_clear. */
static inline void open_last(const char *run, elbo_instance *instance) {
    char path[300];
    elbo_error error = {0};
    elbo_training_state state;
    snprintf(path, sizeof path, "%s/last.safetensors", run);
    if (elbo_checkpoint_read(path, instance, &state, &error) != ELBO_OK) fail_msg("%s", error.message);
}

static inline void assert_same_parameters(const char *a, const char *b) {
    elbo_instance left, right;
    size_t first, second;
    open_last(a, &left);
    open_last(b, &right);
    const float *x = elbo_params_data(left.params, &first), *y = elbo_params_data(right.params, &second);
    assert_int_equal(first, second);
    if (memcmp(x, y, first * sizeof *x) != 0) fail_msg("%s and %s have other parameters", a, b);
    elbo_instance_clear(&left);
    elbo_instance_clear(&right);
}

/* Stops after each number of steps from `first` to `last`, goes on, and compares with a run that never stopped. */
static inline void check_resumes(const char *model, const char *const *settings, int first, int last) {
    elbo_error error = {0};
    watcher w = {0};
    text whole, part;
    if (train(model, "whole", settings, NULL, &w, whole, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int stop = first; stop <= last; stop++) {
        char name[32];
        watcher stopping = {.stop_step = stop}, rest = {0};
        snprintf(name, sizeof name, "part%d", stop);
        assert_int_equal(train(model, name, settings, NULL, &stopping, part, &error), ELBO_ERROR_INTERRUPTED);
        elbo_training training = {.folder = part, .progress = watch, .user = &rest};
        if (elbo_train(&training, &error) != ELBO_OK) fail_msg("%s", error.message);
        assert_same_parameters(whole, part);
    }
}

/* A file of equal lines. */
static inline const char *write_rows(text path, const char *name, int rows, const char *line) {
    snprintf(path, sizeof(text), "%.120s/%.120s.csv", scratch_folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int n = 0; n < rows; n++) fprintf(file, "%s\n", line);
    fclose(file);
    return path;
}

/* ---- clusters ---- */

/* The share of training rows that are right under the best matching; probabilities must sum to 1. */
static inline double accuracy_of(const char *run, const char *source) {
    elbo_error error = {0};
    elbo_array rows, labels, probabilities, assigned;
    elbo_cluster_scores scores;
    elbo_model *model = elbo_model_open(run, NULL, 1, &error);
    if (!model) fail_msg("%s", error.message);
    elbo_dataset *dataset = elbo_dataset_open(source, NULL, &error);
    if (!dataset) fail_msg("%s", error.message);
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t count = info->count[ELBO_SPLIT_TRAIN], clusters = elbo_model_get_info(model)->clusters;
    const int64_t shape[2] = {count, info->item_size};
    assert_int_equal(elbo_array_new(&rows, ELBO_F32, 2, shape, &error), ELBO_OK);
    assert_int_equal(elbo_array_new(&labels, ELBO_I32, 1, shape, &error), ELBO_OK);
    assert_int_equal(elbo_array_new(&assigned, ELBO_I32, 1, shape, &error), ELBO_OK);
    assert_int_equal(elbo_dataset_rows(dataset, ELBO_SPLIT_TRAIN, NULL, 0, count, rows.data, &error), ELBO_OK);
    assert_int_equal(elbo_dataset_labels(dataset, ELBO_SPLIT_TRAIN, NULL, 0, count, labels.data, &error), ELBO_OK);
    if (elbo_model_assign(model, &rows, &probabilities, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int64_t n = 0; n < count; n++) {
        const float *row = (const float *)probabilities.data + n * clusters;
        int32_t best = 0;
        double sum = 0;
        for (int32_t k = 0; k < clusters; k++) {
            sum += (double)row[k];
            if (row[k] > row[best]) best = k;
        }
        if (!(fabs(sum - 1) < 1e-5)) fail_msg("row %lld: probabilities of sum %g", (long long)n, sum);
        ((int32_t *)assigned.data)[n] = best;
    }
    assert_int_equal(elbo_score_clusters(&assigned, &labels, &scores, &error), ELBO_OK);
    double accuracy = scores.accuracy;
    elbo_cluster_scores_clear(&scores);
    elbo_array_free(&assigned);
    elbo_array_free(&probabilities);
    elbo_array_free(&rows);
    elbo_array_free(&labels);
    elbo_dataset_free(dataset);
    elbo_model_free(model);
    return accuracy;
}

#endif
