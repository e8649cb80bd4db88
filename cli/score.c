/* elbo score: metrics of codes, clusters, topics and scores that were made anywhere. */
#include "support/score.h"
#include "support/text.h"

static const elbo_command *const kinds[] = {
    &elbo_cli_score_clusters, &elbo_cli_score_detection, &elbo_cli_score_disentanglement, &elbo_cli_score_frechet,
    &elbo_cli_score_probe,    &elbo_cli_score_topics,    &elbo_cli_score_units,           NULL};

static const char *kind_word(size_t index) {
    return index + 1 < sizeof kinds / sizeof *kinds ? kinds[index]->name : NULL;
}

/* A kind that comes first is a subcommand of its own; here options came before it. */
static int run(elbo_context *context) {
    const char *kind = elbo_context_argument(context, 0);
    return elbo_context_usage(context, "the kind comes first: elbo score %s [OPTIONS]", kind);
}

const elbo_command command_score = {
    .name = "score",
    .group = ELBO_GROUP_USE,
    .order = 8,
    .summary = "judge codes, clusters, topics or scores from files",
    .usage = (const char *const[]){"KIND [OPTIONS]", NULL},
    .description =
        "Files in, figures out, wherever they were made. Formulas and sources of all figures are in "
        "docs/metrics.md; 'elbo list metrics' shows them in short.",
    .arguments =
        (const elbo_argument[]){{"KIND", "what is to be judged, one of", ELBO_ARGUMENT_WORD, 1, 1, kind_word}, {0}},
    .subcommands = kinds,
    .examples = (const elbo_example[]){{"elbo score clusters --predicted c.npy --true y.npy", "accuracy, NMI, ARI"},
                                       {"elbo score probe --codes 'z.npz#mean' --labels 'z.npz#labels' --json",
                                        "for a program"},
                                       {0}},
    .run = run,
};
