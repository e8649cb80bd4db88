#include "eval/metric/neighbours.h"

#include <math.h>
#include <omp.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/panels.h"

enum { TEST_BLOCK = 256, TRAIN_BLOCK = 4096, SPARE = 16 };

/* A row of `train` and how near it is: the larger the nearer. */
typedef struct candidate {
    double nearness;
    int64_t row;
} candidate;

typedef struct hunt {
    const elbo_metric_matrix *train, *test;
    const int32_t *label;
    int64_t wanted, kept; /* kept: wanted and some spare ones, or all */
    int threads;
    double *centre;
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *a, *b, *half; /* [TEST_BLOCK, D], [TRAIN_BLOCK, D], [TRAIN_BLOCK] */
    elbo_node *nearness;     /* [TEST_BLOCK, TRAIN_BLOCK] */
    candidate *list;         /* [TEST_BLOCK, kept], nearest first */
    double longest;          /* the largest |b| of centred training rows */
} hunt;

/* a . b - |b|^2 / 2 orders b as -|a - b|^2 does. */
static elbo_status compile(hunt *h, elbo_error *error) {
    int64_t dims = h->train->columns;
    h->graph = elbo_graph_new();
    if (!h->graph) return elbo_fail_memory(error, 0, "a graph");
    h->a = elbo_input(h->graph, "test", ELBO_F32, ELBO_SHAPE(TEST_BLOCK, dims));
    h->b = elbo_input(h->graph, "train", ELBO_F32, ELBO_SHAPE(TRAIN_BLOCK, dims));
    h->half = elbo_input(h->graph, "half", ELBO_F32, ELBO_SHAPE(TRAIN_BLOCK));
    h->nearness = elbo_sub(elbo_matmul(h->a, h->b, false, true), h->half);
    elbo_plan_spec spec = {.fetch = &h->nearness, .fetch_count = 1, .threads = h->threads};
    h->plan = elbo_plan_new(h->graph, &spec, error);
    return h->plan ? ELBO_OK : error ? error->status : ELBO_ERROR_MEMORY;
}

/* Centred rows first.. of a matrix as f32, zeros behind the last; returns how many there are. */
static int64_t fill(const hunt *h, const elbo_metric_matrix *matrix, int64_t first, int64_t block, float *out) {
    int64_t dims = matrix->columns, count = matrix->rows - first < block ? matrix->rows - first : block;
    for (int64_t i = 0; i < count; i++)
        for (int64_t d = 0; d < dims; d++)
            out[i * dims + d] = (float)(matrix->data[(first + i) * dims + d] - h->centre[d]);
    memset(out + count * dims, 0, (size_t)((block - count) * dims) * sizeof *out);
    return count;
}

static void insert(candidate *list, int64_t kept, candidate one) {
    int64_t at = kept - 1;
    for (; at > 0 && list[at - 1].nearness < one.nearness; at--) list[at] = list[at - 1];
    list[at] = one;
}

static void take(hunt *h, int64_t tests, int64_t first, int64_t trains) {
    const float *nearness = elbo_plan_value(h->plan, h->nearness);
    int threads = h->threads > 0 ? h->threads : omp_get_max_threads();
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < tests; i++) {
        candidate *list = h->list + i * h->kept;
        for (int64_t j = 0; j < trains; j++) {
            double value = (double)nearness[i * TRAIN_BLOCK + j];
            if (value > list[h->kept - 1].nearness) insert(list, h->kept, (candidate){value, first + j});
        }
    }
}

static double distance(const hunt *h, int64_t test, int64_t train) {
    int64_t dims = h->train->columns;
    const double *a = h->test->data + test * dims, *b = h->train->data + train * dims;
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t d = 0; d < dims; d++) sum += (a[d] - b[d]) * (a[d] - b[d]);
    return sum;
}

/* Orders candidates by exact distance, equal ones by row. */
static void sort_exactly(const hunt *h, int64_t test, candidate *list) {
    for (int64_t i = 0; i < h->kept; i++) {
        candidate one = {-distance(h, test, list[i].row), list[i].row};
        int64_t at = i;
        for (; at > 0 && (list[at - 1].nearness < one.nearness ||
                          (list[at - 1].nearness == one.nearness && list[at - 1].row > one.row));
             at--)
            list[at] = list[at - 1];
        list[at] = one;
    }
}

/* Whether no row outside of the list can be among the nearest: all of these have at most the nearness `last` in f32,
 * whose error is at most (D + 8) 2^-24 (|a| |b| + |b|^2): that of the product, of its inputs and of |b|^2 / 2. */
static bool is_certain(const hunt *h, int64_t test, const candidate *list, double last) {
    int64_t dims = h->train->columns;
    double square = 0;
    if (h->kept == h->train->rows) return true;
    for (int64_t d = 0; d < dims; d++) square += pow(h->test->data[test * dims + d] - h->centre[d], 2);
    double error = (double)(dims + 8) * 0x1p-24 * (sqrt(square) * h->longest + h->longest * h->longest);
    return 0.5 * (square + list[h->wanted - 1].nearness) > last + 2 * error;
}

/* Fills the list from all training rows by exact distance. */
static void look_at_all(const hunt *h, int64_t test, candidate *list) {
    for (int64_t i = 0; i < h->kept; i++) list[i] = (candidate){-INFINITY, 0};
    for (int64_t row = 0; row < h->train->rows; row++) {
        double nearness = -distance(h, test, row);
        if (nearness > list[h->kept - 1].nearness) insert(list, h->kept, (candidate){nearness, row});
    }
}

static int32_t vote(const hunt *h, const candidate *list) {
    int64_t most = 0;
    int32_t best = 0;
    for (int64_t i = 0; i < h->wanted; i++) {
        int64_t votes = 0;
        for (int64_t j = 0; j < h->wanted; j++) votes += h->label[list[j].row] == h->label[list[i].row];
        if (votes <= most) continue;
        most = votes;
        best = h->label[list[i].row];
    }
    return best;
}

static int32_t decide(const hunt *h, int64_t test, candidate *list) {
    double last = list[h->kept - 1].nearness;
    sort_exactly(h, test, list);
    if (!is_certain(h, test, list, last)) look_at_all(h, test, list);
    return vote(h, list);
}

static elbo_status run_block(hunt *h, int64_t first, int32_t *guess, elbo_error *error) {
    int64_t dims = h->train->columns, tests = fill(h, h->test, first, TEST_BLOCK, elbo_plan_input(h->plan, h->a));
    for (int64_t i = 0; i < tests * h->kept; i++) h->list[i] = (candidate){-INFINITY, 0};
    for (int64_t start = 0; start < h->train->rows; start += TRAIN_BLOCK) {
        float *b = elbo_plan_input(h->plan, h->b), *half = elbo_plan_input(h->plan, h->half);
        int64_t trains = fill(h, h->train, start, TRAIN_BLOCK, b);
        for (int64_t j = 0; j < TRAIN_BLOCK; j++) {
            double sum = 0;
            for (int64_t d = 0; d < dims; d++) sum += (double)b[j * dims + d] * (double)b[j * dims + d];
            half[j] = (float)(0.5 * sum);
        }
        ELBO_TRY(elbo_plan_run(h->plan, &(elbo_run){0}, error));
        take(h, tests, start, trains);
    }
    int threads = h->threads > 0 ? h->threads : omp_get_max_threads();
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t i = 0; i < tests; i++) guess[first + i] = decide(h, first + i, h->list + i * h->kept);
    return ELBO_OK;
}

/* Squares must fit f32. */
static elbo_status check_range(const elbo_metric_matrix *matrix, const char *what, elbo_error *error) {
    for (int64_t i = 0; i < matrix->rows * matrix->columns; i++)
        if (fabs(matrix->data[i]) > 1e15)
            return elbo_fail(error, ELBO_ERROR_NUMERIC,
                             "%s: row %lld holds %g: numbers of at most 1e15 were expected for distances", what,
                             (long long)(i / matrix->columns), matrix->data[i]);
    return ELBO_OK;
}

static elbo_status prepare(hunt *h, elbo_error *error) {
    size_t lists = (size_t)(TEST_BLOCK * h->kept) * sizeof *h->list;
    h->centre = elbo_calloc((size_t)h->train->columns * sizeof *h->centre);
    h->list = elbo_calloc(lists);
    if (!h->centre || !h->list) return elbo_fail_memory(error, lists, "neighbours");
    elbo_metric_moments(h->train->data, h->train->rows, h->train->columns, 0, h->centre, NULL);
    ELBO_TRY(check_range(h->train, "codes", error));
    ELBO_TRY(check_range(h->test, "test codes", error));
    for (int64_t row = 0; row < h->train->rows; row++) {
        double square = 0;
        for (int64_t d = 0; d < h->train->columns; d++)
            square += pow(h->train->data[row * h->train->columns + d] - h->centre[d], 2);
        h->longest = fmax(h->longest, sqrt(square));
    }
    return compile(h, error);
}

elbo_status elbo_neighbours(const elbo_metric_matrix *train, const int32_t *label, const elbo_metric_matrix *test,
                            int64_t neighbours, int threads, int32_t *guess, elbo_error *error) {
    hunt h = {.train = train, .test = test, .label = label, .threads = threads};
    h.wanted = neighbours < train->rows ? neighbours : train->rows;
    h.kept = h.wanted + SPARE < train->rows ? h.wanted + SPARE : train->rows;
    elbo_status status = prepare(&h, error);
    for (int64_t first = 0; first < test->rows && status == ELBO_OK; first += TEST_BLOCK)
        status = run_block(&h, first, guess, error);
    elbo_plan_free(h.plan);
    elbo_graph_free(h.graph);
    elbo_free(h.centre);
    elbo_free(h.list);
    return status;
}
