/* Reverse-mode differentiation from graph to graph. */
#include <string.h>

#include "graph/graph.h"

/* needs[id]: the node depends on one of wrt through operations that pass a gradient. */
static void mark_dependents(const elbo_node *loss, elbo_node *const *wrt, size_t count, char *needs) {
    for (size_t i = 0; i < count; i++)
        if (wrt[i]) needs[wrt[i]->id] = 1;
    for (int id = 0; id <= loss->id; id++) {
        const elbo_node *node = loss->graph->node[id];
        if (node->op->flags & ELBO_OP_NO_GRADIENT) continue;
        for (int k = 0; k < node->inputs; k++) needs[id] |= needs[node->input[k]->id];
    }
}

static void propagate(elbo_node *node, elbo_node *dout, const char *needs, elbo_node **gradient) {
    elbo_node *din[64] = {NULL};
    if (node->inputs > 64 || !node->op->gradient) {
        elbo_graph_fail(node->graph, ELBO_ERROR_UNSUPPORTED, "%s has no gradient%s", node->op->name,
                        node->inputs > 64 ? " for more than 64 inputs" : "");
        return;
    }
    /* what the gradient is made of carries the label of what it is the gradient of */
    const char *scope = node->graph->scope[0];
    int scopes = node->graph->scopes;
    node->graph->scope[0] = node->label;
    node->graph->scopes = node->label ? 1 : 0;
    node->op->gradient(node, dout, din);
    node->graph->scope[0] = scope;
    node->graph->scopes = scopes;
    for (int k = 0; k < node->inputs; k++) {
        int id = node->input[k]->id;
        if (!din[k] || !needs[id]) continue;
        elbo_node *share = elbo_sum_to(din[k], node->input[k]->shape);
        gradient[id] = gradient[id] ? elbo_add(gradient[id], share) : share;
    }
}

void elbo_grad(elbo_node *loss, elbo_node *const *wrt, size_t count, elbo_node **out) {
    for (size_t i = 0; i < count; i++) out[i] = NULL;
    if (!loss) return;
    elbo_graph *graph = loss->graph;
    if (elbo_shape_count(loss->shape) != 1) {
        char text[96];
        elbo_graph_fail(graph, ELBO_ERROR_SHAPE, "gradient of a value of shape %s: a scalar was expected",
                        elbo_shape_text(loss->shape, text, sizeof text));
        return;
    }
    int nodes = graph->count;
    elbo_node **gradient = elbo_calloc(sizeof *gradient * (size_t)nodes);
    char *needs = elbo_calloc((size_t)nodes);
    if (gradient && needs) {
        mark_dependents(loss, wrt, count, needs);
        gradient[loss->id] = elbo_constant(graph, 1, loss->shape);
        for (int id = loss->id; id >= 0 && graph->error.status == ELBO_OK; id--) {
            elbo_node *node = graph->node[id];
            if (gradient[id] && needs[id] && node->inputs > 0 && !(node->op->flags & ELBO_OP_NO_GRADIENT))
                propagate(node, gradient[id], needs, gradient);
        }
        for (size_t i = 0; i < count; i++)
            if (wrt[i]) out[i] = gradient[wrt[i]->id] ? gradient[wrt[i]->id] : elbo_constant(graph, 0, wrt[i]->shape);
    } else {
        elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: gradients of %d nodes", nodes);
    }
    elbo_free(gradient);
    elbo_free(needs);
}
