#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <yaml.h>

#include "base/file.h"
#include "train/recipe.h"

/* Far above any recipe; they keep a wrong file from taking all memory or time. */
enum { MAX_BYTES = 1 << 20, MAX_KEYS = 4096 };

typedef struct section {
    const char *name;
    int line;
} section;

typedef struct parse {
    yaml_parser_t parser;
    const char *name; /* of the file */
    const char *text;
    size_t size;
    elbo_recipe *recipe;
    section *sections;
    size_t section_count, section_room;
    elbo_error *error;
} parse;

bool elbo_recipe_is_key(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.";
    size_t length = strlen(text);
    return length > 0 && length <= 128 && text[0] != '-' && text[0] != '.' && strspn(text, letters) == length;
}

bool elbo_recipe_same_key(const char *left, const char *right) {
    for (;; left++, right++) {
        if ((*left == '_' ? '-' : *left) != (*right == '_' ? '-' : *right)) return false;
        if (*left == 0) return true;
    }
}

/* --- errors --- */

#define fail_at(p, mark, ...) fail_format((p), (mark).line, (mark).column, __VA_ARGS__)

static elbo_status fail_format(parse *p, size_t line, size_t column, const char *format, ...) ELBO_PRINTF(4, 5);
static elbo_status fail_format(parse *p, size_t line, size_t column, const char *format, ...) {
    char text[700];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    return elbo_fail(p->error, ELBO_ERROR_FORMAT, "%s:%zu:%zu: %s", p->name, line + 1, column + 1, text);
}

/* libyaml gives a byte, not a mark, for input that is not text. */
static elbo_status reader_failed(parse *p) {
    size_t line = 0, column = 0;
    for (size_t i = 0; i < p->size && i < p->parser.problem_offset; i++) {
        column++;
        if (p->text[i] == '\n') line++, column = 0;
    }
    return fail_format(p, line, column, "byte %zu: %s; UTF-8 text was expected", p->parser.problem_offset,
                       p->parser.problem);
}

static elbo_status next_event(parse *p, yaml_event_t *event) {
    if (yaml_parser_parse(&p->parser, event)) return ELBO_OK;
    memset(event, 0, sizeof *event);
    if (p->parser.error == YAML_MEMORY_ERROR) return elbo_fail_memory(p->error, p->size, p->name);
    if (p->parser.error == YAML_READER_ERROR) return reader_failed(p);
    const char *context = p->parser.context, *problem = p->parser.problem;
    return fail_at(p, p->parser.problem_mark, "%s%s%s", problem ? problem : "not valid YAML", context ? " " : "",
                   context ? context : "");
}

/* --- what may stand where --- */

static const char *event_name(const yaml_event_t *event) {
    switch (event->type) {
        case YAML_SCALAR_EVENT: return "a value";
        case YAML_SEQUENCE_START_EVENT: return "a list";
        case YAML_MAPPING_START_EVENT: return "a map";
        case YAML_ALIAS_EVENT: return "an alias";
        default: return "something else";
    }
}

/* Anchors, aliases and tags could change what a value means out of the reader's sight. */
static elbo_status check_plain(parse *p, const yaml_event_t *event) {
    const yaml_char_t *anchor = NULL, *tag = NULL;
    if (event->type == YAML_ALIAS_EVENT)
        return fail_at(p, event->start_mark, "aliases (*%s) are not used in recipes; write the value out",
                       (const char *)event->data.alias.anchor);
    if (event->type == YAML_SCALAR_EVENT)
        anchor = event->data.scalar.anchor, tag = event->data.scalar.tag;
    else if (event->type == YAML_SEQUENCE_START_EVENT)
        anchor = event->data.sequence_start.anchor, tag = event->data.sequence_start.tag;
    else if (event->type == YAML_MAPPING_START_EVENT)
        anchor = event->data.mapping_start.anchor, tag = event->data.mapping_start.tag;
    if (anchor) return fail_at(p, event->start_mark, "anchors (&%s) are not used in recipes", (const char *)anchor);
    if (tag) return fail_at(p, event->start_mark, "tags (%s) are not used in recipes", (const char *)tag);
    return ELBO_OK;
}

static elbo_status check_scalar(parse *p, const yaml_event_t *event, const char **text) {
    *text = (const char *)event->data.scalar.value;
    if (strlen(*text) != event->data.scalar.length)
        return fail_at(p, event->start_mark, "a zero byte in a value; text was expected");
    return ELBO_OK;
}

static elbo_status copy_text(parse *p, const char *text, const char **copy) {
    *copy = elbo_arena_strdup(&p->recipe->arena, text);
    return *copy ? ELBO_OK : elbo_fail_memory(p->error, strlen(text), p->name);
}

/* Grows an array that doubles; *room changes with it. */
static void *with_room(void *array, size_t count, size_t *room, size_t element) {
    if (count < *room) return array;
    size_t wanted = *room ? *room * 2 : 32;
    void *grown = elbo_grow(array, count * element, wanted * element);
    if (grown) *room = wanted;
    return grown;
}

/* --- keys --- */

static elbo_status check_new(parse *p, yaml_mark_t mark, const char *key, const char *inside) {
    const elbo_recipe_entry *entry = elbo_recipe_find(p->recipe, key);
    if (entry) return fail_at(p, mark, "\"%s\" is given twice; first in line %d", key, entry->line);
    for (size_t i = 0; !inside && i < p->section_count; i++)
        if (elbo_recipe_same_key(p->sections[i].name, key))
            return fail_at(p, mark, "\"%s\" is given twice; first, as a section, in line %d", key, p->sections[i].line);
    if (p->recipe->count + p->section_count >= MAX_KEYS) return fail_at(p, mark, "more than %d keys", MAX_KEYS);
    return ELBO_OK;
}

static elbo_status add_entry(parse *p, yaml_mark_t mark, const char *section_name, const char *key, const char *text) {
    elbo_recipe *recipe = p->recipe;
    elbo_recipe_entry *entries = with_room(recipe->entries, recipe->count, &recipe->room, sizeof *entries);
    if (!entries) return elbo_fail_memory(p->error, recipe->count * sizeof *entries, p->name);
    recipe->entries = entries;
    entries[recipe->count++] = (elbo_recipe_entry){
        .section = section_name, .key = key, .text = text, .line = (int)mark.line + 1, .column = (int)mark.column + 1};
    return ELBO_OK;
}

static elbo_status add_section(parse *p, yaml_mark_t mark, const char *name) {
    for (size_t i = 0; i < p->section_count; i++)
        if (elbo_recipe_same_key(p->sections[i].name, name))
            return fail_at(p, mark, "section \"%s\" is given twice; first in line %d", name, p->sections[i].line);
    for (size_t i = 0; i < p->recipe->count; i++)
        if (!p->recipe->entries[i].section && elbo_recipe_same_key(p->recipe->entries[i].key, name))
            return fail_at(p, mark, "\"%s\" is given twice; first, with a value, in line %d", name,
                           p->recipe->entries[i].line);
    if (p->recipe->count + p->section_count >= MAX_KEYS) return fail_at(p, mark, "more than %d keys", MAX_KEYS);
    section *sections = with_room(p->sections, p->section_count, &p->section_room, sizeof *sections);
    if (!sections) return elbo_fail_memory(p->error, p->section_count * sizeof *sections, p->name);
    p->sections = sections;
    sections[p->section_count++] = (section){name, (int)mark.line + 1};
    return ELBO_OK;
}

/* --- values --- */

static elbo_status scalar_value(parse *p, const yaml_event_t *event, const char *key, const char **text) {
    const char *value;
    ELBO_TRY(check_scalar(p, event, &value));
    if (value[0] == 0 && event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE)
        return fail_at(p, event->start_mark, "\"%s\" has no value; write \"\" for an empty text", key);
    return copy_text(p, value, text);
}

static elbo_status list_element(parse *p, const yaml_event_t *event, const char *key, const char **element) {
    ELBO_TRY(check_plain(p, event));
    if (event->type != YAML_SCALAR_EVENT)
        return fail_at(p, event->start_mark, "%s inside the list of \"%s\"; a value was expected", event_name(event),
                       key);
    ELBO_TRY(check_scalar(p, event, element));
    if ((*element)[0] == 0 || strchr(*element, ','))
        return fail_at(p, event->start_mark, "\"%s\" in the list of \"%s\": elements are not empty and hold no comma",
                       *element, key);
    return ELBO_OK;
}

/* Text that grows. */
typedef struct joined {
    char *text;
    size_t used, room;
} joined;

static elbo_status join(parse *p, joined *list, const char *element) {
    size_t length = strlen(element), need = list->used + length + 2;
    if (need > list->room) {
        char *grown = elbo_grow(list->text, list->used, need * 2);
        if (!grown) return elbo_fail_memory(p->error, need * 2, p->name);
        list->text = grown;
        list->room = need * 2;
    }
    if (list->used) list->text[list->used++] = ',';
    memcpy(list->text + list->used, element, length);
    list->used += length;
    return ELBO_OK;
}

/* The elements up to the end of the list, joined by commas. */
static elbo_status list_value(parse *p, const char *key, const char **text) {
    joined list = {0};
    elbo_status status;
    bool end = false;
    do {
        yaml_event_t event;
        const char *element = NULL;
        status = next_event(p, &event);
        if (status != ELBO_OK) break;
        end = event.type == YAML_SEQUENCE_END_EVENT;
        if (!end) status = list_element(p, &event, key, &element);
        if (!end && status == ELBO_OK) status = join(p, &list, element);
        yaml_event_delete(&event);
    } while (!end && status == ELBO_OK);
    if (status == ELBO_OK) status = copy_text(p, list.text ? list.text : "", text);
    elbo_free(list.text);
    return status;
}

static elbo_status read_map(parse *p, const char *inside);

/* The value behind a key: text, list or, at the top, a section. */
static elbo_status read_value(parse *p, yaml_mark_t mark, const char *key, const yaml_event_t *event,
                              const char *inside) {
    const char *text;
    ELBO_TRY(check_plain(p, event));
    if (event->type == YAML_MAPPING_START_EVENT) {
        if (inside)
            return fail_at(p, event->start_mark, "\"%s\" holds a map inside a section; a value or a list was expected",
                           key);
        ELBO_TRY(add_section(p, mark, key));
        return read_map(p, key);
    }
    ELBO_TRY(check_new(p, mark, key, inside));
    if (event->type == YAML_SEQUENCE_START_EVENT)
        ELBO_TRY(list_value(p, key, &text));
    else
        ELBO_TRY(scalar_value(p, event, key, &text));
    return add_entry(p, mark, inside, key, text);
}

static elbo_status read_pair(parse *p, const yaml_event_t *name, const char *inside) {
    const char *text, *key;
    ELBO_TRY(check_plain(p, name));
    if (name->type != YAML_SCALAR_EVENT)
        return fail_at(p, name->start_mark, "%s where a key was expected", event_name(name));
    ELBO_TRY(check_scalar(p, name, &text));
    if (!elbo_recipe_is_key(text))
        return fail_at(p, name->start_mark,
                       "\"%.60s\" cannot be a key; letters, digits, '-', '_' and '.' were expected", text);
    ELBO_TRY(copy_text(p, text, &key));
    yaml_event_t event;
    ELBO_TRY(next_event(p, &event));
    elbo_status status = read_value(p, name->start_mark, key, &event, inside);
    yaml_event_delete(&event);
    return status;
}

/* The pairs up to the end of the map of section `inside`, or of the top. */
static elbo_status read_map(parse *p, const char *inside) {
    for (;;) {
        yaml_event_t event;
        ELBO_TRY(next_event(p, &event));
        bool end = event.type == YAML_MAPPING_END_EVENT;
        elbo_status status = end ? ELBO_OK : read_pair(p, &event, inside);
        yaml_event_delete(&event);
        if (end || status != ELBO_OK) return status;
    }
}

/* --- the document --- */

static elbo_status read_root(parse *p, const yaml_event_t *event) {
    ELBO_TRY(check_plain(p, event));
    if (event->type == YAML_MAPPING_START_EVENT) return read_map(p, NULL);
    if (event->type == YAML_SCALAR_EVENT && event->data.scalar.length == 0) return ELBO_OK; /* "---" and nothing */
    return fail_at(p, event->start_mark, "%s where \"key: value\" was expected", event_name(event));
}

static elbo_status document_event(parse *p, const yaml_event_t *event, int *documents) {
    if (event->type != YAML_DOCUMENT_START_EVENT)
        return event->type == YAML_STREAM_START_EVENT || event->type == YAML_DOCUMENT_END_EVENT ? ELBO_OK
                                                                                                : read_root(p, event);
    if (event->data.document_start.version_directive ||
        event->data.document_start.tag_directives.start != event->data.document_start.tag_directives.end)
        return fail_at(p, event->start_mark, "directives (%%) are not used in recipes");
    if (++*documents > 1) return fail_at(p, event->start_mark, "a second document; a recipe is one");
    return ELBO_OK;
}

static elbo_status read_stream(parse *p) {
    int documents = 0;
    for (;;) {
        yaml_event_t event;
        ELBO_TRY(next_event(p, &event));
        bool end = event.type == YAML_STREAM_END_EVENT;
        elbo_status status = end ? ELBO_OK : document_event(p, &event, &documents);
        yaml_event_delete(&event);
        if (end || status != ELBO_OK) return status;
    }
}

elbo_status elbo_recipe_parse(elbo_recipe *recipe, const char *name, const char *text, size_t count,
                              elbo_error *error) {
    parse p = {.name = name, .text = text, .size = count, .recipe = recipe, .error = error};
    memset(recipe, 0, sizeof *recipe);
    if (!yaml_parser_initialize(&p.parser)) return elbo_fail_memory(error, count, name);
    yaml_parser_set_input_string(&p.parser, (const unsigned char *)text, count);
    yaml_parser_set_encoding(&p.parser, YAML_UTF8_ENCODING);
    elbo_status status = read_stream(&p);
    yaml_parser_delete(&p.parser);
    elbo_free(p.sections);
    if (status != ELBO_OK) elbo_recipe_clear(recipe);
    return status;
}

elbo_status elbo_recipe_read(elbo_recipe *recipe, const char *path, elbo_error *error) {
    char *text;
    size_t count;
    memset(recipe, 0, sizeof *recipe);
    ELBO_TRY(elbo_file_get(path, MAX_BYTES, &text, &count, error));
    elbo_status status = elbo_recipe_parse(recipe, path, text, count, error);
    elbo_free(text);
    return status;
}

void elbo_recipe_clear(elbo_recipe *recipe) {
    elbo_free(recipe->entries);
    elbo_arena_clear(&recipe->arena);
    memset(recipe, 0, sizeof *recipe);
}

const elbo_recipe_entry *elbo_recipe_find(const elbo_recipe *recipe, const char *key) {
    for (size_t i = 0; i < recipe->count; i++)
        if (elbo_recipe_same_key(recipe->entries[i].key, key)) return &recipe->entries[i];
    return NULL;
}
