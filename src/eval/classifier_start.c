/* Where a classifier's hidden layers can begin: the dense layers that an encoder's code is made from. */
#include <stdio.h>
#include <string.h>

#include "eval/classifier.h"
#include "graph/params.h"

enum { NAME = 192 };

/* "encoder.dense1" (elbo_network_encode and the like) or "encoder.up1.dense1" (the first level of a hierarchy). */
static const elbo_param_info *layer_part(const elbo_model *model, bool hierarchy, int layer, const char *part) {
    char name[NAME];
    snprintf(name, sizeof name, "encoder.%sdense%d.%s", hierarchy ? "up1." : "", layer, part);
    return elbo_params_find(model->instance.params, name);
}

static bool is_hierarchy(const elbo_model *model) { return layer_part(model, true, 1, "weight") != NULL; }

/* What an encoder has besides dense layers, or NULL. */
static const char *other_part(const elbo_model *model) {
    const elbo_params *params = model->instance.params;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const char *name = elbo_params_at(params, i)->name;
        if (strncmp(name, "encoder.conv", 12) == 0) return "begins with convolutions";
        if (strncmp(name, "encoder.up1.", 12) == 0 && strstr(name, ".gain")) return "normalises the batch";
        if (strncmp(name, "encoder.dense", 13) == 0 && strstr(name, ".gain")) return "normalises the batch";
    }
    return NULL;
}

static elbo_status refuse(const elbo_model *model, const char *why, elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                     "%s: its encoder %s; a classifier begins as dense layers that read the datum alone",
                     model->info.model, why);
}

/* Widths and activation. */
static elbo_status read_layers(elbo_classifier *classifier, const elbo_model *model, elbo_error *error) {
    bool hierarchy = is_hierarchy(model);
    elbo_ints *hidden = &classifier->info.hidden;
    char why[128];
    int64_t in = model->info.item_size;
    const char *other = other_part(model);
    if (other) return refuse(model, other, error);
    hidden->count = 0;
    for (int layer = 1; layer <= ELBO_MAX_INTS; layer++) {
        const elbo_param_info *weight = layer_part(model, hierarchy, layer, "weight");
        if (!weight) break;
        if (weight->shape.rank != 2 || weight->shape.dim[0] != in) {
            snprintf(why, sizeof why, "reads %lld numbers in layer %d, not %lld", (long long)weight->shape.dim[0],
                     layer, (long long)in);
            return refuse(model, why, error);
        }
        hidden->value[hidden->count++] = in = weight->shape.dim[1];
    }
    return hidden->count ? ELBO_OK : refuse(model, "has no hidden layer that is dense", error);
}

elbo_status elbo_classifier_adopt(elbo_classifier *classifier, const elbo_model *model, elbo_error *error) {
    const elbo_instance *instance = &model->instance;
    ELBO_TRY(read_layers(classifier, model, error));
    classifier->shift = instance->shift;
    classifier->factor = instance->factor;
    classifier->threshold = instance->binarize == ELBO_BINARIZE_THRESHOLD;
    if (!is_hierarchy(model)) classifier->levels = instance->item.levels;
    return ELBO_OK;
}

elbo_status elbo_classifier_copy_layers(elbo_classifier *classifier, const elbo_model *model, elbo_error *error) {
    static const char *const parts[] = {"weight", "bias"};
    const elbo_params *params = model->instance.params;
    bool hierarchy = is_hierarchy(model);
    for (int layer = 1; layer <= classifier->info.hidden.count; layer++)
        for (int p = 0; p < 2; p++) {
            char name[NAME];
            snprintf(name, sizeof name, "hidden.dense%d.%s", layer, parts[p]);
            const elbo_param_info *from = layer_part(model, hierarchy, layer, parts[p]);
            const elbo_param_info *to = elbo_params_find(classifier->params, name);
            if (!from || !to || from->count != to->count)
                return elbo_fail(error, ELBO_ERROR_INTERNAL, "layer %d of the encoder has no %s that fits", layer,
                                 parts[p]);
            memcpy(elbo_classifier_tensor(classifier, name),
                   elbo_params_tensor(params, elbo_params_index(params, from)), sizeof(float) * to->count);
        }
    elbo_params_touch(classifier->params);
    return ELBO_OK;
}
