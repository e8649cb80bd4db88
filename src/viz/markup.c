#include <math.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "base/file.h"
#include "base/memory.h"
#include "viz/viz.h"

void elbo_markup_bytes(elbo_markup *markup, const void *bytes, size_t count) {
    if (markup->failed) return;
    if (markup->room - markup->length <= count) {
        size_t room = (markup->room ? markup->room : 2048) + count;
        room += room / 2;
        char *grown = elbo_grow(markup->bytes, markup->length, room);
        if (!grown) {
            markup->failed = true;
            return;
        }
        markup->bytes = grown;
        markup->room = room;
    }
    if (count) memcpy(markup->bytes + markup->length, bytes, count);
    markup->length += count;
    markup->bytes[markup->length] = 0;
}

static void add_text(elbo_markup *markup, const char *text) {
    if (text) elbo_markup_bytes(markup, text, strlen(text));
}

static void add_integer(elbo_markup *markup, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    add_text(markup, text);
}

/* Coordinates lie within the chart, so that tenths fit an integer with ease. */
static void add_coordinate(elbo_markup *markup, double value) {
    if (!(value > -1e9)) value = -1e9;
    if (value > 1e9) value = 1e9;
    long long tenths = llround(value * 10), whole = tenths / 10, rest = tenths % 10;
    char text[32];
    if (rest == 0)
        snprintf(text, sizeof text, "%lld", whole);
    else
        snprintf(text, sizeof text, "%s%lld.%lld", tenths < 0 ? "-" : "", tenths < 0 ? -whole : whole,
                 rest < 0 ? -rest : rest);
    add_text(markup, text);
}

void elbo_markup_add(elbo_markup *markup, const char *format, ...) {
    va_list arguments;
    va_start(arguments, format);
    const char *plain = format;
    for (const char *at = format; *at; at++) {
        if (*at != '%') continue;
        elbo_markup_bytes(markup, plain, (size_t)(at - plain));
        at++;
        plain = at + 1;
        switch (*at) {
            case 's': add_text(markup, va_arg(arguments, const char *)); break;
            case 't': elbo_markup_escaped(markup, va_arg(arguments, const char *)); break;
            case 'd': add_integer(markup, va_arg(arguments, int)); break;
            case 'l': add_integer(markup, va_arg(arguments, int64_t)); break;
            case 'r': add_coordinate(markup, va_arg(arguments, double)); break;
            default: plain = at; break; /* "%%": the second sign begins the next plain stretch */
        }
    }
    add_text(markup, plain);
    va_end(arguments);
}

/* Bytes of the well-formed UTF-8 character at `text` that XML 1.0 allows, 0 if there is none. */
static size_t character_length(const unsigned char *text) {
    uint32_t code = text[0];
    if (code < 0x80) return code >= 0x20 || code == '\t' || code == '\n' || code == '\r' ? 1 : 0;
    size_t length = code >= 0xf0 && code < 0xf5 ? 4 : code >= 0xe0 ? 3 : 2;
    if (code < 0xc2 || code >= 0xf5) return 0;
    code &= 0x7fu >> length;
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80) return 0;
        code = code << 6 | (text[i] & 0x3fu);
    }
    bool overlong = (length == 3 && code < 0x800) || (length == 4 && code < 0x10000);
    bool forbidden = (code >= 0xd800 && code < 0xe000) || code == 0xfffe || code == 0xffff || code > 0x10ffff;
    return overlong || forbidden ? 0 : length;
}

void elbo_markup_escaped(elbo_markup *markup, const char *text) {
    if (!text) return;
    for (const char *at = text; *at;) {
        size_t length = character_length((const unsigned char *)at);
        switch (*at) {
            case '&': add_text(markup, "&amp;"); break;
            case '<': add_text(markup, "&lt;"); break;
            case '>': add_text(markup, "&gt;"); break;
            case '"': add_text(markup, "&quot;"); break;
            case '\'': add_text(markup, "&#39;"); break;
            default:
                if (length)
                    elbo_markup_bytes(markup, at, length);
                else
                    add_text(markup, "\xef\xbf\xbd");
        }
        at += length ? length : 1;
    }
}

/* Digits with a thin space (U+2009) every three, from five digits on. */
static void add_grouped(elbo_markup *markup, const char *digits, size_t count) {
    for (size_t i = 0; i < count; i++) {
        if (i > 0 && count >= 5 && (count - i) % 3 == 0) add_text(markup, "\xe2\x80\x89");
        elbo_markup_bytes(markup, digits + i, 1);
    }
}

void elbo_markup_count(elbo_markup *markup, int64_t value) {
    char text[24];
    snprintf(text, sizeof text, "%lld", (long long)value);
    if (text[0] == '-') add_text(markup, "\xe2\x88\x92");
    const char *digits = text + (text[0] == '-');
    add_grouped(markup, digits, strlen(digits));
}

void elbo_markup_number(elbo_markup *markup, double value, int decimals) {
    char text[400];
    snprintf(text, sizeof text, "%.*f", decimals, value);
    const char *at = text;
    bool negative = *at == '-';
    if (negative) at++;
    size_t digits = strspn(at, "0123456789");
    bool zero = strspn(at, "0.,") == strlen(at);
    if (negative && !zero) add_text(markup, "\xe2\x88\x92");
    if (digits == 0) { /* "nan", "inf" */
        add_text(markup, at);
        return;
    }
    add_grouped(markup, at, digits);
    at += digits;
    at += strcspn(at, "0123456789"); /* the locale's decimal point, which may take several bytes */
    if (*at) {
        add_text(markup, ".");
        add_text(markup, at);
    }
}

void elbo_markup_base64(elbo_markup *markup, const void *bytes, size_t count) {
    static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    const unsigned char *from = bytes;
    for (size_t i = 0; i < count; i += 3) {
        size_t have = count - i < 3 ? count - i : 3;
        uint32_t block = (uint32_t)from[i] << 16;
        if (have > 1) block |= (uint32_t)from[i + 1] << 8;
        if (have > 2) block |= from[i + 2];
        char out[4] = {alphabet[block >> 18], alphabet[block >> 12 & 63], have > 1 ? alphabet[block >> 6 & 63] : '=',
                       have > 2 ? alphabet[block & 63] : '='};
        elbo_markup_bytes(markup, out, 4);
    }
}

elbo_status elbo_markup_save(elbo_markup *markup, const char *path, elbo_error *error) {
    elbo_status status = markup->failed
                             ? elbo_fail_memory(error, markup->length, path)
                             : elbo_file_put(path, markup->bytes ? markup->bytes : "", markup->length, error);
    elbo_markup_clear(markup);
    return status;
}

void elbo_markup_clear(elbo_markup *markup) {
    elbo_free(markup->bytes);
    memset(markup, 0, sizeof *markup);
}

void elbo_array_describe(const elbo_array *array, char text[160]) {
    elbo_markup shape = {0};
    elbo_markup_add(&shape, "%s [", elbo_dtype_name(array->dtype));
    for (int axis = 0; axis < array->rank; axis++) elbo_markup_add(&shape, axis ? ",%l" : "%l", array->shape[axis]);
    elbo_markup_add(&shape, "]");
    size_t length = shape.length < 159 ? shape.length : 159;
    memcpy(text, shape.bytes ? shape.bytes : "", length);
    text[length] = 0;
    elbo_markup_clear(&shape);
}
