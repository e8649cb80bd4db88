#include <math.h>
#include <stdio.h>
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
    return cut(train, &splits[ELBO_SPLIT_VALID], valid, (uint64_t)options->split_seed, 1, error);
}

void elbo_splits_limit(elbo_rows splits[4], int64_t limit) {
    for (int split = 0; split < 4 && limit > 0; split++)
        if (splits[split].count > limit) splits[split].count = limit;
}

/* ---- rows of some classes ---- */

static elbo_status fail_class(const elbo_table *table, const char *name, size_t length, elbo_error *error) {
    char known[200] = "";
    size_t used = 0;
    for (int i = 0; i < table->classes && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", table->class_names[i]);
    return elbo_fail(error, ELBO_ERROR_USAGE, "--train-labels: no class is called \"%.*s\"; there are %s%s",
                     (int)(length < 80 ? length : 80), name, known, used >= sizeof known ? "..." : "");
}

/* Marks in kept[classes] those that the list names. */
static elbo_status mark_classes(const elbo_table *table, const char *names, bool *kept, elbo_error *error) {
    for (const char *at = names;;) {
        at += strspn(at, " ");
        size_t length = strcspn(at, ","), used = length;
        while (used > 0 && at[used - 1] == ' ') used--;
        int code = 0;
        while (code < table->classes &&
               !(strncmp(table->class_names[code], at, used) == 0 && table->class_names[code][used] == 0))
            code++;
        if (code == table->classes) return fail_class(table, at, used, error);
        kept[code] = true;
        if (!at[length]) return ELBO_OK;
        at += length + 1;
    }
}

static elbo_status keep_rows(elbo_rows *rows, const int32_t *label, const bool *kept, elbo_error *error) {
    size_t bytes = sizeof(int64_t) * (size_t)(rows->count > 0 ? rows->count : 1);
    int64_t *index = elbo_calloc(bytes), count = 0;
    if (!index) return elbo_fail_memory(error, bytes, "splits");
    for (int64_t row = 0; row < rows->count; row++) {
        int64_t at = elbo_rows_at(rows, row);
        if (kept[label[at]]) index[count++] = at;
    }
    elbo_free(rows->index);
    *rows = (elbo_rows){.count = count, .index = index};
    return ELBO_OK;
}

elbo_status elbo_splits_keep(elbo_rows splits[4], const elbo_table *table, const char *names, elbo_error *error) {
    if (!table->labels.data)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--train-labels %.80s: the rows have no labels", names);
    bool *kept = elbo_calloc(sizeof *kept * (size_t)(table->classes > 0 ? table->classes : 1));
    if (!kept) return elbo_fail_memory(error, (size_t)table->classes, "classes");
    elbo_status status = mark_classes(table, names, kept, error);
    if (status == ELBO_OK) status = keep_rows(&splits[ELBO_SPLIT_TRAIN], table->labels.data, kept, error);
    if (status == ELBO_OK) status = keep_rows(&splits[ELBO_SPLIT_VALID], table->labels.data, kept, error);
    elbo_free(kept);
    if (status == ELBO_OK && splits[ELBO_SPLIT_TRAIN].count == 0)
        status = elbo_fail(error, ELBO_ERROR_USAGE, "--train-labels %.80s: no training row has such a label", names);
    return status;
}
