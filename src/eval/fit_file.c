/* Classic fits as files: the tensors, and as metadata the method, the options, the shape of an item, the figures. */
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "eval/fit.h"
#include "train/safetensors.h"

/* X(field of elbo_fit_info, type): figures that a file keeps. */
#define FIGURES(X)          \
    X(rows, integer)        \
    X(bytes, integer)       \
    X(iterations, integer)  \
    X(restart, integer)     \
    X(converged, integer)   \
    X(empty, integer)       \
    X(elbo, real)           \
    X(log_likelihood, real) \
    X(seconds, real)

enum { TENSORS = 8, PAIRS = 64, TEXT = 64, OPTION_KEY = 48 };

typedef struct metadata {
    elbo_safetensors_pair pair[PAIRS];
    char key[PAIRS][OPTION_KEY], text[PAIRS][TEXT];
    size_t count;
} metadata;

static void add(metadata *m, const char *prefix, const char *name, const char *text) {
    size_t at = m->count++;
    snprintf(m->key[at], sizeof m->key[at], "%s%s", prefix, name);
    snprintf(m->text[at], sizeof m->text[at], "%s", text);
    m->pair[at] = (elbo_safetensors_pair){m->key[at], m->text[at]};
}

static void describe(const elbo_fit *fit, metadata *m) {
    char text[TEXT];
    size_t used = 0;
    add(m, "elbo.fit.", "method", fit->info.method);
    for (int axis = 0; axis < fit->info.item_rank; axis++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, axis ? "x" : "",
                                 fit->info.item_shape[axis]);
    add(m, "elbo.fit.", "item_shape", text);
#define ADD_integer(field) snprintf(text, sizeof text, "%" PRId64, (int64_t)fit->info.field);
#define ADD_real(field)    snprintf(text, sizeof text, "%.17g", (double)fit->info.field);
#define ADD(field, type)   ADD_##type(field) add(m, "elbo.fit.", #field, text);
    FIGURES(ADD)
#undef ADD
    for (size_t i = 0; i < elbo_fit_options_table.count; i++) {
        const char *name = elbo_fit_options_table.rows[i].name;
        elbo_options_get(&elbo_fit_options_table, &fit->options, name, text, sizeof text);
        add(m, "elbo.fit.option.", name, text);
    }
}

elbo_status elbo_fit_save(const elbo_fit *fit, const char *path, elbo_error *error) {
    elbo_safetensors_tensor tensors[TENSORS];
    size_t count = 0;
    elbo_array array;
    const char *name;
    metadata *m = elbo_calloc(sizeof *m);
    if (!m) return elbo_fail_memory(error, sizeof *m, "the metadata of a fit");
    for (; elbo_fit_tensor(fit, count, &name, &array); count++) {
        tensors[count] = (elbo_safetensors_tensor){
            .name = name, .dtype = ELBO_SAFETENSORS_F64, .rank = array.rank, .data = array.data};
        memcpy(tensors[count].shape, array.shape, sizeof array.shape);
    }
    describe(fit, m);
    elbo_status status = elbo_safetensors_write(path, tensors, count, m->pair, m->count, error);
    elbo_free(m);
    return status;
}

/* ---- Reading ---- */

static const char *lookup(const elbo_safetensors *file, const char *prefix, const char *name) {
    char key[OPTION_KEY];
    snprintf(key, sizeof key, "%s%s", prefix, name);
    return elbo_safetensors_metadata(file, key);
}

static elbo_status read_options(const elbo_safetensors *file, elbo_fit_options *options, elbo_error *error) {
    for (size_t i = 0; i < elbo_fit_options_table.count; i++) {
        const char *name = elbo_fit_options_table.rows[i].name, *text = lookup(file, "elbo.fit.option.", name);
        if (text) ELBO_TRY(elbo_options_set(&elbo_fit_options_table, options, name, text, error));
    }
    return ELBO_OK;
}

static bool parse_shape(const char *text, int *rank, int64_t *shape) {
    for (*rank = 0; *rank < ELBO_MAX_RANK - 1; text++) {
        char *end;
        long long length = strtoll(text, &end, 10);
        if (end == text || length < 1 || length > INT32_MAX) return false;
        shape[(*rank)++] = length;
        if (*end == 0) return true;
        if (*end != 'x') return false;
        text = end;
    }
    return false;
}

/* Whether the tensors that decide how much memory a fit takes are what the metadata say, so that a wrong number in a
 * file does not ask for more than the file could fill. */
static elbo_status check_extent(const elbo_safetensors *file, const char *path, const elbo_fit_options *options,
                                int rank, const int64_t *shape, elbo_error *error) {
    const elbo_safetensors_tensor *means = elbo_safetensors_find(file, "means");
    const elbo_safetensors_tensor *loadings = elbo_safetensors_find(file, "loadings"), *wide = means ? means : loadings;
    int64_t size = 1, count = means ? options->components : options->latent;
    for (int axis = 0; axis < rank && size <= INT32_MAX; axis++) size *= shape[axis];
    if (!wide || wide->rank != 2 || wide->shape[0] != count || wide->shape[1] != size)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: means or loadings of shape [%" PRId64 ", %" PRId64
                         "] were "
                         "expected from its metadata",
                         path, count, size);
    return ELBO_OK;
}

/* Every tensor but means and loadings holds numbers that cannot be negative. */
static elbo_status check_values(const char *name, const elbo_array *array, elbo_error *error) {
    bool any = strcmp(name, "means") == 0 || strcmp(name, "mean") == 0 || strcmp(name, "loadings") == 0;
    bool positive = !any && !(strcmp(name, "covariances") == 0 && array->rank == 3);
    int64_t count = elbo_array_count(array);
    for (int64_t i = 0; i < count; i++) {
        double value = ((const double *)array->data)[i];
        if (!isfinite(value) || (positive && value < 0))
            return elbo_fail(error, ELBO_ERROR_FORMAT, "fit: element %" PRId64 " of %s is %g", i, name, value);
    }
    return ELBO_OK;
}

static elbo_status read_tensors(elbo_fit *fit, const elbo_safetensors *file, elbo_error *error) {
    const char *name;
    elbo_array array;
    for (size_t i = 0; elbo_fit_tensor(fit, i, &name, &array); i++) {
        ELBO_TRY(elbo_safetensors_copy(file, name, ELBO_F64, array.rank, array.shape, array.data, error));
        ELBO_TRY(check_values(name, &array, error));
    }
    if (elbo_fit_is_mixture(fit)) {
        /* Densities are computed about the centre: that of the means, since the data's own is not kept. */
        int64_t dims = fit->info.item_size;
        for (int64_t k = 0; k < fit->mixture.components; k++)
            for (int64_t d = 0; d < dims; d++) fit->centre[d] += fit->mixture.weights[k] * fit->means[k * dims + d];
        for (int64_t i = 0; i < fit->mixture.components * dims; i++)
            fit->mixture.means[i] = fit->means[i] - fit->centre[i % dims];
        return elbo_mixture_prepare(&fit->mixture, error);
    }
    for (int64_t d = 1; fit->linear.isotropic && d < fit->linear.dims; d++) fit->linear.noise[d] = fit->linear.noise[0];
    return elbo_linear_prepare(&fit->linear, error);
}

static elbo_fit *read_fit(const elbo_safetensors *file, const char *path, const elbo_fit_options *options, int threads,
                          elbo_error *error) {
    const char *method = lookup(file, "elbo.fit.", "method"), *shape_text = lookup(file, "elbo.fit.", "item_shape");
    int rank = 0;
    int64_t shape[ELBO_MAX_RANK];
    if (!method || !shape_text || !parse_shape(shape_text, &rank, shape))
        return elbo_fail_null(error, ELBO_ERROR_FORMAT,
                              "%s: no file of elbo fit: its metadata has no elbo.fit.method "
                              "or no elbo.fit.item_shape such as 28x28",
                              path);
    if (check_extent(file, path, options, rank, shape, error) != ELBO_OK) return NULL;
    elbo_fit *fit = elbo_fit_blank(method, options, rank, shape, threads, error);
    if (!fit) return NULL;
#define READ_integer(text) strtoll(text, NULL, 10)
#define READ_real(text)    strtod(text, NULL)
#define READ(field, type)                                     \
    {                                                         \
        const char *text = lookup(file, "elbo.fit.", #field); \
        if (text) fit->info.field = READ_##type(text);        \
    }
    FIGURES(READ)
#undef READ
    if (read_tensors(fit, file, error) == ELBO_OK) return fit;
    elbo_fit_free(fit);
    return NULL;
}

elbo_fit *elbo_fit_load(const char *path, int threads, elbo_error *error) {
    elbo_safetensors *file = elbo_safetensors_open(path, error);
    if (!file) return NULL;
    elbo_fit_options options;
    elbo_fit *fit = NULL;
    if (elbo_options_init(&elbo_fit_options_table, &options, error) == ELBO_OK) {
        if (read_options(file, &options, error) == ELBO_OK) fit = read_fit(file, path, &options, threads, error);
        elbo_options_clear(&elbo_fit_options_table, &options);
    }
    elbo_safetensors_free(file);
    return fit;
}
