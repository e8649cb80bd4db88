/* The distributions of vectors with parameters in three dimensions, each at two settings. */
#ifndef ELBO_TESTS_DIST_VECTOR_TABLE_H
#define ELBO_TESTS_DIST_VECTOR_TABLE_H

#include <gsl/gsl_linalg.h>
#include <gsl/gsl_matrix.h>
#include <gsl/gsl_randist.h>
#include <gsl/gsl_vector.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dist/dist.h"
#include "graph/graph.h"

enum { SIZE = 3, WIDTH = 27 };

typedef struct setting {
    double value[ELBO_DIST_PARAMETERS][WIDTH];
} setting;

typedef struct row {
    const char *name;
    setting at[2];
    double (*log_pdf)(const double (*p)[WIDTH], const double *x); /* by GSL */
} row;

static double gsl_normal(const double (*p)[WIDTH], const double *x) {
    double value, work[SIZE];
    gsl_vector_const_view at = gsl_vector_const_view_array(x, SIZE), loc = gsl_vector_const_view_array(p[0], SIZE);
    gsl_matrix_const_view l = gsl_matrix_const_view_array(p[1], SIZE, SIZE);
    gsl_vector_view space = gsl_vector_view_array(work, SIZE);
    gsl_ran_multivariate_gaussian_log_pdf(&at.vector, &loc.vector, &l.matrix, &value, &space.vector);
    return value;
}

static double gsl_dirichlet(const double (*p)[WIDTH], const double *x) {
    return gsl_ran_dirichlet_lnpdf(SIZE, p[0], x);
}

static double gsl_multinomial(const double (*p)[WIDTH], const double *x) {
    double weight[SIZE];
    unsigned count[SIZE];
    for (int i = 0; i < SIZE; i++) weight[i] = exp(p[1][i]), count[i] = (unsigned)x[i];
    return gsl_ran_multinomial_lnpdf(SIZE, weight, count);
}

#define TRIANGLE \
    { 0.8, 0, 0, -0.5, 0.6, 0, 0.3, 0.7, 1.2 }
#define TRIANGLE2 \
    { 1.1, 0, 0, 0.2, 0.9, 0, -0.4, 0.1, 0.7 }
static const row rows[] = {
    {"multivariate_normal", {{{{0.5, -1, 2}, TRIANGLE}}, {{{0, 0.3, 1}, TRIANGLE2}}}, gsl_normal},
    {"multivariate_t", {{{{8}, {0.5, -1, 2}, TRIANGLE}}, {{{12}, {0, 0.3, 1}, TRIANGLE2}}}, NULL},
    {"multivariate_laplace", {{{{0.5, -1, 2}, TRIANGLE}}, {{{0, 0.3, 1}, TRIANGLE2}}}, NULL},
    {"normal_mixture",
     {{{{0.3, 1, -0.5}, {-1, 0, 1, 1, -0.5, 0.3, 0, 2, -1}, {0.6, 1, 0.8, 0.7, 0.5, 1.1, 0.9, 0.6, 0.7}}},
      {{{0, 0, 1}, {0, 0, 0, 1, 1, 1, -1, -1, 0}, {1, 1, 1, 1, 1, 1, 1, 1, 1}}}},
     NULL},
    {"multivariate_normal_mixture",
     {{{{0.3, 1, -0.5}, {-1, 0, 1, 1, -0.5, 0.3, 0, 2, -1}, {0.8, 0, 0, -0.5, 0.6, 0, 0.3,  0.7, 1.2,
                                                             0.7, 0, 0, 0.6,  0.5, 0, -0.9, 0.4, 0.8,
                                                             1.1, 0, 0, 0.2,  0.9, 0, -0.4, 0.1, 0.7}}},
      {{{0, 0, 1}, {0, 0, 0, 1, 1, 1, -1, -1, 0}, {1, 0, 0, 0.5, 1,   0, 0.5, -0.5, 1,   1, 0,   0,   0, 1,
                                                   0, 0, 0, 1,   1.2, 0, 0,   -0.3, 0.9, 0, 0.1, 0.4, 1}}}},
     NULL},
    {"dirichlet", {{{{2, 0.8, 3.5}}}, {{{1.5, 2.5, 1}}}}, gsl_dirichlet},
    {"relaxed_categorical", {{{{1.5}, {0.5, -0.3, 0.2}}}, {{{2}, {0, 0, 0.4}}}}, NULL},
    {"multinomial", {{{{6}, {0.5, -0.3, 1}}}, {{{6}, {0, 0.2, 0}}}}, gsl_multinomial},
};

static inline const row *row_of(const char *name) {
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        if (strcmp(rows[i].name, name) == 0) return &rows[i];
    return NULL;
}

static inline elbo_shape shape_of(const elbo_dist_parameter *parameter) {
    elbo_shape shape = {parameter->axes ? (int)strlen(parameter->axes) : 0, {SIZE, SIZE, SIZE}};
    return shape;
}

static inline int parameters_of(const elbo_dist_type *type) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && type->parameter[count].name) count++;
    return count;
}

static inline elbo_dist make(elbo_graph *graph, const elbo_dist_type *type, const setting *at, bool inputs,
                             elbo_node **parameter) {
    static const char *const names[] = {"p0", "p1", "p2"};
    for (int k = 0; k < parameters_of(type); k++) {
        elbo_shape shape = shape_of(&type->parameter[k]);
        bool whole = type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE;
        parameter[k] = whole    ? elbo_scalar(graph, at->value[k][0])
                       : inputs ? elbo_input(graph, names[k], ELBO_F32, shape)
                                : elbo_literal(graph, at->value[k], shape);
    }
    return elbo_dist_new(type, parameter, 1);
}

/* The parameters of both settings on a new first axis, as literals; what must be one constant is that of the first. */
static inline elbo_dist make_batch(elbo_graph *graph, const row *r, elbo_node **parameter) {
    const elbo_dist_type *type = elbo_dist_find(r->name);
    for (int k = 0; k < parameters_of(type); k++) {
        elbo_shape shape = shape_of(&type->parameter[k]), stacked = {shape.rank + 1, {2}};
        double value[2 * WIDTH];
        int64_t size = elbo_shape_count(shape);
        for (int axis = 0; axis < shape.rank; axis++) stacked.dim[1 + axis] = shape.dim[axis];
        for (int s = 0; s < 2; s++) memcpy(value + s * size, r->at[s].value[k], sizeof *value * (size_t)size);
        parameter[k] = type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE ? elbo_scalar(graph, r->at[0].value[k][0])
                                                                              : elbo_literal(graph, value, stacked);
    }
    return elbo_dist_new(type, parameter, 1);
}

#endif
