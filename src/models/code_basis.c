#include "models/code_basis.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "graph/params.h"
#include "infer/fit/factor.h"

typedef struct basis {
    int64_t dims;
    double *turn, *back; /* T and its inverse: [D, D] */
    double *work;        /* [4 D, D] */
} basis;

/* out = a b, or a b' where b is given transposed: [D, D] */
static void multiply(double *out, const double *a, const double *b, bool transposed, int64_t n) {
    for (int64_t i = 0; i < n; i++)
        for (int64_t j = 0; j < n; j++) {
            double sum = 0;
            for (int64_t k = 0; k < n; k++) sum += a[i * n + k] * (transposed ? b[j * n + k] : b[k * n + j]);
            out[i * n + j] = sum;
        }
}

/* The mean covariance within components, and the covariance of their means. */
static void scatter(const elbo_mixture *m, double *within, double *between) {
    int64_t n = m->dims;
    memset(within, 0, sizeof *within * (size_t)(n * n));
    memset(between, 0, sizeof *between * (size_t)(n * n));
    for (int64_t k = 0; k < m->components; k++)
        for (int64_t i = 0; i < n; i++)
            for (int64_t j = 0; j < n; j++) {
                within[i * n + j] += m->weights[k] * m->covariances[(k * n + i) * n + j];
                between[i * n + j] += m->weights[k] * m->means[k * n + i] * m->means[k * n + j];
            }
}

/* within = L L', L^-1 between L^-T = V' diag V: T = s V L^-1, and back L V' / s with s the deviation. */
static bool find(basis *b, const elbo_mixture *mixture, double deviation) {
    int64_t n = b->dims, size = n * n;
    double *within = b->work, *between = within + size, *inverse = between + size, *vectors = inverse + size;
    scatter(mixture, within, between);
    if (!elbo_factor_cholesky(within, within, n, 0)) return false;
    elbo_factor_invert(inverse, within, n);
    multiply(b->turn, inverse, between, false, n);
    multiply(b->back, b->turn, inverse, true, n);
    if (!elbo_factor_eigen(b->back, n, b->turn, vectors, between)) return false;
    multiply(b->turn, vectors, inverse, false, n);
    multiply(b->back, within, vectors, true, n);
    for (int64_t i = 0; i < size; i++) {
        b->turn[i] *= deviation;
        b->back[i] /= deviation;
    }
    return true;
}

static float *tensor(elbo_params *params, const elbo_param_info *info) {
    return elbo_params_tensor(params, elbo_params_index(params, info));
}

/* The weight of the layer that reads the code: the first of elbo_network_decode. */
static const elbo_param_info *find_reader(const elbo_params *params, int64_t dims) {
    static const char *const first[] = {"decoder.dense1.weight", "decoder.unfold.weight", "decoder.output.weight"};
    for (size_t i = 0; i < sizeof first / sizeof *first; i++) {
        const elbo_param_info *info = elbo_params_find(params, first[i]);
        if (info) return info->shape.rank == 2 && info->shape.dim[0] == dims ? info : NULL;
    }
    return NULL;
}

/* Numbers z of a row to T (z - centre): a bias; without centre, a row of weights. */
static void turn_row(const basis *b, float *z, const double *centre) {
    double *old = b->work;
    for (int64_t d = 0; d < b->dims; d++) old[d] = (double)z[d] - (centre ? centre[d] : 0);
    for (int64_t i = 0; i < b->dims; i++) {
        double sum = 0;
        for (int64_t d = 0; d < b->dims; d++) sum += b->turn[i * b->dims + d] * old[d];
        z[i] = (float)sum;
    }
}

/* weight: [D, width], bias: [width]: reads T^-1 z + centre. */
static void turn_reader(const basis *b, float *weight, float *bias, int64_t width, const double *centre) {
    double *old = b->work;
    for (int64_t j = 0; j < width; j++) {
        double shift = 0;
        for (int64_t d = 0; d < b->dims; d++) {
            old[d] = (double)weight[d * width + j];
            shift += centre[d] * old[d];
        }
        bias[j] = (float)((double)bias[j] + shift);
        for (int64_t i = 0; i < b->dims; i++) {
            double sum = 0;
            for (int64_t d = 0; d < b->dims; d++) sum += b->back[d * b->dims + i] * old[d];
            weight[i * width + j] = (float)sum;
        }
    }
}

static void turn_mixture(const basis *b, elbo_mixture *m) {
    int64_t n = b->dims;
    double *old = b->work, *half = old + n * n;
    for (int64_t k = 0; k < m->components; k++) {
        double *mean = m->means + k * n, *covariance = m->covariances + k * n * n;
        memcpy(old, mean, sizeof *old * (size_t)n);
        for (int64_t i = 0; i < n; i++) {
            mean[i] = 0;
            for (int64_t d = 0; d < n; d++) mean[i] += b->turn[i * n + d] * old[d];
        }
        multiply(half, b->turn, covariance, false, n);
        multiply(covariance, half, b->turn, true, n);
    }
}

static elbo_status turn(const basis *b, elbo_params *params, elbo_mixture *mixture, double *centre, elbo_error *error) {
    const elbo_param_info *last = elbo_params_find(params, "encoder.posterior.weight"),
                          *last_bias = elbo_params_find(params, "encoder.posterior.bias"),
                          *reader = find_reader(params, b->dims);
    char name[208];
    if (!last || !last_bias || !reader)
        return elbo_fail(error, ELBO_ERROR_INTERNAL, "no layers beside a code of %lld dimensions", (long long)b->dims);
    snprintf(name, sizeof name, "%.*sbias", (int)(strlen(reader->name) - strlen("weight")), reader->name);
    const elbo_param_info *reader_bias = elbo_params_find(params, name);
    if (!reader_bias) return elbo_fail(error, ELBO_ERROR_INTERNAL, "no parameter %s", name);
    int64_t numbers = last->shape.dim[1];
    for (int64_t r = 0; r < last->shape.dim[0]; r++) turn_row(b, tensor(params, last) + r * numbers, NULL);
    turn_row(b, tensor(params, last_bias), centre);
    turn_reader(b, tensor(params, reader), tensor(params, reader_bias), reader->shape.dim[1], centre);
    turn_mixture(b, mixture);
    for (int64_t d = 0; d < b->dims; d++) centre[d] = 0;
    elbo_params_touch(params);
    return ELBO_OK;
}

elbo_status elbo_code_basis_turn(elbo_params *params, elbo_mixture *mixture, double *centre, double deviation,
                                 elbo_error *error) {
    int64_t n = mixture->dims;
    elbo_arena arena = {0};
    size_t bytes = sizeof(double) * (size_t)(6 * n * n);
    double *room = elbo_arena_calloc(&arena, bytes);
    if (!room) return elbo_fail_memory(error, bytes, "axes of the codes");
    basis b = {.dims = n, .turn = room, .back = room + n * n, .work = room + 2 * n * n};
    elbo_status status = find(&b, mixture, deviation)
                             ? turn(&b, params, mixture, centre, error)
                             : elbo_fail(error, ELBO_ERROR_NUMERIC, "the codes have no spread in some direction");
    elbo_arena_clear(&arena);
    return status;
}
