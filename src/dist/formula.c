#include "dist/formula.h"

#include <math.h>

#include "graph/graph.h"

elbo_node *elbo_formula_number(const elbo_dist *dist, double value) { return elbo_scalar(dist->graph, value); }
elbo_node *elbo_formula_all(const elbo_dist *dist, double value) {
    return elbo_constant(dist->graph, value, dist->shape);
}
elbo_node *elbo_formula_full(const elbo_dist *dist, elbo_node *x) { return elbo_broadcast_to(x, dist->shape); }

elbo_node *elbo_formula_if_less(elbo_node *a, elbo_node *b, elbo_node *x, elbo_node *y) {
    return elbo_where(elbo_less(a, b), x, y);
}

elbo_node *elbo_formula_is_positive(elbo_node *x) {
    return x ? elbo_less(elbo_scalar(elbo_node_graph(x), 0), x) : NULL;
}

elbo_node *elbo_formula_is_not_negative(elbo_node *x) {
    return x ? elbo_less_equal(elbo_scalar(elbo_node_graph(x), 0), x) : NULL;
}

elbo_node *elbo_formula_is_count(elbo_node *x) {
    return elbo_mul(elbo_formula_is_not_negative(x), elbo_equal(x, elbo_floor(x)));
}

elbo_node *elbo_formula_within(const elbo_dist *dist, elbo_node *x, elbo_node *inside, elbo_node *safe,
                               elbo_node *(*density)(const elbo_dist *dist, elbo_node *x)) {
    return elbo_where(inside, density(dist, elbo_where(inside, x, safe)), elbo_formula_number(dist, -INFINITY));
}

elbo_node *elbo_formula_sample_inverse(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    return dist->type->icdf(dist, elbo_random_uniform(dist->graph, shape, row_axis));
}

/* 2 log m + log(1 + (r/m)^2), m = max(|v|, 1), r = min(|v|, 1) */
elbo_node *elbo_formula_log1p_square(elbo_node *v) {
    if (!v) return NULL;
    elbo_node *size = elbo_abs(v), *one = elbo_scalar(elbo_node_graph(v), 1);
    elbo_node *large = elbo_max(size, one), *small = elbo_min(size, one);
    return elbo_add(elbo_scale(elbo_log(large), 2), elbo_log1p(elbo_square(elbo_div(small, large))));
}

static const double from = 16; /* where the series is good to 1e-16 */

static elbo_node *polynomial(elbo_node *x, const double *coefficient, int count) {
    elbo_node *sum = elbo_scalar(elbo_node_graph(x), coefficient[count - 1]);
    for (int k = count - 2; k >= 0; k--) sum = elbo_muladd(sum, x, elbo_scalar(elbo_node_graph(x), coefficient[k]));
    return sum;
}

/* Each of the two formulas sees only arguments that are its own. */
static elbo_node *below_or_above(elbo_node *a, elbo_node *(*below)(elbo_node *), elbo_node *(*above)(elbo_node *)) {
    if (!a) return NULL;
    elbo_node *bound = elbo_scalar(elbo_node_graph(a), from);
    return elbo_formula_if_less(a, bound, below(elbo_min(a, bound)), above(elbo_max(a, bound)));
}

static elbo_node *stirling_below(elbo_node *a) {
    elbo_node *leading = elbo_sub(elbo_mul(elbo_shift(a, -0.5), elbo_log(a)), a);
    return elbo_sub(elbo_lgamma(a), elbo_shift(leading, ELBO_HALF_LOG_TWO_PI));
}

/* Abramowitz and Stegun 6.1.41 */
static elbo_node *stirling_above(elbo_node *a) {
    static const double series[] = {1. / 12, -1. / 360, 1. / 1260, -1. / 1680, 1. / 1188, -691. / 360360};
    elbo_node *r = elbo_reciprocal(a);
    return elbo_mul(r, polynomial(elbo_square(r), series, 6));
}

elbo_node *elbo_formula_stirling(elbo_node *a) { return below_or_above(a, stirling_below, stirling_above); }

static elbo_node *half_below(elbo_node *a) { return elbo_sub(elbo_lgamma(elbo_shift(a, 0.5)), elbo_lgamma(a)); }

/* log sqrt(a) - 1/(8a) + 1/(192a^3) - ..., from Gamma(2a) by the duplication formula and Stirling's series. */
static elbo_node *half_above(elbo_node *a) {
    static const double series[] = {-1. / 8, 1. / 192, -1. / 640, 17. / 14336, -31. / 18432};
    elbo_node *r = elbo_reciprocal(a);
    return elbo_muladd(r, polynomial(elbo_square(r), series, 5), elbo_scale(elbo_log(a), 0.5));
}

elbo_node *elbo_formula_log_gamma_half(elbo_node *a) { return below_or_above(a, half_below, half_above); }

/* -a log(1 + b/a) - b log(1 + a/b) and what Stirling's formula adds */
elbo_node *elbo_formula_log_beta(elbo_node *a, elbo_node *b) {
    elbo_node *sum = elbo_add(a, b);
    elbo_node *leading = elbo_add(elbo_mul(a, elbo_log1p(elbo_div(b, a))), elbo_mul(b, elbo_log1p(elbo_div(a, b))));
    elbo_node *roots = elbo_scale(elbo_sub(elbo_log(sum), elbo_add(elbo_log(a), elbo_log(b))), 0.5);
    elbo_node *rest =
        elbo_sub(elbo_add(elbo_formula_stirling(a), elbo_formula_stirling(b)), elbo_formula_stirling(sum));
    return elbo_sub(elbo_shift(elbo_add(roots, rest), ELBO_HALF_LOG_TWO_PI), leading);
}

/* log(x (a + b) / a) = log(1 + d / a) with d = x b - a y; far below the mean through log x itself */
static elbo_node *log_relative(elbo_node *a, elbo_node *b, elbo_node *d, elbo_node *log_x) {
    elbo_node *ratio = elbo_div(d, a), *far = elbo_less(ratio, elbo_scalar(elbo_node_graph(a), -0.5));
    elbo_node *near = elbo_where(far, elbo_scalar(elbo_node_graph(a), 0), ratio);
    return elbo_where(far, elbo_add(log_x, elbo_log1p(elbo_div(b, a))), elbo_log1p(near));
}

/* a log(x (a+b)/a) + b log(y (a+b)/b) + log(a b / (a + b)) / 2 - log(2 pi) / 2 - stirling(a) - stirling(b) +
 * stirling(a+b)
 */
elbo_node *elbo_formula_log_beta_kernel(elbo_node *a, elbo_node *b, elbo_node *x, elbo_node *y, elbo_node *log_x,
                                        elbo_node *log_y) {
    if (!a || !b || !x || !y) return NULL;
    elbo_node *sum = elbo_add(a, b), *d = elbo_sub(elbo_mul(x, b), elbo_mul(a, y));
    elbo_node *leading =
        elbo_add(elbo_mul(a, log_relative(a, b, d, log_x)), elbo_mul(b, log_relative(b, a, elbo_neg(d), log_y)));
    elbo_node *roots = elbo_scale(elbo_sub(elbo_add(elbo_log(a), elbo_log(b)), elbo_log(sum)), 0.5);
    elbo_node *rest =
        elbo_sub(elbo_add(elbo_formula_stirling(a), elbo_formula_stirling(b)), elbo_formula_stirling(sum));
    return elbo_add(leading, elbo_sub(elbo_shift(roots, -ELBO_HALF_LOG_TWO_PI), rest));
}

/* log(1 + d) - d: through log1p near 0, through log(w/a) where 1 + d would lose w */
static elbo_node *log_ratio_less_excess(elbo_node *a, elbo_node *w) {
    elbo_node *d = elbo_div(elbo_sub(w, a), a);
    elbo_node *far = elbo_less(d, elbo_scalar(elbo_node_graph(a), -0.5));
    elbo_node *near = elbo_where(far, elbo_scalar(elbo_node_graph(a), 0), d);
    return elbo_sub(elbo_where(far, elbo_sub(elbo_log(w), elbo_log(a)), elbo_log1p(near)), d);
}

/* a (log(w/a) - (w/a - 1)) + log(a)/2 - log(2 pi)/2 - stirling(a) */
elbo_node *elbo_formula_log_gamma_kernel(elbo_node *a, elbo_node *w) {
    if (!a || !w) return NULL;
    elbo_node *rest = elbo_sub(elbo_scale(elbo_log(a), 0.5), elbo_formula_stirling(a));
    return elbo_add(elbo_mul(a, log_ratio_less_excess(a, w)), elbo_shift(rest, -ELBO_HALF_LOG_TWO_PI));
}

elbo_node *elbo_formula_gamma_entropy(elbo_node *a) {
    return elbo_add(a, elbo_muladd(elbo_shift(elbo_neg(a), 1), elbo_digamma(a), elbo_lgamma(a)));
}

elbo_node *elbo_formula_above_underflow(elbo_node *log_x) {
    return log_x ? elbo_max(log_x, elbo_scalar(elbo_node_graph(log_x), -87.3)) : NULL;
}

elbo_node *elbo_formula_inside_unit(elbo_node *x) { return elbo_clamp(x, 0x1p-126, 1 - 0x1p-24); }

/* The double exponential rule of Takahasi and Mori 1974 for e^-t on the half line: t = exp(y - e^-y). */
enum { NODES = 96 };
static const double first = -4.6, step = 0.09;

elbo_node *elbo_formula_exponential_nodes(elbo_graph *graph) {
    double t[NODES];
    for (int i = 0; i < NODES; i++) {
        double y = first + step * i;
        t[i] = exp(y - exp(-y));
    }
    return elbo_literal(graph, t, ELBO_SHAPE(NODES));
}

elbo_node *elbo_formula_exponential_expect(elbo_node *g) {
    double weight[NODES];
    if (!g) return NULL;
    for (int i = 0; i < NODES; i++) {
        double y = first + step * i, t = exp(y - exp(-y));
        weight[i] = step * (1 + exp(-y)) * t * exp(-t);
    }
    return elbo_sum(elbo_mul(g, elbo_literal(elbo_node_graph(g), weight, ELBO_SHAPE(NODES))), -1, -1, false);
}

elbo_node *elbo_formula_with_axis(elbo_node *x) {
    elbo_shape shape = elbo_node_shape(x);
    if (!x) return NULL;
    if (shape.rank >= ELBO_MAX_RANK)
        return elbo_graph_fail(elbo_node_graph(x), ELBO_ERROR_SHAPE, "a distribution of rank %d has too many axes",
                               shape.rank);
    shape.dim[shape.rank++] = 1;
    return elbo_reshape(x, shape);
}

bool elbo_formula_as_gamma(const elbo_dist *dist, elbo_node **concentration, elbo_node **rate) {
    if (dist->type == &elbo_dist_gamma || dist->type == &elbo_dist_erlang) {
        *concentration = dist->parameter[0];
        *rate = dist->parameter[1];
    } else if (dist->type == &elbo_dist_exponential) {
        *concentration = elbo_formula_number(dist, 1);
        *rate = dist->parameter[0];
    } else if (dist->type == &elbo_dist_chi_squared) {
        *concentration = elbo_scale(dist->parameter[0], 0.5);
        *rate = elbo_formula_number(dist, 0.5);
    } else {
        return false;
    }
    return true;
}

/* (a_p - a_q) psi(a_p) - log Gamma(a_p) + log Gamma(a_q) + a_q (log r_p - log r_q) + a_p (r_q - r_p) / r_p */
elbo_node *elbo_formula_gamma_kl(const elbo_dist *p, const elbo_dist *q) {
    elbo_node *ap, *rp, *aq, *rq;
    if (!elbo_formula_as_gamma(p, &ap, &rp) || !elbo_formula_as_gamma(q, &aq, &rq)) return NULL;
    elbo_node *shapes =
        elbo_add(elbo_mul(elbo_sub(ap, aq), elbo_digamma(ap)), elbo_sub(elbo_lgamma(aq), elbo_lgamma(ap)));
    elbo_node *rates =
        elbo_add(elbo_mul(aq, elbo_sub(elbo_log(rp), elbo_log(rq))), elbo_mul(ap, elbo_div(elbo_sub(rq, rp), rp)));
    return elbo_add(shapes, rates);
}
