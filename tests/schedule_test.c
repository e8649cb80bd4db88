/* Schedules at the points where they are known exactly. */
#include "optim_support.h"

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

/* Fewer epochs keep the shape: each stage has the same share of them. More than 3280 leave the borders where they are.
 */
static void iwae_stages_follow_the_epochs(void **state) {
    (void)state;
    static const double border[] = {1, 4, 13, 40, 121, 364, 1093};
    static const double epochs[] = {100, 328, 1, 3279};
    for (size_t e = 0; e < sizeof epochs / sizeof *epochs; e++)
        for (int stage = 0; stage < 7; stage++) {
            double at = border[stage] * epochs[e] / 3280;
            struct point before = {"lr=1 schedule=iwae", at * (1 - 1e-9), epochs[e], 1, 0};
            struct point after = {"lr=1 schedule=iwae", at * (1 + 1e-9), epochs[e], 1, 0};
            double rate = pow(10, -stage / 7.0), next = pow(10, -(stage + 1) / 7.0);
            assert_near("iwae in short, before a border", (size_t)stage, rate_of(&before), rate, 1e-14);
            assert_near("iwae in short, after a border", (size_t)stage, rate_of(&after), next, 1e-14);
        }
    struct point tenth = {"lr=1 schedule=iwae", 4, 328, 1, 0}; /* epoch 4 of 328 is epoch 40 of 3280, exactly */
    assert_near("iwae in short, at a border", 0, rate_of(&tenth), pow(10, -4 / 7.0), 1e-14);
    for (int stage = 0; stage < 7; stage++) {
        struct point longer = {"lr=1 schedule=iwae", border[stage], 5000, 1, 0}, unknown = longer;
        unknown.epochs = 0;
        assert_near("iwae in long", (size_t)stage, rate_of(&longer), pow(10, -(stage + 1) / 7.0), 1e-14);
        assert_near("iwae without end", (size_t)stage, rate_of(&unknown), pow(10, -(stage + 1) / 7.0), 1e-14);
    }
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
        cmocka_unit_test(schedules_pass_their_points),
        cmocka_unit_test(iwae_stages_have_their_borders),
        cmocka_unit_test(iwae_stages_follow_the_epochs),
        cmocka_unit_test(every_schedule_is_described),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
