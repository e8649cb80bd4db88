/* elbo train: a new run, one from a recipe, or the next epochs of one that exists. */
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include "support/interrupt.h"
#include "support/metrics.h"
#include "support/progress.h"
#include "support/seeds.h"

#define TRAIN_OPTIONS(O)                                                                                              \
    O(TEXT, out, "", 0, 0, NULL, "folder for the run, which must not hold one yet (default: runs/MODEL-TIME)")        \
    O(TEXT, resume, "", 0, 0, NULL, "folder of a run to go on with; of the other options only --epochs may be given") \
    O(TEXT, recipe, "", 0, 0, NULL,                                                                                   \
      "recipe.yaml of another run, or one of your own: options that start from its values")                           \
    O(INT, seeds, "0", 0, 1000, NULL,                                                                                 \
      "train so many runs, with seeds that count up from --seed, as --out/seed1, --out/seed2, ...: mean, standard "   \
      "deviation and median of what they reach (0: a single run)")                                                    \
    O(INT, jobs, "0", 0, 256, NULL, "with --seeds: trainings at the same time, which share the threads (0: one)")
ELBO_OPTIONS_STRUCT(train_options, TRAIN_OPTIONS);
#define ELBO_TABLE_STRUCT train_options
static ELBO_TABLE(train_table, "Run", TRAIN_OPTIONS);
#undef ELBO_TABLE_STRUCT

static const char *model_at(size_t index) {
    const char *name = NULL, *description = NULL;
    return elbo_registry_entry("models", index, &name, &description) ? name : NULL;
}

static bool holds_for_all(const elbo_options *table) {
    const elbo_options *other = NULL;
    for (size_t i = 0; (other = elbo_config_table(NULL, i)); i++)
        if (other == table) return true;
    return false;
}

/* The tables of every model first, then what the model at hand adds to them. */
static const elbo_options *setting_table(const char *subject, size_t index) {
    if (!subject) return elbo_config_table(NULL, index);
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_config_table(subject, i)); i++)
        if (!holds_for_all(table) && index-- == 0) return table;
    return NULL;
}

/* ---- Settings ---- */

typedef struct training {
    elbo_config *config;  /* NULL: resume */
    elbo_config *resumed; /* the run's own; NULL where it cannot be read */
    int64_t epochs;       /* resuming: 0: as configured */
    char folder[4096];
    elbo_cli_progress bar;
    elbo_progress last; /* of the latest event but warnings */
    bool quiet;
} training;

static elbo_status begin_config(elbo_context *context, training *work, elbo_error *error) {
    const train_options *options = elbo_context_values(context, &train_table);
    if (*options->recipe && context->subject)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "a recipe names its model: leave out '%s' or --recipe",
                             context->subject);
    if (*options->recipe)
        work->config = elbo_config_load(options->recipe, error);
    else if (context->subject)
        work->config = elbo_config_new(context->subject, error);
    else
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "MODEL is missing (or --recipe FILE, or --resume RUN)");
    if (!work->config) return error->status;
    context->subject = elbo_config_model(work->config);
    return ELBO_OK;
}

static elbo_status begin(elbo_context *context, elbo_error *error) {
    const train_options *options = elbo_context_values(context, &train_table);
    training *work = calloc(1, sizeof *work);
    if (!work) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory");
    context->state = work;
    if (!*options->resume) return begin_config(context, work, error);
    if (context->subject || *options->recipe || *options->out || options->seeds)
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "a run that is resumed has its %s already: leave it out",
                             context->subject   ? "model"
                             : *options->recipe ? "recipe"
                             : *options->out    ? "folder"
                                                : "seeds");
    /* The model's own options are told apart from misspelt ones by what the run is; what is wrong with a folder that
     * holds none is said later, by who opens it. */
    char recipe[4096];
    elbo_error ignored = {0};
    snprintf(recipe, sizeof recipe, "%s/recipe.yaml", options->resume);
    work->resumed = elbo_config_load(recipe, &ignored);
    if (work->resumed) context->subject = elbo_config_model(work->resumed);
    return ELBO_OK;
}

/* The number of epochs of a resumed run is read with the option's own row, so that bounds and messages are the same. */
static elbo_status set_epochs(training *work, const char *text, elbo_error *error) {
    const elbo_options *table = NULL;
    for (size_t i = 0; (table = elbo_config_table(NULL, i)); i++) {
        const elbo_option *row = elbo_options_find(table, "epochs");
        if (!row) continue;
        elbo_option alone = *row;
        alone.offset = 0;
        const elbo_options single = {table->title, &alone, 1, sizeof work->epochs};
        return elbo_options_set(&single, &work->epochs, "epochs", text, error);
    }
    return elbo_cli_fail(error, ELBO_ERROR_INTERNAL, "there is no option epochs");
}

static elbo_status set(elbo_context *context, const char *name, const char *text, elbo_error *error) {
    training *work = context->state;
    if (work->config) return elbo_config_set(work->config, name, text, error);
    if (strcmp(name, "epochs") == 0) return set_epochs(work, text, error);
    return elbo_cli_fail(error, ELBO_ERROR_USAGE,
                         "a resumed run keeps its options: only --epochs may change, not --%s (--recipe %s/recipe.yaml "
                         "starts another run)",
                         name, ((const train_options *)elbo_context_values(context, &train_table))->resume);
}

/* ---- Progress ---- */

enum { FIELDS = 5 };

static bool show(void *user, const elbo_progress *progress) {
    training *work = user;
    if (progress->event == ELBO_EVENT_WARNING) {
        elbo_cli_progress_end(&work->bar);
        if (!work->quiet) fprintf(stderr, "elbo train: warning: %s\n", progress->message);
        return elbo_cli_interrupt_requested();
    }
    char label[64];
    double share = progress->steps > 0 ? (double)progress->step / (double)progress->steps : 0;
    double whole = progress->epochs > 0 ? ((double)progress->epoch - 1 + share) / (double)progress->epochs : NAN;
    snprintf(label, sizeof label, "epoch %lld/%lld", (long long)progress->epoch, (long long)progress->epochs);
    bool bound = !isnan(progress->kl) && !isnan(progress->reconstruction);
    const char *loss = elbo_cli_loss_word(progress);
    elbo_cli_progress_field fields[FIELDS] = {{loss, progress->loss, 2, false}};
    size_t count = 1;
    if (bound) {
        fields[count++] = (elbo_cli_progress_field){"reconstruction", progress->reconstruction, 2, false};
        fields[count++] = (elbo_cli_progress_field){"KL", progress->kl, 2, false};
    }
    fields[count++] = (elbo_cli_progress_field){"samples/s", progress->samples_per_second, 0, true};
    if (!isnan(progress->test_loss)) fields[count++] = (elbo_cli_progress_field){"test", progress->test_loss, 2, false};
    elbo_cli_progress_state state = {label, share, whole, fields, count};
    work->last = *progress;
    if (progress->event == ELBO_EVENT_EPOCH)
        elbo_cli_progress_line(&work->bar, &state);
    else
        elbo_cli_progress_update(&work->bar, &state);
    return elbo_cli_interrupt_requested();
}

/* ---- The run ---- */

static elbo_status choose_folder(const elbo_context *context, training *work, elbo_error *error) {
    const train_options *options = elbo_context_values(context, &train_table);
    const char *given = work->config ? options->out : options->resume;
    if (*given) {
        if (snprintf(work->folder, sizeof work->folder, "%s", given) < (int)sizeof work->folder) return ELBO_OK;
        return elbo_cli_fail(error, ELBO_ERROR_USAGE, "the folder's name is too long");
    }
    char stamp[32];
    time_t now = time(NULL);
    struct tm local;
    localtime_r(&now, &local);
    strftime(stamp, sizeof stamp, "%Y%m%d-%H%M%S", &local);
    snprintf(work->folder, sizeof work->folder, "runs/%s-%s", elbo_config_model(work->config), stamp);
    if (mkdir("runs", 0777) == 0 || errno == EEXIST) return ELBO_OK;
    return elbo_cli_fail(error, ELBO_ERROR_IO, "cannot make the folder runs: %s", strerror(errno));
}

static int report(const elbo_context *context, const training *work) {
    const elbo_progress *last = &work->last;
    if (context->common->json) {
        json_t *object = elbo_cli_metrics_last(work->folder);
        json_object_set_new(object, "folder", elbo_cli_json_text(work->folder));
        return elbo_cli_json_print(context, object);
    }
    if (last->epoch > 0 && (isnan(last->kl) || isnan(last->reconstruction))) {
        bool error = !isnan(last->reconstruction);
        int digits = error ? 2 : 4;
        printf("epoch %lld of %lld: %s %.*f", (long long)last->epoch, (long long)last->epochs,
               error ? "reconstruction error" : elbo_cli_loss_word(last), digits, last->loss);
        if (!isnan(last->test_loss)) printf(", held out %.*f", digits, last->test_loss);
        putchar('\n');
    } else if (last->epoch > 0) {
        printf("epoch %lld of %lld: -ELBO %.2f, reconstruction %.2f, KL %.2f", (long long)last->epoch,
               (long long)last->epochs, last->loss, last->reconstruction, last->kl);
        if (!isnan(last->test_loss)) printf(", held out -ELBO %.2f", last->test_loss);
        puts(" nats");
    }
    if (last->epoch == 0) puts("nothing left to train: --epochs takes the number to train up to");
    printf("run in %s\n", work->folder);
    return ELBO_EXIT_OK;
}

/* Rows that no figure will be reported of. */
static void note_pool(const elbo_context *context, const training *work) {
    char pool[16] = "";
    const elbo_config *config = work->config ? work->config : work->resumed;
    if (config && elbo_config_get(config, "pool", pool, sizeof pool) && strcmp(pool, "true") == 0)
        elbo_context_note(context, "--pool: every row is a training row; nothing is held out, so no held-out figures");
}

static int run(elbo_context *context) {
    training *work = context->state;
    const train_options *options = elbo_context_values(context, &train_table);
    elbo_error error = {0};
    if (choose_folder(context, work, &error) != ELBO_OK) return elbo_context_fail(context, &error);
    bool several = options->seeds > 0 || (!work->config && elbo_cli_seeds_in(work->folder));
    if (options->jobs > 0 && !several) return elbo_context_usage(context, "--jobs needs --seeds N");
    note_pool(context, work);
    if (several)
        return elbo_cli_seeds_train(context, &(elbo_cli_seeds_training){work->config, work->folder, options->seeds,
                                                                        work->epochs, options->jobs});
    elbo_training request = {.config = work->config,
                             .folder = work->folder,
                             .epochs = work->epochs,
                             .threads = (int)context->common->threads,
                             .progress = show,
                             .user = work};
    work->quiet = context->common->quiet;
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&work->bar, context);
    elbo_status status = elbo_train(&request, &error);
    elbo_cli_progress_end(&work->bar);
    if (status == ELBO_OK) return report(context, work);
    if (status != ELBO_ERROR_INTERRUPTED) return elbo_context_fail(context, &error);
    elbo_context_note(context, "%s; everything is saved. To go on: elbo train --resume %s", error.message,
                      work->folder);
    return ELBO_EXIT_INTERRUPTED;
}

static void finish(elbo_context *context) {
    training *work = context->state;
    if (!work) return;
    elbo_config_free(work->config);
    elbo_config_free(work->resumed);
    free(work);
}

const elbo_command command_train = {
    .name = "train",
    .group = ELBO_GROUP_TRAIN,
    .order = 0,
    .summary = "train a model",
    .usage =
        (const char *const[]){"MODEL [--data SOURCE] [--out DIR] [OPTIONS]", "--recipe FILE [--out DIR] [OPTIONS]",
                              "MODEL --seeds N [--jobs N] [--out DIR] [OPTIONS]", "--resume RUN [--epochs N]", NULL},
    .description =
        "Trains until the last epoch and leaves a run: a folder with the recipe in which every option has its value, "
        "the figures of each epoch (metrics.jsonl and TensorBoard events), and the checkpoints last.safetensors and "
        "best.safetensors.\n\n"
        "Losses are -ELBO in nats for each datum, with all constants, in training as in every other command.\n\n"
        "Ctrl-C finishes the step, saves and ends; a second one ends at once. A run that was stopped, or killed at any "
        "moment, goes on with --resume to the same numbers as if nothing had happened.\n\n"
        "With --seeds, the folder holds a run for each seed and seeds.json with the figures of all; --resume goes on "
        "with those that are not complete, and 'elbo eval', 'elbo cluster' and 'elbo topics' take the folder.",
    .arguments = (const elbo_argument[]){{"MODEL", "one of", ELBO_ARGUMENT_WORD, 0, 1, model_at}, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "DIR"},
                                 {"resume", 0, "DIR"},
                                 {"recipe", 0, "FILE"},
                                 {"jobs", 'j', NULL},
                                 {"data", 0, "SOURCE"},
                                 {"item_shape", 0, "SHAPE"},
                                 {"train_labels", 0, "CLASSES"},
                                 {"start_from", 0, "RUN|FILE"},
                                 {"labels", 0, "FILE|COLUMN"},
                                 {0}},
    .tables = (const elbo_options *const[]){&train_table, &elbo_cli_progress_options_table, NULL},
    .examples =
        (const elbo_example[]){
            {"elbo train vae --out run", "the generated digits with every default"},
            {"elbo train vae --data mnist --latent 2 --epochs 50 --out run", "digits in a plane"},
            {"elbo train --resume run --epochs 100", "more epochs"},
            {"elbo train vae --seeds 5 --jobs 2 --out five", "five seeds, two at a time"},
            {"elbo train --recipe run/recipe.yaml --latent 10 --out other", "the same with another option"},
            {0}},
    .subject_at = model_at,
    .setting_table = setting_table,
    .begin = begin,
    .set = set,
    .run = run,
    .finish = finish,
};
