/* Every optimiser against the textbook in double, and against PyTorch. */
#include <float.h>

#include "optim_support.h"

/* ---- the textbook, in double ---- */

/* One parameter. `most` follows the same recursions with |g| for g, so that it bounds each linear slot whatever
 * cancels in it; `bound` is how far f32 may be off. */
typedef struct textbook {
    double p, slot[2], most, bound;
} textbook;

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

static void textbook_agrees(void **state) {
    (void)state;
    for (int f = 0; f < FORMULAS; f++) {
        elbo_optimiser_options options = options_of(formulas[f]);
        elbo_params *params = store_of(tensors, TENSORS);
        float *gradient = elbo_calloc(sizeof *gradient * length_of(params));
        const elbo_optimiser_type *type = elbo_optimiser_find(options.optimizer, NULL);
        textbook *list = textbook_of(params, type, &options);
        elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
        for (int t = 1; t <= 50; t++) {
            draw_gradient(params, t, gradient);
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

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(textbook_agrees),
        cmocka_unit_test(every_type_is_covered),
        cmocka_unit_test(adam_starts_with_the_rate),
        cmocka_unit_test(pytorch_agrees),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
