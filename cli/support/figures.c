#include "support/figures.h"

#include <math.h>
#include <stdio.h>
#include <string.h>

#include "support/interrupt.h"
#include "support/progress.h"
#include "support/save.h"
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

static json_t *whole_numbers(const elbo_ints *list) {
    json_t *array = json_array();
    for (int i = 0; i < list->count; i++) json_array_append_new(array, json_integer(list->value[i]));
    return array;
}

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
                 {"document_perplexity", e->document_perplexity},
                 {"document_perplexity_stderr", e->document_perplexity_stderr},
                 {"corpus_perplexity", e->corpus_perplexity},
                 {"seconds", e->seconds}};
    json_t *object = json_object();
    json_object_set_new(object, "count", json_integer(e->count));
    json_object_set_new(object, "samples", json_integer(e->samples));
    json_object_set_new(object, "latent", json_integer(e->latent));
    json_object_set_new(object, "active_units", json_integer(e->active_units));
    json_object_set_new(object, "layers", whole_numbers(&e->layers));
    json_object_set_new(object, "layer_active", whole_numbers(&e->layer_active));
    json_object_set_new(object, "layer_used", whole_numbers(&e->layer_used));
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

/* The two forms differ where long documents are easier: each document counts the same, or each word. */
static void print_perplexity(const elbo_evaluation *e) {
    char note[96] = "exp of the mean of -ELBO / words";
    if (isnan(e->document_perplexity)) return;
    line("perplexity", e->document_perplexity, e->document_perplexity_stderr, note);
    int used = snprintf(note, sizeof note, "exp(sum -ELBO / sum words), %.0f words", e->words);
    if (e->empty_documents > 0)
        snprintf(note + used, sizeof note - (size_t)used, ", %lld empty rows", (long long)e->empty_documents);
    line("  of the corpus", e->corpus_perplexity, NAN, note);
}

static void print_kl(const elbo_evaluation *e) {
    enum { SHOWN = 32, PER_LINE = 8 };
    int64_t shown = e->latent < SHOWN ? e->latent : SHOWN;
    for (int64_t i = 0; i < shown; i++)
        printf("%s%7.3f%s", i % PER_LINE ? "" : "    ", e->kl_per_dim[i], i % PER_LINE == PER_LINE - 1 ? "\n" : "");
    if (shown % PER_LINE) putchar('\n');
    if (shown < e->latent) printf("    and %lld more (--json shows all)\n", (long long)(e->latent - shown));
}

/* about: what the warning is about, or "". */
static void print_warning(const char *about, const char *text) {
    if (!text[0]) return;
    int column = *about ? printf("warning: %s:", about) : printf("warning:");
    putchar(' ');
    elbo_cli_text_wrap(stdout, text, column + 1, 0);
}

/* Of a model with codes instead of a posterior. */
static void print_error(const elbo_evaluation *e, const char *rows) {
    printf("%s\n", rows);
    line("reconstruction error", e->reconstruction, NAN, "for each row, by the model's loss");
    printf("  %-20s %6lld of %lld\n", "active dimensions", (long long)e->active_units, (long long)e->latent);
    printf("  %-20s %10.1f s\n", "time", e->seconds);
    print_warning("", e->warning);
}

static void print_units(const elbo_evaluation *e) {
    printf("  %-20s %6lld of %lld\n", "active dimensions", (long long)e->active_units, (long long)e->latent);
    for (int i = 0; i < e->layers.count && e->layers.count > 1; i++) {
        char name[32];
        snprintf(name, sizeof name, "  level %d", i + 1);
        printf("  %-20s %6lld of %lld, %lld with a KL above 0.01%s\n", name, (long long)e->layer_active.value[i],
               (long long)e->layers.value[i], (long long)e->layer_used.value[i], i == 0 ? "; next to the data" : "");
    }
}

void elbo_cli_figures_print(const elbo_evaluation *e, const char *rows) {
    if (isnan(e->elbo)) {
        print_error(e, rows);
        return;
    }
    printf("%s, nats for each (+- standard error over rows)\n", rows);
    line("-ELBO", -e->elbo, e->elbo_stderr, "");
    line("  reconstruction", e->reconstruction, NAN, "-E log p(x|z)");
    line("  KL", e->kl, NAN, "q(z|x) from p(z)");
    print_likelihood(e);
    if (!isnan(e->mutual_information)) line("mutual information", e->mutual_information, NAN, "between x and z");
    print_perplexity(e);
    print_units(e);
    puts("  KL of each dimension");
    print_kl(e);
    printf("  %-20s %10.1f s\n", "time", e->seconds);
    if (e->warning[0]) putchar('\n');
    print_warning("", e->warning);
}

/* ---- Likelihoods side by side ---- */

elbo_status elbo_cli_likelihoods(elbo_cli_run *run, const elbo_evaluation_options *evaluation,
                                 const elbo_likelihood_options *options, elbo_likelihood_comparison *out,
                                 elbo_error *error) {
    elbo_cli_progress bar;
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&bar, run->context);
    elbo_status status = elbo_likelihoods(run->model, run->dataset, evaluation, options, show, &bar, out, error);
    elbo_cli_progress_end(&bar);
    return status;
}

static json_t *estimate_json(const elbo_likelihood_estimate *e) {
    const struct {
        const char *name;
        double value;
    } reals[] = {{"nll", e->nll},
                 {"nll_stderr", e->nll_stderr},
                 {"nll_sampling_error", e->nll_sampling_error},
                 {"reverse_nll", e->reverse_nll},
                 {"reverse_stderr", e->reverse_stderr},
                 {"reverse_sampling_error", e->reverse_sampling_error},
                 {"ess_mean", e->ess_mean},
                 {"acceptance", e->acceptance},
                 {"r_hat", e->r_hat},
                 {"seconds", e->seconds}};
    json_t *object = json_object();
    json_object_set_new(object, "method", elbo_cli_json_text(e->method));
    for (size_t i = 0; i < sizeof reals / sizeof *reals; i++)
        json_object_set_new(object, reals[i].name, elbo_cli_json_real(reals[i].value));
    json_object_set_new(object, "reverse_exact", json_boolean(e->reverse_exact));
    json_object_set_new(object, "warning", elbo_cli_json_text(e->warning[0] ? e->warning : NULL));
    return object;
}

json_t *elbo_cli_likelihoods_json(const elbo_likelihood_comparison *c) {
    json_t *object = json_object(), *methods = json_array();
    json_object_set_new(object, "count", json_integer(c->count));
    json_object_set_new(object, "latent", json_integer(c->latent));
    json_object_set_new(object, "simulated", json_boolean(c->simulated));
    json_object_set_new(object, "elbo", elbo_cli_json_real(c->elbo));
    json_object_set_new(object, "elbo_stderr", elbo_cli_json_real(c->elbo_stderr));
    json_object_set_new(object, "elbo_estimated", json_boolean(c->elbo_estimated));
    for (size_t m = 0; m < c->methods; m++) json_array_append_new(methods, estimate_json(&c->estimate[m]));
    json_object_set_new(object, "methods", methods);
    json_object_set_new(object, "warning", elbo_cli_json_text(c->warning[0] ? c->warning : NULL));
    return object;
}

/* A line of the comparison; NaN: a cell stays empty. */
static void compare_line(const char *name, double nll, const double errors[2], double seconds, const char *note) {
    printf("  %-11s %10.3f", name, nll);
    for (int i = 0; i < 2; i++) {
        if (isnan(errors[i]))
            printf("%11s", "");
        else
            printf("  +- %6.3f", errors[i]);
    }
    if (isnan(seconds))
        printf("%11s", "");
    else
        printf("%9.1f s", seconds);
    printf("  %s\n", note);
}

static void print_estimate(const elbo_likelihood_estimate *e, bool simulated) {
    char note[96];
    const double errors[] = {e->nll_stderr, e->nll_sampling_error};
    if (!isnan(e->r_hat))
        snprintf(note, sizeof note, "no bound; acceptance %.2f, R-hat at most %.2f", e->acceptance, e->r_hat);
    else if (!isnan(e->acceptance))
        snprintf(note, sizeof note, "upper bound; acceptance %.2f", e->acceptance);
    else
        snprintf(note, sizeof note, "upper bound; %.1f effective samples", e->ess_mean);
    compare_line(e->method, e->nll, errors, e->seconds, note);
    if (isnan(e->reverse_nll)) return;
    const double reverse[] = {e->reverse_stderr, e->reverse_sampling_error};
    compare_line("ais reverse", e->reverse_nll, reverse, NAN, simulated ? "lower bound" : "lower bound, approximate");
}

void elbo_cli_likelihoods_print(const elbo_likelihood_comparison *c, const char *rows) {
    printf("%s, nats for each\n", rows);
    printf("  %-11s %10s%11s%11s%11s  %s\n", "method", "-log p(x)", "over rows", "of draws", "time", "in expectation");
    const double errors[] = {c->elbo_stderr, NAN};
    const char *kind = c->elbo_estimated ? "an adversary's estimate, no bound" : "upper bound";
    if (!isnan(c->elbo)) compare_line("-ELBO", -c->elbo, errors, NAN, kind);
    for (size_t m = 0; m < c->methods; m++) print_estimate(&c->estimate[m], c->simulated);
    for (size_t m = 0; m < c->methods; m++) print_warning(c->estimate[m].method, c->estimate[m].warning);
    print_warning("", c->warning);
}

/* Columns [count, 2]: log p and its error. */
static elbo_status columns(const elbo_likelihood_comparison *c, const double *log_p, const double *deviation,
                           elbo_array *out, int64_t width, int64_t at, elbo_error *error) {
    if (!out->data) {
        const int64_t shape[] = {c->count, width};
        ELBO_CLI_TRY(elbo_array_new(out, ELBO_F64, 2, shape, error));
    }
    for (int64_t i = 0; i < c->count; i++) {
        ((double *)out->data)[i * width + at] = log_p[i];
        ((double *)out->data)[i * width + at + 1] = deviation[i];
    }
    return ELBO_OK;
}

enum { PAIRS = ELBO_LIKELIHOOD_METHODS + 1 };

elbo_status elbo_cli_likelihoods_save(const elbo_likelihood_comparison *c, const char *path, elbo_error *error) {
    const double *log_p[PAIRS], *deviation[PAIRS];
    const char *names[PAIRS];
    elbo_array array[PAIRS] = {{0}};
    const elbo_array *arrays[PAIRS];
    size_t pairs = 0;
    bool archive = elbo_cli_is_npz(path) && !strrchr(path, '#');
    for (size_t m = 0; m < c->methods; m++) {
        const elbo_likelihood_estimate *e = &c->estimate[m];
        log_p[pairs] = e->log_p;
        deviation[pairs] = e->log_p_error;
        names[pairs++] = e->method;
        if (!e->reverse_log_p) continue;
        log_p[pairs] = e->reverse_log_p;
        deviation[pairs] = e->reverse_error;
        names[pairs++] = "ais_reverse";
    }
    elbo_status status = ELBO_OK;
    for (size_t i = 0; i < pairs && status == ELBO_OK; i++) {
        elbo_array *to = &array[archive ? i : 0];
        int64_t width = archive ? 2 : 2 * (int64_t)pairs, at = archive ? 0 : 2 * (int64_t)i;
        status = columns(c, log_p[i], deviation[i], to, width, at, error);
        arrays[i] = to;
    }
    if (status == ELBO_OK)
        status =
            archive ? elbo_cli_save_npz(arrays, names, pairs, path, error) : elbo_array_save(&array[0], path, error);
    for (size_t i = 0; i < PAIRS; i++) elbo_array_free(&array[i]);
    return status;
}
