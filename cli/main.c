/* elbo: the command. */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "support/command.h"
#include "support/help.h"
#include "support/interrupt.h"

static int unknown(const char *word) {
    const char *what = word[0] == '-' ? "option" : "command";
    const char *nearest = elbo_command_nearest(elbo_registry_commands, word);
    if (nearest && word[0] != '-')
        fprintf(stderr, "elbo: unknown %s '%s' (did you mean '%s'?)\n", what, word, nearest);
    else
        fprintf(stderr, "elbo: unknown %s '%s'\n", what, word);
    fputs("Try 'elbo --help'.\n", stderr);
    return ELBO_EXIT_USAGE;
}

static int dispatch(int count, char **words) {
    if (count < 2) {
        elbo_cli_help_overview(stderr);
        return ELBO_EXIT_USAGE;
    }
    const char *word = words[1];
    if (strcmp(word, "--version") == 0) {
        printf("elbo %s\n", elbo_version());
        return ELBO_EXIT_OK;
    }
    if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0) {
        elbo_cli_help_overview(stdout);
        return ELBO_EXIT_OK;
    }
    const elbo_command *command = elbo_command_find(elbo_registry_commands, word);
    return command ? elbo_command_main(command, count - 2, words + 2) : unknown(word);
}

/* What was printed counts only once it is out: a full disk is a failure, a closed pipe the reader's wish. */
static int finish_output(int code) {
    bool earlier = ferror(stdout) != 0;
    errno = 0;
    bool now = fflush(stdout) != 0;
    if (!earlier && !now) return code;
    if (errno == EPIPE || elbo_cli_interrupt_pipe_closed()) {
        elbo_cli_interrupt_die_of_pipe();
        return code;
    }
    if (code != ELBO_EXIT_OK) return code; /* the command has said what went wrong */
    fprintf(stderr, "elbo: cannot write to standard output%s%s\n", errno ? ": " : "", errno ? strerror(errno) : "");
    return ELBO_EXIT_FAILURE;
}

int main(int count, char **words) {
    elbo_cli_interrupt_ignore_pipe();
    return finish_output(dispatch(count, words));
}
