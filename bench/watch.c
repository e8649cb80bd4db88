/* What a command uses: wall time and the peak of its resident memory, as the kernel counted it. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench.h"

enum { STARTS = 31 };

/* Runs a command, its standard output thrown away; seconds and peak memory. Returns its exit status. */
static int run(char **argument, double *seconds, long *kilobytes) {
    struct rusage usage;
    int status = 0;
    double start = bench_now();
    pid_t child = fork();
    if (child == 0) {
        int nowhere = open("/dev/null", O_WRONLY);
        if (nowhere >= 0) dup2(nowhere, STDOUT_FILENO);
        execvp(argument[0], argument);
        fprintf(stderr, "elbo-bench: %s: %s\n", argument[0], strerror(errno));
        _exit(127);
    }
    if (child < 0 || wait4(child, &status, 0, &usage) != child) return 1;
    *seconds = bench_now() - start;
    *kilobytes = usage.ru_maxrss;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int bench_watch(int count, char **argument) {
    (void)count;
    double seconds;
    long kilobytes;
    int status = run(argument, &seconds, &kilobytes);
    if (status != 0) return 1;
    printf("seconds %.3f\npeak_megabytes %.1f\n", seconds, (double)kilobytes / 1024);
    return 0;
}

static int by_value(const void *a, const void *b) {
    double x = *(const double *)a, y = *(const double *)b;
    return (x > y) - (x < y);
}

int bench_start(int count, char **argument) {
    (void)count;
    double seconds[STARTS];
    long kilobytes;
    for (int i = 0; i < STARTS; i++)
        if (run(argument, &seconds[i], &kilobytes) != 0) return 1;
    qsort(seconds, STARTS, sizeof *seconds, by_value);
    printf("start_milliseconds %.2f\n", 1e3 * seconds[STARTS / 2]);
    return 0;
}
