#include "eval/metric/svm.h"

#include <math.h>

#include "base/memory.h"

enum { STEPS = 200 };

typedef struct machine {
    const double *x;
    const int32_t *label;
    int64_t rows;
    int32_t positive;
    double c, positive_cost, rest_cost;
} machine;

typedef struct local {
    double value, gradient[2], curve[3]; /* d2/dw2, d2/dw db, d2/db2 */
} local;

static local look(const machine *m, double w, double b) {
    local at = {.value = 0.5 * (w * w + b * b), .gradient = {w, b}, .curve = {1, 0, 1}};
    for (int64_t i = 0; i < m->rows; i++) {
        bool positive = m->label[i] == m->positive;
        double y = positive ? 1 : -1, x = m->x[i], margin = 1 - y * (w * x + b);
        if (margin <= 0) continue;
        double cost = m->c * (positive ? m->positive_cost : m->rest_cost);
        at.value += cost * margin * margin;
        at.gradient[0] -= 2 * cost * y * x * margin;
        at.gradient[1] -= 2 * cost * y * margin;
        at.curve[0] += 2 * cost * x * x;
        at.curve[1] += 2 * cost * x;
        at.curve[2] += 2 * cost;
    }
    return at;
}

void elbo_svm_fit(const double *x, const int32_t *label, int64_t rows, int32_t positive, double c, double positive_cost,
                  double rest_cost, double *w, double *b) {
    machine m = {x, label, rows, positive, c, positive_cost, rest_cost};
    *w = *b = 0;
    local here = look(&m, 0, 0);
    for (int step = 0; step < STEPS; step++) {
        double det = here.curve[0] * here.curve[2] - here.curve[1] * here.curve[1];
        double dw = -(here.curve[2] * here.gradient[0] - here.curve[1] * here.gradient[1]) / det;
        double db = -(here.curve[0] * here.gradient[1] - here.curve[1] * here.gradient[0]) / det;
        double slope = dw * here.gradient[0] + db * here.gradient[1], length = 1;
        if (!(slope < -1e-14 * (1 + here.value))) return;
        local next = look(&m, *w + dw, *b + db);
        while (next.value > here.value + 1e-4 * length * slope && length > 1e-10) {
            length /= 2;
            next = look(&m, *w + length * dw, *b + length * db);
        }
        if (!(next.value < here.value)) return;
        *w += length * dw;
        *b += length * db;
        here = next;
    }
}

static void count(const int32_t *label, int64_t rows, double *counts) {
    for (int64_t i = 0; i < rows; i++) counts[label[i]]++;
}

elbo_status elbo_svm_accuracy(const double *x, const int32_t *label, int64_t rows, const double *test_x,
                              const int32_t *test_label, int64_t test_rows, int64_t classes, double c, double *accuracy,
                              elbo_error *error) {
    size_t bytes = (size_t)(3 * classes) * sizeof(double);
    double *w = elbo_calloc(bytes), *b = w + classes, *cost = w + 2 * classes;
    if (!w) return elbo_fail_memory(error, bytes, "support vector machines");
    count(label, rows, cost);
    for (int64_t k = 0; k < classes; k++) cost[k] = cost[k] > 0 ? (double)rows / ((double)classes * cost[k]) : 1;
    for (int64_t k = 0; k < classes; k++)
        elbo_svm_fit(x, label, rows, (int32_t)k, c, cost[k], classes == 2 ? cost[1 - k] : 1, &w[k], &b[k]);
    int64_t right = 0;
    for (int64_t i = 0; i < test_rows; i++) {
        int64_t best = 0;
        for (int64_t k = 1; k < classes; k++)
            if (w[k] * test_x[i] + b[k] > w[best] * test_x[i] + b[best]) best = k;
        right += best == test_label[i];
    }
    elbo_free(w);
    *accuracy = (double)right / (double)test_rows;
    return ELBO_OK;
}
