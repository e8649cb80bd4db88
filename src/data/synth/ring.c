/* Points around a circle: a simulator of two steps, an angle and noise, whose density is known nevertheless. */
#include <math.h>

#include "base/error.h"
#include "base/rng.h"
#include "data/synth/synth.h"

#define RING_ROW(type, name, initial, min, max, choices, help) \
    {#name, ELBO_OPTION_##type, initial, min, max, choices, help, offsetof(elbo_ring_options, name)},
static const elbo_option option_rows[] = {ELBO_RING_OPTIONS(RING_ROW)};
const elbo_options elbo_ring_options_table = {"synth:ring", option_rows, sizeof option_rows / sizeof *option_rows,
                                              sizeof(elbo_ring_options)};

elbo_status elbo_synth_ring(elbo_table *table, const elbo_ring_options *options, elbo_error *error) {
    enum { DIM = 2, QUARTERS = 4 };
    static const double whole = 6.28318530717958647692;
    int64_t train = options->rows, rows = train + options->test, dim = DIM;
    ELBO_TRY(elbo_synth_table(table, ELBO_F32, 1, &dim, train, options->test, QUARTERS, error));
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_RING};
    float *values = table->values.data;
    int32_t *labels = table->labels.data;
#pragma omp parallel for schedule(static)
    for (int64_t row = 0; row < rows; row++) {
        uint32_t sample = elbo_synth_sample(row, train);
        double turn = elbo_rng_uniform(&rng, sample, 0);
        double noise[DIM] = {elbo_rng_normal(&rng, sample, 2), elbo_rng_normal(&rng, sample, 3)};
        values[DIM * row] = (float)(options->radius * cos(whole * turn) + options->scale * noise[0]);
        values[DIM * row + 1] = (float)(options->radius * sin(whole * turn) + options->scale * noise[1]);
        labels[row] = (int32_t)(QUARTERS * turn);
    }
    return ELBO_OK;
}
