#include "eval/observed.h"

#include <math.h>
#include <string.h>

#include "eval/posterior.h"
#include "train/condition.h"

/* The run in which data are drawn: other runs of the same seed count from 0. */
static const uint32_t step_of_draws = UINT32_MAX;

/* An instance that takes the model's own values for what a data set would hold. */
static elbo_instance direct(const elbo_instance *instance) {
    elbo_instance plain = *instance;
    plain.dtype = ELBO_F32;
    plain.shift = 0;
    plain.factor = 1;
    plain.binarize = ELBO_BINARIZE_NONE;
    return plain;
}

static void build_draws(elbo_observed *observed) {
    const elbo_instance *instance = &observed->instance;
    elbo_context context = elbo_instance_context(instance, observed->graph, false);
    elbo_dist prior = instance->type->prior(&context, observed->rows);
    if (!prior.type) return;
    observed->z = elbo_dist_sample(&prior, 0);
    elbo_dist likelihood = instance->type->decode(&context, observed->z);
    if (likelihood.type) observed->x = elbo_dist_sample(&likelihood, 0);
}

static elbo_status compile(elbo_observed *observed, int threads, elbo_error *error) {
    observed->graph = elbo_graph_new();
    if (!observed->graph) return elbo_fail_memory(error, 0, "a graph");
    if (observed->simulated) {
        build_draws(observed);
    } else {
        observed->raw = elbo_instance_raw(&observed->instance, observed->graph, observed->rows);
        observed->x = elbo_instance_x(&observed->instance, observed->raw, true);
    }
    ELBO_TRY(elbo_graph_check(observed->graph, error));
    elbo_node *const fetch[] = {observed->x, observed->z};
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = observed->z ? 2 : 1, .threads = threads, .params_fixed = true};
    observed->plan = elbo_plan_new(observed->graph, &spec, error);
    return observed->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static bool has_encoder(const elbo_instance *instance) { return instance->type->encode != NULL; }

elbo_status elbo_observed_new(elbo_observed *observed, const elbo_instance *instance, int64_t rows, bool simulated,
                              elbo_precision precision, int threads, elbo_error *error) {
    memset(observed, 0, sizeof *observed);
    if (simulated && elbo_condition_kind(instance) != ELBO_CONDITION_NONE)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "this %s draws data under a condition, which only given data bring: it has no --simulated",
                         instance->type->name);
    observed->instance = simulated ? direct(instance) : *instance;
    observed->rows = rows;
    observed->simulated = simulated;
    observed->encoded = has_encoder(instance);
    if (simulated || !observed->encoded) ELBO_TRY(compile(observed, threads, error));
    return observed->encoded ? elbo_bound_new(&observed->bound, &observed->instance, rows, precision, threads, error)
                             : ELBO_OK;
}

void elbo_observed_clear(elbo_observed *observed) {
    elbo_plan_free(observed->plan);
    elbo_graph_free(observed->graph);
    elbo_bound_clear(&observed->bound);
    memset(observed, 0, sizeof *observed);
}

static elbo_status encode(elbo_observed *observed, const elbo_run *run, elbo_observed_rows *out, elbo_error *error) {
    const elbo_bound *bound = &observed->bound;
    observed->bound.reader.counted = out->rows.count;
    ELBO_TRY(elbo_bound_run(&observed->bound, run, error));
    out->encoded_z = elbo_plan_value(bound->plan, bound->z);
    out->rows.x = elbo_plan_value(bound->plan, bound->x);
    out->rows.condition = elbo_bound_condition(bound);
    for (int k = 0; k < elbo_posterior_parameters(&bound->posterior); k++)
        out->rows.parameter[k] = elbo_plan_value(bound->plan, bound->posterior.parameter[k]);
    return ELBO_OK;
}

elbo_status elbo_observed_read(elbo_observed *observed, const elbo_dataset *dataset, elbo_split split, int64_t first,
                               int64_t count, uint64_t seed, elbo_observed_rows *out, elbo_error *error) {
    elbo_run run = {seed, 0, (uint32_t)first};
    const elbo_bound *bound = &observed->bound;
    *out = (elbo_observed_rows){.rows = {.count = count, .first_row = first}};
    void *raw =
        observed->encoded ? elbo_plan_input(bound->plan, bound->raw) : elbo_plan_input(observed->plan, observed->raw);
    if (observed->simulated) {
        elbo_run drawing = {seed, step_of_draws, (uint32_t)first};
        ELBO_TRY(elbo_plan_run(observed->plan, &drawing, error));
        out->rows.x = elbo_plan_value(observed->plan, observed->x);
        out->drawn_z = elbo_plan_value(observed->plan, observed->z);
        if (raw) memcpy(raw, out->rows.x, sizeof(float) * (size_t)(observed->rows * observed->instance.item.size));
    } else if (raw) {
        ELBO_TRY(elbo_instance_rows(&observed->instance, dataset, split, NULL, first, count, raw, error));
        ELBO_TRY(elbo_condition_read(dataset, split, NULL, first, count, bound->plan, bound->label, error));
    }
    if (observed->encoded) return encode(observed, &run, out, error);
    if (!observed->simulated) {
        ELBO_TRY(elbo_plan_run(observed->plan, &run, error));
        out->rows.x = elbo_plan_value(observed->plan, observed->x);
    }
    return ELBO_OK;
}

elbo_status elbo_observed_elbo(const elbo_observed *observed, int64_t row, int64_t first, double *elbo,
                               elbo_error *error) {
    const elbo_bound *bound = &observed->bound;
    const float *reconstruction = elbo_plan_value(bound->plan, bound->reconstruction);
    const float *kl = elbo_plan_value(bound->plan, bound->kl);
    double sum = (double)reconstruction[row];
    for (int64_t d = 0; d < bound->latent; d++) sum += (double)kl[row * bound->latent + d];
    *elbo = -sum;
    return isfinite(sum) ? ELBO_OK
                         : elbo_fail(error, ELBO_ERROR_NUMERIC, "row %lld: -ELBO is %g", (long long)(first + row), sum);
}
