/* What the generators share: reading "synth:NAME?key=value&..." and setting up their tables. */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "base/memory.h"
#include "data/synth/synth.h"

elbo_status elbo_synth_table(elbo_table *table, elbo_dtype dtype, int item_rank, const int64_t *item_shape,
                             int64_t train, int64_t test, int classes, elbo_error *error) {
    int64_t shape[ELBO_MAX_RANK] = {train + test};
    for (int i = 0; i < item_rank; i++) shape[1 + i] = item_shape[i];
    ELBO_TRY(elbo_array_new(&table->values, dtype, 1 + item_rank, shape, error));
    ELBO_TRY(elbo_array_new(&table->labels, ELBO_I32, 1, shape, error));
    table->classes = classes;
    table->train_rows = train;
    return ELBO_OK;
}

elbo_status elbo_synth_names(elbo_table *table, const char *const *names, elbo_error *error) {
    size_t bytes = (size_t)table->classes * sizeof *table->class_names;
    table->class_names = elbo_calloc(bytes);
    if (!table->class_names) return elbo_fail_memory(error, bytes, "class names");
    for (int i = 0; i < table->classes; i++) {
        table->class_names[i] = elbo_strdup(names[i]);
        if (!table->class_names[i]) return elbo_fail_memory(error, strlen(names[i]), "class names");
    }
    return ELBO_OK;
}

static elbo_status fail_unknown(const elbo_options *table, const char *name, elbo_error *error) {
    char known[256] = "";
    size_t used = 0;
    for (size_t i = 0; i < table->count && used < sizeof known; i++)
        used += (size_t)snprintf(known + used, sizeof known - used, "%s%s", i ? ", " : "", table->rows[i].name);
    const char *nearest = elbo_options_nearest(&table, 1, name);
    return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no option '%s'%s%s%s; it has %s", table->title, name,
                     nearest ? " (did you mean " : "", nearest ? nearest : "", nearest ? "?)" : "", known);
}

/* One "key=value" of `length` bytes. */
static elbo_status set_pair(const elbo_options *table, void *options, const char *pair, size_t length,
                            elbo_error *error) {
    char text[128];
    if (length >= sizeof text)
        return elbo_fail(error, ELBO_ERROR_USAGE, "'%.*s...' is too long for a key=value", 40, pair);
    memcpy(text, pair, length);
    text[length] = 0;
    char *equals = strchr(text, '=');
    if (!equals) return elbo_fail(error, ELBO_ERROR_USAGE, "'%s' where key=value is expected", text);
    *equals = 0;
    if (!elbo_options_find(table, text)) return fail_unknown(table, text, error);
    return elbo_options_set(table, options, text, equals + 1, error);
}

elbo_status elbo_synth_options(const elbo_options *table, void *options, const char *source, elbo_error *error) {
    ELBO_TRY(elbo_options_init(table, options, error));
    const char *at = strchr(source, '?');
    while (at) {
        const char *pair = at + 1, *end = strchr(pair, '&');
        elbo_status status = set_pair(table, options, pair, end ? (size_t)(end - pair) : strlen(pair), error);
        if (status != ELBO_OK) {
            elbo_options_clear(table, options);
            return elbo_fail_context(error, status, "%.200s", source);
        }
        at = end;
    }
    return ELBO_OK;
}
