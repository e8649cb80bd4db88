#include "support/gap.h"

#include <math.h>
#include <stdio.h>

#include "support/interrupt.h"
#include "support/progress.h"
#include "support/text.h"

#define ELBO_TABLE_STRUCT elbo_cli_gap_options
ELBO_TABLE(elbo_cli_gap_options_table, "Gap", ELBO_CLI_GAP_OPTIONS);
#undef ELBO_TABLE_STRUCT

/* The first option of a table that was typed, or NULL. */
static const char *typed(const elbo_context *context, const elbo_options *table) {
    for (size_t i = 0; i < table->count; i++)
        if (elbo_context_given(context, table->rows[i].name)) return table->rows[i].name;
    return NULL;
}

bool elbo_cli_gap_wanted(const elbo_context *context, int *code) {
    char dashed[ELBO_NAME_SIZE];
    const elbo_cli_gap_options *options = elbo_context_values(context, &elbo_cli_gap_options_table);
    const char *own = typed(context, &elbo_gap_options_table), *other = typed(context, &elbo_likelihood_options_table);
    if (!other && elbo_context_given(context, "active_threshold")) other = "active_threshold";
    *code = ELBO_EXIT_OK;
    if (options->gap && other)
        *code = elbo_context_usage(context, "--%s does not go with --gap", elbo_cli_text_dashed(other, dashed));
    if (!options->gap && own)
        *code = elbo_context_usage(context, "--%s needs --gap", elbo_cli_text_dashed(own, dashed));
    return options->gap;
}

static bool show(void *user, double share) {
    elbo_cli_progress_update(user, &(elbo_cli_progress_state){"fitting", share, share, NULL, 0});
    return elbo_cli_interrupt_requested();
}

elbo_status elbo_cli_gap_measure(elbo_cli_run *run, const elbo_evaluation_options *evaluation, elbo_gap *out,
                                 elbo_error *error) {
    const elbo_gap_options *options = elbo_context_values(run->context, &elbo_gap_options_table);
    elbo_cli_progress bar;
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&bar, run->context);
    elbo_status status = elbo_gap_measure(run->model, run->dataset, evaluation, options, show, &bar, out, error);
    elbo_cli_progress_end(&bar);
    return status;
}

/* ---- JSON ---- */

json_t *elbo_cli_gap_json(const elbo_gap *g) {
    const struct {
        const char *name, *error_name;
        elbo_figure figure;
    } figures[] = {{"elbo", "elbo_stderr", g->elbo},
                   {"fitted_elbo", "fitted_elbo_stderr", g->fitted_elbo},
                   {"other_elbo", "other_elbo_stderr", g->other_elbo},
                   {"log_p", "log_p_stderr", g->log_p},
                   {"amortisation_gap", "amortisation_gap_stderr", g->amortisation},
                   {"approximation_gap", "approximation_gap_stderr", g->approximation},
                   {"family_gap", "family_gap_stderr", g->family},
                   {"rise", "rise_stderr", g->rise},
                   {"other_rise", "other_rise_stderr", g->other_rise}};
    json_t *object = json_object();
    json_object_set_new(object, "count", json_integer(g->count));
    json_object_set_new(object, "latent", json_integer(g->latent));
    json_object_set_new(object, "samples", json_integer(g->samples));
    json_object_set_new(object, "encoder", json_boolean(g->encoder));
    json_object_set_new(object, "posterior", elbo_cli_json_text(g->posterior));
    json_object_set_new(object, "other_posterior", elbo_cli_json_text(g->other));
    for (size_t i = 0; i < sizeof figures / sizeof *figures; i++) {
        json_object_set_new(object, figures[i].name, elbo_cli_json_real(figures[i].figure.value));
        json_object_set_new(object, figures[i].error_name, elbo_cli_json_real(figures[i].figure.error));
    }
    json_object_set_new(object, "log_p_sampling_error", elbo_cli_json_real(g->log_p_sampling_error));
    json_object_set_new(object, "ess_mean", elbo_cli_json_real(g->ess_mean));
    json_object_set_new(object, "seconds", elbo_cli_json_real(g->seconds));
    json_object_set_new(object, "warning", elbo_cli_json_text(g->warning[0] ? g->warning : NULL));
    return object;
}

/* ---- Text ---- */

static void line(const char *name, elbo_figure figure, const char *note) {
    char about[32] = "";
    if (!isnan(figure.error)) snprintf(about, sizeof about, "+- %.3f", figure.error);
    if (*note)
        printf("  %-22s %10.3f %-11s%s\n", name, figure.value, about, note);
    else
        printf("  %-22s %10.3f%s%s\n", name, figure.value, *about ? " " : "", about);
}

void elbo_cli_gap_print(const elbo_gap *g, const char *rows) {
    char note[160];
    printf("%s, nats for each (+- standard error over rows)\n", rows);
    snprintf(note, sizeof note, "%lld samples, their error %.3f, %.0f of them effective", (long long)g->samples,
             g->log_p_sampling_error, g->ess_mean);
    line("log p(x)", g->log_p, note);
    if (g->other) {
        snprintf(note, sizeof note, "the best %s for each row", g->other);
        line("ELBO, other family", g->other_elbo, note);
    }
    snprintf(note, sizeof note, "the best %s for each row", g->posterior);
    line("ELBO, fitted", g->fitted_elbo, note);
    line(g->encoder ? "ELBO, encoder" : "ELBO, as evaluated", g->elbo,
         g->encoder ? "" : "no encoder: what --fit-steps and --fit-rate of the training reach");
    line("approximation gap", g->approximation, "log p(x) - fitted: what the family cannot express");
    if (g->other) line("  gained by the other", g->family, g->other);
    line("amortisation gap", g->amortisation,
         g->encoder ? "fitted - encoder: what the encoder misses" : "fitted - as evaluated: what that fit misses");
    line("rise", g->rise, "of the fitted ELBO in the fourth fifth of the steps");
    printf("  %-22s %10.1f s\n", "time", g->seconds);
    if (!g->warning[0]) return;
    printf("\nwarning: ");
    elbo_cli_text_wrap(stdout, g->warning, 9, 0);
}
