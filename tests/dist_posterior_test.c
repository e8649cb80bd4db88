/* Distributions of vectors as a posterior has them: parameters [B, ...], L draws [L, B, D], further leading axes, one
 * event axis, and a prior without a batch. Each row of the batch is what the distribution of that row alone is; in f32
 * on the cpu backend the same draws, densities and gradients come out as in f64. */
#include "dist_vector_table.h"

/* Sampled KLs of a batch against those of single distributions: within 5 standard errors, 6e-7 each, some 25 of them,
 * with fixed seeds. */
static const double DEVIATIONS = 5;
enum { ROWS = 2, L = 5, DRAWS = 4000 };

static void read_all(elbo_graph *graph, elbo_node *const *node, double **out, int count, elbo_precision precision) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = node,
                           .fetch_count = (size_t)count,
                           .backend = precision == ELBO_PRECISION_F64 ? ELBO_BACKEND_REFERENCE : ELBO_BACKEND_CPU,
                           .precision = precision,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(graph, &spec, &error);
    if (!plan) fail_msg("%s", error.message);
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 51}, &error), ELBO_OK);
    for (int i = 0; i < count; i++) {
        int64_t size = elbo_shape_count(elbo_node_shape(node[i]));
        out[i] = calloc((size_t)size, sizeof **out);
        assert_non_null(out[i]);
        assert_true(elbo_plan_read(plan, node[i], out[i], size));
    }
    elbo_plan_free(plan);
}

/* A row of the table as a batch, its two settings alone, and a prior. */
typedef struct look {
    const row *row;
    elbo_graph *graph;
    elbo_node *parameter[ELBO_DIST_PARAMETERS];
    elbo_dist batch, one[ROWS], prior;
} look;

static int near(const look *l, const char *what, double found, double expected, double tolerance) {
    if (fabs(found - expected) <= tolerance) return 0;
    print_error("%s: %s is %.10g; %.10g +- %.2g was expected\n", l->row->name, what, found, expected, tolerance);
    return 1;
}

static void expect_shape(const look *l, const char *what, elbo_node *node, elbo_shape shape) {
    elbo_error error = {0};
    char found[96], wanted[96];
    if (elbo_graph_check(l->graph, &error) != ELBO_OK) fail_msg("%s: %s: %s", l->row->name, what, error.message);
    if (!elbo_shape_equal(elbo_node_shape(node), shape))
        fail_msg("%s: %s has the shape %s; %s was expected", l->row->name, what,
                 elbo_shape_text(elbo_node_shape(node), found, sizeof found),
                 elbo_shape_text(shape, wanted, sizeof wanted));
}

static elbo_dist prior_of(elbo_graph *graph, elbo_support support) {
    elbo_node *zero = elbo_constant(graph, 0, ELBO_SHAPE(SIZE)), *one = elbo_constant(graph, 1.2, ELBO_SHAPE(SIZE));
    elbo_node *flat[ELBO_DIST_PARAMETERS] = {one, NULL, NULL};
    if (support == ELBO_SUPPORT_SIMPLEX) return elbo_dist_new(elbo_dist_find("dirichlet"), flat, 1);
    return elbo_normal(zero, elbo_log(one), 1);
}

static void each(int (*check)(look *l)) {
    int failures = 0, seen = 0;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        const elbo_dist_type *type = elbo_registry_dists[i];
        if (type->support != ELBO_SUPPORT_VECTOR && type->support != ELBO_SUPPORT_SIMPLEX) continue;
        look l = {.row = row_of(type->name), .graph = elbo_graph_new()};
        if (!l.row) fail_msg("%s has no row in tests/dist_vector_table.h", type->name);
        elbo_node *single[ELBO_DIST_PARAMETERS] = {NULL};
        l.batch = make_batch(l.graph, l.row, l.parameter);
        for (int s = 0; s < ROWS; s++) l.one[s] = make(l.graph, type, &l.row->at[s], false, single);
        l.prior = prior_of(l.graph, type->support);
        failures += check(&l);
        elbo_graph_free(l.graph);
        seen++;
    }
    assert_int_equal(failures, 0);
    assert_true(seen >= 7);
}

static elbo_node *row_of_batch(elbo_node *z, int s, int64_t draws) { /* [L, B, D] -> [L, D] */
    return elbo_reshape(elbo_slice(z, 1, s, 1), ELBO_SHAPE(draws, SIZE));
}

static int check_densities(look *l) {
    elbo_node *z = elbo_dist_sample(&l->batch, L), *log_p = elbo_dist_log_prob(&l->batch, z);
    elbo_node *twice = elbo_broadcast_to(elbo_reshape(z, ELBO_SHAPE(1, L, ROWS, SIZE)), ELBO_SHAPE(2, L, ROWS, SIZE));
    elbo_node *list[6] = {log_p, elbo_dist_log_prob(&l->batch, twice), elbo_dist_log_prob(&l->prior, z)};
    double *got[6];
    int failures = 0;
    expect_shape(l, "L draws", z, ELBO_SHAPE(L, ROWS, SIZE));
    expect_shape(l, "one draw", elbo_dist_sample(&l->batch, 0), ELBO_SHAPE(ROWS, SIZE));
    expect_shape(l, "log p of L draws", log_p, ELBO_SHAPE(L, ROWS));
    expect_shape(l, "log p with two leading axes", list[1], ELBO_SHAPE(2, L, ROWS));
    expect_shape(l, "log p of one draw", elbo_dist_log_prob(&l->batch, elbo_slice(twice, 0, 0, 1)),
                 ELBO_SHAPE(1, L, ROWS));
    expect_shape(l, "log p of a prior without a batch", list[2], ELBO_SHAPE(L, ROWS));
    for (int s = 0; s < ROWS; s++) list[3 + s] = elbo_dist_log_prob(&l->one[s], row_of_batch(z, s, L));
    read_all(l->graph, list, got, 5, ELBO_PRECISION_F64);
    for (int i = 0; i < L; i++)
        for (int s = 0; s < ROWS; s++) {
            double expected = got[3 + s][i], tolerance = 1e-9 * (1 + fabs(expected));
            failures += near(l, "log p", got[0][i * ROWS + s], expected, tolerance);
            for (int t = 0; t < 2; t++)
                failures += near(l, "log p with two axes", got[1][(t * L + i) * ROWS + s], expected, tolerance);
        }
    for (int i = 0; i < 5; i++) free(got[i]);
    return failures;
}

static int check_moments(look *l) {
    elbo_node *(*const of[])(const elbo_dist *) = {elbo_dist_mean, elbo_dist_variance};
    int failures = 0;
    if (!l->batch.type->mean) return 0;
    for (int m = 0; m < 2; m++) {
        elbo_node *list[1 + ROWS] = {of[m](&l->batch), of[m](&l->one[0]), of[m](&l->one[1])};
        double *got[1 + ROWS];
        expect_shape(l, "a moment", list[0], ELBO_SHAPE(ROWS, SIZE));
        read_all(l->graph, list, got, 1 + ROWS, ELBO_PRECISION_F64);
        for (int s = 0; s < ROWS; s++)
            for (int i = 0; i < SIZE; i++)
                failures += near(l, "a moment", got[0][s * SIZE + i], got[1 + s][i], 1e-12 * (1 + fabs(got[1 + s][i])));
        for (int i = 0; i < 1 + ROWS; i++) free(got[i]);
    }
    elbo_node *entropy = elbo_dist_entropy(&l->batch);
    if (entropy) expect_shape(l, "the entropy", entropy, ELBO_SHAPE(ROWS));
    return failures;
}

/* To a prior of another type and to one of the same type: equal where closed, else each within its standard error of
 * the mean of log p - log q over draws from the row alone. */
static int check_kl(look *l) {
    int failures = 0;
    for (int to = 0; to < 2; to++) {
        const elbo_dist *q = to ? &l->one[1] : &l->prior;
        bool closed = false;
        elbo_node *list[1 + ROWS] = {elbo_dist_kl_or_sampled(&l->batch, q, DRAWS, &closed)};
        expect_shape(l, "a KL", list[0], ELBO_SHAPE(ROWS));
        for (int s = 0; s < ROWS; s++) {
            elbo_node *z = elbo_dist_sample(&l->one[s], DRAWS);
            list[1 + s] = elbo_sub(elbo_dist_log_prob(&l->one[s], z), elbo_dist_log_prob(q, z));
        }
        double *got[1 + ROWS];
        read_all(l->graph, list, got, 1 + ROWS, ELBO_PRECISION_F64);
        for (int s = 0; s < ROWS; s++) {
            double sum = 0, squares = 0;
            for (int i = 0; i < DRAWS; i++) sum += got[1 + s][i] / DRAWS;
            for (int i = 0; i < DRAWS; i++) squares += (got[1 + s][i] - sum) * (got[1 + s][i] - sum);
            double error = sqrt(squares) / DRAWS * (closed ? 1 : M_SQRT2);
            failures += near(l, closed ? "a closed KL" : "a sampled KL", got[0][s], sum, DEVIATIONS * error + 1e-9);
        }
        for (int i = 0; i < 1 + ROWS; i++) free(got[i]);
    }
    return failures;
}

/* f32 against f64: 1e-3 of the largest is some 1e4 roundings, which draws of 3 dimensions with factors near 1 do not
 * need unless something cancels. */
static int check_single_precision(look *l) {
    elbo_node *z = elbo_dist_sample(&l->batch, L),
              *list[2 + ELBO_DIST_PARAMETERS] = {z, elbo_dist_log_prob(&l->batch, z)};
    double *single[2 + ELBO_DIST_PARAMETERS], *twice[2 + ELBO_DIST_PARAMETERS];
    int failures = 0, count = parameters_of(l->batch.type);
    elbo_grad(elbo_sum_all(elbo_tanh(elbo_add(z, elbo_scale(elbo_square(z), 0.3)))), l->parameter, (size_t)count,
              list + 2);
    read_all(l->graph, list, single, 2 + count, ELBO_PRECISION_F32);
    read_all(l->graph, list, twice, 2 + count, ELBO_PRECISION_F64);
    for (int i = 0; i < 2 + count; i++) {
        double largest = 1e-3;
        int64_t size = elbo_shape_count(elbo_node_shape(list[i]));
        for (int64_t j = 0; j < size; j++) largest = fmax(largest, fabs(twice[i][j]));
        for (int64_t j = 0; j < size; j++)
            failures += near(l,
                             i == 0   ? "a draw in f32"
                             : i == 1 ? "log p in f32"
                                      : "a gradient in f32",
                             single[i][j], twice[i][j], 1e-3 * largest);
        free(single[i]);
        free(twice[i]);
    }
    return failures;
}

#define CHECK(name)                  \
    static void name(void **state) { \
        (void)state;                 \
        each(check_##name);          \
    }
CHECK(densities)
CHECK(moments)
CHECK(kl)
CHECK(single_precision)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(densities), cmocka_unit_test(moments), cmocka_unit_test(kl),
                                       cmocka_unit_test(single_precision)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
