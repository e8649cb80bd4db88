/* One writer per run directory: an advisory lock on DIR/.lock, gone when its process ends in whatever way. */
#ifndef ELBO_TRAIN_RUN_LOCK_H
#define ELBO_TRAIN_RUN_LOCK_H

#include "base/error.h"

typedef struct elbo_run_lock elbo_run_lock;

/* Locks an existing folder.  NULL with ELBO_ERROR_STATE and the holder's process number when another training writes
 * there, ELBO_ERROR_IO when the lock file cannot be made.  Release with elbo_run_lock_release. */
elbo_run_lock *elbo_run_lock_take(const char *folder, elbo_error *error);
/* Accepts NULL.  The file .lock stays, empty: removing it would let two processes hold locks on two files. */
void elbo_run_lock_release(elbo_run_lock *lock);

#endif
