/* What this build knows, as names and one line each. Things that have a file of their own come from the registries that
 * the build makes; the others are listed here, and a test holds the lists against what they describe. */
#include <string.h>

#include "data/synth/synth.h"
#include "dist/dist.h"
#include "graph/op.h"
#include "infer/infer.h"
#include "models/model.h"
#include "optim/optim.h"

typedef struct line {
    const char *name, *description;
} line;

/* The formulas of elbo_nn_activate, in the order of ELBO_ACTIVATIONS. */
static const line activations[] = {{"tanh", "(e^x - e^-x) / (e^x + e^-x)"},
                                   {"relu", "max(x, 0)"},
                                   {"leaky-relu", "x for x > 0, else x / 100"},
                                   {"softplus", "log(1 + e^x)"},
                                   {"elu", "x for x > 0, else e^x - 1"},
                                   {"sigmoid", "1 / (1 + e^-x)"},
                                   {"silu", "x sigmoid(x)"},
                                   {"gelu", "x (1 + erf(x / sqrt 2)) / 2"},
                                   {"identity", "x"}};

static const line generators[] = {
    {"synth:glyphs", "handwriting-like digits drawn from strokes, 28x28 bytes, labelled"},
    {"synth:sprites",
     "a square, an ellipse or a heart with the factor grid of dSprites, 64x64 bytes, labelled by shape"},
    {"synth:mixture", "points from a mixture of Gaussians with full covariances, labelled by component"},
    {"synth:topics", "documents of known topics as counts of words, labelled by their largest topic"},
    {"synth:onehot", "unit vectors, each as often as the others"},
    {"synth:ring", "points around a circle"}};

static const char *const schedules[] = {"constant", "step", "exponential", "cosine", "iwae"};

enum {
    ACTIVATIONS = sizeof activations / sizeof *activations,
    GENERATORS = sizeof generators / sizeof *generators,
    SCHEDULES = sizeof schedules / sizeof *schedules
};

static bool activation_at(size_t index, line *out) {
    if (index < ACTIVATIONS) *out = activations[index];
    return index < ACTIVATIONS;
}

static bool generator_at(size_t index, line *out) {
    if (index < GENERATORS) *out = generators[index];
    return index < GENERATORS;
}

static bool schedule_at(size_t index, line *out) {
    if (index < SCHEDULES) *out = (line){schedules[index], elbo_schedule_describe(schedules[index])};
    return index < SCHEDULES;
}

/* A function for the entries of a registry that ends with NULL. */
#define REGISTRY_AT(function, type, registry, text)         \
    static bool function(size_t index, line *out) {         \
        size_t count = 0;                                   \
        while (count < index && registry[count]) count++;   \
        const type *entry = registry[count];                \
        if (entry) *out = (line){entry->name, entry->text}; \
        return entry != NULL;                               \
    }
REGISTRY_AT(model_at, elbo_model_type, elbo_registry_models, description)
REGISTRY_AT(optimiser_at, elbo_optimiser_type, elbo_registry_optimisers, description)
REGISTRY_AT(distribution_at, elbo_dist_type, elbo_registry_dists, description)
REGISTRY_AT(estimator_at, elbo_estimator_type, elbo_registry_estimators, description)
REGISTRY_AT(format_at, elbo_format, elbo_registry_formats, description)

static bool metric_at(size_t index, line *out) {
    elbo_metric_info metric;
    bool known = elbo_metric_at(index, &metric);
    if (known) *out = (line){metric.name, metric.title};
    return known;
}

static bool operation_at(size_t index, line *out) {
    for (size_t family = 0; elbo_registry_ops[family]; family++)
        for (size_t i = 0; elbo_registry_ops[family]->ops[i]; i++)
            if (index-- == 0) {
                const elbo_op *op = elbo_registry_ops[family]->ops[i];
                *out = (line){op->name, op->formula};
                return true;
            }
    return false;
}

static const struct {
    const char *kind;
    bool (*at)(size_t index, line *out);
} kinds[] = {{"models", model_at},           {"optimisers", optimiser_at},
             {"schedules", schedule_at},     {"distributions", distribution_at},
             {"activations", activation_at}, {"formats", format_at},
             {"generators", generator_at},   {"operations", operation_at},
             {"estimators", estimator_at},   {"metrics", metric_at}};

bool elbo_registry_entry(const char *kind, size_t index, const char **name, const char **description) {
    for (size_t k = 0; k < sizeof kinds / sizeof *kinds; k++) {
        line found;
        if (strcmp(kinds[k].kind, kind) != 0) continue;
        if (!kinds[k].at(index, &found)) return false;
        if (name) *name = found.name;
        if (description) *description = found.description ? found.description : "";
        return true;
    }
    return false;
}
