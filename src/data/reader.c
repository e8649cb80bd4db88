#include "data/reader.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <zlib.h>

#include "base/memory.h"

enum { BUFFER = 64 * 1024 };

typedef struct file_state {
    FILE *stream;
    bool compressed, member_ended, inflating;
    z_stream inflate;
    int64_t taken;     /* compressed bytes taken from the stream into the buffer */
    size_t start, end; /* what of the buffer is still to be used */
    unsigned char buffer[BUFFER];
} file_state;

static elbo_status refill(elbo_reader *reader, elbo_error *error) {
    file_state *state = reader->state;
    state->start = 0;
    state->end = fread(state->buffer, 1, BUFFER, state->stream);
    state->taken += (int64_t)state->end;
    if (state->end == 0 && ferror(state->stream))
        return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", reader->name, strerror(errno));
    return ELBO_OK;
}

/* What stays in the buffer first, the rest straight into the caller's memory. */
static elbo_status fill_plain(elbo_reader *reader, void *out, size_t want, size_t *got, elbo_error *error) {
    file_state *state = reader->state;
    size_t ready = state->end - state->start, first = ready < want ? ready : want;
    memcpy(out, state->buffer + state->start, first);
    state->start += first;
    *got = first;
    if (first == want) return ELBO_OK;
    if (want - first < BUFFER / 4) {
        ELBO_TRY(refill(reader, error));
        size_t more = state->end < want - first ? state->end : want - first;
        memcpy((char *)out + first, state->buffer, more);
        state->start = more;
        *got += more;
        return ELBO_OK;
    }
    *got += fread((char *)out + first, 1, want - first, state->stream);
    if (*got < want && ferror(state->stream))
        return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", reader->name, strerror(errno));
    return ELBO_OK;
}

static int64_t compressed_offset(const file_state *state) {
    return state->taken - (int64_t)(state->end - state->start);
}

/* A gzip file may hold several members one after the other; anything else after a member is damage. */
static elbo_status next_member(elbo_reader *reader, bool *finished, elbo_error *error) {
    file_state *state = reader->state;
    if (state->start == state->end) ELBO_TRY(refill(reader, error));
    *finished = state->start == state->end;
    if (*finished) return ELBO_OK;
    if (state->buffer[state->start] != 0x1f)
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "%s: bytes that are not gzip data at offset %lld, after the end of the compressed data",
                         reader->name, (long long)compressed_offset(state));
    (void)inflateReset(&state->inflate);
    state->member_ended = false;
    return ELBO_OK;
}

static elbo_status fill_gzip(elbo_reader *reader, void *out, size_t want, size_t *got, elbo_error *error) {
    file_state *state = reader->state;
    *got = 0;
    while (*got < want) {
        if (state->member_ended) {
            bool finished;
            ELBO_TRY(next_member(reader, &finished, error));
            if (finished) return ELBO_OK;
        }
        if (state->start == state->end) {
            ELBO_TRY(refill(reader, error));
            if (state->end == 0)
                return elbo_fail(error, ELBO_ERROR_FORMAT,
                                 "%s: truncated: the gzip data stop at offset %lld of the file before their end",
                                 reader->name, (long long)state->taken);
        }
        size_t room = want - *got < 1u << 30 ? want - *got : 1u << 30;
        state->inflate.next_in = state->buffer + state->start;
        state->inflate.avail_in = (uInt)(state->end - state->start);
        state->inflate.next_out = (unsigned char *)out + *got;
        state->inflate.avail_out = (uInt)room;
        int code = inflate(&state->inflate, Z_NO_FLUSH);
        state->start = state->end - state->inflate.avail_in;
        *got += room - state->inflate.avail_out;
        if (code == Z_STREAM_END)
            state->member_ended = true;
        else if (code != Z_OK && code != Z_BUF_ERROR)
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: damaged gzip data near offset %lld: %s", reader->name,
                             (long long)compressed_offset(state),
                             state->inflate.msg ? state->inflate.msg : zError(code));
    }
    return ELBO_OK;
}

static void close_file(elbo_reader *reader) {
    file_state *state = reader->state;
    if (state->inflating) inflateEnd(&state->inflate);
    if (state->stream) fclose(state->stream);
    elbo_free(state);
}

static elbo_status start(elbo_reader *reader, const char *path, elbo_error *error) {
    file_state *state = reader->state;
    state->stream = fopen(path, "rb");
    if (!state->stream) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    struct stat about;
    bool regular = fstat(fileno(state->stream), &about) == 0 && S_ISREG(about.st_mode);
    ELBO_TRY(refill(reader, error));
    state->compressed = state->end >= 2 && state->buffer[0] == 0x1f && state->buffer[1] == 0x8b;
    reader->exact = regular && !state->compressed;
    reader->limit = regular ? about.st_size : INT64_MAX;
    if (state->compressed) {
        reader->fill = fill_gzip;
        if (reader->limit < INT64_MAX / ELBO_INFLATE_LIMIT) reader->limit *= ELBO_INFLATE_LIMIT;
        if (inflateInit2(&state->inflate, 15 + 16) != Z_OK) return elbo_fail_memory(error, BUFFER, "decompression");
        state->inflating = true;
    }
    return ELBO_OK;
}

elbo_status elbo_reader_open(elbo_reader *reader, const char *path, elbo_error *error) {
    memset(reader, 0, sizeof *reader);
    reader->name = path;
    reader->fill = fill_plain;
    reader->state = elbo_calloc(sizeof(file_state));
    if (!reader->state) return elbo_fail_memory(error, sizeof(file_state), path);
    reader->close = close_file;
    elbo_status status = start(reader, path, error);
    if (status != ELBO_OK) elbo_reader_close(reader);
    return status;
}

void elbo_reader_close(elbo_reader *reader) {
    if (reader->close) reader->close(reader);
    memset(reader, 0, sizeof *reader);
}

elbo_status elbo_reader_some(elbo_reader *reader, void *out, size_t want, size_t *got, elbo_error *error) {
    *got = 0;
    while (*got < want) {
        size_t piece = 0;
        ELBO_TRY(reader->fill(reader, (char *)out + *got, want - *got, &piece, error));
        if (piece == 0) break;
        *got += piece;
        reader->offset += (int64_t)piece;
    }
    return ELBO_OK;
}

elbo_status elbo_reader_exactly(elbo_reader *reader, void *out, size_t want, const char *what, elbo_error *error) {
    size_t got;
    ELBO_TRY(elbo_reader_some(reader, out, want, &got, error));
    if (got == want) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: truncated at offset %lld: %zu more bytes of %s were expected",
                     reader->name, (long long)reader->offset, want - got, what);
}

elbo_status elbo_reader_expect(const elbo_reader *reader, uint64_t bytes, const char *what, elbo_error *error) {
    uint64_t left = reader->limit > reader->offset ? (uint64_t)(reader->limit - reader->offset) : 0;
    if (bytes <= left) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT,
                     "%s: truncated or damaged: %s promises %llu bytes from offset %lld, but there %s %llu",
                     reader->name, what, (unsigned long long)bytes, (long long)reader->offset,
                     reader->exact ? "are" : "can be at most", (unsigned long long)left);
}

elbo_status elbo_reader_end(elbo_reader *reader, elbo_error *error) {
    char extra;
    size_t got;
    int64_t offset = reader->offset;
    ELBO_TRY(elbo_reader_some(reader, &extra, 1, &got, error));
    if (got == 0) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: the data end at offset %lld, but more bytes follow", reader->name,
                     (long long)offset);
}

size_t elbo_peek(const char *path, void *out, size_t want) {
    elbo_reader reader;
    struct stat about;
    size_t got = 0;
    /* Opening a pipe only to look at it would take its bytes away from the one who reads it. */
    if (stat(path, &about) != 0 || !S_ISREG(about.st_mode)) return 0;
    if (elbo_reader_open(&reader, path, NULL) != ELBO_OK) return 0;
    if (elbo_reader_some(&reader, out, want, &got, NULL) != ELBO_OK) got = 0;
    elbo_reader_close(&reader);
    return got;
}

bool elbo_path_ends(const char *path, const char *endings) {
    size_t length = strlen(path);
    while (*endings) {
        size_t ending = strcspn(endings, "|");
        if (length >= ending && strncasecmp(path + length - ending, endings, ending) == 0) return true;
        endings += ending + (endings[ending] == '|');
    }
    return false;
}

const char *elbo_path_name(const char *path) {
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}
