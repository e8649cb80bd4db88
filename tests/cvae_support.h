/* Instances of cvae for its tests. */
#ifndef ELBO_TESTS_CVAE_SUPPORT_H
#define ELBO_TESTS_CVAE_SUPPORT_H

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

#include "graph/params.h"
#include "train/step.h"

typedef struct data {
    elbo_dtype dtype;
    void *values;
    int rank;
    int64_t shape[4]; /* rows first */
    int32_t *labels;  /* or NULL */
} data;

static inline elbo_dataset *open_data(const data *d) {
    elbo_error error = {0};
    elbo_array x = {.dtype = d->dtype, .rank = d->rank, .data = d->values};
    elbo_array labels = {.dtype = ELBO_I32, .rank = 1, .shape = {d->shape[0]}, .data = d->labels};
    memcpy(x.shape, d->shape, sizeof d->shape);
    elbo_data_options options;
    assert_int_equal(elbo_options_init(&elbo_data_options_table, &options, &error), ELBO_OK);
    options.test_fraction = 0;
    elbo_dataset *dataset = elbo_dataset_from_array(&x, d->labels ? &labels : NULL, &options, &error);
    elbo_options_clear(&elbo_data_options_table, &options);
    if (!dataset) fail_msg("%s", error.message);
    return dataset;
}

/* settings: names and values, NULL-ended. */
static inline elbo_status try_instance(elbo_instance *instance, elbo_dataset *dataset, const char *const *settings,
                                       elbo_error *error) {
    elbo_config *config = elbo_config_new("cvae", error);
    if (!config) fail_msg("%s", error->message);
    for (const char *const *at = settings; *at; at += 2)
        if (elbo_config_set(config, at[0], at[1], error) != ELBO_OK) fail_msg("%s", error->message);
    elbo_status status = elbo_instance_new(instance, config, dataset, error);
    elbo_config_free(config);
    return status;
}

static inline void open_instance(elbo_instance *instance, elbo_dataset *dataset, const char *const *settings) {
    elbo_error error = {0};
    if (try_instance(instance, dataset, settings, &error) != ELBO_OK) fail_msg("%s", error.message);
}

static inline float *tensor(const elbo_instance *instance, const char *name) {
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    if (!info) fail_msg("no parameter %s", name);
    return elbo_params_tensor(instance->params, elbo_params_index(instance->params, info));
}

#endif
