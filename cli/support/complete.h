/* Completion scripts for shells, made from the commands' tables. */
#ifndef ELBO_CLI_SUPPORT_COMPLETE_H
#define ELBO_CLI_SUPPORT_COMPLETE_H

#include <stdio.h>

#include "support/command.h"

/* The shells, as a word_at: "bash", "zsh", "fish". */
const char *elbo_cli_complete_shell(size_t index);
/* The script for one of them; false for a shell that is not known. */
bool elbo_cli_complete_write(FILE *stream, const char *shell);

/* ---- For the files of one shell each ---- */

void elbo_cli_complete_bash(FILE *stream);
void elbo_cli_complete_zsh(FILE *stream);
void elbo_cli_complete_fish(FILE *stream);

/* Calls visit for every command and subcommand; path is "data convert". */
typedef void elbo_cli_complete_visit(FILE *stream, const elbo_command *command, const char *path);
void elbo_cli_complete_each(FILE *stream, elbo_cli_complete_visit *visit);

/* An option of a command under any subject: index counts each name once; false past the end. */
bool elbo_cli_complete_option(const elbo_command *command, size_t index, const elbo_option **row);

typedef enum elbo_cli_complete_kind {
    ELBO_CLI_COMPLETE_NOTHING,
    ELBO_CLI_COMPLETE_FILES,
    ELBO_CLI_COMPLETE_FOLDERS,
    ELBO_CLI_COMPLETE_WORDS
} elbo_cli_complete_kind;

/* What to offer as an option's value. */
elbo_cli_complete_kind elbo_cli_complete_value(const elbo_command *command, const elbo_option *row);
/* The words of a choice, with blanks between, into out. */
void elbo_cli_complete_choices(const elbo_option *row, char *out, size_t size);
/* The words that any argument of the command may take, its subcommands first, with blanks between. */
void elbo_cli_complete_words(const elbo_command *command, char *out, size_t size);
/* Whether arguments of the command may be files or folders. */
elbo_cli_complete_kind elbo_cli_complete_paths(const elbo_command *command);

#endif
