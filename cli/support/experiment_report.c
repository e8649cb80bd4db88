#include "support/experiment_report.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "support/experiment_charts.h"
#include "support/experiment_pictures.h"
#include "support/experiment_values.h"
#include "support/output.h"
#include "support/settings.h"
#include "support/text.h"

enum { PATH = ELBO_CLI_PLAN_PATH, NOTE = 4096 };

/* A chart, or the pictures of a run, that was written. */
typedef struct picture {
    char path[PATH], title[3 * ELBO_EXPERIMENT_NAME + 8], caption[512];
} picture;

typedef struct page {
    const elbo_cli_plan *plan;
    const char *command;
    elbo_cli_cells *table;
    picture *picture; /* [charts * panels + runs * measures] at most */
    size_t pictures;
    double seconds; /* of training, all runs */
    char how[NOTE];
} page;

static elbo_status no_memory(elbo_error *error) {
    return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the report");
}

static void path_of(const page *p, const char *name, char path[PATH]) {
    snprintf(path, PATH, "%.3900s/%s", p->plan->out, name);
}

static size_t complete(const elbo_cli_plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++) count += plan->run[i].outcome == ELBO_OK;
    return count;
}

/* ---- Charts and pictures ---- */

static elbo_status draw_charts(page *p, elbo_error *error) {
    const elbo_cli_experiment *e = p->plan->experiment;
    for (size_t c = 0; c < e->charts; c++)
        for (size_t panel = 0; panel < e->panels; panel++) {
            bool written = false;
            picture *one = &p->picture[p->pictures];
            if (!p->plan->panel[panel]) continue;
            ELBO_CLI_TRY(elbo_cli_experiment_chart_write(p->plan, c, panel, &written, error));
            if (!written) continue;
            snprintf(one->title, sizeof one->title, "%s", e->panel[panel].title);
            snprintf(one->caption, sizeof one->caption, "%s", e->chart[c].title ? e->chart[c].title : "");
            elbo_cli_experiment_chart_path(p->plan, c, panel, one->path);
            p->pictures++;
        }
    return ELBO_OK;
}

/* Of the first seed: those of the others would say the same. */
static elbo_status draw_pictures(page *p, elbo_error *error) {
    const elbo_cli_experiment *e = p->plan->experiment;
    for (size_t i = 0; i < p->plan->count; i++)
        for (size_t m = 0; m < e->measures; m++) {
            const elbo_cli_planned *run = &p->plan->run[i];
            picture *one = &p->picture[p->pictures];
            elbo_cli_stage_pictures stages;
            bool drawn = false;
            if (run->seed > 0 || run->outcome != ELBO_OK) continue;
            ELBO_CLI_TRY(elbo_cli_experiment_pictures_write(p->plan, run, m, &stages, &drawn, error));
            if (!drawn) continue;
            snprintf(one->title, sizeof one->title, "%.90s, %.90s: %.60s", e->panel[run->panel].title,
                     e->series[run->series].title, e->measure[m].name);
            snprintf(one->caption, sizeof one->caption, "%s", stages.caption);
            snprintf(one->path, sizeof one->path, "%s", stages.path);
            p->pictures++;
        }
    return ELBO_OK;
}

static elbo_status draw_all(page *p, elbo_error *error) {
    const elbo_cli_experiment *e = p->plan->experiment;
    p->picture = calloc(e->charts * e->panels + p->plan->count * e->measures + 1, sizeof *p->picture);
    if (!p->picture) return no_memory(error);
    ELBO_CLI_TRY(draw_charts(p, error));
    return draw_pictures(p, error);
}

/* ---- results.json ---- */

static json_t *changed_options(const elbo_cli_planned *run) {
    elbo_error ignored = {0};
    elbo_config *defaults = elbo_config_new(elbo_config_model(run->config), &ignored);
    json_t *object = json_object();
    elbo_cli_setting setting;
    char name[ELBO_NAME_SIZE];
    for (size_t i = 0; defaults && elbo_cli_setting_at(run->config, defaults, i, &setting); i++)
        if (setting.changed)
            json_object_set_new(object, elbo_cli_text_dashed(setting.row->name, name),
                                elbo_cli_json_text(setting.text));
    elbo_config_free(defaults);
    return object;
}

static elbo_status run_values(const elbo_cli_plan *plan, const elbo_cli_planned *run, json_t *object,
                              elbo_error *error) {
    const elbo_cli_pairs *columns = &plan->experiment->table.columns;
    elbo_cli_curve curve;
    double value;
    json_t *values = json_object();
    json_object_set_new(object, "values", values);
    for (size_t c = 0; c < columns->count; c++) {
        ELBO_CLI_TRY(elbo_cli_run_value(run, columns->item[c].key, &value, error));
        json_object_set_new(values, columns->item[c].key, elbo_cli_json_real(value));
    }
    elbo_status status = elbo_cli_run_curve(run, "seconds", &curve, error);
    if (status == ELBO_OK && curve.count) {
        int64_t epochs = (int64_t)curve.epoch[curve.count - 1];
        json_object_set_new(object, "epochs", json_integer(epochs));
        json_object_set_new(object, "samples", json_integer(epochs * run->rows));
        json_object_set_new(object, "seconds", elbo_cli_json_real(curve.value[curve.count - 1]));
    }
    elbo_cli_curve_clear(&curve);
    json_object_set(object, "measured", json_object_get(run->state, "measured"));
    return status;
}

static elbo_status run_json(const elbo_cli_plan *plan, const elbo_cli_planned *run, json_t *list, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    char seed[32] = "0";
    (void)elbo_config_get(run->config, "seed", seed, sizeof seed);
    json_t *object = json_object();
    json_array_append_new(list, object);
    json_object_set_new(object, "name", json_string(run->name));
    json_object_set_new(object, "panel", json_string(e->panel[run->panel].name));
    json_object_set_new(object, "series", json_string(e->series[run->series].name));
    json_object_set_new(object, "seed", json_integer(strtoll(seed, NULL, 10)));
    json_object_set_new(object, "folder", elbo_cli_json_text(run->folder));
    json_object_set_new(object, "complete", json_boolean(run->outcome == ELBO_OK));
    if (run->outcome != ELBO_OK) json_object_set_new(object, "message", elbo_cli_json_text(run->message));
    json_object_set_new(object, "model", json_string(elbo_config_model(run->config)));
    json_object_set_new(object, "options", changed_options(run));
    json_object_set_new(object, "rows", json_integer(run->rows));
    return run->outcome == ELBO_OK ? run_values(plan, run, object, error) : ELBO_OK;
}

static elbo_status cell_json(const elbo_cli_plan *plan, size_t panel, size_t series, json_t *list, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    json_t *object = json_object(), *values = json_object();
    json_array_append_new(list, object);
    json_object_set_new(object, "panel", json_string(e->panel[panel].name));
    json_object_set_new(object, "series", json_string(e->series[series].name));
    json_object_set_new(object, "values", values);
    for (size_t c = 0; c < e->table.columns.count; c++) {
        elbo_cli_summary summary;
        const char *value = e->table.columns.item[c].key;
        ELBO_CLI_TRY(elbo_cli_cell_summary(plan, panel, series, value, &summary, error));
        json_t *cell = elbo_cli_summary_json(&summary);
        json_object_set_new(values, value, cell);
        json_object_set_new(cell, "paper", elbo_cli_json_text(elbo_cli_experiment_published(e, panel, series, c)));
    }
    return ELBO_OK;
}

static elbo_status fill_results(page *p, json_t *results, elbo_error *error) {
    const elbo_cli_experiment *e = p->plan->experiment;
    json_t *runs = json_array(), *table = json_array(), *figures = json_array();
    json_object_set_new(results, "experiment", json_string(e->name));
    json_object_set_new(results, "title", json_string(e->title));
    json_object_set_new(results, "paper", elbo_cli_json_text(e->paper));
    json_object_set_new(results, "command", elbo_cli_json_text(p->command));
    json_object_set_new(results, "elbo", json_string(elbo_version()));
    json_object_set_new(results, "quick", json_boolean(p->plan->form == ELBO_CLI_FORM_QUICK));
    json_object_set_new(results, "full", json_boolean(p->plan->form == ELBO_CLI_FORM_FULL));
    json_object_set_new(results, "seeds", json_integer(p->plan->seeds));
    json_object_set_new(results, "runs", runs);
    json_object_set_new(results, "table", table);
    json_object_set_new(results, "figures", figures);
    for (size_t i = 0; i < p->plan->count; i++) {
        ELBO_CLI_TRY(run_json(p->plan, &p->plan->run[i], runs, error));
        p->seconds += json_real_value(json_object_get(json_array_get(runs, i), "seconds"));
    }
    for (size_t panel = 0; panel < e->panels; panel++)
        for (size_t s = 0; s < e->series_count; s++)
            if (elbo_cli_plan_holds(p->plan, panel, s)) ELBO_CLI_TRY(cell_json(p->plan, panel, s, table, error));
    for (size_t i = 0; i < p->pictures; i++) json_array_append_new(figures, elbo_cli_json_text(p->picture[i].path));
    json_object_set_new(results, "training_seconds", elbo_cli_json_real(p->seconds));
    return ELBO_OK;
}

static elbo_status write_results(page *p, json_t *results, elbo_error *error) {
    char path[PATH], *text = NULL;
    ELBO_CLI_TRY(fill_results(p, results, error));
    text = json_dumps(results, JSON_INDENT(1) | JSON_REAL_PRECISION(15));
    if (!text) return no_memory(error);
    path_of(p, "results.json", path);
    elbo_status status = elbo_cli_output_save(path, text, error);
    free(text);
    return status;
}

/* ---- table.md ---- */

static void describe_work(page *p) {
    const elbo_cli_plan *plan = p->plan;
    size_t done = complete(plan);
    int used = snprintf(
        p->how, sizeof p->how, "Drawn by:\n\n    %s\n\n%zu %s, %lld %s each, %.0f s of training%s.", p->command, done,
        done == 1 ? "run" : "runs", (long long)plan->seeds, plan->seeds == 1 ? "seed" : "seeds", p->seconds,
        plan->form == ELBO_CLI_FORM_QUICK  ? ". This is the quick form: smaller than the paper's protocol, to see the "
                                             "shape of the result"
        : plan->form == ELBO_CLI_FORM_FULL ? ". This is the full form: the paper's own protocol"
                                           : "");
    for (size_t i = 0; i < plan->count && used < (int)sizeof p->how - 1500; i++)
        if (plan->run[i].outcome != ELBO_OK)
            used += snprintf(p->how + used, sizeof p->how - (size_t)used, "\n\nNot complete: %s: %s", plan->run[i].name,
                             plan->run[i].message);
}

static void write_markdown(FILE *stream, const void *user) {
    const page *p = user;
    const elbo_cli_experiment *e = p->plan->experiment;
    fprintf(stream, "# %s\n\n", e->title);
    if (e->paper) fprintf(stream, "%s\n\n", e->paper);
    if (e->shows) fprintf(stream, "%s\n\n", e->shows);
    elbo_cli_cells_print(p->table, stream);
    fprintf(stream, "\n%s\n\n%s\n", elbo_cli_experiment_spread_note(p->plan), p->how);
    if (e->differs) fprintf(stream, "\nWhat differs from the paper: %s\n", e->differs);
    for (size_t i = 0; i < p->pictures; i++)
        fprintf(stream, "%s\n![%s](%s)\n", i ? "" : "\n", p->picture[i].title, strrchr(p->picture[i].path, '/') + 1);
}

static elbo_status write_table(page *p, elbo_error *error) {
    char path[PATH], *text;
    ELBO_CLI_TRY(elbo_cli_experiment_table_make(p->plan, p->table, error));
    describe_work(p);
    text = elbo_cli_output_text(write_markdown, p);
    if (!text) return no_memory(error);
    path_of(p, "table.md", path);
    elbo_status status = elbo_cli_output_save(path, text, error);
    free(text);
    return status;
}

/* ---- report.html ---- */

static bool is_png(const char *path) { return strcmp(path + strlen(path) - 4, ".png") == 0; }

static void fill_sections(const page *p, elbo_report_section *section, size_t *count) {
    const elbo_cli_experiment *e = p->plan->experiment;
    size_t n = 0;
    if (e->shows) section[n++] = (elbo_report_section){.title = "What it shows", .text = e->shows, .wide = true};
    for (size_t i = 0; i < p->pictures; i++)
        section[n++] = (elbo_report_section){.title = p->picture[i].title,
                                             .picture = p->picture[i].path,
                                             .caption = *p->picture[i].caption ? p->picture[i].caption : NULL,
                                             .wide = is_png(p->picture[i].path)};
    section[n++] = (elbo_report_section){.title = "Beside the paper",
                                         .cells = (const char *const *)p->table->text,
                                         .rows = p->table->rows,
                                         .columns = p->table->columns,
                                         .caption = elbo_cli_experiment_spread_note(p->plan),
                                         .wide = true};
    section[n++] = (elbo_report_section){.title = "How it was drawn", .text = p->how, .wide = true};
    if (e->differs)
        section[n++] = (elbo_report_section){.title = "What differs from the paper", .text = e->differs, .wide = true};
    *count = n;
}

static elbo_status write_page(page *p, elbo_error *error) {
    const elbo_cli_experiment *e = p->plan->experiment;
    char path[PATH], runs[64], seconds[64], seeds[64];
    elbo_report_section *section = calloc(p->pictures + 8, sizeof *section);
    size_t sections;
    if (!section) return no_memory(error);
    fill_sections(p, section, &sections);
    snprintf(runs, sizeof runs, "%zu", complete(p->plan));
    snprintf(seconds, sizeof seconds, p->seconds < 600 ? "%.0f s" : "%.1f min",
             p->seconds < 600 ? p->seconds : p->seconds / 60);
    snprintf(seeds, sizeof seeds, "%lld", (long long)p->plan->seeds);
    char of[64];
    snprintf(of, sizeof of, "of %zu%s%s%s", p->plan->count, p->plan->form ? ", " : "",
             elbo_cli_form_name(p->plan->form), p->plan->form ? " form" : "");
    const elbo_report_figure figures[] = {
        {"Runs", runs, of}, {"Seeds", seeds, "for each"}, {"Training", seconds, "all runs together"}};
    const elbo_report report = {.title = e->title,
                                .subtitle = e->paper,
                                .footer = "elbo " ELBO_VERSION,
                                .figures = figures,
                                .figure_count = sizeof figures / sizeof *figures,
                                .sections = section,
                                .section_count = sections};
    path_of(p, "report.html", path);
    elbo_status status = elbo_report_html(&report, path, error);
    free(section);
    return status;
}

elbo_status elbo_cli_experiment_report(const elbo_cli_plan *plan, const char *command, elbo_cli_cells *table,
                                       json_t **results, elbo_error *error) {
    page *p = calloc(1, sizeof *p);
    *results = json_object();
    if (!p || !*results) {
        free(p);
        return no_memory(error);
    }
    p->plan = plan;
    p->command = command;
    p->table = table;
    elbo_status status = draw_all(p, error);
    if (status == ELBO_OK) status = write_results(p, *results, error);
    if (status == ELBO_OK) status = write_table(p, error);
    if (status == ELBO_OK) status = write_page(p, error);
    free(p->picture);
    free(p);
    return status;
}
