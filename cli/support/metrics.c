#include "support/metrics.h"

#include <stdio.h>
#include <stdlib.h>

json_t *elbo_cli_metrics_last(const char *folder) {
    char path[4096], *line = NULL;
    size_t room = 0;
    json_t *last = NULL;
    snprintf(path, sizeof path, "%s/metrics.jsonl", folder);
    FILE *stream = fopen(path, "rb");
    if (!stream) return json_object();
    while (getline(&line, &room, stream) > 0) {
        json_t *object = json_loads(line, 0, NULL);
        if (!json_is_object(object)) {
            json_decref(object);
            continue;
        }
        json_decref(last);
        last = object;
    }
    free(line);
    fclose(stream);
    return last ? last : json_object();
}
