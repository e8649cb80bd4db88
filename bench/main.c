#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bench.h"

double bench_now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

static const struct {
    const char *name, *arguments;
    int (*run)(int count, char **argument);
} parts[] = {
    {"limit", "BATCH INPUT HIDDEN LATENT SAMPLES", bench_limit},
    {"products", "f32|bf16 < LIST", bench_products},
    {"watch", "COMMAND [ARGUMENT...]", bench_watch},
    {"start", "COMMAND [ARGUMENT...]", bench_start},
};

int main(int count, char **argument) {
    for (size_t i = 0; count > 2 && i < sizeof parts / sizeof *parts; i++)
        if (strcmp(argument[1], parts[i].name) == 0) {
            int status = parts[i].run(count - 2, argument + 2);
            if (status != 2) return status;
        }
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++)
        fprintf(stderr, "usage: elbo-bench %s %s\n", parts[i].name, parts[i].arguments);
    return 2;
}
