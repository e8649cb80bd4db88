/* The least time that a training step and a likelihood estimate of the VAE can take here: their matrix products at
 * oneDNN's best, nothing else for the likelihood, and for the step the optimiser's traffic over the memory rate. */
#include <stdio.h>
#include <stdlib.h>

#include "bench.h"

/* Adam reads gradient, parameter and two moments and writes the last three: seven f32. */
enum { ADAM_BYTES = 28, ARRAY = 1 << 25, TRIADS = 8 };

double bench_memory_rate(void) {
    float *a = malloc(ARRAY * sizeof *a), *b = malloc(ARRAY * sizeof *b), *c = malloc(ARRAY * sizeof *c);
    double best = 0;
    if (a && b && c) {
#pragma omp parallel for schedule(static)
        for (int64_t i = 0; i < ARRAY; i++) a[i] = b[i] = c[i] = 1;
        for (int repetition = 0; repetition < TRIADS; repetition++) {
            double start = bench_now();
#pragma omp parallel for schedule(static)
            for (int64_t i = 0; i < ARRAY; i++) a[i] = b[i] + 0.5f * c[i];
            double rate = 3.0 * ARRAY * sizeof *a / (bench_now() - start);
            if (rate > best) best = rate;
        }
    }
    free(a);
    free(b);
    free(c);
    return best;
}

typedef struct network {
    int64_t batch, input, hidden, latent, samples;
} network;

/* Forwards, backwards to the inputs of every layer but the first, and to the weights. */
static double step_products(const network *n, bool bf16) {
    const int64_t layer[4][2] = {
        {n->input, n->hidden}, {n->hidden, 2 * n->latent}, {n->latent, n->hidden}, {n->hidden, n->input}};
    double total = 0;
    for (int i = 0; i < 4; i++) {
        int64_t in = layer[i][0], out = layer[i][1];
        double forward = bench_product(n->batch, in, out, bf16), weights = bench_product(in, n->batch, out, bf16);
        double back = i ? bench_product(n->batch, out, in, bf16) : 0;
        printf("product_%d_%s forward %.1f back %.1f weights %.1f us\n", i + 1, bf16 ? "bf16" : "f32", 1e6 * forward,
               1e6 * back, 1e6 * weights);
        total += forward + back + weights;
    }
    return total;
}

static double parameters(const network *n) {
    int64_t encoder = n->input * n->hidden + n->hidden + 2 * n->latent * (n->hidden + 1);
    return (double)(encoder + n->latent * n->hidden + n->hidden + n->hidden * n->input + n->input);
}

int bench_limit(int count, char **argument) {
    if (count != 5) return 2;
    network n = {atoll(argument[0]), atoll(argument[1]), atoll(argument[2]), atoll(argument[3]), atoll(argument[4])};
    if (n.batch < 1 || n.input < 1 || n.hidden < 1 || n.latent < 1 || n.samples < 1) return 2;
    double rate = bench_memory_rate(), optimiser = parameters(&n) * ADAM_BYTES / rate;
    printf("memory_gigabytes_per_second %.2f\nadam_us %.1f\n", rate * 1e-9, optimiser * 1e6);
    for (int bf16 = 0; bf16 < 2; bf16++) {
        const char *precision = bf16 ? "bf16" : "f32";
        double products = step_products(&n, bf16);
        double datum =
            bench_product(n.samples, n.latent, n.hidden, bf16) + bench_product(n.samples, n.hidden, n.input, bf16);
        printf("step_products_%s_us %.1f\nstep_limit_%s_samples_per_second %.0f\n", precision, products * 1e6,
               precision, (double)n.batch / (products + optimiser));
        printf("likelihood_limit_%s_seconds_for_10000 %.1f\n", precision, datum * 1e4);
    }
    return 0;
}
