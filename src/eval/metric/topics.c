/* Topics: their words against a reference corpus, and perplexity from bounds. */
#include <math.h>
#include <string.h>

#include "base/memory.h"
#include "eval/metric/cooccurrence.h"
#include "eval/metric/input.h"

#define ELBO_TABLE_STRUCT elbo_topic_options
ELBO_TABLE(elbo_topic_options_table, "Topics", ELBO_TOPIC_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* ---- Words ---- */

/* The `count` words of largest weight, the first of equals, best first. */
static void largest(const double *weight, int64_t vocabulary, int64_t count, int32_t *word) {
    for (int64_t found = 0; found < count; found++) {
        int64_t best = -1;
        for (int64_t v = 0; v < vocabulary; v++) {
            bool later = found == 0 || weight[v] < weight[word[found - 1]] ||
                         (weight[v] == weight[word[found - 1]] && v > word[found - 1]);
            if (later && (best < 0 || weight[v] > weight[best])) best = v;
        }
        word[found] = (int32_t)best;
    }
}

/* Word lists as given: whole numbers, none twice in a topic. */
static elbo_status read_lists(const elbo_metric_matrix *lists, int64_t count, int64_t *vocabulary, int32_t *word,
                              elbo_error *error) {
    for (int64_t k = 0; k < lists->rows; k++)
        for (int64_t i = 0; i < count; i++) {
            double value = lists->data[k * lists->columns + i];
            if (value != floor(value) || value < 0 || value > INT32_MAX - 1)
                return elbo_fail(error, ELBO_ERROR_FORMAT,
                                 "words: topic %lld, word %lld is %g; the number of a word, from 0, was expected",
                                 (long long)k, (long long)i, value);
            word[k * count + i] = (int32_t)value;
            if (value + 1 > (double)*vocabulary) *vocabulary = (int64_t)value + 1;
            for (int64_t j = 0; j < i; j++)
                if (word[k * count + j] == word[k * count + i])
                    return elbo_fail(error, ELBO_ERROR_FORMAT, "words: topic %lld has word %lld twice", (long long)k,
                                     (long long)word[k * count + i]);
        }
    return ELBO_OK;
}

/* Topics as lists of their most likely words. */
typedef struct lists {
    int64_t topics, vocabulary, width; /* width: words of a list */
    int32_t *word;                     /* [topics, width], owned */
} lists;

static elbo_status read_topics(lists *made, const elbo_array *weights, const elbo_array *words, int64_t wanted,
                               elbo_error *error) {
    elbo_metric_matrix matrix;
    if (!weights == !words)
        return elbo_fail(error, ELBO_ERROR_USAGE, "topics: either weights or lists of words were expected");
    ELBO_TRY(elbo_metric_matrix_read(&matrix, weights ? weights : words, weights ? "topics" : "words", error));
    *made = (lists){matrix.rows, weights ? matrix.columns : 0, wanted < matrix.columns ? wanted : matrix.columns, NULL};
    size_t bytes = (size_t)(made->topics * made->width) * sizeof *made->word;
    made->word = elbo_calloc(bytes);
    elbo_status status = made->word ? ELBO_OK : elbo_fail_memory(error, bytes, "words of topics");
    for (int64_t k = 0; k < made->topics && weights && status == ELBO_OK; k++)
        largest(matrix.data + k * matrix.columns, matrix.columns, made->width, made->word + k * made->width);
    if (words && status == ELBO_OK) status = read_lists(&matrix, made->width, &made->vocabulary, made->word, error);
    elbo_metric_matrix_clear(&matrix);
    return status;
}

/* ---- Figures ---- */

/* The share of words that differ among the first `width` of all lists. */
static elbo_status diversity(const lists *all, int64_t width, double *out, elbo_error *error) {
    bool *seen = elbo_calloc((size_t)all->vocabulary);
    int64_t distinct = 0;
    if (!seen) return elbo_fail_memory(error, (size_t)all->vocabulary, "a vocabulary");
    for (int64_t k = 0; k < all->topics; k++)
        for (int64_t i = 0; i < width; i++) {
            int32_t word = all->word[k * all->width + i];
            distinct += !seen[word];
            seen[word] = true;
        }
    elbo_free(seen);
    *out = (double)distinct / (double)(all->topics * width);
    return ELBO_OK;
}

static elbo_status coherence(elbo_topic_scores *out, const elbo_dataset *corpus, elbo_split split, elbo_error *error) {
    elbo_cooccurrence table;
    int64_t words = out->words, topics = out->topics;
    size_t bytes = (size_t)(2 * topics + words * words) * sizeof(double);
    if (words < 2)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "topics: lists of %lld word; coherence needs at least 2",
                         (long long)words);
    out->topic_npmi = elbo_calloc(bytes);
    if (!out->topic_npmi) return elbo_fail_memory(error, bytes, "coherences");
    out->topic_c_v = out->topic_npmi + topics;
    ELBO_TRY(elbo_cooccurrence_new(&table, out->word, topics, words, out->vocabulary, corpus, split, error));
    out->documents = table.documents;
    out->npmi = out->c_v = 0;
    for (int64_t k = 0; k < topics; k++) {
        out->topic_npmi[k] = elbo_cooccurrence_npmi(&table, k);
        out->topic_c_v[k] = elbo_cooccurrence_c_v(&table, k, out->topic_c_v + topics);
        out->npmi += out->topic_npmi[k] / (double)topics;
        out->c_v += out->topic_c_v[k] / (double)topics;
        for (int64_t i = 0; i < words; i++) out->unseen += table.count[(k * words + i) * words + i] == 0;
    }
    elbo_cooccurrence_clear(&table);
    if (out->unseen > 0)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "%lld of %lld top words are in no document of the corpus: their pairs count -1 for npmi.",
                         (long long)out->unseen, (long long)(topics * words));
    return ELBO_OK;
}

static elbo_status measure(elbo_topic_scores *out, const lists *all, const elbo_topic_options *options,
                           const elbo_dataset *corpus, elbo_split split, elbo_error *error) {
    out->topics = all->topics;
    out->vocabulary = corpus ? elbo_dataset_info(corpus)->item_size : all->vocabulary;
    out->words = options->top_words < all->width ? options->top_words : all->width;
    out->diversity_words = options->diversity_words < all->width ? options->diversity_words : all->width;
    out->npmi = out->c_v = NAN;
    if (out->vocabulary < all->vocabulary)
        return elbo_fail(error, ELBO_ERROR_SHAPE, "corpus: documents of %lld words; the topics speak of at least %lld",
                         (long long)out->vocabulary, (long long)all->vocabulary);
    size_t bytes = (size_t)(out->topics * out->words) * sizeof *out->word;
    out->word = elbo_calloc(bytes);
    if (!out->word) return elbo_fail_memory(error, bytes, "words of topics");
    for (int64_t k = 0; k < out->topics; k++)
        memcpy(out->word + k * out->words, all->word + k * all->width, (size_t)out->words * sizeof *out->word);
    ELBO_TRY(diversity(all, out->diversity_words, &out->diversity, error));
    return corpus ? coherence(out, corpus, split, error) : ELBO_OK;
}

elbo_status elbo_score_topics(const elbo_array *weights, const elbo_array *words, const elbo_dataset *corpus,
                              elbo_split split, const elbo_topic_options *options, elbo_topic_scores *out,
                              elbo_error *error) {
    elbo_topic_options defaults;
    lists all = {0};
    memset(out, 0, sizeof *out);
    ELBO_TRY(elbo_options_init(&elbo_topic_options_table, &defaults, error));
    const elbo_topic_options *used = options ? options : &defaults;
    int64_t wanted = used->top_words > used->diversity_words ? used->top_words : used->diversity_words;
    elbo_status status = read_topics(&all, weights, words, wanted, error);
    if (status == ELBO_OK && weights && corpus && elbo_dataset_info(corpus)->item_size != all.vocabulary)
        status = elbo_fail(error, ELBO_ERROR_SHAPE, "corpus: documents of %lld words, but topics over %lld",
                           (long long)elbo_dataset_info(corpus)->item_size, (long long)all.vocabulary);
    if (status == ELBO_OK) status = measure(out, &all, used, corpus, split, error);
    elbo_free(all.word);
    elbo_options_clear(&elbo_topic_options_table, &defaults);
    if (status != ELBO_OK) elbo_topic_scores_clear(out);
    return status;
}

void elbo_topic_scores_clear(elbo_topic_scores *scores) {
    elbo_free(scores->word);
    elbo_free(scores->topic_npmi); /* and topic_c_v behind it */
    memset(scores, 0, sizeof *scores);
}

/* ---- Perplexity ---- */

static elbo_status perplexity(const elbo_metric_matrix *bounds, const elbo_metric_matrix *lengths, elbo_perplexity *out,
                              elbo_error *error) {
    double rates = 0, sum = 0;
    if (bounds->columns != 1 || lengths->columns != 1)
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "bounds and lengths: %lld and %lld columns; one number for each document was expected",
                         (long long)bounds->columns, (long long)lengths->columns);
    ELBO_TRY(elbo_metric_same_length("bounds", bounds->rows, "lengths", lengths->rows, error));
    for (int64_t d = 0; d < bounds->rows; d++) {
        double length = lengths->data[d];
        if (length < 0)
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "lengths: document %lld (from 0) has %g words; at least 0 "
                             "were expected",
                             (long long)d, length);
        if (length == 0) {
            out->empty++;
            continue;
        }
        out->documents++;
        out->words += length;
        rates -= bounds->data[d] / length;
        sum -= bounds->data[d];
    }
    if (out->documents == 0) return elbo_fail(error, ELBO_ERROR_FORMAT, "lengths: every document is empty");
    out->document_perplexity = exp(rates / (double)out->documents);
    out->corpus_perplexity = exp(sum / out->words);
    if (sum < 0)
        elbo_metric_warn(out->warning, sizeof out->warning,
                         "The bounds are positive on the whole: log probabilities of words, at most 0, were expected.");
    return ELBO_OK;
}

elbo_status elbo_score_perplexity(const elbo_array *bounds, const elbo_array *lengths, elbo_perplexity *out,
                                  elbo_error *error) {
    elbo_metric_matrix bound = {0}, length = {0};
    memset(out, 0, sizeof *out);
    elbo_status status = elbo_metric_matrix_read(&bound, bounds, "bounds", error);
    if (status == ELBO_OK) status = elbo_metric_matrix_read(&length, lengths, "lengths", error);
    if (status == ELBO_OK) status = perplexity(&bound, &length, out, error);
    elbo_metric_matrix_clear(&bound);
    elbo_metric_matrix_clear(&length);
    return status;
}
