/* Points from a mixture of Gaussians whose parameters are known. */
#include <math.h>

#include "base/error.h"
#include "base/memory.h"
#include "base/rng.h"
#include "data/synth/synth.h"

#define MIXTURE_ROW(type, name, initial, min, max, choices, help) \
    {#name, ELBO_OPTION_##type, initial, min, max, choices, help, offsetof(elbo_mixture_options, name)},
static const elbo_option option_rows[] = {ELBO_MIXTURE_OPTIONS(MIXTURE_ROW)};
const elbo_options elbo_mixture_options_table = {"synth:mixture", option_rows, sizeof option_rows / sizeof *option_rows,
                                                 sizeof(elbo_mixture_options)};

/* Of this many places in the cube a centre takes the one farthest from the centres before it: random, yet rarely on
 * top of another. */
enum { CANDIDATES = 16 };

static double nearest_square(const double *place, const double *centre, int64_t count, int64_t dim) {
    double nearest = INFINITY;
    for (int64_t k = 0; k < count; k++) {
        double sum = 0;
        for (int64_t j = 0; j < dim; j++) sum += (place[j] - centre[k * dim + j]) * (place[j] - centre[k * dim + j]);
        nearest = fmin(nearest, sum);
    }
    return nearest;
}

static void place_centre(const elbo_rng *rng, int64_t k, int64_t dim, double spread, double *centre) {
    double best = -1, place[100]; /* the bound of the option dim */
    for (uint32_t candidate = 0; candidate < CANDIDATES; candidate++) {
        for (int64_t j = 0; j < dim; j++)
            place[j] = spread * (2 * elbo_rng_uniform(rng, (uint32_t)k, candidate * 100 + (uint32_t)j) - 1);
        double distance = nearest_square(place, centre, k, dim);
        if (distance <= best) continue;
        best = distance;
        for (int64_t j = 0; j < dim; j++) centre[k * dim + j] = place[j];
    }
}

void elbo_synth_mixture_density(const elbo_mixture_options *options, double *weight, double *centre, double *factor) {
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_MIXTURE_DENSITY};
    int64_t components = options->components, dim = options->dim;
    double total = 0;
    for (int64_t k = 0; k < components; k++) {
        uint32_t row = (uint32_t)k, column = 2000;
        place_centre(&rng, k, dim, options->spread, centre);
        weight[k] = 0.5 + elbo_rng_uniform(&rng, row, column++);
        total += weight[k];
        /* Rows of L with standard deviations from 0.5 to 1 and, on average, some correlation between neighbours. */
        for (int64_t i = 0; i < dim; i++)
            for (int64_t j = 0; j < dim; j++) {
                double *at = &factor[(k * dim + i) * dim + j];
                *at = 0;
                if (j == i) *at = 0.5 + 0.5 * elbo_rng_uniform(&rng, row, column++);
                if (j == i - 1) *at = elbo_rng_uniform(&rng, row, column++) - 0.5;
            }
    }
    for (int64_t k = 0; k < components; k++) weight[k] /= total;
}

/* One point of a sample; returns its component. */
static int draw_point(const elbo_rng *rng, uint32_t sample, const elbo_mixture_options *options, const double *weight,
                      const double *centre, const double *factor, float *out) {
    int64_t dim = options->dim, k = 0;
    double left = elbo_rng_uniform(rng, sample, 0) - weight[0], noise[100];
    while (left > 0 && k < options->components - 1) left -= weight[++k];
    for (int64_t j = 0; j < dim; j++) noise[j] = elbo_rng_normal(rng, sample, 4 + (uint32_t)j);
    for (int64_t i = 0; i < dim; i++) {
        double value = centre[k * dim + i];
        for (int64_t j = 0; j <= i; j++) value += factor[(k * dim + i) * dim + j] * noise[j];
        out[i] = (float)value;
    }
    return (int)k;
}

elbo_status elbo_synth_mixture(elbo_table *table, const elbo_mixture_options *options, elbo_error *error) {
    int64_t rows = options->rows + options->test, train = options->rows, dim = options->dim;
    int64_t components = options->components;
    ELBO_TRY(elbo_synth_table(table, ELBO_F32, 1, &dim, train, options->test, (int)components, error));
    size_t bytes = (size_t)(components * (1 + dim + dim * dim)) * sizeof(double);
    double *weight = elbo_calloc(bytes);
    if (!weight) return elbo_fail_memory(error, bytes, "the mixture's parameters");
    double *centre = weight + components, *factor = centre + components * dim;
    elbo_synth_mixture_density(options, weight, centre, factor);
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_MIXTURE};
    float *values = table->values.data;
    int32_t *labels = table->labels.data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++)
        labels[row] =
            draw_point(&rng, elbo_synth_sample(row, train), options, weight, centre, factor, values + row * dim);
    elbo_free(weight);
    return ELBO_OK;
}
