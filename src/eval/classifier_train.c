/* Training a classifier: AdamW on the cross-entropy of the labelled rows. */
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "eval/classifier.h"

typedef struct trainer {
    elbo_classifier *classifier;
    const elbo_dataset *dataset;
    const elbo_classifier_options *options;
    elbo_classifier_program step; /* raw to logits; its plan has the gradient */
    elbo_node *label, *weight, *loss, *right;
    float *gradient;
    elbo_optimiser *optimiser;
    int64_t *chosen, *order, *batch; /* rows that are learned from, [rows]; of this epoch; of this batch */
    int64_t rows;
} trainer;

/* ---- Rows ---- */

/* Drawn without regard to the class, so that they are as the data are. */
static elbo_status choose_rows(trainer *t, elbo_error *error) {
    const elbo_data_info *data = elbo_dataset_info(t->dataset);
    int64_t all = data->count[ELBO_SPLIT_TRAIN], wanted = t->options->labelled;
    if (wanted > all)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--labelled %lld: %s has %lld training rows", (long long)wanted,
                         data->source, (long long)all);
    t->rows = wanted > 0 ? wanted : all;
    t->chosen = elbo_calloc(sizeof *t->chosen * (size_t)all);
    t->order = elbo_calloc(sizeof *t->order * (size_t)t->rows);
    t->batch = elbo_calloc(sizeof *t->batch * (size_t)t->rows);
    if (!t->chosen || !t->order || !t->batch)
        return elbo_fail_memory(error, sizeof *t->chosen * (size_t)all, "an order of rows");
    elbo_rng_permutation(&(elbo_rng){(uint64_t)t->options->seed, ELBO_STREAM_SPLIT, 0}, t->chosen, all);
    return ELBO_OK;
}

/* Rows first.. of the epoch into the plan; rows that a short batch lacks are the first one again, at no weight. */
static elbo_status load_batch(trainer *t, int64_t first, int64_t *present, elbo_error *error) {
    int64_t batch = t->step.rows, count = t->rows - first < batch ? t->rows - first : batch;
    elbo_plan *plan = t->step.plan;
    float *weight = elbo_plan_input(plan, t->weight);
    for (int64_t i = 0; i < batch; i++) {
        t->batch[i] = t->chosen[t->order[i < count ? first + i : first]];
        weight[i] = i < count ? 1 / (float)count : 0;
    }
    *present = count;
    ELBO_TRY(
        elbo_dataset_rows(t->dataset, ELBO_SPLIT_TRAIN, t->batch, 0, batch, elbo_plan_input(plan, t->step.raw), error));
    return elbo_dataset_labels(t->dataset, ELBO_SPLIT_TRAIN, t->batch, 0, batch, elbo_plan_input(plan, t->label),
                               error);
}

/* ---- The step ---- */

static bool trains(const trainer *t, const char *group) { return strcmp(group, "softmax") == 0 || !t->options->freeze; }

static void build_loss(trainer *t) {
    elbo_graph *graph = t->step.graph;
    int64_t rows = t->step.rows;
    elbo_classifier_build(t->classifier, &t->step);
    t->label = elbo_input(graph, "label", ELBO_I32, ELBO_SHAPE(rows));
    t->weight = elbo_input(graph, "weight", ELBO_F32, ELBO_SHAPE(rows));
    elbo_node *logits = t->step.logits, *truth = elbo_one_hot(t->label, t->classifier->info.classes);
    elbo_node *chosen = elbo_sum(elbo_mul(logits, truth), 1, 1, false);
    elbo_node *entropy = elbo_sub(elbo_logsumexp(logits, 1, 1, false), chosen);
    elbo_node *right = elbo_equal(elbo_to_real(elbo_argmax(logits, 1)), elbo_to_real(t->label));
    t->loss = elbo_sum_all(elbo_mul(t->weight, entropy));
    t->right = elbo_sum_all(elbo_mul(t->weight, right));
}

static elbo_status compile(trainer *t, elbo_error *error) {
    elbo_params *params = t->classifier->params;
    elbo_node *wrt[2 * ELBO_MAX_INTS + 2], *gradient[2 * ELBO_MAX_INTS + 2];
    elbo_target target[2 * ELBO_MAX_INTS + 2];
    size_t count = 0;
    for (size_t i = 0; i < elbo_params_count(params); i++) {
        const elbo_param_info *info = elbo_params_at(params, i);
        if (!trains(t, info->group)) continue;
        wrt[count] = elbo_param(t->step.graph, params, info->name);
        target[count++].memory = t->gradient + info->offset;
    }
    elbo_grad(t->loss, wrt, count, gradient);
    for (size_t i = 0; i < count; i++) target[i].node = gradient[i];
    elbo_node *fetch[] = {t->loss, t->right};
    elbo_plan_spec spec = {
        .fetch = fetch, .fetch_count = 2, .target = target, .target_count = count, .threads = t->classifier->threads};
    t->step.plan = elbo_plan_new(t->step.graph, &spec, error);
    return t->step.plan ? ELBO_OK : error ? error->status : ELBO_ERROR_INTERNAL;
}

static elbo_status make_optimiser(trainer *t, elbo_error *error) {
    static const char *const head[] = {"softmax", NULL};
    elbo_optimiser_options options;
    ELBO_TRY(elbo_options_init(&elbo_optimiser_options_table, &options, error));
    elbo_status status = elbo_options_set(&elbo_optimiser_options_table, &options, "optimizer", "adamw", error);
    options.lr = t->options->lr;
    options.weight_decay = t->options->weight_decay;
    if (status == ELBO_OK) {
        t->optimiser = elbo_optimiser_new(t->classifier->params, t->options->freeze ? head : NULL, t->gradient,
                                          &options, t->classifier->threads, error);
        if (!t->optimiser) status = error ? error->status : ELBO_ERROR_MEMORY;
    }
    elbo_options_clear(&elbo_optimiser_options_table, &options);
    return status;
}

static elbo_status set_up(trainer *t, elbo_error *error) {
    size_t length;
    int64_t batch = t->options->batch < t->rows ? t->options->batch : t->rows;
    elbo_params_data(t->classifier->params, &length);
    t->gradient = elbo_calloc(sizeof *t->gradient * length);
    t->step = (elbo_classifier_program){
        .dtype = elbo_dataset_info(t->dataset)->dtype, .rows = batch, .graph = elbo_graph_new()};
    if (!t->gradient || !t->step.graph) return elbo_fail_memory(error, sizeof *t->gradient * length, "gradients");
    build_loss(t);
    ELBO_TRY(compile(t, error));
    return make_optimiser(t, error);
}

/* ---- Epochs ---- */

static elbo_status run_epoch(trainer *t, int64_t epoch, int64_t *steps, elbo_error *error) {
    elbo_classifier_info *info = &t->classifier->info;
    double loss = 0, right = 0, norm, one;
    int64_t present;
    elbo_rng_permutation(&(elbo_rng){(uint64_t)t->options->seed, ELBO_STREAM_SHUFFLE, (uint32_t)epoch}, t->order,
                         t->rows);
    for (int64_t first = 0; first < t->rows; first += present) {
        ELBO_TRY(load_batch(t, first, &present, error));
        ELBO_TRY(elbo_plan_run(t->step.plan, NULL, error));
        ELBO_TRY(elbo_optimiser_norm(t->optimiser, &norm, error));
        elbo_plan_read(t->step.plan, t->loss, &one, 1);
        if (!isfinite(one) || !isfinite(norm))
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "epoch %lld: the cross-entropy is %g and the norm of its gradient %g; try a smaller --lr",
                             (long long)epoch + 1, one, norm);
        loss += one * (double)present;
        elbo_plan_read(t->step.plan, t->right, &one, 1);
        right += one * (double)present;
        ELBO_TRY(elbo_optimiser_step(t->optimiser, t->options->lr, ++*steps, 1, error));
    }
    info->loss = loss / (double)t->rows;
    info->accuracy = right / (double)t->rows;
    return ELBO_OK;
}

static elbo_status run_epochs(trainer *t, elbo_classifier_progress progress, void *user, elbo_error *error) {
    elbo_classifier_info *info = &t->classifier->info;
    int64_t steps = 0;
    info->rows = t->rows;
    while (info->epochs < t->options->epochs) {
        ELBO_TRY(run_epoch(t, info->epochs, &steps, error));
        info->epochs++;
        if (progress && progress(user, info->epochs, info->loss, info->accuracy))
            return elbo_fail(error, ELBO_ERROR_INTERRUPTED, "stopped after epoch %lld", (long long)info->epochs);
    }
    return ELBO_OK;
}

static void clear(trainer *t) {
    elbo_optimiser_free(t->optimiser);
    elbo_classifier_program_clear(&t->step);
    elbo_free(t->gradient);
    elbo_free(t->chosen);
    elbo_free(t->order);
    elbo_free(t->batch);
}

/* ---- What is trained ---- */

static elbo_status check_data(const elbo_data_info *data, const elbo_model *from, elbo_error *error) {
    if (data->classes < 2)
        return elbo_fail(error, ELBO_ERROR_STATE, "%s has %s; a classifier learns from rows of at least two classes",
                         data->source, data->classes ? "rows of one class" : "no labels");
    if (data->count[ELBO_SPLIT_TRAIN] < 1)
        return elbo_fail(error, ELBO_ERROR_STATE, "%s has no training rows", data->source);
    if (data->dtype != ELBO_U8 && data->dtype != ELBO_F32)
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "data of type %s; u8 or f32 were expected",
                         elbo_dtype_name(data->dtype));
    if (from && data->item_size != from->info.item_size)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s has items of %lld values; the model was trained on %lld",
                         data->source, (long long)data->item_size, (long long)from->info.item_size);
    return ELBO_OK;
}

static elbo_status check_options(const elbo_classifier_options *options, const elbo_model *from, elbo_error *error) {
    bool activation = strcmp(options->activation, "auto") != 0;
    if (from && (options->hidden.count || activation))
        return elbo_fail(error, ELBO_ERROR_USAGE, "--%s: the model that the layers begin as brings its own",
                         activation ? "activation" : "hidden");
    if (!from && options->freeze)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--freeze: there is no model whose layers could stay as they are");
    return ELBO_OK;
}

/* Values as they are if they lie within [-1, 1], else brought to [0, 1] by their range; bytes by theirs. */
static void choose_scale(elbo_classifier *classifier, const elbo_data_info *data) {
    double range = data->maximum - data->minimum;
    if (data->dtype == ELBO_U8) {
        classifier->factor = data->maximum > 1 ? 1.0 / 255 : 1;
    } else if (data->minimum < -1 || data->maximum > 1) {
        classifier->shift = data->minimum;
        classifier->factor = range > 0 ? 1 / range : 1;
    }
}

static elbo_status describe(elbo_classifier *classifier, const elbo_data_info *data, const elbo_model *from,
                            const elbo_classifier_options *options, elbo_error *error) {
    elbo_classifier_info *info = &classifier->info;
    char start[96] = "random", activation[64];
    snprintf(activation, sizeof activation, "%s",
             strcmp(options->activation, "auto") == 0 ? "relu" : options->activation);
    info->item_rank = data->item_rank;
    memcpy(info->item_shape, data->item_shape, sizeof info->item_shape);
    info->item_size = data->item_size;
    info->low = data->minimum;
    info->high = data->maximum;
    info->hidden = options->hidden.count ? options->hidden : (elbo_ints){2, {500, 500}};
    info->frozen = options->freeze;
    if (from) {
        ELBO_TRY(elbo_classifier_adopt(classifier, from, error));
        elbo_config_get(from->instance.config, "activation", activation, sizeof activation);
        snprintf(start, sizeof start, "%s, epoch %lld", from->info.model, (long long)from->info.epoch);
    } else {
        choose_scale(classifier, data);
    }
    return elbo_classifier_name(classifier, data->class_names, data->classes, activation, start, error);
}

static elbo_status prepare(trainer *t, const elbo_model *from, elbo_error *error) {
    elbo_classifier *classifier = t->classifier;
    const elbo_data_info *data = elbo_dataset_info(t->dataset);
    ELBO_TRY(check_options(t->options, from, error));
    ELBO_TRY(check_data(data, from, error));
    ELBO_TRY(describe(classifier, data, from, t->options, error));
    ELBO_TRY(elbo_classifier_make_params(classifier, (uint64_t)t->options->seed, error));
    if (from) ELBO_TRY(elbo_classifier_copy_layers(classifier, from, error));
    ELBO_TRY(choose_rows(t, error));
    return set_up(t, error);
}

elbo_classifier *elbo_classifier_train(const elbo_dataset *dataset, const elbo_model *from,
                                       const elbo_classifier_options *options, int threads,
                                       elbo_classifier_progress progress, void *user, elbo_error *error) {
    elbo_classifier_options defaults;
    elbo_error local = {0};
    if (!error) error = &local;
    if (elbo_options_init(&elbo_classifier_options_table, &defaults, error) != ELBO_OK) return NULL;
    trainer t = {.classifier = elbo_classifier_blank(threads, error),
                 .dataset = dataset,
                 .options = options ? options : &defaults};
    elbo_status status = t.classifier ? prepare(&t, from, error) : error->status;
    if (status == ELBO_OK) status = run_epochs(&t, progress, user, error);
    clear(&t);
    elbo_options_clear(&elbo_classifier_options_table, &defaults);
    if (status == ELBO_OK) return t.classifier;
    elbo_classifier_free(t.classifier);
    return NULL;
}
