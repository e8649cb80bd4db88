/* elbo list: what this build knows, by topic.  A new topic is one line of `topics`. */
#include <stdio.h>
#include <string.h>

#include "support/experiment.h"
#include "support/json.h"
#include "support/text.h"

typedef struct item {
    const char *name, *description;
} item;

/* The index-th item of a topic; false past the end. */
typedef bool (*item_at)(size_t index, item *out);

static bool command_item(size_t index, item *out) {
    const elbo_command *command = elbo_command_sorted(index);
    if (command) *out = (item){command->name, command->summary};
    return command != NULL;
}

static bool download_item(size_t index, item *out) {
    if (index >= elbo_download_count()) return false;
    const elbo_download *download = elbo_download_at(index);
    *out = (item){download->name, download->title};
    return true;
}

static bool experiment_item(size_t index, item *out) {
    const elbo_cli_experiment_source *one = &elbo_cli_experiment_sources[index];
    if (one->name) *out = (item){one->name, one->title};
    return one->name != NULL;
}

/* A topic's items come from a function of this file, or from the library's registry of the same name. */
static const struct topic {
    const char *name, *title;
    item_at at; /* NULL: the registry */
} topics[] = {
    {"commands", "Commands ('elbo help NAME')", command_item},
    {"models", "Models ('elbo train NAME')", NULL},
    {"optimisers", "Optimisers (--optimizer)", NULL},
    {"schedules", "Schedules of the rate (--schedule)", NULL},
    {"activations", "Activations (--activation)", NULL},
    {"distributions", "Distributions (name, support, parameters, draws, closed KL to)", NULL},
    {"estimators", "Estimators of the gradient (--estimator)", NULL},
    {"formats", "Formats of data", NULL},
    {"generators", "Generators (--data synth:NAME)", NULL},
    {"downloads", "Data sets to fetch ('elbo data get NAME')", download_item},
    {"experiments", "Experiments ('elbo reproduce NAME')", experiment_item},
    {"operations", "Operations of a graph", NULL},
    {"metrics", "Metrics ('elbo score KIND')", NULL},
};
enum { TOPICS = sizeof topics / sizeof *topics };

static bool item_of(const struct topic *topic, size_t index, item *out) {
    if (topic->at) return topic->at(index, out);
    return elbo_registry_entry(topic->name, index, &out->name, &out->description);
}

static const char *topic_word(size_t index) { return index < TOPICS ? topics[index].name : NULL; }

static bool is_distributions(const struct topic *topic) { return strcmp(topic->name, "distributions") == 0; }

/* What an entry of the catalogue has beyond name and description. */
static void add_distribution(json_t *object, size_t index) {
    elbo_distribution_info info;
    if (!elbo_distribution_at(index, &info)) return;
    json_t *parameters = json_array();
    for (int k = 0; k < ELBO_DISTRIBUTION_PARAMETERS && info.parameter[k]; k++)
        json_array_append_new(parameters,
                              json_pack("{s:s, s:s}", "name", info.parameter[k], "constraint", info.constraint[k]));
    json_object_set_new(object, "support", elbo_cli_json_text(info.support));
    json_object_set_new(object, "parameters", parameters);
    json_object_set_new(object, "draws", elbo_cli_json_text(info.draws));
    json_object_set_new(object, "density", elbo_cli_json_text(info.density));
    json_object_set_new(object, "source", elbo_cli_json_text(info.source));
    json_object_set_new(object, "closed_kl", elbo_cli_json_text(info.closed_kl));
}

static bool is_metrics(const struct topic *topic) { return strcmp(topic->name, "metrics") == 0; }

static void add_metric(json_t *object, size_t index) {
    elbo_metric_info info;
    if (!elbo_metric_at(index, &info)) return;
    json_object_set_new(object, "kind", elbo_cli_json_text(info.kind));
    json_object_set_new(object, "needs", elbo_cli_json_text(info.needs));
    json_object_set_new(object, "range", elbo_cli_json_text(info.range));
    json_object_set_new(object, "direction", elbo_cli_json_text(info.direction));
    json_object_set_new(object, "formula", elbo_cli_json_text(info.formula));
    json_object_set_new(object, "source", elbo_cli_json_text(info.source));
}

static json_t *topic_as_json(const struct topic *topic) {
    json_t *array = json_array();
    item one;
    for (size_t i = 0; item_of(topic, i, &one); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name", elbo_cli_json_text(one.name));
        json_object_set_new(object, "description", elbo_cli_json_text(one.description));
        if (is_distributions(topic)) add_distribution(object, i);
        if (is_metrics(topic)) add_metric(object, i);
        json_array_append_new(array, object);
    }
    return array;
}

static void print_topic(const struct topic *topic) {
    int widest = 0;
    item one;
    for (size_t i = 0; item_of(topic, i, &one); i++)
        if ((int)strlen(one.name) > widest) widest = (int)strlen(one.name);
    printf("%s:\n", topic->title);
    for (size_t i = 0; item_of(topic, i, &one); i++) {
        int column = printf("  %-*s  ", widest, one.name);
        elbo_cli_text_wrap(stdout, one.description, column, column);
    }
}

static void print_field(const char *label, const char *text) {
    int column = printf("    %-10s  ", label);
    elbo_cli_text_wrap(stdout, text, column, column);
}

/* A distribution with its support, parameters, draws and closed KLs below each other: side by side they are wider than
 * a terminal. */
static void print_distributions(const struct topic *topic) {
    elbo_distribution_info info;
    printf("%s:\n", topic->title);
    for (size_t i = 0; elbo_distribution_at(i, &info); i++) {
        char parameters[256] = "";
        size_t used = 0;
        for (int k = 0; k < ELBO_DISTRIBUTION_PARAMETERS && info.parameter[k] && used < sizeof parameters; k++)
            used += (size_t)snprintf(parameters + used, sizeof parameters - used, "%s%s (%s)", k ? ", " : "",
                                     info.parameter[k], info.constraint[k]);
        printf("  %-28s  %s\n", info.name, info.support);
        print_field("parameters", parameters);
        print_field("draws", info.draws);
        print_field("closed KL", info.closed_kl ? info.closed_kl : "none; KLs are sampled");
    }
}

/* A metric with what it needs and where it comes from. */
static void print_metrics(const struct topic *topic) {
    elbo_metric_info info;
    printf("%s:\n", topic->title);
    for (size_t i = 0; elbo_metric_at(i, &info); i++) {
        char range[128];
        snprintf(range, sizeof range, "%s; %s", info.range, info.direction);
        int column = printf("  %-20s  ", info.name);
        elbo_cli_text_wrap(stdout, info.title, column, column);
        print_field("kind", info.kind);
        print_field("needs", info.needs);
        print_field("range", range);
        print_field("source", info.source);
    }
}

static int run(elbo_context *context) {
    const char *wanted = elbo_context_argument(context, 0);
    json_t *object = context->common->json ? json_object() : NULL;
    bool first = true;
    for (size_t t = 0; t < TOPICS; t++) {
        if (wanted && strcmp(wanted, topics[t].name) != 0) continue;
        if (object) {
            json_object_set_new(object, topics[t].name, topic_as_json(&topics[t]));
            continue;
        }
        if (!first) putchar('\n');
        first = false;
        if (is_distributions(&topics[t]))
            print_distributions(&topics[t]);
        else if (is_metrics(&topics[t]))
            print_metrics(&topics[t]);
        else
            print_topic(&topics[t]);
    }
    return context->common->json ? elbo_cli_json_print(context, object) : ELBO_EXIT_OK;
}

const elbo_command command_list = {
    .name = "list",
    .group = ELBO_GROUP_HELP,
    .order = 0,
    .summary = "list what this build of elbo knows",
    .usage = (const char *const[]){"[TOPIC] [OPTIONS]", NULL},
    .description = "Lists every topic, or one of them, with a line for each entry.",
    .arguments = (const elbo_argument[]){{"TOPIC", "one of", ELBO_ARGUMENT_WORD, 0, 1, topic_word}, {0}},
    .examples = (const elbo_example[]){{"elbo list", "everything"},
                                       {"elbo list models", "what 'elbo train' can train"},
                                       {"elbo list distributions", "the catalogue, with parameters"},
                                       {"elbo list metrics", "what 'elbo score' computes, with sources"},
                                       {"elbo list downloads", "the data sets that 'elbo data get' can fetch"},
                                       {"elbo list --json", "the same for a program"},
                                       {0}},
    .run = run,
};
