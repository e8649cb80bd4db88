/* The parts of elbo-bench. Each prints "name value" lines and returns an exit status. */
#ifndef ELBO_BENCH_BENCH_H
#define ELBO_BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Seconds of a steady clock. */
double bench_now(void);

/* The least seconds of one product [m, k] x [k, n] by oneDNN, over every layout of the operands (plain, transposed,
 * and the kernel's own choice) and all repetitions; 0 when it cannot run. */
double bench_product(int64_t m, int64_t k, int64_t n, bool bf16);

/* Bytes per second of a = b + s c over arrays far larger than the caches. */
double bench_memory_rate(void);

/* elbo-bench limit BATCH INPUT HIDDEN LATENT SAMPLES */
int bench_limit(int count, char **argument);
/* elbo-bench products f32|bf16: lines "batch m k n repeats" of standard input -> the least time of all, and the memory
 * rate */
int bench_products(int count, char **argument);
/* elbo-bench watch COMMAND...: its wall time and peak memory */
int bench_watch(int count, char **argument);
/* elbo-bench start COMMAND...: the median of many starts */
int bench_start(int count, char **argument);

#endif
