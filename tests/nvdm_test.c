/* Models of documents (nvdm, prodlda): a step against PyTorch (tests/fixtures/make_documents_step.py), bounds against
 * the likelihood by quadrature, perplexity in closed form, and what they do with documents of no word and of one. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"
#include "fixture.h"
#include "graph/params.h"
#include "optim/optim.h"
#include "scratch.h"
#include "train/step.h"

enum { WORDS = 12, LATENT = 3, BATCH = 6 };

/* ---- the fixture ---- */

static int load(void **state) {
    (void)state;
    return fixture_load(TEST_DIR "/fixtures/documents_step.txt", 60);
}

static const entry *find(const char *prefix, const char *name) {
    char full[192];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const entry *found = fixture_find(full);
    if (!found) fail_msg("the fixture has no %s", full);
    return found;
}

/* ---- data and models ---- */

static elbo_dataset *data_of(float *x, int64_t rows, int64_t words) {
    elbo_error error = {0};
    elbo_array array = {.dtype = ELBO_F32, .rank = 2, .shape = {rows, words}, .data = x};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    elbo_dataset *data = elbo_dataset_from_array(&array, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!data) fail_msg("%s", error.message);
    return data;
}

static elbo_config *config_of(const char *model, const char *const *pairs) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(model, &error);
    assert_non_null(config);
    for (; *pairs; pairs += 2)
        if (elbo_config_set(config, pairs[0], pairs[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

static void instance_of(elbo_instance *instance, const char *model, const char *const *pairs, elbo_dataset *data) {
    elbo_error error = {0};
    elbo_config *config = config_of(model, pairs);
    if (elbo_instance_new(instance, config, data, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
}

static elbo_model *model_of(const char *model, const char *const *pairs, elbo_dataset *data) {
    elbo_error error = {0};
    elbo_instance instance;
    instance_of(&instance, model, pairs, data);
    elbo_model *made = elbo_model_from(&instance, 0, 0, 1, &error);
    assert_non_null(made);
    return made;
}

static float *tensor(elbo_params *params, const char *name) {
    const elbo_param_info *info = elbo_params_find(params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_data(params, NULL) + info->offset;
}

/* ---- a step ---- */

static const char *const small_nvdm[] = {"hidden", "6", "latent", "3", "alternate", "0", NULL};
static const char *const dense_nvdm[] = {"hidden", "6", "latent", "3", "alternate", "0", "sparse", "false", NULL};
static const char *const turns_nvdm[] = {"hidden", "6", "latent", "3", "alternate", "10", NULL};
static const char *const small_prodlda[] = {"hidden", "6,5",           "latent", "3", "dropout",
                                            "0.25",   "concentration", "0.5",    NULL};

/* Every element against the size of the whole vector, of which it is a sum of terms; a gradient that is zero (of a bias
 * before batch norm) against 1. */
static void check_near(const char *what, const char *name, const float *got, const entry *wanted) {
    double worst = 0, square = 0;
    for (int i = 0; i < wanted->count; i++) {
        square += wanted->value[i] * wanted->value[i];
        worst = fmax(worst, fabs((double)got[i] - wanted->value[i]));
    }
    double size = sqrt(square / wanted->count);
    if (size < 1e-9) size = 1;
    if (!(worst < 2e-5 * size)) fail_msg("%s: %s is off by %g of its size", what, name, worst / size);
}

static void set_parameters(elbo_instance *instance, const char *model) {
    char prefix[32];
    snprintf(prefix, sizeof prefix, "%s.", model);
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        if (strcmp(info->group, "state") == 0) continue;
        const entry *e = find(prefix, info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) tensor(instance->params, info->name)[k] = (float)e->value[k];
    }
}

static bool moves(const elbo_update *update, const char *group) {
    if (!update->groups[0]) return strcmp(group, "state") != 0;
    return strcmp(update->groups[0], group) == 0;
}

static void check_update(const char *name, elbo_step_program *program, const elbo_instance *instance, int u,
                         float *gradient, double weight) {
    elbo_error error = {0};
    elbo_run run = {.seed = (uint64_t)987654321987654321, .step = 5};
    elbo_step_result result;
    if (elbo_step_program_run(program, u, weight, &run, &result, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(fabs(result.loss / find(name, ".loss")->value[0] - 1) < 1e-5);
    assert_true(fabs(result.reconstruction / find(name, ".reconstruction")->value[0] - 1) < 1e-5);
    assert_true(fabs(result.kl / find(name, ".kl")->value[0] - 1) < 1e-5);
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        bool state = strcmp(info->group, "state") == 0;
        char key[128];
        snprintf(key, sizeof key, state ? ".after.%s" : ".d.%s", info->name);
        if (state)
            check_near(name, info->name, tensor(instance->params, info->name), find(name, key));
        else if (moves(&program->update[u], info->group))
            check_near(name, info->name, gradient + info->offset, find(name, key));
    }
}

static void check_step(const char *model, const char *const *pairs, const char *name, double weight, int updates) {
    elbo_error error = {0};
    elbo_instance instance;
    float x[BATCH * WORDS];
    for (int i = 0; i < BATCH * WORDS; i++) x[i] = (float)find("", "x")->value[i];
    elbo_dataset *data = data_of(x, BATCH, WORDS);
    instance_of(&instance, model, pairs, data);
    set_parameters(&instance, model);
    size_t length;
    elbo_params_data(instance.params, &length);
    float *gradient = aligned_alloc(64, (sizeof(float) * length + 63) / 64 * 64);
    elbo_step_program program;
    if (elbo_step_program_new(&program, &instance, BATCH, gradient, 1, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    assert_int_equal(program.updates, updates);
    assert_int_equal(elbo_step_program_load(&program, &instance, data, ELBO_SPLIT_TRAIN, NULL, 0, &error), ELBO_OK);
    for (int u = 0; u < updates; u++) check_update(name, &program, &instance, u, gradient, weight);
    elbo_step_program_clear(&program);
    elbo_instance_clear(&instance);
    elbo_dataset_free(data);
    free(gradient);
}

static void test_step_nvdm(void **state) {
    (void)state;
    check_step("nvdm", small_nvdm, "nvdm.whole", 1, 1);
    check_step("nvdm", small_nvdm, "nvdm.warm", 0.25, 1);
    check_step("nvdm", dense_nvdm, "nvdm.whole", 1, 1);
    check_step("nvdm", turns_nvdm, "nvdm.whole", 1, 2); /* in turn: the same gradient, group by group */
}

static void test_step_prodlda(void **state) {
    (void)state;
    check_step("prodlda", small_prodlda, "prodlda.whole", 1, 1);
    check_step("prodlda", small_prodlda, "prodlda.warm", 0.25, 1);
}

/* The layer of log sigma starts at zero, so that a fresh posterior has deviation 1. */
static void test_start(void **state) {
    (void)state;
    float x[BATCH * WORDS];
    for (int i = 0; i < BATCH * WORDS; i++) x[i] = (float)find("", "x")->value[i];
    elbo_dataset *data = data_of(x, BATCH, WORDS);
    elbo_model *model = model_of("nvdm", small_nvdm, data);
    elbo_array in = {.dtype = ELBO_F32, .rank = 2, .shape = {BATCH, WORDS}, .data = x}, mean, deviation;
    assert_int_equal(elbo_model_encode(model, &in, &mean, &deviation, NULL), ELBO_OK);
    bool differ = false;
    for (int i = 0; i < BATCH * LATENT; i++) {
        assert_true(((float *)deviation.data)[i] == 1);
        differ = differ || ((float *)mean.data)[i] != ((float *)mean.data)[i % LATENT];
    }
    assert_true(differ);
    elbo_array_free(&mean);
    elbo_array_free(&deviation);
    elbo_model_free(model);
    elbo_dataset_free(data);
}

/* ---- bounds against the likelihood ---- */

static const double tiny[5][4] = {{3, 1, 0, 0}, {0, 0, 0, 0}, {0, 0, 1, 0}, {2, 2, 2, 2}, {0, 9, 0, 5}};
enum { TINY_ROWS = 5, TINY_WORDS = 4 };

static double log_words(const double *logits, const double *x) {
    double most = -INFINITY, sum = 0, value = 0;
    for (int v = 0; v < TINY_WORDS; v++) most = fmax(most, logits[v]);
    for (int v = 0; v < TINY_WORDS; v++) sum += exp(logits[v] - most);
    for (int v = 0; v < TINY_WORDS; v++) value += x[v] * (logits[v] - most - log(sum));
    return value;
}

static double log_normal(double z, double scale) {
    return -0.5 * z * z / (scale * scale) - log(scale) - 0.91893853320467274178;
}

/* log of the integral over one dimension, by the trapezoid rule: its error for integrands that are analytic and vanish
 * at both ends falls faster than any power of the step, and is below 1e-10 here. */
static double exact_nvdm(elbo_params *params, const double *x) {
    const float *r = tensor(params, "decoder.words.weight"), *b = tensor(params, "decoder.words.bias");
    enum { STEPS = 4000 };
    double sum = 0, step = 24.0 / STEPS;
    for (int i = 0; i <= STEPS; i++) {
        double z = -12 + step * i, logits[TINY_WORDS];
        for (int v = 0; v < TINY_WORDS; v++) logits[v] = (double)r[v] * z + (double)b[v];
        sum += exp(log_words(logits, x) + log_normal(z, 1));
    }
    return log(sum * step);
}

/* Two topics: their shares depend on z_1 - z_2 ~ N(0, 2 s^2) alone, with s^2 = (1 - 1/2) / concentration. */
static double exact_prodlda(elbo_params *params, const double *x, double concentration) {
    const float *w = tensor(params, "decoder.words.weight"), *shift = tensor(params, "decoder.words.norm.shift");
    const float *mean = tensor(params, "state.decoder.words.norm.mean");
    const float *variance = tensor(params, "state.decoder.words.norm.variance");
    enum { STEPS = 4000 };
    double sum = 0, scale = sqrt(1 / concentration), step = 24 * scale / STEPS;
    for (int i = 0; i <= STEPS; i++) {
        double d = -12 * scale + step * i, share = 1 / (1 + exp(-d)), logits[TINY_WORDS];
        for (int v = 0; v < TINY_WORDS; v++) {
            double raw = share * (double)w[v] + (1 - share) * (double)w[TINY_WORDS + v];
            logits[v] = (raw - (double)mean[v]) / sqrt((double)variance[v] + 1e-5) + (double)shift[v];
        }
        sum += exp(log_words(logits, x) + log_normal(d, scale));
    }
    return log(sum * step);
}

/* Numbers that are far from where a model starts. */
static void spoil(elbo_params *params) {
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        float *value = tensor(params, info->name);
        bool variance = strstr(info->name, ".variance") != NULL, code = strstr(info->name, "log_") != NULL;
        for (size_t k = 0; k < info->count; k++) {
            double wave = sin(1.7 * (double)k + 3.1 * (double)i + 0.4);
            value[k] = (float)(variance ? 0.3 + 0.2 * wave : code ? 0.2 * wave : 0.6 * wave);
        }
    }
    elbo_params_touch(params);
}

/* The bound lies below the exact likelihood and the importance-sampled likelihood meets it: within 5 of its standard
 * errors, which a right estimate leaves less than once in 10^6 times. */
static void check_bound(const char *name, const char *const *pairs, bool nvdm) {
    elbo_error error = {0};
    float x[TINY_ROWS * TINY_WORDS];
    for (int i = 0; i < TINY_ROWS * TINY_WORDS; i++) x[i] = (float)tiny[i / TINY_WORDS][i % TINY_WORDS];
    elbo_dataset *data = data_of(x, TINY_ROWS, TINY_WORDS);
    elbo_model *model = model_of(name, pairs, data);
    elbo_params *params = elbo_model_get_params(model);
    spoil(params);
    double exact = 0;
    for (int row = 0; row < TINY_ROWS; row++) {
        double own = nvdm ? exact_nvdm(params, tiny[row]) : exact_prodlda(params, tiny[row], 0.5);
        if (row == 1) assert_true(fabs(own) < 1e-9); /* a document without words has probability 1 */
        exact += own / TINY_ROWS;
    }
    elbo_evaluation_options options;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    elbo_evaluation got;
    options.samples = 20000;
    assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &options, "split", "train", &error), ELBO_OK);
    if (elbo_evaluate(model, data, &options, NULL, NULL, &got, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(got.elbo < exact);
    assert_true(exact - got.elbo > 0.05); /* the posterior is wrong, so that the bound is loose */
    if (!(fabs(got.nll + exact) < 5 * got.nll_sampling_error + 1e-5))
        fail_msg("%s: -log p is %g, by importance sampling %g +- %g", name, -exact, got.nll, got.nll_sampling_error);
    elbo_evaluation_clear(&got);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    elbo_model_free(model);
    elbo_dataset_free(data);
}

static void test_bound_nvdm(void **state) {
    (void)state;
    check_bound("nvdm", (const char *[]){"hidden", "3", "latent", "1", NULL}, true);
}

static void test_bound_prodlda(void **state) {
    (void)state;
    check_bound("prodlda", (const char *[]){"hidden", "3", "latent", "2", "concentration", "0.5", NULL}, false);
}

/* ---- perplexity ---- */

/* A decoder that says nothing gives each word 1 / V, and a posterior N(m, 1) costs c = Z m^2 / 2 nats for each
 * document: -ELBO = N log V + c. */
static void test_perplexity(void **state) {
    (void)state;
    elbo_error error = {0};
    float x[TINY_ROWS * TINY_WORDS];
    double words = 0, rates = 0;
    for (int i = 0; i < TINY_ROWS * TINY_WORDS; i++) x[i] = (float)tiny[i / TINY_WORDS][i % TINY_WORDS];
    elbo_dataset *data = data_of(x, TINY_ROWS, TINY_WORDS);
    elbo_model *model = model_of("nvdm", (const char *[]){"hidden", "3", "latent", "2", NULL}, data);
    elbo_params *params = elbo_model_get_params(model);
    size_t length;
    float *all = elbo_params_data(params, &length);
    memset(all, 0, sizeof *all * length);
    for (int j = 0; j < 2; j++) tensor(params, "encoder.mean.bias")[j] = 0.5f;
    elbo_params_touch(params);
    double cost = 2 * 0.5 * 0.5 / 2;
    for (int row = 0; row < TINY_ROWS; row++) {
        double own = 0;
        for (int v = 0; v < TINY_WORDS; v++) own += tiny[row][v];
        words += own;
        if (own > 0) rates += (own * log(TINY_WORDS) + cost) / own / (TINY_ROWS - 1);
    }
    elbo_evaluation_options options;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &options, "split", "train", &error), ELBO_OK);
    elbo_evaluation got;
    if (elbo_evaluate(model, data, &options, NULL, NULL, &got, &error) != ELBO_OK) fail_msg("%s", error.message);
    double corpus = exp((words * log(TINY_WORDS) + (TINY_ROWS - 1) * cost) / words);
    assert_true(fabs(got.document_perplexity / exp(rates) - 1) < 1e-5);
    assert_true(fabs(got.corpus_perplexity / corpus - 1) < 1e-5);
    assert_true(got.words == words && got.empty_documents == 1);
    assert_true(got.document_perplexity_stderr > 0);
    elbo_evaluation_clear(&got);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    elbo_model_free(model);
    elbo_dataset_free(data);
}

/* ---- use ---- */

static void test_use(void **state) {
    (void)state;
    elbo_error error = {0};
    float x[TINY_ROWS * TINY_WORDS];
    for (int i = 0; i < TINY_ROWS * TINY_WORDS; i++) x[i] = (float)tiny[i / TINY_WORDS][i % TINY_WORDS];
    elbo_dataset *data = data_of(x, TINY_ROWS, TINY_WORDS);
    for (int m = 0; m < 2; m++) {
        elbo_model *model =
            model_of(m ? "prodlda" : "nvdm", (const char *[]){"latent", "2", "document-length", "37", NULL}, data);
        elbo_array z, mean, draw, weights;
        assert_int_equal(elbo_model_prior(model, 5, 3, 1, &z, &error), ELBO_OK);
        assert_int_equal(elbo_model_decode(model, &z, false, 1, &mean, &error), ELBO_OK);
        assert_int_equal(elbo_model_decode(model, &z, true, 1, &draw, &error), ELBO_OK);
        for (int row = 0; row < 5; row++) {
            double expected = 0, drawn = 0;
            for (int v = 0; v < TINY_WORDS; v++) {
                expected += (double)((float *)mean.data)[row * TINY_WORDS + v];
                drawn += (double)((float *)draw.data)[row * TINY_WORDS + v];
            }
            assert_true(fabs(expected - 37) < 1e-3 && drawn == 37);
        }
        assert_int_equal(elbo_model_topics(model, &weights, &error), ELBO_OK);
        assert_true(weights.rank == 2 && weights.shape[0] == 2 && weights.shape[1] == TINY_WORDS);
        const float *kept = tensor(elbo_model_get_params(model), "decoder.words.weight");
        assert_memory_equal(weights.data, kept, sizeof(float) * 2 * TINY_WORDS);
        elbo_array_free(&z);
        elbo_array_free(&mean);
        elbo_array_free(&draw);
        elbo_array_free(&weights);
        elbo_model_free(model);
    }
    elbo_model *vae = model_of("vae", (const char *[]){"likelihood", "poisson", NULL}, data);
    elbo_array weights;
    assert_int_equal(elbo_model_topics(vae, &weights, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "vae has no topics"));
    elbo_model_free(vae);
    elbo_dataset_free(data);
}

static void check_refused(float *x, int64_t words, const char *text) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_dataset *data = data_of(x, 2, words);
    elbo_config *config = config_of("nvdm", (const char *[]){"latent", "2", NULL});
    assert_int_equal(elbo_instance_new(&instance, config, data, &error), ELBO_ERROR_USAGE);
    if (!strstr(error.message, text)) fail_msg("no \"%s\" in: %s", text, error.message);
    elbo_instance_clear(&instance);
    elbo_config_free(config);
    elbo_dataset_free(data);
}

static void test_refused(void **state) {
    (void)state;
    check_refused((float[]){1, 2, 0, 0.5f}, 2, "words cannot give the data: training row 1");
    check_refused((float[]){1, 2, -1, 3}, 2, "words cannot give the data: training row 1");
    check_refused((float[]){1, 2}, 1, "rows of counts of at least 2 words");
}

/* ---- training ---- */

static const char *scratch_folder;

static int set_up(void **state) {
    if (scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    return 0;
}

typedef struct watcher {
    int64_t stop_after, steps;
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    return progress->event == ELBO_EVENT_STEP && w->stop_after && ++w->steps == w->stop_after;
}

static void train(const char *model, const char *const *pairs, const char *name, watcher *w, elbo_status wanted) {
    char path[256];
    elbo_error error = {0};
    snprintf(path, sizeof path, "%s/%s", scratch_folder, name);
    elbo_config *config = model ? config_of(model, pairs) : NULL;
    elbo_training training = {.config = config, .folder = path, .threads = 1, .progress = watch, .user = w};
    if (elbo_train(&training, &error) != wanted) fail_msg("%s: %s", name, error.message);
    elbo_config_free(config);
}

static float *parameters(const char *name, elbo_instance *instance, size_t *length) {
    char path[256];
    elbo_error error = {0};
    snprintf(path, sizeof path, "%s/%s/last.safetensors", scratch_folder, name);
    if (elbo_instance_read(instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    return elbo_params_data(instance->params, length);
}

#define FEW_DOCUMENTS "data", "synth:topics?documents=70&test=11&vocabulary=40&topics=4&length=30"

/* Steps on all rows at once, in memory; the reconstruction of the last. */
static double minimise(elbo_dataset *data, const char *const *pairs, double kl_weight, double rate, int steps) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_step_program program;
    elbo_step_result result = {0};
    size_t length;
    instance_of(&instance, "nvdm", pairs, data);
    elbo_params_data(instance.params, &length);
    float *gradient = aligned_alloc(64, (sizeof(float) * length + 63) / 64 * 64);
    int64_t rows = elbo_dataset_info(data)->count[ELBO_SPLIT_TRAIN];
    if (elbo_step_program_new(&program, &instance, rows, gradient, 1, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(elbo_step_program_load(&program, &instance, data, ELBO_SPLIT_TRAIN, NULL, 0, &error), ELBO_OK);
    elbo_optimiser *adam =
        elbo_optimiser_new(instance.params, program.update[0].groups, gradient, &instance.config->optimiser, 1, &error);
    assert_non_null(adam);
    for (int step = 1; step <= steps; step++) {
        elbo_run run = {.seed = 1, .step = (uint32_t)step};
        assert_int_equal(elbo_step_program_run(&program, 0, kl_weight, &run, &result, &error), ELBO_OK);
        assert_int_equal(elbo_optimiser_step(adam, rate, step, 1, &error), ELBO_OK);
    }
    elbo_optimiser_free(adam);
    elbo_step_program_clear(&program);
    elbo_instance_clear(&instance);
    free(gradient);
    return result.reconstruction;
}

/* One batch: the words of a few documents are told nearly as well as their own frequencies tell them, which nothing can
 * beat. */
static void test_overfit(void **state) {
    (void)state;
    const char *source = "synth:topics?documents=8&vocabulary=40&topics=4&length=30";
    elbo_dataset *data = elbo_dataset_open(source, NULL, NULL);
    assert_non_null(data);
    double least = 0, uniform = 0;
    int64_t rows = elbo_dataset_info(data)->count[ELBO_SPLIT_TRAIN];
    for (int64_t row = 0; row < rows; row++) {
        float x[40], words = 0;
        assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TRAIN, NULL, row, 1, x, NULL), ELBO_OK);
        for (int v = 0; v < 40; v++) words += x[v];
        for (int v = 0; v < 40; v++) least -= x[v] > 0 ? (double)x[v] * log((double)(x[v] / words)) / (double)rows : 0;
        uniform += (double)words * log(40) / (double)rows;
    }
    const char *const pairs[] = {"latent", "8", "hidden", "50", "alternate", "0", NULL};
    double reconstruction = minimise(data, pairs, 0.001, 0.01, 1500);
    elbo_dataset_free(data);
    assert_true(reconstruction > least);
    assert_true(reconstruction < least + 0.05 * (uniform - least));
}

/* Resumed in the middle of an epoch, of the decoder's turn and of the encoder's, to the same bits. */
static void check_resume(const char *model, const char *const *pairs, const char *name) {
    char parts[64], whole[64];
    size_t length, other;
    elbo_instance a, b;
    snprintf(whole, sizeof whole, "%s-whole", name);
    snprintf(parts, sizeof parts, "%s-parts", name);
    watcher w = {0};
    train(model, pairs, whole, &w, ELBO_OK);
    w.stop_after = 8; /* four steps an epoch: within the third */
    train(model, pairs, parts, &w, ELBO_ERROR_INTERRUPTED);
    w = (watcher){.stop_after = 5};
    train(NULL, NULL, parts, &w, ELBO_ERROR_INTERRUPTED);
    w = (watcher){0};
    train(NULL, NULL, parts, &w, ELBO_OK);
    const float *p = parameters(whole, &a, &length), *q = parameters(parts, &b, &other);
    assert_int_equal(length, other);
    assert_memory_equal(p, q, sizeof *p * length);
    elbo_instance_clear(&a);
    elbo_instance_clear(&b);
}

static void test_resume(void **state) {
    (void)state;
    check_resume("nvdm",
                 (const char *[]){FEW_DOCUMENTS, "batch", "20", "latent", "3", "hidden", "10", "alternate", "1",
                                  "epochs", "5", "save-every", "0", "kl-warmup", "3", NULL},
                 "nvdm");
    check_resume("prodlda",
                 (const char *[]){FEW_DOCUMENTS, "batch", "20", "latent", "3", "hidden", "10,8", "epochs", "5",
                                  "save-every", "0", NULL},
                 "prodlda");
}

static double moved(const elbo_instance *one, const elbo_instance *two, const char *group) {
    size_t first, count;
    double most = 0;
    assert_true(elbo_params_group(one->params, group, &first, &count));
    const float *a = elbo_params_data(one->params, NULL), *b = elbo_params_data(two->params, NULL);
    for (size_t i = first; i < first + count; i++) most = fmax(most, fabs((double)a[i] - (double)b[i]));
    return most;
}

/* One step an epoch, in turn: the decoder moves in the first and third, the encoder in the second. The first step of
 * Adam is as long as its rate wherever the gradient is well above epsilon; it is so for the encoder only if its own
 * steps are counted. */
static void test_turns(void **state) {
    (void)state;
    static const char *const epochs[3] = {"1", "2", "3"}, *const names[3] = {"turn1", "turn2", "turn3"};
    elbo_instance after[3];
    for (int i = 0; i < 3; i++) {
        size_t length;
        watcher w = {0};
        train("nvdm",
              (const char *[]){FEW_DOCUMENTS, "batch", "100", "latent", "3", "hidden", "10", "alternate", "1", "epochs",
                               epochs[i], "optimizer", "adam", "lr", "0.001", NULL},
              names[i], &w, ELBO_OK);
        parameters(names[i], &after[i], &length);
    }
    assert_true(moved(&after[0], &after[1], "decoder") == 0);
    assert_true(fabs(moved(&after[0], &after[1], "encoder") / 0.001 - 1) < 1e-3);
    assert_true(moved(&after[1], &after[2], "encoder") == 0);
    assert_true(moved(&after[1], &after[2], "decoder") > 1e-4);
    for (int i = 0; i < 3; i++) elbo_instance_clear(&after[i]);
}

static int tear_down(void **state) { return scratch_remove(state); }

static void *scratch_state;
static int set_up_all(void **state) { return load(state) || set_up(&scratch_state); }
static int tear_down_all(void **state) { return fixture_unload(state) || tear_down(&scratch_state); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step_nvdm),  cmocka_unit_test(test_step_prodlda),  cmocka_unit_test(test_start),
        cmocka_unit_test(test_bound_nvdm), cmocka_unit_test(test_bound_prodlda), cmocka_unit_test(test_perplexity),
        cmocka_unit_test(test_use),        cmocka_unit_test(test_refused),       cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_resume),     cmocka_unit_test(test_turns),
    };
    return cmocka_run_group_tests(tests, set_up_all, tear_down_all);
}
