/* The least time of a list of products: those of a training step, as `elbo train --profile` lists them. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"

enum { MOST = 1024 };

typedef struct product {
    int64_t batch, m, k, n;
    double seconds;
} product;

static product known[MOST];
static int count_known;

/* Each shape is timed once. */
static double seconds_of(const product *wanted, bool bf16) {
    for (int i = 0; i < count_known; i++) {
        const product *one = &known[i];
        if (one->batch == wanted->batch && one->m == wanted->m && one->k == wanted->k && one->n == wanted->n)
            return one->seconds;
    }
    double seconds = (double)wanted->batch * bench_product(wanted->m, wanted->k, wanted->n, bf16);
    if (count_known < MOST) {
        known[count_known] = *wanted;
        known[count_known++].seconds = seconds;
    }
    return seconds;
}

int bench_products(int count, char **argument) {
    if (count != 1 || (strcmp(argument[0], "f32") != 0 && strcmp(argument[0], "bf16") != 0)) return 2;
    bool bf16 = strcmp(argument[0], "bf16") == 0;
    double sum = 0, repeats;
    product one = {0};
    int line = 0, read;
    while ((read = scanf("%" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %lf", &one.batch, &one.m, &one.k, &one.n,
                         &repeats)) == 5) {
        line++;
        double seconds = one.batch > 0 && one.m > 0 && one.k > 0 && one.n > 0 ? seconds_of(&one, bf16) : 0;
        if (!(seconds > 0)) {
            fprintf(stderr, "elbo-bench: line %d: no product of this size\n", line);
            return 1;
        }
        sum += repeats * seconds;
    }
    if (read != EOF) {
        fprintf(stderr, "elbo-bench: line %d: batch, m, k, n and repeats were expected\n", line + 1);
        return 1;
    }
    printf("products_us %.2f\nmemory_gigabytes_per_second %.2f\n", 1e6 * sum, 1e-9 * bench_memory_rate());
    return 0;
}
