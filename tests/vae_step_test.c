/* One training step against PyTorch: weights, noise, loss and every gradient (tests/fixtures/make_vae_step.py). */
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

#include "base/rng.h"
#include "fixture.h"
#include "graph/params.h"
#include "train/step.h"

enum { PIXELS = 30, LATENT = 4, BATCH = 8 };

static int load(void **state) {
    (void)state;
    return fixture_load(TEST_DIR "/fixtures/vae_step.txt", 20);
}

static const entry *find(const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const entry *found = fixture_find(full);
    if (!found) fail_msg("the fixture has no %s", full);
    return found;
}

/* The error of a vector relative to its norm: every element of a gradient is a sum whose terms are of that size. */
static double relative_error(const float *got, const double *wanted, int count) {
    double worst = 0, square = 0;
    for (int i = 0; i < count; i++) {
        square += wanted[i] * wanted[i];
        if (fabs((double)got[i] - wanted[i]) > worst) worst = fabs((double)got[i] - wanted[i]);
    }
    return worst / sqrt(square / count);
}

static elbo_run run_of_fixture(void) {
    return (elbo_run){.seed = 12345678901234567890u % ((uint64_t)1 << 62),
                      .step = (uint32_t)find("", "step")->value[0]};
}

static void test_noise(void **state) {
    (void)state;
    elbo_run run = run_of_fixture();
    elbo_rng rng = {run.seed, ELBO_STREAM_GRAPH + 1, run.step};
    const entry *noise = find("a3", ".noise");
    for (int i = 0; i < noise->count; i++) {
        int sample = i / (BATCH * LATENT), row = i / LATENT % BATCH, dimension = i % LATENT;
        double got = elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)(sample * LATENT + dimension));
        assert_true(fabs(got - noise->value[i]) < 1e-12);
    }
}

static void open_instance(elbo_instance *instance, elbo_dataset **dataset, uint8_t *pixels, const char *estimator,
                          const char *draws) {
    elbo_error error = {0};
    const entry *raw = find("", "raw");
    for (int i = 0; i < raw->count; i++) pixels[i] = (uint8_t)raw->value[i];
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {BATCH, PIXELS}, .data = pixels};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    *dataset = elbo_dataset_from_array(&x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!*dataset) fail_msg("%s", error.message);
    elbo_config *config = elbo_config_new("vae", &error);
    assert_int_equal(elbo_config_set(config, "hidden", "16", &error), ELBO_OK);
    assert_int_equal(elbo_config_set(config, "latent", "4", &error), ELBO_OK);
    assert_int_equal(elbo_config_set(config, "binarize", "dynamic", &error), ELBO_OK);
    assert_int_equal(elbo_config_set(config, "estimator", estimator, &error), ELBO_OK);
    assert_int_equal(elbo_config_set(config, "draws", draws, &error), ELBO_OK);
    if (elbo_instance_new(instance, config, *dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        const entry *e = find("", info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(instance->params, (int64_t)i)[k] = (float)e->value[k];
    }
}

static void check_case(const char *name, const char *estimator, const char *draws, double weight) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_dataset *dataset;
    uint8_t pixels[BATCH * PIXELS];
    open_instance(&instance, &dataset, pixels, estimator, draws);
    size_t length;
    elbo_params_data(instance.params, &length);
    float *gradient = aligned_alloc(64, sizeof(float) * length);
    elbo_step_program program;
    if (elbo_step_program_new(&program, &instance, BATCH, gradient, 2, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    memcpy(elbo_plan_input(program.plan[0], program.raw), pixels, sizeof pixels);
    elbo_run run = run_of_fixture();
    elbo_step_result result;
    assert_int_equal(elbo_step_program_run(&program, 0, weight, &run, &result, &error), ELBO_OK);
    const double wanted[] = {find(name, ".loss")->value[0], find(name, ".reconstruction")->value[0],
                             find(name, ".kl")->value[0]};
    assert_true(fabs(result.loss / wanted[0] - 1) < 1e-5);
    assert_true(fabs(result.reconstruction / wanted[1] - 1) < 1e-5);
    assert_true(fabs(result.kl / wanted[2] - 1) < 1e-5);
    for (size_t i = 0; i < elbo_params_count(instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(instance.params, i);
        char key[96];
        snprintf(key, sizeof key, ".d.%s", info->name);
        double worst = relative_error(gradient + info->offset, find(name, key)->value, (int)info->count);
        if (!(worst < 1e-5)) fail_msg("%s: gradient of %s is off by %g of its size", name, info->name, worst);
    }
    elbo_step_program_clear(&program);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
    free(gradient);
}

static void test_estimator_b(void **state) { (void)state, check_case("b1", "b", "1", 1); }
static void test_estimator_a_three_draws(void **state) { (void)state, check_case("a3", "a", "3", 1); }
static void test_kl_weight(void **state) { (void)state, check_case("warm", "b", "1", 0.25); }

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_noise),
        cmocka_unit_test(test_estimator_b),
        cmocka_unit_test(test_estimator_a_three_draws),
        cmocka_unit_test(test_kl_weight),
    };
    return cmocka_run_group_tests(tests, load, fixture_unload);
}
