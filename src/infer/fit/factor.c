#include "infer/fit/factor.h"

#include <float.h>
#include <math.h>
#include <string.h>

static double dot(const double *a, const double *b, int64_t count) {
    double sum = 0;
#pragma omp simd reduction(+ : sum)
    for (int64_t i = 0; i < count; i++) sum += a[i] * b[i];
    return sum;
}

static void add_scaled(double *restrict out, double factor, const double *restrict in, int64_t count) {
    for (int64_t i = 0; i < count; i++) out[i] += factor * in[i];
}

bool elbo_factor_cholesky(double *l, const double *a, int64_t n, double shift) {
    for (int64_t i = 0; i < n; i++) {
        double *row = l + i * n;
        for (int64_t j = 0; j < i; j++) row[j] = (a[i * n + j] - dot(row, l + j * n, j)) / l[j * n + j];
        double size = a[i * n + i] + shift, square = size - dot(row, row, i);
        if (!(square > 4 * DBL_EPSILON * (double)n * fabs(size))) return false;
        row[i] = sqrt(square);
        for (int64_t j = i + 1; j < n; j++) row[j] = 0;
    }
    return true;
}

/* Row i of the inverse: -(sum over k < i of l_ik times row k) / l_ii, and 1 / l_ii on the diagonal. */
void elbo_factor_invert(double *out, const double *l, int64_t n) {
    memset(out, 0, (size_t)(n * n) * sizeof *out);
    for (int64_t i = 0; i < n; i++) {
        double *row = out + i * n, inverse = 1 / l[i * n + i];
        for (int64_t k = 0; k < i; k++) add_scaled(row, l[i * n + k], out + k * n, k + 1);
        for (int64_t k = 0; k < i; k++) row[k] *= -inverse;
        row[i] = inverse;
    }
}

double elbo_factor_log_det(const double *l, int64_t n) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) sum += 2 * log(l[i * n + i]);
    return sum;
}

double elbo_factor_trace(const double *a, const double *s, int64_t n, double *work) {
    double sum = 0;
    for (int64_t i = 0; i < n; i++) {
        memset(work, 0, (size_t)n * sizeof *work);
        for (int64_t k = 0; k <= i; k++) add_scaled(work, a[i * n + k], s + k * n, i + 1);
        sum += dot(work, a + i * n, i + 1);
    }
    return sum;
}

/* ---- Eigenvectors ---- */

/* Makes rows and columns k and k + 1.. of the symmetric a zero beyond the subdiagonal by H = I - beta v v' with v from
 * k + 1 on, and leaves v, with v[k + 1] = 1, in row k.  The trailing matrix becomes H a H.  Returns beta. */
static double reflect(double *a, int64_t n, int64_t k, double *off, double *p) {
    double *v = a + k * n, norm = 0, scale = 0;
    int64_t first = k + 1, count = n - first;
    for (int64_t j = first; j < n; j++) v[j] = a[j * n + k], scale = fmax(scale, fabs(v[j]));
    *off = v[first];
    if (scale == 0 || count == 1) return 0;
    for (int64_t j = first; j < n; j++) norm += (v[j] / scale) * (v[j] / scale);
    norm = scale * sqrt(norm);
    double head = v[first] + copysign(norm, v[first]);
    *off = -copysign(norm, v[first]);
    for (int64_t j = first + 1; j < n; j++) v[j] /= head;
    v[first] = 1;
    double beta = 2 / dot(v + first, v + first, count);
    for (int64_t i = first; i < n; i++) p[i] = beta * dot(a + i * n + first, v + first, count);
    double half = 0.5 * beta * dot(p + first, v + first, count);
    for (int64_t i = first; i < n; i++) p[i] -= half * v[i];
    for (int64_t i = first; i < n; i++) {
        double vi = v[i], pi = p[i], *row = a + i * n;
        for (int64_t j = first; j < n; j++) row[j] -= vi * p[j] + pi * v[j];
    }
    return beta;
}

/* a = Q T Q': diagonal and off-diagonal of T, and Q' in the rows of q. */
static void tridiagonalise(double *a, int64_t n, double *diagonal, double *off, double *q) {
    memset(q, 0, (size_t)(n * n) * sizeof *q);
    for (int64_t i = 0; i < n; i++) q[i * n + i] = 1;
    for (int64_t k = 0; k < n - 1; k++) {
        diagonal[k] = a[k * n + k];
        /* The diagonal is known now: its place keeps beta, and `diagonal` lends its tail as scratch. */
        a[k * n + k] = reflect(a, n, k, &off[k], diagonal);
    }
    diagonal[n - 1] = a[n * n - 1];
    off[n - 1] = 0;
    /* Q' = H_last ... H_0, built from the right: Q' H_k changes every row by its product with v_k. */
    for (int64_t k = n - 2; k >= 0; k--) {
        const double *v = a + k * n;
        for (int64_t i = k + 1; a[k * n + k] != 0 && i < n; i++) {
            double along = a[k * n + k] * dot(q + i * n + k + 1, v + k + 1, n - k - 1);
            add_scaled(q + i * n + k + 1, -along, v + k + 1, n - k - 1);
        }
    }
}

static void rotate(double *restrict a, double *restrict b, double c, double s, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        double x = a[i], y = b[i];
        a[i] = c * x - s * y;
        b[i] = s * x + c * y;
    }
}

/* One QL step with Wilkinson's shift on the unreduced block first..last. */
static void ql_step(double *d, double *e, double *q, int64_t n, int64_t first, int64_t last) {
    double half = (d[first + 1] - d[first]) / (2 * e[first]), root = hypot(half, 1);
    double g = d[last] - d[first] + e[first] / (half + copysign(root, half)), s = 1, c = 1, p = 0;
    for (int64_t i = last - 1; i >= first; i--) {
        double f = s * e[i], b = c * e[i], r = hypot(f, g);
        e[i + 1] = r;
        if (r == 0) { /* the block has come apart */
            d[i + 1] -= p;
            e[last] = 0;
            return;
        }
        s = f / r, c = g / r;
        g = d[i + 1] - p;
        r = (d[i] - g) * s + 2 * c * b;
        p = s * r;
        d[i + 1] = g + p;
        g = c * r - b;
        rotate(q + i * n, q + (i + 1) * n, c, s, n);
    }
    d[first] -= p;
    e[first] = g;
    e[last] = 0;
}

static bool ql(double *d, double *e, double *q, int64_t n) {
    double norm = 0; /* eigenvalues are wanted to rounding of the largest: a covariance may have many that are zero */
    for (int64_t i = 0; i < n; i++) norm = fmax(norm, fabs(d[i]) + fabs(e[i]));
    for (int64_t first = 0; first < n; first++)
        for (int steps = 0;; steps++) {
            int64_t last = first;
            while (last < n - 1 && !(fabs(e[last]) <= 0.5 * DBL_EPSILON * norm)) last++;
            if (last == first) break;
            if (steps == 60) return false;
            ql_step(d, e, q, n, first, last);
        }
    return true;
}

static void sort(double *values, double *vectors, int64_t n) {
    for (int64_t i = 0; i < n; i++) {
        int64_t least = i;
        for (int64_t j = i + 1; j < n; j++)
            if (values[j] < values[least]) least = j;
        if (least == i) continue;
        double swap = values[i];
        values[i] = values[least], values[least] = swap;
        for (int64_t j = 0; j < n; j++) {
            swap = vectors[i * n + j];
            vectors[i * n + j] = vectors[least * n + j], vectors[least * n + j] = swap;
        }
    }
}

bool elbo_factor_eigen(double *a, int64_t n, double *values, double *vectors, double *work) {
    tridiagonalise(a, n, values, work, vectors);
    if (!ql(values, work, vectors, n)) return false;
    sort(values, vectors, n);
    return true;
}
