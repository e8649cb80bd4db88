#include "train/local.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "graph/graph.h"

/* ---- making ---- */

static elbo_status make_draw(elbo_local_program *p, const elbo_instance *instance, int threads, elbo_error *error) {
    p->graph = elbo_graph_new();
    if (!p->graph) return elbo_fail_memory(error, 0, "a graph");
    p->raw = elbo_instance_raw(instance, p->graph, p->rows);
    p->x = elbo_instance_x(instance, p->raw, true);
    elbo_plan_spec spec = {.fetch = &p->x, .fetch_count = 1, .threads = threads};
    p->draw = elbo_plan_new(p->graph, &spec, error);
    return p->draw ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static elbo_status make_chains(elbo_local_program *p, const elbo_instance *instance, int threads, elbo_error *error) {
    p->density = elbo_graph_new();
    if (!p->density) return elbo_fail_memory(error, 0, "a graph");
    elbo_context context = elbo_instance_context(instance, p->density, false);
    elbo_hmc_target target;
    p->density_x = elbo_input(p->density, "x", ELBO_F32, ELBO_SHAPE(p->rows, instance->item.size));
    elbo_hmc_target_build(&target, &context, instance->type, p->density_x, 1);
    ELBO_TRY(elbo_graph_check(p->density, error));
    p->density_plan = elbo_hmc_target_plan(&target, ELBO_PRECISION_F32, threads, error);
    if (!p->density_plan) return error ? error->status : ELBO_ERROR_INTERNAL;
    /* ten leapfrog steps at nine acceptances in ten: the defaults are those of Kingma and Welling 2013 */
    elbo_hmc_options options = {.shared = true, .seed = (uint64_t)instance->config->training.seed};
    return elbo_hmc_new(&p->hmc, &target, p->density_plan, &options, error);
}

static elbo_status make_program(elbo_local_store *store, elbo_local_program *p, const elbo_instance *instance,
                                int64_t rows, int threads, elbo_error *error) {
    elbo_local_fit_spec spec = {.rows = rows, .trained = true, .threads = threads};
    if (strcmp(instance->config->training.precision, "bf16") == 0) spec.precision = ELBO_PRECISION_BF16;
    p->rows = rows;
    ELBO_TRY(elbo_local_rows_new(&p->state, rows, store->width, error));
    ELBO_TRY(make_draw(p, instance, threads, error));
    if (store->kind == ELBO_LOCAL_CODES) return make_chains(p, instance, threads, error);
    return elbo_local_fit_new(&p->fit, instance, &spec, error);
}

/* Chains begin at draws of N(0, I). */
static void draw_codes(elbo_local_store *store, uint64_t seed) {
    elbo_rng rng = {seed, ELBO_STREAM_SAMPLE, 0};
    for (int64_t row = 0; row < store->rows; row++)
        for (int64_t d = 0; d < store->width; d++)
            store->numbers[row * store->width + d] = (float)elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)d);
}

elbo_status elbo_local_store_new(elbo_local_store *store, const elbo_instance *instance, int64_t rows, int64_t batch,
                                 int64_t rest, int threads, elbo_error *error) {
    const elbo_model_type *type = instance->type;
    const void *options = instance->config->model;
    memset(store, 0, sizeof *store);
    store->width = elbo_instance_local_width(instance, true);
    if (store->width == 0) return ELBO_OK;
    store->kind = type->local(options);
    store->rows = rows;
    store->steps = type->local_steps(options);
    store->rate = type->local_rate(options);
    bool gradients = store->kind == ELBO_LOCAL_NUMBERS;
    size_t bytes = sizeof(float) * (size_t)(rows * store->width);
    store->numbers = elbo_calloc(bytes);
    store->mean = gradients ? elbo_calloc(bytes) : NULL;
    store->square = gradients ? elbo_calloc(bytes) : NULL;
    store->chain = gradients ? NULL : elbo_calloc(sizeof(float) * 2);
    bool made = store->numbers && (gradients ? store->mean && store->square : store->chain != NULL);
    if (!made) return elbo_fail_memory(error, bytes, "a posterior for each training row");
    ELBO_TRY(make_program(store, &store->full, instance, batch, threads, error));
    if (rest) ELBO_TRY(make_program(store, &store->rest, instance, rest, threads, error));
    if (gradients) return ELBO_OK;
    draw_codes(store, (uint64_t)instance->config->training.seed);
    store->chain[0] = (float)store->full.hmc.log_step[0];
    return ELBO_OK;
}

static void clear_program(elbo_local_program *p) {
    elbo_local_fit_clear(&p->fit);
    elbo_hmc_clear(&p->hmc);
    elbo_plan_free(p->density_plan);
    elbo_graph_free(p->density);
    elbo_plan_free(p->draw);
    elbo_graph_free(p->graph);
    elbo_local_rows_clear(&p->state);
}

void elbo_local_store_clear(elbo_local_store *store) {
    clear_program(&store->full);
    clear_program(&store->rest);
    elbo_free(store->numbers);
    elbo_free(store->mean);
    elbo_free(store->square);
    elbo_free(store->chain);
    memset(store, 0, sizeof *store);
}

size_t elbo_local_store_flats(const elbo_local_store *store, elbo_flat *flats) {
    size_t length = (size_t)(store->rows * store->width), count = 0;
    const struct {
        const char *name;
        float *data;
        size_t length;
    } all[ELBO_LOCAL_ARRAYS] = {{"local.numbers", store->numbers, length},
                                {"local.mean", store->mean, length},
                                {"local.square", store->square, length},
                                {"local.chain", store->chain, 2}};
    for (int k = 0; k < ELBO_LOCAL_ARRAYS; k++) {
        if (!all[k].data) continue;
        strcpy(flats[count].name, all[k].name);
        flats[count].data = all[k].data;
        flats[count++].length = all[k].length;
    }
    return count;
}

/* ---- moving ---- */

/* Rows of the batch from (or, back, into) those of all data. */
static void gather(const elbo_local_store *store, float *batch, float *all, const int64_t *index, int64_t rows,
                   bool back) {
    size_t bytes = sizeof(float) * (size_t)store->width;
    for (int64_t i = 0; all && i < rows; i++) {
        float *one = batch + i * store->width, *row = all + index[i] * store->width;
        memcpy(back ? row : one, back ? one : row, bytes);
    }
}

static void gather_all(elbo_local_store *store, elbo_local_program *p, const int64_t *index, bool back) {
    gather(store, p->state.numbers, store->numbers, index, p->rows, back);
    gather(store, p->state.mean, store->mean, index, p->rows, back);
    gather(store, p->state.square, store->square, index, p->rows, back);
}

static elbo_status walk(elbo_local_store *store, elbo_local_program *p, const float *x, const elbo_run *run,
                        elbo_error *error) {
    elbo_hmc *hmc = &p->hmc;
    float *to = elbo_plan_input(p->density_plan, p->density_x);
    if (to) memcpy(to, x, sizeof *to * (size_t)elbo_shape_count(p->density_x->shape));
    hmc->log_step[0] = (double)store->chain[0];
    hmc->adaptations = (int64_t)store->chain[1];
    hmc->stream = ELBO_HMC_STREAM_POSTERIOR;
    hmc->step = run->step * (uint32_t)store->steps;
    elbo_error reason = {0};
    elbo_status status = elbo_hmc_place(hmc, p->state.numbers, run->first_row, &reason);
    if (status != ELBO_OK) return elbo_fail(error, status, "counted in the batch, %s", reason.message);
    ELBO_TRY(elbo_hmc_run(hmc, store->steps, 1, true, error));
    memcpy(p->state.numbers, hmc->z, sizeof(float) * (size_t)(p->rows * store->width));
    store->chain[0] = (float)hmc->log_step[0];
    store->chain[1] = (float)hmc->adaptations;
    return ELBO_OK;
}

elbo_status elbo_local_store_move(elbo_local_store *store, elbo_step_program *program, const int64_t *index,
                                  int64_t visits, double rate_factor, double kl_weight, const elbo_run *run,
                                  elbo_error *error) {
    if (store->kind == ELBO_LOCAL_NONE) return ELBO_OK;
    elbo_local_program *p = program->rows == store->full.rows ? &store->full : &store->rest;
    const void *raw = elbo_plan_input(program->plan[0], program->raw);
    memcpy(elbo_plan_input(p->draw, p->raw), raw,
           elbo_dtype_size(p->raw->dtype) * (size_t)elbo_shape_count(p->raw->shape));
    ELBO_TRY(elbo_plan_run(p->draw, run, error)); /* the pixels of the step itself */
    const float *x = elbo_plan_value(p->draw, p->x);
    gather_all(store, p, index, false);
    if (store->kind == ELBO_LOCAL_CODES) {
        ELBO_TRY(walk(store, p, x, run, error));
    } else {
        elbo_local_moves moves = {
            .steps = store->steps, .rate = rate_factor * store->rate, .kl_weight = kl_weight, .index = index};
        elbo_run mine = {run->seed, run->step * (uint32_t)store->steps, run->first_row};
        p->state.moves = visits * store->steps;
        ELBO_TRY(elbo_local_fit_run(&p->fit, x, &p->state, &moves, &mine, error));
    }
    gather_all(store, p, index, true);
    for (int u = 0; u < program->updates; u++) {
        float *input = elbo_plan_input(program->plan[u], program->local);
        if (input) memcpy(input, p->state.numbers, sizeof *input * (size_t)(p->rows * store->width));
    }
    return ELBO_OK;
}
