/* One step of factorvae, btcvae, iop and vampvae against PyTorch: losses, objectives and every gradient
 * (tests/fixtures/make_prior_models.py), and which parameters an update leaves alone. */
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

enum { PIXELS = 10, BATCH = 8, ROWS = 20 };

static int load(void **state) {
    (void)state;
    return fixture_load(TEST_DIR "/fixtures/prior_models.txt", 60);
}

static const entry *find(const char *model, int u, const char *name) {
    char full[128];
    if (u >= 0)
        snprintf(full, sizeof full, "%s.%d.%s", model, u, name);
    else
        snprintf(full, sizeof full, "%s", name);
    return fixture_find(full);
}

static void open_instance(elbo_instance *instance, elbo_dataset **dataset, uint8_t *pixels, const char *model,
                          const char *const *more) {
    static const char *const common[] = {"hidden", "6", "latent", "3", "binarize", "dynamic", NULL};
    elbo_error error = {0};
    elbo_data_options options;
    const entry *x = find("", -1, "x");
    for (int i = 0; i < ROWS * PIXELS; i++) pixels[i] = (uint8_t)x->value[i % x->count];
    elbo_array array = {.dtype = ELBO_U8, .rank = 2, .shape = {ROWS, PIXELS}, .data = pixels};
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    *dataset = elbo_dataset_from_array(&array, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!*dataset) fail_msg("%s", error.message);
    elbo_config *config = elbo_config_new(model, &error);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? more : common; *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    if (elbo_instance_new(instance, config, *dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        const entry *e = find("", -1, info->name);
        if (!e) fail_msg("the fixture has no %s", info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(instance->params, (int64_t)i)[k] = (float)e->value[k];
    }
}

/* The largest error of a vector, as a share of its root mean square: each element is a sum of terms of that size. An
 * all-zero one must be zero. */
static double relative_error(const float *got, const double *wanted, int count) {
    double worst = 0, square = 1e-20;
    for (int i = 0; i < count; i++) {
        square += wanted[i] * wanted[i] / count;
        worst = fmax(worst, fabs((double)got[i] - wanted[i]));
    }
    return worst / sqrt(square);
}

static void near(const char *model, const char *what, double got, double wanted) {
    if (!(fabs(got / wanted - 1) < 2e-5)) fail_msg("%s: %s is %.9g, not %.9g", model, what, got, wanted);
}

/* Gradients where the fixture has them; elsewhere the array must keep what was in it. */
static void check_gradients(const elbo_instance *instance, const char *model, int u, const float *gradient) {
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        char key[96];
        snprintf(key, sizeof key, "d.%s", info->name);
        const entry *wanted = find(model, u, key);
        const float *got = gradient + info->offset;
        for (size_t k = 0; !wanted && k < info->count; k++)
            if (got[k] != 1234.5f) fail_msg("%s: update %d has a gradient of %s", model, u, info->name);
        double worst = wanted ? relative_error(got, wanted->value, (int)info->count) : 0;
        if (!(worst < 2e-5)) fail_msg("%s: update %d: gradient of %s is off by %g", model, u, info->name, worst);
    }
}

/* key: the fixture's name of the model with these options. */
static void check_model(const char *model, const char *key, int updates, const char *const *more) {
    elbo_error error = {0};
    elbo_instance instance;
    elbo_dataset *dataset;
    uint8_t pixels[ROWS * PIXELS];
    open_instance(&instance, &dataset, pixels, model, more);
    size_t length;
    elbo_params_data(instance.params, &length);
    float *gradient = aligned_alloc(64, sizeof(float) * length);
    elbo_step_program program;
    if (elbo_step_program_new(&program, &instance, BATCH, gradient, 1, &error) != ELBO_OK)
        fail_msg("%s: %s", model, error.message);
    assert_int_equal(program.updates, updates);
    for (int u = 0; u < updates; u++) {
        elbo_run run = {.seed = 12345678901234567890u % ((uint64_t)1 << 62), .step = 17};
        elbo_step_result result;
        double objective;
        for (size_t i = 0; i < length; i++) gradient[i] = 1234.5f;
        memcpy(elbo_plan_input(program.plan[u], program.raw), pixels, BATCH * PIXELS);
        assert_int_equal(elbo_step_program_run(&program, u, 0.5, &run, &result, &error), ELBO_OK);
        assert_true(elbo_plan_read(program.plan[u], program.update[u].objective, &objective, 1));
        near(key, "the objective", objective, find(key, u, "objective")->value[0]);
        if (u == 0) near(key, "the loss", result.loss, find(key, 0, "loss")->value[0]);
        if (u == 0) near(key, "the KL", result.kl, find(key, 0, "kl")->value[0]);
        if (u == 0) near(key, "the reconstruction", result.reconstruction, find(key, 0, "reconstruction")->value[0]);
        check_gradients(&instance, key, u, gradient);
    }
    elbo_step_program_clear(&program);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
    free(gradient);
}

static void test_factorvae(void **state) {
    (void)state;
    check_model("factorvae", "factorvae", 2, (const char *const[]){"gamma", "7", "critic-hidden", "5,4", NULL});
}

static void test_btcvae(void **state) {
    (void)state;
    static const char *const weighted[] = {"alpha", "2", "tc-weight", "5", "gamma", "3", NULL};
    static const char *const stratified[] = {"alpha", "2",         "tc-weight",  "5", "gamma",
                                             "3",     "aggregate", "stratified", NULL};
    check_model("btcvae", "btcvae", 1, weighted);
    check_model("btcvae", "btcvae-stratified", 1, stratified);
}

static void test_iop(void **state) {
    (void)state;
    check_model("iop", "iop", 2, (const char *const[]){"critic-hidden", "5,4", NULL});
}

static void test_vampvae(void **state) {
    (void)state;
    check_model("vampvae", "vampvae", 1, (const char *const[]){"pseudo-inputs", "4", "pseudo-mean", "0.3", NULL});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_factorvae),
        cmocka_unit_test(test_btcvae),
        cmocka_unit_test(test_iop),
        cmocka_unit_test(test_vampvae),
    };
    return cmocka_run_group_tests(tests, load, fixture_unload);
}
