/* The symmetric multivariate Laplace distribution: a normal vector times the root of an exponential variate. */
#include <math.h>

#include "dist/ellipse.h"
#include "dist/formula.h"

enum { LOC, SCALE };

/* Nodes of the trapezoidal rule on [0, T] below. */
enum { NODES = 80 };

/* log K_v(r) for r > 0: K_v(r) = integral over t > 0 of exp(-r cosh t) cosh(v t) (Abramowitz and Stegun 9.6.24). The
 * integrand is even and analytic, so that the trapezoidal rule converges geometrically; T is where it has fallen by
 * e^-40 or more. Weights 1/2 at the ends. */
static elbo_node *log_bessel(elbo_node *r, double v) {
    elbo_graph *graph = elbo_node_graph(r);
    double place[NODES + 1], log_weight[NODES + 1];
    for (int i = 0; i <= NODES; i++) {
        place[i] = (double)i / NODES;
        log_weight[i] = (i == 0 || i == NODES ? -ELBO_LOG_TWO : 0) - log(NODES);
    }
    elbo_node *reach = elbo_shift(elbo_div(elbo_scalar(graph, 40 + 20 * fabs(v)), r), 1);
    /* acosh: log(c + sqrt(c^2 - 1)); how far the rule reaches is no part of the function */
    elbo_node *end = elbo_log(elbo_add(reach, elbo_sqrt(elbo_mul(elbo_shift(reach, -1), elbo_shift(reach, 1)))));
    end = elbo_formula_with_axis(elbo_stop_gradient(end));
    elbo_node *t = elbo_mul(end, elbo_literal(graph, place, ELBO_SHAPE(NODES + 1)));
    elbo_node *half = elbo_scale(t, 0.5);
    elbo_node *rise = elbo_scale(elbo_square(elbo_scale(elbo_sub(elbo_exp(half), elbo_exp(elbo_neg(half))), 0.5)), 2);
    elbo_node *cosh_vt =
        elbo_add(elbo_scale(t, fabs(v)), elbo_shift(elbo_softplus(elbo_scale(t, -2 * fabs(v))), -ELBO_LOG_TWO));
    elbo_node *terms = elbo_sub(cosh_vt, elbo_mul(elbo_formula_with_axis(r), rise));
    terms = elbo_add(elbo_add(terms, elbo_log(end)), elbo_literal(graph, log_weight, ELBO_SHAPE(NODES + 1)));
    return elbo_sub(elbo_logsumexp(terms, -1, -1, false), r);
}

/* log 2 - D/2 log(2 pi) - log det L + v/2 log(s/2) + log K_v(sqrt(2 s)), s = |L^-1 (x - loc)|^2, v = 1 - D/2. At loc,
 * where the density of two or more dimensions is infinite, s is held above 1e-30. */
static elbo_node *log_prob(const elbo_dist *dist, elbo_node *x) {
    double half_size = 0.5 * (double)elbo_ellipse_size(dist->parameter[SCALE]), v = 1 - half_size;
    elbo_node *s = elbo_ellipse_square(elbo_ellipse_whiten(x, dist->parameter[LOC], dist->parameter[SCALE]));
    if (!s) return NULL;
    s = elbo_max(s, elbo_formula_number(dist, 1e-30));
    elbo_node *radial =
        elbo_add(elbo_scale(elbo_log(elbo_scale(s, 0.5)), 0.5 * v), log_bessel(elbo_sqrt(elbo_scale(s, 2)), v));
    return elbo_shift(elbo_sub(radial, elbo_ellipse_log_det(dist->parameter[SCALE])),
                      ELBO_LOG_TWO - 2 * half_size * ELBO_HALF_LOG_TWO_PI);
}

/* loc + sqrt(w) L e, e ~ N(0, I), one w ~ Exp(1) for each vector */
static elbo_node *sample(const elbo_dist *dist, elbo_shape shape, int row_axis) {
    elbo_node *e = elbo_random_normal(dist->graph, shape, row_axis);
    elbo_shape vectors = shape;
    vectors.rank--;
    elbo_node *u = elbo_random_uniform(dist->graph, vectors, row_axis < vectors.rank ? row_axis : 0);
    elbo_node *root = elbo_sqrt(elbo_neg(elbo_log(u)));
    return elbo_muladd(elbo_formula_with_axis(root), elbo_ellipse_apply(dist->parameter[SCALE], e),
                       dist->parameter[LOC]);
}

static elbo_node *mean(const elbo_dist *dist) { return elbo_formula_full(dist, dist->parameter[LOC]); }

static elbo_node *variance(const elbo_dist *dist) {
    return elbo_formula_full(dist, elbo_ellipse_variance(dist->parameter[SCALE]));
}

const elbo_dist_type elbo_dist_multivariate_laplace = {
    .name = "multivariate_laplace",
    ELBO_DIST_IS(VECTOR, LOCATION_SCALE,
                 "2 (s / 2)^(v / 2) K_v(sqrt(2 s)) / ((2 pi)^(D/2) det L), s = |L^-1 (x - loc)|^2, v = 1 - D/2, "
                 "L = scale_tril"),
    .source = "Kotz, Kozubowski and Podgorski 2001, The Laplace Distribution and Generalizations, section 5.2",
    .parameter = {{"loc", ELBO_CONSTRAINT_REAL, "D"}, {"scale_tril", ELBO_CONSTRAINT_LOWER_TRIANGULAR, "DD"}},
    .event = "D",
    .log_prob = log_prob,
    .sample = sample,
    .mean = mean,
    .variance = variance,
    .mode = mean};
