/* Deep embedded clustering: steps against PyTorch, assignments and targets against loops of their own, k-means against
 * every partition of a few rows, what is learnt, resuming, and inputs at the edge. */
#include "cluster_support.h"
#include "infer/fit/kmeans.h"

enum { PIXELS = 12, BATCH = 6, LATENT = 3, CLUSTERS = 4 };

static int set_up(void **state) {
    if (fixture_load(TEST_DIR "/fixtures/dec_step.txt", 90) != 0 || scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    return 0;
}

static int tear_down(void **state) {
    fixture_unload(state);
    return scratch_remove(state);
}

/* ---- against PyTorch ---- */

static void open_fixture(elbo_instance *instance, elbo_dataset **dataset, uint8_t *pixels, const char *freedom) {
    const char *settings[] = {"hidden", "10,7", "latent",       "3", "components", "4",     "mass-decay", "0.75",
                              "noise",  "0",    "layer-epochs", "1", "freedom",    freedom, NULL};
    const entry *raw = wanted("", "raw");
    for (int i = 0; i < raw->count; i++) pixels[i] = (uint8_t)raw->value[i];
    open_instance("dec", instance, dataset, ELBO_U8, pixels, BATCH, PIXELS, settings);
    take_parameters(instance, "");
}

static void test_steps_are_those_of_pytorch(void **state) {
    (void)state;
    uint8_t pixels[BATCH * PIXELS];
    elbo_instance instance;
    elbo_dataset *dataset;
    open_fixture(&instance, &dataset, pixels, "1");
    check_step(&instance, pixels, BATCH, "layer0", 0, 0, 1, 0);
    check_step(&instance, pixels, BATCH, "layer1", 0, 1, 1, 0);
    check_step(&instance, pixels, BATCH, "layer2", 0, 2, 1, 0);
    check_step(&instance, pixels, BATCH, "whole", 1, 0, 1, 0);
    check_step(&instance, pixels, BATCH, "cauchy", 2, 0, 1, 0);
    /* the step leaves the moved mean behind */
    assert_true(
        relative_error(tensor(&instance, "state.clusters.mass"), wanted("", "cauchy.mass")->value, CLUSTERS, 0) < 1e-6);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
    open_fixture(&instance, &dataset, pixels, "2.5");
    check_step(&instance, pixels, BATCH, "student", 2, 0, 1, 0);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

static void test_assignments_are_those_of_pytorch(void **state) {
    (void)state;
    uint8_t pixels[BATCH * PIXELS];
    elbo_instance instance;
    elbo_dataset *dataset;
    elbo_error error = {0};
    open_fixture(&instance, &dataset, pixels, "1");
    elbo_graph *graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(&instance, graph, false);
    elbo_node *raw = elbo_instance_raw(&instance, graph, BATCH);
    elbo_dist code = instance.type->encode(&context, elbo_instance_x(&instance, raw, false));
    elbo_node *q = elbo_exp(instance.type->assign(&context, elbo_dist_mean(&code)));
    elbo_plan_spec spec = {.fetch = &q, .fetch_count = 1, .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    elbo_run run = {0};
    memcpy(elbo_plan_input(plan, raw), pixels, sizeof pixels);
    assert_int_equal(elbo_plan_run(plan, &run, &error), ELBO_OK);
    assert_true(relative_error(elbo_plan_value(plan, q), wanted("", "cauchy.q")->value, BATCH * CLUSTERS, 0) < 1e-5);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

/* ---- k-means ---- */

/* The least mean squared distance of all partitions of `rows` rows into `clusters` parts, by trying them. */
static double best_partition(const float *x, int rows, int dims, int clusters) {
    double best = INFINITY;
    int most = 1;
    for (int n = 0; n < rows; n++) most *= clusters;
    for (int code = 0; code < most; code++) {
        double total = 0;
        for (int k = 0; k < clusters; k++)
            for (int d = 0; d < dims; d++) {
                double sum = 0, square = 0;
                int count = 0, rest = code;
                for (int n = 0; n < rows; n++, rest /= clusters) {
                    if (rest % clusters != k) continue;
                    double value = (double)x[n * dims + d];
                    sum += value;
                    square += value * value;
                    count++;
                }
                if (count) total += square - sum * sum / count;
            }
        best = fmin(best, total / rows);
    }
    return best;
}

static void test_kmeans_finds_the_best_partition(void **state) {
    (void)state;
    enum { ROWS = 9, DIMS = 2, PARTS = 3 };
    float x[ROWS * DIMS];
    for (int i = 0; i < ROWS * DIMS; i++) x[i] = (float)sin(3.1 * i * i + 0.4);
    elbo_error error = {0};
    elbo_array array = {.dtype = ELBO_F32, .rank = 2, .shape = {ROWS, DIMS}, .data = x};
    elbo_fit_rows rows;
    assert_int_equal(elbo_fit_rows_of(&array, &rows, &error), ELBO_OK);
    double centre[PARTS * DIMS], distance, right = best_partition(x, ROWS, DIMS, PARTS);
    elbo_kmeans_options options = {PARTS, 20, 1, 1};
    if (elbo_kmeans(&rows, &options, centre, &distance, &error) != ELBO_OK) fail_msg("%s", error.message);
    if (!(fabs(distance / right - 1) < 1e-12)) fail_msg("distance %.12g, the best is %.12g", distance, right);
    double again[PARTS * DIMS]; /* the same bits with more threads */
    options.threads = 2;
    assert_int_equal(elbo_kmeans(&rows, &options, again, NULL, &error), ELBO_OK);
    assert_memory_equal(centre, again, sizeof centre);
    options.clusters = ROWS + 1;
    assert_int_equal(elbo_kmeans(&rows, &options, centre, &distance, &error), ELBO_ERROR_USAGE);
}

/* ---- the start of the last phase ---- */

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
                                    "epochs",
                                    "2",
                                    "save-every",
                                    "0",
                                    NULL};

/* Centres are means of the codes nearest to them, and the mass is the mean of q: 0 epochs of the last phase are not to
 * be had, so that `enter` is called on codes of the test's own. */
static void test_clusters_start_from_codes(void **state) {
    (void)state;
    enum { ROWS = 6, DIMS = 2, PARTS = 3 };
    elbo_error error = {0};
    elbo_instance instance;
    elbo_dataset *dataset;
    float x[4 * 2] = {0};
    const float codes[ROWS * DIMS] = {0, 0, 0, 2, 10, 0, 10, 1, -5, 5, -5, 7};
    const double means[PARTS][DIMS] = {{0, 1}, {10, 0.5}, {-5, 6}};
    const char *settings[] = {"hidden", "", "latent", "2", "components", "3", "freedom", "3", NULL};
    open_instance("dec", &instance, &dataset, ELBO_F32, x, 4, 2, settings);
    elbo_entrance entrance = {.options = instance.config->model,
                              .phase = 1,
                              .params = instance.params,
                              .codes = codes,
                              .rows = ROWS,
                              .latent = DIMS,
                              .seed = 1,
                              .threads = 1};
    if (instance.type->enter(&entrance, &error) != ELBO_OK) fail_msg("%s", error.message);
    const float *loc = tensor(&instance, "clusters.centre.loc"), *mass = tensor(&instance, "state.clusters.mass");
    double q[ROWS][PARTS];
    for (int n = 0; n < ROWS; n++) {
        double total = 0;
        for (int k = 0; k < PARTS; k++) {
            double u = (double)codes[n * 2] - means[k][0], v = (double)codes[n * 2 + 1] - means[k][1];
            total += q[n][k] = 1 / pow(1 + (u * u + v * v) / 3, 2);
        }
        for (int k = 0; k < PARTS; k++) q[n][k] /= total;
    }
    int found = 0;
    for (int k = 0; k < PARTS; k++)
        for (int j = 0; j < PARTS; j++) {
            if (fabs((double)loc[j * 2] - means[k][0]) > 1e-6 || fabs((double)loc[j * 2 + 1] - means[k][1]) > 1e-6)
                continue;
            double mean = 0;
            for (int n = 0; n < ROWS; n++) mean += q[n][k] / ROWS;
            assert_true(fabs((double)mass[j] - mean) < 1e-6);
            found++;
        }
    assert_int_equal(found, PARTS);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

/* ---- what is learnt ---- */

/* Eight images known by heart: of about a hundred for the sum of squares little remains. */
static void test_overfits_one_batch(void **state) {
    (void)state;
    static const char *const settings[] = {"data",
                                           "synth:glyphs?train=8&test=1",
                                           "hidden",
                                           "64",
                                           "latent",
                                           "8",
                                           "components",
                                           "3",
                                           "lr",
                                           "0.003",
                                           "epochs",
                                           "1",
                                           "pretrain-epochs",
                                           "300",
                                           "save-every",
                                           "0",
                                           "evaluate-every",
                                           "1000",
                                           NULL};
    elbo_error error = {0};
    watcher w = {0};
    text path;
    if (train("dec", "overfit", settings, NULL, &w, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_model *model = elbo_model_open(path, NULL, 1, &error);
    elbo_dataset *dataset = elbo_dataset_open("synth:glyphs?train=8&test=1", NULL, &error);
    elbo_array rows, codes, back;
    assert_non_null(model);
    assert_non_null(dataset);
    const int64_t shape[2] = {8, 784};
    assert_int_equal(elbo_array_new(&rows, ELBO_F32, 2, shape, &error), ELBO_OK);
    uint8_t bytes[8 * 784];
    assert_int_equal(elbo_dataset_rows(dataset, ELBO_SPLIT_TRAIN, NULL, 0, 8, bytes, &error), ELBO_OK);
    for (int i = 0; i < 8 * 784; i++) ((float *)rows.data)[i] = (float)bytes[i];
    assert_int_equal(elbo_model_encode(model, &rows, &codes, NULL, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(model, &codes, false, 1, &back, &error), ELBO_OK);
    double square = 0, all = 0;
    for (int i = 0; i < 8 * 784; i++) {
        double value = (double)bytes[i] / 255;
        square += pow((double)((float *)back.data)[i] / 255 - value, 2);
        all += value * value;
    }
    if (!(square < 0.1 * all)) fail_msg("%g of %g is left", square, all);
    elbo_array_free(&rows);
    elbo_array_free(&codes);
    elbo_array_free(&back);
    elbo_dataset_free(dataset);
    elbo_model_free(model);
}

/* Five clusters in the plane whose best assignment, by the true density, is right for 0.997 of 5000 rows. Neighbours
 * are parted half way by centres, where the true border depends on spreads: 0.98 leaves 85 rows for that. */
static void test_finds_clusters(void **state) {
    (void)state;
    static const char *const settings[] = {"data",
                                           "synth:mixture",
                                           "hidden",
                                           "32",
                                           "latent",
                                           "2",
                                           "components",
                                           "5",
                                           "layer-epochs",
                                           "1",
                                           "pretrain-epochs",
                                           "8",
                                           "epochs",
                                           "4",
                                           "noise",
                                           "0",
                                           "lr",
                                           "0.003",
                                           "save-every",
                                           "0",
                                           NULL};
    elbo_error error = {0};
    watcher w = {0};
    text path;
    if (train("dec", "clusters", settings, NULL, &w, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(w.epochs, 2 + 8 + 4);
    double accuracy = accuracy_of(path, "synth:mixture");
    if (!(accuracy > 0.98)) fail_msg("accuracy %g", accuracy);
}

static void test_resumes(void **state) {
    (void)state;
    check_resumes("dec", small, 1, 20); /* 3 steps in each of 3 + 2 + 2 epochs, 21 in all */
}

/* The last epoch is kept, and there is nothing to draw clusters from. */
static void test_use(void **state) {
    (void)state;
    elbo_error error = {0};
    watcher w = {0};
    text path;
    char best[300];
    if (train("dec", "use", small, NULL, &w, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(isnan(w.reconstruction)); /* the last phase has none */
    snprintf(best, sizeof best, "%s/best.safetensors", path);
    assert_null(fopen(best, "r"));
    elbo_model *model = elbo_model_open(path, NULL, 1, &error);
    elbo_array z;
    assert_non_null(model);
    assert_int_equal(elbo_model_get_info(model)->clusters, 3);
    assert_int_equal(elbo_model_cluster_prior(model, 0, 1, 1, 1, &z, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "not distributions"));
    assert_int_equal(elbo_model_prior(model, 1, 1, 1, &z, &error), ELBO_ERROR_UNSUPPORTED);
    elbo_model_free(model);
}

/* ---- the edge ---- */

static void check_trains(const char *name, const char *data, const char *components) {
    const char *settings[] = {"data",
                              data,
                              "hidden",
                              "8",
                              "latent",
                              "2",
                              "components",
                              components,
                              "layer-epochs",
                              "1",
                              "pretrain-epochs",
                              "2",
                              "epochs",
                              "3",
                              "save-every",
                              "0",
                              NULL};
    elbo_error error = {0};
    watcher w = {0};
    text path;
    if (train("dec", name, settings, NULL, &w, path, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    if (!(w.last >= -1e-6 && w.last < INFINITY)) fail_msg("%s: loss %g", name, w.last); /* a divergence */
}

static void test_degenerate_data(void **state) {
    (void)state;
    text path;
    check_trains("one-row", "synth:mixture?rows=1&test=1", "1");
    check_trains("as-many-clusters-as-rows", "synth:mixture?rows=4&test=1", "4");
    check_trains("constant", write_rows(path, "constant", 20, "0.5,1,0.25"), "3");
    check_trains("zero", write_rows(path, "zero", 20, "0,0,0"), "3");
    check_trains("one-cluster", "synth:mixture?rows=50&test=10", "1");
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const base[] = {"data", "synth:mixture?rows=7&test=1", "hidden", "8", NULL};
    static const char *const many[] = {"components", "8", NULL};
    static const char *const none[] = {"components", "2", "pretrain-epochs", "0", NULL};
    static const char *const deep[] = {"components", "2", "hidden", "8,8,8,8", "layer-epochs", "1", NULL};
    static const char *const idle[] = {"components", "2", "noise", "0.1", NULL};
    static const char *const early[] = {"components", "2", "early-stop", "3", NULL};
    static const char *const beta[] = {"components", "2", "beta", "2", NULL};
    expect_refusal("dec", "many", base, many, "7 training rows");
    expect_refusal("dec", "none", base, none, "--pretrain-epochs or --layer-epochs");
    expect_refusal("dec", "deep", base, deep, "at most 3");
    expect_refusal("dec", "idle", base, idle, "--noise has no effect");
    expect_refusal("dec", "early", base, early, "--early-stop has no effect");
    expect_refusal("dec", "beta", base, beta, "--beta has no effect");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_steps_are_those_of_pytorch),
        cmocka_unit_test(test_assignments_are_those_of_pytorch),
        cmocka_unit_test(test_kmeans_finds_the_best_partition),
        cmocka_unit_test(test_clusters_start_from_codes),
        cmocka_unit_test(test_overfits_one_batch),
        cmocka_unit_test(test_finds_clusters),
        cmocka_unit_test(test_resumes),
        cmocka_unit_test(test_use),
        cmocka_unit_test(test_degenerate_data),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
