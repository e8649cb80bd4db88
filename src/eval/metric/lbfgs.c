#include "eval/metric/lbfgs.h"

#include <math.h>
#include <string.h>

#include "base/memory.h"

enum { PAIRS = 10, TRIALS = 40 };

typedef struct descent {
    elbo_lbfgs_function function;
    void *user;
    int64_t count, kept;  /* pairs so far */
    double *x, *gradient; /* here */
    double *next, *next_gradient;
    double *direction;
    double *step, *change; /* [PAIRS, count]: s and y */
    double rho[PAIRS];
    double value, next_value;
} descent;

static double dot(const double *a, const double *b, int64_t count) {
    double sum = 0;
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static void add(double *a, double factor, const double *b, int64_t count) {
    for (int64_t i = 0; i < count; i++) a[i] += factor * b[i];
}

/* direction = -H gradient by the two-loop recursion. */
static void choose_direction(descent *d) {
    double alpha[PAIRS];
    int64_t first = d->kept > PAIRS ? d->kept - PAIRS : 0, count = d->count;
    for (int64_t i = 0; i < count; i++) d->direction[i] = -d->gradient[i];
    for (int64_t k = d->kept - 1; k >= first; k--) {
        int slot = (int)(k % PAIRS);
        alpha[slot] = d->rho[slot] * dot(d->step + slot * count, d->direction, count);
        add(d->direction, -alpha[slot], d->change + slot * count, count);
    }
    if (d->kept > 0) {
        int slot = (int)((d->kept - 1) % PAIRS);
        const double *y = d->change + slot * count;
        double factor = 1 / (d->rho[slot] * dot(y, y, count));
        for (int64_t i = 0; i < count; i++) d->direction[i] *= factor;
    }
    for (int64_t k = first; k < d->kept; k++) {
        int slot = (int)(k % PAIRS);
        double beta = d->rho[slot] * dot(d->change + slot * count, d->direction, count);
        add(d->direction, alpha[slot] - beta, d->step + slot * count, count);
    }
}

/* Finds a step that lowers the value enough and turns the slope enough; false if there is none. */
static bool search(descent *d, double length) {
    double slope = dot(d->direction, d->gradient, d->count), low = 0, high = INFINITY;
    if (!(slope < 0)) return false;
    for (int trial = 0; trial < TRIALS; trial++) {
        memcpy(d->next, d->x, (size_t)d->count * sizeof *d->x);
        add(d->next, length, d->direction, d->count);
        d->next_value = d->function(d->user, d->next, d->next_gradient);
        if (!(d->next_value <= d->value + 1e-4 * length * slope))
            high = length;
        else if (dot(d->direction, d->next_gradient, d->count) < 0.9 * slope)
            low = length;
        else
            return true;
        length = isinf(high) ? 2 * low : 0.5 * (low + high);
    }
    return false;
}

static void accept(descent *d) {
    int slot = (int)(d->kept % PAIRS);
    double *s = d->step + slot * d->count, *y = d->change + slot * d->count;
    for (int64_t i = 0; i < d->count; i++) {
        s[i] = d->next[i] - d->x[i];
        y[i] = d->next_gradient[i] - d->gradient[i];
    }
    double curvature = dot(s, y, d->count);
    memcpy(d->x, d->next, (size_t)d->count * sizeof *d->x);
    memcpy(d->gradient, d->next_gradient, (size_t)d->count * sizeof *d->gradient);
    d->value = d->next_value;
    if (curvature <= 0) return;
    d->rho[slot] = 1 / curvature;
    d->kept++;
}

static double largest(const double *a, int64_t count) {
    double most = 0;
    for (int64_t i = 0; i < count; i++) most = fmax(most, fabs(a[i]));
    return most;
}

elbo_status elbo_lbfgs(elbo_lbfgs_function function, void *user, double *x, int64_t count, int64_t iterations,
                       double tolerance, elbo_lbfgs_result *result, elbo_error *error) {
    size_t numbers = (size_t)count * (4 + 2 * PAIRS);
    double *memory = elbo_calloc(numbers * sizeof *memory);
    *result = (elbo_lbfgs_result){.value = NAN};
    if (!memory) return elbo_fail_memory(error, numbers * sizeof *memory, "a minimisation");
    descent d = {.function = function, .user = user, .count = count, .x = x, .gradient = memory};
    d.next = memory + count;
    d.next_gradient = memory + 2 * count;
    d.direction = memory + 3 * count;
    d.step = memory + 4 * count;
    d.change = memory + (4 + PAIRS) * count;
    d.value = function(user, x, d.gradient);
    while (!(result->converged = largest(d.gradient, count) <= tolerance) && result->iterations < iterations) {
        choose_direction(&d);
        double first = d.kept > 0 ? 1 : 1 / fmax(1, sqrt(dot(d.gradient, d.gradient, count)));
        if (!search(&d, first)) break;
        accept(&d);
        result->iterations++;
    }
    result->value = d.value;
    elbo_free(memory);
    if (isfinite(d.value)) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_NUMERIC, "the loss of a classifier became %g; smaller codes were expected",
                     d.value);
}
