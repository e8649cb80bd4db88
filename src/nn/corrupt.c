#include "nn/corrupt.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

elbo_status elbo_nn_corrupt_check(const char *kind, double level, int item_rank, elbo_error *error) {
    bool share = is(kind, "masking") || is(kind, "salt-pepper"), blur = is(kind, "blur");
    if (!share && !blur && !is(kind, "gaussian"))
        return elbo_fail(error, ELBO_ERROR_USAGE, "no noise is called \"%s\"; one of %s was expected", kind,
                         ELBO_CORRUPTIONS);
    if (!(level >= 0) || isinf(level))
        return elbo_fail(error, ELBO_ERROR_USAGE, "a noise level of %g; a finite number from 0 on was expected", level);
    if (share && level > 1)
        return elbo_fail(error, ELBO_ERROR_USAGE, "a noise level of %g: for %s it is a share of the values, 0 to 1",
                         level, kind);
    if (blur && item_rank < 2)
        return elbo_fail(error, ELBO_ERROR_USAGE, "blur needs images; give --item-shape HxW or CxHxW");
    return ELBO_OK;
}

/* [n, n]: row i holds the weights of the values that value i is blurred from. */
static elbo_node *blur_matrix(elbo_graph *graph, int64_t n, double deviation) {
    double *weight = elbo_calloc(sizeof *weight * (size_t)(n * n));
    if (!weight) return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a blur of %lld pixels", (long long)n);
    for (int64_t i = 0; i < n; i++) {
        double sum = 0;
        for (int64_t j = 0; j < n; j++) {
            double away = (double)(i - j) / deviation;
            sum += weight[i * n + j] = exp(-0.5 * away * away);
        }
        for (int64_t j = 0; j < n; j++) weight[i * n + j] /= sum;
    }
    elbo_node *matrix = elbo_literal(graph, weight, ELBO_SHAPE(n, n));
    elbo_free(weight);
    return matrix;
}

/* A normal density in two dimensions is one for rows times one for columns: two products. */
static elbo_node *blur(elbo_node *x, double deviation, int item_rank, const int64_t *item_shape) {
    elbo_graph *graph = elbo_node_graph(x);
    elbo_shape shape = elbo_node_shape(x);
    int64_t height = item_shape[item_rank - 2], width = item_shape[item_rank - 1];
    elbo_node *image = elbo_reshape(x, ELBO_SHAPE(-1, height, width));
    image = elbo_matmul(image, blur_matrix(graph, width, deviation), false, true);
    image = elbo_matmul(blur_matrix(graph, height, deviation), image, false, false);
    return elbo_reshape(image, shape);
}

elbo_node *elbo_nn_corrupt(elbo_node *x, const char *kind, double level, int item_rank, const int64_t *item_shape) {
    if (!x || level <= 0) return x;
    elbo_graph *graph = elbo_node_graph(x);
    elbo_shape shape = elbo_node_shape(x);
    elbo_node *zero = elbo_scalar(graph, 0), *one = elbo_scalar(graph, 1), *out = NULL;
    elbo_scope_push(graph, "noise");
    if (is(kind, "blur")) {
        out = blur(x, level, item_rank, item_shape);
    } else if (is(kind, "gaussian")) {
        out = elbo_add(x, elbo_scale(elbo_random_normal(graph, shape, 0), level));
    } else {
        elbo_node *u = elbo_random_uniform(graph, shape, 0);
        if (is(kind, "masking"))
            out = elbo_where(elbo_less(u, elbo_scalar(graph, level)), zero, x);
        else
            out = elbo_where(elbo_less(u, elbo_scalar(graph, level / 2)), zero,
                             elbo_where(elbo_less(u, elbo_scalar(graph, level)), one, x));
    }
    elbo_scope_pop(graph);
    return out;
}
