/* Every continuous distribution of one number in the registry, at each setting of its row in dist_table.h:
 *   - the density integrates to 1 (GSL quadrature), equals GSL's where GSL has it, and the cpu backend's in f32;
 *   - mean, variance, entropy and closed KLs equal their integrals; the cdf is the integral and icdf its inverse;
 *   - draws follow the cdf (Kolmogorov and Smirnov);
 *   - the gradients of reparameterised draws are those of the expectation, within their standard error. */
#include "dist_table.h"

/* sqrt(n) sup |F_n - F| exceeds 2.5 with probability 2 exp(-2 * 2.5^2) = 7e-6 (Kolmogorov 1933); seeds are fixed, and
 * some 70 of these tests run, so that a correct sampler fails here with probability 5e-4, once and for all. */
static const double KOLMOGOROV = 2.5;
/* The same for means of draws: 5 standard errors, 6e-7 each, some 300 of them. */
static const double DEVIATIONS = 5;

typedef struct look {
    const row *row;
    const elbo_dist_type *type;
    setting at;
    int number;
    double draw[DRAWS], centre, spread;
} look;

static bool is_discrete(const elbo_dist_type *type) {
    switch (type->support) {
        case ELBO_SUPPORT_BINARY:
        case ELBO_SUPPORT_CLASSES:
        case ELBO_SUPPORT_LEVELS:
        case ELBO_SUPPORT_COUNTS:
        case ELBO_SUPPORT_COUNTS_TO_TOTAL:
        case ELBO_SUPPORT_COUNT_VECTOR: return true;
        default: return false;
    }
}

static void say(const look *l, const char *what, double found, double expected, double tolerance) {
    print_error("%s, setting %d: %s is %.12g; %.12g +- %.2g was expected\n", l->type->name, l->number, what, found,
                expected, tolerance);
}

static int near(const look *l, const char *what, double found, double expected, double tolerance) {
    if (fabs(found - expected) <= tolerance) return 0;
    say(l, what, found, expected, tolerance);
    return 1;
}

/* Runs a check on every setting of every continuous distribution. */
static void each(int (*check)(look *l)) {
    int failures = 0;
    look *l = calloc(1, sizeof *l);
    assert_non_null(l);
    gsl_set_error_handler_off();
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        l->type = elbo_registry_dists[i];
        if (is_discrete(l->type)) continue;
        l->row = row_of(l->type->name);
        if (!l->row && l->type->support == ELBO_SUPPORT_SIMPLEX) continue;
        for (l->number = 0; l->row && l->number < l->row->settings; l->number++) {
            l->at = l->row->at[l->number];
            probe p = probe_new(l->type, l->at, l->row->classes, 1);
            l->at = p.at;
            sorted_draws(&p, l->draw);
            l->centre = l->draw[DRAWS / 2];
            l->spread = l->draw[3 * DRAWS / 4] - l->draw[DRAWS / 4];
            probe_free(&p);
            failures += check(l);
        }
    }
    free(l);
    assert_int_equal(failures, 0);
}

static integral begin(const look *l) { return integral_new(l->type, l->at, l->row->classes, l->centre, l->spread); }

/* Every distribution has a row; a type says of itself what its fields say. */
static void every_type_has_a_row(void **state) {
    (void)state;
    for (size_t i = 0; elbo_registry_dists[i]; i++) {
        const elbo_dist_type *type = elbo_registry_dists[i];
        char line[512];
        snprintf(line, sizeof line, "%s; %s; %s", elbo_support_text(type->support), elbo_draws_text(type->draws),
                 type->density);
        assert_string_equal(type->description, line);
        assert_ptr_equal(elbo_dist_find(type->name), type);
        assert_non_null(type->source);
        assert_true((type->kl != NULL) == (type->kl_source != NULL));
        if (!is_discrete(type) && type->support != ELBO_SUPPORT_SIMPLEX && !row_of(type->name))
            fail_msg("%s has no row in tests/dist_table.h", type->name);
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) assert_non_null(elbo_dist_find(rows[i].name));
    assert_null(elbo_dist_find("no such distribution"));
}

/* Density */

static int check_unit_integral(look *l) {
    integral in = begin(l);
    double error, one = integrate(&in, in.low, in.high, &error);
    int failures = near(l, "the integral of the density", one, 1, 1e-6);
    integral_free(&in);
    return failures;
}

enum { LOOKS = 16 };

/* Draws at even ranks, rounded to f32. */
static void quantiles(const look *l, double out[LOOKS]) {
    for (int i = 0; i < LOOKS; i++) out[i] = (double)(float)l->draw[(2 * i + 1) * DRAWS / (2 * LOOKS)];
}

/* How much log p at each x answers to relative changes of x and of the parameters, in sum. */
static void conditions(const look *l, const double x[LOOKS], const double at[LOOKS], double out[LOOKS]) {
    const double change = 1e-6;
    double moved[LOOKS], found[LOOKS];
    for (int i = 0; i < LOOKS; i++) out[i] = 0;
    for (int k = -1; k < parameters_of(l->type); k++) {
        if (k >= 0 && l->type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE) continue;
        probe p = probe_new(l->type, l->at, l->row->classes, LOOKS);
        for (int i = 0; i < LOOKS; i++) moved[i] = x[i] * (k < 0 ? 1 + change : 1);
        for (int i = 0; k >= 0 && i < WIDTH; i++) p.at.value[k][i] *= 1 + change;
        probe_read(&p, elbo_dist_log_prob(&p.dist, p.x), moved, ELBO_PRECISION_F64, found, LOOKS);
        for (int i = 0; i < LOOKS; i++)
            if (isfinite(found[i])) out[i] += fabs(found[i] - at[i]) / change;
        probe_free(&p);
    }
}

/* Against GSL, and f32 on the cpu backend against f64: within what rounding of x and the parameters does to log p, and
 * some roundings of terms as large as it. */
static int check_density(look *l) {
    double x[LOOKS], found[LOOKS], single[LOOKS];
    int failures = 0;
    quantiles(l, x);
    probe p = probe_new(l->type, l->at, l->row->classes, LOOKS);
    elbo_node *node = elbo_dist_log_prob(&p.dist, p.x);
    probe_read(&p, node, x, ELBO_PRECISION_F64, found, LOOKS);
    probe_read(&p, node, x, ELBO_PRECISION_F32, single, LOOKS);
    double condition[LOOKS];
    conditions(l, x, found, condition);
    for (int i = 0; i < LOOKS; i++) {
        double scale = 1 + fabs(found[i]) + fabs(log(l->spread));
        failures += near(l, "log p in f32", single[i], found[i], 16 * 6e-8 * (4 * scale + condition[i]));
        if (!l->row->pdf) continue;
        double expected = log(l->row->pdf(l->at.value, x[i]));
        failures += near(l, "log p against GSL", found[i], expected, 1e-10 * scale);
    }
    probe_free(&p);
    return failures;
}

/* Outside the support log p is -infinity; nowhere is it NaN, nor are its gradients. */
static int check_far(look *l) {
    double away[] = {-1e3, -20, 20, 1e3}, x[4], found[4], low, high;
    int failures = 0;
    probe p = probe_new(l->type, l->at, l->row->classes, 4);
    bounds_of(&p, &low, &high);
    for (int i = 0; i < 4; i++) x[i] = l->centre + l->spread * away[i];
    elbo_node *log_prob = elbo_dist_log_prob(&p.dist, p.x), *gradient[ELBO_DIST_PARAMETERS + 1];
    elbo_node *wrt[ELBO_DIST_PARAMETERS + 1] = {p.x};
    int count = parameters_of(l->type);
    for (int k = 0; k < count; k++) wrt[1 + k] = p.parameter[k];
    elbo_grad(elbo_sum_all(log_prob), wrt, (size_t)count + 1, gradient);
    probe_read(&p, log_prob, x, ELBO_PRECISION_F64, found, 4);
    for (int i = 0; i < 4; i++) {
        bool outside = x[i] < low || x[i] > high;
        if (outside ? found[i] != -INFINITY : isnan(found[i]) || found[i] == INFINITY) {
            say(l, "log p far away", found[i], outside ? -INFINITY : 0, 0);
            failures++;
        }
    }
    for (int k = 0; k <= count; k++) {
        double value[WIDTH * WIDTH];
        int64_t size = elbo_shape_count(elbo_node_shape(gradient[k]));
        probe_read(&p, gradient[k], x, ELBO_PRECISION_F64, value, size);
        for (int64_t i = 0; i < size; i++)
            if (isnan(value[i])) say(l, "a gradient of log p far away", value[i], 0, 0), failures++;
    }
    probe_free(&p);
    return failures;
}

/* Moments */

static double first_power(const integral *in, double x, double log_p, double other) {
    (void)log_p, (void)other;
    return (x - in->centre) / in->spread;
}

static double squared_distance(const integral *in, double x, double log_p, double other) {
    double y = first_power(in, x, log_p, other);
    return y * y;
}

static double surprise(const integral *in, double x, double log_p, double other) {
    (void)in, (void)x, (void)other;
    return -log_p;
}

static int check_moments(look *l) {
    double error, unit = l->spread;
    int failures = 0;
    integral in = begin(l);
    elbo_dist *dist = &in.one.dist;
    if (!l->type->mean) { /* neither exists in closed form */
        assert_null(l->type->variance);
        assert_null(elbo_dist_mean(dist));
        assert_null(elbo_dist_variance(dist));
        elbo_error failure = {0};
        assert_int_equal(elbo_graph_check(in.one.graph, &failure), ELBO_ERROR_UNSUPPORTED);
        assert_non_null(strstr(failure.message, l->type->name));
        integral_free(&in);
        return 0;
    }
    assert_true(elbo_shape_equal(elbo_node_shape(l->type->mean(dist)), dist->shape));
    assert_true(elbo_shape_equal(elbo_node_shape(l->type->variance(dist)), dist->shape));
    double mean = probe_number(&in.one, l->type->mean(dist)), variance = probe_number(&in.one, l->type->variance(dist));
    if (l->number == 0 && (isfinite(mean) && isfinite(variance)) == l->row->heavy)
        say(l, "the mean", mean, NAN, 0), failures++;
    if (isfinite(mean)) {
        in.weight = first_power;
        double expected = in.centre + unit * integrate(&in, in.low, in.high, &error);
        failures += near(l, "the mean", mean, expected, unit * (1e-6 + 4 * error) + 1e-12 * fabs(mean));
    }
    if (isfinite(mean) && isfinite(variance)) {
        in.weight = squared_distance;
        double away = (mean - in.centre) / unit, square = integrate(&in, in.low, in.high, &error);
        failures += near(l, "the variance", variance / (unit * unit), square - away * away, 1e-6 * square + 4 * error);
    }
    if (l->type->entropy) {
        in.weight = surprise;
        double found = probe_number(&in.one, l->type->entropy(dist)),
               expected = integrate(&in, in.low, in.high, &error);
        failures += near(l, "the entropy", found, expected, 1e-6 * (1 + fabs(expected)) + 4 * error);
    }
    integral_free(&in);
    return failures;
}

/* No draw is more likely than the mode. */
static int check_mode(look *l) {
    if (!l->type->mode) return 0;
    int failures = 0;
    double *log_p = calloc(DRAWS, sizeof *log_p), top;
    probe p = probe_new(l->type, l->at, l->row->classes, DRAWS);
    assert_true(elbo_shape_equal(elbo_node_shape(l->type->mode(&p.dist)), p.dist.shape));
    probe_read(&p, elbo_dist_log_prob(&p.dist, p.x), l->draw, ELBO_PRECISION_F64, log_p, DRAWS);
    double mode = probe_number(&p, l->type->mode(&p.dist)), low, high;
    bounds_of(&p, &low, &high);
    double inside = mode > low || l->type->support != ELBO_SUPPORT_POSITIVE ? mode : l->draw[0] / 2;
    probe q = probe_new(l->type, l->at, l->row->classes, 1);
    probe_read(&q, elbo_dist_log_prob(&q.dist, q.x), &inside, ELBO_PRECISION_F64, &top, 1);
    qsort(log_p, DRAWS, sizeof *log_p, ascending);
    if (!(log_p[DRAWS - 1] <= top + 1e-9 * (1 + fabs(top))))
        say(l, "log p of the mode", top, log_p[DRAWS - 1], 0), failures++;
    probe_free(&p);
    probe_free(&q);
    free(log_p);
    return failures;
}

/* CDF and draws */

static double *cdf_at_draws(const look *l) {
    double *value = calloc(DRAWS, sizeof *value);
    assert_non_null(value);
    if (l->type->cdf) {
        probe p = probe_new(l->type, l->at, l->row->classes, DRAWS);
        probe_read(&p, l->type->cdf(&p.dist, p.x), l->draw, ELBO_PRECISION_F64, value, DRAWS);
        probe_free(&p);
    } else {
        if (!l->row->cdf) fail_msg("%s has no cdf to judge its draws by", l->type->name);
        for (int i = 0; i < DRAWS; i++) value[i] = l->row->cdf(l->at.value, l->draw[i]);
    }
    return value;
}

/* GSL's incomplete gamma function is off by up to 2e-8 at a = 5e4; dist_cdf_test.c looks more closely. */
static int check_cdf(look *l) {
    double *cdf = cdf_at_draws(l), back, error;
    int failures = 0;
    integral in = begin(l);
    for (int i = 0; l->type->cdf && l->row->cdf && i < DRAWS; i += 97)
        failures += near(l, "the cdf against GSL", cdf[i], l->row->cdf(l->at.value, l->draw[i]), 3e-8);
    for (int i = 1; i < 5; i++) {
        double x = l->draw[i * DRAWS / 5];
        failures += near(l, "the cdf", cdf[i * DRAWS / 5], integrate(&in, in.low, x, &error), 1e-7);
        if (!l->type->icdf) continue;
        probe p = probe_new(l->type, l->at, l->row->classes, 1);
        probe_read(&p, l->type->icdf(&p.dist, p.x), &cdf[i * DRAWS / 5], ELBO_PRECISION_F64, &back, 1);
        failures += near(l, "icdf(cdf(x))", back, x, 1e-9 * (l->spread + fabs(x)));
        probe_free(&p);
    }
    if (l->type->cdf) {
        probe p = probe_new(l->type, l->at, l->row->classes, 2);
        double ends[2] = {in.low - l->spread, in.high + l->spread}, value[2];
        if (isinf(ends[0])) ends[0] = l->centre - 1e20 * l->spread;
        if (isinf(ends[1])) ends[1] = l->centre + 1e20 * l->spread;
        probe_read(&p, l->type->cdf(&p.dist, p.x), ends, ELBO_PRECISION_F64, value, 2);
        failures += near(l, "the cdf below all values", value[0], 0, 1e-9);
        double above = isinf(in.high) && l->row->cdf ? l->row->cdf(l->at.value, ends[1]) : 1; /* heavy tails */
        failures += near(l, "the cdf above all values", value[1], above, 1e-9);
        probe_free(&p);
    }
    integral_free(&in);
    free(cdf);
    return failures;
}

static int check_draws(look *l) {
    double *cdf = cdf_at_draws(l), distance = 0;
    for (int i = 0; i < DRAWS; i++) {
        double below = cdf[i] - (double)i / DRAWS, above = (i + 1.) / DRAWS - cdf[i];
        distance = fmax(distance, fmax(below, above));
    }
    free(cdf);
    return near(l, "Kolmogorov's distance of the draws", distance * sqrt(DRAWS), 0, KOLMOGOROV);
}

/* KL */

typedef struct against {
    const elbo_dist_type *type;
    setting at;
} against;

static double log_ratio(const integral *in, double x, double log_p, double other) {
    (void)in, (void)x;
    return log_p - other;
}

/* KL from the look's distribution to another one, closed against its integral. */
static int check_kl_to(look *l, const against *to) {
    double error;
    int failures = 0;
    integral in = begin(l);
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    for (int k = 0; k < parameters_of(to->type); k++)
        parameter[k] = elbo_literal(in.one.graph, to->at.value[k], shape_of_parameter(to->type, k, l->row->classes));
    if (to->type->parameter[0].constraint == ELBO_CONSTRAINT_WHOLE)
        parameter[0] = elbo_scalar(in.one.graph, to->at.value[0][0]);
    elbo_dist q = elbo_dist_new(to->type, parameter, elbo_dist_own_rank(to->type));
    elbo_node *closed = elbo_dist_kl(&in.one.dist, &q);
    if (closed) {
        double found = probe_number(&in.one, closed);
        in.other = elbo_dist_log_prob(&q, in.one.x);
        in.weight = log_ratio;
        double expected = integrate(&in, in.low, in.high, &error);
        bool infinite = !isfinite(expected);
        if (infinite ? found != INFINITY : !(fabs(found - expected) <= 1e-6 * (1 + fabs(expected)) + 4 * error))
            say(l, "a KL", found, expected, error), failures++;
    }
    integral_free(&in);
    return failures;
}

static int check_kl(look *l) {
    int failures = 0;
    if (!l->type->kl || l->number > 1) return 0;
    for (int other = 0; other < 2; other++) failures += check_kl_to(l, &(against){l->type, l->row->at[other]});
    /* the others of the gamma family */
    static const elbo_dist_type *const family[] = {&elbo_dist_exponential, &elbo_dist_erlang, &elbo_dist_gamma,
                                                   &elbo_dist_chi_squared};
    for (size_t i = 0; i < sizeof family / sizeof *family; i++)
        if (family[i]->kl == l->type->kl && family[i] != l->type)
            failures += check_kl_to(l, &(against){family[i], row_of(family[i]->name)->at[0]});
    return failures;
}

/* Gradients of reparameterised draws: of E[z], E[z^2] at the first setting, of bounded functions of z at all. */

enum { BATCHES = 64, BATCH = 500 };

static double function_of(int which, double u) {
    return which == 0 ? u : which == 1 ? u * u : which == 2 ? tanh(u) : tanh(u) * tanh(u);
}

static elbo_node *node_of(int which, elbo_node *u) {
    return which == 0 ? u : which == 1 ? elbo_square(u) : which == 2 ? elbo_tanh(u) : elbo_square(elbo_tanh(u));
}

static int chosen;

static double chosen_function(const integral *in, double x, double log_p, double other) {
    (void)log_p;
    (void)other;
    return function_of(chosen, (x - in->centre) / in->spread);
}

/* d E[f] / d (element i of parameter k), by the five-point rule on integrals. */
static double slope_of_expectation(const look *l, int k, int i, double step, double *error) {
    static const double place[4] = {-2, -1, 1, 2}, weight[4] = {1, -8, 8, -1};
    double sum = 0;
    *error = 0;
    for (int s = 0; s < 4; s++) {
        look moved = *l;
        integral in = begin(&moved);
        in.one.at.value[k][i] = l->at.value[k][i] + place[s] * step; /* in f64: not rounded */
        bounds_of(&in.one, &in.low, &in.high);
        in.weight = chosen_function;
        double wrong;
        sum += weight[s] * integrate(&in, in.low, in.high, &wrong);
        *error += 8 * wrong;
        integral_free(&in);
    }
    *error = *error / (12 * step);
    return sum / (12 * step);
}

typedef struct estimate {
    double mean[ELBO_DIST_PARAMETERS * WIDTH], error[ELBO_DIST_PARAMETERS * WIDTH];
} estimate;

static estimate estimated_gradients(const look *l, int which) {
    estimate e = {{0}, {0}};
    probe p = probe_new(l->type, l->at, l->row->classes, 1);
    elbo_node *z = elbo_dist_sample(&p.dist, BATCH), *gradient[ELBO_DIST_PARAMETERS];
    elbo_node *u = elbo_scale(elbo_shift(z, -l->centre), 1 / l->spread);
    int count = parameters_of(l->type);
    elbo_grad(elbo_mean_all(node_of(which, u)), p.parameter, (size_t)count, gradient);
    elbo_plan *plan = probe_plan(&p, gradient, count, ELBO_PRECISION_F64);
    for (uint32_t batch = 0; batch < BATCHES; batch++) {
        assert_int_equal(elbo_plan_run(plan, &(elbo_run){.seed = 21, .step = batch}, NULL), ELBO_OK);
        for (int k = 0; k < count; k++) {
            double value[WIDTH];
            int64_t size = elbo_shape_count(elbo_node_shape(gradient[k]));
            elbo_plan_read(plan, gradient[k], value, size);
            for (int64_t i = 0; i < size; i++) {
                e.mean[k * WIDTH + i] += value[i] / BATCHES;
                e.error[k * WIDTH + i] += value[i] * value[i] / BATCHES;
            }
        }
    }
    for (int i = 0; i < ELBO_DIST_PARAMETERS * WIDTH; i++)
        e.error[i] = sqrt(fmax(0, e.error[i] - e.mean[i] * e.mean[i]) / (BATCHES - 1));
    elbo_plan_free(plan);
    probe_free(&p);
    return e;
}

static int check_gradients(look *l) {
    if (l->type->draws == ELBO_DRAWS_PLAIN) return 0;
    int failures = 0, decisive = 0, count = parameters_of(l->type);
    for (chosen = l->number == 0 && !l->row->heavy ? 0 : 2; chosen < 4; chosen++) {
        estimate e = estimated_gradients(l, chosen);
        for (int k = 0; k < count; k++) {
            if (l->type->parameter[k].constraint == ELBO_CONSTRAINT_WHOLE) continue;
            int64_t size = elbo_shape_count(shape_of_parameter(l->type, k, l->row->classes));
            for (int i = 0; i < size; i++) {
                double value = l->at.value[k][i], wrong;
                bool real = l->type->parameter[k].constraint == ELBO_CONSTRAINT_REAL;
                bool ordered = l->type->parameter[k].constraint == ELBO_CONSTRAINT_ORDERED;
                const char *name = l->type->parameter[k].name;
                bool location = ordered || (real && (strcmp(name, "loc") == 0 || strcmp(name, "low") == 0));
                bool of_logarithm = location && l->type->support == ELBO_SUPPORT_POSITIVE;
                double unit = of_logarithm ? l->at.value[k + 1][0] : location ? l->spread : real ? 1 : fabs(value);
                double expected = slope_of_expectation(l, k, i, 2e-3 * unit, &wrong) * unit;
                double found = e.mean[k * WIDTH + i] * unit, error = e.error[k * WIDTH + i] * unit;
                char what[96];
                snprintf(what, sizeof what, "the gradient of function %d in %s", chosen, name);
                failures +=
                    near(l, what, found, expected, DEVIATIONS * error + 1e-5 * (1 + fabs(expected)) + wrong * unit);
                decisive += fabs(expected) > 2 * DEVIATIONS * error + 1e-4;
            }
        }
    }
    if (decisive < 1) say(l, "the number of gradients whose sign shows", decisive, count, 0), failures++;
    return failures;
}

#define CHECK(name)                  \
    static void name(void **state) { \
        (void)state;                 \
        each(check_##name);          \
    }
CHECK(unit_integral)
CHECK(density)
CHECK(far)
CHECK(moments)
CHECK(mode)
CHECK(cdf)
CHECK(draws)
CHECK(kl)
CHECK(gradients)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_has_a_row),
        cmocka_unit_test(unit_integral),
        cmocka_unit_test(density),
        cmocka_unit_test(far),
        cmocka_unit_test(moments),
        cmocka_unit_test(mode),
        cmocka_unit_test(cdf),
        cmocka_unit_test(draws),
        cmocka_unit_test(kl),
        cmocka_unit_test(gradients),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
