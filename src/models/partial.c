#include "models/partial.h"

#include "graph/graph.h"

/* What a partial distribution is made of; lives as long as the graph. */
typedef struct partial {
    elbo_dist_type type; /* that of `whole` but for its functions */
    elbo_dist whole;
    elbo_node *given, *mask;
} partial;

elbo_node *elbo_partial_mask(const elbo_context *context, const elbo_model_type *type) {
    elbo_graph *graph = context->builder.graph;
    int64_t size = context->item.size;
    double *mask = elbo_arena_calloc(&graph->arena, sizeof *mask * (size_t)size);
    if (!mask)
        return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a mask of %lld values", (long long)size);
    type->given(context->options, &context->item, mask);
    return elbo_literal(graph, mask, ELBO_SHAPE(size));
}

static elbo_node *unless_given(const partial *p, elbo_node *value, elbo_node *instead) {
    return elbo_where(p->mask, instead, value);
}

static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    const partial *p = dist->extra;
    return unless_given(p, p->whole.type->log_prob(&p->whole, x), elbo_scalar(dist->graph, 0));
}

static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    const partial *p = dist->extra;
    return unless_given(p, p->whole.type->sample(&p->whole, shape, row_axis), p->given);
}

static elbo_node *mean(const elbo_dist *dist) {
    const partial *p = dist->extra;
    return unless_given(p, p->whole.type->mean(&p->whole), p->given);
}

static elbo_node *variance(const elbo_dist *dist) {
    const partial *p = dist->extra;
    return unless_given(p, p->whole.type->variance(&p->whole), elbo_scalar(dist->graph, 0));
}

static elbo_node *mode(const elbo_dist *dist) {
    const partial *p = dist->extra;
    return unless_given(p, p->whole.type->mode(&p->whole), p->given);
}

elbo_dist elbo_partial(const elbo_dist *whole, elbo_node *given, elbo_node *mask) {
    if (!whole->type || !given || !mask) return (elbo_dist){0};
    partial *p = elbo_arena_calloc(&whole->graph->arena, sizeof *p);
    if (!p) {
        elbo_graph_fail(whole->graph, ELBO_ERROR_MEMORY, "out of memory: a distribution");
        return (elbo_dist){0};
    }
    const elbo_dist_type *of = whole->type;
    *p = (partial){.type = *of, .whole = *whole, .given = given, .mask = mask};
    p->type.log_prob = log_prob;
    p->type.sample = sample;
    p->type.mean = of->mean ? mean : NULL;
    p->type.variance = of->variance ? variance : NULL;
    p->type.mode = of->mode ? mode : NULL;
    p->type.entropy = NULL;
    p->type.cdf = p->type.icdf = NULL;
    p->type.kl = NULL;
    elbo_dist dist = *whole;
    for (int k = 0; k < ELBO_DIST_PARAMETERS; k++) dist.parameter[k] = NULL;
    dist.type = &p->type;
    dist.extra = p;
    return dist;
}
