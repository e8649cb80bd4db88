#include "base/rng.h"

#include <Random123/philox.h>
#include <math.h>

void elbo_rng_block(const elbo_rng *rng, uint32_t row, uint32_t block, uint32_t out[4]) {
    philox4x32_ctr_t counter = {{block, row, rng->step, rng->stream}};
    philox4x32_key_t key = {{(uint32_t)rng->seed, (uint32_t)(rng->seed >> 32)}};
    philox4x32_ctr_t result = philox4x32(counter, key);
    for (int lane = 0; lane < 4; lane++) out[lane] = result.v[lane];
}

uint32_t elbo_rng_bits(const elbo_rng *rng, uint32_t row, uint32_t column) {
    uint32_t block[4];
    elbo_rng_block(rng, row, column / 4, block);
    return block[column % 4];
}

static double unit(uint32_t bits) { return ((double)(bits >> 9) + 0.5) * 0x1p-23; }

double elbo_rng_uniform(const elbo_rng *rng, uint32_t row, uint32_t column) {
    return unit(elbo_rng_bits(rng, row, column));
}

double elbo_rng_normal(const elbo_rng *rng, uint32_t row, uint32_t column) {
    uint32_t block[4];
    elbo_rng_block(rng, row, column / 4, block);
    uint32_t even = column % 4 & ~1u;
    double radius = sqrt(-2 * log(unit(block[even]))), angle = 6.283185307179586476925 * unit(block[even + 1]);
    return radius * (column & 1 ? sin(angle) : cos(angle));
}

uint64_t elbo_rng_below(const elbo_rng *rng, uint32_t row, uint32_t column, uint64_t bound) {
    uint32_t block[4];
    elbo_rng_block(rng, row, column, block);
    uint64_t bits = (uint64_t)block[0] << 32 | block[1];
    return (uint64_t)((unsigned __int128)bits * bound >> 64);
}

void elbo_rng_permutation(const elbo_rng *rng, int64_t *out, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = i;
    for (int64_t i = count - 1; i > 0; i--) {
        uint64_t j = elbo_rng_below(rng, (uint32_t)(i >> 32), (uint32_t)i, (uint64_t)i + 1);
        int64_t swap = out[i];
        out[i] = out[j];
        out[j] = swap;
    }
}
