/* elbo reproduce: a paper's figure or table from scratch. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "support/experiment_report.h"
#include "support/experiment_run.h"
#include "support/jobs.h"
#include "support/output.h"
#include "support/text.h"

#define REPRODUCE_OPTIONS(O)                                                                                         \
    O(TEXT, out, "", 0, 0, NULL, "folder for runs, figures and report (default: reproduce/NAME, NAME-quick, -full)") \
    O(BOOL, quick, "false", 0, 0, NULL, "the experiment's short form: a few minutes instead of hours")               \
    O(BOOL, full, "false", 0, 0, NULL, "the paper's own protocol, where the experiment has one: days")               \
    O(TEXT, data_dir, "data", 0, 0, NULL, "folder in which data sets lie under their names, such as mnist")          \
    O(TEXT, panels, "", 0, 0, NULL, "only these panels, by name, separated by commas")                               \
    O(TEXT, series, "", 0, 0, NULL, "only these series, by name, separated by commas")                               \
    O(INT, seeds, "0", 0, 1000, NULL, "runs of each kind, with seeds that count up (0: as the experiment says)")     \
    O(INT, jobs, "0", 0, 256, NULL, "runs at the same time, which share the threads (0: one for each thread)")       \
    O(BOOL, dry_run, "false", 0, 0, NULL, "only list the runs and how far they are")
ELBO_OPTIONS_STRUCT(reproduce_options, REPRODUCE_OPTIONS);
#define ELBO_TABLE_STRUCT reproduce_options
static ELBO_TABLE(reproduce_table, "Experiment", REPRODUCE_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { PATH = 4096, COMMAND = 8192 };

/* ---- The runs, several at a time ---- */

typedef struct crew {
    elbo_cli_plan *plan;
    elbo_cli_jobs *jobs;
} crew;

static bool training(void *user, const elbo_cli_planned *run, const elbo_progress *progress) {
    const crew *c = user;
    return elbo_cli_jobs_training(c->jobs, (size_t)(run - c->plan->run), progress);
}

static bool measuring(void *user, const elbo_cli_planned *run, const char *measure, double share) {
    const crew *c = user;
    return elbo_cli_jobs_measuring(c->jobs, (size_t)(run - c->plan->run), measure, share);
}

static elbo_status work(elbo_cli_jobs *jobs, size_t index, void *user, elbo_error *error) {
    crew *c = user;
    const elbo_cli_experiment_watch watch = {training, measuring, c};
    return elbo_cli_experiment_run(c->plan, &c->plan->run[index], jobs->threads, &watch, error);
}

static elbo_status run_all(const elbo_context *context, elbo_cli_plan *plan, int64_t at_once, bool *interrupted,
                           elbo_error *error) {
    elbo_cli_jobs jobs = {.context = context, .count = plan->count, .work = work};
    crew c = {plan, &jobs};
    jobs.user = &c;
    jobs.job = calloc(plan->count, sizeof *jobs.job);
    if (!jobs.job) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the runs");
    for (size_t i = 0; i < plan->count; i++) jobs.job[i].name = plan->run[i].name;
    size_t workers = elbo_cli_jobs_share(&jobs, at_once);
    elbo_status status = elbo_cli_jobs_run(&jobs, workers, error);
    for (size_t i = 0; i < plan->count && status == ELBO_OK; i++) {
        plan->run[i].outcome = jobs.job[i].outcome;
        snprintf(plan->run[i].message, sizeof plan->run[i].message, "%s", jobs.job[i].message);
    }
    *interrupted = jobs.interrupted;
    free(jobs.job);
    return status;
}

/* ---- Folders and words ---- */

static elbo_status prepare(const elbo_cli_plan *plan, elbo_error *error) {
    char runs[PATH];
    for (size_t i = 0; i < plan->count; i++) ELBO_CLI_TRY(elbo_cli_experiment_check(plan, &plan->run[i], error));
    if (snprintf(runs, sizeof runs, "%s/runs", plan->out) >= (int)sizeof runs)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--out: the name is too long");
    return elbo_cli_make_folders(runs, error);
}

static void add_word(char command[COMMAND], const char *word) {
    static const char plain[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_./,=:+";
    size_t used = strlen(command);
    bool quote = !*word || strspn(word, plain) != strlen(word);
    snprintf(command + used, COMMAND - used, quote ? " '%s'" : " %s", word);
}

/* What to type for the same result. */
static void write_command(const elbo_context *context, char command[COMMAND]) {
    snprintf(command, COMMAND, "elbo %s", context->path);
    add_word(command, elbo_context_argument(context, 0));
    for (size_t i = 0; i < context->typed_count; i++) {
        const elbo_typed *typed = &context->typed[i];
        char name[ELBO_NAME_SIZE], word[ELBO_NAME_SIZE + 8];
        if (typed->table != &reproduce_table) continue;
        elbo_cli_text_dashed(typed->row->name, name);
        bool flag = typed->row->type == ELBO_OPTION_BOOL;
        snprintf(word, sizeof word, flag && strcmp(typed->text, "false") == 0 ? "--no-%s" : "--%s", name);
        add_word(command, word);
        if (!flag) add_word(command, typed->text);
    }
}

/* ---- The command ---- */

static int list_experiments(const elbo_context *context) {
    if (context->common->json) {
        json_t *object = json_object(), *list = json_array();
        json_object_set_new(object, "experiments", list);
        for (const elbo_cli_experiment_source *one = elbo_cli_experiment_sources; one->name; one++)
            json_array_append_new(list, json_pack("{s:s, s:s}", "name", one->name, "title", one->title));
        return elbo_cli_json_print(context, object);
    }
    puts("Experiments ('elbo reproduce NAME'):");
    int widest = 0;
    for (const elbo_cli_experiment_source *one = elbo_cli_experiment_sources; one->name; one++)
        if ((int)strlen(one->name) > widest) widest = (int)strlen(one->name);
    for (const elbo_cli_experiment_source *one = elbo_cli_experiment_sources; one->name; one++) {
        int column = printf("  %-*s  ", widest, one->name);
        elbo_cli_text_wrap(stdout, one->title, column, column);
    }
    return ELBO_EXIT_OK;
}

static size_t incomplete(const elbo_cli_plan *plan) {
    size_t count = 0;
    for (size_t i = 0; i < plan->count; i++) count += plan->run[i].outcome != ELBO_OK;
    return count;
}

static int report(const elbo_context *context, const elbo_cli_plan *plan) {
    char command[COMMAND], page[PATH];
    elbo_cli_cells table = {0};
    json_t *results = NULL;
    elbo_error error = {0};
    int code = incomplete(plan) ? ELBO_EXIT_FAILURE : ELBO_EXIT_OK;
    write_command(context, command);
    snprintf(page, sizeof page, "%.4000s/report.html", plan->out);
    if (elbo_cli_experiment_report(plan, command, &table, &results, &error) != ELBO_OK) {
        code = elbo_context_fail(context, &error);
    } else if (context->common->json) {
        json_object_set_new(results, "report", elbo_cli_json_text(page));
        int printed = elbo_cli_json_print(context, json_incref(results));
        if (printed != ELBO_EXIT_OK) code = printed;
    } else {
        elbo_cli_cells_print(&table, stdout);
        printf("report in %s\n", page);
    }
    elbo_cli_cells_clear(&table);
    json_decref(results);
    return code;
}

static const char *how_far(const elbo_cli_planned *run) {
    char path[PATH + 32];
    snprintf(path, sizeof path, "%s/reproduce.json", run->folder);
    json_t *state = json_load_file(path, 0, NULL);
    const char *text = json_is_true(json_object_get(state, "finished")) ? "trained" : "begun";
    json_decref(state);
    snprintf(path, sizeof path, "%s/last.safetensors", run->folder);
    return access(path, F_OK) == 0 ? text : "to do";
}

static int list_runs(const elbo_context *context, const elbo_cli_plan *plan) {
    json_t *list = json_array();
    for (size_t i = 0; i < plan->count; i++) {
        const elbo_cli_planned *run = &plan->run[i];
        const char *state = how_far(run);
        if (context->common->json)
            json_array_append_new(list, json_pack("{s:s, s:s, s:I, s:I}", "name", run->name, "state", state, "epochs",
                                                  (json_int_t)run->epochs, "rows", (json_int_t)run->rows));
        else
            printf("%-32s %-8s %8lld epochs of %lld rows\n", run->name, state, (long long)run->epochs,
                   (long long)run->rows);
    }
    if (context->common->json) return elbo_cli_json_print(context, json_pack("{s:o}", "runs", list));
    json_decref(list);
    return ELBO_EXIT_OK;
}

static int reproduce(const elbo_context *context, elbo_cli_plan *plan, int64_t jobs) {
    elbo_error error = {0};
    bool interrupted = false;
    if (prepare(plan, &error) != ELBO_OK) return elbo_context_fail(context, &error);
    if (run_all(context, plan, jobs, &interrupted, &error) != ELBO_OK) return elbo_context_fail(context, &error);
    if (!interrupted) return report(context, plan);
    size_t left = incomplete(plan);
    elbo_context_note(context, "stopped with %zu of %zu runs complete; everything is saved. The same command goes on",
                      plan->count - left, plan->count);
    return ELBO_EXIT_INTERRUPTED;
}

static int run(elbo_context *context) {
    const reproduce_options *options = elbo_context_values(context, &reproduce_table);
    const char *name = elbo_context_argument(context, 0);
    char out[PATH];
    elbo_error error = {0};
    elbo_cli_plan plan = {0};
    if (!name) return list_experiments(context);
    if (options->quick && options->full) return elbo_context_usage(context, "--quick and --full: one of them");
    elbo_cli_form form = options->quick  ? ELBO_CLI_FORM_QUICK
                         : options->full ? ELBO_CLI_FORM_FULL
                                         : ELBO_CLI_FORM_PLAIN;
    elbo_cli_experiment *experiment = elbo_cli_experiment_open(name, &error);
    if (!experiment) return elbo_context_fail(context, &error);
    if (*options->out)
        snprintf(out, sizeof out, "%s", options->out);
    else
        snprintf(out, sizeof out, "reproduce/%s%s%s", experiment->name, form ? "-" : "", elbo_cli_form_name(form));
    const elbo_cli_plan_request request = {.experiment = experiment,
                                           .form = form,
                                           .seeds = options->seeds,
                                           .panels = options->panels,
                                           .series = options->series,
                                           .out = out,
                                           .data_dir = options->data_dir};
    int code = elbo_cli_plan_make(&plan, &request, &error) == ELBO_OK
                   ? options->dry_run ? list_runs(context, &plan) : reproduce(context, &plan, options->jobs)
                   : elbo_context_fail(context, &error);
    elbo_cli_plan_clear(&plan);
    elbo_cli_experiment_free(experiment);
    return code;
}

const elbo_command command_reproduce = {
    .name = "reproduce",
    .group = ELBO_GROUP_TRAIN,
    .order = 3,
    .summary = "draw a paper's figure or table from scratch",
    .usage = (const char *const[]){"[NAME|FILE] [--quick|--full] [-o DIR] [--data-dir DIR] [OPTIONS]", NULL},
    .description =
        "Trains every run of an experiment, measures it, and leaves charts, a table with the paper's figures beside "
        "its own, and a page that shows all of it (report.html, table.md, results.json).\n\n"
        "Experiments are part of the program; without a name they are listed. A name with a '/' or ending in .yaml is "
        "a file of your own: docs/reproduce.md says how one is written.\n\n"
        "Ctrl-C stops, and the same command goes on where it stopped: runs that are complete are not repeated. A run "
        "whose options have changed in the meantime is refused.",
    .arguments = (const elbo_argument[]){{"NAME|FILE", "a built-in experiment, or a .yaml file", ELBO_ARGUMENT_TEXT, 0,
                                          1, elbo_cli_experiment_word},
                                         {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "DIR"},
                                 {"data_dir", 0, "DIR"},
                                 {"panels", 0, "NAME,..."},
                                 {"series", 0, "NAME,..."},
                                 {"jobs", 'j', NULL},
                                 {0}},
    .tables = (const elbo_options *const[]){&reproduce_table, &elbo_cli_progress_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo reproduce", "what there is"},
                                       {"elbo reproduce aevb-fig2 --quick", "a short form of it"},
                                       {"elbo reproduce aevb-fig2 --panels mnist-nz3 -o fig2", "one of its panels"},
                                       {"elbo reproduce ./mine.yaml --seeds 5 --jobs 2",
                                        "an experiment of your own, five times"},
                                       {0}},
    .run = run,
};
