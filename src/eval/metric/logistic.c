#include "eval/metric/logistic.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/lbfgs.h"
#include "eval/metric/panels.h"

/* Sums over rows are taken in so many parts, whatever the number of threads, and added in order. */
enum { PARTS = 16 };

typedef struct objective {
    elbo_panels x; /* columns and a last one of ones */
    const int32_t *label;
    int64_t rows, classes, width; /* width: dims + 1 */
    double l2;
    int threads;
    const elbo_panel_table *kernel;
    double *part_gradient; /* [PARTS, classes * width] */
    double *residual;      /* [PARTS, classes * ELBO_PANEL] */
} objective;

/* logits: [classes, ELBO_PANEL] become (softmax - one-hot) / N; returns the sum of the cross-entropies / N. */
static double residuals(const objective *o, double *logits, int64_t panel) {
    double loss = 0, share = 1 / (double)o->rows, most[ELBO_PANEL], sum[ELBO_PANEL] = {0};
    memcpy(most, logits, sizeof most);
    for (int64_t k = 1; k < o->classes; k++)
        for (int row = 0; row < ELBO_PANEL; row++) most[row] = fmax(most[row], logits[k * ELBO_PANEL + row]);
    for (int row = 0; row < ELBO_PANEL && panel * ELBO_PANEL + row < o->rows; row++)
        loss += most[row] - logits[o->label[panel * ELBO_PANEL + row] * ELBO_PANEL + row];
    for (int64_t k = 0; k < o->classes; k++)
        for (int row = 0; row < ELBO_PANEL; row++) {
            double e = exp(logits[k * ELBO_PANEL + row] - most[row]);
            logits[k * ELBO_PANEL + row] = e;
            sum[row] += e;
        }
    for (int row = 0; row < ELBO_PANEL; row++) {
        bool there = panel * ELBO_PANEL + row < o->rows;
        double factor = there ? share / sum[row] : 0;
        for (int64_t k = 0; k < o->classes; k++) logits[k * ELBO_PANEL + row] *= factor;
        if (!there) continue;
        logits[o->label[panel * ELBO_PANEL + row] * ELBO_PANEL + row] -= share;
        loss += log(sum[row]);
    }
    return loss * share;
}

static double part(const objective *o, int index, const double *weight) {
    int64_t first = o->x.count * index / PARTS, end = o->x.count * (index + 1) / PARTS, width = o->width;
    double *gradient = o->part_gradient + index * o->classes * width, loss = 0;
    double *logits = o->residual + index * o->classes * ELBO_PANEL;
    memset(gradient, 0, (size_t)(o->classes * width) * sizeof *gradient);
    for (int64_t panel = first; panel < end; panel++) {
        const double *x = o->x.data + panel * width * ELBO_PANEL;
        o->kernel->multiply(logits, weight, width, x, o->classes, width);
        loss += residuals(o, logits, panel);
        elbo_panels u = {logits, 1, o->classes}, v = {x, 1, width};
        o->kernel->gather(gradient, width, &u, 0, o->classes, &v, 0, width, false);
    }
    return loss;
}

static double evaluate(void *user, const double *weight, double *gradient) {
    const objective *o = user;
    int64_t count = o->classes * o->width;
    double loss[PARTS], penalty = 0, strength = o->l2 / (double)o->rows;
#pragma omp parallel for num_threads(o->threads) schedule(static) if (o->threads > 1)
    for (int p = 0; p < PARTS; p++) loss[p] = part(o, p, weight);
    memset(gradient, 0, (size_t)count * sizeof *gradient);
    double sum = 0;
    for (int p = 0; p < PARTS; p++) {
        sum += loss[p];
        for (int64_t i = 0; i < count; i++) gradient[i] += o->part_gradient[p * count + i];
    }
    for (int64_t i = 0; i < count; i++) {
        if (i % o->width == o->width - 1) continue;
        penalty += weight[i] * weight[i];
        gradient[i] += strength * weight[i];
    }
    return sum + 0.5 * strength * penalty;
}

/* Weights of standardised columns as weights of the columns themselves. */
static void unscale(elbo_logistic *fit, const double *mean, const double *scale) {
    for (int64_t k = 0; k < fit->classes; k++) {
        double *weight = fit->weight + k * (fit->dims + 1);
        for (int64_t d = 0; d < fit->dims; d++) {
            weight[d] *= scale[d];
            weight[fit->dims] -= weight[d] * mean[d];
        }
    }
}

static elbo_status minimise(objective *o, elbo_logistic *fit, const elbo_logistic_settings *settings,
                            elbo_error *error) {
    size_t count = (size_t)(o->classes * o->width), panel = (size_t)(o->classes * ELBO_PANEL);
    double *memory = elbo_calloc(PARTS * (count + panel) * sizeof *memory);
    if (!memory) return elbo_fail_memory(error, PARTS * (count + panel) * sizeof *memory, "gradients");
    o->residual = memory; /* first, as kernels want panels aligned */
    o->part_gradient = memory + PARTS * panel;
    elbo_lbfgs_result result;
    elbo_status status =
        elbo_lbfgs(evaluate, o, fit->weight, (int64_t)count, settings->iterations, settings->tolerance, &result, error);
    elbo_free(memory);
    fit->iterations = result.iterations;
    fit->converged = result.converged;
    fit->loss = result.value;
    return status;
}

elbo_status elbo_logistic_fit(elbo_logistic *fit, const double *x, const int32_t *label, int64_t rows, int64_t dims,
                              int64_t classes, const elbo_logistic_settings *settings, elbo_error *error) {
    objective o = {.label = label, .rows = rows, .classes = classes, .width = dims + 1, .l2 = settings->l2};
    o.threads = settings->threads > 0 ? settings->threads : omp_get_max_threads();
    o.kernel = elbo_panel_best();
    *fit = (elbo_logistic){.dims = dims, .classes = classes};
    double *mean = elbo_calloc((size_t)(2 * dims) * sizeof *mean), *scale = mean ? mean + dims : NULL;
    fit->weight = elbo_calloc((size_t)(classes * o.width) * sizeof *fit->weight);
    elbo_status status = mean && fit->weight ? ELBO_OK : elbo_fail_memory(error, 0, "weights of a classifier");
    if (status == ELBO_OK && settings->standardise) {
        elbo_metric_moments(x, rows, dims, 0, mean, scale);
        for (int64_t d = 0; d < dims; d++) scale[d] = scale[d] > 0 ? 1 / sqrt(scale[d]) : 0;
    }
    bool scaled = settings->standardise;
    if (status == ELBO_OK)
        status = elbo_metric_panels(&o.x, x, rows, dims, scaled ? mean : NULL, scaled ? scale : NULL, true, error);
    if (status == ELBO_OK) status = minimise(&o, fit, settings, error);
    if (status == ELBO_OK && scaled) unscale(fit, mean, scale);
    elbo_free((void *)o.x.data);
    elbo_free(mean);
    if (status != ELBO_OK) elbo_logistic_clear(fit);
    return status;
}

void elbo_logistic_clear(elbo_logistic *fit) {
    elbo_free(fit->weight);
    memset(fit, 0, sizeof *fit);
}

void elbo_logistic_predict(const elbo_logistic *fit, const double *x, int64_t rows, int32_t *label) {
    int64_t dims = fit->dims;
    for (int64_t row = 0; row < rows; row++) {
        double best = -INFINITY;
        for (int64_t k = 0; k < fit->classes; k++) {
            const double *weight = fit->weight + k * (dims + 1);
            double logit = weight[dims];
            for (int64_t d = 0; d < dims; d++) logit += weight[d] * x[row * dims + d];
            if (logit <= best) continue;
            best = logit;
            label[row] = (int32_t)k;
        }
    }
}

double elbo_logistic_accuracy(const elbo_logistic *fit, const double *x, const int32_t *label, int64_t rows) {
    int64_t right = 0;
    for (int64_t row = 0; row < rows; row++) {
        int32_t guess = 0;
        elbo_logistic_predict(fit, x + row * fit->dims, 1, &guess);
        right += guess == label[row];
    }
    return (double)right / (double)rows;
}
