/* A command is one table.  Parsing, help, the manual page and shell completion are all made from it.
 *
 * cli/<name>.c defines `const elbo_command command_<name>`; the build makes elbo_registry_commands from the file
 * names. */
#ifndef ELBO_CLI_SUPPORT_COMMAND_H
#define ELBO_CLI_SUPPORT_COMMAND_H

#include "elbo.h"

enum elbo_exit { ELBO_EXIT_OK = 0, ELBO_EXIT_FAILURE = 1, ELBO_EXIT_USAGE = 2, ELBO_EXIT_INTERRUPTED = 130 };

typedef struct elbo_command elbo_command;
typedef struct elbo_context elbo_context;

typedef enum elbo_argument_kind {
    ELBO_ARGUMENT_WORD,   /* one of word_at(0), word_at(1), ...; anything else is a usage error */
    ELBO_ARGUMENT_TEXT,   /* anything; word_at, where there is one, serves completion */
    ELBO_ARGUMENT_FILE,   /* a file */
    ELBO_ARGUMENT_FOLDER, /* a folder, such as a run */
    ELBO_ARGUMENT_SOURCE  /* a data source: a path, or a generator among word_at's */
} elbo_argument_kind;

/* A positional argument.  Those of a command are filled in order. */
typedef struct elbo_argument {
    const char *name; /* "SOURCE" */
    const char *help;
    elbo_argument_kind kind;
    int minimum, maximum;                 /* how many of it: 1, 1 for a required one, 0, 1 for an optional one */
    const char *(*word_at)(size_t index); /* NULL past the end; may be NULL */
} elbo_argument;

/* What an option's row does not say: its short form and what to call its value in the help. */
typedef struct elbo_flag {
    const char *name;        /* of the row, with '_' */
    char letter;             /* 'o' for -o; 0: none */
    const char *placeholder; /* "FILE"; NULL: by type */
} elbo_flag;

typedef struct elbo_example {
    const char *line; /* what to type, "elbo ..." */
    const char *help;
} elbo_example;

typedef enum elbo_command_group {
    ELBO_GROUP_TRAIN,
    ELBO_GROUP_USE,
    ELBO_GROUP_DATA,
    ELBO_GROUP_HELP,
    ELBO_GROUP_COUNT
} elbo_command_group;

/* Lists end with NULL, or with an entry whose first field is NULL; a NULL list is empty.
 *
 * The order of events is: words are read; the structs of `tables` (and the common options) are filled; `begin` is
 * called; the remaining options go to `set` in the order typed; `run` does the work and returns an exit code; `finish`
 * is called whenever `begin` was. */
struct elbo_command {
    const char *name;
    elbo_command_group group;
    int order;                /* within the group in the overview */
    const char *summary;      /* one line, no full stop */
    const char *const *usage; /* what follows "elbo NAME", one line for each form */
    const char *description;  /* paragraphs separated by an empty line */
    const elbo_example *examples;
    const elbo_argument *arguments;
    const elbo_flag *flags;
    const elbo_options *const *tables; /* read with elbo_context_values */
    const elbo_command *const *subcommands;

    /* Options whose rows are known at run time only and whose values go to an object of the command's own.  The first
     * positional argument is the subject, such as the model to train.  setting_table(NULL, i) is the i-th table that
     * holds for every subject, setting_table(subject, i) the i-th one that this subject adds; NULL past the end.
     * subject_at lists the subjects.  An option of one name means the same, and is of the same type, in all of
     * them. */
    const char *(*subject_at)(size_t index);
    const elbo_options *(*setting_table)(const char *subject, size_t index);
    /* May set context->state, and context->subject where the subject comes from elsewhere than the first word (a
     * recipe, a run to resume). */
    elbo_status (*begin)(elbo_context *context, elbo_error *error);
    elbo_status (*set)(elbo_context *context, const char *name, const char *text, elbo_error *error);
    int (*run)(elbo_context *context);
    void (*finish)(elbo_context *context);
};

extern const elbo_command *const elbo_registry_commands[];

/* ---- Options of every command ---- */

#define ELBO_COMMON_OPTIONS(O)                                                                             \
    O(BOOL, json, "false", 0, 0, NULL, "print one JSON object to standard output instead of text")         \
    O(BOOL, quiet, "false", 0, 0, NULL, "no progress, notes or warnings on standard error; errors remain") \
    O(INT, threads, "0", 0, 4096, NULL, "use at most this many threads (0: one for each processor)")
ELBO_OPTIONS_STRUCT(elbo_common_options, ELBO_COMMON_OPTIONS);
extern const elbo_options elbo_common_options_table;

/* ---- A command at work ---- */

enum { ELBO_CONTEXT_TABLES = 16 };

/* One option as typed. */
typedef struct elbo_typed {
    const elbo_options *table;
    const elbo_option *row;
    const char *text;
} elbo_typed;

struct elbo_context {
    const elbo_command *command;
    char path[64];       /* "data convert" */
    const char *subject; /* NULL: none */
    const char **arguments;
    size_t argument_count;
    const elbo_common_options *common;
    void *state; /* the command's own */

    /* What follows is read through the functions below. */
    const elbo_options *table[ELBO_CONTEXT_TABLES];
    void *values[ELBO_CONTEXT_TABLES];
    size_t table_count;
    elbo_typed *typed;
    size_t typed_count;
};

/* The filled struct of one of the command's tables; never NULL for a table that is listed there. */
const void *elbo_context_values(const elbo_context *context, const elbo_options *table);
/* A positional argument or NULL. */
const char *elbo_context_argument(const elbo_context *context, size_t index);
/* Whether an option was typed (rather than left at its default). */
bool elbo_context_given(const elbo_context *context, const char *name);

/* Report a failure on standard error as "elbo COMMAND: message" and return the exit code: 2 with a pointer to the help
 * for ELBO_ERROR_USAGE, 130 for ELBO_ERROR_INTERRUPTED, 1 for the rest. */
int elbo_context_fail(const elbo_context *context, const elbo_error *error);
int elbo_context_usage(const elbo_context *context, const char *format, ...) ELBO_PRINTF(2, 3);
/* A note or warning on standard error, unless --quiet. */
void elbo_context_note(const elbo_context *context, const char *format, ...) ELBO_PRINTF(2, 3);

/* Fills an error and returns its status, for functions that report as the library's do. */
elbo_status elbo_cli_fail(elbo_error *error, elbo_status status, const char *format, ...) ELBO_PRINTF(3, 4);
/* Hands a failure on to the caller. */
#define ELBO_CLI_TRY(call)                                    \
    do {                                                      \
        elbo_status status_of_call = (call);                  \
        if (status_of_call != ELBO_OK) return status_of_call; \
    } while (0)

/* Runs one command on the words after its name; returns the exit code. */
int elbo_command_main(const elbo_command *command, int count, char **words);

/* ---- Looking at commands ---- */

/* The index-th table that applies to a subject (NULL: to every subject): the command's own, its settings, the common
 * options last; NULL past the end. */
const elbo_options *elbo_command_table(const elbo_command *command, const char *subject, size_t index);
/* The command with this name in a NULL-ended list (which may be NULL), or NULL. */
const elbo_command *elbo_command_find(const elbo_command *const *commands, const char *name);
/* The flag entry of an option, or NULL. */
const elbo_flag *elbo_command_flag(const elbo_command *command, const char *name);
/* The known command nearest to a misspelt one, or NULL. */
const char *elbo_command_nearest(const elbo_command *const *commands, const char *name);
/* The commands in the order of the overview: group, order, name; index counts from 0; NULL past the end. */
const elbo_command *elbo_command_sorted(size_t index);
/* The name of that command, as a word_at. */
const char *elbo_command_word(size_t index);
const char *elbo_command_group_title(elbo_command_group group);
/* The nearest of word_at's words, or NULL. */
const char *elbo_word_nearest(const char *(*word_at)(size_t index), const char *word);

#endif
