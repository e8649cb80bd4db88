/* Classifiers: dense layers and a softmax, in use. */
#include "eval/classifier.h"

#include <math.h>
#include <string.h>
#include <time.h>

#include "base/memory.h"

#define ELBO_TABLE_STRUCT elbo_classifier_options
ELBO_TABLE(elbo_classifier_options_table, "Classifier", ELBO_CLASSIFIER_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { MOST_ROWS = 256 };

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- Making and freeing ---- */

elbo_classifier *elbo_classifier_blank(int threads, elbo_error *error) {
    if (threads < 0)
        return elbo_fail_null(error, ELBO_ERROR_USAGE, "%d threads; 0 (all processors) or more were expected", threads);
    elbo_classifier *made = elbo_calloc(sizeof *made);
    if (!made) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a classifier");
    made->threads = threads;
    made->factor = 1;
    return made;
}

static void free_names(elbo_classifier *classifier) {
    for (int k = 0; classifier->names && k < classifier->info.classes; k++) elbo_free(classifier->names[k]);
    elbo_free(classifier->names);
}

void elbo_classifier_free(elbo_classifier *classifier) {
    if (!classifier) return;
    elbo_classifier_program_clear(&classifier->program);
    elbo_params_free(classifier->params);
    free_names(classifier);
    elbo_free(classifier->start);
    elbo_free(classifier->activation);
    elbo_free(classifier);
}

elbo_status elbo_classifier_name(elbo_classifier *classifier, const char *const *names, int classes,
                                 const char *activation, const char *start, elbo_error *error) {
    size_t bytes = (size_t)classes * sizeof *classifier->names;
    classifier->names = elbo_calloc(bytes);
    if (!classifier->names) return elbo_fail_memory(error, bytes, "class names");
    classifier->info.classes = classes;
    for (int k = 0; k < classes; k++)
        if (!(classifier->names[k] = elbo_strdup(names[k]))) return elbo_fail_memory(error, bytes, "class names");
    classifier->activation = elbo_strdup(activation);
    classifier->start = elbo_strdup(start);
    if (!classifier->activation || !classifier->start) return elbo_fail_memory(error, bytes, "a classifier");
    classifier->info.class_names = (const char *const *)classifier->names;
    classifier->info.activation = classifier->activation;
    classifier->info.start = classifier->start;
    return ELBO_OK;
}

elbo_status elbo_classifier_make_params(elbo_classifier *classifier, uint64_t seed, elbo_error *error) {
    const elbo_classifier_info *info = &classifier->info;
    classifier->info.features = info->hidden.value[info->hidden.count - 1];
    classifier->params = elbo_params_new(seed);
    elbo_classifier_program shapes = {.dtype = ELBO_F32, .rows = 1, .graph = elbo_graph_new()};
    if (!classifier->params || !shapes.graph) {
        elbo_classifier_program_clear(&shapes);
        return elbo_fail_memory(error, 0, "a classifier");
    }
    elbo_classifier_build(classifier, &shapes);
    elbo_status status = elbo_graph_check(shapes.graph, error);
    elbo_classifier_program_clear(&shapes);
    return status == ELBO_OK ? elbo_params_finish(classifier->params, error) : status;
}

const elbo_classifier_info *elbo_classifier_get_info(const elbo_classifier *classifier) { return &classifier->info; }

float *elbo_classifier_tensor(const elbo_classifier *classifier, const char *name) {
    const elbo_param_info *info = elbo_params_find(classifier->params, name);
    return info ? elbo_params_data(classifier->params, NULL) + info->offset : NULL;
}

/* ---- The graph ---- */

void elbo_classifier_build(const elbo_classifier *classifier, elbo_classifier_program *program) {
    const elbo_classifier_info *info = &classifier->info;
    elbo_graph *graph = program->graph;
    elbo_builder builder = {.graph = graph,
                            .params = classifier->params,
                            .group = "hidden",
                            .init = ELBO_INIT_GLOROT_UNIFORM,
                            .init_scale = 1};
    program->raw = elbo_input(graph, "x", program->dtype, ELBO_SHAPE(program->rows, info->item_size));
    elbo_node *x = elbo_scale(elbo_shift(elbo_to_real(program->raw), -classifier->shift), classifier->factor);
    if (classifier->threshold) x = elbo_less(elbo_scalar(graph, 0.5), x);
    if (classifier->levels > 1) x = elbo_scale(elbo_floor(x), 1.0 / (double)(classifier->levels - 1));
    program->features = elbo_nn_mlp(&builder, x, "dense", &info->hidden, info->activation);
    builder.group = "softmax";
    program->logits = elbo_nn_dense(&builder, program->features, "output", info->classes);
}

void elbo_classifier_program_clear(elbo_classifier_program *program) {
    elbo_plan_free(program->plan);
    elbo_graph_free(program->graph);
    memset(program, 0, sizeof *program);
}

elbo_classifier_program *elbo_classifier_program_for(elbo_classifier *classifier, elbo_dtype dtype, int64_t count,
                                                     elbo_error *error) {
    elbo_classifier_program *program = &classifier->program;
    int64_t rows = count < MOST_ROWS ? count : MOST_ROWS;
    if (program->plan && program->dtype == dtype && program->rows == rows) return program;
    elbo_classifier_program_clear(program);
    *program = (elbo_classifier_program){.dtype = dtype, .rows = rows, .graph = elbo_graph_new()};
    if (!program->graph) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a graph");
    elbo_classifier_build(classifier, program);
    program->probabilities = elbo_softmax(program->logits, 1);
    program->log_probabilities = elbo_log_softmax(program->logits, 1);
    elbo_node *fetch[] = {program->features, program->probabilities, program->log_probabilities};
    elbo_plan_spec spec = {.fetch = fetch, .fetch_count = 3, .threads = classifier->threads, .params_fixed = true};
    program->plan = elbo_plan_new(program->graph, &spec, error);
    if (program->plan) return program;
    elbo_classifier_program_clear(program);
    return NULL;
}

/* ---- Rows given ---- */

static elbo_status check_items(const elbo_classifier *classifier, const elbo_array *x, elbo_error *error) {
    int64_t size = 1, wanted = classifier->info.item_size;
    for (int axis = 1; axis < x->rank; axis++) size *= x->shape[axis];
    if (x->rank < 1 || x->shape[0] < 1 || size != wanted)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "an array of %lld rows of %lld values; rows of the %lld values that the classifier was "
                         "trained on were expected",
                         x->rank < 1 ? 0LL : (long long)x->shape[0], (long long)size, (long long)wanted);
    if (x->dtype != ELBO_U8 && x->dtype != ELBO_F32)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "items of type %s; u8 or f32 were expected",
                         elbo_dtype_name(x->dtype));
    return ELBO_OK;
}

static elbo_status run_rows(const elbo_classifier *classifier, elbo_classifier_program *program, const elbo_array *x,
                            float *probabilities, float *features, elbo_error *error) {
    int64_t count = x->shape[0], classes = classifier->info.classes, width = classifier->info.features;
    size_t row_bytes = elbo_dtype_size(x->dtype) * (size_t)classifier->info.item_size;
    char *input = elbo_plan_input(program->plan, program->raw);
    for (int64_t first = 0; first < count; first += program->rows) {
        int64_t rows = count - first < program->rows ? count - first : program->rows;
        memcpy(input, (const char *)x->data + (size_t)first * row_bytes, (size_t)rows * row_bytes);
        ELBO_TRY(elbo_plan_run(program->plan, NULL, error));
        if (probabilities)
            memcpy(probabilities + first * classes, elbo_plan_value(program->plan, program->probabilities),
                   sizeof *probabilities * (size_t)(rows * classes));
        if (features)
            memcpy(features + first * width, elbo_plan_value(program->plan, program->features),
                   sizeof *features * (size_t)(rows * width));
    }
    return ELBO_OK;
}

elbo_status elbo_classifier_apply(elbo_classifier *classifier, const elbo_array *x, elbo_array *probabilities,
                                  elbo_array *features, elbo_error *error) {
    elbo_array made[2] = {{0}, {0}}, *wanted[2] = {probabilities, features};
    ELBO_TRY(check_items(classifier, x, error));
    const int64_t width[2] = {classifier->info.classes, classifier->info.features};
    elbo_classifier_program *program = elbo_classifier_program_for(classifier, x->dtype, x->shape[0], error);
    elbo_status status = program ? ELBO_OK : error ? error->status : ELBO_ERROR_MEMORY;
    for (int k = 0; k < 2 && status == ELBO_OK; k++)
        if (wanted[k]) status = elbo_array_new(&made[k], ELBO_F32, 2, ELBO_SHAPE(x->shape[0], width[k]).dim, error);
    if (status == ELBO_OK) status = run_rows(classifier, program, x, made[0].data, made[1].data, error);
    for (int k = 0; k < 2; k++) {
        if (status == ELBO_OK && wanted[k])
            *wanted[k] = made[k];
        else
            elbo_array_free(&made[k]);
    }
    return status;
}

/* ---- Rows judged ---- */

typedef struct judge {
    elbo_classifier *classifier;
    const elbo_dataset *dataset;
    elbo_split split;
    int *class_of;          /* [classes of the data]: the classifier's class of that name, or -1 */
    int32_t *label;         /* [rows of a batch] */
    double right;           /* rows */
    double entropy, square; /* sums of -log p and of its square over rows of known classes */
} judge;

static void match_names(judge *j, const elbo_data_info *data) {
    const elbo_classifier_info *info = &j->classifier->info;
    for (int k = 0; k < data->classes; k++) {
        j->class_of[k] = -1;
        for (int own = 0; own < info->classes && j->class_of[k] < 0; own++)
            if (strcmp(info->class_names[own], data->class_names[k]) == 0) j->class_of[k] = own;
    }
}

static void judge_rows(judge *j, const float *log_probabilities, int64_t rows, elbo_classification *out) {
    int classes = j->classifier->info.classes;
    for (int64_t n = 0; n < rows; n++) {
        const float *row = log_probabilities + n * classes;
        int truth = j->class_of[j->label[n]], guess = 0;
        for (int k = 1; k < classes; k++)
            if (row[k] > row[guess]) guess = k;
        if (truth < 0) {
            out->unknown++;
            continue;
        }
        j->right += guess == truth;
        j->entropy -= (double)row[truth];
        j->square += (double)row[truth] * (double)row[truth];
        out->confusion[truth * classes + guess]++;
    }
}

static elbo_status judge_all(judge *j, int64_t count, elbo_classification *out, elbo_error *error) {
    elbo_classifier_program *program =
        elbo_classifier_program_for(j->classifier, elbo_dataset_info(j->dataset)->dtype, count, error);
    if (!program) return error ? error->status : ELBO_ERROR_MEMORY;
    void *input = elbo_plan_input(program->plan, program->raw);
    for (int64_t first = 0; first < count; first += program->rows) {
        int64_t rows = count - first < program->rows ? count - first : program->rows;
        ELBO_TRY(elbo_dataset_rows(j->dataset, j->split, NULL, first, rows, input, error));
        ELBO_TRY(elbo_dataset_labels(j->dataset, j->split, NULL, first, rows, j->label, error));
        ELBO_TRY(elbo_plan_run(program->plan, NULL, error));
        judge_rows(j, elbo_plan_value(program->plan, program->log_probabilities), rows, out);
    }
    return ELBO_OK;
}

/* Of a mean over `count` rows, from the sums of values and of squares. */
static double mean_error(double sum, double square, double count) {
    double mean = sum / count;
    return count > 1 ? sqrt(fmax(square / count - mean * mean, 0) / (count - 1)) : NAN;
}

static elbo_status check_data(const elbo_classifier *classifier, const elbo_data_info *data, elbo_split split,
                              elbo_error *error) {
    if (data->classes == 0) return elbo_fail(error, ELBO_ERROR_STATE, "%s has no labels to judge by", data->source);
    if (data->count[split] == 0) return elbo_fail(error, ELBO_ERROR_STATE, "%s has no such rows", data->source);
    if (data->item_size != classifier->info.item_size)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "%s has items of %lld values; the classifier was trained on %lld",
                         data->source, (long long)data->item_size, (long long)classifier->info.item_size);
    return ELBO_OK;
}

elbo_status elbo_classifier_measure(elbo_classifier *classifier, const elbo_dataset *dataset, elbo_split split,
                                    elbo_classification *out, elbo_error *error) {
    const elbo_data_info *data = elbo_dataset_info(dataset);
    double begun = now();
    memset(out, 0, sizeof *out);
    ELBO_TRY(check_data(classifier, data, split, error));
    int classes = out->classes = classifier->info.classes;
    judge j = {.classifier = classifier, .dataset = dataset, .split = split};
    size_t bytes = sizeof *out->confusion * (size_t)classes * (size_t)classes;
    out->confusion = elbo_calloc(bytes);
    j.class_of = elbo_calloc(sizeof *j.class_of * (size_t)data->classes);
    j.label = elbo_calloc(sizeof *j.label * MOST_ROWS);
    elbo_status status = ELBO_OK;
    if (!out->confusion || !j.class_of || !j.label) status = elbo_fail_memory(error, bytes, "a confusion matrix");
    double count = (double)(out->count = data->count[split]);
    if (status == ELBO_OK) {
        match_names(&j, data);
        status = judge_all(&j, data->count[split], out, error);
    }
    double known = count - (double)out->unknown;
    out->accuracy = j.right / count;
    out->accuracy_stderr = mean_error(j.right, j.right, count);
    out->cross_entropy = j.entropy / known;
    out->cross_entropy_stderr = mean_error(j.entropy, j.square, known);
    out->seconds = now() - begun;
    elbo_free(j.class_of);
    elbo_free(j.label);
    if (status != ELBO_OK) elbo_classification_clear(out);
    return status;
}

void elbo_classification_clear(elbo_classification *classification) {
    elbo_free(classification->confusion);
    memset(classification, 0, sizeof *classification);
}
