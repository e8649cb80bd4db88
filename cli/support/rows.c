#include "support/rows.h"

#include <math.h>
#include <string.h>

#include "support/describe.h"

bool elbo_cli_is_image(int rank, const int64_t *shape) {
    return rank == 2 || (rank == 3 && (shape[0] == 1 || shape[0] == 3));
}

elbo_status elbo_cli_rows(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                          int64_t count, elbo_array *rows, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t shape[ELBO_MAX_RANK] = {count};
    for (int axis = 0; axis < info->item_rank; axis++) shape[axis + 1] = info->item_shape[axis];
    memset(rows, 0, sizeof *rows);
    ELBO_CLI_TRY(elbo_array_new(rows, info->dtype, info->item_rank + 1, shape, error));
    elbo_status status = elbo_dataset_rows(dataset, split, index, start, count, rows->data, error);
    if (status != ELBO_OK) elbo_array_free(rows);
    return status;
}

elbo_status elbo_cli_labels(const elbo_dataset *dataset, elbo_split split, int64_t start, int64_t count,
                            elbo_array *labels, elbo_error *error) {
    memset(labels, 0, sizeof *labels);
    ELBO_CLI_TRY(elbo_array_new(labels, ELBO_I32, 1, &count, error));
    elbo_status status = elbo_dataset_labels(dataset, split, NULL, start, count, labels->data, error);
    if (status != ELBO_OK) elbo_array_free(labels);
    return status;
}

elbo_status elbo_cli_factors(const elbo_dataset *dataset, elbo_split split, int64_t start, int64_t count,
                             elbo_array *factors, elbo_error *error) {
    int known = elbo_dataset_info(dataset)->factors;
    const int64_t shape[2] = {count, known > 0 ? known : 1};
    memset(factors, 0, sizeof *factors);
    ELBO_CLI_TRY(elbo_array_new(factors, ELBO_I32, 2, shape, error));
    elbo_status status = elbo_dataset_factors(dataset, split, NULL, start, count, factors->data, error);
    if (status != ELBO_OK) elbo_array_free(factors);
    return status;
}

double elbo_cli_value_at(const elbo_array *array, int64_t index) {
    switch (array->dtype) {
        case ELBO_F32: return ((const float *)array->data)[index];
        case ELBO_F64: return ((const double *)array->data)[index];
        case ELBO_U8: return ((const uint8_t *)array->data)[index];
        case ELBO_I32: return ((const int32_t *)array->data)[index];
        case ELBO_BF16: break; /* no file format has it */
    }
    return 0;
}

/* How many codes an array holds; 0: it holds none of this length. */
static int64_t codes_in(const elbo_array *array, int64_t latent) {
    if (array->rank == 2 && array->shape[1] == latent) return array->shape[0];
    if (array->rank == 1 && array->shape[0] == latent) return 1;
    return array->rank == 1 && latent == 1 ? array->shape[0] : 0;
}

static elbo_status convert(const elbo_array *array, const char *path, int64_t latent, elbo_array *codes,
                           elbo_error *error) {
    int64_t count = codes_in(array, latent);
    if (count == 0) {
        char shape[128];
        elbo_cli_shape_text(array->rank, array->shape, shape, sizeof shape);
        return elbo_cli_fail(error, ELBO_ERROR_SHAPE, "%s holds an array of shape %s; Nx%lld was expected", path, shape,
                             (long long)latent);
    }
    int64_t shape[] = {count, latent};
    ELBO_CLI_TRY(elbo_array_new(codes, ELBO_F32, 2, shape, error));
    for (int64_t i = 0; i < count * latent; i++) {
        float value = (float)elbo_cli_value_at(array, i);
        if (!isfinite(value))
            return elbo_cli_fail(error, ELBO_ERROR_FORMAT, "%s: row %lld, column %lld is not a finite number", path,
                                 (long long)(i / latent), (long long)(i % latent));
        ((float *)codes->data)[i] = value;
    }
    return ELBO_OK;
}

elbo_status elbo_cli_codes_load(const char *path, int64_t latent, elbo_array *codes, elbo_error *error) {
    elbo_array array = {0};
    memset(codes, 0, sizeof *codes);
    ELBO_CLI_TRY(elbo_array_load(&array, path, error));
    elbo_status status = convert(&array, path, latent, codes, error);
    elbo_array_free(&array);
    if (status != ELBO_OK) elbo_array_free(codes);
    return status;
}
