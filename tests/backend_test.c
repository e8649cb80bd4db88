/* The cpu backend against the f64 reference: random graphs, matrix products of many shapes, outputs of every kind,
 * thread counts, fixed parameters, bf16, and a step that allocates nothing. */
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

#include "base/memory.h"
#include "base/rng.h"
#include "graph/graph.h"

enum { MOST_INPUTS = 16, MOST_NODES = 96 };

typedef struct trial {
    elbo_graph *graph;
    elbo_params *params;
    elbo_node *input[MOST_INPUTS];
    int inputs;
    elbo_rng rng;
    uint32_t drawn;
} trial;

static int64_t pick(trial *t, int64_t bound) {
    return (int64_t)elbo_rng_below(&t->rng, 0, t->drawn++, (uint64_t)bound);
}

static int64_t count_of(const elbo_node *node) { return elbo_shape_count(elbo_node_shape(node)); }

/* The value of element i of input k: reals in (-2, 2), exact in every precision; whole numbers from -3 or 0. */
static double input_value(const trial *t, int k, int64_t i) {
    elbo_rng rng = {.seed = 99 + t->rng.seed, .stream = (uint32_t)k};
    uint32_t bits = elbo_rng_bits(&rng, 0, (uint32_t)i);
    if (t->input[k]->dtype == ELBO_U8) return bits % 256;
    if (t->input[k]->dtype == ELBO_I32) return (double)(bits % 7) - 3;
    return (double)(float)((bits >> 8) * 0x1p-22 - 2);
}

static void write_inputs(const trial *t, elbo_plan *plan, elbo_precision precision) {
    for (int k = 0; k < t->inputs; k++) {
        void *memory = elbo_plan_input(plan, t->input[k]);
        for (int64_t i = 0; memory && i < count_of(t->input[k]); i++) {
            double value = input_value(t, k, i);
            if (t->input[k]->dtype == ELBO_U8)
                ((uint8_t *)memory)[i] = (uint8_t)value;
            else if (t->input[k]->dtype == ELBO_I32)
                ((int32_t *)memory)[i] = (int32_t)value;
            else if (precision == ELBO_PRECISION_F64)
                ((double *)memory)[i] = value;
            else
                ((float *)memory)[i] = (float)value;
        }
    }
}

static elbo_node *new_input(trial *t, elbo_dtype dtype, elbo_shape shape) {
    char name[16];
    snprintf(name, sizeof name, "x%d", t->inputs);
    return t->input[t->inputs++] = elbo_input(t->graph, name, dtype, shape);
}

static elbo_plan *plan_of(const trial *t, const elbo_plan_spec *spec) {
    elbo_error error = {0};
    elbo_plan *plan = elbo_plan_new(t->graph, spec, &error);
    if (!plan) fail_msg("seed %llu: %s", (unsigned long long)t->rng.seed, error.message);
    write_inputs(t, plan, spec->precision);
    return plan;
}

static const elbo_run a_run = {.seed = 77, .step = 5, .first_row = 300};

static void run(elbo_plan *plan) {
    elbo_error error = {0};
    assert_int_equal(elbo_plan_run(plan, &a_run, &error), ELBO_OK);
}

static elbo_plan *plan_and_run(const trial *t, elbo_node *const *fetch, size_t count, elbo_backend backend,
                               elbo_precision precision, int threads) {
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = count, .backend = backend, .precision = precision, .threads = threads};
    elbo_plan *plan = plan_of(t, &spec);
    run(plan);
    return plan;
}

/* The largest of |a - b| / (1 + |b|), and whether all are numbers. */
static double distance(const elbo_plan *a, const elbo_plan *b, const elbo_node *node) {
    int64_t count = count_of(node);
    double *x = calloc((size_t)count + 1, sizeof *x), *y = calloc((size_t)count + 1, sizeof *y), most = 0;
    assert_true(elbo_plan_read(a, node, x, count) && elbo_plan_read(b, node, y, count));
    for (int64_t i = 0; i < count; i++) {
        double d = fabs(x[i] - y[i]) / (1 + fabs(y[i]));
        if (!(d <= most)) most = isnan(d) ? INFINITY : d;
    }
    free(x);
    free(y);
    return most;
}

static bool same_bits(const elbo_plan *a, const elbo_plan *b, const elbo_node *node) {
    return memcmp(elbo_plan_value(a, node), elbo_plan_value(b, node),
                  (size_t)count_of(node) * elbo_dtype_size(node->dtype)) == 0;
}

/* ---- random graphs ---- */

/* Shapes that broadcast to [7, 5, 33] and [40, 50] and [3, 2500]: rows longer than a tile, shorter ones, and odd
 * lengths. */
static elbo_shape random_shape(trial *t, int family) {
    static const int64_t full[3][3] = {{7, 5, 33}, {1, 40, 50}, {1, 3, 2500}};
    int rank = family == 0 ? 3 : 2, first = 3 - rank;
    elbo_shape shape = {.rank = rank};
    bool whole = pick(t, 3) > 0;
    for (int axis = 0; axis < rank; axis++) shape.dim[axis] = !whole && pick(t, 2) ? 1 : full[family][first + axis];
    if (!whole && pick(t, 4) == 0) { /* fewer axes */
        int drop = 1 + (int)pick(t, rank);
        for (int axis = drop; axis < rank; axis++) shape.dim[axis - drop] = shape.dim[axis];
        shape.rank -= drop;
    }
    return shape;
}

static elbo_node *random_leaf(trial *t, int family) {
    elbo_shape shape = random_shape(t, family);
    bool room = t->inputs < MOST_INPUTS;
    switch (pick(t, 7)) {
        case 0: return elbo_random_uniform(t->graph, shape, shape.rank ? (int)pick(t, shape.rank) : 0);
        case 1: return elbo_random_normal(t->graph, shape, shape.rank ? (int)pick(t, shape.rank) : 0);
        case 2: return elbo_constant(t->graph, (double)pick(t, 5) - 2, shape);
        case 3:
            return room ? elbo_scale(elbo_to_real(new_input(t, ELBO_U8, shape)), 1 / 256.) : elbo_scalar(t->graph, 2);
        case 4: return room ? elbo_to_real(new_input(t, ELBO_I32, shape)) : elbo_scalar(t->graph, -1);
        default: return room ? new_input(t, ELBO_F32, shape) : elbo_scalar(t->graph, 0.25);
    }
}

/* Keeps values near 1 and smooth: steps are applied to leaves alone, where both precisions see the same numbers. */
static elbo_node *random_operation(trial *t, elbo_node *const *node, int count, int leaves) {
    elbo_node *a = node[pick(t, count)], *b = node[pick(t, count)], *c = node[pick(t, count)];
    elbo_node *left = node[pick(t, leaves)], *right = node[pick(t, leaves)];
    bool matrix = elbo_node_shape(a).rank >= 2;
    switch (pick(t, 20)) {
        case 18:
        case 19: /* a a' a: heavy, of the same shape */
            if (matrix)
                return elbo_tanh(elbo_scale(elbo_matmul(elbo_matmul(a, a, false, true), a, false, false), 0.001));
            return elbo_tanh(b);
        case 0: return elbo_tanh(elbo_add(a, b));
        case 1: return elbo_tanh(elbo_mul(a, b));
        case 2: return elbo_sub(elbo_tanh(a), b);
        case 3: return elbo_muladd(elbo_sigmoid(a), b, elbo_tanh(c));
        case 4: return elbo_softplus(a);
        case 5: return elbo_exp(elbo_neg(elbo_square(a)));
        case 6: return elbo_max(a, b);
        case 7: return elbo_min(a, elbo_shift(b, 0.5));
        case 8: return elbo_where(elbo_less(left, right), a, b);
        case 9: return elbo_mul(elbo_stop_gradient(a), elbo_sigmoid(b));
        case 10: return elbo_div(a, elbo_shift(elbo_square(b), 1));
        case 11: return elbo_log1p(elbo_abs(a));
        case 12: return elbo_node_shape(a).rank ? elbo_tanh(elbo_mean(a, -1, -1, pick(t, 2))) : elbo_relu(a);
        case 13: return elbo_node_shape(a).rank ? elbo_mean(a, 0, -1, pick(t, 2)) : elbo_neg(a);
        case 14: return elbo_node_shape(a).rank ? elbo_logsumexp(a, 0, 0, true) : elbo_scale(a, -0.5);
        case 15: return elbo_node_shape(a).rank == 3 ? elbo_mean(a, 1, 2, true) : elbo_tanh(a);
        case 16: return elbo_reshape(elbo_reshape(elbo_tanh(a), ELBO_SHAPE(-1)), elbo_node_shape(a));
        default:
            return elbo_node_shape(a).rank ? elbo_sum(elbo_scale(elbo_tanh(a), 0.05), 0, 0, true)
                                           : elbo_exp(elbo_neg(elbo_abs(a)));
    }
}

/* Operations whose operands do not broadcast together are simply not made. */
static bool fits(const elbo_node *a, const elbo_node *b) {
    elbo_shape out;
    return elbo_shape_broadcast(elbo_node_shape(a), elbo_node_shape(b), &out);
}

static int random_graph(trial *t, elbo_node **node) {
    int family = (int)pick(t, 3), count = 0, leaves = 3 + (int)pick(t, 6);
    while (count < leaves) {
        elbo_node *made = random_leaf(t, family);
        bool together = true;
        for (int i = 0; i < count; i++) together &= fits(made, node[i]);
        if (together) node[count++] = made;
    }
    int total = leaves + 5 + (int)pick(t, 40);
    while (count < total) {
        elbo_node *made = random_operation(t, node, count, leaves);
        assert_non_null(made);
        bool together = true;
        for (int i = 0; i < count; i++) together &= fits(made, node[i]);
        if (together) node[count++] = made;
    }
    return count;
}

static trial begin(uint64_t seed) { return (trial){.graph = elbo_graph_new(), .rng = {.seed = seed}}; }

static void end(trial *t) {
    elbo_graph_free(t->graph);
    elbo_params_free(t->params);
}

/* Fetches some nodes, mostly late ones. */
static int random_fetches(trial *t, elbo_node *const *node, int count, elbo_node **fetch) {
    int fetches = 1 + (int)pick(t, 6);
    for (int i = 0; i < fetches; i++)
        fetch[i] = node[pick(t, 2) ? count - 1 - pick(t, count < 4 ? count : 4) : pick(t, count)];
    return fetches;
}

static void compare_random_graph(uint64_t seed) {
    trial t = begin(seed);
    elbo_node *node[MOST_NODES], *fetch[8];
    int count = random_graph(&t, node), fetches = random_fetches(&t, node, count, fetch);
    elbo_plan *exact = plan_and_run(&t, fetch, (size_t)fetches, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
    elbo_plan *one = plan_and_run(&t, fetch, (size_t)fetches, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, 1);
    for (int i = 0; i < fetches; i++) {
        double d = distance(one, exact, fetch[i]);
        if (!(d < 2e-4)) fail_msg("seed %llu: output %d is off by %g", (unsigned long long)seed, i, d);
    }
    for (int threads = 1; threads <= 3; threads++) {
        elbo_plan *other = plan_and_run(&t, fetch, (size_t)fetches, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, threads);
        for (int again = 0; again < 2; again++, run(other))
            for (int i = 0; i < fetches; i++)
                if (!same_bits(one, other, fetch[i]))
                    fail_msg("seed %llu: output %d differs with %d threads, run %d", (unsigned long long)seed, i,
                             threads, again);
        elbo_plan_free(other);
    }
    elbo_plan_free(one);
    elbo_plan_free(exact);
    end(&t);
}

static void test_random_graphs(void **state) {
    (void)state;
    for (uint64_t seed = 1; seed <= 400; seed++) compare_random_graph(seed);
}

/* The same graphs with all fetched nodes as targets, and with the gradient of a loss. */
static void test_targets_and_gradients(void **state) {
    (void)state;
    for (uint64_t seed = 1000; seed < 1150; seed++) {
        trial t = begin(seed);
        elbo_node *node[MOST_NODES], *fetch[8], *wrt[MOST_INPUTS], *gradient[MOST_INPUTS];
        int count = random_graph(&t, node), fetches = random_fetches(&t, node, count, fetch), reals = 0;
        for (int k = 0; k < t.inputs; k++)
            if (t.input[k]->dtype == ELBO_F32) wrt[reals++] = t.input[k];
        elbo_node *loss = elbo_mean_all(elbo_tanh(fetch[0]));
        for (int i = 1; i < fetches; i++) loss = elbo_add(loss, elbo_mean_all(elbo_square(elbo_tanh(fetch[i]))));
        elbo_grad(loss, wrt, (size_t)reals, gradient);
        gradient[reals] = loss;
        elbo_target target[2 * MOST_INPUTS];
        float *memory[2 * MOST_INPUTS];
        int targets = 0;
        for (int i = 0; i <= reals; i++, targets++)
            memory[targets] = elbo_calloc(sizeof(float) * (size_t)count_of(gradient[i])),
            target[targets] = (elbo_target){gradient[i], memory[targets]};
        for (int i = 0; i < fetches; i++, targets++)
            memory[targets] = elbo_calloc(sizeof(float) * (size_t)count_of(fetch[i])),
            target[targets] = (elbo_target){fetch[i], memory[targets]};
        elbo_plan_spec spec = {.fetch = fetch,
                               .fetch_count = (size_t)fetches,
                               .target = target,
                               .target_count = (size_t)targets,
                               .threads = 2};
        elbo_plan *plan = plan_of(&t, &spec);
        run(plan);
        run(plan);
        elbo_node *all[2 * MOST_INPUTS];
        for (int i = 0; i < targets; i++) all[i] = target[i].node;
        elbo_plan *exact = plan_and_run(&t, all, (size_t)targets, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
        for (int i = 0; i < targets; i++) {
            int64_t n = count_of(all[i]);
            double *want = calloc((size_t)n + 1, sizeof *want);
            assert_true(elbo_plan_read(exact, all[i], want, n));
            for (int64_t j = 0; j < n; j++)
                if (!(fabs((double)memory[i][j] - want[j]) < 5e-4 * (1 + fabs(want[j]))))
                    fail_msg("seed %llu: target %d element %lld is %g, not %g", (unsigned long long)seed, i,
                             (long long)j, (double)memory[i][j], want[j]);
            free(want);
        }
        for (int i = 0; i < fetches; i++) assert_true(distance(plan, exact, fetch[i]) < 2e-4);
        elbo_plan_free(plan);
        elbo_plan_free(exact);
        for (int i = 0; i < targets; i++) elbo_free(memory[i]);
        end(&t);
    }
}

/* ---- outputs of unusual kinds ---- */

static void test_unusual_outputs(void **state) {
    (void)state;
    trial t = begin(1);
    elbo_error error = {0};
    t.params = elbo_params_new(3);
    elbo_params_declare(t.params, "a", "w", ELBO_SHAPE(4, 6), ELBO_INIT_NORMAL, 1, 1, 1, &error);
    assert_int_equal(elbo_params_finish(t.params, &error), ELBO_OK);
    elbo_node *w = elbo_param(t.graph, t.params, "w"), *x = new_input(&t, ELBO_F32, ELBO_SHAPE(6, 4));
    elbo_node *alias = elbo_reshape(x, ELBO_SHAPE(4, 6)), *y = elbo_add(alias, w);
    elbo_node *y_alias = elbo_reshape(y, ELBO_SHAPE(2, 12)), *seven = elbo_constant(t.graph, 7, ELBO_SHAPE(3));
    elbo_node *literal = elbo_literal(t.graph, (const double[]){1, 2, 3}, ELBO_SHAPE(3));
    elbo_node *list[] = {x, w, alias, y, y_alias, seven, literal, y, elbo_stop_gradient(y)};
    enum { COUNT = sizeof list / sizeof *list };
    elbo_target target[2 * COUNT];
    float *memory[2 * COUNT];
    for (int i = 0; i < 2 * COUNT; i++) { /* every one twice */
        memory[i] = elbo_calloc(sizeof(float) * 24);
        target[i] = (elbo_target){list[i % COUNT], memory[i]};
    }
    for (int fetched = 0; fetched < 2; fetched++) {
        elbo_plan_spec spec = {.fetch = list,
                               .fetch_count = fetched ? COUNT : 0,
                               .target = target,
                               .target_count = 2 * COUNT,
                               .threads = 1};
        elbo_plan *plan = plan_of(&t, &spec);
        elbo_plan *exact = plan_and_run(&t, list, COUNT, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
        for (int i = 0; i < 2 * COUNT; i++) memset(memory[i], 0, sizeof(float) * 24);
        run(plan);
        for (int i = 0; i < 2 * COUNT; i++) {
            double want[24];
            assert_true(elbo_plan_read(exact, list[i % COUNT], want, count_of(list[i % COUNT])));
            for (int64_t j = 0; j < count_of(list[i % COUNT]); j++)
                assert_true(fabs((double)memory[i][j] - want[j]) < 1e-6);
        }
        for (int i = 0; fetched && i < COUNT; i++) assert_true(distance(plan, exact, list[i]) < 1e-6);
        elbo_plan_free(plan);
        elbo_plan_free(exact);
    }
    for (int i = 0; i < 2 * COUNT; i++) elbo_free(memory[i]);
    end(&t);
}

/* ---- matrix products ---- */

typedef struct product {
    elbo_shape a, b;
    bool ta, tb;
} product;

static const product products[] = {
    {{2, {1, 1}}, {2, {1, 1}}, 0, 0},
    {{2, {3, 5}}, {2, {5, 7}}, 0, 0},
    {{2, {5, 3}}, {2, {5, 7}}, 1, 0},
    {{2, {3, 5}}, {2, {7, 5}}, 0, 1},
    {{2, {5, 3}}, {2, {7, 5}}, 1, 1},
    {{2, {1, 300}}, {2, {300, 1}}, 0, 0},
    {{2, {1, 300}}, {2, {1, 300}}, 0, 1},
    {{2, {300, 1}}, {2, {1, 200}}, 0, 0},
    {{2, {1, 40}}, {2, {1, 50}}, 1, 0},
    {{2, {40, 1}}, {2, {50, 1}}, 0, 1},
    {{2, {100, 784}}, {2, {784, 500}}, 0, 0},
    {{2, {100, 784}}, {2, {500, 784}}, 0, 1},
    {{2, {100, 500}}, {2, {100, 784}}, 1, 0},
    {{2, {65, 33}}, {2, {33, 97}}, 0, 0},
    {{2, {65, 33}}, {2, {97, 33}}, 0, 1},
    {{2, {33, 65}}, {2, {33, 97}}, 1, 0},
    {{2, {2000, 20}}, {2, {20, 130}}, 0, 0},
    {{3, {4, 6, 5}}, {3, {4, 5, 7}}, 0, 0},
    {{3, {4, 5, 6}}, {3, {4, 5, 7}}, 1, 0},
    {{3, {4, 6, 5}}, {3, {4, 7, 5}}, 0, 1},
    {{3, {4, 6, 5}}, {2, {5, 7}}, 0, 0},
    {{3, {4, 6, 5}}, {2, {7, 5}}, 0, 1},
    {{3, {4, 5, 6}}, {2, {5, 7}}, 1, 0},
    {{2, {6, 5}}, {3, {4, 5, 7}}, 0, 0},
    {{3, {1, 6, 5}}, {3, {4, 5, 7}}, 0, 0},
    {{3, {4, 6, 5}}, {3, {1, 5, 7}}, 0, 0},
    {{4, {3, 1, 6, 5}}, {4, {1, 2, 5, 7}}, 0, 0},
    {{4, {3, 2, 6, 5}}, {3, {2, 5, 7}}, 0, 0},
    {{3, {9, 31, 17}}, {3, {9, 17, 1}}, 0, 0},
    {{3, {1, 6, 5}}, {2, {5, 7}}, 0, 0},
};
enum { PRODUCTS = sizeof products / sizeof *products };

static trial begin_product(const product *p, elbo_node **y) {
    trial t = begin(17);
    elbo_node *a = new_input(&t, ELBO_F32, p->a), *b = new_input(&t, ELBO_F32, p->b);
    *y = elbo_matmul(a, b, p->ta, p->tb);
    assert_non_null(*y);
    return t;
}

/* With K terms whose sizes are below 4, f32 errs by at most K eps 4 K and bf16 by the two roundings of 2^-9 each. The
 * random signs make both far smaller; the bounds are those of a random walk, times 8. */
static void test_products(void **state) {
    (void)state;
    for (int i = 0; i < PRODUCTS; i++) {
        const product *p = &products[i];
        elbo_node *y;
        trial t = begin_product(p, &y);
        double k = (double)p->a.dim[p->a.rank - (p->ta ? 2 : 1)];
        elbo_plan *exact = plan_and_run(&t, &y, 1, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
        for (int bf16 = 0; bf16 < 2; bf16++) {
            elbo_precision precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
            double bound = 8 * sqrt(k) * (bf16 ? 4 * 0x1p-9 : 4 * (double)FLT_EPSILON);
            elbo_plan *one = plan_and_run(&t, &y, 1, ELBO_BACKEND_CPU, precision, 1);
            double d = distance(one, exact, y);
            if (!(d <= bound)) fail_msg("product %d, bf16 %d: off by %g, bound %g", i, bf16, d, bound);
            if (bf16 && k > 4) assert_true(d > 1e-5); /* it is bf16 indeed */
            for (int threads = 2; threads <= 3; threads++) {
                elbo_plan *other = plan_and_run(&t, &y, 1, ELBO_BACKEND_CPU, precision, threads);
                if (!same_bits(one, other, y))
                    fail_msg("product %d, bf16 %d differs with %d threads", i, bf16, threads);
                run(other);
                assert_true(same_bits(one, other, y));
                elbo_plan_free(other);
            }
            elbo_plan_free(one);
        }
        elbo_plan_free(exact);
        end(&t);
    }
}

/* bf16 of the operands, rounded to nearest even, then an exact product: only the order of f32 sums is left. */
static double to_bf16(double value) {
    float f = (float)value;
    uint32_t bits;
    memcpy(&bits, &f, sizeof bits);
    bits = (bits + 0x7fff + (bits >> 16 & 1)) & 0xffff0000u;
    memcpy(&f, &bits, sizeof f);
    return (double)f;
}

static void test_bf16_rounds_operands_only(void **state) {
    (void)state;
    enum { M = 37, K = 75, N = 70 };
    for (int transposes = 0; transposes < 4; transposes++) {
        bool ta = transposes & 1, tb = transposes & 2;
        product p = {{2, {ta ? K : M, ta ? M : K}}, {2, {tb ? N : K, tb ? K : N}}, ta, tb};
        elbo_node *y;
        trial t = begin_product(&p, &y);
        elbo_plan *plan = plan_and_run(&t, &y, 1, ELBO_BACKEND_CPU, ELBO_PRECISION_BF16, 2);
        const float *got = elbo_plan_value(plan, y);
        for (int i = 0; i < M; i++)
            for (int j = 0; j < N; j++) {
                double total = 0, size = 0;
                for (int k = 0; k < K; k++) {
                    double a = to_bf16(input_value(&t, 0, ta ? k * M + i : i * K + k));
                    double b = to_bf16(input_value(&t, 1, tb ? j * K + k : k * N + j));
                    total += a * b;
                    size += fabs(a * b);
                }
                assert_true(fabs((double)got[i * N + j] - total) <= 8 * (double)FLT_EPSILON * size);
            }
        elbo_plan_free(plan);
        end(&t);
    }
}

/* ---- a network: bias, activation, parameters ---- */

static elbo_node *dense(trial *t, elbo_node *x, const char *weight, const char *bias) {
    return elbo_add(elbo_matmul(x, elbo_param(t->graph, t->params, weight), false, false),
                    elbo_param(t->graph, t->params, bias));
}

/* The loss and its gradients of a two-layer autoencoder: parameters are read forwards and transposed. */
static trial begin_network(elbo_node **out, int *outs) {
    static const struct {
        const char *name;
        elbo_shape shape;
    } list[] = {{"w1", {2, {70, 90}}}, {"b1", {1, {90}}}, {"w2", {2, {90, 70}}}, {"b2", {1, {70}}}};
    trial t = begin(23);
    elbo_error error = {0};
    t.params = elbo_params_new(5);
    for (int i = 0; i < 4; i++)
        elbo_params_declare(t.params, "a", list[i].name, list[i].shape, ELBO_INIT_NORMAL, 0.2, 1, 1, &error);
    assert_int_equal(elbo_params_finish(t.params, &error), ELBO_OK);
    elbo_node *x = elbo_scale(elbo_to_real(new_input(&t, ELBO_U8, ELBO_SHAPE(50, 70))), 1 / 255.);
    elbo_node *hidden = elbo_tanh(dense(&t, x, "w1", "b1")), *logit = dense(&t, hidden, "w2", "b2"), *wrt[4];
    elbo_node *losses = elbo_sum(elbo_sub(elbo_softplus(logit), elbo_mul(x, logit)), 1, 1, false);
    out[0] = elbo_mean_all(losses);
    out[1] = losses;
    for (int i = 0; i < 4; i++) wrt[i] = elbo_param(t.graph, t.params, list[i].name);
    elbo_grad(out[0], wrt, 4, out + 2);
    *outs = 6;
    return t;
}

static void test_network(void **state) {
    (void)state;
    elbo_node *out[8];
    int outs;
    trial t = begin_network(out, &outs);
    elbo_plan *exact = plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
    elbo_plan *f32 = plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, 2);
    elbo_plan *bf16 = plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_CPU, ELBO_PRECISION_BF16, 2);
    for (int i = 0; i < outs; i++) {
        assert_true(distance(f32, exact, out[i]) < 1e-5);
        assert_true(distance(bf16, exact, out[i]) < 2e-2);
    }
    elbo_plan_free(exact);
    elbo_plan_free(f32);
    elbo_plan_free(bf16);
    end(&t);
}

/* With params_fixed, values written to the store are seen after elbo_params_touch. */
static void test_fixed_parameters(void **state) {
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        elbo_node *out[8];
        int outs;
        trial t = begin_network(out, &outs);
        elbo_precision precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
        elbo_plan_spec spec = {
            .fetch = out, .fetch_count = (size_t)outs, .precision = precision, .threads = 2, .params_fixed = true};
        elbo_plan *fixed = plan_of(&t, &spec);
        for (int round = 0; round < 3; round++) {
            size_t length;
            float *data = elbo_params_data(t.params, &length);
            elbo_plan *fresh = plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_CPU, precision, 2);
            for (int again = 0; again < 2; again++) {
                run(fixed);
                for (int i = 0; i < outs; i++)
                    if (!(distance(fixed, fresh, out[i]) < 1e-5))
                        fail_msg("round %d, bf16 %d: output %d of the plan with fixed parameters is stale", round, bf16,
                                 i);
            }
            elbo_plan_free(fresh);
            for (size_t i = 0; i < length; i++) data[i] = data[i] * 0.7f + 0.01f;
            elbo_params_touch(t.params);
        }
        elbo_plan_free(fixed);
        end(&t);
    }
}

/* Without it, they are seen at once. */
static void test_changing_parameters(void **state) {
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        elbo_node *out[8];
        int outs;
        trial t = begin_network(out, &outs);
        elbo_precision precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
        elbo_plan *plan = plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_CPU, precision, 1);
        size_t length;
        float *data = elbo_params_data(t.params, &length);
        for (size_t i = 0; i < length; i++) data[i] *= 0.5f;
        run(plan);
        elbo_plan *fresh = plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_CPU, precision, 1);
        for (int i = 0; i < outs; i++) assert_true(same_bits(plan, fresh, out[i]));
        elbo_plan_free(plan);
        elbo_plan_free(fresh);
        end(&t);
    }
}

static void test_a_step_allocates_nothing(void **state) {
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        elbo_node *out[8];
        int outs;
        trial t = begin_network(out, &outs);
        elbo_plan *plan =
            plan_and_run(&t, out, (size_t)outs, ELBO_BACKEND_CPU, bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32, 2);
        long before = elbo_memory_count();
        for (int i = 0; i < 5; i++) run(plan);
        assert_int_equal(elbo_memory_count(), before);
        assert_true(before > 0);
        elbo_plan_free(plan);
        end(&t);
    }
}

/* Each allocation of a plan fails in turn: an error, no crash, nothing leaked. */
static void test_no_memory(void **state) {
    (void)state;
    for (int bf16 = 0; bf16 < 2; bf16++) {
        elbo_node *out[8];
        int outs;
        trial t = begin_network(out, &outs);
        elbo_plan_spec spec = {.fetch = out,
                               .fetch_count = (size_t)outs,
                               .threads = 2,
                               .precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32};
        bool made = false;
        for (long number = 1; !made; number++) {
            elbo_error error = {0};
            elbo_memory_fail_at(number);
            elbo_plan *plan = elbo_plan_new(t.graph, &spec, &error);
            elbo_memory_fail_at(0);
            made = plan != NULL;
            if (!made) assert_int_equal(error.status, ELBO_ERROR_MEMORY);
            elbo_plan_free(plan);
            assert_true(number < 100000);
        }
        end(&t);
    }
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_graphs),
        cmocka_unit_test(test_targets_and_gradients),
        cmocka_unit_test(test_unusual_outputs),
        cmocka_unit_test(test_products),
        cmocka_unit_test(test_bf16_rounds_operands_only),
        cmocka_unit_test(test_network),
        cmocka_unit_test(test_fixed_parameters),
        cmocka_unit_test(test_changing_parameters),
        cmocka_unit_test(test_a_step_allocates_nothing),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
