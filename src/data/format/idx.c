/* IDX, the format of MNIST: a four-byte magic (0, 0, type, rank), big-endian lengths, big-endian values.
 *
 * A folder holds train-images, train-labels, t10k-images and t10k-labels; a single file of images finds its labels
 * beside it.  Any of them may be gzipped. */
#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/labels.h"
#include "data/number.h"

typedef struct idx_type {
    unsigned char code;
    const char *name;
    char kind;
    int size;
} idx_type;

static const idx_type types[] = {{0x08, "ubyte", 'u', 1}, {0x09, "byte", 'i', 1},  {0x0B, "short", 'i', 2},
                                 {0x0C, "int", 'i', 4},   {0x0D, "float", 'f', 4}, {0x0E, "double", 'f', 8}};
enum { TYPES = sizeof types / sizeof *types };

static const idx_type *type_of_code(int code) {
    for (int i = 0; i < TYPES; i++)
        if (types[i].code == code) return &types[i];
    return NULL;
}

/* ---- names: <stem>-idx<rank>-<type>[.gz], with '.' for the first '-' as some archives have it ---- */

typedef struct idx_name {
    size_t stem; /* length of what stands before the separator */
    char separator;
    int rank;
    const idx_type *type;
    bool compressed;
} idx_name;

static bool parse_name(const char *name, idx_name *parsed) {
    size_t length = strlen(name);
    memset(parsed, 0, sizeof *parsed);
    parsed->compressed = elbo_path_ends(name, ".gz");
    if (parsed->compressed) length -= 3;
    for (int i = 0; i < TYPES; i++) {
        size_t tail = 6 + strlen(types[i].name); /* "-idx3-" and the type */
        if (length <= tail) continue;
        const char *at = name + length - tail;
        if ((at[0] == '-' || at[0] == '.') && strncmp(at + 1, "idx", 3) == 0 && isdigit((unsigned char)at[4]) &&
            at[5] == '-' && strncmp(at + 6, types[i].name, tail - 6) == 0) {
            *parsed = (idx_name){(size_t)(at - name), at[0], at[4] - '0', &types[i], parsed->compressed};
            return true;
        }
    }
    return false;
}

/* ---- one file ---- */

typedef struct idx_header {
    const idx_type *type;
    elbo_number number;
    int rank;
    int64_t shape[ELBO_MAX_RANK];
} idx_header;

static elbo_status read_header(idx_header *header, elbo_reader *reader, elbo_error *error) {
    unsigned char magic[4], length[4];
    memset(header, 0, sizeof *header);
    ELBO_TRY(elbo_reader_exactly(reader, magic, 4, "an IDX magic number", error));
    if (magic[0] || magic[1])
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: no IDX file: two zero bytes were expected at offset 0, found %02x %02x", reader->name,
                         magic[0], magic[1]);
    header->type = type_of_code(magic[2]);
    if (!header->type)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: IDX type %02x at offset 2; expected 08, 09, 0b, 0c, 0d or 0e",
                         reader->name, magic[2]);
    if (magic[3] < 1 || magic[3] > ELBO_MAX_RANK)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: %d axes at offset 3; 1 to %d were expected", reader->name,
                         magic[3], ELBO_MAX_RANK);
    header->rank = magic[3];
    header->number =
        (elbo_number){header->type->kind, header->type->size, header->type->size > 1 && elbo_little_endian()};
    for (int axis = 0; axis < header->rank; axis++) {
        ELBO_TRY(elbo_reader_exactly(reader, length, 4, "the lengths of the axes", error));
        header->shape[axis] = (int64_t)length[0] << 24 | length[1] << 16 | length[2] << 8 | length[3];
    }
    uint64_t bytes;
    ELBO_TRY(elbo_shape_bytes(reader->name, header->rank, header->shape, header->type->size, &bytes, error));
    return elbo_reader_expect(reader, bytes, "the header", error);
}

/* Reads the values of up to two files, one behind the other: the rows of the first are the training rows. */
static elbo_status read_files(elbo_array *array, const char *const *paths, int count, bool wide, int64_t *first_rows,
                              elbo_error *error) {
    elbo_reader readers[2] = {{0}};
    idx_header headers[2];
    elbo_status status = ELBO_OK;
    for (int i = 0; i < count && status == ELBO_OK; i++) {
        status = elbo_reader_open(&readers[i], paths[i], error);
        if (status == ELBO_OK) status = read_header(&headers[i], &readers[i], error);
    }
    if (status == ELBO_OK && count == 2 &&
        (headers[0].type != headers[1].type || headers[0].rank != headers[1].rank ||
         memcmp(headers[0].shape + 1, headers[1].shape + 1, sizeof headers[0].shape - sizeof headers[0].shape[0]) != 0))
        status =
            elbo_fail(error, ELBO_ERROR_SHAPE, "%s and %s hold items of different type or shape", paths[0], paths[1]);
    if (status == ELBO_OK && count == 1) {
        status =
            elbo_numbers_read(&readers[0], headers[0].number, headers[0].rank, headers[0].shape, wide, array, error);
        if (status == ELBO_OK) *first_rows = array->shape[0];
        if (status == ELBO_OK) status = elbo_reader_end(&readers[0], error);
    } else if (status == ELBO_OK) {
        elbo_dtype dtype = wide ? elbo_number_wide(headers[0].number) : elbo_number_narrow(headers[0].number);
        int64_t shape[ELBO_MAX_RANK], item = 1;
        for (int axis = 1; axis < headers[0].rank; axis++) item *= headers[0].shape[axis];
        memcpy(shape, headers[0].shape, sizeof shape);
        shape[0] += headers[1].shape[0];
        elbo_block block = {.total = (size_t)shape[0] * (size_t)item * elbo_dtype_size(dtype)};
        for (int i = 0; i < 2 && status == ELBO_OK; i++) {
            status = elbo_block_read(&block, &readers[i], headers[i].number, headers[i].shape[0] * item, dtype, error);
            if (status == ELBO_OK) status = elbo_reader_end(&readers[i], error);
        }
        if (status == ELBO_OK) status = elbo_block_array(&block, dtype, headers[0].rank, shape, array, error);
        elbo_free(block.data);
        *first_rows = headers[0].shape[0];
    }
    for (int i = 0; i < count; i++) elbo_reader_close(&readers[i]);
    if (status != ELBO_OK) elbo_array_free(array);
    return status;
}

elbo_status elbo_idx_load(elbo_array *array, const char *path, bool wide, elbo_error *error) {
    int64_t rows;
    return read_files(array, &path, 1, wide, &rows, error);
}

/* ---- labels beside a single file ---- */

/* The name of the labels of an images file, without ".gz": "images" becomes "labels", or "-labels" is put in. */
static char *label_name(const char *path, const char *type) {
    idx_name parsed;
    const char *name = elbo_path_name(path);
    bool patterned = parse_name(name, &parsed);
    size_t stem = patterned ? parsed.stem : strlen(name) - (elbo_path_ends(name, ".gz") ? 3 : 0);
    if (!patterned) {
        if (stem < 5 || strncasecmp(name + stem - 4, ".idx", 4) != 0) return NULL;
        stem -= 4;
    }
    const char *images = NULL;
    for (const char *at = strstr(name, "images"); at && (size_t)(at - name) + 6 <= stem; at = strstr(at + 1, "images"))
        images = at;
    int before = (int)((images ? images : name + stem) - path);
    int after = images ? (int)stem - (int)(images - name) - 6 : 0;
    const char *middle = images ? "labels" : "-labels", *rest = images ? images + 6 : "";
    if (!patterned) return elbo_textf("%.*s%s%.*s.idx", before, path, middle, after, rest);
    return elbo_textf("%.*s%s%.*s%cidx1-%s", before, path, middle, after, rest, parsed.separator, type);
}

/* The existing labels file of an images file, or NULL. */
static char *find_labels(const char *path) {
    static const char *const label_types[] = {"ubyte", "int", "byte", "short"};
    for (size_t i = 0; i < sizeof label_types / sizeof *label_types; i++)
        for (int compressed = 0; compressed < 2; compressed++) {
            struct stat about;
            char *plain = label_name(path, label_types[i]);
            char *name = plain ? elbo_textf("%s%s", plain, compressed ? ".gz" : "") : NULL;
            elbo_free(plain);
            if (name && stat(name, &about) == 0 && strcmp(name, path) != 0) return name;
            elbo_free(name);
        }
    return NULL;
}

static elbo_status read_single(elbo_table *table, const char *path, const elbo_data_options *options,
                               elbo_error *error) {
    ELBO_TRY(elbo_idx_load(&table->values, path, false, error));
    char *labels_path = options && options->labels && *options->labels ? NULL : find_labels(path);
    if (!labels_path) return ELBO_OK;
    elbo_array labels = {0};
    elbo_status status = elbo_idx_load(&labels, labels_path, true, error);
    if (status == ELBO_OK) status = elbo_labels_from_array(table, &labels, table->values.shape[0], labels_path, error);
    elbo_array_free(&labels);
    elbo_free(labels_path);
    return status;
}

/* ---- a folder ---- */

enum { TRAIN_IMAGES, TEST_IMAGES, TRAIN_LABELS, TEST_LABELS, ROLES };

static const char *const roles[ROLES][2] = {[TRAIN_IMAGES] = {"train-images", "train-images"},
                                            [TEST_IMAGES] = {"t10k-images", "test-images"},
                                            [TRAIN_LABELS] = {"train-labels", "train-labels"},
                                            [TEST_LABELS] = {"t10k-labels", "test-labels"}};

/* The role of a file by its name, alone or behind a prefix ("emnist-digits-train-images-idx3-ubyte"), or -1. */
static int role_of(const char *name) {
    idx_name parsed;
    if (!parse_name(name, &parsed)) return -1;
    for (int role = 0; role < ROLES; role++)
        for (int spelling = 0; spelling < 2; spelling++) {
            size_t length = strlen(roles[role][spelling]);
            if (parsed.stem < length || strncmp(name + parsed.stem - length, roles[role][spelling], length) != 0)
                continue;
            if (parsed.stem == length || name[parsed.stem - length - 1] == '-') return role;
        }
    return -1;
}

/* Of a file and its gzipped twin the plain one is taken; other doubles are an error. */
static elbo_status keep_file(char **paths, int role, const char *folder, const char *name, elbo_error *error) {
    char *path = elbo_textf("%s/%s", folder, name);
    if (!path) return elbo_fail_memory(error, strlen(folder), "a path");
    char *old = paths[role];
    if (!old) {
        paths[role] = path;
        return ELBO_OK;
    }
    size_t old_length = strlen(old), length = strlen(path), shorter = length < old_length ? length : old_length;
    bool twins = strncmp(old, path, shorter) == 0 && strcmp((old_length > length ? old : path) + shorter, ".gz") == 0;
    elbo_status status =
        twins ? ELBO_OK
              : elbo_fail(error, ELBO_ERROR_FORMAT, "both %s and %s could be the %s", old, path, roles[role][0]);
    bool take_new = twins && length < old_length;
    paths[role] = take_new ? path : old;
    elbo_free(take_new ? old : path);
    return status;
}

static elbo_status scan_folder(char **paths, const char *folder, elbo_error *error) {
    DIR *stream = opendir(folder);
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read folder %s: %s", folder, strerror(errno));
    elbo_status status = ELBO_OK;
    for (struct dirent *entry; status == ELBO_OK && (entry = readdir(stream));) {
        int role = role_of(entry->d_name);
        if (role >= 0) status = keep_file(paths, role, folder, entry->d_name, error);
    }
    closedir(stream);
    return status;
}

static elbo_status read_roles(elbo_table *table, char **paths, const char *folder, bool own_labels, elbo_error *error) {
    if (!paths[TRAIN_IMAGES])
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: train-images-idx3-ubyte (or .gz) is missing", folder);
    int files = paths[TEST_IMAGES] ? 2 : 1;
    int64_t train_rows, train_labels;
    ELBO_TRY(read_files(&table->values, (const char *const *)paths, files, false, &train_rows, error));
    if (files == 2) table->train_rows = train_rows;
    if (!own_labels || (!paths[TRAIN_LABELS] && !paths[TEST_LABELS])) return ELBO_OK;
    if (!paths[TRAIN_LABELS] || (files == 2 && !paths[TEST_LABELS]))
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: %s-idx1-ubyte (or .gz) is missing; the other labels are there",
                         folder, paths[TRAIN_LABELS] ? "t10k-labels" : "train-labels");
    elbo_array labels = {0};
    elbo_status status =
        read_files(&labels, (const char *const *)paths + TRAIN_LABELS, files, true, &train_labels, error);
    if (status == ELBO_OK && train_labels != train_rows)
        status = elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds %lld labels, but %s holds %lld images",
                           paths[TRAIN_LABELS], (long long)train_labels, paths[TRAIN_IMAGES], (long long)train_rows);
    else if (status == ELBO_OK && labels.shape[0] != table->values.shape[0])
        status = elbo_fail(error, ELBO_ERROR_SHAPE, "%s holds %lld labels, but %s holds %lld images",
                           paths[TEST_LABELS], (long long)(labels.shape[0] - train_labels), paths[TEST_IMAGES],
                           (long long)(table->values.shape[0] - train_rows));
    if (status == ELBO_OK) status = elbo_labels_from_array(table, &labels, table->values.shape[0], folder, error);
    elbo_array_free(&labels);
    return status;
}

static elbo_status read_table(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                              elbo_error *error) {
    struct stat about;
    if (key) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: IDX has no part called '#%s'", path, key);
    if (stat(path, &about) != 0 || !S_ISDIR(about.st_mode)) return read_single(table, path, options, error);
    char *paths[ROLES] = {NULL};
    bool own_labels = !(options && options->labels && *options->labels);
    elbo_status status = scan_folder(paths, path, error);
    if (status == ELBO_OK) status = read_roles(table, paths, path, own_labels, error);
    for (int role = 0; role < ROLES; role++) elbo_free(paths[role]);
    return status;
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    idx_name parsed;
    if (is_folder) {
        char *paths[ROLES] = {NULL};
        bool found = scan_folder(paths, path, NULL) == ELBO_ERROR_FORMAT;
        for (int role = 0; role < ROLES; role++) {
            found = found || paths[role];
            elbo_free(paths[role]);
        }
        return found;
    }
    if (parse_name(elbo_path_name(path), &parsed) || elbo_path_ends(path, ".idx|.idx.gz")) return true;
    if (elbo_path_ends(path, ELBO_CSV_ENDINGS "|.npy|.npz|.mat|.png")) return false;
    unsigned char magic[4];
    return elbo_peek(path, magic, 4) == 4 && !magic[0] && !magic[1] && type_of_code(magic[2]) && magic[3] >= 1 &&
           magic[3] <= ELBO_MAX_RANK;
}

/* ---- writing ---- */

static double value_of(const elbo_array *array, int64_t index) {
    if (array->dtype == ELBO_U8) return ((const uint8_t *)array->data)[index];
    if (array->dtype == ELBO_I32) return ((const int32_t *)array->data)[index];
    return (double)((const float *)array->data)[index];
}

static bool encode(double value, const idx_type *type, unsigned char *out) {
    uint64_t bits = 0;
    if (type->kind == 'f') {
        float narrow = (float)value;
        uint32_t word;
        memcpy(&word, &narrow, 4);
        bits = word;
        if (type->size == 8) memcpy(&bits, &value, 8);
    } else {
        double least = type->kind == 'u' ? 0 : -ldexp(1, 8 * type->size - 1);
        double most = ldexp(1, 8 * type->size - (type->kind == 'i')) - 1;
        if (!(value >= least && value <= most && value == floor(value))) return false;
        bits = (uint64_t)(int64_t)value;
    }
    for (int byte = 0; byte < type->size; byte++) out[byte] = (unsigned char)(bits >> 8 * (type->size - 1 - byte));
    return true;
}

static elbo_status put_values(elbo_writer *writer, const elbo_array *array, const idx_type *type, int64_t first,
                              int64_t rows, const char *path, elbo_error *error) {
    unsigned char piece[8192];
    size_t used = 0;
    int64_t item = array->shape[0] ? elbo_array_count(array) / array->shape[0] : 0;
    for (int64_t index = first * item; index < (first + rows) * item; index++) {
        if (used + 8 > sizeof piece) {
            ELBO_TRY(elbo_writer_put(writer, piece, used, error));
            used = 0;
        }
        if (!encode(value_of(array, index), type, piece + used))
            return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: row %lld holds %g, which IDX type %s cannot hold", path,
                             (long long)(index / item), value_of(array, index), type->name);
        used += (size_t)type->size;
    }
    return elbo_writer_put(writer, piece, used, error);
}

static elbo_status write_rows(const elbo_array *array, const idx_type *type, int64_t first, int64_t rows,
                              const char *path, elbo_error *error) {
    elbo_writer writer;
    unsigned char head[4 + 4 * ELBO_MAX_RANK] = {0, 0, type->code, (unsigned char)array->rank};
    for (int axis = 0; axis < array->rank; axis++) {
        int64_t length = axis ? array->shape[axis] : rows;
        if (length > UINT32_MAX)
            return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "%s: IDX cannot hold %lld rows", path, (long long)length);
        for (int byte = 0; byte < 4; byte++) head[4 + 4 * axis + byte] = (unsigned char)(length >> 8 * (3 - byte));
    }
    ELBO_TRY(elbo_writer_begin(&writer, path, elbo_path_ends(path, ".gz"), error));
    elbo_status status = elbo_writer_put(&writer, head, 4 + 4 * (size_t)array->rank, error);
    if (status == ELBO_OK) status = put_values(&writer, array, type, first, rows, path, error);
    return elbo_writer_end(&writer, status, error);
}

static const idx_type *label_type(const elbo_table *table) { return type_of_code(table->classes <= 256 ? 0x08 : 0x0C); }

static elbo_status write_part(const elbo_table *table, const char *folder, const char *part, int64_t first,
                              int64_t rows, elbo_error *error) {
    const idx_type *type = type_of_code(table->values.dtype == ELBO_U8 ? 0x08 : 0x0D), *labels = label_type(table);
    char *path = elbo_textf("%s/%s-images-idx%d-%s", folder, part, table->values.rank, type->name);
    char *label_path = elbo_textf("%s/%s-labels-idx1-%s", folder, part, labels->name);
    elbo_status status = path && label_path ? write_rows(&table->values, type, first, rows, path, error)
                                            : elbo_fail_memory(error, strlen(folder), "a path");
    if (status == ELBO_OK && table->labels.data)
        status = write_rows(&table->labels, labels, first, rows, label_path, error);
    elbo_free(path);
    elbo_free(label_path);
    return status;
}

static elbo_status write_folder(const elbo_table *table, const char *folder, elbo_error *error) {
    int64_t rows = table->values.shape[0], train = table->train_rows < 0 ? rows : table->train_rows;
    ELBO_TRY(elbo_folder_make(folder, error));
    if (train > 0) ELBO_TRY(write_part(table, folder, "train", 0, train, error));
    return train < rows ? write_part(table, folder, "t10k", train, rows - train, error) : ELBO_OK;
}

static elbo_status write_single(const elbo_table *table, const char *path, elbo_error *error) {
    idx_name parsed;
    int64_t rows = table->values.shape[0];
    const idx_type *type = type_of_code(table->values.dtype == ELBO_U8 ? 0x08 : 0x0D);
    if (parse_name(elbo_path_name(path), &parsed)) {
        type = parsed.type;
        if (parsed.rank != table->values.rank)
            return elbo_fail(error, ELBO_ERROR_SHAPE,
                             "%s: the name says idx%d, but the array has %d axes; name it "
                             "...-idx%d-%s, or give the item's shape",
                             path, parsed.rank, table->values.rank, table->values.rank, type->name);
    }
    ELBO_TRY(write_rows(&table->values, type, 0, rows, path, error));
    if (!table->labels.data) return ELBO_OK;
    char *plain = label_name(path, label_type(table)->name);
    char *label_path = plain ? elbo_textf("%s%s", plain, elbo_path_ends(path, ".gz") ? ".gz" : "") : NULL;
    elbo_free(plain);
    if (!label_path) return elbo_fail_memory(error, strlen(path), "a path");
    elbo_status status = write_rows(&table->labels, label_type(table), 0, rows, label_path, error);
    elbo_free(label_path);
    return status;
}

static bool names_file(const char *path) {
    idx_name parsed;
    return parse_name(elbo_path_name(path), &parsed) || elbo_path_ends(path, ".idx|.idx.gz");
}

static elbo_status write_table(const elbo_table *table, const char *path, const char *key, elbo_error *error) {
    if (key) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: IDX has no part called '#%s'", path, key);
    return names_file(path) ? write_single(table, path, error) : write_folder(table, path, error);
}

static bool claims_output(const char *to) { return strncmp(to, "idx:", 4) == 0 || names_file(to); }

const struct elbo_format elbo_format_idx = {
    .name = "idx",
    .description = "IDX: MNIST's files, gzipped or not, in a folder or alone (labels beside them)",
    .claims = claims,
    .read = read_table,
    .write = write_table,
    .claims_output = claims_output,
};
