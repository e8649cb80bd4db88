/* Hamiltonian Monte Carlo on a linear-Gaussian model, whose posterior is a normal distribution in closed form. Seeds
 * are fixed, so a test that passes once passes always; bounds are in standard errors, so that a correct change of the
 * draws is refused with the stated probability only. */
#include "linear_gaussian.h"

#include <gsl/gsl_cdf.h>

#include "base/memory.h"
#include "infer/ais.h"

/* 5 standard errors of a normal: one false alarm in 1.7 million for each comparison. */
enum { SIGMAS = 5 };

static void close_to(double value, double wanted, double tolerance, const char *what) {
    if (!(fabs(value - wanted) <= tolerance))
        fail_msg("%s is %.9g; %.9g was expected, give or take %.3g", what, value, wanted, tolerance);
}

static const double lengths[LINEAR_LATENT] = {1, 0.5, 0.75};

/* ---- chains of one plan ---- */

typedef struct bench {
    linear l;
    elbo_graph *graph;
    elbo_node *x;
    elbo_hmc_target target;
    elbo_plan *plan;
    elbo_hmc hmc;
} bench;

/* `chains` for each of the first `data` rows; columns of W are not orthogonal, so that dimensions are correlated. */
static void open_bench(bench *b, int64_t data, int64_t chains, const elbo_hmc_options *options, int threads) {
    elbo_error error = {0};
    memset(b, 0, sizeof *b);
    linear_orthogonal(&b->l, lengths, 0.5);
    linear_spoil(&b->l);
    linear_open(&b->l, 40, 5, 1);
    const elbo_instance *instance = &b->l.model->instance;
    b->graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(instance, b->graph, false);
    b->x = elbo_input(b->graph, "x", ELBO_F32, ELBO_SHAPE(data, LINEAR_SIZE));
    elbo_hmc_target_build(&b->target, &context, instance->type, b->x, chains);
    b->plan = elbo_hmc_target_plan(&b->target, ELBO_PRECISION_F32, threads, &error);
    if (!b->plan) fail_msg("%s", error.message);
    memcpy(elbo_plan_input(b->plan, b->x), b->l.x, sizeof(float) * (size_t)(data * LINEAR_SIZE));
    if (elbo_hmc_new(&b->hmc, &b->target, b->plan, options, &error) != ELBO_OK) fail_msg("%s", error.message);
}

static void close_bench(bench *b) {
    elbo_hmc_clear(&b->hmc);
    elbo_plan_free(b->plan);
    elbo_graph_free(b->graph);
    linear_close(&b->l);
}

static void place_at_zero(bench *b) {
    elbo_error error = {0};
    float *zero = calloc((size_t)(b->hmc.rows * b->hmc.latent), sizeof *zero);
    assert_non_null(zero);
    if (elbo_hmc_place(&b->hmc, zero, 0, &error) != ELBO_OK) fail_msg("%s", error.message);
    free(zero);
}

static void advance(bench *b, int64_t transitions, double beta, bool adapt) {
    elbo_error error = {0};
    if (elbo_hmc_run(&b->hmc, transitions, beta, adapt, &error) != ELBO_OK) fail_msg("%s", error.message);
}

/* Precision I + beta W'W / s^2 and mean of the tempered posterior of a row, by elimination in double. */
static void exact_posterior(const linear *l, int64_t row, double beta, double mean[LINEAR_LATENT],
                            double covariance[LINEAR_LATENT][LINEAR_LATENT]) {
    double a[LINEAR_LATENT][LINEAR_LATENT + 1 + LINEAR_LATENT];
    for (int i = 0; i < LINEAR_LATENT; i++) {
        for (int j = 0; j < LINEAR_LATENT; j++) {
            double sum = 0;
            for (int k = 0; k < LINEAR_SIZE; k++) sum += l->w[i][k] * l->w[j][k];
            a[i][j] = (i == j) + beta * sum / (l->s * l->s);
            a[i][LINEAR_LATENT + 1 + j] = i == j;
        }
        double sum = 0;
        for (int k = 0; k < LINEAR_SIZE; k++) sum += l->w[i][k] * ((double)l->x[row * LINEAR_SIZE + k] - l->b[k]);
        a[i][LINEAR_LATENT] = beta * sum / (l->s * l->s);
    }
    for (int p = 0; p < LINEAR_LATENT; p++) {
        double pivot = a[p][p];
        for (int j = 0; j < 2 * LINEAR_LATENT + 1; j++) a[p][j] /= pivot;
        for (int i = 0; i < LINEAR_LATENT; i++) {
            double factor = a[i][p];
            for (int j = 0; j < 2 * LINEAR_LATENT + 1 && i != p; j++) a[i][j] -= factor * a[p][j];
        }
    }
    for (int i = 0; i < LINEAR_LATENT; i++) {
        mean[i] = a[i][LINEAR_LATENT];
        for (int j = 0; j < LINEAR_LATENT; j++) covariance[i][j] = a[i][LINEAR_LATENT + 1 + j];
    }
}

/* ---- the density ---- */

/* The plan's terms and gradients against the formulas in double. f32 sums of 6 squares of about 1 to 100. */
static void density(void **state) {
    (void)state;
    bench b;
    open_bench(&b, 4, 3, &(elbo_hmc_options){0}, 1);
    elbo_error error = {0};
    elbo_rng rng = {3, ELBO_STREAM_SAMPLE, 0};
    float z[12 * LINEAR_LATENT];
    for (int i = 0; i < 12 * LINEAR_LATENT; i++) z[i] = (float)elbo_rng_normal(&rng, 0, (uint32_t)i);
    assert_int_equal(elbo_hmc_place(&b.hmc, z, 0, &error), ELBO_OK);
    const linear *l = &b.l;
    for (int row = 0; row < 12; row++) {
        const float *at = z + row * LINEAR_LATENT, *x = l->x + row % 4 * LINEAR_SIZE;
        double prior = 0, likelihood = 0, gradient[LINEAR_LATENT] = {0}, log_two_pi = 1.8378770664093454836;
        for (int j = 0; j < LINEAR_LATENT; j++) prior -= ((double)(at[j] * at[j]) + log_two_pi) / 2;
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double rest = (double)x[i] - l->b[i];
            for (int j = 0; j < LINEAR_LATENT; j++) rest -= l->w[j][i] * (double)at[j];
            likelihood -= (rest * rest / (l->s * l->s) + log_two_pi) / 2 + log(l->s);
            for (int j = 0; j < LINEAR_LATENT; j++) gradient[j] += rest * l->w[j][i] / (l->s * l->s);
        }
        close_to((double)b.hmc.log_prior[row], prior, 1e-5, "log p(z)");
        close_to((double)b.hmc.log_likelihood[row], likelihood, 1e-5 * (1 + fabs(likelihood)), "log p(x|z)");
        for (int j = 0; j < LINEAR_LATENT; j++) {
            close_to((double)b.hmc.prior_gradient[row * LINEAR_LATENT + j], -(double)at[j], 1e-6, "d log p(z)");
            close_to((double)b.hmc.likelihood_gradient[row * LINEAR_LATENT + j], gradient[j],
                     1e-5 * (1 + fabs(gradient[j])), "d log p(x|z)");
        }
    }
    close_bench(&b);
}

/* ---- leapfrog ---- */

/* A momentum, and steps of one length, from z = 0. */
static void push(bench *b, double length) {
    elbo_rng rng = {9, ELBO_STREAM_SAMPLE, 1};
    place_at_zero(b);
    for (int64_t i = 0; i < b->hmc.rows * b->hmc.latent; i++)
        b->hmc.momentum[i] = (float)elbo_rng_normal(&rng, 0, (uint32_t)i);
    for (int64_t row = 0; row < b->hmc.rows; row++) b->hmc.length[row] = (float)length;
}

/* There, momentum turned round, and back: 20 steps of stable dynamics double no rounding error by more than about the
 * number of operations, 40 steps times some 2^-24 of values up to 10. */
static void reversible(void **state) {
    (void)state;
    bench b;
    elbo_error error = {0};
    open_bench(&b, 6, 2, &(elbo_hmc_options){0}, 1);
    push(&b, 0.1);
    float *z = elbo_plan_input(b.plan, b.target.z), start[12 * LINEAR_LATENT];
    memcpy(start, b.hmc.momentum, sizeof start);
    assert_int_equal(elbo_hmc_leapfrog(&b.hmc, 20, 1, &error), ELBO_OK);
    double moved = 0;
    for (int i = 0; i < 12 * LINEAR_LATENT; i++) {
        moved += fabs((double)z[i]);
        b.hmc.momentum[i] = -b.hmc.momentum[i];
    }
    assert_true(moved > 5);
    assert_int_equal(elbo_hmc_leapfrog(&b.hmc, 20, 1, &error), ELBO_OK);
    for (int i = 0; i < 12 * LINEAR_LATENT; i++) {
        close_to((double)z[i], 0, 4e-5, "z on its return");
        close_to(-(double)b.hmc.momentum[i], (double)start[i], 4e-5, "momentum on its return");
    }
    close_bench(&b);
}

/* The energy error of a trajectory of one length falls as the square of the step: by 4 for half the step, up to terms
 * of the next even order, which are below a tenth at these steps. */
static void energy_order(void **state) {
    (void)state;
    enum { ROWS = 12 };
    static const double step[] = {0.1, 0.05};
    double worst[2] = {0, 0};
    bench b;
    elbo_error error = {0};
    open_bench(&b, 6, 2, &(elbo_hmc_options){0}, 1);
    for (int k = 0; k < 2; k++) {
        push(&b, step[k]);
        double before[ROWS];
        for (int row = 0; row < ROWS; row++) before[row] = elbo_hmc_energy(&b.hmc, row, 0.7);
        assert_int_equal(elbo_hmc_leapfrog(&b.hmc, (int64_t)(0.6 / step[k] + 0.5), 0.7, &error), ELBO_OK);
        for (int row = 0; row < ROWS; row++)
            worst[k] = fmax(worst[k], fabs(elbo_hmc_energy(&b.hmc, row, 0.7) - before[row]));
    }
    assert_true(worst[0] > 100 * 1e-5); /* far above the rounding of energies of about 100 */
    close_to(worst[0] / worst[1], 4, 0.6, "energy error of a step over that of half of it");
    close_bench(&b);
}

/* ---- the distribution ---- */

/* Means and second moments over chains that are independent of each other: each chain's average is one draw, so that
 * its standard error has the autocorrelation in it. Student's t for chains - 1 degrees; 2 data x 3 + 2 x 6 comparisons
 * at 1e-7 each: one false alarm in 500 000. */
static void samples(void **state) {
    (void)state;
    enum { DATA = 2, CHAINS = 64, DRAWS = 300 };
    static const double betas[] = {1, 0.3};
    double limit = gsl_cdf_tdist_Pinv(1 - 0.5e-7, CHAINS - 1);
    for (int k = 0; k < 2; k++) {
        bench b;
        open_bench(&b, DATA, CHAINS, &(elbo_hmc_options){.seed = 11, .leapfrog = 5}, 1);
        place_at_zero(&b);
        advance(&b, 150, betas[k], true);
        static double sum[DATA * CHAINS][LINEAR_LATENT], product[DATA * CHAINS][LINEAR_LATENT][LINEAR_LATENT];
        memset(sum, 0, sizeof sum);
        memset(product, 0, sizeof product);
        double mean[DATA][LINEAR_LATENT], covariance[DATA][LINEAR_LATENT][LINEAR_LATENT];
        for (int d = 0; d < DATA; d++) exact_posterior(&b.l, d, betas[k], mean[d], covariance[d]);
        for (int s = 0; s < DRAWS; s++) {
            advance(&b, 1, betas[k], false);
            for (int row = 0; row < DATA * CHAINS; row++)
                for (int i = 0; i < LINEAR_LATENT; i++) {
                    const float *z = b.hmc.z + row * LINEAR_LATENT;
                    double away = (double)z[i] - mean[row % DATA][i];
                    sum[row][i] += away / DRAWS;
                    for (int j = 0; j <= i; j++)
                        product[row][i][j] += away * ((double)z[j] - mean[row % DATA][j]) / DRAWS;
                }
        }
        for (int d = 0; d < DATA; d++)
            for (int i = 0; i < LINEAR_LATENT; i++)
                for (int j = -1; j <= i; j++) { /* -1: the mean itself */
                    double average = 0, square = 0;
                    for (int c = 0; c < CHAINS; c++) {
                        double value = j < 0 ? sum[c * DATA + d][i] : product[c * DATA + d][i][j],
                               away = value - average;
                        average += away / (c + 1);
                        square += away * (value - average);
                    }
                    double deviation = sqrt(square / (CHAINS - 1) / CHAINS);
                    assert_true(deviation < 0.2 * sqrt(covariance[d][i][i])); /* the test can tell something */
                    close_to(average, j < 0 ? 0 : covariance[d][i][j], limit * deviation,
                             j < 0 ? "posterior mean" : "posterior covariance");
                }
        close_bench(&b);
    }
}

/* ---- adaptation ---- */

/* Frozen step sizes have the acceptance rate that they were adapted to. The average of a datum's 40 chains over 150
 * transitions has a standard error below 0.5 / sqrt(6000 / 4) for an autocorrelation time of 4; the adaptation itself
 * still wanders by about sqrt(gain / 2 x 0.05 / 40) = 0.01 in log e, so by less in acceptance. */
static void acceptance(void **state) {
    (void)state;
    static const double wanted[] = {0.9, 0.65};
    for (int k = 0; k < 2; k++)
        for (int shared = 0; shared < 2; shared++) {
            bench b;
            elbo_hmc_options options = {
                .seed = 4, .acceptance = wanted[k], .shared = shared, .step_size = k ? 0.01 : 3};
            open_bench(&b, 5, 40, &options, 1);
            place_at_zero(&b);
            advance(&b, 400, 1, true);
            assert_int_equal(b.hmc.adaptations, 400);
            elbo_error error = {0};
            assert_int_equal(elbo_hmc_place(&b.hmc, b.hmc.z, 0, &error), ELBO_OK);
            assert_true(isnan(elbo_hmc_acceptance(&b.hmc, -1)));
            double step = b.hmc.log_step[0];
            advance(&b, 150, 1, false);
            assert_true(b.hmc.log_step[0] == step);
            for (int64_t d = -1; d < 5; d++) {
                if (d >= 0 && shared) continue;
                close_to(elbo_hmc_acceptance(&b.hmc, d), wanted[k], SIGMAS * 0.5 / sqrt(1500), "acceptance rate");
            }
            close_bench(&b);
        }
}

/* ---- conduct ---- */

/* A datum's chains do not depend on threads, nor on what else is in the run as far as rounding lets them. */
static void independence(void **state) {
    (void)state;
    enum { DATA = 6, CHAINS = 8 };
    static float first[DATA * CHAINS * LINEAR_LATENT];
    for (int threads = 1; threads <= 2; threads++) {
        bench b;
        open_bench(&b, DATA, CHAINS, &(elbo_hmc_options){.seed = 2}, threads);
        place_at_zero(&b);
        advance(&b, 30, 1, true);
        if (threads == 1)
            memcpy(first, b.hmc.z, sizeof first);
        else
            assert_memory_equal(first, b.hmc.z, sizeof first);
        close_bench(&b);
    }
    /* Rows 2.. alone, fewer chains of them: the first transitions, before rounding has grown. */
    bench all, part;
    elbo_error error = {0};
    open_bench(&all, DATA, CHAINS, &(elbo_hmc_options){.seed = 2, .leapfrog = 3}, 1);
    open_bench(&part, 3, 5, &(elbo_hmc_options){.seed = 2, .leapfrog = 3}, 1);
    memcpy(elbo_plan_input(part.plan, part.x), part.l.x + 2 * LINEAR_SIZE, sizeof(float) * 3 * LINEAR_SIZE);
    place_at_zero(&all);
    float zero[3 * 5 * LINEAR_LATENT] = {0};
    assert_int_equal(elbo_hmc_place(&part.hmc, zero, 2, &error), ELBO_OK);
    advance(&all, 2, 1, false);
    advance(&part, 2, 1, false);
    for (int c = 0; c < 5; c++)
        for (int d = 0; d < 3; d++)
            for (int i = 0; i < LINEAR_LATENT; i++)
                close_to((double)part.hmc.z[(c * 3 + d) * LINEAR_LATENT + i],
                         (double)all.hmc.z[(c * DATA + d + 2) * LINEAR_LATENT + i], 1e-4, "z in another run");
    assert_true(fabs((double)all.hmc.z[0] - (double)all.hmc.z[LINEAR_LATENT]) > 1e-3);
    close_bench(&all);
    close_bench(&part);
}

static elbo_status count_calls(void *user, elbo_error *error) {
    int *left = user;
    if ((*left)-- > 0) return ELBO_OK;
    error->status = ELBO_ERROR_INTERRUPTED;
    return ELBO_ERROR_INTERRUPTED;
}

static void stepping(void **state) {
    (void)state;
    bench b;
    elbo_error error = {0};
    int left = 7;
    open_bench(&b, 4, 4, &(elbo_hmc_options){.after = count_calls, .user = &left}, 1);
    elbo_memory_fail_at(0);
    place_at_zero(&b);
    advance(&b, 3, 0.5, true);
    advance(&b, 4, 1, false);
    assert_int_equal(elbo_memory_count(), 0); /* nothing is allocated between new and clear */
    assert_int_equal(elbo_hmc_run(&b.hmc, 100, 1, false, &error), ELBO_ERROR_INTERRUPTED);
    assert_int_equal(b.hmc.transitions, 8);
    close_bench(&b);
}

/* Steps far beyond stability end where the density is zero or no number, and are refused one by one. */
static void divergence(void **state) {
    (void)state;
    bench b;
    open_bench(&b, 3, 2, &(elbo_hmc_options){.step_size = 1e30}, 1);
    place_at_zero(&b);
    advance(&b, 5, 1, false);
    for (int i = 0; i < 3 * 2 * LINEAR_LATENT; i++) assert_true(b.hmc.z[i] == 0);
    assert_true(elbo_hmc_acceptance(&b.hmc, -1) == 0);
    close_bench(&b);
}

static elbo_dist exponential_prior(elbo_context *context, int64_t rows) {
    elbo_node *rate = elbo_constant(context->builder.graph, 1, ELBO_SHAPE(rows, LINEAR_LATENT));
    return elbo_dist_new(&elbo_dist_exponential, (elbo_node *[ELBO_DIST_PARAMETERS]){rate}, 1);
}

static void refusals(void **state) {
    (void)state;
    static const struct {
        elbo_hmc_options options;
        const char *what;
    } wrong[] = {{{.leapfrog = -1}, "leapfrog"},    {{.step_size = -1}, "step size"}, {{.step_size = NAN}, "step size"},
                 {{.acceptance = 1}, "acceptance"}, {{.jitter = 1}, "jitter"},        {{.gain = -1}, "gain"}};
    elbo_error error = {0};
    bench b;
    elbo_hmc hmc;
    open_bench(&b, 3, 2, &(elbo_hmc_options){0}, 1);
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++) {
        assert_int_equal(elbo_hmc_new(&hmc, &b.target, b.plan, &wrong[i].options, &error), ELBO_ERROR_USAGE);
        assert_non_null(strstr(error.message, wrong[i].what));
        elbo_hmc_clear(&hmc);
    }
    float z[3 * 2 * LINEAR_LATENT] = {0};
    z[4 * LINEAR_LATENT] = INFINITY; /* row 4 is chain 1 of datum 1 */
    assert_int_equal(elbo_hmc_place(&b.hmc, z, 20, &error), ELBO_ERROR_NUMERIC);
    assert_non_null(strstr(error.message, "row 21"));

    elbo_model_type bounded = *b.l.model->instance.type;
    bounded.prior = exponential_prior;
    elbo_graph *graph = elbo_graph_new();
    elbo_context context = elbo_instance_context(&b.l.model->instance, graph, false);
    elbo_hmc_target target;
    elbo_hmc_target_build(&target, &context, &bounded, elbo_input(graph, "x", ELBO_F32, ELBO_SHAPE(3, LINEAR_SIZE)), 2);
    assert_int_equal(elbo_graph_check(graph, &error), ELBO_ERROR_UNSUPPORTED);
    assert_non_null(strstr(error.message, "exponential prior are"));
    elbo_graph_free(graph);
    close_bench(&b);
}

static void memory(void **state) {
    (void)state;
    bench b;
    elbo_error error = {0};
    open_bench(&b, 3, 2, &(elbo_hmc_options){0}, 1);
    for (long number = 1; number <= 12; number++) {
        elbo_hmc hmc;
        elbo_memory_fail_at(number);
        elbo_status status = elbo_hmc_new(&hmc, &b.target, b.plan, &(elbo_hmc_options){0}, &error);
        elbo_memory_fail_at(0);
        assert_int_equal(status, ELBO_ERROR_MEMORY);
        elbo_hmc_clear(&hmc);
    }
    close_bench(&b);
}

/* ---- annealing ---- */

static void schedules(void **state) {
    (void)state;
    for (int schedule = 0; schedule < 2; schedule++) {
        double last = 0;
        assert_true(elbo_ais_beta((elbo_ais_schedule)schedule, 0) == 0);
        for (int t = 1; t <= 100; t++) {
            double beta = elbo_ais_beta((elbo_ais_schedule)schedule, t / 100.0);
            assert_true(beta > last);
            last = beta;
        }
        assert_true(last == 1);
        close_to(elbo_ais_beta((elbo_ais_schedule)schedule, 0.5), 0.5, 1e-15, "the middle of a schedule");
    }
    assert_true(elbo_ais_beta(ELBO_AIS_SIGMOID, 0.1) < 0.05);
}

/* E[w] = p(x) for the forward chains and E[1/w] = 1/p(x) for the reverse ones, from exact draws of the posterior, also
 * with few temperatures: the mean of w/p(x) over independent chains is 1 within 5 standard errors (2 x 3 comparisons:
 * one false alarm in 280 000), and log w has the bounds' sides. */
static void unbiased(void **state) {
    (void)state;
    enum { DATA = 3, CHAINS = 1000, TEMPERATURES = 12 };
    bench b;
    elbo_ais ais;
    elbo_error error = {0};
    elbo_hmc_options options = {.seed = 6, .leapfrog = 4, .acceptance = 0.65, .gain = ELBO_AIS_GAIN};
    open_bench(&b, DATA, CHAINS, &options, 1);
    double *log_weight = calloc(DATA * CHAINS, sizeof *log_weight), exact[40];
    float *z = calloc(DATA * CHAINS * LINEAR_LATENT, sizeof *z);
    linear_log_p(&b.l, exact);
    assert_int_equal(elbo_ais_new(&ais, &b.hmc, TEMPERATURES, ELBO_AIS_SIGMOID, &error), ELBO_OK);
    elbo_rng rng = {8, ELBO_STREAM_SAMPLE, 0};
    for (int64_t i = 0; i < DATA * CHAINS * LINEAR_LATENT; i++) z[i] = (float)elbo_rng_normal(&rng, 0, (uint32_t)i);
    assert_int_equal(elbo_ais_tune(&ais, z, 0, &error), ELBO_OK);
    for (int reverse = 0; reverse < 2; reverse++) {
        rng.step = 1 + (uint32_t)reverse;
        for (int row = 0; row < DATA * CHAINS; row++) {
            double mean[LINEAR_LATENT], covariance[LINEAR_LATENT][LINEAR_LATENT],
                l[LINEAR_LATENT][LINEAR_LATENT] = {{0}};
            exact_posterior(&b.l, row % DATA, reverse, mean, covariance);
            for (int i = 0; i < LINEAR_LATENT; i++) {
                double value = mean[i];
                for (int j = 0; j <= i; j++) {
                    double sum = covariance[i][j];
                    for (int k = 0; k < j; k++) sum -= l[i][k] * l[j][k];
                    l[i][j] = i == j ? sqrt(sum) : sum / l[j][j];
                    value += l[i][j] * elbo_rng_normal(&rng, (uint32_t)row, (uint32_t)j);
                }
                z[row * LINEAR_LATENT + i] = (float)value;
            }
        }
        assert_int_equal((reverse ? elbo_ais_reverse : elbo_ais_forward)(&ais, z, 0, log_weight, &error), ELBO_OK);
        for (int d = 0; d < DATA; d++) {
            double mean = 0, square = 0, bound = 0;
            for (int c = 0; c < CHAINS; c++) {
                double away = log_weight[c * DATA + d] - exact[d], weight = exp(reverse ? -away : away);
                double from = weight - mean;
                mean += from / (c + 1);
                square += from * (weight - mean);
                bound += away / CHAINS;
            }
            double deviation = sqrt(square / (CHAINS - 1) / CHAINS);
            assert_true(deviation < 0.2);
            close_to(mean, 1, SIGMAS * deviation, reverse ? "mean of p(x)/w in reverse" : "mean of w/p(x)");
            assert_true(reverse ? bound > 0.02 : bound < -0.02); /* few temperatures: the bounds are not tight */
        }
    }
    free(log_weight);
    free(z);
    elbo_ais_clear(&ais);
    close_bench(&b);
}

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(density),  cmocka_unit_test(reversible), cmocka_unit_test(energy_order),
        cmocka_unit_test(samples),  cmocka_unit_test(acceptance), cmocka_unit_test(independence),
        cmocka_unit_test(stepping), cmocka_unit_test(divergence), cmocka_unit_test(refusals),
        cmocka_unit_test(memory),   cmocka_unit_test(schedules),  cmocka_unit_test(unbiased)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
