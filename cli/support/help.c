#include "support/help.h"

#include <string.h>

#include "support/text.h"

enum { HELP_INDENT = 26 };

/* "  left   right", the right part wrapped; on a line of its own where the left one is too wide. */
static void entry(FILE *stream, const char *left, const char *right, int indent) {
    int column = fprintf(stream, "  %s", left);
    if (column + 2 > indent) {
        fputc('\n', stream);
        column = 0;
    }
    elbo_cli_text_wrap(stream, right, column, indent);
}

void elbo_cli_help_overview(FILE *stream) {
    fputs(
        "elbo - variational autoencoders: train, evaluate, compare, explore\n\n"
        "Usage:\n"
        "  elbo COMMAND [ARGUMENTS] [OPTIONS]\n"
        "  elbo COMMAND --help\n"
        "  elbo --version\n",
        stream);
    const elbo_command *command = NULL;
    elbo_command_group group = ELBO_GROUP_COUNT;
    for (size_t i = 0; (command = elbo_command_sorted(i)); i++) {
        if (command->group != group) {
            group = command->group;
            fprintf(stream, "\n%s:\n", elbo_command_group_title(group));
        }
        entry(stream, command->name, command->summary, 16);
    }
    fputs("\n'elbo COMMAND --help' shows a command's options and examples.\n", stream);
}

static void usage(FILE *stream, const elbo_command *command, const char *path) {
    fputs("Usage:\n", stream);
    for (const char *const *line = command->usage; line && *line; line++)
        fprintf(stream, "  elbo %s%s%s\n", path, **line ? " " : "", *line);
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        for (const char *const *line = (*below)->usage; line && *line; line++)
            fprintf(stream, "  elbo %s %s%s%s\n", path, (*below)->name, **line ? " " : "", *line);
}

static void arguments(FILE *stream, const elbo_command *command) {
    if (!command->arguments || !command->arguments->name) return;
    fputs("\nArguments:\n", stream);
    for (const elbo_argument *argument = command->arguments; argument->name; argument++) {
        char name[ELBO_NAME_SIZE], text[1024], list[512] = "";
        elbo_cli_text_argument(argument, name, sizeof name);
        if (argument->kind == ELBO_ARGUMENT_WORD) elbo_cli_text_list(argument->word_at, list, sizeof list);
        snprintf(text, sizeof text, "%s%s%s", argument->help, list[0] ? ": " : "", list);
        entry(stream, name, text, HELP_INDENT);
    }
}

static void options(FILE *stream, const elbo_command *command, const elbo_options *table) {
    fprintf(stream, "\n%s options:\n", table->title);
    for (size_t i = 0; i < table->count; i++) {
        const elbo_option *row = &table->rows[i];
        char name[256], limits[768], text[2048];
        elbo_cli_text_option(command, row, name, sizeof name);
        elbo_cli_text_limits(row, limits, sizeof limits);
        snprintf(text, sizeof text, "%s%s%s", row->help, limits[0] ? " " : "", limits);
        entry(stream, name, text, HELP_INDENT);
    }
    if (table == &elbo_common_options_table) entry(stream, "-h, --help", "show this help", HELP_INDENT);
}

static void subjects(FILE *stream, const elbo_command *command, const char *path) {
    const char *name = command->arguments[0].name;
    char list[512], text[1024];
    elbo_cli_text_list(command->subject_at, list, sizeof list);
    snprintf(text, sizeof text, "Each %s has options of its own: see 'elbo %s %s --help' with one of %s.", name, path,
             name, list);
    fputc('\n', stream);
    elbo_cli_text_wrap(stream, text, 0, 0);
}

void elbo_cli_help_command(FILE *stream, const elbo_command *command, const char *path, const char *subject) {
    fprintf(stream, "elbo %s - %s\n\n", path, command->summary);
    usage(stream, command, path);
    if (command->description) {
        fputc('\n', stream);
        elbo_cli_text_wrap(stream, command->description, 0, 0);
    }
    arguments(stream, command);
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_command_table(command, subject, i)); i++) options(stream, command, table);
    if (command->subject_at && !subject) subjects(stream, command, path);
    for (const elbo_command *const *below = command->subcommands; below && *below; below++) {
        if (below == command->subcommands) fputs("\nSubcommands:\n", stream);
        entry(stream, (*below)->name, (*below)->summary, HELP_INDENT);
    }
    if (!command->examples || !command->examples->line) return;
    fputs("\nExamples:\n", stream);
    for (const elbo_example *example = command->examples; example->line; example++)
        fprintf(stream, "  # %s\n  %s\n", example->help, example->line);
}
