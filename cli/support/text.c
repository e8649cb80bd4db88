#include "support/text.h"

#include <math.h>
#include <string.h>

const char *elbo_cli_text_dashed(const char *name, char out[ELBO_NAME_SIZE]) {
    size_t i = 0;
    for (; name[i] && i + 1 < ELBO_NAME_SIZE; i++) out[i] = name[i] == '_' ? '-' : name[i];
    out[i] = 0;
    return out;
}

void elbo_cli_text_list(const char *(*word_at)(size_t index), char *out, size_t size) {
    size_t used = 0;
    const char *word = NULL;
    *out = 0;
    for (size_t i = 0; used < size && (word = word_at(i)); i++)
        used += (size_t)snprintf(out + used, size - used, "%s%s", i ? ", " : "", word);
}

const char *elbo_cli_text_placeholder(const elbo_command *command, const elbo_option *row) {
    const elbo_flag *flag = elbo_command_flag(command, row->name);
    if (flag && flag->placeholder) return flag->placeholder;
    switch (row->type) {
        case ELBO_OPTION_BOOL: return "";
        case ELBO_OPTION_INT: return "N";
        case ELBO_OPTION_REAL: return "X";
        case ELBO_OPTION_TEXT: return "TEXT";
        case ELBO_OPTION_CHOICE: return "WORD";
        case ELBO_OPTION_INTS: return "N,N,...";
    }
    return "";
}

void elbo_cli_text_option(const elbo_command *command, const elbo_option *row, char *out, size_t size) {
    char name[ELBO_NAME_SIZE], letter[8] = "    ";
    const elbo_flag *flag = elbo_command_flag(command, row->name);
    if (flag && flag->letter) snprintf(letter, sizeof letter, "-%c, ", flag->letter);
    elbo_cli_text_dashed(row->name, name);
    if (row->type == ELBO_OPTION_BOOL)
        snprintf(out, size, "%s--%s%s", letter, strcmp(row->initial, "true") == 0 ? "[no-]" : "", name);
    else
        snprintf(out, size, "%s--%s=%s", letter, name, elbo_cli_text_placeholder(command, row));
}

/* Bounds this far out only say that there is no bound worth naming. */
static bool worth_naming(double bound) { return fabs(bound) < 1e12; }

static void print_bounds(const elbo_option *row, char *out, size_t size) {
    bool low = worth_naming(row->minimum), high = worth_naming(row->maximum);
    const char *each = row->type == ELBO_OPTION_INTS ? "each " : "";
    *out = 0;
    if (low && high)
        snprintf(out, size, "%s%.12g to %.12g", each, row->minimum, row->maximum);
    else if (low)
        snprintf(out, size, "%sat least %.12g", each, row->minimum);
    else if (high)
        snprintf(out, size, "%sat most %.12g", each, row->maximum);
}

static void print_choices(const elbo_option *row, char *out, size_t size) {
    size_t used = 0;
    *out = 0;
    for (const char *at = row->choices; *at && used + 3 < size; at++) {
        if (*at == '|')
            out[used++] = ',', out[used++] = ' ';
        else
            out[used++] = *at;
    }
    out[used] = 0;
}

void elbo_cli_text_limits(const elbo_option *row, char *out, size_t size) {
    char limits[640] = "";
    bool numeric = row->type == ELBO_OPTION_INT || row->type == ELBO_OPTION_REAL || row->type == ELBO_OPTION_INTS;
    if (numeric) print_bounds(row, limits, sizeof limits);
    if (row->type == ELBO_OPTION_CHOICE) print_choices(row, limits, sizeof limits);
    bool with_default = row->initial[0] && row->type != ELBO_OPTION_BOOL;
    if (row->type == ELBO_OPTION_BOOL && strcmp(row->initial, "true") == 0)
        snprintf(limits, sizeof limits, "on"), with_default = true;
    if (!limits[0] && !with_default)
        *out = 0;
    else if (!with_default)
        snprintf(out, size, "[%s]", limits);
    else if (row->type == ELBO_OPTION_BOOL || !limits[0])
        snprintf(out, size, "[default %s]", row->type == ELBO_OPTION_BOOL ? limits : row->initial);
    else
        snprintf(out, size, "[%s; default %s]", limits, row->initial);
}

void elbo_cli_text_argument(const elbo_argument *argument, char *out, size_t size) {
    const char *more = argument->maximum > 1 ? "..." : "";
    snprintf(out, size, argument->minimum > 0 ? "%s%s" : "[%s%s]", argument->name, more);
}

/* Columns that a word takes: bytes that do not continue a UTF-8 character. */
static int columns(const char *word, size_t length) {
    int count = 0;
    for (size_t i = 0; i < length; i++) count += ((unsigned char)word[i] & 0xc0) != 0x80;
    return count;
}

void elbo_cli_text_wrap(FILE *stream, const char *text, int column, int indent) {
    bool fresh = true; /* nothing on this line yet */
    while (*text) {
        if (*text == '\n') {
            fputc('\n', stream);
            column = 0;
            fresh = true;
            text++;
            continue;
        }
        size_t blanks = strspn(text, " "), length = strcspn(text + blanks, " \n");
        const char *word = text + blanks;
        text = word + length;
        if (length == 0) continue;
        int wide = columns(word, length);
        if (!fresh && column + 1 + wide > ELBO_CLI_TEXT_WIDTH) {
            fputc('\n', stream);
            column = 0;
            fresh = true;
        }
        if (fresh && column < indent) {
            fprintf(stream, "%*s", indent - column, "");
            column = indent;
        }
        fprintf(stream, "%s%.*s", fresh ? "" : " ", (int)length, word);
        column += wide + (fresh ? 0 : 1);
        fresh = false;
    }
    fputc('\n', stream);
}
