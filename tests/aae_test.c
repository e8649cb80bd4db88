/* The adversarial autoencoder: its three updates against PyTorch, draws of its prior and of its clusters, what is
 * learnt, resuming, what it has no figure of, and inputs at the edge. */
#include "cluster_support.h"

enum { PIXELS = 12, BATCH = 6 };

static int set_up(void **state) {
    if (fixture_load(TEST_DIR "/fixtures/aae_step.txt", 150) != 0 || scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    return 0;
}

static int tear_down(void **state) {
    fixture_unload(state);
    return scratch_remove(state);
}

/* ---- against PyTorch ---- */

static void check_case(const char *name, const char *const *more) {
    static const char *const names[] = {"reconstruction", "critic", "generator"};
    uint8_t pixels[BATCH * PIXELS];
    elbo_instance instance;
    elbo_dataset *dataset;
    char scope[64];
    const char *settings[32] = {"hidden", "10", "activation", "tanh", "latent", "3", "critic-hidden", "8"};
    int used = 8;
    while (*more) settings[used++] = *more++;
    const entry *raw = wanted("", "raw");
    for (int i = 0; i < raw->count; i++) pixels[i] = (uint8_t)raw->value[i];
    open_instance("aae", &instance, &dataset, ELBO_U8, pixels, BATCH, PIXELS, settings);
    snprintf(scope, sizeof scope, "%s.", name);
    take_parameters(&instance, scope);
    for (int u = 0; u < 3; u++) {
        snprintf(scope, sizeof scope, "%s.%s", name, names[u]);
        check_step(&instance, pixels, BATCH, scope, 0, u, (uint64_t)wanted("", "seed")->value[0],
                   (uint32_t)wanted("", "step")->value[0]);
    }
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

static void test_updates_are_those_of_pytorch(void **state) {
    (void)state;
    static const char *const plain[] = {"prior-scale", "2", "batch-norm", "false", NULL};
    static const char *const noisy[] = {"encoder", "gaussian", "loss", "squared", "batch-norm", "false", NULL};
    static const char *const clusters[] = {"clusters", "4", "batch-norm", "false", NULL};
    static const char *const normed[] = {"clusters", "4", NULL};
    check_case("plain", plain);
    check_case("noisy", noisy);
    check_case("clusters", clusters);
    check_case("normed", normed);
}

/* ---- draws ---- */

static const char *const small[] = {"data",
                                    "synth:glyphs?train=130&test=30",
                                    "hidden",
                                    "12",
                                    "latent",
                                    "2",
                                    "clusters",
                                    "3",
                                    "critic-hidden",
                                    "8",
                                    "batch",
                                    "50",
                                    "epochs",
                                    "3",
                                    "prior-scale",
                                    "2.5",
                                    "noise",
                                    "0.1",
                                    "encoder",
                                    "gaussian",
                                    "save-every",
                                    "0",
                                    NULL};

static elbo_model *trained(const char *name, const char *const *more) {
    elbo_error error = {0};
    watcher w = {0};
    text path;
    if (train("aae", name, small, more, &w, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_model *model = elbo_model_open(path, NULL, 1, &error);
    if (!model) fail_msg("%s", error.message);
    return model;
}

/* Moments within five standard errors: two sides of 3e-7 for each of 3 + 2 + 2 figures of the prior, and 4 for each of
 * 3 clusters: a false alarm in 1e5 seeds, and the seed is fixed. */
static void test_draws(void **state) {
    (void)state;
    enum { DRAWS = 4000, SHARES = 3, STYLE = 2, LATENT = SHARES + STYLE };
    elbo_error error = {0};
    elbo_array z;
    elbo_model *model = trained("draws", NULL);
    assert_int_equal(elbo_model_get_info(model)->latent, LATENT);
    for (int64_t cluster = -1; cluster < SHARES; cluster++) {
        elbo_status status = cluster < 0 ? elbo_model_prior(model, DRAWS, 1, 1, &z, &error)
                                         : elbo_model_cluster_prior(model, cluster, DRAWS, 1, 1, &z, &error);
        if (status != ELBO_OK) fail_msg("%s", error.message);
        const float *row = z.data;
        double count[SHARES] = {0}, mean[STYLE] = {0}, square[STYLE] = {0};
        for (int n = 0; n < DRAWS; n++, row += LATENT) {
            double sum = 0;
            for (int k = 0; k < SHARES; k++) {
                assert_true(row[k] == 0 || row[k] == 1);
                sum += (double)row[k];
                count[k] += (double)row[k];
            }
            assert_true(sum == 1);
            for (int d = 0; d < STYLE; d++) {
                double u = (double)row[SHARES + d] / 2.5;
                mean[d] += u / DRAWS;
                square[d] += u * u / DRAWS;
            }
        }
        for (int k = 0; k < SHARES; k++) {
            if (cluster >= 0)
                assert_true(count[k] == (k == cluster ? DRAWS : 0));
            else
                assert_true(fabs(count[k] / DRAWS - 1.0 / 3) < 5 * sqrt(2.0 / 9 / DRAWS));
        }
        for (int d = 0; d < STYLE; d++) {
            assert_true(fabs(mean[d]) < 5 / sqrt(DRAWS));
            assert_true(fabs(square[d] - 1) < 5 * sqrt(2.0 / DRAWS));
        }
        elbo_array_free(&z);
    }
    assert_int_equal(elbo_model_cluster_prior(model, 1, 1, 1, 0, &z, &error), ELBO_OK);
    const float still[LATENT] = {0, 1, 0, 0, 0};
    assert_memory_equal(z.data, still, sizeof still);
    elbo_array_free(&z);
    elbo_model_free(model);
}

/* ---- what has no figure ---- */

static void test_refuses_likelihoods(void **state) {
    (void)state;
    elbo_error error = {0};
    elbo_model *model = trained("figures", NULL);
    elbo_dataset *dataset = elbo_dataset_open(small[1], NULL, &error);
    elbo_evaluation_options options;
    elbo_evaluation figures;
    elbo_likelihood_options methods;
    elbo_likelihood_comparison comparison;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    if (elbo_evaluate(model, dataset, &options, NULL, NULL, &figures, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(isnan(figures.elbo) && isnan(figures.kl) && figures.reconstruction > 0);
    elbo_evaluation_clear(&figures);
    options.samples = 10;
    assert_int_equal(elbo_evaluate(model, dataset, &options, NULL, NULL, &figures, &error), ELBO_ERROR_UNSUPPORTED);
    assert_int_equal(elbo_options_init(&elbo_likelihood_options_table, &methods, &error), ELBO_OK);
    assert_int_equal(elbo_likelihoods(model, dataset, &options, &methods, NULL, NULL, &comparison, &error),
                     ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "no likelihood"));
    elbo_options_clear(&elbo_likelihood_options_table, &methods);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    elbo_dataset_free(dataset);
    elbo_model_free(model);
}

static void test_has_no_clusters_without_them(void **state) {
    (void)state;
    static const char *const plain[] = {"clusters", "0", NULL};
    elbo_error error = {0};
    elbo_array z;
    elbo_model *model = trained("plain", plain);
    assert_int_equal(elbo_model_get_info(model)->clusters, 0);
    assert_int_equal(elbo_model_get_info(model)->latent, 2);
    assert_int_equal(elbo_model_cluster_prior(model, 0, 1, 1, 1, &z, &error), ELBO_ERROR_UNSUPPORTED);
    elbo_model_free(model);
}

/* ---- what is learnt ---- */

/* Eight images, 400 steps: of 784 log 2 = 543 nats little more than the cross-entropy of their grey values is left. */
static void test_overfits_one_batch(void **state) {
    (void)state;
    static const char *const settings[] = {"data",
                                           "synth:glyphs?train=8&test=1",
                                           "hidden",
                                           "64",
                                           "latent",
                                           "8",
                                           "critic-hidden",
                                           "16",
                                           "lr",
                                           "0.003",
                                           "epochs",
                                           "400",
                                           "generator-rate",
                                           "0.1",
                                           "binarize",
                                           "threshold",
                                           "save-every",
                                           "0",
                                           "evaluate-every",
                                           "1000",
                                           NULL};
    elbo_error error = {0};
    watcher w = {0};
    text path;
    if (train("aae", "overfit", settings, NULL, &w, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    if (!(w.first > 400 && w.last < 40)) fail_msg("error %g, then %g", w.first, w.last);
}

/* The five clusters of dec_test: 0.98 leaves 85 of 5000 rows between neighbours beside those that nobody could tell
 * apart. The seeds 1 to 5 end above 0.993; another may leave two clusters in one, so the seed is fixed. */
static void test_finds_clusters(void **state) {
    (void)state;
    static const char *const settings[] = {
        "data", "synth:mixture", "hidden",     "32",   "latent",  "2",      "clusters",
        "5",    "critic-hidden", "32",         "loss", "squared", "epochs", "30",
        "lr",   "0.003",         "save-every", "0",    NULL};
    elbo_error error = {0};
    watcher w = {0};
    text path;
    if (train("aae", "clusters", settings, NULL, &w, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    double accuracy = accuracy_of(path, "synth:mixture");
    if (!(accuracy > 0.98)) fail_msg("accuracy %g", accuracy);
}

static void test_resumes(void **state) {
    (void)state;
    check_resumes("aae", small, 1, 8); /* 3 steps in each of 3 epochs */
}

/* ---- the edge ---- */

static void check_trains(const char *name, const char *data, const char *clusters) {
    const char *settings[] = {"data",     data,     "hidden",        "8", "latent", "2",
                              "clusters", clusters, "critic-hidden", "8", "loss",   "squared",
                              "epochs",   "3",      "save-every",    "0", NULL};
    static const char *const bare[] = {"batch-norm", "false", NULL};
    elbo_error error = {0};
    for (int norm = 0; norm < 2; norm++) {
        watcher w = {0};
        text path;
        char own[64];
        snprintf(own, sizeof own, "%s%d", name, norm);
        if (train("aae", own, settings, norm ? NULL : bare, &w, path, &error) != ELBO_OK)
            fail_msg("%s: %s", own, error.message);
        if (!isfinite(w.last)) fail_msg("%s: loss %g", own, w.last);
        if (*clusters != '0') (void)accuracy_of(path, data); /* probabilities sum to 1 */
    }
}

static void test_degenerate_data(void **state) {
    (void)state;
    text path;
    check_trains("one-row", "synth:mixture?rows=1&test=1", "1");
    check_trains("more-clusters-than-rows", "synth:mixture?rows=3&test=1", "7");
    check_trains("constant", write_rows(path, "constant", 20, "0.5,1,0.25"), "0");
    check_trains("plain", "synth:mixture?rows=50&test=10", "0");
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const base[] = {"data", "synth:mixture?rows=7&test=1", "hidden", "8", "loss", "squared", NULL};
    static const char *const early[] = {"early-stop", "3", NULL};
    static const char *const beta[] = {"beta", "2", NULL};
    static const char *const momentum[] = {"optimizer", "sgd", "adversary-beta1", "0.3", NULL};
    static const char *const conv[] = {"network", "conv", NULL};
    expect_refusal("aae", "early", base, early, "--early-stop has no effect");
    expect_refusal("aae", "beta", base, beta, "--beta has no effect");
    expect_refusal("aae", "momentum", base, momentum, "--adversary-beta1 has no effect");
    expect_refusal("aae", "conv", base, conv, "needs images");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_updates_are_those_of_pytorch),
        cmocka_unit_test(test_draws),
        cmocka_unit_test(test_refuses_likelihoods),
        cmocka_unit_test(test_has_no_clusters_without_them),
        cmocka_unit_test(test_overfits_one_batch),
        cmocka_unit_test(test_finds_clusters),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_degenerate_data),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
