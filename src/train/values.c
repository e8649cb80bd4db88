/* Whether data and likelihood go together: a count likelihood on fractions, or a positive one on zeros, would train on
 * infinities. The density itself is asked, at the decoder's output for z = 0; what a density takes for granted, that
 * vectors of shares sum to 1, is seen to here. */
#include <math.h>
#include <stdio.h>

#include "base/memory.h"
#include "graph/graph.h"
#include "train/condition.h"

enum { LOOKED_AT = 10000, BATCH = 100 };
static const double sum_tolerance = 1e-3; /* shares that were rounded to three or four digits still pass */

typedef struct probe {
    int64_t rows; /* of a batch */
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *raw, *x, *density; /* density: of each value, or of each row */
    elbo_node *label;             /* input of a model that is conditioned on labels; else NULL */
    const elbo_dist_type *likelihood;
} probe;

static elbo_status build(probe *p, const elbo_instance *instance, elbo_error *error) {
    p->graph = elbo_graph_new();
    if (!p->graph) return elbo_fail_memory(error, 0, "a graph");
    elbo_context context = elbo_instance_context(instance, p->graph, false);
    p->raw = elbo_instance_raw(instance, p->graph, p->rows);
    p->x = elbo_instance_x(instance, p->raw, true);
    int64_t latent = instance->type->latent(instance->config->model);
    p->label = elbo_condition_add(instance, &context, p->rows, p->x);
    int64_t codes = context.condition ? p->rows : 1;
    elbo_dist likelihood = instance->type->decode(&context, elbo_constant(p->graph, 0, ELBO_SHAPE(codes, latent)));
    ELBO_TRY(elbo_graph_check(p->graph, error));
    p->likelihood = likelihood.type;
    p->density = likelihood.type->log_prob(&likelihood, p->x);
    elbo_node *fetch[2] = {p->x, p->density};
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = 2, .threads = 1, .params_fixed = true};
    p->plan = elbo_plan_new(p->graph, &spec, error);
    return p->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static elbo_status refuse(const probe *p, int64_t row, const char *value, const char *what, double is,
                          elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "--likelihood %s cannot give the data: training row %lld, %s, has %s %g; its support is %s (see "
                     "--normalize and --likelihood)",
                     p->likelihood->name, (long long)row, value, what, is, elbo_support_text(p->likelihood->support));
}

static elbo_status check_densities(const probe *p, int64_t first, int64_t size, elbo_error *error) {
    const float *density = elbo_plan_value(p->plan, p->density), *x = elbo_plan_value(p->plan, p->x);
    int64_t count = elbo_shape_count(p->density->shape), per_row = count / p->rows;
    for (int64_t i = 0; i < count; i++) {
        if (density[i] > -INFINITY && density[i] < INFINITY) continue;
        char value[64] = "its values";
        if (per_row == size) snprintf(value, sizeof value, "value %g", (double)x[i]);
        return refuse(p, first + i / per_row, value, "log density", (double)density[i], error);
    }
    return ELBO_OK;
}

static elbo_status check_sums(const probe *p, int64_t first, int64_t size, elbo_error *error) {
    if (p->likelihood->support != ELBO_SUPPORT_SIMPLEX) return ELBO_OK;
    const float *x = elbo_plan_value(p->plan, p->x);
    for (int64_t row = 0; row < p->rows; row++) {
        double sum = 0;
        for (int64_t i = 0; i < size; i++) sum += (double)x[row * size + i];
        if (!(fabs(sum - 1) <= sum_tolerance)) return refuse(p, first + row, "its values", "the sum", sum, error);
    }
    return ELBO_OK;
}

static elbo_status look(probe *p, const elbo_instance *instance, const elbo_dataset *dataset, int64_t first,
                        elbo_error *error) {
    void *raw = elbo_plan_input(p->plan, p->raw);
    elbo_run run = {.first_row = (uint32_t)first};
    if (!raw) return ELBO_OK; /* the density does not depend on x */
    ELBO_TRY(elbo_instance_rows(instance, dataset, ELBO_SPLIT_TRAIN, NULL, first, p->rows, raw, error));
    ELBO_TRY(elbo_condition_read(dataset, ELBO_SPLIT_TRAIN, NULL, first, p->rows, p->plan, p->label, error));
    ELBO_TRY(elbo_plan_run(p->plan, &run, error));
    ELBO_TRY(check_densities(p, first, instance->item.size, error));
    return check_sums(p, first, instance->item.size, error);
}

elbo_status elbo_instance_check_values(const elbo_instance *instance, const elbo_dataset *dataset, elbo_error *error) {
    int64_t rows = elbo_dataset_info(dataset)->count[ELBO_SPLIT_TRAIN];
    const elbo_dist_type *likelihood = instance->type->likelihood(instance->config->model);
    bool anything = likelihood->support == ELBO_SUPPORT_REAL || likelihood->support == ELBO_SUPPORT_VECTOR;
    if (rows > LOOKED_AT) rows = LOOKED_AT;
    if (rows < 1 || anything) return ELBO_OK;
    probe p = {.rows = rows < BATCH ? rows : BATCH};
    elbo_status status = build(&p, instance, error);
    for (int64_t done = 0; done < rows && status == ELBO_OK; done += p.rows) {
        int64_t first = done + p.rows <= rows ? done : rows - p.rows; /* the last batch looks at some rows again */
        status = look(&p, instance, dataset, first, error);
    }
    elbo_plan_free(p.plan);
    elbo_graph_free(p.graph);
    return status;
}
