/* Optimisers and schedules: against textbook formulas in double, against PyTorch, and in what must not change. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/rng.h"
#include "graph/params.h"
#include "optim/optim.h"

/* ---- options and stores ---- */

/* "optimizer=adam lr=0.01": the rest at its default. */
static elbo_optimiser_options options_of(const char *text) {
    elbo_optimiser_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&elbo_optimiser_options_table, &options, &error), ELBO_OK);
    char copy[256], *rest = copy;
    snprintf(copy, sizeof copy, "%s", text);
    for (char *word; (word = strtok_r(rest, " \n", &rest));) {
        char *value = strchr(word, '=');
        *value++ = 0;
        if (elbo_options_set(&elbo_optimiser_options_table, &options, word, value, &error) != ELBO_OK)
            fail_msg("%s", error.message);
    }
    return options;
}

static void clear(elbo_optimiser_options *options) { elbo_options_clear(&elbo_optimiser_options_table, options); }

/* Tensors of awkward sizes in four groups; "state" lies in the middle and splits the trained part in two. */
static const struct tensor {
    const char *group, *name;
    int64_t count;
} tensors[] = {{"encoder", "e1", 1},    {"encoder", "e2", 1023}, {"encoder", "e3", 7}, {"decoder", "d1", 3001},
               {"state", "s1", 17},     {"prior", "p1", 1025},   {"prior", "p2", 16},  {"critic", "c1", 2048},
               {"encoder", "e4", 9999}, {"decoder", "d2", 31},   {"critic", "c2", 2}};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static elbo_params *store_of(const struct tensor *list, size_t count) {
    elbo_params *params = elbo_params_new(7);
    elbo_error error = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(elbo_params_declare(params, list[i].group, list[i].name, ELBO_SHAPE(list[i].count),
                                             ELBO_INIT_NORMAL, 0.5, 0, 0, &error),
                         ELBO_OK);
    assert_int_equal(elbo_params_finish(params, &error), ELBO_OK);
    return params;
}

static size_t length_of(elbo_params *params) {
    size_t length;
    elbo_params_data(params, &length);
    return length;
}

/* Random gradients of one step, of many magnitudes and with some zeros; the padding stays zero. */
static void draw_gradient(const elbo_params *params, uint32_t step, float *gradient) {
    static const double size[] = {1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000};
    elbo_rng rng = {.seed = 99, .stream = 1, .step = step};
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        for (size_t k = 0; k < info->count; k++) {
            uint32_t at = (uint32_t)(info->offset + k);
            gradient[at] = at % 11 == 0 && step % 3 ? 0 : (float)(size[at % 9] * elbo_rng_normal(&rng, 0, at));
        }
    }
}

static elbo_optimiser *optimiser_of(elbo_params *params, const char *const *groups, float *gradient,
                                    const elbo_optimiser_options *options, int threads) {
    elbo_error error = {0};
    elbo_optimiser *optimiser = elbo_optimiser_new(params, groups, gradient, options, threads, &error);
    if (!optimiser) fail_msg("%s", error.message);
    return optimiser;
}

static void take_step(elbo_optimiser *optimiser, double rate, int64_t t, double scale) {
    elbo_error error = {0};
    if (elbo_optimiser_step(optimiser, rate, t, scale, &error) != ELBO_OK) fail_msg("%s", error.message);
}

/* ---- the textbook, in double ---- */

/* One parameter. `most` follows the same recursions with |g| for g, so that it bounds each linear slot whatever
 * cancels in it; `bound` is how far f32 may be off. */
typedef struct textbook {
    double p, slot[2], most, bound;
} textbook;

enum { U = 24 }; /* an f32 operation is off by at most 2^-24 of its result */

static double average(double a, double b, double decay) { return decay * a + (1 - decay) * b; }

static void textbook_step(textbook *x, const elbo_optimiser_options *o, double g, double scale, double rate, int t) {
    const char *name = o->optimizer;
    bool decoupled = strcmp(name, "adamw") == 0;
    double p = x->p, size = fabs(g * scale), divisor = 1, direction;
    g *= scale;
    if (!decoupled) g += o->weight_decay * p, size += o->weight_decay * fabs(p);
    if (decoupled) p *= 1 - rate * o->weight_decay;
    direction = g;
    if (strcmp(name, "momentum") == 0) {
        x->slot[0] = o->momentum * x->slot[0] + g;
        x->most = o->momentum * x->most + size;
        direction = o->nesterov ? g + o->momentum * x->slot[0] : x->slot[0];
        size = o->nesterov ? size + o->momentum * x->most : x->most;
    } else if (strcmp(name, "adagrad") == 0) {
        x->slot[0] += g * g;
        divisor = sqrt(x->slot[0]) + o->epsilon;
    } else if (strcmp(name, "rmsprop") == 0) {
        x->slot[0] = average(x->slot[0], g * g, o->rho);
        divisor = sqrt(x->slot[0]) + o->epsilon;
    } else if (strncmp(name, "adam", 4) == 0) {
        x->slot[0] = average(x->slot[0], g, o->beta1);
        x->slot[1] = average(x->slot[1], g * g, o->beta2);
        x->most = average(x->most, size, o->beta1);
        direction = x->slot[0] / (1 - pow(o->beta1, t));
        size = x->most / (1 - pow(o->beta1, t));
        divisor = sqrt(x->slot[1] / (1 - pow(o->beta2, t))) + o->epsilon;
    }
    x->p = p - rate * direction / divisor;
    /* each slot gathers at most three roundings a step (squares count half under the root), and the step itself at
     * most sixteen; storing p adds one of p, shrinking it another */
    x->bound += ldexp((6 * t + 16) * rate * size / divisor + (decoupled ? 2 : 1) * fabs(x->p), -U);
}

/* Slots gather at most six roundings a step, of the bound on their size; and weight decay carries the parameter's own
 * error into the gradient, of which momentum adds up 1 / (1 - momentum). */
static double slot_bound(const textbook *x, const elbo_optimiser_options *o, int slot, bool linear, int t) {
    double carried = strcmp(o->optimizer, "adamw") == 0 ? 0 : o->weight_decay * x->bound;
    if (strcmp(o->optimizer, "momentum") == 0) carried /= 1 - o->momentum;
    if (!linear) carried *= 2 * sqrt(t * x->slot[slot]);
    return ldexp((6 * t + 6) * (linear ? x->most : x->slot[slot]), -U) + carried + (double)FLT_MIN;
}

static textbook *textbook_of(elbo_params *params, const elbo_optimiser_type *type,
                             const elbo_optimiser_options *options) {
    size_t length;
    const float *data = elbo_params_data(params, &length);
    textbook *list = calloc(length, sizeof *list);
    for (size_t i = 0; i < length; i++) {
        list[i].p = (double)data[i];
        for (int s = 0; s < type->slots; s++)
            if (type->slot_squares[s]) list[i].slot[s] = options->square_start;
    }
    return list;
}

static void assert_near(const char *what, size_t at, double value, double expected, double bound) {
    if (!(fabs(value - expected) <= bound))
        fail_msg("%s [%zu]: %.9g, not %.9g (off by %.2g, allowed %.2g)", what, at, value, expected,
                 fabs(value - expected), bound);
}

static void compare(elbo_params *params, elbo_optimiser *optimiser, const elbo_optimiser_options *options,
                    const textbook *list, const char *what, int t) {
    const elbo_optimiser_type *type = elbo_optimiser_find(options->optimizer, NULL);
    const float *data = elbo_params_data(params, NULL);
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        if (strcmp(info->group, "state") == 0) continue;
        for (size_t at = info->offset; at < info->offset + info->count; at++) {
            assert_near(what, at, (double)data[at], list[at].p, list[at].bound);
            for (int s = 0; s < type->slots; s++)
                assert_near(elbo_optimiser_slot(optimiser, s, NULL) ? type->slot_name[s] : "missing slot", at,
                            (double)elbo_optimiser_slot(optimiser, s, NULL)[at], list[at].slot[s],
                            slot_bound(&list[at], options, s, !type->slot_squares[s], t));
        }
    }
}

/* Every optimiser with every option that enters its formula. */
static const char *const formulas[] = {
    "optimizer=sgd lr=0.1",
    "optimizer=sgd lr=0.1 clip=5 weight-decay=0.1",
    "optimizer=momentum lr=0.01",
    "optimizer=momentum lr=0.01 momentum=0.99 nesterov=true",
    "optimizer=momentum lr=0.01 momentum=0 clip=2 weight-decay=0.01",
    "optimizer=adagrad lr=0.1",
    "optimizer=adagrad lr=0.1 square-start=1 epsilon=0.001 weight-decay=0.1 clip=1",
    "optimizer=rmsprop lr=0.001",
    "optimizer=rmsprop lr=0.01 rho=0 square-start=1 epsilon=0.01 clip=1",
    "optimizer=rmsprop lr=0.01 rho=0.999 weight-decay=0.2",
    "optimizer=adam lr=0.001",
    "optimizer=adam lr=0.01 beta1=0.3 beta2=0.4 epsilon=0.0001 clip=1",
    "optimizer=adam lr=0.01 beta2=0.99999999 square-start=1 weight-decay=0.01",
    "optimizer=adamw lr=0.001 weight-decay=0.01",
    "optimizer=adamw lr=0.01 weight-decay=0.5 clip=3 square-start=1",
    "optimizer=adamw lr=0.01",
};
enum { FORMULAS = sizeof formulas / sizeof *formulas };

static double rate_at(const elbo_optimiser_options *options, int t) { return options->lr * (t % 4 ? 1 : 0.3); }
static double scale_at(const elbo_optimiser_options *options, int t) { return options->clip > 0 ? 1.0 / t : 1; }

static void textbook_agrees(void **state) {
    (void)state;
    for (int f = 0; f < FORMULAS; f++) {
        elbo_optimiser_options options = options_of(formulas[f]);
        elbo_params *params = store_of(tensors, TENSORS);
        float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
        const elbo_optimiser_type *type = elbo_optimiser_find(options.optimizer, NULL);
        textbook *list = textbook_of(params, type, &options);
        elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 2);
        for (int t = 1; t <= 50; t++) {
            draw_gradient(params, (uint32_t)t, gradient);
            uint64_t version = elbo_params_version(params);
            double rate = rate_at(&options, t), scale = scale_at(&options, t);
            take_step(optimiser, rate, t, scale);
            assert_true(elbo_params_version(params) > version);
            for (size_t i = 0; i < length_of(params); i++)
                textbook_step(&list[i], &options, (double)gradient[i], scale, rate, t);
            if (t == 1 || t % 7 == 0 || t == 50) compare(params, optimiser, &options, list, formulas[f], t);
        }
        elbo_optimiser_free(optimiser);
        free(list);
        elbo_free(gradient);
        elbo_params_free(params);
        clear(&options);
    }
}

static void every_type_is_covered(void **state) {
    (void)state;
    elbo_error error = {0};
    for (size_t i = 0; elbo_registry_optimisers[i]; i++) {
        const elbo_optimiser_type *type = elbo_registry_optimisers[i];
        char word[64];
        int found = 0;
        snprintf(word, sizeof word, "optimizer=%s ", type->name);
        for (int f = 0; f < FORMULAS; f++) found += strncmp(formulas[f], word, strlen(word)) == 0;
        if (!found) fail_msg("no test row for %s", type->name);
        assert_ptr_equal(elbo_optimiser_find(type->name, NULL), type);
        assert_true(*type->description && *type->formula && *type->source);
        for (int s = 0; s < type->slots; s++) assert_non_null(type->slot_name[s]);
    }
    assert_null(elbo_optimiser_find("newton", &error));
    assert_int_equal(error.status, ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "newton"));
    assert_non_null(strstr(error.message, "rmsprop"));
}

/* Kingma and Ba 2015, section 2.1: the first step has the size of the rate wherever the gradient is well above
 * epsilon; exactly it is lr |g| / (|g| + epsilon). */
static void adam_starts_with_the_rate(void **state) {
    (void)state;
    elbo_optimiser_options options = options_of("optimizer=adam lr=0.25 epsilon=1e-6");
    elbo_params *params = store_of(&(struct tensor){"all", "w", 9}, 1);
    static const double size[] = {1e-9, 1e-6, 1e-4, 0.1, 1, 10, 1e3, 1e6, 1e9};
    float *data = elbo_params_data(params, NULL), *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    for (int i = 0; i < 9; i++) data[i] = 0, gradient[i] = (float)(i % 2 ? size[i] : -size[i]);
    elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
    take_step(optimiser, 0.25, 1, 1);
    for (size_t i = 0; i < 9; i++) {
        double step = 0.25 * size[i] / (size[i] + 1e-6);
        assert_near("first step", i, (double)data[i], i % 2 ? -step : step, ldexp(20 * step, -U));
    }
    elbo_optimiser_free(optimiser);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

/* ---- PyTorch ---- */

enum { MOST_ELEMENTS = 16, MOST_STEPS = 32, LINE = 1024 };

typedef struct fixture {
    size_t elements;
    int steps;
    float start[MOST_ELEMENTS], gradient[MOST_STEPS][MOST_ELEMENTS];
} fixture;

static void read_numbers(FILE *file, const char *word, size_t count, double *out) {
    char line[LINE];
    assert_non_null(fgets(line, sizeof line, file));
    assert_int_equal(strncmp(line, word, strlen(word)), 0);
    char *at = line + strlen(word);
    for (size_t i = 0; i < count; i++) {
        char *end;
        out[i] = strtod(at, &end);
        assert_ptr_not_equal(at, end);
        at = end;
    }
}

static void read_floats(FILE *file, const char *word, size_t count, float *out) {
    double wide[MOST_ELEMENTS];
    read_numbers(file, word, count, wide);
    for (size_t i = 0; i < count; i++) out[i] = (float)wide[i];
}

/* The textbook must arrive where PyTorch does (both in double), and the library within f32 of it. */
static void compare_with_pytorch(const fixture *given, const char *text, const double *expected) {
    elbo_optimiser_options options = options_of(text);
    elbo_params *params = store_of(&(struct tensor){"all", "w", (int64_t)given->elements}, 1);
    float *data = elbo_params_data(params, NULL), *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    memcpy(data, given->start, sizeof *data * given->elements);
    textbook *list = textbook_of(params, elbo_optimiser_find(options.optimizer, NULL), &options);
    elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
    for (int t = 1; t <= given->steps; t++) {
        memcpy(gradient, given->gradient[t - 1], sizeof *gradient * given->elements);
        take_step(optimiser, options.lr, t, 1);
        for (size_t i = 0; i < given->elements; i++)
            textbook_step(&list[i], &options, (double)gradient[i], 1, options.lr, t);
    }
    for (size_t i = 0; i < given->elements; i++) {
        assert_near(text, i, list[i].p, expected[i], 1e-12 * (1 + fabs(expected[i])));
        assert_near(text, i, (double)data[i], expected[i], list[i].bound);
    }
    elbo_optimiser_free(optimiser);
    free(list);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

static void pytorch_agrees(void **state) {
    (void)state;
    FILE *file = fopen(TEST_DIR "/fixtures/optimisers.txt", "r");
    assert_non_null(file);
    fixture given = {0};
    assert_int_equal(fscanf(file, "elements %zu steps %d\n", &given.elements, &given.steps), 2);
    assert_true(given.elements <= MOST_ELEMENTS && given.steps <= MOST_STEPS);
    read_floats(file, "start", given.elements, given.start);
    for (int t = 0; t < given.steps; t++) read_floats(file, "gradient", given.elements, given.gradient[t]);
    char line[LINE];
    int cases = 0;
    for (; fgets(line, sizeof line, file); cases++) {
        double expected[MOST_ELEMENTS];
        assert_int_equal(strncmp(line, "case ", 5), 0);
        read_numbers(file, "after", given.elements, expected);
        compare_with_pytorch(&given, line + 5, expected);
    }
    fclose(file);
    assert_int_equal(cases, 14);
}

/* ---- what must not change ---- */

/* Parameters and slots after some steps, one flat copy. */
static float *run_copy(const char *text, const char *const *groups, int threads, int steps, size_t *count) {
    elbo_optimiser_options options = options_of(text);
    elbo_params *params = store_of(tensors, TENSORS);
    size_t length = length_of(params);
    float *gradient = elbo_calloc(sizeof *gradient * length);
    elbo_optimiser *optimiser = optimiser_of(params, groups, gradient, &options, threads);
    for (int t = 1; t <= steps; t++) {
        draw_gradient(params, (uint32_t)t, gradient);
        take_step(optimiser, rate_at(&options, t), t, scale_at(&options, t));
    }
    float *out = calloc(3 * length, sizeof *out);
    memcpy(out, elbo_params_data(params, NULL), sizeof *out * length);
    for (int s = 0; elbo_optimiser_slot(optimiser, s, NULL); s++)
        memcpy(out + (size_t)(s + 1) * length, elbo_optimiser_slot(optimiser, s, NULL), sizeof *out * length);
    elbo_optimiser_free(optimiser);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
    *count = 3 * length;
    return out;
}

static void threads_do_not_matter(void **state) {
    (void)state;
    for (int f = 0; f < FORMULAS; f++) {
        size_t count;
        float *one = run_copy(formulas[f], NULL, 1, 5, &count);
        for (int threads = 2; threads <= 3; threads++) {
            float *more = run_copy(formulas[f], NULL, threads, 5, &count);
            if (memcmp(one, more, sizeof *one * count) != 0) fail_msg("%s: %d threads differ", formulas[f], threads);
            free(more);
        }
        free(one);
    }
}

/* The same formula with results in memory of their own. */
static void copying_formula(const elbo_optimiser_type *type, const elbo_optimiser_options *options, int64_t rows,
                            const float *gradient, float *const *value, int t) {
    elbo_graph *graph = elbo_graph_new();
    elbo_error error = {0};
    elbo_shape shape = ELBO_SHAPE(rows, ELBO_GROUP_MULTIPLE);
    elbo_optimiser_input in = {
        .graph = graph,
        .param = elbo_input(graph, "p", ELBO_F32, shape),
        .gradient = elbo_input(graph, "g", ELBO_F32, shape),
        .slot = {elbo_input(graph, "s", ELBO_F32, shape), elbo_input(graph, "t", ELBO_F32, shape)}};
    const char *const scalar[] = {"a", "b", "c", "d"};
    for (int k = 0; k < ELBO_OPTIMISER_SCALARS; k++) in.scalar[k] = elbo_input(graph, scalar[k], ELBO_F32, ELBO_SCALAR);
    elbo_node *fetch[3] = {NULL};
    fetch[0] = type->build(&in, options, fetch + 1);
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = 1 + (size_t)type->slots, .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    double number[ELBO_OPTIMISER_SCALARS] = {0};
    type->prepare(options, rate_at(options, t), t, number);
    for (int k = 0; k < ELBO_OPTIMISER_SCALARS; k++) {
        float *to = elbo_plan_input(plan, in.scalar[k]);
        if (to) *to = (float)number[k];
    }
    size_t bytes = sizeof(float) * (size_t)rows * ELBO_GROUP_MULTIPLE;
    const elbo_node *const source[] = {in.param, in.slot[0], in.slot[1]};
    memcpy(elbo_plan_input(plan, in.gradient), gradient, bytes);
    for (int s = 0; s <= type->slots; s++) memcpy(elbo_plan_input(plan, source[s]), value[s], bytes);
    assert_int_equal(elbo_plan_run(plan, NULL, &error), ELBO_OK);
    for (int s = 0; s <= type->slots; s++) {
        assert_ptr_not_equal(elbo_plan_value(plan, fetch[s]), elbo_plan_input(plan, source[s]));
        memcpy(value[s], elbo_plan_value(plan, fetch[s]), bytes);
    }
    elbo_plan_free(plan);
    elbo_graph_free(graph);
}

static void in_place_equals_copy(void **state) {
    (void)state;
    for (int f = 0; f < FORMULAS; f++) {
        elbo_optimiser_options options = options_of(formulas[f]);
        const elbo_optimiser_type *type = elbo_optimiser_find(options.optimizer, NULL);
        if (options.clip > 0 || (options.weight_decay > 0 && !type->decoupled_decay)) { /* not in the type's part */
            clear(&options);
            continue;
        }
        elbo_params *params = store_of(&(struct tensor){"all", "w", 12345}, 1);
        size_t length = length_of(params), bytes = sizeof(float) * length;
        float *gradient = elbo_calloc(bytes), *value[3];
        elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
        for (int s = 0; s < 3; s++) {
            value[s] = elbo_calloc(bytes);
            const float *from = s ? elbo_optimiser_slot(optimiser, s - 1, NULL) : elbo_params_data(params, NULL);
            if (from) memcpy(value[s], from, bytes);
        }
        for (int t = 1; t <= 4; t++) {
            draw_gradient(params, (uint32_t)t, gradient);
            take_step(optimiser, rate_at(&options, t), t, 1);
            copying_formula(type, &options, (int64_t)(length / ELBO_GROUP_MULTIPLE), gradient, value, t);
        }
        assert_memory_equal(value[0], elbo_params_data(params, NULL), bytes);
        for (int s = 0; s < type->slots; s++)
            assert_memory_equal(value[s + 1], elbo_optimiser_slot(optimiser, s, NULL), bytes);
        for (int s = 0; s < 3; s++) elbo_free(value[s]);
        elbo_optimiser_free(optimiser);
        elbo_free(gradient);
        elbo_params_free(params);
        clear(&options);
    }
}

static void padding_stays_zero(void **state) {
    (void)state;
    elbo_params *params = store_of(tensors, TENSORS);
    size_t length = length_of(params), count;
    char *used = calloc(length, 1);
    for (size_t i = 0; i < TENSORS; i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        memset(used + info->offset, 1, info->count);
    }
    for (int f = 0; f < FORMULAS; f++) {
        float *all = run_copy(formulas[f], NULL, 2, 20, &count);
        for (size_t i = 0; i < count; i++)
            if (!used[i % length] && all[i] != 0) fail_msg("%s: padding [%zu] is %g", formulas[f], i, (double)all[i]);
        free(all);
    }
    free(used);
    elbo_params_free(params);
}

static bool is_named(const char *group, const char *const *groups) {
    for (; *groups; groups++)
        if (strcmp(group, *groups) == 0) return true;
    return false;
}

/* Other groups keep every bit, their gradient is not even read, and the norm does not see them. */
static void check_groups(const char *const *groups, const char *const *moving) {
    elbo_optimiser_options options = options_of("optimizer=adamw weight-decay=0.1 square-start=1");
    elbo_params *params = store_of(tensors, TENSORS);
    size_t length = length_of(params);
    float *data = elbo_params_data(params, NULL), *gradient = elbo_calloc(sizeof *gradient * length);
    float *before = malloc(sizeof *before * length);
    memcpy(before, data, sizeof *before * length);
    draw_gradient(params, 1, gradient);
    double sum = 0;
    for (size_t i = 0; i < TENSORS; i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        bool moves = is_named(info->group, moving);
        for (size_t at = info->offset; at < info->offset + info->count; at++) {
            if (!moves) gradient[at] = NAN;
            if (moves) sum += (double)gradient[at] * (double)gradient[at];
        }
    }
    elbo_optimiser *optimiser = optimiser_of(params, groups, gradient, &options, 2);
    double norm = NAN;
    assert_int_equal(elbo_optimiser_norm(optimiser, &norm, NULL), ELBO_OK);
    assert_near("norm", 0, norm, sqrt(sum), 1e-6 * sqrt(sum));
    take_step(optimiser, 0.01, 1, 1);
    for (size_t i = 0; i < TENSORS; i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        for (size_t at = info->offset; at < info->offset + info->count; at++) {
            if (is_named(info->group, moving)) {
                assert_true(isfinite(data[at]) && data[at] != before[at]);
                continue;
            }
            assert_memory_equal(&data[at], &before[at], sizeof *data);
            assert_true(elbo_optimiser_slot(optimiser, 0, NULL)[at] == 0);
            assert_true(elbo_optimiser_slot(optimiser, 1, NULL)[at] == 0);
        }
    }
    elbo_optimiser_free(optimiser);
    free(before);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

#define NAMES(...) ((const char *const[]){__VA_ARGS__, NULL})

static void only_named_groups_move(void **state) {
    (void)state;
    const char *const *all = NAMES("encoder", "decoder", "prior", "critic");
    check_groups(NULL, all);
    check_groups(NAMES(NULL), all);
    check_groups(NAMES("encoder"), NAMES("encoder"));
    check_groups(NAMES("critic"), NAMES("critic"));
    check_groups(NAMES("prior", "encoder"), NAMES("encoder", "prior"));
    check_groups(NAMES("decoder", "encoder", "decoder"), NAMES("encoder", "decoder"));
}

/* ---- the norm ---- */

static double norm_of(elbo_optimiser *optimiser) {
    double norm = -1;
    elbo_error error = {0};
    if (elbo_optimiser_norm(optimiser, &norm, &error) != ELBO_OK) fail_msg("%s", error.message);
    return norm;
}

static void norm_is_right(void **state) {
    (void)state;
    elbo_optimiser_options options = options_of("clip=1");
    elbo_params *params = store_of(tensors, TENSORS);
    float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    elbo_optimiser *one = optimiser_of(params, NULL, gradient, &options, 1);
    elbo_optimiser *two = optimiser_of(params, NULL, gradient, &options, 2);
    assert_true(norm_of(one) == 0);
    for (uint32_t step = 1; step <= 5; step++) {
        double sum = 0;
        draw_gradient(params, step, gradient);
        for (size_t i = 0; i < elbo_params_count(params); i++) {
            const elbo_param_info *info = elbo_params_at(params, i);
            for (size_t k = 0; k < info->count && strcmp(info->group, "state") != 0; k++)
                sum += (double)gradient[info->offset + k] * (double)gradient[info->offset + k];
        }
        /* a row of 1024 passes at most 16 + 6 + 2 roundings of a sum of squares; the root halves them */
        assert_near("norm", step, norm_of(one), sqrt(sum), ldexp(12 * sqrt(sum), -U));
        assert_true(norm_of(one) == norm_of(two));
    }
    elbo_optimiser_free(one);
    elbo_optimiser_free(two);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

static void norm_shows_what_is_not_finite(void **state) {
    (void)state;
    elbo_optimiser_options options = options_of("optimizer=sgd");
    elbo_params *params = store_of(tensors, TENSORS);
    float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    draw_gradient(params, 1, gradient);
    elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 2);
    static const float bad[] = {NAN, -NAN, INFINITY, -INFINITY};
    for (size_t i = 0; i < TENSORS; i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        for (size_t k = 0; k<info->count; k += info->count> 97 ? info->count / 97 : 1)
            for (int b = 0; b < 4; b++) {
                size_t at = info->offset + (b % 2 ? info->count - 1 - k : k);
                float kept = gradient[at];
                gradient[at] = bad[b];
                bool trained = strcmp(info->group, "state") != 0;
                if (isfinite(norm_of(optimiser)) == trained) fail_msg("%g at %zu", (double)bad[b], at);
                gradient[at] = kept;
            }
    }
    assert_true(isfinite(norm_of(optimiser)));
    elbo_optimiser_free(optimiser);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

/* ---- what is refused ---- */

static const struct refusal {
    const char *options, *group;
    elbo_status status;
    const char *part;
} refusals[] = {
    {"optimizer=adam", "decoders", ELBO_ERROR_USAGE, "decoders"},
    {"optimizer=adam", "state", ELBO_ERROR_USAGE, "state"},
    {"optimizer=adam epsilon=0", NULL, ELBO_ERROR_USAGE, "epsilon"},
    {"optimizer=adamw epsilon=1e-40", NULL, ELBO_ERROR_USAGE, "epsilon"},
    {"optimizer=adagrad epsilon=0", NULL, ELBO_ERROR_USAGE, "epsilon"},
    {"optimizer=rmsprop epsilon=0", NULL, ELBO_ERROR_USAGE, "epsilon"},
    {"optimizer=momentum square-start=1", NULL, ELBO_ERROR_USAGE, "square-start"},
    {"optimizer=adam nesterov=true", NULL, ELBO_ERROR_USAGE, "nesterov"},
    {"optimizer=sgd lr=0.1 lr-min=0.2", NULL, ELBO_ERROR_USAGE, "lr-min"},
    {"optimizer=sgd epsilon=0", NULL, ELBO_OK, ""},
    {"optimizer=adam epsilon=1e-30 beta2=0.99999999", NULL, ELBO_OK, ""},
};

static void misfits_are_refused(void **state) {
    (void)state;
    elbo_params *params = store_of(tensors, TENSORS);
    float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++) {
        const struct refusal *row = &refusals[i];
        elbo_optimiser_options options = options_of(row->options);
        elbo_error error = {0};
        elbo_optimiser *made = elbo_optimiser_new(params, NAMES(row->group), gradient, &options, 1, &error);
        if (error.status != row->status || !made == (row->status == ELBO_OK) || !strstr(error.message, row->part))
            fail_msg("%s: status %d \"%s\"", row->options, (int)error.status, error.message);
        if (made) { /* what is accepted yields finite parameters from a gradient of zero */
            take_step(made, options.lr, 1, 1);
            for (size_t k = 0; k < length_of(params); k++) assert_true(isfinite(elbo_params_data(params, NULL)[k]));
        }
        elbo_optimiser_free(made);
        clear(&options);
    }
    elbo_free(gradient);
    elbo_params_free(params);
}

static void nothing_to_train_is_told(void **state) {
    (void)state;
    elbo_optimiser_options options = options_of("");
    elbo_params *raw = elbo_params_new(1), *idle = store_of(&(struct tensor){"state", "s", 5}, 1);
    float gradient[1] = {0};
    elbo_error error = {0};
    assert_null(elbo_optimiser_new(raw, NULL, gradient, &options, 1, &error));
    assert_int_equal(error.status, ELBO_ERROR_STATE);
    assert_null(elbo_optimiser_new(idle, NULL, gradient, &options, 1, &error));
    assert_int_equal(error.status, ELBO_ERROR_STATE);
    assert_non_null(strstr(error.message, "no parameters"));
    elbo_params_free(raw);
    elbo_params_free(idle);
    clear(&options);
}

static void bad_steps_change_nothing(void **state) {
    (void)state;
    static const struct {
        const char *options;
        double rate, scale;
        int64_t t;
        elbo_status status;
    } rows[] = {{"optimizer=adam", NAN, 1, 1, ELBO_ERROR_NUMERIC},
                {"optimizer=adam", INFINITY, 1, 1, ELBO_ERROR_NUMERIC},
                {"optimizer=adam clip=1", 1, NAN, 1, ELBO_ERROR_NUMERIC},
                {"optimizer=adam", 1, 1, 0, ELBO_ERROR_STATE},
                {"optimizer=adam", 1, 0.5, 1, ELBO_ERROR_STATE}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        elbo_optimiser_options options = options_of(rows[i].options);
        elbo_params *params = store_of(tensors, TENSORS), *twin = store_of(tensors, TENSORS);
        float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
        draw_gradient(params, 1, gradient);
        elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
        assert_int_equal(elbo_optimiser_step(optimiser, rows[i].rate, rows[i].t, rows[i].scale, NULL), rows[i].status);
        assert_memory_equal(elbo_params_data(params, NULL), elbo_params_data(twin, NULL),
                            sizeof(float) * length_of(params));
        elbo_optimiser_free(optimiser);
        elbo_free(gradient);
        elbo_params_free(params);
        elbo_params_free(twin);
        clear(&options);
    }
}

static void slots_are_named(void **state) {
    (void)state;
    elbo_optimiser_options options = options_of("optimizer=adam");
    elbo_params *params = store_of(tensors, TENSORS);
    float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
    const char *name = NULL;
    assert_non_null(elbo_optimiser_slot(optimiser, 0, &name));
    assert_string_equal(name, "mean");
    assert_non_null(elbo_optimiser_slot(optimiser, 1, &name));
    assert_string_equal(name, "mean_square");
    assert_null(elbo_optimiser_slot(optimiser, 2, &name));
    assert_null(elbo_optimiser_slot(optimiser, -1, &name));
    elbo_optimiser_free(optimiser);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

static void memory_failures_are_survived(void **state) {
    (void)state;
    elbo_optimiser_options options = options_of("optimizer=adam clip=1 weight-decay=0.1");
    elbo_params *params = store_of(tensors, TENSORS);
    float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
    long failed = 0;
    for (bool done = false; !done; failed++) {
        elbo_error error = {0};
        elbo_memory_fail_at(failed + 1);
        elbo_optimiser *made = elbo_optimiser_new(params, NULL, gradient, &options, 1, &error);
        done = elbo_memory_count() <= failed;
        elbo_memory_fail_at(0);
        if (!done && (made || error.status != ELBO_ERROR_MEMORY))
            fail_msg("allocation %ld: status %d \"%s\"", failed + 1, (int)error.status, error.message);
        assert_true(!done || made);
        elbo_optimiser_free(made);
    }
    assert_true(failed > 10);
    elbo_free(gradient);
    elbo_params_free(params);
    clear(&options);
}

/* ---- schedules ---- */

static const struct point {
    const char *options;
    double epoch, epochs;
    int64_t step;
    double rate;
} points[] = {
    {"lr=0.5", 0, 10, 1, 0.5},
    {"lr=0.5", 9.99, 10, 1000000, 0.5},
    {"lr=1 schedule=step lr-decay=0.1 lr-every=10", 9.999, 30, 100, 1},
    {"lr=1 schedule=step lr-decay=0.1 lr-every=10", 10, 30, 101, 0.1},
    {"lr=1 schedule=step lr-decay=0.5 lr-every=0.1", 0.3, 1, 101, 0.125},
    {"lr=1 schedule=step lr-decay=0.5 lr-every=10 lr-min=0.2", 29, 30, 101, 0.25},
    {"lr=1 schedule=step lr-decay=0.5 lr-every=10 lr-min=0.2", 30, 30, 101, 0.2},
    {"lr=2 schedule=exponential lr-decay=0.25 lr-every=4", 0, 9, 1, 2},
    {"lr=2 schedule=exponential lr-decay=0.25 lr-every=4", 2, 9, 9, 1},
    {"lr=2 schedule=exponential lr-decay=0.25 lr-every=4", 4, 9, 9, 0.5},
    {"lr=2 schedule=exponential lr-decay=0.25 lr-every=4 lr-min=0.4", 6, 9, 9, 0.4},
    {"lr=1 schedule=cosine lr-min=0.2", 0, 8, 1, 1},
    {"lr=1 schedule=cosine lr-min=0.2", 2, 8, 9, 0.6 + 0.4 * 0.70710678118654752440},
    {"lr=1 schedule=cosine lr-min=0.2", 4, 8, 9, 0.6},
    {"lr=1 schedule=cosine lr-min=0.2", 8, 8, 9, 0.2},
    {"lr=1 schedule=cosine lr-min=0.2", 11, 8, 9, 0.2},
    {"lr=1 schedule=cosine", 5, 0, 9, 1},
    {"lr=1 lr-warmup=4", 0, 8, 1, 0.25},
    {"lr=1 lr-warmup=4", 0, 8, 3, 0.75},
    {"lr=1 lr-warmup=4", 0, 8, 4, 1},
    {"lr=1 lr-warmup=4", 0, 8, 5, 1},
    {"lr=1 lr-warmup=100 lr-min=0.5", 0, 8, 1, 0.01}, /* only warming up goes below the least rate */
    {"lr=1 schedule=exponential lr-decay=0.5 lr-every=1 lr-warmup=10", 1, 8, 5, 0.25},
};

static double rate_of(const struct point *point) {
    elbo_optimiser_options options = options_of(point->options);
    double rate = elbo_schedule_rate(&options, point->epoch, point->epochs, point->step);
    clear(&options);
    return rate;
}

static void schedules_pass_their_points(void **state) {
    (void)state;
    for (size_t i = 0; i < sizeof points / sizeof *points; i++)
        assert_near(points[i].options, i, rate_of(&points[i]), points[i].rate, 1e-15 * points[i].rate);
}

/* Burda et al. 2016: 3^i passes at 0.001 * 10^(-i/7) for i = 0..7. */
static void iwae_stages_have_their_borders(void **state) {
    (void)state;
    static const double border[] = {0, 1, 4, 13, 40, 121, 364, 1093, 3280};
    static const double rate[] = {1e-3,
                                  7.1968567300115201e-4,
                                  5.1794746792312112e-4,
                                  3.7275937203149400e-4,
                                  2.6826957952797256e-4,
                                  1.9306977288832500e-4,
                                  1.3894954943731376e-4,
                                  1e-4,
                                  1e-4};
    for (int stage = 0; stage <= 8; stage++) {
        struct point at = {"lr=0.001 schedule=iwae", border[stage], 3280, 1, 0};
        assert_near("iwae, at a border", (size_t)stage, rate_of(&at), rate[stage], 1e-14 * rate[stage]);
        at.epoch = border[stage] - 1e-6;
        if (stage > 0)
            assert_near("iwae, before a border", (size_t)stage, rate_of(&at), rate[stage - 1], 1e-14 * rate[stage - 1]);
    }
    struct point late = {"lr=0.001 schedule=iwae lr-min=0.0002", 1e6, 3280, 1, 0};
    assert_true(rate_of(&late) == 0.0002);
}

static void every_schedule_is_described(void **state) {
    (void)state;
    char names[128], *rest = names;
    snprintf(names, sizeof names, "%s", elbo_options_find(&elbo_optimiser_options_table, "schedule")->choices);
    for (char *name; (name = strtok_r(rest, "|", &rest));)
        if (!elbo_schedule_describe(name)) fail_msg("no description of %s", name);
    assert_null(elbo_schedule_describe("linear"));
    assert_null(elbo_schedule_describe(NULL));
    char unknown[] = "linear";
    elbo_optimiser_options options = {.schedule = unknown, .lr = 1};
    assert_true(isnan(elbo_schedule_rate(&options, 0, 1, 1)));
    snprintf(names, sizeof names, "%s", elbo_options_find(&elbo_optimiser_options_table, "optimizer")->choices);
    rest = names;
    for (char *name; (name = strtok_r(rest, "|", &rest));) assert_non_null(elbo_optimiser_find(name, NULL));
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textbook_agrees),
        cmocka_unit_test(every_type_is_covered),
        cmocka_unit_test(adam_starts_with_the_rate),
        cmocka_unit_test(pytorch_agrees),
        cmocka_unit_test(threads_do_not_matter),
        cmocka_unit_test(in_place_equals_copy),
        cmocka_unit_test(padding_stays_zero),
        cmocka_unit_test(only_named_groups_move),
        cmocka_unit_test(norm_is_right),
        cmocka_unit_test(norm_shows_what_is_not_finite),
        cmocka_unit_test(misfits_are_refused),
        cmocka_unit_test(nothing_to_train_is_told),
        cmocka_unit_test(bad_steps_change_nothing),
        cmocka_unit_test(slots_are_named),
        cmocka_unit_test(memory_failures_are_survived),
        cmocka_unit_test(schedules_pass_their_points),
        cmocka_unit_test(iwae_stages_have_their_borders),
        cmocka_unit_test(every_schedule_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
