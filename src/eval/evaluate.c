/* elbo_evaluate: one pass over the rows of a split. Each batch goes through the bound; where the likelihood is wanted,
 * its data go on to importance sampling at once, so that nothing of the size of the split is kept. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "eval/bound.h"
#include "eval/evaluation.h"
#include "eval/information.h"
#include "eval/likelihood.h"
#include "eval/model.h"
#include "eval/perplexity.h"
#include "eval/posterior.h"

#define ELBO_TABLE_STRUCT elbo_evaluation_options
ELBO_TABLE(elbo_evaluation_options_table, "Evaluation", ELBO_EVALUATION_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* Cost of the bound for one datum, in passes through the decoder. */
static const double bound_cost = 2;

/* Sums over data. */
typedef struct sums {
    double elbo, elbo_square, reconstruction, kl; /* elbo: mean and squared deviations (Welford) */
    double nll, nll_square, variance, effective;
    double *kl_per_dim, *mean, *square; /* [latent] each; square: squared deviations of the posterior mean */
    int64_t count;
} sums;

typedef struct job {
    elbo_model *model;
    const elbo_dataset *dataset;
    const elbo_evaluation_options *options;
    elbo_split split;
    int64_t count; /* rows of the split that are used */
    elbo_bound bound;
    elbo_likelihood likelihood;
    elbo_information information;
    elbo_work work;
    sums sums;
    elbo_perplexity_sums perplexity;
    bool documents;            /* whether there is one */
    double *log_p, *effective; /* [bound.rows] */
} job;

/* ---- setting up ---- */

static elbo_status make_room(job *j, elbo_evaluation *out, elbo_error *error) {
    size_t latent = (size_t)j->bound.latent, rows = (size_t)j->bound.rows;
    out->latent = j->bound.latent;
    out->kl_per_dim = elbo_calloc(sizeof(double) * latent);
    out->mean_variance = elbo_calloc(sizeof(double) * latent);
    j->sums.mean = elbo_calloc(sizeof(double) * latent);
    j->log_p = elbo_calloc(sizeof(double) * rows);
    j->effective = elbo_calloc(sizeof(double) * rows);
    j->sums.kl_per_dim = out->kl_per_dim;
    j->sums.square = out->mean_variance;
    if (!out->kl_per_dim || !out->mean_variance || !j->sums.mean || !j->log_p || !j->effective)
        return elbo_fail_memory(error, sizeof(double) * (3 * latent + 2 * rows), "an evaluation");
    return ELBO_OK;
}

/* Of codes: what their mutual information with the data is worked out by. */
static bool has_density(const job *j) {
    return !j->model->instance.type->deterministic && !j->bound.posterior.type->estimated;
}

static elbo_status set_up(job *j, elbo_evaluation *out, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    if (instance->type->deterministic && j->options->samples > 0)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%s has codes, not a posterior: there is no likelihood to estimate by samples",
                         instance->type->name);
    bool bf16 = strcmp(j->options->precision, "bf16") == 0;
    elbo_precision precision = bf16 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
    ELBO_TRY(elbo_evaluation_rows(instance, j->dataset, j->options, &j->split, &j->count, error));
    j->documents = elbo_perplexity_applies(instance);
    int64_t rows = elbo_model_batch(instance, j->count);
    ELBO_TRY(elbo_bound_new(&j->bound, instance, rows, precision, j->model->threads, error));
    ELBO_TRY(make_room(j, out, error));
    int64_t compared = has_density(j) ? elbo_information_rows(j->count, j->bound.latent) : 0;
    ELBO_TRY(elbo_information_new(&j->information, &j->bound.posterior, compared, j->bound.latent, error));
    j->work.total = (double)j->count * (bound_cost + (double)j->options->samples) + (double)compared;
    if (j->options->samples < 1) return ELBO_OK;
    return elbo_likelihood_new(&j->likelihood, instance, &j->bound.posterior, j->options->samples, 0, precision,
                               j->model->threads, error);
}

static void tear_down(job *j) {
    elbo_bound_clear(&j->bound);
    elbo_likelihood_clear(&j->likelihood);
    elbo_information_clear(&j->information);
    elbo_free(j->sums.mean);
    elbo_free(j->log_p);
    elbo_free(j->effective);
}

/* ---- a batch ---- */

/* Keeps rows that lie evenly over all that are evaluated: data may be sorted. */
static void keep_rows(job *j, int64_t first, int64_t rows) {
    const float *z = elbo_plan_value(j->bound.plan, j->bound.z);
    const float *parameter[ELBO_DIST_PARAMETERS] = {NULL}, *row[ELBO_DIST_PARAMETERS] = {NULL};
    int parameters = elbo_posterior_parameters(&j->bound.posterior);
    for (int k = 0; k < parameters; k++) parameter[k] = elbo_plan_value(j->bound.plan, j->bound.posterior.parameter[k]);
    for (int64_t i = 0; i < rows; i++) {
        double next = (double)j->information.kept * (double)j->count / (double)j->information.rows;
        if ((double)(first + i) < floor(next)) continue;
        for (int k = 0; k < parameters; k++) row[k] = parameter[k] + i * j->information.width[k];
        elbo_information_keep(&j->information, z + i * j->bound.latent, row);
    }
}

static elbo_status add_datum(job *j, int64_t row, const float *x, double reconstruction, const float *kl,
                             const float *mean, elbo_error *error) {
    sums *s = &j->sums;
    double total = 0, count = (double)++s->count;
    for (int64_t d = 0; d < j->bound.latent; d++) {
        total += (double)kl[d];
        s->kl_per_dim[d] += (double)kl[d];
        double away = (double)mean[d] - s->mean[d];
        s->mean[d] += away / count;
        s->square[d] += away * ((double)mean[d] - s->mean[d]);
    }
    if (!isfinite(reconstruction) || !isfinite(total))
        return elbo_fail(error, ELBO_ERROR_NUMERIC, "row %lld of the %s split: %s is %g", (long long)row,
                         j->options->split, isfinite(total) ? "-log p(x|z)" : "the KL divergence",
                         isfinite(total) ? reconstruction : total);
    double elbo = -reconstruction - total, away = elbo - s->elbo;
    s->reconstruction += reconstruction;
    s->kl += total;
    s->elbo += away / count;
    s->elbo_square += away * (elbo - s->elbo);
    if (j->documents) elbo_perplexity_add(&j->perplexity, elbo, x, j->model->instance.item.size);
    return ELBO_OK;
}

static elbo_status add_bounds(job *j, int64_t first, int64_t rows, elbo_error *error) {
    const float *reconstruction = elbo_plan_value(j->bound.plan, j->bound.reconstruction);
    const float *kl = elbo_plan_value(j->bound.plan, j->bound.kl);
    const float *mean = elbo_plan_value(j->bound.plan, j->bound.mean);
    const float *x = elbo_plan_value(j->bound.plan, j->bound.x);
    int64_t latent = j->bound.latent, size = j->model->instance.item.size;
    for (int64_t i = 0; i < rows; i++)
        ELBO_TRY(add_datum(j, first + i, x + i * size, (double)reconstruction[i], kl + i * latent, mean + i * latent,
                           error));
    return ELBO_OK;
}

static elbo_status add_likelihoods(job *j, int64_t first, int64_t rows, elbo_error *error) {
    elbo_likelihood_rows batch = {.x = elbo_plan_value(j->bound.plan, j->bound.x),
                                  .condition = elbo_bound_condition(&j->bound),
                                  .count = rows,
                                  .first_row = first};
    for (int k = 0; k < elbo_posterior_parameters(&j->bound.posterior); k++)
        batch.parameter[k] = elbo_plan_value(j->bound.plan, j->bound.posterior.parameter[k]);
    ELBO_TRY(elbo_likelihood_run(&j->likelihood, &batch, (uint64_t)j->options->seed, &j->work, j->log_p, j->effective,
                                 error));
    sums *s = &j->sums;
    for (int64_t i = 0; i < rows; i++) {
        double nll = -j->log_p[i], away = nll - s->nll;
        s->nll += away / (double)(first + i + 1);
        s->nll_square += away * (nll - s->nll);
        s->effective += j->effective[i];
        s->variance += 1 / j->effective[i] - 1 / (double)j->options->samples;
    }
    return ELBO_OK;
}

static elbo_status run_batch(job *j, int64_t first, elbo_error *error) {
    int64_t rows = j->count - first < j->bound.rows ? j->count - first : j->bound.rows;
    elbo_run run = {(uint64_t)j->options->seed, 0, (uint32_t)first};
    ELBO_TRY(elbo_bound_read(&j->bound, &j->model->instance, j->dataset, j->split, first, rows, error));
    ELBO_TRY(elbo_bound_run(&j->bound, &run, error));
    ELBO_TRY(add_bounds(j, first, rows, error));
    keep_rows(j, first, rows);
    ELBO_TRY(elbo_work_add(&j->work, bound_cost * (double)rows, error));
    return j->options->samples > 0 ? add_likelihoods(j, first, rows, error) : ELBO_OK;
}

/* ---- the record ---- */

/* A mean may move with the level above it and yet be the prior's: such a unit is active and has no KL. */
static const double used_nats = 0.01;

/* Units that the data move, of each level and of all, and those that differ from the prior. */
static void count_units(const job *j, elbo_evaluation *out) {
    const elbo_instance *instance = &j->model->instance;
    out->layers = (elbo_ints){1, {out->latent}};
    if (instance->type->layers) instance->type->layers(instance->config->model, &out->layers);
    out->layer_active.count = out->layer_used.count = out->layers.count;
    int64_t d = 0;
    for (int layer = 0; layer < out->layers.count; layer++) {
        for (int64_t end = d + out->layers.value[layer]; d < end; d++) {
            out->layer_active.value[layer] += out->mean_variance[d] > j->options->active_threshold;
            out->layer_used.value[layer] += out->kl_per_dim[d] > used_nats;
        }
        out->active_units += out->layer_active.value[layer];
    }
}

static void conclude(const job *j, elbo_evaluation *out) {
    const sums *s = &j->sums;
    double count = (double)j->count;
    out->count = j->count;
    out->samples = j->options->samples;
    out->elbo = s->elbo;
    out->elbo_stderr = elbo_standard_error(s->elbo_square, j->count);
    out->reconstruction = s->reconstruction / count;
    out->kl = s->kl / count;
    out->nll = out->nll_stderr = out->nll_sampling_error = out->ess_mean = NAN;
    if (out->samples > 0) {
        out->nll = s->nll;
        out->nll_stderr = elbo_standard_error(s->nll_square, j->count);
        out->nll_sampling_error = sqrt(s->variance > 0 ? s->variance : 0) / count;
        out->ess_mean = s->effective / count;
    }
    if (!has_density(j)) out->mutual_information = NAN;
    if (j->model->instance.type->deterministic) out->elbo = out->elbo_stderr = out->kl = NAN;
    elbo_perplexity_conclude(&j->perplexity, out);
    for (int64_t d = 0; d < out->latent; d++) {
        out->kl_per_dim[d] /= count;
        out->mean_variance[d] = j->count > 1 ? out->mean_variance[d] / (count - 1) : 0;
    }
    count_units(j, out);
}

static elbo_status run_all(job *j, elbo_evaluation *out, elbo_error *error) {
    ELBO_TRY(set_up(j, out, error));
    for (int64_t first = 0; first < j->count; first += j->bound.rows) ELBO_TRY(run_batch(j, first, error));
    if (has_density(j))
        ELBO_TRY(elbo_information_estimate(&j->information, &j->bound.posterior, j->model->threads, &j->work,
                                           &out->mutual_information, error));
    conclude(j, out);
    elbo_evaluation_warn(out, j->model->instance.warning);
    elbo_evaluation_add_warning(out, elbo_bound_caution(&j->bound));
    return ELBO_OK;
}

elbo_status elbo_evaluate(elbo_model *model, const elbo_dataset *dataset, const elbo_evaluation_options *options,
                          elbo_evaluation_progress progress, void *user, elbo_evaluation *out, elbo_error *error) {
    double start = elbo_seconds();
    memset(out, 0, sizeof *out);
    elbo_evaluation_options defaults = {0};
    if (!options) ELBO_TRY(elbo_options_init(&elbo_evaluation_options_table, &defaults, error));
    job j = {.model = model,
             .dataset = dataset,
             .options = options ? options : &defaults,
             .work = {.progress = progress, .user = user}};
    elbo_status status = run_all(&j, out, error);
    tear_down(&j);
    elbo_options_clear(&elbo_evaluation_options_table, &defaults);
    if (status != ELBO_OK) elbo_evaluation_clear(out);
    out->seconds = elbo_seconds() - start;
    return status;
}
