/* Variational deep embedding: the bound against enumeration and quadrature on one-dimensional codes, gradients against
 * differences, what is learnt, and inputs at the edge. */
#include "vade_support.h"

/* An update of a phase in double precision: its objective, loss, reconstruction and kl. */
typedef struct bench {
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *raw, *weight, *fetch[4];
    size_t fetches; /* a pre-training has no kl */
} bench;

static void bench_open(bench *b, const elbo_instance *instance, int64_t rows) {
    elbo_error error = {0};
    elbo_update update[ELBO_MODEL_UPDATES];
    b->graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(instance, b->graph, true);
    b->raw = elbo_instance_raw(instance, b->graph, rows);
    elbo_node *x = elbo_instance_x(instance, b->raw, true);
    b->weight = elbo_input(b->graph, "kl_weight", ELBO_F32, ELBO_SCALAR);
    elbo_weights weights = {b->weight};
    assert_int_equal(instance->type->updates(&context, x, &weights, update), 1);
    if (elbo_graph_check(b->graph, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_node *fetch[4] = {update[0].objective, update[0].loss, update[0].reconstruction, update[0].kl};
    memcpy(b->fetch, fetch, sizeof fetch);
    b->fetches = update[0].kl ? 4 : 3;
    elbo_plan_spec spec = {.fetch = b->fetch,
                           .fetch_count = b->fetches,
                           .backend = ELBO_BACKEND_REFERENCE,
                           .precision = ELBO_PRECISION_F64,
                           .threads = 1};
    b->plan = elbo_plan_new(b->graph, &spec, &error);
    if (!b->plan) fail_msg("%s", error.message);
}

/* The reference backend holds real inputs in double precision. */
static void fill(elbo_plan *plan, const elbo_node *node, const float *values, int64_t count) {
    double *to = elbo_plan_input(plan, node);
    for (int64_t i = 0; to && i < count; i++) to[i] = (double)values[i];
}

static void bench_run(bench *b, const float *x, int64_t count, float weight, uint64_t seed, double out[4]) {
    elbo_error error = {0};
    elbo_run run = {.seed = seed, .step = 3};
    fill(b->plan, b->raw, x, count);
    fill(b->plan, b->weight, &weight, 1);
    if (elbo_plan_run(b->plan, &run, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (size_t i = 0; i < b->fetches; i++) assert_true(elbo_plan_read(b->plan, b->fetch[i], &out[i], 1));
}

static void bench_close(bench *b) {
    elbo_plan_free(b->plan);
    elbo_graph_free(b->graph);
}

/* ---- a toy: x of two numbers, z of one, two clusters, linear networks ---- */

enum { TOY_ROWS = 5, TOY_SIZE = 2, TOY_DRAWS = 400 };
static const double LOG_TWO_PI = 1.8378770664093454836;

typedef struct toy {
    elbo_instance instance;
    elbo_dataset *dataset;
    float x[TOY_ROWS * TOY_SIZE];
    double weight[2], loc[2], scale[2]; /* of the clusters */
    double w[TOY_SIZE], b[TOY_SIZE], s; /* p(x|z) = N(w z + b, s^2) */
    double mean[TOY_ROWS], deviation[TOY_ROWS];
} toy;

static const char *const toy_settings[] = {"latent",     "1",        "components",      "2",     "hidden", "",
                                           "likelihood", "gaussian", "variance",        "fixed", "scale",  "0.5",
                                           "draws",      "400",      "pretrain-epochs", "0",     NULL};

/* Reads the numbers back from the parameters, which are f32. */
static void read_toy(toy *t) {
    const float *logits = tensor(&t->instance, "prior.mixture.logits");
    double total = exp((double)logits[0]) + exp((double)logits[1]);
    for (int k = 0; k < 2; k++) {
        t->weight[k] = exp((double)logits[k]) / total;
        t->loc[k] = (double)tensor(&t->instance, "prior.mixture.loc")[k];
        t->scale[k] = exp((double)tensor(&t->instance, "prior.mixture.log_scale")[k]);
    }
    const float *a = tensor(&t->instance, "encoder.posterior.weight"),
                *c = tensor(&t->instance, "encoder.posterior.bias");
    for (int i = 0; i < TOY_SIZE; i++) {
        t->w[i] = (double)tensor(&t->instance, "decoder.output.weight")[i];
        t->b[i] = (double)tensor(&t->instance, "decoder.output.bias")[i];
    }
    t->s = 0.5;
    for (int n = 0; n < TOY_ROWS; n++) {
        double mean = (double)c[0], log_variance = (double)c[1];
        for (int i = 0; i < TOY_SIZE; i++) {
            mean += (double)t->x[n * TOY_SIZE + i] * (double)a[2 * i];
            log_variance += (double)t->x[n * TOY_SIZE + i] * (double)a[2 * i + 1];
        }
        t->mean[n] = mean;
        t->deviation[n] = exp(0.5 * log_variance);
    }
}

static void open_toy(toy *t, const char *const *settings) {
    for (int i = 0; i < TOY_ROWS * TOY_SIZE; i++) t->x[i] = (float)sin(1.7 * i + 0.3) * 2;
    open_instance(&t->instance, &t->dataset, ELBO_F32, t->x, TOY_ROWS, TOY_SIZE, settings);
    const float logits[] = {0.4f, -0.3f}, loc[] = {-1.1f, 0.8f}, log_scale[] = {-0.2f, 0.25f};
    const float w[] = {0.9f, -0.6f}, b[] = {0.1f, 0.2f}, a[] = {0.5f, 0.1f, -0.4f, 0.2f}, c[] = {0.05f, -1.2f};
    memcpy(tensor(&t->instance, "prior.mixture.logits"), logits, sizeof logits);
    memcpy(tensor(&t->instance, "prior.mixture.loc"), loc, sizeof loc);
    memcpy(tensor(&t->instance, "prior.mixture.log_scale"), log_scale, sizeof log_scale);
    memcpy(tensor(&t->instance, "decoder.output.weight"), w, sizeof w);
    memcpy(tensor(&t->instance, "decoder.output.bias"), b, sizeof b);
    memcpy(tensor(&t->instance, "encoder.posterior.weight"), a, sizeof a);
    memcpy(tensor(&t->instance, "encoder.posterior.bias"), c, sizeof c);
    elbo_params_touch(t->instance.params);
    read_toy(t);
}

static void close_toy(toy *t) {
    elbo_instance_clear(&t->instance);
    elbo_dataset_free(t->dataset);
}

static double log_normal(double x, double mean, double deviation) {
    double u = (x - mean) / deviation;
    return -0.5 * (u * u + LOG_TWO_PI) - log(deviation);
}

static double log_likelihood(const toy *t, int n, double z) {
    double sum = 0;
    for (int i = 0; i < TOY_SIZE; i++) sum += log_normal((double)t->x[n * TOY_SIZE + i], t->w[i] * z + t->b[i], t->s);
    return sum;
}

/* log p(x): each cluster is a linear-Gaussian model of its own, x ~ N(w mu + b, s^2 I + sigma^2 w w'). */
static double log_evidence(const toy *t, int n) {
    double p = 0;
    for (int k = 0; k < 2; k++) {
        double variance = t->scale[k] * t->scale[k], square = 0, along = 0, length = 0, s2 = t->s * t->s;
        for (int i = 0; i < TOY_SIZE; i++) {
            double away = (double)t->x[n * TOY_SIZE + i] - t->b[i] - t->w[i] * t->loc[k];
            square += away * away;
            along += away * t->w[i];
            length += t->w[i] * t->w[i];
        }
        double factor = 1 + variance * length / s2; /* |C| = s^4 factor; Sherman and Morrison for its inverse */
        double quadratic = (square - variance / s2 * along * along / factor) / s2;
        p += t->weight[k] * exp(-0.5 * (quadratic + TOY_SIZE * (LOG_TWO_PI + log(s2)) + log(factor)));
    }
    return log(p);
}

/* What a wrong loss would be; the test must tell each from the right one. */
typedef enum mutation {
    RIGHT,
    NO_ENTROPY, /* without sum gamma log gamma */
    NO_WEIGHTS, /* without sum gamma log pi */
    WRONG_SIGN, /* + instead of - log pi */
    REVERSED,   /* KL(p(z|c) || q(z|x)) */
    UNIFORM,    /* gamma without pi */
    NO_HALF,    /* KL without its -1/2 */
    SAMPLED,    /* KL by the draw: right on average, another estimate */
    MUTATIONS
} mutation;

/* The KL part of the bound at one draw, by enumeration of the clusters. */
static double mixture_kl(const toy *t, int n, double z, mutation how) {
    double joint[2], gamma[2], total = 0, sum = 0, m = t->mean[n], d = t->deviation[n];
    for (int k = 0; k < 2; k++) {
        joint[k] = (how == UNIFORM ? 1 : t->weight[k]) * exp(log_normal(z, t->loc[k], t->scale[k]));
        total += joint[k];
    }
    for (int k = 0; k < 2; k++) {
        gamma[k] = joint[k] / total;
        double s = t->scale[k], away = m - t->loc[k];
        double kl = log(s / d) + (d * d + away * away) / (2 * s * s) - (how == NO_HALF ? 0 : 0.5);
        if (how == REVERSED) kl = log(d / s) + (s * s + away * away) / (2 * d * d) - 0.5;
        if (how == SAMPLED) kl = log_normal(z, m, d) - log_normal(z, t->loc[k], s);
        double entropy = how == NO_ENTROPY ? 0 : log(gamma[k]);
        double weight = how == NO_WEIGHTS ? 0 : how == WRONG_SIGN ? log(t->weight[k]) : -log(t->weight[k]);
        sum += gamma[k] * (entropy + weight + kl);
    }
    return sum;
}

/* The same draws as the graph's: its first stream, row = datum, column = draw. */
static double enumerated(const toy *t, uint64_t seed, mutation how, double *reconstruction) {
    elbo_rng rng = {seed, ELBO_STREAM_GRAPH, 3};
    double kl = 0;
    *reconstruction = 0;
    for (int n = 0; n < TOY_ROWS; n++)
        for (int l = 0; l < TOY_DRAWS; l++) {
            double z = t->mean[n] + t->deviation[n] * elbo_rng_normal(&rng, (uint32_t)n, (uint32_t)l);
            kl += mixture_kl(t, n, z, how) / (TOY_ROWS * TOY_DRAWS);
            *reconstruction -= log_likelihood(t, n, z) / (TOY_ROWS * TOY_DRAWS);
        }
    return kl;
}

/* E over q(z|x) of the bound of datum n: the trapezoid rule, which is exact to rounding for such integrands once the
 * step is a fraction of the narrowest width (its error falls as exp(-(2 pi width / step)^2 / 2)). */
static double bound_of(const toy *t, int n) {
    double step = 0.02, sum = 0;
    for (double u = -9; u <= 9; u += step) {
        double z = t->mean[n] + t->deviation[n] * u;
        sum += step * exp(log_normal(u, 0, 1)) * (log_likelihood(t, n, z) - mixture_kl(t, n, z, RIGHT));
    }
    return sum;
}

/* All sums are of 2000 terms of order 10 in double precision: 1e-10 is generous for rounding, and no mutation but one
 * that were right could be so near. */
static void test_bound_is_the_enumerated_one(void **state) {
    (void)state;
    toy t;
    bench b;
    double got[4], reconstruction;
    open_toy(&t, toy_settings);
    bench_open(&b, &t.instance, TOY_ROWS);
    for (uint64_t seed = 1; seed <= 3; seed++) {
        bench_run(&b, t.x, TOY_ROWS * TOY_SIZE, 1, seed, got);
        double kl = enumerated(&t, seed, RIGHT, &reconstruction);
        assert_true(fabs(got[3] - kl) < 1e-10);
        assert_true(fabs(got[2] - reconstruction) < 1e-10);
        assert_true(fabs(got[1] - (reconstruction + kl)) < 1e-10);
        assert_true(fabs(got[0] - got[1]) < 1e-12);
        for (int how = RIGHT + 1; how < MUTATIONS; how++)
            if (fabs(got[3] - enumerated(&t, seed, (mutation)how, &reconstruction)) < 1e-4)
                fail_msg("mutation %d of the loss would pass", how);
    }
    bench_run(&b, t.x, TOY_ROWS * TOY_SIZE, 0.25f, 1, got);
    assert_true(fabs(got[0] - (got[2] + 0.25 * got[3])) < 1e-12);
    assert_true(fabs(got[1] - (got[2] + got[3])) < 1e-12); /* the weight is no part of what is reported */
    bench_close(&b);
    close_toy(&t);
}

/* log p(x), which is exact, is above the bound, and the graph's mean is that of the quadrature. 5 rows of 400 draws,
 * deviations below 10 for one: five standard errors are 5 * 10 / sqrt(2000) = 1.2, with the seed fixed. */
static void test_bound_is_below_the_evidence(void **state) {
    (void)state;
    toy t;
    bench b;
    double got[4], mean = 0, evidence = 0;
    open_toy(&t, toy_settings);
    for (int n = 0; n < TOY_ROWS; n++) {
        double below = bound_of(&t, n), above = log_evidence(&t, n);
        assert_true(below < above - 1e-3);
        mean += below / TOY_ROWS;
        evidence += above / TOY_ROWS;
    }
    bench_open(&b, &t.instance, TOY_ROWS);
    bench_run(&b, t.x, TOY_ROWS * TOY_SIZE, 1, 1, got);
    assert_true(fabs(-got[1] - mean) < 1.2);
    assert_true(-got[1] < evidence);
    bench_close(&b);
    close_toy(&t);
}

/* Where both clusters are the same normal distribution and q is the exact posterior, gamma = pi for every z and the
 * bound is log p(x): with the reconstruction averaged by quadrature to 1e-9. */
static void test_bound_touches_the_evidence(void **state) {
    (void)state;
    toy t;
    open_toy(&t, toy_settings);
    float *loc = tensor(&t.instance, "prior.mixture.loc"), *log_scale = tensor(&t.instance, "prior.mixture.log_scale");
    loc[1] = loc[0];
    log_scale[1] = log_scale[0];
    read_toy(&t);
    double precision = 1 / (t.scale[0] * t.scale[0]), s2 = t.s * t.s, gap = 0;
    for (int i = 0; i < TOY_SIZE; i++) precision += t.w[i] * t.w[i] / s2;
    for (int n = 0; n < TOY_ROWS; n++) {
        double sum = t.loc[0] / (t.scale[0] * t.scale[0]);
        for (int i = 0; i < TOY_SIZE; i++) sum += t.w[i] * ((double)t.x[n * TOY_SIZE + i] - t.b[i]) / s2;
        t.mean[n] = sum / precision;
        t.deviation[n] = 1 / sqrt(precision);
        assert_true(fabs(bound_of(&t, n) - log_evidence(&t, n)) < 1e-9);
        t.deviation[n] *= 1.05; /* and nowhere else */
        gap += log_evidence(&t, n) - bound_of(&t, n);
    }
    assert_true(gap > 1e-3);
    /* the graph says so too: its KL at equal clusters is that of a normal distribution from another */
    bench b;
    double got[4], kl = 0;
    read_toy(&t);
    for (int n = 0; n < TOY_ROWS; n++) {
        double d = t.deviation[n], s = t.scale[0], away = t.mean[n] - t.loc[0];
        kl += (log(s / d) + (d * d + away * away) / (2 * s * s) - 0.5) / TOY_ROWS;
    }
    elbo_params_touch(t.instance.params);
    bench_open(&b, &t.instance, TOY_ROWS);
    bench_run(&b, t.x, TOY_ROWS * TOY_SIZE, 1, 1, got);
    assert_true(fabs(got[3] - kl) < 1e-12);
    bench_close(&b);
    close_toy(&t);
}

/* Far from all clusters, where densities underflow, the loss is finite and right: the nearer cluster has gamma 1. */
static void test_far_codes_stay_finite(void **state) {
    (void)state;
    toy t;
    bench b;
    double got[4], kl = 0;
    open_toy(&t, toy_settings);
    tensor(&t.instance, "encoder.posterior.bias")[0] = 3000;
    read_toy(&t);
    elbo_params_touch(t.instance.params);
    for (int n = 0; n < TOY_ROWS; n++) { /* the wider one wins out there */
        double d = t.deviation[n], s = t.scale[1], away = t.mean[n] - t.loc[1];
        kl += (log(s / d) + (d * d + away * away) / (2 * s * s) - 0.5 - log(t.weight[1])) / TOY_ROWS;
    }
    bench_open(&b, &t.instance, TOY_ROWS);
    bench_run(&b, t.x, TOY_ROWS * TOY_SIZE, 1, 1, got);
    assert_true(isfinite(got[1]));
    assert_true(fabs(got[3] / kl - 1) < 1e-12);
    bench_close(&b);
    close_toy(&t);
}

/* ---- gradients ---- */

/* Five points at steps of h = 2^-8 leave an error of h^4 f'''''/30, 8e-12 times a fifth derivative that is of the order
 * of the gradient's own size times a few thousand at most; rounding gives 1e-16 f/h. 1e-6 of the largest is far above
 * both. Parameters are rounded so that the steps are exact in f32. */
static void check_gradients(const char *const *settings, int phase) {
    toy t;
    bench b;
    elbo_error error = {0};
    open_toy(&t, settings);
    t.instance.phase = phase;
    size_t params = elbo_params_count(t.instance.params);
    for (size_t p = 0; p < params; p++)
        for (size_t i = 0; i < elbo_params_at(t.instance.params, p)->count; i++) {
            float *value = elbo_params_tensor(t.instance.params, (int64_t)p) + i;
            *value = (float)(round((double)*value * 4096) / 4096);
        }
    elbo_params_touch(t.instance.params);
    bench_open(&b, &t.instance, TOY_ROWS);
    elbo_node *wrt[32], *gradient[32];
    for (size_t p = 0; p < params; p++)
        wrt[p] = elbo_param(b.graph, t.instance.params, elbo_params_at(t.instance.params, p)->name);
    elbo_grad(b.fetch[0], wrt, params, gradient);
    elbo_plan_spec spec = {.fetch = gradient,
                           .fetch_count = params,
                           .backend = ELBO_BACKEND_REFERENCE,
                           .precision = ELBO_PRECISION_F64,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(b.graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    const float weight = 0.7f;
    elbo_run run = {.seed = 9, .step = 3};
    fill(plan, b.raw, t.x, TOY_ROWS * TOY_SIZE);
    fill(plan, b.weight, &weight, 1);
    assert_int_equal(elbo_plan_run(plan, &run, &error), ELBO_OK);
    double worst = 0, most = 0;
    for (size_t p = 0; p < params; p++) {
        const elbo_param_info *info = elbo_params_at(t.instance.params, p);
        double *exact = calloc(info->count, sizeof *exact);
        assert_true(elbo_plan_read(plan, gradient[p], exact, (int64_t)info->count));
        for (size_t i = 0; i < info->count; i++) {
            float *value = elbo_params_tensor(t.instance.params, (int64_t)p) + i, kept = *value;
            const double factor[4] = {1, -8, 8, -1}, h = 0x1p-8;
            double slope = 0, out[4];
            for (int at = 0; at < 4; at++) {
                *value = kept + (float)((at < 2 ? at - 2 : at - 1) * h);
                elbo_params_touch(t.instance.params);
                bench_run(&b, t.x, TOY_ROWS * TOY_SIZE, weight, 9, out);
                slope += factor[at] * out[0] / (12 * h);
            }
            *value = kept;
            worst = fmax(worst, fabs(slope - exact[i]));
            most = fmax(most, fabs(exact[i]));
        }
        free(exact);
    }
    if (!(most > 0.1) || !(worst < 1e-6 * most)) fail_msg("gradients off by %g where they reach %g", worst, most);
    elbo_plan_free(plan);
    bench_close(&b);
    close_toy(&t);
}

static void test_gradients(void **state) {
    (void)state;
    static const char *const few[] = {"latent",     "1",        "components",      "2",     "hidden", "",
                                      "likelihood", "gaussian", "variance",        "fixed", "scale",  "0.5",
                                      "draws",      "3",        "pretrain-epochs", "0",     NULL};
    static const char *const pretrained[] = {"latent",     "1",        "components",      "2",     "hidden", "",
                                             "likelihood", "gaussian", "variance",        "fixed", "scale",  "0.5",
                                             "draws",      "3",        "pretrain-epochs", "1",     NULL};
    check_gradients(few, 0);
    check_gradients(pretrained, 0); /* the autoencoder */
    check_gradients(pretrained, 1);
}

/* ---- what is learnt ---- */

static const char *scratch_folder;

static int set_up(void **state) {
    if (scratch_make(state) != 0) return -1;
    scratch_folder = ((scratch *)*state)->folder;
    return 0;
}

typedef struct watcher {
    double first, last;
    int epochs;
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event != ELBO_EVENT_EPOCH) return false;
    if (w->epochs++ == 0) w->first = progress->loss;
    w->last = progress->loss;
    return false;
}

static elbo_status train(const char *name, const char *const *settings, watcher *w, char *path, size_t size,
                         elbo_error *error) {
    snprintf(path, size, "%s/%s", scratch_folder, name);
    elbo_config *config = configure(settings);
    elbo_training training = {.config = config, .folder = path, .threads = 1, .progress = watch, .user = w};
    elbo_status status = elbo_train(&training, error);
    elbo_config_free(config);
    return status;
}

/* Eight images, 400 steps: pixels, 0 or 1 at random, are known by heart, so that of the loss of 784 log 2 = 543 nats
 * that a start without knowledge has, little more than the code remains. */
static void test_overfits_one_batch(void **state) {
    (void)state;
    static const char *const settings[] = {"data",
                                           "synth:glyphs?train=8&test=1",
                                           "hidden",
                                           "64",
                                           "latent",
                                           "4",
                                           "components",
                                           "3",
                                           "binarize",
                                           "threshold",
                                           "lr",
                                           "0.003",
                                           "epochs",
                                           "400",
                                           "pretrain-epochs",
                                           "200",
                                           "pretrain-loss",
                                           "likelihood",
                                           "save-every",
                                           "0",
                                           "evaluate-every",
                                           "1000",
                                           NULL};
    elbo_error error = {0};
    watcher w = {0};
    char path[256];
    if (train("overfit", settings, &w, path, sizeof path, &error) != ELBO_OK) fail_msg("%s", error.message);
    if (!(w.first > 400 && w.last < 40)) fail_msg("loss %g, then %g", w.first, w.last);
}

static elbo_dataset *mixture_data(elbo_array *rows, elbo_array *labels) {
    elbo_error error = {0};
    elbo_dataset *dataset = elbo_dataset_open("synth:mixture", NULL, &error);
    if (!dataset) fail_msg("%s", error.message);
    const elbo_data_info *info = elbo_dataset_info(dataset);
    const int64_t shape[2] = {info->count[ELBO_SPLIT_TRAIN], info->item_size};
    assert_int_equal(elbo_array_new(rows, ELBO_F32, 2, shape, &error), ELBO_OK);
    assert_int_equal(elbo_array_new(labels, ELBO_I32, 1, shape, &error), ELBO_OK);
    assert_int_equal(elbo_dataset_rows(dataset, ELBO_SPLIT_TRAIN, NULL, 0, shape[0], rows->data, &error), ELBO_OK);
    assert_int_equal(elbo_dataset_labels(dataset, ELBO_SPLIT_TRAIN, NULL, 0, shape[0], labels->data, &error), ELBO_OK);
    return dataset;
}

static double accuracy_of(elbo_model *model, const elbo_array *rows, const elbo_array *labels) {
    elbo_error error = {0};
    elbo_array probabilities, assigned;
    elbo_cluster_scores scores;
    int64_t clusters = elbo_model_get_info(model)->clusters;
    if (elbo_model_assign(model, rows, &probabilities, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(elbo_array_new(&assigned, ELBO_I32, 1, rows->shape, &error), ELBO_OK);
    for (int64_t n = 0; n < rows->shape[0]; n++) {
        const float *row = (const float *)probabilities.data + n * clusters;
        int32_t best = 0;
        double sum = 0;
        for (int32_t k = 0; k < clusters; k++) {
            sum += (double)row[k];
            if (row[k] > row[best]) best = k;
        }
        assert_true(fabs(sum - 1) < 1e-5);
        ((int32_t *)assigned.data)[n] = best;
    }
    assert_int_equal(elbo_score_clusters(&assigned, labels, &scores, &error), ELBO_OK);
    double accuracy = scores.accuracy;
    elbo_cluster_scores_clear(&scores);
    elbo_array_free(&assigned);
    elbo_array_free(&probabilities);
    return accuracy;
}

/* Draws of a cluster: at temperature 0 its mean, at 1 with its deviation, and assigned to it. */
static void check_cluster_draws(elbo_model *model) {
    enum { DRAWS = 2000, LATENT = 2 };
    elbo_error error = {0};
    elbo_params *params = elbo_model_get_params(model);
    const float *loc =
        elbo_params_tensor(params, elbo_params_index(params, elbo_params_find(params, "prior.mixture.loc")));
    const float *log_scale =
        elbo_params_tensor(params, elbo_params_index(params, elbo_params_find(params, "prior.mixture.log_scale")));
    for (int64_t k = 0; k < elbo_model_get_info(model)->clusters; k++) {
        elbo_array z;
        assert_int_equal(elbo_model_cluster_prior(model, k, 3, 1, 0, &z, &error), ELBO_OK);
        for (int i = 0; i < 3 * LATENT; i++) assert_true(((float *)z.data)[i] == loc[k * LATENT + i % LATENT]);
        elbo_array_free(&z);
        assert_int_equal(elbo_model_cluster_prior(model, k, DRAWS, 1, 1, &z, &error), ELBO_OK);
        for (int d = 0; d < LATENT; d++) {
            double mean = 0, square = 0, deviation = exp((double)log_scale[k * LATENT + d]);
            for (int n = 0; n < DRAWS; n++) {
                double u = ((double)((float *)z.data)[n * LATENT + d] - (double)loc[k * LATENT + d]) / deviation;
                mean += u / DRAWS;
                square += u * u / DRAWS;
            }
            assert_true(fabs(mean) < 5 / sqrt(DRAWS)); /* both: five standard errors, 6e-7 each, 20 of them */
            assert_true(fabs(square - 1) < 5 * sqrt(2.0 / DRAWS));
        }
        elbo_array_free(&z);
    }
    elbo_array none;
    assert_int_equal(elbo_model_cluster_prior(model, 5, 1, 1, 1, &none, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "0 to 4"));
}

/* Five clusters in the plane, apart by at least some deviations: the best assignment, by the true density, is right
 * for 0.997 of the rows. */
static void test_finds_clusters(void **state) {
    (void)state;
    static const char *const settings[] = {"data",
                                           "synth:mixture",
                                           "hidden",
                                           "32",
                                           "latent",
                                           "2",
                                           "components",
                                           "5",
                                           "likelihood",
                                           "gaussian",
                                           "variance",
                                           "shared",
                                           "layer-epochs",
                                           "1",
                                           "pretrain-epochs",
                                           "4",
                                           "epochs",
                                           "4",
                                           "save-every",
                                           "0",
                                           NULL};
    elbo_error error = {0};
    watcher w = {0};
    char path[256];
    if (train("clusters", settings, &w, path, sizeof path, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(w.epochs, 2 + 4 + 4);
    elbo_model *model = elbo_model_open(path, NULL, 1, &error);
    if (!model) fail_msg("%s", error.message);
    elbo_array rows, labels;
    elbo_dataset *dataset = mixture_data(&rows, &labels);
    assert_int_equal(elbo_model_get_info(model)->clusters, 5);
    double accuracy = accuracy_of(model, &rows, &labels);
    if (!(accuracy > 0.98)) fail_msg("accuracy %g", accuracy);
    check_cluster_draws(model);
    /* evaluation sums the clusters out: above the bound of training, below the likelihood by importance sampling */
    elbo_evaluation_options options;
    elbo_evaluation figures;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    options.samples = 200;
    assert_int_equal(elbo_evaluate(model, dataset, &options, NULL, NULL, &figures, &error), ELBO_OK);
    assert_true(figures.nll < -figures.elbo);
    assert_true(isfinite(figures.nll));
    elbo_evaluation_clear(&figures);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    elbo_array_free(&rows);
    elbo_array_free(&labels);
    elbo_dataset_free(dataset);
    elbo_model_free(model);
}

/* ---- the edge ---- */

static void check_trains(const char *name, const char *data, const char *components, const char *likelihood) {
    const char *settings[] = {
        "data",         data, "hidden",          "8", "latent", "2", "components", components, "likelihood", likelihood,
        "layer-epochs", "1",  "pretrain-epochs", "2", "epochs", "3", "save-every", "0",        NULL};
    elbo_error error = {0};
    watcher w = {0};
    char path[256];
    if (train(name, settings, &w, path, sizeof path, &error) != ELBO_OK) fail_msg("%s: %s", name, error.message);
    if (!isfinite(w.last)) fail_msg("%s: loss %g", name, w.last);
}

static void write_rows(char *path, size_t size, const char *name, int rows, const char *line) {
    snprintf(path, size, "%s/%s.csv", scratch_folder, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int n = 0; n < rows; n++) fprintf(file, "%s\n", line);
    fclose(file);
}

static void test_degenerate_data(void **state) {
    (void)state;
    char path[256];
    check_trains("one-row", "synth:mixture?rows=1&test=1", "1", "gaussian");
    check_trains("as-many-clusters-as-rows", "synth:mixture?rows=4&test=1", "4", "gaussian");
    write_rows(path, sizeof path, "constant", 20, "0.5,1,0.25");
    check_trains("constant", path, "3", "gaussian"); /* one point: all but one cluster have no row of their own */
    write_rows(path, sizeof path, "zero", 20, "0,0,0");
    check_trains("zero", path, "3", "bernoulli");
}

static void expect_refusal(const char *name, const char *const *settings, const char *wanted) {
    elbo_error error = {0};
    watcher w = {0};
    char path[256];
    assert_int_equal(train(name, settings, &w, path, sizeof path, &error), ELBO_ERROR_USAGE);
    if (!strstr(error.message, wanted)) fail_msg("\"%s\" does not say \"%s\"", error.message, wanted);
}

static void test_refusals(void **state) {
    (void)state;
    static const char *const many[] = {
        "data", "synth:mixture?rows=7&test=1", "likelihood", "gaussian", "hidden", "8", "components", "8", NULL};
    static const char *const deep[] = {"data",    "synth:mixture", "likelihood", "gaussian", "hidden",
                                       "8,8,8,8", "layer-epochs",  "1",          NULL};
    static const char *const other[] = {"data", "synth:mixture", "likelihood", "gaussian", "decoder-hidden",
                                        "8",    "layer-epochs",  "1",          NULL};
    static const char *const idle[] = {"data", "synth:mixture", "likelihood", "gaussian", "pretrain-epochs",
                                       "0",    "noise",         "0.2",        NULL};
    expect_refusal("many", many, "7 training rows");
    expect_refusal("deep", deep, "at most 3");
    expect_refusal("other", other, "--decoder-hidden");
    expect_refusal("idle", idle, "--noise has no effect");
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_bound_is_the_enumerated_one),
        cmocka_unit_test(test_bound_is_below_the_evidence),
        cmocka_unit_test(test_bound_touches_the_evidence),
        cmocka_unit_test(test_far_codes_stay_finite),
        cmocka_unit_test(test_gradients),

        cmocka_unit_test(test_overfits_one_batch),
        cmocka_unit_test(test_finds_clusters),
        cmocka_unit_test(test_degenerate_data),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, set_up, scratch_remove);
}
