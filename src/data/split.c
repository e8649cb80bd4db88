#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "data/dataset.h"

void elbo_splits_clear(elbo_rows splits[4]) {
    for (int split = 0; split < 4; split++) elbo_free(splits[split].index);
    memset(splits, 0, 4 * sizeof *splits);
}

/* Cuts the first `count` rows out of `from` into `part`, both then in the order of a permutation. */
static elbo_status cut(elbo_rows *from, elbo_rows *part, int64_t count, uint64_t seed, uint32_t step,
                       elbo_error *error) {
    if (count == 0) return ELBO_OK;
    elbo_rng rng = {.seed = seed, .stream = ELBO_STREAM_SPLIT, .step = step};
    size_t bytes = (size_t)from->count * sizeof(int64_t);
    int64_t *order = elbo_calloc(bytes), *taken = elbo_calloc((size_t)count * sizeof *taken);
    int64_t *left = elbo_calloc((size_t)(from->count - count) * sizeof *left);
    if (!order || !taken || !left) {
        elbo_free(order);
        elbo_free(taken);
        elbo_free(left);
        return elbo_fail_memory(error, bytes, "splits");
    }
    elbo_rng_permutation(&rng, order, from->count);
    for (int64_t row = 0; row < from->count; row++)
        *(row < count ? taken + row : left + row - count) = elbo_rows_at(from, order[row]);
    elbo_free(order);
    elbo_free(from->index);
    *from = (elbo_rows){.count = from->count - count, .index = left};
    *part = (elbo_rows){.count = count, .index = taken};
    return ELBO_OK;
}

static int64_t share(double fraction, int64_t rows) { return llround(fraction * (double)rows); }

elbo_status elbo_splits_deal(elbo_rows splits[4], int64_t rows, int64_t train_rows, const elbo_data_options *options,
                             elbo_error *error) {
    elbo_rows *train = &splits[ELBO_SPLIT_TRAIN], *test = &splits[ELBO_SPLIT_TEST];
    memset(splits, 0, 4 * sizeof *splits);
    if (options->pool && (options->test_count > 0 || options->valid_fraction > 0))
        return elbo_fail(error, ELBO_ERROR_USAGE, "--pool makes every row a training row: %s does not go with it",
                         options->test_count > 0 ? "--test-count" : "--valid-fraction");
    splits[ELBO_SPLIT_ALL].count = rows;
    if (train_rows >= 0) {
        train->count = train_rows;
        *test = (elbo_rows){.start = train_rows, .count = rows - train_rows};
    } else {
        int64_t count = options->pool             ? 0
                        : options->test_count > 0 ? options->test_count
                                                  : share(options->test_fraction, rows);
        if (count >= rows && count > 0)
            return elbo_fail(error, ELBO_ERROR_USAGE, "%lld test rows leave no training row: there are %lld rows",
                             (long long)count, (long long)rows);
        train->count = rows;
        ELBO_TRY(cut(train, test, count, (uint64_t)options->split_seed, 0, error));
    }
    int64_t valid = share(options->valid_fraction, train->count);
    if (valid > 0 && valid >= train->count)
        return elbo_fail(error, ELBO_ERROR_USAGE, "valid_fraction %g leaves none of the %lld training rows",
                         options->valid_fraction, (long long)train->count);
    ELBO_TRY(cut(train, &splits[ELBO_SPLIT_VALID], valid, (uint64_t)options->split_seed, 1, error));
    for (int split = 0; split < 4 && options->limit > 0; split++)
        if (splits[split].count > options->limit) splits[split].count = options->limit;
    return ELBO_OK;
}
