/* Encoding, decoding and drawing from the prior, batch by batch. The last batch is padded rather than planned anew:
 * rows do not touch each other, and what the padding yields is not copied out. */
#include <math.h>
#include <string.h>

#include "eval/model.h"

/* One pass over `count` rows: from what the caller has to what the caller gets. */
typedef struct pass {
    const char *from; /* rows of row_bytes each; NULL: the input is set already */
    size_t row_bytes;
    float *to[2]; /* [count, width], or NULL */
    int64_t width, count;
    elbo_run run;
} pass;

/* What elbo_model_prior and elbo_model_decode draw with the same seed must not be the same numbers. */
enum { STEP_PRIOR, STEP_DRAW, STEP_CLUSTER, STEP_CODES };

static elbo_status run_batches(const elbo_model *model, elbo_program *program, const pass *what, elbo_error *error) {
    char *input = elbo_program_input(program);
    elbo_run run = what->run;
    for (int64_t first = 0; first < what->count; first += program->rows) {
        int64_t rows = what->count - first < program->rows ? what->count - first : program->rows;
        if (what->from && input)
            memcpy(input, what->from + (size_t)first * what->row_bytes, (size_t)rows * what->row_bytes);
        ELBO_TRY(elbo_model_feed_condition(model, program, first, rows, what->count, error));
        run.first_row = (uint32_t)first;
        program->reader.counted = rows; /* padding may come to nothing */
        ELBO_TRY(elbo_program_run(program, &run, error));
        for (int k = 0; k < 2; k++)
            if (what->to[k])
                memcpy(what->to[k] + first * what->width, elbo_plan_value(program->plan, program->out[k]),
                       sizeof(float) * (size_t)(rows * what->width));
    }
    return ELBO_OK;
}

static elbo_status check_count(int64_t count, elbo_error *error) {
    if (count < 0 || count > UINT32_MAX)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%lld rows; 0 to 2^32 - 1 were expected", (long long)count);
    return ELBO_OK;
}

static elbo_status check_items(const elbo_model *model, const elbo_array *x, elbo_error *error) {
    int64_t size = 1;
    for (int axis = 1; axis < x->rank; axis++) size *= x->shape[axis];
    if (x->rank < 2 || size != model->info.item_size)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "an array of rank %d with items of %lld values; [N, item...] with %lld "
                         "values each was expected",
                         x->rank, (long long)size, (long long)model->info.item_size);
    if (x->dtype != model->instance.dtype && x->dtype != ELBO_F32)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "items of type %s; the model was trained on %s",
                         elbo_dtype_name(x->dtype), elbo_dtype_name(model->instance.dtype));
    return check_count(x->shape[0], error);
}

elbo_status elbo_model_encode(elbo_model *model, const elbo_array *x, elbo_array *mean, elbo_array *deviation,
                              elbo_error *error) {
    ELBO_TRY(check_items(model, x, error));
    int64_t count = x->shape[0], latent = model->info.latent;
    elbo_program *program =
        elbo_model_program(model, ELBO_PROGRAM_ENCODE, x->dtype, elbo_model_batch(&model->instance, count), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    elbo_array made[2] = {{0}, {0}}, *wanted[2] = {mean, deviation};
    pass what = {.from = x->data,
                 .row_bytes = elbo_dtype_size(x->dtype) * (size_t)model->info.item_size,
                 .width = latent,
                 .count = count};
    elbo_status status = ELBO_OK;
    for (int k = 0; k < 2 && status == ELBO_OK; k++) {
        if (!wanted[k]) continue;
        status = elbo_array_new(&made[k], ELBO_F32, 2, ELBO_SHAPE(count, latent).dim, error);
        what.to[k] = made[k].data;
    }
    if (status == ELBO_OK) status = run_batches(model, program, &what, error);
    for (int k = 0; k < 2; k++) {
        if (status == ELBO_OK && wanted[k])
            *wanted[k] = made[k];
        else
            elbo_array_free(&made[k]);
    }
    return status;
}

elbo_status elbo_model_draw_codes(elbo_model *model, const elbo_array *x, uint64_t seed, elbo_array *z,
                                  elbo_error *error) {
    ELBO_TRY(check_items(model, x, error));
    int64_t count = x->shape[0], latent = model->info.latent;
    elbo_program *program =
        elbo_model_program(model, ELBO_PROGRAM_CODES, x->dtype, elbo_model_batch(&model->instance, count), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    elbo_array made = {0};
    ELBO_TRY(elbo_array_new(&made, ELBO_F32, 2, ELBO_SHAPE(count, latent).dim, error));
    pass what = {.from = x->data,
                 .row_bytes = elbo_dtype_size(x->dtype) * (size_t)model->info.item_size,
                 .to = {made.data},
                 .width = latent,
                 .count = count,
                 .run = {seed, STEP_CODES, 0}};
    elbo_status status = run_batches(model, program, &what, error);
    if (status == ELBO_OK)
        *z = made;
    else
        elbo_array_free(&made);
    return status;
}

/* [count, item...] */
static elbo_status new_items(const elbo_model *model, int64_t count, elbo_array *made, elbo_error *error) {
    int64_t shape[ELBO_MAX_RANK] = {count, model->info.item_size};
    int rank = 2;
    if (model->info.item_rank < ELBO_MAX_RANK) {
        rank = 1 + model->info.item_rank;
        for (int axis = 1; axis < rank; axis++) shape[axis] = model->info.item_shape[axis - 1];
    }
    return elbo_array_new(made, ELBO_F32, rank, shape, error);
}

elbo_status elbo_model_decode(elbo_model *model, const elbo_array *z, bool draw, uint64_t seed, elbo_array *x,
                              elbo_error *error) {
    int64_t latent = model->info.latent;
    if (z->dtype != ELBO_F32 || z->rank != 2 || z->shape[1] != latent)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "codes of type %s and rank %d, the last axis %lld long; f32 [N, %lld] was "
                         "expected",
                         elbo_dtype_name(z->dtype), z->rank, z->rank > 0 ? (long long)z->shape[z->rank - 1] : 1LL,
                         (long long)latent);
    ELBO_TRY(check_count(z->shape[0], error));
    elbo_program *program = elbo_model_program(model, draw ? ELBO_PROGRAM_DRAW : ELBO_PROGRAM_DECODE, ELBO_F32,
                                               elbo_model_batch(&model->instance, z->shape[0]), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    elbo_array made = {0};
    ELBO_TRY(new_items(model, z->shape[0], &made, error));
    pass what = {.from = z->data,
                 .row_bytes = sizeof(float) * (size_t)latent,
                 .to = {made.data},
                 .width = model->info.item_size,
                 .count = z->shape[0],
                 .run = {seed, STEP_DRAW, 0}};
    elbo_status status = run_batches(model, program, &what, error);
    if (status == ELBO_OK)
        *x = made;
    else
        elbo_array_free(&made);
    return status;
}

/* Codes between a draw and the mean may be none that the model knows. */
static elbo_status check_temperature(elbo_support support, double temperature, elbo_error *error) {
    bool anywhere = support == ELBO_SUPPORT_REAL || support == ELBO_SUPPORT_VECTOR;
    bool between = support == ELBO_SUPPORT_POSITIVE || support == ELBO_SUPPORT_NON_NEGATIVE ||
                   support == ELBO_SUPPORT_FROM_SCALE || support == ELBO_SUPPORT_INTERVAL ||
                   support == ELBO_SUPPORT_UNIT_INTERVAL || support == ELBO_SUPPORT_SIMPLEX;
    if (anywhere || temperature == 1 || (between && temperature < 1)) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE,
                     "a temperature of %g takes codes out of the prior's range (%s); %s was expected", temperature,
                     elbo_support_text(support), between ? "0 to 1" : "1");
}

elbo_status elbo_model_prior(elbo_model *model, int64_t count, uint64_t seed, double temperature, elbo_array *z,
                             elbo_error *error) {
    ELBO_TRY(check_count(count, error));
    if (!(temperature >= 0) || isinf(temperature))
        return elbo_fail(error, ELBO_ERROR_USAGE, "a temperature of %g; a finite number from 0 on was expected",
                         temperature);
    elbo_program *program =
        elbo_model_program(model, ELBO_PROGRAM_PRIOR, ELBO_F32, elbo_model_batch(&model->instance, count), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    ELBO_TRY(check_temperature(program->support, temperature, error));
    elbo_array made = {0};
    ELBO_TRY(elbo_array_new(&made, ELBO_F32, 2, ELBO_SHAPE(count, model->info.latent).dim, error));
    *(float *)elbo_plan_input(program->plan, program->in) = (float)temperature;
    pass what = {.to = {made.data}, .width = model->info.latent, .count = count, .run = {seed, STEP_PRIOR, 0}};
    elbo_status status = run_batches(model, program, &what, error);
    if (status == ELBO_OK)
        *z = made;
    else
        elbo_array_free(&made);
    return status;
}

/* ---- Clusters ---- */

static elbo_status check_clusters(const elbo_model *model, elbo_error *error) {
    if (model->info.clusters > 0) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                     "%s has no clusters; a model of clusters (vade, dec, aae --clusters) has", model->info.model);
}

elbo_status elbo_model_assign(elbo_model *model, const elbo_array *x, elbo_array *probabilities, elbo_error *error) {
    ELBO_TRY(check_clusters(model, error));
    ELBO_TRY(check_items(model, x, error));
    int64_t count = x->shape[0], clusters = model->info.clusters;
    elbo_program *program =
        elbo_model_program(model, ELBO_PROGRAM_ASSIGN, x->dtype, elbo_model_batch(&model->instance, count), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    elbo_array made = {0};
    ELBO_TRY(elbo_array_new(&made, ELBO_F32, 2, ELBO_SHAPE(count, clusters).dim, error));
    pass what = {.from = x->data,
                 .row_bytes = elbo_dtype_size(x->dtype) * (size_t)model->info.item_size,
                 .to = {made.data},
                 .width = clusters,
                 .count = count};
    elbo_status status = run_batches(model, program, &what, error);
    if (status == ELBO_OK)
        *probabilities = made;
    else
        elbo_array_free(&made);
    return status;
}

elbo_status elbo_model_cluster_prior(elbo_model *model, int64_t cluster, int64_t count, uint64_t seed,
                                     double temperature, elbo_array *z, elbo_error *error) {
    ELBO_TRY(check_clusters(model, error));
    if (!model->instance.type->cluster_prior)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "the clusters of %s are not distributions: there are no codes to draw from one",
                         model->info.model);
    ELBO_TRY(check_count(count, error));
    if (cluster < 0 || cluster >= model->info.clusters)
        return elbo_fail(error, ELBO_ERROR_USAGE, "cluster %lld; 0 to %lld were expected", (long long)cluster,
                         (long long)model->info.clusters - 1);
    if (!(temperature >= 0) || isinf(temperature))
        return elbo_fail(error, ELBO_ERROR_USAGE, "a temperature of %g; a finite number from 0 on was expected",
                         temperature);
    elbo_program *program =
        elbo_model_program(model, ELBO_PROGRAM_CLUSTER, ELBO_F32, elbo_model_batch(&model->instance, count), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    elbo_array made = {0};
    ELBO_TRY(elbo_array_new(&made, ELBO_F32, 2, ELBO_SHAPE(count, model->info.latent).dim, error));
    float *choice = elbo_plan_input(program->plan, program->in);
    choice[0] = (float)temperature;
    for (int64_t k = 0; k < model->info.clusters; k++) choice[1 + k] = k == cluster;
    pass what = {.to = {made.data}, .width = model->info.latent, .count = count, .run = {seed, STEP_CLUSTER, 0}};
    elbo_status status = run_batches(model, program, &what, error);
    if (status == ELBO_OK)
        *z = made;
    else
        elbo_array_free(&made);
    return status;
}
