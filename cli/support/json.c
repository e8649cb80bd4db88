#include "support/json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

json_t *elbo_cli_json_real(double value) { return isfinite(value) ? json_real(value) : json_null(); }

json_t *elbo_cli_json_reals(const double *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(array, elbo_cli_json_real(values[i]));
    return array;
}

json_t *elbo_cli_json_integers(const int64_t *values, size_t count) {
    json_t *array = json_array();
    for (size_t i = 0; i < count; i++) json_array_append_new(array, json_integer(values[i]));
    return array;
}

/* Length of the UTF-8 character at the start of text, 0 where there is none.  Overlong forms, surrogates and numbers
 * above U+10FFFF are left to jansson, which refuses them. */
static size_t character_length(const char *text) {
    unsigned char first = (unsigned char)text[0];
    size_t length = first < 0x80 ? 1 : first < 0xc2 ? 0 : first < 0xe0 ? 2 : first < 0xf0 ? 3 : first < 0xf5 ? 4 : 0;
    for (size_t i = 1; i < length; i++)
        if (((unsigned char)text[i] & 0xc0) != 0x80) return 0;
    return length;
}

static json_t *repaired(const char *text) {
    static const char replacement[] = "\xef\xbf\xbd";
    char *copy = calloc(strlen(text) * 3 + 1, 1);
    if (!copy) return NULL;
    size_t used = 0;
    while (*text) {
        size_t length = character_length(text);
        json_t *valid = length ? json_stringn(text, length) : NULL;
        memcpy(copy + used, valid ? text : replacement, valid ? length : 3);
        used += valid ? length : 3;
        text += valid ? length : 1;
        json_decref(valid);
    }
    json_t *string = json_string(copy);
    free(copy);
    return string;
}

json_t *elbo_cli_json_text(const char *text) {
    if (!text) return json_null();
    json_t *string = json_string(text);
    return string ? string : repaired(text);
}

int elbo_cli_json_print(const elbo_context *context, json_t *object) {
    char *text = object ? json_dumps(object, JSON_REAL_PRECISION(15)) : NULL;
    json_decref(object);
    if (!text) {
        elbo_error error = {.status = ELBO_ERROR_MEMORY};
        return elbo_context_fail(context, &error);
    }
    puts(text);
    free(text);
    return ELBO_EXIT_OK;
}
