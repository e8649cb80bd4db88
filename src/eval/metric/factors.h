/* Codes beside the factors that made them, as the disentanglement metrics draw from them. */
#ifndef ELBO_EVAL_METRIC_FACTORS_H
#define ELBO_EVAL_METRIC_FACTORS_H

#include "base/rng.h"
#include "eval/metric/input.h"

/* Factors that take one value are left out; the others keep their order. */
typedef struct elbo_factors {
    elbo_metric_matrix codes;  /* [N, Z] */
    int64_t given, used;       /* factors */
    int64_t *column;           /* [used]: which of the given ones */
    elbo_metric_labels *label; /* [used] */
    int64_t **rows;            /* [used][N]: row numbers, by value of the factor */
    int64_t **start;           /* [used][classes + 1]: where each value's begin */
    int64_t *order;            /* [N]: a permutation by the seed */
    int64_t sample;            /* rows order[0..sample) stand for the data; */
    int64_t train, test;       /* fits are on the first `train` of them, judged on the `test` rows that follow these */
    elbo_metric_matrix sample_codes, train_codes, test_codes; /* train_codes: the head of sample_codes */
    int32_t *sample_label, *test_label;                       /* [used, sample], [used, test] */
} elbo_factors;

/* Reads codes: [N, Z] and factors: [N, F], and splits rows: `train` and `test` of them where there are as many, else
 * two thirds and the rest. */
elbo_status elbo_factors_read(elbo_factors *table, const elbo_array *codes, const elbo_array *factors, int64_t points,
                              int64_t test_points, uint64_t seed, elbo_error *error);
void elbo_factors_clear(elbo_factors *table);

/* A row drawn among those with the same value of a used factor as `row`; `row` itself is among them. */
int64_t elbo_factors_partner(const elbo_factors *table, int64_t factor, int64_t row, const elbo_rng *rng,
                             uint32_t draw_row, uint32_t draw_column);
/* Whether at least half of the rows share their value of a used factor with another one: else a batch with the factor
 * fixed is mostly one row. */
bool elbo_factors_repeat(const elbo_factors *table, int64_t factor);

#endif
