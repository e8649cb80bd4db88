#include "train/instance.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "train/checkpoint.h"
#include "train/condition.h"
#include "train/mean_start.h"
#include "train/relevance.h"

static bool is(const char *value, const char *wanted) { return strcmp(value, wanted) == 0; }

elbo_context elbo_instance_context(const elbo_instance *instance, elbo_graph *graph, bool training) {
    elbo_context context = {.options = instance->config->model,
                            .item = instance->item,
                            .phase = instance->phase,
                            .data_rows = training ? instance->data_rows : 0};
    context.builder =
        (elbo_builder){.graph = graph, .params = instance->params, .group = "model", .training = training};
    instance->type->initialisation(instance->config->model, &context.builder.init, &context.builder.init_scale);
    return context;
}

int64_t elbo_instance_local_width(const elbo_instance *instance, bool training) {
    const elbo_model_type *type = instance->type;
    const void *options = instance->config->model;
    elbo_local local = type->local ? type->local(options) : ELBO_LOCAL_NONE;
    if (local == ELBO_LOCAL_NONE) return 0;
    return local == ELBO_LOCAL_CODES && training ? type->latent(options) : type->posterior_width(options);
}

elbo_node *elbo_instance_add_local(const elbo_instance *instance, elbo_context *context, int64_t rows) {
    int64_t width = elbo_instance_local_width(instance, context->builder.training);
    if (width > 0) context->local = elbo_input(context->builder.graph, "local", ELBO_F32, ELBO_SHAPE(rows, width));
    return context->local;
}

elbo_node *elbo_instance_raw(const elbo_instance *instance, elbo_graph *graph, int64_t rows) {
    return elbo_input(graph, "x", instance->dtype, ELBO_SHAPE(rows, instance->item.size));
}

elbo_node *elbo_instance_x(const elbo_instance *instance, elbo_node *raw, bool draw) {
    if (!raw) return NULL;
    elbo_graph *graph = elbo_node_graph(raw);
    elbo_scope_push(graph, "data");
    elbo_node *x = elbo_scale(elbo_shift(elbo_to_real(raw), -instance->shift), instance->factor);
    if (instance->binarize == ELBO_BINARIZE_DYNAMIC && draw)
        x = elbo_less(elbo_random_uniform(graph, elbo_node_shape(x), 0), x);
    else if (instance->binarize == ELBO_BINARIZE_THRESHOLD)
        x = elbo_less(elbo_scalar(graph, 0.5), x);
    else if (instance->item.levels)
        x = elbo_floor(x);
    elbo_scope_pop(graph);
    return x;
}

elbo_node *elbo_instance_unscale(const elbo_instance *instance, elbo_node *x) {
    return elbo_shift(elbo_scale(x, 1 / instance->factor), instance->shift);
}

/* Mean and deviation of the training values (all of them together), over at most 10 000 rows. */
static elbo_status moments(const elbo_dataset *dataset, double *mean, double *deviation, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    int64_t rows = info->count[ELBO_SPLIT_TRAIN] < 10000 ? info->count[ELBO_SPLIT_TRAIN] : 10000;
    size_t bytes = elbo_dtype_size(info->dtype) * (size_t)info->item_size;
    void *row = elbo_calloc(bytes);
    if (!row) return elbo_fail_memory(error, bytes, "a row");
    double count = 0, sum = 0, square = 0;
    elbo_status status = ELBO_OK;
    for (int64_t r = 0; r < rows && status == ELBO_OK; r++) {
        status = elbo_dataset_rows(dataset, ELBO_SPLIT_TRAIN, NULL, r, 1, row, error);
        for (int64_t i = 0; i < info->item_size && status == ELBO_OK; i++) {
            double value = info->dtype == ELBO_U8 ? ((uint8_t *)row)[i] : (double)((float *)row)[i];
            double away = value - sum / (count > 0 ? count : 1);
            count++;
            sum += value;
            if (count > 1) square += away * (value - sum / count); /* Welford */
        }
    }
    elbo_free(row);
    *mean = sum / count;
    *deviation = sqrt(square / count);
    return status;
}

static const elbo_dist_type *likelihood_of(const elbo_instance *instance) {
    return instance->type->likelihood(instance->config->model);
}

static elbo_status choose_scale(elbo_instance *instance, const elbo_dataset *dataset, elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    const char *wanted = instance->config->input.normalize;
    elbo_support support = likelihood_of(instance)->support;
    bool bernoulli = likelihood_of(instance) == &elbo_dist_bernoulli;
    bool counts = support == ELBO_SUPPORT_COUNTS || support == ELBO_SUPPORT_COUNTS_TO_TOTAL ||
                  support == ELBO_SUPPORT_COUNT_VECTOR;
    bool unit = bernoulli || support == ELBO_SUPPORT_UNIT_INTERVAL;
    bool bytes = info->dtype == ELBO_U8, inside = info->minimum >= 0 && info->maximum <= 1;
    instance->shift = 0;
    instance->factor = 1;
    if (is(wanted, "none") || (is(wanted, "auto") && (counts || (!bytes && (!unit || inside))))) {
        if (bernoulli && !inside)
            return elbo_fail(error, ELBO_ERROR_USAGE,
                             "a bernoulli likelihood needs values in [0,1], but the data range from %g to %g: use "
                             "--normalize unit or --likelihood gaussian",
                             info->minimum, info->maximum);
        return ELBO_OK;
    }
    if (is(wanted, "standard")) {
        double deviation = 0;
        ELBO_TRY(moments(dataset, &instance->shift, &deviation, error));
        if (!(deviation > 0)) return elbo_fail(error, ELBO_ERROR_USAGE, "all training values are %g", instance->shift);
        instance->factor = 1 / deviation;
        if (bernoulli)
            return elbo_fail(error, ELBO_ERROR_USAGE, "--normalize standard does not go with a bernoulli likelihood");
        return ELBO_OK;
    }
    instance->shift = bytes ? 0 : info->minimum;
    double range = bytes ? (info->maximum > 1 ? 255 : 1) : info->maximum - info->minimum;
    instance->factor = range > 0 ? 1 / range : 1;
    return ELBO_OK;
}

static elbo_status choose_binarisation(elbo_instance *instance, const elbo_data_info *info, elbo_error *error) {
    const char *wanted = instance->config->input.binarize;
    bool bernoulli = likelihood_of(instance) == &elbo_dist_bernoulli;
    double low = (info->minimum - instance->shift) * instance->factor;
    double high = (info->maximum - instance->shift) * instance->factor;
    bool two_values =
        info->integral && (low == 0 || low == 1) && (high == 0 || high == 1) && info->maximum - info->minimum <= 1;
    instance->binarize = ELBO_BINARIZE_NONE;
    if (is(wanted, "dynamic") || (is(wanted, "auto") && bernoulli && !two_values)) {
        if (low < 0 || high > 1)
            return elbo_fail(error, ELBO_ERROR_USAGE, "--binarize dynamic needs values in [0,1]; they are in [%g, %g]",
                             low, high);
        instance->binarize = ELBO_BINARIZE_DYNAMIC;
    } else if (is(wanted, "threshold")) {
        instance->binarize = ELBO_BINARIZE_THRESHOLD;
    } else if (bernoulli && !two_values) {
        strcpy(instance->warning,
               "grey values under a bernoulli likelihood give a cross-entropy, not log p of binary "
               "data: do not compare it with published likelihoods");
    }
    instance->item.binary = instance->binarize != ELBO_BINARIZE_NONE || two_values;
    return ELBO_OK;
}

static elbo_status choose_levels(elbo_instance *instance, const elbo_data_info *info, elbo_error *error) {
    elbo_support support = likelihood_of(instance)->support;
    if (support != ELBO_SUPPORT_CLASSES && support != ELBO_SUPPORT_LEVELS) return ELBO_OK;
    int64_t levels = instance->type->levels(instance->config->model);
    if (!info->integral || info->minimum < 0 || info->maximum > 255)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "a %s likelihood needs whole numbers from 0 to 255; the data range from %g to %g",
                         likelihood_of(instance)->name, info->minimum, info->maximum);
    instance->item.levels = levels;
    instance->shift = 0;
    double top = info->dtype == ELBO_U8 && info->maximum >= (double)levels ? 256 : (double)levels;
    instance->factor = (double)levels / top;
    if (info->maximum * instance->factor >= (double)levels)
        return elbo_fail(error, ELBO_ERROR_USAGE, "values up to %g do not fit --levels %lld", info->maximum,
                         (long long)levels);
    return ELBO_OK;
}

int elbo_instance_phases(const elbo_instance *instance, elbo_phase out[ELBO_MODEL_PHASES]) {
    int64_t epochs = instance->config->training.epochs;
    if (instance->type->phases) return instance->type->phases(instance->config->model, epochs, out);
    out[0] = (elbo_phase){"training", epochs};
    return 1;
}

/* The parameters that a phase's updates need. */
static elbo_status declare_phase(elbo_instance *instance, elbo_error *error) {
    elbo_graph *graph = elbo_graph_new();
    if (!graph) return elbo_fail_memory(error, 0, "a model");
    elbo_context context = elbo_instance_context(instance, graph, true);
    elbo_instance_add_local(instance, &context, 1);
    elbo_node *x = elbo_instance_x(instance, elbo_instance_raw(instance, graph, 1), true);
    elbo_condition_add(instance, &context, 1, x);
    elbo_update update[ELBO_MODEL_UPDATES];
    elbo_weights weights = {elbo_input(graph, "kl_weight", ELBO_F32, ELBO_SCALAR)};
    instance->type->updates(&context, x, &weights, update);
    elbo_status status = elbo_graph_check(graph, error);
    elbo_graph_free(graph);
    return status;
}

elbo_status elbo_instance_declare_params(elbo_instance *instance, elbo_error *error) {
    elbo_phase phase[ELBO_MODEL_PHASES];
    int phases = elbo_instance_phases(instance, phase);
    instance->params = elbo_params_new((uint64_t)instance->config->training.seed);
    if (!instance->params) return elbo_fail_memory(error, 0, "a model");
    elbo_status status = ELBO_OK;
    for (int p = 0; p < phases && status == ELBO_OK; p++) {
        instance->phase = p;
        status = declare_phase(instance, error);
    }
    instance->phase = 0;
    return status;
}

/* Where the parameters of a new run begin, beside what their declarations say. */
static elbo_status start(elbo_instance *instance, const elbo_dataset *dataset, elbo_error *error) {
    const char *from = instance->config->training.start_from;
    ELBO_TRY(elbo_params_finish(instance->params, error));
    if (!*from) return elbo_mean_start(instance, dataset, error);
    char *path = elbo_checkpoint_locate(from, NULL, error);
    if (!path) return error ? error->status : ELBO_ERROR_IO;
    elbo_status status = elbo_checkpoint_read_params(path, instance, error);
    elbo_free(path);
    return status;
}

elbo_status elbo_instance_new(elbo_instance *instance, const elbo_config *config, const elbo_dataset *dataset,
                              elbo_error *error) {
    const elbo_data_info *info = elbo_dataset_info(dataset);
    memset(instance, 0, sizeof *instance);
    ELBO_TRY(elbo_config_check_relevance(config, error));
    instance->type = config->type;
    instance->config = elbo_config_copy(config, error);
    if (!instance->config) return error ? error->status : ELBO_ERROR_MEMORY;
    instance->dtype = info->dtype;
    instance->item.rank = info->item_rank;
    memcpy(instance->item.shape, info->item_shape, sizeof instance->item.shape);
    instance->item.size = info->item_size;
    instance->item.classes = info->classes;
    instance->low = info->minimum;
    instance->high = info->maximum;
    instance->data_rows = info->count[ELBO_SPLIT_TRAIN];
    if (info->dtype != ELBO_U8 && info->dtype != ELBO_F32)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "data of type %s; u8 or f32 were expected",
                         elbo_dtype_name(info->dtype));
    if (instance->type->check) ELBO_TRY(instance->type->check(instance->config->model, &instance->item, error));
    if (elbo_condition_kind(instance) == ELBO_CONDITION_LABEL)
        elbo_condition_names(info, instance->class_names, sizeof instance->class_names);
    ELBO_TRY(choose_scale(instance, dataset, error));
    ELBO_TRY(choose_binarisation(instance, info, error));
    ELBO_TRY(choose_levels(instance, info, error));
    ELBO_TRY(elbo_instance_declare_params(instance, error));
    ELBO_TRY(start(instance, dataset, error));
    return elbo_instance_check_values(instance, dataset, error);
}

void elbo_instance_clear(elbo_instance *instance) {
    if (!instance) return;
    elbo_params_free(instance->params);
    elbo_config_free(instance->config);
    memset(instance, 0, sizeof *instance);
}

elbo_status elbo_instance_fits(const elbo_instance *instance, const elbo_data_info *info, elbo_error *error) {
    if (info->item_size != instance->item.size)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s has items of %lld values; the model was trained on %lld",
                         info->source, (long long)info->item_size, (long long)instance->item.size);
    bool bytes = info->dtype == ELBO_U8 || (info->integral && info->minimum >= 0 && info->maximum <= 255);
    if (info->dtype != instance->dtype && !bytes)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds %s values; the model was trained on %s", info->source,
                         elbo_dtype_name(info->dtype), elbo_dtype_name(instance->dtype));
    return elbo_condition_fits(instance, info, error);
}

/* Whole numbers up to 255 that are stored as floats; row by row, since the room is for bytes. */
static elbo_status rows_to_bytes(const elbo_dataset *dataset, elbo_split split, const int64_t *index, int64_t start,
                                 int64_t rows, uint8_t *out, elbo_error *error) {
    int64_t size = elbo_dataset_info(dataset)->item_size;
    float *row = elbo_calloc(sizeof *row * (size_t)size);
    if (!row) return elbo_fail_memory(error, sizeof *row * (size_t)size, "a row");
    elbo_status status = ELBO_OK;
    for (int64_t r = 0; r < rows && status == ELBO_OK; r++) {
        status = elbo_dataset_rows(dataset, split, index ? index + r : NULL, start + r, 1, row, error);
        for (int64_t i = 0; i < size && status == ELBO_OK; i++) out[r * size + i] = (uint8_t)row[i];
    }
    elbo_free(row);
    return status;
}

elbo_status elbo_instance_rows(const elbo_instance *instance, const elbo_dataset *dataset, elbo_split split,
                               const int64_t *index, int64_t start, int64_t rows, void *out, elbo_error *error) {
    size_t count = (size_t)(rows * instance->item.size);
    if (elbo_dataset_info(dataset)->dtype == instance->dtype)
        return elbo_dataset_rows(dataset, split, index, start, rows, out, error);
    if (instance->dtype == ELBO_U8) return rows_to_bytes(dataset, split, index, start, rows, out, error);
    /* The bytes go to the end of the room: floats written from its front never reach a byte that is still to be read.
     */
    const uint8_t *bytes = (uint8_t *)out + (sizeof(float) - 1) * count;
    ELBO_TRY(
        elbo_dataset_rows(dataset, split, index, start, rows, (uint8_t *)out + (sizeof(float) - 1) * count, error));
    for (size_t i = 0; i < count; i++) {
        float value = bytes[i];
        memcpy((char *)out + sizeof value * i, &value, sizeof value);
    }
    return ELBO_OK;
}
