#include "support/manual.h"

#include "support/command.h"
#include "support/text.h"

/* Text with roff's own characters disarmed.  A '.' or ''' is a request only at the start of a line. */
static void put(FILE *stream, const char *text) {
    bool starts_line = true;
    for (; *text; text++) {
        if (starts_line && (*text == '.' || *text == '\'')) fputs("\\&", stream);
        starts_line = *text == '\n';
        if (*text == '\\')
            fputs("\\e", stream);
        else if (*text == '-')
            fputs("\\-", stream);
        else if (starts_line && text[1] == '\n')
            fputs("\n.PP", stream);
        else
            fputc(*text, stream);
    }
}

static void put_line(FILE *stream, const char *request, const char *text) {
    fputs(request, stream);
    put(stream, text);
    fputc('\n', stream);
}

static void options(FILE *stream, const elbo_command *command, const elbo_options *table) {
    for (size_t i = 0; i < table->count; i++) {
        const elbo_option *row = &table->rows[i];
        char name[256], limits[768];
        elbo_cli_text_option(command, row, name, sizeof name);
        elbo_cli_text_limits(row, limits, sizeof limits);
        fputs(".TP\n", stream);
        put_line(stream, ".B ", name[0] == ' ' ? name + 4 : name);
        put_line(stream, "", row->help);
        if (limits[0]) put_line(stream, "", limits);
    }
}

static void arguments(FILE *stream, const elbo_command *command) {
    for (const elbo_argument *argument = command->arguments; argument && argument->name; argument++) {
        char list[512] = "", text[1024];
        if (argument->kind == ELBO_ARGUMENT_WORD) elbo_cli_text_list(argument->word_at, list, sizeof list);
        snprintf(text, sizeof text, "%s%s%s", argument->help, list[0] ? ": " : "", list);
        fputs(".TP\n", stream);
        put_line(stream, ".I ", argument->name);
        put_line(stream, "", text);
    }
}

static void subjects(FILE *stream, const elbo_command *command) {
    const char *subject = NULL;
    for (size_t s = 0; command->subject_at && (subject = command->subject_at(s)); s++) {
        const elbo_options *table = NULL;
        for (size_t i = 0; (table = command->setting_table(subject, i)); i++) {
            fprintf(stream, ".PP\nOptions of ");
            put(stream, subject);
            fputs(":\n", stream);
            options(stream, command, table);
        }
    }
}

static void command_section(FILE *stream, const elbo_command *command, const char *parent) {
    char path[64];
    snprintf(path, sizeof path, "%s%s%s", parent, *parent ? " " : "", command->name);
    put_line(stream, ".SS elbo ", path);
    put_line(stream, "", command->summary);
    for (const char *const *line = command->usage; line && *line; line++) {
        fputs(".br\n.B elbo ", stream);
        put(stream, path);
        fputc('\n', stream);
        if (**line) put_line(stream, "", *line);
    }
    if (command->description) {
        fputs(".PP\n", stream);
        put_line(stream, "", command->description);
    }
    arguments(stream, command);
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_command_table(command, NULL, i)); i++)
        if (table != &elbo_common_options_table) options(stream, command, table);
    subjects(stream, command);
    for (const elbo_example *example = command->examples; example && example->line; example++) {
        fputs(".PP\n", stream);
        put_line(stream, "", example->help);
        fputs(".RS\n.nf\n", stream);
        put_line(stream, "", example->line);
        fputs(".fi\n.RE\n", stream);
    }
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        command_section(stream, *below, path);
}

static void exit_status(FILE *stream) {
    static const struct {
        int code;
        const char *meaning;
    } codes[] = {{ELBO_EXIT_OK, "success"},
                 {ELBO_EXIT_FAILURE, "failure; standard error says what, where and what was expected"},
                 {ELBO_EXIT_USAGE, "unknown or impossible option or argument"},
                 {ELBO_EXIT_INTERRUPTED, "stopped on request, with everything saved"}};
    fputs(".SH EXIT STATUS\n", stream);
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
        fprintf(stream, ".TP\n.B %d\n", codes[i].code);
        put_line(stream, "", codes[i].meaning);
    }
}

void elbo_cli_manual_write(FILE *stream) {
    fprintf(stream, ".TH ELBO 1 \"\" \"elbo %s\" \"User Commands\"\n", elbo_version());
    fputs(
        ".SH NAME\nelbo \\- variational autoencoders: train, evaluate, compare, explore\n"
        ".SH SYNOPSIS\n.B elbo\n.I COMMAND\n[\\fIARGUMENTS\\fR] [\\fIOPTIONS\\fR]\n.br\n"
        ".B elbo\n.I COMMAND\n.B \\-\\-help\n.br\n.B elbo \\-\\-version\n",
        stream);
    fputs(".SH OPTIONS OF EVERY COMMAND\n", stream);
    options(stream, &(const elbo_command){0}, &elbo_common_options_table);
    fputs(".TP\n.B \\-h, \\-\\-help\nshow a command's help\n", stream);
    fputs(".SH COMMANDS\n", stream);
    const elbo_command *command = NULL;
    for (size_t i = 0; (command = elbo_command_sorted(i)); i++) command_section(stream, command, "");
    exit_status(stream);
}
