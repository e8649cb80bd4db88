#include "train/mean_start.h"

#include <math.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "graph/params.h"

enum { BATCH = 500 };
/* Burda, Grosse and Salakhutdinov 2015: a pixel that is always or never set has no finite log odds. */
static const double least_share = 0.001;

typedef struct mean_pass {
    int64_t rows; /* of a batch */
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *raw, *x;
} mean_pass;

/* The means of levels that are drawn anew are the levels themselves: no draw. */
static elbo_status build(mean_pass *pass, const elbo_instance *instance, elbo_error *error) {
    pass->graph = elbo_graph_new();
    if (!pass->graph) return elbo_fail_memory(error, 0, "a graph");
    pass->raw = elbo_instance_raw(instance, pass->graph, pass->rows);
    pass->x = elbo_instance_x(instance, pass->raw, false);
    ELBO_TRY(elbo_graph_check(pass->graph, error));
    elbo_plan_spec spec = {.fetch = &pass->x, .fetch_count = 1, .threads = 1, .params_fixed = true};
    pass->plan = elbo_plan_new(pass->graph, &spec, error);
    return pass->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

/* Adds up x over the training rows: [size] */
static elbo_status add_up(mean_pass *pass, const elbo_instance *instance, const elbo_dataset *dataset, double *sum,
                          elbo_error *error) {
    int64_t total = elbo_dataset_info(dataset)->count[ELBO_SPLIT_TRAIN], size = instance->item.size;
    void *raw = elbo_plan_input(pass->plan, pass->raw);
    for (int64_t first = 0; first < total; first += pass->rows) {
        int64_t count = total - first < pass->rows ? total - first : pass->rows;
        elbo_run run = {0};
        ELBO_TRY(elbo_instance_rows(instance, dataset, ELBO_SPLIT_TRAIN, NULL, first, count, raw, error));
        ELBO_TRY(elbo_plan_run(pass->plan, &run, error));
        const float *x = elbo_plan_value(pass->plan, pass->x);
        for (int64_t r = 0; r < count; r++)
            for (int64_t i = 0; i < size; i++) sum[i] += (double)x[r * size + i];
    }
    return ELBO_OK;
}

static double number_of(const elbo_dist_type *likelihood, double mean) {
    if (likelihood != &elbo_dist_bernoulli) return mean;
    double share = fmin(fmax(mean, least_share), 1 - least_share);
    return log(share / (1 - share));
}

elbo_status elbo_mean_start(elbo_instance *instance, const elbo_dataset *dataset, elbo_error *error) {
    const elbo_model_type *type = instance->type;
    const void *options = instance->config->model;
    const char *name = type->mean_bias ? type->mean_bias(options) : NULL;
    if (!name) return ELBO_OK;
    const elbo_dist_type *likelihood = type->likelihood(options);
    const elbo_param_info *info = elbo_params_find(instance->params, name);
    int64_t size = instance->item.size, rows = instance->data_rows;
    if (!info || info->count < (size_t)size)
        return elbo_fail(error, ELBO_ERROR_INTERNAL, "%s: no parameter %s of %lld numbers", type->name, name,
                         (long long)size);
    float *bias = elbo_params_tensor(instance->params, elbo_params_index(instance->params, info));
    double *sum = elbo_calloc(sizeof *sum * (size_t)size);
    if (!sum) return elbo_fail_memory(error, sizeof *sum * (size_t)size, "means of the training rows");
    mean_pass pass = {.rows = rows < BATCH ? rows : BATCH};
    elbo_status status = build(&pass, instance, error);
    if (status == ELBO_OK) status = add_up(&pass, instance, dataset, sum, error);
    for (int64_t i = 0; i < size && status == ELBO_OK; i++)
        bias[i] = (float)number_of(likelihood, sum[i] / (double)rows);
    elbo_params_touch(instance->params);
    elbo_plan_free(pass.plan);
    elbo_graph_free(pass.graph);
    elbo_free(sum);
    return status;
}
