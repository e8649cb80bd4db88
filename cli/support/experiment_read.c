/* From YAML to an experiment.  Each kind of map is a table of the keys that it may have; every message says file, line,
 * column and what was expected. */
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "support/experiment.h"

enum { MOST_PAIRS = 1024 }; /* of a map */

/* Everything that an experiment points to, freed at once. */
typedef struct block {
    struct block *next;
    max_align_t bytes[];
} block;

typedef struct reader {
    yaml_document_t document;
    elbo_cli_experiment *experiment;
    elbo_error *error;
} reader;

/* ---- Errors and memory ---- */

static elbo_status fail_mark(reader *r, yaml_mark_t mark, const char *format, ...) ELBO_PRINTF(3, 4);
static elbo_status fail_mark(reader *r, yaml_mark_t mark, const char *format, ...) {
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return elbo_cli_fail(r->error, ELBO_ERROR_FORMAT, "%s:%zu:%zu: %s", r->experiment->file, mark.line + 1,
                         mark.column + 1, text);
}

#define fail_at(r, node, ...) fail_mark((r), (node)->start_mark, __VA_ARGS__)

static int line_of(const yaml_node_t *node) { return (int)node->start_mark.line + 1; }

static void *keep(reader *r, size_t bytes) {
    block *made = calloc(1, sizeof *made + bytes);
    if (!made) {
        (void)elbo_cli_fail(r->error, ELBO_ERROR_MEMORY, "out of memory for %s", r->experiment->file);
        return NULL;
    }
    made->next = r->experiment->memory;
    r->experiment->memory = made;
    return made->bytes;
}

void elbo_cli_experiment_free(elbo_cli_experiment *experiment) {
    if (!experiment) return;
    for (block *one = experiment->memory, *next; one; one = next) {
        next = one->next;
        free(one);
    }
    free(experiment);
}

/* ---- Values ---- */

static yaml_node_t *node_at(reader *r, int index) { return yaml_document_get_node(&r->document, index); }

static const char *kind_of(const yaml_node_t *node) {
    return node->type == YAML_SCALAR_NODE ? "a value" : node->type == YAML_SEQUENCE_NODE ? "a list" : "a map";
}

static elbo_status read_text(reader *r, yaml_node_t *node, void *into) {
    if (node->type != YAML_SCALAR_NODE) return fail_at(r, node, "%s where a text was expected", kind_of(node));
    const char *value = (const char *)node->data.scalar.value;
    size_t length = node->data.scalar.length;
    if (strlen(value) != length) return fail_at(r, node, "a zero byte in a text");
    if (length == 0 && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(r, node, "a value is missing; write \"\" for an empty text");
    char *copy = keep(r, length + 1);
    if (!copy) return ELBO_ERROR_MEMORY;
    memcpy(copy, value, length);
    while (length > 0 && copy[length - 1] == '\n') copy[--length] = 0; /* of folded texts */
    *(const char **)into = copy;
    return ELBO_OK;
}

/* Folded text ("shows: >") has one newline between paragraphs; pages and Markdown want an empty line. */
static elbo_status read_paragraphs(reader *r, yaml_node_t *node, void *into) {
    ELBO_CLI_TRY(read_text(r, node, into));
    const char *text = *(const char **)into;
    char *out = keep(r, 2 * strlen(text) + 1);
    if (!out) return ELBO_ERROR_MEMORY;
    *(const char **)into = out;
    for (char last = 0; *text; last = *text++) {
        *out++ = *text;
        if (*text == '\n' && text[1] != '\n' && last != '\n') *out++ = '\n';
    }
    return ELBO_OK;
}

/* Names become names of folders and files. */
static elbo_status read_name(reader *r, yaml_node_t *node, void *into) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    ELBO_CLI_TRY(read_text(r, node, into));
    const char *name = *(const char **)into;
    size_t length = strlen(name);
    if (length > 0 && length <= 48 && name[0] != '.' && name[0] != '-' && strspn(name, letters) == length)
        return ELBO_OK;
    return fail_at(r, node, "\"%.60s\" cannot be a name; up to 48 letters, digits, '-', '_' and '.' were expected",
                   name);
}

static elbo_status read_bool(reader *r, yaml_node_t *node, void *into) {
    const char *text;
    ELBO_CLI_TRY(read_text(r, node, &text));
    bool yes = strcmp(text, "true") == 0;
    if (!yes && strcmp(text, "false") != 0) return fail_at(r, node, "\"%.60s\"; true or false was expected", text);
    *(bool *)into = yes;
    return ELBO_OK;
}

static elbo_status number(reader *r, yaml_node_t *node, double most, double *value) {
    const char *text;
    char *end;
    ELBO_CLI_TRY(read_text(r, node, &text));
    *value = strtod(text, &end);
    if (end == text || *end || !(*value > 0 && *value <= most))
        return fail_at(r, node, "\"%.60s\"; a number above 0, at most %g, was expected", text, most);
    return ELBO_OK;
}

static elbo_status read_seeds(reader *r, yaml_node_t *node, void *into) {
    double value;
    ELBO_CLI_TRY(number(r, node, 1000, &value));
    if (value != (double)(int64_t)value) return fail_at(r, node, "seeds: a whole number was expected");
    *(int64_t *)into = (int64_t)value;
    return ELBO_OK;
}

/* One of the words of a list that ends with NULL. */
static elbo_status read_word(reader *r, yaml_node_t *node, const char *const *words, const char **into) {
    char list[256] = "";
    ELBO_CLI_TRY(read_text(r, node, into));
    for (size_t i = 0; words[i]; i++) {
        if (strcmp(words[i], *into) == 0) return ELBO_OK;
        snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", i ? ", " : "", words[i]);
    }
    return fail_at(r, node, "\"%.60s\" is none of %s", *into, list);
}

static elbo_status read_unit(reader *r, yaml_node_t *node, void *into) {
    return read_word(r, node, (const char *const[]){"samples", "epochs", "steps", NULL}, into);
}
static elbo_status read_axis(reader *r, yaml_node_t *node, void *into) {
    return read_word(r, node, (const char *const[]){"samples", "epochs", "steps", "seconds", "draws", NULL}, into);
}
static elbo_status read_when(reader *r, yaml_node_t *node, void *into) {
    return read_word(r, node, (const char *const[]){"end", "stages", NULL}, into);
}
static elbo_status read_checkpoint(reader *r, yaml_node_t *node, void *into) {
    return read_word(r, node, (const char *const[]){"last", "best", NULL}, into);
}

/* The elements of a list of texts, or a single one. */
static elbo_status read_words(reader *r, yaml_node_t *node, void *into) {
    elbo_cli_words *words = into;
    bool list = node->type == YAML_SEQUENCE_NODE;
    size_t count = list ? (size_t)(node->data.sequence.items.top - node->data.sequence.items.start) : 1;
    words->line = line_of(node);
    words->item = keep(r, (count + 1) * sizeof *words->item);
    if (!words->item) return ELBO_ERROR_MEMORY;
    if (list && count == 0) return fail_at(r, node, "an empty list");
    for (size_t i = 0; i < count; i++)
        ELBO_CLI_TRY(read_text(r, list ? node_at(r, node->data.sequence.items.start[i]) : node, &words->item[i]));
    words->count = count;
    return ELBO_OK;
}

static elbo_status read_joined(reader *r, yaml_node_t *node, const char **into) {
    elbo_cli_words words = {0};
    if (node->type != YAML_SEQUENCE_NODE) return read_text(r, node, into);
    size_t length = 1;
    ELBO_CLI_TRY(read_words(r, node, &words));
    for (size_t i = 0; i < words.count; i++) {
        if (!*words.item[i] || strchr(words.item[i], ','))
            return fail_at(r, node, "\"%.60s\": elements of a list are not empty and hold no comma", words.item[i]);
        length += strlen(words.item[i]) + 1;
    }
    char *text = keep(r, length);
    if (!text) return ELBO_ERROR_MEMORY;
    for (size_t i = 0; i < words.count; i++) {
        if (i) strcat(text, ",");
        strcat(text, words.item[i]);
    }
    *into = text;
    return ELBO_OK;
}

/* ---- Maps ---- */

static elbo_status check_map(reader *r, yaml_node_t *node, const char *what) {
    if (node->type != YAML_MAPPING_NODE)
        return fail_at(r, node, "%s where the map of %s was expected", kind_of(node), what);
    for (yaml_node_pair_t *pair = node->data.mapping.pairs.start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = node_at(r, pair->key);
        if (key->type != YAML_SCALAR_NODE) return fail_at(r, key, "%s where a key was expected", kind_of(key));
        for (yaml_node_pair_t *other = node->data.mapping.pairs.start; other < pair; other++) {
            yaml_node_t *earlier = node_at(r, other->key);
            if (strcmp((char *)earlier->data.scalar.value, (char *)key->data.scalar.value) == 0)
                return fail_at(r, key, "\"%.60s\" is given twice; first in line %d", key->data.scalar.value,
                               line_of(earlier));
        }
    }
    return ELBO_OK;
}

/* Adds the pairs of a map, first those of the maps that it merges ("<<: *name"): later ones win when they are used. */
static elbo_status add_pairs(reader *r, yaml_node_t *node, elbo_cli_pairs *pairs, int depth) {
    yaml_node_pair_t *start = node->data.mapping.pairs.start, *end = node->data.mapping.pairs.top;
    if (depth > 8) return fail_at(r, node, "maps that merge each other too deep");
    for (int merging = 1; merging >= 0; merging--)
        for (yaml_node_pair_t *pair = start; pair < end; pair++) {
            yaml_node_t *key = node_at(r, pair->key), *value = node_at(r, pair->value);
            bool merge = strcmp((char *)key->data.scalar.value, "<<") == 0;
            if (merge != merging) continue;
            if (merge) ELBO_CLI_TRY(check_map(r, value, "\"key: value\" to merge"));
            if (merge) ELBO_CLI_TRY(add_pairs(r, value, pairs, depth + 1));
            if (merge) continue;
            if (pairs->count == MOST_PAIRS) return fail_at(r, key, "more than %d keys", MOST_PAIRS);
            elbo_cli_pair *one = &pairs->item[pairs->count++];
            one->line = line_of(key);
            ELBO_CLI_TRY(read_text(r, key, &one->key));
            ELBO_CLI_TRY(read_joined(r, value, &one->value));
        }
    return ELBO_OK;
}

static elbo_status read_pairs(reader *r, yaml_node_t *node, void *into) {
    elbo_cli_pairs *pairs = into;
    ELBO_CLI_TRY(check_map(r, node, "\"key: value\""));
    pairs->item = keep(r, MOST_PAIRS * sizeof *pairs->item);
    return pairs->item ? add_pairs(r, node, pairs, 0) : ELBO_ERROR_MEMORY;
}

typedef struct field {
    const char *key;
    elbo_status (*read)(reader *r, yaml_node_t *node, void *into);
    size_t offset;
    bool required;
} field;

/* Reads a map by the table of its fields, which ends with a NULL key, into a struct. */
static elbo_status read_map(reader *r, yaml_node_t *node, const char *what, const field *fields, void *into) {
    ELBO_CLI_TRY(check_map(r, node, what));
    yaml_node_pair_t *start = node->data.mapping.pairs.start;
    for (yaml_node_pair_t *pair = start; pair < node->data.mapping.pairs.top; pair++) {
        yaml_node_t *key = node_at(r, pair->key);
        const field *found = fields;
        while (found->key && strcmp(found->key, (char *)key->data.scalar.value) != 0) found++;
        if (!found->key) {
            char list[300] = "";
            for (const field *one = fields; one->key; one++)
                snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", one == fields ? "" : ", ", one->key);
            return fail_at(r, key, "%s has no key \"%.60s\"; one of %s was expected", what, key->data.scalar.value,
                           list);
        }
        ELBO_CLI_TRY(found->read(r, node_at(r, pair->value), (char *)into + found->offset));
    }
    for (const field *one = fields; one->key; one++) {
        if (!one->required) continue;
        bool found = false;
        for (yaml_node_pair_t *pair = start; pair < node->data.mapping.pairs.top && !found; pair++)
            found = strcmp(one->key, (char *)node_at(r, pair->key)->data.scalar.value) == 0;
        if (!found) return fail_at(r, node, "%s lacks \"%s\"", what, one->key);
    }
    return ELBO_OK;
}

#define FIELD(struct_, key_, read_, member_, required_) \
    { key_, read_, offsetof(struct_, member_), required_ }

/* ---- The parts of an experiment ---- */

static elbo_status list_of(reader *r, yaml_node_t *node, const char *what, size_t most, size_t *count) {
    if (node->type != YAML_SEQUENCE_NODE)
        return fail_at(r, node, "%s where a list (lines that begin with '-') of %s was expected", kind_of(node), what);
    *count = (size_t)(node->data.sequence.items.top - node->data.sequence.items.start);
    if (*count >= 1 && *count <= most) return ELBO_OK;
    return fail_at(r, node, "%zu %s; 1 to %zu were expected", *count, what, most);
}

static elbo_status read_parts(reader *r, yaml_node_t *node, const char *what, const field *fields, size_t most,
                              elbo_cli_experiment_part *part, size_t *count) {
    size_t length = 0;
    ELBO_CLI_TRY(list_of(r, node, what, most, &length));
    for (size_t i = 0; i < length; i++) {
        yaml_node_t *item = node_at(r, node->data.sequence.items.start[i]);
        part[i].line = line_of(item);
        ELBO_CLI_TRY(read_map(r, item, what, fields, &part[i]));
        if (!part[i].title) part[i].title = part[i].name;
        for (size_t j = 0; j < i; j++)
            if (strcmp(part[i].name, part[j].name) == 0)
                return fail_at(r, item, "the name \"%s\" is given twice; first in line %d", part[i].name, part[j].line);
    }
    *count = length;
    return ELBO_OK;
}

#define PART(key_, read_, member_, required_) FIELD(elbo_cli_experiment_part, key_, read_, member_, required_)
#define PART_FIELDS                                                                                               \
    PART("name", read_name, name, true), PART("title", read_text, title, false),                                  \
        PART("model", read_text, model, false), PART("options", read_pairs, options[ELBO_CLI_FORM_PLAIN], false), \
        PART("quick", read_pairs, options[ELBO_CLI_FORM_QUICK], false),                                           \
        PART("full", read_pairs, options[ELBO_CLI_FORM_FULL], false)

static elbo_status read_limits(reader *r, yaml_node_t *node, void *into) {
    elbo_cli_words words = {0};
    double *limits = into;
    ELBO_CLI_TRY(read_words(r, node, &words));
    for (size_t i = 0; i < words.count && words.count == 2; i++) {
        char *end;
        limits[i] = strtod(words.item[i], &end);
        if (end == words.item[i] || *end) return fail_at(r, node, "\"%.60s\" is no number", words.item[i]);
    }
    if (words.count == 2 && limits[0] < limits[1]) return ELBO_OK;
    return fail_at(r, node, "limits: two numbers, the lower one first, were expected");
}

static elbo_status read_panels(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {PART_FIELDS, PART("y-limits", read_limits, y_limits, false), {0}};
    elbo_cli_experiment *experiment = into;
    return read_parts(r, node, "panels", fields, ELBO_EXPERIMENT_PANELS, experiment->panel, &experiment->panels);
}

static elbo_status read_series(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {PART_FIELDS, PART("panels", read_words, panels, false), {0}};
    elbo_cli_experiment *experiment = into;
    return read_parts(r, node, "series", fields, ELBO_EXPERIMENT_SERIES, experiment->series, &experiment->series_count);
}

static elbo_status read_at(reader *r, yaml_node_t *node, void *into) {
    elbo_cli_experiment_stages *stages =
        (elbo_cli_experiment_stages *)((char *)into - offsetof(elbo_cli_experiment_stages, at));
    size_t count = 0;
    ELBO_CLI_TRY(list_of(r, node, "numbers", ELBO_EXPERIMENT_STAGES, &count));
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = node_at(r, node->data.sequence.items.start[i]);
        ELBO_CLI_TRY(number(r, item, 1e15, &stages->at[i]));
        if (i && stages->at[i] <= stages->at[i - 1]) return fail_at(r, item, "stages are to rise");
    }
    stages->count = count;
    return ELBO_OK;
}

static elbo_status read_stages(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {FIELD(elbo_cli_experiment_stages, "unit", read_unit, unit, true),
                                   FIELD(elbo_cli_experiment_stages, "at", read_at, at, true),
                                   {0}};
    ((elbo_cli_experiment_stages *)into)->line = line_of(node);
    return read_map(r, node, "stages", fields, into);
}

#define MEASURE(key_, read_, member_, required_) FIELD(elbo_cli_experiment_measure, key_, read_, member_, required_)

static elbo_status read_measures(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {MEASURE("name", read_name, name, true),
                                   MEASURE("kind", read_text, kind, true),
                                   MEASURE("when", read_when, when, false),
                                   MEASURE("checkpoint", read_checkpoint, checkpoint, false),
                                   MEASURE("options", read_pairs, options[ELBO_CLI_FORM_PLAIN], false),
                                   MEASURE("quick", read_pairs, options[ELBO_CLI_FORM_QUICK], false),
                                   MEASURE("full", read_pairs, options[ELBO_CLI_FORM_FULL], false),
                                   {0}};
    elbo_cli_experiment *experiment = into;
    size_t count = 0;
    ELBO_CLI_TRY(list_of(r, node, "measurements", ELBO_EXPERIMENT_MEASURES, &count));
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = node_at(r, node->data.sequence.items.start[i]);
        elbo_cli_experiment_measure *one = &experiment->measure[i];
        *one = (elbo_cli_experiment_measure){.when = "end", .checkpoint = "last", .line = line_of(item)};
        ELBO_CLI_TRY(read_map(r, item, "a measurement", fields, one));
        if (strchr(one->name, '.')) return fail_at(r, item, "\"%s\": a '.' stands between name and value", one->name);
        for (size_t j = 0; j < i; j++)
            if (strcmp(one->name, experiment->measure[j].name) == 0)
                return fail_at(r, item, "the name \"%s\" is given twice; first in line %d", one->name,
                               experiment->measure[j].line);
        if (strcmp(one->when, "stages") == 0 && strcmp(one->checkpoint, "last") != 0)
            return fail_at(r, item, "a measurement at stages is of the last checkpoint, not of the best");
    }
    experiment->measures = count;
    return ELBO_OK;
}

#define CHART(key_, read_, member_, required_) FIELD(elbo_cli_experiment_chart, key_, read_, member_, required_)

static elbo_status read_charts(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {CHART("name", read_name, name, true),    CHART("title", read_text, title, false),
                                   CHART("x", read_axis, x, true),          CHART("x-log", read_bool, x_log, false),
                                   CHART("y-log", read_bool, y_log, false), CHART("y-label", read_text, y_label, false),
                                   CHART("lines", read_pairs, lines, true), {0}};
    elbo_cli_experiment *experiment = into;
    size_t count = 0;
    ELBO_CLI_TRY(list_of(r, node, "charts", ELBO_EXPERIMENT_CHARTS, &count));
    for (size_t i = 0; i < count; i++) {
        yaml_node_t *item = node_at(r, node->data.sequence.items.start[i]);
        experiment->chart[i].line = line_of(item);
        ELBO_CLI_TRY(read_map(r, item, "a chart", fields, &experiment->chart[i]));
        if (experiment->chart[i].lines.count == 0) return fail_at(r, item, "a chart without lines");
        bool sweep = strcmp(experiment->chart[i].x, "draws") == 0;
        for (size_t k = 0; k < experiment->chart[i].lines.count; k++)
            if ((strchr(experiment->chart[i].lines.item[k].key, '*') != NULL) != sweep)
                return fail_at(r, item, "\"%s\": a '*' stands for the draws, and goes with \"x: draws\" alone",
                               experiment->chart[i].lines.item[k].key);
        for (size_t j = 0; j < i; j++)
            if (strcmp(experiment->chart[i].name, experiment->chart[j].name) == 0)
                return fail_at(r, item, "the name \"%s\" is given twice; first in line %d", experiment->chart[i].name,
                               experiment->chart[j].line);
    }
    experiment->charts = count;
    return ELBO_OK;
}

static elbo_status read_table(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {FIELD(elbo_cli_experiment_table, "columns", read_pairs, columns, true),
                                   FIELD(elbo_cli_experiment_table, "paper", read_pairs, paper, false),
                                   {0}};
    return read_map(r, node, "the table", fields, into);
}

#define EXTENT(key_, read_, member_) FIELD(elbo_cli_experiment_extent, key_, read_, member_, false)

static elbo_status read_extent(reader *r, yaml_node_t *node, void *into) {
    static const field fields[] = {EXTENT("options", read_pairs, options),
                                   EXTENT("stages", read_stages, stages),
                                   EXTENT("seeds", read_seeds, seeds),
                                   {0}};
    ((elbo_cli_experiment_extent *)into)->line = line_of(node);
    return read_map(r, node, "quick or full", fields, into);
}

/* ---- The whole ---- */

#define TOP(key_, read_, member_, required_) FIELD(elbo_cli_experiment, key_, read_, member_, required_)
#define WHOLE(key_, read_, required_) \
    { key_, read_, 0, required_ }

static elbo_status check_panels_of_series(reader *r, elbo_cli_experiment *e) {
    for (size_t s = 0; s < e->series_count; s++)
        for (size_t i = 0; i < e->series[s].panels.count; i++) {
            bool known = false;
            for (size_t p = 0; p < e->panels; p++)
                known = known || strcmp(e->panel[p].name, e->series[s].panels.item[i]) == 0;
            if (!known)
                return elbo_cli_fail(r->error, ELBO_ERROR_FORMAT, "%s:%d: there is no panel \"%.60s\"", e->file,
                                     e->series[s].panels.line, e->series[s].panels.item[i]);
        }
    return ELBO_OK;
}

static bool is_run(const elbo_cli_experiment *e, const char *name, size_t length) {
    char run[ELBO_EXPERIMENT_NAME + 8];
    for (size_t p = 0; p < e->panels; p++)
        for (size_t s = 0; s < e->series_count; s++) {
            snprintf(run, sizeof run, "%s-%s", e->panel[p].name, e->series[s].name);
            if (strlen(run) == length && strncmp(run, name, length) == 0 && elbo_cli_experiment_holds(e, p, s))
                return true;
        }
    return false;
}

static elbo_status check_published(reader *r, elbo_cli_experiment *e) {
    for (size_t i = 0; i < e->table.paper.count; i++) {
        const elbo_cli_pair *pair = &e->table.paper.item[i];
        const char *slash = strchr(pair->key, '/');
        if (!is_run(e, pair->key, slash ? (size_t)(slash - pair->key) : strlen(pair->key)))
            return elbo_cli_fail(r->error, ELBO_ERROR_FORMAT,
                                 "%s:%d: there is no run \"%.100s\"; PANEL-SERIES or PANEL-SERIES/VALUE was expected",
                                 e->file, pair->line, pair->key);
        bool known = !slash;
        for (size_t c = 0; c < e->table.columns.count && !known; c++)
            known = strcmp(e->table.columns.item[c].key, slash + 1) == 0;
        if (!known)
            return elbo_cli_fail(r->error, ELBO_ERROR_FORMAT, "%s:%d: the table has no column \"%.60s\"", e->file,
                                 pair->line, slash + 1);
    }
    return ELBO_OK;
}

static elbo_status read_experiment(reader *r, yaml_node_t *root) {
    static const field fields[] = {TOP("name", read_name, name, true),
                                   TOP("title", read_text, title, true),
                                   TOP("paper", read_text, paper, false),
                                   TOP("shows", read_paragraphs, shows, false),
                                   TOP("differs", read_paragraphs, differs, false),
                                   TOP("model", read_text, model, false),
                                   TOP("options", read_pairs, extent[ELBO_CLI_FORM_PLAIN].options, false),
                                   TOP("seeds", read_seeds, extent[ELBO_CLI_FORM_PLAIN].seeds, false),
                                   TOP("stages", read_stages, extent[ELBO_CLI_FORM_PLAIN].stages, false),
                                   WHOLE("panels", read_panels, true),
                                   WHOLE("series", read_series, true),
                                   WHOLE("measure", read_measures, false),
                                   WHOLE("charts", read_charts, false),
                                   TOP("table", read_table, table, false),
                                   TOP("quick", read_extent, extent[ELBO_CLI_FORM_QUICK], false),
                                   TOP("full", read_extent, extent[ELBO_CLI_FORM_FULL], false),
                                   {0}};
    elbo_cli_experiment *e = r->experiment;
    e->model = "vae";
    e->extent[ELBO_CLI_FORM_PLAIN].seeds = 1;
    ELBO_CLI_TRY(read_map(r, root, "an experiment", fields, e));
    ELBO_CLI_TRY(check_panels_of_series(r, e));
    return check_published(r, e);
}

static elbo_status load(reader *r, const unsigned char *text, size_t size) {
    yaml_parser_t parser;
    if (!yaml_parser_initialize(&parser))
        return elbo_cli_fail(r->error, ELBO_ERROR_MEMORY, "out of memory for %s", r->experiment->file);
    yaml_parser_set_input_string(&parser, text, size);
    elbo_status status = ELBO_OK;
    if (!yaml_parser_load(&parser, &r->document) && parser.error == YAML_READER_ERROR) {
        status = elbo_cli_fail(r->error, ELBO_ERROR_FORMAT, "%s: byte %zu: %s; UTF-8 text was expected",
                               r->experiment->file, parser.problem_offset, parser.problem);
    } else if (parser.error != YAML_NO_ERROR) {
        status = fail_mark(r, parser.problem_mark, "%s%s%s", parser.problem ? parser.problem : "not valid YAML",
                           parser.context ? " " : "", parser.context ? parser.context : "");
    } else {
        yaml_node_t *root = yaml_document_get_root_node(&r->document);
        status = root ? read_experiment(r, root)
                      : elbo_cli_fail(r->error, ELBO_ERROR_FORMAT, "%s:1:1: nothing; an experiment was expected",
                                      r->experiment->file);
        yaml_document_delete(&r->document);
    }
    yaml_parser_delete(&parser);
    return status;
}

elbo_cli_experiment *elbo_cli_experiment_parse(const char *file, const unsigned char *text, size_t size,
                                               elbo_error *error) {
    elbo_error ignored;
    reader r = {.experiment = calloc(1, sizeof *r.experiment), .error = error ? error : &ignored};
    if (!r.experiment) {
        (void)elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for %s", file);
        return NULL;
    }
    snprintf(r.experiment->file, sizeof r.experiment->file, "%s", file);
    if (load(&r, text, size) == ELBO_OK) return r.experiment;
    elbo_cli_experiment_free(r.experiment);
    return NULL;
}
