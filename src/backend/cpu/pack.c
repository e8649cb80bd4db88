/* A block of 32 rows and `width` columns holds pairs of rows: (0, 1) of every column, then (2, 3) of every column,
 * and so on. Seen as 32-bit words, that is the plain order of a [16, width] matrix. */
#include "backend/cpu/pack.h"

enum { BLOCK_ROWS = 32, TILE_COLUMNS = 16, WIDEST = 64, PART = 4096, SMALL = 8192 };

static const float zeros[WIDEST];

static int64_t smaller(int64_t a, int64_t b) { return a < b ? a : b; }

static void pack_rows(const elbo_pack *pack, uint32_t *to, int64_t row, int64_t column) {
    int64_t last = smaller(row + BLOCK_ROWS, pack->k), columns = smaller(pack->width, pack->n - column);
    for (int64_t r = row; r < last; r += 2, to += pack->width) {
        const float *even = pack->from + r * pack->n + column, *odd = r + 1 < last ? even + pack->n : zeros;
        pack->vector->pair_rows(to, even, odd, columns);
    }
}

static void pack_columns(const elbo_pack *pack, uint32_t *to, int64_t row, int64_t column) {
    int64_t rows = smaller(BLOCK_ROWS, pack->k - row), last = smaller(column + pack->width, pack->n);
    for (int64_t c = column; c < last; c += TILE_COLUMNS, to += TILE_COLUMNS)
        pack->vector->pair_columns(to, pack->width, pack->from + c * pack->k + row, pack->k,
                                   smaller(TILE_COLUMNS, last - c), rows);
}

static void pack_pairs(const elbo_pack *pack) {
    int64_t down = (pack->k + BLOCK_ROWS - 1) / BLOCK_ROWS, across = (pack->n + pack->width - 1) / pack->width;
#pragma omp parallel for schedule(static) num_threads(pack->threads) if (pack->k * pack->n > SMALL)
    for (int64_t block = 0; block < down * across; block++) {
        int64_t i = block % down, j = block / down;
        uint32_t *to = (uint32_t *)(pack->to + i * pack->down + j * pack->right);
        (pack->transposed ? pack_columns : pack_rows)(pack, to, i * BLOCK_ROWS, j * pack->width);
    }
}

static void convert(const elbo_pack *pack) {
    int64_t parts = (pack->count + PART - 1) / PART;
#pragma omp parallel for schedule(static) num_threads(pack->threads) if (pack->count > SMALL)
    for (int64_t part = 0; part < parts; part++)
        pack->vector->to_bf16(pack->to + part * PART, pack->from + part * PART,
                              smaller(PART, pack->count - part * PART));
}

void elbo_pack_run(const elbo_pack *pack) {
    if (pack->kind == ELBO_PACK_CONVERT)
        convert(pack);
    else
        pack_pairs(pack);
}
