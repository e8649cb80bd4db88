/* Instances of vade for its tests. */
#ifndef ELBO_TESTS_VADE_SUPPORT_H
#define ELBO_TESTS_VADE_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
/* after the above */
#include <cmocka.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "graph/params.h"
#include "scratch.h"
#include "train/step.h"

/* settings: names and values, NULL-ended. */
static inline elbo_config *configure(const char *const *settings) {
    elbo_error error = {0};
    elbo_config *config = elbo_config_new("vade", &error);
    if (!config) fail_msg("%s", error.message);
    for (const char *const *at = settings; at && *at; at += 2)
        if (elbo_config_set(config, at[0], at[1], &error) != ELBO_OK) fail_msg("%s", error.message);
    return config;
}

static inline void open_instance(elbo_instance *instance, elbo_dataset **dataset, elbo_dtype dtype, void *values,
                                 int64_t rows, int64_t size, const char *const *settings) {
    elbo_error error = {0};
    elbo_array x = {.dtype = dtype, .rank = 2, .shape = {rows, size}, .data = values};
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    *dataset = elbo_dataset_from_array(&x, NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!*dataset) fail_msg("%s", error.message);
    elbo_config *config = configure(settings);
    if (elbo_instance_new(instance, config, *dataset, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_config_free(config);
}

static inline float *tensor(const elbo_instance *instance, const char *name) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_tensor(instance->params, elbo_params_index(instance->params, info));
}

#endif
