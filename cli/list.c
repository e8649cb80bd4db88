/* elbo list: what this build knows, by topic.  A new topic is one line of `topics`. */
#include <stdio.h>
#include <string.h>

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
    {"distributions", "Distributions", NULL},
    {"formats", "Formats of data", NULL},
    {"generators", "Generators (--data synth:NAME)", NULL},
    {"downloads", "Data sets to fetch ('elbo data get NAME')", download_item},
    {"operations", "Operations of a graph", NULL},
};
enum { TOPICS = sizeof topics / sizeof *topics };

static bool item_of(const struct topic *topic, size_t index, item *out) {
    if (topic->at) return topic->at(index, out);
    return elbo_registry_entry(topic->name, index, &out->name, &out->description);
}

static const char *topic_word(size_t index) { return index < TOPICS ? topics[index].name : NULL; }

static json_t *topic_as_json(const struct topic *topic) {
    json_t *array = json_array();
    item one;
    for (size_t i = 0; item_of(topic, i, &one); i++) {
        json_t *object = json_object();
        json_object_set_new(object, "name", elbo_cli_json_text(one.name));
        json_object_set_new(object, "description", elbo_cli_json_text(one.description));
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
                                       {"elbo list downloads", "the data sets that 'elbo data get' can fetch"},
                                       {"elbo list --json", "the same for a program"},
                                       {0}},
    .run = run,
};
