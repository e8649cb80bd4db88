#include "eval/gap_family.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "eval/posterior.h"
#include "graph/graph.h"

/* Gradients cost about two more passes than values. */
enum { TENTHS = 10, MIDDLE = 6, LATE = 8, GRADIENT_COST = 3, BOUNDS = 4 };

double elbo_gap_family_cost(const elbo_gap_options *options) {
    return (double)(GRADIENT_COST * options->gap_steps + BOUNDS * options->gap_draws);
}

/* ---- making ---- */

static elbo_status make_parameters(elbo_gap_family *family, const elbo_instance *instance, const elbo_head *head,
                                   int threads, elbo_error *error) {
    family->graph = elbo_graph_new();
    if (!family->graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_context context = elbo_instance_context(instance, family->graph, false);
    family->numbers = elbo_input(family->graph, "numbers", ELBO_F32, ELBO_SHAPE(family->fit.rows, family->fit.width));
    family->posterior =
        head ? elbo_head_dist(head, family->numbers) : instance->type->posterior(&context, family->numbers);
    ELBO_TRY(elbo_graph_check(family->graph, error));
    elbo_posterior_spread(&family->posterior);
    family->mean = elbo_posterior_mean(&family->posterior, &family->deviation);
    elbo_node *fetch[2 + ELBO_DIST_PARAMETERS] = {family->mean, family->deviation};
    size_t count = 2;
    for (int k = 0; k < elbo_posterior_parameters(&family->posterior); k++)
        fetch[count++] = family->posterior.parameter[k];
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = count, .threads = threads, .params_fixed = true};
    family->plan = elbo_plan_new(family->graph, &spec, error);
    return family->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

elbo_status elbo_gap_family_new(elbo_gap_family *family, const elbo_instance *instance, const elbo_head *head,
                                int64_t rows, elbo_precision precision, int threads, elbo_error *error) {
    elbo_local_fit_spec spec = {.rows = rows, .head = head, .bound = true, .precision = precision, .threads = threads};
    double **const bounds[] = {&family->start, &family->middle, &family->late, &family->end};
    size_t bytes = sizeof(double) * (size_t)rows;
    memset(family, 0, sizeof *family);
    for (size_t i = 0; i < BOUNDS; i++) {
        *bounds[i] = elbo_calloc(bytes);
        if (!*bounds[i]) return elbo_fail_memory(error, bytes, "bounds");
    }
    ELBO_TRY(elbo_local_fit_new(&family->fit, instance, &spec, error));
    ELBO_TRY(elbo_local_rows_new(&family->state, rows, family->fit.width, error));
    return make_parameters(family, instance, head, threads, error);
}

void elbo_gap_family_clear(elbo_gap_family *family) {
    elbo_local_fit_clear(&family->fit);
    elbo_local_rows_clear(&family->state);
    elbo_plan_free(family->plan);
    elbo_graph_free(family->graph);
    elbo_free(family->start);
    elbo_free(family->middle);
    elbo_free(family->late);
    elbo_free(family->end);
    memset(family, 0, sizeof *family);
}

/* ---- fitting ---- */

static elbo_status measure(elbo_gap_family *family, const elbo_gap_options *options, const elbo_gap_rows *rows,
                           double *out, elbo_work *work, elbo_error *error) {
    ELBO_TRY(
        elbo_local_fit_bound(&family->fit, rows->x, family->state.numbers, options->gap_draws, &rows->run, out, error));
    for (int64_t i = 0; i < rows->count; i++)
        if (!isfinite(out[i]))
            return elbo_fail(error, ELBO_ERROR_NUMERIC, "row %lld: its ELBO is %g",
                             (long long)(rows->run.first_row + i), out[i]);
    return elbo_work_add(work, (double)(options->gap_draws * rows->count), error);
}

elbo_status elbo_gap_family_fit(elbo_gap_family *family, const elbo_gap_options *options, const elbo_gap_rows *rows,
                                elbo_work *work, elbo_error *error) {
    elbo_local_rows_restart(&family->state, family->fit.rows, family->fit.width);
    ELBO_TRY(measure(family, options, rows, family->start, work, error));
    elbo_local_moves moves = {.hold = LATE * options->gap_steps / TENTHS,
                              .total = options->gap_steps,
                              .rate = options->gap_rate,
                              .kl_weight = 1,
                              .counted = rows->count,
                              .option = "--gap-rate"};
    for (int64_t tenth = 0; tenth < TENTHS; tenth++) {
        if (tenth == MIDDLE) ELBO_TRY(measure(family, options, rows, family->middle, work, error));
        if (tenth == LATE) ELBO_TRY(measure(family, options, rows, family->late, work, error));
        moves.first = tenth * moves.total / TENTHS;
        moves.steps = (tenth + 1) * moves.total / TENTHS - moves.first;
        ELBO_TRY(elbo_local_fit_run(&family->fit, rows->x, &family->state, &moves, &rows->run, error));
        ELBO_TRY(elbo_work_add(work, (double)(GRADIENT_COST * moves.steps * rows->count), error));
    }
    return measure(family, options, rows, family->end, work, error);
}

elbo_status elbo_gap_family_read(elbo_gap_family *family, elbo_error *error) {
    float *to = elbo_plan_input(family->plan, family->numbers);
    if (to) memcpy(to, family->state.numbers, sizeof *to * (size_t)(family->fit.rows * family->fit.width));
    elbo_run run = {0};
    return elbo_plan_run(family->plan, &run, error);
}

/* ---- where to begin ---- */

/* The number that softplus brings to a scale, relative to the one of scale 1 (head.h). */
static float number_of_scale(double scale) {
    double at_one = log(expm1(1));
    return (float)(scale > 30 ? scale - at_one : log(expm1(fmax(scale, 1e-5))) - at_one);
}

/* Numbers of one parameter of one row: as many events of `latent` values, or triangles, as fit into its width. */
static void start_parameter(const elbo_dist_parameter *parameter, float *out, int64_t width, int64_t latent,
                            const float *mean, const float *deviation, const elbo_rng *rng, uint32_t row) {
    bool loc = strcmp(parameter->name, "loc") == 0;
    bool triangle = parameter->constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR;
    bool scale = !triangle && strcmp(parameter->name, "scale") == 0;
    int64_t each = triangle ? latent * (latent + 1) / 2 : latent, events = width / each;
    if (!loc && !triangle && !scale) return;
    for (int64_t e = 0; e < events && events * each == width; e++)
        for (int64_t d = 0; d < latent; d++) {
            int64_t at = e * latent + d;
            double centre = isfinite(mean[d]) ? (double)mean[d] : 0; /* not every distribution has moments */
            double width_of_q = isfinite(deviation[d]) ? (double)deviation[d] : 1;
            double away = events > 1 && loc ? elbo_rng_normal(rng, row, (uint32_t)at) : 0;
            if (loc) out[at] = (float)(centre + away * width_of_q);
            if (scale) out[at] = number_of_scale(width_of_q);
            if (triangle) out[e * each + d * (d + 1) / 2 + d] = number_of_scale(width_of_q);
        }
}

void elbo_gap_family_start(elbo_gap_family *family, const elbo_head *head, const float *mean, const float *deviation,
                           const elbo_run *run) {
    elbo_rng rng = {run->seed, ELBO_STREAM_SAMPLE, 0};
    int64_t at = 0, latent = head->size;
    elbo_support support = head->type->support;
    memset(family->state.numbers, 0, sizeof(float) * (size_t)(family->fit.rows * family->fit.width));
    if (support != ELBO_SUPPORT_REAL && support != ELBO_SUPPORT_VECTOR) return;
    for (int64_t row = 0; row < family->fit.rows; row++)
        for (int k = 0; k < elbo_head_parameters(head->type); k++) {
            int64_t width = elbo_head_parameter_width(head, k);
            start_parameter(&head->type->parameter[k], family->state.numbers + at, width, latent, mean + row * latent,
                            deviation + row * latent, &rng, run->first_row + (uint32_t)row);
            at += width;
        }
}
