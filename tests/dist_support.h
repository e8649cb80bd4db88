/* A distribution of one number under test: its nodes over parameters that are inputs, and integrals over its density.
 * Everything runs in f64 on the reference backend unless it says otherwise. */
#ifndef ELBO_TESTS_DIST_SUPPORT_H
#define ELBO_TESTS_DIST_SUPPORT_H

#include <gsl/gsl_errno.h>
#include <gsl/gsl_integration.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dist/dist.h"
#include "graph/graph.h"

enum { WIDTH = 6, DRAWS = 4000 }; /* numbers in a parameter at most; draws that are looked at */

typedef struct setting {
    double value[ELBO_DIST_PARAMETERS][WIDTH];
} setting;

/* What is asked of a distribution: value of a node at x, for one setting. */
typedef struct probe {
    const elbo_dist_type *type;
    setting at;
    int classes; /* the size of letter K; D is 1 */
    elbo_graph *graph;
    elbo_node *x, *parameter[ELBO_DIST_PARAMETERS];
    elbo_dist dist;
    int64_t points;
} probe;

static inline int letters(const char *axes) { return axes ? (int)strlen(axes) : 0; }

static inline elbo_shape shape_of_parameter(const elbo_dist_type *type, int k, int classes) {
    const char *axes = type->parameter[k].axes;
    elbo_shape shape = {letters(axes), {0}};
    for (int axis = 0; axis < shape.rank; axis++) shape.dim[axis] = axes[axis] == 'K' ? classes : 1;
    return shape;
}

static inline int parameters_of(const elbo_dist_type *type) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && type->parameter[count].name) count++;
    return count;
}

/* A graph with x: [points] (of vectors of size 1 where the type wants vectors) and the distribution. */
static inline probe probe_new(const elbo_dist_type *type, setting at, int classes, int64_t points) {
    probe p = {.type = type, .at = at, .classes = classes, .graph = elbo_graph_new(), .points = points};
    static const char *const names[] = {"p0", "p1", "p2"};
    for (int k = 0; k < parameters_of(type); k++) {
        elbo_shape shape = shape_of_parameter(type, k, classes);
        for (int i = 0; i < WIDTH; i++)
            p.at.value[k][i] = (double)(float)at.value[k][i]; /* the same in every precision */
        p.parameter[k] = type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE
                             ? elbo_constant(p.graph, at.value[k][0], shape)
                             : elbo_input(p.graph, names[k], ELBO_F32, shape);
    }
    p.dist = elbo_dist_new(type, p.parameter, elbo_dist_own_rank(type));
    elbo_shape shape = {1 + elbo_dist_own_rank(type), {points, 1}};
    p.x = elbo_input(p.graph, "x", ELBO_F32, shape);
    return p;
}

static inline void probe_free(probe *p) { elbo_graph_free(p->graph); }

static inline void write_reals(void *memory, elbo_precision precision, const double *value, int64_t count) {
    for (int64_t i = 0; memory && i < count; i++) {
        if (precision == ELBO_PRECISION_F64)
            ((double *)memory)[i] = value[i];
        else
            ((float *)memory)[i] = (float)value[i];
    }
}

static inline elbo_plan *probe_plan(const probe *p, elbo_node *const *fetch, int count, elbo_precision precision) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = fetch,
                           .fetch_count = (size_t)count,
                           .backend = precision == ELBO_PRECISION_F64 ? ELBO_BACKEND_REFERENCE : ELBO_BACKEND_CPU,
                           .precision = precision,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(p->graph, &spec, &error);
    if (!plan) fail_msg("%s: %s", p->type->name, error.message);
    for (int k = 0; k < parameters_of(p->type); k++)
        write_reals(elbo_plan_input(plan, p->parameter[k]), precision, p->at.value[k],
                    elbo_shape_count(elbo_node_shape(p->parameter[k])));
    return plan;
}

/* node at x (NULL: a node that does not depend on x): `count` numbers into out. */
static inline void probe_read(const probe *p, elbo_node *node, const double *x, elbo_precision precision, double *out,
                              int64_t count) {
    elbo_plan *plan = probe_plan(p, &node, 1, precision);
    elbo_error error = {0};
    if (x) write_reals(elbo_plan_input(plan, p->x), precision, x, p->points);
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 20}, &error), ELBO_OK);
    assert_int_equal(elbo_shape_count(elbo_node_shape(node)), count);
    assert_true(elbo_plan_read(plan, node, out, count));
    elbo_plan_free(plan);
}

static inline double probe_number(const probe *p, elbo_node *node) {
    double value = NAN;
    assert_non_null(node);
    probe_read(p, node, NULL, ELBO_PRECISION_F64, &value, 1);
    return value;
}

/* The range of the values. */
static inline void bounds_of(const probe *p, double *low, double *high) {
    *low = 0;
    *high = INFINITY;
    switch (p->type->support) {
        case ELBO_SUPPORT_REAL:
        case ELBO_SUPPORT_VECTOR: *low = -INFINITY; break;
        case ELBO_SUPPORT_FROM_SCALE: *low = p->at.value[0][0]; break;
        case ELBO_SUPPORT_INTERVAL: *low = p->at.value[0][0], *high = p->at.value[1][0]; break;
        case ELBO_SUPPORT_UNIT_INTERVAL:
        case ELBO_SUPPORT_BINARY: *high = 1; break;
        case ELBO_SUPPORT_CLASSES: *high = p->classes - 1; break;
        default: break;
    }
}

static inline int ascending(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Sorted draws, with the given seed's first step. */
static inline void sorted_draws(const probe *p, double *out) {
    probe_read(p, elbo_dist_sample(&p->dist, DRAWS), NULL, ELBO_PRECISION_F64, out, DRAWS);
    qsort(out, DRAWS, sizeof *out, ascending);
}

/* An integral of weight(x) exp(log p(x)) in units of the draws: x = centre + spread y. */
typedef struct integral {
    probe one; /* with a single point */
    elbo_node *log_density, *other;
    elbo_plan *plan;
    double low, high, centre, spread;
    double (*weight)(const struct integral *in, double x, double log_density, double other);
    gsl_integration_workspace *space;
} integral;

static inline integral integral_new(const elbo_dist_type *type, setting at, int classes, double centre, double spread) {
    integral in = {.one = probe_new(type, at, classes, 1), .centre = centre, .spread = spread};
    in.log_density = elbo_dist_log_prob(&in.one.dist, in.one.x);
    in.space = gsl_integration_workspace_alloc(2000);
    bounds_of(&in.one, &in.low, &in.high);
    return in;
}

static inline void integral_free(integral *in) {
    elbo_plan_free(in->plan);
    gsl_integration_workspace_free(in->space);
    probe_free(&in->one);
}

static inline double integrand(double y, void *user) {
    integral *in = user;
    double x = in->centre + in->spread * y, log_density, other = 0;
    write_reals(elbo_plan_input(in->plan, in->one.x), ELBO_PRECISION_F64, &x, 1);
    assert_int_equal(elbo_plan_run(in->plan, NULL, NULL), ELBO_OK);
    elbo_plan_read(in->plan, in->log_density, &log_density, 1);
    if (in->other) elbo_plan_read(in->plan, in->other, &other, 1);
    double density = exp(log_density);
    if (density == 0) return 0;
    return in->spread * density * (in->weight ? in->weight(in, x, log_density, other) : 1);
}

/* From `from` to `to`, either of which may be infinite; *error: what GSL says of it. */
static inline double integrate(integral *in, double from, double to, double *error) {
    if (!in->plan) {
        elbo_node *fetch[2] = {in->log_density, in->other};
        in->plan = probe_plan(&in->one, fetch, in->other ? 2 : 1, ELBO_PRECISION_F64);
    }
    gsl_function f = {integrand, in};
    double total = 0, part, wrong, cut[] = {-30, -3, -0.5, 0, 0.5, 3, 30}; /* between these the density is smooth */
    double a = (from - in->centre) / in->spread, b = (to - in->centre) / in->spread;
    *error = 0;
    double left = a;
    for (size_t i = 0; i <= sizeof cut / sizeof *cut; i++) {
        bool last = i == sizeof cut / sizeof *cut;
        if (!last && (cut[i] <= left || cut[i] >= b)) continue;
        double right = last ? b : cut[i];
        if (!(left < right)) continue;
        if (isinf(left))
            gsl_integration_qagil(&f, right, 1e-11, 1e-9, 2000, in->space, &part, &wrong);
        else if (isinf(right))
            gsl_integration_qagiu(&f, left, 1e-11, 1e-9, 2000, in->space, &part, &wrong);
        else
            gsl_integration_qags(&f, left, right, 1e-11, 1e-9, 2000, in->space, &part, &wrong);
        total += part;
        *error += wrong;
        left = right;
    }
    return total;
}

#endif
