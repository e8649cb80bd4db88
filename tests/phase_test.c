/* Trainings of several phases: the epochs of each, what moves in each, fresh optimisers, how a phase is entered, and
 * resuming to the same bits after a stop anywhere, at the boundaries above all. */
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
#include "graph/params.h"
#include "scratch.h"
#include "train/checkpoint.h"
#include "train/codes.h"
#include "train/metrics_log.h"

/* Three layers of one epoch each, the autoencoder for two, the bound for two: 7 epochs of 3 steps (50, 50, 30 rows). */
static const char *const small[] = {"data",
                                    "synth:glyphs?train=130&test=30",
                                    "hidden",
                                    "12,8",
                                    "latent",
                                    "2",
                                    "components",
                                    "3",
                                    "batch",
                                    "50",
                                    "layer-epochs",
                                    "1",
                                    "pretrain-epochs",
                                    "2",
                                    "noise",
                                    "0.1",
                                    "epochs",
                                    "2",
                                    "save-every",
                                    "0",
                                    NULL};
enum { STEPS = 3, STACK_EPOCHS = 3, WHOLE_EPOCHS = 2, BOUND_EPOCHS = 2, BOUND_START = STACK_EPOCHS + WHOLE_EPOCHS };
enum { EPOCHS = BOUND_START + BOUND_EPOCHS };

static elbo_config *configure(const char *const *more) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vade", &error);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? more : small; at && *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

typedef struct watcher {
    int stop_step;  /* stop after so many steps; 0: never */
    int stop_epoch; /* stop at the end of this epoch */
    int steps, epochs, warnings;
    int64_t total; /* epochs that were announced */
    double rate[64];
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    w->total = progress->epochs;
    if (progress->event == ELBO_EVENT_WARNING) {
        w->warnings++;
        return false;
    }
    if (progress->event == ELBO_EVENT_EPOCH) {
        if (w->epochs < 64) w->rate[w->epochs] = progress->rate;
        w->epochs++;
        return w->stop_epoch && progress->epoch == w->stop_epoch;
    }
    return w->stop_step && ++w->steps == w->stop_step;
}

static elbo_status train(const char *const *more, const char *folder, int threads, watcher *w, elbo_error *error) {
    elbo_config *config = configure(more);
    elbo_training training = {.config = config, .folder = folder, .threads = threads, .progress = watch, .user = w};
    elbo_status status = elbo_train(&training, error);
    elbo_config_free(config);
    return status;
}

static elbo_status resume(const char *folder, int64_t epochs, watcher *w, elbo_error *error) {
    elbo_training training = {.folder = folder, .epochs = epochs, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static const char *scratch_folder;

static int set_up(void **state) {
    if (scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    return 0;
}

typedef char text[256];

static const char *folder(const char *name, text out) {
    snprintf(out, sizeof(text), "%.120s/%.120s", scratch_folder, name);
    return out;
}

static const char *last_of(const char *run, text out) {
    snprintf(out, sizeof(text), "%.200s/last.safetensors", run);
    return out;
}

static bool has_best(const char *run) {
    text path;
    struct stat about;
    snprintf(path, sizeof path, "%.200s/best.safetensors", run);
    return stat(path, &about) == 0;
}

/* ---- states ---- */

/* The run's last state: parameters, and where it is. Close with elbo_instance_clear. */
static void open_last(const char *run, elbo_instance *instance, elbo_training_state *state) {
    text path;
    elbo_error error = {0};
    if (elbo_checkpoint_read(last_of(run, path), instance, state, &error) != ELBO_OK) fail_msg("%s", error.message);
}

static const float *tensor(const elbo_instance *instance, const char *name, size_t *count) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    *count = info->count;
    return elbo_params_tensor(instance->params, elbo_params_index(instance->params, info));
}

static void assert_same_run(const char *a, const char *b) {
    elbo_instance left, right;
    elbo_training_state p, q;
    size_t first, second;
    open_last(a, &left, &p);
    open_last(b, &right, &q);
    const float *x = elbo_params_data(left.params, &first), *y = elbo_params_data(right.params, &second);
    assert_int_equal(first, second);
    if (memcmp(x, y, first * sizeof *x) != 0) fail_msg("%s and %s have other parameters", a, b);
    assert_int_equal(p.step, q.step);
    assert_int_equal(p.epoch, q.epoch);
    assert_true(p.best == q.best);
    elbo_instance_clear(&left);
    elbo_instance_clear(&right);
    static const char *const names[] = {"train_loss", "reconstruction", "kl", "test_loss", "rate", "step"};
    elbo_metrics_log logs[2];
    elbo_error error = {0};
    for (int i = 0; i < 2; i++) {
        text path;
        snprintf(path, sizeof path, "%.200s/metrics.jsonl", i ? b : a);
        if (elbo_metrics_log_read(&logs[i], path, &error) != ELBO_OK) fail_msg("%s", error.message);
    }
    for (size_t n = 0; n < sizeof names / sizeof *names; n++) {
        const elbo_metrics_series *u = elbo_metrics_log_find(&logs[0], names[n]);
        const elbo_metrics_series *v = elbo_metrics_log_find(&logs[1], names[n]);
        assert_int_equal(u->count, v->count);
        assert_memory_equal(u->value, v->value, sizeof(double) * u->count);
    }
    for (int i = 0; i < 2; i++) elbo_metrics_log_clear(&logs[i]);
}

/* Whether parameters whose names begin so are the same in two states: 1 all, 0 none, -1 some. */
static int same_part(const elbo_instance *a, const elbo_instance *b, const char *prefix) {
    int same = 0, other = 0;
    for (size_t i = 0; i < elbo_params_count(a->params); i++) {
        const elbo_param_info *info = elbo_params_at(a->params, i);
        size_t count;
        if (strncmp(info->name, prefix, strlen(prefix)) != 0) continue;
        if (memcmp(tensor(a, info->name, &count), tensor(b, info->name, &count), sizeof(float) * info->count) == 0)
            same++;
        else
            other++;
    }
    assert_true(same + other > 0);
    return other == 0 ? 1 : same == 0 ? 0 : -1;
}

/* ---- tests ---- */

/* Killed at moments that a fixed generator picks, saving after every step. First of all: OpenMP does not survive a fork
 * once the parent has used it. */
static void test_resume_after_kills(void **state) {
    (void)state;
    elbo_error error = {0};
    static const char *const often[] = {"save-every", "1e-9", NULL};
    text killed, whole, last;
    folder("killed", killed);
    folder("whole", whole);
    uint32_t random = 7;
    int kills = 0;
    for (int attempt = 0; attempt < 200; attempt++) {
        fflush(NULL);
        pid_t child = fork();
        if (child == 0) {
            struct stat about;
            watcher w = {0};
            bool begun = stat(last_of(killed, last), &about) == 0;
            elbo_status status = begun ? resume(killed, 0, &w, &error) : train(often, killed, 1, &w, &error);
            if (status != ELBO_OK) fprintf(stderr, "child: %s\n", error.message);
            _exit(status == ELBO_OK ? 0 : 2);
        }
        random = random * 1664525u + 1013904223u;
        usleep(3000 + (attempt < 15 ? random >> 17 : 4000000)); /* up to 36 ms, later long enough to finish */
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
    watcher w = {0};
    if (train(NULL, whole, 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(w.epochs, EPOCHS);
    assert_int_equal(w.total, EPOCHS);
    assert_same_run(whole, killed);
}

static void test_epochs_of_a_configuration(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_config *config = configure(NULL);
    assert_int_equal(elbo_config_epochs(config), EPOCHS);
    assert_int_equal(elbo_config_set(config, "layer-epochs", "0", &error), ELBO_OK);
    assert_int_equal(elbo_config_epochs(config), WHOLE_EPOCHS + BOUND_EPOCHS);
    assert_int_equal(elbo_config_set(config, "pretrain-epochs", "0", &error), ELBO_OK);
    assert_int_equal(elbo_config_epochs(config), BOUND_EPOCHS);
    elbo_config_free(config);
    config = elbo_config_new("vae", &error);
    assert_int_equal(elbo_config_epochs(config), 10);
    elbo_config_free(config);
}

/* Two trainings are the same bits. */
static void test_is_deterministic(void **state) {
    (void)state;
    elbo_error error = {0};
    text whole, again;
    watcher w = {0};
    if (train(NULL, folder("again", again), 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_same_run(folder("whole", whole), again);
}

/* Stopped after each of the steps, the last one of a phase among them, and after each epoch, the last one of a phase
 * among them. */
static void test_resume_from_anywhere(void **state) {
    (void)state;
    elbo_error error = {0};
    text whole;
    folder("whole", whole);
    for (int at = 1; at < EPOCHS * STEPS + EPOCHS; at++) {
        char name[32];
        text path;
        snprintf(name, sizeof name, "stopped%d", at);
        watcher w = {.stop_step = at <= EPOCHS * STEPS ? at : 0,
                     .stop_epoch = at > EPOCHS * STEPS ? at - EPOCHS * STEPS : 0};
        elbo_status status = train(NULL, folder(name, path), 1, &w, &error);
        if (status != ELBO_ERROR_INTERRUPTED) fail_msg("stop %d: status %d: %s", at, status, error.message);
        w = (watcher){0};
        if (resume(path, 0, &w, &error) != ELBO_OK) fail_msg("stop %d: %s", at, error.message);
        assert_same_run(whole, path);
    }
}

/* More epochs are more of the last phase. */
static void test_goes_on_for_longer(void **state) {
    (void)state;
    elbo_error error = {0};
    text whole, path;
    static const char *const one[] = {"epochs", "1", NULL};
    watcher w = {0};
    if (train(one, folder("longer", path), 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(w.total, EPOCHS - 1);
    if (resume(path, BOUND_EPOCHS, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_same_run(folder("whole", whole), path);
}

/* Each layer moves in its epoch alone, the mixture in the last phase alone, and the best epoch is one of that phase. */
static void test_what_moves(void **state) {
    (void)state;
    static const struct {
        const char *prefix;
        int moves_in[EPOCHS]; /* by epoch */
    } parts[] = {
        {"encoder.dense1", {1, 0, 0, 1, 1, 1, 1}},
        {"decoder.output", {1, 0, 0, 1, 1, 1, 1}},
        {"encoder.dense2", {0, 1, 0, 1, 1, 1, 1}},
        {"decoder.dense2", {0, 1, 0, 1, 1, 1, 1}},
        {"encoder.posterior", {0, 0, 1, 1, 1, 1, 1}},
        {"decoder.dense1", {0, 0, 1, 1, 1, 1, 1}},
        {"prior.", {0, 0, 0, 0, 0, 1, 1}},
    };
    elbo_error error = {0};
    elbo_instance before, after;
    elbo_training_state at;
    text path;
    watcher w = {.stop_step = 1};
    folder("moves", path);
    assert_int_equal(train(NULL, path, 1, &w, &error), ELBO_ERROR_INTERRUPTED);
    open_last(path, &before, &at);
    for (int epoch = 1; epoch <= EPOCHS; epoch++) {
        w = (watcher){.stop_epoch = epoch};
        elbo_status status = resume(path, 0, &w, &error);
        assert_int_equal(status, epoch < EPOCHS ? ELBO_ERROR_INTERRUPTED : ELBO_OK);
        assert_int_equal(has_best(path), epoch > BOUND_START);
        open_last(path, &after, &at);
        assert_int_equal(at.epoch, epoch);
        for (size_t p = 0; p < sizeof parts / sizeof *parts; p++) {
            int same = same_part(&before, &after, parts[p].prefix);
            if ((same == 1) == (parts[p].moves_in[epoch - 1] == 1))
                fail_msg("epoch %d: %s %s", epoch, parts[p].prefix, same == 1 ? "stays" : "moves");
        }
        elbo_instance_clear(&before);
        before = after;
    }
    elbo_instance_clear(&before);
}

/* After the first step of a phase Adam's moments are those of one gradient: m = (1 - beta1) g, v = (1 - beta2) g^2,
 * so that m^2 / v is one constant; after two steps it is not. In f32, whose three roundings are below 4e-7. */
static double moments_ratio(const char *run, const char *update) {
    elbo_instance instance;
    elbo_training_state at;
    elbo_error error = {0};
    text path;
    size_t length;
    double worst = 0;
    open_last(run, &instance, &at);
    elbo_params_data(instance.params, &length);
    float *slot[2];
    elbo_flat flats[2];
    for (int i = 0; i < 2; i++) {
        slot[i] = calloc(length, sizeof(float));
        flats[i] = (elbo_flat){.data = slot[i], .length = length};
        snprintf(flats[i].name, sizeof flats[i].name, "optimizer.%s.%s", update, i ? "mean_square" : "mean");
    }
    if (elbo_checkpoint_read_flats(last_of(run, path), flats, 2, &error) != ELBO_OK) fail_msg("%s", error.message);
    int seen = 0;
    for (size_t i = 0; i < length; i++) {
        double m = (double)slot[0][i], v = (double)slot[1][i];
        if (fabs(m) < 1e-8 || v < 1e-30) continue; /* f32 has few digits left there */
        seen++;
        worst = fmax(worst, fabs(m * m / v * 0.001 / 0.01 - 1));
    }
    assert_true(seen > 50);
    for (int i = 0; i < 2; i++) free(slot[i]);
    elbo_instance_clear(&instance);
    return worst;
}

static void test_optimisers_are_fresh(void **state) {
    (void)state;
    static const int starts[] = {STACK_EPOCHS * STEPS, BOUND_START * STEPS};
    elbo_error error = {0};
    for (int s = 0; s < 2; s++)
        for (int more = 1; more <= 2; more++) {
            char name[32];
            text path;
            snprintf(name, sizeof name, "fresh%d-%d", s, more);
            watcher w = {.stop_step = starts[s] + more};
            assert_int_equal(train(NULL, folder(name, path), 1, &w, &error), ELBO_ERROR_INTERRUPTED);
            double worst = moments_ratio(path, "0");
            if ((more == 1) != (worst < 1e-4)) fail_msg("phase %d, %d steps: moments off by %g", s + 1, more, worst);
        }
}

/* The schedule starts anew with each phase. */
static void test_schedule_starts_anew(void **state) {
    (void)state;
    static const char *const steps[] = {"schedule", "step",  "lr-every",        "1", "lr-decay", "0.5",
                                        "lr",       "0.004", "pretrain-epochs", "3", NULL};
    static const double wanted[] = {1, 0.5, 0.25, 1, 0.5, 0.25, 1, 0.5};
    elbo_error error = {0};
    text path;
    watcher w = {0};
    if (train(steps, folder("schedule", path), 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(w.epochs, 8);
    double first = w.rate[0]; /* at the end of an epoch the step schedule may have gone one on already */
    for (int e = 0; e < 8; e++)
        if (fabs(w.rate[e] / first - wanted[e]) > 1e-9) fail_msg("epoch %d: rate %g of %g", e + 1, w.rate[e], first);
}

/* With a rate of zero the encoder stays as it is, and the mixture is the one that EM finds on its codes. */
static void check_mixture(const char *covariance) {
    bool full = strcmp(covariance, "full") == 0;
    const char *const still[] = {"lr",
                                 "0",
                                 "layer-epochs",
                                 "0",
                                 "mixture-starts",
                                 "3",
                                 "mixture-floor",
                                 "1e-4",
                                 "seed",
                                 "5",
                                 "mixture-covariance",
                                 covariance,
                                 full ? "mixture-basis" : NULL,
                                 "kept", /* turned: code_basis_test.c */
                                 NULL};
    elbo_error error = {0};
    text path;
    watcher w = {0};
    if (train(still, folder(full ? "still-full" : "still", path), 1, &w, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    elbo_model *model = elbo_model_open(path, "last", 1, &error);
    elbo_dataset *dataset = elbo_dataset_open("synth:glyphs?train=130&test=30", NULL, &error);
    assert_non_null(model);
    assert_non_null(dataset);
    const int64_t shape[3] = {130, 28, 28};
    elbo_array rows, codes;
    assert_int_equal(elbo_array_new(&rows, ELBO_U8, 3, shape, &error), ELBO_OK);
    assert_int_equal(elbo_dataset_rows(dataset, ELBO_SPLIT_TRAIN, NULL, 0, 130, rows.data, &error), ELBO_OK);
    if (elbo_model_encode(model, &rows, &codes, NULL, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_fit_options options;
    assert_int_equal(elbo_options_init(&elbo_fit_options_table, &options, &error), ELBO_OK);
    options.components = 3;
    options.restarts = 3;
    options.seed = 5;
    options.variance_floor = 1e-4;
    assert_int_equal(elbo_options_set(&elbo_fit_options_table, &options, "covariance", covariance, &error), ELBO_OK);
    elbo_fit *fit = elbo_fit_new("gmm", &codes, &options, 1, NULL, NULL, &error);
    if (!fit) fail_msg("%s", error.message);
    elbo_array part[3];
    const char *name;
    for (size_t i = 0; i < 3; i++) assert_true(elbo_fit_tensor(fit, i, &name, &part[i]));
    elbo_params *params = elbo_model_get_params(model);
    static const char *const names[3] = {"prior.mixture.logits", "prior.mixture.loc", "prior.mixture.log_scale"};
    for (int i = 0; i < 3; i++) {
        const elbo_param_info *info = elbo_params_find(params, names[i]);
        const float *got = elbo_params_tensor(params, elbo_params_index(params, info));
        for (size_t k = 0; k < info->count; k++) {
            size_t at = full && i == 2 ? k * (size_t)codes.shape[1] + k % (size_t)codes.shape[1]
                                       : k; /* of [K, D, D] the diagonals */
            double value = ((const double *)part[i].data)[at];
            double wanted = i == 0 ? log(value) : i == 1 ? value : 0.5 * log(value);
            /* the codes went through another batch size: differences of f32 sums, enlarged by EM */
            if (fabs((double)got[k] - wanted) > 1e-4 * (1 + fabs(wanted)))
                fail_msg("%s %zu: %g, EM on the codes %g", names[i], k, (double)got[k], wanted);
        }
    }
    elbo_options_clear(&elbo_fit_options_table, &options);
    elbo_fit_free(fit);
    elbo_array_free(&rows);
    elbo_array_free(&codes);
    elbo_dataset_free(dataset);
    elbo_model_free(model);
}

static void test_mixture_is_that_of_em(void **state) {
    (void)state;
    check_mixture("diagonal");
    check_mixture("full");
}

/* A NaN in the first steps of the last phase goes back to how it was entered, not to before and not to zeros. */
static void test_nan_after_an_entrance(void **state) {
    (void)state;
    static const char *const wild[] = {"optimizer", "sgd",          "lr", "1e4", "pretrain-rate", "1e-6", "on-nan",
                                       "continue",  "layer-epochs", "0",  NULL};
    elbo_error error = {0};
    text path;
    watcher w = {0};
    size_t count;
    elbo_instance instance;
    elbo_training_state at;
    if (train(wild, folder("nan", path), 1, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(w.warnings > 0);
    open_last(path, &instance, &at);
    assert_int_equal(at.epoch, WHOLE_EPOCHS + BOUND_EPOCHS);
    const float *weight = tensor(&instance, "encoder.dense1.weight", &count);
    double square = 0;
    for (size_t i = 0; i < count; i++) square += (double)weight[i] * (double)weight[i];
    assert_true(isfinite(square) && square > 0.1);
    elbo_instance_clear(&instance);
    /* and where it ends instead, what is left can be gone on from: the layers' optimisers are still in the file */
    static const char *const ends[] = {"lr", "1e4", "pretrain-rate", "1e-6", "pretrain-epochs", "0", NULL};
    w = (watcher){0};
    assert_int_equal(train(ends, folder("nan-ends", path), 1, &w, &error), ELBO_ERROR_NUMERIC);
    open_last(path, &instance, &at);
    assert_int_equal(at.epoch, STACK_EPOCHS);
    elbo_instance_clear(&instance);
    assert_int_equal(resume(path, 0, &w, &error), ELBO_ERROR_NUMERIC);
}

/* Stopping early is for the last phase: pre-training has its epochs whatever the held-out rows say. */
static void test_early_stop_waits(void **state) {
    (void)state;
    static const char *const early[] = {"lr", "0", "early-stop", "1", "epochs", "9", NULL};
    elbo_error error = {0};
    text path;
    watcher w = {.stop_epoch = 2};
    assert_int_equal(train(early, folder("early", path), 1, &w, &error), ELBO_ERROR_INTERRUPTED);
    w = (watcher){0};
    if (resume(path, 0, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(w.epochs,
                     BOUND_START - 2 + 2); /* the first of the last phase is the best, one more is no better */
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_resume_after_kills),    cmocka_unit_test(test_epochs_of_a_configuration),
        cmocka_unit_test(test_is_deterministic),      cmocka_unit_test(test_resume_from_anywhere),
        cmocka_unit_test(test_goes_on_for_longer),    cmocka_unit_test(test_what_moves),
        cmocka_unit_test(test_optimisers_are_fresh),  cmocka_unit_test(test_schedule_starts_anew),
        cmocka_unit_test(test_mixture_is_that_of_em), cmocka_unit_test(test_nan_after_an_entrance),
        cmocka_unit_test(test_early_stop_waits),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
