/* What the tests of optimisers and schedules share: options from text, a store of awkward sizes, gradients. */
#ifndef ELBO_TESTS_OPTIM_SUPPORT_H
#define ELBO_TESTS_OPTIM_SUPPORT_H

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
#include "graph/params.h"
#include "optim/optim.h"

enum { U = 24 }; /* an f32 operation is off by at most 2^-24 of its result */

static inline void assert_near(const char *what, size_t at, double value, double expected, double bound) {
    if (!(fabs(value - expected) <= bound))
        fail_msg("%s [%zu]: %.9g, not %.9g (off by %.2g, allowed %.2g)", what, at, value, expected,
                 fabs(value - expected), bound);
}

/* "optimizer=adam lr=0.01": the rest at its default. */
static inline elbo_optimiser_options options_of(const char *text) {
    elbo_optimiser_options options;
    elbo_error error = {0};
    assert_int_equal(elbo_options_init(&elbo_optimiser_options_table, &options, &error), ELBO_OK);
    char *copy = elbo_strdup(text), *rest = copy;
    assert_non_null(copy);
    for (char *word; (word = strtok_r(rest, " \n", &rest));) {
        char *value = strchr(word, '=');
        *value++ = 0;
        if (elbo_options_set(&elbo_optimiser_options_table, &options, word, value, &error) != ELBO_OK)
            fail_msg("%s", error.message);
    }
    elbo_free(copy);
    return options;
}

static inline void clear(elbo_optimiser_options *options) {
    elbo_options_clear(&elbo_optimiser_options_table, options);
}

/* Tensors of awkward sizes in four groups; "state" lies in the middle and splits the trained part in two. */
static const struct tensor {
    const char *group, *name;
    int64_t count;
} tensors[] = {{"encoder", "e1", 1},    {"encoder", "e2", 1023}, {"encoder", "e3", 7}, {"decoder", "d1", 3001},
               {"state", "s1", 17},     {"prior", "p1", 1025},   {"prior", "p2", 16},  {"critic", "c1", 2048},
               {"encoder", "e4", 9999}, {"decoder", "d2", 31},   {"critic", "c2", 2}};
enum { TENSORS = sizeof tensors / sizeof *tensors };

static inline elbo_params *store_of(const struct tensor *list, size_t count) {
    elbo_params *params = elbo_params_new(7);
    elbo_error error = {0};
    for (size_t i = 0; i < count; i++)
        assert_int_equal(elbo_params_declare(params, list[i].group, list[i].name, ELBO_SHAPE(list[i].count),
                                             ELBO_INIT_NORMAL, 0.5, 0, 0, &error),
                         ELBO_OK);
    assert_int_equal(elbo_params_finish(params, &error), ELBO_OK);
    return params;
}

static inline size_t length_of(elbo_params *params) {
    size_t length;
    elbo_params_data(params, &length);
    return length;
}

/* A number on (-1, 1) that looks random (SplitMix64, Steele et al. 2014). */
static inline double random_number(uint64_t key) {
    key *= 0x9E3779B97F4A7C15u;
    key = (key ^ key >> 30) * 0xBF58476D1CE4E5B9u;
    key = (key ^ key >> 27) * 0x94D049BB133111EBu;
    return ldexp((double)(int64_t)(key ^ key >> 31), -63);
}

/* Gradients of one step, of many magnitudes and with some zeros; the padding stays zero. */
static inline void draw_gradient(const elbo_params *params, int step, float *gradient) {
    static const double size[] = {1e-5, 1e-4, 1e-3, 1e-2, 0.1, 1, 10, 100, 1000};
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        for (size_t at = info->offset; at < info->offset + info->count; at++)
            gradient[at] =
                at % 11 == 0 && step % 3 ? 0 : (float)(size[at % 9] * random_number(at + (uint64_t)step * 1000003));
    }
}

static inline elbo_optimiser *optimiser_of(elbo_params *params, const char *const *groups, float *gradient,
                                           const elbo_optimiser_options *options, int threads) {
    elbo_error error = {0};
    elbo_optimiser *optimiser = elbo_optimiser_new(params, groups, gradient, options, threads, &error);
    if (!optimiser) fail_msg("%s", error.message);
    return optimiser;
}

static inline void take_step(elbo_optimiser *optimiser, double rate, int64_t t, double scale) {
    elbo_error error = {0};
    if (elbo_optimiser_step(optimiser, rate, t, scale, &error) != ELBO_OK) fail_msg("%s", error.message);
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

static inline double rate_at(const elbo_optimiser_options *options, int t) { return options->lr * (t % 4 ? 1 : 0.3); }
static inline double scale_at(const elbo_optimiser_options *options, int t) { return options->clip > 0 ? 1.0 / t : 1; }

#endif
