#include "eval/model.h"

#include <string.h>

#include "base/memory.h"
#include "eval/posterior.h"
#include "graph/graph.h"
#include "train/checkpoint.h"

enum { MOST_ROWS = 256, MOST_NUMBERS = 1 << 24 };

int64_t elbo_model_width(const elbo_instance *instance) {
    return instance->item.size * (instance->item.levels > 1 ? instance->item.levels : 1);
}

int64_t elbo_model_batch(const elbo_instance *instance, int64_t count) {
    int64_t rows = 1, width = elbo_model_width(instance);
    while (rows < count && rows < MOST_ROWS && 2 * rows * width <= MOST_NUMBERS) rows *= 2;
    return rows;
}

/* ---- opening ---- */

static void describe(elbo_model *model, int64_t epoch, int64_t step) {
    const elbo_instance *instance = &model->instance;
    elbo_model_info *info = &model->info;
    info->model = instance->type->name;
    info->item_rank = instance->item.rank;
    memcpy(info->item_shape, instance->item.shape, sizeof info->item_shape);
    info->item_size = instance->item.size;
    info->latent = instance->type->latent(instance->config->model);
    if (instance->type->clusters) info->clusters = instance->type->clusters(instance->config->model);
    elbo_condition kind = elbo_condition_kind(instance);
    info->condition = kind == ELBO_CONDITION_LABEL ? "labels" : kind == ELBO_CONDITION_PART ? "part" : NULL;
    info->classes = kind == ELBO_CONDITION_LABEL ? instance->item.classes : 0;
    info->class_names = model->instance.class_names;
    info->epoch = epoch;
    info->step = step;
    for (size_t i = 0; i < elbo_params_count(instance->params); i++) {
        const elbo_param_info *param = elbo_params_at(instance->params, i);
        if (strcmp(param->group, "state") != 0) info->parameters += param->count;
    }
}

elbo_model *elbo_model_from(elbo_instance *instance, int64_t epoch, int64_t step, int threads, elbo_error *error) {
    elbo_model *model = elbo_calloc(sizeof *model);
    if (!model) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a model");
    model->instance = *instance;
    memset(instance, 0, sizeof *instance);
    model->threads = threads;
    describe(model, epoch, step);
    return model;
}

elbo_model *elbo_model_open(const char *path, const char *which, int threads, elbo_error *error) {
    if (threads < 0)
        return elbo_fail_null(error, ELBO_ERROR_USAGE, "%d threads; 0 (all processors) or more were expected", threads);
    char *file = elbo_checkpoint_locate(path, which, error);
    if (!file) return NULL;
    elbo_instance instance = {0};
    elbo_training_state state = {0};
    elbo_status status = elbo_checkpoint_read(file, &instance, &state, error);
    elbo_free(file);
    if (status != ELBO_OK) return NULL;
    elbo_model *model = elbo_model_from(&instance, state.epoch, state.step, threads, error);
    if (!model) elbo_instance_clear(&instance);
    return model;
}

static void free_program(elbo_program *program) {
    elbo_local_reader_clear(&program->reader);
    elbo_plan_free(program->plan);
    elbo_graph_free(program->graph);
    elbo_free(program);
}

void elbo_model_free(elbo_model *model) {
    if (!model) return;
    while (model->programs) {
        elbo_program *next = model->programs->next;
        free_program(model->programs);
        model->programs = next;
    }
    elbo_instance_clear(&model->instance);
    elbo_free(model->condition);
    elbo_free(model);
}

const elbo_model_info *elbo_model_get_info(const elbo_model *model) { return &model->info; }
const elbo_config *elbo_model_get_config(const elbo_model *model) { return model->instance.config; }
elbo_params *elbo_model_get_params(elbo_model *model) { return model->instance.params; }

/* Bytes show their full range unless they are only 0 and 1. */
void elbo_model_picture_range(const elbo_model *model, double *low, double *high) {
    const elbo_instance *instance = &model->instance;
    bool bytes = instance->dtype == ELBO_U8;
    *low = bytes ? 0 : instance->low;
    *high = bytes ? (instance->high > 1 ? 255 : 1) : instance->high;
    if (!(*high > *low)) *high = *low + 1;
}

/* ---- plans ---- */

/* The condition of the batch from x (NULL: there is none at hand), or as an input of the program. */
static void add_condition(elbo_model *model, elbo_program *program, elbo_context *context, elbo_node *x) {
    const elbo_instance *instance = &model->instance;
    if (!x && elbo_condition_kind(instance) == ELBO_CONDITION_PART) {
        program->condition =
            elbo_input(program->graph, "given", ELBO_F32, ELBO_SHAPE(program->rows, instance->item.size));
        x = elbo_instance_x(instance, program->condition, false);
    }
    elbo_node *label = elbo_condition_add(instance, context, program->rows, x);
    if (label) program->condition = label;
}

static void build_encode(elbo_model *model, elbo_program *program) {
    const elbo_instance *instance = &model->instance;
    elbo_context context = elbo_instance_context(instance, program->graph, false);
    program->in = elbo_input(program->graph, "x", program->dtype, ELBO_SHAPE(program->rows, instance->item.size));
    program->local = elbo_instance_add_local(instance, &context, program->rows);
    elbo_node *x = elbo_instance_x(instance, program->in, false);
    add_condition(model, program, &context, x);
    elbo_dist posterior = instance->type->encode(&context, x);
    if (!posterior.type) return;
    program->support = posterior.type->support;
    if (program->kind == ELBO_PROGRAM_CODES)
        program->out[0] = elbo_dist_sample(&posterior, 0);
    else
        program->out[0] = elbo_posterior_mean(&posterior, &program->out[1]);
}

static void build_decode(elbo_model *model, elbo_program *program) {
    const elbo_instance *instance = &model->instance;
    elbo_context context = elbo_instance_context(instance, program->graph, false);
    program->in = elbo_input(program->graph, "z", ELBO_F32, ELBO_SHAPE(program->rows, model->info.latent));
    add_condition(model, program, &context, NULL);
    elbo_dist likelihood = instance->type->decode(&context, program->in);
    if (!likelihood.type) return;
    bool draw = program->kind == ELBO_PROGRAM_DRAW;
    elbo_node *x = draw ? elbo_dist_sample(&likelihood, 0) : elbo_posterior_mean(&likelihood, NULL);
    program->out[0] = elbo_instance_unscale(instance, x);
}

/* Draws z become t z + (1 - t) mean: their distance from the prior's mean, times the temperature t. */
static void build_prior(elbo_model *model, elbo_program *program) {
    elbo_context context = elbo_instance_context(&model->instance, program->graph, false);
    program->in = elbo_input(program->graph, "temperature", ELBO_F32, ELBO_SHAPE(1));
    add_condition(model, program, &context, NULL);
    elbo_dist prior = model->instance.type->prior(&context, program->rows);
    if (!prior.type) return;
    elbo_node *rest = elbo_shift(elbo_neg(program->in), 1);
    elbo_node *centre = elbo_mul(rest, elbo_posterior_mean(&prior, NULL));
    program->out[0] = elbo_muladd(elbo_dist_sample(&prior, 0), program->in, centre);
    program->support = prior.type->support;
}

static void build_assign(elbo_model *model, elbo_program *program) {
    const elbo_instance *instance = &model->instance;
    elbo_context context = elbo_instance_context(instance, program->graph, false);
    program->in = elbo_input(program->graph, "x", program->dtype, ELBO_SHAPE(program->rows, instance->item.size));
    elbo_dist posterior = instance->type->encode(&context, elbo_instance_x(instance, program->in, false));
    if (!posterior.type) return;
    program->out[0] = elbo_exp(instance->type->assign(&context, elbo_posterior_mean(&posterior, NULL)));
}

static void build_cluster(elbo_model *model, elbo_program *program) {
    const elbo_instance *instance = &model->instance;
    int64_t clusters = model->info.clusters;
    elbo_context context = elbo_instance_context(instance, program->graph, false);
    program->in = elbo_input(program->graph, "choice", ELBO_F32, ELBO_SHAPE(1 + clusters));
    elbo_dist each = instance->type->cluster_prior(&context, program->rows);
    if (!each.type) return;
    elbo_node *temperature = elbo_slice(program->in, 0, 0, 1), *mean = elbo_posterior_mean(&each, NULL);
    elbo_node *chosen = elbo_reshape(elbo_slice(program->in, 0, 1, clusters), ELBO_SHAPE(clusters, 1));
    elbo_node *drawn = elbo_muladd(elbo_sub(elbo_dist_sample(&each, 0), mean), temperature, mean);
    program->out[0] = elbo_sum(elbo_mul(drawn, chosen), 1, 1, false);
}

static elbo_status compile(elbo_model *model, elbo_program *program, elbo_error *error) {
    program->graph = elbo_graph_new();
    if (!program->graph) return elbo_fail_memory(error, 0, "a graph");
    switch (program->kind) {
        case ELBO_PROGRAM_ENCODE:
        case ELBO_PROGRAM_CODES: build_encode(model, program); break;
        case ELBO_PROGRAM_DECODE:
        case ELBO_PROGRAM_DRAW: build_decode(model, program); break;
        case ELBO_PROGRAM_PRIOR: build_prior(model, program); break;
        case ELBO_PROGRAM_ASSIGN: build_assign(model, program); break;
        case ELBO_PROGRAM_CLUSTER: build_cluster(model, program); break;
    }
    elbo_plan_spec spec = {
        .fetch = program->out, .fetch_count = program->out[1] ? 2 : 1, .threads = model->threads, .params_fixed = true};
    program->plan = elbo_plan_new(program->graph, &spec, error);
    if (!program->plan) return error ? error->status : ELBO_ERROR_INTERNAL;
    if (!program->local) return ELBO_OK;
    elbo_instance as_given = model->instance; /* bytes may come as floats */
    as_given.dtype = program->dtype;
    return elbo_local_reader_new(&program->reader, &as_given, program->rows, false, ELBO_PRECISION_F32, model->threads,
                                 error);
}

void *elbo_program_input(const elbo_program *program) {
    return program->local ? elbo_local_reader_input(&program->reader) : elbo_plan_input(program->plan, program->in);
}

elbo_status elbo_program_run(elbo_program *program, const elbo_run *run, elbo_error *error) {
    float *local = program->local ? elbo_plan_input(program->plan, program->local) : NULL;
    if (local) {
        ELBO_TRY(elbo_local_reader_run(&program->reader, NULL, run, error));
        memcpy(local, program->reader.state.numbers, sizeof *local * (size_t)elbo_shape_count(program->local->shape));
    }
    return elbo_plan_run(program->plan, run, error);
}

elbo_program *elbo_model_program(elbo_model *model, elbo_program_kind kind, elbo_dtype dtype, int64_t rows,
                                 elbo_error *error) {
    for (elbo_program *known = model->programs; known; known = known->next)
        if (known->kind == kind && known->dtype == dtype && known->rows == rows) return known;
    elbo_program *made = elbo_calloc(sizeof *made);
    if (!made) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a plan");
    made->kind = kind;
    made->dtype = dtype;
    made->rows = rows;
    if (compile(model, made, error) != ELBO_OK) {
        free_program(made);
        return NULL;
    }
    made->next = model->programs;
    model->programs = made;
    return made;
}
