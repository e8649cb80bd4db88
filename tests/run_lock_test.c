/* The lock on a run directory: one holder, named, and gone with its process. */
#include "train/run_lock.h"

#include <errno.h>
#include <sys/wait.h>

#include "base/memory.h"
#include "scratch.h"

static void assert_held_by(const char *folder, long pid) {
    elbo_error error = {0};
    char word[64];
    snprintf(word, sizeof word, "process %ld is already training in %s", pid, folder);
    assert_null(elbo_run_lock_take(folder, &error));
    assert_int_equal(error.status, ELBO_ERROR_STATE);
    if (!strstr(error.message, word)) fail_msg("%s", error.message);
}

static void within_a_process(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_run_lock *lock = elbo_run_lock_take(place->folder, &error);
    if (!lock) fail_msg("%s", error.message);
    assert_held_by(place->folder, (long)getpid());
    elbo_run_lock_release(lock);
    lock = elbo_run_lock_take(place->folder, &error);
    assert_non_null(lock);
    elbo_run_lock_release(lock);
    elbo_run_lock_release(NULL);
}

/* A child takes the lock and is killed without a chance to release it. */
static void killed_holder(void **state) {
    scratch *place = *state;
    int pipes[2], status;
    char byte = 0;
    elbo_error error = {0};
    assert_int_equal(pipe(pipes), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        byte = elbo_run_lock_take(place->folder, NULL) ? 'y' : 'n';
        if (write(pipes[1], &byte, 1) != 1) _exit(1);
        for (;;) pause();
    }
    assert_int_equal(read(pipes[0], &byte, 1), 1);
    assert_int_equal(byte, 'y');
    assert_held_by(place->folder, (long)child);
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, &status, 0), child);
    elbo_run_lock *lock = elbo_run_lock_take(place->folder, &error);
    if (!lock) fail_msg("%s", error.message);
    assert_held_by(place->folder, (long)getpid()); /* not the dead one's number */
    elbo_run_lock_release(lock);
    close(pipes[0]);
    close(pipes[1]);
}

static void no_place_for_it(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    char path[160];
    assert_null(elbo_run_lock_take("scratch.absent", &error));
    assert_int_equal(error.status, ELBO_ERROR_IO);
    assert_non_null(strstr(error.message, "scratch.absent/.lock"));
    snprintf(path, sizeof path, "%s/.lock", place->folder);
    scratch_write(path, "garbage", 7);
    elbo_run_lock *lock = elbo_run_lock_take(place->folder, &error);
    assert_non_null(lock); /* what the file held means nothing */
    elbo_run_lock_release(lock);
    scratch_disk_size(0);
    lock = elbo_run_lock_take(place->folder, &error);
    assert_null(elbo_run_lock_take(place->folder, &error));
    scratch_disk_size(RLIM_INFINITY);
    assert_non_null(lock);
    assert_non_null(strstr(error.message, "another process is already training"));
    elbo_run_lock_release(lock);
}

static void each_allocation(void **state) {
    scratch *place = *state;
    elbo_error error = {0};
    elbo_run_lock *lock;
    SCRATCH_EACH_ALLOCATION(number, lock = elbo_run_lock_take(place->folder, &error), {
        assert_int_equal(lock == NULL, scratch_reached);
        if (!lock) assert_int_equal(error.status, ELBO_ERROR_MEMORY);
        elbo_run_lock_release(lock);
    });
}

int main(void) {
#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, scratch_make, scratch_remove)
    const struct CMUnitTest tests[] = {IN_FOLDER(within_a_process), IN_FOLDER(killed_holder),
                                       IN_FOLDER(no_place_for_it), IN_FOLDER(each_allocation)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
