#include "train/tfevents.h"

#include <ctype.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/memory.h"
#include "train/append.h"
#include "train/crc32c.h"
#include "train/text.h"

struct elbo_tfevents {
    int descriptor;
    char *path;
};

/* Field numbers of TensorFlow's event.proto and summary.proto. */
enum {
    EVENT_WALL_TIME = 1,
    EVENT_STEP = 2,
    EVENT_FILE_VERSION = 3,
    EVENT_SUMMARY = 5,
    EVENT_SESSION_LOG = 7,
    SESSION_LOG_STATUS = 1,
    SESSION_LOG_START = 1,
    SUMMARY_VALUE = 1,
    VALUE_TAG = 1,
    VALUE_SIMPLE = 2,
    VALUE_IMAGE = 4,
    IMAGE_HEIGHT = 1,
    IMAGE_WIDTH = 2,
    IMAGE_COLORSPACE = 3,
    IMAGE_ENCODED = 4
};

enum { WIRE_VARINT = 0, WIRE_64 = 1, WIRE_BYTES = 2, WIRE_32 = 5 };

/* --- protocol buffers --- */

/* A message that grows; `failed` once memory has run out, and then nothing more is added. */
typedef struct message {
    uint8_t *bytes;
    size_t size, room;
    bool failed;
} message;

static void put(message *to, const void *bytes, size_t count) {
    if (to->failed || count == 0) return;
    if (count > to->room - to->size) {
        size_t wanted = (to->size + count) * 2;
        uint8_t *grown = elbo_grow(to->bytes, to->size, wanted);
        if (!grown) {
            to->failed = true;
            return;
        }
        to->bytes = grown;
        to->room = wanted;
    }
    memcpy(to->bytes + to->size, bytes, count);
    to->size += count;
}

/* Little-endian, whatever the machine. */
static void put_fixed(message *to, uint64_t bits, int count) {
    uint8_t bytes[8];
    for (int i = 0; i < count; i++) bytes[i] = (uint8_t)(bits >> 8 * i & 0xFF);
    put(to, bytes, (size_t)count);
}

static void put_varint(message *to, uint64_t value) {
    for (; value >= 0x80; value >>= 7) put_fixed(to, (value & 0x7F) | 0x80, 1);
    put_fixed(to, value, 1);
}

static void put_key(message *to, int field, int wire) { put_varint(to, (uint64_t)(field << 3 | wire)); }

static void put_int(message *to, int field, int64_t value) {
    put_key(to, field, WIRE_VARINT);
    put_varint(to, (uint64_t)value);
}

static void put_double(message *to, int field, double value) {
    uint64_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(to, field, WIRE_64);
    put_fixed(to, bits, 8);
}

static void put_float(message *to, int field, float value) {
    uint32_t bits;
    memcpy(&bits, &value, sizeof bits);
    put_key(to, field, WIRE_32);
    put_fixed(to, bits, 4);
}

static void put_bytes(message *to, int field, const void *bytes, size_t count) {
    put_key(to, field, WIRE_BYTES);
    put_varint(to, count);
    put(to, bytes, count);
}

/* Adds a message as a field of another one and frees it. */
static void put_message(message *to, int field, message *inner) {
    put_bytes(to, field, inner->bytes, inner->size);
    if (inner->failed) to->failed = true;
    elbo_free(inner->bytes);
    memset(inner, 0, sizeof *inner);
}

/* --- records --- */

static uint32_t masked_crc(const void *bytes, size_t count) {
    uint32_t crc = elbo_crc32c(0, bytes, count);
    return (crc >> 15 | crc << 17) + 0xa282ead8u;
}

static double wall_time(void) {
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

/* Completes an event whose last field is `field` holding `body`, frames it, and appends it; frees `body`. */
static elbo_status append_event(elbo_tfevents *events, int64_t step, int field, message *body, elbo_error *error) {
    message event = {0}, record = {0};
    put_double(&event, EVENT_WALL_TIME, wall_time());
    if (step) put_int(&event, EVENT_STEP, step);
    put_message(&event, field, body);
    put_fixed(&record, event.size, 8);
    if (!record.failed) put_fixed(&record, masked_crc(record.bytes, 8), 4);
    put(&record, event.bytes, event.size);
    if (!event.failed) put_fixed(&record, masked_crc(event.bytes, event.size), 4);
    elbo_status status = event.failed || record.failed
                             ? elbo_fail_memory(error, event.size + 16, events->path)
                             : elbo_append(events->descriptor, events->path, record.bytes, record.size, false, error);
    elbo_free(event.bytes);
    elbo_free(record.bytes);
    return status;
}

/* --- the file --- */

/* The machine's name, reduced to what a file name may hold everywhere. */
static void host_name(char *name, size_t size) {
    if (gethostname(name, size) != 0 || name[0] == 0) snprintf(name, size, "localhost");
    name[size - 1] = 0;
    for (char *at = name; *at; at++)
        if (!isalnum((unsigned char)*at) && *at != '-' && *at != '.') *at = '_';
}

static elbo_status create(elbo_tfevents *events, const char *folder, elbo_error *error) {
    char host[256];
    host_name(host, sizeof host);
    long long seconds = (long long)time(NULL);
    for (int attempt = 0; attempt < 1000; attempt++) {
        char suffix[16] = "";
        if (attempt) snprintf(suffix, sizeof suffix, ".%d", attempt);
        elbo_free(events->path);
        events->path = elbo_textf("%s/events.out.tfevents.%010lld.%s%s", folder, seconds, host, suffix);
        if (!events->path) return elbo_fail_memory(error, strlen(folder), "a file name");
        events->descriptor = open(events->path, O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
        if (events->descriptor >= 0) return ELBO_OK;
        if (errno != EEXIST) break;
    }
    return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", events->path, strerror(errno));
}

elbo_tfevents *elbo_tfevents_new(const char *folder, elbo_error *error) {
    static const char version[] = "brain.Event:2";
    elbo_tfevents *events = elbo_calloc(sizeof *events);
    if (!events) return elbo_fail_null(error, ELBO_ERROR_MEMORY, "out of memory for the event file in %s", folder);
    events->descriptor = -1;
    elbo_status status = create(events, folder, error);
    if (status == ELBO_OK) {
        message body = {0};
        put(&body, version, sizeof version - 1);
        status = append_event(events, 0, EVENT_FILE_VERSION, &body, error);
        if (status != ELBO_OK) (void)unlink(events->path);
    }
    if (status == ELBO_OK) return events;
    elbo_tfevents_free(events);
    return NULL;
}

void elbo_tfevents_free(elbo_tfevents *events) {
    if (!events) return;
    if (events->descriptor >= 0) close(events->descriptor);
    elbo_free(events->path);
    elbo_free(events);
}

const char *elbo_tfevents_path(const elbo_tfevents *events) { return events->path; }

elbo_status elbo_tfevents_restart(elbo_tfevents *events, int64_t step, elbo_error *error) {
    message body = {0};
    put_int(&body, SESSION_LOG_STATUS, SESSION_LOG_START);
    return append_event(events, step, EVENT_SESSION_LOG, &body, error);
}

static elbo_status check_tag(const elbo_tfevents *events, const char *tag, elbo_error *error) {
    if (tag[0] && elbo_utf8_valid(tag)) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: \"%s\" cannot be a tag; UTF-8 text was expected",
                     events->path, tag);
}

elbo_status elbo_tfevents_scalars(elbo_tfevents *events, int64_t step, const elbo_tfevents_scalar *scalars,
                                  size_t count, elbo_error *error) {
    message summary = {0};
    for (size_t i = 0; i < count; i++) ELBO_TRY(check_tag(events, scalars[i].tag, error));
    for (size_t i = 0; i < count; i++) {
        message value = {0};
        put_bytes(&value, VALUE_TAG, scalars[i].tag, strlen(scalars[i].tag));
        put_float(&value, VALUE_SIMPLE, (float)scalars[i].value);
        put_message(&summary, SUMMARY_VALUE, &value);
    }
    return append_event(events, step, EVENT_SUMMARY, &summary, error);
}

elbo_status elbo_tfevents_image(elbo_tfevents *events, int64_t step, const char *tag, int height, int width,
                                int colorspace, const void *png, size_t bytes, elbo_error *error) {
    message image = {0}, value = {0}, summary = {0};
    ELBO_TRY(check_tag(events, tag, error));
    if (bytes > INT_MAX / 2)
        return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: a picture of %zu bytes; at most %d are allowed",
                         events->path, bytes, INT_MAX / 2);
    put_int(&image, IMAGE_HEIGHT, height);
    put_int(&image, IMAGE_WIDTH, width);
    put_int(&image, IMAGE_COLORSPACE, colorspace);
    put_bytes(&image, IMAGE_ENCODED, png, bytes);
    put_bytes(&value, VALUE_TAG, tag, strlen(tag));
    put_message(&value, VALUE_IMAGE, &image);
    put_message(&summary, SUMMARY_VALUE, &value);
    return append_event(events, step, EVENT_SUMMARY, &summary, error);
}
