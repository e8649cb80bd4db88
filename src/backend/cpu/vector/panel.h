/* Sums over rows in double precision, for the statistics of classic fits.
 *
 * A panel is a block of ELBO_PANEL rows of a data matrix, transposed: x[D][ELBO_PANEL], 64-byte aligned, so that one
 * vector instruction works on several rows and needs no sum across its lanes.  Every kernel runs on one thread. */
#ifndef ELBO_BACKEND_CPU_VECTOR_PANEL_H
#define ELBO_BACKEND_CPU_VECTOR_PANEL_H

#include <stdbool.h>
#include <stdint.h>

enum { ELBO_PANEL = 16 };

/* Panels of one block: element (d, row) of panel p lies at data[(p * dims + d) * ELBO_PANEL + row]. */
typedef struct elbo_panels {
    const double *data;
    int64_t count, dims;
} elbo_panels;

typedef struct elbo_panel_table {
    const char *name;
    /* out[row] = sum over d of precision[d] (x[d][row] - mean[d])^2 */
    void (*distance)(double *out, const double *x, const double *mean, const double *precision, int64_t dims);
    /* out[row] = |A x[:, row]|^2 for a lower triangular A: [dims, dims]; above the diagonal A must hold zeros. */
    void (*quadratic)(double *out, const double *a, const double *x, int64_t dims);
    /* y[i][row] = sum over j of a[i * stride + j] x[j][row] for i < m, j < k */
    void (*multiply)(double *y, const double *a, int64_t stride, const double *x, int64_t m, int64_t k);
    /* c[i * stride + j] += sum over panels and rows of u[i][row] v[j][row] for first_i <= i < end_i, first_j <= j <
     * end_j; where `lower`, only j <= i are promised, others may hold the sum or what they held. */
    void (*gather)(double *c, int64_t stride, const elbo_panels *u, int64_t first_i, int64_t end_i,
                   const elbo_panels *v, int64_t first_j, int64_t end_j, bool lower);
    /* first[d] += sum of r (x[d] - mean[d]) and second[d] += sum of r (x[d] - mean[d])^2 for first_d <= d < end_d;
     * the weights of panel p are r[p * stride + row]. */
    void (*moments)(double *first, double *second, const elbo_panels *x, const double *mean, const double *r,
                    int64_t stride, int64_t first_d, int64_t end_d);
} elbo_panel_table;

extern const elbo_panel_table elbo_panel_baseline;
#ifdef ELBO_VECTOR_X86
extern const elbo_panel_table elbo_panel_avx2, elbo_panel_avx512;
#endif

#endif
