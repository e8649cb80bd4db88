/* The vector kernels of every instruction set that this processor has, against double precision: errors in units of
 * the last place over the whole range of each function, special values, every length of tail, in place; Philox against
 * its published answers and against base/rng; draws by their moments and distribution; sums; bf16. */
#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <gsl/gsl_cdf.h>
#include <gsl/gsl_errno.h>
#include <gsl/gsl_sf_psi.h>

#include "backend/cpu/vector/vector.h"
#include "base/rng.h"

enum { MOST = 1024 };

/* The tables that this processor can run. */
static int tables(const elbo_vector_table *list[3]) {
    int count = 0;
    list[count++] = &elbo_vector_baseline;
#ifdef ELBO_VECTOR_X86
    const char *best = elbo_vector_best()->name;
    if (strcmp(best, "baseline") != 0) list[count++] = &elbo_vector_avx2;
    if (strcmp(best, "avx512") == 0) list[count++] = &elbo_vector_avx512;
#endif
    return count;
}

#define FOR_EACH_TABLE(t)               \
    const elbo_vector_table *list_[3];  \
    int count_ = tables(list_);         \
    for (int i_ = 0; i_ < count_; i_++) \
        for (const elbo_vector_table *t = list_[i_]; t; t = NULL)

static float from_bits(uint32_t bits) {
    float value;
    memcpy(&value, &bits, sizeof value);
    return value;
}

static uint32_t to_bits(float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    return bits;
}

/* ---- functions of one variable ---- */

static double r_neg(double x) { return -x; }
static double r_sign(double x) { return (x > 0) - (x < 0); }
static double r_rsqrt(double x) { return 1 / sqrt(x); }
static double r_square(double x) { return x * x; }
static double r_reciprocal(double x) { return 1 / x; }
static double r_sigmoid(double x) { return 1 / (1 + exp(-x)); }
static double r_softplus(double x) { return fmax(x, 0) + log1p(exp(-fabs(x))); }
static double r_relu(double x) { return x > 0 ? x : 0; }
static double r_erfinv(double x) {
    double tail = 0.5 - 0.5 * fabs(x); /* exact for floats of |x| >= 2^-29 */
    if (fabs(x) < 1e-8) return x * 0.88622692545275801365;
    return copysign(gsl_cdf_ugaussian_Qinv(tail) * 0.70710678118654752440, x);
}
static double r_trigamma(double x) { return gsl_sf_psi_1(x); }
static double r_finite(double x) { return isfinite(x) ? 1 : 0; }

/* ulps: the bound that holds for every float in [low, high]. */
typedef struct function {
    int code;
    const char *name;
    double (*reference)(double);
    double low, high, ulps;
} function;

#define F(name, reference, low, high, ulps) \
    { ELBO_CODE_##name, #name, reference, low, high, ulps }
static const function functions[] = {
    F(neg, r_neg, -INFINITY, INFINITY, 0),
    F(abs, fabs, -INFINITY, INFINITY, 0),
    F(sign, r_sign, -INFINITY, INFINITY, 0),
    F(exp, exp, -INFINITY, INFINITY, 1.2),
    F(log, log, -INFINITY, INFINITY, 1),
    F(log1p, log1p, -INFINITY, INFINITY, 1.6),
    F(expm1, expm1, -INFINITY, INFINITY, 2),
    F(sqrt, sqrt, 0, INFINITY, 0.5),
    F(rsqrt, r_rsqrt, 0, INFINITY, 1.5),
    F(square, r_square, -INFINITY, INFINITY, 0.5),
    F(reciprocal, r_reciprocal, -INFINITY, INFINITY, 0.5),
    F(sin, sin, -INFINITY, INFINITY, 1),
    F(cos, cos, -INFINITY, INFINITY, 1),
    F(tan, tan, -INFINITY, INFINITY, 1.5),
    F(atan, atan, -INFINITY, INFINITY, 1),
    F(tanh, tanh, -INFINITY, INFINITY, 2.5),
    F(sigmoid, r_sigmoid, -INFINITY, INFINITY, 2.5),
    F(softplus, r_softplus, -INFINITY, INFINITY, 4),
    F(relu, r_relu, -INFINITY, INFINITY, 0),
    F(erf, erf, -INFINITY, INFINITY, 1),
    F(erfinv, r_erfinv, 1e-6, 1 - 1e-6, 1),
    F(lgamma, lgamma, 1e-6, 1e30, 4),
    F(digamma, gsl_sf_psi, 1e-6, 1e6, 1),
    F(trigamma, r_trigamma, 1e-6, 1e6, 1),
    F(floor, floor, -INFINITY, INFINITY, 0),
    F(is_finite, r_finite, -INFINITY, INFINITY, 0),
};
enum { FUNCTIONS = sizeof functions / sizeof *functions };

/* |got - exact| in steps of the floats around exact; 0 where both are the same infinity or both NaN. */
static double ulps_between(float got, double exact) {
    float rounded = (float)exact;
    if (isnan(exact)) return isnan(got) ? 0 : INFINITY;
    if (isinf(rounded)) return got == rounded ? 0 : (double)fabsf(got) > 3.4e38 ? 1 : INFINITY;
    if (!isfinite(got)) return fabs(exact) > 3.4028234e38 ? 1 : INFINITY;
    int exponent;
    frexp(exact, &exponent);
    if (exponent < -125) exponent = -125;
    return fabs((double)got - exact) / ldexp(1, exponent - 24);
}

static const float specials[] = {0.0f,
                                 -0.0f,
                                 1e-45f,
                                 -1e-45f,
                                 1.17549421e-38f,
                                 1.17549435e-38f,
                                 -1.1754e-38f,
                                 FLT_EPSILON,
                                 0.5f,
                                 -0.5f,
                                 1.0f,
                                 -1.0f,
                                 1.5f,
                                 -2.0f,
                                 17.3f,
                                 88.7228f,
                                 88.7229f,
                                 -87.3366f,
                                 -103.972f,
                                 -103.973f,
                                 -150.0f,
                                 9.01f,
                                 FLT_MAX,
                                 -FLT_MAX,
                                 INFINITY,
                                 -INFINITY,
                                 NAN,
                                 -NAN,
                                 3.0e38f,
                                 0.99999994f,
                                 1.0000001f,
                                 -0.99999994f};
enum { SPECIALS = sizeof specials / sizeof *specials };

typedef struct worst {
    double ulps;
    float at, got;
} worst;

static void judge(const elbo_vector_table *table, const function *f, const float *in, int count, worst *w) {
    float out[MOST];
    table->elementwise[f->code](out, in, in, in, count);
    for (int i = 0; i < count; i++) {
        bool inside = isnan(in[i]) ? f->code != ELBO_CODE_sign && f->code != ELBO_CODE_relu
                                   : (double)in[i] >= f->low && (double)in[i] <= f->high;
        if (!inside) continue;
        double ulps = ulps_between(out[i], f->reference((double)in[i]));
        if (ulps > w->ulps) *w = (worst){ulps, in[i], out[i]};
    }
}

/* Every STRIDE-th of all 2^32 bit patterns, so that each binade is sampled alike, and the special values. */
static void test_functions(void **state) {
    (void)state;
    enum { STRIDE = 6007 };
    int failures = 0;
    gsl_set_error_handler_off();
    FOR_EACH_TABLE(table) {
        for (int k = 0; k < FUNCTIONS; k++) {
            const function *f = &functions[k];
            worst w = {0};
            float in[MOST];
            int filled = 0;
            judge(table, f, specials, SPECIALS, &w);
            for (uint64_t bits = 1; bits < UINT64_C(1) << 32; bits += STRIDE) {
                in[filled++] = from_bits((uint32_t)bits);
                if (filled == MOST) judge(table, f, in, filled, &w), filled = 0;
            }
            judge(table, f, in, filled, &w);
            if (w.ulps <= f->ulps) continue;
            failures++;
            print_error("%s: %s(%.9g) = %.9g, expected %.9g: %.2f ulp, at most %g are allowed\n", table->name, f->name,
                        (double)w.at, (double)w.got, f->reference((double)w.at), w.ulps, f->ulps);
        }
    }
    assert_int_equal(failures, 0);
}

/* Every function of one variable in the list of operations is in the table above. */
static void test_all_functions_are_listed(void **state) {
    (void)state;
    static const struct {
        const char *name;
        int inputs;
    } all[] = {
#define E(name, inputs, ...) {#name, inputs},
#include "ops/elementwise.def"
#undef E
    };
    for (int code = 0; code < ELBO_CODE_COUNT; code++) {
        bool listed = all[code].inputs > 1 || code == ELBO_CODE_to_real;
        for (int k = 0; k < FUNCTIONS; k++) listed |= functions[k].code == code;
        if (!listed) fail_msg("%s has no row in the table of functions", all[code].name);
    }
}

/* ---- functions of two and three variables ---- */

static float expected(int code, float a, float b, float c) {
    switch (code) {
        case ELBO_CODE_add: return a + b;
        case ELBO_CODE_sub: return a - b;
        case ELBO_CODE_mul: return a * b;
        case ELBO_CODE_div: return a / b;
        case ELBO_CODE_pow: return (float)pow((double)a, (double)b);
        case ELBO_CODE_max: return a > b ? a : b;
        case ELBO_CODE_min: return a < b ? a : b;
        case ELBO_CODE_less: return a < b ? 1 : 0;
        case ELBO_CODE_less_equal: return a <= b ? 1 : 0;
        case ELBO_CODE_equal: return a == b ? 1 : 0;
        case ELBO_CODE_muladd: return fmaf(a, b, c);
        case ELBO_CODE_where: return a != 0 ? b : c;
        default: return a; /* to_real */
    }
}

static bool agrees(int code, float got, float a, float b, float c) {
    float want = expected(code, a, b, c);
    if (isnan(want) && isnan(got)) return true;
    if (code == ELBO_CODE_pow) return ulps_between(got, pow((double)a, (double)b)) <= 1;
    if (code == ELBO_CODE_muladd) { /* one rounding or two, as the processor likes */
        volatile float product = a * b;
        float twice = product + c;
        if (got == twice || (isnan(got) && isnan(twice))) return true;
    }
    return got == want;
}

static void test_many_inputs(void **state) {
    (void)state;
    FOR_EACH_TABLE(table) {
        for (int code = ELBO_CODE_add; code < ELBO_CODE_COUNT; code++)
            for (int i = 0; i < SPECIALS; i++)
                for (int k = 0; k < SPECIALS; k++) {
                    float a[SPECIALS], c[SPECIALS], out[SPECIALS];
                    for (int j = 0; j < SPECIALS; j++) a[j] = specials[i], c[j] = specials[k];
                    table->elementwise[code](out, a, specials, c, SPECIALS);
                    for (int j = 0; j < SPECIALS; j++)
                        if (!agrees(code, out[j], a[j], specials[j], c[j]))
                            fail_msg("%s: operation %d of %g, %g, %g gives %g, not %g", table->name, code, (double)a[j],
                                     (double)specials[j], (double)c[j], (double)out[j],
                                     (double)expected(code, a[j], specials[j], c[j]));
                }
    }
}

/* Every count: the same value wherever an element stands, nothing written beyond the end, and in place. */
static void test_tails(void **state) {
    (void)state;
    enum { LONGEST = 70 };
    float a[LONGEST + 1], b[LONGEST + 1], c[LONGEST + 1];
    elbo_rng rng = {.seed = 3};
    for (int i = 0; i <= LONGEST; i++) {
        a[i] = (float)(0.05 + 0.9 * elbo_rng_uniform(&rng, 0, i));
        b[i] = (float)(0.05 + 0.9 * elbo_rng_uniform(&rng, 1, i));
        c[i] = (float)(0.05 + 0.9 * elbo_rng_uniform(&rng, 2, i));
    }
    FOR_EACH_TABLE(table) {
        for (int code = 0; code < ELBO_CODE_COUNT; code++) {
            float whole[LONGEST + 1];
            table->elementwise[code](whole, a, b, c, LONGEST + 1);
            for (int count = 0; count <= LONGEST; count++) {
                float out[LONGEST + 1], same[LONGEST + 1];
                for (int i = 0; i <= LONGEST; i++) out[i] = 12345.0f, same[i] = a[i];
                table->elementwise[code](out, a, b, c, count);
                table->elementwise[code](same, same, b, c, count);
                for (int i = 0; i < count; i++) {
                    assert_true(fabsf(out[i] - whole[i]) <= 4 * FLT_EPSILON * fabsf(whole[i]));
                    assert_true(fabsf(same[i] - whole[i]) <= 4 * FLT_EPSILON * fabsf(whole[i]));
                }
                assert_true(out[count] == 12345.0f && same[count] == a[count]);
            }
        }
    }
}

/* ---- random numbers ---- */

/* Known answers of the Random123 distribution for philox4x32 with ten rounds. */
static const struct {
    uint32_t counter[4], key[2], answer[4];
} known[] = {
    {{0, 0, 0, 0}, {0, 0}, {0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8}},
    {{0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff},
     {0xffffffff, 0xffffffff},
     {0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd}},
    {{0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344},
     {0xa4093822, 0x299f31d0},
     {0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1}},
};

static void test_philox(void **state) {
    (void)state;
    for (size_t k = 0; k < sizeof known / sizeof *known; k++) {
        const uint32_t *counter = known[k].counter, *key = known[k].key, *answer = known[k].answer;
        elbo_rng rng = {(uint64_t)key[1] << 32 | key[0], counter[3], counter[2]};
        uint32_t words[4], block[16], row[16];
        elbo_rng_block(&rng, counter[1], counter[0], words);
        assert_memory_equal(words, answer, sizeof words);
        for (int i = 0; i < 16; i++) block[i] = counter[0], row[i] = counter[1];
        FOR_EACH_TABLE(table) {
            float out[64];
            table->uniform(out, block, row, counter[2], counter[3], rng.seed, 16);
            for (int i = 0; i < 64; i++) assert_true((double)out[i] == ((double)(answer[i % 4] >> 9) + 0.5) * 0x1p-23);
        }
    }
}

static void test_draws_are_those_of_the_generator(void **state) {
    (void)state;
    enum { BLOCKS = 100, ROOM = 112 };
    elbo_rng rng = {.seed = UINT64_C(0x123456789abcdef0), .stream = 1234, .step = 4000000000u};
    uint32_t block[ROOM] = {0}, row[ROOM] = {0};
    for (int i = 0; i < BLOCKS; i++) { /* far corners and arbitrary places */
        block[i] = i % 7 == 0 ? UINT32_MAX - i : elbo_rng_bits(&rng, 1, i) >> 2;
        row[i] = i % 5 == 0 ? UINT32_MAX - i : elbo_rng_bits(&rng, 2, i);
    }
    FOR_EACH_TABLE(table) {
        for (int count = 0; count <= BLOCKS; count += count < 20 ? 1 : 13) {
            float uniform[4 * ROOM], normal[4 * ROOM];
            table->uniform(uniform, block, row, rng.step, rng.stream, rng.seed, count);
            table->normal(normal, block, row, rng.step, rng.stream, rng.seed, count);
            for (int i = 0; i < 4 * count; i++) {
                uint32_t words[4], even = i % 4 & ~1u;
                elbo_rng_block(&rng, row[i / 4], block[i / 4], words);
                double u = ((double)(words[i % 4] >> 9) + 0.5) * 0x1p-23;
                assert_true((double)uniform[i] == u);
                double radius = sqrt(-2 * log(((double)(words[even] >> 9) + 0.5) * 0x1p-23));
                double angle = 2 * M_PI * (((double)(words[even + 1] >> 9) + 0.5) * 0x1p-23);
                assert_true(fabs((double)normal[i] - radius * (i & 1 ? sin(angle) : cos(angle))) < 1e-6 * (1 + radius));
            }
        }
    }
}

static int by_value(const void *a, const void *b) {
    float x = *(const float *)a, y = *(const float *)b;
    return (x > y) - (x < y);
}

static double uniform_cdf(double x) { return x < 0 ? 0 : x > 1 ? 1 : x; }
static double normal_cdf(double x) { return 0.5 * erfc(-x * 0.70710678118654752440); }

/* The greatest distance between the sample's distribution and the cdf, in units of 1/sqrt(n). */
static double kolmogorov(float *sample, int count, double (*cdf)(double)) {
    double most = 0;
    qsort(sample, (size_t)count, sizeof *sample, by_value);
    for (int i = 0; i < count; i++) {
        double p = cdf((double)sample[i]);
        most = fmax(most, fmax(p - (double)i / count, (double)(i + 1) / count - p));
    }
    return most * sqrt(count);
}

/* Each bound is passed by chance in one of a million: z = 4.89 for moments, 2.69 / sqrt(n) for Kolmogorov-Smirnov.
 * The seed is fixed, so the test either fails always or never. */
static void test_distributions(void **state) {
    (void)state;
    enum { BLOCKS = 65536, COUNT = 4 * BLOCKS };
    uint32_t *block = malloc(BLOCKS * sizeof *block), *row = malloc(BLOCKS * sizeof *row);
    float *sample = malloc(COUNT * sizeof *sample);
    for (int i = 0; i < BLOCKS; i++) block[i] = i % 5, row[i] = i / 5; /* rows of 20 */
    FOR_EACH_TABLE(table) {
        table->normal(sample, block, row, 0, 1000, 7, BLOCKS);
        double moment[5] = {0}, beside = 0, n = COUNT;
        for (int i = 0; i < COUNT; i++) {
            double x = (double)sample[i], power = 1;
            for (int k = 1; k < 5; k++) moment[k] += (power *= x);
            if (i) beside += x * (double)sample[i - 1];
        }
        assert_true(fabs(moment[1] / n) < 4.89 * sqrt(1 / n));
        assert_true(fabs(moment[2] / n - 1) < 4.89 * sqrt(2 / n));
        assert_true(fabs(moment[3] / n) < 4.89 * sqrt(15 / n));
        assert_true(fabs(moment[4] / n - 3) < 4.89 * sqrt(96 / n));
        assert_true(fabs(beside / n) < 4.89 * sqrt(1 / n));
        assert_true(kolmogorov(sample, COUNT, normal_cdf) < 2.69);
        table->uniform(sample, block, row, 0, 1000, 7, BLOCKS);
        for (int i = 0; i < COUNT; i++) assert_true(sample[i] > 0 && sample[i] < 1);
        assert_true(kolmogorov(sample, COUNT, uniform_cdf) < 2.69);
    }
    free(block);
    free(row);
    free(sample);
}

/* ---- sums, maxima, conversions ---- */

static void test_sums(void **state) {
    (void)state;
    enum { LONGEST = 1000 };
    float in[LONGEST];
    elbo_rng rng = {.seed = 5};
    for (int i = 0; i < LONGEST; i++) in[i] = (float)elbo_rng_normal(&rng, 0, i) * (i % 50 == 7 ? 1e4f : 1);
    FOR_EACH_TABLE(table) {
        for (int count = 0; count <= LONGEST; count += count < 200 ? 1 : 37) {
            double total = 0, size = 0, exponentials = 0;
            for (int i = 0; i < count; i++) {
                total += (double)in[i];
                size += fabs((double)in[i]);
                exponentials += exp(fmin((double)in[i], 30) - 30);
            }
            float got = table->sum(in, count);
            assert_true(fabs((double)got - total) <= FLT_EPSILON * size * 4);
            assert_true(got == elbo_vector_baseline.sum(in, count)); /* one order for all instruction sets */
            float low[LONGEST];
            for (int i = 0; i < count; i++) low[i] = fminf(in[i], 30);
            assert_true(fabs((double)table->sum_exp(low, 30, count) - exponentials) <= 1e-6 * exponentials);
        }
    }
}

static void test_maximum(void **state) {
    (void)state;
    FOR_EACH_TABLE(table) {
        for (int count = 1; count < 150; count++)
            for (int at = 0; at < count; at++) {
                float in[150];
                for (int i = 0; i < count; i++) in[i] = -(float)(1 + i % 17);
                in[at] = -0.5f;
                assert_true(table->maximum(in, count) == -0.5f);
                in[at] = NAN;
                assert_true(isnan(table->maximum(in, count)));
                for (int i = 0; i < count; i++) in[i] = -INFINITY;
                assert_true(table->maximum(in, count) == -INFINITY);
            }
    }
}

static void test_add_rows(void **state) {
    (void)state;
    enum { ROWS = 11, COLUMNS = 70, STRIDE = 75 };
    float in[ROWS * STRIDE];
    elbo_rng rng = {.seed = 6};
    for (int i = 0; i < ROWS * STRIDE; i++) in[i] = (float)elbo_rng_normal(&rng, 0, i);
    FOR_EACH_TABLE(table) {
        for (int rows = 0; rows <= ROWS; rows++)
            for (int columns = 0; columns < COLUMNS; columns++) {
                float out[COLUMNS], same[COLUMNS];
                for (int j = 0; j < COLUMNS; j++) out[j] = same[j] = (float)j;
                table->add_rows(out, in, rows, STRIDE, columns);
                elbo_vector_baseline.add_rows(same, in, rows, STRIDE, columns);
                for (int j = 0; j < columns; j++) {
                    double total = j;
                    for (int r = 0; r < rows; r++) total += (double)in[r * STRIDE + j];
                    assert_true(fabs((double)out[j] - total) < 1e-4);
                    assert_true(out[j] == same[j]);
                }
                assert_true(out[columns] == (float)columns);
            }
    }
}

/* bf16 by comparing the distances to both neighbours. */
static uint32_t nearest_bf16(float value) {
    uint32_t bits = to_bits(value), below = bits >> 16;
    if (isnan(value)) return below | 0x40;
    if (isinf(value) || (bits & 0xffff) == 0) return below;
    double low = (double)from_bits(below << 16), x = (double)value, high;
    bool last = (below & 0x7fff) == 0x7f7f; /* the next one is infinite: as if the format went on */
    high = last ? copysign(0x1p128, x) : (double)from_bits((below + 1) << 16);
    double left = fabs(x - low), right = fabs(high - x);
    return left < right || (left == right && !(below & 1)) ? below : below + 1;
}

static void test_bf16(void **state) {
    (void)state;
    FOR_EACH_TABLE(table) {
        for (uint64_t bits = 0; bits < UINT64_C(1) << 32; bits += MOST * 1021) {
            float in[MOST];
            uint16_t out[MOST];
            for (int i = 0; i < MOST; i++) in[i] = from_bits((uint32_t)(bits + (uint64_t)i * 1021));
            for (int i = 0; i < SPECIALS; i++) in[3 * i] = specials[i];
            in[500] = from_bits(0x3f808000); /* ties */
            in[501] = from_bits(0x3f818000);
            table->to_bf16(out, in, MOST);
            for (int i = 0; i < MOST; i++) {
                uint32_t want = nearest_bf16(in[i]);
                if (out[i] != want)
                    fail_msg("%s: bf16 of %08x is %04x, not %04x", table->name, to_bits(in[i]), out[i], want);
            }
        }
    }
}

static void test_pairs(void **state) {
    (void)state;
    enum { STRIDE = 40 };
    float in[16 * STRIDE];
    elbo_rng rng = {.seed = 8};
    for (int i = 0; i < 16 * STRIDE; i++) in[i] = (float)elbo_rng_normal(&rng, 0, i);
    FOR_EACH_TABLE(table) {
        uint32_t out[17 * 20];
        for (int count = 0; count <= STRIDE; count++) {
            memset(out, 0xaa, sizeof out);
            table->pair_rows(out, in, in + STRIDE, count);
            for (int j = 0; j < count; j++)
                assert_int_equal(out[j], nearest_bf16(in[j]) | nearest_bf16(in[STRIDE + j]) << 16);
            assert_int_equal(out[count], 0xaaaaaaaa);
        }
        for (int rows = 1; rows <= 16; rows++)
            for (int columns = 1; columns <= 32; columns++) {
                table->pair_columns(out, 20, in, STRIDE, rows, columns);
                for (int j = 0; j < 16; j++)
                    for (int i = 0; i < 16; i++) {
                        uint32_t want = 0;
                        if (i < rows && 2 * j < columns) want |= nearest_bf16(in[i * STRIDE + 2 * j]);
                        if (i < rows && 2 * j + 1 < columns) want |= nearest_bf16(in[i * STRIDE + 2 * j + 1]) << 16;
                        assert_int_equal(out[j * 20 + i], want);
                    }
            }
    }
}

static void test_loads(void **state) {
    (void)state;
    uint8_t bytes[300];
    int32_t integers[300];
    for (int i = 0; i < 300; i++) bytes[i] = (uint8_t)i, integers[i] = (i - 150) * 14000000;
    FOR_EACH_TABLE(table) {
        for (int count = 0; count < 300; count += 1 + count / 20) {
            float a[301], b[301], c[301];
            a[count] = b[count] = c[count] = 7;
            table->from_u8(a, bytes, count);
            table->from_i32(b, integers, count);
            table->fill(c, 2.5f, count);
            for (int i = 0; i < count; i++)
                assert_true(a[i] == (float)bytes[i] && b[i] == (float)integers[i] && c[i] == 2.5f);
            assert_true(a[count] == 7 && b[count] == 7 && c[count] == 7);
        }
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_all_functions_are_listed),
        cmocka_unit_test(test_functions),
        cmocka_unit_test(test_many_inputs),
        cmocka_unit_test(test_tails),
        cmocka_unit_test(test_philox),
        cmocka_unit_test(test_draws_are_those_of_the_generator),
        cmocka_unit_test(test_distributions),
        cmocka_unit_test(test_sums),
        cmocka_unit_test(test_maximum),
        cmocka_unit_test(test_add_rows),
        cmocka_unit_test(test_bf16),
        cmocka_unit_test(test_pairs),
        cmocka_unit_test(test_loads),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
