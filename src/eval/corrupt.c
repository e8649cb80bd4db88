/* elbo_model_corrupt: the noise of nn/corrupt.h, in the units of a data set. */
#include <string.h>

#include "eval/model.h"
#include "graph/graph.h"
#include "nn/corrupt.h"

typedef struct corrupter {
    int64_t rows;
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *raw, *out;
} corrupter;

static elbo_status compile(corrupter *c, const elbo_model *model, elbo_dtype dtype, const char *kind, double level,
                           elbo_error *error) {
    const elbo_model_info *info = &model->info;
    double low, high;
    elbo_model_picture_range(model, &low, &high);
    c->graph = elbo_graph_new();
    if (!c->graph) return elbo_fail_memory(error, 0, "a graph");
    c->raw = elbo_input(c->graph, "x", dtype, ELBO_SHAPE(c->rows, info->item_size));
    elbo_node *x = elbo_scale(elbo_shift(elbo_to_real(c->raw), -low), 1 / (high - low));
    x = elbo_nn_corrupt(x, kind, level, info->item_rank, info->item_shape);
    c->out = elbo_shift(elbo_scale(x, high - low), low);
    elbo_plan_spec spec = {.fetch = &c->out, .fetch_count = 1, .threads = model->threads};
    c->plan = elbo_plan_new(c->graph, &spec, error);
    return c->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static elbo_status run(const corrupter *c, const elbo_array *x, int64_t size, uint64_t seed, float *out,
                       elbo_error *error) {
    char *raw = elbo_plan_input(c->plan, c->raw);
    size_t bytes = elbo_dtype_size(x->dtype) * (size_t)size;
    for (int64_t first = 0; first < x->shape[0]; first += c->rows) {
        int64_t rows = x->shape[0] - first < c->rows ? x->shape[0] - first : c->rows;
        elbo_run how = {seed, 0, (uint32_t)first};
        if (raw) memcpy(raw, (char *)x->data + (size_t)first * bytes, (size_t)rows * bytes);
        ELBO_TRY(elbo_plan_run(c->plan, &how, error));
        memcpy(out + first * size, elbo_plan_value(c->plan, c->out), sizeof *out * (size_t)(rows * size));
    }
    return ELBO_OK;
}

elbo_status elbo_model_corrupt(elbo_model *model, const elbo_array *x, const char *kind, double level, uint64_t seed,
                               elbo_array *corrupted, elbo_error *error) {
    const elbo_model_info *info = &model->info;
    int64_t size = x->rank > 1 && x->shape[0] > 0 ? elbo_array_count(x) / x->shape[0] : info->item_size;
    ELBO_TRY(elbo_nn_corrupt_check(kind, level, info->item_rank, error));
    if (x->rank < 2 || size != info->item_size || (x->dtype != ELBO_U8 && x->dtype != ELBO_F32))
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "an array of type %s and rank %d with items of %lld values; u8 or f32 [N, item...] with %lld "
                         "values each was expected",
                         elbo_dtype_name(x->dtype), x->rank, (long long)size, (long long)info->item_size);
    if (x->shape[0] > UINT32_MAX)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%lld rows; at most 2^32 - 1 were expected", (long long)x->shape[0]);
    elbo_array made = {0};
    corrupter c = {.rows = elbo_model_batch(&model->instance, x->shape[0])};
    elbo_status status = elbo_array_new(&made, ELBO_F32, x->rank, x->shape, error);
    if (status == ELBO_OK) status = compile(&c, model, x->dtype, kind, level, error);
    if (status == ELBO_OK) status = run(&c, x, size, seed, made.data, error);
    elbo_plan_free(c.plan);
    elbo_graph_free(c.graph);
    if (status == ELBO_OK)
        *corrupted = made;
    else
        elbo_array_free(&made);
    return status;
}
