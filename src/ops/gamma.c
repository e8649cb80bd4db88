/* Logarithms of gamma variates, and how they move with the concentration; the distribution functions of the gamma and
 * beta families. Attributes of the draw: i[7] row axis, i[8] stream, as in random.c; of beta_cdf_slope: i[0] 0 for a, 1
 * for b. */
#ifndef REAL

#include "ops/gamma.h"

#include <math.h>

#include "base/incomplete.h"
#include "base/special.h"
#include "graph/misfit.h"
#include "ops/random.h"

/* Tries of one draw. At concentration 1 or above a try fails with probability below 0.05: all 16 of them fail once in
 * 6e20 draws. */
enum { TRIES = 16 };

/* On (0,1), from all 32 bits. */
static double unit(uint32_t bits) { return ((double)bits + 0.5) * 0x1p-32; }

/* Marsaglia and Tsang 2000, "A simple method for generating gamma variables"; a concentration a below 1 is drawn as
 * log z = log z' + log(u) / a with z' of a + 1. Each try has a block of its own: two words for a normal, one to decide,
 * one for u. */
static double draw(const elbo_rng *rng, uint32_t row, uint32_t column, double a) {
    if (!(a > 0) || isinf(a)) return NAN;
    double d = (a < 1 ? a + 1 : a) - 1. / 3, c = 1 / sqrt(9 * d), boost = 0;
    for (uint32_t attempt = 0; attempt < TRIES; attempt++) {
        uint32_t word[4];
        elbo_rng_block(rng, row, column * TRIES + attempt, word);
        if (attempt == 0 && a < 1) boost = log(unit(word[3])) / a;
        double x = sqrt(-2 * log(unit(word[0]))) * cos(6.283185307179586476925 * unit(word[1]));
        double root = 1 + c * x;
        if (root <= 0) continue;
        double log_v = 3 * log(root), v = root * root * root;
        if (log(unit(word[2])) < 0.5 * x * x + d * (1 - v + log_v)) return log(d) + log_v + boost;
    }
    return log(d) + boost;
}

static double beta_slope(double a, double b, double odds, bool in_b) {
    double slope[2];
    elbo_beta_cdf_shape_slope_values(a, b, odds, &slope[0], &slope[1]);
    return slope[in_b];
}

/* clang-format off */
#include "ops/real_f32.h"
#include "ops/gamma.c"
#include "ops/real_f64.h"
#include "ops/gamma.c"
#include "ops/real_end.h"
/* clang-format on */

static elbo_status infer_random_log_gamma(elbo_node *node, elbo_error *error) {
    int64_t axis = node->attributes.i[7];
    if (node->dtype != ELBO_F32 || axis < 0 || (axis > 0 && axis >= node->shape.rank))
        return elbo_misfit(node, error, "real numbers and a row axis below their rank, not %lld", (long long)axis);
    elbo_random_view view = elbo_random_view_of(node);
    if (view.rows > UINT32_MAX || view.before * view.after > UINT32_MAX / TRIES)
        return elbo_misfit(node, error, "at most 2^32 rows of at most 2^28 draws");
    return ELBO_OK;
}

static elbo_status infer_same(elbo_node *node, elbo_error *error) {
    for (int k = 0; k < node->inputs; k++)
        if (node->input[k]->dtype != ELBO_F32 || !elbo_shape_equal(node->shape, node->input[k]->shape))
            return elbo_misfit(node, error, "real numbers of one shape");
    return ELBO_OK;
}

static void gradient_random_log_gamma(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_mul(dy, elbo_apply(&elbo_op_log_gamma_slope, 2, (elbo_node *[]){node->input[0], node}, NULL));
}

static void gradient_none(elbo_node *node, elbo_node *dy, elbo_node **din) {
    (void)dy;
    din[0] = elbo_graph_fail(node->graph, ELBO_ERROR_UNSUPPORTED, "%s has no gradient", node->op->name);
}

static void gradient_gamma_cdf(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_mul(dy, elbo_apply(&elbo_op_gamma_cdf_slope, 2, node->input, NULL));
    din[1] = elbo_mul(dy, elbo_apply(&elbo_op_gamma_density, 2, node->input, NULL));
}

/* d log p: log w - psi(a) in a, (a - 1) / w - 1 in w */
static void gradient_gamma_density(elbo_node *node, elbo_node *dy, elbo_node **din) {
    elbo_node *a = node->input[0], *w = node->input[1], *scaled = elbo_mul(dy, node);
    din[0] = elbo_mul(scaled, elbo_sub(elbo_log(w), elbo_digamma(a)));
    din[1] = elbo_mul(scaled, elbo_shift(elbo_div(elbo_shift(a, -1), w), -1));
}

static void gradient_beta_cdf(elbo_node *node, elbo_node *dy, elbo_node **din) {
    for (int k = 0; k < 2; k++)
        din[k] = elbo_mul(dy, elbo_apply(&elbo_op_beta_cdf_slope, 3, node->input, &(elbo_attributes){.i = {k}}));
    din[2] = elbo_mul(dy, elbo_apply(&elbo_op_beta_density, 3, node->input, NULL));
}

/* d log p: log(odds / (1 + odds)) - psi(a) + psi(a + b) in a, psi(a + b) - log(1 + odds) - psi(b) in b,
 * (a - 1) / odds - (a + b) / (1 + odds) in the odds */
static void gradient_beta_density(elbo_node *node, elbo_node *dy, elbo_node **din) {
    elbo_node *a = node->input[0], *b = node->input[1], *odds = node->input[2], *scaled = elbo_mul(dy, node);
    elbo_node *sum = elbo_add(a, b), *both = elbo_sub(elbo_digamma(sum), elbo_log1p(odds));
    din[0] = elbo_mul(scaled, elbo_add(both, elbo_sub(elbo_log(odds), elbo_digamma(a))));
    din[1] = elbo_mul(scaled, elbo_sub(both, elbo_digamma(b)));
    elbo_node *slope = elbo_sub(elbo_div(elbo_shift(a, -1), odds), elbo_div(sum, elbo_shift(odds, 1)));
    din[2] = elbo_mul(scaled, slope);
}

static const elbo_op_case random_cases[] = {
    {.shape = {{3, {2, 5, 3}}}, .inputs = 1, .low = 0.05, .high = 4, .attributes.i = {[7] = 1, [8] = 5}},
    {.shape = {{0, {0}}}, .inputs = 1, .low = 0.05, .high = 4, .attributes.i = {[7] = 0, [8] = 5}}};
static const elbo_op_case slope_cases[] = {{.shape = {{2, {7, 9}}, {2, {7, 9}}}, .inputs = 2, .low = 0.1, .high = 3},
                                           {.shape = {{0, {0}}, {0, {0}}}, .inputs = 2, .low = 0.1, .high = 3}};

static const elbo_op_case two_cases[] = {{.shape = {{2, {7, 9}}, {2, {7, 9}}}, .inputs = 2, .low = 0.3, .high = 4},
                                         {.shape = {{0, {0}}, {0, {0}}}, .inputs = 2, .low = 0.3, .high = 4}};
#define THREE(which)                                                                                            \
    {                                                                                                           \
        .shape = {{2, {5, 9}}, {2, {5, 9}}, {2, {5, 9}}}, .inputs = 3, .low = 0.3, .high = 4, .attributes.i = { \
            which                                                                                               \
        }                                                                                                       \
    }
static const elbo_op_case three_cases[] = {
    THREE(0), {.shape = {{0, {0}}, {0, {0}}, {0, {0}}}, .inputs = 3, .low = 0.3, .high = 4}};
static const elbo_op_case slopes_cases[] = {THREE(0), THREE(1)};
#undef THREE

#define OP(name_, formula_, inputs_, infer_, gradient_, cases_)    \
    const elbo_op elbo_op_##name_ = {.name = #name_,               \
                                     .formula = formula_,          \
                                     .inputs = inputs_,            \
                                     .infer = infer_,              \
                                     .gradient = gradient_,        \
                                     .run_f32 = run_##name_##_f32, \
                                     .run_f64 = run_##name_##_f64, \
                                     .cases = cases_,              \
                                     .case_count = sizeof cases_ / sizeof *cases_};
OP(random_log_gamma, "log z, z ~ Gamma(a, 1)", 1, infer_random_log_gamma, gradient_random_log_gamma, random_cases)
OP(log_gamma_slope, "-(dF/da) / (dF/dy), F the cdf of y = log z, z ~ Gamma(a, 1)", 2, infer_same, gradient_none,
   slope_cases)
OP(gamma_cdf, "P(z <= w), z ~ Gamma(a, 1)", 2, infer_same, gradient_gamma_cdf, two_cases)
OP(gamma_density, "w^(a - 1) e^-w / Gamma(a)", 2, infer_same, gradient_gamma_density, two_cases)
OP(gamma_cdf_slope, "d gamma_cdf(a, w) / da", 2, infer_same, gradient_none, two_cases)
OP(beta_cdf, "P(x / (1 - x) <= odds), x ~ Beta(a, b)", 3, infer_same, gradient_beta_cdf, three_cases)
OP(beta_density, "odds^(a - 1) (1 + odds)^(-a - b) / B(a, b)", 3, infer_same, gradient_beta_density, three_cases)
OP(beta_cdf_slope, "d beta_cdf(a, b, odds) / da or / db", 3, infer_same, gradient_none, slopes_cases)
#undef OP

static const elbo_op *const ops[] = {&elbo_op_random_log_gamma, &elbo_op_log_gamma_slope, &elbo_op_gamma_cdf,
                                     &elbo_op_gamma_density,    &elbo_op_gamma_cdf_slope, &elbo_op_beta_cdf,
                                     &elbo_op_beta_density,     &elbo_op_beta_cdf_slope,  NULL};
const elbo_op_family elbo_ops_gamma = {"gamma", ops};

/* Applies an operation to nodes of one common shape. */
static elbo_node *apply_broadcast(const elbo_op *op, int count, elbo_node *const *input) {
    elbo_node *full[3] = {NULL};
    elbo_shape shape = {0};
    for (int k = 0; k < count; k++) {
        elbo_shape before = shape;
        if (!input[k]) return NULL;
        if (!elbo_shape_broadcast(before, input[k]->shape, &shape))
            return elbo_graph_fail(input[k]->graph, ELBO_ERROR_SHAPE, "%s: arguments do not broadcast", op->name);
    }
    for (int k = 0; k < count; k++) full[k] = elbo_broadcast_to(input[k], shape);
    return elbo_apply(op, count, full, NULL);
}

elbo_node *elbo_gamma_cdf(elbo_node *a, elbo_node *w) {
    return apply_broadcast(&elbo_op_gamma_cdf, 2, (elbo_node *[]){a, w});
}

elbo_node *elbo_beta_cdf(elbo_node *a, elbo_node *b, elbo_node *odds) {
    return apply_broadcast(&elbo_op_beta_cdf, 3, (elbo_node *[]){a, b, odds});
}

elbo_node *elbo_random_log_gamma(elbo_node *concentration, elbo_shape shape, int row_axis) {
    if (!concentration) return NULL;
    elbo_graph *graph = elbo_node_graph(concentration);
    elbo_node *full = elbo_broadcast_to(concentration, shape);
    elbo_attributes attributes = {.i = {[7] = row_axis < 0 ? row_axis + shape.rank : row_axis}};
    attributes.i[8] = ELBO_STREAM_GRAPH + graph->streams++;
    return elbo_apply(&elbo_op_random_log_gamma, 1, &full, &attributes);
}

#else /* the reference kernels, for REAL */

static void K(run_random_log_gamma)(const elbo_kernel *kernel) {
    elbo_random_view v = elbo_random_view_of(kernel->node);
    elbo_rng rng = {kernel->run.seed, v.stream, kernel->run.step};
    const REAL *a = kernel->in[0];
    REAL *out = kernel->out;
    for (int64_t before = 0; before < v.before; before++)
        for (int64_t row = 0; row < v.rows; row++)
            for (int64_t after = 0; after < v.after; after++)
                *out++ = (REAL)draw(&rng, (uint32_t)(row + kernel->run.first_row), (uint32_t)(before * v.after + after),
                                    (double)*a++);
}

/* out[i] = expression of the i-th elements of the inputs, in double precision. */
#define EACH(name, expression)                                                                        \
    static void K(run_##name)(const elbo_kernel *kernel) {                                            \
        const REAL *a = kernel->in[0], *b = kernel->in[1], *c = kernel->in[kernel->node->inputs - 1]; \
        REAL *out = kernel->out;                                                                      \
        int64_t count = elbo_shape_count(kernel->node->shape);                                        \
        (void)b;                                                                                      \
        for (int64_t i = 0; i < count; i++) out[i] = (REAL)(expression);                              \
    }
#define A (double)a[i]
#define B (double)b[i]
#define C (double)c[i]
EACH(log_gamma_slope, elbo_log_gamma_slope_value(A, C))
EACH(gamma_cdf, elbo_gamma_cdf_value(A, C))
EACH(gamma_density, elbo_gamma_density_value(A, C))
EACH(gamma_cdf_slope, elbo_gamma_cdf_shape_slope_value(A, C))
EACH(beta_cdf, elbo_beta_cdf_value(A, B, C))
EACH(beta_density, elbo_beta_odds_density_value(A, B, C))
EACH(beta_cdf_slope, beta_slope(A, B, C, kernel->node->attributes.i[0] != 0))
#undef A
#undef B
#undef C
#undef EACH

#endif
