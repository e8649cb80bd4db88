/* Looking at commands and reporting their failures. */
#include "support/command.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "support/interrupt.h"

#define ELBO_TABLE_STRUCT elbo_common_options
ELBO_TABLE(elbo_common_options_table, "Common", ELBO_COMMON_OPTIONS);
#undef ELBO_TABLE_STRUCT

const elbo_options *elbo_command_table(const elbo_command *command, const char *subject, size_t index) {
    for (size_t i = 0; command->tables && command->tables[i]; i++)
        if (index-- == 0) return command->tables[i];
    const char *const scopes[] = {NULL, subject};
    for (size_t s = 0; command->setting_table && s < (subject ? 2 : 1); s++) {
        const elbo_options *table = NULL;
        for (size_t i = 0; (table = command->setting_table(scopes[s], i)); i++)
            if (index-- == 0) return table;
    }
    return index == 0 ? &elbo_common_options_table : NULL;
}

const elbo_command *elbo_command_find(const elbo_command *const *commands, const char *name) {
    for (; commands && *commands; commands++)
        if (strcmp((*commands)->name, name) == 0) return *commands;
    return NULL;
}

const elbo_flag *elbo_command_flag(const elbo_command *command, const char *name) {
    for (const elbo_flag *flag = command->flags; flag && flag->name; flag++)
        if (strcmp(flag->name, name) == 0) return flag;
    return NULL;
}

/* The library's measure of nearness, applied to words that are not options. */
static const char *nearest_of(const char *const *words, size_t count, const char *word) {
    enum { MOST = 256 };
    elbo_option rows[MOST];
    memset(rows, 0, sizeof rows);
    size_t used = count < MOST ? count : MOST;
    for (size_t i = 0; i < used; i++) rows[i].name = words[i];
    elbo_options table = {"", rows, used, 0};
    const elbo_options *tables[] = {&table};
    return elbo_options_nearest(tables, 1, word);
}

enum { WORDS = 256 };

const char *elbo_command_nearest(const elbo_command *const *commands, const char *name) {
    const char *words[WORDS];
    size_t count = 0;
    for (; commands && *commands && count < WORDS; commands++) words[count++] = (*commands)->name;
    return nearest_of(words, count, name);
}

const char *elbo_word_nearest(const char *(*word_at)(size_t index), const char *word) {
    const char *words[WORDS];
    size_t count = 0;
    while (count < WORDS && (words[count] = word_at(count))) count++;
    return nearest_of(words, count, word);
}

static bool comes_before(const elbo_command *a, const elbo_command *b) {
    if (a->group != b->group) return a->group < b->group;
    if (a->order != b->order) return a->order < b->order;
    return strcmp(a->name, b->name) < 0;
}

const elbo_command *elbo_command_sorted(size_t index) {
    for (const elbo_command *const *one = elbo_registry_commands; *one; one++) {
        size_t rank = 0;
        for (const elbo_command *const *other = elbo_registry_commands; *other; other++)
            rank += comes_before(*other, *one);
        if (rank == index) return *one;
    }
    return NULL;
}

const char *elbo_command_word(size_t index) {
    const elbo_command *command = elbo_command_sorted(index);
    return command ? command->name : NULL;
}

const char *elbo_command_group_title(elbo_command_group group) {
    switch (group) {
        case ELBO_GROUP_TRAIN: return "Train and evaluate";
        case ELBO_GROUP_USE: return "Use a trained model";
        case ELBO_GROUP_DATA: return "Data";
        case ELBO_GROUP_HELP: return "Help";
        case ELBO_GROUP_COUNT: break;
    }
    return "";
}

const void *elbo_context_values(const elbo_context *context, const elbo_options *table) {
    for (size_t i = 0; i < context->table_count; i++)
        if (context->table[i] == table) return context->values[i];
    return NULL;
}

const char *elbo_context_argument(const elbo_context *context, size_t index) {
    return index < context->argument_count ? context->arguments[index] : NULL;
}

bool elbo_context_given(const elbo_context *context, const char *name) {
    for (size_t i = 0; i < context->typed_count; i++)
        if (strcmp(context->typed[i].row->name, name) == 0) return true;
    return false;
}

static int report(const elbo_context *context, bool usage, const char *message) {
    fprintf(stderr, "elbo %s: %s\n", context->path, message);
    if (usage) fprintf(stderr, "Try 'elbo %s --help'.\n", context->path);
    return usage ? ELBO_EXIT_USAGE : ELBO_EXIT_FAILURE;
}

int elbo_context_fail(const elbo_context *context, const elbo_error *error) {
    const char *message = error->message[0] ? error->message : elbo_status_text(error->status);
    /* Nobody reads on: nothing to complain about (main ends the process the way a pipe's writer ends). */
    if (ferror(stdout) && elbo_cli_interrupt_pipe_closed()) return ELBO_EXIT_FAILURE;
    int code = report(context, error->status == ELBO_ERROR_USAGE, message);
    return error->status == ELBO_ERROR_INTERRUPTED ? ELBO_EXIT_INTERRUPTED : code;
}

int elbo_context_usage(const elbo_context *context, const char *format, ...) {
    char message[1024];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    return report(context, true, message);
}

void elbo_context_note(const elbo_context *context, const char *format, ...) {
    if (context->common->quiet) return;
    va_list arguments;
    va_start(arguments, format);
    fprintf(stderr, "elbo %s: ", context->path);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}

elbo_status elbo_cli_fail(elbo_error *error, elbo_status status, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    error->status = status;
    vsnprintf(error->message, sizeof error->message, format, arguments);
    va_end(arguments);
    return status;
}
