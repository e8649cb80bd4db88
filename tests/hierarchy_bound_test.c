/* Codes in levels where the likelihood is known: one unit in each of two levels, p(x) by quadrature over both. Bounds
 * and importance samples against it, the estimators' gradients against each other, and one batch learnt by heart. */
#include "scratch.h"
/* after the above */
#include <math.h>

#include "eval/model.h"
#include "graph/params.h"
#include "optim/optim.h"
#include "train/step.h"

enum { SIZE = 6, ROWS = 8 };

/* Eight different rows. */
static const uint8_t pixels[ROWS * SIZE] = {0, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 1, 0, 1, 0, 1, 0, 0, 1, 0, 1, 0, 1,
                                            1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 0, 0, 1, 1, 1, 1, 1, 1, 0, 0, 0, 0, 0, 0};

static elbo_dataset *open_data(int64_t rows) {
    elbo_error error = {0};
    elbo_data_options options;
    elbo_array x = {.dtype = ELBO_U8, .rank = 2, .shape = {rows, SIZE}, .data = (void *)(uintptr_t)pixels};
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    elbo_dataset *data = elbo_dataset_from_array(&x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!data) fail_msg("%s", error.message);
    return data;
}

static void open_instance(elbo_instance *instance, const elbo_dataset *data, const char *model,
                          const char *const *more) {
    static const char *const common[] = {"depth", "1", "batch-norm", "false", NULL};
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(model, &error);
    if (!config) fail_msg("%s", error.message);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? more : common; *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    if (elbo_instance_new(instance, config, data, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
}

/* ---- training on one batch ---- */

typedef struct bench {
    elbo_step_program program;
    float *gradient;
    size_t length;
} bench;

static void bench_open(bench *b, elbo_instance *instance, const elbo_dataset *data) {
    elbo_error error = {0};
    elbo_params_data(instance->params, &b->length);
    b->gradient = aligned_alloc(64, (sizeof(float) * b->length + 63) / 64 * 64);
    assert_non_null(b->gradient);
    memset(b->gradient, 0, sizeof(float) * b->length);
    int64_t rows = elbo_dataset_info(data)->count[ELBO_SPLIT_TRAIN];
    if (elbo_step_program_new(&b->program, instance, rows, b->gradient, 1, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    assert_int_equal(elbo_step_program_load(&b->program, instance, data, ELBO_SPLIT_TRAIN, NULL, 0, &error), ELBO_OK);
}

static void bench_close(bench *b) {
    elbo_step_program_clear(&b->program);
    free(b->gradient);
}

static double bench_step(bench *b, uint64_t seed, uint32_t step) {
    elbo_error error = {0};
    elbo_step_result result;
    elbo_run run = {.seed = seed, .step = step};
    if (elbo_step_program_run(&b->program, 0, 1, &run, &result, &error) != ELBO_OK) fail_msg("%s", error.message);
    return result.loss;
}

/* Steps of Adam, then the mean loss of `looks` draws more with its standard error. */
static double train(elbo_instance *instance, const elbo_dataset *data, int steps, double rate, int looks,
                    double *error_of_mean) {
    elbo_error error = {0};
    bench b;
    double mean = 0, square = 0;
    bench_open(&b, instance, data);
    elbo_optimiser *adam =
        elbo_optimiser_new(instance->params, NULL, b.gradient, &instance->config->optimiser, 1, &error);
    assert_non_null(adam);
    for (int step = 1; step <= steps; step++) {
        bench_step(&b, 5, (uint32_t)step);
        assert_int_equal(elbo_optimiser_step(adam, rate, step, 1, &error), ELBO_OK);
    }
    for (int look = 0; look < looks; look++) {
        double loss = bench_step(&b, 5, (uint32_t)(steps + 1 + look)), away = loss - mean;
        mean += away / (look + 1);
        square += away * (loss - mean);
    }
    *error_of_mean = sqrt(square / looks / looks);
    elbo_optimiser_free(adam);
    bench_close(&b);
    return mean;
}

/* ---- p(x) by quadrature ---- */

enum { HIDDEN = 7, GRID = 400 };

static const float *numbers(const elbo_params *params, const char *name, size_t count) {
    const elbo_param_info *info = elbo_params_find(params, name);
    if (!info) fail_msg("there is no parameter %s", name);
    assert_int_equal(info->count, count);
    return elbo_params_data((elbo_params *)(uintptr_t)params, NULL) + info->offset;
}

/* One number to a hidden layer of HIDDEN units (tanh), and on to `out` numbers. */
static void network(const elbo_params *params, const char *hidden, const char *output, double x, int out, double *y) {
    char name[96];
    double h[HIDDEN];
    snprintf(name, sizeof name, "decoder.%s.dense1.weight", hidden);
    const float *w = numbers(params, name, HIDDEN);
    snprintf(name, sizeof name, "decoder.%s.dense1.bias", hidden);
    const float *b = numbers(params, name, HIDDEN);
    for (int k = 0; k < HIDDEN; k++) h[k] = tanh(x * (double)w[k] + (double)b[k]);
    snprintf(name, sizeof name, "decoder.%s.weight", output);
    w = numbers(params, name, (size_t)(HIDDEN * out));
    snprintf(name, sizeof name, "decoder.%s.bias", output);
    b = numbers(params, name, (size_t)out);
    for (int j = 0; j < out; j++) {
        y[j] = (double)b[j];
        for (int k = 0; k < HIDDEN; k++) y[j] += h[k] * (double)w[k * out + j];
    }
}

/* -log p(x), mean over the rows, on a grid of `points` in each of z_2 and (z_1 - mu(z_2)) / sigma(z_2) from -9 to 9. */
static double by_quadrature(const elbo_params *params, int points) {
    double p[ROWS] = {0}, step = 18.0 / points, sum = 0;
    for (int i = 0; i <= points; i++) {
        double z2 = -9 + step * i, prior[2];
        network(params, "down2", "down1.normal", z2, 2, prior);
        double deviation = sqrt(exp(prior[1]) + 1e-5);
        for (int k = 0; k <= points; k++) {
            double e = -9 + step * k, logits[SIZE];
            double weight = exp(-0.5 * (z2 * z2 + e * e)) * step * step / 6.283185307179586477;
            if (weight < 1e-16) continue; /* all of these together are below 1e-11 */
            network(params, "down1", "output", prior[0] + deviation * e, SIZE, logits);
            for (int row = 0; row < ROWS; row++) {
                double log_x = 0;
                for (int d = 0; d < SIZE; d++) log_x -= log1p(exp(pixels[row * SIZE + d] ? -logits[d] : logits[d]));
                p[row] += weight * exp(log_x);
            }
        }
    }
    for (int row = 0; row < ROWS; row++) sum -= log(p[row]) / ROWS;
    return sum;
}

static const struct toy {
    const char *model, *options[13];
    bool weighted;
} toys[] = {
    {"hvae", {"activation", "tanh", "variance", "exp"}, false},
    {"lvae", {"activation", "tanh", "variance", "exp"}, false},
    {"iwae", {"draws", "5"}, true},
    {"iwae", {"draws", "6", "estimator", "miwae", "groups", "2"}, true},
    {"lvae", {"activation", "tanh", "variance", "exp", "draws", "5", "estimator", "dreg"}, true},
};
enum { TOYS = sizeof toys / sizeof *toys };

static void open_toy(elbo_instance *instance, const elbo_dataset *data, const struct toy *toy) {
    const char *pairs[24] = {"latents", "1,1", "widths", "7,7"};
    size_t used = 4;
    for (const char *const *at = toy->options; *at; at++) pairs[used++] = *at;
    open_instance(instance, data, toy->model, pairs);
}

/* The chance that one of the 10 comparisons fails where the mean is right, or even touches the bound: 2e-7 each. */
static void test_bounds_and_likelihood(void **state) {
    (void)state;
    const double LIMIT = 5.2;
    for (size_t t = 0; t < TOYS; t++) {
        elbo_dataset *data = open_data(ROWS);
        elbo_instance instance;
        elbo_error error = {0};
        elbo_evaluation figures;
        elbo_evaluation_options options;
        double noise;
        open_toy(&instance, data, &toys[t]);
        double loss = train(&instance, data, 400, 0.01, 500, &noise);
        double exact = by_quadrature(instance.params, GRID), coarse = by_quadrature(instance.params, GRID / 2);
        /* the rule converges faster than any power of the step; samples and draws are wrong by some 1e-3 */
        if (!(fabs(exact - coarse) < 1e-6)) fail_msg("the grid is too coarse: %.12g, %.12g", exact, coarse);
        if (!(loss > exact - LIMIT * noise))
            fail_msg("%s: loss %g +- %g, -log p(x) %g", toys[t].model, loss, noise, exact);
        if (!(loss < exact + 1.5)) fail_msg("%s: loss %g is far above -log p(x) %g", toys[t].model, loss, exact);
        elbo_model *model = elbo_model_from(&instance, 1, 1, 1, &error);
        if (!model) fail_msg("%s", error.message);
        assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
        options.samples = 20000;
        free(options.split);
        options.split = strdup("train");
        if (elbo_evaluate(model, data, &options, NULL, NULL, &figures, &error) != ELBO_OK)
            fail_msg("%s", error.message);
        if (!(fabs(figures.nll - exact) < LIMIT * figures.nll_sampling_error))
            fail_msg("%s: %g +- %g by samples, %g by quadrature", toys[t].model, figures.nll,
                     figures.nll_sampling_error, exact);
        assert_int_equal(figures.layers.count, 2);
        assert_int_equal(figures.layer_active.count, 2);
        assert_int_equal(figures.layer_active.value[0] + figures.layer_active.value[1], figures.active_units);
        elbo_evaluation_clear(&figures);
        elbo_options_clear(&elbo_evaluation_options_table, &options);
        elbo_model_free(model);
        elbo_dataset_free(data);
    }
}

/* ---- estimators of one bound agree, also for networks within the posterior and those that it shares ---- */

enum { MOST = 600, DRAWS_RUN = 3000 };

typedef struct moments {
    double mean[MOST], square[MOST];
    char name[MOST][48];
    size_t count;
} moments;

/* A start that depends on the name of a parameter alone: estimators declare them in different order. */
static void set_start(const elbo_instance *instance) {
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *info = elbo_params_at(instance->params, i);
        double phase = 0;
        for (const char *c = info->name; *c; c++) phase = 0.7 * phase + *c;
        for (size_t k = 0; k < info->count; k++)
            elbo_params_tensor(instance->params, (int64_t)i)[k] = (float)(0.8 * sin(1.7 * (double)k + phase));
    }
    elbo_params_touch(instance->params);
}

/* Means of the gradient of every trained number. */
static void gradients(const char *model, const char *estimator, const char *extra, const char *value, uint64_t seed,
                      moments *m) {
    const char *const pairs[] = {
        "latents",   "2,1",     "widths", "3,3", "activation",         "tanh", "variance", "exp",
        "estimator", estimator, "draws",  "4",   extra ? extra : NULL, value,  NULL};
    elbo_dataset *data = open_data(ROWS);
    elbo_instance instance;
    bench b;
    open_instance(&instance, data, model, pairs);
    set_start(&instance);
    bench_open(&b, &instance, data);
    memset(m, 0, sizeof *m);
    for (int run = 0; run < DRAWS_RUN; run++) {
        bench_step(&b, seed, (uint32_t)run);
        m->count = 0;
        for (size_t i = 0; i < elbo_params_count(instance.params); i++) {
            const elbo_param_info *info = elbo_params_at(instance.params, i);
            for (size_t k = 0; k < info->count; k++, m->count++) {
                assert_true(m->count < MOST);
                double got = (double)b.gradient[info->offset + k], away = got - m->mean[m->count];
                m->mean[m->count] += away / (run + 1);
                m->square[m->count] += away * (got - m->mean[m->count]);
                if (run == 0) snprintf(m->name[m->count], sizeof m->name[0], "%.40s %d", info->name, (int)k);
            }
        }
    }
    bench_close(&b);
    elbo_instance_clear(&instance);
    elbo_dataset_free(data);
}

/* The largest distance of two means in standard errors. Some 2000 pairs are compared below, of which one is beyond 5.2
 * by chance with probability 4e-4; the seeds are fixed. The floor is f32 rounding of a gradient. */
static double worst(const moments *a, const moments *b, char *where, size_t size) {
    double most = 0;
    assert_int_equal(a->count, b->count);
    for (size_t i = 0; i < a->count; i++) {
        size_t k = 0;
        while (k < b->count && strcmp(a->name[i], b->name[k]) != 0) k++;
        assert_true(k < b->count);
        double noise = sqrt((a->square[i] + b->square[k]) / DRAWS_RUN / DRAWS_RUN);
        double away = fabs(a->mean[i] - b->mean[k]) / (noise + 1e-7);
        if (!(away > most)) continue;
        most = away;
        snprintf(where, size, "%s", a->name[i]);
    }
    return most;
}

static void test_estimators_agree(void **state) {
    (void)state;
    static const char *const models[] = {"iwae", "hvae", "lvae"};
    static const struct {
        const char *name, *extra, *value, *like;
    } same[] = {{"dreg", NULL, NULL, "iwae"},    {"miwae", "groups", "1", "iwae"}, {"piwae", "groups", "1", "iwae"},
                {"ciwae", "share", "0", "iwae"}, {"stl", NULL, NULL, "a"},         {"miwae", "groups", "4", "a"},
                {"ciwae", "share", "1", "a"}};
    moments *m = calloc(3, sizeof *m);
    assert_non_null(m);
    for (size_t k = 0; k < 3; k++) {
        char where[64];
        gradients(models[k], "iwae", NULL, NULL, 100, &m[0]);
        gradients(models[k], "a", NULL, NULL, 101, &m[1]);
        double apart = worst(&m[0], &m[1], where, sizeof where);
        if (!(apart > 20)) fail_msg("%s: iwae and a are only %.1f standard errors apart", models[k], apart);
        for (size_t s = 0; s < sizeof same / sizeof *same; s++) {
            gradients(models[k], same[s].name, same[s].extra, same[s].value, 102 + s, &m[2]);
            double away = worst(&m[2], &m[strcmp(same[s].like, "a") == 0], where, sizeof where);
            if (!(away < 5.2))
                fail_msg("%s: %s and %s are %.1f standard errors apart at %s", models[k], same[s].name, same[s].like,
                         away, where);
        }
    }
    free(m);
}

/* ---- one batch by heart ---- */

/* -log p of the rows where each pixel is independent of the others: what a model reaches that ignores its codes. */
static double independent_pixels(void) {
    double sum = 0;
    for (int d = 0; d < SIZE; d++) {
        double ones = 0;
        for (int row = 0; row < ROWS; row++) ones += pixels[row * SIZE + d];
        double p = ones / ROWS;
        sum -= p * log(p) + (1 - p) * log(1 - p);
    }
    return sum;
}

/* Eight different rows: no model gives them more than 1/8 each on average (geometric), so that no bound is below log 8;
 * a network that tells them apart leaves a share of the way from independent pixels to there. The plain hierarchy
 * leaves more, since its posterior goes bottom up through levels that one draw has to serve. */
static void test_overfit(void **state) {
    (void)state;
    static const struct {
        const char *model, *pair[7];
        double left;
    } cases[] = {{"hvae", {NULL}, 0.7},
                 {"hvae", {"batch-norm", "true", NULL}, 0.5},
                 {"lvae", {"batch-norm", "true", NULL}, 0.3},
                 {"iwae", {"draws", "10", NULL}, 0.2},
                 {"iwae", {"draws", "8", "estimator", "piwae", NULL}, 0.2}};
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const char *pairs[20] = {"latents", "4,2", "widths", "32,16"};
        size_t used = 4;
        for (const char *const *at = cases[c].pair; *at; at++) pairs[used++] = *at;
        elbo_dataset *data = open_data(ROWS);
        elbo_instance instance;
        double noise;
        open_instance(&instance, data, cases[c].model, pairs);
        double loss = train(&instance, data, 2500, 0.005, 200, &noise);
        if (!(loss > log(8) - 5.2 * noise)) fail_msg("%s: loss %g +- %g is below log 8", cases[c].model, loss, noise);
        double left = (loss - log(8)) / (independent_pixels() - log(8));
        if (!(left < cases[c].left)) fail_msg("%s, case %zu: %g of the way is left", cases[c].model, c, left);
        elbo_instance_clear(&instance);
        elbo_dataset_free(data);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_bounds_and_likelihood),
                                       cmocka_unit_test(test_estimators_agree), cmocka_unit_test(test_overfit)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
