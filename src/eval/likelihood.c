#include "eval/likelihood.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"
#include "eval/posterior.h"
#include "graph/graph.h"
#include "train/condition.h"

/* Rows of a run: large products are efficient, small ones stay in the second-level cache. */
static int64_t rows_of_run(int64_t width) {
    enum { NUMBERS = 1 << 20, MOST_NUMBERS = 1 << 25, FEWEST = 16, MOST = 1024 };
    int64_t rows = NUMBERS / width;
    if (rows > MOST) rows = MOST;
    if (rows < FEWEST) rows = FEWEST;
    if (rows * width > MOST_NUMBERS) rows = MOST_NUMBERS / width;
    return rows < 1 ? 1 : rows;
}

/* data: wanted side by side, or 0; batch: data that come at a time, and are shared out evenly among the threads. */
static void choose_sizes(elbo_likelihood *likelihood, const elbo_instance *instance, int64_t samples, int64_t data,
                         int64_t batch) {
    int64_t rows = rows_of_run(elbo_model_width(instance)), threads = likelihood->workers;
    likelihood->samples = samples;
    likelihood->runs = (samples + rows - 1) / rows;
    likelihood->per_run = (samples + likelihood->runs - 1) / likelihood->runs;
    likelihood->runs = (samples + likelihood->per_run - 1) / likelihood->per_run;
    if (data < 1) {
        data = rows / likelihood->per_run < batch ? rows / likelihood->per_run : batch;
        int64_t rounds = (batch + data * threads - 1) / (data * threads);
        data = (batch + rounds * threads - 1) / (rounds * threads);
    }
    likelihood->data = data;
    likelihood->item_size = instance->item.size;
}

static void build_encoded(elbo_likelihood *likelihood, const elbo_instance *instance, elbo_context *context,
                          const elbo_dist *posterior) {
    elbo_context own;
    likelihood->posterior = elbo_posterior_inputs(posterior, likelihood->graph, likelihood->data, &own);
    elbo_node *z = elbo_dist_sample(&likelihood->posterior, likelihood->per_run);
    elbo_dist decoded = instance->type->decode(context, z);
    elbo_dist prior = instance->type->prior(context, likelihood->data);
    if (!decoded.type || !prior.type) {
        likelihood->posterior.extra = NULL;
        return;
    }
    elbo_node *joint = elbo_add(elbo_dist_log_prob(&decoded, likelihood->x), elbo_dist_log_prob(&prior, z));
    likelihood->log_weight = elbo_sub(joint, elbo_dist_log_prob(&likelihood->posterior, z));
    likelihood->posterior.extra = NULL; /* all is built */
}

/* Draws of the prior weigh p(x|z) p(z) / p(z). */
static void build_prior(elbo_likelihood *likelihood, const elbo_instance *instance, elbo_context *context) {
    elbo_random_uniform(likelihood->graph, ELBO_SHAPE(1), 0); /* the second stream draws from q(z|x) elsewhere */
    elbo_dist prior = instance->type->prior(context, likelihood->data);
    if (!prior.type) return;
    elbo_dist decoded = instance->type->decode(context, elbo_dist_sample(&prior, likelihood->per_run));
    if (decoded.type) likelihood->log_weight = elbo_dist_log_prob(&decoded, likelihood->x);
}

/* posterior: NULL for draws of the prior. */
static void build(elbo_likelihood *likelihood, const elbo_instance *instance, const elbo_dist *posterior) {
    elbo_graph *graph = likelihood->graph;
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_random_uniform(graph, ELBO_SHAPE(1), 0); /* the first stream draws pixels elsewhere: leave it alone */
    likelihood->x = elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(likelihood->data, likelihood->item_size));
    likelihood->condition = elbo_condition_add_input(instance, &context, likelihood->data);
    if (posterior)
        build_encoded(likelihood, instance, &context, posterior);
    else
        build_prior(likelihood, instance, &context);
}

static elbo_status compile(elbo_likelihood *likelihood, elbo_precision precision, elbo_error *error) {
    elbo_plan_spec spec = {
        .fetch = &likelihood->log_weight, .fetch_count = 1, .precision = precision, .threads = 1, .params_fixed = true};
    for (int w = 0; w < likelihood->workers; w++) {
        elbo_likelihood_worker *worker = &likelihood->worker[w];
        size_t bytes = sizeof *worker->sum * (size_t)likelihood->data;
        worker->sum = elbo_calloc(bytes);
        if (!worker->sum) return elbo_fail_memory(error, bytes, "sums of weights");
        worker->plan = elbo_plan_new(likelihood->graph, &spec, &worker->error);
        if (!worker->plan) return elbo_fail(error, worker->error.status, "%s", worker->error.message);
    }
    return ELBO_OK;
}

/* How many samples, of how many data side by side (0: chosen here), from batches of how many rows. */
typedef struct extent {
    int64_t samples, data, batch;
} extent;

static elbo_status make(elbo_likelihood *likelihood, const elbo_instance *instance, const elbo_dist *posterior,
                        extent wanted, elbo_precision precision, int threads, elbo_error *error) {
    memset(likelihood, 0, sizeof *likelihood);
    likelihood->workers = threads > 0 ? threads : omp_get_num_procs();
    choose_sizes(likelihood, instance, wanted.samples, wanted.data, wanted.batch);
    likelihood->worker = elbo_calloc(sizeof *likelihood->worker * (size_t)likelihood->workers);
    likelihood->graph = elbo_graph_new();
    if (!likelihood->graph || !likelihood->worker) return elbo_fail_memory(error, 0, "the likelihood");
    build(likelihood, instance, posterior);
    ELBO_TRY(elbo_graph_check(likelihood->graph, error));
    return compile(likelihood, precision, error);
}

elbo_status elbo_likelihood_new(elbo_likelihood *likelihood, const elbo_instance *instance, const elbo_dist *posterior,
                                int64_t samples, int64_t data, elbo_precision precision, int threads,
                                elbo_error *error) {
    if (posterior->type->estimated)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "q(z|x) of %s has no density to weigh draws by, only an adversary's estimate of it; elbo eval "
                         "--nll ais and --nll hmc need none",
                         instance->type->name);
    extent wanted = {samples, data, posterior->shape.dim[0]};
    return make(likelihood, instance, posterior, wanted, precision, threads, error);
}

elbo_status elbo_likelihood_prior_new(elbo_likelihood *likelihood, const elbo_instance *instance, int64_t batch,
                                      int64_t samples, elbo_precision precision, int threads, elbo_error *error) {
    return make(likelihood, instance, NULL, (extent){samples, 0, batch}, precision, threads, error);
}

void elbo_likelihood_clear(elbo_likelihood *likelihood) {
    for (int w = 0; likelihood->worker && w < likelihood->workers; w++) {
        elbo_plan_free(likelihood->worker[w].plan);
        elbo_free(likelihood->worker[w].sum);
    }
    elbo_graph_free(likelihood->graph);
    elbo_free(likelihood->worker);
    memset(likelihood, 0, sizeof *likelihood);
}

/* Copies `count` rows from `first` on into an input of the plan; rows behind them keep what they had. */
static void feed(elbo_plan *plan, const elbo_node *input, const float *from, int64_t width, int64_t first,
                 int64_t count) {
    float *to = elbo_plan_input(plan, input);
    if (to) memcpy(to, from + first * width, sizeof *to * (size_t)(count * width));
}

/* Adds the weights of a run, log_weight: [per_run, stride], of which the first `samples` and `count` are used. False if
 * one is NaN or positive infinity; *bad is then its column. */
static bool accumulate(elbo_weights_sum *sums, const float *log_weight, int64_t stride, int64_t samples, int64_t count,
                       int64_t *bad) {
    for (int64_t i = 0; i < count; i++) {
        elbo_weights_sum *total = &sums[i];
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

/* What the threads share while a batch is on its way. */
typedef struct batch {
    elbo_likelihood *likelihood;
    const elbo_likelihood_rows *rows;
    uint64_t seed;
    elbo_work *work;
    double *log_p, *effective;
    int64_t done, reported; /* samples drawn; of these, known to `work` */
    bool stop;              /* after a failure of any thread */
} batch;

/* Counts samples. The thread that called reports them. */
static elbo_status count_samples(batch *b, int64_t samples, elbo_error *error) {
    int64_t done;
#pragma omp atomic capture
    done = b->done += samples;
    if (omp_get_thread_num() != 0) return ELBO_OK;
    int64_t fresh = done - b->reported;
    b->reported = done;
    return elbo_work_add(b->work, (double)fresh, error);
}

/* The rows [first, first + count) that share runs. */
static elbo_status run_group(batch *b, elbo_likelihood_worker *worker, int64_t first, int64_t count,
                             elbo_error *error) {
    const elbo_likelihood *likelihood = b->likelihood;
    feed(worker->plan, likelihood->x, b->rows->x, likelihood->item_size, first, count);
    if (likelihood->condition)
        feed(worker->plan, likelihood->condition, b->rows->condition, likelihood->condition->shape.dim[1], first,
             count);
    for (int k = 0; k < elbo_posterior_parameters(&likelihood->posterior); k++)
        feed(worker->plan, likelihood->posterior.parameter[k], b->rows->parameter[k],
             elbo_posterior_width(&likelihood->posterior, k), first, count);
    for (int64_t i = 0; i < count; i++) worker->sum[i] = (elbo_weights_sum){-INFINITY, 0, 0};
    for (int64_t r = 0; r < likelihood->runs; r++) {
        int64_t samples = likelihood->samples - r * likelihood->per_run, bad;
        if (samples > likelihood->per_run) samples = likelihood->per_run;
        elbo_run run = {b->seed, (uint32_t)(1 + r), (uint32_t)(b->rows->first_row + first)}; /* 0 is the bound's */
        ELBO_TRY(elbo_plan_run(worker->plan, &run, error));
        const float *log_weight = elbo_plan_value(worker->plan, likelihood->log_weight);
        if (!accumulate(worker->sum, log_weight, likelihood->data, samples, count, &bad))
            return fail_weight(b->rows, first + bad, "an importance weight is not a finite number", error);
        ELBO_TRY(count_samples(b, samples * count, error));
    }
    for (int64_t i = 0; i < count; i++) {
        const elbo_weights_sum *total = &worker->sum[i];
        if (!(total->sum > 0)) return fail_weight(b->rows, first + i, "every importance weight is zero", error);
        b->log_p[first + i] = total->peak + log(total->sum / (double)likelihood->samples);
        b->effective[first + i] = total->sum * total->sum / total->square;
    }
    return ELBO_OK;
}

static void run_shared(batch *b) {
    elbo_likelihood *likelihood = b->likelihood;
    int64_t rows = b->rows->count, data = likelihood->data;
#pragma omp parallel for schedule(dynamic, 1) num_threads(likelihood->workers)
    for (int64_t first = 0; first < rows; first += data) {
        elbo_likelihood_worker *worker = &likelihood->worker[omp_get_thread_num()];
        bool stop;
#pragma omp atomic read
        stop = b->stop;
        if (stop) continue;
        if (run_group(b, worker, first, rows - first < data ? rows - first : data, &worker->error) != ELBO_OK) {
#pragma omp atomic write
            b->stop = true;
        }
    }
}

elbo_status elbo_likelihood_run(elbo_likelihood *likelihood, const elbo_likelihood_rows *rows, uint64_t seed,
                                elbo_work *work, double *log_p, double *effective, elbo_error *error) {
    batch b = {likelihood, rows, seed, work, log_p, effective, 0, 0, false};
    for (int w = 0; w < likelihood->workers; w++) likelihood->worker[w].error = (elbo_error){ELBO_OK, ""};
    run_shared(&b);
    for (int w = 0; w < likelihood->workers; w++) {
        const elbo_error *failure = &likelihood->worker[w].error;
        if (failure->status != ELBO_OK) return elbo_fail(error, failure->status, "%s", failure->message);
    }
    return elbo_work_add(work, (double)(b.done - b.reported), error);
}
