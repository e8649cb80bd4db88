/* Words for people: how options, bounds and paragraphs are written. */
#ifndef ELBO_CLI_SUPPORT_TEXT_H
#define ELBO_CLI_SUPPORT_TEXT_H

#include <stdio.h>

#include "support/command.h"

enum { ELBO_NAME_SIZE = 96, ELBO_CLI_TEXT_WIDTH = 80 };

/* A name with '-' in place of '_'; returns out. */
const char *elbo_cli_text_dashed(const char *name, char out[ELBO_NAME_SIZE]);
/* "a, b, c" from a list of words, cut to size. */
void elbo_cli_text_list(const char *(*word_at)(size_t index), char *out, size_t size);
/* What stands for an option's value: "FILE", "N", "X", ... */
const char *elbo_cli_text_placeholder(const elbo_command *command, const elbo_option *row);
/* "-o, --out=FILE", "--[no-]tied", "--epochs=N". */
void elbo_cli_text_option(const elbo_command *command, const elbo_option *row, char *out, size_t size);
/* "[1 to 100, default 10]", "[sgd, adam; default adam]" or "". */
void elbo_cli_text_limits(const elbo_option *row, char *out, size_t size);
/* The same argument as in a usage line: "SOURCE", "[TOPIC]", "DIR...". */
void elbo_cli_text_argument(const elbo_argument *argument, char *out, size_t size);

/* Writes text broken at blanks so that lines stay within ELBO_CLI_TEXT_WIDTH columns; every line after the first starts
 * with `indent` blanks.  `column` is where the cursor stands.  A newline in the text starts a new line; an empty line
 * stays empty.  Ends with a newline. */
void elbo_cli_text_wrap(FILE *stream, const char *text, int column, int indent);

#endif
