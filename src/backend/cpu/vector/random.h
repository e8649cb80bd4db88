/* Philox4x32-10 on many counters at once, and what is drawn from it.
 *
 * A word of a counter sits in the low half of a 64-bit lane, because the instruction that multiplies 32 x 32 -> 64 bits
 * reads just that half of each lane. High halves carry rubbish through the rounds; no result depends on it. */
#ifndef ELBO_BACKEND_CPU_VECTOR_RANDOM_H
#define ELBO_BACKEND_CPU_VECTOR_RANDOM_H

#include "backend/cpu/vector/math.h"

#if defined(__AVX512F__)
#include <immintrin.h>
enum { WIDE_LANES = 8 };
#elif defined(__AVX2__)
#include <immintrin.h>
enum { WIDE_LANES = 4 };
#else
#ifdef __SSE2__
#include <emmintrin.h>
#endif
enum { WIDE_LANES = 2 };
#endif
typedef uint64_t wide __attribute__((vector_size(8 * WIDE_LANES)));
typedef uint32_t narrow __attribute__((vector_size(4 * WIDE_LANES)));

VECTOR_INLINE wide widened(const uint32_t *in) {
    narrow value;
    memcpy(&value, in, sizeof value);
    return __builtin_convertvector(value, wide);
}

/* Products of the low halves. Written out because GCC knows no portable expression that becomes this instruction. */
VECTOR_INLINE wide multiply_low(wide a, wide b) {
#if defined(__AVX512F__)
    return (wide)_mm512_mul_epu32((__m512i)a, (__m512i)b);
#elif defined(__AVX2__)
    return (wide)_mm256_mul_epu32((__m256i)a, (__m256i)b);
#elif defined(__SSE2__)
    return (wide)_mm_mul_epu32((__m128i)a, (__m128i)b);
#else
    return (a & 0xffffffffu) * (b & 0xffffffffu);
#endif
}

/* Counters of WIDE_LANES blocks; two groups run side by side, to hide the latency of the multiplications. */
enum { GROUPS = 2, BLOCKS = GROUPS * WIDE_LANES };

VECTOR_INLINE void philox(wide word[GROUPS][4], uint64_t seed) {
    uint32_t key0 = (uint32_t)seed, key1 = (uint32_t)(seed >> 32);
    const wide first = (wide){0} + 0xD2511F53u, second = (wide){0} + 0xCD9E8D57u;
    for (int round = 0; round < 10; round++) {
        for (int g = 0; g < GROUPS; g++) {
            wide *w = word[g], p0 = multiply_low(w[0], first), p1 = multiply_low(w[2], second);
            w[0] = (p1 >> 32) ^ w[1] ^ ((wide){0} + key0);
            w[2] = (p0 >> 32) ^ w[3] ^ ((wide){0} + key1);
            w[1] = p1;
            w[3] = p0;
        }
        key0 += 0x9E3779B9u;
        key1 += 0xBB67AE85u;
    }
}

/* Words 0..3 of each block next to each other, block after block. */
VECTOR_INLINE void store_blocks(uint32_t *out, const wide *word) {
    wide low = (word[0] & 0xffffffffu) | word[1] << 32, high = (word[2] & 0xffffffffu) | word[3] << 32, a, b;
#if defined(__AVX512F__)
    a = __builtin_shuffle(low, high, (wide){0, 8, 1, 9, 2, 10, 3, 11});
    b = __builtin_shuffle(low, high, (wide){4, 12, 5, 13, 6, 14, 7, 15});
#elif defined(__AVX2__)
    a = __builtin_shuffle(low, high, (wide){0, 4, 1, 5});
    b = __builtin_shuffle(low, high, (wide){2, 6, 3, 7});
#else
    a = __builtin_shuffle(low, high, (wide){0, 2});
    b = __builtin_shuffle(low, high, (wide){1, 3});
#endif
    memcpy(out, &a, sizeof a);
    memcpy(out + 2 * WIDE_LANES, &b, sizeof b);
}

/* (bits >> 9) + 1/2 in units of 2^-23: bits as the mantissa of a number in [1, 2), less 1 - 2^-24, which is exact. */
VECTOR_INLINE float unit_of(uint32_t bits) { return from_bits(bits >> 9 | 0x3f800000u) - 0x1.fffffep-1f; }

static void uniform(float *out, const uint32_t *block, const uint32_t *row, uint32_t step, uint32_t stream,
                    uint64_t seed, int64_t count) {
    for (int64_t first = 0; first < count; first += BLOCKS) {
        wide word[GROUPS][4];
        uint32_t bits[4 * BLOCKS];
        for (int g = 0; g < GROUPS; g++) {
            word[g][0] = widened(block + first + g * WIDE_LANES);
            word[g][1] = widened(row + first + g * WIDE_LANES);
            word[g][2] = (wide){0} + step;
            word[g][3] = (wide){0} + stream;
        }
        philox(word, seed);
        for (int g = 0; g < GROUPS; g++) store_blocks(bits + 4 * WIDE_LANES * g, word[g]);
        for (int i = 0; i < 4 * BLOCKS; i++) out[4 * first + i] = unit_of(bits[i]);
    }
}

/* Box and Muller on neighbours: radius from the even draw, angle from the odd one. */
static void normal(float *out, const uint32_t *block, const uint32_t *row, uint32_t step, uint32_t stream,
                   uint64_t seed, int64_t count) {
    uniform(out, block, row, step, stream, seed, count);
    int64_t pairs = 2 * ((count + BLOCKS - 1) / BLOCKS * BLOCKS);
#pragma GCC ivdep
    for (int64_t i = 0; i < pairs; i++) {
        float sine, cosine, radius = sqrtf(-2.0f * log_normal(out[2 * i]));
        turn(out[2 * i + 1], &sine, &cosine);
        out[2 * i] = radius * cosine;
        out[2 * i + 1] = radius * sine;
    }
}

#endif
