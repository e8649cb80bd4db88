/* Documents from latent Dirichlet allocation with known topics. */
#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "base/memory.h"
#include "base/rng.h"
#include "data/synth/synth.h"

#define TOPICS_ROW(type, name, initial, min, max, choices, help) \
    {#name, ELBO_OPTION_##type, initial, min, max, choices, help, offsetof(elbo_topics_options, name)},
static const elbo_option option_rows[] = {ELBO_TOPICS_OPTIONS(TOPICS_ROW)};
const elbo_options elbo_topics_options_table = {"synth:topics", option_rows, sizeof option_rows / sizeof *option_rows,
                                                sizeof(elbo_topics_options)};

/* Columns of random numbers that one gamma variate may use: TRIES times a normal (two) and a uniform, and one more. A
 * try is refused less than once in 20 times, so that the last is never reached in practice. */
enum { TRIES = 15, COLUMNS = 4 * TRIES + 4 };

/* The logarithm of a gamma variate of this shape and scale 1 (Marsaglia and Tsang 2000; a shape below 1 through
 * shape + 1 and a power of a uniform). The logarithm, because small shapes give what no double holds. */
static double log_gamma_variate(const elbo_rng *rng, uint32_t row, uint32_t column, double shape) {
    double d = (shape < 1 ? shape + 1 : shape) - 1.0 / 3, c = 1 / sqrt(9 * d), v = 1;
    double boost = shape < 1 ? log(elbo_rng_uniform(rng, row, column)) / shape : 0;
    for (uint32_t i = 0; i < TRIES; i++) {
        double x = elbo_rng_normal(rng, row, column + 4 + 4 * i), u = elbo_rng_uniform(rng, row, column + 6 + 4 * i);
        v = pow(1 + c * x, 3);
        if (1 + c * x > 0 && log(u) < 0.5 * x * x + d - d * v + d * log(v)) break;
    }
    return log(d) + log(fabs(v)) + boost;
}

/* A draw of Dirichlet(concentration, ..., concentration). */
static void dirichlet(const elbo_rng *rng, uint32_t row, double concentration, double *out, int64_t count) {
    double most = -INFINITY, sum = 0;
    for (int64_t i = 0; i < count; i++) {
        out[i] = log_gamma_variate(rng, row, (uint32_t)i * COLUMNS, concentration);
        most = fmax(most, out[i]);
    }
    for (int64_t i = 0; i < count; i++) sum += out[i] = exp(out[i] - most);
    for (int64_t i = 0; i < count; i++) out[i] /= sum;
}

void elbo_synth_topics_words(const elbo_topics_options *options, double *words) {
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_TOPICS_WORDS};
    for (int64_t k = 0; k < options->topics; k++)
        dirichlet(&rng, (uint32_t)k, options->word_concentration, words + k * options->vocabulary, options->vocabulary);
}

void elbo_synth_topics_shares(const elbo_topics_options *options, uint32_t sample, double *shares) {
    elbo_rng rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_TOPICS_SHARES};
    dirichlet(&rng, sample, options->concentration, shares, options->topics);
}

/* Where a uniform number falls among `count` growing sums, of which the last is 1 or so. */
static int64_t find(const double *sums, int64_t count, double u) {
    int64_t low = 0, high = count - 1;
    u *= sums[count - 1];
    while (low < high) {
        int64_t middle = (low + high) / 2;
        if (u <= sums[middle])
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

static void add_up(double *values, int64_t count) {
    for (int64_t i = 1; i < count; i++) values[i] += values[i - 1];
}

typedef struct writer {
    const elbo_topics_options *options;
    elbo_rng rng;
    double *words;  /* [topics, vocabulary], added up */
    double *shares; /* [topics] */
    elbo_entries entries;
} writer;

/* One document; *topic is its largest. */
static elbo_status write_document(writer *w, int64_t row, int32_t *topic, elbo_error *error) {
    const elbo_topics_options *o = w->options;
    uint32_t sample = elbo_synth_sample(row, o->documents);
    int64_t least = (o->length + 1) / 2;
    int64_t length = least + (int64_t)(elbo_rng_uniform(&w->rng, sample, 0) * (double)(o->length * 3 / 2 - least + 1));
    elbo_synth_topics_shares(o, sample, w->shares);
    *topic = 0;
    for (int64_t k = 1; k < o->topics; k++)
        if (w->shares[k] > w->shares[*topic]) *topic = (int32_t)k;
    add_up(w->shares, o->topics);
    for (int64_t n = 0; n < length; n++) {
        uint32_t column = 4 + 2 * (uint32_t)n;
        int64_t k = find(w->shares, o->topics, elbo_rng_uniform(&w->rng, sample, column));
        int64_t word = find(w->words + k * o->vocabulary, o->vocabulary, elbo_rng_uniform(&w->rng, sample, column + 1));
        ELBO_TRY(elbo_entries_add(&w->entries, row, (int32_t)word, 1, error));
    }
    return ELBO_OK;
}

static elbo_status name_words(elbo_table *table, int64_t words, elbo_error *error) {
    size_t bytes = (size_t)words * sizeof *table->feature_names;
    table->feature_names = elbo_calloc(bytes);
    if (!table->feature_names) return elbo_fail_memory(error, bytes, "words");
    for (table->features = 0; table->features < words; table->features++) {
        char *name = elbo_textf("word%lld", (long long)table->features);
        if (!name) return elbo_fail_memory(error, 16, "words");
        table->feature_names[table->features] = name;
    }
    return ELBO_OK;
}

static elbo_status write_all(writer *w, elbo_table *table, elbo_error *error) {
    const elbo_topics_options *o = w->options;
    int64_t rows = o->documents + o->test;
    size_t bytes = (size_t)(o->topics * o->vocabulary) * sizeof(double);
    w->words = elbo_calloc(bytes);
    w->shares = elbo_calloc((size_t)o->topics * sizeof(double));
    if (!w->words || !w->shares) return elbo_fail_memory(error, bytes, "topics");
    elbo_synth_topics_words(o, w->words);
    for (int64_t k = 0; k < o->topics; k++) add_up(w->words + k * o->vocabulary, o->vocabulary);
    ELBO_TRY(elbo_array_new(&table->labels, ELBO_I32, 1, &rows, error));
    int32_t *label = table->labels.data;
    for (int64_t row = 0; row < rows; row++) ELBO_TRY(write_document(w, row, &label[row], error));
    table->classes = (int)o->topics;
    table->train_rows = o->documents;
    table->values = (elbo_array){.dtype = ELBO_F32, .rank = 2, .shape = {rows, o->vocabulary}};
    ELBO_TRY(name_words(table, o->vocabulary, error));
    return elbo_entries_finish(&w->entries, rows, o->vocabulary, &table->sparse, error);
}

elbo_status elbo_synth_topics(elbo_table *table, const elbo_topics_options *options, elbo_error *error) {
    writer w = {.options = options, .rng = {(uint64_t)options->seed, ELBO_STREAM_SYNTH, ELBO_SYNTH_TOPICS}};
    elbo_status status = write_all(&w, table, error);
    elbo_free(w.words);
    elbo_free(w.shares);
    elbo_entries_clear(&w.entries);
    return status;
}
