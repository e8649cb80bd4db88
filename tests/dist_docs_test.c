/* docs/distributions.md from the code: `dist_docs_test --write PATH` writes it (the target docs-distributions does),
 * the test compares the committed file with what would be written, and what the types say of their closed KLs with the
 * pairs for which there is a formula. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dist/dist.h"
#include "graph/graph.h"

enum { SIZE = 3, TEXT = 1024 };

static const struct family {
    const char *title, *text;
} families[] = {
    {"Inverse CDF",
     "A draw is the inverse of the distribution function at a uniform number u: a formula in u and the\n"
     "parameters, which is differentiated as it stands."},
    {"Location and scale",
     "A draw is a location plus a scale times a variate that does not know them. Where further\n"
     "parameters shape that variate (the degrees of freedom of a t), their gradient comes through\n"
     "the gamma variate in it."},
    {"Composition",
     "A draw is a function of draws of other distributions, and its gradient follows theirs. At the root\n"
     "of most stands the gamma variate. It is drawn by rejection, which has no derivative; its gradient\n"
     "is the implicit one: how the variate must move with the shape so that its distribution function\n"
     "keeps its value. Such draws can be differentiated once; a second time is an error that says so."},
    {"Discrete",
     "The values are whole numbers, and a draw has no gradient: use an estimator by the score, or sum over\n"
     "the values."},
    {"Mixtures",
     "The choice of a component has no gradient. A draw is reparameterised implicitly, element after\n"
     "element: z_d stays where its conditional distribution function given z_1, ..., z_(d-1) keeps its\n"
     "value. This gives unbiased gradients in the weights, the means and the covariances, so that a mixture\n"
     "serves as prior and as posterior. Its draws can be differentiated once; a second time is an error."},
    {"Relaxed",
     "Continuous stand-ins for discrete variates, with reparameterised draws. As the temperature falls, draws\n"
     "approach the corners and gradients grow noisy."},
};
enum { FAMILIES = sizeof families / sizeof *families };

static int family_of(const elbo_dist_type *type) {
    if (strncmp(type->name, "relaxed_", 8) == 0) return 5;
    if (strstr(type->name, "_mixture")) return 4;
    switch (type->draws) {
        case ELBO_DRAWS_PLAIN: return 3;
        case ELBO_DRAWS_INVERSE_CDF: return 0;
        case ELBO_DRAWS_LOCATION_SCALE: return 1;
        default: return 2;
    }
}

/* A distribution of a type with parameters that it accepts. As a rival of vectors a distribution of numbers has SIZE of
 * them. */
static elbo_dist example(elbo_graph *graph, const elbo_dist_type *type, bool of_vectors) {
    static const double triangles[SIZE * SIZE * SIZE] = {1, 0, 0, 0, 1, 0, 0, 0, 1, 1, 0, 0, 0, 1,
                                                         0, 0, 0, 1, 1, 0, 0, 0, 1, 0, 0, 0, 1};
    elbo_node *parameter[ELBO_DIST_PARAMETERS] = {NULL};
    bool widen = of_vectors && !type->event;
    for (int k = 0; k < ELBO_DIST_PARAMETERS && type->parameter[k].name; k++) {
        elbo_constraint constraint = type->parameter[k].constraint;
        const char *axes = type->parameter[k].axes;
        elbo_shape shape = {axes ? (int)strlen(axes) : 0, {SIZE, SIZE, SIZE}};
        if (widen && !axes && constraint != ELBO_CONSTRAINT_WHOLE) shape.rank = 1;
        double value = constraint == ELBO_CONSTRAINT_UNIT_INTERVAL ? 0.5
                       : constraint == ELBO_CONSTRAINT_WHOLE       ? 4
                                                                   : 1 + k;
        parameter[k] = constraint == ELBO_CONSTRAINT_LOWER_TRIANGULAR ? elbo_literal(graph, triangles, shape)
                                                                      : elbo_constant(graph, value, shape);
    }
    bool has_axis = type->parameter[0].axes || type->parameter[0].constraint != ELBO_CONSTRAINT_WHOLE ||
                    (type->parameter[1].name && type->parameter[1].constraint != ELBO_CONSTRAINT_WHOLE);
    int rank = elbo_dist_own_rank(type);
    if (widen && has_axis && !(type->parameter[0].axes)) rank = 1;
    return elbo_dist_new(type, parameter, rank);
}

static bool has_closed_kl(const elbo_dist_type *from, const elbo_dist_type *to) {
    elbo_graph *graph = elbo_graph_new();
    elbo_dist p = example(graph, from, false), q = example(graph, to, from->event != NULL);
    bool closed = elbo_dist_kl_elements(&p, &q) != NULL && elbo_graph_check(graph, NULL) == ELBO_OK;
    elbo_graph_free(graph);
    return closed;
}

/* "gamma, erlang": every q for which KL(type || q) is closed, in the order of the registry. */
static void closed_kls(const elbo_dist_type *type, char *text) {
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; elbo_registry_dists[i]; i++)
        if (has_closed_kl(type, elbo_registry_dists[i]))
            used += (size_t)snprintf(text + used, TEXT - used, "%s%s", used ? ", " : "", elbo_registry_dists[i]->name);
}

static void parameters(const elbo_distribution_info *info, const elbo_dist_type *type, char *text) {
    size_t used = 0;
    text[0] = '\0';
    for (int k = 0; k < ELBO_DISTRIBUTION_PARAMETERS && info->parameter[k]; k++) {
        const char *axes = type->parameter[k].axes;
        used += (size_t)snprintf(text + used, TEXT - used, "%s`%s` (%s", k ? ", " : "", info->parameter[k],
                                 info->constraint[k]);
        for (int i = 0; axes && axes[i]; i++)
            used += (size_t)snprintf(text + used, TEXT - used, "%s%c", i ? ", " : "; [..., ", axes[i]);
        used += (size_t)snprintf(text + used, TEXT - used, axes ? "])" : ")");
    }
}

static void formulas(const elbo_distribution_info *info, char *text) {
    const struct {
        bool there;
        const char *name;
    } list[] = {{info->mean, "mean"},       {info->variance, "variance"}, {info->mode, "mode"},
                {info->entropy, "entropy"}, {info->cdf, "CDF"},           {info->icdf, "inverse CDF"}};
    size_t used = 0;
    text[0] = '\0';
    for (size_t i = 0; i < sizeof list / sizeof *list; i++)
        if (list[i].there) used += (size_t)snprintf(text + used, TEXT - used, "%s%s", used ? ", " : "", list[i].name);
    if (!used) snprintf(text, TEXT, "none");
}

static void write_type(FILE *out, const elbo_distribution_info *info, const elbo_dist_type *type) {
    char text[TEXT];
    fprintf(out, "### %s\n\n    p(x) = %s\n\n", info->name, info->density);
    parameters(info, type, text);
    fprintf(out, "- values: %s\n- parameters: %s\n- draws: %s\n", info->support, text, info->draws);
    formulas(info, text);
    fprintf(out, "- other formulas: %s\n", text);
    closed_kls(type, text);
    if (text[0])
        fprintf(out, "- closed KL to: %s (%s)\n", text, info->kl_source);
    else
        fprintf(out, "- closed KL to: none; KLs are sampled\n");
    fprintf(out, "- source: %s\n\n", info->source);
}

static void write_page(FILE *out) {
    fputs(
        "# Distributions\n\n"
        "Generated from the code; `cmake --build --preset release --target docs-distributions` writes it anew.\n\n"
        "Parameters broadcast over batch axes. Letters in brackets are the axes that one draw needs of a parameter:\n"
        "D elements of a vector, K classes or components. Outside of its values a density is 0. A moment that does\n"
        "not exist is NaN, one that diverges is infinite. Where a KL has no closed form it is estimated from draws.\n"
        "For discrete distributions p(x) is a probability.\n\n"
        "| name | values | draws | closed KL to |\n|---|---|---|---|\n",
        out);
    elbo_distribution_info info;
    char text[TEXT];
    for (size_t i = 0; elbo_distribution_at(i, &info); i++) {
        closed_kls(elbo_registry_dists[i], text);
        fprintf(out, "| [%s](#%s) | %s | %s | %s |\n", info.name, info.name, info.support, info.draws,
                text[0] ? text : "-");
    }
    for (int family = 0; family < FAMILIES; family++) {
        fprintf(out, "\n## %s\n\n%s\n\n", families[family].title, families[family].text);
        for (size_t i = 0; elbo_distribution_at(i, &info); i++)
            if (family_of(elbo_registry_dists[i]) == family) write_type(out, &info, elbo_registry_dists[i]);
    }
}

/* The page as a string that the caller frees. */
static char *page(void) {
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    if (!out) return NULL;
    write_page(out);
    fclose(out);
    return text;
}

static void the_page_is_up_to_date(void **state) {
    (void)state;
    char *expected = page(), *found = NULL;
    assert_non_null(expected);
    FILE *in = fopen(TEST_DIR "/../docs/distributions.md", "r");
    if (!in) fail_msg("docs/distributions.md is not there; the target docs-distributions writes it");
    size_t size = strlen(expected), got;
    found = calloc(size + 2, 1);
    assert_non_null(found);
    got = fread(found, 1, size + 1, in);
    fclose(in);
    bool same = got == size && memcmp(found, expected, size) == 0;
    free(found);
    free(expected);
    if (!same) fail_msg("docs/distributions.md is out of date; the target docs-distributions writes it");
}

/* What a type says of itself names each q once, and no other. */
static void types_name_their_closed_kls(void **state) {
    (void)state;
    elbo_distribution_info info;
    size_t count = 0;
    for (; elbo_distribution_at(count, &info); count++) {
        char said[TEXT];
        size_t words = 0, pairs = 0;
        snprintf(said, sizeof said, "%s", info.closed_kl ? info.closed_kl : "");
        for (char *rest = NULL, *word = strtok_r(said, ", ", &rest); word;
             word = strtok_r(NULL, ", ", &rest), words++) {
            const elbo_dist_type *to = elbo_dist_find(word);
            if (!to || !has_closed_kl(elbo_registry_dists[count], to))
                fail_msg("%s says that its KL to %s is closed", info.name, word);
        }
        for (size_t i = 0; elbo_registry_dists[i]; i++)
            pairs += has_closed_kl(elbo_registry_dists[count], elbo_registry_dists[i]);
        if (pairs != words) fail_msg("%s says %d closed KLs and has %d", info.name, (int)words, (int)pairs);
    }
    assert_true(count > 30);
    assert_false(elbo_distribution_at(count + 1000, &info)); /* far past the end */
}

int main(int argc, char **argv) {
    if (argc == 3 && strcmp(argv[1], "--write") == 0) {
        char *text = page();
        FILE *out = fopen(argv[2], "w");
        bool written = text && out && fputs(text, out) >= 0;
        if (out && fclose(out) != 0) written = false;
        free(text);
        return written ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    const struct CMUnitTest tests[] = {cmocka_unit_test(the_page_is_up_to_date),
                                       cmocka_unit_test(types_name_their_closed_kls)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
