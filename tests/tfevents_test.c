/* TensorBoard event files, read back by a small decoder that shares nothing with the writer. */
#include "train/tfevents.h"

#include <dirent.h>
#include <time.h>

#include "base/memory.h"
#include "scratch.h"
#include "train/crc32c.h"

/* The checksum bit by bit, as its definition has it. */
static uint32_t slow_crc(const void *bytes, size_t count) {
    uint32_t crc = 0xFFFFFFFF;
    for (size_t i = 0; i < count; i++) {
        crc ^= ((const unsigned char *)bytes)[i];
        for (int bit = 0; bit < 8; bit++) crc = (crc & 1) ? crc >> 1 ^ 0x82F63B78 : crc >> 1;
    }
    return ~crc;
}

/* RFC 3720, appendix B.4, and the check value of the catalogues. */
static void checksum(void **state) {
    (void)state;
    unsigned char zeros[32] = {0}, ones[32], up[32], down[32];
    for (int i = 0; i < 32; i++) ones[i] = 0xFF, up[i] = (unsigned char)i, down[i] = (unsigned char)(31 - i);
    static const unsigned char command[48] = {0x01, 0xc0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,    0, 0, 0, 0,
                                              0x14, 0,    0, 0, 0, 0, 4, 0, 0, 0, 0, 0x14, 0, 0, 0, 0x18,
                                              0x28, 0,    0, 0, 0, 0, 0, 0, 2, 0, 0, 0,    0, 0, 0, 0};
    const struct {
        const void *bytes;
        size_t count;
        uint32_t crc;
    } vectors[] = {{zeros, 32, 0x8A9136AA},
                   {ones, 32, 0x62A8AB43},
                   {up, 32, 0x46DD794E},
                   {down, 32, 0x113FDB5C},
                   {command, 48, 0xD9963A56},
                   {"123456789", 9, 0xE3069283},
                   {"", 0, 0}};
    for (size_t i = 0; i < sizeof vectors / sizeof *vectors; i++) {
        assert_int_equal(elbo_crc32c(0, vectors[i].bytes, vectors[i].count), vectors[i].crc);
        assert_int_equal(slow_crc(vectors[i].bytes, vectors[i].count), vectors[i].crc);
    }
    uint32_t crc = 0;
    for (int i = 0; i < 32; i += 8) crc = elbo_crc32c(crc, up + i, 8);
    assert_int_equal(crc, 0x46DD794E);
}

/* --- the decoder --- */

typedef struct span {
    const unsigned char *at, *end;
} span;

typedef struct field {
    int number, wire;
    uint64_t bits; /* varint, fixed */
    span bytes;
} field;

static uint64_t varint(span *in) {
    uint64_t value = 0;
    for (int shift = 0; shift < 64; shift += 7) {
        assert_true(in->at < in->end);
        unsigned char byte = *in->at++;
        value |= (uint64_t)(byte & 0x7F) << shift;
        if (byte < 0x80) return value;
    }
    fail_msg("a varint without end");
    return 0;
}

static uint64_t fixed(span *in, int count) {
    uint64_t value = 0;
    assert_true(in->end - in->at >= count);
    for (int i = 0; i < count; i++) value |= (uint64_t)*in->at++ << 8 * i;
    return value;
}

static bool next_field(span *in, field *out) {
    if (in->at == in->end) return false;
    uint64_t key = varint(in);
    *out = (field){.number = (int)(key >> 3), .wire = (int)(key & 7)};
    switch (out->wire) {
        case 0: out->bits = varint(in); break;
        case 1: out->bits = fixed(in, 8); break;
        case 5: out->bits = fixed(in, 4); break;
        case 2: {
            uint64_t length = varint(in);
            assert_true(length <= (uint64_t)(in->end - in->at));
            out->bytes = (span){in->at, in->at + length};
            in->at += length;
            break;
        }
        default: fail_msg("wire type %d", out->wire);
    }
    return true;
}

/* The field with a number, which must be there with this wire type. */
static field get(span in, int number, int wire) {
    field found;
    while (next_field(&in, &found))
        if (found.number == number) {
            assert_int_equal(found.wire, wire);
            return found;
        }
    fail_msg("no field %d", number);
    return found;
}

static bool has(span in, int number) {
    field found;
    while (next_field(&in, &found))
        if (found.number == number) return true;
    return false;
}

static void assert_text(span bytes, const char *text) {
    assert_int_equal(bytes.end - bytes.at, strlen(text));
    assert_memory_equal(bytes.at, text, strlen(text));
}

static uint32_t unmask(uint64_t masked) {
    uint32_t rotated = (uint32_t)masked - 0xa282ead8u;
    return rotated >> 17 | rotated << 15;
}

/* The next record's event. */
static span next_event(span *file) {
    const unsigned char *start = file->at;
    uint64_t length = fixed(file, 8);
    assert_int_equal(unmask(fixed(file, 4)), slow_crc(start, 8));
    assert_true(length <= (uint64_t)(file->end - file->at));
    span event = {file->at, file->at + length};
    file->at += length;
    assert_int_equal(unmask(fixed(file, 4)), slow_crc(event.at, length));
    return event;
}

static double event_time(span event) {
    double seconds;
    uint64_t bits = get(event, 1, 1).bits;
    memcpy(&seconds, &bits, sizeof seconds);
    return seconds;
}

/* --- tests --- */

static void whole_file(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    double before = (double)time(NULL) - 1;
    elbo_tfevents *events = elbo_tfevents_new(place->folder, &error);
    if (!events) fail_msg("%s", error.message);
    static const elbo_tfevents_scalar scalars[] = {{"loss/train", 150.9}, {"kl \xC3\xA9", -0.25}, {"huge", 1e300}};
    unsigned char png[300];
    for (int i = 0; i < 300; i++) png[i] = (unsigned char)(i * 7);
    assert_int_equal(elbo_tfevents_restart(events, 5, &error), ELBO_OK);
    assert_int_equal(elbo_tfevents_scalars(events, INT64_C(1) << 40, scalars, 3, &error), ELBO_OK);
    assert_int_equal(elbo_tfevents_image(events, 300, "samples", 28, 280, 3, png, sizeof png, &error), ELBO_OK);
    assert_int_equal(elbo_tfevents_scalars(events, 0, scalars, 0, &error), ELBO_OK);

    size_t count;
    char *bytes = scratch_read(elbo_tfevents_path(events), &count);
    span file = {(unsigned char *)bytes, (unsigned char *)bytes + count};
    span event = next_event(&file);
    assert_text(get(event, 3, 2).bytes, "brain.Event:2");
    assert_true(event_time(event) >= before && event_time(event) <= (double)time(NULL) + 1);
    event = next_event(&file);
    assert_int_equal(get(event, 2, 0).bits, 5);
    assert_int_equal(get(get(event, 7, 2).bytes, 1, 0).bits, 1);

    event = next_event(&file);
    assert_true(get(event, 2, 0).bits == UINT64_C(1) << 40);
    span summary = get(event, 5, 2).bytes;
    field value;
    for (int i = 0; i < 3; i++) {
        assert_true(next_field(&summary, &value));
        assert_int_equal(value.number, 1);
        assert_text(get(value.bytes, 1, 2).bytes, scalars[i].tag);
        uint32_t bits = (uint32_t)get(value.bytes, 2, 5).bits;
        float number;
        memcpy(&number, &bits, sizeof number);
        assert_true(number == (float)scalars[i].value);
        assert_false(has(value.bytes, 4));
    }
    assert_false(next_field(&summary, &value));

    event = next_event(&file);
    value = get(get(event, 5, 2).bytes, 1, 2);
    assert_text(get(value.bytes, 1, 2).bytes, "samples");
    span image = get(value.bytes, 4, 2).bytes;
    assert_int_equal(get(image, 1, 0).bits, 28);
    assert_int_equal(get(image, 2, 0).bits, 280);
    assert_int_equal(get(image, 3, 0).bits, 3);
    span encoded = get(image, 4, 2).bytes;
    assert_int_equal(encoded.end - encoded.at, sizeof png);
    assert_memory_equal(encoded.at, png, sizeof png);
    event = next_event(&file);
    assert_false(has(event, 2)); /* step 0 is the default, which protocol buffers leave out */
    assert_true(file.at == file.end);
    free(bytes);
    elbo_tfevents_free(events);
    elbo_tfevents_free(NULL);
}

static void names(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_tfevents *events[3];
    for (int i = 0; i < 3; i++) {
        events[i] = elbo_tfevents_new(place->folder, &error);
        assert_non_null(events[i]);
        const char *name = strrchr(elbo_tfevents_path(events[i]), '/') + 1;
        long long seconds;
        char host[200];
        assert_int_equal(sscanf(name, "events.out.tfevents.%10lld.%199s", &seconds, host), 2);
        assert_true(llabs(seconds - (long long)time(NULL)) < 60);
        assert_int_equal(access(elbo_tfevents_path(events[i]), F_OK), 0);
        for (int k = 0; k < i; k++)
            assert_string_not_equal(elbo_tfevents_path(events[k]), elbo_tfevents_path(events[i]));
    }
    for (int i = 0; i < 3; i++) elbo_tfevents_free(events[i]);
}

static void refused(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_tfevents *events = elbo_tfevents_new(place->folder, &error);
    assert_non_null(events);
    const elbo_tfevents_scalar bad = {"\xFF", 1}, empty = {"", 1};
    assert_int_equal(elbo_tfevents_scalars(events, 1, &bad, 1, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_tfevents_scalars(events, 1, &empty, 1, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_tfevents_image(events, 1, "", 1, 1, 1, "x", 1, &error), ELBO_ERROR_USAGE);
    assert_int_equal(elbo_tfevents_image(events, 1, "x", 1, 1, 1, "x", SIZE_MAX, &error), ELBO_ERROR_USAGE);
    size_t count;
    free(scratch_read(elbo_tfevents_path(events), &count));
    elbo_tfevents_free(events);
    assert_int_equal(count, 12 + 9 + 2 + 13 + 4); /* the version alone */
}

static int files_in(const char *folder) {
    DIR *listing = opendir(folder);
    int count = 0;
    assert_non_null(listing);
    for (struct dirent *entry; (entry = readdir(listing));) count += entry->d_name[0] != '.';
    closedir(listing);
    return count;
}

static void full_and_unwritable(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    const elbo_tfevents_scalar scalar = {"loss", 1};
    size_t count, after;
    assert_null(elbo_tfevents_new("scratch.absent/below", &error));
    assert_int_equal(error.status, ELBO_ERROR_IO);
    assert_non_null(strstr(error.message, "scratch.absent/below"));

    scratch_disk_size(20);
    elbo_tfevents *events = elbo_tfevents_new(place->folder, &error);
    scratch_disk_size(RLIM_INFINITY);
    assert_null(events);
    assert_int_equal(error.status, ELBO_ERROR_IO);
    assert_int_equal(files_in(place->folder), 0);

    events = elbo_tfevents_new(place->folder, &error);
    assert_non_null(events);
    free(scratch_read(elbo_tfevents_path(events), &count));
    scratch_disk_size(count + 20);
    elbo_status status = elbo_tfevents_scalars(events, 1, &scalar, 1, &error);
    scratch_disk_size(RLIM_INFINITY);
    assert_int_equal(status, ELBO_ERROR_IO);
    free(scratch_read(elbo_tfevents_path(events), &after));
    assert_int_equal(after, count); /* no half record */
    assert_int_equal(elbo_tfevents_scalars(events, 1, &scalar, 1, &error), ELBO_OK);
    elbo_tfevents_free(events);
}

static void each_allocation(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_tfevents *events;
    elbo_status status;
    const elbo_tfevents_scalar scalars[] = {{"a", 1}, {"b", 2}};
    SCRATCH_EACH_ALLOCATION(number, events = elbo_tfevents_new(place->folder, &error), {
        assert_int_equal(events == NULL, scratch_reached);
        if (!events) assert_int_equal(error.status, ELBO_ERROR_MEMORY);
        elbo_tfevents_free(events);
    });
    assert_int_equal(files_in(place->folder), 1);
    events = elbo_tfevents_new(place->folder, &error);
    SCRATCH_EACH_ALLOCATION(number, status = elbo_tfevents_scalars(events, 1, scalars, 2, &error),
                            assert_int_equal(status, scratch_reached ? ELBO_ERROR_MEMORY : ELBO_OK));
    SCRATCH_EACH_ALLOCATION(number, status = elbo_tfevents_image(events, 1, "a", 1, 1, 1, "png", 3, &error),
                            assert_int_equal(status, scratch_reached ? ELBO_ERROR_MEMORY : ELBO_OK));
    SCRATCH_EACH_ALLOCATION(number, status = elbo_tfevents_restart(events, 1, &error),
                            assert_int_equal(status, scratch_reached ? ELBO_ERROR_MEMORY : ELBO_OK));
    size_t count, records = 0; /* of all these attempts, the ones that succeeded are in the file, whole */
    char *bytes = scratch_read(elbo_tfevents_path(events), &count);
    for (span file = {(unsigned char *)bytes, (unsigned char *)bytes + count}; file.at < file.end; records++)
        next_event(&file);
    assert_int_equal(records, 4);
    free(bytes);
    elbo_tfevents_free(events);
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(checksum), IN_FOLDER(whole_file),          IN_FOLDER(names),
        IN_FOLDER(refused),         IN_FOLDER(full_and_unwritable), IN_FOLDER(each_allocation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
