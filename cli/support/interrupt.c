#include "support/interrupt.h"

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
}

bool elbo_cli_interrupt_requested(void) { return requested != 0; }

void elbo_cli_interrupt_ignore_pipe(void) { signal(SIGPIPE, SIG_IGN); }

void elbo_cli_interrupt_die_of_pipe(void) {
    signal(SIGPIPE, SIG_DFL);
    raise(SIGPIPE);
}
