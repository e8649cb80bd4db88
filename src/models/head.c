#include "models/head.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

/* Of a positive parameter; relative to what it is added to, where that is large: f32 must tell the sum apart. */
static const double smallest = 1e-6;

int elbo_head_parameters(const elbo_dist_type *type) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && type->parameter[count].name) count++;
    return count;
}

/* ---- shapes ---- */

static bool is_event_letter(const elbo_dist_type *type, char letter) {
    return type->event && strchr(type->event, letter) != NULL;
}

/* The axes that a parameter has beyond the leading ones of the numbers. */
static elbo_shape shape_of(const elbo_head *head, int k) {
    const char *axes = head->type->parameter[k].axes;
    elbo_shape shape = {0};
    if (!head->type->event) shape.dim[shape.rank++] = head->size;
    for (; axes && *axes; axes++)
        shape.dim[shape.rank++] = is_event_letter(head->type, *axes) ? head->size : head->components;
    return shape;
}

static bool is_triangle(const elbo_head *head, int k) {
    return head->type->parameter[k].constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR;
}

int64_t elbo_head_parameter_width(const elbo_head *head, int k) {
    if (head->fixed[k]) return 0;
    int64_t count = elbo_shape_count(shape_of(head, k));
    return is_triangle(head, k) ? count / head->size * (head->size + 1) / 2 : count;
}

int64_t elbo_head_width(const elbo_head *head) {
    int64_t width = 0;
    for (int k = 0; k < elbo_head_parameters(head->type); k++) width += elbo_head_parameter_width(head, k);
    return width;
}

/* ---- numbers to parameters ---- */

static elbo_node *positive(elbo_node *numbers) {
    double at_one = log(expm1(1 - smallest)); /* where softplus is 1 - smallest */
    return elbo_shift(elbo_softplus(elbo_shift(numbers, at_one)), smallest);
}

static elbo_node *inside_unit(elbo_node *numbers) {
    return elbo_shift(elbo_scale(elbo_sigmoid(numbers), 1 - 2 * smallest), smallest);
}

static elbo_node *above(elbo_node *before, elbo_node *numbers) {
    return elbo_add(before, elbo_max(positive(numbers), elbo_scale(elbo_abs(before), smallest)));
}

/* A triangle of numbers to a Cholesky factor: [..., n(n+1)/2] -> [..., n, n]. */
static elbo_node *triangle(elbo_node *numbers, int64_t size) {
    elbo_node *l = elbo_tril_fill(numbers);
    elbo_graph *graph = elbo_node_graph(numbers);
    double *eye = size > 0 && size < 4096 ? elbo_calloc(sizeof *eye * (size_t)(size * size)) : NULL;
    if (!eye) return elbo_graph_fail(graph, ELBO_ERROR_MEMORY, "out of memory: a triangle of %lld", (long long)size);
    for (int64_t i = 0; i < size; i++) eye[i * size + i] = 1;
    elbo_node *diagonal = elbo_literal(graph, eye, ELBO_SHAPE(size, size));
    elbo_free(eye);
    return elbo_where(diagonal, positive(l), l);
}

static bool takes_unit(const elbo_dist_parameter *row) {
    return strcmp(row->name, "loc") == 0 || strcmp(row->name, "scale") == 0;
}

/* numbers: [..., elbo_head_parameter_width(k)] */
static elbo_node *from_numbers(const elbo_head *head, int k, elbo_node *numbers, elbo_node *before) {
    const elbo_dist_parameter *row = &head->type->parameter[k];
    elbo_shape own = shape_of(head, k), shape = elbo_node_shape(numbers);
    int lead = shape.rank - 1;
    if (is_triangle(head, k)) { /* the last axis stays a list of numbers for the triangle */
        own.rank--;
        own.dim[own.rank - 1] = head->size * (head->size + 1) / 2;
    }
    if (lead + own.rank > ELBO_MAX_RANK)
        return elbo_graph_fail(elbo_node_graph(numbers), ELBO_ERROR_SHAPE, "%s: too many axes", head->type->name);
    shape.rank = lead + own.rank;
    for (int axis = 0; axis < own.rank; axis++) shape.dim[lead + axis] = own.dim[axis];
    elbo_node *value = elbo_reshape(numbers, shape);
    switch (row->constraint) {
        case ELBO_CONSTRAINT_POSITIVE: value = positive(value); break;
        case ELBO_CONSTRAINT_UNIT_INTERVAL: value = inside_unit(value); break;
        case ELBO_CONSTRAINT_ORDERED: value = above(before, value); break;
        case ELBO_CONSTRAINT_LOWER_TRIANGULAR: value = triangle(value, head->size); break;
        default: break;
    }
    return head->unit > 0 && takes_unit(row) ? elbo_scale(value, head->unit) : value;
}

elbo_dist elbo_head_dist(const elbo_head *head, elbo_node *numbers) {
    if (!numbers) return (elbo_dist){0};
    elbo_graph *graph = elbo_node_graph(numbers);
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    int64_t at = 0;
    for (int k = 0; k < elbo_head_parameters(head->type); k++) {
        int64_t width = elbo_head_parameter_width(head, k);
        parameter[k] = head->fixed[k]
                           ? elbo_scalar(graph, head->value[k])
                           : from_numbers(head, k, elbo_slice(numbers, -1, at, width), k ? parameter[k - 1] : NULL);
        /* a fixed vector parameter and one number for each draw need the axes of the type */
        if (head->fixed[k] && head->type->parameter[k].axes)
            parameter[k] = elbo_constant(graph, head->value[k], shape_of(head, k));
        at += width;
    }
    return elbo_dist_new(head->type, parameter, 1);
}

elbo_dist elbo_head_standard(const elbo_head *head, elbo_graph *graph, int64_t rows) {
    int64_t width = elbo_head_width(head);
    if (head->type == &elbo_dist_normal && !head->fixed[0] && !head->fixed[1])
        return elbo_standard_normal(graph, ELBO_SHAPE(rows, head->size), 1);
    if (width > 0) return elbo_head_dist(head, elbo_constant(graph, 0, ELBO_SHAPE(rows, width)));
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    for (int k = 0; k < elbo_head_parameters(head->type); k++) {
        elbo_shape own = shape_of(head, k), shape = {own.rank + 1, {rows}};
        for (int axis = 0; axis < own.rank; axis++) shape.dim[axis + 1] = own.dim[axis];
        parameter[k] = elbo_constant(graph, head->value[k], shape);
    }
    return elbo_dist_new(head->type, parameter, 1);
}
