#include "eval/likelihood.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"
#include "eval/posterior.h"

/* Rows of a run: large products are efficient, small ones stay in the second-level cache. */
static int64_t rows_of_run(int64_t width) {
    enum { NUMBERS = 1 << 20, MOST_NUMBERS = 1 << 25, FEWEST = 16, MOST = 1024 };
    int64_t rows = NUMBERS / width;
    if (rows > MOST) rows = MOST;
    if (rows < FEWEST) rows = FEWEST;
    if (rows * width > MOST_NUMBERS) rows = MOST_NUMBERS / width;
    return rows < 1 ? 1 : rows;
}

/* data: wanted side by side, or 0; batch: data that come at a time, and are shared out evenly. */
static void choose_sizes(elbo_likelihood *likelihood, const elbo_instance *instance, int64_t samples, int64_t data,
                         int64_t batch) {
    int64_t rows = rows_of_run(elbo_model_width(instance));
    likelihood->samples = samples;
    likelihood->runs = (samples + rows - 1) / rows;
    likelihood->per_run = (samples + likelihood->runs - 1) / likelihood->runs;
    likelihood->runs = (samples + likelihood->per_run - 1) / likelihood->per_run;
    if (data < 1) {
        data = rows / likelihood->per_run < batch ? rows / likelihood->per_run : batch;
        int64_t groups = (batch + data - 1) / data;
        data = (batch + groups - 1) / groups;
    }
    likelihood->data = data;
    likelihood->item_size = instance->item.size;
}

static void build(elbo_likelihood *likelihood, const elbo_instance *instance, const elbo_dist *posterior) {
    elbo_graph *graph = likelihood->graph;
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_random_uniform(graph, ELBO_SHAPE(1), 0); /* the first stream draws pixels elsewhere: leave it alone */
    likelihood->x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(likelihood->data, likelihood->item_size));
    likelihood->posterior = elbo_posterior_inputs(posterior, graph, likelihood->data);
    elbo_node *z = elbo_dist_sample(&likelihood->posterior, likelihood->per_run);
    elbo_dist decoded = instance->type->decode(&context, z);
    elbo_dist prior = instance->type->prior(&context, likelihood->data);
    if (!decoded.type || !prior.type) return;
    elbo_node *joint = elbo_add(elbo_dist_log_prob(&decoded, likelihood->x), elbo_dist_log_prob(&prior, z));
    likelihood->log_weight = elbo_sub(joint, elbo_dist_log_prob(&likelihood->posterior, z));
}

elbo_status elbo_likelihood_new(elbo_likelihood *likelihood, const elbo_instance *instance, const elbo_dist *posterior,
                                int64_t samples, int64_t data, elbo_precision precision, int threads,
                                elbo_error *error) {
    memset(likelihood, 0, sizeof *likelihood);
    choose_sizes(likelihood, instance, samples, data, posterior->shape.dim[0]);
    likelihood->sum = elbo_calloc(sizeof *likelihood->sum * (size_t)likelihood->data);
    likelihood->graph = elbo_graph_new();
    if (!likelihood->graph || !likelihood->sum) return elbo_fail_memory(error, 0, "the likelihood");
    build(likelihood, instance, posterior);
    ELBO_TRY(elbo_graph_check(likelihood->graph, error));
    elbo_plan_spec spec = {.fetch = &likelihood->log_weight,
                           .fetch_count = 1,
                           .precision = precision,
                           .threads = threads,
                           .params_fixed = true};
    likelihood->plan = elbo_plan_new(likelihood->graph, &spec, error);
    return likelihood->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

void elbo_likelihood_clear(elbo_likelihood *likelihood) {
    elbo_plan_free(likelihood->plan);
    elbo_graph_free(likelihood->graph);
    elbo_free(likelihood->sum);
    memset(likelihood, 0, sizeof *likelihood);
}

/* Copies `count` rows from `first` on into an input of the plan; rows behind them keep what they had. */
static void feed(elbo_likelihood *likelihood, const elbo_node *input, const float *from, int64_t width, int64_t first,
                 int64_t count) {
    float *to = elbo_plan_input(likelihood->plan, input);
    if (to) memcpy(to, from + first * width, sizeof *to * (size_t)(count * width));
}

/* Adds the weights of a run, log_weight: [per_run, data], of which the first `samples` and `count` are used. False if
 * one is NaN or positive infinity; *bad is then its column. */
static bool accumulate(elbo_likelihood *likelihood, const float *log_weight, int64_t samples, int64_t count,
                       int64_t *bad) {
    int64_t stride = likelihood->data;
    for (int64_t i = 0; i < count; i++) {
        elbo_weights_sum *total = &likelihood->sum[i];
        float peak = -INFINITY;
        for (int64_t s = 0; s < samples; s++) {
            float value = log_weight[s * stride + i];
            if (!(value < INFINITY)) {
                *bad = i;
                return false;
            }
            if (value > peak) peak = value;
        }
        if (peak == -INFINITY) continue;
        if ((double)peak > total->peak) {
            double shrink = exp(total->peak - (double)peak);
            total->sum *= shrink;
            total->square *= shrink * shrink;
            total->peak = (double)peak;
        }
        double sum = 0, square = 0;
        for (int64_t s = 0; s < samples; s++) {
            double weight = exp((double)log_weight[s * stride + i] - total->peak);
            sum += weight;
            square += weight * weight;
        }
        total->sum += sum;
        total->square += square;
    }
    return true;
}

static elbo_status fail_weight(const elbo_likelihood_rows *rows, int64_t row, const char *what, elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_NUMERIC, "likelihood of row %lld: %s", (long long)(rows->first_row + row), what);
}

/* The rows [first, first + count) that share runs. */
static elbo_status run_group(elbo_likelihood *likelihood, const elbo_likelihood_rows *rows, int64_t first,
                             int64_t count, uint64_t seed, elbo_work *work, elbo_error *error) {
    feed(likelihood, likelihood->x, rows->x, likelihood->item_size, first, count);
    for (int k = 0; k < elbo_posterior_parameters(&likelihood->posterior); k++)
        feed(likelihood, likelihood->posterior.parameter[k], rows->parameter[k],
             elbo_posterior_width(&likelihood->posterior, k), first, count);
    for (int64_t i = 0; i < count; i++) likelihood->sum[i] = (elbo_weights_sum){-INFINITY, 0, 0};
    for (int64_t r = 0; r < likelihood->runs; r++) {
        int64_t samples = likelihood->samples - r * likelihood->per_run, bad;
        if (samples > likelihood->per_run) samples = likelihood->per_run;
        elbo_run run = {seed, (uint32_t)(1 + r), (uint32_t)(rows->first_row + first)}; /* step 0 draws for the bound */
        ELBO_TRY(elbo_plan_run(likelihood->plan, &run, error));
        const float *log_weight = elbo_plan_value(likelihood->plan, likelihood->log_weight);
        if (!accumulate(likelihood, log_weight, samples, count, &bad))
            return fail_weight(rows, first + bad, "an importance weight is not a finite number", error);
        ELBO_TRY(elbo_work_add(work, (double)(samples * count), error));
    }
    return ELBO_OK;
}

elbo_status elbo_likelihood_run(elbo_likelihood *likelihood, const elbo_likelihood_rows *rows, uint64_t seed,
                                elbo_work *work, double *log_p, double *effective, elbo_error *error) {
    for (int64_t first = 0; first < rows->count; first += likelihood->data) {
        int64_t count = rows->count - first < likelihood->data ? rows->count - first : likelihood->data;
        ELBO_TRY(run_group(likelihood, rows, first, count, seed, work, error));
        for (int64_t i = 0; i < count; i++) {
            const elbo_weights_sum *total = &likelihood->sum[i];
            if (!(total->sum > 0)) return fail_weight(rows, first + i, "every importance weight is zero", error);
            log_p[first + i] = total->peak + log(total->sum / (double)likelihood->samples);
            effective[first + i] = total->sum * total->sum / total->square;
        }
    }
    return ELBO_OK;
}
