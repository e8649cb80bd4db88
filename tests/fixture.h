/* Numbers that a script wrote for a test: lines of a name, a count, and that many values. */
#ifndef ELBO_TESTS_FIXTURE_H
#define ELBO_TESTS_FIXTURE_H

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { FIXTURE_MOST = 512 };

typedef struct entry {
    char name[96];
    int count;
    double *value;
} entry;

static entry fixture[FIXTURE_MOST];
static int entries;

/* 0 if the file could be read and holds more than `least` entries. */
static inline int fixture_load(const char *path, int least) {
    FILE *file = fopen(path, "r");
    if (!file) return 1;
    while (entries < FIXTURE_MOST && fscanf(file, "%95s %d", fixture[entries].name, &fixture[entries].count) == 2) {
        entry *e = &fixture[entries++];
        e->value = malloc(sizeof(double) * (size_t)e->count);
        for (int i = 0; i < e->count; i++)
            if (!e->value || fscanf(file, "%lf", &e->value[i]) != 1) {
                fclose(file);
                return 1;
            }
    }
    fclose(file);
    return entries > least ? 0 : 1;
}

static inline int fixture_unload(void **state) {
    (void)state;
    for (int i = 0; i < entries; i++) free(fixture[i].value);
    return 0;
}

/* NULL if there is none of that name. */
static inline const entry *fixture_find(const char *name) {
    for (int i = 0; i < entries; i++)
        if (strcmp(fixture[i].name, name) == 0) return &fixture[i];
    return NULL;
}

#endif
