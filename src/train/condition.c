#include "train/condition.h"

#include <stdio.h>
#include <string.h>

#include "models/partial.h"

elbo_condition elbo_condition_kind(const elbo_instance *instance) {
    const elbo_model_type *type = instance->type;
    return type->condition ? type->condition(instance->config->model) : ELBO_CONDITION_NONE;
}

int64_t elbo_condition_width(const elbo_instance *instance) {
    switch (elbo_condition_kind(instance)) {
        case ELBO_CONDITION_LABEL: return instance->item.classes;
        case ELBO_CONDITION_PART: return instance->item.size;
        case ELBO_CONDITION_NONE: break;
    }
    return 0;
}

elbo_node *elbo_condition_add(const elbo_instance *instance, elbo_context *context, int64_t rows, elbo_node *x) {
    elbo_graph *graph = context->builder.graph;
    elbo_node *label = NULL;
    switch (elbo_condition_kind(instance)) {
        case ELBO_CONDITION_LABEL:
            label = elbo_input(graph, "label", ELBO_I32, ELBO_SHAPE(rows));
            context->condition = elbo_one_hot(label, instance->item.classes);
            break;
        case ELBO_CONDITION_PART: context->condition = elbo_mul(x, elbo_partial_mask(context, instance->type)); break;
        case ELBO_CONDITION_NONE: break;
    }
    return label;
}

elbo_node *elbo_condition_add_input(const elbo_instance *instance, elbo_context *context, int64_t rows) {
    int64_t width = elbo_condition_width(instance);
    if (width > 0)
        context->condition = elbo_input(context->builder.graph, "condition", ELBO_F32, ELBO_SHAPE(rows, width));
    return context->condition;
}

void elbo_condition_names(const elbo_data_info *info, char *text, size_t size) {
    size_t used = 0;
    *text = 0;
    for (int k = 0; k < info->classes && used < size; k++) {
        int length = snprintf(text + used, size - used, "%s%s", k ? ", " : "", info->class_names[k]);
        used += length > 0 ? (size_t)length : 0;
    }
}

elbo_status elbo_condition_fits(const elbo_instance *instance, const elbo_data_info *info, elbo_error *error) {
    char names[sizeof instance->class_names];
    if (elbo_condition_kind(instance) != ELBO_CONDITION_LABEL) return ELBO_OK;
    if (info->classes == 0)
        return elbo_fail(error, ELBO_ERROR_STATE,
                         "%s has no labels; this %s is conditioned on them: --labels names a file or column that has",
                         info->source, instance->type->name);
    elbo_condition_names(info, names, sizeof names);
    if (info->classes == instance->item.classes && strcmp(names, instance->class_names) == 0) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_STATE, "%s has %d classes (%.200s); the model was trained with %d (%.200s)",
                     info->source, info->classes, names, instance->item.classes, instance->class_names);
}

elbo_status elbo_condition_read(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                int64_t rows, elbo_plan *plan, const elbo_node *label, elbo_error *error) {
    int32_t *to = label && plan ? elbo_plan_input(plan, label) : NULL;
    if (!to) return ELBO_OK;
    return elbo_dataset_labels(dataset, split, index, start, rows, to, error);
}
