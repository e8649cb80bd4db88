#include <string.h>

#include "support/complete.h"
#include "support/text.h"

/* Text inside single quotes. */
static void quoted(FILE *stream, const char *text) {
    fputc('\'', stream);
    for (; *text; text++) {
        if (*text == '\'' || *text == '\\') fputc('\\', stream);
        fputc(*text, stream);
    }
    fputc('\'', stream);
}

static void begin(FILE *stream, const char *path) {
    fprintf(stream, "complete -c elbo -n 'test (__elbo_chosen) = \"%s\"'", path);
}

static void option(FILE *stream, const elbo_command *command, const char *path, const elbo_option *row) {
    char name[ELBO_NAME_SIZE], words[1024];
    const elbo_flag *flag = elbo_command_flag(command, row->name);
    elbo_cli_text_dashed(row->name, name);
    begin(stream, path);
    fprintf(stream, " -l %s", name);
    if (flag && flag->letter) fprintf(stream, " -s %c", flag->letter);
    if (row->type != ELBO_OPTION_BOOL) {
        switch (elbo_cli_complete_value(command, row)) {
            case ELBO_CLI_COMPLETE_WORDS:
                elbo_cli_complete_choices(row, words, sizeof words);
                fprintf(stream, " -x -a '%s'", words);
                break;
            case ELBO_CLI_COMPLETE_FILES: fputs(" -r -F", stream); break;
            case ELBO_CLI_COMPLETE_FOLDERS: fputs(" -x -a '(__fish_complete_directories)'", stream); break;
            case ELBO_CLI_COMPLETE_NOTHING: fputs(" -x", stream); break;
        }
    }
    fputs(" -d ", stream);
    quoted(stream, row->help);
    fputc('\n', stream);
    if (row->type != ELBO_OPTION_BOOL || strcmp(row->initial, "true") != 0) return;
    begin(stream, path);
    fprintf(stream, " -l no-%s\n", name);
}

static void command_lines(FILE *stream, const elbo_command *command, const char *path) {
    const elbo_option *row = NULL;
    char words[2048];
    elbo_cli_complete_words(command, words, sizeof words);
    if (words[0]) {
        begin(stream, path);
        fprintf(stream, " -a '%s'\n", words);
    }
    elbo_cli_complete_kind paths = elbo_cli_complete_paths(command);
    if (paths != ELBO_CLI_COMPLETE_NOTHING) {
        begin(stream, path);
        fputs(paths == ELBO_CLI_COMPLETE_FILES ? " -F\n" : " -a '(__fish_complete_directories)'\n", stream);
    }
    for (size_t i = 0; elbo_cli_complete_option(command, i, &row); i++) option(stream, command, path, row);
    begin(stream, path);
    fputs(" -l help -s h -d 'show the help'\n", stream);
}

static void subcommand_case(FILE *stream, const elbo_command *command, const char *path) {
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        fprintf(stream, "        case '%s %s'\n            echo '%s %s'\n", path, (*below)->name, path, (*below)->name);
}

void elbo_cli_complete_fish(FILE *stream) {
    fputs(
        "# fish completion for elbo; load it with: elbo completion fish | source\n"
        "function __elbo_chosen\n"
        "    set -l typed (commandline -opc) '' '' ''\n"
        "    switch \"$typed[2] $typed[3]\"\n",
        stream);
    elbo_cli_complete_each(stream, subcommand_case);
    fputs(
        "        case '*'\n            echo \"$typed[2]\"\n    end\nend\n"
        "complete -c elbo -f\n",
        stream);
    const elbo_command *command = NULL;
    for (size_t i = 0; (command = elbo_command_sorted(i)); i++) {
        fprintf(stream, "complete -c elbo -n 'test -z (__elbo_chosen)' -a %s -d ", command->name);
        quoted(stream, command->summary);
        fputc('\n', stream);
    }
    fputs(
        "complete -c elbo -n 'test -z (__elbo_chosen)' -l help -d 'show all commands'\n"
        "complete -c elbo -n 'test -z (__elbo_chosen)' -l version -d 'show the version'\n",
        stream);
    elbo_cli_complete_each(stream, command_lines);
}
