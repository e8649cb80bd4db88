/* elbo reproduce: a paper's figure or table from scratch. */
#include <errno.h>
#include <math.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support/experiment_report.h"
#include "support/experiment_run.h"
#include "support/interrupt.h"
#include "support/progress.h"
#include "support/text.h"

#define REPRODUCE_OPTIONS(O)                                                                                     \
    O(TEXT, out, "", 0, 0, NULL, "folder for runs, figures and report (default: reproduce/NAME, or NAME-quick)") \
    O(BOOL, quick, "false", 0, 0, NULL, "the experiment's short form: a few minutes instead of hours")           \
    O(TEXT, data_dir, "data", 0, 0, NULL, "folder in which data sets lie under their names, such as mnist")      \
    O(TEXT, panels, "", 0, 0, NULL, "only these panels, by name, separated by commas")                           \
    O(INT, seeds, "0", 0, 1000, NULL, "runs of each kind, with seeds that count up (0: as the experiment says)") \
    O(INT, jobs, "0", 0, 256, NULL, "runs at the same time, which share the threads (0: one for each thread)")   \
    O(BOOL, dry_run, "false", 0, 0, NULL, "only list the runs and how far they are")
ELBO_OPTIONS_STRUCT(reproduce_options, REPRODUCE_OPTIONS);
#define ELBO_TABLE_STRUCT reproduce_options
static ELBO_TABLE(reproduce_table, "Experiment", REPRODUCE_OPTIONS);
#undef ELBO_TABLE_STRUCT

enum { PATH = 4096, COMMAND = 8192 };

/* ---- The runs, several at a time ---- */

typedef struct pool {
    const elbo_context *context;
    elbo_cli_plan *plan;
    int threads; /* of each run */
    pthread_mutex_t lock;
    /* What follows is touched with the lock held. */
    size_t next;
    double *share; /* [runs] of each run's training */
    bool *active;  /* [runs] */
    bool *worked;  /* [runs] it was not complete before */
    bool interrupted;
    elbo_cli_progress bar;
} pool;

static size_t place_of(const pool *p, const elbo_cli_planned *run) { return (size_t)(run - p->plan->run); }

/* One bar for all: that of the first run at work. */
static bool is_first(const pool *p, size_t place) {
    for (size_t i = 0; i < place; i++)
        if (p->active[i]) return false;
    return true;
}

static double whole(const pool *p) {
    double sum = 0;
    for (size_t i = 0; i < p->plan->count; i++) sum += p->share[i];
    return sum / (double)p->plan->count;
}

static void show_epoch(pool *p, const elbo_cli_planned *run, const elbo_progress *progress) {
    char label[256];
    size_t place = place_of(p, run);
    double part = progress->event == ELBO_EVENT_STEP
                      ? (double)progress->step / (double)(progress->steps > 0 ? progress->steps : 1) - 1
                      : 0;
    p->share[place] = ((double)progress->epoch + part) / (double)progress->epochs;
    const elbo_cli_progress_field fields[] = {{"-ELBO", progress->loss, 2, false},
                                              {"samples/s", progress->samples_per_second, 0, true},
                                              {"test", progress->test_loss, 2, false}};
    snprintf(label, sizeof label, "run %zu/%zu %s epoch %lld/%lld", place + 1, p->plan->count, run->name,
             (long long)progress->epoch, (long long)progress->epochs);
    const elbo_cli_progress_state state = {label, whole(p), whole(p), fields, isnan(progress->test_loss) ? 2 : 3};
    if (p->bar.style == ELBO_CLI_PROGRESS_LINES && progress->event == ELBO_EVENT_EPOCH)
        elbo_cli_progress_line(&p->bar, &state);
    else if (is_first(p, place))
        elbo_cli_progress_update(&p->bar, &state);
}

static bool training(void *user, const elbo_cli_planned *run, const elbo_progress *progress) {
    pool *p = user;
    pthread_mutex_lock(&p->lock);
    p->worked[place_of(p, run)] = true;
    if (progress->event == ELBO_EVENT_WARNING) {
        elbo_cli_progress_end(&p->bar);
        elbo_context_note(p->context, "%s: warning: %s", run->name, progress->message);
    } else {
        show_epoch(p, run, progress);
    }
    pthread_mutex_unlock(&p->lock);
    return elbo_cli_interrupt_requested();
}

static bool measuring(void *user, const elbo_cli_planned *run, const char *measure, double share) {
    pool *p = user;
    char label[256];
    pthread_mutex_lock(&p->lock);
    size_t place = place_of(p, run);
    p->worked[place] = true;
    snprintf(label, sizeof label, "run %zu/%zu %s measuring %s %.0f%%", place + 1, p->plan->count, run->name, measure,
             100 * share);
    if (is_first(p, place))
        elbo_cli_progress_update(&p->bar, &(elbo_cli_progress_state){label, whole(p), whole(p), NULL, 0});
    pthread_mutex_unlock(&p->lock);
    return elbo_cli_interrupt_requested();
}

/* The next run that nobody has taken; NULL at the end or after a request to stop. */
static elbo_cli_planned *take(pool *p) {
    elbo_cli_planned *run = NULL;
    pthread_mutex_lock(&p->lock);
    if (elbo_cli_interrupt_requested()) p->interrupted = p->interrupted || p->next < p->plan->count;
    if (!p->interrupted && p->next < p->plan->count) {
        p->active[p->next] = true;
        run = &p->plan->run[p->next++];
    }
    pthread_mutex_unlock(&p->lock);
    return run;
}

static void put_back(pool *p, elbo_cli_planned *run, elbo_status status, const elbo_error *error) {
    size_t place = place_of(p, run);
    pthread_mutex_lock(&p->lock);
    p->active[place] = false;
    p->share[place] = 1;
    run->outcome = status;
    snprintf(run->message, sizeof run->message, "%s",
             *error->message ? error->message : elbo_status_text(error->status));
    if (status == ELBO_ERROR_INTERRUPTED) p->interrupted = true;
    if (p->worked[place] || status != ELBO_OK) elbo_cli_progress_end(&p->bar);
    if (status == ELBO_OK && p->worked[place])
        elbo_context_note(p->context, "run %zu of %zu, %s: complete", place + 1, p->plan->count, run->name);
    else if (status != ELBO_OK && status != ELBO_ERROR_INTERRUPTED)
        fprintf(stderr, "elbo reproduce: run %zu of %zu, %s: %s\n", place + 1, p->plan->count, run->name, run->message);
    pthread_mutex_unlock(&p->lock);
}

/* A run that fails does not take the others with it. */
static void *work(void *user) {
    pool *p = user;
    const elbo_cli_experiment_watch watch = {training, measuring, p};
    for (elbo_cli_planned *run; (run = take(p));) {
        elbo_error error = {0};
        elbo_status status = elbo_cli_experiment_run(p->plan, run, p->threads, &watch, &error);
        put_back(p, run, status, &error);
    }
    return NULL;
}

/* Small networks gain little from several threads, runs side by side everything. */
static size_t share_threads(pool *p, int64_t jobs) {
    int64_t threads = p->context->common->threads, processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads <= 0) threads = processors > 0 ? processors : 1;
    if (jobs <= 0) jobs = threads;
    p->threads = (int)(threads > jobs ? threads / jobs : 1);
    return (size_t)jobs < p->plan->count ? (size_t)jobs : p->plan->count;
}

static elbo_status run_all(pool *p, int64_t jobs, elbo_error *error) {
    size_t workers = share_threads(p, jobs), started = 0;
    pthread_t *thread = calloc(workers, sizeof *thread);
    p->share = calloc(p->plan->count, sizeof *p->share);
    p->active = calloc(p->plan->count, sizeof *p->active);
    p->worked = calloc(p->plan->count, sizeof *p->worked);
    bool memory = thread && p->share && p->active && p->worked;
    pthread_mutex_init(&p->lock, NULL);
    json_object_seed(0); /* before threads make objects */
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&p->bar, p->context);
    while (memory && started + 1 < workers && pthread_create(&thread[started], NULL, work, p) == 0) started++;
    if (memory) (void)work(p);
    while (started > 0) pthread_join(thread[--started], NULL);
    elbo_cli_progress_end(&p->bar);
    pthread_mutex_destroy(&p->lock);
    free(thread);
    free(p->share);
    free(p->active);
    free(p->worked);
    return memory ? ELBO_OK : elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the runs");
}

/* ---- Folders and words ---- */

static elbo_status make_folders(const char *path, elbo_error *error) {
    char part[PATH];
    for (size_t length = 1;; length++) {
        if (path[length - 1] == 0) return ELBO_OK;
        if (path[length] != '/' && path[length] != 0) continue;
        snprintf(part, sizeof part, "%.*s", (int)length, path);
        if (mkdir(part, 0777) != 0 && errno != EEXIST)
            return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot make the folder %s: %s", part, strerror(errno));
    }
}

static elbo_status prepare(const elbo_cli_plan *plan, elbo_error *error) {
    char runs[PATH];
    for (size_t i = 0; i < plan->count; i++) ELBO_CLI_TRY(elbo_cli_experiment_check(plan, &plan->run[i], error));
    if (snprintf(runs, sizeof runs, "%s/runs", plan->out) >= (int)sizeof runs)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "--out: the name is too long");
    return make_folders(runs, error);
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
    pool p = {.context = context, .plan = plan};
    if (prepare(plan, &error) != ELBO_OK) return elbo_context_fail(context, &error);
    if (run_all(&p, jobs, &error) != ELBO_OK) return elbo_context_fail(context, &error);
    if (!p.interrupted) return report(context, plan);
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
    elbo_cli_experiment *experiment = elbo_cli_experiment_open(name, &error);
    if (!experiment) return elbo_context_fail(context, &error);
    if (*options->out)
        snprintf(out, sizeof out, "%s", options->out);
    else
        snprintf(out, sizeof out, "reproduce/%s%s", experiment->name, options->quick ? "-quick" : "");
    const elbo_cli_plan_request request = {experiment, options->quick,   options->seeds, options->panels,
                                           out,        options->data_dir};
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
    .usage = (const char *const[]){"[NAME|FILE] [--quick] [-o DIR] [--data-dir DIR] [OPTIONS]", NULL},
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
    .flags =
        (const elbo_flag[]){
            {"out", 'o', "DIR"}, {"data_dir", 0, "DIR"}, {"panels", 0, "NAME,..."}, {"jobs", 'j', NULL}, {0}},
    .tables = (const elbo_options *const[]){&reproduce_table, &elbo_cli_progress_options_table, NULL},
    .examples = (const elbo_example[]){{"elbo reproduce", "what there is"},
                                       {"elbo reproduce aevb-fig2 --quick", "a short form of it"},
                                       {"elbo reproduce aevb-fig2 --panels mnist-nz3 -o fig2", "one of its panels"},
                                       {"elbo reproduce ./mine.yaml --seeds 5 --jobs 2",
                                        "an experiment of your own, five times"},
                                       {0}},
    .run = run,
};
