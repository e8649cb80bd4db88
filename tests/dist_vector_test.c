/* Every distribution of vectors in the registry, in three dimensions and by Monte Carlo: against GSL, against
 * importance sampling from a distribution that covers it, and pathwise gradients against those of the score. */
#include "dist_vector_table.h"

/* All comparisons are of means of draws, within 5 standard errors: 6e-7 each, some 150 of them, with fixed seeds: a
 * correct file fails with probability 1e-4, once and for all. */
static const double DEVIATIONS = 5;
enum { DRAWS = 20000, BATCHES = 40 };

typedef struct look {
    const row *row;
    const elbo_dist_type *type;
    elbo_graph *graph;
    elbo_node *parameter[ELBO_DIST_PARAMETERS];
    elbo_dist dist, cover; /* cover: a distribution that gives whatever dist can give, with heavier tails */
} look;

static look begin(const row *r) {
    look l = {.row = r, .type = elbo_dist_find(r->name), .graph = elbo_graph_new()};
    assert_non_null(l.type);
    l.dist = make(l.graph, l.type, &r->at[0], true, l.parameter);
    static const setting wide = {{{3}, {0.3, -0.5, 1}, {2, 0, 0, 0, 2, 0, 0, 0, 2}}}, flat = {{{0.7, 0.7, 0.7}}};
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    if (l.type->support == ELBO_SUPPORT_VECTOR)
        l.cover = make(l.graph, elbo_dist_find("multivariate_t"), &wide, false, parameter);
    if (l.type->support == ELBO_SUPPORT_SIMPLEX)
        l.cover = make(l.graph, elbo_dist_find("dirichlet"), &flat, false, parameter);
    return l;
}

/* Runs the graph and reads `count` nodes into freshly allocated arrays. */
static void read_all(const look *l, elbo_node *const *node, double **out, int count, uint32_t step) {
    elbo_error error = {0};
    elbo_plan_spec spec = {.fetch = node,
                           .fetch_count = (size_t)count,
                           .backend = ELBO_BACKEND_REFERENCE,
                           .precision = ELBO_PRECISION_F64,
                           .threads = 1};
    elbo_plan *plan = elbo_plan_new(l->graph, &spec, &error);
    if (!plan) fail_msg("%s: %s", l->type->name, error.message);
    for (int k = 0; k < parameters_of(l->type); k++) {
        double *memory = elbo_plan_input(plan, l->parameter[k]);
        int64_t size = elbo_shape_count(elbo_node_shape(l->parameter[k]));
        if (memory) memcpy(memory, l->row->at[0].value[k], sizeof *memory * (size_t)size);
    }
    assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 31, .step = step}, &error), ELBO_OK);
    for (int i = 0; i < count; i++) {
        int64_t size = elbo_shape_count(elbo_node_shape(node[i]));
        out[i] = calloc((size_t)size, sizeof **out);
        assert_non_null(out[i]);
        assert_true(elbo_plan_read(plan, node[i], out[i], size));
    }
    elbo_plan_free(plan);
}

/* Mean of list[0], list[stride], ... and its standard error. */
static void average(const double *list, int64_t count, int stride, double *mean, double *error) {
    double sum = 0, squares = 0;
    for (int64_t i = 0; i < count; i++) sum += list[i * stride];
    *mean = sum / (double)count;
    for (int64_t i = 0; i < count; i++) squares += (list[i * stride] - *mean) * (list[i * stride] - *mean);
    *error = sqrt(squares / (double)count / (double)(count - 1));
}

static int near(const look *l, const char *what, double found, double expected, double tolerance) {
    if (fabs(found - expected) <= tolerance) return 0;
    print_error("%s: %s is %.12g; %.12g +- %.2g was expected\n", l->type->name, what, found, expected, tolerance);
    return 1;
}

/* A bounded function of all elements, [N]. */
static elbo_node *function_of(elbo_node *z) {
    static const double slope[SIZE] = {0.9, -0.6, 0.4}, bend[SIZE] = {0.5, 0.7, -0.8};
    elbo_graph *graph = elbo_node_graph(z);
    elbo_node *a = elbo_sum(elbo_mul(z, elbo_literal(graph, slope, ELBO_SHAPE(SIZE))), -1, -1, false);
    elbo_node *b = elbo_sum(elbo_mul(z, elbo_literal(graph, bend, ELBO_SHAPE(SIZE))), -1, -1, false);
    return elbo_tanh(elbo_mul(a, elbo_shift(b, 0.5)));
}

/* The density of `cover` is right by other rows and, for the Dirichlet one, GSL. */
static int check_density(look *l) {
    int failures = 0;
    elbo_node *z = elbo_dist_sample(&l->dist, 50);
    elbo_node *fetch[2] = {z, elbo_dist_log_prob(&l->dist, z)};
    double *value[2];
    read_all(l, fetch, value, 2, 0);
    for (int i = 0; l->row->log_pdf && i < 50; i++)
        failures +=
            near(l, "log p against GSL", value[1][i], l->row->log_pdf(l->row->at[0].value, value[0] + SIZE * i), 1e-8);
    free(value[0]);
    free(value[1]);
    if (!l->cover.type) return failures;
    elbo_node *x = elbo_dist_sample(&l->cover, DRAWS);
    elbo_node *weight = elbo_exp(elbo_sub(elbo_dist_log_prob(&l->dist, x), elbo_dist_log_prob(&l->cover, x)));
    elbo_node *own = function_of(elbo_dist_sample(&l->dist, DRAWS)),
              *list[3] = {weight, elbo_mul(weight, function_of(x)), own};
    double *got[3], mean[3], error[3];
    read_all(l, list, got, 3, 1);
    for (int i = 0; i < 3; i++) average(got[i], DRAWS, 1, &mean[i], &error[i]), free(got[i]);
    failures += near(l, "the integral of the density", mean[0], 1, DEVIATIONS * error[0]);
    failures += error[0] > 0.05 ? near(l, "its standard error", error[0], 0, 0.05) : 0;
    failures +=
        near(l, "a mean of draws against the density", mean[2], mean[1], DEVIATIONS * hypot(error[1], error[2]));
    return failures;
}

static int check_moments(look *l) {
    int failures = 0;
    elbo_node *z = elbo_dist_sample(&l->dist, DRAWS), *log_p = elbo_dist_log_prob(&l->dist, z);
    elbo_node *entropy = elbo_dist_entropy(&l->dist);
    double mean, error;
    if (l->type->mean) {
        elbo_node *centre = l->type->mean(&l->dist);
        elbo_node *list[4] = {elbo_sub(z, centre), elbo_square(elbo_sub(z, centre)), l->type->variance(&l->dist),
                              centre};
        assert_true(elbo_shape_equal(elbo_node_shape(centre), l->dist.shape));
        assert_true(elbo_shape_equal(elbo_node_shape(list[2]), l->dist.shape));
        double *got[4];
        read_all(l, list, got, 4, 2);
        for (int i = 0; i < SIZE; i++) {
            average(got[0] + i, DRAWS, SIZE, &mean, &error);
            failures += near(l, "the mean of draws less the mean", mean, 0, DEVIATIONS * error);
            average(got[1] + i, DRAWS, SIZE, &mean, &error);
            failures += near(l, "the variance of draws", mean, got[2][i], DEVIATIONS * error);
        }
        for (int i = 0; i < 4; i++) free(got[i]);
    }
    if (entropy) {
        double *got[2];
        read_all(l, (elbo_node *[]){log_p, entropy}, got, 2, 3);
        average(got[0], DRAWS, 1, &mean, &error);
        failures += near(l, "the entropy", got[1][0], -mean, DEVIATIONS * error);
        free(got[0]);
        free(got[1]);
    }
    return failures;
}

/* To the other setting, and for the normal ones to independent normals; sampled where there is no closed form. */
static int check_kl(look *l) {
    int failures = 0;
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    static const double loc[SIZE] = {0.2, -0.4, 1}, log_scale[SIZE] = {0.1, -0.2, 0.5};
    elbo_dist other[2] = {make(l->graph, l->type, &l->row->at[1], false, parameter),
                          elbo_normal(elbo_literal(l->graph, loc, ELBO_SHAPE(SIZE)),
                                      elbo_literal(l->graph, log_scale, ELBO_SHAPE(SIZE)), 1)};
    for (int k = 0; k < (l->type->support == ELBO_SUPPORT_VECTOR ? 2 : 1); k++) {
        bool closed = false;
        elbo_node *z = elbo_dist_sample(&l->dist, DRAWS);
        elbo_node *ratio = elbo_sub(elbo_dist_log_prob(&l->dist, z), elbo_dist_log_prob(&other[k], z));
        elbo_node *kl = elbo_dist_kl_or_sampled(&l->dist, &other[k], DRAWS, &closed);
        assert_true(closed == (elbo_dist_kl(&l->dist, &other[k]) != NULL));
        assert_true(k == 1 ? closed == (strcmp(l->type->name, "multivariate_normal") == 0)
                           : closed == (l->type->kl != NULL));
        double *got[2], mean, error;
        read_all(l, (elbo_node *[]){ratio, kl}, got, 2, 4);
        average(got[0], DRAWS, 1, &mean, &error);
        failures += near(l, "a KL", got[1][0], mean, DEVIATIONS * error * (closed ? 1 : M_SQRT2));
        free(got[0]);
        free(got[1]);
    }
    return failures;
}

/* d E[f] by draws that move with the parameters against E[f d log p]. */
static int check_gradients(look *l) {
    if (l->type->draws == ELBO_DRAWS_PLAIN) return 0;
    int failures = 0, decisive = 0, count = parameters_of(l->type);
    elbo_node *z = elbo_dist_sample(&l->dist, DRAWS / BATCHES), *still = elbo_stop_gradient(z);
    elbo_node *gradient[2 * ELBO_DIST_PARAMETERS];
    elbo_grad(elbo_mean_all(function_of(z)), l->parameter, (size_t)count, gradient);
    elbo_grad(elbo_mean_all(elbo_mul(function_of(still), elbo_dist_log_prob(&l->dist, still))), l->parameter,
              (size_t)count, gradient + count);
    enum { MOST = 2 * ELBO_DIST_PARAMETERS };
    static double all[MOST][WIDTH][BATCHES * 4];
    for (uint32_t batch = 0; batch < BATCHES * 4; batch++) {
        double *got[MOST];
        read_all(l, gradient, got, 2 * count, 10 + batch);
        for (int g = 0; g < 2 * count; g++) {
            int64_t size = elbo_shape_count(elbo_node_shape(gradient[g]));
            for (int i = 0; i < size; i++) all[g][i][batch] = got[g][i];
            free(got[g]);
        }
    }
    for (int k = 0; k < count; k++) {
        int64_t size = elbo_shape_count(elbo_node_shape(gradient[k]));
        for (int i = 0; i < size; i++) {
            double path, score, path_error, score_error;
            if (l->type->parameter[k].constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR && i % SIZE > i / SIZE % SIZE)
                continue;
            average(all[k][i], BATCHES * 4, 1, &path, &path_error);
            average(all[count + k][i], BATCHES * 4, 1, &score, &score_error);
            failures +=
                near(l, l->type->parameter[k].name, path, score, DEVIATIONS * hypot(path_error, score_error) + 1e-12);
            decisive += fabs(score) > 2 * DEVIATIONS * hypot(path_error, score_error);
        }
    }
    return failures + (decisive > 0 ? 0 : near(l, "the number of gradients whose sign shows", decisive, 1, 0));
}

/* A batch of distributions gives what each of them gives. */
static int check_batch(look *l) {
    elbo_node *single[ELBO_DIST_PARAMETERS] = {NULL}, *both[ELBO_DIST_PARAMETERS] = {NULL};
    elbo_dist one[2];
    for (int s = 0; s < 2; s++) one[s] = make(l->graph, l->type, &l->row->at[s], false, single);
    elbo_dist batch = make_batch(l->graph, l->row, both);
    elbo_node *x = elbo_dist_sample(&batch, 5); /* [5, 2, D] */
    elbo_node *list[4] = {elbo_dist_log_prob(&batch, x), NULL, NULL, elbo_dist_kl(&batch, &one[1])};
    for (int s = 0; s < 2; s++) {
        elbo_shape flat = {2, {5, SIZE}};
        list[1 + s] = elbo_dist_log_prob(&one[s], elbo_reshape(elbo_slice(x, 1, s, 1), flat));
    }
    double *got[4];
    int failures = 0, count = list[3] ? 4 : 3;
    read_all(l, list, got, count, 5);
    for (int s = 0; s < 2; s++)
        for (int i = 0; i < 5; i++)
            failures += near(l, "log p in a batch", got[0][2 * i + s], got[1 + s][i], 1e-9 * (1 + fabs(got[1 + s][i])));
    if (count == 4) {
        double *alone[1];
        failures += near(l, "a KL to itself in a batch", got[3][1], 0, 1e-9);
        read_all(l, (elbo_node *[]){elbo_dist_kl(&one[0], &one[1])}, alone, 1, 5);
        failures += near(l, "a KL in a batch", got[3][0], alone[0][0], 1e-9);
        free(alone[0]);
    }
    for (int i = 0; i < count; i++) free(got[i]);
    return failures;
}

static void each(int (*check)(look *l)) {
    int failures = 0;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        elbo_support s = elbo_registry_dists[i]->support;
        if (s != ELBO_SUPPORT_VECTOR && s != ELBO_SUPPORT_SIMPLEX && s != ELBO_SUPPORT_COUNT_VECTOR) continue;
        const row *r = row_of(elbo_registry_dists[i]->name);
        if (!r) fail_msg("%s has no row in tests/dist_vector_table.h", elbo_registry_dists[i]->name);
        look l = begin(r);
        failures += check(&l);
        elbo_graph_free(l.graph);
    }
    assert_int_equal(failures, 0);
}

/* All counts of the multinomial row: their probabilities add up to 1, others have none. */
static void multinomial_adds_up(void **state) {
    (void)state;
    look l = begin(row_of("multinomial"));
    double x[64][SIZE], *got[1], sum = 0;
    int count = 0;
    for (int a = 0; a <= 6; a++)
        for (int b = 0; a + b <= 6; b++) x[count][0] = a, x[count][1] = b, x[count++][2] = 6 - a - b;
    int proper = count;
    memcpy(x[count++], ((double[]){1, 2, 2}), sizeof *x);
    memcpy(x[count++], ((double[]){1.5, 2.5, 2}), sizeof *x);
    memcpy(x[count++], ((double[]){-1, 5, 2}), sizeof *x);
    elbo_node *points = elbo_literal(l.graph, x[0], ELBO_SHAPE(count, SIZE));
    read_all(&l, (elbo_node *[]){elbo_dist_log_prob(&l.dist, points)}, got, 1, 0);
    for (int i = 0; i < proper; i++) sum += exp(got[0][i]);
    assert_true(fabs(sum - 1) < 1e-12);
    for (int i = proper; i < count; i++) assert_true(got[0][i] == -INFINITY);
    free(got[0]);
    elbo_graph_free(l.graph);
}

#define CHECK(name)                  \
    static void name(void **state) { \
        (void)state;                 \
        each(check_##name);          \
    }
CHECK(density)
CHECK(moments)
CHECK(kl)
CHECK(gradients)
CHECK(batch)

int main(void) {
    const struct CMUnitTest tests[] = {cmocka_unit_test(density), cmocka_unit_test(moments),
                                       cmocka_unit_test(kl),      cmocka_unit_test(gradients),
                                       cmocka_unit_test(batch),   cmocka_unit_test(multinomial_adds_up)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
