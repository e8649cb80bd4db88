/* Every distribution in f32 on the cpu backend at awkward parameters: shapes from 1e-3 to 1e4, scales from 1e-6 to 1e6,
 * logits from -30 to 30, in all combinations. A draw, log p of it and the gradients of both are finite wherever f64
 * finds numbers that f32 can hold. All combinations are the rows of one batch, so that every row has gradients of its
 * own. */
#include "dist_support.h"

enum { CHOICES = 5, REPEATS = 24, K = 3 };

/* What f32 holds, with a margin for what is computed on the way: a value over a scale of 1e-6. */
static const double largest = 1e30, smallest = 1e-36;

/* The values of a parameter, by its name. Of ordered pairs the second is a width. */
static const struct range {
    const char *name;
    double value[CHOICES];
    int count;
} ranges[] = {{"concentration", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"concentration1", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"concentration0", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"df", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"df1", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"df2", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"total", {1e-3, 0.3, 1, 50, 1e4}, 5},
              {"scale", {1e-6, 1e-3, 1, 1e3, 1e6}, 5},
              {"rate", {1e-6, 1e-3, 1, 1e3, 1e6}, 5},
              {"scale_tril", {1e-6, 1e-3, 1, 1e3, 1e6}, 5},
              {"log_scale", {-13.8, -7, 0, 7, 13.8}, 5},
              {"loc", {-3, 0, 2}, 3},
              {"low", {1e-3, 1}, 2},
              {"high", {1e-2, 1, 1e6}, 3},
              {"peak", {1e-3, 0.5, 0.999}, 3},
              {"temperature", {0.1, 0.7, 1, 10}, 4},
              {"logits", {-30, -1, 0, 2, 30}, 5},
              {"levels", {2, 8, 256}, 3}};

static const struct range *range_of(const char *name) {
    for (size_t i = 0; i < sizeof ranges / sizeof *ranges; i++)
        if (strcmp(ranges[i].name, name) == 0) return &ranges[i];
    fail_msg("no awkward values are listed for a parameter \"%s\"", name);
    return NULL;
}

/* One type, with one value for what must be a constant. */
typedef struct batch {
    const elbo_dist_type *type;
    double whole;
    int rows;
    elbo_graph *graph;
    elbo_node *parameter[ELBO_DIST_PARAMETERS], *x;
    elbo_dist dist;
    double *value[ELBO_DIST_PARAMETERS]; /* [rows, axes] */
    int64_t size[ELBO_DIST_PARAMETERS];  /* of one row */
} batch;

static bool is_whole(const elbo_dist_type *type, int k) {
    return type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE;
}

/* Elements of one row: components lie at different places and have different weights. */
static void fill(batch *b, int k, int row, double chosen) {
    double *to = b->value[k] + row * b->size[k];
    const char *name = b->type->parameter[k].name;
    bool spread = strcmp(name, "loc") == 0 || strcmp(name, "logits") == 0;
    for (int i = 0; i < b->size[k]; i++) to[i] = (double)(float)(spread ? chosen * (1 - 0.8 * i) : chosen);
    if (b->type->parameter[k].constraint == ELBO_CONSTRAINT_ORDERED) to[0] += b->value[k - 1][row];
}

static batch begin(const elbo_dist_type *type, double whole) {
    batch b = {.type = type, .whole = whole, .rows = REPEATS, .graph = elbo_graph_new()};
    static const char *const names[] = {"p0", "p1", "p2"};
    int count = parameters_of(type);
    for (int k = 0; k < count; k++)
        if (!is_whole(type, k)) b.rows *= range_of(type->parameter[k].name)->count;
    for (int k = 0; k < count; k++) {
        elbo_shape own = shape_of_parameter(type, k, K), all = {own.rank + 1, {b.rows}};
        for (int axis = 0; axis < own.rank; axis++) all.dim[1 + axis] = own.dim[axis];
        b.size[k] = elbo_shape_count(own);
        b.value[k] = calloc((size_t)(b.rows * b.size[k]), sizeof(double));
        assert_non_null(b.value[k]);
        b.parameter[k] = is_whole(type, k) ? elbo_scalar(b.graph, whole) : elbo_input(b.graph, names[k], ELBO_F32, all);
    }
    for (int row = 0; row < b.rows; row++)
        for (int k = 0, rest = row / REPEATS; k < count; k++) {
            if (is_whole(type, k)) continue;
            const struct range *range = range_of(type->parameter[k].name);
            fill(&b, k, row, range->value[rest % range->count]);
            rest /= range->count;
        }
    b.dist = elbo_dist_new(type, b.parameter, elbo_dist_own_rank(type));
    b.x = elbo_input(b.graph, "x", ELBO_F32, b.dist.shape);
    return b;
}

static void end(batch *b) {
    for (int k = 0; k < ELBO_DIST_PARAMETERS; k++) free(b->value[k]);
    elbo_graph_free(b->graph);
}

/* Nodes of one run, as arrays that the caller frees. */
static void read_all(const batch *b, elbo_node *const *node, int count, elbo_precision precision, const double *x,
                     double **out) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = node,
                           .fetch_count = (size_t)count,
                           .backend = precision == ELBO_PRECISION_F64 ? ELBO_BACKEND_REFERENCE : ELBO_BACKEND_CPU,
                           .precision = precision,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(b->graph, &spec, &error);
    if (!plan) fail_msg("%s: %s", b->type->name, error.message);
    for (int k = 0; k < parameters_of(b->type); k++)
        if (!is_whole(b->type, k))
            write_reals(elbo_plan_input(plan, b->parameter[k]), precision, b->value[k], b->rows * b->size[k]);
    if (x) write_reals(elbo_plan_input(plan, b->x), precision, x, elbo_shape_count(b->dist.shape));
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 41}, &error), ELBO_OK);
    for (int i = 0; i < count; i++) {
        int64_t size = elbo_shape_count(elbo_node_shape(node[i]));
        out[i] = calloc((size_t)size, sizeof **out);
        assert_non_null(out[i]);
        assert_true(elbo_plan_read(plan, node[i], out[i], size));
    }
    elbo_plan_free(plan);
}

static bool holds(double value) { return isfinite(value) && fabs(value) < largest; }

static void say(const batch *b, const char *what, int row, double found, double expected, double z) {
    print_error("%s(", b->type->name);
    for (int k = 0; k < parameters_of(b->type); k++)
        print_error("%s%g", k ? ", " : "", is_whole(b->type, k) ? b->whole : b->value[k][row * b->size[k]]);
    print_error("), row %d: %s is %g in f32, %g in f64; z = %g\n", row, what, found, expected, z);
}

static bool is_positive(const elbo_dist_type *type) {
    return type->support == ELBO_SUPPORT_POSITIVE || type->support == ELBO_SUPPORT_UNIT_INTERVAL ||
           type->support == ELBO_SUPPORT_SIMPLEX || type->support == ELBO_SUPPORT_FROM_SCALE;
}

/* Whether f32 has room for a value of the type. */
static bool fits(const elbo_dist_type *type, double z) { return holds(z) && (!is_positive(type) || z > smallest); }

/* A row's numbers in f32 where f64 has numbers: [rows, size] of both. A NaN of f64 is a failure too. Returns how many
 * rows fail; says the first. */
static int compare(const batch *b, const char *what, const double *single, const double *twice, const double *z,
                   int64_t size) {
    int failures = 0;
    int64_t width = elbo_shape_count(b->dist.shape) / b->rows;
    for (int row = 0; row < b->rows; row++) {
        bool shown = true, right = true;
        for (int64_t i = 0; i < width; i++) shown = shown && fits(b->type, z[row * width + i]);
        for (int64_t i = 0; i < size; i++)
            right = right && (holds(twice[row * size + i]) || isnan(twice[row * size + i]));
        for (int64_t i = 0; shown && right && i < size; i++) {
            if (isfinite(single[row * size + i]) && !isnan(twice[row * size + i])) continue;
            if (failures++ < 3) say(b, what, row, single[row * size + i], twice[row * size + i], z[row * width]);
            break;
        }
    }
    return failures;
}

/* Gradients of the sum over rows, in every parameter that has one. */
static int gradients(const batch *b, elbo_node *sum, elbo_node **out, int *which) {
    elbo_node *wrt[ELBO_DIST_PARAMETERS];
    int count = 0;
    for (int k = 0; k < parameters_of(b->type); k++)
        if (!is_whole(b->type, k)) which[count] = k, wrt[count++] = b->parameter[k];
    elbo_grad(sum, wrt, (size_t)count, out);
    return count;
}

static int check_draws(const batch *b, double **z) {
    elbo_node *draw = elbo_dist_sample(&b->dist, 0), *node[1 + ELBO_DIST_PARAMETERS] = {draw};
    double *single[1 + ELBO_DIST_PARAMETERS], *twice[1 + ELBO_DIST_PARAMETERS];
    int which[ELBO_DIST_PARAMETERS], count = 0, failures = 0;
    if (b->type->draws != ELBO_DRAWS_PLAIN) count = gradients(b, elbo_sum_all(draw), node + 1, which);
    read_all(b, node, 1 + count, ELBO_PRECISION_F32, NULL, single);
    read_all(b, node, 1 + count, ELBO_PRECISION_F64, NULL, twice);
    int64_t width = elbo_shape_count(b->dist.shape) / b->rows;
    failures += compare(b, "a draw", single[0], twice[0], twice[0], width);
    for (int i = 0; i < b->rows * width; i++) /* what underflows stays inside the support */
        if (is_positive(b->type) && twice[0][i] > smallest && !(single[0][i] > 0))
            say(b, "a draw", (int)(i / width), single[0][i], twice[0][i], twice[0][i]), failures++;
    for (int k = 0; k < count; k++) {
        char what[64];
        snprintf(what, sizeof what, "the gradient of a draw in %s", b->type->parameter[which[k]].name);
        failures += compare(b, what, single[1 + k], twice[1 + k], twice[0], b->size[which[k]]);
    }
    for (int k = 0; k <= count; k++) free(twice[k]);
    for (int k = 1; k <= count; k++) free(single[k]);
    *z = single[0];
    return failures;
}

/* At the draws of f32. */
static int check_density(const batch *b, const double *z) {
    elbo_node *log_p = elbo_dist_log_prob(&b->dist, b->x), *node[2 + ELBO_DIST_PARAMETERS] = {log_p};
    double *single[2 + ELBO_DIST_PARAMETERS], *twice[2 + ELBO_DIST_PARAMETERS];
    int which[ELBO_DIST_PARAMETERS], failures = 0, count = gradients(b, elbo_sum_all(log_p), node + 2, which);
    elbo_grad(elbo_sum_all(log_p), &b->x, 1, node + 1);
    read_all(b, node, 2 + count, ELBO_PRECISION_F32, z, single);
    read_all(b, node, 2 + count, ELBO_PRECISION_F64, z, twice);
    int64_t width = elbo_shape_count(b->dist.shape) / b->rows;
    failures += compare(b, "log p", single[0], twice[0], z, 1);
    failures += compare(b, "the gradient of log p in x", single[1], twice[1], z, width);
    for (int k = 0; k < count; k++) {
        char what[64];
        snprintf(what, sizeof what, "the gradient of log p in %s", b->type->parameter[which[k]].name);
        failures += compare(b, what, single[2 + k], twice[2 + k], z, b->size[which[k]]);
    }
    for (int k = 0; k < 2 + count; k++) free(single[k]), free(twice[k]);
    return failures;
}

static void finite_everywhere(void **state) {
    (void)state;
    int failures = 0;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        const elbo_dist_type *type = elbo_registry_dists[i];
        int whole = -1;
        for (int k = 0; k < parameters_of(type); k++)
            if (is_whole(type, k)) whole = k;
        static const double totals[] = {1, 3, 100};
        for (int w = 0; w < (whole >= 0 ? 3 : 1); w++) {
            batch b = begin(type, totals[w]);
            double *z;
            failures += check_draws(&b, &z);
            failures += check_density(&b, z);
            free(z);
            end(&b);
        }
    }
    assert_int_equal(failures, 0);
}

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(finite_everywhere)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
