/* What the files of classifiers share. */
#ifndef ELBO_EVAL_CLASSIFIER_H
#define ELBO_EVAL_CLASSIFIER_H

#include "eval/model.h"

/* A compiled classifier for batches of so many rows. */
typedef struct elbo_classifier_program {
    elbo_dtype dtype; /* of the input */
    int64_t rows;
    elbo_graph *graph;
    elbo_plan *plan;
    elbo_node *raw, *features, *logits;
    elbo_node *probabilities, *log_probabilities;
} elbo_classifier_program;

/* x = (raw - shift) * factor, then cut at the middle, or rounded down to one of so many levels and brought to [0, 1]:
 * what the encoder that it began as was trained on. */
struct elbo_classifier {
    elbo_classifier_info info;
    char **names;     /* [classes] */
    char *start;      /* behind info */
    char *activation; /* the same */
    double shift, factor;
    bool threshold;
    int64_t levels; /* 0 or 1: none */
    elbo_params *params;
    int threads;
    elbo_classifier_program program;
};

/* An empty one; the caller fills in what it is before its parameters are made. */
elbo_classifier *elbo_classifier_blank(int threads, elbo_error *error);
/* Copies of texts; names: [classes]. */
elbo_status elbo_classifier_name(elbo_classifier *classifier, const char *const *names, int classes,
                                 const char *activation, const char *start, elbo_error *error);
/* Declares and starts its parameters: groups "hidden" and "softmax". */
elbo_status elbo_classifier_make_params(elbo_classifier *classifier, uint64_t seed, elbo_error *error);
/* Its nodes in a program's graph, from raw to logits. */
void elbo_classifier_build(const elbo_classifier *classifier, elbo_classifier_program *program);
/* A program that gives features and probabilities of batches, kept until another is asked for. */
elbo_classifier_program *elbo_classifier_program_for(elbo_classifier *classifier, elbo_dtype dtype, int64_t count,
                                                     elbo_error *error);
void elbo_classifier_program_clear(elbo_classifier_program *program);
/* Where a parameter starts: "hidden.dense1.weight". */
float *elbo_classifier_tensor(const elbo_classifier *classifier, const char *name);

/* Hidden layers as an encoder has them (classifier_start.c): widths, activation and the transform of the data; then,
 * once there are parameters, their values. */
elbo_status elbo_classifier_adopt(elbo_classifier *classifier, const elbo_model *model, elbo_error *error);
elbo_status elbo_classifier_copy_layers(elbo_classifier *classifier, const elbo_model *model, elbo_error *error);

#endif
