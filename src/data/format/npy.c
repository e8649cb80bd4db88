/* NPY, the array format of NumPy: versions 1 to 3, both byte orders, C and Fortran order.
 *
 * Files of at least MAPPED bytes whose values need no change are mapped, so that data larger than memory work. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/number.h"

enum { MAPPED = 16 * 1024 * 1024, MOST_HEADER = 1024 * 1024 };

typedef struct npy_header {
    elbo_number number;
    bool has_descr, has_order, has_shape, columns_first;
    int rank;
    int64_t shape[ELBO_MAX_RANK];
} npy_header;

/* ---- the header, a Python dictionary ---- */

static void skip_blanks(const char **at) { *at += strspn(*at, " \t\r\n"); }

static bool take(const char **at, char wanted) {
    skip_blanks(at);
    if (**at != wanted) return false;
    ++*at;
    return true;
}

static bool take_text(const char **at, char *text, size_t size) {
    skip_blanks(at);
    char quote = **at;
    if (quote != '\'' && quote != '"') return false;
    const char *end = strchr(*at + 1, quote);
    if (!end || (size_t)(end - *at - 1) >= size) return false;
    memcpy(text, *at + 1, (size_t)(end - *at - 1));
    text[end - *at - 1] = 0;
    *at = end + 1;
    return true;
}

static bool take_length(const char **at, int64_t *length) {
    skip_blanks(at);
    if (**at < '0' || **at > '9') return false;
    *length = 0;
    for (; **at >= '0' && **at <= '9'; ++*at) {
        if (*length > (INT64_MAX - 9) / 10) return false;
        *length = *length * 10 + (**at - '0');
    }
    if (**at == 'L') ++*at; /* Python 2 wrote its long integers so */
    return true;
}

static elbo_status parse_descr(npy_header *header, const char **at, const char *name, elbo_error *error) {
    char text[32];
    skip_blanks(at);
    if (**at == '[')
        return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                         "%s: a structured NPY array; a plain array of numbers was "
                         "expected",
                         name);
    if (!take_text(at, text, sizeof text))
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the NPY header names no type behind 'descr'", name);
    char order = strchr("<>=|", text[0]) ? text[0] : '=';
    const char *type = text[0] && strchr("<>=|", text[0]) ? text + 1 : text;
    static const char *const known[] = {"b1", "u1", "i1", "u2", "i2", "f2", "u4", "i4", "f4", "u8", "i8", "f8", "?"};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        if (strcmp(type, known[i]) != 0) continue;
        header->number.kind = *type == '?' ? 'b' : *type;
        header->number.size = *type == '?' ? 1 : type[1] - '0';
        header->number.swapped = header->number.size > 1 &&
                                 ((order == '<' && !elbo_little_endian()) || (order == '>' && elbo_little_endian()));
        header->has_descr = true;
        return ELBO_OK;
    }
    return elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                     "%s: NPY type '%s' cannot be read; expected one of b1 u1 i1 u2 i2 f2 u4 i4 f4 u8 i8 f8", name,
                     text);
}

static elbo_status parse_shape(npy_header *header, const char **at, const char *name, elbo_error *error) {
    bool good = take(at, '(');
    while (good && !take(at, ')')) {
        if (header->rank == ELBO_MAX_RANK)
            return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s: the array has more than %d axes", name, ELBO_MAX_RANK);
        good = take_length(at, &header->shape[header->rank]);
        header->rank++;
        if (good && !take(at, ',')) {
            good = take(at, ')');
            break;
        }
    }
    header->has_shape = good;
    return good ? ELBO_OK
                : elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the NPY header holds no shape such as (60000, 784)", name);
}

static elbo_status parse_order(npy_header *header, const char **at, const char *name, elbo_error *error) {
    skip_blanks(at);
    header->columns_first = strncmp(*at, "True", 4) == 0;
    if (!header->columns_first && strncmp(*at, "False", 5) != 0)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: 'fortran_order' of the NPY header is neither True nor False",
                         name);
    *at += header->columns_first ? 4 : 5;
    header->has_order = true;
    return ELBO_OK;
}

static elbo_status parse_header(npy_header *header, const char *text, const char *name, elbo_error *error) {
    const char *at = text;
    bool good = take(&at, '{');
    while (good && !take(&at, '}')) {
        char key[32];
        good = take_text(&at, key, sizeof key) && take(&at, ':');
        if (!good) break;
        if (strcmp(key, "descr") == 0 && !header->has_descr)
            ELBO_TRY(parse_descr(header, &at, name, error));
        else if (strcmp(key, "fortran_order") == 0 && !header->has_order)
            ELBO_TRY(parse_order(header, &at, name, error));
        else if (strcmp(key, "shape") == 0 && !header->has_shape)
            ELBO_TRY(parse_shape(header, &at, name, error));
        else
            good = false;
        if (good && !take(&at, ',')) {
            good = take(&at, '}');
            break;
        }
    }
    skip_blanks(&at);
    if (good && *at == 0 && header->has_descr && header->has_order && header->has_shape) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT,
                     "%s: damaged NPY header: {'descr': ..., 'fortran_order': ..., 'shape': ...} was expected, found "
                     "\"%.60s\"",
                     name, text);
}

static elbo_status read_header(npy_header *header, elbo_reader *reader, elbo_error *error) {
    unsigned char start[12];
    memset(header, 0, sizeof *header);
    ELBO_TRY(elbo_reader_exactly(reader, start, 8, "an NPY header", error));
    if (memcmp(start, "\x93NUMPY", 6) != 0)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: no NPY file: it does not begin with \\x93NUMPY", reader->name);
    if (start[6] < 1 || start[6] > 3)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: NPY version %d at offset 6; versions 1 to 3 are known",
                         reader->name, start[6]);
    size_t width = start[6] == 1 ? 2 : 4, length = 0;
    ELBO_TRY(elbo_reader_exactly(reader, start + 8, width, "an NPY header", error));
    for (size_t byte = width; byte-- > 0;) length = length << 8 | start[8 + byte];
    if (length > MOST_HEADER)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: an NPY header of %zu bytes at offset 8; at most %d are "
                         "plausible",
                         reader->name, length, MOST_HEADER);
    ELBO_TRY(elbo_reader_expect(reader, length, "the NPY header's length", error));
    char *text = elbo_calloc(length + 1);
    if (!text) return elbo_fail_memory(error, length, "an NPY header");
    elbo_status status = elbo_reader_exactly(reader, text, length, "the NPY header", error);
    if (status == ELBO_OK) status = parse_header(header, text, reader->name, error);
    elbo_free(text);
    return status;
}

/* ---- the values ---- */

static void release_mapping(elbo_array *array) { (void)munmap(array->owner, array->mapped_bytes); }

/* False where the file cannot be mapped; it is then read. */
static bool map_values(elbo_array *array, const npy_header *header, const elbo_reader *reader, const char *path,
                       uint64_t bytes) {
    size_t whole = (size_t)reader->limit;
    if (!path || !reader->exact || bytes < MAPPED || reader->offset + (int64_t)bytes != reader->limit ||
        reader->offset % header->number.size != 0)
        return false;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) return false;
    struct stat about;
    void *start = MAP_FAILED;
    if (fstat(descriptor, &about) == 0 && about.st_size == reader->limit)
        start = mmap(NULL, whole, PROT_READ, MAP_PRIVATE, descriptor, 0);
    close(descriptor);
    if (start == MAP_FAILED) return false;
    memset(array, 0, sizeof *array);
    array->dtype = elbo_number_narrow(header->number);
    array->rank = header->rank;
    memcpy(array->shape, header->shape, sizeof array->shape);
    array->owner = start;
    array->mapped_bytes = whole;
    array->data = (char *)start + reader->offset;
    array->release = release_mapping;
    return true;
}

elbo_status elbo_npy_read(elbo_array *array, elbo_reader *reader, const char *path, bool wide, elbo_error *error) {
    npy_header header;
    uint64_t bytes;
    ELBO_TRY(read_header(&header, reader, error));
    ELBO_TRY(elbo_shape_bytes(reader->name, header.rank, header.shape, header.number.size, &bytes, error));
    bool unchanged = !header.columns_first && !header.number.swapped &&
                     ((header.number.kind == 'u' && header.number.size == 1) ||
                      (header.number.kind == 'f' && header.number.size == 4));
    if (unchanged && map_values(array, &header, reader, path, bytes)) return ELBO_OK;
    ELBO_TRY(elbo_numbers_read(reader, header.number, header.rank, header.shape, wide, array, error));
    elbo_status status = elbo_reader_end(reader, error);
    if (status == ELBO_OK && header.columns_first) status = elbo_array_from_columns(array, error);
    if (status != ELBO_OK) elbo_array_free(array);
    return status;
}

static elbo_status read_path(elbo_array *array, const char *path, bool wide, elbo_error *error) {
    elbo_reader reader;
    ELBO_TRY(elbo_reader_open(&reader, path, error));
    elbo_status status = elbo_npy_read(array, &reader, path, wide, error);
    elbo_reader_close(&reader);
    return status;
}

elbo_status elbo_npy_load(elbo_array *array, const char *path, elbo_error *error) {
    return read_path(array, path, true, error);
}

/* ---- writing ---- */

elbo_status elbo_npy_header(const elbo_array *array, char **header, size_t *length, elbo_error *error) {
    static const char *const types[] = {
        [ELBO_F32] = "f4", [ELBO_F64] = "f8", [ELBO_U8] = "u1", [ELBO_I32] = "i4", [ELBO_BF16] = "f4"};
    char shape[ELBO_MAX_RANK * 24] = "", text[512];
    size_t used = 0;
    for (int axis = 0; axis < array->rank; axis++)
        used += (size_t)snprintf(shape + used, sizeof shape - used, axis ? ", %lld" : "%lld",
                                 (long long)array->shape[axis]);
    int written = snprintf(text, sizeof text, "{'descr': '%c%s', 'fortran_order': False, 'shape': (%s%s), }",
                           array->dtype == ELBO_U8 ? '|'
                           : elbo_little_endian()  ? '<'
                                                   : '>',
                           types[array->dtype], shape, array->rank == 1 ? "," : "");
    /* The values start at a multiple of 64; blanks and one line end fill the header up to there. */
    size_t total = (10 + (size_t)written + 1 + 63) / 64 * 64, inside = total - 10;
    *header = elbo_calloc(total + 1);
    if (!*header) return elbo_fail_memory(error, total, "an NPY header");
    memcpy(*header, "\x93NUMPY\1\0", 8);
    (*header)[8] = (char)(inside & 255);
    (*header)[9] = (char)(inside >> 8);
    memset(*header + 10, ' ', inside);
    memcpy(*header + 10, text, (size_t)written);
    (*header)[total - 1] = '\n';
    *length = total;
    return ELBO_OK;
}

elbo_status elbo_npy_save(const elbo_array *array, const char *path, elbo_error *error) {
    char *header;
    size_t length;
    elbo_writer writer;
    ELBO_TRY(elbo_npy_header(array, &header, &length, error));
    elbo_status status = elbo_writer_begin(&writer, path, false, error);
    if (status == ELBO_OK) {
        status = elbo_writer_put(&writer, header, length, error);
        if (status == ELBO_OK)
            status = elbo_writer_put(&writer, array->data,
                                     (size_t)elbo_array_count(array) * elbo_dtype_size(array->dtype), error);
        status = elbo_writer_end(&writer, status, error);
    }
    elbo_free(header);
    return status;
}

/* ---- the format ---- */

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    char start[6];
    if (is_folder) return false;
    return elbo_path_ends(path, ".npy|.npy.gz") ||
           (elbo_peek(path, start, sizeof start) == sizeof start && memcmp(start, "\x93NUMPY", 6) == 0);
}

static elbo_status read_table(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                              elbo_error *error) {
    (void)options;
    if (key)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s holds a single array; '#%s' has no meaning there", path, key);
    return read_path(&table->values, path, false, error);
}

static elbo_status write_table(const elbo_table *table, const char *path, const char *key, elbo_error *error) {
    if (key)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s holds a single array; '#%s' has no meaning there", path, key);
    return elbo_npy_save(&table->values, path, error);
}

static bool claims_output(const char *to) { return elbo_path_ends(to, ".npy"); }

const struct elbo_format elbo_format_npy = {
    .name = "npy",
    .description = "NPY: one array of NumPy, [rows, ...]; large ones are mapped, not read",
    .claims = claims,
    .read = read_table,
    .write = write_table,
    .claims_output = claims_output,
};
