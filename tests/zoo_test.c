/* Every model that is registered, by the same rules: it overfits one batch, goes on from a save with the same bits,
 * answers data that have nothing in them, and its figures are finite or refused. A model without a row here fails. */
#include "scratch.h"
/* after the above */
#include <math.h>

#include "models/model.h"
#include "train/checkpoint.h"

enum { PAIRS = 24 };

typedef struct row {
    const char *model;
    const char *data; /* of 8 rows that are one batch */
    double least;     /* share of the first epoch's loss that may be left of it; of what overfitting takes off */
    const char *option[PAIRS];
} row;

#define DIGITS    "synth:glyphs?train=8&test=0"
#define DOCUMENTS "synth:topics?documents=8&test=0&vocabulary=40&length=30&topics=3"
#define WIDE      "hidden", "60", "latent", "4"
#define PLAIN     "binarize", "threshold"
#define CRITIC    "critic-hidden", "16,16"

/* Rows of one model follow one another: what one of its forms cannot show, another does. */
static const row rows[] = {
    {"vae", DIGITS, 0.3, {PLAIN, WIDE}},
    {"ae", DIGITS, 0.5, {WIDE}},
    {"pca", DIGITS, 0.5, {"latent", "6"}},
    {"iwae", DIGITS, 0.3, {PLAIN, "latents", "4", "widths", "60", "draws", "3"}},
    {"hvae", DIGITS, 0.4, {PLAIN, "latents", "4,2", "widths", "60,20", "batch-norm", "false"}},
    {"hvae", DIGITS, 0.6, {PLAIN, "latents", "4,2", "widths", "60,20"}},
    {"lvae", DIGITS, 0.6, {PLAIN, "latents", "4,2", "widths", "60,20"}},
    {"btcvae", DIGITS, 0.4, {PLAIN, WIDE, "tc-weight", "2"}},
    {"factorvae", DIGITS, 0.4, {PLAIN, WIDE, CRITIC, "gamma", "2"}},
    {"iop", DIGITS, 0.4, {PLAIN, WIDE, CRITIC, "critic-steps", "2"}},
    {"vampvae", DIGITS, 0.4, {PLAIN, WIDE, "pseudo-inputs", "5"}},
    {"vade", DIGITS, 0.4, {PLAIN, WIDE, "components", "2", "layer-epochs", "2", "pretrain-epochs", "2"}},
    {"dec", DIGITS, 0.3, {WIDE, "components", "2", "layer-epochs", "2", "pretrain-epochs", "2"}},
    {"aae", DIGITS, 0.4, {WIDE, CRITIC}},
    {"aae", DIGITS, 0.4, {WIDE, CRITIC, "clusters", "2", "encoder", "gaussian"}},
    {"cvae", DIGITS, 0.4, {PLAIN, WIDE}},
    {"cvae", DIGITS, 0.4, {PLAIN, WIDE, "condition", "quadrants", "conditional-prior", "true"}},
    {"avb", DIGITS, 0.4, {PLAIN, WIDE, "noise", "4", "adversary-hidden", "16,16"}},
    {"avb", DIGITS, 0.4, {PLAIN, WIDE, "noise", "4", "adversary-hidden", "16,16", "adaptive-contrast", "true"}},
    {"nvdm", DOCUMENTS, 0.95, {"hidden", "30", "latent", "4"}},
    {"prodlda", DOCUMENTS, 0.98, {"hidden", "30,30", "latent", "4", "dropout", "0"}},
};
enum { ROWS = sizeof rows / sizeof *rows };

typedef struct watcher {
    int64_t stop_after, steps; /* 0: never */
    double first, last;        /* loss of epochs of the last phase */
    int64_t epochs;
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_EPOCH) {
        if (w->epochs++ == 0) w->first = progress->loss;
        w->last = progress->loss;
    }
    return progress->event == ELBO_EVENT_STEP && w->stop_after && ++w->steps == w->stop_after;
}

static elbo_config *configure(const row *r, const char *data, const char *epochs) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(r->model, &error);
    const char *common[] = {"data", data, "batch", "8", "lr", "0.005", "seed", "3", "epochs", epochs, NULL};
    if (!config) fail_msg("%s: %s", r->model, error.message);
    for (int i = 0; common[i]; i += 2)
        if (elbo_config_set(config, common[i], common[i + 1], &error) != ELBO_OK)
            fail_msg("%s: %s", r->model, error.message);
    for (int i = 0; i < PAIRS && r->option[i]; i += 2)
        if (elbo_config_set(config, r->option[i], r->option[i + 1], &error) != ELBO_OK)
            fail_msg("%s: %s", r->model, error.message);
    return config;
}

static elbo_status train(const elbo_config *config, const char *folder, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = folder, .threads = 1, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static void test_every_model_has_a_row(void **state) {
    (void)state;
    for (size_t m = 0; elbo_registry_models[m]; m++) {
        bool found = false;
        for (size_t i = 0; i < ROWS && !found; i++) found = strcmp(rows[i].model, elbo_registry_models[m]->name) == 0;
        if (!found) fail_msg("%s has no row in tests/zoo_test.c", elbo_registry_models[m]->name);
    }
}

/* Eight rows in one batch: what a model of this size cannot miss. */
static void test_overfit(void **state) {
    const scratch *place = *state;
    for (size_t i = 0; i < ROWS; i++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/overfit%zu", place->folder, i);
        elbo_config *config = configure(&rows[i], rows[i].data, "300");
        watcher w = {0};
        if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s: %s", rows[i].model, error.message);
        if (!(w.last < rows[i].least * w.first))
            fail_msg("%s (row %zu): loss %g, then %g", rows[i].model, i, w.first, w.last);
        elbo_config_free(config);
    }
}

static elbo_instance open_last(const char *folder) {
    elbo_instance instance;
    elbo_error error = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (elbo_instance_read(&instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    return instance;
}

static void assert_same_parameters(const row *r, const char *left, const char *right) {
    elbo_instance a = open_last(left), b = open_last(right);
    size_t length, other;
    float *of_a = elbo_params_data(a.params, &length), *of_b = elbo_params_data(b.params, &other);
    assert_int_equal(length, other);
    if (memcmp(of_a, of_b, sizeof *of_a * length) != 0) fail_msg("%s: resuming gave other parameters", r->model);
    elbo_instance_clear(&a);
    elbo_instance_clear(&b);
}

/* Five steps an epoch, the last one smaller; stopped in the middle of epochs, twice. */
static void test_resume(void **state) {
    const scratch *place = *state;
    for (size_t i = 0; i < ROWS; i++) {
        elbo_error error = {0};
        char whole[128], parts[128], data[128];
        bool documents = strstr(rows[i].data, "documents") != NULL;
        snprintf(whole, sizeof whole, "%s/whole%zu", place->folder, i);
        snprintf(parts, sizeof parts, "%s/parts%zu", place->folder, i);
        snprintf(data, sizeof data, "%s",
                 documents ? "synth:topics?documents=38&test=6&vocabulary=40&length=30&topics=3"
                           : "synth:glyphs?train=38&test=10");
        elbo_config *config = configure(&rows[i], data, "6");
        watcher w = {0};
        if (train(config, whole, &w, &error) != ELBO_OK) fail_msg("%s: %s", rows[i].model, error.message);
        w = (watcher){.stop_after = 8};
        assert_int_equal(train(config, parts, &w, &error), ELBO_ERROR_INTERRUPTED);
        w = (watcher){.stop_after = 11};
        assert_int_equal(train(NULL, parts, &w, &error), ELBO_ERROR_INTERRUPTED);
        w = (watcher){0};
        if (train(NULL, parts, &w, &error) != ELBO_OK) fail_msg("%s: %s", rows[i].model, error.message);
        assert_same_parameters(&rows[i], whole, parts);
        elbo_config_free(config);
    }
}

/* ---- data that have nothing in them ---- */

enum { PIXELS = 16 };

static void write_rows(const char *path, int count, int value) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < count; i++)
        for (int k = 0; k < PIXELS; k++) fprintf(file, "%d%s", value, k < PIXELS - 1 ? "," : "\n");
    fclose(file);
}

/* One row; rows of zeros; rows of ones: a training that ends with finite figures, or a message. */
static void test_degenerate(void **state) {
    const scratch *place = *state;
    static const struct { int count, value; } kinds[] = {{1, 1}, {2, 1}, {12, 0}, {12, 1}, {12, 255}};
    for (size_t i = 0; i < ROWS; i++)
        for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
            elbo_error error = {0};
            char path[128], folder[128];
            snprintf(path, sizeof path, "%s/kind%zu.csv", place->folder, k);
            snprintf(folder, sizeof folder, "%s/degenerate%zu-%zu", place->folder, i, k);
            write_rows(path, kinds[k].count, kinds[k].value);
            elbo_config *config = configure(&rows[i], path, "4");
            assert_int_equal(elbo_config_set(config, "test-fraction", "0", &error), ELBO_OK);
            watcher w = {0};
            elbo_status status = train(config, folder, &w, &error);
            if (status == ELBO_OK && !isfinite(w.last))
                fail_msg("%s, %d rows of %d: loss %g", rows[i].model, kinds[k].count, kinds[k].value, w.last);
            if (status != ELBO_OK && (status == ELBO_ERROR_INTERNAL || strlen(error.message) < 20))
                fail_msg("%s, %d rows of %d: \"%s\"", rows[i].model, kinds[k].count, kinds[k].value, error.message);
            elbo_config_free(config);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_every_model_has_a_row), cmocka_unit_test(test_overfit),
                                       cmocka_unit_test(test_resume), cmocka_unit_test(test_degenerate)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
