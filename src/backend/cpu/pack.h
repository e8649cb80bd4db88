/* Operands of bf16 products, made from f32 faster than by a general reorder. */
#ifndef ELBO_BACKEND_CPU_PACK_H
#define ELBO_BACKEND_CPU_PACK_H

#include <stdbool.h>
#include <stdint.h>

#include "backend/cpu/vector/vector.h"

typedef enum elbo_pack_kind {
    ELBO_PACK_NONE,
    ELBO_PACK_CONVERT, /* the same order, as bf16 */
    ELBO_PACK_PAIRS    /* a right operand [k, n] in blocks of 32 rows and `width` columns, rows in pairs */
} elbo_pack_kind;

typedef struct elbo_pack {
    elbo_pack_kind kind;
    const elbo_vector_table *vector;
    int threads;
    const float *from;
    uint16_t *to;        /* zeroed when it was made: padding is not written again */
    int64_t count;       /* CONVERT: elements */
    int64_t k, n;        /* PAIRS: the operand's shape */
    bool transposed;     /* PAIRS: stored as [n, k] */
    int64_t width;       /* PAIRS: a multiple of 16, at most 64 */
    int64_t down, right; /* PAIRS: elements from one block to the next, along k and along n */
} elbo_pack;

void elbo_pack_run(const elbo_pack *pack);

#endif
