/* Second derivatives: for every distribution with a row in dist_table.h, log p, the cdf and draws at a fixed seed are
 * differentiated twice. The second gradient is the difference of the first, or making it is an error that says what has
 * no gradient. Nothing is silently left out. */
#include "dist_table.h"

enum { POINTS = 5, MOST = ELBO_DIST_PARAMETERS + 1 };

/* Types whose draws can be differentiated once: their draws do not move as a function of the parameters is computed,
 * but as the implicit derivative says. */
static const char *const once[] = {"gamma",     "chi_squared",    "beta",           "f",
                                   "student_t", "multivariate_t", "normal_mixture", "multivariate_normal_mixture"};

/* A value with the inputs that it is differentiated in. */
typedef struct subject {
    probe p;
    elbo_node *wrt[MOST];
    double x[POINTS];
    int count;
} subject;

static subject begin(const row *r, bool with_x) {
    subject s = {.p = probe_new(elbo_dist_find(r->name), r->at[0], r->classes, POINTS)};
    double *draw = calloc(DRAWS, sizeof *draw);
    assert_non_null(draw);
    sorted_draws(&s.p, draw);
    for (int i = 0; i < POINTS; i++) s.x[i] = draw[(2 * i + 1) * DRAWS / (2 * POINTS)];
    free(draw);
    for (int k = 0; k < parameters_of(s.p.type); k++)
        if (s.p.type->parameter[k].constraint != ELBO_CONSTRAINT_WHOLE) s.wrt[s.count++] = s.p.parameter[k];
    if (with_x) s.wrt[s.count++] = s.p.x;
    return s;
}

/* Where input i's numbers are kept. */
static double *numbers(subject *s, int i) {
    if (s->wrt[i] == s->p.x) return s->x;
    for (int k = 0; k < ELBO_DIST_PARAMETERS; k++)
        if (s->p.parameter[k] == s->wrt[i]) return s->p.at.value[k];
    return NULL;
}

/* sum of weights times all elements of the gradients of `loss` */
static elbo_node *weighted_gradient(subject *s, elbo_node *loss) {
    elbo_node *gradient[MOST], *sum = elbo_scalar(s->p.graph, 0);
    elbo_grad(loss, s->wrt, (size_t)s->count, gradient);
    for (int i = 0; i < s->count; i++) {
        elbo_shape shape = elbo_node_shape(gradient[i]);
        double weight[WIDTH];
        for (int j = 0; j < WIDTH; j++) weight[j] = 1 + 0.3 * i + 0.1 * j;
        if (gradient[i])
            sum = elbo_add(sum, elbo_sum_all(elbo_mul(gradient[i], elbo_literal(s->p.graph, weight, shape))));
    }
    return sum;
}

static double value_of(subject *s, elbo_node *node) {
    double value = NAN;
    probe_read(&s->p, node, s->x, ELBO_PRECISION_F64, &value, 1);
    return value;
}

/* The five-point rule with steps of h = 2e-4: an error of h^4 f^(5) / 30 and of 1e-15 / h from rounding. */
static double difference(subject *s, elbo_node *node, double *element) {
    static const double at[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    double centre = *element, h = 2e-4 * fmax(0.1, fabs(centre)), sum = 0;
    for (int i = 0; i < 4; i++) {
        *element = centre + at[i] * h;
        sum += weight[i] * value_of(s, node);
    }
    *element = centre;
    return sum / (12 * h);
}

/* Compares the gradient of `first` with its differences; 1 if the graph refuses to write it. */
static bool compare(subject *s, const char *what, elbo_node *first, int *failures) {
    elbo_node *second[MOST];
    elbo_error error = {0};
    elbo_grad(first, s->wrt, (size_t)s->count, second);
    if (elbo_graph_check(s->p.graph, &error) != ELBO_OK) {
        assert_int_equal(error.status, ELBO_ERROR_UNSUPPORTED);
        assert_non_null(strstr(error.message, "has no gradient"));
        return true;
    }
    for (int i = 0; i < s->count; i++) {
        double found[WIDTH];
        int64_t size = elbo_shape_count(elbo_node_shape(second[i]));
        probe_read(&s->p, second[i], s->x, ELBO_PRECISION_F64, found, size);
        for (int64_t j = 0; j < size; j++) {
            double expected = difference(s, first, numbers(s, i) + j);
            if (fabs(found[j] - expected) <= 1e-6 * (1 + fabs(expected))) continue;
            print_error("%s: the second gradient of %s in input %d, element %d is %.10g; the difference is %.10g\n",
                        s->p.type->name, what, i, (int)j, found[j], expected);
            ++*failures;
        }
    }
    return false;
}

static void log_densities(void **state) {
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        subject s = begin(&rows[i], true);
        elbo_node *first = weighted_gradient(&s, elbo_sum_all(elbo_dist_log_prob(&s.p.dist, s.p.x)));
        if (compare(&s, "log p", first, &failures)) fail_msg("%s: log p has no second gradient", rows[i].name);
        probe_free(&s.p);
    }
    assert_int_equal(failures, 0);
}

static void distribution_functions(void **state) {
    (void)state;
    int failures = 0, refused = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        subject s = begin(&rows[i], true);
        if (s.p.type->cdf)
            refused +=
                compare(&s, "the cdf", weighted_gradient(&s, elbo_sum_all(s.p.type->cdf(&s.p.dist, s.p.x))), &failures);
        probe_free(&s.p);
    }
    assert_int_equal(failures, 0);
    assert_int_equal(refused, 5); /* gamma, chi_squared, beta, f, student_t: in their shapes */
}

/* With z as a function of the parameters at one seed; f(z) is linear in the first round, where only the draw itself has
 * a second derivative. */
static void draws(void **state) {
    (void)state;
    int failures = 0;
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        for (int linear = 0; linear < 2; linear++) {
            subject s = begin(&rows[i], false);
            bool expected = false;
            elbo_node *z = elbo_dist_sample(&s.p.dist, POINTS);
            elbo_node *loss = elbo_sum_all(linear ? z : elbo_tanh(z));
            bool refused = compare(&s, "a draw", weighted_gradient(&s, loss), &failures);
            for (size_t o = 0; o < sizeof once / sizeof *once; o++) expected |= strcmp(once[o], rows[i].name) == 0;
            if (refused != expected) print_error("%s: refused %d\n", rows[i].name, refused), failures++;
            probe_free(&s.p);
        }
    assert_int_equal(failures, 0);
}

/* A gradient in what the draw does not depend on passes through it: d^2 f(z, t) / dt^2, and d/dt of the gradient in the
 * parameters, are no second derivatives of the draw. */
static void others_pass(void **state) {
    (void)state;
    for (size_t o = 0; o < sizeof once / sizeof *once; o++) {
        const row *r = row_of(once[o]);
        subject s = begin(r, false);
        elbo_node *t = elbo_input(s.p.graph, "t", ELBO_F32, ELBO_SCALAR), *mixed;
        elbo_node *z = elbo_dist_sample(&s.p.dist, POINTS);
        elbo_node *first = weighted_gradient(&s, elbo_sum_all(elbo_mul(elbo_square(t), z)));
        elbo_grad(first, &t, 1, &mixed);
        assert_int_equal(elbo_graph_check(s.p.graph, NULL), ELBO_OK);
        probe_free(&s.p);
    }
}

int main(void) {
    gsl_set_error_handler_off();
    const struct CMUnitTest tests[] = {cmocka_unit_test(log_densities), cmocka_unit_test(distribution_functions),
                                       cmocka_unit_test(draws), cmocka_unit_test(others_pass)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
