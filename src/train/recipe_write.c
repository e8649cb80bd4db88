#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "base/file.h"
#include "train/recipe.h"
#include "train/text.h"

enum { LINE_WIDTH = 100 };

/* Whether a code point may stand as it is between double quotes or in a comment: what YAML calls printable, less the
 * line breaks and the byte order mark that a reader would treat specially. */
static bool is_printable(int32_t point) {
    if (point < 0xA0) return point >= 0x20 && point < 0x7F;
    return point != 0x2028 && point != 0x2029 && point != 0xFEFF && point != 0xFFFE && point != 0xFFFF;
}

/* Whether a text means itself without quotes, also to other YAML readers: a narrow class, with nothing in it that is
 * an indicator, a time of day or the name of null. */
static bool is_plain(const char *text) {
    static const char letters[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/.";
    static const char digits[] = "0123456789";
    static const char within[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ/.0123456789_+-:";
    size_t length = strlen(text);
    if (length == 0 || strspn(text, within) != length || text[length - 1] == ':') return false;
    if (strcasecmp(text, "null") == 0) return false;
    if (strchr(letters, text[0])) return true;
    return strchr(digits, text[text[0] == '-']) && text[text[0] == '-'] && !strchr(text, ':'); /* -1e-3 */
}

/* A list is written as one when every element is plain. */
static bool is_plain_list(const char *text) {
    char element[64];
    while (*text) {
        size_t length = strcspn(text, ",");
        if (length == 0 || length >= sizeof element) return false;
        memcpy(element, text, length);
        element[length] = 0;
        if (!is_plain(element)) return false;
        text += length;
        if (*text == ',' && *++text == 0) return false;
    }
    return true;
}

/* Both return the width in code points. */
static size_t put_list(FILE *to, const char *text) {
    size_t width = 2;
    fputc('[', to);
    for (; *text; text++, width++) {
        fputc(*text, to);
        if (*text == ',') fputc(' ', to), width++;
    }
    fputc(']', to);
    return width;
}

static size_t put_quoted(FILE *to, const char *text) {
    size_t width = 2;
    int32_t point;
    fputc('"', to);
    for (const char *start = text; (point = elbo_utf8_next(&text)) > 0; start = text) {
        if (point == '"' || point == '\\')
            width += (size_t)fprintf(to, "\\%c", (int)point);
        else if (point == '\n' || point == '\t')
            width += (size_t)fprintf(to, "\\%c", point == '\n' ? 'n' : 't');
        else if (is_printable(point))
            fwrite(start, 1, (size_t)(text - start), to), width++;
        else
            width += (size_t)fprintf(to, point < 0x100 ? "\\x%02X" : "\\U%08X", (unsigned)point);
    }
    fputc('"', to);
    return width;
}

static size_t put_value(FILE *to, const elbo_recipe_row *row) {
    if (row->list && is_plain_list(row->text)) return put_list(to, row->text);
    if (is_plain(row->text)) return (size_t)fprintf(to, "%s", row->text);
    return put_quoted(to, row->text);
}

/* A comment ends where its line does, so whatever could end the line becomes a space. */
static void put_comment(FILE *to, const char *text, size_t count) {
    const char *end = text + count;
    fputs("# ", to);
    while (text < end) {
        const char *start = text;
        int32_t point = elbo_utf8_next(&text);
        if (point <= 0) break;
        if (is_printable(point))
            fwrite(start, 1, (size_t)(text - start), to);
        else
            fputc(' ', to);
    }
}

static void put_title(FILE *to, const char *title) {
    while (*title) {
        size_t length = strcspn(title, "\n");
        put_comment(to, title, length);
        fputc('\n', to);
        title += length + (title[length] == '\n');
    }
}

/* The help stands behind the value, in a column of its own, where the line has room for it, and else above. */
static void put_row(FILE *to, const elbo_recipe_row *row) {
    const char *indent = row->section ? "  " : "";
    const size_t help_column = 34;
    size_t help_width = row->help ? strlen(row->help) + 4 : 0;
    size_t least = strlen(indent) + strlen(row->key) + 2 + strlen(row->text);
    bool above = row->help && (least > help_column ? least : help_column) + help_width > LINE_WIDTH;
    if (above) {
        fputs(indent, to);
        put_comment(to, row->help, strlen(row->help));
        fputc('\n', to);
    }
    size_t width = (size_t)fprintf(to, "%s%s: ", indent, row->key);
    width += put_value(to, row);
    if (row->help && !above) {
        do fputc(' ', to);
        while (++width < help_column);
        put_comment(to, row->help, strlen(row->help));
    }
    fputc('\n', to);
}

static bool same_section(const char *left, const char *right) {
    return left == right || (left && right && strcmp(left, right) == 0);
}

static elbo_status check_row(const char *path, const elbo_recipe_row *rows, size_t index, elbo_error *error) {
    const elbo_recipe_row *row = &rows[index];
    if (!elbo_recipe_is_key(row->key) || (row->section && !elbo_recipe_is_key(row->section)))
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: \"%s\" cannot be a key", path,
                         elbo_recipe_is_key(row->key) ? row->section : row->key);
    if (!elbo_utf8_valid(row->text) || (row->help && !elbo_utf8_valid(row->help)))
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: the text of \"%s\" is not UTF-8", path, row->key);
    bool opens = index == 0 || !same_section(row->section, rows[index - 1].section);
    for (size_t i = 0; i < index; i++) {
        if (elbo_recipe_same_key(rows[i].key, row->key))
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: \"%s\" is given twice", path, row->key);
        if (opens && row->section && same_section(rows[i].section, row->section))
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: section \"%s\" is given twice", path,
                             row->section);
        if ((row->section && !rows[i].section && elbo_recipe_same_key(rows[i].key, row->section)) ||
            (!row->section && rows[i].section && elbo_recipe_same_key(rows[i].section, row->key)))
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: \"%s\" is both a section and a key outside one",
                             path, row->section ? row->section : row->key);
    }
    return ELBO_OK;
}

elbo_status elbo_recipe_write(const char *path, const char *title, const elbo_recipe_row *rows, size_t count,
                              elbo_error *error) {
    elbo_file file;
    if (title && !elbo_utf8_valid(title))
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: the title is not UTF-8", path);
    for (size_t i = 0; i < count; i++) ELBO_TRY(check_row(path, rows, i, error));
    ELBO_TRY(elbo_file_begin(&file, path, error));
    if (title) put_title(file.stream, title);
    for (size_t i = 0; i < count; i++) {
        bool opens = !same_section(rows[i].section, i ? rows[i - 1].section : NULL);
        if (opens && (i > 0 || title)) fputc('\n', file.stream);
        if (opens && rows[i].section) fprintf(file.stream, "%s:\n", rows[i].section);
        put_row(file.stream, &rows[i]);
    }
    return elbo_file_commit(&file, error);
}
