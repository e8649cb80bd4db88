/* elbo completion: scripts that let a shell complete elbo's commands, options and their values. */
#include <stdlib.h>

#include "support/complete.h"
#include "support/json.h"
#include "support/output.h"

#define COMPLETION_OPTIONS(O) O(TEXT, out, "-", 0, 0, NULL, "where to write the script (-: standard output)")
ELBO_OPTIONS_STRUCT(completion_options, COMPLETION_OPTIONS);
#define ELBO_TABLE_STRUCT completion_options
static ELBO_TABLE(completion_table, "Output", COMPLETION_OPTIONS);
#undef ELBO_TABLE_STRUCT

static void write_script(FILE *stream, const void *shell) { (void)elbo_cli_complete_write(stream, shell); }

static int run(elbo_context *context) {
    const completion_options *options = elbo_context_values(context, &completion_table);
    const char *shell = elbo_context_argument(context, 0);
    bool to_file = !elbo_cli_output_is_standard(options->out);
    if (to_file || !context->common->json) {
        int code = elbo_cli_output(context, options->out, write_script, shell);
        if (code != ELBO_EXIT_OK || !context->common->json) return code;
    }
    json_t *object = json_object();
    char *script = to_file ? NULL : elbo_cli_output_text(write_script, shell);
    json_object_set_new(object, "shell", elbo_cli_json_text(shell));
    if (to_file)
        json_object_set_new(object, "out", elbo_cli_json_text(options->out));
    else
        json_object_set_new(object, "script", elbo_cli_json_text(script));
    free(script);
    return elbo_cli_json_print(context, object);
}

const elbo_command command_completion = {
    .name = "completion",
    .group = ELBO_GROUP_HELP,
    .order = 2,
    .summary = "print a completion script for a shell",
    .usage = (const char *const[]){"SHELL [-o FILE]", NULL},
    .description = "The script completes commands, options, their choices, and files.",
    .arguments = (const elbo_argument[]){{"SHELL", "one of", ELBO_ARGUMENT_WORD, 1, 1, elbo_cli_complete_shell}, {0}},
    .flags = (const elbo_flag[]){{"out", 'o', "FILE"}, {0}},
    .tables = (const elbo_options *const[]){&completion_table, NULL},
    .examples = (const elbo_example[]){{"source <(elbo completion bash)", "for this shell; also in ~/.bashrc"},
                                       {"elbo completion zsh -o ~/.zfunc/_elbo", "for zsh, in a folder of $fpath"},
                                       {"elbo completion fish -o ~/.config/fish/completions/elbo.fish", "for fish"},
                                       {0}},
    .run = run,
};
