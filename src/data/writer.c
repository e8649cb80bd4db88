#include "data/writer.h"

#include <errno.h>
#include <string.h>
#include <zlib.h>

#include "base/memory.h"

enum { BUFFER = 64 * 1024, PIECE = 1 << 30 };

typedef struct packer {
    z_stream stream;
    unsigned char buffer[BUFFER];
} packer;

elbo_status elbo_writer_begin(elbo_writer *writer, const char *path, bool compressed, elbo_error *error) {
    memset(writer, 0, sizeof *writer);
    ELBO_TRY(elbo_file_begin(&writer->file, path, error));
    if (!compressed) return ELBO_OK;
    packer *pack = elbo_calloc(sizeof *pack);
    if (pack &&
        deflateInit2(&pack->stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY) == Z_OK) {
        writer->deflate = pack;
        return ELBO_OK;
    }
    elbo_free(pack);
    elbo_file_abort(&writer->file);
    return elbo_fail_memory(error, sizeof *pack, "compression");
}

static elbo_status put_plain(elbo_writer *writer, const void *bytes, size_t count, elbo_error *error) {
    if (fwrite(bytes, 1, count, writer->file.stream) == count) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s",
                     writer->file.path ? writer->file.path : "standard output", strerror(errno));
}

static elbo_status put_packed(elbo_writer *writer, const void *bytes, size_t count, int flush, elbo_error *error) {
    packer *pack = writer->deflate;
    pack->stream.next_in = (unsigned char *)(size_t)bytes;
    pack->stream.avail_in = (uInt)count;
    do {
        pack->stream.next_out = pack->buffer;
        pack->stream.avail_out = BUFFER;
        (void)deflate(&pack->stream, flush);
        ELBO_TRY(put_plain(writer, pack->buffer, BUFFER - pack->stream.avail_out, error));
    } while (pack->stream.avail_out == 0);
    return ELBO_OK;
}

elbo_status elbo_writer_put(elbo_writer *writer, const void *bytes, size_t count, elbo_error *error) {
    if (!writer->deflate) return put_plain(writer, bytes, count, error);
    for (size_t done = 0; done < count;) {
        size_t piece = count - done < PIECE ? count - done : PIECE;
        ELBO_TRY(put_packed(writer, (const char *)bytes + done, piece, Z_NO_FLUSH, error));
        done += piece;
    }
    return ELBO_OK;
}

elbo_status elbo_writer_end(elbo_writer *writer, elbo_status status, elbo_error *error) {
    if (writer->deflate) {
        if (status == ELBO_OK) status = put_packed(writer, "", 0, Z_FINISH, error);
        deflateEnd(&((packer *)writer->deflate)->stream);
        elbo_free(writer->deflate);
        writer->deflate = NULL;
    }
    if (status == ELBO_OK) return elbo_file_commit(&writer->file, error);
    elbo_file_abort(&writer->file);
    return status;
}
