#include "train/local_fit.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "infer/infer.h"
#include "train/condition.h"

/* Draws of a fit are not those of the bound that it serves. */
static const uint64_t own_seed = 0x6a09e667f3bcc909ULL;

/* ---- what the model's options say ---- */

/* A model without one of these has the default. */
#define FIT_OPTIONS(O)                         \
    O(TEXT, estimator, "b", 0, 0, NULL, "")    \
    O(INT, draws, "1", 1, 1e9, NULL, "")       \
    O(INT, groups, "2", 1, 1e9, NULL, "")      \
    O(REAL, share, "0.05", 0, 1, NULL, "")     \
    O(TEXT, control, "none", 0, 0, NULL, "")   \
    O(REAL, free_bits, "0", 0, 1e9, NULL, "")  \
    O(INT, fit_steps, "300", 1, 1e9, NULL, "") \
    O(REAL, fit_rate, "0.3", 0, 1e9, NULL, "")
ELBO_OPTIONS_STRUCT(fit_options, FIT_OPTIONS);
#define ELBO_TABLE_STRUCT fit_options
static ELBO_TABLE(fit_table, "Fit", FIT_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* Clear it also after a failure. */
static elbo_status read_options(fit_options *options, const elbo_instance *instance, elbo_error *error) {
    memset(options, 0, sizeof *options);
    ELBO_TRY(elbo_options_init(&fit_table, options, error));
    for (size_t i = 0; i < fit_table.count; i++) {
        const char *name = fit_table.rows[i].name;
        char text[64];
        if (elbo_config_get(instance->config, name, text, sizeof text))
            ELBO_TRY(elbo_options_set(&fit_table, options, name, text, error));
    }
    return ELBO_OK;
}

/* ---- the graph ---- */

/* Rows that were not trained on are fitted without the score's noise, which vanishes as q nears the posterior; plain
 * draws need the score. */
static const elbo_estimator_type *choose(elbo_estimate *how, const fit_options *options, bool trained) {
    bool plain = how->posterior.type->draws == ELBO_DRAWS_PLAIN;
    how->samples = trained ? options->draws : plain ? 10 : 1;
    how->groups = options->groups;
    how->share = options->share;
    how->control = trained ? options->control : "leave-one-out";
    how->free_bits = trained ? options->free_bits : 0;
    return elbo_estimator_find(trained ? options->estimator : plain ? "reinforce" : "stl", NULL);
}

/* log p(x, z) - log q(z) of each row, at draws of its own. */
static elbo_node *row_bound(const elbo_estimate *how) {
    elbo_terms terms = elbo_estimate_terms(how, &how->posterior, elbo_estimate_draws(how, true));
    if (!terms.log_likelihood) return NULL;
    elbo_node *f = elbo_add(terms.log_likelihood, elbo_sub(terms.log_prior, terms.log_posterior));
    return elbo_mean(f, 0, 0, false);
}

static void build(elbo_local_fit *fit, const elbo_instance *instance, const elbo_local_fit_spec *spec,
                  const fit_options *options) {
    elbo_graph *graph = fit->graph;
    const elbo_model_type *type = instance->type;
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_random_uniform(graph, ELBO_SHAPE(1), 0); /* the first stream draws pixels elsewhere */
    fit->x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(fit->rows, fit->item_size));
    fit->condition = elbo_condition_add_input(instance, &context, fit->rows);
    fit->numbers = elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(fit->rows, fit->width));
    fit->kl_weight = elbo_input(graph, "kl_weight", ELBO_F32, ELBO_SCALAR);
    elbo_weights weights = {fit->kl_weight};
    elbo_estimate how = {.context = &context, .model = type, .x = fit->x, .weights = &weights};
    how.posterior = spec->head ? elbo_head_dist(spec->head, fit->numbers) : type->posterior(&context, fit->numbers);
    if (!how.posterior.type) return;
    elbo_update update = elbo_estimate_bound(&how, choose(&how, options, spec->trained));
    elbo_node *sum = elbo_scale(update.objective, (double)fit->rows);
    if (sum) elbo_grad(sum, &fit->numbers, 1, &fit->gradient);
    if (spec->bound) fit->bound = row_bound(&how);
}

static elbo_status compile(elbo_local_fit *fit, const elbo_local_fit_spec *spec, elbo_error *error) {
    elbo_plan_spec plan = {.fetch = &fit->gradient,
                           .fetch_count = 1,
                           .precision = spec->precision,
                           .threads = spec->threads,
                           .params_fixed = !spec->trained};
    ELBO_TRY(elbo_graph_check(fit->graph, error));
    fit->plan = elbo_plan_new(fit->graph, &plan, error);
    if (!fit->plan) return error ? error->status : ELBO_ERROR_INTERNAL;
    if (!spec->bound) return ELBO_OK;
    plan.fetch = &fit->bound;
    fit->bound_plan = elbo_plan_new(fit->graph, &plan, error);
    return fit->bound_plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

elbo_status elbo_local_fit_new(elbo_local_fit *fit, const elbo_instance *instance, const elbo_local_fit_spec *spec,
                               elbo_error *error) {
    const elbo_model_type *type = instance->type;
    memset(fit, 0, sizeof *fit);
    if (!type->posterior)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s: its posterior cannot be fitted to single data",
                         type->name);
    fit->rows = spec->rows;
    fit->width = spec->head ? elbo_head_width(spec->head) : type->posterior_width(instance->config->model);
    fit->item_size = instance->item.size;
    fit->graph = elbo_graph_new();
    if (!fit->graph) return elbo_fail_memory(error, 0, "a graph");
    fit_options options;
    elbo_status status = read_options(&options, instance, error);
    if (status == ELBO_OK) build(fit, instance, spec, &options);
    elbo_options_clear(&fit_table, &options);
    return status == ELBO_OK ? compile(fit, spec, error) : status;
}

void elbo_local_fit_clear(elbo_local_fit *fit) {
    elbo_plan_free(fit->plan);
    elbo_plan_free(fit->bound_plan);
    elbo_graph_free(fit->graph);
    memset(fit, 0, sizeof *fit);
}

/* ---- running ---- */

void elbo_local_fit_condition(elbo_local_fit *fit, const float *condition) {
    elbo_plan *const plans[2] = {fit->plan, fit->bound_plan};
    for (int p = 0; fit->condition && condition && p < 2; p++) {
        float *to = plans[p] ? elbo_plan_input(plans[p], fit->condition) : NULL;
        if (to) memcpy(to, condition, sizeof *to * (size_t)elbo_shape_count(elbo_node_shape(fit->condition)));
    }
}

static void feed(elbo_local_fit *fit, elbo_plan *plan, const float *x, double kl_weight) {
    float *to = elbo_plan_input(plan, fit->x), *weight = elbo_plan_input(plan, fit->kl_weight);
    if (to) memcpy(to, x, sizeof *to * (size_t)(fit->rows * fit->item_size));
    if (weight) *weight = (float)kl_weight;
}

/* One step of Adam. False if the gradient of a row that counts is not finite; *bad is then the first such row. */
static bool move(const elbo_local_fit *fit, elbo_local_rows *state, double rate, int64_t counted, int64_t *bad) {
    const float *gradient = elbo_plan_value(fit->plan, fit->gradient);
    const float first = 0.9F, second = 0.999F, tiny = 1e-8F;
    double t = (double)++state->moves;
    float correction = (float)(1 / (1 - pow((double)second, t)));
    float step = (float)(rate / (1 - pow((double)first, t)));
    for (int64_t row = 0; row < fit->rows; row++) {
        float sum = 0;
        for (int64_t i = row * fit->width, end = i + fit->width; i < end; i++) {
            float g = gradient[i];
            sum += g * 0; /* NaN for anything that is not finite */
            state->mean[i] = first * state->mean[i] + (1 - first) * g;
            state->square[i] = second * state->square[i] + (1 - second) * g * g;
            state->numbers[i] -= step * state->mean[i] / (sqrtf(state->square[i] * correction) + tiny);
        }
        *bad = row;
        if (sum != 0 && row < counted) return false;
    }
    return true;
}

elbo_status elbo_local_fit_run(elbo_local_fit *fit, const float *x, elbo_local_rows *state,
                               const elbo_local_moves *moves, const elbo_run *run, elbo_error *error) {
    size_t bytes = sizeof(float) * (size_t)(fit->rows * fit->width);
    int64_t counted = moves->counted > 0 ? moves->counted : fit->rows, bad;
    float *numbers = elbo_plan_input(fit->plan, fit->numbers);
    feed(fit, fit->plan, x, moves->kl_weight);
    for (int64_t s = moves->first; s < moves->first + moves->steps; s++) {
        elbo_run here = {run->seed ^ own_seed, run->step + (uint32_t)s, run->first_row};
        if (numbers) memcpy(numbers, state->numbers, bytes);
        ELBO_TRY(elbo_plan_run(fit->plan, &here, error));
        double left = s < moves->hold || moves->total <= moves->hold
                          ? 1
                          : (double)(moves->total - s) / (double)(moves->total - moves->hold);
        if (!move(fit, state, moves->rate * left, counted, &bad))
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "the posterior of row %lld: its gradient is not finite in step %lld of the fit%s%s",
                             (long long)(moves->index ? moves->index[bad] : run->first_row + bad), (long long)s + 1,
                             moves->option ? "; try a smaller " : "", moves->option ? moves->option : "");
    }
    return ELBO_OK;
}

elbo_status elbo_local_fit_bound(elbo_local_fit *fit, const float *x, const float *numbers, int64_t runs,
                                 const elbo_run *run, double *out, elbo_error *error) {
    float *to = elbo_plan_input(fit->bound_plan, fit->numbers);
    feed(fit, fit->bound_plan, x, 1);
    if (to) memcpy(to, numbers, sizeof *to * (size_t)(fit->rows * fit->width));
    memset(out, 0, sizeof *out * (size_t)fit->rows);
    for (int64_t r = 0; r < runs; r++) {
        elbo_run here = {run->seed ^ ~own_seed, run->step + (uint32_t)r, run->first_row};
        ELBO_TRY(elbo_plan_run(fit->bound_plan, &here, error));
        const float *bound = elbo_plan_value(fit->bound_plan, fit->bound);
        for (int64_t i = 0; i < fit->rows; i++) out[i] += (double)bound[i] / (double)runs;
    }
    return ELBO_OK;
}

/* ---- numbers of rows that were not trained on ---- */

elbo_status elbo_local_rows_new(elbo_local_rows *state, int64_t rows, int64_t width, elbo_error *error) {
    size_t bytes = sizeof(float) * (size_t)(rows * width);
    float **array[3] = {&state->numbers, &state->mean, &state->square};
    memset(state, 0, sizeof *state);
    for (int k = 0; k < 3; k++) {
        *array[k] = elbo_calloc(bytes);
        if (!*array[k]) return elbo_fail_memory(error, bytes, "posteriors of a batch");
    }
    return ELBO_OK;
}

void elbo_local_rows_clear(elbo_local_rows *state) {
    elbo_free(state->numbers);
    elbo_free(state->mean);
    elbo_free(state->square);
    memset(state, 0, sizeof *state);
}

void elbo_local_rows_restart(elbo_local_rows *state, int64_t rows, int64_t width) {
    memset(state->mean, 0, sizeof(float) * (size_t)(rows * width));
    memset(state->square, 0, sizeof(float) * (size_t)(rows * width));
    state->moves = 0;
}

elbo_status elbo_local_reader_new(elbo_local_reader *reader, const elbo_instance *instance, int64_t rows, bool draw,
                                  elbo_precision precision, int threads, elbo_error *error) {
    elbo_local_fit_spec spec = {.rows = rows, .precision = precision, .threads = threads};
    fit_options options;
    memset(reader, 0, sizeof *reader);
    elbo_status status = read_options(&options, instance, error);
    reader->steps = options.fit_steps;
    reader->rate = options.fit_rate;
    elbo_options_clear(&fit_table, &options);
    if (status != ELBO_OK) return status;
    ELBO_TRY(elbo_local_fit_new(&reader->fit, instance, &spec, error));
    ELBO_TRY(elbo_local_rows_new(&reader->state, rows, reader->fit.width, error));
    reader->graph = elbo_graph_new();
    if (!reader->graph) return elbo_fail_memory(error, 0, "a graph");
    reader->raw = elbo_instance_raw(instance, reader->graph, rows);
    reader->x = elbo_instance_x(instance, reader->raw, draw);
    ELBO_TRY(elbo_graph_check(reader->graph, error));
    elbo_plan_spec plan = {.fetch = &reader->x, .fetch_count = 1, .threads = threads};
    reader->draw = elbo_plan_new(reader->graph, &plan, error);
    return reader->draw ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

void elbo_local_reader_clear(elbo_local_reader *reader) {
    elbo_local_fit_clear(&reader->fit);
    elbo_plan_free(reader->draw);
    elbo_graph_free(reader->graph);
    elbo_local_rows_clear(&reader->state);
    memset(reader, 0, sizeof *reader);
}

void *elbo_local_reader_input(const elbo_local_reader *reader) { return elbo_plan_input(reader->draw, reader->raw); }

elbo_status elbo_local_reader_run(elbo_local_reader *reader, const void *raw, const elbo_run *run, elbo_error *error) {
    size_t values = (size_t)(reader->fit.rows * reader->fit.item_size);
    void *input = elbo_local_reader_input(reader);
    if (raw && input) memcpy(input, raw, elbo_dtype_size(reader->raw->dtype) * values);
    ELBO_TRY(elbo_plan_run(reader->draw, run, error));
    memset(reader->state.numbers, 0, sizeof(float) * (size_t)(reader->fit.rows * reader->fit.width));
    elbo_local_rows_restart(&reader->state, reader->fit.rows, reader->fit.width);
    elbo_local_moves moves = {.steps = reader->steps,
                              .total = reader->steps,
                              .rate = reader->rate,
                              .kl_weight = 1,
                              .counted = reader->counted,
                              .option = "--fit-rate"};
    return elbo_local_fit_run(&reader->fit, elbo_plan_value(reader->draw, reader->x), &reader->state, &moves, run,
                              error);
}
