/* avb where the truth is known: the adversary reaches the exact ratio of densities, annealing the exact likelihood, and
 * with both sides implicit the model learns a ring. */
#include "avb_support.h"
/* after the above */
#include "base/rng.h"
#include "data/synth/synth.h"
#include "graph/graph.h"

/* ---- the adversary at its optimum ---- */

/* A frozen linear encoder, z = a x + s eps with x of three values: log q(z|x) - log p(z) is known. */
static const double slope = 1, spread = 0.6;
enum { KINDS = 3, ROWS = 300 };
static const float kinds[KINDS] = {-1, 0, 1};

static double exact_ratio(double x, double z) {
    double away = (z - slope * x) / spread;
    return 0.5 * (z * z - away * away) - log(spread);
}

static double density(double x, double z) { return exp(exact_ratio(x, z) - 0.5 * z * z) / sqrt(2 * M_PI); }

static void write_kinds(const char *path) {
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    for (int i = 0; i < ROWS; i++) fprintf(file, "%g\n", (double)kinds[i % KINDS]);
    fclose(file);
}

static float *tensor(const elbo_instance *instance, const char *name) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_data(instance->params, NULL) + info->offset;
}

/* Adam on the adversary's update alone, its rate falling to zero. */
static void teach(elbo_instance *instance, const float *rows, int steps) {
    elbo_error error = {0};
    size_t length;
    float *params = elbo_params_data(instance->params, &length);
    float *gradient = aligned_alloc(64, (sizeof(float) * length + 63) / 64 * 64);
    double *moment = calloc(2 * length, sizeof *moment), *square = moment + length;
    elbo_step_program program;
    if (elbo_step_program_new(&program, instance, ROWS, gradient, 1, &error) != ELBO_OK) fail_msg("%s", error.message);
    memset(gradient, 0, sizeof(float) * length); /* of the others it stays so */
    memcpy(elbo_plan_input(program.plan[1], program.raw), rows, sizeof(float) * ROWS);
    for (int step = 1; step <= steps; step++) {
        elbo_step_result result;
        elbo_run run = {.seed = 11, .step = (uint32_t)step};
        assert_int_equal(elbo_step_program_run(&program, 1, 1, &run, &result, &error), ELBO_OK);
        double rate = 0.005 * (1 - (double)step / steps);
        for (size_t i = 0; i < length; i++) {
            double g = (double)gradient[i];
            moment[i] += 0.1 * (g - moment[i]);
            square[i] += 0.01 * (g * g - square[i]);
            double scale = sqrt(square[i] / (1 - pow(0.99, step))) + 1e-8;
            params[i] -= (float)(rate * moment[i] / (1 - pow(0.9, step)) / scale);
        }
        elbo_params_touch(instance->params);
    }
    elbo_step_program_clear(&program);
    free(gradient);
    free(moment);
}

/* log q - log p by the model at points z for each kind of x: out[kind * points + i]. */
static void ratio_at(const elbo_instance *instance, const float *z, int points, double *out) {
    elbo_error error = {0};
    elbo_graph *graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_node *x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(KINDS, 1));
    elbo_node *at = elbo_input(graph, "z", ELBO_F32, ELBO_SHAPE(points, 1, 1));
    elbo_dist posterior = instance->type->encode(&context, x), prior = instance->type->prior(&context, KINDS);
    elbo_node *ratio = elbo_sub(elbo_dist_log_prob(&posterior, at), elbo_dist_log_prob(&prior, at));
    elbo_plan_spec spec = {.fetch = &ratio, .fetch_count = 1, .precision = ELBO_PRECISION_F32, .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    memcpy(elbo_plan_input(plan, x), kinds, sizeof kinds);
    memcpy(elbo_plan_input(plan, at), z, sizeof *z * (size_t)points);
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 3}, &error), ELBO_OK);
    const float *value = elbo_plan_value(plan, ratio); /* [points, KINDS] */
    for (int i = 0; i < points; i++)
        for (int k = 0; k < KINDS; k++) out[k * points + i] = (double)value[i * KINDS + k];
    elbo_plan_free(plan);
    elbo_graph_free(graph);
}

/* Mean square of the error over z ~ q(z|x) by the trapezoidal rule, and the mean of the ratio, KL(q || p). */
static void compare_ratio(const elbo_instance *instance, double *error, double *kl) {
    enum { POINTS = 401 };
    float z[POINTS];
    double ratio[KINDS * POINTS], step = 0.02;
    for (int i = 0; i < POINTS; i++) z[i] = (float)(step * (i - POINTS / 2));
    ratio_at(instance, z, POINTS, ratio);
    *error = *kl = 0;
    for (int k = 0; k < KINDS; k++)
        for (int i = 0; i < POINTS; i++) {
            double x = (double)kinds[k], weight = step * density(x, (double)z[i]) / KINDS;
            double away = ratio[k * POINTS + i] - exact_ratio(x, (double)z[i]);
            *error += weight * away * away;
            *kl += weight * ratio[k * POINTS + i];
        }
    *error = sqrt(*error);
}

/* How far off T may be. A fit of P parameters to n pairs ends, in the mean, P / (2 n) above the least loss; an error d
 * of T costs s(T) s(-T) d^2 / 2 for each of the pairs, with s(T) s(-T) >= 0.1 where q has its mass (|T| < 2.1 there).
 * So the mean square of d is about 10 P / n. With rates falling to zero the last half of the steps count: n = 450 000
 * pairs of each kind. Without contrast, P = 115: rms 0.05. Noise that Adam's scaling adds, and what such a network
 * cannot express, are allowed for by a factor of 2. */
static double allowed(const elbo_instance *instance, int steps) {
    size_t parameters = 0;
    for (size_t i = 0; i < elbo_params_count(instance->params); i++)
        if (strcmp(elbo_params_at(instance->params, i)->group, "adversary") == 0)
            parameters += elbo_params_at(instance->params, i)->count;
    return 2 * sqrt(10 * (double)parameters / (0.5 * steps * ROWS));
}

static void optimum_of(const scratch *place, const char *name, const char *const *more, int steps, double extra) {
    char path[128], folder[128];
    float rows[ROWS];
    snprintf(path, sizeof path, "%s/kinds.csv", place->folder);
    write_kinds(path);
    for (int i = 0; i < ROWS; i++) rows[i] = kinds[i % KINDS];
    const char *const linear[] = {"data",       path,         "test-fraction",
                                  "0",          "latent",     "1",
                                  "hidden",     "",           "noise",
                                  "1",          "likelihood", "gaussian",
                                  "epochs",     "1",          "adversary-hidden",
                                  "16",         "batch",      "300",
                                  "activation", "tanh",       "adversary-activation",
                                  "tanh",       NULL};
    elbo_config *config = configure(linear, more);
    elbo_error error = {0};
    watcher w = {0};
    snprintf(folder, sizeof folder, "%s/%s", place->folder, name);
    if (train(config, folder, &w, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
    elbo_instance instance = open_last(folder);
    tensor(&instance, "encoder.posterior.weight")[0] = (float)slope;
    tensor(&instance, "encoder.posterior.bias")[0] = 0;
    tensor(&instance, "encoder.noise.weight")[0] = (float)spread;
    tensor(&instance, "encoder.noise.bias")[0] = 0;
    elbo_params_touch(instance.params);
    double before, after, kl, unused, exact = 0.5 * (2.0 / 3 * slope * slope + spread * spread - 1) - log(spread);
    compare_ratio(&instance, &before, &unused);
    teach(&instance, rows, steps);
    compare_ratio(&instance, &after, &kl);
    double most = hypot(allowed(&instance, steps), extra);
    if (!(after < most))
        fail_msg("%s: T is off by %g rms (%g before), at most %g was expected", name, after, before, most);
    if (!(fabs(kl - exact) < most)) fail_msg("%s: KL %g, exactly %g", name, kl, exact);
    elbo_instance_clear(&instance);
}

static void test_optimum(void **state) { optimum_of(*state, "optimum", NULL, 3000, 0); }

/* Moments of S draws shift log r by (u / sqrt(S), (u^2 - 1) / sqrt(2 S)) standard errors at a normalised code u, whose
 * mean square over u ~ N(0, 1) is 2 / S; five of these. */
static void test_optimum_with_contrast(void **state) {
    enum { S = 1000 };
    optimum_of(*state, "contrast", (const char *const[]){"adaptive-contrast", "true", "moment-draws", "1000", NULL},
               1000, 5 * sqrt(2.0 / S));
}

/* Before it has learned anything, the contrast alone gives the ratio of a normal posterior: T is near 0 at once. */
static void test_contrast_does_most(void **state) {
    const scratch *place = *state;
    char folder[128];
    const char *const data[] = {"data",       "synth:ring?rows=64&test=0",
                                "likelihood", "gaussian",
                                "latent",     "1",
                                "hidden",     "",
                                "noise",      "1",
                                CONTRAST,     "epochs",
                                "1",          NULL};
    (void)trained(place, "most", data, NULL, folder);
    elbo_instance instance = open_last(folder);
    static const char *const zero[] = {"data_output.weight", "data_output.bias", "code_output.weight",
                                       "code_output.bias",   "output.weight",    "output.bias"};
    for (int k = 0; k < 6; k++) {
        char name[64];
        snprintf(name, sizeof name, "adversary.%s", zero[k]);
        const elbo_param_info *info = elbo_params_find(instance.params, name);
        memset(tensor(&instance, name), 0, sizeof(float) * info->count);
    }
    elbo_params_touch(instance.params);
    elbo_error error = {0};
    elbo_graph *graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(&instance, graph, false);
    elbo_node *x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(4, 2)),
              *z = elbo_input(graph, "z", ELBO_F32, ELBO_SHAPE(4, 1));
    elbo_dist q = instance.type->encode(&context, x);
    elbo_node *fetch[3] = {elbo_dist_log_prob(&q, z), q.parameter[1], q.parameter[2]};
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = 3, .precision = ELBO_PRECISION_F32, .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    for (int i = 0; i < 8; i++) ((float *)elbo_plan_input(plan, x))[i] = 0.3f * (float)i;
    for (int i = 0; i < 4; i++) ((float *)elbo_plan_input(plan, z))[i] = 0.5f - (float)i;
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 3}, &error), ELBO_OK);
    double log_q[4], mean[4], deviation[4];
    assert_true(elbo_plan_read(plan, fetch[0], log_q, 4) && elbo_plan_read(plan, fetch[1], mean, 4) &&
                elbo_plan_read(plan, fetch[2], deviation, 4));
    for (int i = 0; i < 4; i++) {
        double u = (0.5 - i - mean[i]) / deviation[i];
        double wanted = -0.5 * u * u - log(deviation[i]) - 0.5 * log(2 * M_PI);
        assert_true(fabs(log_q[i] - wanted) < 1e-5 * (1 + fabs(wanted))); /* f32: a few roundings of its terms */
    }
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    elbo_instance_clear(&instance);
}

/* ---- likelihoods ---- */

enum { SIDE = 241, GRID = SIDE * SIDE };
static const double spacing = 0.06;

/* log p(x) of one row by the trapezoidal rule over the plane of codes. */
static double exact_log_p(const elbo_instance *instance, const float *x, int size) {
    elbo_error error = {0};
    elbo_graph *graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_node *datum = elbo_input(graph, "pixels", ELBO_F32, ELBO_SHAPE(1, size));
    elbo_node *grid = elbo_input(graph, "grid", ELBO_F32, ELBO_SHAPE(GRID, 2));
    elbo_dist there = instance->type->decode(&context, grid), prior = instance->type->prior(&context, GRID);
    elbo_node *joint = elbo_add(elbo_dist_log_prob(&there, datum), elbo_dist_log_prob(&prior, grid));
    elbo_plan_spec spec = {.fetch = &joint, .fetch_count = 1, .precision = ELBO_PRECISION_F32, .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    memcpy(elbo_plan_input(plan, datum), x, sizeof *x * (size_t)size);
    float *z = elbo_plan_input(plan, grid);
    for (int i = 0; i < GRID; i++) {
        z[2 * i] = (float)(spacing * (i / SIDE - SIDE / 2));
        z[2 * i + 1] = (float)(spacing * (i % SIDE - SIDE / 2));
    }
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){0}, &error), ELBO_OK);
    const float *value = elbo_plan_value(plan, joint);
    double sum = 0;
    for (int i = 0; i < GRID; i++) sum += exp((double)value[i]);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    return log(sum * spacing * spacing);
}

/* Annealing and Hamiltonian draws against quadrature: five standard errors of the draws (3e-6 for 8 comparisons), and
 * their square for the logarithm's curvature. The importance sampler has no density to weigh by, and says so. */
static void test_likelihoods(void **state) {
    enum { SIZE = 4 };
    const scratch *place = *state;
    static const char source[] = "synth:onehot?rows=400&test=8";
    static const char *const toy[] = {ADVERSARY, "noise", "3", "data", source, "latent", "2", "epochs", "60", NULL};
    char folder[128];
    elbo_error error = {0};
    elbo_likelihood_comparison got = {0};
    (void)trained(place, "likelihoods", toy, NULL, folder);
    elbo_dataset *dataset = elbo_dataset_open(source, NULL, &error);
    elbo_model *model = elbo_model_open(folder, NULL, 1, &error);
    if (!model || !dataset) fail_msg("%s", error.message);
    if (compare(model, dataset, "ais,hmc", 2000, &got, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_true(got.elbo_estimated);
    for (size_t m = 0; m < got.methods; m++)
        for (int row = 0; row < SIZE; row++) {
            const float x[SIZE] = {row == 0, row == 1, row == 2, row == 3};
            double exact = exact_log_p(&model->instance, x, SIZE), off = got.estimate[m].log_p[row] - exact;
            double deviation = got.estimate[m].log_p_error[row];
            if (!(fabs(off) < 5 * deviation + deviation * deviation + 1e-4) || !(deviation < 0.2))
                fail_msg("%s, row %d: off by %g, error %g", got.estimate[m].method, row, off, deviation);
        }
    elbo_likelihoods_clear(&got);
    assert_int_equal(compare(model, dataset, "is", 100, &got, &error), ELBO_ERROR_UNSUPPORTED);
    if (!strstr(error.message, "--nll ais") || !strstr(error.message, "--nll hmc")) fail_msg("%s", error.message);
    elbo_evaluation_options options;
    elbo_evaluation evaluation = {0};
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &options, &error), ELBO_OK);
    options.samples = 10;
    assert_int_equal(elbo_evaluate(model, dataset, &options, NULL, NULL, &evaluation, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "--nll ais"));
    options.samples = 0;
    if (elbo_evaluate(model, dataset, &options, NULL, NULL, &evaluation, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    assert_non_null(strstr(evaluation.warning, "no bounds"));
    assert_true(isnan(evaluation.mutual_information) && isfinite(evaluation.elbo));
    elbo_evaluation_clear(&evaluation);
    elbo_options_clear(&elbo_evaluation_options_table, &options);
    elbo_model_free(model);
    elbo_dataset_free(dataset);
}

/* ---- both sides implicit ---- */

typedef struct point {
    double at[2];
} point;
enum { POINTS = 1000 };

static double mean_distance(const point *a, const point *b, bool same) {
    double sum = 0;
    for (int i = 0; i < POINTS; i++)
        for (int j = 0; j < POINTS; j++) sum += hypot(a[i].at[0] - b[j].at[0], a[i].at[1] - b[j].at[1]);
    return sum / POINTS / (same ? POINTS - 1 : POINTS);
}

/* Without bias: 0 in the mean for draws of one distribution (Szekely and Rizzo 2004). */
static double energy_distance(const point *a, const point *b) {
    return 2 * mean_distance(a, b, false) - mean_distance(a, a, true) - mean_distance(b, b, true);
}

static void ring(uint64_t seed, point *out) {
    elbo_error error = {0};
    elbo_ring_options options;
    elbo_table table = {0};
    assert_int_equal(elbo_options_init(&elbo_ring_options_table, &options, &error), ELBO_OK);
    options.rows = POINTS;
    options.test = 0;
    options.seed = (int64_t)seed;
    if (elbo_synth_ring(&table, &options, &error) != ELBO_OK) fail_msg("%s", error.message);
    const float *values = table.values.data;
    for (int i = 0; i < POINTS; i++) out[i] = (point){{(double)values[2 * i], (double)values[2 * i + 1]}};
    elbo_table_clear(&table);
}

static void simulated(const char *folder, point *out) {
    elbo_error error = {0};
    elbo_array z = {0}, x = {0};
    elbo_model *model = elbo_model_open(folder, NULL, 1, &error);
    if (!model) fail_msg("%s", error.message);
    if (elbo_model_prior(model, POINTS, 5, 1, &z, &error) != ELBO_OK ||
        elbo_model_decode(model, &z, true, 6, &x, &error) != ELBO_OK)
        fail_msg("%s", error.message);
    for (int i = 0; i < POINTS; i++)
        out[i] = (point){{(double)((float *)x.data)[2 * i], (double)((float *)x.data)[2 * i + 1]}};
    elbo_array_free(&z);
    elbo_array_free(&x);
    elbo_model_free(model);
}

/* Fresh draws of the model against fresh draws of the truth. What it must not be is measured by draws too: a normal
 * distribution with the ring's mean and variance, and a ring that lacks a half. It has to come within a quarter of the
 * nearer one, give or take five standard deviations of the distance of two samples of the truth (10 pairs). */
static void test_ring(void **state) {
    const scratch *place = *state;
    static const char *const options[] = {"data",  "synth:ring?rows=4000&test=0",
                                          FREE,    "latent",
                                          "2",     "noise",
                                          "2",     "hidden",
                                          "64,64", "activation",
                                          "relu",  NULL};
    static const char *const more[] = {"adversary-hidden",
                                       "64,64",
                                       "adversary-steps",
                                       "2",
                                       "batch",
                                       "200",
                                       "epochs",
                                       "120",
                                       "lr",
                                       "0.001",
                                       "beta1",
                                       "0.5",
                                       "schedule",
                                       "cosine",
                                       NULL};
    char folder[128];
    point truth[POINTS], other[POINTS];
    (void)trained(place, "ring", options, more, folder);
    double null = 0;
    for (uint64_t pair = 0; pair < 10; pair++) {
        ring(100 + 2 * pair, truth);
        ring(101 + 2 * pair, other);
        null += pow(energy_distance(truth, other), 2) / 10;
    }
    elbo_rng rng = {1, ELBO_STREAM_SYNTH, 0};
    const double side = sqrt((4 + 2 * 0.01) / 2);
    for (uint32_t i = 0; i < POINTS; i++)
        other[i] = (point){{side * elbo_rng_normal(&rng, i, 0), side * elbo_rng_normal(&rng, i, 1)}};
    double normal = energy_distance(other, truth);
    ring(7, other);
    for (int i = 0; i < POINTS; i++) other[i].at[1] = fabs(other[i].at[1]);
    double half = energy_distance(other, truth);
    simulated(folder, other);
    double got = energy_distance(other, truth), most = 0.25 * fmin(normal, half) + 5 * sqrt(null);
    assert_true(5 * sqrt(null) < 0.5 * fmin(normal, half)); /* the samples are large enough to tell */
    if (!(got < most)) fail_msg("energy distance %g; normal %g, half %g, at most %g", got, normal, half, most);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_optimum),
        cmocka_unit_test(test_optimum_with_contrast),
        cmocka_unit_test(test_contrast_does_most),
        cmocka_unit_test(test_likelihoods),
        cmocka_unit_test(test_ring),
    };
    return cmocka_run_group_tests(tests, scratch_make, scratch_remove);
}
