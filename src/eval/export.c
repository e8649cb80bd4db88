/* A model's parameters for other programs. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "eval/model.h"
#include "graph/params.h"
#include "train/safetensors.h"

enum { PAIRS = 12, TEXT = 128 };

typedef struct description {
    elbo_safetensors_pair pair[PAIRS];
    char text[PAIRS][TEXT];
    size_t count;
} description;

static void add(description *d, const char *key, const char *text) {
    snprintf(d->text[d->count], TEXT, "%s", text);
    d->pair[d->count] = (elbo_safetensors_pair){key, d->text[d->count]};
    d->count++;
}

static void add_real(description *d, const char *key, double value) {
    char text[TEXT];
    snprintf(text, sizeof text, "%.17g", value);
    add(d, key, text);
}

/* How the model reads data: x = (raw - shift) * factor, and what it does to x. */
static void describe(const elbo_model *model, description *d) {
    const elbo_instance *instance = &model->instance;
    static const char *const cuts[] = {"none", "dynamic", "threshold"};
    char text[TEXT];
    size_t used = 0;
    add(d, "format", "elbo-export-1");
    add(d, "elbo.version", ELBO_VERSION);
    add(d, "model", model->info.model);
    snprintf(text, sizeof text, "%" PRId64, model->info.epoch);
    add(d, "epoch", text);
    for (int axis = 0; axis < instance->item.rank; axis++)
        used += (size_t)snprintf(text + used, sizeof text - used, "%s%" PRId64, axis ? "x" : "",
                                 instance->item.shape[axis]);
    add(d, "item_shape", text);
    add_real(d, "shift", instance->shift);
    add_real(d, "factor", instance->factor);
    add(d, "binarize", cuts[instance->binarize]);
    if (elbo_config_get(instance->config, "network", text, sizeof text)) add(d, "network", text);
    if (elbo_config_get(instance->config, "activation", text, sizeof text)) add(d, "activation", text);
}

bool elbo_param_in_group(const elbo_param_info *info, const char *group) {
    size_t length = group ? strlen(group) : 0;
    return !group || strcmp(info->group, group) == 0 ||
           (strncmp(info->name, "state.", 6) == 0 && strncmp(info->name + 6, group, length) == 0 &&
            info->name[6 + length] == '.');
}

static elbo_status refuse(const elbo_model *model, const char *group, elbo_error *error) {
    char known[256] = "";
    const elbo_params *params = model->instance.params;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const char *name = elbo_params_at(params, i)->group;
        if (i > 0 && strcmp(elbo_params_at(params, i - 1)->group, name) == 0) continue; /* groups are adjacent */
        size_t used = strlen(known);
        snprintf(known + used, sizeof known - used, "%s%s", used ? ", " : "", name);
    }
    return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no parameters of a group \"%s\"; it has %s", model->info.model,
                     group, known);
}

elbo_status elbo_model_export(const elbo_model *model, const char *group, const char *path, elbo_error *error) {
    const elbo_params *params = model->instance.params;
    size_t all = elbo_params_count(params), count = 0;
    elbo_safetensors_tensor *tensor = elbo_calloc(sizeof *tensor * (all + 1));
    description *d = elbo_calloc(sizeof *d);
    elbo_status status = tensor && d ? ELBO_OK : elbo_fail_memory(error, sizeof *tensor * all, "an export");
    for (size_t i = 0; i < all && status == ELBO_OK; i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        if (!elbo_param_in_group(info, group)) continue;
        tensor[count] = (elbo_safetensors_tensor){.name = info->name,
                                                  .dtype = ELBO_SAFETENSORS_F32,
                                                  .rank = info->shape.rank,
                                                  .data = elbo_params_tensor(params, (int64_t)i)};
        memcpy(tensor[count++].shape, info->shape.dim, sizeof tensor->shape);
    }
    if (status == ELBO_OK && count == 0) status = refuse(model, group, error);
    if (status == ELBO_OK) {
        describe(model, d);
        status = elbo_safetensors_write(path, tensor, count, d->pair, d->count, error);
    }
    elbo_free(tensor);
    elbo_free(d);
    return status;
}
