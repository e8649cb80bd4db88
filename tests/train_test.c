/* Training: resuming to the same bits after any kind of stop, NaNs, early stopping, every likelihood and network. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <math.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/memory.h"
#include "scratch.h"
#include "train/checkpoint.h"
#include "train/metrics_log.h"

static const char *const small[] = {"data",       "synth:glyphs?train=230&test=60",
                                    "hidden",     "24",
                                    "latent",     "3",
                                    "batch",      "50",
                                    "epochs",     "4",
                                    "save-every", "0",
                                    NULL};

static elbo_config *configure(const char *const *first, const char *const *second) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vae", &error);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? second : first; at && *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

/* What a test wants from the progress callback. */
typedef struct watcher {
    int64_t stop_after, steps; /* 0: never */
    int warnings, epochs;
    char warning[1024];
    double first_loss, last_loss, last_test;
    long allocations_at_start, allocations_while_stepping;
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_WARNING) {
        w->warnings++;
        snprintf(w->warning, sizeof w->warning, "%s", progress->message);
        return false;
    }
    if (progress->event == ELBO_EVENT_EPOCH) {
        w->epochs++;
        if (w->epochs == 1) w->first_loss = progress->loss;
        w->last_loss = progress->loss;
        w->last_test = progress->test_loss;
        return false;
    }
    if (progress->step == 1) w->allocations_at_start = elbo_memory_count();
    w->allocations_while_stepping = elbo_memory_count() - w->allocations_at_start;
    return w->stop_after && ++w->steps == w->stop_after;
}

static elbo_status train(const elbo_config *config, const char *folder, int threads, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = folder, .threads = threads, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static elbo_status resume(const char *folder, int64_t epochs, watcher *w, elbo_error *error) {
    elbo_training training = {.folder = folder, .epochs = epochs, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

/* The parameters of a run's last checkpoint. */
static float *parameters(const char *folder, size_t *length) {
    char path[512];
    elbo_error error = {0};
    elbo_instance instance;
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (elbo_instance_read(&instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    const float *data = elbo_params_data(instance.params, length);
    float *copy = malloc(sizeof(float) * *length);
    memcpy(copy, data, sizeof(float) * *length);
    elbo_instance_clear(&instance);
    return copy;
}

static void assert_same_run(const char *one, const char *two) {
    size_t length, other;
    float *a = parameters(one, &length), *b = parameters(two, &other);
    assert_int_equal(length, other);
    assert_memory_equal(a, b, sizeof(float) * length);
    free(a);
    free(b);
    /* the logs agree but for the times */
    static const char *const names[] = {"train_loss", "reconstruction", "kl", "test_loss", "gradient_norm"};
    char path[512];
    elbo_metrics_log left, right;
    elbo_error error = {0};
    snprintf(path, sizeof path, "%s/metrics.jsonl", one);
    assert_int_equal(elbo_metrics_log_read(&left, path, &error), ELBO_OK);
    snprintf(path, sizeof path, "%s/metrics.jsonl", two);
    assert_int_equal(elbo_metrics_log_read(&right, path, &error), ELBO_OK);
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const elbo_metrics_series *p = elbo_metrics_log_find(&left, names[n]),
                                  *q = elbo_metrics_log_find(&right, names[n]);
        assert_int_equal(p->count, q->count);
        assert_memory_equal(p->value, q->value, sizeof(double) * p->count);
    }
    elbo_metrics_log_clear(&left);
    elbo_metrics_log_clear(&right);
}

static const char *scratch_folder;

static int set_up(void **state) {
    if (scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    return 0;
}

static char *folder(const char *name) {
    char *path = elbo_textf("%s/%s", scratch_folder, name);
    assert_non_null(path);
    return path;
}

static void test_resume_after_epochs(void **state) {
    (void)state;
    elbo_error error = {0};
    char *whole = folder("whole"), *parts = folder("parts");
    const char *two[] = {"epochs", "2", NULL};
    elbo_config *half = configure(small, two);
    watcher w = {0};
    assert_int_equal(train(half, parts, 2, &w, &error), ELBO_OK);
    assert_int_equal(resume(parts, 4, &w, &error), ELBO_OK);
    assert_same_run(whole, parts);
    elbo_config_free(half);
    elbo_free(whole);
    elbo_free(parts);
}

/* Stopped within an epoch, twice: the sums of the epoch go on too. 230 rows in batches of 50 leave a rest of 30. */
static void test_resume_after_interrupts(void **state) {
    (void)state;
    elbo_error error = {0};
    char *parts = folder("interrupted"), *whole = folder("whole");
    elbo_config *config = configure(small, NULL);
    watcher w = {.stop_after = 7};
    assert_int_equal(train(config, parts, 2, &w, &error), ELBO_ERROR_INTERRUPTED);
    w = (watcher){.stop_after = 6};
    assert_int_equal(resume(parts, 0, &w, &error), ELBO_ERROR_INTERRUPTED);
    w = (watcher){0};
    assert_int_equal(resume(parts, 0, &w, &error), ELBO_OK);
    assert_same_run(whole, parts);
    elbo_config_free(config);
    elbo_free(whole);
    elbo_free(parts);
}

/* kill -9 at moments that a fixed generator picks; saving after every step makes most of them fall into a save. This
 * test comes first: OpenMP does not survive a fork once the parent has used it. */
static void test_resume_after_kills(void **state) {
    (void)state;
    elbo_error error = {0};
    const char *often[] = {"save-every", "1e-9", NULL};
    char *killed = folder("killed"), *whole = folder("whole");
    uint32_t random = 1;
    int kills = 0;
    for (int attempt = 0; attempt < 200; attempt++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            char last[512];
            struct stat about;
            watcher w = {0};
            snprintf(last, sizeof last, "%s/last.safetensors", killed);
            elbo_status status;
            if (stat(last, &about) == 0) {
                status = resume(killed, 0, &w, &error);
            } else {
                /* killed before the first checkpoint: what is in the folder does not stand in the way */
                status = train(configure(small, often), killed, 2, &w, &error);
            }
            if (status != ELBO_OK) fprintf(stderr, "child: %s\n", error.message);
            _exit(status == ELBO_OK ? 0 : 2);
        }
        random = random * 1664525u + 1013904223u;
        usleep(5000 + (attempt < 12 ? random >> 16 : 4000000)); /* up to 70 ms, later long enough to finish */
        int status;
        if (waitpid(child, &status, WNOHANG) == 0) {
            kill(child, SIGKILL);
            waitpid(child, &status, 0);
            if (WIFSIGNALED(status)) kills++;
        }
        if (WIFEXITED(status) && WEXITSTATUS(status) == 0) break;
        if (WIFEXITED(status)) fail_msg("the training failed with status %d", WEXITSTATUS(status));
    }
    assert_true(kills >= 3);
    elbo_config *config = configure(small, NULL); /* the run that the others are compared with */
    watcher w = {0};
    assert_int_equal(train(config, whole, 2, &w, &error), ELBO_OK);
    assert_int_equal(w.epochs, 4);
    elbo_config_free(config);
    assert_same_run(whole, killed);
    elbo_free(whole);
    elbo_free(killed);
}

static void test_steady_state_allocates_nothing(void **state) {
    (void)state;
    elbo_error error = {0};
    char *path = folder("steady");
    elbo_config *config = configure(small, NULL);
    watcher w = {0};
    elbo_memory_fail_at(0);
    assert_int_equal(train(config, path, 1, &w, &error), ELBO_OK);
    assert_int_equal(w.allocations_while_stepping, 0);
    elbo_config_free(config);
    elbo_free(path);
}

/* A rate of a million makes the values overflow within a few steps. */
static void test_nan_stops(void **state) {
    (void)state;
    elbo_error error = {0};
    char *path = folder("nan");
    const char *wild[] = {"lr", "1e6", "optimizer", "sgd", NULL};
    elbo_config *config = configure(small, wild);
    watcher w = {0};
    assert_int_equal(train(config, path, 2, &w, &error), ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "step "));
    assert_non_null(strstr(error.message, " in "));
    assert_non_null(strstr(error.message, "training row"));
    size_t length;
    float *saved = parameters(path, &length);
    for (size_t i = 0; i < length; i++) assert_true(isfinite(saved[i]));
    free(saved);
    elbo_config_free(config);
    elbo_free(path);
}

static void test_nan_continues(void **state) {
    (void)state;
    elbo_error error = {0};
    char *path = folder("nan-continue");
    const char *wild[] = {"lr", "100", "optimizer", "sgd", "on-nan", "continue", "epochs", "12", NULL};
    elbo_config *config = configure(small, wild);
    watcher w = {0};
    elbo_status status = train(config, path, 2, &w, &error);
    if (status != ELBO_OK) fail_msg("%s", error.message);
    assert_true(w.warnings > 0);
    assert_non_null(strstr(w.warning, "times the rate"));
    assert_true(isfinite(w.last_loss));
    elbo_config_free(config);
    elbo_free(path);
}

static void test_early_stop(void **state) {
    (void)state;
    elbo_error error = {0};
    char *path = folder("early");
    const char *still[] = {"lr", "0", "early-stop", "2", "epochs", "50", NULL};
    elbo_config *config = configure(small, still);
    watcher w = {0};
    assert_int_equal(train(config, path, 2, &w, &error), ELBO_OK);
    assert_int_equal(w.epochs, 3); /* the first is the best, two more are no better */
    elbo_config_free(config);
    elbo_free(path);
}

static void test_folder_is_not_overwritten(void **state) {
    (void)state;
    elbo_error error = {0};
    char *path = folder("whole"), *missing = folder("missing");
    elbo_config *config = configure(small, NULL);
    watcher w = {0};
    assert_int_equal(train(config, path, 2, &w, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "--resume"));
    assert_int_equal(resume(missing, 0, &w, &error), ELBO_ERROR_IO);
    elbo_config_free(config);
    elbo_free(path);
    elbo_free(missing);
}

/* Every likelihood, network, estimator, optimiser and schedule: the loss must fall by a clear amount. */
static void test_variants_learn(void **state) {
    (void)state;
    static const char *const variants[][12] = {
        {"activation", "relu", "optimizer", "adamw", "schedule", "cosine", NULL},
        {"hidden", "32,16", "decoder-hidden", "20", "activation", "leaky-relu", "init", "he-normal", NULL},
        {"estimator", "a", "draws", "3", "optimizer", "rmsprop", NULL},
        {"likelihood", "gaussian", "variance", "learned", "bounded-mean", "true", NULL},
        {"likelihood", "gaussian", "variance", "shared", "activation", "elu", NULL},
        {"likelihood", "gaussian", "variance", "fixed", "scale", "0.2", NULL},
        {"likelihood", "categorical", "levels", "4", "activation", "softplus", NULL},
        {"network", "conv", "channels", "4,8", "activation", "relu", NULL},
        {"network", "conv", "channels", "4", "likelihood", "gaussian", NULL},
        {"network", "conv", "channels", "4", "likelihood", "categorical", "levels", "2", NULL},
        {"optimizer", "momentum", "lr", "0.003", "nesterov", "true", "clip", "100", NULL},
        {"optimizer", "adagrad", "lr", "0.02", "weight-decay", "0.001", NULL},
        {"optimizer", "sgd", "lr", "0.01", "schedule", "step", "lr-every", "3", NULL},
        {"kl-warmup", "2", "free-bits", "0.1", "beta", "2", "schedule", "exponential", NULL},
        {"binarize", "threshold", "schedule", "iwae", "lr-warmup", "5", "lr", "0.01", NULL},
        {"precision", "bf16", NULL},
    };
    for (size_t v = 0; v < sizeof variants / sizeof *variants; v++) {
        elbo_error error = {0};
        char name[32];
        snprintf(name, sizeof name, "variant%zu", v);
        char *path = folder(name);
        elbo_config *config = configure(small, variants[v]);
        watcher w = {0};
        if (train(config, path, 2, &w, &error) != ELBO_OK)
            fail_msg("variant %zu (%s): %s", v, variants[v][0], error.message);
        double fall = w.first_loss - w.last_loss;
        if (!(fall > 0.02 * fabs(w.first_loss)) || !isfinite(w.last_test))
            fail_msg("variant %zu (%s %s): loss %g, then %g", v, variants[v][0], variants[v][1], w.first_loss,
                     w.last_loss);
        elbo_config_free(config);
        elbo_free(path);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_after_kills),
        cmocka_unit_test(test_resume_after_epochs),
        cmocka_unit_test(test_resume_after_interrupts),
        cmocka_unit_test(test_steady_state_allocates_nothing),
        cmocka_unit_test(test_nan_stops),
        cmocka_unit_test(test_nan_continues),
        cmocka_unit_test(test_early_stop),
        cmocka_unit_test(test_folder_is_not_overwritten),
        cmocka_unit_test(test_variants_learn),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
