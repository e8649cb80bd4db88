#include "dist/mixture.h"

#include "dist/formula.h"
#include "ops/implicit.h"

elbo_node *elbo_mixture_above(elbo_node *x) {
    elbo_shape shape = elbo_node_shape(elbo_formula_with_axis(x));
    if (shape.rank < 2) return NULL;
    shape.dim[shape.rank - 1] = shape.dim[shape.rank - 2];
    shape.dim[shape.rank - 2] = 1;
    return elbo_reshape(x, shape);
}

elbo_node *elbo_mixture_sum(elbo_node *x) { return elbo_sum(x, -2, -2, false); }
elbo_node *elbo_mixture_log_weights(elbo_node *logits) { return elbo_log_softmax(logits, -1); }

elbo_node *elbo_mixture_mean(elbo_node *logits, elbo_node *x) {
    return elbo_mixture_sum(elbo_mul(elbo_formula_with_axis(elbo_softmax(logits, -1)), x));
}

/* Gumbel's trick */
elbo_node *elbo_mixture_choice(elbo_node *logits, elbo_shape shape, int row_axis) {
    elbo_shape weights = elbo_node_shape(logits);
    if (!logits || shape.rank < 1 || weights.rank < 1) return NULL;
    int64_t components = weights.dim[weights.rank - 1];
    shape.dim[shape.rank - 1] = components;
    elbo_node *u = elbo_random_uniform(elbo_node_graph(logits), shape, row_axis);
    elbo_node *gumbel = elbo_neg(elbo_log(elbo_neg(elbo_log(u))));
    return elbo_one_hot(elbo_argmax(elbo_add(logits, gumbel), -1), components);
}

elbo_node *elbo_mixture_conditional_weights(elbo_node *log_weights, elbo_node *log_normals) {
    elbo_node *before = elbo_cumsum(log_normals, -1, true, false);
    return elbo_softmax(elbo_add(before, elbo_formula_with_axis(log_weights)), -2);
}

elbo_node *elbo_mixture_normal_cdf(elbo_node *u) {
    return elbo_shift(elbo_scale(elbo_erf(elbo_scale(u, 1 / ELBO_SQRT_TWO)), 0.5), 0.5);
}

elbo_node *elbo_mixture_diagonal(elbo_graph *graph, int64_t n) {
    elbo_node *place = elbo_cumsum(elbo_constant(graph, 1, ELBO_SHAPE(n)), 0, true, false);
    return elbo_equal(elbo_formula_with_axis(place), place);
}

elbo_node *elbo_mixture_draw(elbo_node *z, elbo_node *weights, elbo_node *below, elbo_node *j) {
    elbo_shape shape = elbo_node_shape(z);
    if (!z || !j || shape.rank < 1) return NULL;
    elbo_graph *graph = elbo_node_graph(z);
    elbo_node *diagonal = elbo_mixture_diagonal(graph, shape.dim[shape.rank - 1]);
    elbo_node *safe = elbo_where(diagonal, elbo_max(j, elbo_scalar(graph, 1e-30)), j);
    return elbo_random_implicit(z, elbo_mixture_sum(elbo_mul(weights, below)), safe);
}
