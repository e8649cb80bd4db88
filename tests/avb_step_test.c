/* One step of avb against PyTorch: losses, objectives and every gradient (tests/fixtures/make_avb_step.py), and which
 * parameters an update leaves alone. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fixture.h"
#include "graph/params.h"
#include "train/step.h"

enum { PIXELS = 10, BATCH = 8 };

static int load(void **state) {
    (void)state;
    return fixture_load(TEST_DIR "/fixtures/avb_step.txt", 150);
}

/* NULL if the fixture has none. */
static const entry *find(const char *form, int update, const char *name) {
    char full[128];
    if (update >= 0)
        snprintf(full, sizeof full, "%s.%d.%s", form, update, name);
    else
        snprintf(full, sizeof full, "%s.%s", form, name);
    return fixture_find(full);
}

static void set_all(elbo_config *config, const char *const *pairs) {
    elbo_error error = {0};
    for (; *pairs; pairs += 2)
        if (elbo_config_set(config, pairs[0], pairs[1], &error) != ELBO_OK) fail_msg("%s", error.message);
}

static void open_instance(elbo_instance *instance, elbo_dataset **dataset, uint8_t *pixels, const char *form,
                          const char *const *more) {
    static const char *const common[] = {"hidden", "6", "latent",           "3",   "binarize", "dynamic",
                                         "noise",  "4", "adversary-hidden", "5,4", NULL};
    elbo_error error = {0};
    elbo_data_options options;
    const entry *x = fixture_find("x");
    for (int i = 0; i < BATCH * PIXELS; i++) pixels[i] = (uint8_t)x->value[i];
    elbo_array array = {.dtype = ELBO_U8, .rank = 2, .shape = {BATCH, PIXELS}, .data = pixels};
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    *dataset = elbo_dataset_from_array(&array, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!*dataset) fail_msg("%s", error.message);
    elbo_config *config = elbo_config_new("avb", &error);
    set_all(config, common);
    set_all(config, more);
    if (elbo_instance_new(instance, config, *dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        const entry *e = find(form, -1, info->name);
        if (!e) fail_msg("the fixture has no %s of %s", info->name, form);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(instance->params, (int64_t)i)[k] = (float)e->value[k];
    }
}

/* The largest error of a vector, as a share of its root mean square: each element is a sum of terms of that size. */
static double relative_error(const float *got, const double *wanted, int count) {
    double worst = 0, square = 1e-20;
    for (int i = 0; i < count; i++) {
        square += wanted[i] * wanted[i] / count;
        worst = fmax(worst, fabs((double)got[i] - wanted[i]));
    }
    return worst / sqrt(square);
}

/* f32 has 6e-8; sums of some hundred terms cost two digits and a half. Normalised codes divide by a deviation of three
 * draws, and their gradient by its square, which costs another. */
static const double plain = 2e-5, normalised = 1e-4;

static double tolerance_of(const char *form) {
    bool contrast = strcmp(form, "contrast") == 0 || strcmp(form, "structured") == 0 || strcmp(form, "shape") == 0;
    return contrast ? normalised : plain;
}

static void near(const char *form, const char *what, double got, const entry *wanted) {
    if (!wanted) fail_msg("the fixture has no %s of %s", what, form);
    if (!(fabs(got - wanted->value[0]) < tolerance_of(form) * fmax(1, fabs(wanted->value[0]))))
        fail_msg("%s: %s is %.9g, not %.9g", form, what, got, wanted->value[0]);
}

/* Gradients where the fixture has them; elsewhere the array must keep what was in it. */
static void check_gradients(const elbo_instance *instance, const char *form, int u, const float *gradient) {
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        char key[96];
        snprintf(key, sizeof key, "d.%s", info->name);
        const entry *wanted = find(form, u, key);
        const float *got = gradient + info->offset;
        for (size_t k = 0; !wanted && k < info->count; k++)
            if (got[k] != 1234.5f) fail_msg("%s: update %d has a gradient of %s", form, u, info->name);
        double worst = wanted ? relative_error(got, wanted->value, (int)info->count) : 0;
        if (!(worst < tolerance_of(form)))
            fail_msg("%s: update %d: gradient of %s is off by %g", form, u, info->name, worst);
    }
}

static void check_update(elbo_step_program *program, const elbo_instance *instance, const char *form, int u,
                         const uint8_t *pixels, float *gradient, size_t length) {
    elbo_error error = {0};
    elbo_run run = {.seed = 12345678901234567890u % ((uint64_t)1 << 62), .step = 17};
    elbo_step_result result;
    double objective;
    for (size_t i = 0; i < length; i++) gradient[i] = 1234.5f;
    void *raw = elbo_plan_input(program->plan[u], program->raw);
    if (raw) memcpy(raw, pixels, BATCH * PIXELS);
    assert_int_equal(elbo_step_program_run(program, u, 0.5, &run, &result, &error), ELBO_OK);
    assert_true(elbo_plan_read(program->plan[u], program->update[u].objective, &objective, 1));
    near(form, "objective", objective, find(form, u, "objective"));
    if (u == 0) {
        near(form, "loss", result.loss, find(form, 0, "loss"));
        near(form, "kl", result.kl, find(form, 0, "kl"));
        const entry *reconstruction = find(form, 0, "reconstruction");
        if (reconstruction) near(form, "reconstruction", result.reconstruction, reconstruction);
    }
    check_gradients(instance, form, u, gradient);
}

static void check_form(const char *form, const char *const *more) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_dataset *dataset;
    uint8_t pixels[BATCH * PIXELS];
    open_instance(&instance, &dataset, pixels, form, more);
    size_t length;
    elbo_params_data(instance.params, &length);
    float *gradient = aligned_alloc(64, sizeof(float) * length);
    elbo_step_program program;
    if (elbo_step_program_new(&program, &instance, BATCH, gradient, 1, &error) != ELBO_OK)
        fail_msg("%s: %s", form, error.message);
    assert_int_equal(program.updates, 2);
    for (int u = 0; u < 2; u++) check_update(&program, &instance, form, u, pixels, gradient, length);
    elbo_step_program_clear(&program);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
    free(gradient);
}

static void test_joint(void **state) {
    (void)state;
    check_form("joint", (const char *const[]){NULL});
}

static void test_contrast(void **state) {
    (void)state;
    check_form("contrast", (const char *const[]){"adaptive-contrast", "true", "moment-draws", "3", NULL});
}

static void test_structured(void **state) {
    (void)state;
    check_form("structured", (const char *const[]){"adaptive-contrast", "true", "moment-draws", "3", "encoder",
                                                   "structured", "basis", "2", "noise-hidden", "4", NULL});
}

static void test_coefficients(void **state) {
    (void)state;
    check_form("shape",
               (const char *const[]){"adaptive-contrast", "true", "moment-draws", "3", "encoder", "structured", "basis",
                                     "2", "noise-hidden", "4", "adversary-input", "coefficients", NULL});
    check_form("all", (const char *const[]){"encoder", "structured", "basis", "2", "noise-hidden", "4",
                                            "adversary-input", "coefficients", NULL});
}

static void test_likelihood_free(void **state) {
    (void)state;
    check_form("free", (const char *const[]){"likelihood", "implicit", "decoder-noise", "4", NULL});
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_joint), cmocka_unit_test(test_contrast),
                                       cmocka_unit_test(test_structured), cmocka_unit_test(test_coefficients),
                                       cmocka_unit_test(test_likelihood_free)};
    return cmocka_run_group_tests(tests, load, fixture_unload);
}
