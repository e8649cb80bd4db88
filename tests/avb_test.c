/* avb in training: it overfits one batch, goes on from a save with the same bits, answers data that have nothing in
 * them, and refuses what it cannot do. */
#include "avb_support.h"

static const char *const variants[][20] = {
    {ADVERSARY, "noise", "5", NULL},
    {ADVERSARY, "noise", "5", CONTRAST, "adversary-steps", "3", "kl-warmup", "2", NULL},
    {ADVERSARY, "noise", "5", STRUCTURED, CONTRAST, NULL},
    {ADVERSARY, "noise", "5", STRUCTURED, "network", "conv", "channels", "2,4", NULL},
    {ADVERSARY, "noise", "5", FREE, NULL},
};
enum { VARIANTS = sizeof variants / sizeof *variants, LIKELIHOOD_FREE = 4 };

/* ---- learning, saving, going on ---- */

static void test_learn_and_resume(void **state) {
    const scratch *place = *state;
    for (size_t v = 0; v < VARIANTS; v++) {
        elbo_error error = {0};
        char whole[128], parts[128], name[32];
        snprintf(name, sizeof name, "whole%zu", v);
        watcher w = trained(place, name, variants[v], NULL, whole);
        bool fell = v == LIKELIHOOD_FREE ? isfinite(w.loss) : w.last < 0.95 * w.first;
        if (!fell) fail_msg("variant %zu: reconstruction %g, then %g; loss %g", v, w.first, w.last, w.loss);
        snprintf(parts, sizeof parts, "%s/parts%zu", place->folder, v);
        elbo_config *config = configure(variants[v], NULL);
        watcher stopped = {.stop_after = 8}; /* in the middle of an epoch of 5 steps */
        assert_int_equal(train(config, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        stopped = (watcher){.stop_after = 11};
        assert_int_equal(train(NULL, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        stopped = (watcher){0};
        if (train(NULL, parts, &stopped, &error) != ELBO_OK) fail_msg("variant %zu: %s", v, error.message);
        elbo_instance a = open_last(whole), b = open_last(parts);
        size_t length, other;
        float *left = elbo_params_data(a.params, &length), *right = elbo_params_data(b.params, &other);
        assert_int_equal(length, other);
        if (memcmp(left, right, sizeof *left * length) != 0) fail_msg("variant %zu: resuming gave other bits", v);
        elbo_instance_clear(&a);
        elbo_instance_clear(&b);
        elbo_config_free(config);
    }
}

/* Eight images in one batch: 500 steps bring the reconstruction far below that of the mean image, where it starts. */
static void test_overfit(void **state) {
    const scratch *place = *state;
    static const char *const more[] = {"data",     "synth:glyphs?train=8&test=0",
                                       "binarize", "threshold",
                                       "hidden",   "60",
                                       "epochs",   "500",
                                       "lr",       "0.005",
                                       "beta",     "0.01",
                                       NULL};
    for (size_t v = 0; v < 3; v++) {
        char folder[128], name[32];
        snprintf(name, sizeof name, "overfit%zu", v);
        watcher w = trained(place, name, variants[v], more, folder);
        if (!(w.last < 0.1 * w.first)) fail_msg("variant %zu: reconstruction %g, then %g", v, w.first, w.last);
    }
}

/* The estimated loss does not say which epoch is the best, so that none is kept beside the last. */
static void test_only_the_last(void **state) {
    const scratch *place = *state;
    char folder[128], path[160];
    (void)trained(place, "last", variants[0], NULL, folder);
    snprintf(path, sizeof path, "%s/best.safetensors", folder);
    assert_int_not_equal(access(path, F_OK), 0);
}

/* ---- nothing in the data, nothing in the options ---- */

static void test_degenerate(void **state) {
    const scratch *place = *state;
    static const struct {
        int rows;
        bool constant;
        const char *batch;
    } cases[] = {{20, true, "8"}, {1, false, "8"}, {9, false, "1"}, {1, true, "1"}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++)
        for (size_t v = 0; v < VARIANTS; v++) {
            if (v == 3) continue; /* the rows are no images */
            char folder[128], path[128], name[32];
            snprintf(path, sizeof path, "%s/rows%zu.csv", place->folder, c);
            FILE *file = fopen(path, "w");
            assert_non_null(file);
            for (int i = 0; i < cases[c].rows; i++)
                fprintf(file, "%d,%d,1\n", cases[c].constant || i % 2, cases[c].constant || i % 3 == 0);
            fclose(file);
            snprintf(name, sizeof name, "degenerate%zu-%zu", c, v);
            const char *const more[] = {"data",   path, "batch", cases[c].batch, "test-fraction", "0",
                                        "epochs", "3",  NULL};
            watcher w = trained(place, name, variants[v], more, folder);
            if (!isfinite(w.loss)) fail_msg("case %zu, variant %zu: %g", c, v, w.loss);
        }
}

static void test_refusals(void **state) {
    const scratch *place = *state;
    static const char *const cases[][8] = {
        /* the message, options */
        {"needs --encoder structured", "basis", "4", NULL},
        {"needs --encoder structured", "noise-hidden", "4", NULL},
        {"needs --adaptive-contrast", "moment-draws", "4", NULL},
        {"needs --likelihood implicit", "decoder-noise", "4", NULL},
        {"needs a --likelihood with a density", FREE, "beta", "2", NULL},
        {"needs a --likelihood with a density", FREE, "adaptive-contrast", "true", NULL},
        {"needs --likelihood gaussian", FREE, "variance", "fixed", NULL},
        {"needs --optimizer adam", "adversary-beta1", "0.4", "optimizer", "sgd", NULL},
        {"which epoch is the best", "early-stop", "3", NULL},
        {"and more for its functions: --noise 3, --latent 3", "encoder", "structured", "noise", "3", NULL},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        elbo_error error = {0};
        char folder[128];
        watcher w = {0};
        snprintf(folder, sizeof folder, "%s/refused", place->folder);
        elbo_config *config = configure(cases[c] + 1, NULL);
        assert_int_equal(train(config, folder, &w, &error), ELBO_ERROR_USAGE);
        if (!strstr(error.message, cases[c][0])) fail_msg("%s: %s", cases[c][0], error.message);
        assert_int_not_equal(access(folder, F_OK), 0);
        elbo_config_free(config);
    }
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("avb", &error);
    assert_int_equal(elbo_config_set(config, "posterior", "laplace", &error), ELBO_ERROR_USAGE);
    elbo_config_free(config);
}

/* Without p(x|z)'s density: what needs it is refused, what does not works. */
static void test_likelihood_free_use(void **state) {
    const scratch *place = *state;
    static const char *const options[] = {"data", "synth:ring?rows=60&test=20", ADVERSARY, FREE, "epochs", "1", NULL};
    char folder[128];
    elbo_error error = {0};
    (void)trained(place, "free", options, NULL, folder);
    elbo_model *model = elbo_model_open(folder, NULL, 1, &error);
    elbo_dataset *dataset = elbo_dataset_open(options[1], NULL, &error);
    elbo_evaluation evaluation = {0};
    elbo_likelihood_comparison comparison = {0};
    if (!model || !dataset) fail_msg("%s", error.message);
    assert_int_equal(elbo_evaluate(model, dataset, NULL, NULL, NULL, &evaluation, &error), ELBO_ERROR_UNSUPPORTED);
    if (!strstr(error.message, "has no density")) fail_msg("%s", error.message);
    assert_int_equal(compare(model, dataset, "ais", 0, &comparison, &error), ELBO_ERROR_UNSUPPORTED);
    if (!strstr(error.message, "has no density")) fail_msg("%s", error.message);
    float pixels[6] = {0, 1, 1, 0, 2, 2};
    elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {3, 2}, .data = pixels}, mean = {0}, deviation = {0},
               z = {0};
    assert_int_equal(elbo_model_encode(model, &x, &mean, &deviation, &error), ELBO_OK);
    assert_int_equal(elbo_model_draw_codes(model, &x, 1, &z, &error), ELBO_OK);
    for (int i = 0; i < 9; i++)
        assert_true(isfinite(((float *)mean.data)[i]) && ((float *)deviation.data)[i] > 0 &&
                    isfinite(((float *)z.data)[i]));
    elbo_array_free(&mean);
    elbo_array_free(&deviation);
    elbo_array_free(&z);
    elbo_model_free(model);
    elbo_dataset_free(dataset);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learn_and_resume), cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_only_the_last),    cmocka_unit_test(test_degenerate),
        cmocka_unit_test(test_refusals),         cmocka_unit_test(test_likelihood_free_use),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
