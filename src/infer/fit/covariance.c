#include "infer/fit/covariance.h"

#include <string.h>

#include "base/memory.h"

enum { STRIP = 32, LARGEST = 1 << 26 /* numbers: half a gigabyte */ };

/* Loads the block that starts with panel `start`; returns its panels. */
static elbo_panels load_block(const elbo_covariance *c, int64_t start, double *x, int threads) {
    int64_t all = elbo_fit_rows_panels(c->rows), dims = c->rows->dims;
    int64_t panels = start + c->block < all ? c->block : all - start;
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t p = 0; p < panels; p++)
        elbo_fit_rows_panel(c->rows, (start + p) * ELBO_PANEL, x + p * dims * ELBO_PANEL);
    return (elbo_panels){x, panels, dims};
}

static void sum_matrix(elbo_covariance *c) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = c->rows->dims, strips = (dims + STRIP - 1) / STRIP, all = elbo_fit_rows_panels(c->rows);
    int threads = elbo_fit_threads(c->threads, (double)(c->block * ELBO_PANEL * dims) * (double)dims);
    for (int64_t start = 0; start < all; start += c->block) {
        elbo_panels x = load_block(c, start, c->x, threads);
#pragma omp parallel for num_threads(threads) schedule(dynamic) if (threads > 1)
        for (int64_t strip = 0; strip < strips; strip++) {
            int64_t first = (strips - 1 - strip) * STRIP, end = first + STRIP < dims ? first + STRIP : dims;
            table->gather(c->matrix, dims, &x, first, end, &x, 0, dims, true);
        }
    }
    for (int64_t i = 0; i < dims; i++)
        for (int64_t j = 0; j <= i; j++) {
            double value = c->matrix[i * dims + j] / (double)c->rows->count;
            c->matrix[i * dims + j] = c->matrix[j * dims + i] = value;
        }
}

elbo_status elbo_covariance_new(elbo_covariance *covariance, const elbo_fit_rows *rows, int64_t latent, int64_t uses,
                                int threads, elbo_error *error) {
    double n = (double)rows->count, d = (double)rows->dims, z = (double)latent;
    bool whole = d * d <= LARGEST && n * d * d / 2 + (double)uses * d * d * z < (double)uses * 2 * n * d * z;
    int64_t block = elbo_fit_rows_block(rows), panels = (latent + ELBO_PANEL - 1) / ELBO_PANEL;
    size_t matrix = whole ? (size_t)(rows->dims * rows->dims) : 0;
    size_t x = (size_t)(block * rows->dims * ELBO_PANEL), t = whole ? 0 : (size_t)(block * latent * ELBO_PANEL);
    size_t wide = whole ? (size_t)(2 * panels * rows->dims * ELBO_PANEL) : 0;
    *covariance = (elbo_covariance){.rows = rows, .latent = latent, .block = block, .threads = threads};
    covariance->x = elbo_calloc((x + t + wide) * sizeof(double));
    if (whole) covariance->matrix = elbo_calloc(matrix * sizeof(double));
    if (!covariance->x || (whole && !covariance->matrix)) {
        elbo_covariance_free(covariance);
        return elbo_fail_memory(error, (x + t + wide + matrix) * sizeof(double), "the covariance of the rows");
    }
    covariance->t = covariance->x + x;
    covariance->wide = covariance->t + t;
    if (whole) sum_matrix(covariance);
    return ELBO_OK;
}

void elbo_covariance_free(elbo_covariance *covariance) {
    elbo_free(covariance->matrix);
    elbo_free(covariance->x);
    *covariance = (elbo_covariance){0};
}

/* Columns of V become lanes of panels, whose products with S are panels again. */
static void apply_matrix(const elbo_covariance *c, const double *v, double *out) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = c->rows->dims, size = dims * ELBO_PANEL, panels = (c->latent + ELBO_PANEL - 1) / ELBO_PANEL;
    int64_t strips = (dims + STRIP - 1) / STRIP;
    double *product = c->wide + panels * size;
    int threads = elbo_fit_threads(c->threads, (double)(dims * c->latent) * (double)dims);
    for (int64_t z = 0; z < c->latent; z++)
        for (int64_t d = 0; d < dims; d++)
            c->wide[z / ELBO_PANEL * size + d * ELBO_PANEL + z % ELBO_PANEL] = v[z * dims + d];
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
    for (int64_t item = 0; item < panels * strips; item++) {
        int64_t p = item / strips, first = item % strips * STRIP, rows = dims - first < STRIP ? dims - first : STRIP;
        table->multiply(product + p * size + first * ELBO_PANEL, c->matrix + first * dims, dims, c->wide + p * size,
                        rows, dims);
    }
    for (int64_t z = 0; z < c->latent; z++)
        for (int64_t d = 0; d < dims; d++)
            out[z * dims + d] = product[z / ELBO_PANEL * size + d * ELBO_PANEL + z % ELBO_PANEL];
}

/* V X' X / N, a block of rows at a time. */
static void apply_rows(const elbo_covariance *c, const double *v, double *out) {
    const elbo_panel_table *table = elbo_panel_best();
    int64_t dims = c->rows->dims, latent = c->latent, all = elbo_fit_rows_panels(c->rows);
    int64_t strips = (dims + STRIP - 1) / STRIP;
    int threads = elbo_fit_threads(c->threads, (double)(c->block * ELBO_PANEL * dims) * (double)latent);
    memset(out, 0, (size_t)(latent * dims) * sizeof *out);
    for (int64_t start = 0; start < all; start += c->block) {
        elbo_panels x = load_block(c, start, c->x, threads), t = {c->t, x.count, latent};
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
        for (int64_t p = 0; p < x.count; p++)
            table->multiply(c->t + p * latent * ELBO_PANEL, v, dims, x.data + p * dims * ELBO_PANEL, latent, dims);
#pragma omp parallel for num_threads(threads) schedule(static) if (threads > 1)
        for (int64_t strip = 0; strip < strips; strip++) {
            int64_t first = strip * STRIP, end = first + STRIP < dims ? first + STRIP : dims;
            table->gather(out, dims, &t, 0, latent, &x, first, end, false);
        }
    }
    for (int64_t i = 0; i < latent * dims; i++) out[i] /= (double)c->rows->count;
}

void elbo_covariance_apply(const elbo_covariance *covariance, const double *v, double *out) {
    if (covariance->matrix)
        apply_matrix(covariance, v, out);
    else
        apply_rows(covariance, v, out);
}
