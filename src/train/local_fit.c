#include "train/local_fit.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "infer/infer.h"

/* Draws of a fit are not those of the bound that it serves. */
static const uint64_t own_seed = 0x6a09e667f3bcc909ULL;

/* An option of the model as text; a model without it has the default. */
static void option(const elbo_instance *instance, const char *name, const char *initial, char *text, size_t size) {
    if (!elbo_config_get(instance->config, name, text, size)) {
        strncpy(text, initial, size - 1);
        text[size - 1] = 0;
    }
}

/* Held-out rows are fitted without the score's noise, which vanishes as q nears the posterior; plain draws need the
 * score. */
static const elbo_estimator_type *choose(elbo_estimate *how, const elbo_instance *instance, bool trained, char *control,
                                         size_t size) {
    char text[64];
    bool plain = how->posterior.type->draws == ELBO_DRAWS_PLAIN;
    how->samples = plain ? 10 : 1;
    how->control = "leave-one-out";
    if (!trained) return elbo_estimator_find(plain ? "reinforce" : "stl", NULL);
    option(instance, "draws", "1", text, sizeof text);
    how->samples = atoll(text);
    option(instance, "control", "none", control, size);
    how->control = control;
    option(instance, "estimator", "b", text, sizeof text);
    return elbo_estimator_find(text, NULL);
}

/* log p(x, z) - log q(z) of each row, at draws of its own. */
static elbo_node *row_bound(const elbo_estimate *how) {
    elbo_terms terms = elbo_estimate_terms(how, &how->posterior, elbo_estimate_draws(how, true));
    if (!terms.log_likelihood) return NULL;
    elbo_node *f = elbo_add(terms.log_likelihood, elbo_sub(terms.log_prior, terms.log_posterior));
    return elbo_mean(f, 0, 0, false);
}

static void build(elbo_local_fit *fit, const elbo_instance *instance, bool trained) {
    elbo_graph *graph = fit->graph;
    const elbo_model_type *type = instance->type;
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_random_uniform(graph, ELBO_SHAPE(1), 0); /* the first stream draws pixels elsewhere */
    fit->x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(fit->rows, fit->item_size));
    fit->numbers = elbo_input(graph, "numbers", ELBO_F32, ELBO_SHAPE(fit->rows, fit->width));
    fit->kl_weight = elbo_input(graph, "kl_weight", ELBO_F32, ELBO_SCALAR);
    elbo_weights weights = {fit->kl_weight};
    elbo_estimate how = {.context = &context, .model = type, .x = fit->x, .weights = &weights};
    how.posterior = type->posterior(&context, fit->numbers);
    if (!how.posterior.type) return;
    char control[64];
    const elbo_estimator_type *estimator = choose(&how, instance, trained, control, sizeof control);
    elbo_update update = elbo_estimate_bound(&how, estimator);
    elbo_node *sum = elbo_scale(update.objective, (double)fit->rows);
    if (sum) elbo_grad(sum, &fit->numbers, 1, &fit->gradient);
    fit->bound = row_bound(&how);
}

elbo_status elbo_local_fit_new(elbo_local_fit *fit, const elbo_instance *instance, int64_t rows, bool trained,
                               elbo_precision precision, int threads, elbo_error *error) {
    const elbo_model_type *type = instance->type;
    memset(fit, 0, sizeof *fit);
    if (!type->posterior)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s: its posterior cannot be fitted to single data",
                         type->name);
    fit->rows = rows;
    fit->width = type->posterior_width(instance->config->model);
    fit->item_size = instance->item.size;
    fit->graph = elbo_graph_new();
    if (!fit->graph) return elbo_fail_memory(error, 0, "a graph");
    build(fit, instance, trained);
    ELBO_TRY(elbo_graph_check(fit->graph, error));
    elbo_node *fetch[2] = {fit->gradient, fit->bound};
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = 2, .precision = precision, .threads = threads, .params_fixed = !trained};
    fit->plan = elbo_plan_new(fit->graph, &spec, error);
    return fit->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

void elbo_local_fit_clear(elbo_local_fit *fit) {
    elbo_plan_free(fit->plan);
    elbo_graph_free(fit->graph);
    memset(fit, 0, sizeof *fit);
}

static void feed(elbo_local_fit *fit, const float *x, double kl_weight) {
    float *to = elbo_plan_input(fit->plan, fit->x), *weight = elbo_plan_input(fit->plan, fit->kl_weight);
    if (to) memcpy(to, x, sizeof *to * (size_t)(fit->rows * fit->item_size));
    if (weight) *weight = (float)kl_weight;
}

/* One step of Adam, rate already corrected for the start. False if a gradient is not finite. */
static bool move(const elbo_local_fit *fit, elbo_local_rows *state, double rate) {
    const float *gradient = elbo_plan_value(fit->plan, fit->gradient);
    const float first = 0.9F, second = 0.999F, tiny = 1e-8F;
    double t = (double)++state->moves;
    float correction = (float)(1 / (1 - pow((double)second, t)));
    float step = (float)(rate / (1 - pow((double)first, t)));
    float sum = 0;
    for (int64_t i = 0; i < fit->rows * fit->width; i++) {
        float g = gradient[i];
        sum += g * 0; /* NaN for anything that is not finite */
        state->mean[i] = first * state->mean[i] + (1 - first) * g;
        state->square[i] = second * state->square[i] + (1 - second) * g * g;
        state->numbers[i] -= step * state->mean[i] / (sqrtf(state->square[i] * correction) + tiny);
    }
    return sum == 0;
}

elbo_status elbo_local_fit_run(elbo_local_fit *fit, const float *x, elbo_local_rows *state,
                               const elbo_local_moves *moves, const elbo_run *run, elbo_error *error) {
    size_t bytes = sizeof(float) * (size_t)(fit->rows * fit->width);
    float *numbers = elbo_plan_input(fit->plan, fit->numbers);
    feed(fit, x, moves->kl_weight);
    for (int64_t s = 0; s < moves->steps; s++) {
        elbo_run here = {run->seed ^ own_seed, run->step + (uint32_t)s, run->first_row};
        memcpy(numbers, state->numbers, bytes);
        ELBO_TRY(elbo_plan_run(fit->plan, &here, error));
        double left = moves->settle ? 1 - (double)s / (double)moves->steps : 1;
        if (!move(fit, state, moves->rate * left))
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "fitting the posteriors of rows %lld to %lld: the gradient is not finite; try a smaller "
                             "--local-rate",
                             (long long)run->first_row, (long long)run->first_row + (long long)fit->rows - 1);
    }
    return ELBO_OK;
}

elbo_status elbo_local_fit_bound(elbo_local_fit *fit, const float *x, const float *numbers, int64_t runs,
                                 const elbo_run *run, double *out, elbo_error *error) {
    feed(fit, x, 1);
    memcpy(elbo_plan_input(fit->plan, fit->numbers), numbers, sizeof(float) * (size_t)(fit->rows * fit->width));
    memset(out, 0, sizeof *out * (size_t)fit->rows);
    for (int64_t r = 0; r < runs; r++) {
        elbo_run here = {run->seed ^ ~own_seed, run->step + (uint32_t)r, run->first_row};
        ELBO_TRY(elbo_plan_run(fit->plan, &here, error));
        const float *bound = elbo_plan_value(fit->plan, fit->bound);
        for (int64_t i = 0; i < fit->rows; i++) out[i] += (double)bound[i] / (double)runs;
    }
    return ELBO_OK;
}

/* ---- numbers of rows that were not trained on ---- */

static elbo_status make_room(elbo_local_reader *reader, elbo_error *error) {
    size_t bytes = sizeof(float) * (size_t)(reader->fit.rows * reader->fit.width);
    float **array[3] = {&reader->state.numbers, &reader->state.mean, &reader->state.square};
    for (int k = 0; k < 3; k++) {
        *array[k] = elbo_calloc(bytes);
        if (!*array[k]) return elbo_fail_memory(error, bytes, "posteriors");
    }
    return ELBO_OK;
}

elbo_status elbo_local_reader_new(elbo_local_reader *reader, const elbo_instance *instance, int64_t rows, bool draw,
                                  elbo_precision precision, int threads, elbo_error *error) {
    char text[64];
    memset(reader, 0, sizeof *reader);
    option(instance, "fit-steps", "200", text, sizeof text);
    reader->steps = atoll(text);
    option(instance, "fit-rate", "0.1", text, sizeof text);
    reader->rate = atof(text);
    ELBO_TRY(elbo_local_fit_new(&reader->fit, instance, rows, false, precision, threads, error));
    ELBO_TRY(make_room(reader, error));
    reader->graph = elbo_graph_new();
    if (!reader->graph) return elbo_fail_memory(error, 0, "a graph");
    reader->raw = elbo_instance_raw(instance, reader->graph, rows);
    reader->x = elbo_instance_x(instance, reader->raw, draw);
    elbo_plan_spec spec = {.fetch = &reader->x, .fetch_count = 1, .threads = threads};
    reader->draw = elbo_plan_new(reader->graph, &spec, error);
    return reader->draw ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

void elbo_local_reader_clear(elbo_local_reader *reader) {
    elbo_local_fit_clear(&reader->fit);
    elbo_plan_free(reader->draw);
    elbo_graph_free(reader->graph);
    elbo_free(reader->state.numbers);
    elbo_free(reader->state.mean);
    elbo_free(reader->state.square);
    memset(reader, 0, sizeof *reader);
}

elbo_status elbo_local_reader_run(elbo_local_reader *reader, const void *raw, const elbo_run *run, elbo_error *error) {
    size_t bytes = sizeof(float) * (size_t)(reader->fit.rows * reader->fit.width);
    memcpy(elbo_plan_input(reader->draw, reader->raw), raw,
           elbo_dtype_size(reader->raw->dtype) * (size_t)(reader->fit.rows * reader->fit.item_size));
    ELBO_TRY(elbo_plan_run(reader->draw, run, error));
    memset(reader->state.numbers, 0, bytes);
    memset(reader->state.mean, 0, bytes);
    memset(reader->state.square, 0, bytes);
    reader->state.moves = 0;
    elbo_local_moves moves = {.steps = reader->steps, .rate = reader->rate, .kl_weight = 1, .settle = true};
    return elbo_local_fit_run(&reader->fit, elbo_plan_value(reader->draw, reader->x), &reader->state, &moves, run,
                              error);
}
