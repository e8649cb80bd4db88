/* Counter-based random numbers: Philox4x32-10 (Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3").
 *
 * A draw is a function of (seed, stream, step, row, column) alone, so that the numbers are the same for any thread
 * count, any sharding of the rows and any backend.  The 64-bit seed is the key; the counter is
 * (column / 4, row, step, stream); lane column % 4 of the block is the draw. */
#ifndef ELBO_BASE_RNG_H
#define ELBO_BASE_RNG_H

#include <stdint.h>

typedef struct elbo_rng {
    uint64_t seed;
    uint32_t stream, step;
} elbo_rng;

/* Streams that the library itself uses; graph nodes get theirs from ELBO_STREAM_GRAPH upwards. */
enum {
    ELBO_STREAM_SPLIT = 1,
    ELBO_STREAM_SHUFFLE,
    ELBO_STREAM_INIT,
    ELBO_STREAM_SYNTH,
    ELBO_STREAM_SAMPLE,
    ELBO_STREAM_GRAPH = 1000
};

/* The block of four words of (row, block). */
void elbo_rng_block(const elbo_rng *rng, uint32_t row, uint32_t block, uint32_t out[4]);
/* 32 random bits. */
uint32_t elbo_rng_bits(const elbo_rng *rng, uint32_t row, uint32_t column);
/* Uniform on (0,1): (bits >> 9) + 1/2 in units of 2^-23, exact in f32 and f64 alike. */
double elbo_rng_uniform(const elbo_rng *rng, uint32_t row, uint32_t column);
/* Standard normal by Box and Muller from the uniforms of columns (c & ~1) and (c | 1): radius from the even one,
 * angle 2 pi u from the odd one; cosine for even columns, sine for odd ones. */
double elbo_rng_normal(const elbo_rng *rng, uint32_t row, uint32_t column);
/* A uniform integer in [0, bound), unbiased up to 2^-64. */
uint64_t elbo_rng_below(const elbo_rng *rng, uint32_t row, uint32_t column, uint64_t bound);
/* A permutation of 0..count-1 (Fisher-Yates), a function of the generator alone. */
void elbo_rng_permutation(const elbo_rng *rng, int64_t *out, int64_t count);

#endif
