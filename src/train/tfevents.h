/* Event files that TensorBoard shows: TFRecord frames (length, masked CRC-32C, bytes, masked CRC-32C) around protocol
 * buffers of type Event. */
#ifndef ELBO_TRAIN_TFEVENTS_H
#define ELBO_TRAIN_TFEVENTS_H

#include "base/error.h"

typedef struct elbo_tfevents elbo_tfevents;

typedef struct elbo_tfevents_scalar {
    const char *tag; /* UTF-8; '/' groups curves, as in "loss/train" */
    double value;    /* stored as float */
} elbo_tfevents_scalar;

/* Creates FOLDER/events.out.tfevents.<seconds>.<host>, with ".1", ".2", ... behind it where that name is taken, and
 * writes the version event.  An event file is never rewritten: each process adds one.  Free with
 * elbo_tfevents_free. */
elbo_tfevents *elbo_tfevents_new(const char *folder, elbo_error *error);
/* Closes the file; accepts NULL. */
void elbo_tfevents_free(elbo_tfevents *events);
/* Borrowed. */
const char *elbo_tfevents_path(const elbo_tfevents *events);

/* For resuming: tells readers to forget what earlier files of the folder say about this step and later ones. */
elbo_status elbo_tfevents_restart(elbo_tfevents *events, int64_t step, elbo_error *error);

/* Appends one event with all the scalars. */
elbo_status elbo_tfevents_scalars(elbo_tfevents *events, int64_t step, const elbo_tfevents_scalar *scalars,
                                  size_t count, elbo_error *error);

/* Appends a picture; png: [bytes], a PNG file's content; colorspace: the number of its channels, 1 grey, 2 grey and
 * alpha, 3 RGB, 4 RGBA. */
elbo_status elbo_tfevents_image(elbo_tfevents *events, int64_t step, const char *tag, int height, int width,
                                int colorspace, const void *png, size_t bytes, elbo_error *error);

#endif
