/* Every operation in the registry, at the cases that stand beside it:
 *   - its gradient, and the gradient of its gradient, against signed central differences in f64, element by element;
 *   - the same comparison must reject each gradient when its sign is flipped;
 *   - the cpu backend in f32 against the reference, and with one thread against two;
 *   - an operation without a case fails. */
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

#include "base/rng.h"
#include "graph/graph.h"

/* Operations whose gradient of this order does not exist, and says so. */
static const struct {
    const char *name;
    int order;
} unsupported[] = {{"trigamma", 1},  {"digamma", 2},        {"log_gamma_slope", 1}, {"gamma_cdf_slope", 1},
                   {"gamma_cdf", 2}, {"beta_cdf_slope", 1}, {"beta_cdf", 2},        {"implicit_slope", 1}};

/* Operations that are constant wherever they are differentiable: there is no sign to flip. */
static const char *const flat[] = {"sign", "floor", "is_finite", "less", "less_equal", "equal"};

enum { MOST = 4 }; /* inputs of a case */

/* Nodes that are looked at together; `count` elements in all. */
typedef struct bundle {
    elbo_node *node[MOST];
    int nodes;
    int64_t count;
} bundle;

/* One case as a graph, with a value for every input. */
typedef struct trial {
    const elbo_op *op;
    const elbo_op_case *row;
    elbo_graph *graph;
    elbo_node *input[MOST];
    double *value[MOST];
    bundle result, reals;
} trial;

static double *numbers(int64_t count) {
    double *list = calloc((size_t)(count > 0 ? count : 1), sizeof *list);
    assert_non_null(list);
    return list;
}

static void gather_up(bundle *b, elbo_node *node) {
    b->node[b->nodes++] = node;
    b->count += elbo_shape_count(elbo_node_shape(node));
}

static int64_t count_of(const trial *t, int k) { return elbo_shape_count(t->row->shape[k]); }
static bool is_real(const trial *t, int k) { return t->row->dtype[k] == ELBO_F32; }

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* Reals are rounded to f32, so that every precision sees the same numbers. The bounds of sparse rows are sorted. */
static void draw_inputs(trial *t, int case_number) {
    for (int k = 0; k < t->row->inputs; k++) {
        elbo_rng rng = {.seed = 7, .stream = (uint32_t)k, .step = (uint32_t)case_number};
        int64_t count = count_of(t, k);
        t->value[k] = numbers(count);
        for (int64_t i = 0; i < count; i++) {
            double u = elbo_rng_uniform(&rng, 0, (uint32_t)i);
            t->value[k][i] = is_real(t, k) ? (double)(float)(t->row->low + (t->row->high - t->row->low) * u)
                                           : floor(u * t->row->integers);
        }
        if (k == 0 && strncmp(t->op->name, "sparse_", 7) == 0)
            qsort(t->value[k], (size_t)count, sizeof(double), by_value);
    }
}

static trial begin(const elbo_op *op, int case_number) {
    trial t = {.op = op, .row = &op->cases[case_number], .graph = elbo_graph_new()};
    assert_non_null(t.graph);
    assert_in_range(t.row->inputs, 1, MOST);
    for (int k = 0; k < t.row->inputs; k++) {
        char name[16];
        snprintf(name, sizeof name, "x%d", k);
        t.input[k] = elbo_input(t.graph, name, t.row->dtype[k], t.row->shape[k]);
        if (is_real(&t, k)) gather_up(&t.reals, t.input[k]);
    }
    gather_up(&t.result, elbo_graph_apply(t.graph, op, t.row->inputs, t.input, &t.row->attributes, NULL));
    draw_inputs(&t, case_number);
    return t;
}

static void end(trial *t) {
    for (int k = 0; k < MOST; k++) free(t->value[k]);
    elbo_graph_free(t->graph);
}

static void say(const trial *t, const char *what) {
    elbo_error error = {0};
    elbo_graph_check(t->graph, &error);
    print_error("%s, case %d: %s %s\n", t->op->name, (int)(t->row - t->op->cases), what, error.message);
}

static elbo_plan *plan_for(const trial *t, const bundle *b, elbo_backend backend, elbo_precision precision,
                           int threads) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = b->node,
                           .fetch_count = (size_t)b->nodes,
                           .backend = backend,
                           .precision = precision,
                           .threads = threads};
    elbo_plan *plan = elbo_plan_new(t->graph, &spec, &error);
    if (!plan) {
        say(t, error.message);
        fail();
    }
    return plan;
}

static void write_input(const trial *t, elbo_plan *plan, elbo_precision precision, int k, const double *value) {
    void *memory = elbo_plan_input(plan, t->input[k]);
    for (int64_t i = 0; memory && i < count_of(t, k); i++) {
        if (!is_real(t, k))
            ((int32_t *)memory)[i] = (int32_t)value[i];
        else if (precision == ELBO_PRECISION_F64)
            ((double *)memory)[i] = value[i];
        else
            ((float *)memory)[i] = (float)value[i];
    }
}

static void evaluate(const trial *t, elbo_plan *plan, elbo_precision precision, const bundle *b, double *out) {
    elbo_error error = {0};
    for (int k = 0; k < t->row->inputs; k++) write_input(t, plan, precision, k, t->value[k]);
    assert_int_equal(elbo_plan_run(plan, NULL, &error), ELBO_OK);
    for (int k = 0; k < b->nodes; k++) {
        int64_t count = elbo_shape_count(elbo_node_shape(b->node[k]));
        assert_true(elbo_plan_read(plan, b->node[k], out, count));
        out += count;
    }
}

/* A plan that is used once. */
static double *evaluate_once(const trial *t, const bundle *b, elbo_backend backend, elbo_precision precision,
                             int threads) {
    double *out = numbers(b->count);
    elbo_plan *plan = plan_for(t, b, backend, precision, threads);
    evaluate(t, plan, precision, b, out);
    elbo_plan_free(plan);
    return out;
}

/* Positive weights, all different, so that no two errors cancel. */
static double *weights_of(const bundle *b) {
    elbo_rng rng = {.seed = 11};
    double *weight = numbers(b->count);
    for (int64_t i = 0; i < b->count; i++) weight[i] = 0.5 + elbo_rng_uniform(&rng, 1, (uint32_t)i);
    return weight;
}

/* The gradient of sum(weight * b) in every real input. */
static bundle differentiate(const trial *t, const bundle *b, const double *weight) {
    elbo_node *loss = elbo_scalar(t->graph, 0), *out[MOST] = {NULL};
    for (int k = 0; k < b->nodes; k++) {
        elbo_node *w = elbo_literal(t->graph, weight, elbo_node_shape(b->node[k]));
        loss = elbo_add(loss, elbo_sum_all(elbo_mul(b->node[k], w)));
        weight += elbo_shape_count(elbo_node_shape(b->node[k]));
    }
    elbo_grad(loss, t->reals.node, (size_t)t->reals.nodes, out);
    bundle gradients = {.nodes = 0};
    for (int k = 0; k < t->reals.nodes; k++) gather_up(&gradients, out[k]);
    return gradients;
}

/* The step of the differences. The error of a central difference is h^2 f'''/6 from truncation and about eps f / h from
 * rounding; they balance near h = eps^(1/3) = 6e-6. A power of two keeps x + h exact. */
static const double STEP = 1.0 / 131072;

/* Rounding errors of one evaluation, in units of eps. Sums of the cases have at most 3000 terms, whose errors add like
 * a random walk: half of sqrt(3000) is 27. Errors of different results are independent, relative to the largest result
 * (or 1, for functions with a zero), or come from something that they share, relative to each: the first add up as
 * the root of the sum of squares, the second plainly. */
static const double ROUNDINGS = 64;

/* Derivative of sum(weight * b) in one element, and how far from it the true one can be: what rounding leaves, plus
 * |D(2h) - D(h)|, three times the leading term of the truncation. */
typedef struct slope {
    double value, tolerance;
} slope;

static slope difference(const trial *t, elbo_plan *plan, const bundle *b, const double *weight, double *element) {
    double centre = *element, quotient[2], squares = 0, shared = 0, largest = 1;
    double *up = numbers(b->count), *down = numbers(b->count);
    for (int wide = 0; wide < 2; wide++) {
        double h = wide ? 2 * STEP : STEP, sum = 0;
        *element = centre + h;
        evaluate(t, plan, ELBO_PRECISION_F64, b, up);
        *element = centre - h;
        evaluate(t, plan, ELBO_PRECISION_F64, b, down);
        for (int64_t i = 0; i < b->count; i++) {
            sum += weight[i] * (up[i] - down[i]);
            if (up[i] == down[i]) continue;
            squares += weight[i] * weight[i];
            shared += weight[i] * fabs(up[i]);
            largest = fmax(largest, fabs(up[i]));
        }
        quotient[wide] = sum / (2 * h);
    }
    *element = centre;
    free(up);
    free(down);
    double rounding = ROUNDINGS * DBL_EPSILON * (largest * sqrt(squares) + shared) / STEP;
    return (slope){quotient[0], rounding + fabs(quotient[1] - quotient[0]) + 1e-12};
}

/* Whether every looked-at element agrees. A NaN agrees with nothing. */
static bool agree(const double *gradient, const slope *measured, int64_t count, double sign) {
    for (int64_t i = 0; i < count; i++)
        if (measured[i].tolerance >= 0 && !(fabs(sign * gradient[i] - measured[i].value) <= measured[i].tolerance))
            return false;
    return true;
}

/* At most about this many elements of one input are moved, the one with the largest gradient among them; the stride
 * through a larger input is odd, so that it meets every column. */
enum { LOOKS = 200 };

/* The slopes at the elements of real input k of the case; those not looked at have tolerance -1. */
static slope *measure(const trial *t, elbo_plan *plan, const bundle *b, const double *weight, int k, const double *g) {
    int64_t count = count_of(t, k), stride = count > LOOKS ? count / LOOKS | 1 : 1, steepest = 0;
    slope *list = calloc((size_t)count, sizeof *list);
    assert_non_null(list);
    for (int64_t i = 1; i < count; i++)
        if (fabs(g[i]) > fabs(g[steepest])) steepest = i;
    for (int64_t i = 0; i < count; i++) {
        bool look = i % stride == 0 || i == steepest;
        list[i] = look ? difference(t, plan, b, weight, &t->value[k][i]) : (slope){0, -1};
    }
    return list;
}

static double largest_of(const double *list, int64_t count) {
    double largest = 0;
    for (int64_t i = 0; i < count; i++) largest = fmax(largest, fabs(list[i]));
    return largest;
}

/* Compares the gradients of b with differences of b. Returns the number of failures; *flips counts the inputs whose
 * gradient was seen to be rejected with its sign flipped. */
static int compare(const trial *t, const bundle *b, const double *weight, const bundle *gradients, int order,
                   int *flips) {
    double *gradient = evaluate_once(t, gradients, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1), *g = gradient;
    elbo_plan *plan = plan_for(t, b, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
    int failures = 0;
    char text[128];
    for (int k = 0; k < t->row->inputs; k++) {
        if (!is_real(t, k)) continue;
        int64_t count = count_of(t, k), wrong = 0;
        slope *measured = measure(t, plan, b, weight, k, g);
        for (int64_t i = 0; i < count; i++) {
            if (agree(&g[i], &measured[i], 1, 1) || wrong++ > 2) continue;
            snprintf(text, sizeof text, "order %d, input %d, element %lld: gradient %.12g, difference %.12g +- %.2g",
                     order, k, (long long)i, g[i], measured[i].value, measured[i].tolerance);
            say(t, text);
        }
        failures += wrong > 0;
        double loosest = 0, typical = largest_of(g, count);
        for (int64_t i = 0; i < count; i++) loosest = fmax(loosest, measured[i].tolerance);
        if (loosest > 1e-6 + 1e-4 * typical) {
            snprintf(text, sizeof text, "order %d, input %d: a tolerance of %.2g proves nothing", order, k, loosest);
            say(t, text);
            failures++;
        }
        if (typical > 2 * loosest) {
            bool rejected = !agree(g, measured, count, -1);
            if (!rejected) say(t, "the flipped sign of a gradient was not noticed");
            failures += !rejected;
            *flips += rejected;
        }
        free(measured);
        g += count;
    }
    elbo_plan_free(plan);
    free(gradient);
    return failures;
}

static bool is_unsupported(const elbo_op *op, int order) {
    for (size_t i = 0; i < sizeof unsupported / sizeof *unsupported; i++)
        if (strcmp(unsupported[i].name, op->name) == 0 && unsupported[i].order <= order) return true;
    return false;
}

static bool is_flat(const elbo_op *op) {
    for (size_t i = 0; i < sizeof flat / sizeof *flat; i++)
        if (strcmp(flat[i], op->name) == 0) return true;
    return false;
}

static int check_gradient(const elbo_op *op, int case_number, int order, int *flips) {
    trial t = begin(op, case_number);
    bundle outputs = {.nodes = 0}, gradients = t.result;
    double *weight = NULL;
    int failures = 0;
    for (int o = 0; o < order; o++) {
        outputs = gradients;
        free(weight);
        weight = weights_of(&outputs);
        gradients = differentiate(&t, &outputs, weight);
    }
    elbo_status status = elbo_graph_check(t.graph, NULL);
    if (is_unsupported(op, order)) {
        failures = status != ELBO_ERROR_UNSUPPORTED;
        if (failures) say(&t, "the gradient was expected to be unsupported;");
    } else if (status != ELBO_OK) {
        say(&t, "");
        failures = 1;
    } else {
        failures = compare(&t, &outputs, weight, &gradients, order, flips);
    }
    free(weight);
    end(&t);
    return failures;
}

/* Every operation that has a gradient, at every case. */
static void each_gradient(int order) {
    int failures = 0;
    for (int f = 0; elbo_registry_ops[f]; f++)
        for (int o = 0; elbo_registry_ops[f]->ops[o]; o++) {
            const elbo_op *op = elbo_registry_ops[f]->ops[o];
            int flips = 0;
            if (op->flags & (ELBO_OP_SOURCE | ELBO_OP_NO_GRADIENT)) continue;
            if (strncmp(op->name, "random_", 7) == 0) continue; /* implicit: dist tests compare it */
            for (int c = 0; c < op->case_count; c++) failures += check_gradient(op, c, order, &flips);
            bool expects_flips = order == 1 && !is_flat(op) && !is_unsupported(op, order);
            if (expects_flips && flips == 0) {
                print_error("%s: no case has a gradient whose sign matters\n", op->name);
                failures++;
            }
        }
    assert_int_equal(failures, 0);
}

static void first_gradients(void **state) {
    (void)state;
    each_gradient(1);
}

static void second_gradients(void **state) {
    (void)state;
    each_gradient(2);
}

/* cpu against reference */

/* Errors of f32 arithmetic in units of eps times the scale below. Functions of single elements: as good as a C library
 * without correct rounding. Sums: 3000 terms in 8 lanes add up to less than sqrt(3000 / 8) = 19. */
static const double UNITS_OF_FUNCTIONS = 4, UNITS_OF_SUMS = 32;

/* What the rounding errors of each element are relative to: its size, how it answers to relative changes of the inputs
 * (for functions: their condition), and, where it can be a sum, its size if no sign differed. */
static double *scale_of(trial *t, const bundle *b, bool sums) {
    double *scale = evaluate_once(t, b, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1), *at = numbers(b->count);
    double *kept[MOST] = {NULL}, delta = 1e-6;
    elbo_plan *plan = plan_for(t, b, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
    for (int64_t i = 0; i < b->count; i++) at[i] = scale[i], scale[i] = fabs(scale[i]);
    for (int k = 0; k < t->row->inputs; k++) kept[k] = t->value[k], t->value[k] = numbers(count_of(t, k));
    double *other = numbers(b->count), *answer = numbers(b->count);
    for (int draw = 0; draw <= 8; draw++) { /* the first: absolute values; the others: small changes of random signs */
        elbo_rng rng = {.seed = 13, .step = (uint32_t)draw};
        for (int k = 0; k < t->row->inputs; k++)
            for (int64_t i = 0; i < count_of(t, k); i++) {
                double sign = elbo_rng_uniform(&rng, (uint32_t)k, (uint32_t)i) < 0.5 ? -1 : 1;
                bool real = is_real(t, k);
                t->value[k][i] = !real ? kept[k][i] : draw == 0 ? fabs(kept[k][i]) : kept[k][i] * (1 + sign * delta);
            }
        evaluate(t, plan, ELBO_PRECISION_F64, b, other);
        for (int64_t i = 0; i < b->count; i++) {
            if (draw == 0)
                scale[i] += sums && isfinite(other[i]) ? fabs(other[i]) : 0;
            else
                answer[i] = fmax(answer[i], fabs(other[i] - at[i]) / delta);
        }
    }
    for (int64_t i = 0; i < b->count; i++) scale[i] += answer[i];
    for (int k = 0; k < t->row->inputs; k++) free(t->value[k]), t->value[k] = kept[k];
    elbo_plan_free(plan);
    free(other);
    free(answer);
    free(at);
    return scale;
}

/* Elements of `found` further from `truth` than they may be. */
static int strays(const trial *t, const bundle *b, const double *found, const double *truth, const double *tolerance,
                  const char *who) {
    int count = 0;
    for (int64_t i = 0; i < b->count; i++) {
        if (fabs(found[i] - truth[i]) <= tolerance[i]) continue;
        char text[128];
        snprintf(text, sizeof text, "%s, element %lld: %.9g, f64 %.9g +- %.2g", who, (long long)i, found[i], truth[i],
                 tolerance[i]);
        if (count++ < 3) say(t, text);
    }
    return count;
}

static int compare_backends(trial *t, const bundle *b, bool gradients) {
    bool sums = gradients || !(t->op->flags & ELBO_OP_ELEMENTWISE), whole = b->node[0]->dtype == ELBO_I32;
    double *tolerance = scale_of(t, b, sums), lost = 0;
    double *truth = evaluate_once(t, b, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F64, 1);
    double *plain = evaluate_once(t, b, ELBO_BACKEND_REFERENCE, ELBO_PRECISION_F32, 1);
    double *one = evaluate_once(t, b, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, 1);
    double *two = evaluate_once(t, b, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, 2);
    /* A gradient is a formula of several operations, and may cancel (1 - y^2 at y = 1): the reference in f32 shows by
     * how much. A single operation gets no such allowance. */
    for (int64_t i = 0; gradients && i < b->count; i++) lost = fmax(lost, 8 * fabs(plain[i] - truth[i]));
    for (int64_t i = 0; i < b->count; i++) {
        double units = sums ? UNITS_OF_SUMS : UNITS_OF_FUNCTIONS;
        tolerance[i] = whole ? 0 : units * FLT_EPSILON * tolerance[i] + lost + 1e-37;
    }
    int failures = strays(t, b, plain, truth, tolerance, gradients ? "reference gradient" : "reference");
    failures += strays(t, b, one, truth, tolerance, gradients ? "cpu gradient" : "cpu");
    /* oneDNN picks layouts and splits sums of convolutions by the number of threads: close, but not the same bits */
    bool split_by_threads = strncmp(t->op->name, "conv2d", 6) == 0;
    if (!split_by_threads && memcmp(one, two, sizeof *one * (size_t)b->count) != 0) {
        say(t, "one thread and two threads differ");
        failures++;
    }
    free(tolerance);
    free(truth);
    free(plain);
    free(one);
    free(two);
    return failures;
}

static void backends(void **state) {
    (void)state;
    int failures = 0;
    for (int f = 0; elbo_registry_ops[f]; f++)
        for (int o = 0; elbo_registry_ops[f]->ops[o]; o++) {
            const elbo_op *op = elbo_registry_ops[f]->ops[o];
            for (int c = 0; c < op->case_count; c++) {
                trial t = begin(op, c);
                failures += compare_backends(&t, &t.result, false);
                if (!(op->flags & ELBO_OP_NO_GRADIENT) && !is_unsupported(op, 1)) {
                    double *weight = weights_of(&t.result);
                    bundle gradients = differentiate(&t, &t.result, weight);
                    failures += compare_backends(&t, &gradients, true);
                    free(weight);
                }
                end(&t);
            }
        }
    assert_int_equal(failures, 0);
}

/* Draws are the same numbers on both backends, for rows that start elsewhere too. */
static void draws(void **state) {
    (void)state;
    trial t = {.op = &(elbo_op){.name = "random"}, .row = &(elbo_op_case){.inputs = 0}, .graph = elbo_graph_new()};
    bundle b = {.nodes = 0};
    gather_up(&b, elbo_random_uniform(t.graph, ELBO_SHAPE(5, 37), 0));
    gather_up(&b, elbo_random_normal(t.graph, ELBO_SHAPE(3, 5, 7), 1));
    double *truth = numbers(b.count), *found = numbers(b.count);
    elbo_run run = {.seed = 0x123456789abcdefu, .step = 3, .first_row = 11};
    for (int pass = 0; pass < 3; pass++) {
        elbo_backend backend = pass == 0 ? ELBO_BACKEND_REFERENCE : ELBO_BACKEND_CPU;
        elbo_plan *plan = plan_for(&t, &b, backend, pass == 0 ? ELBO_PRECISION_F64 : ELBO_PRECISION_F32, pass);
        assert_int_equal(elbo_plan_run(plan, &run, NULL), ELBO_OK);
        double *out = pass == 0 ? truth : found;
        assert_true(elbo_plan_read(plan, b.node[0], out, 185));
        assert_true(elbo_plan_read(plan, b.node[1], out + 185, 105));
        elbo_plan_free(plan);
        for (int64_t i = 0; pass > 0 && i < b.count; i++)
            assert_true(fabs(found[i] - truth[i]) <=
                        (i < 185 ? 0 : UNITS_OF_FUNCTIONS * FLT_EPSILON * (1 + fabs(truth[i]))));
    }
    for (int64_t i = 0; i < 185; i++) assert_true(truth[i] > 0 && truth[i] < 1);
    free(truth);
    free(found);
    end(&t);
}

/* Arrays large enough to be shared out among threads: the same bits for any number of threads. */
static void threads(void **state) {
    (void)state;
    trial t = {.op = &(elbo_op){.name = "large"}, .row = &(elbo_op_case){.inputs = 0}, .graph = elbo_graph_new()};
    elbo_node *x = elbo_random_normal(t.graph, ELBO_SHAPE(300, 517), 0);
    elbo_node *w = elbo_random_uniform(t.graph, ELBO_SHAPE(517, 97), 0);
    elbo_node *y = elbo_mul(elbo_softplus(x), elbo_tanh(elbo_shift(x, 1)));
    bundle b = {.nodes = 0};
    gather_up(&b, elbo_sum(y, 1, 1, false));
    gather_up(&b, elbo_sum(y, 0, 0, false));
    gather_up(&b, elbo_sum_all(elbo_exp(elbo_scale(y, 0.1))));
    gather_up(&b, elbo_sigmoid(elbo_matmul(y, w, false, false)));
    double *alone = evaluate_once(&t, &b, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, 1);
    for (int count = 2; count <= 3; count++) {
        double *together = evaluate_once(&t, &b, ELBO_BACKEND_CPU, ELBO_PRECISION_F32, count);
        int64_t i = 0;
        while (i < b.count && alone[i] == together[i]) i++;
        if (i < b.count)
            fail_msg("%d threads: element %lld: %.9g, not %.9g", count, (long long)i, together[i], alone[i]);
        free(together);
    }
    free(alone);
    end(&t);
}

/* What has a kernel has cases, and they fit. */
static void coverage(void **state) {
    (void)state;
    int failures = 0, seen = 0;
    for (int f = 0; elbo_registry_ops[f]; f++)
        for (int o = 0; elbo_registry_ops[f]->ops[o]; o++, seen++) {
            const elbo_op *op = elbo_registry_ops[f]->ops[o];
            bool exempt = op->flags & (ELBO_OP_SOURCE | ELBO_OP_RANDOM);
            if (!op->formula || (!exempt && op->case_count == 0)) {
                print_error("%s of family %s: no %s\n", op->name, elbo_registry_ops[f]->name,
                            op->formula ? "test case" : "formula");
                failures++;
            }
            for (int c = 0; c < op->case_count; c++) {
                int inputs = op->cases[c].inputs;
                trial t = begin(op, c);
                if (!t.result.node[0] || (op->inputs >= 0 && inputs != op->inputs)) {
                    say(&t, "the case does not fit the operation");
                    failures++;
                }
                end(&t);
            }
        }
    assert_in_range(seen, 60, 1000);
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(coverage), cmocka_unit_test(first_gradients), cmocka_unit_test(second_gradients),
        cmocka_unit_test(backends), cmocka_unit_test(draws),           cmocka_unit_test(threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
