#include "train/config.h"

#include <stdio.h>
#include <string.h>

#include "base/memory.h"
#include "train/recipe.h"

#define ELBO_TABLE_STRUCT elbo_input_options
ELBO_TABLE(elbo_input_options_table, "Data", ELBO_INPUT_OPTIONS);
#undef ELBO_TABLE_STRUCT
#define ELBO_TABLE_STRUCT elbo_training_options
ELBO_TABLE(elbo_training_options_table, "Training", ELBO_TRAINING_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { TABLES = ELBO_CONFIG_TABLES, MOST_ROWS = 64 };

/* The tables of a type and, for a configuration, the structs that they fill. */
static const elbo_options *table_at(const elbo_model_type *type, size_t index) {
    const elbo_options *tables[TABLES] = {&elbo_input_options_table, &elbo_data_options_table,
                                          type ? type->options : NULL, &elbo_training_options_table,
                                          &elbo_optimiser_options_table};
    return index < TABLES ? tables[index] : NULL;
}

static void *values_at(const elbo_config *config, size_t index) {
    const void *values[TABLES] = {&config->input, &config->data, config->model, &config->training, &config->optimiser};
    return (void *)values[index];
}

const elbo_options *elbo_config_table(const char *model, size_t index) {
    const elbo_model_type *type = model ? elbo_model_type_find(model, NULL) : NULL;
    if (model && !type) return NULL;
    for (size_t at = 0, seen = 0; at < TABLES; at++) {
        const elbo_options *table = table_at(type, at);
        if (table && seen++ == index) return table;
    }
    return NULL;
}

elbo_config *elbo_config_new(const char *model, elbo_error *error) {
    const elbo_model_type *type = elbo_model_type_find(model, error);
    if (!type) return NULL;
    elbo_config *config = elbo_calloc(sizeof *config);
    if (config) config->model = elbo_calloc(type->options->struct_size);
    if (!config || !config->model) {
        elbo_free(config);
        return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory: a configuration");
    }
    config->type = type;
    for (size_t at = 0; at < TABLES; at++)
        if (table_at(type, at)->count > MOST_ROWS) {
            elbo_config_free(config);
            return elbo_fail_null(error, ELBO_ERROR_INTERNAL, "%s: more than %d options in a table", model, MOST_ROWS);
        }
    for (size_t at = 0; at < TABLES; at++)
        if (elbo_options_init(table_at(type, at), values_at(config, at), error) != ELBO_OK) {
            elbo_config_free(config);
            return NULL;
        }
    return config;
}

void elbo_config_free(elbo_config *config) {
    if (!config) return;
    for (size_t at = 0; at < TABLES; at++) elbo_options_clear(table_at(config->type, at), values_at(config, at));
    elbo_free(config->model);
    elbo_free(config);
}

const char *elbo_config_model(const elbo_config *config) { return config->type->name; }

/* The bit of an option, and the table that it is in; 0 for an unknown name. */
static uint64_t bit_of(const elbo_config *config, const char *name, size_t *at) {
    for (*at = 0; *at < TABLES; ++*at) {
        const elbo_options *table = table_at(config->type, *at);
        const elbo_option *row = elbo_options_find(table, name);
        if (row) return UINT64_C(1) << (row - table->rows);
    }
    return 0;
}

bool elbo_config_was_set(const elbo_config *config, const char *name) {
    size_t at;
    uint64_t bit = bit_of(config, name, &at);
    return bit && (config->set[at] & bit);
}

elbo_status elbo_config_set(elbo_config *config, const char *name, const char *text, elbo_error *error) {
    const elbo_options *tables[TABLES];
    size_t at;
    uint64_t bit = bit_of(config, name, &at);
    if (bit) {
        ELBO_TRY(elbo_options_set(table_at(config->type, at), values_at(config, at), name, text, error));
        config->set[at] |= bit;
        return ELBO_OK;
    }
    for (at = 0; at < TABLES; at++) tables[at] = table_at(config->type, at);
    const char *nearest = elbo_options_nearest(tables, TABLES, name);
    return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no option %s%s%s%s", config->type->name, name,
                     nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "");
}

bool elbo_config_get(const elbo_config *config, const char *name, char *text, size_t size) {
    for (size_t at = 0; at < TABLES; at++)
        if (elbo_options_find(table_at(config->type, at), name))
            return elbo_options_get(table_at(config->type, at), values_at(config, at), name, text, size);
    return false;
}

int64_t elbo_config_epochs(const elbo_config *config) {
    elbo_phase phase[ELBO_MODEL_PHASES];
    int64_t sum = 0;
    if (!config->type->phases) return config->training.epochs;
    int phases = config->type->phases(config->model, config->training.epochs, phase);
    for (int p = 0; p < phases; p++) sum += phase[p].epochs;
    return sum;
}

elbo_config *elbo_config_copy(const elbo_config *config, elbo_error *error) {
    elbo_config *copy = elbo_config_new(config->type->name, error);
    char text[4096];
    for (size_t at = 0; copy && at < TABLES; at++) {
        const elbo_options *table = table_at(config->type, at);
        for (size_t row = 0; row < table->count; row++) {
            const char *name = table->rows[row].name;
            if (elbo_options_get(table, values_at(config, at), name, text, sizeof text) &&
                elbo_options_set(table, values_at(copy, at), name, text, error) == ELBO_OK)
                continue;
            elbo_config_free(copy);
            return NULL;
        }
        copy->set[at] = config->set[at];
    }
    return copy;
}

static size_t row_count(const elbo_config *config) {
    size_t count = 1;
    for (size_t at = 0; at < TABLES; at++) count += table_at(config->type, at)->count;
    return count;
}

/* Keys are spelt as flags are. */
static char *key_of(elbo_arena *arena, const char *name) {
    char *key = elbo_arena_strdup(arena, name);
    for (char *letter = key; letter && *letter; letter++)
        if (*letter == '_') *letter = '-';
    return key;
}

elbo_status elbo_config_save(const elbo_config *config, const char *path, elbo_error *error) {
    static const char *const sections[TABLES] = {"input", "data", "model-options", "training", "optimiser"};
    elbo_arena arena = {0};
    size_t count = 0;
    elbo_recipe_row *rows = elbo_arena_calloc(&arena, sizeof *rows * row_count(config));
    char text[4096];
    if (!rows) return elbo_fail_memory(error, sizeof *rows * row_count(config), "a recipe");
    rows[count++] = (elbo_recipe_row){NULL, "model", config->type->name, config->type->title, false};
    for (size_t at = 0; at < TABLES; at++) {
        const elbo_options *table = table_at(config->type, at);
        for (size_t row = 0; row < table->count; row++) {
            const elbo_option *option = &table->rows[row];
            elbo_options_get(table, values_at(config, at), option->name, text, sizeof text);
            rows[count] = (elbo_recipe_row){sections[at], key_of(&arena, option->name), elbo_arena_strdup(&arena, text),
                                            option->help, option->type == ELBO_OPTION_INTS};
            if (!rows[count].key || !rows[count].text) {
                elbo_arena_clear(&arena);
                return elbo_fail_memory(error, sizeof text, "a recipe");
            }
            count++;
        }
    }
    elbo_status status = elbo_recipe_write(path, "elbo " ELBO_VERSION ": every option of this run", rows, count, error);
    elbo_arena_clear(&arena);
    return status;
}

/* After a recipe of `entries` options: what it merely repeats was not chosen, and of a recipe that lists every option,
 * as runs write it, nothing is known to have been. */
static elbo_status forget_defaults(elbo_config *config, size_t entries, elbo_error *error) {
    char text[4096], initial[4096];
    elbo_config *fresh = elbo_config_new(config->type->name, error);
    if (!fresh) return error ? error->status : ELBO_ERROR_MEMORY;
    for (size_t at = 0; at < TABLES; at++) {
        const elbo_options *table = table_at(config->type, at);
        for (size_t row = 0; row < table->count; row++) {
            const char *name = table->rows[row].name;
            elbo_options_get(table, values_at(config, at), name, text, sizeof text);
            elbo_options_get(table, values_at(fresh, at), name, initial, sizeof initial);
            if (entries >= row_count(config) || strcmp(text, initial) == 0) config->set[at] &= ~(UINT64_C(1) << row);
        }
    }
    elbo_config_free(fresh);
    return ELBO_OK;
}

elbo_config *elbo_config_load(const char *path, elbo_error *error) {
    elbo_recipe recipe = {0};
    if (elbo_recipe_read(&recipe, path, error) != ELBO_OK) return NULL;
    const elbo_recipe_entry *model = elbo_recipe_find(&recipe, "model");
    elbo_config *config = NULL;
    if (!model)
        elbo_fail(error, ELBO_ERROR_USAGE, "%s names no model: a line such as \"model: vae\" was expected", path);
    else
        config = elbo_config_new(model->text, error);
    if (model && !config)
        elbo_fail_context(error, error ? error->status : ELBO_ERROR_USAGE, "%s:%d", path, model->line);
    for (size_t i = 0; config && i < recipe.count; i++) {
        const elbo_recipe_entry *entry = &recipe.entries[i];
        if (entry == model) continue;
        elbo_status status = elbo_config_set(config, entry->key, entry->text, error);
        if (status == ELBO_OK) continue;
        elbo_fail_context(error, status, "%s:%d", path, entry->line);
        elbo_config_free(config);
        config = NULL;
    }
    if (config && forget_defaults(config, recipe.count, error) != ELBO_OK) {
        elbo_config_free(config);
        config = NULL;
    }
    elbo_recipe_clear(&recipe);
    return config;
}
