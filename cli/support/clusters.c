#include "support/clusters.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/rows.h"

enum { PORTION = 4096 };

/* f32 [N, ...] for some rows: probabilities of clusters, or codes. */
typedef elbo_status row_function(void *of, const elbo_array *rows, elbo_array *out, elbo_error *error);

static elbo_status by_model(void *of, const elbo_array *rows, elbo_array *probabilities, elbo_error *error) {
    return elbo_model_assign(of, rows, probabilities, error);
}

static elbo_status codes_by_model(void *of, const elbo_array *rows, elbo_array *codes, elbo_error *error) {
    return elbo_model_encode(of, rows, codes, NULL, error);
}

static elbo_status by_fit(void *of, const elbo_array *rows, elbo_array *probabilities, elbo_error *error) {
    return elbo_fit_encode(of, rows, probabilities, error);
}

static elbo_status make_room(elbo_cli_clusters *out, int64_t count, elbo_error *error) {
    const int64_t shape[2] = {count, out->clusters};
    ELBO_CLI_TRY(elbo_array_new(&out->assigned, ELBO_I32, 1, shape, error));
    ELBO_CLI_TRY(elbo_array_new(&out->probabilities, ELBO_F32, 2, shape, error));
    out->rows = calloc((size_t)out->clusters, sizeof *out->rows);
    out->certainty = calloc((size_t)out->clusters, sizeof *out->certainty);
    return out->rows && out->certainty ? ELBO_OK : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory: clusters");
}

static void count_rows(elbo_cli_clusters *out) {
    int64_t count = out->assigned.shape[0];
    for (int64_t n = 0; n < count; n++) {
        const float *row = (const float *)out->probabilities.data + n * out->clusters;
        int64_t best = 0;
        for (int64_t k = 1; k < out->clusters; k++)
            if (row[k] > row[best]) best = k;
        ((int32_t *)out->assigned.data)[n] = (int32_t)best;
        out->rows[best]++;
        out->certainty[best] += (double)row[best];
    }
    for (int64_t k = 0; k < out->clusters; k++) {
        out->used += out->rows[k] > 0;
        out->certainty[k] = out->rows[k] ? out->certainty[k] / (double)out->rows[k] : NAN;
    }
}

/* Whole numbers may come as bytes where the model was trained on floats; floats are read by every model. */
static elbo_status as_floats(elbo_array *rows, elbo_error *error) {
    elbo_array floats = {0};
    if (rows->dtype == ELBO_F32) return ELBO_OK;
    ELBO_CLI_TRY(elbo_array_new(&floats, ELBO_F32, rows->rank, rows->shape, error));
    int64_t count = elbo_array_count(rows);
    for (int64_t i = 0; i < count; i++) ((float *)floats.data)[i] = (float)elbo_cli_value_at(rows, i);
    elbo_array_free(rows);
    *rows = floats;
    return ELBO_OK;
}

static elbo_status apply_portion(const elbo_dataset *dataset, elbo_split split, int64_t start, int64_t count,
                                 row_function *function, void *of, elbo_array *out, elbo_error *error) {
    elbo_array rows = {0}, part = {0};
    ELBO_CLI_TRY(elbo_cli_rows(dataset, split, NULL, start, count, &rows, error));
    elbo_status status = function == by_fit ? ELBO_OK : as_floats(&rows, error);
    if (status == ELBO_OK) status = function(of, &rows, &part, error);
    size_t width = sizeof(float) * (size_t)out->shape[1];
    if (status == ELBO_OK) memcpy((char *)out->data + (size_t)start * width, part.data, (size_t)count * width);
    elbo_array_free(&rows);
    elbo_array_free(&part);
    return status;
}

/* A function of every row of a split: out [N, ...]. */
static elbo_status apply(const elbo_dataset *dataset, elbo_split split, row_function *function, void *of,
                         elbo_array *out, elbo_error *error) {
    for (int64_t start = 0; start < out->shape[0]; start += PORTION) {
        int64_t rest = out->shape[0] - start;
        ELBO_CLI_TRY(apply_portion(dataset, split, start, rest < PORTION ? rest : PORTION, function, of, out, error));
    }
    return ELBO_OK;
}

static elbo_status begin(const elbo_dataset *dataset, elbo_split split, elbo_cli_clusters *out, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    if (info->count[split] == 0) return elbo_cli_fail(error, ELBO_ERROR_STATE, "%s has no such rows", info->source);
    return make_room(out, info->count[split], error);
}

static elbo_status finish(const elbo_dataset *dataset, elbo_split split, elbo_cli_clusters *out, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    count_rows(out);
    return info->classes > 0 ? elbo_cli_labels(dataset, split, 0, info->count[split], &out->labels, error) : ELBO_OK;
}

static elbo_status assign(const elbo_dataset *dataset, elbo_split split, row_function *function, void *of,
                          elbo_cli_clusters *out, elbo_error *error) {
    ELBO_CLI_TRY(begin(dataset, split, out, error));
    ELBO_CLI_TRY(apply(dataset, split, function, of, &out->probabilities, error));
    return finish(dataset, split, out, error);
}

elbo_status elbo_cli_clusters_of_model(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                       elbo_cli_clusters *out, elbo_error *error) {
    const elbo_model_info *info = elbo_model_get_info(model);
    memset(out, 0, sizeof *out);
    out->clusters = info->clusters;
    if (out->clusters == 0)
        return elbo_cli_fail(error, ELBO_ERROR_UNSUPPORTED,
                             "%s has no clusters of its own; --mixture K fits some to its codes", info->model);
    return assign(dataset, split, by_model, model, out, error);
}

/* The fit's responsibilities, which become the probabilities. */
static elbo_status fit_codes(const elbo_array *codes, const elbo_cli_code_mixture *how, elbo_array *probabilities,
                             elbo_error *error) {
    elbo_fit_options options;
    ELBO_CLI_TRY(elbo_options_init(&elbo_fit_options_table, &options, error));
    options.components = how->components;
    options.restarts = how->restarts;
    options.seed = how->seed;
    elbo_status chosen = elbo_options_set(&elbo_fit_options_table, &options, "covariance", how->covariance, error);
    elbo_fit *fit = chosen == ELBO_OK ? elbo_fit_new("gmm", codes, &options, how->threads, NULL, NULL, error) : NULL;
    elbo_options_clear(&elbo_fit_options_table, &options);
    if (!fit) return error->status;
    elbo_array_free(probabilities);
    elbo_status status = elbo_fit_encode(fit, codes, probabilities, error);
    elbo_fit_free(fit);
    return status;
}

elbo_status elbo_cli_clusters_of_codes(elbo_model *model, const elbo_dataset *dataset, elbo_split split,
                                       const elbo_cli_code_mixture *mixture, elbo_cli_clusters *out,
                                       elbo_error *error) {
    elbo_array codes = {0};
    memset(out, 0, sizeof *out);
    out->clusters = mixture->components;
    ELBO_CLI_TRY(begin(dataset, split, out, error));
    const int64_t shape[2] = {out->assigned.shape[0], elbo_model_get_info(model)->latent};
    elbo_status status = elbo_array_new(&codes, ELBO_F32, 2, shape, error);
    if (status == ELBO_OK) status = apply(dataset, split, codes_by_model, model, &codes, error);
    if (status == ELBO_OK) status = fit_codes(&codes, mixture, &out->probabilities, error);
    elbo_array_free(&codes);
    return status == ELBO_OK ? finish(dataset, split, out, error) : status;
}

elbo_status elbo_cli_clusters_of_fit(const elbo_fit *fit, const elbo_dataset *dataset, elbo_split split,
                                     elbo_cli_clusters *out, elbo_error *error) {
    const elbo_fit_info *info = elbo_fit_get_info(fit);
    memset(out, 0, sizeof *out);
    if (strstr(info->method, "gmm") == NULL)
        return elbo_cli_fail(error, ELBO_ERROR_UNSUPPORTED, "%s has no clusters; gmm and bgmm have", info->method);
    out->clusters = info->codes;
    return assign(dataset, split, by_fit, (void *)(uintptr_t)fit, out, error);
}

void elbo_cli_clusters_free(elbo_cli_clusters *clusters) {
    elbo_array_free(&clusters->assigned);
    elbo_array_free(&clusters->probabilities);
    elbo_array_free(&clusters->labels);
    free(clusters->rows);
    free(clusters->certainty);
    memset(clusters, 0, sizeof *clusters);
}
