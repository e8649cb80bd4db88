/* Estimators at work on the linear-Gaussian model of linear_gaussian.h: gradients of one objective as numbers, their
 * mean and variance over many draws, and what they should be. */
#ifndef ELBO_TESTS_ESTIMATOR_SUPPORT_H
#define ELBO_TESTS_ESTIMATOR_SUPPORT_H

#include "infer/infer.h"
#include "linear_gaussian.h"

enum {
    WIDTH = 2 * LINEAR_LATENT, /* numbers of a normal posterior */
    NUMBERS = LINEAR_SIZE * WIDTH + WIDTH + LINEAR_LATENT * LINEAR_SIZE + LINEAR_SIZE,
    ROWS = 4,    /* data */
    COPIES = 16, /* of each in a batch: independent draws in one run */
    TENSORS = 24
};

/* The trained parameters as one vector: encoder weight and bias, decoder weight and bias. */
static const struct slot {
    const char *name;
    int first;
} slots[] = {{"encoder.posterior.weight", 0},
             {"encoder.posterior.bias", LINEAR_SIZE *WIDTH},
             {"decoder.output.weight", LINEAR_SIZE *WIDTH + WIDTH},
             {"decoder.output.bias", LINEAR_SIZE *WIDTH + WIDTH + LINEAR_LATENT *LINEAR_SIZE}};
enum { SLOTS = 4, ENCODER_END = LINEAR_SIZE * WIDTH + WIDTH };

/* Opens the model with further options; `more` holds pairs that end with NULL. */
static inline void open_linear(linear *l, uint64_t seed, const char *const *more) {
    char scale[32];
    snprintf(scale, sizeof scale, "%.17g", l->s);
    const char *pairs[40] = {"hidden", "",      "latent", "3",         "likelihood", "gaussian", "variance",
                             "fixed",  "scale", scale,    "normalize", "none",       NULL};
    size_t used = 12;
    for (; more && *more; more++) pairs[used++] = *more;
    pairs[used] = NULL;
    linear_draw(l, ROWS, seed);
    l->data = open_rows(&l->array);
    l->model = model_for(l->data, pairs, 1);
}

/* A wrong posterior around columns that are not orthogonal, so that nothing vanishes by luck. */
static inline void open_spoilt(linear *l, const char *const *more) {
    linear_orthogonal(l, (const double[]){1, 0.75, 0.5}, 0.8);
    linear_spoil(l);
    open_linear(l, 11, more);
    linear_set(l);
}

/* The trained parameters as they are. */
static inline void read_numbers(const linear *l, double out[NUMBERS]) {
    elbo_params *params = elbo_model_get_params(l->model);
    for (int s = 0; s < SLOTS; s++) {
        const elbo_param_info *info = elbo_params_find(params, slots[s].name);
        for (size_t i = 0; i < info->count; i++)
            out[slots[s].first + (int)i] = (double)elbo_params_data(params, NULL)[info->offset + i];
    }
}

/* ---- an objective and its gradient, compiled ---- */

typedef struct bench {
    elbo_graph *graph;
    elbo_plan *plan[ELBO_MODEL_UPDATES];
    elbo_node *x, *weight;
    elbo_update update[ELBO_MODEL_UPDATES];
    int updates;
    elbo_node *gradient[ELBO_MODEL_UPDATES][SLOTS];
    int64_t rows;
} bench;

/* How the objective is made: an estimator, or an inference of its own. */
typedef struct recipe {
    const elbo_estimator_type *type;
    int (*infer)(elbo_estimate *estimate, elbo_update out[ELBO_MODEL_UPDATES]);
    const char *control;
    int64_t draws, groups; /* groups of draws: miwae, piwae */
    double share;          /* of the ELBO: ciwae */
    bool full;             /* a posterior over the decoder's weights */
} recipe;

static inline void bench_open(bench *b, const linear *l, const recipe *how, int64_t copies) {
    elbo_error error = {0};
    const elbo_instance *instance = &l->model->instance;
    memset(b, 0, sizeof *b);
    b->graph = elbo_graph_new();
    b->rows = ROWS * copies;
    elbo_context context = elbo_instance_context(instance, b->graph, true);
    b->x = elbo_input(b->graph, "x", ELBO_F32, ELBO_SHAPE(b->rows, LINEAR_SIZE));
    b->weight = elbo_input(b->graph, "kl_weight", ELBO_F32, ELBO_SCALAR);
    elbo_weights weights = {b->weight};
    elbo_estimate estimate = {.context = &context,
                              .model = instance->type,
                              .x = b->x,
                              .weights = &weights,
                              .samples = how->draws,
                              .groups = how->groups,
                              .share = how->share,
                              .control = how->control};
    if (how->full) {
        b->updates = elbo_infer_full(&estimate, how->type, b->update);
    } else if (how->infer) {
        b->updates = how->infer(&estimate, b->update);
    } else {
        b->update[0] = elbo_estimate_bound(&estimate, how->type);
        b->updates = 1;
    }
    if (elbo_graph_check(b->graph, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int u = 0; u < b->updates; u++) {
        elbo_node *wrt[SLOTS], *fetch[SLOTS + 4];
        size_t count = 0;
        for (int s = 0; s < SLOTS; s++) wrt[s] = elbo_param(b->graph, instance->params, slots[s].name);
        elbo_grad(b->update[u].objective, wrt, SLOTS, b->gradient[u]);
        for (int s = 0; s < SLOTS; s++) fetch[count++] = b->gradient[u][s];
        elbo_node *figures[] = {b->update[u].objective, b->update[u].loss, b->update[u].reconstruction,
                                b->update[u].kl};
        for (int f = 0; f < 4; f++)
            if (figures[f]) fetch[count++] = figures[f];
        elbo_plan_spec spec = {.fetch = fetch,
                               .fetch_count = count,
                               .backend = ELBO_BACKEND_REFERENCE,
                               .precision = ELBO_PRECISION_F64,
                               .threads = 1};
        b->plan[u] = elbo_plan_new(b->graph, &spec, &error);
        if (!b->plan[u]) fail_msg("%s", error.message);
        double *x = elbo_plan_input(b->plan[u], b->x);
        for (int64_t i = 0; x && i < b->rows * LINEAR_SIZE; i++) x[i] = (double)l->x[i % (ROWS * LINEAR_SIZE)];
    }
}

static inline void bench_close(bench *b) {
    for (int u = 0; u < b->updates; u++) elbo_plan_free(b->plan[u]);
    elbo_graph_free(b->graph);
}

/* Runs update u; gradient of its objective into out. */
static inline void bench_run(bench *b, int u, double kl_weight, uint64_t seed, uint32_t step, double out[NUMBERS]) {
    elbo_error error = {0};
    elbo_run run = {.seed = seed, .step = step};
    double *weight = elbo_plan_input(b->plan[u], b->weight);
    if (weight) *weight = kl_weight;
    if (elbo_plan_run(b->plan[u], &run, &error) != ELBO_OK) fail_msg("%s", error.message);
    for (int s = 0; s < SLOTS && out; s++) {
        int count = (s + 1 < SLOTS ? slots[s + 1].first : NUMBERS) - slots[s].first;
        assert_true(elbo_plan_read(b->plan[u], b->gradient[u][s], out + slots[s].first, count));
    }
}

static inline double bench_value(const bench *b, int u, const elbo_node *node) {
    double value = NAN;
    assert_true(elbo_plan_read(b->plan[u], node, &value, 1));
    return value;
}

/* ---- mean and variance over runs ---- */

typedef struct moments {
    double mean[NUMBERS], square[NUMBERS]; /* square: of deviations (Welford) */
    double loss, loss_square;
    int64_t count;
} moments;

static inline void add(moments *m, const double *gradient, double loss) {
    double count = (double)++m->count;
    for (int i = 0; i < NUMBERS; i++) {
        double away = gradient[i] - m->mean[i];
        m->mean[i] += away / count;
        m->square[i] += away * (gradient[i] - m->mean[i]);
    }
    double away = loss - m->loss;
    m->loss += away / count;
    m->loss_square += away * (loss - m->loss);
}

static inline double variance_of(const moments *m, int i) { return m->square[i] / (double)(m->count - 1); }
static inline double stderr_of(const moments *m, int i) { return sqrt(variance_of(m, i) / (double)m->count); }

static inline double total_variance(const moments *m, int first, int end) {
    double sum = 0;
    for (int i = first; i < end; i++) sum += variance_of(m, i);
    return sum;
}

/* The moments of a recipe's gradient of update u. */
static inline moments measure(const linear *l, const recipe *how, int u, double kl_weight, uint64_t seed, int runs) {
    moments m = {.count = 0};
    bench b;
    double gradient[NUMBERS];
    bench_open(&b, l, how, COPIES);
    for (int r = 0; r < runs; r++) {
        bench_run(&b, u, kl_weight, seed, (uint32_t)r, gradient);
        add(&m, gradient, b.update[u].loss ? bench_value(&b, u, b.update[u].loss) : 0);
    }
    bench_close(&b);
    return m;
}

/* The largest distance between two sets of means in standard errors of their difference; other == NULL: from `exact`.
 * The floor covers what f64 rounding and the differences behind `exact` cost where nothing varies. */
static inline double worst_distance(const moments *m, const moments *other, const double *exact, int first, int end,
                                    int *where) {
    double worst = 0;
    for (int i = first; i < end; i++) {
        double away = m->mean[i] - (other ? other->mean[i] : exact[i]);
        double error = stderr_of(m, i);
        if (other) error = hypot(error, stderr_of(other, i));
        double distance = fabs(away) / (error + 1e-7 * (1 + fabs(m->mean[i])));
        if (distance > worst) {
            worst = distance;
            *where = i;
        }
    }
    return worst;
}

/* ---- what it should be ---- */

/* -E[log p(x|z)] + weight KL(q || p), the mean over the rows, in closed form. */
static inline double closed_objective(const double *t, const linear *l, double weight) {
    const double *a = t, *c = t + slots[1].first, *w = t + slots[2].first, *bias = t + slots[3].first;
    double sum = 0;
    for (int64_t n = 0; n < ROWS; n++) {
        double mean[LINEAR_LATENT], variance[LINEAR_LATENT], kl = 0, square = 0;
        for (int j = 0; j < LINEAR_LATENT; j++) {
            double log_variance = c[LINEAR_LATENT + j];
            mean[j] = c[j];
            for (int i = 0; i < LINEAR_SIZE; i++) {
                mean[j] += (double)l->x[n * LINEAR_SIZE + i] * a[i * WIDTH + j];
                log_variance += (double)l->x[n * LINEAR_SIZE + i] * a[i * WIDTH + LINEAR_LATENT + j];
            }
            variance[j] = exp(log_variance);
            kl += 0.5 * (variance[j] + mean[j] * mean[j] - 1 - log_variance);
        }
        for (int i = 0; i < LINEAR_SIZE; i++) {
            double away = (double)l->x[n * LINEAR_SIZE + i] - bias[i];
            for (int j = 0; j < LINEAR_LATENT; j++) {
                away -= mean[j] * w[j * LINEAR_SIZE + i];
                square += variance[j] * w[j * LINEAR_SIZE + i] * w[j * LINEAR_SIZE + i];
            }
            square += away * away;
        }
        double s2 = l->s * l->s;
        sum += 0.5 * square / s2 + 0.5 * LINEAR_SIZE * log(6.283185307179586477 * s2) + weight * kl;
    }
    return sum / ROWS;
}

/* Central differences of a function of the parameters: errors O(h^2) = 1e-10 and rounding 1e-16 / h = 1e-11. */
static inline void differences(double (*f)(const double *t, const linear *l, double weight), const linear *l,
                               const double *at, double weight, int count, double *out) {
    double moved[NUMBERS];
    const double h = 1e-5;
    memcpy(moved, at, sizeof *moved * (size_t)count);
    for (int i = 0; i < count; i++) {
        moved[i] = at[i] + h;
        double above = f(moved, l, weight);
        moved[i] = at[i] - h;
        out[i] = (above - f(moved, l, weight)) / (2 * h);
        moved[i] = at[i];
    }
}

#endif
