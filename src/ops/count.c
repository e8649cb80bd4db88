/* Random counts. Attributes: i[7] row axis, i[8] stream, as in random.c; random_multinomial: i[9] total. */
#ifndef REAL

#include "ops/count.h"

#include <math.h>

#include "base/special.h"
#include "graph/misfit.h"
#include "ops/random.h"

/* Above this standard deviation a count is a rounded normal variate: the two distributions differ by less than 1e-4. */
static const double WIDE = 3e4;

/* On (0,1), from 53 bits of the block of (row, column). */
static double uniform(const elbo_rng *rng, uint32_t row, uint32_t column) {
    uint32_t word[4];
    elbo_rng_block(rng, row, column, word);
    return ((double)(word[0] >> 5) * 0x1p26 + (double)(word[1] >> 6) + 0.5) * 0x1p-53;
}

/* A distribution of counts from 0 to last by the ratio of neighbours: p(k) = p(k - 1) (number - k + 1) odds / k for the
 * binomial one, p(k - 1) odds / k for Poisson's. */
typedef struct counts {
    double mode, log_peak, last, number, odds;
} counts;

static double ratio(const counts *c, double k) { return (isinf(c->number) ? 1 : c->number - k + 1) * c->odds / k; }

/* Inversion, outwards from the mode: takes as many steps as the standard deviation, in the mean. */
static double invert(const counts *c, double u) {
    double below = c->mode, above = c->mode, down = exp(c->log_peak), up = down;
    u -= down;
    while (u > 0 && (down > 0 || up > 0)) {
        down = below > 0 ? down / ratio(c, below) : 0;
        if (below > 0) below--;
        u -= down;
        if (u <= 0) return below;
        if (above < c->last) above++;
        up = above <= c->last && up > 0 ? up * ratio(c, above) : 0;
        u -= up;
        if (u <= 0) return above;
        if (above == c->last) up = 0;
    }
    return c->mode;
}

static double rounded_normal(double mean, double deviation, double last, double u) {
    return fmin(fmax(floor(mean + deviation * elbo_normal_icdf(u) + 0.5), 0), last);
}

static double draw_poisson(double rate, double u) {
    if (!(rate >= 0) || isinf(rate)) return NAN;
    if (rate == 0) return 0;
    if (sqrt(rate) > WIDE) return rounded_normal(rate, sqrt(rate), INFINITY, u);
    double mode = floor(rate);
    return invert(&(counts){mode, mode * log(rate) - rate - lgamma(mode + 1), INFINITY, INFINITY, rate}, u);
}

static double draw_binomial(double number, double p, double u) {
    if (number <= 0 || p <= 0) return 0;
    if (p >= 1) return number;
    double deviation = sqrt(number * p * (1 - p)), mode = fmin(floor((number + 1) * p), number);
    if (deviation > WIDE) return rounded_normal(number * p, deviation, number, u);
    double log_peak =
        lgamma(number + 1) - lgamma(mode + 1) - lgamma(number - mode + 1) + mode * log(p) + (number - mode) * log1p(-p);
    return invert(&(counts){mode, log_peak, number, number, p / (1 - p)}, u);
}

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/count.c"
#include "ops/real_f64.h"
#include "ops/count.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer(elbo_node *node, elbo_error *error) {
    int64_t axis = node->attributes.i[7];
    if (node->dtype != ELBO_F32 || axis < 0 || (axis > 0 && axis >= node->shape.rank))
        return elbo_misfit(node, error, "real numbers and a row axis below their rank, not %lld", (long long)axis);
    elbo_random_view view = elbo_random_view_of(node);
    if (view.rows > UINT32_MAX || view.before * view.after > UINT32_MAX)
        return elbo_misfit(node, error, "at most 2^32 rows of at most 2^32 draws");
    return ELBO_OK;
}

static elbo_status infer_multinomial(elbo_node *node, elbo_error *error) {
    if (node->shape.rank < 1 || node->attributes.i[9] < 0)
        return elbo_misfit(node, error, "probabilities [..., K] and a total that is not negative");
    return infer(node, error);
}

static const elbo_op_case poisson_cases[] = {
    {.shape = {{3, {2, 5, 3}}}, .inputs = 1, .low = 0.05, .high = 40, .attributes.i = {[7] = 1, [8] = 5}},
    {.shape = {{0, {0}}}, .inputs = 1, .low = 0.05, .high = 4, .attributes.i = {[7] = 0, [8] = 5}}};
static const elbo_op_case multinomial_cases[] = {
    {.shape = {{2, {7, 3}}}, .inputs = 1, .low = 0.1, .high = 0.4, .attributes.i = {[7] = 0, [8] = 5, [9] = 11}},
    {.shape = {{1, {4}}}, .inputs = 1, .low = 0.1, .high = 0.3, .attributes.i = {[7] = 0, [8] = 5, [9] = 3}}};

const elbo_op elbo_op_random_poisson = {.name = "random_poisson",
                                        .formula = "k ~ Poisson(rate)",
                                        .inputs = 1,
                                        .flags = ELBO_OP_NO_GRADIENT,
                                        .infer = infer,
                                        .run_f32 = run_random_poisson_f32,
                                        .run_f64 = run_random_poisson_f64,
                                        .cases = poisson_cases,
                                        .case_count = sizeof poisson_cases / sizeof *poisson_cases};
const elbo_op elbo_op_random_multinomial = {.name = "random_multinomial",
                                            .formula = "k ~ Multinomial(total, p)",
                                            .inputs = 1,
                                            .flags = ELBO_OP_NO_GRADIENT,
                                            .infer = infer_multinomial,
                                            .run_f32 = run_random_multinomial_f32,
                                            .run_f64 = run_random_multinomial_f64,
                                            .cases = multinomial_cases,
                                            .case_count = sizeof multinomial_cases / sizeof *multinomial_cases};
static const elbo_op *const ops[] = {&elbo_op_random_poisson, &elbo_op_random_multinomial, NULL};
const elbo_op_family elbo_ops_count = {"count", ops};

static elbo_node *draw(const elbo_op *op, elbo_node *parameter, int64_t total, elbo_shape shape, int row_axis) {
    if (!parameter) return NULL;
    elbo_graph *graph = elbo_node_graph(parameter);
    elbo_node *full = elbo_broadcast_to(parameter, shape);
    elbo_attributes attributes = {.i = {[7] = row_axis < 0 ? row_axis + shape.rank : row_axis, [9] = total}};
    attributes.i[8] = ELBO_STREAM_GRAPH + graph->streams++;
    return elbo_apply(op, 1, &full, &attributes);
}

elbo_node *elbo_random_poisson(elbo_node *rate, elbo_shape shape, int row_axis) {
    return draw(&elbo_op_random_poisson, rate, 0, shape, row_axis);
}

elbo_node *elbo_random_multinomial(elbo_node *probability, int64_t total, elbo_shape shape, int row_axis) {
    return draw(&elbo_op_random_multinomial, probability, total, shape, row_axis);
}

#else /* the reference kernels, for REAL */

/* The uniform variate of element i. */
static double K(uniform_at)(const elbo_kernel *kernel, const elbo_random_view *v, int64_t i) {
    elbo_rng rng = {kernel->run.seed, v->stream, kernel->run.step};
    int64_t after = i % v->after, row = i / v->after % v->rows, before = i / v->after / v->rows;
    return uniform(&rng, (uint32_t)(row + kernel->run.first_row), (uint32_t)(before * v->after + after));
}

static void K(run_random_poisson)(const elbo_kernel *kernel) {
    elbo_random_view v = elbo_random_view_of(kernel->node);
    const REAL *rate = kernel->in[0];
    REAL *out = kernel->out;
    int64_t count = elbo_shape_count(kernel->node->shape);
    for (int64_t i = 0; i < count; i++) out[i] = (REAL)draw_poisson((double)rate[i], K(uniform_at)(kernel, &v, i));
}

/* One class after the other: each takes a binomial share of what is left. The last takes the rest. */
static void K(run_random_multinomial)(const elbo_kernel *kernel) {
    elbo_random_view v = elbo_random_view_of(kernel->node);
    elbo_shape shape = kernel->node->shape;
    int64_t classes = shape.dim[shape.rank - 1], count = elbo_shape_count(shape);
    const REAL *p = kernel->in[0];
    REAL *out = kernel->out;
    for (int64_t first = 0; first < count; first += classes) {
        double left = (double)kernel->node->attributes.i[9], mass = 0;
        for (int64_t k = 0; k < classes; k++) mass += (double)p[first + k];
        for (int64_t k = 0; k < classes; k++) {
            double share = mass > 0 ? (double)p[first + k] / mass : 0;
            double taken = k == classes - 1 ? left : draw_binomial(left, share, K(uniform_at)(kernel, &v, first + k));
            out[first + k] = (REAL)taken;
            left -= taken;
            mass -= (double)p[first + k];
        }
    }
}

#endif
