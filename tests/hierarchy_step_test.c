/* One training step of hvae, lvae and iwae against PyTorch: loss, every gradient, and every parameter after a step of
 * Adam, running statistics included (tests/fixtures/make_hierarchy_step.py). */
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
#include "optim/optim.h"
#include "train/step.h"

enum { PIXELS = 12, BATCH = 8 };
static const int sizes[] = {3, 2};
static const double rate = 0.001, epsilon = 0.01;

static const entry *find(const char *prefix, const char *name) {
    char full[128];
    snprintf(full, sizeof full, "%s%s", prefix, name);
    const entry *found = fixture_find(full);
    if (!found) fail_msg("the fixture has no %s", full);
    return found;
}

typedef struct subject {
    elbo_instance instance;
    elbo_dataset *dataset;
    uint8_t pixels[BATCH * PIXELS];
    float *gradient;
    elbo_step_program program;
    elbo_run run;
} subject;

static void open_subject(subject *s, const char *model) {
    static const char *const pairs[] = {"latents", "3,2", "widths", "6,5", NULL};
    elbo_error error = {0};
    elbo_data_options options;
    char path[512];
    entries = 0;
    snprintf(path, sizeof path, TEST_DIR "/fixtures/%s_step.txt", model);
    assert_int_equal(fixture_load(path, 70), 0);
    const entry *raw = find("", "raw");
    assert_int_equal(raw->count, BATCH * PIXELS);
    for (int i = 0; i < raw->count; i++) s->pixels[i] = (uint8_t)raw->value[i];
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {BATCH, PIXELS}, .data = s->pixels};
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    s->dataset = elbo_dataset_from_array(&x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!s->dataset) fail_msg("%s", error.message);
    elbo_config *config = elbo_config_new(model, &error);
    for (const char *const *at = pairs; *at; at += 2)
        assert_int_equal(elbo_config_set(config, at[0], at[1], &error), ELBO_OK);
    if (strcmp(model, "iwae") == 0) assert_int_equal(elbo_config_set(config, "draws", "5", &error), ELBO_OK);
    if (elbo_instance_new(&s->instance, config, s->dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    for (size_t i = 0; i < elbo_params_count(s->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(s->instance.params, i);
        const entry *e = find("", info->name);
        assert_int_equal(e->count, info->count);
        for (int k = 0; k < e->count; k++) elbo_params_tensor(s->instance.params, (int64_t)i)[k] = (float)e->value[k];
    }
    size_t length;
    elbo_params_data(s->instance.params, &length);
    s->gradient = aligned_alloc(64, (sizeof(float) * length + 63) / 64 * 64);
    memset(s->gradient, 0, sizeof(float) * length);
    if (elbo_step_program_new(&s->program, &s->instance, BATCH, s->gradient, 1, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    memcpy(elbo_plan_input(s->program.plan[0], s->program.raw), s->pixels, sizeof s->pixels);
    s->run =
        (elbo_run){.seed = 12345678901234567890u % ((uint64_t)1 << 62), .step = (uint32_t)find("", "step")->value[0]};
}

static void close_subject(subject *s) {
    elbo_step_program_clear(&s->program);
    elbo_instance_clear(&s->instance);
    elbo_dataset_free(s->dataset);
    free(s->gradient);
    fixture_unload(NULL);
}

/* The levels draw in the order in which their posterior goes: the ladder's from the top. Binary data draw nothing. */
static void check_noise(const subject *s, bool from_top) {
    for (int level = 0; level < 2; level++) {
        char name[16];
        snprintf(name, sizeof name, "noise%d", level + 1);
        const entry *noise = find("", name);
        uint32_t order = (uint32_t)(from_top ? 1 - level : level);
        elbo_rng rng = {s->run.seed, ELBO_STREAM_GRAPH + order, s->run.step};
        for (int i = 0; i < noise->count; i++) {
            int sample = i / (BATCH * sizes[level]), row = i / sizes[level] % BATCH, dimension = i % sizes[level];
            double got = elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)(sample * sizes[level] + dimension));
            assert_true(fabs(got - noise->value[i]) < 1e-12);
        }
    }
}

static double root_mean_square(const double *value, int count) {
    double square = 0;
    for (int i = 0; i < count; i++) square += value[i] * value[i];
    return sqrt(square / count);
}

/* f32 keeps 6e-8 of a number; some hundred operations in a row, which add up like their root, and sums of a hundred
 * terms of both signs leave about 1e-6 of a gradient's size: ten times that is allowed. A bias under batch norm has the
 * gradient 0, a sum of terms of the size of the other gradients, which is what their rounding is measured by. */
static double allowed(const entry *gradient, double typical) {
    double size = root_mean_square(gradient->value, gradient->count);
    return 1e-5 * (size > 1e-12 * typical ? size : typical);
}

static double typical_gradient(const elbo_params *params) {
    double square = 0, count = 0;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        if (strcmp(info->group, "state") == 0) continue;
        double size = root_mean_square(find(".d.", info->name)->value, (int)info->count);
        square += size * size * (double)info->count;
        count += (double)info->count;
    }
    return sqrt(square / count);
}

static void check_gradients(const subject *s) {
    double typical = typical_gradient(s->instance.params);
    for (size_t i = 0; i < elbo_params_count(s->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(s->instance.params, i);
        if (strcmp(info->group, "state") == 0) continue;
        const entry *wanted = find(".d.", info->name);
        for (int k = 0; k < wanted->count; k++) {
            double away = fabs((double)s->gradient[info->offset + (size_t)k] - wanted->value[k]);
            if (!(away <= allowed(wanted, typical)))
                fail_msg("gradient of %s, element %d: off by %g; %g is allowed", info->name, k, away,
                         allowed(wanted, typical));
        }
    }
}

/* Adam's first step is rate g / (|g| + epsilon), whose slope in g is at most rate / epsilon; the parameter itself and
 * the formula are rounded to f32, and running statistics are those of a batch whose values are of order 1 to 10. */
static void check_updated(const subject *s) {
    double typical = typical_gradient(s->instance.params);
    for (size_t i = 0; i < elbo_params_count(s->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(s->instance.params, i);
        const entry *wanted = find(".u.", info->name);
        bool state = strcmp(info->group, "state") == 0;
        double slack = state ? 1e-6 : rate / epsilon * allowed(find(".d.", info->name), typical) + 1e-6 * rate;
        for (int k = 0; k < wanted->count; k++) {
            double got = (double)elbo_params_tensor(s->instance.params, (int64_t)i)[k];
            double away = fabs(got - wanted->value[k]), most = slack + 1.2e-7 * fabs(wanted->value[k]);
            if (!(away <= most))
                fail_msg("%s, element %d: %.9g after the step, %.9g was expected", info->name, k, got,
                         wanted->value[k]);
        }
    }
}

static void check_step(const char *model) {
    subject s;
    elbo_error error = {0};
    elbo_step_result result;
    elbo_optimiser_options options;
    open_subject(&s, model);
    check_noise(&s, strcmp(model, "lvae") == 0);
    if (elbo_step_program_run(&s.program, 0, 1, &s.run, &result, &error) != ELBO_OK) fail_msg("%s", error.message);
    /* sums of a hundred f32 terms */
    const double loss = find("", ".loss")->value[0], reconstruction = find("", ".reconstruction")->value[0];
    assert_true(fabs(result.loss / loss - 1) < 1e-5);
    assert_true(fabs(result.reconstruction / reconstruction - 1) < 1e-5);
    assert_true(fabs(result.kl - find("", ".kl")->value[0]) < 1e-5 * (fabs(loss) + fabs(reconstruction)));
    check_gradients(&s);
    assert_int_equal(elbo_options_init(&elbo_optimiser_options_table, &options, &error), ELBO_OK);
    options.epsilon = epsilon;
    elbo_optimiser *adam = elbo_optimiser_new(s.instance.params, NULL, s.gradient, &options, 1, &error);
    if (!adam) fail_msg("%s", error.message);
    assert_int_equal(elbo_optimiser_step(adam, rate, 1, 1, &error), ELBO_OK);
    check_updated(&s);
    elbo_optimiser_free(adam);
    elbo_options_clear(&elbo_optimiser_options_table, &options);
    close_subject(&s);
}

static void test_hvae(void **state) { (void)state, check_step("hvae"); }
static void test_lvae(void **state) { (void)state, check_step("lvae"); }
static void test_iwae(void **state) { (void)state, check_step("iwae"); }

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_hvae), cmocka_unit_test(test_lvae),
                                       cmocka_unit_test(test_iwae)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
