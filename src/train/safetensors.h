/* Checkpoints as safetensors files: 8 bytes of header length (little-endian), a JSON header that gives each tensor's
 * dtype, shape and data_offsets and, under "__metadata__", texts by key, then the tensors' bytes without a gap.
 *
 * Beyond the format, files written here start their data at a multiple of 64, align each tensor to its element (wide
 * elements come first), and carry two checksums in the metadata, eight hexadecimal digits each:
 *   elbo.crc32         CRC-32 of the data section
 *   elbo.crc32.header  sum modulo 2^32 of one CRC-32 per tensor (name, dtype, extents, offsets) and per metadata pair
 * The second covers what the header says, not its spelling, so that a tool that writes the JSON anew keeps it true. */
#ifndef ELBO_TRAIN_SAFETENSORS_H
#define ELBO_TRAIN_SAFETENSORS_H

#include "base/error.h"

/* X(name in the file, bytes per element) */
#define ELBO_SAFETENSORS_DTYPES(X) \
    X(F64, 8)                      \
    X(F32, 4)                      \
    X(F16, 2)                      \
    X(BF16, 2)                     \
    X(I64, 8)                      \
    X(I32, 4)                      \
    X(I16, 2)                      \
    X(I8, 1)                       \
    X(U64, 8)                      \
    X(U32, 4)                      \
    X(U16, 2)                      \
    X(U8, 1)                       \
    X(BOOL, 1)

typedef enum elbo_safetensors_dtype {
#define ELBO_SAFETENSORS_SYMBOL(name, bytes) ELBO_SAFETENSORS_##name,
    ELBO_SAFETENSORS_DTYPES(ELBO_SAFETENSORS_SYMBOL)
#undef ELBO_SAFETENSORS_SYMBOL
} elbo_safetensors_dtype;

/* "F32"; never NULL. */
const char *elbo_safetensors_dtype_name(elbo_safetensors_dtype dtype);
/* The file's type for one of the library's. */
elbo_safetensors_dtype elbo_safetensors_dtype_of(elbo_dtype dtype);

typedef struct elbo_safetensors_tensor {
    const char *name;
    elbo_safetensors_dtype dtype;
    int rank;
    int64_t shape[ELBO_MAX_RANK];
    const void *data; /* row-major, little-endian */
    size_t bytes;     /* set by the reader; the writer works it out */
    size_t offset;    /* of the data section; the same */
} elbo_safetensors_tensor;

typedef struct elbo_safetensors_pair {
    const char *key, *value;
} elbo_safetensors_pair;

/* Writes tensors and metadata; the file appears whole or not at all.  Names and texts are UTF-8 and names and keys
 * occur once, else ELBO_ERROR_USAGE; the two keys above are the writer's own. */
elbo_status elbo_safetensors_write(const char *path, const elbo_safetensors_tensor *tensors, size_t count,
                                   const elbo_safetensors_pair *pairs, size_t pair_count, elbo_error *error);

typedef struct elbo_safetensors elbo_safetensors;

/* Reads a file and checks all of it: lengths, JSON, types, shapes, offsets, and the checksums where they are present.
 * NULL with ELBO_ERROR_FORMAT and a message that names the file, the tensor, the offset and what was expected. */
elbo_safetensors *elbo_safetensors_open(const char *path, elbo_error *error);
void elbo_safetensors_free(elbo_safetensors *file);

/* The tensors in the order of their data; borrowed from the file. */
size_t elbo_safetensors_count(const elbo_safetensors *file);
const elbo_safetensors_tensor *elbo_safetensors_at(const elbo_safetensors *file, size_t index);
/* NULL when there is none of that name. */
const elbo_safetensors_tensor *elbo_safetensors_find(const elbo_safetensors *file, const char *name);

/* Copies a tensor of exactly this shape into out, the caller's memory of that many elements.  F32 and F64 convert into
 * one another; every other type is copied as it is.  ELBO_ERROR_SHAPE names both sides when they do not fit. */
elbo_status elbo_safetensors_copy(const elbo_safetensors *file, const char *name, elbo_dtype dtype, int rank,
                                  const int64_t *shape, void *out, elbo_error *error);

/* A metadata text, borrowed; NULL when there is none of that key. */
const char *elbo_safetensors_metadata(const elbo_safetensors *file, const char *key);
size_t elbo_safetensors_pair_count(const elbo_safetensors *file);
const elbo_safetensors_pair *elbo_safetensors_pair_at(const elbo_safetensors *file, size_t index);

#endif
