/* Rules about options that have an effect only beside others: a list stands beside the options that it is about, and
 * train/relevance.c holds a configuration against all of them. */
#ifndef ELBO_BASE_RELEVANCE_H
#define ELBO_BASE_RELEVANCE_H

enum { ELBO_RELEVANCE_NEEDS = 3 };

/* The option has an effect only where one of the options `needs` has one of the values. Several rules about one option
 * must all hold. A list ends with a rule of option NULL. */
typedef struct elbo_relevance {
    const char *option;
    const char *needs[ELBO_RELEVANCE_NEEDS]; /* those with a name */
    const char *values;                      /* separated by '|'; '*' stands for any letters; "!a|b": none of these */
    const char *where;                       /* completes "it needs ..." */
} elbo_relevance;

#endif
