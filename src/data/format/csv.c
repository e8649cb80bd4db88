/* CSV as in RFC 4180: quoted cells with doubled quotes, LF or CRLF; separators are ',', ';' or a tab, found in the
 * first record; a UTF-8 byte order mark is skipped.  The first record is a header if a cell that should hold a number
 * does not, or if an option names a column by it.  A column headed "label" holds the labels unless options say
 * otherwise. */
#include <ctype.h>
#include <locale.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/labels.h"
#include "data/number.h"

enum { BUFFER = 64 * 1024, MOST_COLUMNS = 1 << 24 };

typedef struct csv_cell {
    size_t text; /* offset in the record's text */
    int64_t line;
} csv_cell;

typedef struct csv_source {
    elbo_reader reader;
    char *buffer;
    size_t start, end;
    int64_t line; /* of the next character, from 1 */
    char separator;
    locale_t plain;
    char *text; /* the record's cells, each with a zero behind it */
    size_t used, room;
    csv_cell *cells;
    size_t count, cell_room;
} csv_source;

/* ---- records ---- */

static elbo_status refill(csv_source *csv, elbo_error *error) {
    csv->start = 0;
    return elbo_reader_some(&csv->reader, csv->buffer, BUFFER, &csv->end, error);
}

/* Puts the next character, or -1 at the end, into *next without taking it. */
static elbo_status look(csv_source *csv, int *next, elbo_error *error) {
    if (csv->start == csv->end) ELBO_TRY(refill(csv, error));
    *next = csv->start == csv->end ? -1 : (unsigned char)csv->buffer[csv->start];
    return ELBO_OK;
}

static elbo_status put_character(csv_source *csv, int character, elbo_error *error) {
    if (csv->used == csv->room) {
        size_t room = csv->room ? csv->room * 2 : 4096;
        char *text = elbo_grow(csv->text, csv->used, room);
        if (!text) return elbo_fail_memory(error, room, "a CSV record");
        csv->text = text;
        csv->room = room;
    }
    csv->text[csv->used++] = (char)character;
    return ELBO_OK;
}

static elbo_status begin_cell(csv_source *csv, elbo_error *error) {
    if (csv->count == csv->cell_room) {
        if (csv->count >= MOST_COLUMNS)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: line %lld has more than %d cells", csv->reader.name,
                             (long long)csv->line, MOST_COLUMNS);
        size_t room = csv->cell_room ? csv->cell_room * 2 : 256;
        csv_cell *cells = elbo_grow(csv->cells, csv->count * sizeof *cells, room * sizeof *cells);
        if (!cells) return elbo_fail_memory(error, room * sizeof *cells, "a CSV record");
        csv->cells = cells;
        csv->cell_room = room;
    }
    csv->cells[csv->count++] = (csv_cell){csv->used, csv->line};
    return ELBO_OK;
}

static elbo_status read_quoted(csv_source *csv, elbo_error *error) {
    int64_t first_line = csv->line;
    for (csv->start++;;) {
        int next;
        ELBO_TRY(look(csv, &next, error));
        if (next < 0)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the quote opened in line %lld, column %zu is never closed",
                             csv->reader.name, (long long)first_line, csv->count);
        csv->start++;
        if (next == '\n') csv->line++;
        if (next == '"') {
            ELBO_TRY(look(csv, &next, error));
            if (next != '"') break;
            csv->start++;
        }
        ELBO_TRY(put_character(csv, next, error));
    }
    int next;
    ELBO_TRY(look(csv, &next, error));
    if (next < 0 || next == csv->separator || next == '\r' || next == '\n') return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: line %lld, column %zu: text behind the closing quote",
                     csv->reader.name, (long long)csv->line, csv->count);
}

static elbo_status read_plain(csv_source *csv, elbo_error *error) {
    for (;;) {
        int next;
        ELBO_TRY(look(csv, &next, error));
        if (next < 0 || next == csv->separator || next == '\r' || next == '\n') return ELBO_OK;
        if (next == 0)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: line %lld holds a zero byte; CSV is text", csv->reader.name,
                             (long long)csv->line);
        ELBO_TRY(put_character(csv, next, error));
        csv->start++;
    }
}

static elbo_status end_line(csv_source *csv, elbo_error *error) {
    int next;
    ELBO_TRY(look(csv, &next, error));
    if (next == '\r') {
        csv->start++;
        ELBO_TRY(look(csv, &next, error));
        csv->line += next != '\n';
    }
    if (next == '\n') {
        csv->start++;
        csv->line++;
    }
    return ELBO_OK;
}

/* The next record that is not an empty line; *found is false at the end. */
static elbo_status next_record(csv_source *csv, bool *found, elbo_error *error) {
    int next;
    csv->count = csv->used = 0;
    for (;;) {
        ELBO_TRY(look(csv, &next, error));
        *found = next >= 0;
        if (!*found) return ELBO_OK;
        if (next != '\r' && next != '\n') break;
        ELBO_TRY(end_line(csv, error));
    }
    for (;;) {
        ELBO_TRY(begin_cell(csv, error));
        ELBO_TRY(look(csv, &next, error));
        ELBO_TRY(next == '"' ? read_quoted(csv, error) : read_plain(csv, error));
        ELBO_TRY(put_character(csv, 0, error));
        ELBO_TRY(look(csv, &next, error));
        if (next != csv->separator) return end_line(csv, error);
        csv->start++;
    }
}

static const char *cell(const csv_source *csv, size_t column) { return csv->text + csv->cells[column].text; }

/* ---- opening ---- */

/* A tab or a semicolon in the first record separates; commas may then be decimal ones, which is an error later. */
static char find_separator(const csv_source *csv) {
    bool quoted = false, semicolon = false;
    for (size_t i = csv->start; i < csv->end; i++) {
        char c = csv->buffer[i];
        if (c == '"') quoted = !quoted;
        if (quoted) continue;
        if (c == '\t') return '\t';
        if (c == ';') semicolon = true;
        if (c == '\n') break;
    }
    return semicolon ? ';' : ',';
}

static void csv_close(csv_source *csv) {
    elbo_reader_close(&csv->reader);
    if (csv->plain) freelocale(csv->plain);
    elbo_free(csv->buffer);
    elbo_free(csv->text);
    elbo_free(csv->cells);
    memset(csv, 0, sizeof *csv);
}

static elbo_status start(csv_source *csv, const char *path, elbo_error *error) {
    csv->line = 1;
    csv->plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    csv->buffer = elbo_calloc(BUFFER);
    if (!csv->buffer || !csv->plain) return elbo_fail_memory(error, BUFFER, path);
    ELBO_TRY(elbo_reader_open(&csv->reader, path, error));
    ELBO_TRY(refill(csv, error));
    if (csv->end >= 2 && (memcmp(csv->buffer, "\xff\xfe", 2) == 0 || memcmp(csv->buffer, "\xfe\xff", 2) == 0))
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s is UTF-16 text; UTF-8 was expected", path);
    if (csv->end >= 3 && memcmp(csv->buffer, "\xef\xbb\xbf", 3) == 0) csv->start = 3;
    csv->separator = find_separator(csv);
    return ELBO_OK;
}

/* Opens a file and reads its first record. */
static elbo_status csv_open(csv_source *csv, const char *path, elbo_error *error) {
    bool found;
    memset(csv, 0, sizeof *csv);
    elbo_status status = start(csv, path, error);
    if (status == ELBO_OK) status = next_record(csv, &found, error);
    if (status == ELBO_OK && !found) status = elbo_fail(error, ELBO_ERROR_FORMAT, "%s is empty", path);
    if (status != ELBO_OK) csv_close(csv);
    return status;
}

/* ---- which columns ---- */

typedef struct csv_plan {
    bool header;
    size_t width;    /* cells in every record */
    size_t *columns; /* [count] that hold values */
    size_t count;
    int64_t label; /* column, or -1 */
    char *names;   /* the header's cells, for messages; NULL without a header */
    size_t *name_at;
} csv_plan;

static void plan_clear(csv_plan *plan) {
    elbo_free(plan->columns);
    elbo_free(plan->names);
    elbo_free(plan->name_at);
}

static int64_t find_name(const csv_source *csv, const char *name, size_t length) {
    for (size_t column = 0; column < csv->count; column++)
        if (strncmp(cell(csv, column), name, length) == 0 && cell(csv, column)[length] == 0) return (int64_t)column;
    return -1;
}

static bool is_count(const char *text, size_t length) {
    for (size_t i = 0; i < length; i++)
        if (!isdigit((unsigned char)text[i])) return false;
    return length > 0 && length < 9;
}

/* Splits "3", "3-7" or "3-" (to the last of `count`) into first and last, counted from 1. */
static bool is_range(const char *item, size_t length, size_t count, size_t *first, size_t *last) {
    const char *dash = memchr(item, '-', length);
    size_t head = dash ? (size_t)(dash - item) : length;
    bool open = dash && head + 1 == length;
    if (!is_count(item, head) || (dash && !open && !is_count(dash + 1, length - head - 1))) return false;
    *first = (size_t)strtoul(item, NULL, 10);
    *last = open ? count : dash ? (size_t)strtoul(dash + 1, NULL, 10) : *first;
    return true;
}

static elbo_status no_column(const csv_source *csv, const char *item, size_t length, elbo_error *error) {
    char names[400];
    size_t used = 0;
    for (size_t column = 0; column < csv->count && used + 1 < sizeof names; column++) {
        int added = snprintf(names + used, sizeof names - used, "%s%s", column ? ", " : "", cell(csv, column));
        used += added > 0 ? (size_t)added : 0;
    }
    return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no column '%.*s'; expected a number from 1 to %zu or one of: %s",
                     csv->reader.name, (int)(length < 80 ? length : 80), item, csv->count, names);
}

/* One item of the option: a name of the header, a number or a range of numbers. */
static elbo_status add_columns(csv_plan *plan, const csv_source *csv, const char *item, size_t length, bool names_known,
                               elbo_error *error) {
    size_t first, last;
    bool range = is_range(item, length, csv->count, &first, &last);
    int64_t named = !range || names_known ? find_name(csv, item, length) : -1;
    if (named >= 0)
        first = last = (size_t)named + 1;
    else if (!range || first < 1 || last < first || last > csv->count)
        return no_column(csv, item, length, error);
    if (!range) plan->header = true;
    size_t *columns =
        elbo_grow(plan->columns, plan->count * sizeof *columns, (plan->count + last - first + 1) * sizeof *columns);
    if (!columns) return elbo_fail_memory(error, (last - first + 1) * sizeof *columns, "columns");
    plan->columns = columns;
    for (size_t column = first; column <= last; column++) columns[plan->count++] = column - 1;
    return ELBO_OK;
}

static elbo_status choose_columns(csv_plan *plan, const csv_source *csv, const char *text, bool names_known,
                                  elbo_error *error) {
    plan->count = 0;
    while (*text) {
        size_t length = strcspn(text, ",");
        ELBO_TRY(add_columns(plan, csv, text, length, names_known, error));
        text += length + (text[length] == ',');
    }
    return ELBO_OK;
}

/* Every column but that of the labels. */
static elbo_status choose_all(csv_plan *plan, const csv_source *csv, elbo_error *error) {
    elbo_free(plan->columns);
    plan->count = 0;
    plan->columns = elbo_calloc(csv->count * sizeof *plan->columns);
    if (!plan->columns) return elbo_fail_memory(error, csv->count * sizeof *plan->columns, "columns");
    for (size_t column = 0; column < csv->count; column++)
        if ((int64_t)column != plan->label) plan->columns[plan->count++] = column;
    return ELBO_OK;
}

/* The label column by name or number; none if the option names a file. */
static elbo_status choose_label(csv_plan *plan, const csv_source *csv, const char *labels, bool names_known,
                                elbo_error *error) {
    size_t length = strlen(labels);
    bool number = is_count(labels, length);
    plan->label = -1;
    if (!length) return ELBO_OK;
    if (!number || names_known) plan->label = find_name(csv, labels, length);
    if (plan->label >= 0) {
        if (!number) plan->header = true;
        return ELBO_OK;
    }
    if (number && atoi(labels) >= 1 && (size_t)atoi(labels) <= csv->count) {
        plan->label = atoi(labels) - 1;
        return ELBO_OK;
    }
    elbo_location location;
    ELBO_TRY(elbo_location_split(&location, labels, error));
    bool file = access(location.path, F_OK) == 0;
    elbo_location_clear(&location);
    return file ? ELBO_OK : no_column(csv, labels, length, error);
}

/* A value column whose first cell is text tells that the first record is a header. */
static bool looks_like_header(const csv_plan *plan, const csv_source *csv) {
    for (size_t i = 0; i < plan->count; i++) {
        const char *text = cell(csv, plan->columns[i]);
        double value;
        if ((int64_t)plan->columns[i] != plan->label && *text && !elbo_text_number(text, csv->plain, &value))
            return true;
    }
    return false;
}

static elbo_status keep_names(csv_plan *plan, const csv_source *csv, elbo_error *error) {
    plan->names = elbo_calloc(csv->used + 1);
    plan->name_at = elbo_calloc(csv->count * sizeof *plan->name_at);
    if (!plan->names || !plan->name_at) return elbo_fail_memory(error, csv->used, "column names");
    memcpy(plan->names, csv->text, csv->used);
    for (size_t column = 0; column < csv->count; column++) plan->name_at[column] = csv->cells[column].text;
    return ELBO_OK;
}

/* Decides on header and columns from the first record, which lies in the source. */
static elbo_status make_plan(csv_plan *plan, const csv_source *csv, const char *columns, const char *labels,
                             elbo_error *error) {
    plan->width = csv->count;
    /* Names first as far as they cannot be numbers; then, if there is a header, once more with it known. */
    for (int pass = 0; pass < 2; pass++) {
        ELBO_TRY(choose_label(plan, csv, labels, pass > 0, error));
        ELBO_TRY(*columns ? choose_columns(plan, csv, columns, pass > 0, error) : choose_all(plan, csv, error));
        if (!plan->header) plan->header = looks_like_header(plan, csv);
        if (!plan->header) break;
    }
    if (plan->header && !*labels && !*columns) {
        for (size_t column = 0; column < csv->count; column++)
            if (strcasecmp(cell(csv, column), "label") == 0) plan->label = (int64_t)column;
        ELBO_TRY(choose_all(plan, csv, error));
    }
    if (plan->count == 0) return elbo_fail(error, ELBO_ERROR_FORMAT, "%s has no column of values", csv->reader.name);
    return plan->header ? keep_names(plan, csv, error) : ELBO_OK;
}

/* ---- values ---- */

static elbo_status bad_cell(const csv_source *csv, const csv_plan *plan, size_t column, elbo_error *error) {
    const char *text = cell(csv, column), *name = plan->names ? plan->names + plan->name_at[column] : "";
    char where[200];
    snprintf(where, sizeof where, "line %lld, column %zu%s%.60s%s", (long long)csv->cells[column].line, column + 1,
             *name ? " (" : "", name, *name ? ")" : "");
    double value;
    if (elbo_text_number(text, csv->plain, &value))
        return elbo_fail(error, ELBO_ERROR_NUMERIC, "%s: %s holds %.40s; a finite number was expected",
                         csv->reader.name, where, text);
    if (!*text)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: %s is empty; a number was expected", csv->reader.name, where);
    return elbo_fail(error, ELBO_ERROR_FORMAT,
                     "%s: %s holds \"%.40s\"; a number was expected (the options columns and labels choose columns)",
                     csv->reader.name, where, text);
}

static elbo_status check_width(const csv_source *csv, size_t width, elbo_error *error) {
    if (csv->count == width) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: line %lld has %zu cells; the first record has %zu",
                     csv->reader.name, (long long)csv->cells[0].line, csv->count, width);
}

static elbo_status label_cell(elbo_classes *classes, const csv_source *csv, size_t column, int32_t *code,
                              elbo_error *error) {
    const char *text = cell(csv, column);
    if (!*text)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: line %lld, column %zu: the label is empty", csv->reader.name,
                         (long long)csv->cells[column].line, column + 1);
    elbo_status status = elbo_classes_code(classes, text, code, error);
    return status == ELBO_OK ? ELBO_OK
                             : elbo_fail_context(error, status, "%s: column %zu", csv->reader.name, column + 1);
}

static elbo_status add_row(const csv_source *csv, const csv_plan *plan, elbo_block *values, elbo_block *labels,
                           elbo_classes *classes, elbo_error *error) {
    ELBO_TRY(check_width(csv, plan->width, error));
    ELBO_TRY(elbo_block_reserve(values, plan->count * sizeof(float), false, error));
    float *row = (float *)((char *)values->data + values->used);
    for (size_t i = 0; i < plan->count; i++) {
        double value;
        if (!elbo_text_number(cell(csv, plan->columns[i]), csv->plain, &value) || !isfinite((float)value))
            return bad_cell(csv, plan, plan->columns[i], error);
        row[i] = (float)value;
    }
    values->used += plan->count * sizeof(float);
    if (plan->label < 0) return ELBO_OK;
    ELBO_TRY(elbo_block_reserve(labels, sizeof(int32_t), false, error));
    ELBO_TRY(label_cell(classes, csv, (size_t)plan->label, (int32_t *)((char *)labels->data + labels->used), error));
    labels->used += sizeof(int32_t);
    return ELBO_OK;
}

static elbo_status finish_table(elbo_table *table, const csv_plan *plan, int64_t rows, elbo_block *values,
                                elbo_block *labels, elbo_classes *classes, elbo_error *error) {
    const int64_t shape[2] = {rows, (int64_t)plan->count};
    ELBO_TRY(elbo_block_array(values, ELBO_F32, 2, shape, &table->values, error));
    if (plan->label < 0) return ELBO_OK;
    ELBO_TRY(elbo_block_array(labels, ELBO_I32, 1, shape, &table->labels, error));
    return elbo_classes_finish(classes, table, error);
}

static elbo_status read_rows(elbo_table *table, csv_source *csv, const csv_plan *plan, elbo_error *error) {
    elbo_block values = {0}, labels = {0};
    elbo_classes classes = {0};
    int64_t rows = 0;
    bool found = !plan->header;
    elbo_status status = plan->header ? next_record(csv, &found, error) : ELBO_OK;
    while (status == ELBO_OK && found) {
        status = add_row(csv, plan, &values, &labels, &classes, error);
        rows++;
        if (status == ELBO_OK) status = next_record(csv, &found, error);
    }
    if (status == ELBO_OK) status = finish_table(table, plan, rows, &values, &labels, &classes, error);
    elbo_classes_clear(&classes);
    elbo_free(values.data);
    elbo_free(labels.data);
    return status;
}

static elbo_status read_columns(elbo_table *table, const char *path, const char *columns, const char *labels,
                                elbo_error *error) {
    csv_source csv;
    csv_plan plan = {.label = -1};
    ELBO_TRY(csv_open(&csv, path, error));
    elbo_status status = make_plan(&plan, &csv, columns, labels, error);
    if (status == ELBO_OK) status = read_rows(table, &csv, &plan, error);
    plan_clear(&plan);
    csv_close(&csv);
    return status;
}

elbo_status elbo_csv_load(elbo_array *array, const char *path, elbo_error *error) {
    elbo_table table = {.train_rows = -1};
    /* All columns, also one that is headed "label". */
    elbo_status status = read_columns(&table, path, "1-", "", error);
    *array = table.values;
    return status;
}

/* ---- labels alone ---- */

static elbo_status label_column(const csv_source *csv, const char *key, size_t *column, bool *header,
                                elbo_error *error) {
    csv_plan plan = {.label = -1};
    *column = 0;
    if (!key && csv->count == 1) return ELBO_OK;
    if (!key)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "%s has %zu columns; which holds the labels? Name it as FILE.csv#NAME "
                         "or FILE.csv#NUMBER",
                         csv->reader.name, csv->count);
    ELBO_TRY(choose_label(&plan, csv, key, false, error));
    if (plan.label < 0) return no_column(csv, key, strlen(key), error);
    *column = (size_t)plan.label;
    *header = plan.header;
    return ELBO_OK;
}

/* Codes every record into codes[1..]; the first record's text goes to codes[0], as it may be a header. */
static elbo_status code_labels(csv_source *csv, size_t column, bool header, int32_t *codes, int64_t rows,
                               elbo_classes *classes, int64_t *records, elbo_error *error) {
    size_t width = csv->count;
    char *first = elbo_strdup(cell(csv, column));
    if (!first) return elbo_fail_memory(error, 1, "a label");
    bool found = true;
    elbo_status status = ELBO_OK;
    for (*records = 0; status == ELBO_OK; ++*records) {
        status = next_record(csv, &found, error);
        if (status != ELBO_OK || !found) break;
        int32_t code;
        status = check_width(csv, width, error);
        if (status == ELBO_OK) status = label_cell(classes, csv, column, &code, error);
        if (status == ELBO_OK && *records < rows) codes[*records + 1] = code;
    }
    if (status == ELBO_OK && !header && *records + 1 == rows) {
        status = elbo_classes_code(classes, first, &codes[0], error);
        ++*records;
    } else if (status == ELBO_OK) {
        memmove(codes, codes + 1, (size_t)rows * sizeof *codes);
    }
    elbo_free(first);
    return status;
}

elbo_status elbo_csv_labels(elbo_table *table, const char *path, const char *key, int64_t rows, elbo_error *error) {
    csv_source csv;
    elbo_classes classes = {0};
    size_t column;
    bool header = false;
    int64_t records = 0;
    ELBO_TRY(csv_open(&csv, path, error));
    const int64_t room = rows + 1;
    elbo_status status = label_column(&csv, key, &column, &header, error);
    if (status == ELBO_OK) status = elbo_array_new(&table->labels, ELBO_I32, 1, &room, error);
    if (status == ELBO_OK)
        status = code_labels(&csv, column, header, table->labels.data, rows, &classes, &records, error);
    if (status == ELBO_OK && records != rows)
        status = elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds %lld labels, but there are %lld rows", path,
                           (long long)records, (long long)rows);
    table->labels.shape[0] = rows;
    if (status == ELBO_OK) status = elbo_classes_finish(&classes, table, error);
    elbo_classes_clear(&classes);
    csv_close(&csv);
    return status;
}

/* ---- the format ---- */

static elbo_status read_table(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                              elbo_error *error) {
    if (key)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s#%s: the option columns chooses columns of a CSV file", path, key);
    return read_columns(table, path, options->columns, options->labels, error);
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    return !is_folder && elbo_path_ends(path, ELBO_CSV_ENDINGS);
}

static bool claims_output(const char *to) { return elbo_path_ends(to, ".csv|.csv.gz"); }

static elbo_status write_table(const elbo_table *table, const char *path, const char *key, elbo_error *error) {
    if (key) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: a CSV file has no part called '#%s'", path, key);
    return elbo_csv_write(&table->values, table, path, error);
}

const struct elbo_format elbo_format_csv = {
    .name = "csv",
    .description = "CSV: numbers with or without a header, separated by comma, semicolon or tab, gzipped or not",
    .claims = claims,
    .read = read_table,
    .write = write_table,
    .claims_output = claims_output,
};
