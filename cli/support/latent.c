#include "support/latent.h"

#include <math.h>
#include <string.h>

#include "support/normal.h"

elbo_status elbo_cli_check_dims(const elbo_ints *dims, int64_t latent, elbo_error *error) {
    for (int i = 0; i < dims->count; i++) {
        if (dims->value[i] < 0 || dims->value[i] >= latent)
            return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--dims: %lld; the model's dimensions are 0 to %lld",
                                 (long long)dims->value[i], (long long)latent - 1);
        for (int j = 0; j < i; j++)
            if (dims->value[i] == dims->value[j])
                return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--dims: %lld is there twice", (long long)dims->value[i]);
    }
    return ELBO_OK;
}

static elbo_status codes_new(elbo_array *codes, int64_t count, int64_t latent, elbo_error *error) {
    const int64_t shape[] = {count, latent};
    memset(codes, 0, sizeof *codes);
    return elbo_array_new(codes, ELBO_F32, 2, shape, error);
}

elbo_status elbo_cli_latent_grid(const elbo_ints *dims, int64_t side, int64_t latent, elbo_array *codes,
                                 elbo_error *error) {
    int64_t rows = dims->count > 1 ? side : 1;
    ELBO_CLI_TRY(codes_new(codes, rows * side, latent, error));
    float *z = codes->data;
    for (int64_t row = 0; row < rows; row++)
        for (int64_t column = 0; column < side; column++, z += latent) {
            z[dims->value[0]] = (float)elbo_cli_normal_quantile(((double)column + 0.5) / (double)side);
            if (dims->count > 1)
                z[dims->value[1]] = (float)elbo_cli_normal_quantile(((double)(rows - 1 - row) + 0.5) / (double)rows);
        }
    return ELBO_OK;
}

elbo_status elbo_cli_latent_lines(const float *base, const elbo_ints *dims, int64_t steps, double range, int64_t latent,
                                  elbo_array *codes, elbo_error *error) {
    ELBO_CLI_TRY(codes_new(codes, dims->count * steps, latent, error));
    float *z = codes->data;
    for (int i = 0; i < dims->count; i++)
        for (int64_t step = 0; step < steps; step++, z += latent) {
            memcpy(z, base, (size_t)latent * sizeof *z);
            z[dims->value[i]] = (float)(range * (2 * (double)step / (double)(steps - 1) - 1));
        }
    return ELBO_OK;
}

/* The angle between two codes; 0 where it says nothing: a code of length 0, or opposite directions, between which no
 * turn is the shortest. */
static double angle_between(const float *a, const float *b, int64_t latent) {
    double aa = 0, bb = 0, ab = 0;
    for (int64_t i = 0; i < latent; i++) {
        aa += (double)a[i] * a[i];
        bb += (double)b[i] * b[i];
        ab += (double)a[i] * b[i];
    }
    if (!(aa > 0 && bb > 0)) return 0;
    double angle = acos(fmax(-1, fmin(1, ab / sqrt(aa * bb))));
    return angle < 3.14 ? angle : 0;
}

static void path(const float *a, const float *b, int64_t latent, int64_t steps, bool spherical, float *z) {
    double angle = spherical ? angle_between(a, b, latent) : 0;
    for (int64_t step = 0; step < steps; step++, z += latent) {
        double t = (double)step / (double)(steps - 1), left = 1 - t, right = t;
        if (angle > 1e-6) {
            left = sin((1 - t) * angle) / sin(angle);
            right = sin(t * angle) / sin(angle);
        }
        for (int64_t i = 0; i < latent; i++) z[i] = (float)(left * a[i] + right * b[i]);
    }
}

elbo_status elbo_cli_latent_paths(const elbo_array *from, const elbo_array *to, int64_t steps, bool spherical,
                                  elbo_array *codes, elbo_error *error) {
    int64_t pairs = from->shape[0], latent = from->shape[1];
    ELBO_CLI_TRY(codes_new(codes, pairs * steps, latent, error));
    for (int64_t pair = 0; pair < pairs; pair++)
        path((const float *)from->data + pair * latent, (const float *)to->data + pair * latent, latent, steps,
             spherical, (float *)codes->data + pair * steps * latent);
    return ELBO_OK;
}
