/* Numbers as files spell them, decoded into the few types that arrays have. */
#ifndef ELBO_DATA_NUMBER_H
#define ELBO_DATA_NUMBER_H

#include "data/reader.h"

typedef struct elbo_number {
    char kind;    /* 'b' truth value, 'u' unsigned, 'i' signed, 'f' floating point */
    int size;     /* bytes: 1, 2, 4, 8 */
    bool swapped; /* bytes in the other order than this machine's */
} elbo_number;

/* What data sets hold: u8 for bytes and truth values, else f32. */
elbo_dtype elbo_number_narrow(elbo_number number);
/* The smallest type that keeps every value: u8, i32, f32 or f64 (64-bit integers beyond 2^53 are rounded). */
elbo_dtype elbo_number_wide(elbo_number number);
/* Decodes `count` numbers; `to` is one of the two above, f32 or f64. */
void elbo_number_decode(elbo_number from, const void *in, elbo_dtype to, void *out, size_t count);
/* Whether every value is a whole number that an i32 holds. */
bool elbo_number_fits_i32(const double *values, size_t count);

/* Whether this machine stores the low byte first. */
bool elbo_little_endian(void);

/* The product of a shape and the bytes of an element, or failure when it does not fit. */
elbo_status elbo_shape_bytes(const char *name, int rank, const int64_t *shape, int size, uint64_t *bytes,
                             elbo_error *error);

/* Memory that grows while numbers are read into it: all at once where the size is certain, else in steps, so that a
 * compressed file that lies about its size costs no more than what it really holds. */
typedef struct elbo_block {
    void *data;
    size_t used, room;
    size_t total; /* bytes expected in the end */
} elbo_block;
elbo_status elbo_block_reserve(elbo_block *block, size_t bytes, bool certain, elbo_error *error);
/* Reads `count` numbers to the end of the block as dtype. */
elbo_status elbo_block_read(elbo_block *block, elbo_reader *reader, elbo_number number, int64_t count, elbo_dtype dtype,
                            elbo_error *error);
/* Hands the memory to an array of this shape and empties the block. */
elbo_status elbo_block_array(elbo_block *block, elbo_dtype dtype, int rank, const int64_t *shape, elbo_array *array,
                             elbo_error *error);

/* Reads a whole array: shape in row-major order, narrow or wide. */
elbo_status elbo_numbers_read(elbo_reader *reader, elbo_number number, int rank, const int64_t *shape, bool wide,
                              elbo_array *array, elbo_error *error);

/* Puts the rows of `more` behind those of `array`; both must have the same type and item shape. */
elbo_status elbo_array_append(elbo_array *array, const elbo_array *more, const char *name, elbo_error *error);

/* Copies elements of `size` bytes between axis orders: out is row-major of `shape`, axis k of it steps stride[k]
 * elements in `in`. */
void elbo_axes_copy(void *out, const void *in, int size, int rank, const int64_t *shape, const int64_t *stride);

/* Turns an array of column-major memory (the first axis steps fastest) into row-major memory of the same shape. */
elbo_status elbo_array_from_columns(elbo_array *array, elbo_error *error);

#endif
