#include <dirent.h>
#include <errno.h>
#include <math.h>
#include <png.h>
#include <string.h>

#include "base/memory.h"
#include "data/format/arrays.h"

typedef struct image {
    int64_t width, height;
    int channels;
    bool unit;             /* f32 values in [0,1], to be scaled to bytes */
    unsigned char *pixels; /* interleaved */
} image;

static elbo_status image_begin(image *picture, const elbo_array *values, const char *path, elbo_error *error) {
    int rank = values->rank;
    int64_t channels = rank == 4 ? values->shape[1] : 1;
    memset(picture, 0, sizeof *picture);
    if ((rank != 3 && rank != 4) || (channels != 1 && channels != 3))
        return elbo_fail(error, ELBO_ERROR_SHAPE,
                         "%s: items of height x width, or 1 or 3 channels of it, make images; "
                         "the option item-shape gives flat items a shape",
                         path);
    picture->channels = (int)channels;
    picture->height = values->shape[rank - 2];
    picture->width = values->shape[rank - 1];
    size_t bytes = (size_t)(picture->width * picture->height * channels);
    if (bytes == 0) return elbo_fail(error, ELBO_ERROR_SHAPE, "%s: an image without pixels", path);
    picture->pixels = elbo_calloc(bytes);
    return picture->pixels ? ELBO_OK : elbo_fail_memory(error, bytes, "an image");
}

/* f32 values are bytes if all are whole and none exceeds 255, and shares of white if all lie in [0,1]. */
static elbo_status check_values(image *picture, const elbo_array *values, const char *path, elbo_error *error) {
    if (values->dtype == ELBO_U8) return ELBO_OK;
    const float *value = values->data;
    int64_t count = elbo_array_count(values);
    bool bytes = true;
    picture->unit = true;
    for (int64_t i = 0; i < count; i++) {
        if (!(value[i] >= 0 && value[i] <= 1)) picture->unit = false;
        if (!(value[i] >= 0 && value[i] <= 255 && value[i] == floorf(value[i]))) bytes = false;
        if (!picture->unit && !bytes)
            return elbo_fail(error, ELBO_ERROR_SHAPE,
                             "%s: the value %g fits no image; whole numbers to 255, or values in [0,1], were expected",
                             path, (double)value[i]);
    }
    return ELBO_OK;
}

/* One item, planes one behind the other, to interleaved bytes. */
static void interleave(const image *picture, const elbo_array *values, int64_t row) {
    int64_t plane = picture->width * picture->height, start = row * plane * picture->channels;
    for (int channel = 0; channel < picture->channels; channel++)
        for (int64_t pixel = 0; pixel < plane; pixel++) {
            int64_t index = start + channel * plane + pixel;
            unsigned char byte;
            if (values->dtype == ELBO_U8)
                byte = ((const unsigned char *)values->data)[index];
            else
                byte = (unsigned char)lrintf(((const float *)values->data)[index] * (picture->unit ? 255.0f : 1.0f));
            picture->pixels[pixel * picture->channels + channel] = byte;
        }
}

static void on_error(png_structp png, png_const_charp text) {
    (void)text;
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

static void encode(png_structp png, png_infop info, const image *picture, FILE *stream) {
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)picture->width, (png_uint_32)picture->height, 8,
                 picture->channels == 3 ? PNG_COLOR_TYPE_RGB : PNG_COLOR_TYPE_GRAY, PNG_INTERLACE_NONE,
                 PNG_COMPRESSION_TYPE_DEFAULT, PNG_FILTER_TYPE_DEFAULT);
    png_write_info(png, info);
    for (int64_t y = 0; y < picture->height; y++)
        png_write_row(png, picture->pixels + y * picture->width * picture->channels);
    png_write_end(png, info);
}

static elbo_status write_image(const image *picture, const char *path, elbo_error *error) {
    elbo_file file;
    ELBO_TRY(elbo_file_begin(&file, path, error));
    png_structp png =
        png_create_write_struct_2(PNG_LIBPNG_VER_STRING, NULL, on_error, on_warning, NULL, take_memory, give_memory);
    png_infop info = png ? png_create_info_struct(png) : NULL;
    elbo_status status = info ? ELBO_OK : elbo_fail_memory(error, 1024, "libpng");
    if (info) {
        if (setjmp(png_jmpbuf(png)))
            status = elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
        else
            encode(png, info, picture, file.stream);
    }
    if (png) png_destroy_write_struct(&png, info ? &info : NULL);
    if (status == ELBO_OK) return elbo_file_commit(&file, error);
    elbo_file_abort(&file);
    return status;
}

/* Old pictures between new ones would be read as data. */
static elbo_status make_empty(const char *folder, elbo_error *error) {
    ELBO_TRY(elbo_folder_make(folder, error));
    DIR *stream = opendir(folder);
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read folder %s: %s", folder, strerror(errno));
    elbo_status status = ELBO_OK;
    for (struct dirent *entry; status == ELBO_OK && (entry = readdir(stream));)
        if (entry->d_name[0] != '.')
            status = elbo_fail(error, ELBO_ERROR_USAGE, "%s holds %s already; a new or empty folder was expected",
                               folder, entry->d_name);
    closedir(stream);
    return status;
}

static const char *split_of(const elbo_table *table, int64_t row) {
    if (table->train_rows <= 0 || table->train_rows >= table->values.shape[0]) return "";
    return row < table->train_rows ? "/train" : "/test";
}

/* The folder of a row; text of a class that has no name is its number. */
static char *folder_of(const elbo_table *table, const char *root, int64_t row) {
    const char *split = split_of(table, row);
    if (!table->labels.data) return elbo_textf("%s%s", root, split);
    int32_t label = ((const int32_t *)table->labels.data)[row];
    if (!table->class_names) return elbo_textf("%s%s/%d", root, split, label);
    return elbo_textf("%s%s/%s", root, split, table->class_names[label]);
}

static elbo_status check_names(const elbo_table *table, elbo_error *error) {
    for (int code = 0; table->class_names && code < table->classes; code++) {
        const char *name = table->class_names[code];
        if (!*name || *name == '.' || strchr(name, '/'))
            return elbo_fail(error, ELBO_ERROR_UNSUPPORTED, "class name \"%s\" cannot be the name of a label folder",
                             name);
    }
    return ELBO_OK;
}

static elbo_status write_row(const elbo_table *table, const image *picture, const char *root, int64_t row,
                             elbo_error *error) {
    int digits = 1;
    for (int64_t rows = table->values.shape[0] - 1; rows >= 10; rows /= 10) digits++;
    char *folder = folder_of(table, root, row);
    char *path = folder ? elbo_textf("%s/%0*lld.png", folder, digits, (long long)row) : NULL;
    elbo_status status = path ? elbo_folder_make(folder, error) : elbo_fail_memory(error, strlen(root), "a path");
    if (status == ELBO_OK) {
        interleave(picture, &table->values, row);
        status = write_image(picture, path, error);
    }
    elbo_free(folder);
    elbo_free(path);
    return status;
}

elbo_status elbo_png_write_table(const elbo_table *table, const char *path, const char *key, elbo_error *error) {
    image picture;
    if (key) return elbo_fail(error, ELBO_ERROR_USAGE, "%s: PNG has no part called '#%s'", path, key);
    bool single = elbo_path_ends(path, ".png");
    if (single && table->values.shape[0] != 1)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%s can hold one image, not %lld; png:FOLDER holds many", path,
                         (long long)table->values.shape[0]);
    ELBO_TRY(check_names(table, error));
    ELBO_TRY(image_begin(&picture, &table->values, path, error));
    elbo_status status = check_values(&picture, &table->values, path, error);
    if (status == ELBO_OK && !single) status = make_empty(path, error);
    if (status == ELBO_OK && single) {
        interleave(&picture, &table->values, 0);
        status = write_image(&picture, path, error);
    }
    for (int64_t row = 0; status == ELBO_OK && !single && row < table->values.shape[0]; row++)
        status = write_row(table, &picture, path, row, error);
    elbo_free(picture.pixels);
    return status;
}
