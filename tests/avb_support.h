/* Small trainings of avb for its tests. */
#ifndef ELBO_TESTS_AVB_SUPPORT_H
#define ELBO_TESTS_AVB_SUPPORT_H

#include "scratch.h"
/* after the above */
#include <math.h>

#include "eval/model.h"
#include "train/checkpoint.h"
#include "train/step.h"

#define ADVERSARY  "adversary-hidden", "16,16"
#define CONTRAST   "adaptive-contrast", "true", "moment-draws", "8"
#define STRUCTURED "encoder", "structured", "basis", "4", "noise-hidden", "8"
#define FREE       "likelihood", "implicit", "decoder-noise", "2"

static const char *const avb_small[] = {"data",   "synth:glyphs?train=230&test=60",
                                        "hidden", "24",
                                        "latent", "3",
                                        "batch",  "50",
                                        "epochs", "6",
                                        "lr",     "0.003",
                                        "seed",   "5",
                                        NULL};

typedef struct watcher {
    int64_t stop_after, steps; /* 0: never */
    double first, last;        /* reconstructions of epochs */
    double loss;               /* of the last */
} watcher;

static inline bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_EPOCH) {
        if (!(w->first != 0)) w->first = progress->reconstruction;
        w->last = progress->reconstruction;
        w->loss = progress->loss;
    }
    return progress->event == ELBO_EVENT_STEP && w->stop_after && ++w->steps == w->stop_after;
}

static inline void set_all(elbo_config *config, const char *const *pairs) {
    elbo_error error = {0};
    for (; pairs && *pairs; pairs += 2)
        if (elbo_config_set(config, pairs[0], pairs[1], &error) != ELBO_OK) fail_msg("%s", error.message);
}

static inline elbo_config *configure(const char *const *variant, const char *const *more) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("avb", &error);
    set_all(config, avb_small);
    set_all(config, variant);
    set_all(config, more);
    return config;
}

static inline elbo_status train(const elbo_config *config, const char *folder, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = folder, .threads = 1, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

/* Trains a variant in FOLDER/name, whose path is left in `folder`. */
static inline watcher trained(const scratch *place, const char *name, const char *const *variant,
                              const char *const *more, char folder[128]) {
    elbo_error error = {0};
    watcher w = {0};
    snprintf(folder, 128, "%s/%s", place->folder, name);
    elbo_config *config = configure(variant, more);
    if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    elbo_config_free(config);
    return w;
}

static inline elbo_instance open_last(const char *folder) {
    elbo_instance instance;
    elbo_error error = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (elbo_instance_read(&instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    return instance;
}

static inline elbo_status compare(elbo_model *model, const elbo_dataset *dataset, const char *methods, int64_t samples,
                                  elbo_likelihood_comparison *out, elbo_error *error) {
    elbo_likelihood_options options;
    elbo_evaluation_options rows;
    assert_int_equal(elbo_options_init(&elbo_likelihood_options_table, &options, error), ELBO_OK);
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &rows, error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_likelihood_options_table, &options, "nll", methods, error), ELBO_OK);
    if (strstr(methods, "ais")) options.temperatures = 200;
    if (strcmp(methods, "is") != 0) options.chains = 16;
    rows.samples = samples;
    rows.count = 4;
    elbo_status status = elbo_likelihoods(model, dataset, &rows, &options, NULL, NULL, out, error);
    elbo_options_clear(&elbo_likelihood_options_table, &options);
    elbo_options_clear(&elbo_evaluation_options_table, &rows);
    return status;
}

#endif
