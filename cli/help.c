/* elbo help: what every command does, for people and, with --json, for programs. */
#include <stdio.h>
#include <string.h>

#include "support/help.h"
#include "support/json.h"
#include "support/text.h"

static json_t *describe_row(const elbo_command *command, const elbo_options *table, const elbo_option *row) {
    static const char *const types[] = {"bool", "int", "real", "text", "choice", "ints"};
    char name[ELBO_NAME_SIZE], letter[2] = "";
    const elbo_flag *flag = elbo_command_flag(command, row->name);
    if (flag) letter[0] = flag->letter;
    json_t *object = json_object();
    json_object_set_new(object, "name", elbo_cli_json_text(elbo_cli_text_dashed(row->name, name)));
    json_object_set_new(object, "short", letter[0] ? elbo_cli_json_text(letter) : json_null());
    json_object_set_new(object, "table", elbo_cli_json_text(table->title));
    json_object_set_new(object, "type", elbo_cli_json_text(types[row->type]));
    json_object_set_new(object, "default", elbo_cli_json_text(row->initial));
    if (row->type == ELBO_OPTION_INT || row->type == ELBO_OPTION_REAL || row->type == ELBO_OPTION_INTS) {
        json_object_set_new(object, "minimum", elbo_cli_json_real(row->minimum));
        json_object_set_new(object, "maximum", elbo_cli_json_real(row->maximum));
    }
    if (row->choices) json_object_set_new(object, "choices", elbo_cli_json_text(row->choices));
    json_object_set_new(object, "help", elbo_cli_json_text(row->help));
    return object;
}

static json_t *describe_options(const elbo_command *command, const char *subject) {
    json_t *rows = json_array();
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_command_table(command, subject, i)); i++)
        for (size_t r = 0; r < table->count; r++)
            json_array_append_new(rows, describe_row(command, table, &table->rows[r]));
    return rows;
}

static json_t *describe_subjects(const elbo_command *command) {
    json_t *subjects = json_object();
    const char *subject = NULL;
    for (size_t i = 0; (subject = command->subject_at(i)); i++)
        json_object_set_new(subjects, subject, describe_options(command, subject));
    return subjects;
}

static json_t *describe(const elbo_command *command) {
    json_t *object = json_object(), *usage = json_array(), *arguments = json_array();
    json_object_set_new(object, "name", elbo_cli_json_text(command->name));
    json_object_set_new(object, "summary", elbo_cli_json_text(command->summary));
    for (const char *const *line = command->usage; line && *line; line++)
        json_array_append_new(usage, elbo_cli_json_text(*line));
    json_object_set_new(object, "usage", usage);
    json_object_set_new(object, "description", elbo_cli_json_text(command->description));
    for (const elbo_argument *argument = command->arguments; argument && argument->name; argument++) {
        json_t *entry = json_object();
        json_object_set_new(entry, "name", elbo_cli_json_text(argument->name));
        json_object_set_new(entry, "help", elbo_cli_json_text(argument->help));
        json_object_set_new(entry, "minimum", json_integer(argument->minimum));
        json_object_set_new(entry, "maximum", json_integer(argument->maximum));
        json_array_append_new(arguments, entry);
    }
    json_object_set_new(object, "arguments", arguments);
    json_object_set_new(object, "options", describe_options(command, NULL));
    if (command->subject_at) json_object_set_new(object, "subjects", describe_subjects(command));
    json_t *below = json_array();
    for (const elbo_command *const *one = command->subcommands; one && *one; one++)
        json_array_append_new(below, describe(*one));
    json_object_set_new(object, "subcommands", below);
    return object;
}

static json_t *describe_all(void) {
    json_t *object = json_object(), *commands = json_array();
    const elbo_command *command = NULL;
    for (size_t i = 0; (command = elbo_command_sorted(i)); i++) json_array_append_new(commands, describe(command));
    json_object_set_new(object, "version", elbo_cli_json_text(elbo_version()));
    json_object_set_new(object, "commands", commands);
    return object;
}

/* A subject by its name, or NULL. */
static const char *find_subject(const elbo_command *command, const char *name) {
    const char *subject = NULL;
    for (size_t i = 0; command->subject_at && (subject = command->subject_at(i)); i++)
        if (strcmp(subject, name) == 0) return subject;
    return NULL;
}

static int unknown(const elbo_context *context, const char *what, const char *word, const char *nearest) {
    if (nearest) return elbo_context_usage(context, "unknown %s '%s' (did you mean %s?)", what, word, nearest);
    return elbo_context_usage(context, "unknown %s '%s'", what, word);
}

static int run(elbo_context *context) {
    const char *word = elbo_context_argument(context, 0), *second = elbo_context_argument(context, 1);
    if (!word) {
        if (context->common->json) return elbo_cli_json_print(context, describe_all());
        elbo_cli_help_overview(stdout);
        return ELBO_EXIT_OK;
    }
    const elbo_command *command = elbo_command_find(elbo_registry_commands, word);
    if (!command) return unknown(context, "command", word, elbo_command_nearest(elbo_registry_commands, word));
    const char *subject = NULL;
    char path[64];
    snprintf(path, sizeof path, "%s", command->name);
    if (second) {
        const elbo_command *below = elbo_command_find(command->subcommands, second);
        subject = find_subject(command, second);
        if (!below && !subject)
            return unknown(context, "subcommand", second,
                           command->subject_at ? elbo_word_nearest(command->subject_at, second)
                                               : elbo_command_nearest(command->subcommands, second));
        if (below) {
            command = below;
            snprintf(path, sizeof path, "%s %s", word, below->name);
        }
    }
    if (context->common->json) return elbo_cli_json_print(context, describe(command));
    elbo_cli_help_command(stdout, command, path, subject);
    return ELBO_EXIT_OK;
}

const elbo_command command_help = {
    .name = "help",
    .group = ELBO_GROUP_HELP,
    .order = 1,
    .summary = "show how a command is used",
    .usage = (const char *const[]){"", "COMMAND [SUBCOMMAND]", NULL},
    .description =
        "Without a command, lists all of them. 'elbo COMMAND --help' shows the same text as "
        "'elbo help COMMAND'. With --json, everything that the help is made from comes as one object.",
    .arguments = (const elbo_argument[]){{"COMMAND", "a command", ELBO_ARGUMENT_TEXT, 0, 1, elbo_command_word},
                                         {"SUBCOMMAND", "one of its subcommands, or the model whose options to show",
                                          ELBO_ARGUMENT_TEXT, 0, 1, NULL},
                                         {0}},
    .examples = (const elbo_example[]){{"elbo help data", "everything about the command data"},
                                       {"elbo help data convert", "one of its subcommands"},
                                       {0}},
    .run = run,
};
