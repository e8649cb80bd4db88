/* Generated data as a source: "synth:NAME" or "synth:NAME?key=value&...". */
#include <stdio.h>
#include <string.h>

#include "base/error.h"
#include "data/synth/synth.h"

static elbo_status read_glyphs(elbo_table *table, const char *source, elbo_error *error) {
    elbo_glyphs_options options;
    ELBO_TRY(elbo_synth_options(&elbo_glyphs_options_table, &options, source, error));
    return elbo_synth_glyphs(table, &options, error);
}

static elbo_status read_sprites(elbo_table *table, const char *source, elbo_error *error) {
    elbo_sprites_options options;
    ELBO_TRY(elbo_synth_options(&elbo_sprites_options_table, &options, source, error));
    return elbo_synth_sprites(table, &options, error);
}

static elbo_status read_mixture(elbo_table *table, const char *source, elbo_error *error) {
    elbo_mixture_options options;
    ELBO_TRY(elbo_synth_options(&elbo_mixture_options_table, &options, source, error));
    return elbo_synth_mixture(table, &options, error);
}

static elbo_status read_topics(elbo_table *table, const char *source, elbo_error *error) {
    elbo_topics_options options;
    ELBO_TRY(elbo_synth_options(&elbo_topics_options_table, &options, source, error));
    return elbo_synth_topics(table, &options, error);
}

static elbo_status read_onehot(elbo_table *table, const char *source, elbo_error *error) {
    elbo_onehot_options options;
    ELBO_TRY(elbo_synth_options(&elbo_onehot_options_table, &options, source, error));
    return elbo_synth_onehot(table, &options, error);
}

static elbo_status read_ring(elbo_table *table, const char *source, elbo_error *error) {
    elbo_ring_options options;
    ELBO_TRY(elbo_synth_options(&elbo_ring_options_table, &options, source, error));
    return elbo_synth_ring(table, &options, error);
}

/* None of the generators has an option that owns memory, so there is nothing to clear above. */
static const struct {
    const char *name;
    elbo_status (*read)(elbo_table *table, const char *source, elbo_error *error);
} generators[] = {{"glyphs", read_glyphs}, {"sprites", read_sprites}, {"mixture", read_mixture},
                  {"topics", read_topics}, {"onehot", read_onehot},   {"ring", read_ring}};
enum { GENERATORS = sizeof generators / sizeof *generators };

static elbo_status fail_unknown(const char *name, elbo_error *error) {
    elbo_option rows[GENERATORS] = {{0}};
    char known[128] = "";
    size_t used = 0;
    for (int i = 0; i < GENERATORS; i++) {
        rows[i].name = generators[i].name;
        used += (size_t)snprintf(known + used, sizeof known - used, "%ssynth:%s", i ? ", " : "", generators[i].name);
    }
    const elbo_options table = {"synth", rows, GENERATORS, 0}, *tables[1] = {&table};
    const char *nearest = elbo_options_nearest(tables, 1, name);
    return elbo_fail(error, ELBO_ERROR_USAGE, "no generator 'synth:%s'%s%s%s; the generators are %s", name,
                     nearest ? " (did you mean synth:" : "", nearest ? nearest : "", nearest ? "?)" : "", known);
}

static bool claims(const char *path, const char *key, bool is_folder) {
    (void)key;
    return !is_folder && strncmp(path, "synth:", 6) == 0;
}

static elbo_status read(elbo_table *table, const char *path, const char *key, const elbo_data_options *options,
                        elbo_error *error) {
    (void)options; /* selection and splitting are the data set's business */
    if (key)
        return elbo_fail(error, ELBO_ERROR_USAGE, "%.200s#%.60s: a generator has no parts to choose with '#'", path,
                         key);
    char name[64];
    snprintf(name, sizeof name, "%.*s", (int)strcspn(path + 6, "?"), path + 6);
    for (int i = 0; i < GENERATORS; i++) {
        if (strcmp(name, generators[i].name) != 0) continue;
        elbo_status status = generators[i].read(table, path, error);
        if (status != ELBO_OK) elbo_table_clear(table);
        return status;
    }
    return fail_unknown(name, error);
}

const elbo_format elbo_format_synth = {
    .name = "synth",
    .description =
        "generated: synth:glyphs, synth:sprites, synth:mixture, synth:topics, synth:onehot, synth:ring, with "
        "?key=value&... for their options",
    .claims = claims,
    .read = read,
};
