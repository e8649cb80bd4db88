/* elbo man: the manual page. */
#include <stdlib.h>

#include "support/json.h"
#include "support/manual.h"
#include "support/output.h"

#define MAN_OPTIONS(O) O(TEXT, out, "-", 0, 0, NULL, "where to write the page (-: standard output)")
ELBO_OPTIONS_STRUCT(man_options, MAN_OPTIONS);
#define ELBO_TABLE_STRUCT man_options
static ELBO_TABLE(man_table, "Output", MAN_OPTIONS);
#undef ELBO_TABLE_STRUCT

static void write_page(FILE *stream, const void *user) {
    (void)user;
    elbo_cli_manual_write(stream);
}

static int run(elbo_context *context) {
    const man_options *options = elbo_context_values(context, &man_table);
    bool to_file = !elbo_cli_output_is_standard(options->out);
    if (!context->common->json || to_file) {
        int code = elbo_cli_output(context, options->out, write_page, NULL);
        if (code != ELBO_EXIT_OK || !context->common->json) return code;
    }
    json_t *object = json_object();
    char *page = to_file ? NULL : elbo_cli_output_text(write_page, NULL);
    if (to_file)
        json_object_set_new(object, "out", elbo_cli_json_text(options->out));
    else
        json_object_set_new(object, "page", elbo_cli_json_text(page));
    free(page);
    return elbo_cli_json_print(context, object);
}

const elbo_command command_man = {
    .name = "man",
    .group = ELBO_GROUP_HELP,
    .order = 3,
    .summary = "print the manual page",
    .usage = (const char *const[]){"[-o FILE]", NULL},
    .description = "Prints a manual page for man(1), made from the same tables as the help.",
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&man_table, NULL},
    .examples =
        (const elbo_example[]){{"elbo man | man -l -", "read it"}, {"elbo man -o elbo.1", "write it to a file"}, {0}},
    .run = run,
};
