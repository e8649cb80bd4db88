#include "eval/metric/boosting.h"

#include <math.h>
#include <omp.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"

enum { BINS = 256, LEAVES = 1 << ELBO_BOOSTING_DEPTH };

/* Columns as small numbers: x <= threshold[column][b] if and only if bin <= b. */
typedef struct binned {
    int64_t rows, dims;
    uint8_t *bin;                  /* [dims, rows] */
    double (*threshold)[BINS - 1]; /* [dims] */
    int *bins;                     /* [dims] */
} binned;

/* What a thread needs to grow a tree. */
typedef struct grower {
    double *residual; /* [rows] */
    int32_t *place;   /* [rows]: the node that a row is in */
    double *sum;      /* [leaves of a level, dims, BINS] */
    int32_t *count;   /* the same */
    double *gain;     /* [dims] */
} grower;

typedef struct booster {
    elbo_boosting *fit;
    binned data;
    const int32_t *label;
    int64_t depth;
    double rate;
    double *score;       /* [classes, rows] */
    double *probability; /* [classes, rows] */
    double *gain;        /* [classes, dims]: of a round */
    grower *workers;
    int threads;
} booster;

/* ---- Bins ---- */

static int compare(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

/* A number t with low <= t < high. */
static double between(double low, double high) {
    double middle = low + 0.5 * (high - low);
    return middle < high ? middle : low;
}

static int choose_thresholds(double *threshold, const double *sorted, int64_t rows) {
    int64_t distinct = 1;
    int count = 0;
    for (int64_t i = 1; i < rows; i++) distinct += sorted[i] > sorted[i - 1];
    if (distinct <= BINS) {
        for (int64_t i = 1; i < rows; i++)
            if (sorted[i] > sorted[i - 1]) threshold[count++] = between(sorted[i - 1], sorted[i]);
        return count;
    }
    for (int b = 1; b < BINS; b++) {
        int64_t at = rows * b / BINS;
        if (at < 1 || sorted[at] <= sorted[at - 1]) continue;
        double value = between(sorted[at - 1], sorted[at]);
        if (count == 0 || value > threshold[count - 1]) threshold[count++] = value;
    }
    return count;
}

static uint8_t bin_of(const double *threshold, int count, double value) {
    int low = 0, high = count;
    while (low < high) {
        int middle = (low + high) / 2;
        if (value <= threshold[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return (uint8_t)low;
}

static void bin(binned *data, const double *x, double *column) {
    for (int64_t d = 0; d < data->dims; d++) {
        for (int64_t i = 0; i < data->rows; i++) column[i] = x[i * data->dims + d];
        qsort(column, (size_t)data->rows, sizeof *column, compare);
        data->bins[d] = choose_thresholds(data->threshold[d], column, data->rows) + 1;
        for (int64_t i = 0; i < data->rows; i++)
            data->bin[d * data->rows + i] = bin_of(data->threshold[d], data->bins[d] - 1, x[i * data->dims + d]);
    }
}

/* ---- A tree ---- */

/* Sums of residuals and numbers of rows by node of this level, column and bin. */
static void gather(const booster *b, grower *g, int64_t first, int64_t width) {
    const binned *data = &b->data;
    size_t cells = (size_t)(width * data->dims * BINS);
    memset(g->sum, 0, cells * sizeof *g->sum);
    memset(g->count, 0, cells * sizeof *g->count);
    for (int64_t d = 0; d < data->dims; d++) {
        const uint8_t *bins = data->bin + d * data->rows;
        for (int64_t i = 0; i < data->rows; i++) {
            int64_t node = g->place[i] - first;
            if (node < 0) continue; /* in a leaf of a level above */
            int64_t cell = (node * data->dims + d) * BINS + bins[i];
            g->sum[cell] += g->residual[i];
            g->count[cell]++;
        }
    }
}

/* The question that lowers the squared error of a node most; gain 0 if none does. The decrease is
 * n_l n_r / (n_l + n_r) (mean_l - mean_r)^2. */
static double best_question(const booster *b, const grower *g, int64_t slot, int *column, int *cut) {
    double best = 0, all = 0;
    int64_t rows = 0;
    const double *own_sum = g->sum + slot * b->data.dims * BINS;
    const int32_t *own_count = g->count + slot * b->data.dims * BINS;
    for (int k = 0; k < b->data.bins[0]; k++) {
        all += own_sum[k];
        rows += own_count[k];
    }
    for (int64_t d = 0; d < b->data.dims; d++) {
        double sum = 0;
        int64_t left = 0;
        for (int k = 0; k + 1 < b->data.bins[d]; k++) {
            sum += own_sum[d * BINS + k];
            left += own_count[d * BINS + k];
            if (left == 0 || own_count[d * BINS + k] == 0) continue;
            if (left == rows) break;
            double right = (double)(rows - left);
            double away = sum / (double)left - (all - sum) / right;
            double gain = (double)left * right / (double)rows * away * away;
            if (gain <= best * (1 + 1e-12) + 1e-20) continue; /* rounding is no gain; the first of equals stays */
            best = gain;
            *column = (int)d;
            *cut = k;
        }
    }
    return best;
}

/* One level: asks at each node and sends its rows down. */
static void split_level(const booster *b, grower *g, elbo_boosting_node *tree, int64_t level, double *gain) {
    int64_t width = (int64_t)1 << level, first = width - 1;
    int cut[LEAVES];
    gather(b, g, first, width);
    for (int64_t slot = 0; slot < width; slot++) {
        int column = -1;
        elbo_boosting_node *node = &tree[first + slot];
        double won = best_question(b, g, slot, &column, &cut[slot]);
        node->column = column;
        if (column < 0) continue;
        node->threshold = b->data.threshold[column][cut[slot]];
        gain[column] += won;
    }
    for (int64_t i = 0; i < b->data.rows; i++) {
        int64_t slot = g->place[i] - first;
        if (slot < 0 || tree[g->place[i]].column < 0) continue;
        bool right = b->data.bin[tree[g->place[i]].column * b->data.rows + i] > cut[slot];
        g->place[i] = 2 * g->place[i] + 1 + right;
    }
}

/* Leaves: the Newton step (K - 1) / K sum r / sum |r| (1 - |r|), times the rate. */
static void fill_leaves(const booster *b, grower *g, elbo_boosting_node *tree, double *score) {
    int64_t nodes = b->fit->nodes;
    double *slope = g->sum, *curve = g->sum + nodes; /* the sums of the levels are not needed any more */
    memset(g->sum, 0, (size_t)(2 * nodes) * sizeof *g->sum);
    for (int64_t i = 0; i < b->data.rows; i++) {
        double r = g->residual[i];
        slope[g->place[i]] += r;
        curve[g->place[i]] += fabs(r) * (1 - fabs(r));
    }
    double factor = b->rate * (double)(b->fit->classes - 1) / (double)b->fit->classes;
    for (int64_t n = 0; n < nodes; n++) tree[n].value = curve[n] > 1e-150 ? factor * slope[n] / curve[n] : 0;
    for (int64_t i = 0; i < b->data.rows; i++) score[i] += tree[g->place[i]].value;
}

static void grow(booster *b, grower *g, int64_t round, int64_t k) {
    int64_t rows = b->data.rows;
    elbo_boosting_node *tree = b->fit->node + (round * b->fit->classes + k) * b->fit->nodes;
    double *gain = b->gain + k * b->data.dims;
    for (int64_t n = 0; n < b->fit->nodes; n++) tree[n].column = -1;
    memset(gain, 0, (size_t)b->data.dims * sizeof *gain);
    memset(g->place, 0, (size_t)rows * sizeof *g->place);
    for (int64_t i = 0; i < rows; i++) g->residual[i] = (b->label[i] == k) - b->probability[k * rows + i];
    for (int64_t level = 0; level < b->depth; level++) split_level(b, g, tree, level, gain);
    fill_leaves(b, g, tree, b->score + k * rows);
}

/* ---- Rounds ---- */

static void softmax(booster *b) {
    int64_t rows = b->data.rows, classes = b->fit->classes;
    for (int64_t i = 0; i < rows; i++) {
        double most = -INFINITY, sum = 0;
        for (int64_t k = 0; k < classes; k++) most = fmax(most, b->score[k * rows + i]);
        for (int64_t k = 0; k < classes; k++) sum += b->probability[k * rows + i] = exp(b->score[k * rows + i] - most);
        for (int64_t k = 0; k < classes; k++) b->probability[k * rows + i] /= sum;
    }
}

static void run(booster *b) {
    int64_t classes = b->fit->classes, dims = b->data.dims;
    for (int64_t k = 0; k < classes; k++)
        for (int64_t i = 0; i < b->data.rows; i++) b->score[k * b->data.rows + i] = b->fit->start[k];
    for (int64_t round = 0; round < b->fit->rounds; round++) {
        softmax(b);
#pragma omp parallel for num_threads(b->threads) schedule(dynamic) if (b->threads > 1)
        for (int64_t k = 0; k < classes; k++) grow(b, &b->workers[omp_get_thread_num()], round, k);
        for (int64_t k = 0; k < classes; k++)
            for (int64_t d = 0; d < dims; d++) b->fit->importance[d] += b->gain[k * dims + d];
    }
    double sum = 0;
    for (int64_t d = 0; d < dims; d++) sum += b->fit->importance[d];
    for (int64_t d = 0; d < dims && sum > 0; d++) b->fit->importance[d] /= sum;
}

/* ---- Memory ---- */

static bool allocate(booster *b, const elbo_boosting_settings *settings) {
    elbo_boosting *fit = b->fit;
    size_t rows = (size_t)b->data.rows, dims = (size_t)fit->dims, classes = (size_t)fit->classes;
    size_t level = (size_t)1 << (settings->depth - 1), cells = level * dims * BINS;
    if (cells < 2 * (size_t)fit->nodes) cells = 2 * (size_t)fit->nodes;
    fit->start = elbo_calloc(classes * sizeof *fit->start);
    fit->node = elbo_calloc((size_t)(fit->rounds * fit->nodes) * classes * sizeof *fit->node);
    fit->importance = elbo_calloc(dims * sizeof *fit->importance);
    b->data.bin = elbo_calloc(rows * dims);
    b->data.threshold = elbo_calloc(dims * sizeof *b->data.threshold);
    b->data.bins = elbo_calloc(dims * sizeof *b->data.bins);
    b->score = elbo_calloc(2 * classes * rows * sizeof *b->score);
    b->gain = elbo_calloc(classes * dims * sizeof *b->gain);
    b->workers = elbo_calloc((size_t)b->threads * sizeof *b->workers);
    bool good = fit->start && fit->node && fit->importance && b->data.bin && b->data.threshold && b->data.bins &&
                b->score && b->gain && b->workers;
    if (good) b->probability = b->score + classes * rows;
    for (int t = 0; t < b->threads && good; t++) {
        grower *g = &b->workers[t];
        g->residual = elbo_calloc(rows * sizeof *g->residual);
        g->place = elbo_calloc(rows * sizeof *g->place);
        g->sum = elbo_calloc(cells * sizeof *g->sum);
        g->count = elbo_calloc(cells * sizeof *g->count);
        good = g->residual && g->place && g->sum && g->count;
    }
    return good;
}

static void release(booster *b) {
    for (int t = 0; b->workers && t < b->threads; t++) {
        elbo_free(b->workers[t].residual);
        elbo_free(b->workers[t].place);
        elbo_free(b->workers[t].sum);
        elbo_free(b->workers[t].count);
    }
    elbo_free(b->workers);
    elbo_free(b->data.bin);
    elbo_free(b->data.threshold);
    elbo_free(b->data.bins);
    elbo_free(b->score);
    elbo_free(b->gain);
}

elbo_status elbo_boosting_fit(elbo_boosting *fit, const double *x, const int32_t *label, int64_t rows, int64_t dims,
                              int64_t classes, const elbo_boosting_settings *settings, elbo_error *error) {
    *fit = (elbo_boosting){.dims = dims, .classes = classes, .rounds = settings->rounds};
    fit->nodes = ((int64_t)2 << settings->depth) - 1;
    booster b = {.fit = fit, .label = label, .depth = settings->depth, .rate = settings->rate};
    b.data.rows = rows;
    b.data.dims = dims;
    b.threads = settings->threads > 0 ? settings->threads : omp_get_max_threads();
    if (b.threads > classes) b.threads = (int)classes;
    if (!allocate(&b, settings)) {
        release(&b);
        elbo_boosting_clear(fit);
        return elbo_fail_memory(error, 0, "boosted trees");
    }
    bin(&b.data, x, b.workers[0].residual);
    for (int64_t i = 0; i < rows; i++) fit->start[label[i]]++;
    /* A class without rows starts far below the others and stays there. */
    for (int64_t k = 0; k < classes; k++) fit->start[k] = fit->start[k] > 0 ? log(fit->start[k] / (double)rows) : -50;
    run(&b);
    release(&b);
    return ELBO_OK;
}

void elbo_boosting_clear(elbo_boosting *fit) {
    elbo_free(fit->start);
    elbo_free(fit->node);
    elbo_free(fit->importance);
    memset(fit, 0, sizeof *fit);
}

/* ---- Use ---- */

static double leaf(const elbo_boosting_node *tree, const double *x) {
    int64_t at = 0;
    while (tree[at].column >= 0) at = 2 * at + 1 + (x[tree[at].column] > tree[at].threshold);
    return tree[at].value;
}

double elbo_boosting_accuracy(const elbo_boosting *fit, const double *x, const int32_t *label, int64_t rows) {
    int64_t right = 0;
    for (int64_t i = 0; i < rows; i++) {
        double best = -INFINITY;
        int64_t guess = 0;
        for (int64_t k = 0; k < fit->classes; k++) {
            double score = fit->start[k];
            for (int64_t round = 0; round < fit->rounds; round++)
                score += leaf(fit->node + (round * fit->classes + k) * fit->nodes, x + i * fit->dims);
            if (score <= best) continue;
            best = score;
            guess = k;
        }
        right += guess == label[i];
    }
    return (double)right / (double)rows;
}
