#include <string.h>

#include "support/complete.h"
#include "support/text.h"

/* Text inside single quotes and inside the brackets of an _arguments specification. */
static void quoted(FILE *stream, const char *text) {
    for (; *text; text++) {
        if (*text == '\'')
            fputs("'\\''", stream);
        else if (strchr("[]:\\", *text))
            fprintf(stream, "\\%c", *text);
        else
            fputc(*text, stream);
    }
}

static void option(FILE *stream, const elbo_command *command, const elbo_option *row) {
    char name[ELBO_NAME_SIZE], words[1024];
    const elbo_flag *flag = elbo_command_flag(command, row->name);
    bool takes_value = row->type != ELBO_OPTION_BOOL;
    elbo_cli_text_dashed(row->name, name);
    fputs("                ", stream);
    if (flag && flag->letter)
        fprintf(stream, "'(-%c --%s)'{-%c%s,--%s%s}'[", flag->letter, name, flag->letter, takes_value ? "+" : "", name,
                takes_value ? "=" : "");
    else
        fprintf(stream, "'--%s%s[", name, takes_value ? "=" : "");
    quoted(stream, row->help);
    fputc(']', stream);
    if (takes_value) {
        fputc(':', stream);
        quoted(stream, elbo_cli_text_placeholder(command, row));
        switch (elbo_cli_complete_value(command, row)) {
            case ELBO_CLI_COMPLETE_WORDS:
                elbo_cli_complete_choices(row, words, sizeof words);
                fprintf(stream, ":(%s)", words);
                break;
            case ELBO_CLI_COMPLETE_FILES: fputs(":_files", stream); break;
            case ELBO_CLI_COMPLETE_FOLDERS: fputs(":_files -/", stream); break;
            case ELBO_CLI_COMPLETE_NOTHING: fputs(": ", stream); break;
        }
    }
    fputs("' \\\n", stream);
    if (!takes_value && strcmp(row->initial, "true") == 0) {
        fprintf(stream, "                '--no-%s[not: ", name);
        quoted(stream, row->help);
        fputs("]' \\\n", stream);
    }
}

static void command_case(FILE *stream, const elbo_command *command, const char *path) {
    const elbo_option *row = NULL;
    char words[2048];
    fprintf(stream, "        ('%s')\n            _arguments -S \\\n", path);
    for (size_t i = 0; elbo_cli_complete_option(command, i, &row); i++) option(stream, command, row);
    fputs("                '(- *)'{-h,--help}'[show the help]' \\\n", stream);
    elbo_cli_complete_words(command, words, sizeof words);
    elbo_cli_complete_kind paths = elbo_cli_complete_paths(command);
    const char *files = paths == ELBO_CLI_COMPLETE_FILES     ? "_files"
                        : paths == ELBO_CLI_COMPLETE_FOLDERS ? "_files -/"
                                                             : "";
    if (words[0] && files[0])
        fprintf(stream, "                '*:argument:{ compadd -- %s; %s }'\n", words, files);
    else if (words[0])
        fprintf(stream, "                '*:argument:(%s)'\n", words);
    else
        fprintf(stream, "                '*:argument:%s'\n", files[0] ? files : " ");
    fputs("            ;;\n", stream);
}

static void subcommand_case(FILE *stream, const elbo_command *command, const char *path) {
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        fprintf(stream, "        ('%s %s') chosen='%s %s'; shift words; (( CURRENT-- )) ;;\n", path, (*below)->name,
                path, (*below)->name);
}

void elbo_cli_complete_zsh(FILE *stream) {
    fputs(
        "#compdef elbo\n"
        "# zsh completion for elbo; save it as _elbo in a folder of $fpath, or: source <(elbo completion zsh)\n"
        "_elbo() {\n"
        "    local chosen=$words[2]\n"
        "    if (( CURRENT == 2 )); then\n"
        "        local -a commands=(\n",
        stream);
    const elbo_command *command = NULL;
    for (size_t i = 0; (command = elbo_command_sorted(i)); i++) {
        fprintf(stream, "            '%s:", command->name);
        quoted(stream, command->summary);
        fputs("'\n", stream);
    }
    fputs(
        "            '--help:show all commands'\n"
        "            '--version:show the version'\n"
        "        )\n"
        "        _describe command commands\n"
        "        return\n"
        "    fi\n"
        "    shift words\n"
        "    (( CURRENT-- ))\n"
        "    (( CURRENT > 2 )) && case \"$chosen $words[2]\" in\n",
        stream);
    elbo_cli_complete_each(stream, subcommand_case);
    fputs("    esac\n    case $chosen in\n", stream);
    elbo_cli_complete_each(stream, command_case);
    fputs(
        "    esac\n"
        "}\n"
        "if [[ $funcstack[1] == _elbo ]]; then\n"
        "    _elbo \"$@\"\n"
        "else\n"
        "    compdef _elbo elbo\n"
        "fi\n",
        stream);
}
