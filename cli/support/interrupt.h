/* Stopping on request.  The first SIGINT, SIGTERM or SIGHUP asks the work to stop at a good moment; the second ends the
 * program at once. */
#ifndef ELBO_CLI_SUPPORT_INTERRUPT_H
#define ELBO_CLI_SUPPORT_INTERRUPT_H

#include <stdbool.h>

/* From now on the first signal only raises the flag. */
void elbo_cli_interrupt_catch(void);
bool elbo_cli_interrupt_requested(void);

/* A closed pipe on standard output (`elbo list | head -1`) must not kill a run that still has to save, so SIGPIPE is
 * ignored while the command works. */
void elbo_cli_interrupt_ignore_pipe(void);
/* Whether the reader of standard output has gone. */
bool elbo_cli_interrupt_pipe_closed(void);
/* Ends the program as SIGPIPE would have; for the end of main. */
void elbo_cli_interrupt_die_of_pipe(void);

#endif
