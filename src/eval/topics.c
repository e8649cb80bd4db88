/* What the decoder of a model of documents says about words. */
#include <string.h>

#include "eval/model.h"
#include "graph/graph.h"

static elbo_status read(const elbo_instance *instance, elbo_graph *graph, int threads, elbo_array *weights,
                        elbo_error *error) {
    elbo_context context = elbo_instance_context(instance, graph, false);
    elbo_node *topics = instance->type->topics(&context);
    ELBO_TRY(elbo_graph_check(graph, error));
    elbo_plan_spec spec = {.fetch = &topics, .fetch_count = 1, .threads = threads, .params_fixed = true};
    elbo_plan *plan = elbo_plan_new(graph, &spec, error);
    if (!plan) return error ? error->status : ELBO_ERROR_INTERNAL;
    elbo_shape shape = elbo_node_shape(topics);
    elbo_status status = elbo_plan_run(plan, NULL, error);
    if (status == ELBO_OK) status = elbo_array_new(weights, ELBO_F32, shape.rank, shape.dim, error);
    if (status == ELBO_OK)
        memcpy(weights->data, elbo_plan_value(plan, topics), sizeof(float) * (size_t)elbo_shape_count(shape));
    elbo_plan_free(plan);
    return status;
}

elbo_status elbo_model_topics(elbo_model *model, elbo_array *weights, elbo_error *error) {
    const elbo_instance *instance = &model->instance;
    memset(weights, 0, sizeof *weights);
    if (!instance->type->topics)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s has no topics; a model of documents (nvdm, prodlda) has",
                         instance->type->name);
    elbo_graph *graph = elbo_graph_new();
    if (!graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_status status = read(instance, graph, model->threads, weights, error);
    elbo_graph_free(graph);
    return status;
}
