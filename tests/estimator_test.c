/* Estimators of the bound's gradient against closed forms on a linear-Gaussian model.
 *
 * Error rate: a mean counts as wrong beyond LIMIT = 5.2 standard errors, which happens to a normal one with
 * probability 2.0e-7. About 2300 means are compared here (66 coordinates in 31 cases, twice 24 for codes of bits, and
 * some more), so that correct code fails with probability below 5e-4 for a new seed; the seeds are fixed. */
#include "estimator_support.h"

static const double LIMIT = 5.2;
enum { RUNS = 1200 };

/* ---- the table ---- */

static const struct row {
    const char *name, *control;
    int64_t draws;
    bool weighted; /* estimates the importance-weighted bound: with one draw that is the ELBO */
    int64_t groups;
    double share;
} table[] = {
    {"a", "none", 1, false, 0, 0},
    {"a", "none", 3, false, 0, 0},
    {"b", "none", 1, false, 0, 0},
    {"stl", "none", 1, false, 0, 0},
    {"stl", "none", 2, false, 0, 0},
    {"reinforce", "none", 1, false, 0, 0},
    {"reinforce", "mean", 1, false, 0, 0},
    {"reinforce", "mean", 3, false, 0, 0},
    {"reinforce", "leave-one-out", 3, false, 0, 0},
    {"reinforce", "learned", 2, false, 0, 0},
    {"iwae", "none", 1, true, 0, 0},
    {"iwae", "none", 5, true, 0, 0},
    {"dreg", "none", 1, true, 0, 0},
    {"dreg", "none", 5, true, 0, 0},
    {"vimco", "none", 5, true, 0, 0},
    {"miwae", "none", 3, true, 3, 0}, /* groups of one draw: the ELBO */
    {"miwae", "none", 6, true, 2, 0},
    {"piwae", "none", 1, true, 1, 0},
    {"piwae", "none", 6, true, 1, 0}, /* one group: iwae */
    {"piwae", "none", 6, true, 2, 0},
    {"ciwae", "none", 3, true, 0, 1}, /* the ELBO alone */
    {"ciwae", "none", 5, true, 0, 0.3},
};
enum { CASES = sizeof table / sizeof *table };

/* Draws of the bound that the encoder follows. */
static int64_t encoder_draws(const struct row *row) { return row->groups ? row->draws / row->groups : row->draws; }

/* Draws of the bound that the decoder follows, which is the loss. */
static int64_t decoder_draws(const struct row *row) {
    return strcmp(row->name, "piwae") == 0 ? row->draws : encoder_draws(row);
}

static bool is_elbo(const struct row *row) { return !row->weighted || decoder_draws(row) == 1 || row->share == 1; }

static void test_every_estimator_has_a_row(void **state) {
    (void)state;
    for (size_t i = 0; elbo_registry_estimators[i]; i++) {
        bool found = false;
        for (size_t t = 0; t < CASES; t++)
            found = found || strcmp(table[t].name, elbo_registry_estimators[i]->name) == 0;
        if (!found) fail_msg("estimator %s has no row in the table", elbo_registry_estimators[i]->name);
    }
}

/* The choices of an option of the model as "|a|b|". */
static void choices_of(const char *name, char *out, size_t size) {
    const elbo_options *options;
    *out = 0;
    for (size_t i = 0; (options = elbo_config_table("vae", i)); i++) {
        const elbo_option *option = elbo_options_find(options, name);
        if (option) snprintf(out, size, "|%s|", option->choices);
    }
}

static void test_option_lists_the_registry(void **state) {
    (void)state;
    char choices[256], word[64];
    size_t count = 0, bars = 0;
    choices_of("estimator", choices, sizeof choices);
    for (; elbo_registry_estimators[count]; count++) {
        snprintf(word, sizeof word, "|%s|", elbo_registry_estimators[count]->name);
        if (!strstr(choices, word)) fail_msg("--estimator does not offer %s", elbo_registry_estimators[count]->name);
    }
    for (const char *c = choices; *c; c++) bars += *c == '|';
    assert_int_equal(bars, count + 1); /* and nothing else */
    choices_of("control", choices, sizeof choices);
    assert_string_equal(choices, "|none|mean|leave-one-out|learned|");
    for (size_t t = 0; t < CASES; t++) {
        snprintf(word, sizeof word, "|%s|", table[t].control);
        assert_non_null(strstr(choices, word));
    }
    elbo_error error = {0};
    assert_null(elbo_estimator_find("elbow", &error));
    assert_int_equal(error.status, ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "elbow"));
    assert_non_null(strstr(error.message, "vimco"));
}

/* ---- means against the exact gradient of the ELBO ---- */

static recipe recipe_of(const struct row *row) {
    return (recipe){.type = elbo_estimator_find(row->name, NULL),
                    .control = row->control,
                    .draws = row->draws,
                    .groups = row->groups,
                    .share = row->share};
}

/* With parameters for a control, of which the running mean stands somewhere. */
static void open_controlled(linear *l) {
    static const char *const learned[] = {"estimator", "reinforce", "control", "learned", NULL};
    open_spoilt(l, learned);
    *tensor(l->model, "state.control.sum") = -9;
    *tensor(l->model, "state.control.weight") = 1;
}

static void test_means_are_exact(void **state) {
    (void)state;
    linear l;
    double at[NUMBERS], exact[NUMBERS];
    open_controlled(&l);
    read_numbers(&l, at);
    for (size_t t = 0; t < CASES; t++)
        for (int half = 0; half < 2; half++) { /* the whole KL, and a weight of 1/2 as in warm-up */
            double weight = half ? 0.5 : 1;
            if (!is_elbo(&table[t])) continue;
            recipe how = recipe_of(&table[t]);
            moments m = measure(&l, &how, 0, weight, 100 + t, RUNS);
            int where = 0;
            differences(closed_objective, &l, at, weight, NUMBERS, exact);
            double worst = worst_distance(&m, NULL, exact, 0, NUMBERS, &where);
            if (!(worst < LIMIT))
                fail_msg("%s/%s with %lld draws, weight %g: coordinate %d is %g, exactly %g (%.1f standard errors)",
                         table[t].name, table[t].control, (long long)table[t].draws, weight, where, m.mean[where],
                         exact[where], worst);
            /* the reported loss has the whole KL whatever the weight */
            double loss = closed_objective(at, &l, 1), error = sqrt(m.loss_square) / (double)m.count;
            if (!(fabs(m.loss - loss) < LIMIT * error + 1e-9))
                fail_msg("%s/%s: the loss is %g, exactly %g", table[t].name, table[t].control, m.loss, loss);
        }
    linear_close(&l);
}

/* ---- the importance-weighted bound: by draws and differences written without the library ---- */

/* log 1/K sum w of one row at given noise: [K, LINEAR_LATENT]. */
static double weighted_bound(const double *t, const linear *l, int64_t row, const double *noise, int draws) {
    const double *a = t, *c = t + slots[1].first, *w = t + slots[2].first, *bias = t + slots[3].first;
    const float *x = l->x + row * LINEAR_SIZE;
    double mean[LINEAR_LATENT], deviation[LINEAR_LATENT], most = -INFINITY, sum = 0, log_w[64];
    for (int j = 0; j < LINEAR_LATENT; j++) {
        double log_variance = c[LINEAR_LATENT + j];
        mean[j] = c[j];
        for (int i = 0; i < LINEAR_SIZE; i++) {
            mean[j] += (double)x[i] * a[i * WIDTH + j];
            log_variance += (double)x[i] * a[i * WIDTH + LINEAR_LATENT + j];
        }
        deviation[j] = exp(0.5 * log_variance);
    }
    for (int k = 0; k < draws; k++) {
        double z[LINEAR_LATENT], square = 0, value = -LINEAR_SIZE * (log(l->s) + 0.91893853320467274178);
        for (int j = 0; j < LINEAR_LATENT; j++) { /* log p(z) - log q(z): the normalisers cancel but for the width */
            double e = noise[k * LINEAR_LATENT + j];
            z[j] = mean[j] + deviation[j] * e;
            value += 0.5 * (e * e - z[j] * z[j]) + log(deviation[j]);
        }
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double away = (double)x[i] - bias[i];
            for (int j = 0; j < LINEAR_LATENT; j++) away -= z[j] * w[j * LINEAR_SIZE + i];
            square += away * away;
        }
        log_w[k] = value - 0.5 * square / (l->s * l->s);
        most = log_w[k] > most ? log_w[k] : most;
    }
    for (int k = 0; k < draws; k++) sum += exp(log_w[k] - most);
    return most + log(sum / draws);
}

/* A mean and its standard error. */
typedef struct figure {
    double mean, error;
} figure;

/* The slope of -L_K along a direction, by common random numbers, and -L_K itself. */
static figure slope_of_bound(const linear *l, const double *at, const double *direction, int64_t draws, figure *value) {
    enum { EACH = 10000 };
    const double h = 1e-5;
    double above[NUMBERS], below[NUMBERS], noise[64 * LINEAR_LATENT], square[2] = {0};
    elbo_rng rng = {900 + (uint64_t)draws, ELBO_STREAM_SAMPLE, 1};
    figure slope = {0};
    *value = (figure){0};
    for (int i = 0; i < NUMBERS; i++) {
        above[i] = at[i] + h * direction[i];
        below[i] = at[i] - h * direction[i];
    }
    for (int r = 0; r < EACH; r++) {
        double one[2] = {0}, *mean[2] = {&slope.mean, &value->mean};
        for (int64_t n = 0; n < ROWS; n++) {
            for (int i = 0; i < (int)draws * LINEAR_LATENT; i++)
                noise[i] = elbo_rng_normal(&rng, (uint32_t)(r * ROWS + (int)n), (uint32_t)i);
            double up = weighted_bound(above, l, n, noise, (int)draws),
                   down = weighted_bound(below, l, n, noise, (int)draws);
            one[0] -= (up - down) / (2 * h * ROWS);
            one[1] -= (up + down) / (2 * ROWS);
        }
        for (int k = 0; k < 2; k++) {
            double away = one[k] - *mean[k];
            *mean[k] += away / (r + 1);
            square[k] += away * (one[k] - *mean[k]);
        }
    }
    slope.error = sqrt(square[0] / EACH / EACH);
    value->error = sqrt(square[1] / EACH / EACH);
    return slope;
}

/* The slope of a recipe's objective along a direction, and its loss. */
static figure slope_of_recipe(const linear *l, const recipe *how, const double *direction, uint64_t seed,
                              figure *loss) {
    bench b;
    double gradient[NUMBERS], square[2] = {0};
    figure slope = {0};
    *loss = (figure){0};
    bench_open(&b, l, how, COPIES);
    for (int r = 0; r < RUNS; r++) {
        double one[2] = {0}, *mean[2] = {&slope.mean, &loss->mean};
        bench_run(&b, 0, 1, seed, (uint32_t)r, gradient);
        for (int i = 0; i < NUMBERS; i++) one[0] += gradient[i] * direction[i];
        one[1] = bench_value(&b, 0, b.update[0].loss);
        for (int k = 0; k < 2; k++) {
            double away = one[k] - *mean[k];
            *mean[k] += away / (r + 1);
            square[k] += away * (one[k] - *mean[k]);
        }
    }
    slope.error = sqrt(square[0] / RUNS / RUNS);
    loss->error = sqrt(square[1] / RUNS / RUNS);
    bench_close(&b);
    return slope;
}

/* One direction for the encoder, one for the decoder, one for both: signs by a fixed generator. */
static void pick_direction(int which, double out[NUMBERS]) {
    elbo_rng rng = {77, ELBO_STREAM_SAMPLE, (uint32_t)which};
    for (int i = 0; i < NUMBERS; i++) {
        bool inside = which == 2 || (which == 0) == (i < ENCODER_END);
        out[i] = inside ? (elbo_rng_uniform(&rng, 0, (uint32_t)i) < 0.5 ? -1 : 1) : 0;
    }
}

/* share a + (1 - share) b + c, of independent figures. */
static figure combine(double share, double exact, figure b, figure c) {
    return (figure){share * exact + (1 - share) * (b.mean + c.mean), (1 - share) * hypot(b.error, c.error)};
}

/* What a row's gradient is along a direction: the encoder's part by one bound, the decoder's by another, the ELBO's
 * share in closed form. */
static figure wanted_slope(const linear *l, const double *at, const double *direction, const struct row *row,
                           figure *loss) {
    double part[2][NUMBERS], closed[NUMBERS], exact = 0;
    figure slope[2], value;
    differences(closed_objective, l, at, 1, NUMBERS, closed);
    for (int i = 0; i < NUMBERS; i++) {
        part[0][i] = i < ENCODER_END ? direction[i] : 0;
        part[1][i] = direction[i] - part[0][i];
        exact += direction[i] * closed[i];
    }
    bool one = encoder_draws(row) == decoder_draws(row);
    slope[0] = one ? (figure){0} : slope_of_bound(l, at, part[0], encoder_draws(row), &value);
    slope[1] = slope_of_bound(l, at, one ? direction : part[1], decoder_draws(row), &value);
    *loss = combine(row->share, closed_objective(at, l, 1), value, (figure){0});
    return combine(row->share, exact, slope[0], slope[1]);
}

static void test_weighted_bound(void **state) {
    (void)state;
    linear l;
    double at[NUMBERS], direction[NUMBERS];
    open_spoilt(&l, NULL);
    read_numbers(&l, at);
    for (int which = 0; which < 3; which++) {
        pick_direction(which, direction);
        for (size_t t = 0; t < CASES; t++) {
            if (is_elbo(&table[t])) continue;
            recipe how = recipe_of(&table[t]);
            figure loss, wanted_loss, wanted = wanted_slope(&l, at, direction, &table[t], &wanted_loss);
            figure got = slope_of_recipe(&l, &how, direction, 200 + t, &loss);
            if (!(fabs(got.mean - wanted.mean) < LIMIT * hypot(got.error, wanted.error)))
                fail_msg("%s: the slope along direction %d is %g +- %g; differences say %g +- %g", table[t].name, which,
                         got.mean, got.error, wanted.mean, wanted.error);
            if (!(fabs(loss.mean - wanted_loss.mean) < LIMIT * hypot(loss.error, wanted_loss.error)))
                fail_msg("%s: the loss is %g +- %g; the formula says %g +- %g", table[t].name, loss.mean, loss.error,
                         wanted_loss.mean, wanted_loss.error);
        }
    }
    linear_close(&l);
}

/* Three formulas of one gradient: each coordinate agrees. */
static void test_weighted_formulas_agree(void **state) {
    (void)state;
    static const char *const names[] = {"iwae", "dreg", "vimco"};
    linear l;
    moments m[3];
    int where = 0;
    open_spoilt(&l, NULL);
    for (int e = 0; e < 3; e++) {
        recipe how = {.type = elbo_estimator_find(names[e], NULL), .control = "none", .draws = 5};
        m[e] = measure(&l, &how, 0, 1, 300 + (uint64_t)e, RUNS);
    }
    for (int e = 1; e < 3; e++) {
        double worst = worst_distance(&m[e], &m[0], NULL, 0, NUMBERS, &where);
        if (!(worst < LIMIT)) fail_msg("%s and iwae differ by %.1f standard errors at %d", names[e], worst, where);
    }
    /* doubly reparameterised draws calm the encoder's gradient */
    assert_true(total_variance(&m[1], 0, ENCODER_END) < 0.5 * total_variance(&m[0], 0, ENCODER_END));
    linear_close(&l);
}

/* ---- mutants: what the tests above would see ---- */

/* DReG with w in place of w^2: the gradient of sum w~ log w rather than that of log sum w. */
static elbo_update dreg_without_square(const elbo_estimate *e) {
    elbo_dist stopped = elbo_estimate_stopped(e);
    elbo_terms terms = elbo_estimate_terms(e, &stopped, elbo_estimate_draws(e, true));
    elbo_update update = elbo_estimate_report_weighted(e, &terms);
    elbo_node *log_weight = elbo_estimate_log_weight(e, &terms);
    elbo_node *weight = elbo_stop_gradient(elbo_softmax(log_weight, 0));
    update.objective = elbo_neg(elbo_mean_all(elbo_sum(elbo_mul(weight, log_weight), 0, 0, false)));
    return update;
}

/* The score function without its joint term: the decoder stays where it is. */
static elbo_update reinforce_without_joint(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_stop_gradient(elbo_estimate_draws(e, true)));
    elbo_update update = elbo_estimate_report(&terms);
    elbo_node *signal = elbo_stop_gradient(elbo_estimate_log_weight(e, &terms));
    update.objective = elbo_neg(elbo_mean_all(elbo_mul(signal, terms.log_posterior)));
    return update;
}

/* A control that depends on its own draw: half of f taken off. */
static elbo_update reinforce_with_dependent_control(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_stop_gradient(elbo_estimate_draws(e, true)));
    elbo_update update = elbo_estimate_report(&terms);
    elbo_node *signal = elbo_scale(elbo_stop_gradient(elbo_estimate_log_weight(e, &terms)), 0.5);
    elbo_node *joint = elbo_add(terms.log_likelihood, terms.log_prior);
    update.objective = elbo_neg(elbo_mean_all(elbo_add(elbo_mul(signal, terms.log_posterior), joint)));
    return update;
}

/* The plain average of log w: the ELBO's gradient in place of the weighted bound's. */
static elbo_update plain_average(const elbo_estimate *e) {
    elbo_terms terms = elbo_estimate_terms(e, &e->posterior, elbo_estimate_draws(e, true));
    elbo_update update = elbo_estimate_report_weighted(e, &terms);
    update.objective = elbo_neg(elbo_mean_all(elbo_estimate_log_weight(e, &terms)));
    return update;
}

/* Each of these has the draws of another one, but other bounds: means differ by far more than the limit. */
static void test_groups_and_shares_matter(void **state) {
    (void)state;
    static const struct row cases[][2] = {
        {{"miwae", "none", 6, true, 2, 0}, {"iwae", "none", 6, true, 0, 0}},      /* one group for two */
        {{"piwae", "none", 6, true, 2, 0}, {"iwae", "none", 6, true, 0, 0}},      /* the encoder by all draws */
        {{"piwae", "none", 6, true, 2, 0}, {"miwae", "none", 6, true, 2, 0}},     /* the decoder by groups */
        {{"ciwae", "none", 5, true, 0, 0.3}, {"ciwae", "none", 5, true, 0, 0.7}}, /* the shares exchanged */
    };
    linear l;
    open_spoilt(&l, NULL);
    for (size_t c = 0; c < sizeof cases / sizeof *cases; c++) {
        recipe how[2] = {recipe_of(&cases[c][0]), recipe_of(&cases[c][1])};
        moments right = measure(&l, &how[0], 0, 1, 410, RUNS), wrong = measure(&l, &how[1], 0, 1, 411, RUNS);
        int where = 0;
        double worst = worst_distance(&wrong, &right, NULL, 0, NUMBERS, &where);
        if (!(worst > 2 * LIMIT))
            fail_msg("%s and %s, case %zu, are only %.1f standard errors apart", cases[c][0].name, cases[c][1].name, c,
                     worst);
    }
    linear_close(&l);
}

static void test_mutants_are_caught(void **state) {
    (void)state;
    static const elbo_estimator_type mutants[] = {
        {.name = "dreg with w", .bound = dreg_without_square},
        {.name = "iwae as a plain average", .bound = plain_average},
        {.name = "reinforce without the joint", .bound = reinforce_without_joint},
        {.name = "reinforce with a dependent control", .bound = reinforce_with_dependent_control},
    };
    linear l;
    double at[NUMBERS], exact[NUMBERS];
    int where = 0;
    open_spoilt(&l, NULL);
    read_numbers(&l, at);
    differences(closed_objective, &l, at, 1, NUMBERS, exact);
    recipe iwae = {.type = elbo_estimator_find("iwae", NULL), .control = "none", .draws = 5};
    moments right = measure(&l, &iwae, 0, 1, 300, RUNS);
    for (int e = 0; e < 4; e++) {
        bool weighted = e < 2;
        recipe how = {.type = &mutants[e], .control = "none", .draws = weighted ? 5 : 1};
        moments m = measure(&l, &how, 0, 1, 400 + (uint64_t)e, RUNS);
        double worst = worst_distance(&m, weighted ? &right : NULL, exact, 0, NUMBERS, &where);
        if (!(worst > 2 * LIMIT)) fail_msg("%s is only %.1f standard errors away", mutants[e].name, worst);
    }
    linear_close(&l);
}

/* ---- variances and bounds ---- */

static void test_sticking_the_landing(void **state) {
    (void)state;
    linear l;
    moments m[3];
    linear_orthogonal(&l, (const double[]){1, 0.75, 0.5}, 0.8);
    open_linear(&l, 11, NULL);
    linear_set(&l);
    static const char *const names[] = {"a", "stl", "dreg"};
    for (int e = 0; e < 3; e++) {
        recipe how = {.type = elbo_estimator_find(names[e], NULL), .control = "none", .draws = e == 2 ? 4 : 1};
        m[e] = measure(&l, &how, 0, 1, 500, 300);
    }
    /* the parameters are the exact posterior's up to the rounding of f32: deviations of 1e-7, squares of 1e-14 */
    double left = total_variance(&m[0], 0, ENCODER_END);
    assert_true(left > 1e-3);
    for (int e = 1; e < 3; e++)
        if (!(total_variance(&m[e], 0, ENCODER_END) < 1e-11 * left))
            fail_msg("%s: the variance is %g, that of a %g", names[e], total_variance(&m[e], 0, ENCODER_END), left);
    /* the loss is log p(x) itself, without noise, whatever the draw */
    assert_true(fabs(m[1].loss + linear_mean_log_p(&l)) < 1e-6);
    assert_true(m[1].loss_square / (double)m[1].count < 1e-12);
    linear_close(&l);
}

static void test_bounds_rise_towards_the_likelihood(void **state) {
    (void)state;
    static const int64_t draws[] = {1, 2, 5, 10, 50};
    linear l;
    double at[NUMBERS], before = 0, before_error = 0;
    open_spoilt(&l, NULL);
    read_numbers(&l, at);
    double elbo = -closed_objective(at, &l, 1), likelihood = linear_mean_log_p(&l);
    assert_true(elbo < likelihood);
    for (int k = 0; k < 5; k++) {
        recipe how = {.type = elbo_estimator_find("iwae", NULL), .control = "none", .draws = draws[k]};
        moments m = measure(&l, &how, 0, 1, 600 + (uint64_t)k, 400);
        double bound = -m.loss, error = sqrt(m.loss_square) / (double)m.count;
        if (k == 0) assert_true(fabs(bound - elbo) < LIMIT * error);
        if (k > 0 && !(bound - before > LIMIT * hypot(error, before_error)))
            fail_msg("K = %lld gives %g +- %g after %g", (long long)draws[k], bound, error, before);
        assert_true(bound < likelihood + LIMIT * error);
        before = bound;
        before_error = error;
    }
    assert_true(likelihood - before < 0.1 * (likelihood - elbo)); /* K = 50 has closed most of the gap */
    linear_close(&l);
}

static void test_controls_lower_the_variance(void **state) {
    (void)state;
    linear l;
    open_controlled(&l);
    recipe how = {.type = elbo_estimator_find("reinforce", NULL), .control = "none", .draws = 4};
    moments none = measure(&l, &how, 0, 1, 700, 400);
    *tensor(l.model, "state.control.sum") = (float)-none.loss; /* where it stands after many steps */
    static const char *const controls[] = {"mean", "leave-one-out"};
    for (int c = 0; c < 2; c++) {
        how.control = controls[c];
        moments m = measure(&l, &how, 0, 1, 700, 400);
        double share = total_variance(&m, 0, ENCODER_END) / total_variance(&none, 0, ENCODER_END);
        if (!(share < 0.5)) fail_msg("%s leaves %.2f of the variance", controls[c], share);
    }
    linear_close(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_estimator_has_a_row),
        cmocka_unit_test(test_option_lists_the_registry),
        cmocka_unit_test(test_means_are_exact),
        cmocka_unit_test(test_weighted_bound),
        cmocka_unit_test(test_weighted_formulas_agree),
        cmocka_unit_test(test_mutants_are_caught),
        cmocka_unit_test(test_groups_and_shares_matter),
        cmocka_unit_test(test_sticking_the_landing),
        cmocka_unit_test(test_bounds_rise_towards_the_likelihood),
        cmocka_unit_test(test_controls_lower_the_variance),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
