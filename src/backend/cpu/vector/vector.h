/* The vector kernels: one table for each instruction set; the backend picks the best that the processor has. */
#ifndef ELBO_BACKEND_CPU_VECTOR_VECTOR_H
#define ELBO_BACKEND_CPU_VECTOR_VECTOR_H

#include <stdint.h>

#include "ops/elementwise.h"

typedef void (*elbo_vector_function)(float *out, const float *a, const float *b, const float *c, int64_t count);

typedef struct elbo_vector_table {
    const char *name;
    elbo_vector_function elementwise[ELBO_CODE_COUNT];
    void (*fill)(float *out, float value, int64_t count);
    void (*from_u8)(float *out, const uint8_t *in, int64_t count);
    void (*from_i32)(float *out, const int32_t *in, int64_t count);
    float (*sum)(const float *in, int64_t count);
    float (*maximum)(const float *in, int64_t count);
    /* sum of e^(in - shift) */
    float (*sum_exp)(const float *in, float shift, int64_t count);
    /* out[j] += in[j] for `rows` rows that lie `stride` apart */
    void (*add_rows)(float *out, const float *in, int64_t rows, int64_t stride, int64_t columns);
    /* Four draws for each Philox block: out[4 i + lane] of counter (block[i], row[i], step, stream). Room for count
     * rounded up to 16 blocks is needed in all arrays. */
    void (*uniform)(float *out, const uint32_t *block, const uint32_t *row, uint32_t step, uint32_t stream,
                    uint64_t seed, int64_t count);
    void (*normal)(float *out, const uint32_t *block, const uint32_t *row, uint32_t step, uint32_t stream,
                   uint64_t seed, int64_t count);
    /* Rounded to the nearest, ties to even. */
    void (*to_bf16)(uint16_t *out, const float *in, int64_t count);
    /* out[i]: even[i] in the low half, odd[i] in the high half, both as bf16 */
    void (*pair_rows)(uint32_t *out, const float *even, const float *odd, int64_t count);
    /* A tile of at most 16 rows and 32 columns of `in`, transposed: out[j out_stride + i] holds columns 2 j and 2 j + 1
     * of row i as bf16. All 16 x 16 are written, with zeros beyond the rows and columns. */
    void (*pair_columns)(uint32_t *out, int64_t out_stride, const float *in, int64_t stride, int64_t rows,
                         int64_t columns);
} elbo_vector_table;

extern const elbo_vector_table elbo_vector_baseline;
#ifdef ELBO_VECTOR_X86
extern const elbo_vector_table elbo_vector_avx2, elbo_vector_avx512;
#endif

/* The best table for this processor. */
const elbo_vector_table *elbo_vector_best(void);

#endif
