#include "eval/chains.h"

#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"
#include "graph/graph.h"
#include "train/condition.h"

/* What the threads share while a batch is on its way. */
struct shared {
    elbo_work *work;
    double done, reported;
    bool stop; /* after a failure of any thread */
};

/* Data of a group, a power of two as batches are: their chains' activations stay near the processor. */
static int64_t data_of_group(const elbo_instance *instance, int64_t batch, int64_t chains) {
    enum { NUMBERS = 1 << 18, MOST = 512 };
    int64_t rows = NUMBERS / elbo_model_width(instance), data = 1;
    if (rows > MOST) rows = MOST;
    while (2 * data * chains <= rows && 2 * data <= batch) data *= 2;
    return data;
}

double elbo_chains_cost(int64_t chains, int64_t leapfrog) {
    static const double with_gradient = 2; /* in passes through the decoder */
    return with_gradient * (double)(chains * leapfrog);
}

/* ---- making ---- */

static void build(elbo_chains *chains, const elbo_instance *instance) {
    elbo_context context = elbo_instance_context(instance, chains->graph, false);
    chains->x = elbo_input(chains->graph, "x", ELBO_F32, ELBO_SHAPE(chains->data, chains->item_size));
    chains->condition = elbo_condition_add_input(instance, &context, chains->data);
    elbo_dist prior = instance->type->prior(&context, chains->data);
    if (!elbo_hmc_target_suits(&prior)) return;
    chains->prior = elbo_dist_sample(&prior, chains->chains);
    elbo_hmc_target_build(&chains->target, &context, instance->type, chains->x, chains->chains);
}

static elbo_status after(void *user, elbo_error *error) {
    elbo_chains_worker *worker = user;
    struct shared *share = worker->share;
    double done;
    bool stop;
#pragma omp atomic capture
    done = share->done += worker->amount;
#pragma omp atomic read
    stop = share->stop;
    if (stop) return elbo_fail(error, ELBO_ERROR_INTERRUPTED, "another thread failed");
    if (omp_get_thread_num() != 0) return ELBO_OK;
    double fresh = done - share->reported;
    share->reported = done;
    return elbo_work_add(share->work, fresh, error);
}

static elbo_status new_worker(elbo_chains *chains, elbo_chains_worker *worker, const elbo_hmc_options *options,
                              elbo_precision precision, elbo_error *error) {
    elbo_plan_spec spec = {.fetch = &chains->prior, .fetch_count = 1, .threads = 1, .params_fixed = true};
    size_t bytes = sizeof *worker->z * (size_t)(chains->chains * chains->data * chains->latent);
    elbo_hmc_options own = *options;
    own.after = after;
    own.user = worker;
    worker->z = elbo_calloc(bytes);
    if (!worker->z) return elbo_fail_memory(error, bytes, "chains");
    worker->start = elbo_plan_new(chains->graph, &spec, &worker->error);
    if (worker->start) worker->density = elbo_hmc_target_plan(&chains->target, precision, 1, &worker->error);
    if (!worker->density) return elbo_fail(error, worker->error.status, "%s", worker->error.message);
    return elbo_hmc_new(&worker->hmc, &chains->target, worker->density, &own, error);
}

elbo_status elbo_chains_new(elbo_chains *chains, const elbo_instance *instance, int64_t batch, int64_t count,
                            const elbo_hmc_options *options, elbo_precision precision, int threads, elbo_error *error) {
    memset(chains, 0, sizeof *chains);
    chains->chains = count;
    chains->data = data_of_group(instance, batch, count);
    chains->latent = instance->type->latent(instance->config->model);
    chains->item_size = instance->item.size;
    chains->seed = options->seed;
    chains->workers = threads > 0 ? threads : omp_get_num_procs();
    chains->worker = elbo_calloc(sizeof *chains->worker * (size_t)chains->workers);
    chains->graph = elbo_graph_new();
    if (!chains->graph || !chains->worker) return elbo_fail_memory(error, 0, "chains");
    build(chains, instance);
    ELBO_TRY(elbo_graph_check(chains->graph, error));
    for (int w = 0; w < chains->workers; w++)
        ELBO_TRY(new_worker(chains, &chains->worker[w], options, precision, error));
    return ELBO_OK;
}

void elbo_chains_clear(elbo_chains *chains) {
    for (int w = 0; chains->worker && w < chains->workers; w++) {
        elbo_chains_worker *worker = &chains->worker[w];
        elbo_hmc_clear(&worker->hmc);
        elbo_plan_free(worker->density);
        elbo_plan_free(worker->start);
        elbo_free(worker->z);
    }
    elbo_graph_free(chains->graph);
    elbo_free(chains->worker);
    memset(chains, 0, sizeof *chains);
}

/* ---- running ---- */

/* Rows of a group into [data, width]; the room beyond them repeats the last one. */
static void fill(float *to, const float *from, int64_t width, int64_t data, const elbo_chains_group *group) {
    for (int64_t i = 0; i < data; i++) {
        int64_t row = group->first + (i < group->count ? i : group->count - 1);
        memcpy(to + i * width, from + row * width, sizeof *to * (size_t)width);
    }
}

void elbo_chains_spread(const elbo_chains *chains, int worker, const elbo_chains_group *group, const float *z) {
    int64_t each = chains->data * chains->latent;
    for (int64_t c = 0; c < chains->chains; c++)
        fill(chains->worker[worker].z + c * each, z, chains->latent, chains->data, group);
}

elbo_status elbo_chains_draw(const elbo_chains *chains, int worker, const elbo_chains_group *group, uint32_t step,
                             elbo_error *error) {
    elbo_chains_worker *own = &chains->worker[worker];
    elbo_run run = {chains->seed, step, group->first_row};
    ELBO_TRY(elbo_plan_run(own->start, &run, error));
    memcpy(own->z, elbo_plan_value(own->start, chains->prior),
           sizeof *own->z * (size_t)(chains->chains * chains->data * chains->latent));
    return ELBO_OK;
}

static void run_group(elbo_chains *chains, const elbo_chains_rows *rows, elbo_chains_task task, void *user,
                      int64_t first, struct shared *share) {
    int number = omp_get_thread_num();
    elbo_chains_worker *worker = &chains->worker[number];
    int64_t rest = rows->count - first;
    elbo_chains_group group = {first, rest < chains->data ? rest : chains->data, (uint32_t)(rows->first_row + first)};
    worker->share = share;
    worker->amount = (double)group.count * elbo_chains_cost(chains->chains, worker->hmc.options.leapfrog);
    fill(elbo_plan_input(worker->density, chains->x), rows->x, chains->item_size, chains->data, &group);
    elbo_plan *plans[2] = {worker->start, worker->density};
    for (int p = 0; chains->condition && p < 2; p++) {
        float *condition = elbo_plan_input(plans[p], chains->condition);
        if (condition) fill(condition, rows->condition, chains->condition->shape.dim[1], chains->data, &group);
    }
    if (task(user, number, &group, &worker->error) != ELBO_OK) {
#pragma omp atomic write
        share->stop = true;
    }
}

/* What went wrong first: threads that only followed it say that they were interrupted. */
static elbo_status failure_of(const elbo_chains *chains, elbo_error *error) {
    const elbo_error *found = NULL;
    for (int w = 0; w < chains->workers; w++) {
        const elbo_error *one = &chains->worker[w].error;
        bool worse = !found || (found->status == ELBO_ERROR_INTERRUPTED && one->status != ELBO_ERROR_INTERRUPTED);
        if (one->status != ELBO_OK && worse) found = one;
    }
    return found ? elbo_fail(error, found->status, "%s", found->message) : ELBO_OK;
}

elbo_status elbo_chains_run(elbo_chains *chains, const elbo_chains_rows *rows, elbo_chains_task task, void *user,
                            elbo_work *work, elbo_error *error) {
    struct shared share = {work, 0, 0, false};
    for (int w = 0; w < chains->workers; w++) chains->worker[w].error = (elbo_error){ELBO_OK, ""};
#pragma omp parallel for schedule(dynamic, 1) num_threads(chains->workers)
    for (int64_t first = 0; first < rows->count; first += chains->data) {
        bool stop;
#pragma omp atomic read
        stop = share.stop;
        if (!stop) run_group(chains, rows, task, user, first, &share);
    }
    ELBO_TRY(failure_of(chains, error));
    return elbo_work_add(work, share.done - share.reported, error);
}
