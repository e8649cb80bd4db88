/* elbo_likelihoods: each batch of rows goes through every estimator in turn. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "eval/evaluation.h"
#include "eval/likelihood_options.h"
#include "eval/model.h"
#include "eval/observed.h"

enum { SIMULATED_ROWS = 100 };

typedef struct job {
    elbo_model *model;
    const elbo_dataset *dataset;
    const elbo_evaluation_options *evaluation;
    const elbo_likelihood_options *options;
    elbo_methods methods;
    elbo_split split;
    int64_t count;
    elbo_observed observed;
    elbo_likelihood sampled[2]; /* by the methods prior and is */
    elbo_posterior_estimate posterior;
    elbo_annealing_estimate annealing;
    elbo_work work;
    double elbo, elbo_square;
    elbo_likelihood_comparison *out;
} job;

/* ---- setting up ---- */

static elbo_status choose_rows(job *j, elbo_error *error) {
    if (!j->options->simulated)
        return elbo_evaluation_rows(&j->model->instance, j->dataset, j->evaluation, &j->split, &j->count, error);
    j->count = j->evaluation->count ? j->evaluation->count : SIMULATED_ROWS;
    return j->count <= UINT32_MAX ? ELBO_OK
                                  : elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%lld rows; at most 2^32 - 1 can be drawn",
                                              (long long)j->count);
}

static elbo_status make_room(job *j, elbo_likelihood_estimate *estimate, elbo_method method, elbo_error *error) {
    double **const all[] = {&estimate->log_p, &estimate->log_p_error, &estimate->ess},
                   **const hmc[] = {&estimate->datum_acceptance, &estimate->datum_r_hat},
                   **const ais[] = {&estimate->datum_acceptance, &estimate->reverse_log_p, &estimate->reverse_error};
    size_t bytes = sizeof(double) * (size_t)j->count;
    bool made = true;
    estimate->method = elbo_method_name(method);
    estimate->reverse_nll = estimate->reverse_stderr = estimate->reverse_sampling_error = NAN;
    estimate->acceptance = estimate->r_hat = NAN;
    for (size_t i = 0; i < 3; i++) made = (*all[i] = elbo_calloc(bytes)) && made;
    for (size_t i = 0; i < 2 && method == ELBO_METHOD_HMC; i++) made = (*hmc[i] = elbo_calloc(bytes)) && made;
    for (size_t i = 0; i < 3 && method == ELBO_METHOD_AIS; i++) made = (*ais[i] = elbo_calloc(bytes)) && made;
    return made ? ELBO_OK : elbo_fail_memory(error, bytes, "estimates");
}

static elbo_status set_up_method(job *j, elbo_method method, elbo_precision precision, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    int64_t samples = j->methods.samples, rows = j->observed.rows;
    int threads = j->model->threads;
    double cost = (double)samples;
    switch (method) {
        case ELBO_METHOD_PRIOR:
            ELBO_TRY(
                elbo_likelihood_prior_new(&j->sampled[method], instance, rows, samples, precision, threads, error));
            break;
        case ELBO_METHOD_IS:
            if (!j->observed.encoded)
                return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "a %s has no encoder to draw from; --nll is needs one",
                                 instance->type->name);
            ELBO_TRY(elbo_likelihood_new(&j->sampled[method], instance, &j->observed.bound.posterior, samples, 0,
                                         precision, threads, error));
            break;
        case ELBO_METHOD_HMC:
            cost = elbo_posterior_estimate_cost(&j->methods.hmc);
            ELBO_TRY(
                elbo_posterior_estimate_new(&j->posterior, instance, rows, &j->methods.hmc, precision, threads, error));
            break;
        case ELBO_METHOD_AIS:
            cost = elbo_annealing_estimate_cost(&j->methods.ais);
            ELBO_TRY(
                elbo_annealing_estimate_new(&j->annealing, instance, rows, &j->methods.ais, precision, threads, error));
            break;
        case ELBO_METHOD_COUNT: break;
    }
    j->work.total += cost * (double)j->count;
    return ELBO_OK;
}

static elbo_status set_up(job *j, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    bool bf16 = strcmp(j->evaluation->precision, "bf16") == 0;
    elbo_precision precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
    int64_t latent = instance->type->latent(instance->config->model);
    if (instance->type->deterministic)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%s has codes and a loss, not distributions: there is no likelihood to estimate",
                         instance->type->name);
    ELBO_TRY(elbo_methods_read(&j->methods, j->evaluation, j->options, latent, error));
    ELBO_TRY(choose_rows(j, error));
    ELBO_TRY(elbo_observed_new(&j->observed, instance, elbo_model_batch(instance, j->count), j->options->simulated,
                               precision, j->model->threads, error));
    j->out->latent = latent;
    j->out->methods = j->methods.count;
    for (size_t m = 0; m < j->methods.count; m++) {
        ELBO_TRY(make_room(j, &j->out->estimate[m], j->methods.method[m], error));
        ELBO_TRY(set_up_method(j, j->methods.method[m], precision, error));
    }
    return ELBO_OK;
}

static void tear_down(job *j) {
    elbo_observed_clear(&j->observed);
    elbo_likelihood_clear(&j->sampled[0]);
    elbo_likelihood_clear(&j->sampled[1]);
    elbo_posterior_estimate_clear(&j->posterior);
    elbo_annealing_estimate_clear(&j->annealing);
}

/* ---- a batch ---- */

static elbo_status sample(job *j, elbo_method method, const elbo_observed_rows *batch, const elbo_estimate_rows *out,
                          elbo_error *error) {
    ELBO_TRY(elbo_likelihood_run(&j->sampled[method], &batch->rows, (uint64_t)j->evaluation->seed, &j->work, out->log_p,
                                 out->effective, error));
    double samples = (double)j->methods.samples; /* the variance of the weights with S - 1 in its denominator */
    for (int64_t i = 0; i < batch->rows.count; i++)
        out->error[i] = samples > 1 ? sqrt(fmax(0, samples / out->effective[i] - 1) / (samples - 1)) : NAN;
    return ELBO_OK;
}

static double *from(double *array, int64_t first) { return array ? array + first : NULL; }

static elbo_status run_method(job *j, size_t m, const elbo_observed_rows *batch, elbo_error *error) {
    elbo_likelihood_estimate *estimate = &j->out->estimate[m];
    elbo_method method = j->methods.method[m];
    int64_t first = batch->rows.first_row;
    double start = elbo_seconds();
    elbo_chains_rows rows = {batch->rows.x, batch->encoded_z, batch->rows.count, first, batch->rows.condition};
    elbo_estimate_rows out = {from(estimate->log_p, first),         from(estimate->log_p_error, first),
                              from(estimate->reverse_log_p, first), from(estimate->reverse_error, first),
                              from(estimate->ess, first),           from(estimate->datum_acceptance, first),
                              from(estimate->datum_r_hat, first)};
    if (method == ELBO_METHOD_HMC) {
        ELBO_TRY(elbo_posterior_estimate_run(&j->posterior, &rows, &out, &j->work, error));
    } else if (method == ELBO_METHOD_AIS) {
        rows.z = batch->drawn_z;
        ELBO_TRY(elbo_annealing_estimate_run(&j->annealing, &rows, &out, &j->work, error));
    } else {
        ELBO_TRY(sample(j, method, batch, &out, error));
    }
    estimate->seconds += elbo_seconds() - start;
    return ELBO_OK;
}

static elbo_status run_batch(job *j, int64_t first, elbo_error *error) {
    int64_t rows = j->count - first < j->observed.rows ? j->count - first : j->observed.rows;
    elbo_observed_rows batch;
    ELBO_TRY(elbo_observed_read(&j->observed, j->dataset, j->split, first, rows, (uint64_t)j->evaluation->seed, &batch,
                                error));
    for (int64_t i = 0; i < rows && j->observed.encoded; i++) {
        double elbo;
        ELBO_TRY(elbo_observed_elbo(&j->observed, i, first, &elbo, error));
        double away = elbo - j->elbo;
        j->elbo += away / (double)(first + i + 1);
        j->elbo_square += away * (elbo - j->elbo);
    }
    for (size_t m = 0; m < j->methods.count; m++) ELBO_TRY(run_method(j, m, &batch, error));
    return ELBO_OK;
}

/* ---- the record ---- */

/* Mean of -log_p, its standard error over data, and that from draws. */
static void average(const double *log_p, const double *error, int64_t count, double *nll, double *deviation,
                    double *sampling) {
    double mean = 0, square = 0, variance = 0;
    for (int64_t i = 0; i < count; i++) {
        double away = -log_p[i] - mean;
        mean += away / (double)(i + 1);
        square += away * (-log_p[i] - mean);
        variance += error[i] * error[i];
    }
    *nll = mean;
    *deviation = elbo_standard_error(square, count);
    *sampling = sqrt(variance) / (double)count;
}

static double mean_of(const double *value, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += value[i];
    return sum / (double)count;
}

static void conclude_estimate(elbo_likelihood_estimate *e, int64_t count) {
    average(e->log_p, e->log_p_error, count, &e->nll, &e->nll_stderr, &e->nll_sampling_error);
    e->ess_mean = mean_of(e->ess, count);
    if (e->datum_acceptance) e->acceptance = mean_of(e->datum_acceptance, count);
    if (e->reverse_log_p)
        average(e->reverse_log_p, e->reverse_error, count, &e->reverse_nll, &e->reverse_stderr,
                &e->reverse_sampling_error);
    for (int64_t i = 0; e->datum_r_hat && i < count; i++)
        if (!(e->datum_r_hat[i] <= e->r_hat)) e->r_hat = e->datum_r_hat[i];
}

static void add_warning(elbo_likelihood_estimate *e, const char *text) {
    size_t used = strlen(e->warning);
    snprintf(e->warning + used, sizeof e->warning - used, "%s%s", used ? "; " : "", text);
}

/* Rows whose likelihood hangs on a few draws: their error is understated, and what was not drawn is missing. */
static void warn_of_few(elbo_likelihood_estimate *e, const job *j, const char *remedy) {
    static const double few = 10;
    char text[200];
    int64_t rows = 0;
    for (int64_t i = 0; i < j->count; i++) rows += e->ess[i] < few && e->ess[i] < 0.5 * (double)j->methods.samples;
    if (rows == 0) return;
    snprintf(text, sizeof text,
             "%lld of %lld rows have fewer than %.0f effective samples of %lld: -log p(x) is likely too high by more "
             "than the error of draws; try %s",
             (long long)rows, (long long)j->count, few, (long long)j->methods.samples, remedy);
    add_warning(e, text);
}

static void warn_of_hmc(elbo_likelihood_estimate *e, const job *j) {
    static const double agreed = 1.1;
    char text[200];
    int64_t apart = 0, worst = 0;
    for (int64_t i = 0; i < j->count; i++) {
        apart += !(e->datum_r_hat[i] <= agreed);
        if (!(e->datum_r_hat[i] <= e->datum_r_hat[worst])) worst = i;
    }
    if (apart > 0) {
        snprintf(text, sizeof text,
                 "the chains of %lld of %lld rows do not agree (R-hat above %.1f; row %lld: %.2f): more --burn-in or "
                 "--samples",
                 (long long)apart, (long long)j->count, agreed, (long long)worst, e->datum_r_hat[worst]);
        add_warning(e, text);
    }
    if (j->out->latent <= 5) return;
    snprintf(text, sizeof text, "made for codes of fewer than 5 dimensions, not %lld: ais says how far it is off",
             (long long)j->out->latent);
    add_warning(e, text);
}

static void warn_of_ais(elbo_likelihood_estimate *e) {
    char text[200];
    double gap = e->nll - e->reverse_nll;
    if (gap > 1) {
        snprintf(text, sizeof text, "forward and reverse are %.1f nats apart: more --temperatures bring them together",
                 gap);
        add_warning(e, text);
    }
    if (e->acceptance < 0.3) {
        snprintf(text, sizeof text, "only %.0f %% of the transitions are accepted: try fewer --leapfrog steps",
                 100 * e->acceptance);
        add_warning(e, text);
    }
}

static void conclude(job *j) {
    elbo_likelihood_comparison *out = j->out;
    out->count = j->count;
    out->simulated = j->options->simulated;
    out->elbo = j->observed.encoded ? j->elbo : NAN;
    out->elbo_stderr = j->observed.encoded ? elbo_standard_error(j->elbo_square, j->count) : NAN;
    if (!out->simulated) snprintf(out->warning, sizeof out->warning, "%s", j->model->instance.warning);
    out->elbo_estimated = j->observed.encoded && j->observed.bound.posterior.type->estimated;
    for (size_t m = 0; m < out->methods; m++) {
        elbo_likelihood_estimate *e = &out->estimate[m];
        elbo_method method = j->methods.method[m];
        conclude_estimate(e, j->count);
        e->reverse_exact = method == ELBO_METHOD_AIS && out->simulated;
        if (method == ELBO_METHOD_HMC)
            warn_of_hmc(e, j);
        else if (method == ELBO_METHOD_AIS)
            warn_of_ais(e);
        else
            warn_of_few(e, j, method == ELBO_METHOD_IS ? "more --samples, or ais" : "is or ais");
    }
}

static elbo_status run_all(job *j, elbo_error *error) {
    ELBO_TRY(set_up(j, error));
    for (int64_t first = 0; first < j->count; first += j->observed.rows) ELBO_TRY(run_batch(j, first, error));
    conclude(j);
    return ELBO_OK;
}

void elbo_likelihoods_clear(elbo_likelihood_comparison *comparison) {
    if (!comparison) return;
    for (size_t m = 0; m < ELBO_LIKELIHOOD_METHODS; m++) {
        elbo_likelihood_estimate *e = &comparison->estimate[m];
        double *const arrays[] = {e->log_p, e->log_p_error,      e->reverse_log_p, e->reverse_error,
                                  e->ess,   e->datum_acceptance, e->datum_r_hat};
        for (size_t i = 0; i < sizeof arrays / sizeof *arrays; i++) elbo_free(arrays[i]);
    }
    memset(comparison, 0, sizeof *comparison);
}

elbo_status elbo_likelihoods(elbo_model *model, const elbo_dataset *dataset, const elbo_evaluation_options *evaluation,
                             const elbo_likelihood_options *likelihood, elbo_evaluation_progress progress, void *user,
                             elbo_likelihood_comparison *out, elbo_error *error) {
    memset(out, 0, sizeof *out);
    elbo_evaluation_options defaults = {0};
    if (!evaluation) ELBO_TRY(elbo_options_init(&elbo_evaluation_options_table, &defaults, error));
    job j = {.model = model,
             .dataset = dataset,
             .evaluation = evaluation ? evaluation : &defaults,
             .options = likelihood,
             .work = {.progress = progress, .user = user},
             .out = out};
    elbo_status status = run_all(&j, error);
    tear_down(&j);
    elbo_options_clear(&elbo_evaluation_options_table, &defaults);
    if (status != ELBO_OK) elbo_likelihoods_clear(out);
    return status;
}
