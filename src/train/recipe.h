/* Recipes: option values as YAML.
 *
 *   # what this is
 *   data:                     a section: groups keys for the reader's eye; its name means nothing
 *     data: synth:glyphs      key: value
 *   model:
 *     hidden: [500, 200]      the same as "500,200"
 *
 * Of YAML only this is taken: one document, one level of sections, values that are scalars or lists of scalars.  Every
 * value is text here (true, null and 007 are those letters); the option it belongs to gives it its meaning. */
#ifndef ELBO_TRAIN_RECIPE_H
#define ELBO_TRAIN_RECIPE_H

#include "base/error.h"
#include "base/memory.h"

typedef struct elbo_recipe_entry {
    const char *section; /* NULL at the top */
    const char *key;     /* letters, digits, '-', '_', '.' */
    const char *text;    /* UTF-8; the elements of a list joined by ',' */
    int line, column;    /* of the key, from 1 */
} elbo_recipe_entry;

/* Entries in the order of the file.  A zeroed struct is an empty recipe. */
typedef struct elbo_recipe {
    elbo_recipe_entry *entries;
    size_t count;
    size_t room;      /* internal */
    elbo_arena arena; /* holds the texts */
} elbo_recipe;

/* Reads a file, or text in memory that messages call `name`.  Every error is ELBO_ERROR_FORMAT with
 * file:line:column, what is there and what was expected: bad YAML, keys given twice (with '-' and '_' alike; both
 * lines are named), keys without a value, anchors, aliases, tags, deeper nesting, several documents.  Clear with
 * elbo_recipe_clear; after a failure the recipe is empty. */
elbo_status elbo_recipe_read(elbo_recipe *recipe, const char *path, elbo_error *error);
elbo_status elbo_recipe_parse(elbo_recipe *recipe, const char *name, const char *text, size_t count, elbo_error *error);
void elbo_recipe_clear(elbo_recipe *recipe);

/* The entry of a key, with '-' and '_' alike; NULL when there is none. */
const elbo_recipe_entry *elbo_recipe_find(const elbo_recipe *recipe, const char *key);

/* Whether a text can be a key. */
bool elbo_recipe_is_key(const char *text);
/* Whether two keys name the same option. */
bool elbo_recipe_same_key(const char *left, const char *right);

typedef struct elbo_recipe_row {
    const char *section; /* NULL: none; rows of one section stand together */
    const char *key;
    const char *text; /* any UTF-8 text */
    const char *help; /* becomes a comment; NULL: none */
    bool list;        /* write "500,200" as [500, 200] */
} elbo_recipe_row;

/* Writes a recipe that elbo_recipe_read reads back to exactly these keys and texts.  `title` becomes the comment at
 * the top, a line for each of its lines; NULL: none.  The file appears whole or not at all.  ELBO_ERROR_USAGE for a
 * key given twice, a section given twice, or text that is not UTF-8. */
elbo_status elbo_recipe_write(const char *path, const char *title, const elbo_recipe_row *rows, size_t count,
                              elbo_error *error);

#endif
