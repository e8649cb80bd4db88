#include "dist/ellipse.h"

#include "base/memory.h"
#include "dist/formula.h"
#include "graph/graph.h"

int64_t elbo_ellipse_size(elbo_node *l) {
    elbo_shape shape = elbo_node_shape(l);
    return shape.rank ? shape.dim[shape.rank - 1] : 0;
}

static elbo_node *lower(elbo_node *l) { return elbo_tril_fill(elbo_tril_take(l)); }

/* 1 at the diagonal's places among the packed elements of a triangle. */
static elbo_node *diagonal_mask(elbo_graph *graph, int64_t n) {
    elbo_shape shape = ELBO_SHAPE(n * (n + 1) / 2);
    double *mask = elbo_calloc(sizeof *mask * (size_t)shape.dim[0]);
    if (!mask) return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a mask");
    for (int64_t i = 0; i < n; i++) mask[i * (i + 1) / 2 + i] = 1;
    elbo_node *node = elbo_literal(graph, mask, shape);
    elbo_free(mask);
    return node;
}

elbo_node *elbo_ellipse_log_det(elbo_node *l) {
    if (!l) return NULL;
    elbo_graph *graph = elbo_node_graph(l);
    elbo_node *mask = diagonal_mask(graph, elbo_ellipse_size(l));
    return elbo_sum(elbo_log(elbo_where(mask, elbo_tril_take(l), elbo_scalar(graph, 1))), -1, -1, false);
}

/* The batch axes of both: x without its last `own_x` axes and l without its last two. */
static bool common_batch(elbo_node *x, int own_x, elbo_node *l, elbo_shape *batch) {
    elbo_shape a = elbo_node_shape(x), b = elbo_node_shape(l);
    a.rank -= own_x;
    b.rank -= 2;
    return elbo_shape_broadcast(a, b, batch);
}

/* One triangle for all: all columns at once; else a column for each triangle. */
elbo_node *elbo_ellipse_whiten(elbo_node *x, elbo_node *loc, elbo_node *l) {
    elbo_node *away = elbo_sub(x, loc);
    if (!away || !l) return NULL;
    elbo_shape shape = elbo_node_shape(away), batch;
    int64_t n = elbo_ellipse_size(l);
    if (elbo_node_shape(l).rank == 2) {
        static const int swap[2] = {1, 0};
        elbo_node *columns = elbo_transpose(elbo_reshape(away, ELBO_SHAPE(-1, n)), swap);
        return elbo_reshape(elbo_transpose(elbo_tril_solve(l, columns, false), swap), shape);
    }
    if (!common_batch(away, 1, l, &batch) || batch.rank + 2 > ELBO_MAX_RANK)
        return elbo_graph_fail(elbo_node_graph(l), ELBO_ERROR_SHAPE,
                               "vectors and triangles of an elliptical distribution do not broadcast");
    elbo_shape vectors = batch, columns = batch, triangles = batch;
    vectors.dim[vectors.rank++] = n;
    columns.dim[columns.rank++] = n;
    columns.dim[columns.rank++] = 1;
    triangles.dim[triangles.rank++] = n;
    triangles.dim[triangles.rank++] = n;
    elbo_node *right = elbo_reshape(elbo_broadcast_to(away, vectors), columns);
    return elbo_reshape(elbo_tril_solve(elbo_broadcast_to(l, triangles), right, false), vectors);
}

elbo_node *elbo_ellipse_apply(elbo_node *l, elbo_node *e) {
    if (!l || !e) return NULL;
    int64_t n = elbo_ellipse_size(l);
    elbo_shape shape = elbo_node_shape(e);
    if (elbo_node_shape(l).rank == 2)
        return elbo_reshape(elbo_matmul(elbo_reshape(e, ELBO_SHAPE(-1, n)), lower(l), false, true), shape);
    elbo_node *product = elbo_matmul(lower(l), elbo_formula_with_axis(e), false, false);
    elbo_shape out = elbo_node_shape(product);
    out.rank = out.rank > 0 ? out.rank - 1 : 0;
    return elbo_reshape(product, out);
}

elbo_node *elbo_ellipse_variance(elbo_node *l) { return elbo_sum(elbo_square(lower(l)), -1, -1, false); }
elbo_node *elbo_ellipse_square(elbo_node *y) { return elbo_sum(elbo_square(y), -1, -1, false); }
