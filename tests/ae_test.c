/* Autoencoders: one step against PyTorch, the subspace of pca against GSL, noise, layers one by one, resuming, scores
 * of rows, and data with nothing to learn. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <gsl/gsl_linalg.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "eval/model.h"
#include "graph/params.h"
#include "scratch.h"
#include "train/checkpoint.h"
#include "train/step.h"

enum { PIXELS = 30, BATCH = 8, MOST = 128 };

static scratch *place;

/* ---- the fixture of tests/fixtures/make_ae_step.py ---- */

typedef struct entry {
    char name[64];
    int count;
    double *value;
} entry;

static entry fixture[MOST];
static int entries;

static int load(void **state) {
    FILE *file = fopen(TEST_DIR "/fixtures/ae_step.txt", "r");
    if (!file) return 1;
    while (entries < MOST && fscanf(file, "%63s %d", fixture[entries].name, &fixture[entries].count) == 2) {
        entry *e = &fixture[entries++];
        e->value = malloc(sizeof(double) * (size_t)e->count);
        for (int i = 0; i < e->count; i++)
            if (fscanf(file, "%lf", &e->value[i]) != 1) return 1;
    }
    fclose(file);
    if (entries < 30 || scratch_make(state) != 0) return 1;
    place = *state;
    return 0;
}

static int unload(void **state) {
    for (int i = 0; i < entries; i++) free(fixture[i].value);
    return scratch_remove(state);
}

static const entry *find(const char *scope, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", scope, name);
    for (int i = 0; i < entries; i++)
        if (strcmp(fixture[i].name, full) == 0) return &fixture[i];
    fail_msg("the fixture has no %s", full);
    return NULL;
}

/* ---- instances ---- */

static elbo_config *configure(const char *model, const char *const *settings) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(model, &error);
    if (!config) fail_msg("%s", error.message);
    for (const char *const *at = settings; *at; at += 2)
        if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

/* Rows of an array, all of them for training. */
static elbo_dataset *rows_of(const elbo_array *x) {
    elbo_error error = {0};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    elbo_dataset *dataset = elbo_dataset_from_array(x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!dataset) fail_msg("%s", error.message);
    return dataset;
}

typedef struct subject {
    elbo_instance instance;
    elbo_dataset *dataset;
    uint8_t pixels[BATCH * PIXELS];
    float *gradient;
    elbo_step_program program;
} subject;

static void open_subject(subject *s, const char *model, const char *name, int phase, const char *const *settings) {
    elbo_error error = {0};
    const entry *raw = find("", "raw");
    for (int i = 0; i < raw->count; i++) s->pixels[i] = (uint8_t)raw->value[i];
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {BATCH, PIXELS}, .data = s->pixels};
    s->dataset = rows_of(&x);
    elbo_config *config = configure(model, settings);
    if (elbo_instance_new(&s->instance, config, s->dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    s->instance.phase = phase;
    for (size_t i = 0; i < elbo_params_count(s->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(s->instance.params, i);
        const entry *e = find(name, info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(s->instance.params, (int64_t)i)[k] = (float)e->value[k];
    }
    size_t length;
    elbo_params_data(s->instance.params, &length);
    s->gradient = aligned_alloc(64, sizeof(float) * length);
    if (elbo_step_program_new(&s->program, &s->instance, BATCH, s->gradient, 1, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    memcpy(elbo_plan_input(s->program.plan[0], s->program.raw), s->pixels, sizeof s->pixels);
}

static void close_subject(subject *s) {
    elbo_step_program_clear(&s->program);
    elbo_instance_clear(&s->instance);
    elbo_dataset_free(s->dataset);
    free(s->gradient);
}

static elbo_step_result run_step(subject *s) {
    elbo_error error = {0};
    elbo_step_result result;
    elbo_run run = {.seed = (uint64_t)12345678901234567890u % ((uint64_t)1 << 62),
                    .step = (uint32_t)find("", "step")->value[0]};
    assert_int_equal(elbo_step_program_run(&s->program, 0, 1, &run, &result, &error), ELBO_OK);
    return result;
}

/* The largest error of a gradient relative to the root mean square of it: rounding of sums of such terms. A gradient
 * that is zero throughout must be so exactly. */
static double gradient_error(const subject *s, const char *name) {
    double worst = 0;
    for (size_t i = 0; i < elbo_params_count(s->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(s->instance.params, i);
        char scope[32];
        snprintf(scope, sizeof scope, "%sd.", name);
        const entry *wanted = find(scope, info->name);
        double away = 0, square = 0;
        for (int k = 0; k < wanted->count; k++) {
            square += wanted->value[k] * wanted->value[k];
            away = fmax(away, fabs((double)s->gradient[info->offset + (size_t)k] - wanted->value[k]));
        }
        double scale = sqrt(square / wanted->count);
        worst = fmax(worst, scale > 0 ? away / scale : away > 0 ? INFINITY : 0);
    }
    return worst;
}

static void check_step(const char *model, const char *name, int phase, double tolerance, const char *const *settings) {
    subject s = {0};
    open_subject(&s, model, name, phase, settings);
    elbo_step_result result = run_step(&s);
    double wanted = find(name, "loss")->value[0];
    if (!(fabs(result.loss / wanted - 1) < tolerance)) fail_msg("%s loss is %.9g, not %.9g", name, result.loss, wanted);
    assert_true(result.kl == 0);
    double error = gradient_error(&s, name);
    if (!(error < tolerance)) fail_msg("%s a gradient is off by %g of its size", name, error);
    close_subject(&s);
}

static const char *const tied[] = {"hidden",   "16",          "latent", "4",        "tied", "true", "noise",
                                   "gaussian", "noise-level", "0.25",   "pretrain", "1",    NULL};
static const char *const cross[] = {"hidden", "16",      "latent",      "4",   "loss", "cross-entropy",
                                    "noise",  "masking", "noise-level", "0.4", NULL};
static const char *const four[] = {"latent", "4", NULL};

/* f32 sums of at most a few hundred terms: 1e-5 is some hundred roundings. The root of V'V squares its condition. */
static void test_step(void **state) {
    (void)state;
    static const char *const layer[] = {"hidden", "16", "latent", "4", "tied", "true", "pretrain", "1", NULL};
    check_step("ae", "tied.", 2, 1e-5, tied);
    check_step("ae", "cross.", 0, 1e-5, cross);
    check_step("ae", "layer.", 1, 1e-5, layer);
    check_step("pca", "pca.", 0, 1e-4, four);
}

/* What the comparison with PyTorch would not forgive: noise that is a little stronger, a decoder whose weights are not
 * the encoder's, the other loss. */
static void test_mutations(void **state) {
    (void)state;
    static const char *const stronger[] = {"hidden", "16",      "latent",      "4",    "loss", "cross-entropy",
                                           "noise",  "masking", "noise-level", "0.41", NULL};
    static const char *const other_loss[] = {"hidden",  "16",          "latent", "4", "noise",
                                             "masking", "noise-level", "0.4",    NULL};
    static const char *const quiet[] = {"hidden", "16", "latent", "4", "tied", "true", NULL};
    const char *const *mutant[] = {stronger, other_loss, quiet};
    const char *name[] = {"cross.", "cross.", "tied."};
    for (int m = 0; m < 3; m++) {
        subject s = {0};
        open_subject(&s, "ae", name[m], 0, mutant[m]);
        run_step(&s);
        assert_true(gradient_error(&s, name[m]) > 1e-3);
        close_subject(&s);
    }
}

/* Gradients of the objective against central differences in f64 on the reference backend. Parameters are f32, so the
 * step is what they really moved by; with steps of about 1e-3 the differences are good to 1e-6 times third derivatives
 * of order one to a hundred. */
static void check_differences(const char *model, const char *name, const char *const *settings) {
    elbo_error error = {0};
    subject s = {0};
    open_subject(&s, model, name, 0, settings);
    run_step(&s);
    elbo_node *objective = s.program.update[0].objective;
    elbo_plan_spec spec = {
        .fetch = &objective, .fetch_count = 1, .backend = ELBO_BACKEND_REFERENCE, .precision = ELBO_PRECISION_F64};
    elbo_plan *plan = elbo_plan_new(s.program.graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    memcpy(elbo_plan_input(plan, s.program.raw), s.pixels, sizeof s.pixels);
    elbo_run run = {.seed = (uint64_t)12345678901234567890u % ((uint64_t)1 << 62),
                    .step = (uint32_t)find("", "step")->value[0]};
    for (size_t i = 0; i < elbo_params_count(s.instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(s.instance.params, i);
        float *value = elbo_params_tensor(s.instance.params, (int64_t)i);
        for (size_t k = 0; k < info->count; k += info->count / 5 + 1) {
            double at[2], result[2];
            float kept = value[k];
            for (int side = 0; side < 2; side++) {
                value[k] = kept + (side ? 1e-3F : -1e-3F);
                at[side] = (double)value[k];
                elbo_params_touch(s.instance.params);
                assert_int_equal(elbo_plan_run(plan, &run, &error), ELBO_OK);
                assert_true(elbo_plan_read(plan, objective, &result[side], 1));
            }
            value[k] = kept;
            double wanted = (result[1] - result[0]) / (at[1] - at[0]);
            double got = (double)s.gradient[info->offset + k];
            if (!(fabs(got - wanted) < 1e-3 * (1 + fabs(wanted))))
                fail_msg("%s%s[%zu]: %.7g, by differences %.7g", name, info->name, k, got, wanted);
        }
    }
    elbo_plan_free(plan);
    close_subject(&s);
}

static void test_differences(void **state) {
    (void)state;
    static const char *const plain[] = {"hidden", "16", "latent", "4", "tied", "true", NULL};
    check_differences("ae", "tied.", plain);
    check_differences("ae", "cross.", cross);
    check_differences("pca", "pca.", four);
}

/* The decoder of tied weights has biases alone, and its output is W' g(W x + b) + c computed by hand. */
static void test_tied(void **state) {
    (void)state;
    subject s = {0};
    static const char *const plain[] = {"hidden", "16", "latent", "4", "tied", "true", NULL};
    open_subject(&s, "ae", "tied.", 0, plain);
    elbo_error error = {0};
    assert_null(elbo_params_find(s.instance.params, "decoder.dense1.weight"));
    assert_null(elbo_params_find(s.instance.params, "decoder.output.weight"));
    elbo_model *model = elbo_model_from(&s.instance, 0, 0, 1, &error);
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {BATCH, PIXELS}, .data = s.pixels}, z, deviation, back;
    assert_int_equal(elbo_model_encode(model, &x, &z, &deviation, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(model, &z, false, 0, &back, &error), ELBO_OK);
    const double *w1 = find("tied.", "encoder.dense1.weight")->value, *w2 = find("tied.", "encoder.code.weight")->value;
    const double *b2 = find("tied.", "decoder.dense1.bias")->value, *b1 = find("tied.", "decoder.output.bias")->value;
    for (int row = 0; row < BATCH; row++)
        for (int i = 0; i < PIXELS; i++) {
            double value = b1[i];
            for (int h = 0; h < 16; h++) {
                double sum = b2[h];
                for (int k = 0; k < 4; k++) sum += (double)((float *)z.data)[row * 4 + k] * w2[h * 4 + k];
                value += tanh(sum) * w1[i * 16 + h];
            }
            assert_true(fabs((double)((float *)back.data)[row * PIXELS + i] - 255 * value) < 255 * 1e-5);
        }
    for (int i = 0; i < BATCH * 4; i++) assert_true(((float *)deviation.data)[i] == 0);
    elbo_array_free(&z);
    elbo_array_free(&deviation);
    elbo_array_free(&back);
    elbo_model_free(model);
    close_subject(&s);
}

/* ---- pca against GSL ---- */

enum { ROWS = 200, DIMS = 12, LATENT = 3 };

/* Rows with standard deviations 3, 2, 1.5 and then 0.3 along directions that are no axes, around a mean. */
static void make_ellipse(float *x) {
    elbo_rng rng = {7, 1, 0};
    double basis[DIMS][DIMS];
    for (int k = 0; k < DIMS; k++) {
        for (int i = 0; i < DIMS; i++) basis[k][i] = elbo_rng_normal(&rng, 1000 + (uint32_t)k, (uint32_t)i);
        for (int j = 0; j <= k; j++) { /* Gram-Schmidt */
            double product = 0;
            for (int i = 0; i < DIMS; i++) product += basis[k][i] * basis[j][i];
            for (int i = 0; i < DIMS; i++)
                basis[k][i] = j < k ? basis[k][i] - product * basis[j][i] : basis[k][i] / sqrt(product);
        }
    }
    for (int row = 0; row < ROWS; row++)
        for (int i = 0; i < DIMS; i++) {
            double value = 0.1 * i;
            for (int k = 0; k < DIMS; k++) {
                double deviation = k == 0 ? 3 : k == 1 ? 2 : k == 2 ? 1.5 : 0.3;
                value += deviation * elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)k) * basis[k][i];
            }
            x[row * DIMS + i] = (float)value;
        }
}

/* The first right singular vectors of the centred rows: columns of v. */
static gsl_matrix *principal(const float *x) {
    gsl_matrix *centred = gsl_matrix_alloc(ROWS, DIMS), *v = gsl_matrix_alloc(DIMS, DIMS);
    gsl_vector *singular = gsl_vector_alloc(DIMS), *room = gsl_vector_alloc(DIMS);
    for (int i = 0; i < DIMS; i++) {
        double mean = 0;
        for (int row = 0; row < ROWS; row++) mean += (double)x[row * DIMS + i] / ROWS;
        for (int row = 0; row < ROWS; row++) gsl_matrix_set(centred, row, i, (double)x[row * DIMS + i] - mean);
    }
    gsl_linalg_SV_decomp(centred, v, singular, room);
    gsl_matrix_free(centred);
    gsl_vector_free(singular);
    gsl_vector_free(room);
    return v;
}

/* The columns of W, [LATENT][DIMS], as the decoder shows them: decode(e_k) - decode(0). */
static void directions(elbo_model *model, double w[LATENT][DIMS]) {
    elbo_error error = {0};
    float z[(LATENT + 1) * LATENT] = {0};
    for (int k = 0; k < LATENT; k++) z[(k + 1) * LATENT + k] = 1;
    elbo_array codes = {.dtype = ELBO_F32, .rank = 2, .shape = {LATENT + 1, LATENT}, .data = z}, back;
    assert_int_equal(elbo_model_decode(model, &codes, false, 0, &back, &error), ELBO_OK);
    const float *b = back.data;
    for (int k = 0; k < LATENT; k++)
        for (int i = 0; i < DIMS; i++) w[k][i] = (double)b[(k + 1) * DIMS + i] - (double)b[i];
    elbo_array_free(&back);
}

/* The sine of the largest angle between the subspaces: the norm of what W leaves outside of the principal one. Adam's
 * steps fall to zero with the cosine schedule, so the angle ends where rounding of the gradient does; 1e-3 rad would
 * raise the error by (1.5^2 - 0.3^2) 1e-6, seven digits below it. */
static void test_subspace(void **state) {
    (void)state;
    elbo_error error = {0};
    float *x = malloc(sizeof *x * ROWS * DIMS);
    char path[256], run[256];
    make_ellipse(x);
    elbo_array array = {.dtype = ELBO_F32, .rank = 2, .shape = {ROWS, DIMS}, .data = x};
    snprintf(path, sizeof path, "%s/ellipse.npy", place->folder);
    snprintf(run, sizeof run, "%s/pca", place->folder);
    assert_int_equal(elbo_array_save(&array, path, &error), ELBO_OK);
    const char *const settings[] = {"data", path, "test-fraction", "0",        "latent", "3", "batch", "200", "epochs",
                                    "3000", "lr", "0.01",          "schedule", "cosine", NULL};
    elbo_config *config = configure("pca", settings);
    elbo_training training = {.config = config, .folder = run, .threads = 1};
    if (elbo_train(&training, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_model *model = elbo_model_open(run, "last", 1, &error);
    if (!model) fail_msg("%s", error.message);
    double w[LATENT][DIMS], outside = 0;
    directions(model, w);
    gsl_matrix *v = principal(x);
    for (int k = 0; k < LATENT; k++) {
        for (int j = 0; j < LATENT; j++) {
            double product = 0;
            for (int i = 0; i < DIMS; i++) product += w[k][i] * w[j][i];
            assert_true(fabs(product - (k == j)) < 1e-5); /* a difference of f32 values of size 3 */
        }
        for (int j = LATENT; j < DIMS; j++) {
            double product = 0;
            for (int i = 0; i < DIMS; i++) product += w[k][i] * gsl_matrix_get(v, (size_t)i, (size_t)j);
            outside += product * product;
        }
    }
    if (!(sqrt(outside) < 1e-3)) fail_msg("the subspaces are %g apart", sqrt(outside));
    gsl_matrix_free(v);
    elbo_model_free(model);
    elbo_config_free(config);
    free(x);
}

/* ---- noise ---- */

enum { SIDE = 28, SIZE = SIDE * SIDE, NOISY = 200 };

static elbo_model *new_model(const char *model, const char *const *settings, const elbo_array *x) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_dataset *dataset = rows_of(x);
    elbo_config *config = configure(model, settings);
    if (elbo_instance_new(&instance, config, dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_model *made = elbo_model_from(&instance, 0, 0, 1, &error);
    assert_non_null(made);
    elbo_config_free(config);
    elbo_dataset_free(dataset);
    return made;
}

/* Mean and variance of corrupted values of which all were `value` (of 255), and the share that is 0 or 255. */
typedef struct statistics {
    double mean, variance, black, white;
} statistics;

static statistics corrupted(const char *kind, double level, uint8_t value, uint64_t seed) {
    static uint8_t bytes[NOISY * SIZE];
    elbo_error error = {0};
    static const char *const settings[] = {"hidden", "4", "latent", "2", NULL};
    memset(bytes, 0, sizeof bytes);
    bytes[0] = 255; /* the range of the data */
    elbo_array x = {.dtype = ELBO_U8, .rank = 3, .shape = {NOISY, SIDE, SIDE}, .data = bytes}, out;
    elbo_model *model = new_model("ae", settings, &x);
    memset(bytes, value, sizeof bytes);
    if (elbo_model_corrupt(model, &x, kind, level, seed, &out, &error) != ELBO_OK) fail_msg("%s", error.message);
    statistics s = {0};
    const float *noisy = out.data;
    double count = (double)NOISY * SIZE;
    for (int64_t i = 0; i < NOISY * SIZE; i++) {
        s.mean += (double)noisy[i] / 255 / count;
        s.black += (noisy[i] == 0) / count;
        s.white += (noisy[i] == 255) / count;
    }
    for (int64_t i = 0; i < NOISY * SIZE; i++) s.variance += pow((double)noisy[i] / 255 - s.mean, 2) / count;
    elbo_array_free(&out);
    elbo_model_free(model);
    return s;
}

/* Shares of n = 156 800 draws, each within 5 standard errors: a false alarm in 2 million for each comparison. */
static void test_noise(void **state) {
    (void)state;
    double n = (double)NOISY * SIZE;
    statistics s = corrupted("masking", 0.3, 128, 1);
    assert_true(fabs(s.black - 0.3) < 5 * sqrt(0.3 * 0.7 / n) && s.white == 0);
    assert_true(fabs(s.mean - 0.7 * 128 / 255) < 5 * sqrt(0.21 / n));
    s = corrupted("salt-pepper", 0.4, 128, 2);
    assert_true(fabs(s.black - 0.2) < 5 * sqrt(0.2 * 0.8 / n) && fabs(s.white - 0.2) < 5 * sqrt(0.2 * 0.8 / n));
    s = corrupted("gaussian", 0.25, 128, 3);
    assert_true(fabs(s.mean - 128.0 / 255) < 5 * 0.25 / sqrt(n));
    assert_true(fabs(s.variance / (0.25 * 0.25) - 1) < 5 * sqrt(2 / n));
    s = corrupted("blur", 2, 128, 4); /* leaves what is constant; rounding of f32 sums */
    assert_true(fabs(s.mean - 128.0 / 255) < 1e-5 && s.variance < 1e-10);
    assert_true(corrupted("masking", 0, 128, 1).variance < 1e-10 &&
                fabs(corrupted("masking", 1, 128, 1).black - 1) < 1e-9);
}

/* A white pixel far from the edges becomes a normal density: its sum stays, its variance is level^2 in each direction
 * (for 1.5 pixels sums over whole pixels are the integrals to 1e-15, and 14 pixels away the density is 1e-19). */
static void test_blur(void **state) {
    (void)state;
    static uint8_t bytes[SIZE];
    elbo_error error = {0};
    static const char *const settings[] = {"hidden", "4", "latent", "2", NULL};
    bytes[14 * SIDE + 13] = 255;
    elbo_array x = {.dtype = ELBO_U8, .rank = 3, .shape = {1, SIDE, SIDE}, .data = bytes}, out;
    elbo_model *model = new_model("ae", settings, &x);
    assert_int_equal(elbo_model_corrupt(model, &x, "blur", 1.5, 0, &out, &error), ELBO_OK);
    double sum = 0, down = 0, across = 0;
    for (int i = 0; i < SIZE; i++) {
        double weight = (double)((float *)out.data)[i] / 255;
        sum += weight;
        down += weight * pow(i / SIDE - 14, 2);
        across += weight * pow(i % SIDE - 13, 2);
    }
    assert_true(fabs(sum - 1) < 1e-5 && fabs(down - 2.25) < 1e-4 && fabs(across - 2.25) < 1e-4);
    elbo_array_free(&out);
    assert_int_equal(elbo_model_corrupt(model, &x, "fog", 1, 0, &out, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "salt-pepper"));
    assert_int_equal(elbo_model_corrupt(model, &x, "masking", 1.5, 0, &out, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_model_corrupt(model, &x, "gaussian", NAN, 0, &out, &error), ELBO_ERROR_USAGE);
    elbo_model_free(model);
}

/* The same rows get the same noise whatever they are corrupted with. */
static void test_noise_by_row(void **state) {
    (void)state;
    static uint8_t bytes[300 * 6];
    elbo_error error = {0};
    static const char *const settings[] = {"hidden", "4", "latent", "2", NULL};
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * 37);
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {300, 6}, .data = bytes}, all, first;
    elbo_model *model = new_model("ae", settings, &x);
    assert_int_equal(elbo_model_corrupt(model, &x, "gaussian", 0.5, 9, &all, &error), ELBO_OK);
    x.shape[0] = 5;
    assert_int_equal(elbo_model_corrupt(model, &x, "gaussian", 0.5, 9, &first, &error), ELBO_OK);
    assert_memory_equal(all.data, first.data, sizeof(float) * 30);
    assert_int_equal(elbo_model_corrupt(model, &x, "blur", 1, 9, &(elbo_array){0}, &error), ELBO_ERROR_USAGE);
    elbo_array_free(&all);
    elbo_array_free(&first);
    elbo_model_free(model);
}

/* ---- training ---- */

static char *folder(const char *name) {
    char *path = elbo_textf("%s/%s", place->folder, name);
    assert_non_null(path);
    return path;
}

typedef struct stop {
    int64_t steps, epochs; /* stop after so many; 0: never */
    double loss;
} stop;

static bool watch(void *user, const elbo_progress *progress) {
    stop *s = user;
    s->loss = progress->loss;
    if (progress->event == ELBO_EVENT_STEP) return s->steps > 0 && --s->steps == 0;
    return s->epochs > 0 && --s->epochs == 0;
}

static elbo_status train(const char *const *settings, const char *run, stop *s, elbo_error *error) {
    elbo_config *config = settings ? configure("ae", settings) : NULL;
    elbo_training training = {.config = config, .folder = run, .threads = 1, .progress = watch, .user = s};
    elbo_status status = elbo_train(&training, error);
    elbo_config_free(config);
    return status;
}

static void read_last(const char *run, elbo_instance *instance) {
    elbo_error error = {0};
    char *path = elbo_textf("%s/last.safetensors", run);
    if (elbo_instance_read(instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_free(path);
}

static bool same_tensor(const elbo_instance *a, const elbo_instance *b, const char *name) {
    const elbo_param_info *one = elbo_params_find(a->params, name), *two = elbo_params_find(b->params, name);
    assert_non_null(one);
    return memcmp(elbo_params_data(a->params, NULL) + one->offset, elbo_params_data(b->params, NULL) + two->offset,
                  sizeof(float) * one->count) == 0;
}

static const char *const stacked[] = {"data",       "synth:glyphs?train=120&test=20",
                                      "hidden",     "24,12",
                                      "latent",     "4",
                                      "batch",      "50",
                                      "pretrain",   "1",
                                      "epochs",     "2",
                                      "noise",      "masking",
                                      "save-every", "0",
                                      NULL};

/* Each phase moves its own layer alone; in the last one all of them move. */
static void test_layers(void **state) {
    (void)state;
    static const char *const up[] = {"encoder.dense1.weight", "encoder.dense2.weight", "encoder.code.weight"};
    static const char *const down[] = {"decoder.output.weight", "decoder.dense2.weight", "decoder.dense1.weight"};
    elbo_error error = {0};
    elbo_instance at[4];
    char *run[4];
    for (int64_t epochs = 1; epochs <= 4; epochs++) {
        char name[32];
        stop s = {.epochs = epochs};
        snprintf(name, sizeof name, "layers%d", (int)epochs);
        run[epochs - 1] = folder(name);
        assert_int_equal(train(stacked, run[epochs - 1], &s, &error), ELBO_ERROR_INTERRUPTED);
        read_last(run[epochs - 1], &at[epochs - 1]);
    }
    for (int now = 1; now < 4; now++)
        for (int layer = 0; layer < 3; layer++) {
            bool moves = now == 3 || layer == now;
            assert_int_equal(!same_tensor(&at[now - 1], &at[now], up[layer]), moves);
            assert_int_equal(!same_tensor(&at[now - 1], &at[now], down[layer]), moves);
        }
    for (int i = 0; i < 4; i++) {
        elbo_instance_clear(&at[i]);
        elbo_free(run[i]);
    }
}

/* Stopped within the second layer, between phases, and in the end; then on to the same bits. */
static void test_resume(void **state) {
    (void)state;
    elbo_error error = {0};
    char *whole = folder("whole"), *parts = folder("parts");
    stop never = {0}, inside = {.steps = 5}, between = {.epochs = 1}, late = {.steps = 4};
    if (train(stacked, whole, &never, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(train(stacked, parts, &inside, &error), ELBO_ERROR_INTERRUPTED);
    assert_int_equal(train(NULL, parts, &between, &error), ELBO_ERROR_INTERRUPTED);
    assert_int_equal(train(NULL, parts, &late, &error), ELBO_ERROR_INTERRUPTED);
    if (train(NULL, parts, &never, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_instance a, b;
    size_t length, other;
    read_last(whole, &a);
    read_last(parts, &b);
    const float *one = elbo_params_data(a.params, &length), *two = elbo_params_data(b.params, &other);
    assert_int_equal(length, other);
    assert_memory_equal(one, two, sizeof(float) * length);
    elbo_instance_clear(&a);
    elbo_instance_clear(&b);
    elbo_free(whole);
    elbo_free(parts);
}

static double square(const elbo_array *a, const elbo_array *b) {
    double sum = 0;
    for (int64_t i = 0; i < elbo_array_count(a); i++)
        sum += pow((double)((float *)a->data)[i] - (double)((float *)b->data)[i], 2);
    return sum / (double)elbo_array_count(a);
}

/* What is restored is nearer to the originals than what was corrupted, by half, on rows that were not trained on. */
static void test_denoising(void **state) {
    (void)state;
    static const char *const settings[] = {"data",        "synth:glyphs?train=1000&test=50",
                                           "hidden",      "128",
                                           "latent",      "32",
                                           "noise",       "salt-pepper",
                                           "noise-level", "0.3",
                                           "epochs",      "15",
                                           "batch",       "50",
                                           "activation",  "relu",
                                           NULL};
    elbo_error error = {0};
    char *run = folder("denoise");
    stop never = {0};
    if (train(settings, run, &never, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_model *model = elbo_model_open(run, "last", 1, &error);
    elbo_dataset *data = elbo_dataset_open("synth:glyphs?train=1000&test=50", NULL, &error);
    static uint8_t bytes[50 * SIZE];
    elbo_array x = {.dtype = ELBO_U8, .rank = 3, .shape = {50, SIDE, SIDE}, .data = bytes}, clean, noisy, z, restored;
    assert_int_equal(elbo_dataset_rows(data, ELBO_SPLIT_TEST, NULL, 0, 50, bytes, &error), ELBO_OK);
    assert_int_equal(elbo_model_corrupt(model, &x, "masking", 0, 5, &clean, &error), ELBO_OK);
    assert_int_equal(elbo_model_corrupt(model, &x, "salt-pepper", 0.3, 5, &noisy, &error), ELBO_OK);
    assert_int_equal(elbo_model_encode(model, &noisy, &z, NULL, &error), ELBO_OK);
    assert_int_equal(elbo_model_decode(model, &z, false, 0, &restored, &error), ELBO_OK);
    assert_true(square(&clean, &restored) < 0.5 * square(&clean, &noisy));
    /* what has no meaning for a code */
    elbo_array nothing = {0};
    assert_int_equal(elbo_model_prior(model, 3, 1, 1, &nothing, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "no prior"));
    assert_int_equal(elbo_model_decode(model, &z, true, 0, &nothing, &error), ELBO_ERROR_UNSUPPORTED);
    elbo_array_free(&clean);
    elbo_array_free(&noisy);
    elbo_array_free(&z);
    elbo_array_free(&restored);
    elbo_dataset_free(data);
    elbo_model_free(model);
    elbo_free(run);
}

/* ---- scores of rows ---- */

static void check_scores(const char *type, const char *likelihood) {
    elbo_error error = {0};
    const char *const settings[] = {"hidden", "8", "latent", "3", likelihood ? "likelihood" : NULL, likelihood, NULL};
    static uint8_t bytes[70 * 12];
    for (size_t i = 0; i < sizeof bytes; i++) bytes[i] = (uint8_t)(i * i % 256);
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {70, 12}, .data = bytes};
    elbo_model *model = new_model(type, settings, &x);
    elbo_dataset *data = rows_of(&x);
    elbo_evaluation_options options;
    elbo_evaluation whole;
    elbo_row_scores rows;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &options, "split", "train", &error), ELBO_OK);
    options.samples = likelihood ? 20 : 0;
    if (elbo_evaluate(model, data, &options, NULL, NULL, &whole, &error) != ELBO_OK) fail_msg("%s", error.message);
    if (elbo_model_score(model, data, &options, NULL, NULL, &rows, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(rows.count, 70);
    double reconstruction = 0, kl = 0, log_p = 0;
    for (int i = 0; i < 70; i++) {
        reconstruction += rows.reconstruction[i] / 70;
        kl += rows.kl ? rows.kl[i] / 70 : 0;
        log_p += rows.log_p ? rows.log_p[i] / 70 : 0;
    }
    assert_true(fabs(reconstruction / whole.reconstruction - 1) < 1e-9);
    if (likelihood) {
        assert_true(fabs(kl / whole.kl - 1) < 1e-9 && fabs(-log_p / whole.nll - 1) < 1e-9);
    } else {
        assert_null(rows.kl);
        assert_true(isnan(whole.elbo) && isnan(whole.kl) && isnan(whole.mutual_information));
        options.samples = 5;
        elbo_row_scores none;
        assert_int_equal(elbo_model_score(model, data, &options, NULL, NULL, &none, &error), ELBO_ERROR_UNSUPPORTED);
    }
    elbo_row_scores_clear(&rows);
    elbo_evaluation_clear(&whole);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    elbo_dataset_free(data);
    elbo_model_free(model);
}

static void test_scores(void **state) {
    (void)state;
    check_scores("vae", "bernoulli");
    check_scores("ae", NULL);
}

/* ---- data with little in them ---- */

static void train_rows(const char *name, const char *model, const elbo_array *x, const char *latent, double *loss) {
    elbo_error error = {0};
    char *data = elbo_textf("%s/%s.npy", place->folder, name), *run = folder(name);
    stop s = {0};
    assert_int_equal(elbo_array_save(x, data, &error), ELBO_OK);
    const char *const settings[] = {"data", data, "test-fraction", "0",        "latent", latent, "epochs",
                                    "600",  "lr", "0.01",          "schedule", "cosine", NULL};
    elbo_config *config = configure(model, settings);
    elbo_training training = {.config = config, .folder = run, .threads = 1, .progress = watch, .user = &s};
    if (elbo_train(&training, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    *loss = s.loss;
    elbo_config_free(config);
    elbo_free(data);
    elbo_free(run);
}

/* One row, rows that are all the same, a code wider than the data: there is no error left after training. */
static void test_degenerate(void **state) {
    (void)state;
    float one[6] = {0.5F, 0, 1, 0.25F, 0.75F, 0.1F}, same[8 * 6], loss_limit = 1e-3F;
    for (int i = 0; i < 48; i++) same[i] = 0.5F;
    elbo_array row = {.dtype = ELBO_F32, .rank = 2, .shape = {1, 6}, .data = one};
    elbo_array constant = {.dtype = ELBO_F32, .rank = 2, .shape = {8, 6}, .data = same};
    double loss;
    train_rows("one", "ae", &row, "2", &loss);
    assert_true(loss < (double)loss_limit);
    train_rows("one-pca", "pca", &row, "2", &loss);
    assert_true(loss < (double)loss_limit);
    train_rows("constant", "ae", &constant, "2", &loss);
    assert_true(loss < (double)loss_limit);
    train_rows("constant-pca", "pca", &constant, "6", &loss);
    assert_true(loss < (double)loss_limit);
    train_rows("wide", "ae", &constant, "20", &loss);
    assert_true(loss < (double)loss_limit);
}

static void refuse(const char *model, const char *const *settings, const char *wanted) {
    elbo_error error = {0};
    float values[6] = {0.5F, 0, 1, 0.25F, 0.75F, 0.1F};
    elbo_array x = {.dtype = ELBO_F32, .rank = 2, .shape = {1, 6}, .data = values};
    elbo_dataset *dataset = rows_of(&x);
    elbo_config *config = configure(model, settings);
    elbo_instance instance;
    assert_int_equal(elbo_instance_new(&instance, config, dataset, &error), ELBO_ERROR_USAGE);
    if (!strstr(error.message, wanted)) fail_msg("\"%s\" lacks \"%s\"", error.message, wanted);
    elbo_instance_clear(&instance);
    elbo_config_free(config);
    elbo_dataset_free(dataset);
}

static void test_refusals(void **state) {
    (void)state;
    refuse("pca", (const char *const[]){"latent", "7", NULL}, "at most 6");
    refuse("pca", (const char *const[]){"latent", "2", "beta", "2", NULL}, "--beta has no effect");
    refuse("ae", (const char *const[]){"noise", "blur", NULL}, "needs images");
    refuse("ae", (const char *const[]){"noise", "masking", "noise-level", "1.5", NULL}, "0 to 1");
    refuse("ae", (const char *const[]){"noise-level", "0.5", NULL}, "--noise-level has no effect");
    refuse("ae", (const char *const[]){"tied", "true", "decoder-hidden", "5", NULL}, "--decoder-hidden has no effect");
    refuse("ae", (const char *const[]){"hidden", "9,8,7,6,5,4,3,2", "pretrain", "1", NULL}, "at most 7");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_step),       cmocka_unit_test(test_mutations),    cmocka_unit_test(test_differences),
        cmocka_unit_test(test_tied),       cmocka_unit_test(test_subspace),     cmocka_unit_test(test_noise),
        cmocka_unit_test(test_blur),       cmocka_unit_test(test_noise_by_row), cmocka_unit_test(test_layers),
        cmocka_unit_test(test_resume),     cmocka_unit_test(test_denoising),    cmocka_unit_test(test_scores),
        cmocka_unit_test(test_degenerate), cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, load, unload);
}
