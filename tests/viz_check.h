/* Shared by the tests of pictures: a folder for files, and a checker of markup. */
#ifndef ELBO_TESTS_VIZ_CHECK_H
#define ELBO_TESTS_VIZ_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>
#include <ctype.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "viz/viz.h"

#define COUNT(list) (sizeof(list) / sizeof(list)[0])

/* Typographic minus and thin space, as labels have them. */
#define MINUS "\xe2\x88\x92"
#define THIN  "\xe2\x80\x89"

/* A call that must fail with a status and a message. */
#define REFUSED(call, wanted, says)                                                         \
    do {                                                                                    \
        assert_int_equal(call, wanted);                                                     \
        if (!strstr(error.message, says)) fail_msg("'%s' lacks '%s'", error.message, says); \
    } while (0)

static char folder[] = "viz_test_XXXXXX";

static inline const char *path_of(const char *name) {
    static char path[4][128];
    static int next;
    char *out = path[next++ % 4];
    snprintf(out, sizeof path[0], "%s/%s", folder, name);
    return out;
}

/* not inlined: GCC 12 otherwise takes the block for the variable that pointed to it and warns */
__attribute__((noinline, unused)) static char *read_text(const char *path) {
    char *bytes;
    size_t count;
    elbo_error error = {0};
    if (elbo_file_get(path, 64 << 20, &bytes, &count, &error) != ELBO_OK) fail_msg("%s", error.message);
    assert_int_equal(strlen(bytes), count);
    return bytes;
}

static inline elbo_array array_of(elbo_dtype dtype, void *data, int rank, int64_t a, int64_t b, int64_t c, int64_t d) {
    elbo_array array = {.dtype = dtype, .rank = rank, .shape = {a, b, c, d}, .data = data};
    return array;
}

static inline void draw(const elbo_array *images, const elbo_picture *picture, const char *path) {
    elbo_error error = {0};
    if (elbo_picture_grid(images, picture, path, &error) != ELBO_OK) fail_msg("%s", error.message);
}

/* ---- a checker of markup ---- */

static inline const char *skip_tag(const char *at) {
    for (char quote = 0; *at && (quote || *at != '>'); at++) {
        if (quote ? *at == quote : *at == '"' || *at == '\'') quote = quote ? 0 : *at;
        if (*at == '<') return NULL;
    }
    return *at ? at : NULL;
}

static inline bool is_void_tag(const char *name) {
    return !strcmp(name, "meta") || !strcmp(name, "img") || !strcmp(name, "!doctype");
}

static const char *const entities[] = {"&amp;", "&lt;", "&gt;", "&quot;", "&#39;"};

static inline bool is_entity(const char *at) {
    for (size_t i = 0; i < COUNT(entities); i++)
        if (strncmp(at, entities[i], strlen(entities[i])) == 0) return true;
    return false;
}

/* NULL if tags balance, attributes are quoted and every & is an entity; else what is wrong. */
static inline const char *markup_fault(const char *text) {
    char open[64][16];
    int depth = 0;
    for (const char *at = text; *at; at++) {
        if (*at == '&' && !is_entity(at)) return "a raw &";
        if (*at != '<') continue;
        bool closing = at[1] == '/';
        const char *name = at + 1 + closing, *end = skip_tag(name);
        if (!end) return "a tag that does not end";
        char word[16] = "";
        for (size_t i = 0; i < 15 && (isalnum((unsigned char)name[i]) || name[i] == '!'); i++) word[i] = name[i];
        if (closing && (depth == 0 || strcmp(open[--depth], word) != 0)) return "tags that do not balance";
        if (!closing && end[-1] != '/' && !is_void_tag(word)) {
            if (depth == 64) return "too deep";
            memcpy(open[depth++], word, sizeof word);
        }
        at = end;
    }
    return depth ? "a tag that is never closed" : NULL;
}

static inline int make_folder(void **state) {
    (void)state;
    return mkdtemp(folder) ? 0 : -1;
}

/* Fails when anything but the named files was left behind: temporary ones, say. */
static inline int remove_files(const char *const *files, size_t count) {
    for (size_t i = 0; i < count; i++) (void)unlink(path_of(files[i]));
    return rmdir(folder);
}

#endif
