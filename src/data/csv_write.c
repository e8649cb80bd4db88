#include <locale.h>
#include <math.h>
#include <stdio.h>
#include <string.h>

#include "data/format/arrays.h"

typedef struct csv_line {
    elbo_writer *writer;
    size_t used;
    char text[8192];
} csv_line;

static elbo_status flush_line(csv_line *line, elbo_error *error) {
    size_t used = line->used;
    line->used = 0;
    return elbo_writer_put(line->writer, line->text, used, error);
}

static elbo_status put_text(csv_line *line, const char *text, size_t length, elbo_error *error) {
    if (line->used + length > sizeof line->text) ELBO_TRY(flush_line(line, error));
    if (length > sizeof line->text) return elbo_writer_put(line->writer, text, length, error);
    memcpy(line->text + line->used, text, length);
    line->used += length;
    return ELBO_OK;
}

/* Quoted where the text would otherwise be taken apart or for a number with blanks. */
static elbo_status put_name(csv_line *line, const char *name, elbo_error *error) {
    if (!strpbrk(name, ",;\t\r\n\"")) return put_text(line, name, strlen(name), error);
    ELBO_TRY(put_text(line, "\"", 1, error));
    for (; *name; name++) ELBO_TRY(put_text(line, *name == '"' ? "\"\"" : name, *name == '"' ? 2 : 1, error));
    return put_text(line, "\"", 1, error);
}

/* The shortest of the forms that read back to the same value in the array's type. */
static elbo_status put_number(csv_line *line, const elbo_array *array, int64_t index, elbo_error *error) {
    double value = 0;
    int digits = 9;
    switch (array->dtype) {
        case ELBO_U8: value = ((const uint8_t *)array->data)[index]; break;
        case ELBO_I32:
            value = ((const int32_t *)array->data)[index];
            digits = 10;
            break;
        case ELBO_F32: value = (double)((const float *)array->data)[index]; break;
        case ELBO_F64:
            value = ((const double *)array->data)[index];
            digits = 17;
            break;
        case ELBO_BF16: return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "bf16 values in a CSV file");
    }
    char text[40];
    if (value >= 0 && value < 1000 && value == floor(value) && !signbit(value)) { /* most pixels and counts */
        int whole = (int)value, at = 40;
        do text[--at] = (char)('0' + whole % 10);
        while ((whole /= 10) > 0);
        return put_text(line, text + at, (size_t)(40 - at), error);
    }
    return put_text(line, text, (size_t)snprintf(text, sizeof text, "%.*g", digits, value), error);
}

static elbo_status put_header(csv_line *line, int64_t columns, bool labels, elbo_error *error) {
    for (int64_t column = 0; column < columns; column++) {
        char name[32];
        int length = snprintf(name, sizeof name, column ? ",x%lld" : "x%lld", (long long)column + 1);
        ELBO_TRY(put_text(line, name, (size_t)length, error));
    }
    return put_text(line, labels ? ",label\n" : "\n", labels ? 7 : 1, error);
}

static elbo_status put_label(csv_line *line, const elbo_table *table, int64_t row, elbo_error *error) {
    int32_t label = ((const int32_t *)table->labels.data)[row];
    char text[16];
    ELBO_TRY(put_text(line, ",", 1, error));
    if (table->class_names) return put_name(line, table->class_names[label], error);
    return put_text(line, text, (size_t)snprintf(text, sizeof text, "%d", label), error);
}

static elbo_status put_rows(csv_line *line, const elbo_array *array, const elbo_table *labelled, elbo_error *error) {
    int64_t rows = array->rank ? array->shape[0] : 1, columns = rows ? elbo_array_count(array) / rows : 0;
    bool labels = labelled && labelled->labels.data;
    if (labelled) ELBO_TRY(put_header(line, columns, labels, error));
    for (int64_t row = 0; row < rows; row++) {
        for (int64_t column = 0; column < columns; column++) {
            if (column) ELBO_TRY(put_text(line, ",", 1, error));
            ELBO_TRY(put_number(line, array, row * columns + column, error));
        }
        if (labels) ELBO_TRY(put_label(line, labelled, row, error));
        ELBO_TRY(put_text(line, "\n", 1, error));
    }
    return flush_line(line, error);
}

elbo_status elbo_csv_write(const elbo_array *array, const elbo_table *labelled, const char *path, elbo_error *error) {
    elbo_writer writer;
    /* The decimal point must not depend on the host program's locale. */
    locale_t plain = newlocale(LC_ALL_MASK, "C", (locale_t)0);
    if (!plain) return elbo_fail_memory(error, 0, "a locale");
    elbo_status status = elbo_writer_begin(&writer, path, elbo_path_ends(path, ".gz"), error);
    if (status == ELBO_OK) {
        csv_line line = {.writer = &writer};
        locale_t before = uselocale(plain);
        status = put_rows(&line, array, labelled, error);
        uselocale(before);
        status = elbo_writer_end(&writer, status, error);
    }
    freelocale(plain);
    return status;
}
