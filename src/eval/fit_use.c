/* Classic fits in use: tensors, scores, codes, draws. */
#include <string.h>

#include "base/memory.h"
#include "eval/fit.h"

/* ---- Tensors ---- */

typedef struct tensor {
    const char *name;
    const double *data;
    int rank;
    int64_t shape[3];
} tensor;

static size_t list_mixture(const elbo_fit *fit, tensor out[6]) {
    const elbo_mixture *m = &fit->mixture;
    int64_t k = m->components, d = m->dims;
    int rank = m->kind == ELBO_COVARIANCE_FULL ? 3 : m->kind == ELBO_COVARIANCE_DIAGONAL ? 2 : 1;
    out[0] = (tensor){"weights", m->weights, 1, {k}};
    out[1] = (tensor){"means", fit->means, 2, {k, d}};
    out[2] = (tensor){"covariances", m->covariances, rank, {k, d, d}};
    if (!m->conjugate) return 3;
    out[3] = (tensor){"concentrations", m->concentrations, 1, {k}};
    out[4] = (tensor){"mean_strengths", m->strengths, 1, {k}};
    out[5] = (tensor){"degrees", m->degrees, 1, {k}};
    return 6;
}

static size_t list_linear(const elbo_fit *fit, tensor out[6]) {
    const elbo_linear *l = &fit->linear;
    out[0] = (tensor){"mean", fit->centre, 1, {l->dims}};
    out[1] = (tensor){"loadings", l->loadings, 2, {l->latent, l->dims}};
    out[2] = (tensor){"noise", l->noise, 1, {l->isotropic ? 1 : l->dims}};
    return 3;
}

bool elbo_fit_tensor(const elbo_fit *fit, size_t index, const char **name, elbo_array *out) {
    tensor list[6];
    size_t count = elbo_fit_is_mixture(fit) ? list_mixture(fit, list) : list_linear(fit, list);
    if (index >= count) return false;
    *name = list[index].name;
    *out = (elbo_array){.dtype = ELBO_F64, .rank = list[index].rank, .data = (void *)list[index].data};
    for (int axis = 0; axis < out->rank; axis++) out->shape[axis] = list[index].shape[axis];
    return true;
}

/* ---- Rows ---- */

/* Rows as the fit reads them; ELBO_ERROR_SHAPE where they are none of its kind. */
static elbo_status read_rows(const elbo_fit *fit, const elbo_array *x, elbo_fit_rows *rows, elbo_error *error) {
    ELBO_TRY(elbo_fit_rows_of(x, rows, error));
    if (rows->dims != fit->info.item_size)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "fit: rows of %lld numbers; %lld were expected",
                         (long long)rows->dims, (long long)fit->info.item_size);
    if ((rows->dtype == ELBO_U8) != fit->info.bytes)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "fit: rows are %s, but the fit saw %s: they would be scaled "
                         "differently",
                         elbo_dtype_name(rows->dtype), fit->info.bytes ? "bytes" : "real numbers");
    rows->centre = fit->centre;
    return ELBO_OK;
}

static elbo_status score(const elbo_fit *fit, const elbo_fit_rows *rows, double *log_density, double *codes,
                         elbo_error *error) {
    return elbo_fit_is_mixture(fit) ? elbo_mixture_score(&fit->mixture, rows, fit->threads, log_density, codes, error)
                                    : elbo_linear_score(&fit->linear, rows, fit->threads, log_density, codes, error);
}

elbo_status elbo_fit_score(const elbo_fit *fit, const elbo_array *x, elbo_array *log_density, elbo_error *error) {
    elbo_fit_rows rows;
    ELBO_TRY(read_rows(fit, x, &rows, error));
    ELBO_TRY(elbo_array_new(log_density, ELBO_F64, 1, &rows.count, error));
    elbo_status status = score(fit, &rows, log_density->data, NULL, error);
    if (status != ELBO_OK) elbo_array_free(log_density);
    return status;
}

/* As f32, an array of this shape. */
static elbo_status narrow(const double *values, elbo_array *out, int rank, const int64_t *shape, elbo_error *error) {
    ELBO_TRY(elbo_array_new(out, ELBO_F32, rank, shape, error));
    int64_t count = elbo_array_count(out);
    for (int64_t i = 0; i < count; i++) ((float *)out->data)[i] = (float)values[i];
    return ELBO_OK;
}

elbo_status elbo_fit_encode(const elbo_fit *fit, const elbo_array *x, elbo_array *codes, elbo_error *error) {
    elbo_fit_rows rows;
    ELBO_TRY(read_rows(fit, x, &rows, error));
    const int64_t shape[] = {rows.count, fit->info.codes};
    size_t bytes = (size_t)(shape[0] * shape[1]) * sizeof(double);
    double *wide = elbo_calloc(bytes);
    if (!wide) return elbo_fail_memory(error, bytes, "codes");
    elbo_status status = score(fit, &rows, NULL, wide, error);
    if (status == ELBO_OK) status = narrow(wide, codes, 2, shape, error);
    elbo_free(wide);
    return status;
}

elbo_status elbo_fit_sample(const elbo_fit *fit, int64_t count, uint64_t seed, elbo_array *x, elbo_error *error) {
    int64_t dims = fit->info.item_size, shape[ELBO_MAX_RANK] = {count};
    if (count < 1) return elbo_fail(error, ELBO_ERROR_USAGE, "fit: %lld draws; at least 1 expected", (long long)count);
    if (fit->info.item_rank >= ELBO_MAX_RANK)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "fit: items of rank %d", fit->info.item_rank);
    memcpy(shape + 1, fit->info.item_shape, (size_t)fit->info.item_rank * sizeof *shape);
    double *wide = elbo_calloc((size_t)(count * dims) * sizeof *wide);
    if (!wide) return elbo_fail_memory(error, (size_t)(count * dims) * sizeof *wide, "draws");
    elbo_status status = elbo_fit_is_mixture(fit) ? elbo_mixture_sample(&fit->mixture, count, seed, wide, error)
                                                  : elbo_linear_sample(&fit->linear, count, seed, wide, error);
    for (int64_t i = 0; i < count * dims; i++) wide[i] += fit->centre[i % dims];
    if (status == ELBO_OK) status = narrow(wide, x, fit->info.item_rank + 1, shape, error);
    elbo_free(wide);
    return status;
}
