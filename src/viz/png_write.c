#include <errno.h>
#include <png.h>
#include <setjmp.h>
#include <stdint.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "viz/viz.h"

/* The colours of a picture that has few enough for a palette. */
typedef struct palette {
    int count; /* 0: too many */
    uint32_t colour[256];
} palette;

enum { SLOTS = 1024 }; /* a power of two, well above 256 */

typedef struct colour_table {
    uint32_t colour[SLOTS];
    int16_t index[SLOTS]; /* -1: free */
    int count;
} colour_table;

/* The index of a colour, which is added if it is new; -1 when it would be the 257th. */
static int index_of(colour_table *table, uint32_t colour) {
    uint32_t slot = colour * 2654435761u >> 22;
    while (table->index[slot] >= 0 && table->colour[slot] != colour) slot = (slot + 1) % SLOTS;
    if (table->index[slot] >= 0) return table->index[slot];
    if (table->count == 256) return -1;
    table->colour[slot] = colour;
    table->index[slot] = (int16_t)table->count++;
    return table->index[slot];
}

static uint32_t colour_at(const elbo_canvas *canvas, size_t cell) {
    const unsigned char *at = canvas->pixels + cell * (size_t)canvas->channels;
    return canvas->channels == 1 ? at[0] * 0x010101u : (uint32_t)at[0] << 16 | (uint32_t)at[1] << 8 | at[2];
}

/* Maps the pixels to a palette; false when there are too many colours, or when plain grey is as small. */
static bool index_pixels(const elbo_canvas *canvas, unsigned char *out, palette *colours) {
    colour_table table = {.count = 0};
    size_t cells = (size_t)canvas->width * (size_t)canvas->height;
    int limit = canvas->channels == 1 ? 16 : 256;
    memset(table.index, 0xff, sizeof table.index);
    for (size_t i = 0; i < cells; i++) {
        int index = index_of(&table, colour_at(canvas, i));
        if (index < 0 || table.count > limit) return false;
        out[i] = (unsigned char)index;
    }
    for (int slot = 0; slot < SLOTS; slot++)
        if (table.index[slot] >= 0) colours->colour[table.index[slot]] = table.colour[slot];
    colours->count = table.count;
    return true;
}

/* libpng's errors end up here, with a message for the caller. */
static void fail(png_structp png, png_const_charp message) {
    bool system = strcmp(message, "Write Error") == 0 && errno != 0; /* the reason is better than the fact */
    elbo_fail(png_get_error_ptr(png), ELBO_ERROR_IO, "cannot write PNG: %s", system ? strerror(errno) : message);
    png_longjmp(png, 1);
}

static void ignore_warning(png_structp png, png_const_charp message) {
    (void)png;
    (void)message;
}

static png_voidp allocate(png_structp png, png_alloc_size_t bytes) {
    (void)png;
    return elbo_calloc(bytes);
}

static void release(png_structp png, png_voidp pointer) {
    (void)png;
    elbo_free(pointer);
}

static int depth_for(int colours) { return colours <= 2 ? 1 : colours <= 4 ? 2 : colours <= 16 ? 4 : 8; }

static void set_palette(png_structp png, png_infop info, const palette *colours) {
    png_color entries[256];
    for (int i = 0; i < colours->count; i++) {
        entries[i].red = (png_byte)(colours->colour[i] >> 16);
        entries[i].green = (png_byte)(colours->colour[i] >> 8);
        entries[i].blue = (png_byte)colours->colour[i];
    }
    png_set_PLTE(png, info, entries, colours->count);
}

/* Everything between libpng's setjmp and its longjmp; nothing here owns memory that a jump could lose. */
static bool write_png(png_structp png, png_infop info, const elbo_canvas *canvas, const palette *colours,
                      const unsigned char *pixels, FILE *stream) {
    if (setjmp(png_jmpbuf(png))) return false;
    int type = colours->count          ? PNG_COLOR_TYPE_PALETTE
               : canvas->channels == 3 ? PNG_COLOR_TYPE_RGB
                                       : PNG_COLOR_TYPE_GRAY;
    size_t row_bytes = (size_t)canvas->width * (colours->count ? 1 : (size_t)canvas->channels);
    errno = 0;
    png_init_io(png, stream);
    png_set_IHDR(png, info, (png_uint_32)canvas->width, (png_uint_32)canvas->height,
                 colours->count ? depth_for(colours->count) : 8, type, PNG_INTERLACE_NONE, PNG_COMPRESSION_TYPE_DEFAULT,
                 PNG_FILTER_TYPE_DEFAULT);
    if (colours->count) set_palette(png, info, colours);
    png_write_info(png, info);
    png_set_packing(png);
    for (int y = 0; y < canvas->height; y++) png_write_row(png, pixels + (size_t)y * row_bytes);
    png_write_end(png, info);
    return true;
}

elbo_status elbo_canvas_save(const elbo_canvas *canvas, const char *path, elbo_error *error) {
    elbo_error local = {ELBO_OK, ""};
    elbo_error *report = error ? error : &local;
    palette colours = {.count = 0};
    size_t cells = (size_t)canvas->width * (size_t)canvas->height;
    elbo_file file;
    unsigned char *indices = elbo_calloc(cells);
    if (!indices) return elbo_fail_memory(error, cells, "a picture");
    const unsigned char *pixels = index_pixels(canvas, indices, &colours) ? indices : canvas->pixels;
    elbo_status status = elbo_file_begin(&file, path, error);
    if (status == ELBO_OK) {
        png_structp png =
            png_create_write_struct_2(PNG_LIBPNG_VER_STRING, report, fail, ignore_warning, NULL, allocate, release);
        png_infop info = png ? png_create_info_struct(png) : NULL;
        if (!info)
            status = elbo_fail_memory(error, cells, "writing a PNG file");
        else if (!write_png(png, info, canvas, &colours, pixels, file.stream))
            status = elbo_fail_context(report, ELBO_ERROR_IO, "%s", path);
        png_destroy_write_struct(&png, &info);
        if (status == ELBO_OK)
            status = elbo_file_commit(&file, error);
        else
            elbo_file_abort(&file);
    }
    elbo_free(indices);
    return status;
}
