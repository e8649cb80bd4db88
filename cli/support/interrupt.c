#include "support/interrupt.h"

#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

/* A signal handler has no other way to say something. */
static volatile sig_atomic_t requested;

static void handle(int number) {
    if (requested) _exit(128 + number);
    requested = 1;
}

void elbo_cli_interrupt_catch(void) {
    struct sigaction action;
    memset(&action, 0, sizeof action);
    action.sa_handler = handle;
    action.sa_flags = SA_RESTART; /* a write in progress is not cut short by the first signal */
    sigemptyset(&action.sa_mask);
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    struct sigaction hangup; /* of the terminal; nohup has it ignored, and so it stays */
    if (sigaction(SIGHUP, NULL, &hangup) == 0 && hangup.sa_handler != SIG_IGN) sigaction(SIGHUP, &action, NULL);
}

bool elbo_cli_interrupt_requested(void) { return requested != 0; }

void elbo_cli_interrupt_ignore_pipe(void) { signal(SIGPIPE, SIG_IGN); }

bool elbo_cli_interrupt_pipe_closed(void) {
    struct pollfd out = {STDOUT_FILENO, 0, 0};
    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

void elbo_cli_interrupt_die_of_pipe(void) {
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
}
