/* How the rate changes while training goes on. */
#include <math.h>
#include <string.h>

#include "optim/optim.h"

typedef double rate_function(const elbo_optimiser_options *options, double epoch, double epochs);

typedef struct schedule {
    const char *name, *description;
    rate_function *rate;
} schedule;

static double constant(const elbo_optimiser_options *options, double epoch, double epochs) {
    (void)epoch;
    (void)epochs;
    return options->lr;
}

static double step(const elbo_optimiser_options *options, double epoch, double epochs) {
    (void)epochs;
    /* 0.3 / 0.1 is a little less than 3 */
    return options->lr * pow(options->lr_decay, floor(epoch / options->lr_every * (1 + 1e-12) + 1e-12));
}

static double exponential(const elbo_optimiser_options *options, double epoch, double epochs) {
    (void)epochs;
    return options->lr * pow(options->lr_decay, epoch / options->lr_every);
}

static double cosine(const elbo_optimiser_options *options, double epoch, double epochs) {
    double share = epochs > 0 ? fmin(epoch / epochs, 1) : 0;
    return options->lr_min + (options->lr - options->lr_min) * 0.5 * (1 + cos(3.14159265358979323846 * share));
}

/* Stage i = 0..7 takes 3^i epochs: borders at 1, 4, 13, 40, 121, 364, 1093, 3280. A training of fewer epochs than these
 * has borders in proportion, so that it, too, goes through all stages. */
static double iwae(const elbo_optimiser_options *options, double epoch, double epochs) {
    const double all = 3280;
    int stage = 0;
    if (epochs > 0 && epochs < all) epoch *= all / epochs * (1 + 1e-12); /* a border of whole epochs is reached there */
    for (double length = 1, border = 1; stage < 7 && epoch >= border; stage++) {
        length *= 3;
        border += length;
    }
    return options->lr * pow(10, -stage / 7.0);
}

static const schedule schedules[] = {
    {"constant", "the rate stays at --lr", constant},
    {"step", "times --lr-decay after every --lr-every epochs", step},
    {"exponential", "falls evenly by --lr-decay over every --lr-every epochs", exponential},
    {"cosine", "half a cosine from --lr to --lr-min over all epochs (Loshchilov and Hutter 2017, without restarts)",
     cosine},
    {"iwae",
     "stage i = 0..7 lasts 3^i epochs at --lr times 10^(-i/7), 3280 in all; fewer --epochs shorten all stages alike "
     "(Burda et al. 2016)",
     iwae},
};

static const schedule *find(const char *name) {
    for (size_t i = 0; name && i < sizeof schedules / sizeof *schedules; i++)
        if (strcmp(schedules[i].name, name) == 0) return &schedules[i];
    return NULL;
}

double elbo_schedule_rate(const elbo_optimiser_options *options, double epoch, double epochs, int64_t number) {
    const schedule *found = find(options->schedule);
    if (!found) return NAN;
    double rate = found->rate(options, epoch, epochs);
    if (rate < options->lr_min) rate = options->lr_min;
    if (number < options->lr_warmup) rate *= (double)number / (double)options->lr_warmup;
    return rate;
}

const char *elbo_schedule_describe(const char *name) {
    const schedule *found = find(name);
    return found ? found->description : NULL;
}
