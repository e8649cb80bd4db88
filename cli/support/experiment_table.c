#include "support/experiment_table.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/experiment_values.h"

enum { CELL = 160 };

const char *elbo_cli_experiment_published(const elbo_cli_experiment *e, size_t panel, size_t series, size_t column) {
    char run[ELBO_EXPERIMENT_NAME + 8], exact[ELBO_EXPERIMENT_NAME + 200];
    snprintf(run, sizeof run, "%s-%s", e->panel[panel].name, e->series[series].name);
    snprintf(exact, sizeof exact, "%s/%.180s", run, e->table.columns.item[column].key);
    for (size_t i = 0; i < e->table.paper.count; i++) {
        const elbo_cli_pair *pair = &e->table.paper.item[i];
        if (strcmp(pair->key, exact) == 0 || (column == 0 && strcmp(pair->key, run) == 0)) return pair->value;
    }
    return NULL;
}

static bool has_published(const elbo_cli_plan *plan, size_t column) {
    const elbo_cli_experiment *e = plan->experiment;
    for (size_t p = 0; p < e->panels; p++)
        for (size_t s = 0; s < e->series_count; s++)
            if (elbo_cli_plan_holds(plan, p, s) && elbo_cli_experiment_published(e, p, s, column)) return true;
    return false;
}

/* ---- Cells ---- */

static elbo_status put(elbo_cli_cells *cells, size_t *at, const char *text, elbo_error *error) {
    cells->text[*at] = strdup(text);
    if (!cells->text[(*at)++]) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the table");
    return ELBO_OK;
}

/* Large numbers with one decimal, small ones with what tells them apart. */
static int decimals(double value) { return fabs(value) >= 1000 ? 1 : fabs(value) >= 1 || value == 0 ? 2 : 4; }

/* The standard error over rows that a measurement gave with a value, where there is one: NAME.VALUE_stderr. */
static double error_of(const elbo_cli_plan *plan, size_t panel, size_t series, const char *value) {
    char name[256];
    elbo_error ignored = {0};
    elbo_cli_summary summary;
    bool likelihood = strlen(value) > 15 && strcmp(value + strlen(value) - 15, ".log_likelihood") == 0;
    if (!strchr(value, '.')) return NAN;
    if (likelihood)
        snprintf(name, sizeof name, "%.*s.nll_stderr", (int)(strlen(value) - 15), value);
    else
        snprintf(name, sizeof name, "%.200s_stderr", value);
    return elbo_cli_cell_summary(plan, panel, series, name, &summary, &ignored) == ELBO_OK ? summary.mean : NAN;
}

static void format_value(const elbo_cli_plan *plan, size_t panel, size_t series, const char *value,
                         const elbo_cli_summary *summary, char out[CELL]) {
    int places = decimals(summary->mean);
    double spread = plan->seeds > 1 ? summary->deviation : error_of(plan, panel, series, value);
    if (summary->count == 0) {
        snprintf(out, CELL, "-");
        return;
    }
    bool whole = summary->count == 1 && summary->mean == floor(summary->mean) && fabs(summary->mean) < 1e9;
    int used = snprintf(out, CELL, "%.*f", whole ? 0 : places, summary->mean);
    if (isfinite(spread)) used += snprintf(out + used, CELL - (size_t)used, " +- %.*f", places, spread);
    if (plan->seeds > 1)
        snprintf(out + used, CELL - (size_t)used, " (median %.*f of %zu)", places, summary->median, summary->count);
}

static void format_difference(const char *published, double mean, char out[CELL]) {
    double value, spread;
    snprintf(out, CELL, "-");
    if (!published || !isfinite(mean) || !elbo_cli_published(published, &value, &spread)) return;
    int used = snprintf(out, CELL, "%+.*f", decimals(value), mean - value);
    if (isfinite(spread))
        snprintf(out + used, CELL - (size_t)used, fabs(mean - value) <= spread ? ", within" : ", outside");
}

static elbo_status put_value(const elbo_cli_plan *plan, size_t panel, size_t series, size_t column,
                             elbo_cli_cells *cells, size_t *at, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    const char *value = e->table.columns.item[column].key;
    const char *published = elbo_cli_experiment_published(e, panel, series, column);
    char text[CELL];
    elbo_cli_summary summary;
    ELBO_CLI_TRY(elbo_cli_cell_summary(plan, panel, series, value, &summary, error));
    format_value(plan, panel, series, value, &summary, text);
    ELBO_CLI_TRY(put(cells, at, text, error));
    if (!has_published(plan, column)) return ELBO_OK;
    ELBO_CLI_TRY(put(cells, at, published ? published : "-", error));
    format_difference(published, summary.mean, text);
    return put(cells, at, text, error);
}

static elbo_status put_row(const elbo_cli_plan *plan, size_t panel, size_t series, elbo_cli_cells *cells, size_t *at,
                           elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    char text[CELL];
    elbo_cli_summary seconds, epochs = {0};
    ELBO_CLI_TRY(put(cells, at, e->panel[panel].title, error));
    ELBO_CLI_TRY(put(cells, at, e->series[series].title, error));
    for (size_t c = 0; c < e->table.columns.count; c++)
        ELBO_CLI_TRY(put_value(plan, panel, series, c, cells, at, error));
    ELBO_CLI_TRY(elbo_cli_cell_summary(plan, panel, series, "seconds", &seconds, error));
    double *ends = calloc(plan->count, sizeof *ends);
    size_t count = 0;
    if (!ends) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the table");
    elbo_status status = ELBO_OK;
    for (size_t i = 0; i < plan->count && status == ELBO_OK; i++) {
        const elbo_cli_planned *run = &plan->run[i];
        elbo_cli_curve curve = {0};
        if (run->panel != panel || run->series != series || run->outcome != ELBO_OK) continue;
        status = elbo_cli_run_curve(run, "seconds", &curve, error);
        if (status == ELBO_OK && curve.count) ends[count++] = curve.epoch[curve.count - 1];
        elbo_cli_curve_clear(&curve);
    }
    if (status == ELBO_OK) epochs = elbo_cli_summarise(ends, count);
    free(ends);
    ELBO_CLI_TRY(status);
    snprintf(text, sizeof text, epochs.count ? "%.0f" : "-", epochs.mean);
    ELBO_CLI_TRY(put(cells, at, text, error));
    snprintf(text, sizeof text, seconds.count ? "%.1f" : "not complete", seconds.mean);
    return put(cells, at, text, error);
}

static elbo_status put_head(const elbo_cli_plan *plan, elbo_cli_cells *cells, size_t *at, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    ELBO_CLI_TRY(put(cells, at, "panel", error));
    ELBO_CLI_TRY(put(cells, at, "series", error));
    for (size_t c = 0; c < e->table.columns.count; c++) {
        ELBO_CLI_TRY(put(cells, at, e->table.columns.item[c].value, error));
        if (!has_published(plan, c)) continue;
        ELBO_CLI_TRY(put(cells, at, "paper", error));
        ELBO_CLI_TRY(put(cells, at, "difference", error));
    }
    ELBO_CLI_TRY(put(cells, at, "epochs", error));
    return put(cells, at, "seconds", error);
}

elbo_status elbo_cli_experiment_table_make(const elbo_cli_plan *plan, elbo_cli_cells *cells, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    size_t at = 0;
    *cells = (elbo_cli_cells){.rows = 1, .columns = 4};
    for (size_t c = 0; c < e->table.columns.count; c++) cells->columns += has_published(plan, c) ? 3 : 1;
    for (size_t p = 0; p < e->panels; p++)
        for (size_t s = 0; s < e->series_count; s++) cells->rows += elbo_cli_plan_holds(plan, p, s);
    cells->text = calloc(cells->rows * cells->columns, sizeof *cells->text);
    if (!cells->text) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the table");
    ELBO_CLI_TRY(put_head(plan, cells, &at, error));
    for (size_t p = 0; p < e->panels; p++)
        for (size_t s = 0; s < e->series_count; s++)
            if (elbo_cli_plan_holds(plan, p, s)) ELBO_CLI_TRY(put_row(plan, p, s, cells, &at, error));
    return ELBO_OK;
}

void elbo_cli_cells_clear(elbo_cli_cells *cells) {
    for (size_t i = 0; cells->text && i < cells->rows * cells->columns; i++) free(cells->text[i]);
    free(cells->text);
    *cells = (elbo_cli_cells){0};
}

/* ---- Markdown ---- */

static int width_of(const elbo_cli_cells *cells, size_t column) {
    int widest = 3;
    for (size_t row = 0; row < cells->rows; row++) {
        const char *text = cells->text[row * cells->columns + column];
        int length = 0;
        for (; *text; text++) length += ((unsigned char)*text & 0xc0) != 0x80; /* characters, not bytes */
        if (length > widest) widest = length;
    }
    return widest;
}

static void print_cell(FILE *stream, const char *text, int width) {
    fputs("| ", stream);
    for (; *text; text++) {
        if (((unsigned char)*text & 0xc0) != 0x80) width--;
        if (*text == '|') fputc('\\', stream);
        fputc(*text == '\n' ? ' ' : *text, stream);
    }
    fprintf(stream, "%*s ", width, "");
}

void elbo_cli_cells_print(const elbo_cli_cells *cells, FILE *stream) {
    for (size_t row = 0; row < cells->rows; row++) {
        for (size_t column = 0; column < cells->columns; column++)
            print_cell(stream, cells->text[row * cells->columns + column], width_of(cells, column));
        fputs("|\n", stream);
        for (size_t column = 0; row == 0 && column < cells->columns; column++) {
            fputs("|", stream);
            for (int i = width_of(cells, column) + 2; i > 0; i--) fputc('-', stream);
        }
        if (row == 0) fputs("|\n", stream);
    }
}

const char *elbo_cli_experiment_spread_note(const elbo_cli_plan *plan) {
    return plan->seeds > 1 ? "Values are means over seeds, +- their standard deviation."
                           : "+- is the standard error over rows, where a measurement gives one.";
}
