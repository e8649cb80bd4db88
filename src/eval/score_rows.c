/* elbo_model_score: the bound of each row, and its likelihood where samples are asked for. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/bound.h"
#include "eval/evaluation.h"
#include "eval/likelihood.h"
#include "eval/model.h"
#include "eval/posterior.h"

typedef struct job {
    elbo_model *model;
    const elbo_dataset *dataset;
    const elbo_evaluation_options *options;
    elbo_split split;
    elbo_bound bound;
    elbo_likelihood likelihood;
    elbo_work work;
    double *effective; /* [bound.rows] */
    elbo_row_scores *out;
} job;

static elbo_status make_room(job *j, elbo_error *error) {
    size_t bytes = sizeof(double) * (size_t)j->out->count;
    bool posterior = !j->model->instance.type->deterministic, sampled = j->options->samples > 0;
    j->out->reconstruction = elbo_calloc(bytes);
    if (posterior) j->out->kl = elbo_calloc(bytes);
    if (sampled) j->out->log_p = elbo_calloc(bytes);
    j->effective = elbo_calloc(sizeof(double) * (size_t)j->bound.rows);
    if (!j->out->reconstruction || (posterior && !j->out->kl) || (sampled && !j->out->log_p) || !j->effective)
        return elbo_fail_memory(error, 3 * bytes, "scores of rows");
    return ELBO_OK;
}

static elbo_status set_up(job *j, elbo_error *error) {
    const elbo_instance *instance = &j->model->instance;
    elbo_precision precision = strcmp(j->options->precision, "bf16") == 0 ? ELBO_PRECISION_BF16 : ELBO_PRECISION_F32;
    if (instance->type->deterministic && j->options->samples > 0)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%s has codes, not a posterior: there is no likelihood to estimate by samples",
                         instance->type->name);
    ELBO_TRY(elbo_evaluation_rows(instance, j->dataset, j->options, &j->split, &j->out->count, error));
    int64_t rows = elbo_model_batch(instance, j->out->count);
    ELBO_TRY(elbo_bound_new(&j->bound, instance, rows, precision, j->model->threads, error));
    ELBO_TRY(make_room(j, error));
    j->work.total = (double)j->out->count * (2 + (double)j->options->samples);
    if (j->options->samples < 1) return ELBO_OK;
    return elbo_likelihood_new(&j->likelihood, instance, &j->bound.posterior, j->options->samples, 0, precision,
                               j->model->threads, error);
}

static elbo_status take_bounds(job *j, int64_t first, int64_t rows, elbo_error *error) {
    const float *reconstruction = elbo_plan_value(j->bound.plan, j->bound.reconstruction);
    const float *kl = elbo_plan_value(j->bound.plan, j->bound.kl);
    for (int64_t i = 0; i < rows; i++) {
        double total = 0;
        for (int64_t d = 0; d < j->bound.latent; d++) total += (double)kl[i * j->bound.latent + d];
        if (!isfinite(reconstruction[i]) || !isfinite(total))
            return elbo_fail(error, ELBO_ERROR_NUMERIC, "row %lld of the %s split: %s is %g", (long long)(first + i),
                             j->options->split, isfinite(total) ? "-log p(x|z)" : "the KL divergence",
                             isfinite(total) ? (double)reconstruction[i] : total);
        j->out->reconstruction[first + i] = (double)reconstruction[i];
        if (j->out->kl) j->out->kl[first + i] = total;
    }
    return ELBO_OK;
}

static elbo_status run_batch(job *j, int64_t first, elbo_error *error) {
    int64_t rows = j->out->count - first < j->bound.rows ? j->out->count - first : j->bound.rows;
    elbo_run run = {(uint64_t)j->options->seed, 0, (uint32_t)first};
    ELBO_TRY(elbo_bound_read(&j->bound, &j->model->instance, j->dataset, j->split, first, rows, error));
    ELBO_TRY(elbo_bound_run(&j->bound, &run, error));
    ELBO_TRY(take_bounds(j, first, rows, error));
    ELBO_TRY(elbo_work_add(&j->work, 2 * (double)rows, error));
    if (!j->out->log_p) return ELBO_OK;
    elbo_likelihood_rows batch = {.x = elbo_plan_value(j->bound.plan, j->bound.x),
                                  .condition = elbo_bound_condition(&j->bound),
                                  .count = rows,
                                  .first_row = first};
    for (int k = 0; k < elbo_posterior_parameters(&j->bound.posterior); k++)
        batch.parameter[k] = elbo_plan_value(j->bound.plan, j->bound.posterior.parameter[k]);
    return elbo_likelihood_run(&j->likelihood, &batch, (uint64_t)j->options->seed, &j->work, j->out->log_p + first,
                               j->effective, error);
}

elbo_status elbo_model_score(elbo_model *model, const elbo_dataset *dataset, const elbo_evaluation_options *options,
                             elbo_evaluation_progress progress, void *user, elbo_row_scores *out, elbo_error *error) {
    elbo_evaluation_options defaults = {0};
    memset(out, 0, sizeof *out);
    if (!options) ELBO_TRY(elbo_options_init(&elbo_evaluation_options_table, &defaults, error));
    job j = {.model = model,
             .dataset = dataset,
             .options = options ? options : &defaults,
             .work = {.progress = progress, .user = user},
             .out = out};
    elbo_status status = set_up(&j, error);
    for (int64_t first = 0; first < out->count && status == ELBO_OK; first += j.bound.rows)
        status = run_batch(&j, first, error);
    elbo_bound_clear(&j.bound);
    elbo_likelihood_clear(&j.likelihood);
    elbo_free(j.effective);
    elbo_options_clear(&elbo_evaluation_options_table, &defaults);
    if (status != ELBO_OK) elbo_row_scores_clear(out);
    return status;
}

void elbo_row_scores_clear(elbo_row_scores *scores) {
    if (!scores) return;
    elbo_free(scores->reconstruction);
    elbo_free(scores->kl);
    elbo_free(scores->log_p);
    memset(scores, 0, sizeof *scores);
}
