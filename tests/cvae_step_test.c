/* Training steps of the conditional VAE against PyTorch: weights, labels, noise, loss and every gradient
 * (tests/fixtures/make_cvae_step.py). */
#include "cvae_support.h"
#include "fixture.h"

enum { CHANNELS = 2, HEIGHT = 6, WIDTH = 4, PIXELS = CHANNELS * HEIGHT * WIDTH, BATCH = 6 };

/* One step in f32 against one in f64: sums of some fifty terms, each rounded to 6e-8 of its size. */
static const double tolerance = 1e-5;

static int load(void **state) {
    (void)state;
    return fixture_load(TEST_DIR "/fixtures/cvae_step.txt", 60);
}

static const entry *find(const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const entry *found = fixture_find(full);
    if (!found) fail_msg("the fixture has no %s", full);
    return found;
}

/* The worst error relative to the vector's usual element: every gradient is a sum whose terms are of that size. */
static double relative_error(const float *got, const double *wanted, int count) {
    double worst = 0, square = 0;
    for (int i = 0; i < count; i++) {
        square += wanted[i] * wanted[i];
        worst = fmax(worst, fabs((double)got[i] - wanted[i]));
    }
    return worst / sqrt(square / count);
}

static void fill_params(elbo_instance *instance, const char *name) {
    char key[96];
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        snprintf(key, sizeof key, ".%s", info->name);
        const entry *e = find(name, key);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(instance->params, (int64_t)i)[k] = (float)e->value[k];
    }
    elbo_params_touch(instance->params);
}

static void check_gradients(const elbo_instance *instance, const float *gradient, const char *name) {
    char key[96];
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        snprintf(key, sizeof key, ".d.%s", info->name);
        double worst = relative_error(gradient + info->offset, find(name, key)->value, (int)info->count);
        if (!(worst < tolerance)) fail_msg("%s: gradient of %s is off by %g of its size", name, info->name, worst);
    }
}

static void check_case(const char *name, double weight, const char *const *settings) {
    elbo_error error = {0};
    elbo_instance instance;
    uint8_t pixels[BATCH * PIXELS];
    int32_t labels[BATCH];
    for (int i = 0; i < BATCH * PIXELS; i++) pixels[i] = (uint8_t)find("", "raw")->value[i];
    for (int i = 0; i < BATCH; i++) labels[i] = (int32_t)find("", "labels")->value[i];
    elbo_dataset *dataset = open_data(&(data){ELBO_U8, pixels, 4, {BATCH, CHANNELS, HEIGHT, WIDTH}, labels});
    open_instance(&instance, dataset, settings);
    fill_params(&instance, name);
    size_t length;
    elbo_params_data(instance.params, &length);
    float *gradient = aligned_alloc(64, sizeof(float) * length);
    elbo_step_program program;
    if (elbo_step_program_new(&program, &instance, BATCH, gradient, 1, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    if (elbo_step_program_load(&program, &instance, dataset, ELBO_SPLIT_TRAIN, NULL, 0, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    elbo_run run = {.seed = (uint64_t)find("", "seed")->value[0], .step = (uint32_t)find("", "step")->value[0]};
    elbo_step_result result;
    assert_int_equal(elbo_step_program_run(&program, 0, weight, &run, &result, &error), ELBO_OK);
    double loss = find(name, ".loss")->value[0];
    assert_true(fabs(result.loss - loss) < tolerance * loss);
    assert_true(fabs(result.reconstruction - find(name, ".reconstruction")->value[0]) < tolerance * loss);
    assert_true(fabs(result.kl - find(name, ".kl")->value[0]) < tolerance * loss);
    check_gradients(&instance, gradient, name);
    elbo_step_program_clear(&program);
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
    free(gradient);
}

#define NETWORK "hidden", "7", "latent", "3", "activation", "relu", "binarize", "threshold"

static void test_labels(void **state) {
    (void)state;
    check_case("labels", 1, (const char *const[]){NETWORK, NULL});
}

static void test_labels_with_conditional_prior(void **state) {
    (void)state;
    check_case("labelprior", 1, (const char *const[]){NETWORK, "conditional-prior", "true", NULL});
}

static void test_three_quadrants(void **state) {
    (void)state;
    check_case(
        "three", 0.25,
        (const char *const[]){NETWORK, "condition", "quadrants", "quadrants", "3", "conditional-prior", "true", NULL});
}

static void test_two_quadrants_two_draws(void **state) {
    (void)state;
    check_case("two", 1,
               (const char *const[]){NETWORK, "condition", "quadrants", "quadrants", "2", "estimator", "a", "draws",
                                     "2", NULL});
}

static void test_net(void **state) {
    (void)state;
    check_case("net", 1,
               (const char *const[]){"hidden", "7", "activation", "relu", "binarize", "threshold", "condition",
                                     "quadrants", "baseline", "true", NULL});
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_labels_with_conditional_prior),
        cmocka_unit_test(test_three_quadrants),
        cmocka_unit_test(test_two_quadrants_two_draws),
        cmocka_unit_test(test_net),
    };
    return cmocka_run_group_tests(tests, load, fixture_unload);
}
