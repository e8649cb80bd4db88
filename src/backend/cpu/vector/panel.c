/* Compiled once for each instruction set (ELBO_ISA). */
#include "backend/cpu/vector/panel.h"

#if defined(__AVX512F__)
enum { WIDTH = 8 };
#elif defined(__AVX2__)
enum { WIDTH = 4 };
#else
enum { WIDTH = 2 };
#endif
typedef double vec __attribute__((vector_size(8 * WIDTH), may_alias));

/* A tile of products is TILE rows by two vectors: enough chains to hide the latency of a multiply-add, few enough for
 * 16 registers. */
enum { TILE = 4, PAIR = 2 * WIDTH };

#define INLINE static inline __attribute__((always_inline))

INLINE vec load(const double *from) { return *(const vec *)from; }
INLINE void store(double *to, vec value) { *(vec *)to = value; }

/* The same order of additions whatever came before: halves onto halves. */
INLINE double total(vec value) {
    double lane[WIDTH];
    for (int i = 0; i < WIDTH; i++) lane[i] = value[i];
    for (int width = WIDTH / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

static void distance(double *out, const double *x, const double *mean, const double *precision, int64_t dims) {
    for (int lane = 0; lane < ELBO_PANEL; lane += PAIR) {
        vec sum[2][2] = {{{0}}};
        int64_t d = 0;
        for (; d + 2 <= dims; d += 2)
            for (int unrolled = 0; unrolled < 2; unrolled++) {
                const double *at = x + (d + unrolled) * ELBO_PANEL + lane;
                vec a = load(at) - mean[d + unrolled], b = load(at + WIDTH) - mean[d + unrolled];
                sum[unrolled][0] += a * precision[d + unrolled] * a;
                sum[unrolled][1] += b * precision[d + unrolled] * b;
            }
        for (; d < dims; d++) {
            const double *at = x + d * ELBO_PANEL + lane;
            vec a = load(at) - mean[d], b = load(at + WIDTH) - mean[d];
            sum[0][0] += a * precision[d] * a;
            sum[0][1] += b * precision[d] * b;
        }
        store(out + lane, sum[0][0] + sum[1][0]);
        store(out + lane + WIDTH, sum[0][1] + sum[1][1]);
    }
}

/* y[i][0..1] = a row i of a times two vectors of rows of x. */
INLINE void product_tile(vec y[TILE][2], const double *a, int64_t stride, const double *x, int64_t k) {
    vec y00 = {0}, y01 = {0}, y10 = {0}, y11 = {0}, y20 = {0}, y21 = {0}, y30 = {0}, y31 = {0};
    const double *a0 = a, *a1 = a0 + stride, *a2 = a1 + stride, *a3 = a2 + stride;
    for (int64_t j = 0; j < k; j++, x += ELBO_PANEL) {
        vec left = load(x), right = load(x + WIDTH);
        y00 += a0[j] * left, y01 += a0[j] * right;
        y10 += a1[j] * left, y11 += a1[j] * right;
        y20 += a2[j] * left, y21 += a2[j] * right;
        y30 += a3[j] * left, y31 += a3[j] * right;
    }
    y[0][0] = y00, y[0][1] = y01, y[1][0] = y10, y[1][1] = y11;
    y[2][0] = y20, y[2][1] = y21, y[3][0] = y30, y[3][1] = y31;
}

INLINE void product_row(vec y[2], const double *a, const double *x, int64_t k) {
    vec left = {0}, right = {0};
    for (int64_t j = 0; j < k; j++, x += ELBO_PANEL) left += a[j] * load(x), right += a[j] * load(x + WIDTH);
    y[0] = left, y[1] = right;
}

static void quadratic(double *out, const double *a, const double *x, int64_t dims) {
    for (int lane = 0; lane < ELBO_PANEL; lane += PAIR) {
        vec sum[2] = {{0}}, y[TILE][2];
        int64_t i = 0;
        for (; i + TILE <= dims; i += TILE) {
            product_tile(y, a + i * dims, dims, x + lane, i + TILE);
            for (int t = 0; t < TILE; t++)
                for (int half = 0; half < 2; half++) sum[half] += y[t][half] * y[t][half];
        }
        for (; i < dims; i++) {
            product_row(y[0], a + i * dims, x + lane, i + 1);
            for (int half = 0; half < 2; half++) sum[half] += y[0][half] * y[0][half];
        }
        for (int half = 0; half < 2; half++) store(out + lane + half * WIDTH, sum[half]);
    }
}

static void multiply(double *out, const double *a, int64_t stride, const double *x, int64_t m, int64_t k) {
    for (int lane = 0; lane < ELBO_PANEL; lane += PAIR) {
        vec y[TILE][2];
        int64_t i = 0;
        for (; i + TILE <= m; i += TILE) {
            product_tile(y, a + i * stride, stride, x + lane, k);
            for (int t = 0; t < TILE; t++)
                for (int half = 0; half < 2; half++)
                    store(out + (i + t) * ELBO_PANEL + lane + half * WIDTH, y[t][half]);
        }
        for (; i < m; i++) {
            product_row(y[0], a + i * stride, x + lane, k);
            for (int half = 0; half < 2; half++) store(out + i * ELBO_PANEL + lane + half * WIDTH, y[0][half]);
        }
    }
}

INLINE void gather_tile(double *c, int64_t stride, const elbo_panels *u, int64_t i, const elbo_panels *v, int64_t j) {
    vec c00 = {0}, c01 = {0}, c10 = {0}, c11 = {0}, c20 = {0}, c21 = {0}, c30 = {0}, c31 = {0};
    for (int64_t p = 0; p < u->count; p++) {
        const double *a = u->data + (p * u->dims + i) * ELBO_PANEL, *b = v->data + (p * v->dims + j) * ELBO_PANEL;
        for (int lane = 0; lane < ELBO_PANEL; lane += WIDTH) {
            vec b0 = load(b + lane), b1 = load(b + ELBO_PANEL + lane);
            vec a0 = load(a + lane), a1 = load(a + ELBO_PANEL + lane);
            vec a2 = load(a + 2 * ELBO_PANEL + lane), a3 = load(a + 3 * ELBO_PANEL + lane);
            c00 += a0 * b0, c01 += a0 * b1, c10 += a1 * b0, c11 += a1 * b1;
            c20 += a2 * b0, c21 += a2 * b1, c30 += a3 * b0, c31 += a3 * b1;
        }
    }
    c += i * stride + j;
    c[0] += total(c00), c[1] += total(c01);
    c[stride] += total(c10), c[stride + 1] += total(c11);
    c[2 * stride] += total(c20), c[2 * stride + 1] += total(c21);
    c[3 * stride] += total(c30), c[3 * stride + 1] += total(c31);
}

INLINE void gather_one(double *c, int64_t stride, const elbo_panels *u, int64_t i, const elbo_panels *v, int64_t j) {
    vec sum = {0};
    for (int64_t p = 0; p < u->count; p++) {
        const double *a = u->data + (p * u->dims + i) * ELBO_PANEL, *b = v->data + (p * v->dims + j) * ELBO_PANEL;
        for (int lane = 0; lane < ELBO_PANEL; lane += WIDTH) sum += load(a + lane) * load(b + lane);
    }
    c[i * stride + j] += total(sum);
}

static void gather(double *c, int64_t stride, const elbo_panels *u, int64_t first_i, int64_t end_i,
                   const elbo_panels *v, int64_t first_j, int64_t end_j, bool lower) {
    int64_t i = first_i;
    for (; i + TILE <= end_i; i += TILE) {
        int64_t end = lower && i + TILE < end_j ? i + TILE : end_j, j = first_j;
        for (; j + 2 <= end; j += 2) gather_tile(c, stride, u, i, v, j);
        for (; j < end; j++)
            for (int t = 0; t < TILE; t++) gather_one(c, stride, u, i + t, v, j);
    }
    for (; i < end_i; i++) {
        int64_t end = lower && i + 1 < end_j ? i + 1 : end_j;
        for (int64_t j = first_j; j < end; j++) gather_one(c, stride, u, i, v, j);
    }
}

/* `tile` dimensions from d on, at most TILE: a constant where the compiler is to unroll. */
INLINE void moments_tile(double *first, double *second, const elbo_panels *x, const double *mean, const double *r,
                         int64_t stride, int64_t d, int tile) {
    vec one[TILE], two[TILE];
    for (int t = 0; t < tile; t++) one[t] = two[t] = (vec){0};
    for (int64_t p = 0; p < x->count; p++) {
        const double *at = x->data + (p * x->dims + d) * ELBO_PANEL, *weight = r + p * stride;
        for (int lane = 0; lane < ELBO_PANEL; lane += WIDTH) {
            vec w = load(weight + lane);
            for (int t = 0; t < tile; t++) {
                vec away = load(at + t * ELBO_PANEL + lane) - mean[d + t], weighted = w * away;
                one[t] += weighted;
                two[t] += weighted * away;
            }
        }
    }
    for (int t = 0; t < tile; t++) {
        first[d + t] += total(one[t]);
        second[d + t] += total(two[t]);
    }
}

static void moments(double *first, double *second, const elbo_panels *x, const double *mean, const double *r,
                    int64_t stride, int64_t first_d, int64_t end_d) {
    int64_t d = first_d;
    for (; d + TILE <= end_d; d += TILE) moments_tile(first, second, x, mean, r, stride, d, TILE);
    for (; d < end_d; d++) moments_tile(first, second, x, mean, r, stride, d, 1);
}

#define PASTE(a, b) a##b
#define TABLE(isa)  PASTE(elbo_panel_, isa)
#define TEXT(x)     #x
#define NAME(isa)   TEXT(isa)
const elbo_panel_table TABLE(ELBO_ISA) = {
    .name = NAME(ELBO_ISA),
    .distance = distance,
    .quadratic = quadratic,
    .multiply = multiply,
    .gather = gather,
    .moments = moments,
};
