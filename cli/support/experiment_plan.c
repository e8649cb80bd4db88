#include "support/experiment_plan.h"

#include <dirent.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support/measurement.h"

enum { TEXT = 4096 };

/* ---- Data ---- */

static bool says_where(const char *source) {
    return strpbrk(source, "/:.#") != NULL || !*source; /* a path, a generator, a file with an ending */
}

/* The name of the only file that ends in .mat, if the folder has just one. */
static bool only_matlab_file(const char *folder, char name[256]) {
    DIR *stream = opendir(folder);
    int found = 0;
    if (!stream) return false;
    for (struct dirent *entry; (entry = readdir(stream));) {
        size_t length = strlen(entry->d_name);
        if (length <= 4 || strcmp(entry->d_name + length - 4, ".mat") != 0) continue;
        snprintf(name, 256, "%s", entry->d_name);
        found++;
    }
    closedir(stream);
    return found == 1;
}

static elbo_status not_there(const char *path, const char *name, elbo_error *error) {
    for (size_t i = 0; i < elbo_download_count(); i++)
        if (strcmp(elbo_download_at(i)->name, name) == 0)
            return elbo_cli_fail(error, ELBO_ERROR_IO,
                                 "the data set %s is not there: looked for %s. 'elbo data get %s --out %s' fetches it, "
                                 "and --data-dir names another folder of data sets",
                                 name, path, name, path);
    return elbo_cli_fail(error, ELBO_ERROR_IO,
                         "the data set %s is not there: looked for %s. 'elbo data get' cannot fetch it: put it there, "
                         "or name another folder of data sets with --data-dir; --panels leaves panels out",
                         name, path);
}

elbo_status elbo_cli_plan_source(const char *data_dir, const char *name, char out[ELBO_CLI_PLAN_PATH],
                                 elbo_error *error) {
    char file[256];
    struct stat info;
    int length = says_where(name) ? snprintf(out, ELBO_CLI_PLAN_PATH, "%s", name)
                                  : snprintf(out, ELBO_CLI_PLAN_PATH, "%s/%s", data_dir, name);
    if (length >= ELBO_CLI_PLAN_PATH - 256)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "the name of the data is too long");
    if (says_where(name)) return ELBO_OK;
    if (stat(out, &info) != 0) return not_there(out, name, error);
    if (S_ISDIR(info.st_mode) && only_matlab_file(out, file))
        snprintf(out + length, ELBO_CLI_PLAN_PATH - (size_t)length, "/%s", file);
    return ELBO_OK;
}

elbo_dataset *elbo_cli_open_configured(const elbo_config *config, elbo_error *error) {
    const elbo_options *table = &elbo_data_options_table;
    elbo_data_options options = {0};
    char text[TEXT] = "";
    elbo_dataset *dataset = NULL;
    elbo_status status = elbo_options_init(table, &options, error);
    for (size_t i = 0; status == ELBO_OK && i < table->count; i++)
        if (elbo_config_get(config, table->rows[i].name, text, sizeof text))
            status = elbo_options_set(table, &options, table->rows[i].name, text, error);
    if (status == ELBO_OK) {
        (void)elbo_config_get(config, "data", text, sizeof text);
        dataset = elbo_dataset_open(text, &options, error);
    }
    elbo_options_clear(table, &options);
    return dataset;
}

static bool same_option(const elbo_config *one, const elbo_config *other, const char *name) {
    char left[TEXT] = "", right[TEXT] = "";
    (void)elbo_config_get(one, name, left, sizeof left);
    (void)elbo_config_get(other, name, right, sizeof right);
    return strcmp(left, right) == 0;
}

static bool same_data(const elbo_config *one, const elbo_config *other) {
    bool same = same_option(one, other, "data");
    for (size_t i = 0; i < elbo_data_options_table.count && same; i++)
        same = same_option(one, other, elbo_data_options_table.rows[i].name);
    return same;
}

static elbo_status count_rows(elbo_cli_plan *plan, elbo_cli_planned *run, elbo_error *error) {
    for (elbo_cli_planned *other = plan->run; other < run; other++)
        if (same_data(other->config, run->config)) {
            run->rows = other->rows;
            return ELBO_OK;
        }
    elbo_dataset *dataset = elbo_cli_open_configured(run->config, error);
    if (!dataset) return error->status;
    run->rows = elbo_dataset_info(dataset)->count[ELBO_SPLIT_TRAIN];
    elbo_dataset_free(dataset);
    if (run->rows > 0) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_USAGE, "%s: its data have no training rows", run->name);
}

/* ---- Options ---- */

static elbo_status set_pairs(const elbo_cli_plan_request *request, elbo_config *config, const elbo_cli_pairs *pairs,
                             elbo_error *error) {
    for (size_t i = 0; i < pairs->count; i++) {
        const elbo_cli_pair *pair = &pairs->item[i];
        if (elbo_config_set(config, pair->key, pair->value, error) == ELBO_OK) continue;
        error->status = ELBO_ERROR_FORMAT;
        return elbo_cli_experiment_at(request->experiment, pair->line, error);
    }
    return ELBO_OK;
}

/* What an experiment calls mnist becomes a path, once the form has had its say. */
static elbo_status find_data(const elbo_cli_plan_request *request, elbo_config *config, elbo_error *error) {
    char name[ELBO_CLI_PLAN_PATH] = "", source[ELBO_CLI_PLAN_PATH];
    (void)elbo_config_get(config, "data", name, sizeof name);
    ELBO_CLI_TRY(elbo_cli_plan_source(request->data_dir, name, source, error));
    return elbo_config_set(config, "data", source, error);
}

/* The general first, the particular after it, and what the form changes last. */
static elbo_status configure(const elbo_cli_plan_request *request, elbo_cli_planned *run, elbo_error *error) {
    const elbo_cli_experiment *e = request->experiment;
    const elbo_cli_experiment_part *panel = &e->panel[run->panel], *series = &e->series[run->series];
    const char *model = series->model ? series->model : panel->model ? panel->model : e->model;
    run->config = elbo_config_new(model, error);
    if (!run->config) {
        error->status = ELBO_ERROR_FORMAT;
        return elbo_cli_experiment_at(e, series->model ? series->line : panel->line, error);
    }
    for (int f = 0; f < ELBO_CLI_FORMS; f++) {
        const elbo_cli_pairs *pairs[] = {&e->extent[f].options, &panel->options[f], &series->options[f]};
        bool holds = f == ELBO_CLI_FORM_PLAIN || f == (int)request->form;
        for (int i = 0; holds && i < 3; i++) ELBO_CLI_TRY(set_pairs(request, run->config, pairs[i], error));
    }
    ELBO_CLI_TRY(find_data(request, run->config, error));
    char text[TEXT] = "", seed[32];
    (void)elbo_config_get(run->config, "seed", text, sizeof text);
    snprintf(seed, sizeof seed, "%lld", strtoll(text, NULL, 10) + run->seed);
    ELBO_CLI_TRY(elbo_config_set(run->config, "seed", seed, error));
    run->epochs = elbo_config_epochs(run->config);
    return ELBO_OK;
}

elbo_status elbo_cli_plan_measure_options(const elbo_cli_plan *plan, const elbo_cli_experiment_measure *measure,
                                          const elbo_options *table, void *values, elbo_error *error) {
    ELBO_CLI_TRY(elbo_options_init(table, values, error));
    for (int f = 0; f < ELBO_CLI_FORMS; f++)
        for (size_t i = 0; (f == ELBO_CLI_FORM_PLAIN || f == (int)plan->form) && i < measure->options[f].count; i++) {
            const elbo_cli_pair *pair = &measure->options[f].item[i];
            if (elbo_options_set(table, values, pair->key, pair->value, error) == ELBO_OK) continue;
            error->status = ELBO_ERROR_FORMAT;
            return elbo_cli_experiment_at(plan->experiment, pair->line, error);
        }
    return ELBO_OK;
}

static elbo_status check_measures(const elbo_cli_plan *plan, elbo_error *error) {
    for (size_t i = 0; i < plan->experiment->measures; i++) {
        const elbo_cli_experiment_measure *measure = &plan->experiment->measure[i];
        const elbo_cli_measurement *kind = elbo_cli_measurement_find(measure->kind);
        if (!kind) {
            char list[256];
            elbo_cli_measurement_list(list, sizeof list);
            (void)elbo_cli_fail(error, ELBO_ERROR_FORMAT, "there is no measurement \"%.60s\"; one of %s was expected",
                                measure->kind, list);
            return elbo_cli_experiment_at(plan->experiment, measure->line, error);
        }
        void *values = calloc(1, kind->options->struct_size);
        if (!values) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the plan");
        elbo_status status = elbo_cli_plan_measure_options(plan, measure, kind->options, values, error);
        elbo_options_clear(kind->options, values);
        free(values);
        if (status != ELBO_OK) return status;
    }
    return ELBO_OK;
}

/* "test.nll" must name a measurement; a name without '.' is one of metrics.jsonl, known when there is one. */
static elbo_status check_values(const elbo_cli_experiment *e, const elbo_cli_pairs *values, elbo_error *error) {
    for (size_t i = 0; i < values->count; i++) {
        const char *value = values->item[i].key, *dot = strchr(value, '.');
        bool known = !dot;
        for (size_t m = 0; m < e->measures && !known; m++)
            known = strlen(e->measure[m].name) == (size_t)(dot - value) &&
                    strncmp(e->measure[m].name, value, (size_t)(dot - value)) == 0;
        if (known) continue;
        (void)elbo_cli_fail(error, ELBO_ERROR_FORMAT, "\"%.60s\": there is no measurement \"%.*s\"", value,
                            (int)(dot - value), value);
        return elbo_cli_experiment_at(e, values->item[i].line, error);
    }
    return ELBO_OK;
}

/* ---- The grid ---- */

/* Marks the parts that `names`, separated by commas, are the names of; all for "". */
static elbo_status choose(const elbo_cli_experiment_part *part, size_t count, const char *what, const char *names,
                          bool *chosen, elbo_error *error) {
    for (size_t p = 0; p < count; p++) chosen[p] = !*names;
    while (*names) {
        size_t length = strcspn(names, ",");
        bool known = false;
        for (size_t p = 0; p < count; p++)
            if (strlen(part[p].name) == length && strncmp(part[p].name, names, length) == 0) chosen[p] = known = true;
        if (!known) {
            char list[512] = "";
            for (size_t p = 0; p < count; p++)
                snprintf(list + strlen(list), sizeof list - strlen(list), "%s%s", p ? ", " : "", part[p].name);
            return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--%s: there is no %s '%.*s', only %s", what,
                                 strcmp(what, "panels") == 0 ? "panel" : "series", (int)length, names, list);
        }
        names += length + (names[length] == ',');
    }
    return ELBO_OK;
}

bool elbo_cli_plan_holds(const elbo_cli_plan *plan, size_t panel, size_t series) {
    return plan->panel[panel] && plan->series[series] && elbo_cli_experiment_holds(plan->experiment, panel, series);
}

const char *elbo_cli_form_name(elbo_cli_form form) {
    static const char *const names[ELBO_CLI_FORMS] = {"", "quick", "full"};
    return names[form];
}

static int64_t count_steps(const elbo_cli_planned *run) {
    char text[TEXT] = "";
    (void)elbo_config_get(run->config, "batch", text, sizeof text);
    int64_t batch = strtoll(text, NULL, 10);
    if (batch < 1 || batch > run->rows) batch = run->rows;
    return (run->rows + batch - 1) / batch;
}

/* Samples and epochs mean the whole epoch that is nearest. */
static int64_t stage_step(const elbo_cli_planned *run, const char *unit, double at) {
    if (strcmp(unit, "steps") == 0) return at < 1 ? 1 : llround(fmin(at, 1e15));
    double epochs = strcmp(unit, "samples") == 0 ? at / (double)run->rows : at;
    return (epochs < 1 ? 1 : llround(fmin(epochs, (double)run->epochs))) * run->steps;
}

static void set_stages(elbo_cli_planned *run, const elbo_cli_experiment_stages *stages) {
    int64_t end = run->epochs * run->steps;
    for (size_t i = 0; i < stages->count; i++) {
        int64_t step = stage_step(run, stages->unit, stages->at[i]);
        bool later = run->stages == 0 || step > run->stage[run->stages - 1];
        if (later && step < end) run->stage[run->stages++] = step;
    }
    run->stage[run->stages++] = end;
}

static elbo_status add_run(elbo_cli_plan *plan, const elbo_cli_plan_request *request, size_t panel, size_t series,
                           int seed, elbo_error *error) {
    const elbo_cli_experiment *e = plan->experiment;
    elbo_cli_planned *run = &plan->run[plan->count++];
    run->panel = panel;
    run->series = series;
    run->seed = seed;
    run->outcome = ELBO_ERROR_STATE;
    snprintf(run->name, sizeof run->name, "%s-%s", e->panel[panel].name, e->series[series].name);
    if (plan->seeds > 1) snprintf(run->name + strlen(run->name), 16, "-seed%d", seed + 1);
    if (snprintf(run->folder, sizeof run->folder, "%s/runs/%s", plan->out, run->name) >= (int)sizeof run->folder - 64)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--out: the name is too long");
    ELBO_CLI_TRY(configure(request, run, error));
    ELBO_CLI_TRY(count_rows(plan, run, error));
    run->steps = count_steps(run);
    set_stages(run, &e->extent[e->extent[plan->form].stages.count ? plan->form : ELBO_CLI_FORM_PLAIN].stages);
    return ELBO_OK;
}

static bool has_form(const elbo_cli_experiment *e, elbo_cli_form form) {
    bool has = e->extent[form].line > 0;
    for (size_t p = 0; p < e->panels; p++) has = has || e->panel[p].options[form].count > 0;
    for (size_t s = 0; s < e->series_count; s++) has = has || e->series[s].options[form].count > 0;
    for (size_t m = 0; m < e->measures; m++) has = has || e->measure[m].options[form].count > 0;
    return has;
}

elbo_status elbo_cli_plan_make(elbo_cli_plan *plan, const elbo_cli_plan_request *request, elbo_error *error) {
    const elbo_cli_experiment *e = request->experiment;
    int64_t seeds = e->extent[e->extent[request->form].seeds ? request->form : ELBO_CLI_FORM_PLAIN].seeds;
    *plan = (elbo_cli_plan){
        .experiment = e, .form = request->form, .seeds = request->seeds ? request->seeds : seeds, .out = request->out};
    if (request->form != ELBO_CLI_FORM_PLAIN && !has_form(e, request->form))
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "%s has no %s form: leave --%s out", e->name,
                             elbo_cli_form_name(request->form), elbo_cli_form_name(request->form));
    ELBO_CLI_TRY(choose(e->panel, e->panels, "panels", request->panels, plan->panel, error));
    ELBO_CLI_TRY(choose(e->series, e->series_count, "series", request->series, plan->series, error));
    ELBO_CLI_TRY(check_measures(plan, error));
    ELBO_CLI_TRY(check_values(e, &e->table.columns, error));
    for (size_t c = 0; c < e->charts; c++) ELBO_CLI_TRY(check_values(e, &e->chart[c].lines, error));
    plan->run = calloc(e->panels * e->series_count * (size_t)plan->seeds, sizeof *plan->run);
    if (!plan->run) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the plan");
    for (size_t p = 0; p < e->panels; p++)
        for (size_t s = 0; s < e->series_count; s++)
            for (int seed = 0; seed < plan->seeds; seed++)
                if (elbo_cli_plan_holds(plan, p, s)) ELBO_CLI_TRY(add_run(plan, request, p, s, seed, error));
    if (plan->count > 0) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_USAGE, "none of these series has runs in these panels");
}

void elbo_cli_plan_clear(elbo_cli_plan *plan) {
    for (size_t i = 0; i < plan->count; i++) {
        elbo_config_free(plan->run[i].config);
        json_decref(plan->run[i].state);
    }
    free(plan->run);
    plan->run = NULL;
    plan->count = 0;
}
