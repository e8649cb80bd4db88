/* Elementary functions as branch-free arithmetic on floats, so that loops over them become vector code.
 * tests/vector_test.c measures their errors over all floats and states a bound for each: 1 to 4 units in the last
 * place. */
#ifndef ELBO_BACKEND_CPU_VECTOR_MATH_H
#define ELBO_BACKEND_CPU_VECTOR_MATH_H

#include <math.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>

#define VECTOR_INLINE static inline __attribute__((always_inline))

VECTOR_INLINE float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

VECTOR_INLINE uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* The nearest whole number, for |x| < 2^22: adding 1.5 2^23 leaves no room for a fraction. */
VECTOR_INLINE float nearest(float x) { return (x + 12582912.0f) - 12582912.0f; }
/* The same as an integer. Other x, NaN among them, give an arbitrary one. */
VECTOR_INLINE int32_t whole(float x) { return (int32_t)(to_bits(x + 12582912.0f) - 0x4b400000u); }

VECTOR_INLINE float power_of_two(int32_t exponent) { return from_bits((uint32_t)(exponent + 127) << 23); }

/* Polynomials are summed in pairs (Estrin's scheme): these loops wait for chains of dependent operations, not for
 * arithmetic units, and pairs halve the chain. */

/* e^x - 1 for |x| <= ln(2)/2: Taylor's series to degree 7. */
VECTOR_INLINE float expm1_small(float r) {
    float q = r * r, low = 1.66666667e-1f * r + 0.5f, middle = 8.33333333e-3f * r + 4.16666667e-2f;
    float high = 1.98412698e-4f * r + 1.38888889e-3f;
    return ((high * q + middle) * q + low) * q + r;
}

/* atanh(s) / s - 1 over q = s^2, for |s| <= 1/3: 1/3 + q/5 + q^2/7 + ... */
VECTOR_INLINE float atanh_series(float q) {
    float w = q * q, low = 0.2f * q + 0.333333333f, middle = 0.111111111f * q + 0.142857143f;
    float high = 0.0769230769f * q + 0.0909090909f;
    return (high * w + middle) * w + low;
}

/* x = n ln 2 + r; ln 2 in two parts so that n ln 2 is exact enough. */
VECTOR_INLINE float reduced(float x, float n) { return (x - n * 0.693359375f) + n * 2.12194440e-4f; }

VECTOR_INLINE float v_exp(float x) {
    x = x > 89.0f ? 89.0f : x;
    x = x < -104.0f ? -104.0f : x;
    float turns = x * 1.44269504f;
    int32_t i = whole(turns), half = i >> 1; /* two factors: the result may be subnormal or overflow */
    return (expm1_small(reduced(x, nearest(turns))) + 1.0f) * power_of_two(half) * power_of_two(i - half);
}

/* e^x - 1 for -30 <= x <= 87. */
VECTOR_INLINE float expm1_middle(float x) {
    float turns = x * 1.44269504f, scale = power_of_two(whole(turns));
    return scale * expm1_small(reduced(x, nearest(turns))) + (scale - 1.0f);
}

VECTOR_INLINE float v_expm1(float x) {
    float z = x > 87.0f ? 87.0f : x, large = v_exp(x);
    z = z < -30.0f ? -30.0f : z;
    float small = expm1_middle(z);
    return x > 87.0f ? large : small;
}

/* log of a positive normal mantissa around 1: 2 atanh(s), s = (m - 1) / (m + 1). */
VECTOR_INLINE float log_mantissa(float f) {
    float s = f / (2.0f + f), q = s * s, p = atanh_series(q);
    /* f - f^2/2 + ... arranged so that the leading term f is exact */
    float half_square = 0.5f * f * f;
    return f - (half_square - s * (half_square + 2.0f * q * p));
}

/* log of a positive normal number. */
VECTOR_INLINE float log_normal(float x) {
    uint32_t bits = to_bits(x);
    int32_t e = (int32_t)(bits - 0x3f3504f3u) >> 23; /* mantissa in [sqrt(1/2), sqrt(2)) */
    float k = (float)e;
    return k * 0.693359375f + (log_mantissa(from_bits(bits - ((uint32_t)e << 23)) - 1.0f) - k * 2.12194440e-4f);
}

VECTOR_INLINE float v_log(float x) {
    bool subnormal = x < 1.17549435e-38f;
    float value = log_normal(subnormal ? x * 8388608.0f : x) - (subnormal ? 15.9423851f : 0.0f); /* 23 ln 2 */
    value = x > 3.4028234e38f ? x : value;
    value = x == 0 ? -INFINITY : value;
    value = x < 0 ? NAN : value;
    return x != x ? x : value;
}

VECTOR_INLINE float v_log1p(float x) {
    float u = 1.0f + x, lost = x - (u - 1.0f); /* what rounding 1 + x dropped */
    float value = v_log(u) + (u > 0 && u < 3.0e38f ? lost / u : 0.0f);
    return value;
}

VECTOR_INLINE float v_tanh(float x) {
    float size = x < 0 ? -x : x;
    size = size > 9.5f ? 9.5f : size;
    float t = expm1_middle(2.0f * size), y = t / (t + 2.0f);
    return x < 0 ? -y : y;
}

/* With e^-|x|, which cannot overflow. */
VECTOR_INLINE float v_sigmoid(float x) {
    float t = v_exp(x < 0 ? x : -x);
    return (x < 0 ? t : 1.0f) / (1.0f + t);
}

/* max(x, 0) + log(1 + e^-|x|); log(1 + t) as t times a polynomial, a Chebyshev fit to log(1 + t) / t over [0, 1] whose
 * error is 5e-9: no division. */
VECTOR_INLINE float v_softplus(float x) {
    float t = v_exp(x < 0 ? x : -x), w = t * t, w2 = w * w;
    float p01 = 1.0f - 0.49999904f * t, p23 = 0.33330004f - 0.249545589f * t;
    float p45 = 0.196781173f - 0.153118631f * t, p67 = 0.106142647f - 0.0570642008f * t;
    float p89 = 0.0199071609f - 0.00325637848f * t;
    float p = (p01 + p23 * w) + ((p45 + p67 * w) + p89 * w2) * w2;
    return (x > 0 ? x : 0.0f) + t * p;
}

/* Sine and cosine of 2 pi u for u in [0, 1]: fold to an eighth of a turn, then Taylor's series. */
VECTOR_INLINE void turn(float u, float *sine, float *cosine) {
    float quarter = nearest(4.0f * u), r = (u - 0.25f * quarter) * 6.28318531f, q = r * r;
    float s = 2.7557319e-6f;
    s = s * q - 1.98412698e-4f;
    s = s * q + 8.33333333e-3f;
    s = s * q - 1.66666667e-1f;
    s = s * q * r + r;
    float c = 2.48015873e-5f;
    c = c * q - 1.38888889e-3f;
    c = c * q + 4.16666667e-2f;
    c = c * q - 0.5f;
    c = c * q + 1.0f;
    int32_t k = whole(4.0f * u);
    float a = k & 1 ? c : s, b = k & 1 ? s : c;
    *sine = k & 2 ? -a : a;
    *cosine = (k + 1) & 2 ? -b : b;
}

#endif
