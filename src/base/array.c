#include <stdlib.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"

size_t elbo_dtype_size(elbo_dtype dtype) {
    switch (dtype) {
        case ELBO_F32: return 4;
        case ELBO_F64: return 8;
        case ELBO_U8: return 1;
        case ELBO_I32: return 4;
        case ELBO_BF16: return 2;
    }
    return 0;
}

const char *elbo_dtype_name(elbo_dtype dtype) {
    switch (dtype) {
        case ELBO_F32: return "f32";
        case ELBO_F64: return "f64";
        case ELBO_U8: return "u8";
        case ELBO_I32: return "i32";
        case ELBO_BF16: return "bf16";
    }
    return "unknown type";
}

static void release_heap(elbo_array *array) { elbo_free(array->data); }

elbo_status elbo_array_new(elbo_array *array, elbo_dtype dtype, int rank, const int64_t *shape, elbo_error *error) {
    memset(array, 0, sizeof *array);
    if (rank < 0 || rank > ELBO_MAX_RANK)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "an array has rank 0 to %d, not %d", ELBO_MAX_RANK, rank);
    size_t bytes = elbo_dtype_size(dtype);
    for (int axis = 0; axis < rank; axis++) {
        if (shape[axis] < 0 || (shape[axis] > 0 && bytes > (size_t)PTRDIFF_MAX / (size_t)shape[axis]))
            return elbo_fail(error, ELBO_ERROR_SHAPE, "axis %d of %lld elements makes the array too large", axis,
                             (long long)shape[axis]);
        bytes *= (size_t)shape[axis];
    }
    array->data = elbo_calloc(bytes);
    if (!array->data) return elbo_fail_memory(error, bytes, "an array");
    array->dtype = dtype;
    array->rank = rank;
    for (int axis = 0; axis < rank; axis++) array->shape[axis] = shape[axis];
    array->release = release_heap;
    return ELBO_OK;
}

void elbo_array_free(elbo_array *array) {
    if (!array) return;
    if (array->release) array->release(array);
    memset(array, 0, sizeof *array);
}

int64_t elbo_array_count(const elbo_array *array) {
    int64_t count = 1;
    for (int axis = 0; axis < array->rank; axis++) count *= array->shape[axis];
    return count;
}
