/* Steps of every phase of vade against PyTorch: loss and every gradient (tests/fixtures/make_vade_step.py). */
#include "vade_support.h"

enum { PIXELS = 12, BATCH = 6, MOST = 512 };

typedef struct entry {
    char name[64];
    int count;
    double *value;
} entry;

static entry fixture[MOST];
static int entries;

static void load_fixture(void) {
    FILE *file = fopen(TEST_DIR "/fixtures/vade_step.txt", "r");
    assert_non_null(file);
    while (entries < MOST && fscanf(file, "%63s %d", fixture[entries].name, &fixture[entries].count) == 2) {
        entry *e = &fixture[entries++];
        e->value = malloc(sizeof(double) * (size_t)e->count);
        for (int i = 0; i < e->count; i++) assert_int_equal(fscanf(file, "%lf", &e->value[i]), 1);
    }
    fclose(file);
    assert_true(entries > 100);
}

static const entry *find(const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    for (int i = 0; i < entries; i++)
        if (strcmp(fixture[i].name, full) == 0) return &fixture[i];
    fail_msg("the fixture has no %s", full);
    return NULL;
}

/* The error relative to the vector's root mean square; where that is zero, anything but zero is wrong. */
static double relative_error(const float *got, const double *wanted, int count) {
    double worst = 0, square = 0;
    for (int i = 0; i < count; i++) {
        square += wanted[i] * wanted[i];
        worst = fmax(worst, fabs((double)got[i] - wanted[i]));
    }
    return worst > 0 ? worst / sqrt(square / count) : 0;
}

static void check_step(elbo_instance *instance, const uint8_t *pixels, const char *name, int phase, int u,
                       double weight) {
    elbo_error error = {0};
    size_t length;
    elbo_params_data(instance->params, &length);
    float *gradient = aligned_alloc(64, sizeof(float) * length);
    memset(gradient, 0, sizeof(float) * length);
    elbo_step_program program;
    instance->phase = phase;
    if (elbo_step_program_new(&program, instance, BATCH, gradient, 1, &error) != ELBO_OK) fail_msg("%s", error.message);
    memcpy(elbo_plan_input(program.plan[u], program.raw), pixels, BATCH * PIXELS);
    elbo_run run = {.seed = (uint64_t)find("", "seed")->value[0], .step = (uint32_t)find("", "step")->value[0]};
    elbo_step_result result;
    assert_int_equal(elbo_step_program_run(&program, u, weight, &run, &result, &error), ELBO_OK);
    const double got[] = {result.loss, result.reconstruction, result.kl};
    const char *const names[] = {".loss", ".reconstruction", ".kl"};
    for (int i = 0; i < 3; i++) {
        double wanted = find(name, names[i])->value[0];
        if (!(fabs(got[i] - wanted) <= 1e-5 * fabs(wanted)))
            fail_msg("%s%s: %.9g, PyTorch %.9g", name, names[i], got[i], wanted);
    }
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        char key[96];
        snprintf(key, sizeof key, ".d.%s", info->name);
        double worst = relative_error(gradient + info->offset, find(name, key)->value, (int)info->count);
        if (!(worst < 2e-5)) fail_msg("%s: gradient of %s is off by %g of its size", name, info->name, worst);
    }
    elbo_step_program_clear(&program);
    free(gradient);
}

static void check_cases(const char *draws, const char *loss, bool first) {
    elbo_instance instance;
    elbo_dataset *dataset;
    uint8_t pixels[BATCH * PIXELS];
    const char *settings[] = {"hidden", "10,7", "latent",       "3", "components",      "4", "binarize",      "none",
                              "draws",  draws,  "layer-epochs", "1", "pretrain-epochs", "1", "pretrain-loss", loss,
                              NULL};
    const entry *raw = find("", "raw");
    for (int i = 0; i < raw->count; i++) pixels[i] = (uint8_t)raw->value[i];
    open_instance(&instance, &dataset, ELBO_U8, pixels, BATCH, PIXELS, settings);
    for (size_t i = 0; i < elbo_params_count(instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(instance.params, i);
        const entry *e = find("", info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(instance.params, (int64_t)i)[k] = (float)e->value[k];
    }
    elbo_params_touch(instance.params);
    if (strcmp(loss, "squared") == 0) {
        check_step(&instance, pixels, "layer0_squared", 0, 0, 1);
        check_step(&instance, pixels, "layer1_squared", 0, 1, 1);
        check_step(&instance, pixels, "layer2_squared", 0, 2, 1);
        check_step(&instance, pixels, "whole_squared", 1, 0, 1);
    } else if (first) {
        check_step(&instance, pixels, "layer0", 0, 0, 1);
        check_step(&instance, pixels, "layer1", 0, 1, 1);
        check_step(&instance, pixels, "layer2", 0, 2, 1);
        check_step(&instance, pixels, "whole", 1, 0, 1);
        check_step(&instance, pixels, "one", 2, 0, 1);
        check_step(&instance, pixels, "warm", 2, 0, 0.25);
    } else {
        check_step(&instance, pixels, "two", 2, 0, 1);
    }
    elbo_instance_clear(&instance);
    elbo_dataset_free(dataset);
}

static void test_steps_are_those_of_pytorch(void **state) {
    (void)state;
    load_fixture();
    check_cases("1", "likelihood", true);
    check_cases("2", "likelihood", false);
    check_cases("1", "squared", true);
    for (int i = 0; i < entries; i++) free(fixture[i].value);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_steps_are_those_of_pytorch)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
