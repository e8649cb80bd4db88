#include "support/figures.h"

#include <math.h>
#include <stdio.h>

#include "support/interrupt.h"
#include "support/progress.h"
#include "support/text.h"

/* ---- Evaluating ---- */

static bool show(void *user, double share) {
    elbo_cli_progress_update(user, &(elbo_cli_progress_state){"evaluating", share, share, NULL, 0});
    return elbo_cli_interrupt_requested();
}

elbo_status elbo_cli_evaluate(elbo_cli_run *run, const elbo_evaluation_options *options, elbo_evaluation *out,
                              elbo_error *error) {
    elbo_cli_progress bar;
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&bar, run->context);
    elbo_status status = elbo_evaluate(run->model, run->dataset, options, show, &bar, out, error);
    elbo_cli_progress_end(&bar);
    return status;
}

/* ---- JSON ---- */

json_t *elbo_cli_figures_json(const elbo_evaluation *e) {
    const struct {
        const char *name;
        double value;
    } reals[] = {{"elbo", e->elbo},
                 {"elbo_stderr", e->elbo_stderr},
                 {"reconstruction", e->reconstruction},
                 {"kl", e->kl},
                 {"nll", e->nll},
                 {"nll_stderr", e->nll_stderr},
                 {"nll_sampling_error", e->nll_sampling_error},
                 {"ess_mean", e->ess_mean},
                 {"mutual_information", e->mutual_information},
                 {"seconds", e->seconds}};
    json_t *object = json_object();
    json_object_set_new(object, "count", json_integer(e->count));
    json_object_set_new(object, "samples", json_integer(e->samples));
    json_object_set_new(object, "latent", json_integer(e->latent));
    json_object_set_new(object, "active_units", json_integer(e->active_units));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        json_object_set_new(object, reals[i].name, elbo_cli_json_real(reals[i].value));
    json_object_set_new(object, "kl_per_dim", elbo_cli_json_reals(e->kl_per_dim, (size_t)e->latent));
    json_object_set_new(object, "warning", elbo_cli_json_text(e->warning[0] ? e->warning : NULL));
    return object;
}

/* ---- Text ---- */

static void line(const char *name, double value, double error, const char *note) {
    char about[32] = "";
    if (!isnan(error)) snprintf(about, sizeof about, "+- %.3f", error);
    printf("  %-20s %10.3f", name, value);
    if (*note)
        printf(" %-11s%s\n", about, note);
    else
        printf("%s%s\n", *about ? " " : "", about);
}

static void print_likelihood(const elbo_evaluation *e) {
    char note[128];
    if (e->samples <= 0) return;
    snprintf(note, sizeof note, "%lld samples, their error %.3f", (long long)e->samples, e->nll_sampling_error);
    line("NLL", e->nll, e->nll_stderr, note);
    snprintf(note, sizeof note, "of %lld samples", (long long)e->samples);
    line("effective samples", e->ess_mean, NAN, note);
}

static void print_kl(const elbo_evaluation *e) {
    enum { SHOWN = 32, PER_LINE = 8 };
    int64_t shown = e->latent < SHOWN ? e->latent : SHOWN;
    for (int64_t i = 0; i < shown; i++)
        printf("%s%7.3f%s", i % PER_LINE ? "" : "    ", e->kl_per_dim[i], i % PER_LINE == PER_LINE - 1 ? "\n" : "");
    if (shown % PER_LINE) putchar('\n');
    if (shown < e->latent) printf("    and %lld more (--json shows all)\n", (long long)(e->latent - shown));
}

void elbo_cli_figures_print(const elbo_evaluation *e, const char *rows) {
    printf("%s, nats for each (+- standard error over rows)\n", rows);
    line("-ELBO", -e->elbo, e->elbo_stderr, "");
    line("  reconstruction", e->reconstruction, NAN, "-E log p(x|z)");
    line("  KL", e->kl, NAN, "q(z|x) from p(z)");
    print_likelihood(e);
    if (!isnan(e->mutual_information)) line("mutual information", e->mutual_information, NAN, "between x and z");
    printf("  %-20s %6lld of %lld\n", "active dimensions", (long long)e->active_units, (long long)e->latent);
    puts("  KL of each dimension");
    print_kl(e);
    printf("  %-20s %10.1f s\n", "time", e->seconds);
    if (!e->warning[0]) return;
    putchar('\n');
    int column = printf("warning:");
    putchar(' ');
    elbo_cli_text_wrap(stdout, e->warning, column + 1, 0);
}
