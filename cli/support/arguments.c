/* From words to a filled context.
 *
 * The words are read once, with every table in view that any subject could bring, so that it is known which options
 * take a value; what was typed is then checked against the tables of the subject at hand. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "support/command.h"
#include "support/help.h"
#include "support/text.h"

/* ---- Which option a word names ---- */

static bool find_in(const elbo_command *command, const char *subject, const char *name, elbo_typed *found) {
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_command_table(command, subject, i)); i++) {
        const elbo_option *row = elbo_options_find(table, name);
        if (!row) continue;
        found->table = table;
        found->row = row;
        return true;
    }
    return false;
}

static bool find_anywhere(const elbo_command *command, const char *name, elbo_typed *found) {
    if (find_in(command, NULL, name, found)) return true;
    const char *subject = NULL;
    for (size_t i = 0; command->subject_at && (subject = command->subject_at(i)); i++)
        if (find_in(command, subject, name, found)) return true;
    return false;
}

/* Every table that the command can have in view; those of all subjects while the subject is not known. */
static size_t tables_in_view(const elbo_context *context, const elbo_options **tables, size_t room) {
    const elbo_command *command = context->command;
    size_t count = 0;
    while (count < room && (tables[count] = elbo_command_table(command, context->subject, count))) count++;
    if (context->subject || !command->subject_at) return count;
    const char *subject = NULL;
    for (size_t s = 0; (subject = command->subject_at(s)); s++)
        for (size_t i = 0; count < room && (tables[count] = command->setting_table(subject, i)); i++) count++;
    return count;
}

static int unknown_option(const elbo_context *context, const char *name) {
    enum { MOST = 64 };
    const elbo_options *tables[MOST];
    size_t count = tables_in_view(context, tables, MOST);
    const char *nearest = elbo_options_nearest(tables, count, name);
    if (!nearest) return elbo_context_usage(context, "unknown option --%s", name);
    char dashed[ELBO_NAME_SIZE];
    return elbo_context_usage(context, "unknown option --%s (did you mean --%s?)", name,
                              elbo_cli_text_dashed(nearest, dashed));
}

/* ---- Reading the words ---- */

/* An empty name comes from a variable that is not set: what was meant is not known. */
static bool wants_name(const elbo_command *command, const char *option) {
    for (const elbo_flag *flag = command->flags; flag && flag->name; flag++)
        if (strcmp(flag->name, option) == 0 && flag->placeholder)
            return strcmp(flag->placeholder, "DIR") == 0 || strcmp(flag->placeholder, "FILE") == 0 ||
                   strcmp(flag->placeholder, "SOURCE") == 0;
    return false;
}

static int take(elbo_context *context, const elbo_typed *found, const char *text) {
    if (!*text && wants_name(context->command, found->row->name))
        return elbo_context_usage(context, "option --%s is empty; a name was expected", found->row->name);
    elbo_typed typed = *found;
    typed.text = text;
    context->typed[context->typed_count++] = typed;
    return ELBO_EXIT_OK;
}

/* A following word that is an option itself is a forgotten value, not a value; --name=--value is still possible. */
static const char *next_value(int count, char **words, int *at) {
    if (*at + 1 >= count || strncmp(words[*at + 1], "--", 2) == 0) return NULL;
    return words[++*at];
}

static int read_long(elbo_context *context, int count, char **words, int *at) {
    char *word = words[*at] + 2, *equals = strchr(word, '=');
    char name[ELBO_NAME_SIZE];
    size_t length = equals ? (size_t)(equals - word) : strlen(word);
    if (length >= sizeof name) return elbo_context_usage(context, "unknown option --%.40s...", word);
    memcpy(name, word, length);
    name[length] = 0;

    elbo_typed found;
    if (find_anywhere(context->command, name, &found)) {
        if (equals) return take(context, &found, equals + 1);
        if (found.row->type == ELBO_OPTION_BOOL) return take(context, &found, "true");
        const char *value = next_value(count, words, at);
        return value ? take(context, &found, value) : elbo_context_usage(context, "option --%s needs a value", name);
    }
    bool negated = strncmp(name, "no-", 3) == 0 && find_anywhere(context->command, name + 3, &found);
    if (!negated || found.row->type != ELBO_OPTION_BOOL) return unknown_option(context, name);
    if (equals) return elbo_context_usage(context, "option --%s takes no value", name);
    return take(context, &found, "false");
}

static int read_short(elbo_context *context, int count, char **words, int *at) {
    const char *word = words[*at];
    for (const elbo_flag *flag = context->command->flags; flag && flag->name; flag++) {
        if (flag->letter != word[1]) continue;
        elbo_typed found;
        if (!find_anywhere(context->command, flag->name, &found)) break;
        if (found.row->type == ELBO_OPTION_BOOL) {
            if (word[2]) return elbo_context_usage(context, "option -%c takes no value", word[1]);
            return take(context, &found, "true");
        }
        const char *value = word[2] ? word + 2 : next_value(count, words, at);
        return value ? take(context, &found, value) : elbo_context_usage(context, "option -%c needs a value", word[1]);
    }
    return elbo_context_usage(context, "unknown option %s", word);
}

static bool is_help(const char *word) { return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0; }

static void add_argument(elbo_context *context, const char *word) {
    if (context->argument_count == 0 && context->command->subject_at) context->subject = word;
    context->arguments[context->argument_count++] = word;
}

static int read_words(elbo_context *context, int count, char **words) {
    bool options_ended = false;
    for (int at = 0; at < count; at++) {
        const char *word = words[at];
        int code = ELBO_EXIT_OK;
        if (options_ended || word[0] != '-' || word[1] == 0)
            add_argument(context, word);
        else if (strcmp(word, "--") == 0)
            options_ended = true;
        else if (word[1] == '-')
            code = read_long(context, count, words, &at);
        else
            code = read_short(context, count, words, &at);
        if (code != ELBO_EXIT_OK) return code;
    }
    return ELBO_EXIT_OK;
}

/* ---- Checking and filling ---- */

static int check_word(const elbo_context *context, const elbo_argument *argument, const char *word) {
    if (argument->kind != ELBO_ARGUMENT_WORD) return ELBO_EXIT_OK;
    const char *known = NULL;
    for (size_t i = 0; (known = argument->word_at(i)); i++)
        if (strcmp(known, word) == 0) return ELBO_EXIT_OK;
    char list[512];
    elbo_cli_text_list(argument->word_at, list, sizeof list);
    const char *nearest = elbo_word_nearest(argument->word_at, word);
    if (nearest)
        return elbo_context_usage(context, "unknown %s '%s' (did you mean %s?)", argument->name, word, nearest);
    return elbo_context_usage(context, "unknown %s '%s', expected one of %s", argument->name, word, list);
}

static int check_arguments(const elbo_context *context) {
    size_t used = 0;
    for (const elbo_argument *argument = context->command->arguments; argument && argument->name; argument++) {
        for (int n = 0; n < argument->maximum; n++) {
            const char *word = elbo_context_argument(context, used);
            if (!word && n < argument->minimum) return elbo_context_usage(context, "%s is missing", argument->name);
            if (!word) break;
            if (!*word) return elbo_context_usage(context, "%s is empty", argument->name);
            int code = check_word(context, argument, word);
            if (code != ELBO_EXIT_OK) return code;
            used++;
        }
    }
    const char *rest = elbo_context_argument(context, used);
    return rest ? elbo_context_usage(context, "unexpected argument '%s'", rest) : ELBO_EXIT_OK;
}

static int add_struct(elbo_context *context, const elbo_options *table) {
    elbo_error error = {0};
    size_t at = context->table_count;
    if (at == ELBO_CONTEXT_TABLES) {
        error.status = ELBO_ERROR_INTERNAL;
        snprintf(error.message, sizeof error.message, "a command has more than %d tables", ELBO_CONTEXT_TABLES);
        return elbo_context_fail(context, &error);
    }
    void *values = calloc(1, table->struct_size);
    if (!values) {
        error.status = ELBO_ERROR_MEMORY;
        return elbo_context_fail(context, &error);
    }
    if (elbo_options_init(table, values, &error) != ELBO_OK) {
        free(values);
        return elbo_context_fail(context, &error);
    }
    context->table[at] = table;
    context->values[at] = values;
    context->table_count++;
    return ELBO_EXIT_OK;
}

static void *struct_of(const elbo_context *context, const elbo_options *table) {
    for (size_t i = 0; i < context->table_count; i++)
        if (context->table[i] == table) return context->values[i];
    return NULL;
}

static int fill_structs(elbo_context *context) {
    int code = add_struct(context, &elbo_common_options_table);
    for (size_t i = 0; code == ELBO_EXIT_OK && context->command->tables && context->command->tables[i]; i++)
        code = add_struct(context, context->command->tables[i]);
    if (code != ELBO_EXIT_OK) return code;
    context->common = elbo_context_values(context, &elbo_common_options_table);
    for (size_t i = 0; i < context->typed_count; i++) {
        const elbo_typed *typed = &context->typed[i];
        elbo_error error = {0};
        void *values = struct_of(context, typed->table);
        if (values && elbo_options_set(typed->table, values, typed->row->name, typed->text, &error) != ELBO_OK)
            return elbo_context_fail(context, &error);
    }
    return ELBO_EXIT_OK;
}

static int fill_settings(elbo_context *context) {
    for (size_t i = 0; i < context->typed_count; i++) {
        const elbo_typed *typed = &context->typed[i];
        elbo_typed found;
        elbo_error error = {0};
        if (struct_of(context, typed->table)) continue;
        if (!find_in(context->command, context->subject, typed->row->name, &found)) {
            char dashed[ELBO_NAME_SIZE];
            elbo_cli_text_dashed(typed->row->name, dashed);
            if (!context->subject) return elbo_context_usage(context, "option --%s is not possible here", dashed);
            return elbo_context_usage(context, "%s has no option --%s", context->subject, dashed);
        }
        if (context->command->set(context, typed->row->name, typed->text, &error) != ELBO_OK)
            return elbo_context_fail(context, &error);
    }
    return ELBO_EXIT_OK;
}

/* ---- Running ---- */

static int run(elbo_context *context) {
    int code = check_arguments(context);
    if (code == ELBO_EXIT_OK) code = fill_structs(context);
    if (code != ELBO_EXIT_OK) return code;
    const elbo_command *command = context->command;
    elbo_error error = {0};
    if (command->begin && command->begin(context, &error) != ELBO_OK)
        code = elbo_context_fail(context, &error);
    else
        code = fill_settings(context);
    if (code == ELBO_EXIT_OK) code = command->run(context);
    if (command->finish) command->finish(context);
    return code;
}

static void release(elbo_context *context) {
    for (size_t i = 0; i < context->table_count; i++) {
        elbo_options_clear(context->table[i], context->values[i]);
        free(context->values[i]);
    }
    free(context->arguments);
    free(context->typed);
}

static bool asks_for_help(int count, char **words) {
    for (int i = 0; i < count && strcmp(words[i], "--") != 0; i++)
        if (is_help(words[i])) return true;
    return false;
}

/* Help is asked for with the rest of the line half typed, so its words are looked at for the subject alone. */
static void show_help(elbo_context *context, int count, char **words) {
    for (int i = 0; i < count && !context->subject; i++) {
        const char *subject = NULL;
        for (size_t s = 0; context->command->subject_at && (subject = context->command->subject_at(s)); s++)
            if (strcmp(subject, words[i]) == 0) context->subject = subject;
    }
    elbo_cli_help_command(stdout, context->command, context->path, context->subject);
}

static int run_below(const elbo_command *command, const char *parent, int count, char **words) {
    elbo_context context = {.command = command};
    snprintf(context.path, sizeof context.path, "%s%s%s", parent, *parent ? " " : "", command->name);
    const elbo_command *below = count > 0 ? elbo_command_find(command->subcommands, words[0]) : NULL;
    if (below) return run_below(below, context.path, count - 1, words + 1);
    if (asks_for_help(count, words)) {
        show_help(&context, count, words);
        return ELBO_EXIT_OK;
    }
    context.arguments = calloc((size_t)count + 1, sizeof *context.arguments);
    context.typed = calloc((size_t)count + 1, sizeof *context.typed);
    elbo_error error = {.status = ELBO_ERROR_MEMORY};
    int code =
        context.arguments && context.typed ? read_words(&context, count, words) : elbo_context_fail(&context, &error);
    if (code == ELBO_EXIT_OK) code = run(&context);
    release(&context);
    return code;
}

int elbo_command_main(const elbo_command *command, int count, char **words) {
    return run_below(command, "", count, words);
}
