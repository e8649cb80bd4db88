/* Pieces that the formulas of several distributions share. */
#ifndef ELBO_DIST_FORMULA_H
#define ELBO_DIST_FORMULA_H

#include "dist/dist.h"

/* pi, its logarithm, log 2, log(2 pi) / 2, Euler's constant, sqrt 2. */
#define ELBO_PI              3.141592653589793238463
#define ELBO_LOG_PI          1.144729885849400174143
#define ELBO_LOG_TWO         0.693147180559945309417
#define ELBO_HALF_LOG_TWO_PI 0.918938533204672741780
#define ELBO_EULER           0.577215664901532860607
#define ELBO_SQRT_TWO        1.414213562373095048802

/* One value everywhere in the shape of a draw; x repeated to that shape. */
elbo_node *elbo_formula_all(const elbo_dist *dist, double value);
elbo_node *elbo_formula_full(const elbo_dist *dist, elbo_node *x);
/* A scalar in the distribution's graph. */
elbo_node *elbo_formula_number(const elbo_dist *dist, double value);
/* a < b ? x : y and a <= b ? x : y. */
elbo_node *elbo_formula_if_less(elbo_node *a, elbo_node *b, elbo_node *x, elbo_node *y);
/* 1 where 0 < x (or 0 <= x), else 0. */
elbo_node *elbo_formula_is_positive(elbo_node *x);
elbo_node *elbo_formula_is_not_negative(elbo_node *x);
/* 1 where x is 0, 1, 2, ..., else 0. */
elbo_node *elbo_formula_is_count(elbo_node *x);

/* density(dist, x) where inside is not 0, -infinity elsewhere. There the density sees `safe` instead of x, so that
 * neither value nor gradient is spoiled by a logarithm of what has none. */
elbo_node *elbo_formula_within(const elbo_dist *dist, elbo_node *x, elbo_node *inside, elbo_node *safe,
                               elbo_node *(*density)(const elbo_dist *dist, elbo_node *x));

/* The sampler of every type with an icdf: icdf(u), u ~ U(0,1). */
elbo_node *elbo_formula_sample_inverse(const elbo_dist *dist, elbo_shape shape, int row_axis);

/* log(1 + v^2) that does not overflow. */
elbo_node *elbo_formula_log1p_square(elbo_node *v);
/* log Gamma(a) - ((a - 1/2) log a - a + log(2 pi)/2), by Stirling's series from 16 on: no cancellation at large a. */
elbo_node *elbo_formula_stirling(elbo_node *a);
/* log B(a, b), and a log w - w - log Gamma(a): the same care. */
elbo_node *elbo_formula_log_beta(elbo_node *a, elbo_node *b);
elbo_node *elbo_formula_log_gamma_kernel(elbo_node *a, elbo_node *w);
/* a log x + b log y - log B(a, b) for y = 1 - x, likewise: what depends on x is a small difference at large a and b. */
elbo_node *elbo_formula_log_beta_kernel(elbo_node *a, elbo_node *b, elbo_node *x, elbo_node *y, elbo_node *log_x,
                                        elbo_node *log_y);
/* Entropy of Gamma(a, 1): a + log Gamma(a) + (1 - a) psi(a). */
elbo_node *elbo_formula_gamma_entropy(elbo_node *a);
/* log x, or what the smallest normal f32 has if that is more. */
elbo_node *elbo_formula_above_underflow(elbo_node *log_x);
/* x in (0, 1), kept off both ends, which f32 would round it to. */
elbo_node *elbo_formula_inside_unit(elbo_node *x);
/* log Gamma(a + 1/2) - log Gamma(a). */
elbo_node *elbo_formula_log_gamma_half(elbo_node *a);

/* E[g(T)] for T ~ Exp(1), g smooth, at most of exponential growth below e^t: the double exponential rule with the nodes
 * on a new last axis. elbo_formula_exponential_nodes gives t, to which g is applied; _expect sums. */
elbo_node *elbo_formula_exponential_nodes(elbo_graph *graph);
elbo_node *elbo_formula_exponential_expect(elbo_node *g);
/* x with a new last axis of size 1. */
elbo_node *elbo_formula_with_axis(elbo_node *x);

/* The gamma family by name. */
#define ELBO_GAMMA_FAMILY "gamma, erlang, exponential, chi_squared"
/* Concentration and rate of a member of the gamma family; false for other types. */
bool elbo_formula_as_gamma(const elbo_dist *dist, elbo_node **concentration, elbo_node **rate);
/* The closed KL of two members of the gamma family, NULL for others: the `kl` of each of them. */
elbo_node *elbo_formula_gamma_kl(const elbo_dist *p, const elbo_dist *q);

#endif
