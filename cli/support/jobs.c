#include "support/jobs.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "support/interrupt.h"

/* ---- Saying ---- */

/* One bar for all: that of the first job at work. */
static bool is_first(const elbo_cli_jobs *jobs, size_t index) {
    for (size_t i = 0; i < index; i++)
        if (jobs->job[i].active) return false;
    return true;
}

static double whole(const elbo_cli_jobs *jobs) {
    double sum = 0;
    for (size_t i = 0; i < jobs->count; i++) sum += jobs->job[i].share;
    return sum / (double)jobs->count;
}

static void show_epoch(elbo_cli_jobs *jobs, size_t index, const elbo_progress *progress) {
    char label[256];
    elbo_cli_job *job = &jobs->job[index];
    double part = progress->event == ELBO_EVENT_STEP
                      ? (double)progress->step / (double)(progress->steps > 0 ? progress->steps : 1) - 1
                      : 0;
    job->share = ((double)progress->epoch + part) / (double)progress->epochs;
    const elbo_cli_progress_field fields[] = {{elbo_cli_loss_word(progress), progress->loss, 2, false},
                                              {"samples/s", progress->samples_per_second, 0, true},
                                              {"test", progress->test_loss, 2, false}};
    snprintf(label, sizeof label, "run %zu/%zu %s epoch %lld/%lld", index + 1, jobs->count, job->name,
             (long long)progress->epoch, (long long)progress->epochs);
    const elbo_cli_progress_state state = {label, whole(jobs), whole(jobs), fields, isnan(progress->test_loss) ? 2 : 3};
    if (jobs->bar.style == ELBO_CLI_PROGRESS_LINES && progress->event == ELBO_EVENT_EPOCH)
        elbo_cli_progress_line(&jobs->bar, &state);
    else if (is_first(jobs, index))
        elbo_cli_progress_update(&jobs->bar, &state);
}

bool elbo_cli_jobs_training(elbo_cli_jobs *jobs, size_t index, const elbo_progress *progress) {
    pthread_mutex_lock(&jobs->lock);
    jobs->job[index].worked = true;
    if (progress->event == ELBO_EVENT_WARNING) {
        elbo_cli_progress_end(&jobs->bar);
        elbo_context_note(jobs->context, "%s: warning: %s", jobs->job[index].name, progress->message);
    } else {
        show_epoch(jobs, index, progress);
    }
    pthread_mutex_unlock(&jobs->lock);
    return elbo_cli_interrupt_requested();
}

bool elbo_cli_jobs_measuring(elbo_cli_jobs *jobs, size_t index, const char *what, double share) {
    char label[256];
    pthread_mutex_lock(&jobs->lock);
    jobs->job[index].worked = true;
    snprintf(label, sizeof label, "run %zu/%zu %s measuring %s %.0f%%", index + 1, jobs->count, jobs->job[index].name,
             what, 100 * share);
    if (is_first(jobs, index))
        elbo_cli_progress_update(&jobs->bar, &(elbo_cli_progress_state){label, whole(jobs), whole(jobs), NULL, 0});
    pthread_mutex_unlock(&jobs->lock);
    return elbo_cli_interrupt_requested();
}

/* ---- Working ---- */

/* The next job that nobody has taken; false at the end or after a request to stop. */
static bool take(elbo_cli_jobs *jobs, size_t *index) {
    bool taken = false;
    pthread_mutex_lock(&jobs->lock);
    if (elbo_cli_interrupt_requested()) jobs->interrupted = jobs->interrupted || jobs->next < jobs->count;
    if (!jobs->interrupted && !jobs->refused && jobs->next < jobs->count) {
        *index = jobs->next++;
        taken = jobs->job[*index].active = true;
    }
    pthread_mutex_unlock(&jobs->lock);
    return taken;
}

static void put_back(elbo_cli_jobs *jobs, size_t index, elbo_status status, const elbo_error *error) {
    elbo_cli_job *job = &jobs->job[index];
    const char *path = jobs->context->path;
    pthread_mutex_lock(&jobs->lock);
    job->active = false;
    job->share = 1;
    job->outcome = status;
    snprintf(job->message, sizeof job->message, "%s",
             *error->message ? error->message : elbo_status_text(error->status));
    if (status == ELBO_ERROR_INTERRUPTED) jobs->interrupted = true;
    if (status == ELBO_ERROR_USAGE && jobs->alike) jobs->refused = true;
    if (job->worked || status != ELBO_OK) elbo_cli_progress_end(&jobs->bar);
    if (status == ELBO_OK && job->worked)
        elbo_context_note(jobs->context, "run %zu of %zu, %s: complete", index + 1, jobs->count, job->name);
    else if (status != ELBO_OK && status != ELBO_ERROR_INTERRUPTED)
        fprintf(stderr, "elbo %s: run %zu of %zu, %s: %s\n", path, index + 1, jobs->count, job->name, job->message);
    pthread_mutex_unlock(&jobs->lock);
}

static void *work(void *user) {
    elbo_cli_jobs *jobs = user;
    for (size_t index; take(jobs, &index);) {
        elbo_error error = {0};
        elbo_status status = jobs->work(jobs, index, jobs->user, &error);
        put_back(jobs, index, status, &error);
    }
    return NULL;
}

size_t elbo_cli_jobs_share(elbo_cli_jobs *jobs, int64_t at_once) {
    int64_t threads = jobs->context->common->threads, processors = sysconf(_SC_NPROCESSORS_ONLN);
    if (threads <= 0) threads = processors > 0 ? processors : 1;
    if (at_once <= 0) at_once = threads;
    jobs->threads = (int)(threads > at_once ? threads / at_once : 1);
    return (size_t)at_once < jobs->count ? (size_t)at_once : jobs->count;
}

elbo_status elbo_cli_jobs_run(elbo_cli_jobs *jobs, size_t at_once, elbo_error *error) {
    size_t started = 0;
    pthread_t *thread = calloc(at_once, sizeof *thread);
    if (!thread) return elbo_cli_fail(error, ELBO_ERROR_MEMORY, "out of memory for the runs");
    for (size_t i = 0; i < jobs->count; i++) jobs->job[i].outcome = ELBO_ERROR_STATE;
    pthread_mutex_init(&jobs->lock, NULL);
    json_object_seed(0); /* before threads make objects */
    elbo_cli_interrupt_catch();
    elbo_cli_progress_begin(&jobs->bar, jobs->context);
    while (started + 1 < at_once && pthread_create(&thread[started], NULL, work, jobs) == 0) started++;
    (void)work(jobs);
    while (started > 0) pthread_join(thread[--started], NULL);
    elbo_cli_progress_end(&jobs->bar);
    pthread_mutex_destroy(&jobs->lock);
    free(thread);
    return ELBO_OK;
}

size_t elbo_cli_jobs_incomplete(const elbo_cli_jobs *jobs) {
    size_t count = 0;
    for (size_t i = 0; i < jobs->count; i++) count += jobs->job[i].outcome != ELBO_OK;
    return count;
}
