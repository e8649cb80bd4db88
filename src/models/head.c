#include "models/head.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "graph/graph.h"

static const double softplus_one = 0.54132485461291801; /* log(e - 1): where softplus is 1 */
static const double smallest = 1e-6;                    /* of a positive parameter */

/* ---- reading a choice ---- */

static int count_parameters(const elbo_dist_type *type) {
    int count = 0;
    while (count < ELBO_DIST_PARAMETERS && type->parameter[count].name) count++;
    return count;
}

static int find_parameter(const elbo_dist_type *type, const char *name, size_t length) {
    for (int k = 0; k < count_parameters(type); k++)
        if (strlen(type->parameter[k].name) == length && strncmp(type->parameter[k].name, name, length) == 0) return k;
    return -1;
}

/* "5" or "df=5" from `from` to `end`; the parameter it belongs to into *k. */
static elbo_status parse_value(elbo_head *head, const char *option, const char *from, const char *end, int position,
                               elbo_error *error) {
    const elbo_dist_type *type = head->type;
    while (from < end && *from == ' ') from++;
    const char *equals = memchr(from, '=', (size_t)(end - from));
    int k = equals ? find_parameter(type, from, (size_t)(equals - from)) : position;
    char known[128];
    if (k < 0 || k >= count_parameters(type))
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: no parameter for \"%.*s\"; it has %s", option, type->name,
                         (int)(end - from), from, elbo_dist_describe(type, known, sizeof known));
    const char *number = equals ? equals + 1 : from;
    char *rest;
    double value = strtod(number, &rest);
    while (rest < end && *rest == ' ') rest++;
    const elbo_dist_parameter *row = &type->parameter[k];
    bool whole = value >= 1 && value == floor(value);
    bool good = rest == end && rest != number && isfinite(value) &&
                (row->constraint != ELBO_CONSTRAINT_POSITIVE || value > 0) &&
                (row->constraint != ELBO_CONSTRAINT_UNIT_INTERVAL || (value > 0 && value < 1)) &&
                (row->constraint != ELBO_CONSTRAINT_WHOLE || whole);
    if (!good || row->constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: %s cannot be \"%.*s\"; it must be %s", option, type->name,
                         row->name, (int)(end - number), number,
                         row->constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR ? "left to the model"
                                                                             : elbo_constraint_text(row->constraint));
    head->fixed[k] = true;
    head->value[k] = value;
    if (row->constraint == ELBO_CONSTRAINT_ORDERED && head->fixed[k - 1] && !(value > head->value[k - 1]))
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s: %s %g must be above %s %g", option, type->name, row->name,
                         value, type->parameter[k - 1].name, head->value[k - 1]);
    return ELBO_OK;
}

static elbo_status parse_values(elbo_head *head, const char *option, const char *open, elbo_error *error) {
    const char *close = strchr(open, ')');
    if (!close || close[1])
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s: \"%s\" does not end with one ')'", option, open);
    int position = 0;
    for (const char *from = open + 1; from < close; position++) {
        const char *end = memchr(from, ',', (size_t)(close - from));
        if (!end) end = close;
        ELBO_TRY(parse_value(head, option, from, end, position, error));
        from = end + 1;
    }
    return ELBO_OK;
}

/* Underscores may be written as hyphens. */
static const elbo_dist_type *find_type(const char *text, size_t length) {
    char name[64] = "";
    for (size_t i = 0; i < length && i + 1 < sizeof name; i++) name[i] = text[i] == '-' ? '_' : text[i];
    if (strcmp(name, "gaussian") == 0) return &elbo_dist_normal;
    return elbo_dist_find(name);
}

elbo_status elbo_head_parse(elbo_head *head, const char *option, const char *text, int64_t size, int64_t components,
                            elbo_error *error) {
    size_t length = strcspn(text, "(");
    *head = (elbo_head){.type = find_type(text, length), .size = size, .components = components};
    if (!head->type)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "%s %.*s: no such distribution; `elbo list distributions` shows all of them", option,
                         (int)length, text);
    if (text[length]) ELBO_TRY(parse_values(head, option, text + length, error));
    for (int k = 0; k < count_parameters(head->type); k++)
        if (head->type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE && !head->fixed[k])
            return elbo_fail(error, ELBO_ERROR_USAGE, "%s %s needs its %s: %s(%s=5), say", option, head->type->name,
                             head->type->parameter[k].name, head->type->name, head->type->parameter[k].name);
    return ELBO_OK;
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

static int64_t width_of(const elbo_head *head, int k) {
    if (head->fixed[k]) return 0;
    int64_t count = elbo_shape_count(shape_of(head, k));
    return is_triangle(head, k) ? count / head->size * (head->size + 1) / 2 : count;
}

int64_t elbo_head_width(const elbo_head *head) {
    int64_t width = 0;
    for (int k = 0; k < count_parameters(head->type); k++) width += width_of(head, k);
    return width;
}

/* ---- numbers to parameters ---- */

static elbo_node *positive(elbo_node *numbers) {
    return elbo_shift(elbo_softplus(elbo_shift(numbers, softplus_one)), smallest);
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

/* numbers: [..., width_of(k)] */
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
        case ELBO_CONSTRAINT_UNIT_INTERVAL: value = elbo_sigmoid(value); break;
        case ELBO_CONSTRAINT_ORDERED: value = elbo_add(before, positive(value)); break;
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
    for (int k = 0; k < count_parameters(head->type); k++) {
        int64_t width = width_of(head, k);
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
    for (int k = 0; k < count_parameters(head->type); k++) {
        elbo_shape own = shape_of(head, k), shape = {own.rank + 1, {rows}};
        for (int axis = 0; axis < own.rank; axis++) shape.dim[axis + 1] = own.dim[axis];
        parameter[k] = elbo_constant(graph, head->value[k], shape);
    }
    return elbo_dist_new(head->type, parameter, 1);
}

bool elbo_head_fits(const elbo_dist_type *p, const elbo_dist_type *q) {
    bool vectors = (p->support == ELBO_SUPPORT_VECTOR && q->support == ELBO_SUPPORT_REAL) ||
                   (p->support == ELBO_SUPPORT_REAL && q->support == ELBO_SUPPORT_VECTOR);
    return vectors || elbo_support_within(p->support, q->support);
}
