/* elbo_gap_measure: each batch is encoded, fitted, and goes on to importance sampling. */
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"
#include "eval/gap_family.h"
#include "eval/model.h"
#include "eval/posterior.h"
#include "train/condition.h"

#define ELBO_TABLE_STRUCT elbo_gap_options
ELBO_TABLE(elbo_gap_options_table, "Gap", ELBO_GAP_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { SAMPLES = 1000 }; /* where none are asked for */

typedef struct job {
    elbo_model *model;
    const elbo_dataset *dataset;
    const elbo_evaluation_options *evaluation;
    const elbo_gap_options *options;
    elbo_split split;
    int64_t count, samples, rows; /* rows of a batch */
    elbo_head head;               /* of the other family; type NULL: none */
    elbo_graph *graph;            /* raw to x and the encoder's numbers */
    elbo_plan *plan;
    elbo_node *raw, *x, *numbers;
    elbo_node *label, *condition; /* of a model with one; else NULL */
    elbo_local_reader reader;     /* of a model without an encoder */
    elbo_gap_family own, other;
    elbo_likelihood likelihood;
    double *effective, *rise, *other_rise; /* [count] */
    elbo_work work;
    elbo_gap *out;
} job;

/* ---- setting up ---- */

/* The prior as it was chosen, or, of a model without that option, its type alone. */
static elbo_status read_prior(const elbo_instance *instance, elbo_head_sizes sizes, elbo_head *prior,
                              elbo_head_freedom *freedom, elbo_error *error) {
    char text[256];
    bool learned = elbo_config_get(instance->config, "learn_prior", text, sizeof text) && strcmp(text, "true") == 0;
    *freedom = learned ? ELBO_HEAD_FREE : ELBO_HEAD_STANDARD;
    if (elbo_config_get(instance->config, "prior", text, sizeof text))
        return elbo_head_parse(prior, "--prior", text, sizes, error);
    elbo_graph *graph = elbo_graph_new();
    if (!graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_condition_add_input(instance, &context, 1);
    *prior = (elbo_head){.type = instance->type->prior(&context, 1).type, .size = sizes.size};
    elbo_status status = elbo_graph_check(graph, error);
    elbo_graph_free(graph);
    return status;
}

/* The other family must give codes that the prior knows. */
static elbo_status read_head(job *j, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    const char *text = j->options->gap_posterior;
    char number[32], here[128], there[128];
    bool has = elbo_config_get(instance->config, "components", number, sizeof number);
    elbo_head_sizes sizes = {.size = j->out->latent, .components = has ? strtoll(number, NULL, 10) : 10};
    elbo_head prior;
    elbo_head_freedom freedom;
    if (!*text) return ELBO_OK;
    ELBO_TRY(elbo_head_parse(&j->head, "--gap-posterior", text, sizes, error));
    ELBO_TRY(read_prior(instance, sizes, &prior, &freedom, error));
    if (!elbo_head_fits(&j->head, ELBO_HEAD_FREE, &prior, freedom))
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--gap-posterior %s gives %s; the codes of the model's %s prior are %s", text,
                         elbo_head_range_text(&j->head, ELBO_HEAD_FREE, here, sizeof here), prior.type->name,
                         elbo_head_range_text(&prior, freedom, there, sizeof there));
    if (elbo_head_width(&j->head) == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--gap-posterior %s: every parameter is given; nothing is left to fit", text);
    return ELBO_OK;
}

static elbo_status make_encoder(job *j, elbo_precision precision, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    int threads = j->model->threads;
    if (!j->out->encoder) return elbo_local_reader_new(&j->reader, instance, j->rows, true, precision, threads, error);
    j->graph = elbo_graph_new();
    if (!j->graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_context context = elbo_instance_context(instance, j->graph, false);
    j->raw = elbo_instance_raw(instance, j->graph, j->rows);
    j->x = elbo_instance_x(instance, j->raw, true);
    j->label = elbo_condition_add(instance, &context, j->rows, j->x);
    j->condition = context.condition;
    j->numbers = instance->type->posterior_numbers(&context, j->x);
    ELBO_TRY(elbo_graph_check(j->graph, error));
    elbo_node *const fetch[] = {j->x, j->numbers, j->condition};
    elbo_plan_spec spec = {.fetch = fetch,
                           .fetch_count = j->condition ? 3 : 2,
                           .precision = precision,
                           .threads = threads,
                           .params_fixed = true};
    j->plan = elbo_plan_new(j->graph, &spec, error);
    return j->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static elbo_status make_room(job *j, elbo_error *error) {
    elbo_gap *out = j->out;
    size_t bytes = sizeof(double) * (size_t)j->count;
    double **const arrays[] = {&out->elbos, &out->fitted_elbos, &out->log_ps,  &j->effective,
                               &j->rise,    &out->other_elbos,  &j->other_rise};
    size_t count = sizeof arrays / sizeof *arrays - (j->head.type ? 0 : 2);
    for (size_t i = 0; i < count; i++) {
        *arrays[i] = elbo_calloc(bytes);
        if (!*arrays[i]) return elbo_fail_memory(error, bytes, "bounds");
    }
    return ELBO_OK;
}

static elbo_status set_up(job *j, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    const elbo_model_type *type = instance->type;
    bool bf16 = strcmp(j->evaluation->precision, "bf16") == 0;
    elbo_precision precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
    int threads = j->model->threads;
    if (!type->posterior)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "a %s has no posterior made of numbers, which could be fitted to single data", type->name);
    ELBO_TRY(elbo_evaluation_rows(instance, j->dataset, j->evaluation, &j->split, &j->count, error));
    j->rows = elbo_model_batch(instance, j->count);
    j->samples = j->evaluation->samples > 0 ? j->evaluation->samples : SAMPLES;
    j->out->latent = type->latent(instance->config->model);
    j->out->encoder = elbo_instance_local_width(instance, false) == 0;
    ELBO_TRY(read_head(j, error));
    ELBO_TRY(make_encoder(j, precision, error));
    ELBO_TRY(elbo_gap_family_new(&j->own, instance, NULL, j->rows, precision, threads, error));
    j->out->posterior = j->own.posterior.type->name;
    if (j->head.type) {
        ELBO_TRY(elbo_gap_family_new(&j->other, instance, &j->head, j->rows, precision, threads, error));
        j->out->other = j->head.type->name;
    }
    ELBO_TRY(
        elbo_likelihood_new(&j->likelihood, instance, &j->own.posterior, j->samples, 0, precision, threads, error));
    ELBO_TRY(make_room(j, error));
    double families = j->head.type ? 2 : 1;
    j->work.total = (double)j->count * (families * elbo_gap_family_cost(j->options) + (double)j->samples);
    return ELBO_OK;
}

static void tear_down(job *j) {
    elbo_plan_free(j->plan);
    elbo_graph_free(j->graph);
    elbo_local_reader_clear(&j->reader);
    elbo_gap_family_clear(&j->own);
    elbo_gap_family_clear(&j->other);
    elbo_likelihood_clear(&j->likelihood);
    elbo_free(j->effective);
    elbo_free(j->rise);
    elbo_free(j->other_rise);
}

/* ---- a batch ---- */

static const float *condition_of(const job *j) { return j->condition ? elbo_plan_value(j->plan, j->condition) : NULL; }

/* The model's values of the batch, and its numbers for them. */
static elbo_status encode(job *j, int64_t first, int64_t count, const elbo_run *run, const float **x,
                          elbo_error *error) {
    void *raw = j->plan ? elbo_plan_input(j->plan, j->raw) : elbo_local_reader_input(&j->reader);
    const float *numbers;
    if (raw) ELBO_TRY(elbo_instance_rows(&j->model->instance, j->dataset, j->split, NULL, first, count, raw, error));
    if (j->plan) {
        ELBO_TRY(elbo_condition_read(j->dataset, j->split, NULL, first, count, j->plan, j->label, error));
        ELBO_TRY(elbo_plan_run(j->plan, run, error));
        *x = elbo_plan_value(j->plan, j->x);
        numbers = elbo_plan_value(j->plan, j->numbers);
    } else {
        j->reader.counted = count;
        ELBO_TRY(elbo_local_reader_run(&j->reader, NULL, run, error));
        *x = elbo_plan_value(j->reader.draw, j->reader.x);
        numbers = j->reader.state.numbers;
    }
    memcpy(j->own.state.numbers, numbers, sizeof *numbers * (size_t)(j->rows * j->own.fit.width));
    elbo_local_fit_condition(&j->own.fit, condition_of(j));
    if (j->head.type) elbo_local_fit_condition(&j->other.fit, condition_of(j));
    return ELBO_OK;
}

static elbo_status fit_other(job *j, const elbo_gap_rows *rows, int64_t first, elbo_error *error) {
    elbo_gap_family_start(&j->other, &j->head, elbo_plan_value(j->own.plan, j->own.mean),
                          elbo_plan_value(j->own.plan, j->own.deviation), &rows->run);
    ELBO_TRY(elbo_gap_family_fit(&j->other, j->options, rows, &j->work, error));
    for (int64_t i = 0; i < rows->count; i++) {
        j->out->other_elbos[first + i] = j->other.end[i];
        j->other_rise[first + i] = j->other.late[i] - j->other.middle[i];
    }
    return ELBO_OK;
}

static elbo_status run_batch(job *j, int64_t first, elbo_error *error) {
    int64_t count = j->count - first < j->rows ? j->count - first : j->rows;
    elbo_gap_rows rows = {.count = count, .run = {(uint64_t)j->evaluation->seed, 0, (uint32_t)first}};
    ELBO_TRY(encode(j, first, count, &rows.run, &rows.x, error));
    ELBO_TRY(elbo_gap_family_fit(&j->own, j->options, &rows, &j->work, error));
    ELBO_TRY(elbo_gap_family_read(&j->own, error));
    for (int64_t i = 0; i < count; i++) {
        j->out->elbos[first + i] = j->own.start[i];
        j->out->fitted_elbos[first + i] = j->own.end[i];
        j->rise[first + i] = j->own.late[i] - j->own.middle[i];
    }
    elbo_likelihood_rows batch = {.x = rows.x, .condition = condition_of(j), .count = count, .first_row = first};
    for (int k = 0; k < elbo_posterior_parameters(&j->own.posterior); k++)
        batch.parameter[k] = elbo_plan_value(j->own.plan, j->own.posterior.parameter[k]);
    ELBO_TRY(elbo_likelihood_run(&j->likelihood, &batch, (uint64_t)j->evaluation->seed, &j->work,
                                 j->out->log_ps + first, j->effective + first, error));
    return j->head.type ? fit_other(j, &rows, first, error) : ELBO_OK;
}

/* ---- the record ---- */

/* Mean of a - b over data (b NULL: of a). */
static elbo_figure figure(const double *a, const double *b, int64_t count) {
    double mean = 0, square = 0;
    for (int64_t i = 0; a && i < count; i++) {
        double value = b ? a[i] - b[i] : a[i], away = value - mean;
        mean += away / (double)(i + 1);
        square += away * (value - mean);
    }
    return a ? (elbo_figure){mean, elbo_standard_error(square, count)} : (elbo_figure){NAN, NAN};
}

static void add_warning(elbo_gap *out, const char *text) {
    size_t used = strlen(out->warning);
    snprintf(out->warning + used, sizeof out->warning - used, "%s%s", used ? "; " : "", text);
}

/* A fit that has arrived gains nothing while its rate stays. */
static void warn_of_rise(elbo_gap *out, const char *family, const elbo_figure *rise, double gain) {
    static const double sure = 2.5, share = 0.01, least = 0.005;
    char text[200];
    if (!(rise->value > sure * rise->error && rise->value > least && rise->value > share * gain)) return;
    snprintf(
        text, sizeof text,
        "the ELBO of the fitted %s still rises (by %.3f nats in a fifth of the steps), so that it can be better: more "
        "--gap-steps",
        family, rise->value);
    add_warning(out, text);
}

static void warn(const job *j) {
    elbo_gap *out = j->out;
    char text[200];
    warn_of_rise(out, out->posterior, &out->rise, out->amortisation.value);
    if (out->other) warn_of_rise(out, out->other, &out->other_rise, out->family.value);
    if (out->amortisation.value < -2 * out->amortisation.error)
        add_warning(out, "the fit made the ELBO worse: a smaller --gap-rate");
    if (out->ess_mean < 10 && out->ess_mean < 0.1 * (double)out->samples) {
        snprintf(text, sizeof text,
                 "%.1f of %lld importance weights count, so that log p(x) may be too low: more --samples",
                 out->ess_mean, (long long)out->samples);
        add_warning(out, text);
    }
    if (*j->model->instance.warning) add_warning(out, j->model->instance.warning);
}

static void conclude(const job *j) {
    elbo_gap *out = j->out;
    int64_t count = j->count;
    double variance = 0, effective = 0, samples = (double)j->samples;
    for (int64_t i = 0; i < count; i++) { /* the variance of the weights with S - 1 in its denominator */
        effective += j->effective[i] / (double)count;
        variance += samples > 1 ? fmax(0, samples / j->effective[i] - 1) / (samples - 1) : NAN;
    }
    out->count = count;
    out->samples = j->samples;
    out->elbo = figure(out->elbos, NULL, count);
    out->fitted_elbo = figure(out->fitted_elbos, NULL, count);
    out->other_elbo = figure(out->other_elbos, NULL, count);
    out->log_p = figure(out->log_ps, NULL, count);
    out->amortisation = figure(out->fitted_elbos, out->elbos, count);
    out->approximation = figure(out->log_ps, out->fitted_elbos, count);
    out->family = figure(out->other_elbos, out->fitted_elbos, count);
    out->rise = figure(j->rise, NULL, count);
    out->other_rise = figure(j->other_rise, NULL, count);
    out->log_p_sampling_error = sqrt(variance) / (double)count;
    out->ess_mean = effective;
    warn(j);
}

static elbo_status run_all(job *j, elbo_error *error) {
    ELBO_TRY(set_up(j, error));
    for (int64_t first = 0; first < j->count; first += j->rows) ELBO_TRY(run_batch(j, first, error));
    conclude(j);
    return ELBO_OK;
}

void elbo_gap_clear(elbo_gap *gap) {
    if (!gap) return;
    elbo_free(gap->elbos);
    elbo_free(gap->fitted_elbos);
    elbo_free(gap->other_elbos);
    elbo_free(gap->log_ps);
    memset(gap, 0, sizeof *gap);
}

elbo_status elbo_gap_measure(elbo_model *model, const elbo_dataset *dataset, const elbo_evaluation_options *evaluation,
                             const elbo_gap_options *gap, elbo_evaluation_progress progress, void *user, elbo_gap *out,
                             elbo_error *error) {
    double start = elbo_seconds();
    elbo_evaluation_options evaluation_defaults = {0};
    elbo_gap_options gap_defaults = {0};
    memset(out, 0, sizeof *out);
    elbo_status status = ELBO_OK;
    if (!evaluation) status = elbo_options_init(&elbo_evaluation_options_table, &evaluation_defaults, error);
    if (!gap && status == ELBO_OK) status = elbo_options_init(&elbo_gap_options_table, &gap_defaults, error);
    job j = {.model = model,
             .dataset = dataset,
             .evaluation = evaluation ? evaluation : &evaluation_defaults,
             .options = gap ? gap : &gap_defaults,
             .work = {.progress = progress, .user = user},
             .out = out};
    if (status == ELBO_OK) status = run_all(&j, error);
    tear_down(&j);
    elbo_options_clear(&elbo_evaluation_options_table, &evaluation_defaults);
    elbo_options_clear(&elbo_gap_options_table, &gap_defaults);
    if (status != ELBO_OK) elbo_gap_clear(out);
    out->seconds = elbo_seconds() - start;
    return status;
}
