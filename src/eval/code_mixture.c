/* A mixture fitted to the codes of data: a stand-in for the prior where that is none, or is not where the codes are. */
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"

enum { PORTION = 4096 };

/* A mixture of normals puts its mass everywhere. */
static elbo_status check_support(elbo_model *model, elbo_dtype dtype, int64_t rows, elbo_error *error) {
    if (model->info.condition)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%s encodes items by their %s: a mixture of all codes has no draws for one of them",
                         model->info.model, model->info.condition);
    elbo_program *program =
        elbo_model_program(model, ELBO_PROGRAM_CODES, dtype, elbo_model_batch(&model->instance, rows), error);
    if (!program) return error ? error->status : ELBO_ERROR_INTERNAL;
    if (program->support == ELBO_SUPPORT_REAL || program->support == ELBO_SUPPORT_VECTOR) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                     "the codes of this model are %s; a mixture of normal distributions needs any real numbers",
                     elbo_support_text(program->support));
}

/* Draws of the rows start.. into out: [rows, latent]. */
static elbo_status draw_portion(elbo_model *model, const elbo_dataset *dataset, elbo_split split, int64_t start,
                                int64_t rows, uint64_t seed, float *out, elbo_error *error) {
    const elbo_instance *instance = &model->instance;
    elbo_array x = {0}, z = {0};
    ELBO_TRY(elbo_array_new(&x, instance->dtype, 2, ELBO_SHAPE(rows, instance->item.size).dim, error));
    elbo_status status = elbo_instance_rows(instance, dataset, split, NULL, start, rows, x.data, error);
    /* rows of a portion count from 0: another seed for each, so that no two rows share their noise */
    if (status == ELBO_OK) status = elbo_model_draw_codes(model, &x, seed + (uint64_t)start, &z, error);
    if (status == ELBO_OK) memcpy(out, z.data, sizeof *out * (size_t)(rows * model->info.latent));
    elbo_array_free(&x);
    elbo_array_free(&z);
    return status;
}

elbo_fit *elbo_model_fit_codes(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                               const elbo_fit_options *options, int threads, elbo_error *error) {
    const elbo_data_info *data = elbo_dataset_info(dataset);
    int64_t rows = data->count[split], latent = model->info.latent;
    elbo_array codes = {0};
    elbo_error local = {0};
    if (!error) error = &local;
    if (rows < 1)
        return elbo_fail_null(error, ELBO_ERROR_STATE, "%s has no rows in this split to take codes from", data->source);
    if (elbo_instance_fits(&model->instance, data, error) != ELBO_OK) return NULL;
    uint64_t seed = options ? (uint64_t)options->seed : 1;
    elbo_status status = check_support(model, model->instance.dtype, rows < PORTION ? rows : PORTION, error);
    if (status == ELBO_OK) status = elbo_array_new(&codes, ELBO_F32, 2, ELBO_SHAPE(rows, latent).dim, error);
    for (int64_t start = 0; start < rows && status == ELBO_OK; start += PORTION)
        status = draw_portion(model, dataset, split, start, rows - start < PORTION ? rows - start : PORTION, seed,
                              (float *)codes.data + start * latent, error);
    elbo_fit *fit = status == ELBO_OK ? elbo_fit_new("gmm", &codes, options, threads, NULL, NULL, error) : NULL;
    elbo_array_free(&codes);
    return fit;
}
