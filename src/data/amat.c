/* Larochelle's binarised MNIST: text to IDX. */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

#include "base/error.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/download.h"

enum { SIDE = 28, PIXELS = SIDE * SIDE, LINE = 2 * PIXELS, HEADER = 16 };

static void put_big_endian(uint8_t *at, uint32_t value) {
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(value >> (24 - 8 * i));
}

/* One line: digit, blank, digit, ..., digit, newline. */
static elbo_status convert_line(const char *line, uint8_t *out, const char *from, int64_t row, elbo_error *error) {
    for (int i = 0; i < LINE; i++) {
        char c = line[i];
        bool good = i % 2 == 0 ? c == '0' || c == '1' : i == LINE - 1 ? c == '\n' : c == ' ' || c == '\t';
        if (!good)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: byte %lld is 0x%02x, expected %s", from,
                             (long long)(row * LINE + i), (unsigned char)c,
                             i % 2 == 0      ? "0 or 1"
                             : i == LINE - 1 ? "the end of a line of 784 digits"
                                             : "a blank");
        if (i % 2 == 0) out[i / 2] = c == '1' ? 255 : 0;
    }
    return ELBO_OK;
}

/* The IDX file's bytes, the caller's to elbo_free. */
static elbo_status convert(FILE *stream, const char *from, uint8_t **bytes, size_t *count, elbo_error *error) {
    struct stat about;
    *bytes = NULL;
    if (fstat(fileno(stream), &about) != 0 || !S_ISREG(about.st_mode) || about.st_size <= 0 ||
        about.st_size % LINE != 0 || about.st_size / LINE > UINT32_MAX)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: %lld bytes, expected lines of %d", from,
                         (long long)about.st_size, LINE);
    int64_t rows = about.st_size / LINE;
    *count = HEADER + (size_t)rows * PIXELS;
    uint8_t *out = elbo_calloc(*count);
    if (!out) return elbo_fail_memory(error, *count, from);
    put_big_endian(out, 0x00000803); /* unsigned bytes, three dimensions */
    put_big_endian(out + 4, (uint32_t)rows);
    put_big_endian(out + 8, SIDE);
    put_big_endian(out + 12, SIDE);
    elbo_status status = ELBO_OK;
    char line[LINE];
    for (int64_t row = 0; row < rows && status == ELBO_OK; row++) {
        if (fread(line, 1, LINE, stream) == LINE)
            status = convert_line(line, out + HEADER + row * PIXELS, from, row, error);
        else
            status = elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", from,
                               ferror(stream) ? strerror(errno) : "it became shorter");
    }
    if (status != ELBO_OK)
        elbo_free(out);
    else
        *bytes = out;
    return status;
}

elbo_status elbo_amat_to_idx(const char *from, const char *to, elbo_error *error) {
    FILE *stream = fopen(from, "rb");
    if (!stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", from, strerror(errno));
    uint8_t *bytes;
    size_t count = 0, old_count = 0;
    char *old = NULL;
    struct stat about;
    elbo_status status = convert(stream, from, &bytes, &count, error);
    fclose(stream);
    if (status != ELBO_OK) return status;
    if (stat(to, &about) != 0)
        status = elbo_file_put(to, bytes, count, error);
    else {
        if (about.st_size == (off_t)count) status = elbo_file_get(to, count, &old, &old_count, error);
        if (status == ELBO_OK && (old_count != count || memcmp(old, bytes, count) != 0))
            status = elbo_fail(error, ELBO_ERROR_STATE, "%s is there but holds something else than %s; move it away",
                               to, from);
    }
    elbo_free(old);
    elbo_free(bytes);
    return status;
}
