/* What optimisers must not change, the norm of the gradient, and what is refused. */
#include "optim_support.h"

/* ---- what must not change ---- */

/* Parameters and slots after some steps, one flat copy. */
static float *run_copy(const char *text, const char *const *groups, int threads, int steps, size_t *count) {
    elbo_optimiser_options options = options_of(text);
    elbo_params *params = store_of(tensors, TENSORS);
    size_t length = length_of(params);
    float *gradient = elbo_calloc(sizeof *gradient * length);
    elbo_optimiser *optimiser = optimiser_of(params, groups, gradient, &options, threads);
    for (int t = 1; t <= steps; t++) {
        draw_gradient(params, t, gradient);
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
        float *one = run_copy(formulas[f], NULL, 1, 3, &count);
        for (int threads = 2; threads <= 3; threads++) {
            float *more = run_copy(formulas[f], NULL, threads, 3, &count);
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
            draw_gradient(params, t, gradient);
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
        float *all = run_copy(formulas[f], NULL, 1, 20, &count);
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
    for (int step = 1; step <= 5; step++) {
        double sum = 0;
        draw_gradient(params, step, gradient);
        for (size_t i = 0; i < elbo_params_count(params); i++) {
            const elbo_param_info *info = elbo_params_at(params, i);
            for (size_t k = 0; k < info->count && strcmp(info->group, "state") != 0; k++)
                sum += (double)gradient[info->offset + k] * (double)gradient[info->offset + k];
        }
        /* a row of 1024 passes at most 16 + 6 + 2 roundings of a sum of squares; the root halves them */
        assert_near("norm", (size_t)step, norm_of(one), sqrt(sum), ldexp(12 * sqrt(sum), -U));
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
    elbo_optimiser *optimiser = optimiser_of(params, NULL, gradient, &options, 1);
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

int main(void) {
    const struct CMUnitTest tests[] = {
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
