/* Documents as counts of words, three forms of text, each plain or with .gz:
 *
 *   NAME.feat, .bow, .svmlight   a line for each document, "word:count word:count ...", with or without a label before
 *                                it; '#' begins a comment. Words count from 1, from 0 if one of them is 0. A label that
 *                                is the same everywhere says nothing and is dropped
 *   NAME.ldac                    the form of lda-c: before the pairs their number; words count from 0
 *   docword.NAME.txt             the form of the UCI repository: the numbers of documents, of words and of triples,
 * then triples "document word count"; both count from 1
 *
 * A folder holds train.feat (or another ending), perhaps test.feat, or one docword file. The vocabulary, a word at the
 * start of each line, is vocab.txt beside the documents (vocab.NAME.txt for docword files), or the file there that is
 * named after '#'; without one words have no names, and the largest number that occurs says how many there are.
 * Repeated words of a document are added up. In a file without labels a blank line is an empty document. */
#include <glob.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/labels.h"

#define LINE_ENDINGS ".feat|.feat.gz|.bow|.bow.gz|.svmlight|.svmlight.gz"
#define LDAC_ENDINGS ".ldac|.ldac.gz"

enum { MOST_WORDS = 1000000, MOST_EMPTY = 1000000, TOKEN = 256, BUFFER = 64 * 1024 };
static const double most_count = 1e9;

/* ---- text in pieces ---- */

typedef enum token_kind { TOKEN_WORD, TOKEN_LINE_END, TOKEN_END } token_kind;

typedef struct text {
    elbo_reader reader;
    int64_t line; /* of the token at hand, from 1 */
    size_t at, end;
    bool line_ended;
    char token[TOKEN];
    char buffer[BUFFER];
} text;

static elbo_status text_open(text **made, const char *path, elbo_error *error) {
    *made = elbo_calloc(sizeof **made);
    if (!*made) return elbo_fail_memory(error, sizeof **made, path);
    (*made)->line_ended = true;
    elbo_status status = elbo_reader_open(&(*made)->reader, path, error);
    if (status == ELBO_OK) return ELBO_OK;
    elbo_free(*made);
    *made = NULL;
    return status;
}

static void text_close(text *t) {
    if (!t) return;
    elbo_reader_close(&t->reader);
    elbo_free(t);
}

/* The next byte without taking it; -1 at the end. */
static elbo_status look(text *t, int *byte, elbo_error *error) {
    if (t->at == t->end) {
        t->at = 0;
        ELBO_TRY(elbo_reader_some(&t->reader, t->buffer, BUFFER, &t->end, error));
    }
    *byte = t->at == t->end ? -1 : (unsigned char)t->buffer[t->at];
    return ELBO_OK;
}

static elbo_status skip_comment(text *t, int *byte, elbo_error *error) {
    while (*byte >= 0 && *byte != '\n') {
        t->at++;
        ELBO_TRY(look(t, byte, error));
    }
    return ELBO_OK;
}

static bool is_blank(int byte) { return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\v' || byte == '\f'; }

/* The next piece between blanks. comments: '#' begins one; *commented is then set. */
static elbo_status next(text *t, bool *commented, token_kind *kind, elbo_error *error) {
    int byte;
    size_t length = 0;
    if (t->line_ended) t->line++;
    t->line_ended = false;
    ELBO_TRY(look(t, &byte, error));
    while (is_blank(byte)) {
        t->at++;
        ELBO_TRY(look(t, &byte, error));
    }
    if (byte == '#' && commented) {
        *commented = true;
        ELBO_TRY(skip_comment(t, &byte, error));
    }
    *kind = byte < 0 ? TOKEN_END : byte == '\n' ? TOKEN_LINE_END : TOKEN_WORD;
    t->line_ended = byte == '\n';
    if (byte == '\n') t->at++;
    while (*kind == TOKEN_WORD && byte >= 0 && byte != '\n' && !is_blank(byte) && !(byte == '#' && commented)) {
        if (byte == 0 || length == TOKEN - 1)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: %s; text was expected", t->reader.name,
                             (long long)t->line, byte ? "a word of more than 255 bytes" : "a byte that is 0");
        t->token[length++] = (char)byte;
        t->at++;
        ELBO_TRY(look(t, &byte, error));
    }
    t->token[length] = 0;
    return ELBO_OK;
}

/* A whole number up to `most` at the start of a piece, which goes on with `after`. */
static bool whole(const char *at, char after, int64_t most, int64_t *value, const char **rest) {
    *value = 0;
    if (*at < '0' || *at > '9') return false;
    for (; *at >= '0' && *at <= '9'; at++) {
        *value = *value * 10 + (*at - '0');
        if (*value > most) return false;
    }
    *rest = at + 1;
    return *at == after;
}

/* ---- documents as they are read ---- */

typedef struct bag {
    elbo_entries entries; /* words as the file numbers them */
    int64_t rows;
    bool labelled, unlabelled; /* whether lines with a label have been met, and lines without */
    bool from_zero;            /* the form's words count from 0 */
    elbo_classes classes;
    int32_t *label;
    int64_t label_room;
    int64_t least, most; /* words */
    char place[64];      /* where `most` was met: "line 12" */
    int64_t words;       /* what the header of a docword file says; 0: none */
    locale_t plain;
} bag;

static void bag_clear(bag *b) {
    elbo_entries_clear(&b->entries);
    elbo_classes_clear(&b->classes);
    elbo_free(b->label);
    if (b->plain) freelocale(b->plain);
}

static elbo_status add(bag *b, const text *t, int64_t row, int64_t word, const char *count, elbo_error *error) {
    double value;
    if (!elbo_text_number(count, b->plain, &value) || !(value >= 0 && value <= most_count))
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s, line %lld: \"%s\" is no count; a number from 0 to %g was expected", t->reader.name,
                         (long long)t->line, count, most_count);
    if (b->most < 0 || word < b->least) b->least = word;
    if (word > b->most) {
        b->most = word;
        snprintf(b->place, sizeof b->place, "line %lld", (long long)t->line);
    }
    return value > 0 ? elbo_entries_add(&b->entries, row, (int32_t)word, (float)value, error) : ELBO_OK;
}

static elbo_status add_label(bag *b, const char *name, elbo_error *error) {
    if (b->rows >= b->label_room) {
        int64_t room = b->label_room ? 2 * b->label_room : 1024;
        while (room <= b->rows) room *= 2;
        int32_t *grown = elbo_grow(b->label, (size_t)b->label_room * sizeof *grown, (size_t)room * sizeof *grown);
        if (!grown) return elbo_fail_memory(error, (size_t)room * sizeof *grown, "labels");
        b->label = grown;
        b->label_room = room;
    }
    return elbo_classes_code(&b->classes, name, &b->label[b->rows], error);
}

/* ---- a line for each document ---- */

typedef struct line {
    int64_t pieces, pairs, promised; /* promised: pairs, in lda-c; else -1 */
    int64_t blank;                   /* blank lines before it */
    bool commented;
} line;

static elbo_status add_pair(bag *b, const text *t, elbo_error *error) {
    int64_t word;
    const char *count;
    if (!whole(t->token, ':', MOST_WORDS, &word, &count))
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s, line %lld: \"%s\" where word:count was expected, the word a number up to %d",
                         t->reader.name, (long long)t->line, t->token, MOST_WORDS);
    return add(b, t, b->rows, word, count, error);
}

static elbo_status mixed(const text *t, elbo_error *error) {
    return elbo_fail(error, ELBO_ERROR_FORMAT,
                     "%s, line %lld: some lines begin with a label and others do not (a blank line counts as one "
                     "without)",
                     t->reader.name, (long long)t->line);
}

/* The first piece of a line: a label, the number of pairs, or a pair. */
static elbo_status begin_line(bag *b, line *l, const text *t, bool ldac, elbo_error *error) {
    const char *rest;
    bool label = !ldac && !strchr(t->token, ':');
    if (l->blank > 0 && ldac)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: a blank line before it; an empty document is a 0",
                         t->reader.name, (long long)t->line);
    if (l->blank > 0 && (label || b->labelled)) return mixed(t, error);
    if (l->blank > 0) b->unlabelled = true;
    b->rows += l->blank;
    l->blank = 0;
    if (ldac) {
        if (whole(t->token, 0, INT32_MAX, &l->promised, &rest)) return ELBO_OK;
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: \"%s\" where the number of pairs was expected",
                         t->reader.name, (long long)t->line, t->token);
    }
    if (label ? b->unlabelled : b->labelled) return mixed(t, error);
    *(label ? &b->labelled : &b->unlabelled) = true;
    if (label) return add_label(b, t->token, error);
    l->pairs++;
    return add_pair(b, t, error);
}

static elbo_status end_line(bag *b, line *l, const text *t, elbo_error *error) {
    if (l->promised >= 0 && l->pairs != l->promised)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: %lld pairs, but its first number says %lld",
                         t->reader.name, (long long)t->line, (long long)l->pairs, (long long)l->promised);
    if (l->pieces > 0)
        b->rows++;
    else if (!l->commented)
        l->blank++;
    *l = (line){.promised = -1, .blank = l->blank};
    return ELBO_OK;
}

static elbo_status read_lines(bag *b, text *t, bool ldac, elbo_error *error) {
    line l = {.promised = -1};
    token_kind kind;
    do {
        ELBO_TRY(next(t, &l.commented, &kind, error));
        if (kind == TOKEN_WORD && l.pieces++ == 0) {
            ELBO_TRY(begin_line(b, &l, t, ldac, error));
        } else if (kind == TOKEN_WORD) {
            l.pairs++;
            ELBO_TRY(add_pair(b, t, error));
        } else if (kind == TOKEN_LINE_END || l.pieces > 0) {
            ELBO_TRY(end_line(b, &l, t, error));
        }
    } while (kind != TOKEN_END);
    if (!b->labelled && !ldac) b->rows += l.blank;
    b->from_zero = ldac;
    return ELBO_OK;
}

/* ---- documents, words, triples ---- */

static elbo_status next_whole(text *t, const char *what, int64_t least, int64_t most, int64_t *value,
                              elbo_error *error) {
    token_kind kind;
    const char *rest;
    do ELBO_TRY(next(t, NULL, &kind, error));
    while (kind == TOKEN_LINE_END);
    if (kind == TOKEN_WORD && whole(t->token, 0, most, value, &rest) && *value >= least) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT,
                     "%s, line %lld: \"%s\" where %s was expected, a number from %lld to %lld", t->reader.name,
                     (long long)t->line, kind == TOKEN_END ? "the end of the file" : t->token, what, (long long)least,
                     (long long)most);
}

static elbo_status read_triples(bag *b, text *t, elbo_error *error) {
    int64_t documents, triples, document, word;
    token_kind kind;
    ELBO_TRY(next_whole(t, "the number of documents", 1, INT64_C(1) << 40, &documents, error));
    ELBO_TRY(next_whole(t, "the number of words", 1, MOST_WORDS, &b->words, error));
    ELBO_TRY(next_whole(t, "the number of triples", 0, INT64_C(1) << 40, &triples, error));
    if (triples > (t->reader.limit - 6) / 5 || documents > triples + MOST_EMPTY)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: its header says %lld documents and %lld triples, which %s",
                         t->reader.name, (long long)documents, (long long)triples,
                         documents > triples + MOST_EMPTY ? "leaves more than a million documents empty"
                                                          : "is more than the file can hold");
    for (int64_t i = 0; i < triples; i++) {
        ELBO_TRY(next_whole(t, "a document", 1, documents, &document, error));
        ELBO_TRY(next_whole(t, "a word", 1, b->words, &word, error));
        ELBO_TRY(next(t, NULL, &kind, error));
        ELBO_TRY(add(b, t, document - 1, word, t->token, error));
    }
    do ELBO_TRY(next(t, NULL, &kind, error));
    while (kind == TOKEN_LINE_END);
    b->rows = documents;
    b->unlabelled = true;
    b->least = 1; /* also where the first word is not used */
    if (kind == TOKEN_END) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: more than the %lld triples that the header says",
                     t->reader.name, (long long)t->line, (long long)triples);
}

static bool is_docword(const char *path) {
    return strncmp(elbo_path_name(path), "docword.", 8) == 0 && elbo_path_ends(path, ".txt|.txt.gz");
}

static elbo_status read_documents(bag *b, const char *path, elbo_error *error) {
    text *t;
    ELBO_TRY(text_open(&t, path, error));
    elbo_status status =
        is_docword(path) ? read_triples(b, t, error) : read_lines(b, t, elbo_path_ends(path, LDAC_ENDINGS), error);
    text_close(t);
    return status;
}

/* ---- the vocabulary ---- */

static elbo_status add_word(elbo_table *table, const text *t, int64_t *room, elbo_error *error) {
    for (const char *byte = t->token; *byte; byte++)
        if ((unsigned char)*byte < 32 || *byte == 127)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: byte %d in a word; text was expected",
                             t->reader.name, (long long)t->line, (unsigned char)*byte);
    if (table->features == MOST_WORDS)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: more than %d words", t->reader.name, MOST_WORDS);
    if (table->features == *room) {
        int64_t wider = *room ? 2 * *room : 1024;
        size_t old = (size_t)*room * sizeof *table->feature_names, bytes = (size_t)wider * sizeof *table->feature_names;
        char **grown = elbo_grow(table->feature_names, old, bytes);
        if (!grown) return elbo_fail_memory(error, bytes, "a vocabulary");
        table->feature_names = grown;
        *room = wider;
    }
    char *word = elbo_strdup(t->token);
    if (!word) return elbo_fail_memory(error, strlen(t->token), "a word");
    table->feature_names[table->features++] = word;
    return ELBO_OK;
}

/* The first piece of each line; blank lines may follow the last word alone. */
static elbo_status read_words(elbo_table *table, text *t, elbo_error *error) {
    token_kind kind;
    int64_t room = 0, blank = 0;
    bool begun = false;
    do {
        ELBO_TRY(next(t, NULL, &kind, error));
        if (kind == TOKEN_WORD && !begun) {
            if (blank > 0)
                return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, line %lld: blank; a word was expected", t->reader.name,
                                 (long long)blank);
            ELBO_TRY(add_word(table, t, &room, error));
            begun = true;
        } else if (kind == TOKEN_LINE_END) {
            if (!begun && blank == 0) blank = t->line;
            begun = false;
        }
    } while (kind != TOKEN_END);
    return table->features > 0 ? ELBO_OK : elbo_fail(error, ELBO_ERROR_FORMAT, "%s holds no words", t->reader.name);
}

static elbo_status read_vocabulary(elbo_table *table, const char *path, elbo_error *error) {
    text *t;
    ELBO_TRY(text_open(&t, path, error));
    elbo_status status = read_words(table, t, error);
    text_close(t);
    return status;
}

/* ---- files ---- */

typedef struct files {
    char *train, *test, *vocabulary; /* test and vocabulary: NULL without */
} files;

static void files_clear(files *f) {
    elbo_free(f->train);
    elbo_free(f->test);
    elbo_free(f->vocabulary);
}

static bool is_file(const char *path) {
    struct stat about;
    return path && stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

/* FOLDER/NAME with one of the endings, as a new string; NULL where there is none. */
static char *in_folder(const char *folder, const char *name) {
    for (const char *ending = LINE_ENDINGS "|" LDAC_ENDINGS; *ending;) {
        int length = (int)strcspn(ending, "|");
        char *path = elbo_textf("%s/%s%.*s", folder, name, length, ending);
        if (is_file(path)) return path;
        elbo_free(path);
        ending += length + (ending[length] == '|');
    }
    return NULL;
}

/* The one docword file of a folder, as a new string. */
static char *docword_in(const char *folder) {
    char *pattern = elbo_textf("%s/docword.*.txt*", folder), *path = NULL;
    glob_t found = {0};
    if (pattern && glob(pattern, GLOB_NOESCAPE, NULL, &found) == 0) {
        if (found.gl_pathc == 1 && is_docword(found.gl_pathv[0])) path = elbo_strdup(found.gl_pathv[0]);
        globfree(&found);
    }
    elbo_free(pattern);
    return path;
}

/* Beside a file of documents: vocab.NAME.txt for docword.NAME.txt, else vocab.txt. */
static char *vocabulary_of(const char *path) {
    const char *name = elbo_path_name(path);
    int folder = (int)(name - path);
    char *beside = NULL;
    if (is_docword(path)) {
        int length = (int)strlen(name + 8) - (elbo_path_ends(path, ".gz") ? 3 : 0);
        beside = elbo_textf("%.*svocab.%.*s", folder, path, length, name + 8);
        if (is_file(beside)) return beside;
        elbo_free(beside);
    }
    beside = elbo_textf("%.*svocab.txt", folder, path);
    if (is_file(beside)) return beside;
    elbo_free(beside);
    return NULL;
}

static elbo_status find(files *f, const char *path, const char *key, elbo_error *error) {
    struct stat about;
    bool folder = stat(path, &about) == 0 && S_ISDIR(about.st_mode);
    if (folder) {
        f->train = in_folder(path, "train");
        f->test = f->train ? in_folder(path, "test") : NULL;
        if (!f->train) f->train = docword_in(path);
    } else {
        f->train = elbo_strdup(path);
    }
    if (!f->train) return elbo_fail_memory(error, strlen(path), "a path");
    int before = (int)(elbo_path_name(f->train) - f->train);
    f->vocabulary = key ? elbo_textf("%.*s%s", before, f->train, key) : vocabulary_of(f->train);
    return key && !f->vocabulary ? elbo_fail_memory(error, strlen(key), "a path") : ELBO_OK;
}

/* ---- the table ---- */

static elbo_status take_labels(elbo_table *table, bag *b, elbo_error *error) {
    if (b->classes.count < 2) return ELBO_OK;
    ELBO_TRY(elbo_array_new(&table->labels, ELBO_I32, 1, &b->rows, error));
    memcpy(table->labels.data, b->label, (size_t)b->rows * sizeof *b->label);
    return elbo_classes_finish(&b->classes, table, error);
}

static elbo_status take_counts(elbo_table *table, bag *b, const files *f, elbo_error *error) {
    int64_t first = b->from_zero || b->least == 0 ? 0 : 1, used = b->most < 0 ? 0 : b->most - first + 1;
    int64_t words = b->words ? b->words : table->features ? table->features : used;
    if (table->features && b->words && table->features != b->words)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s holds %lld words, but %s says that there are %lld",
                         f->vocabulary, (long long)table->features, f->train, (long long)b->words);
    if (used > words)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s, %s: word %lld, but %s holds %lld words, counted from %lld",
                         f->test ? "train or test file" : f->train, b->place, (long long)b->most, f->vocabulary,
                         (long long)words, (long long)first);
    for (int64_t e = 0; e < b->entries.count; e++) b->entries.column[e] -= (int32_t)first;
    ELBO_TRY(elbo_entries_finish(&b->entries, b->rows, words, &table->sparse, error));
    table->values = (elbo_array){.dtype = ELBO_F32, .rank = 2, .shape = {b->rows, words}};
    return ELBO_OK;
}

static elbo_status read_files(elbo_table *table, bag *b, const files *f, elbo_error *error) {
    if (f->vocabulary) ELBO_TRY(read_vocabulary(table, f->vocabulary, error));
    ELBO_TRY(read_documents(b, f->train, error));
    int64_t train = b->rows;
    if (f->test) ELBO_TRY(read_documents(b, f->test, error));
    table->train_rows = f->test ? train : -1;
    ELBO_TRY(take_labels(table, b, error));
    return take_counts(table, b, f, error);
}

static elbo_status read(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                        elbo_error *error) {
    (void)options;
    files f = {0};
    bag b = {.most = -1, .plain = newlocale(LC_ALL_MASK, "C", (locale_t)0)};
    elbo_status status = b.plain ? find(&f, path, key, error) : elbo_fail_memory(error, 0, "a locale");
    if (status == ELBO_OK) status = read_files(table, &b, &f, error);
    bag_clear(&b);
    files_clear(&f);
    if (status != ELBO_OK) elbo_table_clear(table);
    return status;
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    if (!is_folder) return elbo_path_ends(path, LINE_ENDINGS "|" LDAC_ENDINGS) || is_docword(path);
    char *found = in_folder(path, "train");
    if (!found) found = docword_in(path);
    elbo_free(found);
    return found != NULL;
}

const struct elbo_format elbo_format_bow = {
    .name = "bow",
    .description =
        "documents as counts of words: lines of word:count (.feat, .bow, .svmlight, .ldac), docword.NAME.txt, "
        "or a folder with train and test; kept sparse",
    .claims = claims,
    .read = read,
};
