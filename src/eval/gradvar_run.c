/* The gradients of one estimator: a training step without its last part, again and again with new draws. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"
#include "eval/gradvar.h"
#include "graph/params.h"

void elbo_moments_add(elbo_moments *m, double value) {
    double away = value - m->mean;
    m->mean += away / (double)++m->count;
    m->square += away * (value - m->mean);
}

double elbo_moments_variance(const elbo_moments *m) { return m->count > 1 ? m->square / (double)(m->count - 1) : NAN; }

double elbo_moments_stderr(const elbo_moments *m) { return sqrt(elbo_moments_variance(m) / (double)m->count); }

static bool is_compared(const char *group) { return strcmp(group, "state") != 0 && strcmp(group, "control") != 0; }

size_t elbo_gradvar_groups(const elbo_params *params, const char *names[ELBO_GRADVAR_GROUPS]) {
    size_t count = 0;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const char *group = elbo_params_at(params, i)->group;
        bool known = !is_compared(group);
        for (size_t g = 0; g < count && !known; g++) known = strcmp(names[g], group) == 0;
        if (!known && count < ELBO_GRADVAR_GROUPS) names[count++] = group;
    }
    return count;
}

/* ---- building ---- */

/* The model's values under the estimator's layout; *missing: tensors of a control that the model does not have. */
static elbo_status copy_values(elbo_gradvar_run *run, const elbo_params *from, bool *missing, elbo_error *error) {
    for (size_t i = 0; i < elbo_params_count(run->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(run->instance.params, i);
        const elbo_param_info *known = elbo_params_find(from, info->name);
        bool control = !is_compared(info->group);
        if (known && known->count == info->count) {
            memcpy(elbo_params_tensor(run->instance.params, (int64_t)i),
                   elbo_params_tensor(from, elbo_params_index(from, known)), sizeof(float) * info->count);
        } else if (control) {
            *missing = true;
        } else {
            return elbo_fail(error, ELBO_ERROR_STATE, "the model has no parameter \"%s\" of this size", info->name);
        }
    }
    elbo_params_touch(run->instance.params);
    return ELBO_OK;
}

/* The model with another estimator, on x as it is: drawn pixels stay the same while z is drawn anew. */
static elbo_status make_instance(elbo_gradvar_run *run, const elbo_instance *from, const elbo_gradvar_spec *spec,
                                 elbo_error *error) {
    run->instance = *from;
    run->instance.params = NULL;
    run->instance.config = elbo_gradvar_config(from, spec, error);
    if (!run->instance.config) return error ? error->status : ELBO_ERROR_USAGE;
    run->instance.dtype = ELBO_F32;
    run->instance.shift = 0;
    run->instance.factor = 1;
    run->instance.binarize = ELBO_BINARIZE_NONE;
    ELBO_TRY(elbo_instance_declare_params(&run->instance, error));
    elbo_phase phases[ELBO_MODEL_PHASES];
    run->instance.phase = elbo_instance_phases(from, phases) - 1; /* the main one is the last */
    ELBO_TRY(elbo_params_finish(run->instance.params, error));
    return copy_values(run, from->params, &run->untrained, error);
}

static elbo_status make_program(elbo_gradvar_run *run, const elbo_gradvar_batch *batch, int threads,
                                elbo_error *error) {
    size_t size = (size_t)batch->rows * (size_t)run->instance.item.size;
    elbo_params_data(run->instance.params, &run->length);
    run->gradient = elbo_calloc(sizeof *run->gradient * run->length);
    run->mean = elbo_calloc(sizeof *run->mean * run->length);
    run->square = elbo_calloc(sizeof *run->square * run->length);
    if (!run->gradient || !run->mean || !run->square)
        return elbo_fail_memory(error, 2 * sizeof(double) * run->length, "gradients");
    ELBO_TRY(elbo_step_program_new(&run->program, &run->instance, batch->rows, run->gradient, threads, error));
    if (run->program.updates != 1)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "a step of this model has %d updates, each with an objective of its own; one was expected",
                         run->program.updates);
    void *x = elbo_plan_input(run->program.plan[0], run->program.raw);
    if (x) memcpy(x, batch->x, sizeof(float) * size);
    int32_t *label = run->program.label ? elbo_plan_input(run->program.plan[0], run->program.label) : NULL;
    if (label) memcpy(label, batch->label, sizeof *label * (size_t)batch->rows);
    return ELBO_OK;
}

/* ---- one gradient ---- */

static elbo_status next(elbo_gradvar_run *run, elbo_step_result *result, elbo_error *error) {
    elbo_run how = {.seed = run->seed, .step = run->step++};
    ELBO_TRY(elbo_step_program_run(&run->program, 0, 1, &how, result, error));
    if (isfinite(result->loss)) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_NUMERIC, "gradient %u: the loss is %g", run->step, result->loss);
}

/* Running means come from the steps themselves; the network of a learned control from following its own loss. */
static elbo_status warm_up(elbo_gradvar_run *run, int64_t steps, elbo_error *error) {
    elbo_optimiser *optimiser = NULL;
    elbo_optimiser_options options;
    size_t first, count;
    ELBO_TRY(elbo_options_init(&elbo_optimiser_options_table, &options, error));
    bool network = elbo_params_group(run->instance.params, "control", &first, &count);
    options.lr = 0.01; /* the network is small, and has this one batch to know */
    if (network)
        optimiser = elbo_optimiser_new(run->instance.params, (const char *const[]){"control", NULL}, run->gradient,
                                       &options, 1, error);
    elbo_status status = network && !optimiser ? (error ? error->status : ELBO_ERROR_MEMORY) : ELBO_OK;
    for (int64_t t = 1; t <= steps && status == ELBO_OK; t++) {
        elbo_step_result result;
        status = next(run, &result, error);
        if (status == ELBO_OK && network) status = elbo_optimiser_step(optimiser, options.lr, t, 1, error);
    }
    elbo_optimiser_free(optimiser);
    elbo_options_clear(&elbo_optimiser_options_table, &options);
    return status;
}

elbo_status elbo_gradvar_run_new(elbo_gradvar_run *run, const elbo_instance *instance, const elbo_gradvar_spec *spec,
                                 const elbo_gradvar_batch *batch, int64_t steps, uint64_t seed, int threads,
                                 elbo_error *error) {
    memset(run, 0, sizeof *run);
    run->seed = seed;
    ELBO_TRY(make_instance(run, instance, spec, error));
    ELBO_TRY(make_program(run, batch, threads, error));
    return run->untrained ? warm_up(run, steps, error) : ELBO_OK;
}

void elbo_gradvar_run_clear(elbo_gradvar_run *run) {
    elbo_step_program_clear(&run->program);
    elbo_instance_clear(&run->instance);
    elbo_free(run->gradient);
    elbo_free(run->mean);
    elbo_free(run->square);
    memset(run, 0, sizeof *run);
}

/* ---- many ---- */

void elbo_gradvar_run_reset(elbo_gradvar_run *run) {
    memset(run->mean, 0, sizeof *run->mean * run->length);
    memset(run->square, 0, sizeof *run->square * run->length);
    memset(run->along, 0, sizeof run->along);
    run->loss = (elbo_moments){0};
    run->count = 0;
}

/* Welford's update of every coordinate. */
static void accumulate(elbo_gradvar_run *run) {
    const float *restrict gradient = run->gradient;
    double *restrict mean = run->mean, *restrict square = run->square;
    double share = 1 / (double)++run->count;
    for (size_t i = 0; i < run->length; i++) {
        double away = (double)gradient[i] - mean[i];
        mean[i] += away * share;
        square[i] += away * ((double)gradient[i] - mean[i]);
    }
}

/* The padding between tensors is zero in every gradient, so that a group is one range. */
static void project(elbo_gradvar_run *run, const float *direction) {
    const char *names[ELBO_GRADVAR_GROUPS];
    size_t groups = elbo_gradvar_groups(run->instance.params, names), first, count;
    for (size_t g = 0; g < groups; g++) {
        double sum = 0;
        if (!elbo_params_group(run->instance.params, names[g], &first, &count)) continue;
        for (size_t i = first; i < first + count; i++) sum += (double)run->gradient[i] * (double)direction[i];
        elbo_moments_add(&run->along[g], sum);
    }
}

elbo_status elbo_gradvar_run_more(elbo_gradvar_run *run, int64_t repeats, const float *direction, elbo_work *work,
                                  elbo_error *error) {
    double start = elbo_seconds(), amount = (double)run->program.rows;
    for (int64_t r = 0; r < repeats; r++) {
        elbo_step_result result;
        ELBO_TRY(next(run, &result, error));
        elbo_moments_add(&run->loss, result.loss);
        accumulate(run);
        if (direction) project(run, direction);
        ELBO_TRY(elbo_work_add(work, amount, error));
    }
    run->seconds = elbo_seconds() - start;
    return ELBO_OK;
}
