#include "train/codes.h"

#include <string.h>

#include "graph/graph.h"

typedef struct encoder {
    int64_t rows;
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *raw, *mean;
} encoder;

static elbo_status build(encoder *e, const elbo_instance *instance, int threads, elbo_error *error) {
    e->graph = elbo_graph_new();
    if (!e->graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_context context = elbo_instance_context(instance, e->graph, false);
    e->raw = elbo_instance_raw(instance, e->graph, e->rows);
    elbo_dist posterior = instance->type->encode(&context, elbo_instance_x(instance, e->raw, false));
    ELBO_TRY(elbo_graph_check(e->graph, error));
    e->mean = elbo_dist_mean(&posterior);
    elbo_plan_spec spec = {.fetch = &e->mean, .fetch_count = 1, .threads = threads, .params_fixed = true};
    e->plan = elbo_plan_new(e->graph, &spec, error);
    return e->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static elbo_status encode(encoder *e, const elbo_instance *instance, const elbo_dataset *dataset, elbo_split split,
                          int64_t rows, float *out, elbo_error *error) {
    int64_t latent = elbo_shape_count(elbo_node_shape(e->mean)) / e->rows;
    void *raw = elbo_plan_input(e->plan, e->raw);
    for (int64_t first = 0; first < rows; first += e->rows) {
        int64_t count = rows - first < e->rows ? rows - first : e->rows;
        elbo_run run = {0};
        if (raw) ELBO_TRY(elbo_instance_rows(instance, dataset, split, NULL, first, count, raw, error));
        ELBO_TRY(elbo_plan_run(e->plan, &run, error));
        memcpy(out + first * latent, elbo_plan_value(e->plan, e->mean), sizeof *out * (size_t)(count * latent));
    }
    return ELBO_OK;
}

elbo_status elbo_codes(const elbo_instance *instance, const elbo_dataset *dataset, elbo_split split, int64_t rows,
                       int threads, float *out, elbo_error *error) {
    encoder e = {.rows = rows < 500 ? rows : 500};
    elbo_status status = build(&e, instance, threads, error);
    if (status == ELBO_OK) status = encode(&e, instance, dataset, split, rows, out, error);
    elbo_plan_free(e.plan);
    elbo_graph_free(e.graph);
    return status;
}
