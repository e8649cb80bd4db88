#include <stdio.h>
#include <string.h>

#include "graph/graph.h"

int64_t elbo_shape_span(elbo_shape shape, int first, int last) {
    int64_t count = 1;
    for (int axis = first; axis < last; axis++) count *= shape.dim[axis];
    return count;
}

int64_t elbo_shape_count(elbo_shape shape) { return elbo_shape_span(shape, 0, shape.rank); }

bool elbo_shape_equal(elbo_shape a, elbo_shape b) {
    return a.rank == b.rank && memcmp(a.dim, b.dim, sizeof(int64_t) * (size_t)a.rank) == 0;
}

const char *elbo_shape_text(elbo_shape shape, char *text, size_t size) {
    size_t used = (size_t)snprintf(text, size, "[");
    for (int axis = 0; axis < shape.rank && used < size; axis++)
        used += (size_t)snprintf(text + used, size - used, "%s%lld", axis ? ", " : "", (long long)shape.dim[axis]);
    if (used < size) snprintf(text + used, size - used, "]");
    return text;
}

bool elbo_shape_broadcast(elbo_shape a, elbo_shape b, elbo_shape *out) {
    int rank = a.rank > b.rank ? a.rank : b.rank;
    elbo_shape result = {rank, {0}};
    for (int back = 1; back <= rank; back++) {
        int64_t from_a = back <= a.rank ? a.dim[a.rank - back] : 1;
        int64_t from_b = back <= b.rank ? b.dim[b.rank - back] : 1;
        if (from_a != from_b && from_a != 1 && from_b != 1) return false;
        result.dim[rank - back] = from_a == 1 ? from_b : from_a;
    }
    *out = result;
    return true;
}

int elbo_shape_axis(elbo_shape shape, int axis) {
    if (axis < 0) axis += shape.rank;
    return axis >= 0 && axis < shape.rank ? axis : -1;
}

void elbo_shape_strides(elbo_shape in, elbo_shape out, int64_t stride[ELBO_MAX_RANK]) {
    int64_t step = 1;
    for (int back = 1; back <= out.rank; back++) {
        int64_t size = back <= in.rank ? in.dim[in.rank - back] : 1;
        stride[out.rank - back] = size == 1 ? 0 : step;
        step *= size;
    }
}
