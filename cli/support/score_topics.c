/* elbo score topics: coherence of topics in a corpus, and perplexity from bounds. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/describe.h"
#include "support/score.h"
#include "support/text.h"

#define TOPICS_FILES(O)                                                                                              \
    O(TEXT, topics, "", 0, 0, NULL, "weights of words, a row for each topic: " ELBO_CLI_SCORE_FILE)                  \
    O(TEXT, words, "", 0, 0, NULL, "instead of weights: numbers of words from 0, the most likely first")             \
    O(TEXT, corpus, "", 0, 0, NULL, "documents for npmi and c_v, as counts of words: a file or another data source") \
    O(CHOICE, split, "all", 0, 0, ELBO_CLI_SPLITS, "which documents of the corpus")                                  \
    O(TEXT, vocabulary, "", 0, 0, NULL, "text file with a word in each line, to name the words")                     \
    O(TEXT, bounds, "", 0, 0, NULL, "for perplexity: the ELBO of each document, in nats")                            \
    O(TEXT, lengths, "", 0, 0, NULL, "for perplexity: the number of words of each document")
ELBO_OPTIONS_STRUCT(topics_files, TOPICS_FILES);
#define ELBO_TABLE_STRUCT topics_files
static ELBO_TABLE(topics_files_table, "Files", TOPICS_FILES);
#undef ELBO_TABLE_STRUCT

/* Words by number. */
typedef struct vocabulary {
    char **word;
    size_t count;
} vocabulary;

typedef struct scoring {
    elbo_context *context;
    const topics_files *files;
    elbo_cli_score_input input[4]; /* topics, words, bounds, lengths */
    vocabulary names;
    bool has_topics, has_bounds;
    elbo_topic_scores topics;
    elbo_perplexity perplexity;
} scoring;

/* ---- Words ---- */

/* The first word of each line. */
static elbo_status read_vocabulary(const char *path, vocabulary *names, elbo_error *error) {
    FILE *in = fopen(path, "r");
    if (!in) return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    char *line = NULL;
    size_t size = 0, room = 0;
    bool good = true;
    while (good && getline(&line, &size, in) >= 0) {
        line[strcspn(line, " \t\r\n")] = '\0';
        if (names->count == room) {
            room = room ? 2 * room : 1024;
            char **grown = realloc(names->word, room * sizeof *grown);
            if (grown) names->word = grown;
            good = grown != NULL;
        }
        if (good) good = (names->word[names->count] = strdup(line)) != NULL;
        if (good) names->count++;
    }
    free(line);
    bool failed = ferror(in) != 0;
    fclose(in);
    if (!good) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %s", path);
    if (failed) return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot read %s", path);
    return ELBO_OK;
}

static void free_vocabulary(vocabulary *names) {
    for (size_t i = 0; i < names->count; i++) free(names->word[i]);
    free(names->word);
}

/* ---- Scores ---- */

static elbo_status score_topics(scoring *s, elbo_error *error) {
    const elbo_topic_options *options = elbo_context_values(s->context, &elbo_topic_options_table);
    elbo_dataset *corpus = NULL;
    if (s->files->corpus[0] && !(corpus = elbo_dataset_open(s->files->corpus, NULL, error))) return error->status;
    elbo_status status = elbo_score_topics(s->files->topics[0] ? &s->input[0].array : NULL,
                                           s->files->words[0] ? &s->input[1].array : NULL, corpus,
                                           elbo_cli_split(s->files->split), options, &s->topics, error);
    elbo_dataset_free(corpus);
    if (status != ELBO_OK || !s->names.word || (int64_t)s->names.count == s->topics.vocabulary) return status;
    return elbo_cli_fail(error, ELBO_ERROR_SHAPE, "%s has %zu lines, but the vocabulary %lld words",
                         s->files->vocabulary, s->names.count, (long long)s->topics.vocabulary);
}

static elbo_status score(scoring *s, elbo_error *error) {
    if (s->files->vocabulary[0]) ELBO_CLI_TRY(read_vocabulary(s->files->vocabulary, &s->names, error));
    if (s->has_topics) ELBO_CLI_TRY(score_topics(s, error));
    if (!s->has_bounds) return ELBO_OK;
    return elbo_score_perplexity(&s->input[2].array, &s->input[3].array, &s->perplexity, error);
}

/* ---- Results ---- */

static json_t *topics_json(const scoring *s) {
    const elbo_topic_scores *t = &s->topics;
    json_t *list = json_array();
    for (int64_t k = 0; k < t->topics; k++) {
        json_t *one = json_object(), *words = json_array();
        for (int64_t i = 0; i < t->words; i++) {
            int32_t word = t->word[k * t->words + i];
            json_array_append_new(words, s->names.word ? elbo_cli_json_text(s->names.word[word]) : json_integer(word));
        }
        if (t->topic_npmi) {
            json_object_set_new(one, "npmi", elbo_cli_json_real(t->topic_npmi[k]));
            json_object_set_new(one, "c_v", elbo_cli_json_real(t->topic_c_v[k]));
        }
        json_object_set_new(one, "words", words);
        json_array_append_new(list, one);
    }
    return list;
}

static int print_json(const scoring *s) {
    const elbo_topic_scores *t = &s->topics;
    const elbo_perplexity *p = &s->perplexity;
    const elbo_cli_score_figure coherences[] = {{"npmi", t->npmi}, {"c_v", t->c_v}, {"diversity", t->diversity}};
    json_t *object = elbo_cli_score_json("topics", coherences, s->has_topics ? 3 : 0);
    if (s->has_topics) {
        json_object_set_new(object, "vocabulary", json_integer(t->vocabulary));
        json_object_set_new(object, "documents", json_integer(t->documents));
        json_object_set_new(object, "unseen", json_integer(t->unseen));
        json_object_set_new(object, "topics", topics_json(s));
        elbo_cli_score_json_warning(object, t->warning);
    }
    if (s->has_bounds) {
        json_object_set_new(object, "document_perplexity", elbo_cli_json_real(p->document_perplexity));
        json_object_set_new(object, "corpus_perplexity", elbo_cli_json_real(p->corpus_perplexity));
        json_object_set_new(object, "bounds", json_integer(p->documents));
        json_object_set_new(object, "empty", json_integer(p->empty));
        json_object_set_new(object, "words", elbo_cli_json_real(p->words));
        json_object_set_new(object, "bounds_warning", elbo_cli_json_text(p->warning[0] ? p->warning : NULL));
    }
    return elbo_cli_json_print(s->context, object);
}

static void print_words(const scoring *s) {
    const elbo_topic_scores *t = &s->topics;
    for (int64_t k = 0; k < t->topics; k++) {
        int column = t->topic_npmi ? printf("  %3lld %7.3f  ", (long long)k, t->topic_npmi[k])
                                   : printf("  %3lld  ", (long long)k);
        size_t room = 0;
        for (int64_t i = 0; i < t->words; i++) room += strlen(s->names.word[t->word[k * t->words + i]]) + 1;
        char *text = calloc(room + 1, 1);
        for (int64_t i = 0; i < t->words && text; i++) {
            strcat(text, s->names.word[t->word[k * t->words + i]]);
            if (i + 1 < t->words) strcat(text, " ");
        }
        elbo_cli_text_wrap(stdout, text ? text : "", column, column);
        free(text);
    }
}

static void print_text(const scoring *s) {
    const elbo_topic_scores *t = &s->topics;
    const elbo_perplexity *p = &s->perplexity;
    const elbo_cli_score_figure coherences[] = {{"npmi", t->npmi}, {"c_v", t->c_v}, {"diversity", t->diversity}};
    const elbo_cli_score_figure perplexities[] = {{"document_perplexity", p->document_perplexity},
                                                  {"corpus_perplexity", p->corpus_perplexity}};
    if (s->has_topics) {
        printf("%lld topics over %lld words", (long long)t->topics, (long long)t->vocabulary);
        if (s->files->corpus[0])
            printf("; %lld top words of each in %lld documents\n", (long long)t->words, (long long)t->documents);
        else
            puts("");
        elbo_cli_score_print(s->files->corpus[0] ? coherences : coherences + 2, s->files->corpus[0] ? 3 : 1);
        elbo_cli_score_warning(t->warning);
        if (s->names.word) print_words(s);
    }
    if (!s->has_bounds) return;
    printf("%lld documents with %.0f words, %lld without\n", (long long)p->documents, p->words, (long long)p->empty);
    elbo_cli_score_print(perplexities, 2);
    elbo_cli_score_warning(p->warning);
}

/* ---- The command ---- */

static int check(const scoring *s) {
    const topics_files *files = s->files;
    if (files->topics[0] && files->words[0])
        return elbo_context_usage(s->context, "--topics and --words do not go together");
    if (!files->bounds[0] != !files->lengths[0])
        return elbo_context_usage(s->context, "--bounds and --lengths go together");
    if (!s->has_topics && !s->has_bounds)
        return elbo_context_usage(s->context,
                                  "--topics FILE, --words FILE, or --bounds FILE and --lengths FILE "
                                  "expected");
    if (!s->has_topics && (files->corpus[0] || files->vocabulary[0]))
        return elbo_context_usage(s->context, "--%s needs --topics FILE or --words FILE",
                                  files->corpus[0] ? "corpus" : "vocabulary");
    if (!files->corpus[0] && elbo_context_given(s->context, "split"))
        return elbo_context_usage(s->context, "--split needs --corpus SOURCE");
    return ELBO_EXIT_OK;
}

static int run_topics(elbo_context *context) {
    const topics_files *files = elbo_context_values(context, &topics_files_table);
    scoring s = {.context = context, .files = files};
    s.input[0] = (elbo_cli_score_input){"topics", files->topics, true, {0}};
    s.input[1] = (elbo_cli_score_input){"words", files->words, true, {0}};
    s.input[2] = (elbo_cli_score_input){"bounds", files->bounds, true, {0}};
    s.input[3] = (elbo_cli_score_input){"lengths", files->lengths, true, {0}};
    s.has_topics = files->topics[0] || files->words[0];
    s.has_bounds = files->bounds[0] || files->lengths[0];
    elbo_error error = {0};
    int code = check(&s);
    if (code == ELBO_EXIT_OK) code = elbo_cli_score_load(context, s.input, 4);
    if (code == ELBO_EXIT_OK && score(&s, &error) != ELBO_OK) code = elbo_context_fail(context, &error);
    if (code == ELBO_EXIT_OK && context->common->json)
        code = print_json(&s);
    else if (code == ELBO_EXIT_OK)
        print_text(&s);
    free_vocabulary(&s.names);
    elbo_topic_scores_clear(&s.topics);
    elbo_cli_score_free(s.input, 4);
    return code;
}

const elbo_command elbo_cli_score_topics = {
    .name = "topics",
    .group = ELBO_GROUP_USE,
    .summary = "judge topics: NPMI, c_v, diversity; perplexity from bounds",
    .usage = (const char *const[]){"--topics FILE --corpus SOURCE [OPTIONS]", "--bounds FILE --lengths FILE [OPTIONS]",
                                   NULL},
    .description =
        "Coherence counts documents in which words occur together. Corpora here are bags of words, so that a document "
        "is one window; c_v as published slides a window of 110 words over text instead, and differs. Without a corpus "
        "diversity alone is told.\n\n" ELBO_CLI_SCORE_FILES,
    .flags = (const elbo_flag[]){{"topics", 0, "FILE"},
                                 {"words", 0, "FILE"},
                                 {"corpus", 0, "SOURCE"},
                                 {"vocabulary", 0, "FILE"},
                                 {"bounds", 0, "FILE"},
                                 {"lengths", 0, "FILE"},
                                 {0}},
    .tables = (const elbo_options *const[]){&topics_files_table, &elbo_topic_options_table, NULL},
    .examples =
        (const elbo_example[]){
            {"elbo score topics --topics beta.npy --corpus train.npy", "three figures"},
            {"elbo score topics --words top.csv --corpus train.npy --vocabulary vocab.txt", "and the words"},
            {"elbo score topics --bounds elbo.npy --lengths words.npy", "perplexity per document and per corpus"},
            {0}},
    .run = run_topics,
};
