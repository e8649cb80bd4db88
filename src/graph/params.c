#include "graph/params.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"

typedef struct tensor {
    elbo_param_info info;
    elbo_init init;
    double scale;
    int64_t fan_in, fan_out;
} tensor;

struct elbo_params {
    elbo_arena arena;
    uint64_t seed, version;
    tensor *tensor;
    size_t count, capacity, length;
    float *data;
};

/* Tensors start at multiples of 64 bytes; the padding stays zero under every optimiser. */
enum { ALIGNMENT = 16 };

elbo_params *elbo_params_new(uint64_t init_seed) {
    elbo_params *params = elbo_calloc(sizeof *params);
    if (params) params->seed = init_seed;
    return params;
}

void elbo_params_free(elbo_params *params) {
    if (!params) return;
    elbo_arena_clear(&params->arena);
    elbo_free(params->tensor);
    elbo_free(params->data);
    elbo_free(params);
}

static elbo_status grow(elbo_params *params, elbo_error *error) {
    if (params->count < params->capacity) return ELBO_OK;
    size_t capacity = params->capacity ? params->capacity * 2 : 16;
    tensor *list = elbo_grow(params->tensor, sizeof *list * params->count, sizeof *list * capacity);
    if (!list) return elbo_fail_memory(error, sizeof *list * capacity, "parameters");
    params->tensor = list;
    params->capacity = capacity;
    return ELBO_OK;
}

static tensor *find(const elbo_params *params, const char *name) {
    for (size_t i = 0; i < params->count; i++)
        if (strcmp(params->tensor[i].info.name, name) == 0) return &params->tensor[i];
    return NULL;
}

elbo_status elbo_params_declare(elbo_params *params, const char *group, const char *name, elbo_shape shape,
                                elbo_init init, double scale, int64_t fan_in, int64_t fan_out, elbo_error *error) {
    tensor *known = find(params, name);
    if (known) {
        if (elbo_shape_equal(known->info.shape, shape)) return ELBO_OK;
        return elbo_fail(error, ELBO_ERROR_SHAPE, "parameter \"%s\" has %zu elements; a shape of %lld was asked for",
                         name, known->info.count, (long long)elbo_shape_count(shape));
    }
    if (params->data) return elbo_fail(error, ELBO_ERROR_STATE, "the model has no parameter \"%s\"", name);
    ELBO_TRY(grow(params, error));
    tensor made = {.init = init, .scale = scale, .fan_in = fan_in, .fan_out = fan_out};
    made.info.name = elbo_arena_strdup(&params->arena, name);
    made.info.group = elbo_arena_strdup(&params->arena, group);
    made.info.shape = shape;
    made.info.count = (size_t)elbo_shape_count(shape);
    if (!made.info.name || !made.info.group) return elbo_fail_memory(error, strlen(name), "a parameter's name");
    params->tensor[params->count++] = made;
    return ELBO_OK;
}

static double initial(const tensor *t, const elbo_rng *rng, uint32_t row, uint32_t column) {
    double fan_in = (double)(t->fan_in > 0 ? t->fan_in : 1), fan_out = (double)(t->fan_out > 0 ? t->fan_out : 1);
    double unit = 2 * elbo_rng_uniform(rng, row, column) - 1;
    switch (t->init) {
        case ELBO_INIT_ZERO: return 0;
        case ELBO_INIT_ONE: return 1;
        case ELBO_INIT_CONSTANT: return t->scale;
        case ELBO_INIT_NORMAL: return t->scale * elbo_rng_normal(rng, row, column);
        case ELBO_INIT_UNIFORM: return t->scale * unit;
        case ELBO_INIT_GLOROT_UNIFORM: return t->scale * sqrt(6 / (fan_in + fan_out)) * unit;
        case ELBO_INIT_HE_NORMAL: return t->scale * sqrt(2 / fan_in) * elbo_rng_normal(rng, row, column);
        case ELBO_INIT_LECUN_UNIFORM: return t->scale / sqrt(fan_in) * unit;
    }
    return 0;
}

static void initialise(const elbo_params *params, const tensor *t) {
    elbo_rng rng = {params->seed, ELBO_STREAM_INIT, 0};
    for (const char *letter = t->info.name; *letter; letter++) /* FNV-1a of the name picks the row of draws */
        rng.step = (rng.step ^ (unsigned char)*letter) * 16777619u;
    float *out = params->data + t->info.offset;
    for (size_t i = 0; i < t->info.count; i++) out[i] = (float)initial(t, &rng, (uint32_t)(i >> 32), (uint32_t)i);
}

/* Offsets in the order of the groups' first appearance; the records stay in the order of declaration, so that nodes
 * made before keep their place. */
static size_t lay_out(elbo_params *params) {
    size_t length = 0;
    for (size_t i = 0; i < params->count; i++) {
        bool first = true;
        for (size_t j = 0; j < i && first; j++)
            first = strcmp(params->tensor[j].info.group, params->tensor[i].info.group) != 0;
        if (!first) continue;
        for (size_t j = i; j < params->count; j++) {
            elbo_param_info *info = &params->tensor[j].info;
            if (strcmp(info->group, params->tensor[i].info.group) != 0) continue;
            info->offset = length;
            length += (info->count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
        }
        length = (length + ELBO_GROUP_MULTIPLE - 1) / ELBO_GROUP_MULTIPLE * ELBO_GROUP_MULTIPLE;
    }
    return length;
}

elbo_status elbo_params_finish(elbo_params *params, elbo_error *error) {
    if (params->data) return ELBO_OK;
    size_t length = lay_out(params);
    float *data = elbo_calloc(sizeof *data * length);
    if (!data) return elbo_fail_memory(error, sizeof *data * length, "parameters");
    params->data = data;
    params->length = length;
    params->version = 1;
    for (size_t i = 0; i < params->count; i++) initialise(params, &params->tensor[i]);
    return ELBO_OK;
}

size_t elbo_params_count(const elbo_params *params) { return params->count; }

const elbo_param_info *elbo_params_at(const elbo_params *params, size_t index) {
    return index < params->count ? &params->tensor[index].info : NULL;
}

const elbo_param_info *elbo_params_find(const elbo_params *params, const char *name) {
    const tensor *t = find(params, name);
    return t ? elbo_params_at(params, (size_t)(t - params->tensor)) : NULL;
}

float *elbo_params_data(elbo_params *params, size_t *length) {
    if (length) *length = params->length;
    return params->data;
}

bool elbo_params_group(const elbo_params *params, const char *group, size_t *first, size_t *count) {
    size_t start = SIZE_MAX, end = 0;
    for (size_t i = 0; i < params->count; i++) {
        const elbo_param_info *info = &params->tensor[i].info;
        if (strcmp(info->group, group) != 0) continue;
        if (start == SIZE_MAX) start = info->offset;
        end = info->offset + (info->count + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
    }
    if (start == SIZE_MAX) return false;
    *first = start;
    *count = (end - start + ELBO_GROUP_MULTIPLE - 1) / ELBO_GROUP_MULTIPLE * ELBO_GROUP_MULTIPLE;
    return true;
}

void elbo_params_touch(elbo_params *params) { params->version++; }
uint64_t elbo_params_version(const elbo_params *params) { return params->version; }
bool elbo_params_finished(const elbo_params *params) { return params->data != NULL; }

int64_t elbo_params_index(const elbo_params *params, const elbo_param_info *info) {
    for (size_t i = 0; i < params->count; i++)
        if (info == elbo_params_at(params, i)) return (int64_t)i;
    return -1;
}

float *elbo_params_tensor(const elbo_params *params, int64_t index) {
    return params->data ? params->data + params->tensor[index].info.offset : NULL;
}
