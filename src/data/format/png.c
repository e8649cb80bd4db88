/* PNG: one file, or a folder of files of one size; the names of subfolders are the labels.  Two subfolders "train" and
 * "test" and no others are the source's own splits, each with or without label folders.
 *
 * Files are taken in the order of their names (by bytes), classes by value if all are numbers.  Grey images become
 * [H,W], coloured ones (a palette too) [3,H,W]; 16 bits are scaled to 8; what is transparent is seen on white. */
#include <dirent.h>
#include <errno.h>
#include <png.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/memory.h"
#include "data/format/arrays.h"
#include "data/labels.h"
#include "data/number.h"

enum { MOST_SIDE = 65536 };
static const unsigned char signature[8] = {0x89, 'P', 'N', 'G', '\r', '\n', 0x1a, '\n'};

/* ---- what lies in a folder ---- */

typedef struct name_list {
    char **names;
    size_t count, room;
} name_list;

static elbo_status list_add(name_list *list, char *name, elbo_error *error) {
    if (name && list->count == list->room) {
        size_t room = list->room ? list->room * 2 : 64;
        char **names = elbo_grow(list->names, list->count * sizeof *names, room * sizeof *names);
        if (names) list->names = names, list->room = room;
        if (!names) elbo_free(name), name = NULL;
    }
    if (!name) return elbo_fail_memory(error, 64, "file names");
    list->names[list->count++] = name;
    return ELBO_OK;
}

static void list_clear(name_list *list) {
    for (size_t i = 0; i < list->count; i++) elbo_free(list->names[i]);
    elbo_free(list->names);
    memset(list, 0, sizeof *list);
}

static int by_bytes(const void *left, const void *right) { return strcmp(*(char *const *)left, *(char *const *)right); }

/* The names of the PNG files and of the subfolders, sorted; hidden ones do not count. */
static elbo_status list_folder(const char *folder, name_list *files, name_list *folders, elbo_error *error) {
    DIR *stream = opendir(folder);
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read folder %s: %s", folder, strerror(errno));
    elbo_status status = ELBO_OK;
    for (struct dirent *entry; status == ELBO_OK && (entry = readdir(stream));) {
        struct stat about;
        if (entry->d_name[0] == '.') continue;
        if (fstatat(dirfd(stream), entry->d_name, &about, 0) != 0) continue;
        if (S_ISDIR(about.st_mode))
            status = list_add(folders, elbo_strdup(entry->d_name), error);
        else if (elbo_path_ends(entry->d_name, ".png"))
            status = list_add(files, elbo_strdup(entry->d_name), error);
    }
    closedir(stream);
    if (files->count) qsort(files->names, files->count, sizeof *files->names, by_bytes);
    if (folders->count) qsort(folders->names, folders->count, sizeof *folders->names, by_bytes);
    return status;
}

/* ---- the rows of a source ---- */

typedef struct png_rows {
    name_list paths;
    elbo_block labels; /* i32 for each path once a labelled one is met */
    elbo_classes classes;
    bool any_labelled, any_plain;
} png_rows;

static void rows_clear(png_rows *rows) {
    list_clear(&rows->paths);
    elbo_free(rows->labels.data);
    elbo_classes_clear(&rows->classes);
}

static elbo_status add_files(png_rows *rows, const char *folder, const name_list *files, const char *label,
                             elbo_error *error) {
    int32_t code = 0;
    if (!files->count) return ELBO_OK;
    *(label ? &rows->any_labelled : &rows->any_plain) = true;
    if (rows->any_labelled && rows->any_plain)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: some PNG files lie in label folders and some do not; expected all or none", folder);
    if (label) ELBO_TRY(elbo_classes_code(&rows->classes, label, &code, error));
    for (size_t i = 0; i < files->count; i++) {
        ELBO_TRY(list_add(&rows->paths, elbo_textf("%s/%s", folder, files->names[i]), error));
        ELBO_TRY(elbo_block_reserve(&rows->labels, sizeof code, false, error));
        memcpy((char *)rows->labels.data + rows->labels.used, &code, sizeof code);
        rows->labels.used += sizeof code;
    }
    return ELBO_OK;
}

static elbo_status add_label_folder(png_rows *rows, const char *parent, const char *label, elbo_error *error) {
    name_list files = {0}, folders = {0};
    char *folder = elbo_textf("%s/%s", parent, label);
    elbo_status status =
        folder ? list_folder(folder, &files, &folders, error) : elbo_fail_memory(error, strlen(parent), "a path");
    if (status == ELBO_OK && folders.count)
        status = elbo_fail(error, ELBO_ERROR_FORMAT, "%s holds the folder %s: label folders hold PNG files only",
                           folder, folders.names[0]);
    if (status == ELBO_OK) status = add_files(rows, folder, &files, label, error);
    elbo_free(folder);
    list_clear(&files);
    list_clear(&folders);
    return status;
}

static elbo_status add_split(png_rows *rows, const char *folder, const name_list *files, const name_list *folders,
                             elbo_error *error) {
    ELBO_TRY(add_files(rows, folder, files, NULL, error));
    for (size_t i = 0; i < folders->count; i++) ELBO_TRY(add_label_folder(rows, folder, folders->names[i], error));
    return ELBO_OK;
}

static elbo_status add_named_split(png_rows *rows, const char *parent, const char *name, elbo_error *error) {
    name_list files = {0}, folders = {0};
    char *folder = elbo_textf("%s/%s", parent, name);
    elbo_status status =
        folder ? list_folder(folder, &files, &folders, error) : elbo_fail_memory(error, strlen(parent), "a path");
    if (status == ELBO_OK) status = add_split(rows, folder, &files, &folders, error);
    elbo_free(folder);
    list_clear(&files);
    list_clear(&folders);
    return status;
}

static bool listed(const name_list *list, const char *name) {
    for (size_t i = 0; i < list->count; i++)
        if (strcmp(list->names[i], name) == 0) return true;
    return false;
}

static elbo_status add_folder(png_rows *rows, const char *folder, int64_t *train_rows, elbo_error *error) {
    name_list files = {0}, folders = {0};
    elbo_status status = list_folder(folder, &files, &folders, error);
    bool splits = status == ELBO_OK && !files.count && listed(&folders, "train") && listed(&folders, "test");
    if (splits && (listed(&folders, "valid") || listed(&folders, "val") || listed(&folders, "validation")))
        status = elbo_fail(error, ELBO_ERROR_UNSUPPORTED,
                           "%s has a folder for validation beside train and test; move its "
                           "files to train and use the option valid_fraction",
                           folder);
    if (status == ELBO_OK && splits && folders.count == 2) {
        status = add_named_split(rows, folder, "train", error);
        *train_rows = (int64_t)rows->paths.count;
        if (status == ELBO_OK) status = add_named_split(rows, folder, "test", error);
    } else if (status == ELBO_OK) {
        status = add_split(rows, folder, &files, &folders, error);
    }
    if (status == ELBO_OK && !rows->paths.count)
        status = elbo_fail(error, ELBO_ERROR_FORMAT, "%s holds no PNG file", folder);
    list_clear(&files);
    list_clear(&folders);
    return status;
}

/* ---- the first bytes of a file ---- */

typedef struct png_size {
    int64_t width, height;
    int channels; /* 1 or 3, transparency aside */
} png_size;

static uint32_t big_endian(const unsigned char *bytes) {
    return (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | bytes[3];
}

/* Size and kind without decoding, so that all files are known to agree before memory is taken. */
static elbo_status read_size(png_size *size, const char *path, elbo_error *error) {
    unsigned char head[26];
    FILE *stream = fopen(path, "rb");
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    setvbuf(stream, NULL, _IONBF, 0);
    size_t got = fread(head, 1, sizeof head, stream);
    struct stat about;
    bool known = fstat(fileno(stream), &about) == 0;
    fclose(stream);
    if (got < sizeof head || memcmp(head, signature, 8) != 0 || memcmp(head + 12, "IHDR", 4) != 0)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged or no PNG: no signature and IHDR chunk at offset 0",
                         path);
    *size = (png_size){big_endian(head + 16), big_endian(head + 20), head[25] & 2 ? 3 : 1};
    /* One bit becomes a byte, and deflate packs at most 1032 bytes into one. */
    if (size->width < 1 || size->height < 1 || size->width > MOST_SIDE || size->height > MOST_SIDE || !known ||
        size->width * size->height / 8 / ELBO_INFLATE_LIMIT > about.st_size)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: impossible size %lld x %lld at offset 16 for a file of %lld bytes", path,
                         (long long)size->width, (long long)size->height, (long long)about.st_size);
    return ELBO_OK;
}

static elbo_status common_size(png_size *size, const name_list *paths, elbo_error *error) {
    ELBO_TRY(read_size(size, paths->names[0], error));
    for (size_t i = 1; i < paths->count; i++) {
        png_size other;
        ELBO_TRY(read_size(&other, paths->names[i], error));
        if (other.width == size->width && other.height == size->height && other.channels == size->channels) continue;
        return elbo_fail(
            error, ELBO_ERROR_SHAPE,
            "%s is %lld x %lld pixels in %s, but %s is %lld x %lld in %s; all images of a folder must agree",
            paths->names[0], (long long)size->width, (long long)size->height, size->channels == 3 ? "colour" : "grey",
            paths->names[i], (long long)other.width, (long long)other.height, other.channels == 3 ? "colour" : "grey");
    }
    return ELBO_OK;
}

/* ---- decoding ---- */

typedef struct decoder {
    png_size size;
    unsigned char *pixels; /* interleaved, with room for an alpha channel */
    png_bytep *lines;      /* [height] into pixels */
} decoder;

typedef struct png_message {
    char text[200];
} png_message;

static void on_error(png_structp png, png_const_charp text) {
    png_message *message = png_get_error_ptr(png);
    snprintf(message->text, sizeof message->text, "%s", text);
    png_longjmp(png, 1);
}

static void on_warning(png_structp png, png_const_charp text) {
    (void)png;
    (void)text;
}

static png_voidp take_memory(png_structp png, png_alloc_size_t bytes) {
    (void)png;
    return elbo_calloc(bytes);
}

static void give_memory(png_structp png, png_voidp pointer) {
    (void)png;
    elbo_free(pointer);
}

static void decoder_clear(decoder *decode) {
    elbo_free(decode->pixels);
    elbo_free(decode->lines);
}

static elbo_status decoder_begin(decoder *decode, png_size size, elbo_error *error) {
    size_t bytes = (size_t)(size.width * size.height) * (size_t)(size.channels + 1);
    *decode = (decoder){size, elbo_calloc(bytes), elbo_calloc((size_t)size.height * sizeof(png_bytep))};
    if (decode->pixels && decode->lines) return ELBO_OK;
    decoder_clear(decode);
    return elbo_fail_memory(error, bytes, "an image");
}

/* Returns the number of channels with alpha, 0 if the image turned out to be another than its head said. */
static int decode_lines(png_structp png, png_infop info, decoder *decode, FILE *stream) {
    png_init_io(png, stream);
    png_read_info(png, info);
    png_set_expand(png);
    png_set_scale_16(png);
    (void)png_set_interlace_handling(png);
    png_read_update_info(png, info);
    int channels = png_get_channels(png, info);
    if (png_get_image_width(png, info) != decode->size.width ||
        png_get_image_height(png, info) != decode->size.height || png_get_bit_depth(png, info) != 8 ||
        channels < decode->size.channels || channels > decode->size.channels + 1)
        return 0;
    for (int64_t y = 0; y < decode->size.height; y++)
        decode->lines[y] = decode->pixels + y * decode->size.width * channels;
    png_read_image(png, decode->lines);
    png_read_end(png, NULL);
    return channels;
}

static elbo_status decode_file(decoder *decode, const char *path, int *channels, elbo_error *error) {
    png_message message = {""};
    FILE *stream = fopen(path, "rb");
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    png_structp png =
        png_create_read_struct_2(PNG_LIBPNG_VER_STRING, &message, on_error, on_warning, NULL, take_memory, give_memory);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    elbo_status status = info ? ELBO_OK : elbo_fail_memory(error, 1024, "libpng");
    if (info) {
        if (setjmp(png_jmpbuf(png)))
            status = elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged PNG near offset %ld: %s", path, ftell(stream),
                               message.text);
        else if ((*channels = decode_lines(png, info, decode, stream)) == 0)
            status =
                elbo_fail(error, ELBO_ERROR_FORMAT, "%s: its chunks do not fit the size and colours of its head", path);
    }
    if (png) png_destroy_read_struct(&png, info ? &info : NULL, NULL);
    fclose(stream);
    return status;
}

/* Interleaved pixels to planes, transparent ones on white. */
static void to_planes(const decoder *decode, int channels, unsigned char *out) {
    int64_t pixels = decode->size.width * decode->size.height;
    bool alpha = channels > decode->size.channels;
    for (int channel = 0; channel < decode->size.channels; channel++)
        for (int64_t pixel = 0; pixel < pixels; pixel++) {
            const unsigned char *from = decode->pixels + pixel * channels;
            int opaque = alpha ? from[channels - 1] : 255;
            *out++ = (unsigned char)((from[channel] * opaque + 255 * (255 - opaque) + 127) / 255);
        }
}

static elbo_status decode_all(elbo_array *values, const name_list *paths, png_size size, elbo_error *error) {
    decoder decode;
    int64_t grey[3] = {(int64_t)paths->count, size.height, size.width};
    int64_t colour[4] = {(int64_t)paths->count, 3, size.height, size.width};
    ELBO_TRY(elbo_array_new(values, ELBO_U8, size.channels == 3 ? 4 : 3, size.channels == 3 ? colour : grey, error));
    ELBO_TRY(decoder_begin(&decode, size, error));
    int64_t item = size.width * size.height * size.channels;
    elbo_status status = ELBO_OK;
    for (size_t i = 0; i < paths->count && status == ELBO_OK; i++) {
        int channels = 0;
        status = decode_file(&decode, paths->names[i], &channels, error);
        if (status == ELBO_OK) to_planes(&decode, channels, (unsigned char *)values->data + (int64_t)i * item);
    }
    decoder_clear(&decode);
    return status;
}

static elbo_status read_rows(elbo_table *table, png_rows *rows, elbo_error *error) {
    png_size size;
    ELBO_TRY(common_size(&size, &rows->paths, error));
    ELBO_TRY(decode_all(&table->values, &rows->paths, size, error));
    if (!rows->any_labelled) return ELBO_OK;
    const int64_t count = (int64_t)rows->paths.count;
    ELBO_TRY(elbo_block_array(&rows->labels, ELBO_I32, 1, &count, &table->labels, error));
    return elbo_classes_finish(&rows->classes, table, error);
}

static elbo_status read_table(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                              elbo_error *error) {
    struct stat about;
    png_rows rows = {0};
    elbo_status status;
    (void)options;
    if (key) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: PNG has no part called '#%s'", path, key);
    if (stat(path, &about) == 0 && S_ISDIR(about.st_mode))
        status = add_folder(&rows, path, &table->train_rows, error);
    else
        status = list_add(&rows.paths, elbo_strdup(path), error);
    if (status == ELBO_OK) status = read_rows(table, &rows, error);
    rows_clear(&rows);
    return status;
}

static bool holds_png(const char *folder, int depth) {
    name_list files = {0}, folders = {0};
    bool found = list_folder(folder, &files, &folders, NULL) == ELBO_OK && files.count > 0;
    for (size_t i = 0; i < folders.count && !found && depth > 0; i++) {
        char *path = elbo_textf("%s/%s", folder, folders.names[i]);
        found = path && holds_png(path, depth - 1);
        elbo_free(path);
    }
    list_clear(&files);
    list_clear(&folders);
    return found;
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    if (is_folder) return holds_png(path, 2);
    unsigned char head[8];
    return elbo_path_ends(path, ".png") || (elbo_peek(path, head, 8) == 8 && memcmp(head, signature, 8) == 0);
}

static bool claims_output(const char *to) { return strncmp(to, "png:", 4) == 0 || elbo_path_ends(to, ".png"); }

const struct elbo_format elbo_format_png = {
    .name = "png",
    .description = "PNG: a file, or a folder of files of one size; subfolders are labels, or train and test",
    .claims = claims,
    .read = read_table,
    .write = elbo_png_write_table,
    .claims_output = claims_output,
};
