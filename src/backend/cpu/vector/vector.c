/* Compiled once for each instruction set (ELBO_ISA): plain loops that the compiler turns into vector code. */
#include "backend/cpu/vector/vector.h"

#include <math.h>
#include <string.h>

#include "backend/cpu/vector/convert.h"
#include "backend/cpu/vector/math.h"
#include "backend/cpu/vector/random.h"
#include "base/special.h"

#define REAL           float
#define M_abs(x)       fabsf(x)
#define M_exp(x)       v_exp(x)
#define M_log(x)       v_log(x)
#define M_log1p(x)     v_log1p(x)
#define M_expm1(x)     v_expm1(x)
#define M_sqrt(x)      sqrtf(x)
#define M_sin(x)       sinf(x)
#define M_cos(x)       cosf(x)
#define M_tan(x)       tanf(x)
#define M_atan(x)      atanf(x)
#define M_tanh(x)      v_tanh(x)
#define M_erf(x)       erff(x)
#define M_pow(x, p)    powf(x, p)
#define M_floor(x)     floorf(x)
#define M_lgamma(x)    lgammaf(x)
#define M_sigmoid(x)   v_sigmoid(x)
#define M_softplus(x)  v_softplus(x)
#define M_erfinv(x)    ((float)elbo_erfinv_value((double)(x)))
#define M_digamma(x)   ((float)elbo_digamma_value((double)(x)))
#define M_trigamma(x)  ((float)elbo_trigamma_value((double)(x)))
#define M_is_finite(x) ((x) - (x) == 0 ? 1.0f : 0.0f)

/* The operands may be the same array, element for element, so that an operation can work in place. */
#define E(name, arity, value, gradient_a, gradient_b, gradient_c, low, high)                               \
    static void run_##name(float *out, const float *pa, const float *pb, const float *pc, int64_t count) { \
        _Pragma("GCC ivdep") for (int64_t i = 0; i < count; i++) {                                         \
            float a = pa[i], b = arity > 1 ? pb[i] : 0, c = arity > 2 ? pc[i] : 0;                         \
            (void)a, (void)b, (void)c;                                                                     \
            out[i] = value;                                                                                \
        }                                                                                                  \
    }
#include "ops/elementwise.def"
#undef E

static void fill(float *out, float value, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = value;
}

static void from_u8(float *restrict out, const uint8_t *restrict in, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = (float)in[i];
}

static void from_i32(float *restrict out, const int32_t *restrict in, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] = (float)in[i];
}

enum { LANES = 64 };

/* The same tree of additions for every instruction set: 64 partial sums, then halves. */
static float fold_sum(float *lane) {
    for (int width = LANES / 2; width > 0; width /= 2)
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    return lane[0];
}

static float sum(const float *in, int64_t count) {
    float lane[LANES] = {0};
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) lane[j] += in[i + j];
    for (int j = 0; i < count; i++, j++) lane[j] += in[i];
    return fold_sum(lane);
}

static float maximum(const float *in, int64_t count) {
    float lane[LANES];
    int32_t nan[LANES] = {0}; /* comparisons are false for NaN: it must be looked for */
    for (int j = 0; j < LANES; j++) lane[j] = in[0];
    int64_t i = 0;
    for (; i + LANES <= count; i += LANES)
        for (int j = 0; j < LANES; j++) {
            float value = in[i + j];
            lane[j] = lane[j] < value ? value : lane[j];
            nan[j] |= value != value;
        }
    for (int j = 0; i < count; i++, j++) {
        lane[j] = lane[j] < in[i] ? in[i] : lane[j];
        nan[j] |= in[i] != in[i];
    }
    for (int j = 1; j < LANES; j++) {
        lane[0] = lane[0] < lane[j] ? lane[j] : lane[0];
        nan[0] |= nan[j];
    }
    return nan[0] ? NAN : lane[0];
}

static float sum_exp(const float *in, float shift, int64_t count) {
    float lane[LANES] = {0}, value[LANES];
    for (int64_t i = 0; i < count; i += LANES) {
        int64_t width = count - i < LANES ? count - i : LANES;
        for (int64_t j = 0; j < width; j++) value[j] = v_exp(in[i + j] - shift);
        for (int64_t j = 0; j < width; j++) lane[j] += value[j];
    }
    return fold_sum(lane);
}

static void add_rows(float *restrict out, const float *restrict in, int64_t rows, int64_t stride, int64_t columns) {
    int64_t row = 0;
    for (; row + 4 <= rows; row += 4) { /* four rows at a time: out is loaded and stored a quarter as often */
        const float *r0 = in + row * stride, *r1 = r0 + stride, *r2 = r1 + stride, *r3 = r2 + stride;
        for (int64_t j = 0; j < columns; j++) out[j] += (r0[j] + r1[j]) + (r2[j] + r3[j]);
    }
    for (; row < rows; row++)
        for (int64_t j = 0; j < columns; j++) out[j] += in[row * stride + j];
}

#define PASTE(a, b) a##b
#define TABLE(isa)  PASTE(elbo_vector_, isa)
#define TEXT(x)     #x
#define NAME(isa)   TEXT(isa)
const elbo_vector_table TABLE(ELBO_ISA) = {
    .name = NAME(ELBO_ISA),
    .elementwise =
        {
#define E(name, ...) [ELBO_CODE_##name] = run_##name,
#include "ops/elementwise.def"
#undef E
        },
    .fill = fill,
    .from_u8 = from_u8,
    .from_i32 = from_i32,
    .sum = sum,
    .maximum = maximum,
    .sum_exp = sum_exp,
    .add_rows = add_rows,
    .uniform = uniform,
    .normal = normal,
    .to_bf16 = to_bf16,
    .pair_rows = pair_rows,
    .pair_columns = pair_columns,
};
