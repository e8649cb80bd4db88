/* elbo_gradvar: estimators of one gradient, their noise, and how far their means are from the reference.
 *
 * The bias is measured along the reference's mean r: m.r - r.r is the mean of numbers of which each gradient gives one,
 * so that its standard error knows how coordinates move together. r.r would be too large by the noise of r: one half of
 * the reference's gradients gives the direction, the other half is measured along it. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"
#include "eval/gradvar.h"
#include "eval/model.h"

#define ELBO_TABLE_STRUCT elbo_gradvar_options
ELBO_TABLE(elbo_gradvar_options_table, "Gradients", ELBO_GRADVAR_OPTIONS);
#undef ELBO_TABLE_STRUCT

typedef struct job {
    const elbo_instance *instance;
    const elbo_gradvar_options *options;
    int threads;
    elbo_gradvar_specs specs;
    elbo_gradvar_spec *references; /* [specs.count] */
    int64_t repeats, half;         /* half of the reference's gradients */
    elbo_gradvar_batch batch;
    elbo_work work;
} job;

/* What the reference says of a bound. */
typedef struct reference {
    elbo_gradvar_spec spec;
    elbo_gradvar_run run;
    float *direction; /* [run.length] the mean of the first half */
} reference;

/* ---- the batch ---- */

/* Of a model that is conditioned on them. */
static elbo_status read_labels(job *j, const elbo_dataset *dataset, elbo_split split, const int64_t *index,
                               elbo_error *error) {
    size_t bytes = sizeof *j->batch.label * (size_t)j->batch.rows;
    if (elbo_condition_kind(j->instance) != ELBO_CONDITION_LABEL) return ELBO_OK;
    j->batch.label = elbo_calloc(bytes);
    if (!j->batch.label) return elbo_fail_memory(error, bytes, "labels");
    return elbo_dataset_labels(dataset, split, index, 0, j->batch.rows, j->batch.label, error);
}

static elbo_status draw_batch(job *j, const elbo_dataset *dataset, elbo_error *error) {
    elbo_evaluation_options which = {.split = j->options->split};
    elbo_split split;
    int64_t available, size = j->instance->item.size;
    ELBO_TRY(elbo_evaluation_rows(j->instance, dataset, &which, &split, &available, error));
    int64_t rows = j->batch.rows = j->options->rows < available ? j->options->rows : available;
    elbo_graph *graph = elbo_graph_new();
    int64_t *index = elbo_calloc(sizeof *index * (size_t)rows);
    j->batch.x = elbo_calloc(sizeof(float) * (size_t)(rows * size));
    elbo_node *raw = graph ? elbo_instance_raw(j->instance, graph, rows) : NULL;
    elbo_node *x = elbo_instance_x(j->instance, raw, true);
    elbo_plan_spec spec = {.fetch = &x, .fetch_count = 1, .threads = j->threads};
    elbo_plan *plan = index && j->batch.x && raw ? elbo_plan_new(graph, &spec, error) : NULL;
    elbo_status status = plan ? ELBO_OK
                         : index && j->batch.x && graph
                             ? (error ? error->status : ELBO_ERROR_INTERNAL)
                             : elbo_fail_memory(error, sizeof(float) * (size_t)(rows * size), "a batch");
    for (int64_t r = 0; r < rows && status == ELBO_OK; r++)
        index[r] = (int64_t)((double)r / (double)rows * (double)available);
    void *to = status == ELBO_OK ? elbo_plan_input(plan, raw) : NULL;
    if (to) status = elbo_instance_rows(j->instance, dataset, split, index, 0, rows, to, error);
    elbo_run run = {.seed = (uint64_t)j->options->seed};
    if (status == ELBO_OK) status = elbo_plan_run(plan, &run, error);
    if (status == ELBO_OK) memcpy(j->batch.x, elbo_plan_value(plan, x), sizeof(float) * (size_t)(rows * size));
    if (status == ELBO_OK) status = read_labels(j, dataset, split, index, error);
    elbo_plan_free(plan);
    elbo_graph_free(graph);
    elbo_free(index);
    return status;
}

/* ---- the reference ---- */

static void clear_reference(reference *r) {
    elbo_gradvar_run_clear(&r->run);
    elbo_free(r->direction);
    memset(r, 0, sizeof *r);
}

static elbo_status explore(reference *r, job *j, elbo_error *error) {
    ELBO_TRY(elbo_gradvar_run_new(&r->run, j->instance, &r->spec, &j->batch, 0, (uint64_t)j->options->seed * 1009,
                                  j->threads, error));
    r->direction = elbo_calloc(sizeof *r->direction * r->run.length);
    if (!r->direction) return elbo_fail_memory(error, sizeof *r->direction * r->run.length, "a gradient");
    ELBO_TRY(elbo_gradvar_run_more(&r->run, j->half, NULL, &j->work, error));
    for (size_t i = 0; i < r->run.length; i++) r->direction[i] = (float)r->run.mean[i];
    elbo_gradvar_run_reset(&r->run);
    return elbo_gradvar_run_more(&r->run, j->half, r->direction, &j->work, error);
}

/* The same direction under another layout. */
static float *translate(const reference *r, const elbo_gradvar_run *to, elbo_error *error) {
    float *out = elbo_calloc(sizeof *out * to->length);
    if (!out) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a gradient");
    for (size_t i = 0; i < elbo_params_count(to->instance.params); i++) {
        const elbo_param_info *info = elbo_params_at(to->instance.params, i);
        const elbo_param_info *known = elbo_params_find(r->run.instance.params, info->name);
        if (known) memcpy(out + info->offset, r->direction + known->offset, sizeof *out * info->count);
    }
    return out;
}

/* ---- one estimator ---- */

/* Sums over a group's coordinates. Where a coordinate does not depend on the draws its deviation is f32 rounding of
 * sums, whose ratio to the mean says nothing and would drown the others. */
static void sum_group(const elbo_gradvar_run *run, elbo_gradvar_group *group, double *mean_square) {
    const double rounding = 1e-5;
    double ratio = 0;
    *mean_square = 0;
    for (size_t t = 0; t < elbo_params_count(run->instance.params); t++) {
        const elbo_param_info *info = elbo_params_at(run->instance.params, t);
        if (strcmp(info->group, group->name) != 0) continue;
        group->parameters += (int64_t)info->count;
        for (size_t i = info->offset; i < info->offset + info->count; i++) {
            double mean = run->mean[i], variance = run->square[i] / (double)(run->count - 1);
            *mean_square += mean * mean;
            group->variance += variance;
            if (sqrt(variance) > rounding * fabs(mean))
                ratio += fabs(mean) / sqrt(variance);
            else
                group->still++;
        }
    }
    group->variance_mean = group->variance / (double)group->parameters;
    group->snr = group->parameters > group->still ? ratio / (double)(group->parameters - group->still) : NAN;
}

static void conclude_group(const elbo_gradvar_run *run, const reference *r, size_t g, elbo_gradvar_group *group) {
    double mean_square, along = run->along[g].mean, length = r->run.along[g].mean; /* m.r and r.r */
    double noise = elbo_moments_stderr(&r->run.along[g]);
    sum_group(run, group, &mean_square);
    double clean = mean_square - group->variance / (double)run->count; /* E of mean_square is |m|^2 + variance / N */
    group->norm = clean > 0 ? sqrt(clean) : 0;
    bool known = length > 4 * noise && length > 0;
    group->bias = known ? along / length - 1 : NAN;
    group->bias_stderr = known ? hypot(elbo_moments_stderr(&run->along[g]), noise * along / length) / length : NAN;
    group->cosine = known && clean > 0 ? along / sqrt(clean * length) : NAN;
}

static elbo_status measure(job *j, size_t which, const reference *r, elbo_gradvar_estimate *out, elbo_error *error) {
    const elbo_gradvar_spec *spec = &j->specs.item[which];
    const char *names[ELBO_GRADVAR_GROUPS];
    elbo_gradvar_run run;
    bool learned = strcmp(spec->control, "learned") == 0;
    elbo_gradvar_spec_text(spec, out->name, sizeof out->name);
    elbo_gradvar_spec_text(&r->spec, out->reference, sizeof out->reference);
    snprintf(out->estimator, sizeof out->estimator, "%s", spec->type->name);
    snprintf(out->control, sizeof out->control, "%s", spec->control);
    out->draws = spec->draws;
    elbo_status status = elbo_gradvar_run_new(&run, j->instance, spec, &j->batch, j->options->warm_up,
                                              (uint64_t)j->options->seed * 1009 + 1 + which, j->threads, error);
    float *direction = status == ELBO_OK ? translate(r, &run, error) : NULL;
    if (status == ELBO_OK && !direction) status = ELBO_ERROR_MEMORY;
    if (status == ELBO_OK) status = elbo_gradvar_run_more(&run, j->repeats, direction, &j->work, error);
    if (status == ELBO_OK) {
        out->groups = elbo_gradvar_groups(run.instance.params, names);
        for (size_t g = 0; g < out->groups; g++) {
            snprintf(out->group[g].name, sizeof out->group[g].name, "%s", names[g]);
            conclude_group(&run, r, g, &out->group[g]);
        }
        out->loss = run.loss.mean;
        out->loss_stderr = elbo_moments_stderr(&run.loss);
        out->seconds = run.seconds / (double)j->repeats;
        if (run.untrained)
            snprintf(out->note, sizeof out->note, "not trained with the model: %s%lld steps on this batch alone",
                     learned ? "network and running mean of " : "a running mean of ", (long long)j->options->warm_up);
    }
    elbo_free(direction);
    elbo_gradvar_run_clear(&run);
    if (status != ELBO_OK) return elbo_fail_context(error, status, "estimator %s", out->name);
    return ELBO_OK;
}

/* ---- all of them ---- */

static bool same_spec(const elbo_gradvar_spec *a, const elbo_gradvar_spec *b) {
    return a->type == b->type && a->draws == b->draws && strcmp(a->control, b->control) == 0;
}

static bool is_first_of_bound(const job *j, size_t which) {
    for (size_t i = 0; i < which; i++)
        if (same_spec(&j->references[i], &j->references[which])) return false;
    return true;
}

static elbo_status plan_work(job *j, elbo_error *error) {
    const elbo_gradvar_options *o = j->options;
    j->repeats = o->repeats;
    j->half = ((o->reference ? o->reference : 2 * o->repeats) + 1) / 2;
    if (j->half < 2) return elbo_fail(error, ELBO_ERROR_USAGE, "option reference: at least 4 gradients were expected");
    j->references = elbo_calloc(sizeof *j->references * (j->specs.count + 1));
    if (!j->references) return elbo_fail_memory(error, sizeof *j->references, "a comparison");
    double gradients = 0;
    for (size_t i = 0; i < j->specs.count; i++) {
        ELBO_TRY(elbo_gradvar_spec_reference(&j->specs.item[i], j->instance, &j->references[i], error));
        gradients += (double)j->repeats + (is_first_of_bound(j, i) ? 2 * (double)j->half : 0);
    }
    j->work.total = gradients * (double)j->batch.rows;
    return ELBO_OK;
}

static elbo_status run_all(job *j, const elbo_dataset *dataset, elbo_gradvar_comparison *out, elbo_error *error) {
    const elbo_model_type *type = j->instance->type;
    if (type->deterministic)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s draws no codes: its gradient has no variance to compare",
                         type->name);
    if (type->local && type->local(j->instance->config->model) != ELBO_LOCAL_NONE)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "this model has no encoder, whose gradient could be measured: it was trained with --inference "
                         "bbvi or mcem");
    ELBO_TRY(elbo_gradvar_specs_read(&j->specs, j->instance, j->options, error));
    ELBO_TRY(draw_batch(j, dataset, error));
    ELBO_TRY(plan_work(j, error));
    out->rows = j->batch.rows;
    out->repeats = j->repeats;
    out->reference = 2 * j->half;
    out->snr_floor = sqrt(2 / (3.14159265358979324 * (double)j->repeats));
    out->estimate = elbo_calloc(sizeof *out->estimate * (j->specs.count + 1));
    if (!out->estimate) return elbo_fail_memory(error, sizeof *out->estimate * j->specs.count, "a comparison");
    out->count = j->specs.count;
    for (size_t first = 0; first < j->specs.count; first++) {
        if (!is_first_of_bound(j, first)) continue;
        reference r = {.spec = j->references[first]};
        elbo_status status = explore(&r, j, error);
        for (size_t i = first; i < j->specs.count && status == ELBO_OK; i++)
            if (same_spec(&j->references[i], &r.spec)) status = measure(j, i, &r, &out->estimate[i], error);
        clear_reference(&r);
        ELBO_TRY(status);
    }
    return ELBO_OK;
}

elbo_status elbo_gradvar(elbo_model *model, const elbo_dataset *dataset, const elbo_gradvar_options *options,
                         elbo_evaluation_progress progress, void *user, elbo_gradvar_comparison *out,
                         elbo_error *error) {
    elbo_error local = {0};
    elbo_gradvar_options defaults = {0};
    memset(out, 0, sizeof *out);
    if (!error) error = &local;
    if (!options) ELBO_TRY(elbo_options_init(&elbo_gradvar_options_table, &defaults, error));
    job *j = elbo_calloc(sizeof *j);
    elbo_status status = j ? ELBO_OK : elbo_fail_memory(error, sizeof *j, "a comparison");
    if (j) {
        j->instance = &model->instance;
        j->options = options ? options : &defaults;
        j->threads = model->threads;
        j->work = (elbo_work){.progress = progress, .user = user};
        status = run_all(j, dataset, out, error);
        elbo_free(j->batch.x);
        elbo_free(j->batch.label);
        elbo_free(j->references);
    }
    elbo_free(j);
    elbo_options_clear(&elbo_gradvar_options_table, &defaults);
    if (status != ELBO_OK) elbo_gradvar_clear(out);
    return status;
}

void elbo_gradvar_clear(elbo_gradvar_comparison *comparison) {
    if (!comparison) return;
    elbo_free(comparison->estimate);
    memset(comparison, 0, sizeof *comparison);
}
