/* Codes in levels: densities against a forward pass written out here, training, evaluation and resuming. */
#include "scratch.h"
/* after the above */
#include <math.h>

#include "graph/graph.h"
#include "models/hierarchy.h"
#include "train/checkpoint.h"
#include "train/relevance.h"

/* ---- densities ---- */

enum { SIZE = 5, ROWS = 3, FIRST = 3, SECOND = 2, HIDDEN = 4, CODE = FIRST + SECOND };

static const double half_log_two_pi = 0.91893853320467274178;

typedef struct model {
    elbo_hierarchy_options options;
    elbo_params *params;
} tower;

static elbo_context context_of(const tower *m, elbo_graph *graph) {
    elbo_context context = {.options = &m->options, .item = {.size = SIZE}};
    context.builder = (elbo_builder){.graph = graph,
                                     .params = m->params,
                                     .group = "model",
                                     .init = ELBO_INIT_NORMAL,
                                     .init_scale = 0.7,
                                     .training = false};
    return context;
}

static void make(tower *m) {
    static char likelihood[] = "bernoulli", activation[] = "tanh", variance[] = "softplus";
    m->options = (elbo_hierarchy_options){.latents = {2, {FIRST, SECOND}},
                                          .widths = {2, {HIDDEN, HIDDEN}},
                                          .depth = 1,
                                          .activation = activation,
                                          .variance = variance,
                                          .likelihood = likelihood};
    m->params = elbo_params_new(3);
}

/* A dense layer's output by its name, in f64: out[j] = b[j] + sum_i x[i] W[i, j]. */
static void dense(const tower *m, const char *name, const double *x, int in, int out, double *y) {
    char full[96];
    const float *data = elbo_params_data(m->params, NULL);
    snprintf(full, sizeof full, "%s.weight", name);
    const elbo_param_info *w = elbo_params_find(m->params, full);
    snprintf(full, sizeof full, "%s.bias", name);
    const elbo_param_info *b = elbo_params_find(m->params, full);
    assert_non_null(w);
    assert_non_null(b);
    assert_int_equal(w->count, in * out);
    for (int j = 0; j < out; j++) {
        y[j] = (double)data[b->offset + (size_t)j];
        for (int i = 0; i < in; i++) y[j] += x[i] * (double)data[w->offset + (size_t)(i * out + j)];
    }
}

typedef struct gaussian {
    double mean[CODE], variance[CODE];
} gaussian;

/* Hidden layer, tanh, then mean and softplus variance of `out` dimensions. */
static gaussian network(const tower *m, const char *hidden, const char *output, const double *x, int in, int out,
                        double *features) {
    double h[HIDDEN], numbers[2 * CODE];
    gaussian g;
    dense(m, hidden, x, in, HIDDEN, h);
    for (int k = 0; k < HIDDEN; k++) h[k] = tanh(h[k]);
    if (features) memcpy(features, h, sizeof h);
    dense(m, output, h, HIDDEN, 2 * out, numbers);
    for (int k = 0; k < out; k++) {
        g.mean[k] = numbers[k];
        g.variance[k] = log1p(exp(numbers[out + k])) + 1e-5;
    }
    return g;
}

static double log_normal(double z, double mean, double variance) {
    return -0.5 * (z - mean) * (z - mean) / variance - 0.5 * log(variance) - half_log_two_pi;
}

/* log p of each dimension: the top level first, standard; then the lower one given it. */
static void prior_density(const tower *m, const double *z, double *out) {
    gaussian below = network(m, "decoder.down2.dense1", "decoder.down1.normal", z + FIRST, SECOND, FIRST, NULL);
    for (int d = 0; d < FIRST; d++) out[d] = log_normal(z[d], below.mean[d], below.variance[d]);
    for (int d = FIRST; d < CODE; d++) out[d] = log_normal(z[d], 0, 1);
}

static void stack_density(const tower *m, const double *x, const double *z, double *out) {
    gaussian first = network(m, "encoder.up1.dense1", "encoder.up1.normal", x, SIZE, FIRST, NULL);
    gaussian second = network(m, "encoder.up2.dense1", "encoder.up2.normal", z, FIRST, SECOND, NULL);
    for (int d = 0; d < FIRST; d++) out[d] = log_normal(z[d], first.mean[d], first.variance[d]);
    for (int d = 0; d < SECOND; d++) out[FIRST + d] = log_normal(z[FIRST + d], second.mean[d], second.variance[d]);
}

/* Soenderby et al. 2016, equations 6 to 9: at the top the data's estimate, below it the merge by precision. */
static void ladder_density(const tower *m, const double *x, const double *z, double *out) {
    double h[HIDDEN];
    gaussian first = network(m, "encoder.up1.dense1", "encoder.up1.normal", x, SIZE, FIRST, h);
    gaussian second = network(m, "encoder.up2.dense1", "encoder.up2.normal", h, HIDDEN, SECOND, NULL);
    gaussian below = network(m, "decoder.down2.dense1", "decoder.down1.normal", z + FIRST, SECOND, FIRST, NULL);
    for (int d = 0; d < SECOND; d++) out[FIRST + d] = log_normal(z[FIRST + d], second.mean[d], second.variance[d]);
    for (int d = 0; d < FIRST; d++) {
        double a = 1 / first.variance[d], b = 1 / below.variance[d], variance = 1 / (a + b);
        out[d] = log_normal(z[d], variance * (first.mean[d] * a + below.mean[d] * b), variance);
    }
}

typedef struct values {
    double z[2 * ROWS * CODE], posterior[2 * ROWS * CODE], prior[2 * ROWS * CODE];
} values;

/* Two draws of z for each row of x, and the model's own densities there, in f64. */
static void evaluate(tower *m, bool ladder, const double *x, values *out) {
    elbo_error error = {0};
    for (int pass = 0; pass < 2; pass++) { /* the first declares the parameters */
        elbo_graph *graph = elbo_graph_new();
        elbo_context context = context_of(m, graph);
        elbo_node *in = elbo_literal(graph, x, ELBO_SHAPE(ROWS, SIZE));
        elbo_dist q = ladder ? elbo_ladder_encode(&context, in) : elbo_stack_encode(&context, in);
        elbo_dist p = elbo_hierarchy_prior(&context, ROWS);
        elbo_node *z = elbo_dist_sample(&q, 2);
        elbo_node *fetch[3] = {z, q.type->log_prob(&q, z), p.type->log_prob(&p, z)};
        if (elbo_graph_check(graph, &error) != ELBO_OK) fail_msg("%s", error.message);
        if (pass == 0) {
            assert_int_equal(elbo_params_finish(m->params, &error), ELBO_OK);
        } else {
            elbo_plan_spec spec = {.fetch = fetch,
                                   .fetch_count = 3,
                                   .backend = ELBO_BACKEND_REFERENCE,
                                   .precision = ELBO_PRECISION_F64,
                                   .threads = 1};
            elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
            if (!plan) fail_msg("%s", error.message);
            elbo_run run = {.seed = 11};
            assert_int_equal(elbo_plan_run(plan, &run, &error), ELBO_OK);
            double *to[3] = {out->z, out->posterior, out->prior};
            for (int k = 0; k < 3; k++) assert_true(elbo_plan_read(plan, fetch[k], to[k], 2 * ROWS * CODE));
            elbo_plan_free(plan);
        }
        elbo_graph_free(graph);
    }
}

/* Ten operations deep, numbers of order 1 in f64: 1e-12 is four digits above rounding. */
static void compare(const double *got, const double *wanted, const char *what) {
    for (int d = 0; d < CODE; d++)
        if (!(fabs(got[d] - wanted[d]) < 1e-12 * (1 + fabs(wanted[d]))))
            fail_msg("%s, dimension %d: %.15g; %.15g was expected", what, d, got[d], wanted[d]);
}

static void check_densities(bool ladder) {
    tower m;
    values v;
    double x[ROWS * SIZE], wanted[CODE];
    make(&m);
    for (int i = 0; i < ROWS * SIZE; i++) x[i] = sin(1.3 * i);
    evaluate(&m, ladder, x, &v);
    for (int i = 0; i < 2 * ROWS; i++) {
        const double *z = v.z + i * CODE, *row = x + i % ROWS * SIZE;
        prior_density(&m, z, wanted);
        compare(v.prior + i * CODE, wanted, "prior");
        if (ladder)
            ladder_density(&m, row, z, wanted);
        else
            stack_density(&m, row, z, wanted);
        compare(v.posterior + i * CODE, wanted, ladder ? "ladder" : "stack");
    }
    assert_true(fabs(v.z[0] - v.z[ROWS * CODE]) > 1e-3); /* two draws, not one twice */
    elbo_params_free(m.params);
}

static void test_stack_densities(void **state) {
    (void)state;
    check_densities(false);
}

static void test_ladder_densities(void **state) {
    (void)state;
    check_densities(true);
}

/* ---- runs ---- */

static const char *const runs[][14] = {
    {"lvae", "latents", "6,4", "widths", "16,12", NULL},
    {"hvae", "latents", "6,4,2", "widths", "16,12,8", NULL},
    {"hvae", "latents", "6,4", "widths", "16,12", "batch-norm", "false", "likelihood", "continuous_bernoulli", NULL},
    {"iwae", "latents", "6", "widths", "16", "draws", "5", NULL},
    {"iwae", "latents", "6,4", "widths", "16,12", "draws", "5", "estimator", "dreg", NULL},
};
enum { RUNS = sizeof runs / sizeof *runs };

static elbo_config *configure(const char *const *row) {
    static const char *const common[] = {
        "data", "synth:glyphs?train=230&test=60", "batch", "50", "epochs", "6", "lr", "0.005", "seed", "4", NULL};
    elbo_error error = {0};
    elbo_config *config = elbo_config_new(row[0], &error);
    if (!config) fail_msg("%s", error.message);
    for (int list = 0; list < 2; list++)
        for (const char *const *at = list ? row + 1 : common; *at; at += 2)
            if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

typedef struct watcher {
    int64_t stop_after, steps;
    double first, last;
} watcher;

static bool watch(void *user, const elbo_progress *progress) {
    watcher *w = user;
    if (progress->event == ELBO_EVENT_EPOCH) {
        if (!(w->first != 0)) w->first = progress->loss;
        w->last = progress->loss;
    }
    return progress->event == ELBO_EVENT_STEP && w->stop_after && ++w->steps == w->stop_after;
}

static elbo_status train(const elbo_config *config, const char *folder, watcher *w, elbo_error *error) {
    elbo_training training = {.config = config, .folder = folder, .threads = 1, .progress = watch, .user = w};
    return elbo_train(&training, error);
}

static void parameters(const char *folder, elbo_instance *instance, float **data, size_t *length) {
    char path[200];
    elbo_error error = {0};
    snprintf(path, sizeof path, "%s/last.safetensors", folder);
    if (elbo_instance_read(instance, path, &error) != ELBO_OK) fail_msg("%s", error.message);
    *data = elbo_params_data(instance->params, length);
}

static void test_learn_and_resume(void **state) {
    const scratch *place = *state;
    for (size_t r = 0; r < RUNS; r++) {
        elbo_error error = {0};
        char whole[128], parts[128];
        snprintf(whole, sizeof whole, "%s/whole%zu", place->folder, r);
        snprintf(parts, sizeof parts, "%s/parts%zu", place->folder, r);
        elbo_config *config = configure(runs[r]);
        watcher w = {0}, stopped = {.stop_after = 13}, rest = {0};
        if (train(config, whole, &w, &error) != ELBO_OK) fail_msg("%s: %s", runs[r][0], error.message);
        if (!(w.last < w.first - 0.02 * fabs(w.first))) fail_msg("%s: loss %g, then %g", runs[r][0], w.first, w.last);
        assert_int_equal(train(config, parts, &stopped, &error), ELBO_ERROR_INTERRUPTED);
        assert_int_equal(train(NULL, parts, &rest, &error), ELBO_OK);
        elbo_instance one, two;
        size_t length, other;
        float *a, *b;
        parameters(whole, &one, &a, &length);
        parameters(parts, &two, &b, &other);
        assert_int_equal(length, other);
        assert_memory_equal(a, b, sizeof *a * length); /* running statistics included */
        elbo_instance_clear(&one);
        elbo_instance_clear(&two);
        elbo_config_free(config);
    }
}

/* E log of a mean of weights is at least E of the log weights (Jensen), and both come from the same rows: the mean over
 * rows of IS likelihood less ELBO is positive by far more than its error where weights are as uneven as here. */
static void test_evaluation(void **state) {
    const scratch *place = *state;
    for (size_t r = 0; r < RUNS; r++) {
        elbo_error error = {0};
        char folder[128];
        snprintf(folder, sizeof folder, "%s/whole%zu", place->folder, r);
        elbo_model *model = elbo_model_open(folder, "last", 1, &error);
        if (!model) fail_msg("%s", error.message);
        elbo_dataset *data = elbo_dataset_open("synth:glyphs?train=230&test=60", NULL, &error);
        elbo_evaluation_options options = {0};
        elbo_evaluation evaluation;
        elbo_options_init(&elbo_evaluation_options_table, &options, &error);
        options.samples = 50;
        if (elbo_evaluate(model, data, &options, NULL, NULL, &evaluation, &error) != ELBO_OK)
            fail_msg("%s: %s", runs[r][0], error.message);
        assert_true(isfinite(evaluation.nll) && evaluation.nll < -evaluation.elbo);
        int64_t units = 0, active = 0;
        for (int level = 0; level < evaluation.layers.count; level++) {
            for (int64_t d = 0; d < evaluation.layers.value[level]; d++, units++)
                evaluation.layer_active.value[level] -= evaluation.mean_variance[units] > options.active_threshold;
            assert_int_equal(evaluation.layer_active.value[level], 0); /* counted here as there */
        }
        assert_int_equal(units, evaluation.latent);
        for (int64_t d = 0, level = 0, end = evaluation.layers.value[0]; d < units; d++) {
            if (d == end) end += evaluation.layers.value[++level];
            evaluation.layer_used.value[level] -= evaluation.kl_per_dim[d] > 0.01;
        }
        for (int level = 0; level < evaluation.layers.count; level++)
            assert_int_equal(evaluation.layer_used.value[level], 0);
        for (int64_t d = 0; d < units; d++) active += evaluation.mean_variance[d] > options.active_threshold;
        assert_int_equal(active, evaluation.active_units);
        assert_true(evaluation.mutual_information > 0 && evaluation.mutual_information <= log(60) + 1e-6);
        elbo_array z = {0}, x = {0}, mean = {0}, deviation = {0};
        int64_t latent = elbo_model_get_info(model)->latent;
        assert_int_equal(elbo_model_prior(model, 7, 1, 1, &z, &error), ELBO_OK);
        assert_int_equal(z.shape[1], latent);
        assert_int_equal(elbo_model_decode(model, &z, false, 1, &x, &error), ELBO_OK);
        assert_int_equal(elbo_model_encode(model, &x, &mean, &deviation, &error), ELBO_OK);
        for (int64_t i = 0; i < 7 * latent; i++) {
            assert_true(isfinite(((float *)mean.data)[i]));
            assert_true(((float *)deviation.data)[i] > 0);
        }
        elbo_array_free(&z);
        elbo_array_free(&x);
        elbo_array_free(&mean);
        elbo_array_free(&deviation);
        elbo_evaluation_clear(&evaluation);
        elbo_options_clear(&elbo_evaluation_options_table, &options);
        elbo_dataset_free(data);
        elbo_model_free(model);
    }
}

static void test_refused(void **state) {
    const scratch *place = *state;
    static const struct {
        const char *row[8], *says;
    } cases[] = {{{"lvae", "latents", "6,4", "widths", "16", NULL}, "--widths 1"},
                 {{"hvae", "latents", "", NULL}, "--latents is empty"},
                 {{"lvae", "latents", "6", "widths", "16", "likelihood", "nonsense", NULL}, "nonsense"},
                 {{"iwae", "latents", "6,4", NULL}, "2 levels"},
                 {{"lvae", "estimator", "dreg", NULL}, "--no-batch-norm"},
                 {{"iwae", "draws", "5", "estimator", "miwae", NULL}, "--groups 2"},
                 {{"iwae", "draws", "2", "estimator", "piwae", "groups", "4", NULL}, "--draws 2"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        watcher w = {0};
        elbo_config *config = configure(cases[i].row);
        assert_int_equal(train(config, place->path, &w, &error), ELBO_ERROR_USAGE);
        if (!strstr(error.message, cases[i].says)) fail_msg("\"%s\" does not say %s", error.message, cases[i].says);
        elbo_config_free(config);
    }
}

/* Options that only some estimators have. */
static void test_relevance(void **state) {
    (void)state;
    static const struct {
        const char *row[6], *says; /* says NULL: accepted */
    } cases[] = {{{"iwae", "groups", "5", NULL}, "--groups"},
                 {{"lvae", "share", "0.5", NULL}, "--share"},
                 {{"hvae", "estimator", "miwae", "groups", "1", NULL}, NULL},
                 {{"iwae", "estimator", "ciwae", "share", "0.5", NULL}, NULL}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        elbo_config *config = configure(cases[i].row);
        elbo_status status = elbo_config_check_relevance(config, &error);
        assert_int_equal(status, cases[i].says ? ELBO_ERROR_USAGE : ELBO_OK);
        if (cases[i].says) assert_memory_equal(error.message, cases[i].says, strlen(cases[i].says));
        elbo_config_free(config);
    }
}

/* One row; rows that are all alike; images without a single pixel. Nothing of these varies, so that batch norm divides
 * by its epsilon alone: numbers stay finite, in training and evaluation. A model of rows that are all zero must come
 * near log 1 = 0. */
static void test_degenerate(void **state) {
    const scratch *place = *state;
    static const struct {
        const char *name, *line;
        int rows;
        bool empty;
    } data[] = {{"one", "0,1,1,0", 1, false}, {"alike", "1,0,1,1", 12, false}, {"zero", "0,0,0,0", 12, true}};
    static const char *const models[] = {"hvae", "lvae", "iwae"};
    for (size_t d = 0; d < 3; d++)
        for (size_t k = 0; k < 3; k++) {
            elbo_error error = {0};
            char path[160], folder[160], text[256] = "";
            snprintf(path, sizeof path, "%s/%s.csv", place->folder, data[d].name);
            snprintf(folder, sizeof folder, "%s/%s-%s", place->folder, models[k], data[d].name);
            for (int r = 0; r < data[d].rows; r++)
                snprintf(text + strlen(text), sizeof text - strlen(text), "%s\n", data[d].line);
            scratch_write(path, text, strlen(text));
            const char *row[] = {
                models[k], "data",        path,   "latents", "3,2",  "widths", "8,6", "test-fraction",
                "0",       "epochs",      "200",  "lr",      "0.01", "draws",  "2",   "binarize",
                "none",    "output-bias", "zero", NULL}; /* at the data, nothing would be left to learn */
            elbo_config *config = configure(row);
            watcher w = {0};
            if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s: %s", folder, error.message);
            assert_true(isfinite(w.first) && isfinite(w.last) && w.last < w.first);
            if (data[d].empty && !(w.last < 1)) fail_msg("%s: loss %g", folder, w.last); /* from 4 log 2 = 2.8 */
            elbo_model *model = elbo_model_open(folder, "last", 1, &error);
            if (!model) fail_msg("%s", error.message);
            elbo_dataset *rows = elbo_dataset_open(path, NULL, &error);
            elbo_evaluation_options options = {0};
            elbo_evaluation evaluation;
            elbo_options_init(&elbo_evaluation_options_table, &options, &error);
            elbo_options_set(&elbo_evaluation_options_table, &options, "split", "all", &error);
            options.samples = 20;
            if (elbo_evaluate(model, rows, &options, NULL, NULL, &evaluation, &error) != ELBO_OK)
                fail_msg("%s: %s", folder, error.message);
            assert_true(isfinite(evaluation.elbo) && isfinite(evaluation.nll));
            assert_int_equal(evaluation.active_units, 0); /* nothing moves the code */
            assert_int_equal(evaluation.layers.count, 2);
            assert_int_equal(evaluation.layers.value[0], 3);
            assert_int_equal(evaluation.layers.value[1], 2);
            elbo_evaluation_clear(&evaluation);
            elbo_options_clear(&elbo_evaluation_options_table, &options);
            elbo_dataset_free(rows);
            elbo_model_free(model);
            elbo_config_free(config);
        }
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_stack_densities),  cmocka_unit_test(test_ladder_densities),
                                       cmocka_unit_test(test_learn_and_resume), cmocka_unit_test(test_evaluation),
                                       cmocka_unit_test(test_refused),          cmocka_unit_test(test_relevance),
                                       cmocka_unit_test(test_degenerate)};
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
