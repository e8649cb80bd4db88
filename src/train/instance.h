/* A model at a data set: its options, what one datum is, how raw values become the model's x, and the parameters.
 * Training, evaluation and use all start from here. */
#ifndef ELBO_TRAIN_INSTANCE_H
#define ELBO_TRAIN_INSTANCE_H

#include "train/config.h"

typedef enum elbo_binarize { ELBO_BINARIZE_NONE, ELBO_BINARIZE_DYNAMIC, ELBO_BINARIZE_THRESHOLD } elbo_binarize;

typedef struct elbo_instance {
    const elbo_model_type *type;
    elbo_config *config; /* own copy */
    elbo_item item;
    elbo_dtype dtype;     /* of raw values: ELBO_U8 or ELBO_F32 */
    double shift, factor; /* x = (raw - shift) * factor, before any binarisation */
    elbo_binarize binarize;
    double low, high; /* of raw values in training: for pictures */
    elbo_params *params;
    int64_t data_rows;      /* of the training split while training; else 0 */
    int phase;              /* that a training is in; else 0 */
    char warning[256];      /* about the data: "" or what to know */
    char class_names[1024]; /* "a, b, c" of a model that is conditioned on labels, as many as fit; else "" */
} elbo_instance;

/* For a new run: works out the transform from the data and the options, makes and initialises the parameters. */
elbo_status elbo_instance_new(elbo_instance *instance, const elbo_config *config, const elbo_dataset *dataset,
                              elbo_error *error);
/* Declares the parameters of an instance whose other fields are set (by a checkpoint, say): names and shapes, no
 * memory for values before elbo_params_finish. */
elbo_status elbo_instance_declare_params(elbo_instance *instance, elbo_error *error);
void elbo_instance_clear(elbo_instance *instance);

/* The phases of its training, with the configured number of epochs; returns how many. */
int elbo_instance_phases(const elbo_instance *instance, elbo_phase out[ELBO_MODEL_PHASES]);
/* A context for building parts on a graph. training: batch statistics and the like. */
elbo_context elbo_instance_context(const elbo_instance *instance, elbo_graph *graph, bool training);
/* Gives the context the input "local" where the model keeps something for each datum instead of encoding it: while
 * training what it keeps, else the numbers of q(z|x). Returns the input, or NULL where the model has an encoder. */
elbo_node *elbo_instance_add_local(const elbo_instance *instance, elbo_context *context, int64_t rows);
/* Numbers of a row of that input; 0 where there is none. */
int64_t elbo_instance_local_width(const elbo_instance *instance, bool training);
/* The input "x" (raw: [rows, size], dtype of the instance). */
elbo_node *elbo_instance_raw(const elbo_instance *instance, elbo_graph *graph, int64_t rows);
/* The model's x from raw: scaled; binarised where the instance says so and draw is true (false: left grey). The first
 * random stream of a graph is this draw's if raw and x are built first, so that all graphs draw the same pixels. */
elbo_node *elbo_instance_x(const elbo_instance *instance, elbo_node *raw, bool draw);
/* Undoes the transform on a mean or draw of p(x|z): [..., size] in raw units. */
elbo_node *elbo_instance_unscale(const elbo_instance *instance, elbo_node *x);
/* Whether a data set has items of the instance's size and of a type that elbo_instance_rows brings to the instance's,
 * and the classes that the model is conditioned on. */
elbo_status elbo_instance_fits(const elbo_instance *instance, const elbo_data_info *info, elbo_error *error);
/* Whether the likelihood can give the training values (values.c): looks at some rows, and names the first value of
 * density zero. */
elbo_status elbo_instance_check_values(const elbo_instance *instance, const elbo_dataset *dataset, elbo_error *error);
/* elbo_dataset_rows in the instance's type: whole numbers to 255 are bytes in some formats and floats in others, and a
 * table of them may follow one of fractions. out: room for [rows, size] of the instance's type. */
elbo_status elbo_instance_rows(const elbo_instance *instance, const elbo_dataset *dataset, elbo_split split,
                               const int64_t *index, int64_t start, int64_t rows, void *out, elbo_error *error);

/* Checkpoints (checkpoint.c): the instance as metadata and tensors. */
struct elbo_safetensors;
elbo_status elbo_instance_read(elbo_instance *instance, const char *path, elbo_error *error);

#endif
