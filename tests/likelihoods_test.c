/* Estimates of log p(x) against the exact values of a linear-Gaussian model. Seeds are fixed, so a test that passes
 * once passes always; bounds are given in standard errors so that a correct change of the draws is refused with the
 * stated probability only. */
#include "linear_gaussian.h"

#include <gsl/gsl_cdf.h>

#include "base/memory.h"
#include "eval/estimate.h"
#include "eval/observed.h"

static void close_to(double value, double wanted, double tolerance, const char *what) {
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%s is %.9g; %.9g was expected, give or take %.3g", what, value, wanted, tolerance);
}

/* Factor of a standard error from so many chains that a correct estimate passes with a probability of `alarm` for each
 * comparison: Student's t. Importance weights of many samples: take chains = 1000. */
static double limit(double alarm, double chains) { return gsl_cdf_tdist_Qinv(alarm / 2, chains - 1); }

static const double lengths[LINEAR_LATENT] = {1, 0.5, 0.75};

typedef struct settings {
    const char *nll;
    int64_t samples, chains, temperatures, burn_in, count;
    bool simulated;
    int64_t seed;
} settings;

static elbo_status try_compare(linear *l, const settings *s, elbo_evaluation_progress progress, void *user,
                               elbo_likelihood_comparison *out, elbo_error *error) {
    elbo_evaluation_options evaluation;
    elbo_likelihood_options options;
    assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &evaluation, error), ELBO_OK);
    assert_int_equal(elbo_options_init(&elbo_likelihood_options_table, &options, error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_evaluation_options_table, &evaluation, "split", "all", error), ELBO_OK);
    assert_int_equal(elbo_options_set(&elbo_likelihood_options_table, &options, "nll", s->nll, error), ELBO_OK);
    evaluation.samples = s->samples;
    evaluation.count = s->count;
    evaluation.seed = s->seed ? s->seed : 1;
    options.chains = s->chains;
    options.temperatures = s->temperatures;
    options.burn_in = s->burn_in;
    options.simulated = s->simulated;
    elbo_status status =
        elbo_likelihoods(l->model, s->simulated ? NULL : l->data, &evaluation, &options, progress, user, out, error);
    elbo_options_clear(&elbo_evaluation_options_table, &evaluation);
    elbo_options_clear(&elbo_likelihood_options_table, &options);
    return status;
}

static elbo_likelihood_comparison compare(linear *l, const settings *s) {
    elbo_error error = {0};
    elbo_likelihood_comparison out;
    if (try_compare(l, s, NULL, NULL, &out, &error) != ELBO_OK) fail_msg("%s", error.message);
    return out;
}

/* A posterior that is wrong, around columns that are not orthogonal, so that no estimator is exact. */
static void open_spoilt(linear *l, int64_t rows, int threads) {
    memset(l, 0, sizeof *l);
    linear_orthogonal(l, lengths, 0.5);
    linear_spoil(l);
    linear_open(l, rows, 5, threads);
}

/* ---- every method ---- */

/* Each datum within its own standard error and the mean within that of draws: 4 methods and one reverse, 20 data and
 * the mean, 1e-6 each: one false alarm in 9000. Beyond that the logarithm of a mean is off by half its squared error.
 */
static void all_methods(void **state) {
    (void)state;
    enum { ROWS = 20, CHAINS = 24 };
    linear l;
    double exact[ROWS], mean = 0;
    open_spoilt(&l, ROWS, 1);
    linear_log_p(&l, exact);
    for (int i = 0; i < ROWS; i++) mean += exact[i] / ROWS;
    settings s = {.nll = "prior,is,hmc,ais", .samples = 6000, .chains = CHAINS, .temperatures = 100};
    elbo_likelihood_comparison c = compare(&l, &s);
    assert_int_equal(c.methods, 4);
    assert_int_equal(c.count, ROWS);
    assert_int_equal(c.latent, LINEAR_LATENT);
    assert_true(c.elbo < mean && c.elbo_stderr > 0);
    for (size_t m = 0; m < 4; m++) {
        const elbo_likelihood_estimate *e = &c.estimate[m];
        bool sampled = m < 2;
        double factor = limit(1e-6, sampled ? 1000 : CHAINS), spread = 0;
        static const char *const names[] = {"prior", "is", "hmc", "ais"};
        assert_string_equal(e->method, names[m]);
        for (int i = 0; i < ROWS; i++) {
            double own = e->log_p_error[i];
            assert_true(own > 1e-6 && own < 0.35);
            close_to(e->log_p[i], exact[i], factor * own + own * own, e->method);
            spread += (exact[i] - mean) * (exact[i] - mean);
            if (m < 3) continue;
            own = e->reverse_error[i];
            close_to(e->reverse_log_p[i], exact[i], factor * own + own * own, "reverse");
        }
        close_to(e->nll, -mean, 5 * e->nll_sampling_error + e->nll_sampling_error * e->nll_sampling_error * ROWS,
                 "NLL");
        assert_true(e->nll_sampling_error > 0 && e->nll_sampling_error < 0.06);
        close_to(e->nll_stderr, sqrt(spread / (ROWS - 1) / ROWS), 0.1 * e->nll_stderr, "standard error over data");
        assert_true(e->ess_mean > 1 && e->ess_mean <= (sampled ? 6000.0 : m == 2 ? 6000.0 : CHAINS));
        assert_true(e->seconds > 0);
        assert_true(isnan(e->acceptance) == sampled && isnan(e->r_hat) == (m != 2));
        assert_true(!e->datum_acceptance == sampled && !e->datum_r_hat == (m != 2) && !e->reverse_log_p == (m != 3));
        assert_true(isnan(e->reverse_nll) == (m != 3) && !e->reverse_exact);
    }
    close_to(c.estimate[2].acceptance, 0.9, 0.05, "acceptance of hmc");
    close_to(c.estimate[3].acceptance, 0.65, 0.12, "acceptance of ais");
    assert_true(c.estimate[2].r_hat > 0.9 && c.estimate[2].r_hat < 1.1);
    elbo_likelihoods_clear(&c);
    linear_close(&l);
}

/* The errors are honest: over 200 data the squared ratio of deviation and stated error averages 1 for a normal
 * deviation with a known error, (n-1)/(n-3) for Student's t. Its own standard error is sqrt(2/200) = 0.1 (more for t of
 * 23 degrees: 0.12), so that 0.5 on either side is four of them. */
static void honest_errors(void **state) {
    (void)state;
    enum { ROWS = 200, CHAINS = 24 };
    linear l;
    double exact[ROWS];
    open_spoilt(&l, ROWS, 1);
    linear_log_p(&l, exact);
    settings s = {.nll = "prior,is,hmc,ais", .samples = 2400, .chains = CHAINS, .temperatures = 60, .burn_in = 60};
    elbo_likelihood_comparison c = compare(&l, &s);
    for (size_t m = 1; m < 4; m++) { /* the prior's weights are too uneven for a normal deviation */
        const elbo_likelihood_estimate *e = &c.estimate[m];
        double ratio = 0;
        for (int i = 0; i < ROWS; i++) ratio += pow((e->log_p[i] - exact[i]) / e->log_p_error[i], 2) / ROWS;
        close_to(ratio, m == 1 ? 1 : 23.0 / 21, 0.5, e->method);
    }
    elbo_likelihoods_clear(&c);
    linear_close(&l);
}

/* Where q is the posterior, importance weights are all p(x): no error, whatever the number of samples. The normal
 * density that hmc fits is the posterior's form too, so that its error is that of the fit alone. */
static void exact_proposal(void **state) {
    (void)state;
    linear l = {0};
    linear_orthogonal(&l, lengths, 0.5);
    linear_open(&l, 8, 5, 1);
    double exact[8];
    linear_log_p(&l, exact);
    elbo_likelihood_comparison c = compare(&l, &(settings){.nll = "hmc,is", .samples = 4000});
    assert_string_equal(c.estimate[0].method, "hmc"); /* in the order asked for */
    for (int i = 0; i < 8; i++) {
        close_to(c.estimate[1].log_p[i], exact[i], 2e-5, "log p with the exact posterior");
        close_to(c.estimate[0].log_p[i], exact[i], 0.01, "log p by the posterior's density");
    }
    elbo_likelihoods_clear(&c);
    linear_close(&l);
}

/* ---- bidirectional ---- */

/* On data drawn from the model the mean of the forward estimate lies below the mean of log p and that of the reverse
 * one above; with few temperatures by far more than the errors. exact is worked out from the very data, which depend on
 * (seed, row) alone. */
static void sandwich(void **state) {
    (void)state;
    enum { ROWS = 64 };
    elbo_error error = {0};
    linear l;
    elbo_observed observed;
    elbo_observed_rows rows;
    open_spoilt(&l, ROWS, 1);
    assert_int_equal(elbo_observed_new(&observed, &l.model->instance, ROWS, true, ELBO_PRECISION_F32, 1, &error),
                     ELBO_OK);
    assert_int_equal(elbo_observed_read(&observed, NULL, ELBO_SPLIT_ALL, 0, ROWS, 3, &rows, &error), ELBO_OK);
    /* The draws are those of the model: residuals are N(0, s^2), codes N(0, 1). chi^2 of 64 x 6 and 64 x 3, 5 sigmas.
     */
    double residual = 0, code = 0;
    for (int64_t n = 0; n < ROWS; n++) {
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double rest = (double)rows.rows.x[n * LINEAR_SIZE + i] - l.b[i];
            for (int j = 0; j < LINEAR_LATENT; j++) rest -= l.w[j][i] * (double)rows.drawn_z[n * LINEAR_LATENT + j];
            residual += rest * rest / (l.s * l.s);
        }
        for (int j = 0; j < LINEAR_LATENT; j++) code += pow((double)rows.drawn_z[n * LINEAR_LATENT + j], 2);
    }
    close_to(residual, ROWS * LINEAR_SIZE, 5 * sqrt(2.0 * ROWS * LINEAR_SIZE), "residuals of simulated data");
    close_to(code, ROWS * LINEAR_LATENT, 5 * sqrt(2.0 * ROWS * LINEAR_LATENT), "codes of simulated data");
    memcpy(l.x, rows.rows.x, sizeof(float) * ROWS * LINEAR_SIZE);
    elbo_observed_clear(&observed);
    double exact = linear_mean_log_p(&l), gap[2];
    for (int k = 0; k < 2; k++) {
        settings s = {
            .nll = "ais", .count = ROWS, .chains = 4, .simulated = true, .seed = 3, .temperatures = k ? 200 : 4};
        elbo_likelihood_comparison c = compare(&l, &s);
        const elbo_likelihood_estimate *e = &c.estimate[0];
        assert_true(c.simulated && e->reverse_exact);
        /* forward <= exact <= reverse in expectation: 5 standard errors of slack on the wrong side */
        assert_true(-e->nll <= exact + 5 * e->nll_sampling_error);
        assert_true(-e->reverse_nll >= exact - 5 * e->reverse_sampling_error);
        gap[k] = e->nll - e->reverse_nll;
        if (k == 0) assert_true(-e->nll < exact && -e->reverse_nll > exact);
        elbo_likelihoods_clear(&c);
    }
    assert_true(gap[0] > 0.3 && gap[1] < 0.1);
    linear_close(&l);
}

/* With one temperature and no settling, the reverse weight is log p(x|z) where the chains start, here at the rows' z.
 */
static void exact_start(void **state) {
    (void)state;
    enum { ROWS = 5 };
    elbo_error error = {0};
    linear l;
    open_spoilt(&l, ROWS, 1);
    elbo_annealing_estimate estimate;
    elbo_estimate_options options = {
        .chains = 3, .leapfrog = 2, .acceptance = 0.65, .temperatures = 1, .exact = true, .seed = 1};
    assert_int_equal(
        elbo_annealing_estimate_new(&estimate, &l.model->instance, 8, &options, ELBO_PRECISION_F32, 1, &error),
        ELBO_OK);
    float z[ROWS * LINEAR_LATENT];
    double out[7][ROWS];
    for (int i = 0; i < ROWS * LINEAR_LATENT; i++) z[i] = (float)(i % 7) / 4 - 0.5f;
    elbo_work work = {.total = 1};
    assert_int_equal(elbo_annealing_estimate_run(
                         &estimate, &(elbo_chains_rows){l.x, z, ROWS, 0, NULL},
                         &(elbo_estimate_rows){out[0], out[1], out[2], out[3], out[4], out[5], out[6]}, &work, &error),
                     ELBO_OK);
    for (int n = 0; n < ROWS; n++) {
        double wanted = -LINEAR_SIZE * (0.91893853320467274178 + log(l.s));
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double rest = (double)l.x[n * LINEAR_SIZE + i] - l.b[i];
            for (int j = 0; j < LINEAR_LATENT; j++) rest -= l.w[j][i] * (double)z[n * LINEAR_LATENT + j];
            wanted -= rest * rest / (2 * l.s * l.s);
        }
        close_to(out[2][n], wanted, 1e-5 * (1 + fabs(wanted)), "log p(x|z) where the reverse chains start");
        close_to(out[3][n], 0, 1e-6, "error of equal weights");
    }
    elbo_annealing_estimate_clear(&estimate);
    linear_close(&l);
}

/* ---- conduct ---- */

/* The same bits for any number of threads; other seeds give other draws. */
static void threads(void **state) {
    (void)state;
    enum { ROWS = 300 };
    elbo_likelihood_comparison c[3];
    for (int k = 0; k < 3; k++) {
        linear l;
        open_spoilt(&l, ROWS, k == 1 ? 2 : 1);
        settings s = {.nll = "is,prior,ais,hmc",
                      .samples = 40,
                      .chains = 4,
                      .temperatures = 5,
                      .burn_in = 10,
                      .seed = k == 2 ? 2 : 1};
        c[k] = compare(&l, &s);
        linear_close(&l);
    }
    for (size_t m = 0; m < 4; m++) {
        if (m > 1) { /* groups of importance sampling are as many as threads: only their sums may differ */
            assert_memory_equal(c[0].estimate[m].log_p, c[1].estimate[m].log_p, sizeof(double) * ROWS);
            assert_memory_equal(c[0].estimate[m].log_p_error, c[1].estimate[m].log_p_error, sizeof(double) * ROWS);
        }
        for (int i = 0; i < ROWS; i++) {
            close_to(c[1].estimate[m].log_p[i], c[0].estimate[m].log_p[i], 2e-5, c[0].estimate[m].method);
            assert_true(fabs(c[2].estimate[m].log_p[i] - c[0].estimate[m].log_p[i]) > 0);
        }
    }
    assert_memory_equal(c[0].estimate[2].reverse_log_p, c[1].estimate[2].reverse_log_p, sizeof(double) * ROWS);
    for (int k = 0; k < 3; k++) elbo_likelihoods_clear(&c[k]);
}

typedef struct watch {
    int calls, stop_at;
    double last;
    long allocations, more;
} watch;

static bool look(void *user, double share) {
    watch *w = user;
    assert_true(share >= w->last && share <= 1);
    w->last = share;
    if (++w->calls == 1) w->allocations = elbo_memory_count();
    if (share < 0.95) w->more = elbo_memory_count() - w->allocations;
    return w->calls == w->stop_at;
}

static void progress(void **state) {
    (void)state;
    static const settings s = {
        .nll = "prior,is,hmc,ais", .samples = 40, .chains = 4, .temperatures = 20, .burn_in = 10};
    elbo_error error = {0};
    elbo_likelihood_comparison c;
    linear l;
    open_spoilt(&l, 300, 1);
    watch whole = {0}, stopped = {.stop_at = 30};
    elbo_memory_fail_at(0);
    assert_int_equal(try_compare(&l, &s, look, &whole, &c, &error), ELBO_OK);
    assert_true(whole.calls > 100);
    close_to(whole.last, 1, 1e-9, "the share of work at the end");
    assert_int_equal(whole.more, 0); /* nothing is allocated from batch to batch, nor while stepping */
    elbo_likelihoods_clear(&c);
    for (int threads_used = 1; threads_used <= 2; threads_used++) {
        stopped = (watch){.stop_at = 30};
        l.model->threads = threads_used;
        assert_int_equal(try_compare(&l, &s, look, &stopped, &c, &error), ELBO_ERROR_INTERRUPTED);
        assert_non_null(strstr(error.message, "stopped on request"));
        assert_null(c.estimate[0].log_p);
    }
    linear_close(&l);
}

static void memory(void **state) {
    (void)state;
    static const settings s = {.nll = "prior,is,hmc,ais", .samples = 20, .chains = 2, .temperatures = 2, .burn_in = 2};
    elbo_error error = {0};
    elbo_likelihood_comparison c;
    linear l;
    open_spoilt(&l, 6, 1);
    elbo_memory_fail_at(0);
    assert_int_equal(try_compare(&l, &s, NULL, NULL, &c, &error), ELBO_OK);
    long needed = elbo_memory_count();
    elbo_likelihoods_clear(&c);
    assert_true(needed > 100);
    for (long number = 6; number <= needed; number += 1 + needed / 150) { /* the first ones are the options' */
        elbo_memory_fail_at(0);
        elbo_evaluation_options evaluation;
        elbo_likelihood_options options;
        assert_int_equal(elbo_options_init(&elbo_evaluation_options_table, &evaluation, &error), ELBO_OK);
        assert_int_equal(elbo_options_init(&elbo_likelihood_options_table, &options, &error), ELBO_OK);
        elbo_options_set(&elbo_evaluation_options_table, &evaluation, "split", "all", &error);
        elbo_options_set(&elbo_likelihood_options_table, &options, "nll", s.nll, &error);
        evaluation.samples = s.samples;
        options.chains = options.temperatures = options.burn_in = 2;
        elbo_memory_fail_at(number);
        elbo_status status = elbo_likelihoods(l.model, l.data, &evaluation, &options, NULL, NULL, &c, &error);
        elbo_memory_fail_at(0);
        elbo_options_clear(&elbo_evaluation_options_table, &evaluation);
        elbo_options_clear(&elbo_likelihood_options_table, &options);
        if (status == ELBO_OK)
            elbo_likelihoods_clear(&c);
        else
            assert_int_equal(status, ELBO_ERROR_MEMORY);
    }
    linear_close(&l);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        settings s;
        const char *message;
    } wrong[] = {{{.nll = ""}, "no method is called ''"},
                 {{.nll = "is,"}, "no method is called ''"},
                 {{.nll = "is,ias"}, "'ias'"},
                 {{.nll = "is,hmc,is"}, "is is there twice"},
                 {{.nll = "ais", .samples = 10}, "samples is one of prior, is and hmc"},
                 {{.nll = "is", .chains = 4}, "chains is one of hmc and ais, which --nll is does not name"},
                 {{.nll = "is,hmc", .temperatures = 5}, "temperatures is one of ais"},
                 {{.nll = "prior", .burn_in = 5}, "burn-in"},
                 {{.nll = "ais", .chains = 1}, "at least 2 chains"},
                 {{.nll = "hmc", .samples = 7}, "at least 8"}};
    elbo_error error = {0};
    elbo_likelihood_comparison c;
    linear l;
    open_spoilt(&l, 40, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(try_compare(&l, &wrong[i].s, NULL, NULL, &c, &error), ELBO_ERROR_USAGE);
        if (!strstr(error.message, wrong[i].message)) fail_msg("case %zu: %s", i, error.message);
    }
    static const char *const methods[] = {"is", "prior", "hmc", "ais"};
    l.x[17 * LINEAR_SIZE] = NAN; /* borrowed by the data set */
    for (size_t m = 0; m < 4; m++) {
        settings s = {.nll = methods[m], .temperatures = m == 3 ? 3 : 0};
        assert_int_equal(try_compare(&l, &s, NULL, NULL, &c, &error), ELBO_ERROR_NUMERIC);
        assert_non_null(strstr(error.message, "row 17"));
    }
    l.x[17 * LINEAR_SIZE] = 0;
    /* Chains that never move have no covariance. */
    elbo_posterior_estimate estimate;
    elbo_estimate_options options = {
        .chains = 4, .leapfrog = 1, .burn_in = 0, .acceptance = 0.9, .samples = 40, .seed = 1};
    assert_int_equal(
        elbo_posterior_estimate_new(&estimate, &l.model->instance, 4, &options, ELBO_PRECISION_F32, 1, &error),
        ELBO_OK);
    estimate.chains.worker[0].hmc.options.step_size = 1e20;
    float z[4 * LINEAR_LATENT] = {0};
    double out[7][4];
    elbo_work work = {.total = 1};
    assert_int_equal(elbo_posterior_estimate_run(
                         &estimate, &(elbo_chains_rows){l.x, z, 4, 30, NULL},
                         &(elbo_estimate_rows){out[0], out[1], out[2], out[3], out[4], out[5], out[6]}, &work, &error),
                     ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "row 30 by HMC"));
    elbo_posterior_estimate_clear(&estimate);
    linear_close(&l);
}

static void warnings(void **state) {
    (void)state;
    static const double strong[LINEAR_LATENT] = {1, 1, 1};
    linear l = {0};
    linear_orthogonal(&l, strong, 0.01);
    linear_open(&l, 10, 5, 1);
    elbo_likelihood_comparison c = compare(&l, &(settings){.nll = "prior,ais,is", .samples = 100, .temperatures = 5});
    assert_non_null(strstr(c.estimate[0].warning, "10 of 10 rows have fewer than 10 effective samples of 100"));
    assert_non_null(strstr(c.estimate[1].warning, "nats apart: more --temperatures"));
    assert_string_equal(c.estimate[2].warning, "");
    elbo_likelihoods_clear(&c);
    c = compare(&l, &(settings){.nll = "hmc", .samples = 16, .chains = 4, .burn_in = 60});
    assert_non_null(strstr(c.estimate[0].warning, "of 10 rows do not agree (R-hat above 1.1; row "));
    elbo_likelihoods_clear(&c);
    linear_close(&l);
}

/* Means of exponentials, at values that would overflow, and the fit of a normal distribution. */
static void parts(void **state) {
    (void)state;
    static const double value[] = {-2000, 7, -2000 + log(3), 7, -2000 + log(2), 7};
    double mean, error, effective;
    assert_true(elbo_log_mean(value, 3, 2, 1, &mean, &error, &effective));
    close_to(mean, -2000 + log(2), 1e-12, "log of a mean");
    close_to(effective, 36.0 / 14, 1e-12, "effective number");
    close_to(error, sqrt(1.0 / 3) / 2, 1e-12, "error of a mean of 1, 3, 2"); /* variance 1, over 3, over 2 squared */
    assert_true(elbo_log_mean(value, 3, 2, -1, &mean, &error, &effective));
    close_to(mean, 2000 + log((1 + 1 / 3.0 + 0.5) / 3), 1e-12, "log of a mean of inverses");
    assert_false(elbo_log_mean((const double[]){0, NAN}, 2, 1, 1, &mean, &error, &effective));
    assert_false(elbo_log_mean((const double[]){-INFINITY, -INFINITY}, 2, 1, 1, &mean, &error, &effective));

    elbo_error failure = {0};
    elbo_gaussian_fit fit;
    static const float z[4][2] = {{1, 1}, {3, 1}, {2, 5}, {2, 1}}; /* mean (2, 2), covariance ((2/3, 0), (0, 4)) */
    assert_int_equal(elbo_gaussian_fit_new(&fit, 2, 2, false, &failure), ELBO_OK);
    for (int i = 0; i < 4; i++) elbo_gaussian_fit_add(&fit, 1, z[i]);
    for (int i = 0; i < 4; i++) elbo_gaussian_fit_add(&fit, 0, z[1]);
    assert_false(elbo_gaussian_fit_finish(&fit, 0));
    assert_true(elbo_gaussian_fit_finish(&fit, 1));
    double wanted = -log(2 * 3.14159265358979323846) - log(2.0 / 3 * 4) / 2 - (1.5 * 1 + 9 / 4.0) / 2;
    close_to(elbo_gaussian_fit_log_density(&fit, 1, (const float[]){3, 5}), wanted, 1e-12, "log of a normal density");
    elbo_gaussian_fit_clear(&fit);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parts),    cmocka_unit_test(all_methods), cmocka_unit_test(honest_errors),
        cmocka_unit_test(sandwich), cmocka_unit_test(exact_start), cmocka_unit_test(exact_proposal),
        cmocka_unit_test(threads),  cmocka_unit_test(progress),    cmocka_unit_test(memory),
        cmocka_unit_test(refusals), cmocka_unit_test(warnings)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
