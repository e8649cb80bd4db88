/* elbo_gradvar: what it says of estimators, against closed forms; what it refuses.
 *
 * Error rate: about 40 numbers are compared at 5 standard errors (5.7e-7 each), so that correct code fails with
 * probability below 3e-5 for a new seed; seeds are fixed. */
#include "eval/gradvar.h"
#include "base/memory.h"
#include "estimator_support.h"

static const double LIMIT = 5;

static elbo_gradvar_options options_of(const char *estimators, int64_t repeats) {
    elbo_gradvar_options options;
    assert_int_equal(elbo_options_init(&elbo_gradvar_options_table, &options, NULL), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_gradvar_options_table, &options, "estimators", estimators, NULL), ELBO_OK);
    options.repeats = repeats;
    options.rows = ROWS;
    return options;
}

static elbo_gradvar_comparison compare(const linear *l, const char *estimators, int64_t repeats) {
    elbo_error error = {0};
    elbo_gradvar_comparison out;
    elbo_gradvar_options options = options_of(estimators, repeats);
    if (elbo_gradvar(l->model, l->data, &options, NULL, NULL, &out, &error) != ELBO_OK) fail_msg("%s", error.message);
    elbo_options_clear(&elbo_gradvar_options_table, &options);
    return out;
}

/* ---- the textbook case ---- */

static void test_square(void **state) {
    (void)state;
    static const double thetas[] = {0, 0.5, -2, 3};
    elbo_error error = {0};
    for (int t = 0; t < 4; t++) {
        double theta = thetas[t], square = theta * theta;
        const double variance[] = {4, square * square + 14 * square + 15};
        elbo_gradvar_example example[ELBO_GRADVAR_EXAMPLES];
        assert_int_equal(elbo_gradvar_square(theta, 100000, 5 + (uint64_t)t, example, &error), ELBO_OK);
        for (int m = 0; m < ELBO_GRADVAR_EXAMPLES; m++) {
            const elbo_gradvar_example *e = &example[m];
            assert_true(e->exact_mean == 2 * theta && e->exact_variance == variance[m]);
            assert_true(fabs(e->mean - 2 * theta) < LIMIT * e->mean_stderr);
            assert_true(fabs(e->variance - variance[m]) < LIMIT * e->variance_stderr);
            /* the errors themselves: sqrt(v / n); of the variance it is 4 sqrt(2 / n) for the normal 2 z */
            assert_true(fabs(e->mean_stderr / sqrt(variance[m] / 100000) - 1) < 0.1);
            if (m == 0) assert_true(fabs(e->variance_stderr / (4 * sqrt(2. / 100000)) - 1) < 0.1);
        }
        assert_string_equal(example[0].method, "reparameterised");
        assert_string_equal(example[1].method, "score function");
    }
    elbo_gradvar_example example[ELBO_GRADVAR_EXAMPLES];
    assert_int_equal(elbo_gradvar_square(1, 1, 1, example, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_gradvar_square(NAN, 10, 1, example, &error), ELBO_ERROR_USAGE);
}

/* ---- on the linear model ---- */

/* Means: along the exact gradient the bias is nothing; norms and angles are those of the closed form. */
static void test_bias_and_norm(void **state) {
    (void)state;
    linear l;
    double at[NUMBERS], exact[NUMBERS], wanted[2] = {0};
    open_spoilt(&l, NULL);
    read_numbers(&l, at);
    differences(closed_objective, &l, at, 1, NUMBERS, exact);
    for (int i = 0; i < NUMBERS; i++) wanted[i >= ENCODER_END] += exact[i] * exact[i];
    elbo_gradvar_comparison c = compare(&l, "a:1,b:1,stl:2,reinforce/none:1,reinforce/leave-one-out:4,iwae:1", 4000);
    assert_int_equal(c.count, 6);
    assert_int_equal(c.rows, ROWS);
    for (size_t e = 0; e < c.count; e++) {
        const elbo_gradvar_estimate *one = &c.estimate[e];
        assert_string_equal(one->reference, "b:10");
        assert_int_equal(one->groups, 2);
        assert_string_equal(one->group[0].name, "encoder");
        assert_string_equal(one->group[1].name, "decoder");
        assert_int_equal(one->group[0].parameters, ENCODER_END);
        assert_int_equal(one->group[1].parameters, NUMBERS - ENCODER_END);
        assert_true(fabs(one->loss - closed_objective(at, &l, 1)) < LIMIT * one->loss_stderr);
        for (int g = 0; g < 2; g++) {
            const elbo_gradvar_group *group = &one->group[g];
            if (!(fabs(group->bias) < LIMIT * group->bias_stderr))
                fail_msg("%s, %s: bias %g +- %g", one->name, group->name, group->bias, group->bias_stderr);
            assert_true(group->bias_stderr < 0.2);
            /* the mean is off by a vector whose square is variance / N on average; the reference's is far smaller */
            double size = sqrt(wanted[g]), noise = sqrt(group->variance / (double)c.repeats) / size;
            if (!(fabs(group->norm / size - 1) < LIMIT * noise))
                fail_msg("%s, %s: norm %g, exactly %g", one->name, group->name, group->norm, size);
            if (!(fabs(group->cosine - 1) < 2 * LIMIT * (noise + 0.01)))
                fail_msg("%s, %s: cosine %g", one->name, group->name, group->cosine);
            assert_int_equal(group->still, g); /* no code reaches the last output: its bias has no noise */
        }
    }
    elbo_gradvar_clear(&c);
    linear_close(&l);
}

/* Variances agree with those of the reference backend in f64 at other draws; SNR is what it is defined as. */
static void test_variance_and_snr(void **state) {
    (void)state;
    static const struct {
        const char *text, *name, *control;
        int64_t draws;
    } cases[] = {{"b:1", "b", "none", 1}, {"dreg:5", "dreg", "none", 5}, {"reinforce/none:1", "reinforce", "none", 1}};
    linear l;
    open_spoilt(&l, NULL);
    elbo_gradvar_comparison c = compare(&l, "b:1,dreg:5,reinforce/none:1", 6000);
    for (int e = 0; e < 3; e++) {
        recipe how = {
            .type = elbo_estimator_find(cases[e].name, NULL), .control = cases[e].control, .draws = cases[e].draws};
        moments m = measure(&l, &how, 0, 1, 9000, 3000); /* each the mean of COPIES batches */
        assert_string_equal(c.estimate[e].name, cases[e].text);
        for (int g = 0; g < 2; g++) {
            int first = g ? ENCODER_END : 0, end = g ? NUMBERS : ENCODER_END;
            double snr = 0, variance = total_variance(&m, first, end) * COPIES;
            for (int i = first; i < end - g; i++) /* the last bias does not change */
                snr += fabs(m.mean[i]) / sqrt(variance_of(&m, i) * COPIES) / (end - g - first);
            const elbo_gradvar_group *group = &c.estimate[e].group[g];
            /* sample variances of heavy-tailed gradients: a kurtosis of 100 gives sqrt(99 / 6000) = 13 % at one
             * standard error of one coordinate, and some 5 % where dozens are summed */
            assert_true(fabs(group->variance / variance - 1) < 0.25);
            assert_true(fabs(group->variance_mean * (end - first) / group->variance - 1) < 1e-12);
            if (!(fabs(group->snr - snr) < 0.1 * snr + 2 * c.snr_floor))
                fail_msg("%s, %s: %g, %g", cases[e].text, group->name, group->snr, snr);
        }
    }
    elbo_gradvar_clear(&c);
    linear_close(&l);
}

/* At the exact posterior sticking the landing has nothing to vary, and no direction to be biased along. */
static void test_exact_posterior(void **state) {
    (void)state;
    linear l;
    linear_orthogonal(&l, (const double[]){1, 0.75, 0.5}, 0.8);
    open_linear(&l, 11, NULL);
    linear_set(&l);
    elbo_gradvar_comparison c = compare(&l, "stl:1,a:1", 500);
    assert_true(c.estimate[0].group[0].variance < 1e-8 * c.estimate[1].group[0].variance);
    assert_true(isnan(c.estimate[1].group[0].bias)); /* the encoder's gradient is 0 */
    assert_false(isnan(c.estimate[1].group[1].bias));
    elbo_gradvar_clear(&c);
    linear_close(&l);
}

/* Controls that the model has not trained get used to the batch, say so, and help. */
static void test_controls(void **state) {
    (void)state;
    linear l;
    open_spoilt(&l, NULL);
    elbo_gradvar_comparison c =
        compare(&l, "reinforce/none:2,reinforce/mean:2,reinforce/learned:2,reinforce/leave-one-out:2", 3000);
    double variance[4];
    for (int e = 0; e < 4; e++) {
        variance[e] = c.estimate[e].group[0].variance;
        bool trained = strcmp(c.estimate[e].control, "mean") == 0 || strcmp(c.estimate[e].control, "learned") == 0;
        assert_int_equal(*c.estimate[e].note != 0, trained);
        assert_true(fabs(c.estimate[e].group[0].bias) < LIMIT * c.estimate[e].group[0].bias_stderr);
        assert_int_equal(c.estimate[e].groups, 2); /* the control is no part of what is compared */
    }
    assert_true(variance[1] < 0.7 * variance[0]);
    assert_true(variance[2] < 0.9 * variance[1]);
    assert_true(variance[3] < 0.7 * variance[0]);
    elbo_gradvar_clear(&c);
    linear_close(&l);
    static const char *const learned[] = {"estimator", "reinforce", "control", "learned", NULL};
    open_spoilt(&l, learned);
    *tensor(l.model, "state.control.weight") = 1;
    c = compare(&l, "reinforce/learned:2", 50);
    assert_string_equal(c.estimate[0].note, "");                /* the run's own */
    assert_true(*tensor(l.model, "state.control.weight") == 1); /* which stays what it was */
    elbo_gradvar_clear(&c);
    linear_close(&l);
}

static void test_parameters_stay_and_runs_repeat(void **state) {
    (void)state;
    linear l;
    double before[NUMBERS], after[NUMBERS];
    open_spoilt(&l, NULL);
    read_numbers(&l, before);
    elbo_gradvar_comparison one = compare(&l, "b:1,reinforce/learned:1", 100),
                            two = compare(&l, "b:1,reinforce/learned:1", 100);
    read_numbers(&l, after);
    assert_memory_equal(before, after, sizeof before);
    for (size_t e = 0; e < one.count; e++)
        assert_memory_equal(one.estimate[e].group, two.estimate[e].group, sizeof one.estimate[e].group);
    elbo_gradvar_clear(&one);
    elbo_gradvar_clear(&two);
    linear_close(&l);
}

/* ---- lists ---- */

static void test_lists(void **state) {
    (void)state;
    static const struct {
        const char *list, *says;
    } wrong[] = {{"elbow", "elbow"},       {"b:0", "1 to 10000"},
                 {"b:x", "1 to 10000"},    {"b,,a", "NAME"},
                 {"b/mean", "no control"}, {"reinforce/nothing", "nothing"},
                 {"vimco:1", "draws 2"},   {"reinforce/leave-one-out:1", "draws 2"},
                 {"b,a,b", "twice"}};
    linear l;
    elbo_error error = {0};
    elbo_gradvar_comparison out;
    open_spoilt(&l, NULL);
    for (size_t w = 0; w < sizeof wrong / sizeof *wrong; w++) {
        elbo_gradvar_options options = options_of(wrong[w].list, 10);
        elbo_status status = elbo_gradvar(l.model, l.data, &options, NULL, NULL, &out, &error);
        if (status != ELBO_ERROR_USAGE || !strstr(error.message, wrong[w].says))
            fail_msg("\"%s\" gives %d: %s", wrong[w].list, (int)status, error.message);
        assert_null(out.estimate);
        elbo_options_clear(&elbo_gradvar_options_table, &options);
    }
    elbo_gradvar_options options = options_of("iwae,vimco", 10); /* a sweep begins where an estimator can */
    options.draws_list = (elbo_ints){3, {1, 2, 4}};
    assert_int_equal(elbo_gradvar(l.model, l.data, &options, NULL, NULL, &out, &error), ELBO_OK);
    assert_int_equal(out.count, 5);
    assert_string_equal(out.estimate[3].name, "vimco:2");
    assert_string_equal(out.estimate[3].reference, "dreg:2");
    assert_string_equal(out.estimate[0].reference, "b:10");
    elbo_gradvar_clear(&out);
    elbo_options_clear(&elbo_gradvar_options_table, &options);
    linear_close(&l);
}

/* All that serve where none is named: codes of bits have the score function and VIMCO. */
static void test_what_the_posterior_serves(void **state) {
    (void)state;
    static const char *const bits[] = {"prior", "bernoulli", "posterior", "bernoulli", "estimator",
                                       "vimco", "draws",     "2",         NULL};
    linear l;
    elbo_error error = {0};
    elbo_gradvar_comparison out;
    linear_orthogonal(&l, (const double[]){1, 0.75, 0.5}, 0.8);
    open_linear(&l, 11, bits);
    elbo_gradvar_comparison c = compare(&l, "", 20);
    assert_int_equal(c.count, 5);
    for (size_t e = 0; e < c.count; e++) {
        bool weighted = strcmp(c.estimate[e].estimator, "vimco") == 0;
        assert_true(weighted || strcmp(c.estimate[e].estimator, "reinforce") == 0);
        assert_string_equal(c.estimate[e].reference, weighted ? "vimco:10" : "reinforce/leave-one-out:10");
    }
    elbo_gradvar_clear(&c);
    elbo_gradvar_options options = options_of("vimco:4,b:1", 10);
    assert_int_equal(elbo_gradvar(l.model, l.data, &options, NULL, NULL, &out, &error), ELBO_ERROR_USAGE);
    assert_non_null(strstr(error.message, "b:1"));
    assert_non_null(strstr(error.message, "not reparameterised"));
    elbo_options_clear(&elbo_gradvar_options_table, &options);
    linear_close(&l);
    static const char *const without[] = {"inference", "bbvi", NULL};
    open_linear(&l, 11, without);
    options = options_of("b:1", 10);
    assert_int_equal(elbo_gradvar(l.model, l.data, &options, NULL, NULL, &out, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "encoder"));
    elbo_options_clear(&elbo_gradvar_options_table, &options);
    linear_close(&l);
}

static bool stop_at_half(void *user, double share) {
    *(double *)user = share;
    return share > 0.5;
}

static void test_stops_on_request(void **state) {
    (void)state;
    linear l;
    elbo_error error = {0};
    elbo_gradvar_comparison out;
    double share = 0;
    open_spoilt(&l, NULL);
    elbo_gradvar_options options = options_of("b:1,iwae:3", 50);
    assert_int_equal(elbo_gradvar(l.model, l.data, &options, stop_at_half, &share, &out, &error),
                     ELBO_ERROR_INTERRUPTED);
    assert_true(share > 0.5 && share < 0.6);
    elbo_options_clear(&elbo_gradvar_options_table, &options);
    linear_close(&l);
}

/* Every allocation that fails is reported, and nothing leaks or is half done (the sanitizers look). */
static void test_no_memory(void **state) {
    (void)state;
    linear l;
    elbo_error error = {0};
    open_spoilt(&l, NULL);
    elbo_gradvar_options options = options_of("reinforce/learned:2", 2);
    options.warm_up = 1;
    SCRATCH_EACH_ALLOCATION(number, elbo_gradvar_comparison out;
                            elbo_status status = elbo_gradvar(l.model, l.data, &options, NULL, NULL, &out, &error),
                            if (scratch_reached != (status != ELBO_OK))
                                fail_msg("allocation %ld: status %d", number, (int)status);
                            elbo_gradvar_clear(&out));
    elbo_options_clear(&elbo_gradvar_options_table, &options);
    linear_close(&l);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_square),
        cmocka_unit_test(test_bias_and_norm),
        cmocka_unit_test(test_variance_and_snr),
        cmocka_unit_test(test_exact_posterior),
        cmocka_unit_test(test_controls),
        cmocka_unit_test(test_parameters_stay_and_runs_repeat),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_what_the_posterior_serves),
        cmocka_unit_test(test_stops_on_request),
        cmocka_unit_test(test_no_memory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
