/* Models with a critic or another prior, in training and by their densities: they overfit one batch, go on from a save
 * with the same bits, stay below the exact likelihood, answer data that have nothing in them, and refuse options that
 * mean nothing. */
#include "scratch.h"
/* after the above */
#include <math.h>

#include "base/memory.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "models/model.h"
#include "train/checkpoint.h"
#include "train/step.h"

#define CRITIC "critic-hidden", "16,16"

/* A model with options; all of these are trained in the tests below. */
static const char *const variants[][14] = {
    {"factorvae", CRITIC, "gamma", "3", NULL},
    {"factorvae", CRITIC, "gamma", "3", "learn-prior", "true", "posterior", "student_t", NULL},
    {"btcvae", "tc-weight", "3", NULL},
    {"btcvae", "aggregate", "stratified", "tc-weight", "3", NULL},
    {"iop", CRITIC, "critic-steps", "3", "kl-warmup", "2", NULL},
    {"vampvae", "pseudo-inputs", "7", "pseudo-mean", "0.3", "pseudo-scale", "0.2", NULL},
    {"vampvae", "pseudo-inputs", "7", "estimator", "iwae", "draws", "3", NULL},
    {"vampvae", "pseudo-inputs", "7", "inference", "wake-sleep", NULL},
    {"vae", "kl-budget", "3", NULL},
    {"vae", "kl-budget", "3", "estimator", "a", "draws", "2", NULL},
};
enum { VARIANTS = sizeof variants / sizeof *variants };

static const char *const small[] = {"data",   "synth:glyphs?train=230&test=60",
                                    "hidden", "24",
                                    "latent", "3",
                                    "batch",  "50",
                                    "epochs", "6",
                                    "lr",     "0.003",
                                    "seed",   "5",
                                    NULL};

typedef struct watcher {
    int64_t stop_after, steps; /* 0: never */
    double first, last, kl;    /* of epochs */
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_EPOCH) {
        if (!(w->first != 0)) w->first = progress->reconstruction;
        w->last = progress->reconstruction;
        w->kl = progress->kl;
    }
    return progress->event == ELBO_EVENT_STEP && w->stop_after && ++w->steps == w->stop_after;
}

static elbo_status set_all(elbo_config *config, const char *const *pairs, elbo_error *error) {
    for (; pairs && *pairs; pairs += 2) ELBO_TRY(elbo_config_set(config, pairs[0], pairs[1], error));
    return ELBO_OK;
}

/* variant: a model's name, then pairs. */
static elbo_config *configure(const char *const *variant, const char *const *more) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(variant[0], &error);
    const char *const *lists[] = {small, variant + 1, more};
    for (int l = 0; l < 3; l++)
        if (set_all(config, lists[l], &error) != ELBO_OK) fail_msg("%s: %s", variant[0], error.message);
    return config;
}

static elbo_status train(const elbo_config *config, const char *folder, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = folder, .threads = 1, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static elbo_instance open_last(const char *folder) {
    elbo_instance instance;
    elbo_error error = {0};
    char path[256];
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (elbo_instance_read(&instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    return instance;
}

static const char *describe(size_t v) {
    static char text[256];
    *text = 0;
    for (int i = 0; variants[v][i]; i++)
        snprintf(text + strlen(text), sizeof text - strlen(text), "%s ", variants[v][i]);
    return text;
}

/* Images of a few pixels, of which there are six. */
enum { PIXELS = 12 };
static int pixel(int row, int k) { return (row * 5 + k * k) % 3 == 0 || (row + k) % 6 == 0; }

static void write_rows(const char *path, int rows, bool constant) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < rows; i++)
        for (int k = 0; k < PIXELS; k++) fprintf(file, "%d%s", constant ? 1 : pixel(i, k), k < PIXELS - 1 ? "," : "\n");
    fclose(file);
}

/* ---- learning, saving, going on ---- */

static void test_learn_and_resume(void **state) {
    const scratch *place = *state;
    for (size_t v = 0; v < VARIANTS; v++) {
        elbo_error error = {0};
        char whole[128], parts[128];
        snprintf(whole, sizeof whole, "%s/whole%zu", place->folder, v);
        snprintf(parts, sizeof parts, "%s/parts%zu", place->folder, v);
        elbo_config *config = configure(variants[v], NULL);
        watcher w = {0};
        if (train(config, whole, &w, &error) != ELBO_OK) fail_msg("%s: %s", describe(v), error.message);
        if (!(w.last < 0.95 * w.first)) fail_msg("%s: reconstruction %g, then %g", describe(v), w.first, w.last);
        watcher stopped = {.stop_after = 8}; /* in the middle of an epoch of 5 steps */
        assert_int_equal(train(config, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        stopped = (watcher){.stop_after = 11};
        assert_int_equal(train(NULL, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        stopped = (watcher){0};
        if (train(NULL, parts, &stopped, &error) != ELBO_OK) fail_msg("%s: %s", describe(v), error.message);
        elbo_instance a = open_last(whole), b = open_last(parts);
        size_t length, other;
        float *left = elbo_params_data(a.params, &length), *right = elbo_params_data(b.params, &other);
        assert_int_equal(length, other);
        if (memcmp(left, right, sizeof *left * length) != 0)
            fail_msg("%s: resuming gave other parameters", describe(v));
        elbo_instance_clear(&a);
        elbo_instance_clear(&b);
        elbo_config_free(config);
    }
}

/* Eight images in one batch: 500 steps bring the reconstruction far below that of the mean image, where it starts. */
static void test_overfit(void **state) {
    const scratch *place = *state;
    static const size_t which[] = {0, 2, 4, 5, 8};
    static const char *const more[] = {"data",     "synth:glyphs?train=8&test=0",
                                       "binarize", "threshold",
                                       "hidden",   "60",
                                       "epochs",   "500",
                                       "lr",       "0.005",
                                       "beta",     "0.01",
                                       NULL};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/overfit%zu", place->folder, i);
        bool budget = which[i] == 8;
        elbo_config *config = configure(variants[which[i]], budget ? NULL : more);
        if (budget) {
            for (size_t k = 0; strcmp(more[k], "beta") != 0; k += 2)
                assert_int_equal(elbo_config_set(config, more[k], more[k + 1], &error), ELBO_OK);
            assert_int_equal(elbo_config_set(config, "kl-budget", "30", &error), ELBO_OK);
        }
        watcher w = {0};
        if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s: %s", describe(which[i]), error.message);
        if (!(w.last < 0.1 * w.first)) fail_msg("%s: reconstruction %g, then %g", describe(which[i]), w.first, w.last);
        elbo_config_free(config);
    }
}

/* ---- repeats of an update ---- */

/* The run stops after its first step, of 8 or all of 16 rows; `other`: the last 8 of the epoch are other images. */
static elbo_instance first_step(const char *folder, const char *steps, bool other, const char *batch) {
    elbo_error error = {0};
    char rows[160];
    int64_t order[16];
    bool changed[16] = {false};
    elbo_rng rng = {5, ELBO_STREAM_SHUFFLE, 0};
    elbo_rng_permutation(&rng, order, 16);
    for (int i = 8; i < 16; i++) changed[order[i]] = other;
    snprintf(rows, sizeof rows, "%s.csv", folder);
    FILE *file = fopen(rows, "w");
    assert_non_null(file);
    for (int i = 0; i < 16; i++)
        for (int k = 0; k < PIXELS; k++)
            fprintf(file, "%d%s", changed[i] ? 1 - pixel(i, k) : pixel(i, k), k < PIXELS - 1 ? "," : "\n");
    fclose(file);
    const char *const more[] = {"data",         rows,  "test-fraction",  "0", "batch", batch,  "optimizer", "sgd",
                                "critic-steps", steps, "critic-dropout", "0", "lr",    "1e-4", NULL};
    elbo_config *config = configure(variants[4], more);
    watcher w = {.stop_after = 1};
    assert_int_equal(train(config, folder, &w, &error), ELBO_ERROR_INTERRUPTED);
    elbo_config_free(config);
    return open_last(folder);
}

static bool same(const elbo_instance *a, const elbo_instance *b, const char *group) {
    size_t first, count;
    assert_true(elbo_params_group(a->params, group, &first, &count));
    return memcmp(elbo_params_data(a->params, NULL) + first, elbo_params_data(b->params, NULL) + first,
                  sizeof(float) * count) == 0;
}

/* The first time the critic learns from the rows of the step, the second from others; nothing else notices. */
static void test_repeats(void **state) {
    const scratch *place = *state;
    elbo_instance run[4];
    for (int i = 0; i < 4; i++) {
        char folder[128];
        snprintf(folder, sizeof folder, "%s/repeat%d", place->folder, i);
        run[i] = first_step(folder, i < 2 ? "1" : "2", i % 2, "8");
    }
    assert_true(same(&run[0], &run[1], "critic"));
    assert_false(same(&run[0], &run[2], "critic"));
    assert_false(same(&run[2], &run[3], "critic"));
    for (int i = 1; i < 4; i++) {
        assert_true(same(&run[0], &run[i], "encoder"));
        assert_true(same(&run[0], &run[i], "decoder"));
    }
    for (int i = 0; i < 4; i++) elbo_instance_clear(&run[i]);
}

/* Twice the same rows, where a batch is all there is: by gradient descent of a tiny rate the same draws would move the
 * critic exactly twice as far (to a share of 1e-3, the rate being 10 lr); draws of their own do not. */
static void test_repeats_draw_afresh(void **state) {
    const scratch *place = *state;
    elbo_instance run[3];
    size_t first, count;
    double once = 0, away = 0;
    for (int i = 0; i < 3; i++) {
        char folder[128];
        static const char *const steps[] = {"1", "2", "3"};
        snprintf(folder, sizeof folder, "%s/draws%d", place->folder, i);
        run[i] = first_step(folder, steps[i], false, "16");
    }
    assert_true(elbo_params_group(run[0].params, "critic", &first, &count));
    for (size_t k = first; k < first + count; k++) {
        double a = (double)elbo_params_data(run[0].params, NULL)[k],
               b = (double)elbo_params_data(run[1].params, NULL)[k];
        double c = (double)elbo_params_data(run[2].params, NULL)[k];
        once += (b - a) * (b - a);
        away += (c - 2 * b + a) * (c - 2 * b + a);
    }
    if (!(sqrt(away) > 0.05 * sqrt(once))) fail_msg("second move differs by %g of the first", sqrt(away / once));
    for (int i = 0; i < 3; i++) elbo_instance_clear(&run[i]);
}

/* ---- the limit of the KL ---- */

static float state_of(const elbo_instance *instance, const char *name) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_data(instance->params, NULL)[info->offset];
}

/* After 1000 steps the KL of the last epoch is within a tenth of the budget, and a larger budget has a smaller
 * multiplier and a better reconstruction. */
static void test_budget_holds(void **state) {
    const scratch *place = *state;
    static const char *const budgets[] = {"1.5", "4"};
    double reconstruction[2];
    float log_beta[2];
    for (int b = 0; b < 2; b++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/budget%d", place->folder, b);
        const char *const more[] = {"kl-budget", budgets[b], "kl-budget-rate", "0.03", "epochs", "200", NULL};
        elbo_config *config = configure(variants[8], more);
        watcher w = {0};
        if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
        if (!(fabs(w.kl / atof(budgets[b]) - 1) < 0.1)) fail_msg("budget %s: KL %g", budgets[b], w.kl);
        elbo_instance last = open_last(folder);
        log_beta[b] = state_of(&last, "state.budget.log_beta");
        reconstruction[b] = w.last;
        elbo_instance_clear(&last);
        elbo_config_free(config);
    }
    assert_true(log_beta[1] < log_beta[0]);
    assert_true(reconstruction[1] < reconstruction[0]);
}

/* One step from the start: the running mean is the first KL, and log beta moves by rate times its excess, at most 1. */
static void test_budget_update(void **state) {
    const scratch *place = *state;
    static const char *const budgets[] = {"1e-3", "1e4", "12"};
    for (int b = 0; b < 3; b++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/update%d", place->folder, b);
        const char *const more[] = {"kl-budget", budgets[b], "kl-budget-rate", "0.5",    "batch", "230",
                                    "epochs",    "1",        "init",           "normal", NULL};
        elbo_config *config = configure(variants[8], more);
        watcher w = {0};
        if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
        elbo_instance last = open_last(folder);
        double excess = fmin(1, w.kl / atof(budgets[b]) - 1);
        assert_true(fabs((double)state_of(&last, "state.budget.log_beta") - 0.5 * excess) < 1e-4);
        assert_true(fabs((double)state_of(&last, "state.budget.sum") / (0.1 * w.kl) - 1) < 1e-5);
        elbo_instance_clear(&last);
        elbo_config_free(config);
    }
}

/* ---- densities ---- */

/* A model of latent 2 over a few rows, its decoder and prior as they start or were trained. */
typedef struct opened {
    elbo_instance instance;
    elbo_graph *graph;
    elbo_context context;
} opened;

static opened open_run(const char *folder) {
    opened o = {.instance = open_last(folder), .graph = elbo_graph_new()};
    o.context = elbo_instance_context(&o.instance, o.graph, false);
    return o;
}

static elbo_plan *plan_of(elbo_graph *graph, elbo_node **fetch, size_t count) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = count, .precision = ELBO_PRECISION_F32, .threads = 1};
    elbo_plan *plan = elbo_graph_check(graph, &error) == ELBO_OK ? elbo_plan_new(graph, &spec, &error) : NULL;
    if (!plan) fail_msg("%s", error.message);
    return plan;
}

/* log p(x) of one image by the trapezoidal rule over the plane of codes. */
enum { SIDE = 161, GRID = SIDE * SIDE, DRAWS = 20000 };
static const double spacing = 0.1;

static void grid_codes(float *z) {
    for (int i = 0; i < GRID; i++) {
        z[2 * i] = (float)(spacing * (i / SIDE - SIDE / 2));
        z[2 * i + 1] = (float)(spacing * (i % SIDE - SIDE / 2));
    }
}

static double log_mean_exp(const double *v, int count) {
    double most = -INFINITY, sum = 0;
    for (int i = 0; i < count; i++) most = fmax(most, v[i]);
    for (int i = 0; i < count; i++) sum += exp(v[i] - most);
    return most + log(sum / count);
}

/* The bound of each variant is below the likelihood that its own prior and decoder have, and weighted draws of its
 * posterior give that likelihood: 5 standard errors of 20 000 draws each. The prior's integral is `mass` or unknown
 * (0). f32 densities of some ten nats are good to 1e-5 relative. */
static void bound_is_below(const char *folder, const char *what, double mass) {
    elbo_error error = {0};
    opened o = open_run(folder);
    elbo_node *x = elbo_input(o.graph, "pixels", ELBO_F32, ELBO_SHAPE(1, PIXELS));
    elbo_node *grid = elbo_input(o.graph, "grid", ELBO_F32, ELBO_SHAPE(GRID, 1, 2));
    elbo_dist prior = o.instance.type->prior(&o.context, 1), q = o.instance.type->encode(&o.context, x);
    elbo_dist there = o.instance.type->decode(&o.context, grid);
    elbo_node *z = elbo_dist_sample(&q, DRAWS);
    elbo_dist drawn = o.instance.type->decode(&o.context, z);
    elbo_node *fetch[4] = {elbo_dist_log_prob(&prior, grid), elbo_dist_log_prob(&there, x)};
    fetch[2] = elbo_add(elbo_dist_log_prob(&drawn, x), elbo_dist_log_prob(&prior, z));
    fetch[2] = elbo_sub(fetch[2], elbo_dist_log_prob(&q, z));
    elbo_plan *plan = plan_of(o.graph, fetch, 3);
    grid_codes(elbo_plan_input(plan, grid));
    double *values = malloc(sizeof *values * 3 * GRID), *likelihood = values + GRID, *weight = values + 2 * GRID;
    for (int row = 0; row < 3; row++) {
        float *pixels = elbo_plan_input(plan, x);
        for (int k = 0; k < PIXELS; k++) pixels[k] = (float)pixel(row, k);
        assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 9, .step = (uint32_t)row}, &error), ELBO_OK);
        assert_true(elbo_plan_read(plan, fetch[0], values, GRID));
        assert_true(elbo_plan_read(plan, fetch[1], likelihood, GRID));
        assert_true(elbo_plan_read(plan, fetch[2], weight, DRAWS));
        double area = log(GRID * spacing * spacing), integral = exp(log_mean_exp(values, GRID) + area);
        if (mass > 0 && !(fabs(integral / mass - 1) < 1e-3)) fail_msg("%s: the prior integrates to %g", what, integral);
        for (int i = 0; i < GRID; i++) likelihood[i] += values[i];
        double exact = log_mean_exp(likelihood, GRID) + area, bound = 0, square = 0, ratio = 0;
        for (int i = 0; i < DRAWS; i++) {
            bound += weight[i] / DRAWS;
            square += weight[i] * weight[i] / DRAWS;
            ratio += exp(2 * (weight[i] - exact)) / DRAWS;
        }
        double slack = 1e-5 * fabs(exact), estimate = log_mean_exp(weight, DRAWS);
        if (!(bound < exact + slack + 5 * sqrt((square - bound * bound) / DRAWS)))
            fail_msg("%s: bound %g above %g", what, bound, exact);
        if (!(fabs(estimate - exact) < slack + 5 * sqrt(ratio / DRAWS)))
            fail_msg("%s: %g by draws, %g exactly", what, estimate, exact);
    }
    free(values);
    elbo_plan_free(plan);
    elbo_graph_free(o.graph);
    elbo_instance_clear(&o.instance);
}

static void test_bound_is_below(void **state) {
    const scratch *place = *state;
    static const size_t which[] = {0, 2, 4, 5, 8};
    char rows[128];
    snprintf(rows, sizeof rows, "%s/toy.csv", place->folder);
    write_rows(rows, 60, false);
    const char *const more[] = {"data", rows, "test-fraction", "0", "latent", "2", "batch", "20", "epochs", "60", NULL};
    for (size_t i = 0; i < sizeof which / sizeof *which; i++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/toy%zu", place->folder, i);
        elbo_config *config = configure(variants[which[i]], more);
        watcher w = {0};
        if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
        bound_is_below(folder, describe(which[i]), which[i] == 4 ? 0 : 1);
        elbo_config_free(config);
    }
}

/* A critic without hidden layers, T = w z + b, makes the implicit prior N(w, I) e^(b + |w|^2 / 2). Draws and the mean
 * come by importance: 64 candidates are biased by about (e^|w|^2 - 1) |w| / 64 < 0.003. */
static void test_implicit_prior(void **state) {
    const scratch *place = *state;
    enum { SAMPLES = 4000 };
    elbo_error error = {0};
    char folder[128];
    snprintf(folder, sizeof folder, "%s/implicit", place->folder);
    const char *const variant[] = {"iop", "critic-hidden", "", "latent", "2", "epochs", "1", NULL};
    elbo_config *config = configure(variant, NULL);
    watcher w = {0};
    if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    opened o = open_run(folder);
    const double slope[2] = {0.5, -0.25}, constant = 0.3;
    float *data = elbo_params_data(o.instance.params, NULL);
    for (int d = 0; d < 2; d++)
        data[elbo_params_find(o.instance.params, "critic.output.weight")->offset + (size_t)d] = (float)slope[d];
    data[elbo_params_find(o.instance.params, "critic.output.bias")->offset] = (float)constant;
    elbo_params_touch(o.instance.params);
    elbo_dist prior = o.instance.type->prior(&o.context, SAMPLES);
    elbo_node *z = elbo_dist_sample(&prior, 0);
    elbo_node *fetch[4] = {z, elbo_dist_log_prob(&prior, z), elbo_dist_mean(&prior), elbo_dist_variance(&prior)};
    elbo_plan *plan = plan_of(o.graph, fetch, 4);
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 3}, &error), ELBO_OK);
    double *value[4];
    for (int k = 0; k < 4; k++) {
        value[k] = malloc(sizeof(double) * 2 * SAMPLES);
        assert_true(elbo_plan_read(plan, fetch[k], value[k], k == 1 ? SAMPLES : 2 * SAMPLES));
    }
    double mean[2] = {0};
    for (int i = 0; i < SAMPLES; i++) {
        double wanted = constant - log(2 * M_PI);
        for (int d = 0; d < 2; d++) {
            double at = value[0][2 * i + d];
            wanted += slope[d] * at - 0.5 * at * at;
            mean[d] += at / SAMPLES;
        }
        assert_true(fabs(value[1][i] - wanted) < 1e-5 * (1 + fabs(wanted)));
    }
    for (int d = 0; d < 2; d++) { /* 5 deviations of 1/sqrt(4000), and of the weighted mean of 4096 */
        assert_true(fabs(mean[d] - slope[d]) < 5 / sqrt(SAMPLES) + 0.003);
        assert_true(fabs(value[2][d] - slope[d]) < 0.1);
        assert_true(fabs(value[3][d] - 1) < 0.15);
    }
    for (int k = 0; k < 4; k++) free(value[k]);
    elbo_plan_free(plan);
    elbo_graph_free(o.graph);
    elbo_instance_clear(&o.instance);
    elbo_config_free(config);
}

/* ---- nothing in the data, nothing in the options ---- */

typedef struct degenerate {
    size_t variant;
    int rows;
    bool constant;
    const char *batch, *message; /* NULL: it trains */
} degenerate;

static void test_degenerate(void **state) {
    const scratch *place = *state;
    static const degenerate cases[] = {
        {0, 20, true, "8", NULL},
        {0, 1, false, "8", "at least 4 rows"},
        {0, 20, false, "1", "at least 4 rows"},
        {0, 9, false, "8", NULL},
        {2, 20, true, "8", NULL},
        {2, 1, false, "8", "at least 2 rows"},
        {2, 9, false, "1", "at least 2 rows"},
        {3, 9, false, "8", NULL},
        {4, 20, true, "8", NULL},
        {4, 1, false, "8", NULL},
        {4, 9, false, "1", NULL},
        {5, 20, true, "8", NULL},
        {5, 1, false, "8", NULL},
        {5, 9, false, "1", NULL},
        {8, 20, true, "8", NULL},
        {8, 1, false, "8", NULL},
        {8, 9, false, "1", NULL},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        const degenerate *at = &cases[c];
        elbo_error error = {0};
        char folder[128], path[128];
        snprintf(path, sizeof path, "%s/rows%zu.csv", place->folder, c);
        snprintf(folder, sizeof folder, "%s/degenerate%zu", place->folder, c);
        write_rows(path, at->rows, at->constant);
        const char *const more[] = {"data", path, "batch", at->batch, "test-fraction", "0", "epochs", "3", NULL};
        elbo_config *config = configure(variants[at->variant], more);
        watcher w = {0};
        elbo_status status = train(config, folder, &w, &error);
        if (at->message) {
            assert_int_equal(status, ELBO_ERROR_USAGE);
            if (!strstr(error.message, at->message)) fail_msg("case %zu: %s", c, error.message);
            assert_int_not_equal(access(folder, F_OK), 0);
        } else {
            if (status != ELBO_OK) fail_msg("case %zu, %s: %s", c, describe(at->variant), error.message);
            if (!isfinite(w.last) || !isfinite(w.kl)) fail_msg("case %zu: %g, %g", c, w.last, w.kl);
        }
        elbo_config_free(config);
    }
}

static void test_refusals(void **state) {
    const scratch *place = *state;
    static const char *const cases[][8] = {
        /* the message, the model, options */
        {"at least 2 were expected", "factorvae", "latent", "1", NULL},
        {"no gradient", "vae", "posterior", "bernoulli", "prior", "bernoulli", NULL},
        {"through draws that carry a gradient", "factorvae", "posterior", "bernoulli", "prior", "bernoulli", NULL},
        {"needs --optimizer adam", "factorvae", "critic-beta1", "0.4", "optimizer", "sgd", NULL},
        {"needs a mixture", "factorvae", "components", "4", NULL},
        {"dimensions are independent", "btcvae", "posterior", "multivariate_normal", NULL},
        {"needs a mixture as --posterior", "iop", "components", "4", NULL},
        {"does not go with --prior normal", "iop", "posterior", "dirichlet", NULL},
        {"no encoder", "vampvae", "inference", "bbvi", NULL},
        {"no encoder", "vampvae", "inference", "mcem", NULL},
        {"KL for each dimension", "vampvae", "free-bits", "1", NULL},
        {"--inference sgvb", "vae", "kl-budget", "3", "inference", "full-vb", NULL},
        {"a bound with a KL", "vae", "kl-budget", "3", "estimator", "dreg", NULL},
        {"--beta has no effect", "vae", "kl-budget", "3", "beta", "2", NULL},
        {"--kl-warmup has no effect", "vae", "kl-budget", "3", "kl-warmup", "2", NULL},
        {"--kl-budget-rate has no effect", "vae", "kl-budget-rate", "0.1", NULL},
    };
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/refused", place->folder);
        elbo_config *config = configure(cases[c] + 1, NULL);
        watcher w = {0};
        assert_int_equal(train(config, folder, &w, &error), ELBO_ERROR_USAGE);
        if (!strstr(error.message, cases[c][0])) fail_msg("%s: %s", cases[c][0], error.message);
        elbo_config_free(config);
    }
    static const char *const foreign[][3] = {{"factorvae", "draws", "2"},     {"factorvae", "inference", "bbvi"},
                                             {"btcvae", "estimator", "iwae"}, {"iop", "prior", "gamma"},
                                             {"iop", "free-bits", "1"},       {"vampvae", "posterior", "laplace"}};
    for (size_t c = 0; c < sizeof foreign / sizeof *foreign; c++) {
        elbo_error error = {0};
        elbo_config *config = elbo_config_new(foreign[c][0], &error);
        assert_int_equal(elbo_config_set(config, foreign[c][1], foreign[c][2], &error), ELBO_ERROR_USAGE);
        elbo_config_free(config);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_learn_and_resume), cmocka_unit_test(test_overfit),
        cmocka_unit_test(test_repeats),          cmocka_unit_test(test_repeats_draw_afresh),
        cmocka_unit_test(test_budget_holds),     cmocka_unit_test(test_budget_update),
        cmocka_unit_test(test_bound_is_below),   cmocka_unit_test(test_implicit_prior),
        cmocka_unit_test(test_degenerate),       cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
