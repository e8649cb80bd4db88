/* The training loop. Between any two steps the state is (parameters, optimiser slots, a few numbers); all randomness
 * is a function of (seed, step), so that going on from a saved state gives the same bits as never having stopped. */
#include <math.h>
#include <omp.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/file.h"
#include "base/memory.h"
#include "base/rng.h"
#include "graph/graph.h"
#include "train/codes.h"
#include "train/local.h"
#include "train/run_folder.h"
#include "train/step.h"

typedef struct trainer {
    const elbo_training *request;
    elbo_instance instance;
    elbo_dataset *dataset;
    const elbo_training_options *options;
    elbo_training_state state, kept_state;
    int64_t rows, steps, epochs; /* of the training split; steps of an epoch */
    int64_t *order;              /* [rows] of this epoch */
    int64_t order_epoch;
    float *gradient, *params;
    size_t length;
    elbo_step_program full, rest, test_full, test_rest;
    elbo_optimiser *optimiser[ELBO_MODEL_UPDATES];
    /* 0: parameters, then optimisers' slots, then what is kept for each row */
    elbo_flat flat[1 + ELBO_MODEL_UPDATES * ELBO_OPTIMISER_SLOTS + ELBO_LOCAL_ARRAYS];
    size_t flats;
    float *kept; /* all of them, one after the other: the last good state */
    elbo_phase phase[ELBO_MODEL_PHASES];
    int phases;
    int64_t phase_start; /* epoch with which the one at hand began */
    int64_t repeats;
    elbo_local_store local;
    elbo_local_reader test_reader, test_rest_reader;
    elbo_split held_out;
    double saved_at;
    float *best; /* parameters of the best epoch, until they are written */
    elbo_training_state best_state;
    bool best_due;
    elbo_run_folder *folder;
} trainer;

static double now(void) {
    struct timespec time;
    clock_gettime(CLOCK_MONOTONIC, &time);
    return (double)time.tv_sec + 1e-9 * (double)time.tv_nsec;
}

/* ---- setting up ---- */

static elbo_status open_data(trainer *t, const elbo_config *config, elbo_error *error) {
    t->dataset = elbo_dataset_open(config->input.data, &config->data, error);
    if (!t->dataset) return error ? error->status : ELBO_ERROR_IO;
    const elbo_data_info *info = elbo_dataset_info(t->dataset);
    t->rows = info->count[ELBO_SPLIT_TRAIN];
    t->held_out = info->count[ELBO_SPLIT_VALID] > 0 ? ELBO_SPLIT_VALID : ELBO_SPLIT_TEST;
    if (t->rows < 1) return elbo_fail(error, ELBO_ERROR_USAGE, "%s has no training rows", config->input.data);
    if (t->request->config && config->training.early_stop > 0 && info->count[t->held_out] == 0)
        return elbo_fail(error, ELBO_ERROR_USAGE, "--early-stop needs held-out rows, and %s has none",
                         config->input.data);
    if (t->request->config) t->state.data_rows = t->rows;
    t->instance.data_rows = t->rows;
    if (t->rows != t->state.data_rows)
        return elbo_fail(error, ELBO_ERROR_STATE,
                         "%s has %lld training rows; this run began with %lld: it goes on with the same data only",
                         config->input.data, (long long)t->rows, (long long)t->state.data_rows);
    return ELBO_OK;
}

/* Held-out rows of a model without an encoder. */
static elbo_status make_readers(trainer *t, int threads, elbo_error *error) {
    if (t->local.kind == ELBO_LOCAL_NONE) return ELBO_OK;
    ELBO_TRY(elbo_local_reader_new(&t->test_reader, &t->instance, t->test_full.rows, true, ELBO_PRECISION_F32, threads,
                                   error));
    if (!t->test_rest.rows) return ELBO_OK;
    return elbo_local_reader_new(&t->test_rest_reader, &t->instance, t->test_rest.rows, true, ELBO_PRECISION_F32,
                                 threads, error);
}

static elbo_status make_programs(trainer *t, elbo_error *error) {
    int64_t batch = t->options->batch < t->rows ? t->options->batch : t->rows, rest = t->rows % batch;
    int threads = (int)t->state.threads;
    int64_t least = t->instance.type->least_batch ? t->instance.type->least_batch(t->instance.config->model) : 1;
    if (batch < least)
        return elbo_fail(
            error, ELBO_ERROR_USAGE,
            "--batch %lld and %lld training rows: %s needs batches of at least %lld rows with these options",
            (long long)t->options->batch, (long long)t->rows, t->instance.type->name, (long long)least);
    ELBO_TRY(elbo_step_program_new(&t->full, &t->instance, batch, t->gradient, threads, error));
    if (t->full.update[0].unranked && t->options->early_stop > 0)
        return elbo_fail(error, ELBO_ERROR_USAGE,
                         "--early-stop: the loss of %s is an estimate that does not tell which epoch is the best",
                         t->instance.type->name);
    if (rest) ELBO_TRY(elbo_step_program_new(&t->rest, &t->instance, rest, t->gradient, threads, error));
    ELBO_TRY(elbo_local_store_new(&t->local, &t->instance, t->rows, batch, rest, threads, error));
    t->steps = (t->rows + batch - 1) / batch;
    int64_t test = elbo_dataset_info(t->dataset)->count[t->held_out];
    if (test == 0) return ELBO_OK;
    int64_t test_batch = test < 500 ? test : 500;
    ELBO_TRY(elbo_step_program_new(&t->test_full, &t->instance, test_batch, NULL, threads, error));
    if (test % test_batch)
        ELBO_TRY(elbo_step_program_new(&t->test_rest, &t->instance, test % test_batch, NULL, threads, error));
    return make_readers(t, threads, error);
}

static elbo_status make_optimiser(trainer *t, int u, elbo_error *error) {
    const elbo_update *update = &t->full.update[u];
    elbo_optimiser_options options = t->instance.config->optimiser;
    if (update->beta1 > 0) options.beta1 = update->beta1;
    if (update->beta2 > 0) options.beta2 = update->beta2;
    t->optimiser[u] =
        elbo_optimiser_new(t->instance.params, update->groups, t->gradient, &options, (int)t->state.threads, error);
    if (!t->optimiser[u]) return error ? error->status : ELBO_ERROR_MEMORY;
    for (int s = 0; s < ELBO_OPTIMISER_SLOTS; s++) {
        const char *name;
        float *slot = elbo_optimiser_slot(t->optimiser[u], s, &name);
        if (!slot) break;
        elbo_flat *flat = &t->flat[t->flats++];
        snprintf(flat->name, sizeof flat->name, "optimizer.%d.%s", u, name);
        flat->data = slot;
        flat->length = t->length;
    }
    return ELBO_OK;
}

static elbo_status make_optimisers(trainer *t, elbo_error *error) {
    t->flat[t->flats++] = (elbo_flat){"parameters", t->params, t->length};
    for (int u = 0; u < t->full.updates; u++) ELBO_TRY(make_optimiser(t, u, error));
    t->flats += elbo_local_store_flats(&t->local, t->flat + t->flats);
    return ELBO_OK;
}

/* Between the last good state and the one at hand. */
static void copy_flats(trainer *t, bool back) {
    float *kept = t->kept;
    for (size_t f = 0; f < t->flats; kept += t->flat[f++].length)
        memcpy(back ? t->flat[f].data : kept, back ? kept : t->flat[f].data, sizeof(float) * t->flat[f].length);
}

static void keep(trainer *t) {
    copy_flats(t, false);
    t->kept_state = t->state;
}

static void restore(trainer *t) {
    copy_flats(t, true);
    double factor = t->state.rate_factor;
    t->state = t->kept_state;
    t->state.rate_factor = factor;
    elbo_params_touch(t->instance.params);
}

static elbo_status make_kept(trainer *t, elbo_error *error) {
    size_t length = 0;
    for (size_t f = 0; f < t->flats; f++) length += t->flat[f].length;
    t->kept = elbo_calloc(sizeof(float) * length);
    return t->kept ? ELBO_OK : elbo_fail_memory(error, sizeof(float) * length, "the last good state");
}

/* Entered a phase, and no step of it done. */
static bool is_at_entrance(const trainer *t) {
    return t->instance.phase > 0 && t->state.epoch == t->phase_start && t->state.step_in_epoch == 0;
}

/* At the entrance of a phase the file of the phase before it stays: from there the phase is entered again, to the same
 * parameters. */
static void swap_best(trainer *t) {
    for (size_t i = 0; i < t->length; i++) {
        float value = t->params[i];
        t->params[i] = t->best[i];
        t->best[i] = value;
    }
}

static elbo_status save_best(trainer *t, elbo_error *error) {
    if (!t->best_due) return ELBO_OK;
    t->best_due = false;
    swap_best(t);
    const char *path = elbo_run_folder_best(t->folder);
    elbo_status status = elbo_checkpoint_write(path, &t->instance, &t->best_state, NULL, 0, error);
    swap_best(t);
    return status;
}

static elbo_status save(trainer *t, elbo_error *error) {
    keep(t);
    ELBO_TRY(save_best(t, error)); /* first: a kill in between leaves a best that will be found again */
    t->saved_at = now();
    if (is_at_entrance(t)) return ELBO_OK;
    return elbo_checkpoint_write(elbo_run_folder_last(t->folder), &t->instance, &t->state, t->flat + 1, t->flats - 1,
                                 error);
}

static elbo_status open_folder(trainer *t, elbo_error *error) {
    t->folder = elbo_run_folder_open(t->request->folder, t->request->config == NULL, error);
    return t->folder ? ELBO_OK : error->status;
}

/* The phase of the last step that was done: the next one is entered when its first step is due. */
static void find_phase(trainer *t) {
    t->phases = elbo_instance_phases(&t->instance, t->phase);
    t->epochs = t->phase_start = t->instance.phase = 0;
    for (int p = 0; p < t->phases; p++) t->epochs += t->phase[p].epochs;
    int64_t last = t->state.step_in_epoch > 0 || t->state.epoch == 0 ? t->state.epoch : t->state.epoch - 1;
    while (t->instance.phase + 1 < t->phases && last >= t->phase_start + t->phase[t->instance.phase].epochs)
        t->phase_start += t->phase[t->instance.phase++].epochs;
}

static elbo_status set_up(trainer *t, elbo_error *error) {
    const elbo_training *request = t->request;
    t->state = (elbo_training_state){.best = INFINITY, .rate_factor = 1, .threads = request->threads};
    if (request->config) {
        ELBO_TRY(elbo_run_folder_unused(request->folder, error));
        ELBO_TRY(open_data(t, request->config, error));
        ELBO_TRY(elbo_instance_new(&t->instance, request->config, t->dataset, error));
    } else {
        ELBO_TRY(open_folder(t, error));
        ELBO_TRY(elbo_checkpoint_read(elbo_run_folder_last(t->folder), &t->instance, &t->state, error));
        if (request->threads > 0) t->state.threads = request->threads;
        ELBO_TRY(open_data(t, t->instance.config, error));
        ELBO_TRY(elbo_instance_fits(&t->instance, elbo_dataset_info(t->dataset), error));
    }
    if (t->state.threads <= 0) t->state.threads = omp_get_num_procs();
    t->options = &t->instance.config->training;
    if (request->epochs > 0) t->instance.config->training.epochs = request->epochs;
    find_phase(t);
    t->params = elbo_params_data(t->instance.params, &t->length);
    t->gradient = elbo_calloc(sizeof(float) * t->length);
    t->best = elbo_calloc(sizeof(float) * t->length);
    t->order = elbo_calloc(sizeof *t->order * (size_t)t->rows);
    t->order_epoch = -1;
    if (!t->gradient || !t->best || !t->order) return elbo_fail_memory(error, sizeof(float) * t->length, "gradients");
    ELBO_TRY(make_programs(t, error));
    if (t->state.step_in_epoch > t->steps)
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: step %lld of an epoch of %lld", elbo_run_folder_last(t->folder),
                         (long long)t->state.step_in_epoch, (long long)t->steps);
    ELBO_TRY(make_optimisers(t, error));
    t->repeats = t->instance.type->repeats ? t->instance.type->repeats(t->instance.config->model) : 1;
    if (!request->config)
        ELBO_TRY(elbo_checkpoint_read_flats(elbo_run_folder_last(t->folder), t->flat + 1, t->flats - 1, error));
    ELBO_TRY(make_kept(t, error));
    if (request->config) ELBO_TRY(open_folder(t, error)); /* only now: what was refused before leaves nothing behind */
    ELBO_TRY(elbo_run_folder_begin(t->folder, &t->instance, &t->state, request->config != NULL, error));
    return save(t, error);
}

/* What belongs to a phase: programs, optimisers, and the copy of their state. */
static void clear_phase(trainer *t) {
    for (int u = 0; u < ELBO_MODEL_UPDATES; u++) {
        elbo_optimiser_free(t->optimiser[u]);
        t->optimiser[u] = NULL;
    }
    elbo_step_program_clear(&t->full);
    elbo_step_program_clear(&t->rest);
    elbo_step_program_clear(&t->test_full);
    elbo_step_program_clear(&t->test_rest);
    elbo_local_store_clear(&t->local);
    elbo_local_reader_clear(&t->test_reader);
    elbo_local_reader_clear(&t->test_rest_reader);
    elbo_free(t->kept);
    t->kept = NULL;
    t->flats = 0;
}

static void tear_down(trainer *t) {
    clear_phase(t);
    elbo_free(t->gradient);
    elbo_free(t->best);
    elbo_free(t->order);
    elbo_instance_clear(&t->instance);
    elbo_dataset_free(t->dataset);
    elbo_run_folder_free(t->folder);
}

/* ---- saying ---- */

/* Whether the loss of the phase at hand has a reconstruction in it. */
static bool reconstructs(const trainer *t) {
    for (int u = 0; u < t->full.updates; u++)
        if (t->full.update[u].reconstruction) return true;
    return false;
}

static bool say(trainer *t, elbo_event event, double test_loss, double rate, double norm, const char *message) {
    if (!t->request->progress) return false;
    const elbo_training_state *s = &t->state;
    double rows = s->rows > 0 ? (double)s->rows : NAN;
    elbo_progress progress = {.event = event,
                              .message = message,
                              .epoch = s->epoch + (event == ELBO_EVENT_STEP),
                              .epochs = t->epochs,
                              .step = s->step_in_epoch,
                              .steps = t->steps,
                              .loss = s->loss / rows,
                              .reconstruction = reconstructs(t) ? s->reconstruction / rows : NAN,
                              .kl = t->instance.type->deterministic ? NAN : s->kl / rows,
                              .test_loss = test_loss,
                              .rate = rate,
                              .gradient_norm = norm,
                              .seconds = s->seconds,
                              .samples_per_second = s->seconds > 0 ? (double)s->rows / s->seconds : 0};
    return t->request->progress(t->request->user, &progress);
}

/* ---- a step ---- */

/* Epochs, and a share of one, since the phase began. */
static double phase_epoch(const trainer *t) {
    double step = (double)t->state.step_in_epoch / (double)t->steps;
    return (double)(t->state.epoch - t->phase_start) + step;
}

static double rate_now(const trainer *t) {
    double epochs = (double)t->phase[t->instance.phase].epochs;
    int64_t step = t->state.step - t->phase_start * t->steps + 1;
    return t->state.rate_factor * elbo_schedule_rate(&t->instance.config->optimiser, phase_epoch(t), epochs, step);
}

static double kl_weight_now(const trainer *t) {
    double epoch = phase_epoch(t);
    double share = t->options->kl_warmup > 0 ? epoch / t->options->kl_warmup : 1;
    return t->options->beta * (share < 1 ? share : 1);
}

static void shuffle(trainer *t) {
    if (t->order_epoch == t->state.epoch) return;
    elbo_rng rng = {(uint64_t)t->options->seed, ELBO_STREAM_SHUFFLE, (uint32_t)t->state.epoch};
    elbo_rng_permutation(&rng, t->order, t->rows);
    t->order_epoch = t->state.epoch;
}

/* After a number that is not finite: back to the last good state, and from there either an end or on more slowly. The
 * message has room for size bytes. */
static elbo_status recover(trainer *t, char *message, size_t size, double norm, const char *remedy, elbo_error *error) {
    restore(t); /* the parameters may be finite and yet lost, so the state of the last save counts as good */
    if (strcmp(t->options->on_nan, "continue") == 0 && t->state.rate_factor > 1e-6) {
        t->state.rate_factor /= 2;
        size_t used = strlen(message);
        snprintf(message + used, size - used, "; going on from the last good state at %g times the rate",
                 t->state.rate_factor);
        say(t, ELBO_EVENT_WARNING, NAN, rate_now(t), norm, message);
        return ELBO_OK;
    }
    ELBO_TRY(save(t, error));
    return elbo_fail(error, ELBO_ERROR_NUMERIC,
                     "%s. The last good state is saved; try a smaller %s or --on-nan continue", message, remedy);
}

/* A step whose loss or gradient is not finite: says where it began. */
static elbo_status survive(trainer *t, elbo_step_program *program, int u, const int64_t *rows,
                           const elbo_step_result *result, double norm, const elbo_run *run, elbo_error *error) {
    char place[256], message[900];
    int64_t row = -1;
    elbo_error ignored = {0};
    if (elbo_step_diagnose(program, u, kl_weight_now(t), run, place, sizeof place, &row, &ignored) != ELBO_OK)
        snprintf(place, sizeof place, "unknown (%.200s)", ignored.message);
    char datum[64] = "";
    if (row >= 0) snprintf(datum, sizeof datum, " (training row %lld)", (long long)rows[row]);
    const char *term = !isfinite(result->reconstruction) ? "reconstruction" : !isfinite(result->kl) ? "KL" : "";
    snprintf(message, sizeof message,
             "step %lld (epoch %lld): %s is %g, gradient norm %g; first value that is not finite: %s%s",
             (long long)t->state.step + 1, (long long)t->state.epoch + 1, *term ? term : program->update[u].name,
             fabs(result->loss), fabs(norm), place, datum);
    return recover(t, message, sizeof message, norm, "--lr, --clip 100,", error);
}

/* Whether an update is made in the epoch at hand; *epochs: how many epochs of this phase it has been made in before. */
static bool is_due(const trainer *t, const elbo_update *update, int64_t *epochs) {
    int64_t done = t->state.epoch - t->phase_start;
    *epochs = done;
    if (update->turn == 0) return true;
    int64_t round = update->turn * update->turns, into = done % round - update->turn * update->turn_index;
    bool due = into >= 0 && into < update->turn;
    *epochs = done / round * update->turn + (due ? into : into < 0 ? 0 : update->turn);
    return due;
}

/* One pass of update u over the batch that is loaded, whose rows are given, and the optimiser's step with this number.
 */
static elbo_status pass(trainer *t, elbo_step_program *program, int u, const int64_t *rows, const elbo_run *run,
                        int64_t number, elbo_step_result *result, double *norm, bool *good, elbo_error *error) {
    const elbo_optimiser_options *how = &t->instance.config->optimiser;
    double rate = rate_now(t), factor = program->update[u].rate;
    ELBO_TRY(elbo_step_program_run(program, u, kl_weight_now(t), run, result, error));
    ELBO_TRY(elbo_optimiser_norm(t->optimiser[u], norm, error));
    *good = isfinite(result->loss) && isfinite(*norm);
    if (!*good) return survive(t, program, u, rows, result, *norm, run, error);
    double scale = how->clip > 0 && *norm > how->clip ? how->clip / *norm : 1;
    return elbo_optimiser_step(t->optimiser[u], factor > 0 ? rate * factor : rate, number, scale, error);
}

/* Repeat r > 0 of an update: other rows of the epoch, and draws of its own. Returns the rows. */
static const int64_t *other_rows(const trainer *t, const elbo_step_program *program, int64_t r, elbo_run *run) {
    int64_t first = t->state.step_in_epoch * t->full.rows + r * program->rows;
    run->seed += (uint64_t)r * 0x9E3779B97F4A7C15u; /* seeds of one step: far apart, and of no other run */
    return t->order + first % (t->rows - program->rows + 1);
}

/* Makes every update that is due, the first time on the batch that is loaded. The figures of the first run that has
 * them into *total. */
static elbo_status update(trainer *t, elbo_step_program *program, int64_t repeat, const elbo_run *run,
                          elbo_step_result *total, double *norm, bool *good, elbo_error *error) {
    elbo_step_result result;
    const int64_t *batch = t->order + t->state.step_in_epoch * t->full.rows;
    for (int u = 0; u < program->updates; u++) {
        const elbo_update *made = &program->update[u];
        int64_t epochs, repeats = made->repeats > 0 ? made->repeats : 1;
        if (!is_due(t, made, &epochs)) continue;
        int64_t number = (epochs * t->steps + t->state.step_in_epoch) * t->repeats + repeat;
        for (int64_t r = 0; r < repeats; r++) {
            elbo_run own = *run;
            const int64_t *rows = r > 0 ? other_rows(t, program, r, &own) : batch;
            if (r > 0)
                ELBO_TRY(elbo_step_program_load_update(program, u, &t->instance, t->dataset, ELBO_SPLIT_TRAIN, rows, 0,
                                                       error));
            ELBO_TRY(pass(t, program, u, rows, &own, number * repeats + r + 1, &result, norm, good, error));
            if (!*good) return ELBO_OK;
        }
        if (made->loss && repeat == 0) *total = result;
    }
    return ELBO_OK;
}

/* Moves what is kept for the rows of the batch. */
static elbo_status move_rows(trainer *t, elbo_step_program *program, const int64_t *rows, const elbo_run *run,
                             bool *good, elbo_error *error) {
    char message[900];
    int64_t visits = t->state.epoch - t->phase_start;
    elbo_status status =
        elbo_local_store_move(&t->local, program, rows, visits, t->state.rate_factor, kl_weight_now(t), run, error);
    *good = status == ELBO_OK;
    if (status != ELBO_ERROR_NUMERIC) return status;
    snprintf(message, sizeof message, "step %lld (epoch %lld), before the parameters move: %.700s",
             (long long)t->state.step + 1, (long long)t->state.epoch + 1, error->message);
    return recover(t, message, sizeof message, NAN, t->local.kind == ELBO_LOCAL_CODES ? "--lr" : "--local-rate", error);
}

/* One step; *good is false where it met a NaN and changed nothing but the rate. */
static elbo_status step(trainer *t, double *norm, bool *good, elbo_error *error) {
    int64_t first = t->state.step_in_epoch * t->full.rows;
    elbo_step_program *program = t->rows - first < t->full.rows ? &t->rest : &t->full;
    elbo_run run = {.seed = (uint64_t)t->options->seed, .step = (uint32_t)t->state.step};
    const int64_t *rows = t->order + first;
    elbo_step_result total = {0};
    ELBO_TRY(elbo_step_program_load(program, &t->instance, t->dataset, ELBO_SPLIT_TRAIN, rows, 0, error));
    ELBO_TRY(move_rows(t, program, rows, &run, good, error));
    for (int64_t repeat = 0; repeat < t->repeats && *good; repeat++)
        ELBO_TRY(update(t, program, repeat, &run, &total, norm, good, error));
    if (!*good) return ELBO_OK;
    double count = (double)program->rows;
    t->state.loss += total.loss * count;
    t->state.reconstruction += total.reconstruction * count;
    t->state.kl += total.kl * count;
    t->state.norm += *norm;
    t->state.rows += program->rows;
    t->state.step++;
    t->state.step_in_epoch++;
    return ELBO_OK;
}

/* ---- an epoch ---- */

/* Fits the posteriors of held-out rows. */
static elbo_status read_posteriors(trainer *t, elbo_step_program *program, const elbo_run *run, elbo_error *error) {
    elbo_local_reader *reader = program == &t->test_full ? &t->test_reader : &t->test_rest_reader;
    float *input = elbo_plan_input(program->plan[0], program->local);
    ELBO_TRY(elbo_local_reader_run(reader, elbo_plan_input(program->plan[0], program->raw), run, error));
    if (input) memcpy(input, reader->state.numbers, sizeof *input * (size_t)elbo_shape_count(program->local->shape));
    return ELBO_OK;
}

static elbo_status evaluate(trainer *t, elbo_step_result *mean, elbo_error *error) {
    int64_t rows = elbo_dataset_info(t->dataset)->count[t->held_out], done = 0;
    *mean = (elbo_step_result){NAN, NAN, NAN};
    if (rows == 0) return ELBO_OK;
    elbo_step_result sum = {0}, result;
    while (done < rows) {
        elbo_step_program *program = rows - done < t->test_full.rows ? &t->test_rest : &t->test_full;
        elbo_run run = {.seed = (uint64_t)t->options->seed, .first_row = (uint32_t)done};
        ELBO_TRY(elbo_step_program_load(program, &t->instance, t->dataset, t->held_out, NULL, done, error));
        if (t->local.kind != ELBO_LOCAL_NONE) ELBO_TRY(read_posteriors(t, program, &run, error));
        ELBO_TRY(elbo_step_program_run(program, 0, 1, &run, &result, error));
        double share = (double)program->rows / (double)rows;
        sum.loss += share * result.loss;
        sum.reconstruction += share * result.reconstruction;
        sum.kl += share * result.kl;
        done += program->rows;
    }
    *mean = sum;
    return ELBO_OK;
}

/* Whether the phase is the last one: what those before it reach is no state of the model to stop at or to keep. */
static bool is_final(const trainer *t) { return t->instance.phase + 1 == t->phases; }

/* Seconds between checkpoints of short epochs: writing them out would take longer than the epochs. */
static const double least_pause = 1;

static void note_best(trainer *t) {
    memcpy(t->best, t->params, sizeof *t->best * t->length);
    t->best_state = t->state;
    t->best_due = true;
}

static bool ends_phase(const trainer *t) {
    return t->state.epoch >= t->phase_start + t->phase[t->instance.phase].epochs;
}

static elbo_status finish_epoch(trainer *t, bool *stop, elbo_error *error) {
    elbo_training_state *s = &t->state;
    elbo_step_result test = {NAN, NAN, NAN};
    bool last = s->epoch + 1 >= t->epochs;
    double rate = rate_now(t);
    if ((s->epoch + 1) % t->options->evaluate_every == 0 || last) ELBO_TRY(evaluate(t, &test, error));
    s->epoch++;
    bool better = test.loss < s->best;
    if (better) {
        s->best = test.loss;
        s->worse = 0;
    } else if (!isnan(test.loss)) {
        s->worse++;
    }
    if (!reconstructs(t)) s->reconstruction = test.reconstruction = NAN;
    ELBO_TRY(elbo_run_folder_epoch(t->folder, s, &test, t->steps, rate, error));
    bool asked = say(t, ELBO_EVENT_EPOCH, test.loss, rate, s->norm / (double)t->steps, NULL);
    s->step_in_epoch = s->rows = 0;
    s->loss = s->reconstruction = s->kl = s->norm = s->seconds = 0;
    if (better && is_final(t) && !t->full.update[0].unranked) note_best(t);
    *stop = is_final(t) && t->options->early_stop > 0 && s->worse >= t->options->early_stop;
    if (asked || last || *stop || ends_phase(t) || now() - t->saved_at >= least_pause) ELBO_TRY(save(t, error));
    if (asked && !last)
        return elbo_fail(error, ELBO_ERROR_INTERRUPTED, "stopped after epoch %lld", (long long)s->epoch);
    return ELBO_OK;
}

/* Lets the model set parameters by the codes of the training rows. */
static elbo_status enter(trainer *t, elbo_error *error) {
    const elbo_model_type *type = t->instance.type;
    const void *options = t->instance.config->model;
    if (!type->enter) return ELBO_OK;
    int64_t latent = type->latent(options);
    size_t bytes = sizeof(float) * (size_t)(t->rows * latent);
    float *codes = elbo_calloc(bytes);
    if (!codes) return elbo_fail_memory(error, bytes, "codes of the training rows");
    elbo_entrance entrance = {.options = options,
                              .phase = t->instance.phase,
                              .params = t->instance.params,
                              .codes = codes,
                              .rows = t->rows,
                              .latent = latent,
                              .seed = (uint64_t)t->options->seed,
                              .threads = (int)t->state.threads};
    int threads = (int)t->state.threads;
    elbo_status status = elbo_codes(&t->instance, t->dataset, ELBO_SPLIT_TRAIN, t->rows, threads, codes, error);
    if (status == ELBO_OK) status = type->enter(&entrance, error);
    elbo_free(codes);
    elbo_params_touch(t->instance.params);
    return status;
}

static void profile(const trainer *t) {
    for (int u = 0; t->options->profile && u < t->full.updates; u++) elbo_plan_profile(t->full.plan[u], true);
}

/* Goes on to the phase of the epoch at hand: new updates, fresh optimisers. */
static elbo_status next_phase(trainer *t, elbo_error *error) {
    int64_t end = t->phase_start + t->phase[t->instance.phase].epochs;
    if (t->state.epoch < end || is_final(t)) return ELBO_OK;
    clear_phase(t);
    t->phase_start = end;
    t->instance.phase++;
    t->state.best = INFINITY; /* another loss: what was best before says nothing */
    t->state.worse = 0;
    ELBO_TRY(enter(t, error));
    ELBO_TRY(make_programs(t, error));
    ELBO_TRY(make_optimisers(t, error));
    ELBO_TRY(make_kept(t, error));
    keep(t); /* what a NaN in the first step goes back to */
    profile(t);
    return ELBO_OK;
}

static elbo_status run_steps(trainer *t, elbo_error *error) {
    double norm = NAN;
    shuffle(t);
    while (t->state.step_in_epoch < t->steps) {
        double start = now();
        bool good;
        ELBO_TRY(step(t, &norm, &good, error));
        shuffle(t); /* a NaN may have thrown the state back into an earlier epoch */
        double end = now();
        if (good) t->state.seconds += end - start;
        if (say(t, ELBO_EVENT_STEP, NAN, rate_now(t), norm, NULL)) {
            ELBO_TRY(save(t, error));
            return elbo_fail(error, ELBO_ERROR_INTERRUPTED, "stopped after step %lld of epoch %lld",
                             (long long)t->state.step_in_epoch, (long long)t->state.epoch + 1);
        }
        if (t->options->save_every > 0 && end - t->saved_at > t->options->save_every) ELBO_TRY(save(t, error));
    }
    return ELBO_OK;
}

static elbo_status run(trainer *t, elbo_error *error) {
    bool stop = is_final(t) && t->options->early_stop > 0 && t->state.worse >= t->options->early_stop &&
                t->request->epochs == 0;
    t->saved_at = now();
    if (*t->instance.warning) say(t, ELBO_EVENT_WARNING, NAN, 0, 0, t->instance.warning);
    profile(t);
    while (t->state.epoch < t->epochs && !stop) {
        ELBO_TRY(next_phase(t, error));
        ELBO_TRY(run_steps(t, error));
        ELBO_TRY(finish_epoch(t, &stop, error));
    }
    if (t->options->profile) ELBO_TRY(elbo_run_folder_profile(t->folder, &t->full, error));
    return ELBO_OK;
}

elbo_status elbo_train(const elbo_training *training, elbo_error *error) {
    elbo_error local = {0};
    trainer t = {.request = training};
    if (!error) error = &local;
    elbo_status status = set_up(&t, error);
    if (status == ELBO_OK) status = run(&t, error);
    tear_down(&t);
    return status;
}
