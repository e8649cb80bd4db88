/* Aligned memory and an arena.  Every allocation of the library comes through here, so that tests can make each one
 * fail in turn. */
#ifndef ELBO_BASE_MEMORY_H
#define ELBO_BASE_MEMORY_H

#include <stddef.h>

/* Zeroed, 64-byte aligned; a request of 0 bytes yields a valid pointer; NULL when out of memory. */
void *elbo_calloc(size_t bytes);
/* Accepts NULL. */
void elbo_free(void *pointer);
/* Grows a block from elbo_calloc, new bytes zeroed; NULL leaves the old block as it was. */
void *elbo_grow(void *pointer, size_t old_bytes, size_t new_bytes);
char *elbo_strdup(const char *text);
/* A new string from a format; NULL when out of memory. */
char *elbo_textf(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* Test hook: the allocation with this number (counted from 1 after the call) returns NULL; 0 switches it off.
 * Per thread. */
void elbo_memory_fail_at(long number);
/* Allocations by this thread since the last elbo_memory_fail_at. */
long elbo_memory_count(void);

/* Blocks that are freed together.  A zeroed struct is an empty arena. */
typedef struct elbo_arena {
    struct elbo_arena_block *head;
} elbo_arena;
void *elbo_arena_calloc(elbo_arena *arena, size_t bytes); /* zeroed, 16-byte aligned; NULL when out of memory */
char *elbo_arena_strdup(elbo_arena *arena, const char *text);
void elbo_arena_clear(elbo_arena *arena);

#endif
