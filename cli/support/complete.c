#include "support/complete.h"

#include <string.h>

#include "support/text.h"

static const struct {
    const char *name;
    void (*write)(FILE *stream);
} shells[] = {{"bash", elbo_cli_complete_bash}, {"zsh", elbo_cli_complete_zsh}, {"fish", elbo_cli_complete_fish}};
enum { SHELLS = sizeof shells / sizeof *shells };

const char *elbo_cli_complete_shell(size_t index) { return index < SHELLS ? shells[index].name : NULL; }

bool elbo_cli_complete_write(FILE *stream, const char *shell) {
    for (size_t i = 0; i < SHELLS; i++) {
        if (strcmp(shells[i].name, shell) != 0) continue;
        shells[i].write(stream);
        return true;
    }
    return false;
}

static void visit_below(FILE *stream, const elbo_command *command, const char *parent, elbo_cli_complete_visit *visit) {
    char path[256];
    snprintf(path, sizeof path, "%.120s%s%.120s", parent, *parent ? " " : "", command->name);
    visit(stream, command, path);
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        visit_below(stream, *below, path, visit);
}

void elbo_cli_complete_each(FILE *stream, elbo_cli_complete_visit *visit) {
    const elbo_command *command = NULL;
    for (size_t i = 0; (command = elbo_command_sorted(i)); i++) visit_below(stream, command, "", visit);
}

/* ---- Options under any subject ---- */

/* The index-th table of all: those of the command first, then what each subject adds. */
static const elbo_options *any_table(const elbo_command *command, size_t index) {
    const elbo_options *table = NULL;
    size_t own = 0;
    while ((table = elbo_command_table(command, NULL, own)))
        if (own++ == index) return table;
    index -= own;
    const char *subject = NULL;
    for (size_t s = 0; command->subject_at && (subject = command->subject_at(s)); s++)
        for (size_t i = 0; (table = command->setting_table(subject, i)); i++)
            if (index-- == 0) return table;
    return NULL;
}

static bool seen_before(const elbo_command *command, size_t table_index, size_t row_index, const char *name) {
    const elbo_options *table = NULL;
    for (size_t t = 0; t <= table_index && (table = any_table(command, t)); t++) {
        size_t end = t == table_index ? row_index : table->count;
        for (size_t r = 0; r < end; r++)
            if (strcmp(table->rows[r].name, name) == 0) return true;
    }
    return false;
}

bool elbo_cli_complete_option(const elbo_command *command, size_t index, const elbo_option **row) {
    const elbo_options *table = NULL;
    for (size_t t = 0; (table = any_table(command, t)); t++)
        for (size_t r = 0; r < table->count; r++) {
            if (seen_before(command, t, r, table->rows[r].name) || index-- != 0) continue;
            *row = &table->rows[r];
            return true;
        }
    return false;
}

/* ---- Values ---- */

elbo_cli_complete_kind elbo_cli_complete_value(const elbo_command *command, const elbo_option *row) {
    if (row->type == ELBO_OPTION_CHOICE) return ELBO_CLI_COMPLETE_WORDS;
    if (row->type != ELBO_OPTION_TEXT) return ELBO_CLI_COMPLETE_NOTHING;
    const char *placeholder = elbo_cli_text_placeholder(command, row);
    if (strcmp(placeholder, "DIR") == 0) return ELBO_CLI_COMPLETE_FOLDERS;
    return ELBO_CLI_COMPLETE_FILES;
}

void elbo_cli_complete_choices(const elbo_option *row, char *out, size_t size) {
    snprintf(out, size, "%s", row->choices);
    for (char *at = out; *at; at++)
        if (*at == '|') *at = ' ';
}

static void add_word(char *out, size_t size, const char *word) {
    size_t used = strlen(out);
    snprintf(out + used, size - used, "%s%s", used ? " " : "", word);
}

void elbo_cli_complete_words(const elbo_command *command, char *out, size_t size) {
    *out = 0;
    for (const elbo_command *const *below = command->subcommands; below && *below; below++)
        add_word(out, size, (*below)->name);
    for (const elbo_argument *argument = command->arguments; argument && argument->name; argument++) {
        const char *word = NULL;
        for (size_t i = 0; argument->word_at && (word = argument->word_at(i)); i++) add_word(out, size, word);
    }
}

elbo_cli_complete_kind elbo_cli_complete_paths(const elbo_command *command) {
    elbo_cli_complete_kind kind = ELBO_CLI_COMPLETE_NOTHING;
    for (const elbo_argument *argument = command->arguments; argument && argument->name; argument++) {
        if (argument->kind == ELBO_ARGUMENT_FILE || argument->kind == ELBO_ARGUMENT_SOURCE)
            return ELBO_CLI_COMPLETE_FILES;
        if (argument->kind == ELBO_ARGUMENT_FOLDER) kind = ELBO_CLI_COMPLETE_FOLDERS;
    }
    return kind;
}
