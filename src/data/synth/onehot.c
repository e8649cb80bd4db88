/* Unit vectors: the data of a toy whose likelihood is known, since each of n equally frequent points has probability
 * 1/n (Mescheder, Nowozin and Geiger 2017, section 6.2). */
#include "base/error.h"
#include "data/synth/synth.h"

#define ONEHOT_ROW(type, name, initial, min, max, choices, help) \
    {#name, ELBO_OPTION_##type, initial, min, max, choices, help, offsetof(elbo_onehot_options, name)},
static const elbo_option option_rows[] = {ELBO_ONEHOT_OPTIONS(ONEHOT_ROW)};
const elbo_options elbo_onehot_options_table = {"synth:onehot", option_rows, sizeof option_rows / sizeof *option_rows,
                                                sizeof(elbo_onehot_options)};

elbo_status elbo_synth_onehot(elbo_table *table, const elbo_onehot_options *options, elbo_error *error) {
    int64_t train = options->rows, rows = train + options->test, size = options->size;
    ELBO_TRY(elbo_synth_table(table, ELBO_U8, 1, &size, train, options->test, (int)size, error));
    uint8_t *values = table->values.data; /* zero */
    int32_t *labels = table->labels.data;
    for (int64_t row = 0; row < rows; row++) {
        int64_t which = (row < train ? row : row - train) % size;
        values[row * size + which] = 1;
        labels[row] = (int32_t)which;
    }
    return ELBO_OK;
}
