#include "data/number.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { PIECE = 1024 };                                   /* numbers decoded at a time */
static const size_t unproven = (size_t)64 * 1024 * 1024; /* bytes allocated on the word of a header alone */

bool elbo_little_endian(void) {
    const uint16_t one = 1;
    unsigned char first;
    memcpy(&first, &one, 1);
    return first == 1;
}

elbo_dtype elbo_number_narrow(elbo_number number) {
    return number.size == 1 && number.kind != 'i' ? ELBO_U8 : ELBO_F32;
}

elbo_dtype elbo_number_wide(elbo_number number) {
    if (number.kind == 'f') return number.size == 8 ? ELBO_F64 : ELBO_F32;
    if (number.size == 1 && number.kind != 'i') return ELBO_U8;
    if (number.size <= 2 || (number.size == 4 && number.kind == 'i')) return ELBO_I32;
    return ELBO_F64;
}

static double from_half(uint16_t bits) {
    int exponent = bits >> 10 & 31, fraction = bits & 1023;
    double size;
    if (exponent == 31)
        size = fraction ? NAN : INFINITY;
    else
        size = exponent ? ldexp(1024 + fraction, exponent - 25) : ldexp(fraction, -24);
    return bits & 0x8000 ? -size : size;
}

static void swap_bytes(unsigned char *bytes, int size, size_t count) {
    for (size_t i = 0; i < count; i++, bytes += size)
        for (int low = 0, high = size - 1; low < high; low++, high--) {
            unsigned char byte = bytes[low];
            bytes[low] = bytes[high];
            bytes[high] = byte;
        }
}

#define WIDEN(type)                                          \
    for (size_t i = 0; i < count; i++) {                     \
        type value;                                          \
        memcpy(&value, in + i * sizeof value, sizeof value); \
        out[i] = (double)value;                              \
    }                                                        \
    return

static void widen(char kind, int size, const unsigned char *in, double *out, size_t count) {
    switch (kind << 8 | size) {
        case 'b' << 8 | 1:
            for (size_t i = 0; i < count; i++) out[i] = in[i] != 0;
            return;
        case 'u' << 8 | 1: WIDEN(uint8_t);
        case 'u' << 8 | 2: WIDEN(uint16_t);
        case 'u' << 8 | 4: WIDEN(uint32_t);
        case 'u' << 8 | 8: WIDEN(uint64_t);
        case 'i' << 8 | 1: WIDEN(int8_t);
        case 'i' << 8 | 2: WIDEN(int16_t);
        case 'i' << 8 | 4: WIDEN(int32_t);
        case 'i' << 8 | 8: WIDEN(int64_t);
        case 'f' << 8 | 4: WIDEN(float);
        case 'f' << 8 | 8: WIDEN(double);
        case 'f' << 8 | 2:
            for (size_t i = 0; i < count; i++) {
                uint16_t bits;
                memcpy(&bits, in + 2 * i, 2);
                out[i] = from_half(bits);
            }
            return;
        default: break;
    }
}

static void store(const double *in, elbo_dtype to, unsigned char *out, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (to == ELBO_F32) {
            float value = (float)in[i];
            memcpy(out + 4 * i, &value, 4);
        } else if (to == ELBO_F64) {
            memcpy(out + 8 * i, in + i, 8);
        } else if (to == ELBO_I32) {
            int32_t value = (int32_t)in[i];
            memcpy(out + 4 * i, &value, 4);
        } else {
            out[i] = (unsigned char)in[i];
        }
    }
}

void elbo_number_decode(elbo_number from, const void *in, elbo_dtype to, void *out, size_t count) {
    if (!from.swapped && ((from.kind == 'u' && from.size == 1 && to == ELBO_U8) ||
                          (from.kind == 'f' && from.size == (int)elbo_dtype_size(to) && to != ELBO_I32))) {
        memcpy(out, in, count * elbo_dtype_size(to));
        return;
    }
    unsigned char bytes[PIECE * 8];
    double values[PIECE];
    for (size_t done = 0; done < count;) {
        size_t piece = count - done < PIECE ? count - done : PIECE;
        memcpy(bytes, (const char *)in + done * (size_t)from.size, piece * (size_t)from.size);
        if (from.swapped) swap_bytes(bytes, from.size, piece);
        widen(from.kind, from.size, bytes, values, piece);
        store(values, to, (unsigned char *)out + done * elbo_dtype_size(to), piece);
        done += piece;
    }
}

bool elbo_number_fits_i32(const double *values, size_t count) {
    for (size_t i = 0; i < count; i++)
        if (!(values[i] >= INT32_MIN && values[i] <= INT32_MAX && values[i] == floor(values[i]))) return false;
    return true;
}

elbo_status elbo_shape_bytes(const char *name, int rank, const int64_t *shape, int size, uint64_t *bytes,
                             elbo_error *error) {
    *bytes = (uint64_t)size;
    bool empty = false;
    for (int axis = 0; axis < rank; axis++) {
        if (shape[axis] < 0 || (shape[axis] > 0 && *bytes > (uint64_t)PTRDIFF_MAX / 8 / (uint64_t)shape[axis]))
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: axis %d of length %lld makes an impossible size", name,
                             axis, (long long)shape[axis]);
        if (shape[axis] == 0)
            empty = true;
        else
            *bytes *= (uint64_t)shape[axis];
    }
    if (empty) *bytes = 0;
    return ELBO_OK;
}

elbo_status elbo_block_reserve(elbo_block *block, size_t bytes, bool certain, elbo_error *error) {
    if (block->data && bytes <= block->room - block->used) return ELBO_OK;
    size_t first = certain || block->total < unproven ? block->total : unproven;
    size_t room = block->room > SIZE_MAX / 2 ? SIZE_MAX : block->room * 2;
    if (room < first) room = first;
    if (room > block->total && block->total >= block->used + bytes) room = block->total;
    if (room < block->used + bytes) room = block->used + bytes;
    void *data = elbo_grow(block->data, block->used, room);
    if (!data) return elbo_fail_memory(error, room, "the data");
    block->data = data;
    block->room = room;
    return ELBO_OK;
}

elbo_status elbo_block_read(elbo_block *block, elbo_reader *reader, elbo_number number, int64_t count, elbo_dtype dtype,
                            elbo_error *error) {
    size_t wide = elbo_dtype_size(dtype), narrow = (size_t)number.size;
    bool direct = !number.swapped && ((number.kind == 'u' && number.size == 1 && dtype == ELBO_U8) ||
                                      (number.kind == 'f' && narrow == wide));
    unsigned char bytes[PIECE * 8];
    /* In one go where memory for all is there; else in pieces that prove that the data exist. */
    size_t most = direct ? (size_t)16 * 1024 * 1024 : PIECE;
    for (size_t left = (size_t)count; left > 0;) {
        size_t piece = left < most ? left : most;
        ELBO_TRY(elbo_block_reserve(block, piece * wide, reader->exact, error));
        unsigned char *out = (unsigned char *)block->data + block->used;
        ELBO_TRY(elbo_reader_exactly(reader, direct ? out : bytes, piece * narrow, "values", error));
        if (!direct) elbo_number_decode(number, bytes, dtype, out, piece);
        block->used += piece * wide;
        left -= piece;
    }
    return ELBO_OK;
}

elbo_status elbo_block_array(elbo_block *block, elbo_dtype dtype, int rank, const int64_t *shape, elbo_array *array,
                             elbo_error *error) {
    /* An array without elements brings the release function; the memory is then exchanged for the block's. */
    const int64_t none = 0;
    ELBO_TRY(elbo_array_new(array, dtype, 1, &none, error));
    if (block->data) {
        elbo_free(array->data);
        array->data = block->data;
    }
    array->rank = rank;
    for (int axis = 0; axis < rank; axis++) array->shape[axis] = shape[axis];
    memset(block, 0, sizeof *block);
    return ELBO_OK;
}

static elbo_status settle_wide(elbo_array *array, elbo_number number, elbo_error *error) {
    size_t count = (size_t)elbo_array_count(array);
    if (number.kind == 'f' || array->dtype != ELBO_F64 || !elbo_number_fits_i32(array->data, count)) return ELBO_OK;
    elbo_array whole;
    ELBO_TRY(elbo_array_new(&whole, ELBO_I32, array->rank, array->shape, error));
    for (size_t i = 0; i < count; i++) ((int32_t *)whole.data)[i] = (int32_t)((const double *)array->data)[i];
    elbo_array_free(array);
    *array = whole;
    return ELBO_OK;
}

elbo_status elbo_numbers_read(elbo_reader *reader, elbo_number number, int rank, const int64_t *shape, bool wide,
                              elbo_array *array, elbo_error *error) {
    uint64_t bytes;
    ELBO_TRY(elbo_shape_bytes(reader->name, rank, shape, number.size, &bytes, error));
    ELBO_TRY(elbo_reader_expect(reader, bytes, "the header", error));
    elbo_dtype dtype = wide ? elbo_number_wide(number) : elbo_number_narrow(number);
    int64_t count = (int64_t)(bytes / (uint64_t)number.size);
    elbo_block block = {.total = (size_t)count * elbo_dtype_size(dtype)};
    elbo_status status = elbo_block_read(&block, reader, number, count, dtype, error);
    if (status == ELBO_OK) status = elbo_block_array(&block, dtype, rank, shape, array, error);
    elbo_free(block.data);
    if (status == ELBO_OK && wide) status = settle_wide(array, number, error);
    if (status != ELBO_OK) elbo_array_free(array);
    return status;
}

elbo_status elbo_array_append(elbo_array *array, const elbo_array *more, const char *name, elbo_error *error) {
    bool same = array->dtype == more->dtype && array->rank == more->rank && array->rank > 0;
    for (int axis = 1; same && axis < array->rank; axis++) same = array->shape[axis] == more->shape[axis];
    if (!same) return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: training and test rows differ in type or shape", name);
    int64_t shape[ELBO_MAX_RANK];
    memcpy(shape, array->shape, sizeof shape);
    shape[0] += more->shape[0];
    elbo_array joined;
    ELBO_TRY(elbo_array_new(&joined, array->dtype, array->rank, shape, error));
    size_t size = elbo_dtype_size(array->dtype), first = (size_t)elbo_array_count(array) * size;
    memcpy(joined.data, array->data, first);
    memcpy((char *)joined.data + first, more->data, (size_t)elbo_array_count(more) * size);
    elbo_array_free(array);
    *array = joined;
    return ELBO_OK;
}

#define COPY_LINE(type)                                                        \
    do {                                                                       \
        type *to = out;                                                        \
        const type *line = (const type *)in + start;                           \
        for (int64_t i = 0; i < length; i++) to[written + i] = line[i * step]; \
    } while (0)

void elbo_axes_copy(void *out, const void *in, int size, int rank, const int64_t *shape, const int64_t *stride) {
    int64_t index[ELBO_MAX_RANK] = {0}, start = 0, written = 0;
    int64_t length = rank ? shape[rank - 1] : 1, step = rank ? stride[rank - 1] : 1;
    for (int axis = 0; axis < rank; axis++)
        if (shape[axis] == 0) return;
    for (;;) {
        switch (size) {
            case 1: COPY_LINE(uint8_t); break;
            case 2: COPY_LINE(uint16_t); break;
            case 4: COPY_LINE(uint32_t); break;
            default: COPY_LINE(uint64_t); break;
        }
        written += length;
        int axis = rank - 2;
        for (; axis >= 0; axis--) {
            start += stride[axis];
            if (++index[axis] < shape[axis]) break;
            start -= stride[axis] * shape[axis];
            index[axis] = 0;
        }
        if (axis < 0) return;
    }
}

elbo_status elbo_array_from_columns(elbo_array *array, elbo_error *error) {
    int64_t stride[ELBO_MAX_RANK], step = 1;
    int wider_than_one = 0;
    for (int axis = 0; axis < array->rank; axis++) {
        stride[axis] = step;
        step *= array->shape[axis];
        wider_than_one += array->shape[axis] > 1;
    }
    if (wider_than_one <= 1) return ELBO_OK;
    elbo_array turned;
    ELBO_TRY(elbo_array_new(&turned, array->dtype, array->rank, array->shape, error));
    elbo_axes_copy(turned.data, array->data, (int)elbo_dtype_size(array->dtype), array->rank, array->shape, stride);
    elbo_array_free(array);
    *array = turned;
    return ELBO_OK;
}
