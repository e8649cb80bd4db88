/* elbo topics: the words of topics, words near each other, and documents near a query. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/json.h"
#include "support/rows.h"
#include "support/seeds.h"
#include "support/text.h"
#include "support/words.h"

#define TOPICS_OPTIONS(O)                                                                                              \
    O(INT, words, "10", 1, 10000, NULL, "words of each topic, or nearest words")                                       \
    O(TEXT, nearest, "", 0, 0, NULL, "instead of topics: the words nearest to each of these, separated by commas")     \
    O(TEXT, search, "", 0, 0, NULL, "instead of topics: the documents nearest to these words, separated by blanks")    \
    O(INT, like, "-1", -1, 1e15, NULL, "instead of topics: the documents nearest to this row, counted from 0")         \
    O(INT, count, "10", 1, 100000, NULL, "documents that --search and --like find")                                    \
    O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "documents among which they look, or of the corpus of --coherence") \
    O(TEXT, coherence, "", 0, 0, NULL,                                                                                 \
      "also judge the topics by documents: a data source, or 'data' for the run's own")                                \
    O(TEXT, out, "", 0, 0, NULL, "also write the weights, topics by words: .npy, .npz or .csv")
ELBO_OPTIONS_STRUCT(topics_options, TOPICS_OPTIONS);
#define ELBO_TABLE_STRUCT topics_options
static ELBO_TABLE(topics_table, "Topics", TOPICS_OPTIONS);
#undef ELBO_TABLE_STRUCT

typedef struct work_state {
    elbo_cli_run *run;
    const topics_options *options;
    elbo_array weights; /* [topics, words] */
    int64_t topics, vocabulary;
    double *value; /* room for one number for each word or document */
    elbo_cli_ranked *ranked;
    json_t *json;
} work_state;

static elbo_status make_room(work_state *w, int64_t size, int64_t count, elbo_error *error) {
    free(w->value);
    free(w->ranked);
    w->value = calloc((size_t)size, sizeof *w->value);
    w->ranked = calloc((size_t)(count < size ? count : size), sizeof *w->ranked);
    return w->value && w->ranked ? ELBO_OK : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a list");
}

/* "word word word", wrapped, behind what was printed up to `column`; or into a list. */
static void give_words(const work_state *w, int64_t count, int column, json_t *list) {
    char number[24];
    size_t size = 1;
    for (int64_t i = 0; i < count; i++) size += strlen(elbo_cli_word(w->run->data, w->ranked[i].index, number)) + 1;
    char *text = list ? NULL : calloc(size, 1);
    for (int64_t i = 0; i < count; i++) {
        const char *word = elbo_cli_word(w->run->data, w->ranked[i].index, number);
        if (list)
            json_array_append_new(
                list, json_pack("{s:o, s:f}", "word", elbo_cli_json_text(word), "value", w->ranked[i].value));
        else if (text)
            strcat(i ? strcat(text, " ") : text, word);
    }
    if (!list) elbo_cli_text_wrap(stdout, text ? text : "", column, column);
    free(text);
}

/* ---- Topics ---- */

static elbo_status judge(const work_state *w, elbo_topic_scores *scores, elbo_error *error) {
    elbo_topic_options options;
    char words[32];
    bool own = strcmp(w->options->coherence, "data") == 0;
    elbo_dataset *corpus = own ? w->run->dataset : elbo_dataset_open(w->options->coherence, NULL, error);
    if (!corpus) return error->status;
    elbo_status status = elbo_options_init(&elbo_topic_options_table, &options, error);
    snprintf(words, sizeof words, "%lld", (long long)w->options->words);
    if (status == ELBO_OK) status = elbo_options_set(&elbo_topic_options_table, &options, "top_words", words, error);
    if (status == ELBO_OK)
        status =
            elbo_score_topics(&w->weights, NULL, corpus, elbo_cli_split(w->options->split), &options, scores, error);
    if (!own) elbo_dataset_free(corpus);
    return status;
}

static void print_scores(const elbo_topic_scores *scores) {
    printf("NPMI %.3f, c_v %.3f, diversity %.3f; %lld top words of each topic in %lld documents\n", scores->npmi,
           scores->c_v, scores->diversity, (long long)scores->words, (long long)scores->documents);
    if (scores->warning[0]) elbo_cli_text_wrap(stdout, scores->warning, 0, 0);
}

static void json_scores(json_t *object, const elbo_topic_scores *scores) {
    json_object_set_new(object, "npmi", elbo_cli_json_real(scores->npmi));
    json_object_set_new(object, "c_v", elbo_cli_json_real(scores->c_v));
    json_object_set_new(object, "diversity", elbo_cli_json_real(scores->diversity));
    json_object_set_new(object, "documents", json_integer(scores->documents));
    json_object_set_new(object, "warning", elbo_cli_json_text(scores->warning[0] ? scores->warning : NULL));
}

static void give_topic(work_state *w, int64_t topic, const double *npmi, json_t *list) {
    const float *weight = (const float *)w->weights.data + topic * w->vocabulary;
    for (int64_t i = 0; i < w->vocabulary; i++) w->value[i] = (double)weight[i];
    int64_t count = elbo_cli_rank(w->value, w->vocabulary, -1, w->options->words, w->ranked);
    if (!list) {
        int column =
            npmi ? printf("%4lld %7.3f  ", (long long)topic, npmi[topic]) : printf("%4lld  ", (long long)topic);
        give_words(w, count, column, NULL);
        return;
    }
    json_t *one = json_object(), *words = json_array();
    give_words(w, count, 0, words);
    if (npmi) json_object_set_new(one, "npmi", elbo_cli_json_real(npmi[topic]));
    json_object_set_new(one, "words", words);
    json_array_append_new(list, one);
}

static elbo_status show_topics(work_state *w, elbo_error *error) {
    elbo_topic_scores scores = {0};
    ELBO_CLI_TRY(make_room(w, w->vocabulary, w->options->words, error));
    if (w->options->coherence[0]) ELBO_CLI_TRY(judge(w, &scores, error));
    json_t *list = w->json ? json_array() : NULL;
    for (int64_t k = 0; k < w->topics; k++) give_topic(w, k, scores.topic_npmi, list);
    if (list) json_object_set_new(w->json, "topics", list);
    if (w->options->coherence[0] && w->json)
        json_scores(w->json, &scores);
    else if (w->options->coherence[0])
        print_scores(&scores);
    elbo_topic_scores_clear(&scores);
    return ELBO_OK;
}

/* ---- Nearest words: by the cosine of their weights in all topics ---- */

static elbo_status show_near(work_state *w, const char *name, json_t *object, elbo_error *error) {
    int64_t word;
    ELBO_CLI_TRY(elbo_cli_word_find(w->run->data, name, &word, error));
    float *own = calloc((size_t)w->topics, sizeof *own);
    if (!own) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a word");
    for (int64_t k = 0; k < w->topics; k++) own[k] = ((const float *)w->weights.data)[k * w->vocabulary + word];
    elbo_cli_cosines(w->weights.data, w->vocabulary, w->topics, true, own, w->value);
    free(own);
    int64_t count = elbo_cli_rank(w->value, w->vocabulary, word, w->options->words, w->ranked);
    json_t *list = object ? json_array() : NULL;
    give_words(w, count, object ? 0 : printf("%s: ", name), list);
    if (object) json_object_set_new(object, name, list);
    return ELBO_OK;
}

/* Calls take on each piece of a text between separators. */
static elbo_status each_piece(const char *text, const char *separators, work_state *w,
                              elbo_status (*take)(work_state *w, const char *piece, void *user, elbo_error *error),
                              void *user, elbo_error *error) {
    char *copy = strdup(text), *rest = NULL;
    if (!copy) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for words");
    elbo_status status = ELBO_OK;
    for (char *piece = strtok_r(copy, separators, &rest); piece && status == ELBO_OK;
         piece = strtok_r(NULL, separators, &rest))
        status = take(w, piece, user, error);
    free(copy);
    return status;
}

static elbo_status take_near(work_state *w, const char *piece, void *user, elbo_error *error) {
    return show_near(w, piece, user, error);
}

static elbo_status show_nearest(work_state *w, elbo_error *error) {
    ELBO_CLI_TRY(make_room(w, w->vocabulary, w->options->words, error));
    json_t *object = w->json ? json_object() : NULL;
    elbo_status status = each_piece(w->options->nearest, ", ", w, take_near, object, error);
    if (object) json_object_set_new(w->json, "nearest", object);
    return status;
}

/* ---- Documents near a query: by the cosine of the means of their codes ---- */

static elbo_status count_word(work_state *w, const char *piece, void *user, elbo_error *error) {
    int64_t word;
    ELBO_CLI_TRY(elbo_cli_word_find(w->run->data, piece, &word, error));
    ((float *)user)[word]++;
    return ELBO_OK;
}

/* The code of the query: [1, latent]. */
static elbo_status encode_query(work_state *w, elbo_split split, elbo_array *code, elbo_error *error) {
    int64_t like = w->options->like;
    if (like >= 0) {
        if (like >= w->run->data->count[split])
            return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--like %lld: there are %lld rows, counted from 0",
                                 (long long)like, (long long)w->run->data->count[split]);
        return elbo_cli_run_encode(w->run, split, like, 1, code, NULL, error);
    }
    elbo_array x = {0};
    const int64_t shape[] = {1, w->vocabulary};
    ELBO_CLI_TRY(elbo_array_new(&x, ELBO_F32, 2, shape, error));
    elbo_status status = each_piece(w->options->search, ", ", w, count_word, x.data, error);
    if (status == ELBO_OK) status = elbo_model_encode(w->run->model, &x, code, NULL, error);
    elbo_array_free(&x);
    return status;
}

/* One document that was found: its most frequent words, and its class. */
static elbo_status give_document(work_state *w, elbo_split split, elbo_cli_ranked found, json_t *list,
                                 elbo_error *error) {
    enum { SHOWN = 8 };
    elbo_array x = {0};
    int32_t label = -1;
    const elbo_data_info *data = w->run->data;
    ELBO_CLI_TRY(elbo_cli_run_rows(w->run, split, NULL, found.index, 1, &x, error));
    for (int64_t i = 0; i < w->vocabulary; i++) w->value[i] = elbo_cli_value_at(&x, i);
    elbo_array_free(&x);
    if (data->classes > 0)
        ELBO_CLI_TRY(elbo_dataset_labels(w->run->dataset, split, NULL, found.index, 1, &label, error));
    int64_t count = elbo_cli_rank(w->value, w->vocabulary, -1, SHOWN, w->ranked);
    while (count > 0 && w->ranked[count - 1].value == 0) count--;
    if (!list) {
        int column = printf("%8lld %6.3f  ", (long long)found.index, found.value);
        if (label >= 0) column += printf("[%s] ", data->class_names[label]);
        give_words(w, count, column, NULL);
        return ELBO_OK;
    }
    json_t *words = json_array();
    give_words(w, count, 0, words);
    json_array_append_new(
        list, json_pack("{s:I, s:f, s:o, s:o}", "row", (json_int_t)found.index, "similarity", found.value, "label",
                        elbo_cli_json_text(label >= 0 ? data->class_names[label] : NULL), "words", words));
    return ELBO_OK;
}

static elbo_status give_documents(work_state *w, elbo_split split, const elbo_array *query, const elbo_array *codes,
                                  elbo_error *error) {
    int64_t rows = codes->shape[0], latent = codes->shape[1],
            most = w->options->count < rows ? w->options->count : rows;
    elbo_cli_ranked *found = calloc((size_t)most, sizeof *found);
    if (!found) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for a list");
    elbo_status status = make_room(w, rows > w->vocabulary ? rows : w->vocabulary, w->vocabulary, error);
    int64_t count = 0;
    if (status == ELBO_OK) {
        elbo_cli_cosines(codes->data, rows, latent, false, query->data, w->value);
        count = elbo_cli_rank(w->value, rows, w->options->like, most, found);
    }
    json_t *list = w->json ? json_array() : NULL;
    for (int64_t i = 0; i < count && status == ELBO_OK; i++) status = give_document(w, split, found[i], list, error);
    if (list) json_object_set_new(w->json, "documents", list);
    free(found);
    return status;
}

static elbo_status show_documents(work_state *w, elbo_error *error) {
    elbo_array query = {0}, codes = {0};
    elbo_split split;
    ELBO_CLI_TRY(elbo_cli_run_split(w->run, w->options->split, &split, error));
    elbo_status status = encode_query(w, split, &query, error);
    if (status == ELBO_OK)
        status = elbo_cli_run_encode(w->run, split, 0, w->run->data->count[split], &codes, NULL, error);
    if (status == ELBO_OK) status = give_documents(w, split, &query, &codes, error);
    elbo_array_free(&query);
    elbo_array_free(&codes);
    return status;
}

/* ---- The command ---- */

static elbo_status show(work_state *w, elbo_error *error) {
    ELBO_CLI_TRY(elbo_model_topics(w->run->model, &w->weights, error));
    w->topics = w->weights.shape[0];
    w->vocabulary = w->weights.shape[1];
    ELBO_CLI_TRY(elbo_cli_run_data(w->run, error));
    if (w->options->out[0]) ELBO_CLI_TRY(elbo_array_save(&w->weights, w->options->out, error));
    if (w->options->nearest[0]) return show_nearest(w, error);
    return w->options->search[0] || w->options->like >= 0 ? show_documents(w, error) : show_topics(w, error);
}

static elbo_status work(elbo_cli_run *run, elbo_error *error) {
    work_state w = {.run = run, .options = elbo_context_values(run->context, &topics_table)};
    if (run->context->common->json || run->one_of_many) w.json = json_pack("{s:s}", "model", run->info->model);
    elbo_status status = show(&w, error);
    if (status == ELBO_OK && w.json)
        (void)elbo_cli_run_figures(run, w.json);
    else
        json_decref(w.json);
    elbo_array_free(&w.weights);
    free(w.value);
    free(w.ranked);
    return status;
}

static int run(elbo_context *context) {
    const topics_options *options = elbo_context_values(context, &topics_table);
    bool documents = options->search[0] || options->like >= 0;
    if ((options->nearest[0] != 0) + (options->search[0] != 0) + (options->like >= 0) > 1)
        return elbo_context_usage(context, "one of --nearest, --search and --like was expected");
    if (options->coherence[0] && (documents || options->nearest[0]))
        return elbo_context_usage(context,
                                  "--coherence judges topics: it does not go with --nearest, --search, --like");
    if (!documents && elbo_context_given(context, "count"))
        return elbo_context_usage(context, "--count needs --search WORDS or --like ROW");
    if (documents && elbo_context_given(context, "words"))
        return elbo_context_usage(context, "--words does not go with --search and --like");
    if (!documents && !options->coherence[0] && elbo_context_given(context, "split"))
        return elbo_context_usage(context, "--split needs --search WORDS, --like ROW or --coherence SOURCE");
    bool seeds = elbo_cli_seeds_in(elbo_context_argument(context, 0));
    if (seeds && (!options->coherence[0] || options->out[0]))
        return elbo_context_usage(context, "of several seeds there is --coherence SOURCE alone; name one run");
    return elbo_cli_run_with_each(context, work);
}

const elbo_command command_topics = {
    .name = "topics",
    .group = ELBO_GROUP_USE,
    .order = 6,
    .summary = "show topics, nearest words, and documents like a query",
    .usage = (const char *const[]){"RUN [--coherence SOURCE] [OPTIONS]", "RUN --nearest WORD,WORD,...",
                                   "RUN --search WORDS | --like ROW", NULL},
    .description =
        "For models of documents. Topics are listed by the words whose probability they raise most; nearest words are "
        "those whose weights in all topics point the same way (cosine), nearest documents those whose codes do (cosine "
        "of the means of q(z|x)). Words come from the vocabulary of the data; without one they are called #0, #1, "
        "...\n\n" ELBO_CLI_SOURCE_TEXT,
    .arguments = (const elbo_argument[]){ELBO_CLI_RUNS_ARGUMENT, {0}},
    .flags = (const elbo_flag[]){{"words", 'w', NULL},
                                 {"nearest", 0, "WORDS"},
                                 {"search", 0, "WORDS"},
                                 {"like", 0, "ROW"},
                                 {"count", 'n', NULL},
                                 {"coherence", 0, "SOURCE"},
                                 {"out", 'o', "FILE"},
                                 ELBO_CLI_SOURCE_FLAGS,
                                 {0}},
    .tables = (const elbo_options *const[]){&topics_table, &elbo_cli_model_options_table,
                                            &elbo_cli_source_options_table, &elbo_data_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo topics run --words 8", "the words of each topic"},
                                       {"elbo topics run --coherence data", "and how well they go together"},
                                       {"elbo topics run --nearest weapons,medical", "words used alike"},
                                       {"elbo topics run --search 'space shuttle launch'", "documents about it"},
                                       {0}},
    .run = run,
};
