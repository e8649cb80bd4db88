/* Between f32 and bf16, and into the pairs of rows that bf16 products read. */
#ifndef ELBO_BACKEND_CPU_VECTOR_CONVERT_H
#define ELBO_BACKEND_CPU_VECTOR_CONVERT_H

#include "backend/cpu/vector/math.h"

/* The upper half of the result is bf16, rounded to the nearest, ties to even; a NaN stays one. */
VECTOR_INLINE uint32_t rounded_bits(float value) {
    uint32_t bits = to_bits(value), nearest_even = bits + 0x7fffu + (bits >> 16 & 1);
    return (bits & 0x7fffffffu) > 0x7f800000u ? bits | 0x400000u : nearest_even;
}

static void to_bf16(uint16_t *restrict out, const float *restrict in, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = (uint16_t)(rounded_bits(in[i]) >> 16);
}

static void pair_rows(uint32_t *restrict out, const float *restrict even, const float *restrict odd, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = rounded_bits(even[i]) >> 16 | (rounded_bits(odd[i]) & 0xffff0000u);
}

enum { TILE = 16 };

#ifdef __AVX512F__
typedef uint32_t tile_row __attribute__((vector_size(4 * TILE)));

/* Exchanges the blocks of `width` columns that lie off the diagonal of each 2 width x 2 width square. */
VECTOR_INLINE void exchange(tile_row t[TILE], int width, tile_row upper, tile_row lower) {
    for (int i = 0; i < TILE; i++) {
        if (i & width) continue;
        tile_row a = t[i], b = t[i + width];
        t[i] = __builtin_shuffle(a, b, upper);
        t[i + width] = __builtin_shuffle(a, b, lower);
    }
}

VECTOR_INLINE void transpose_tile(uint32_t *out, int64_t out_stride, uint32_t tile[TILE][TILE]) {
    tile_row t[TILE];
    for (int i = 0; i < TILE; i++) memcpy(&t[i], tile[i], sizeof t[i]);
    exchange(t, 8, (tile_row){0, 1, 2, 3, 4, 5, 6, 7, 16, 17, 18, 19, 20, 21, 22, 23},
             (tile_row){8, 9, 10, 11, 12, 13, 14, 15, 24, 25, 26, 27, 28, 29, 30, 31});
    exchange(t, 4, (tile_row){0, 1, 2, 3, 16, 17, 18, 19, 8, 9, 10, 11, 24, 25, 26, 27},
             (tile_row){4, 5, 6, 7, 20, 21, 22, 23, 12, 13, 14, 15, 28, 29, 30, 31});
    exchange(t, 2, (tile_row){0, 1, 16, 17, 4, 5, 20, 21, 8, 9, 24, 25, 12, 13, 28, 29},
             (tile_row){2, 3, 18, 19, 6, 7, 22, 23, 10, 11, 26, 27, 14, 15, 30, 31});
    exchange(t, 1, (tile_row){0, 16, 2, 18, 4, 20, 6, 22, 8, 24, 10, 26, 12, 28, 14, 30},
             (tile_row){1, 17, 3, 19, 5, 21, 7, 23, 9, 25, 11, 27, 13, 29, 15, 31});
    for (int i = 0; i < TILE; i++) memcpy(out + i * out_stride, &t[i], sizeof t[i]);
}
#else
VECTOR_INLINE void transpose_tile(uint32_t *out, int64_t out_stride, uint32_t tile[TILE][TILE]) {
    for (int i = 0; i < TILE; i++)
        for (int j = 0; j < TILE; j++) out[i * out_stride + j] = tile[j][i];
}
#endif

static void pair_columns(uint32_t *restrict out, int64_t out_stride, const float *restrict in, int64_t stride,
                         int64_t rows, int64_t columns) {
    uint32_t tile[TILE][TILE];
    if (rows < TILE || columns < 2 * TILE) memset(tile, 0, sizeof tile);
    for (int64_t i = 0; i < rows; i++) {
        const float *row = in + i * stride;
        if (columns == 2 * TILE) {
            for (int j = 0; j < TILE; j++)
                tile[i][j] = rounded_bits(row[2 * j]) >> 16 | (rounded_bits(row[2 * j + 1]) & 0xffff0000u);
            continue;
        }
        for (int64_t j = 0; j < columns; j++)
            tile[i][j / 2] |= j & 1 ? rounded_bits(row[j]) & 0xffff0000u : rounded_bits(row[j]) >> 16;
    }
    transpose_tile(out, out_stride, tile);
}

#endif
