#include "base/memory.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Thread_local long allocations, failing;

void elbo_memory_fail_at(long number) {
    allocations = 0;
    failing = number;
}

long elbo_memory_count(void) { return allocations; }

void *elbo_calloc(size_t bytes) {
    if (++allocations == failing) return NULL;
    if (bytes > SIZE_MAX - 64) return NULL;
    size_t rounded = bytes ? (bytes + 63) / 64 * 64 : 64;
    void *pointer = aligned_alloc(64, rounded);
    if (pointer) memset(pointer, 0, rounded);
    return pointer;
}

void elbo_free(void *pointer) { free(pointer); }

void *elbo_grow(void *pointer, size_t old_bytes, size_t new_bytes) {
    void *grown = elbo_calloc(new_bytes);
    if (!grown) return NULL;
    if (pointer) memcpy(grown, pointer, old_bytes < new_bytes ? old_bytes : new_bytes);
    elbo_free(pointer);
    return grown;
}

char *elbo_strdup(const char *text) {
    size_t length = strlen(text) + 1;
    char *copy = elbo_calloc(length);
    if (copy) memcpy(copy, text, length);
    return copy;
}

char *elbo_textf(const char *format, ...) {
    va_list arguments, again;
    va_start(arguments, format);
    va_copy(again, arguments);
    int length = vsnprintf(NULL, 0, format, arguments);
    char *text = length < 0 ? NULL : elbo_calloc((size_t)length + 1);
    if (text) vsnprintf(text, (size_t)length + 1, format, again);
    va_end(again);
    va_end(arguments);
    return text;
}

enum { ARENA_BLOCK = 64 * 1024 };

struct elbo_arena_block {
    struct elbo_arena_block *next;
    size_t used, size;
};

void *elbo_arena_calloc(elbo_arena *arena, size_t bytes) {
    size_t header = (sizeof(struct elbo_arena_block) + 15) / 16 * 16, need = (bytes + 15) / 16 * 16;
    if (need < bytes) return NULL;
    struct elbo_arena_block *block = arena->head;
    if (!block || block->size - block->used < need) {
        size_t size = header + (need > ARENA_BLOCK ? need : ARENA_BLOCK);
        block = elbo_calloc(size);
        if (!block) return NULL;
        block->next = arena->head;
        block->used = header;
        block->size = size;
        arena->head = block;
    }
    void *pointer = (char *)block + block->used;
    block->used += need;
    return pointer;
}

char *elbo_arena_strdup(elbo_arena *arena, const char *text) {
    size_t length = strlen(text) + 1;
    char *copy = elbo_arena_calloc(arena, length);
    if (copy) memcpy(copy, text, length);
    return copy;
}

void elbo_arena_clear(elbo_arena *arena) {
    while (arena->head) {
        struct elbo_arena_block *next = arena->head->next;
        elbo_free(arena->head);
        arena->head = next;
    }
}
