/* Every kind of inference and every estimator trains: the loss falls, a run saves what it needs, and going on from a
 * save gives the same bits as never having stopped. */
#include "scratch.h"
/* after the above */
#include <math.h>

#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/metrics_log.h"

static const char *const small[] = {"data",   "synth:glyphs?train=230&test=60",
                                    "hidden", "24",
                                    "latent", "3",
                                    "batch",  "50",
                                    "epochs", "6",
                                    "lr",     "0.003",
                                    "seed",   "5",
                                    NULL};

static const char *const variants[][12] = {
    {"estimator", "a", NULL},
    {"estimator", "stl", "draws", "2", NULL},
    {"estimator", "iwae", "draws", "5", NULL},
    {"estimator", "dreg", "draws", "5", NULL},
    {"estimator", "vimco", "draws", "5", NULL},
    {"estimator", "reinforce", "control", "none", "draws", "5", NULL},
    {"estimator", "reinforce", "control", "mean", NULL},
    {"estimator", "reinforce", "control", "leave-one-out", "draws", "5", NULL},
    {"estimator", "reinforce", "control", "learned", "draws", "2", NULL},
    {"prior", "bernoulli", "posterior", "bernoulli", "estimator", "vimco", "draws", "5", NULL},
    {"prior", "bernoulli", "posterior", "bernoulli", "estimator", "reinforce", "control", "learned", NULL},
    {"inference", "wake-sleep", NULL},
    {"inference", "wake-sleep", "draws", "3", "prior", "normal", "learn-prior", "true", NULL},
    {"inference", "wake-sleep", "prior", "bernoulli", "posterior", "bernoulli", NULL},
    {"inference", "full-vb", NULL},
    {"inference", "full-vb", "estimator", "iwae", "draws", "3", NULL},
    {"inference", "bbvi", "local-steps", "3", NULL},
    {"inference", "mcem", "local-steps", "2", NULL},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

typedef struct watcher {
    int64_t stop_after, steps; /* 0: never */
    double first, last;        /* losses of epochs */
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_EPOCH) {
        if (!(w->first != 0)) w->first = progress->loss;
        w->last = progress->loss;
    }
    return progress->event == ELBO_EVENT_STEP && w->stop_after && ++w->steps == w->stop_after;
}

static elbo_config *configure(const char *const *more) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vae", &error);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? more : small; *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

static elbo_status train(const elbo_config *config, const char *folder, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = folder, .threads = 1, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

/* Every parameter of the last checkpoint, state included. */
static elbo_instance open_last(const char *folder) {
    elbo_instance instance;
    elbo_error error = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (elbo_instance_read(&instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    return instance;
}

static void assert_same_parameters(const char *one, const char *two, const char *what) {
    elbo_instance a = open_last(one), b = open_last(two);
    assert_int_equal(elbo_params_count(a.params), elbo_params_count(b.params));
    size_t length, other;
    float *left = elbo_params_data(a.params, &length), *right = elbo_params_data(b.params, &other);
    assert_int_equal(length, other);
    if (memcmp(left, right, sizeof *left * length) != 0) fail_msg("%s: resuming gave other parameters", what);
    elbo_instance_clear(&a);
    elbo_instance_clear(&b);
}

static void describe(size_t v, char *out, size_t size) {
    *out = 0;
    for (int i = 0; variants[v][i]; i++) snprintf(out + strlen(out), size - strlen(out), "%s ", variants[v][i]);
}

static void test_all_learn_and_resume(void **state) {
    const scratch *place = *state;
    for (size_t v = 0; v < VARIANTS; v++) {
        elbo_error error = {0};
        char whole[128], parts[128], what[256];
        snprintf(whole, sizeof whole, "%s/whole%zu", place->folder, v);
        snprintf(parts, sizeof parts, "%s/parts%zu", place->folder, v);
        describe(v, what, sizeof what);
        elbo_config *config = configure(variants[v]);
        watcher w = {0};
        if (train(config, whole, &w, &error) != ELBO_OK) fail_msg("%s: %s", what, error.message);
        if (!(w.last < w.first - 0.02 * fabs(w.first))) fail_msg("%s: loss %g, then %g", what, w.first, w.last);
        watcher stopped = {.stop_after = 8}; /* in the middle of an epoch of 5 steps */
        assert_int_equal(train(config, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        stopped = (watcher){.stop_after = 11};
        assert_int_equal(train(NULL, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        stopped = (watcher){0};
        if (train(NULL, parts, &stopped, &error) != ELBO_OK) fail_msg("%s: %s", what, error.message);
        assert_same_parameters(whole, parts, what);
        elbo_config_free(config);
    }
}

static float value_of(const elbo_instance *instance, const char *name) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_data(instance->params, NULL)[info->offset];
}

/* The running mean is saved, near the bound that the training reached: 30 steps keep 1 - 0.9^30 = 96 % of it. */
static void test_running_mean_is_saved(void **state) {
    const scratch *place = *state;
    for (size_t v = 0; v < VARIANTS; v++) {
        char folder[128], what[256];
        describe(v, what, sizeof what);
        if (!strstr(what, "control mean") && !strstr(what, "control learned")) continue;
        snprintf(folder, sizeof folder, "%s/whole%zu", place->folder, v);
        elbo_instance instance = open_last(folder);
        float weight = value_of(&instance, "state.control.weight"), sum = value_of(&instance, "state.control.sum");
        assert_true(fabsf(weight - (1 - powf(0.9f, 30))) < 1e-4f);
        assert_true(sum / weight < -100 && sum / weight > -700); /* the loss falls from 550 or so */
        elbo_instance_clear(&instance);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_learn_and_resume),
        cmocka_unit_test(test_running_mean_is_saved),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
