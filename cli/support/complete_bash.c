#include <string.h>

#include "support/complete.h"
#include "support/text.h"

/* "--out|-o": the patterns under which an option's value is completed. */
static void pattern(FILE *stream, const elbo_command *command, const elbo_option *row) {
    char name[ELBO_NAME_SIZE];
    const elbo_flag *flag = elbo_command_flag(command, row->name);
    fprintf(stream, "--%s", elbo_cli_text_dashed(row->name, name));
    if (flag && flag->letter) fprintf(stream, "|-%c", flag->letter);
}

static void value_cases(FILE *stream, const elbo_command *command) {
    const elbo_option *row = NULL;
    for (size_t i = 0; elbo_cli_complete_option(command, i, &row); i++) {
        if (row->type == ELBO_OPTION_BOOL) continue;
        char words[1024];
        fputs("                ", stream);
        pattern(stream, command, row);
        switch (elbo_cli_complete_value(command, row)) {
            case ELBO_CLI_COMPLETE_WORDS:
                elbo_cli_complete_choices(row, words, sizeof words);
                fprintf(stream, ") COMPREPLY=($(compgen -W '%s' -- \"$current\")); return ;;\n", words);
                break;
            case ELBO_CLI_COMPLETE_FILES: fputs(") _elbo_paths -f; return ;;\n", stream); break;
            case ELBO_CLI_COMPLETE_FOLDERS: fputs(") _elbo_paths -d; return ;;\n", stream); break;
            case ELBO_CLI_COMPLETE_NOTHING: fputs(") return ;;\n", stream); break;
        }
    }
}

static void option_words(FILE *stream, const elbo_command *command) {
    const elbo_option *row = NULL;
    for (size_t i = 0; elbo_cli_complete_option(command, i, &row); i++) {
        char name[ELBO_NAME_SIZE];
        elbo_cli_text_dashed(row->name, name);
        fprintf(stream, "--%s%s ", name, row->type == ELBO_OPTION_BOOL ? "" : "=");
        if (row->type == ELBO_OPTION_BOOL && strcmp(row->initial, "true") == 0) fprintf(stream, "--no-%s ", name);
    }
    fputs("--help", stream);
}

static void command_case(FILE *stream, const elbo_command *command, const char *path) {
    char words[2048];
    elbo_cli_complete_words(command, words, sizeof words);
    elbo_cli_complete_kind paths = elbo_cli_complete_paths(command);
    fprintf(stream, "        '%s')\n            case $previous in\n", path);
    value_cases(stream, command);
    fputs("            esac\n            options='", stream);
    option_words(stream, command);
    fprintf(stream, "'\n            words='%s'\n", words);
    if (paths == ELBO_CLI_COMPLETE_FILES) fputs("            paths=-f\n", stream);
    if (paths == ELBO_CLI_COMPLETE_FOLDERS) fputs("            paths=-d\n", stream);
    fputs("            ;;\n", stream);
}

static void subcommand_case(FILE *stream, const elbo_command *command, const char *path) {
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        fprintf(stream, "        '%s %s') chosen='%s %s' ;;\n", path, (*below)->name, path, (*below)->name);
}

/* Bash takes '=' for a word of its own, so "--name=val" arrives as three words. */
void elbo_cli_complete_bash(FILE *stream) {
    fputs(
        "# bash completion for elbo; load it with: source <(elbo completion bash)\n"
        "_elbo_paths() {\n"
        "    local line\n"
        "    compopt -o filenames 2>/dev/null\n"
        "    while IFS= read -r line; do COMPREPLY+=(\"$line\"); done < <(compgen \"$1\" -- \"$current\")\n"
        "}\n"
        "_elbo() {\n"
        "    local current=${COMP_WORDS[COMP_CWORD]} previous=${COMP_WORDS[COMP_CWORD-1]}\n"
        "    local chosen=${COMP_WORDS[1]} options='' words='' paths=''\n"
        "    COMPREPLY=()\n"
        "    if [[ $current == '=' ]]; then\n"
        "        current=''\n"
        "    elif [[ $previous == '=' ]]; then\n"
        "        previous=${COMP_WORDS[COMP_CWORD-2]}\n"
        "    fi\n"
        "    if (( COMP_CWORD == 1 )); then\n"
        "        COMPREPLY=($(compgen -W '",
        stream);
    for (size_t i = 0; elbo_command_word(i); i++) fprintf(stream, "%s ", elbo_command_word(i));
    fputs(
        "--help --version' -- \"$current\"))\n"
        "        return\n"
        "    fi\n"
        "    (( COMP_CWORD > 2 )) && case \"$chosen ${COMP_WORDS[2]}\" in\n",
        stream);
    elbo_cli_complete_each(stream, subcommand_case);
    fputs("    esac\n    case $chosen in\n", stream);
    elbo_cli_complete_each(stream, command_case);
    fputs(
        "    esac\n"
        "    if [[ $current == -* ]]; then\n"
        "        COMPREPLY=($(compgen -W \"$options\" -- \"$current\"))\n"
        "        [[ ${COMPREPLY[0]} == *= ]] && compopt -o nospace 2>/dev/null\n"
        "        return\n"
        "    fi\n"
        "    COMPREPLY=($(compgen -W \"$words\" -- \"$current\"))\n"
        "    [[ $paths ]] && _elbo_paths \"$paths\"\n"
        "    return 0\n"
        "}\n"
        "complete -F _elbo elbo\n",
        stream);
}
