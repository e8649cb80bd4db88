/* Logarithms of gamma variates, and how they move with the concentration. Attributes of the draw: i[7] row axis,
 * i[8] stream, as in random.c. */
#ifndef REAL

#include "ops/gamma.h"

#include <math.h>

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

static elbo_status infer_log_gamma_slope(elbo_node *node, elbo_error *error) {
    if (node->dtype != ELBO_F32 || node->input[1]->dtype != ELBO_F32 ||
        !elbo_shape_equal(node->shape, node->input[1]->shape))
        return elbo_misfit(node, error, "real numbers of one shape");
    return ELBO_OK;
}

static void gradient_random_log_gamma(elbo_node *node, elbo_node *dy, elbo_node **din) {
    din[0] = elbo_mul(dy, elbo_apply(&elbo_op_log_gamma_slope, 2, (elbo_node *[]){node->input[0], node}, NULL));
}

static void gradient_log_gamma_slope(elbo_node *node, elbo_node *dy, elbo_node **din) {
    (void)dy;
    din[0] = elbo_graph_fail(node->graph, ELBO_ERROR_UNSUPPORTED, "%s has no gradient", node->op->name);
}

static const elbo_op_case random_cases[] = {
    {.shape = {{3, {2, 5, 3}}}, .inputs = 1, .low = 0.05, .high = 4, .attributes.i = {[7] = 1, [8] = 5}},
    {.shape = {{0, {0}}}, .inputs = 1, .low = 0.05, .high = 4, .attributes.i = {[7] = 0, [8] = 5}}};
static const elbo_op_case slope_cases[] = {{.shape = {{2, {7, 9}}, {2, {7, 9}}}, .inputs = 2, .low = 0.1, .high = 3},
                                           {.shape = {{0, {0}}, {0, {0}}}, .inputs = 2, .low = 0.1, .high = 3}};

const elbo_op elbo_op_random_log_gamma = {.name = "random_log_gamma",
                                          .formula = "log z, z ~ Gamma(a, 1)",
                                          .inputs = 1,
                                          .infer = infer_random_log_gamma,
                                          .gradient = gradient_random_log_gamma,
                                          .run_f32 = run_random_log_gamma_f32,
                                          .run_f64 = run_random_log_gamma_f64,
                                          .cases = random_cases,
                                          .case_count = sizeof random_cases / sizeof *random_cases};
const elbo_op elbo_op_log_gamma_slope = {.name = "log_gamma_slope",
                                         .formula = "-(dF/da) / (dF/dy), F the cdf of y = log z, z ~ Gamma(a, 1)",
                                         .inputs = 2,
                                         .infer = infer_log_gamma_slope,
                                         .gradient = gradient_log_gamma_slope,
                                         .run_f32 = run_log_gamma_slope_f32,
                                         .run_f64 = run_log_gamma_slope_f64,
                                         .cases = slope_cases,
                                         .case_count = sizeof slope_cases / sizeof *slope_cases};
static const elbo_op *const ops[] = {&elbo_op_random_log_gamma, &elbo_op_log_gamma_slope, NULL};
const elbo_op_family elbo_ops_gamma = {"gamma", ops};

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

static void K(run_log_gamma_slope)(const elbo_kernel *kernel) {
    const REAL *a = kernel->in[0], *y = kernel->in[1];
    REAL *out = kernel->out;
    int64_t count = elbo_shape_count(kernel->node->shape);
    for (int64_t i = 0; i < count; i++) out[i] = (REAL)elbo_log_gamma_slope_value((double)a[i], (double)y[i]);
}

#endif
