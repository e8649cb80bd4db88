#include "train/metrics_log.h"

#include <errno.h>
#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/file.h"
#include "base/memory.h"
#include "train/append.h"
#include "train/text.h"

/* A line per epoch takes a kilobyte or so; far beyond that something else is in the file. */
enum { LOG_LIMIT = 256 << 20 };

/* --- writing --- */

static json_t *real_json(double value) { return isfinite(value) ? json_real(value) : json_null(); }

static json_t *metric_json(const elbo_metric *metric) {
    switch (metric->kind) {
        case ELBO_METRIC_REAL: return real_json(metric->real);
        case ELBO_METRIC_INTEGER: return json_integer(metric->integer);
        case ELBO_METRIC_TEXT: return json_string(metric->text);
        case ELBO_METRIC_REALS: break;
    }
    json_t *array = json_array();
    for (size_t i = 0; i < metric->count; i++)
        if (json_array_append_new(array, real_json(metric->reals[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static elbo_status fill_object(json_t *object, const char *path, const elbo_metric *metrics, size_t count,
                               elbo_error *error) {
    for (size_t i = 0; i < count; i++) {
        const elbo_metric *metric = &metrics[i];
        if (!elbo_utf8_valid(metric->name) || (metric->kind == ELBO_METRIC_TEXT && !elbo_utf8_valid(metric->text)))
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: the metric \"%s\" is not UTF-8", path,
                             metric->name);
        if (json_object_get(object, metric->name))
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot write %s: the metric \"%s\" is given twice", path,
                             metric->name);
        if (json_object_set_new(object, metric->name, metric_json(metric)) != 0)
            return elbo_fail_memory(error, strlen(metric->name), path);
    }
    return ELBO_OK;
}

/* The line with its newline. */
static elbo_status render_line(const char *path, const elbo_metric *metrics, size_t count, char **line, size_t *length,
                               elbo_error *error) {
    const size_t flags = JSON_REAL_PRECISION(17);
    json_t *object = json_object();
    elbo_status status = fill_object(object, path, metrics, count, error);
    if (status == ELBO_OK) {
        size_t bytes = json_dumpb(object, NULL, 0, flags);
        *line = bytes ? elbo_calloc(bytes + 2) : NULL;
        if (*line) {
            json_dumpb(object, *line, bytes, flags);
            (*line)[bytes] = '\n';
            *length = bytes + 1;
        } else
            status = elbo_fail_memory(error, bytes, path);
    }
    json_decref(object);
    return status;
}

/* Writing behind half a line would spoil two lines. */
static elbo_status check_end(int descriptor, const char *path, elbo_error *error) {
    struct stat about;
    char last = '\n';
    if (fstat(descriptor, &about) != 0 || !S_ISREG(about.st_mode) || about.st_size == 0) return ELBO_OK;
    if (pread(descriptor, &last, 1, about.st_size - 1) != 1)
        return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    if (last != '\n')
        return elbo_fail(error, ELBO_ERROR_STATE, "%s ends in half a line at byte %lld; resuming removes it", path,
                         (long long)about.st_size);
    return ELBO_OK;
}

elbo_status elbo_metrics_log_append(const char *path, const elbo_metric *metrics, size_t count, elbo_error *error) {
    char *line = NULL;
    size_t length = 0;
    ELBO_TRY(render_line(path, metrics, count, &line, &length, error));
    int descriptor = open(path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
    elbo_status status = descriptor < 0 ? elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, strerror(errno))
                                        : check_end(descriptor, path, error);
    if (status == ELBO_OK) status = elbo_append(descriptor, path, line, length, true, error);
    if (descriptor >= 0) close(descriptor);
    elbo_free(line);
    return status;
}

/* --- reading --- */

typedef struct reader {
    const char *path;
    char *bytes;
    size_t size;
    size_t next;  /* where the next line starts */
    size_t line;  /* its number, from 1 */
    double epoch; /* of the last line that had one */
    bool has_epoch;
} reader;

/* The next line as an object, owned by the caller; *object stays NULL at the end and for a torn or unreadable last
 * line.  next moves past the line only when it is read. */
static elbo_status next_line(reader *in, json_t **object, elbo_error *error) {
    json_error_t where;
    *object = NULL;
    const char *start = in->bytes + in->next, *end = memchr(start, '\n', in->size - in->next);
    if (!end) return ELBO_OK;
    size_t length = (size_t)(end - start);
    json_t *value = json_loadb(start, length, JSON_REJECT_DUPLICATES, &where);
    bool last = in->next + length + 1 == in->size;
    if (!value && json_error_code(&where) == json_error_out_of_memory) return elbo_fail_memory(error, length, in->path);
    if (!json_is_object(value)) {
        bool parsed = value != NULL;
        json_decref(value);
        if (last) return ELBO_OK;
        return elbo_fail(error, ELBO_ERROR_FORMAT, "%s: line %zu, byte %zu: a JSON object was expected: %s", in->path,
                         in->line, in->next + (parsed ? 0 : (size_t)where.position),
                         parsed ? "this is another kind of value" : where.text);
    }
    json_t *epoch = json_object_get(value, "epoch");
    in->has_epoch = json_is_number(epoch);
    if (in->has_epoch) in->epoch = json_number_value(epoch);
    in->next += length + 1;
    in->line++;
    *object = value;
    return ELBO_OK;
}

static elbo_status open_reader(reader *in, const char *path, elbo_error *error) {
    memset(in, 0, sizeof *in);
    in->path = path;
    in->line = 1;
    in->epoch = NAN;
    return elbo_file_get(path, LOG_LIMIT, &in->bytes, &in->size, error);
}

elbo_status elbo_metrics_log_truncate(const char *path, int64_t epoch, elbo_error *error) {
    reader in;
    if (access(path, F_OK) != 0 && errno == ENOENT) return ELBO_OK;
    ELBO_TRY(open_reader(&in, path, error));
    elbo_status status;
    size_t kept;
    for (;;) {
        json_t *object;
        kept = in.next;
        status = next_line(&in, &object, error);
        json_decref(object);
        if (status != ELBO_OK || !object) break;
        if (in.has_epoch && in.epoch > (double)epoch) break;
    }
    if (status == ELBO_OK && kept < in.size) status = elbo_file_put(path, in.bytes, kept, error);
    elbo_free(in.bytes);
    return status;
}

/* --- series --- */

typedef struct collector {
    elbo_metrics_log *log;
    json_t *index; /* name to number of its series */
    double epoch;
} collector;

/* Makes room for one element more in an array that doubles. */
static bool reserve(void *array, size_t count, size_t *room, size_t element) {
    if (count < *room) return true;
    size_t wanted = *room ? *room * 2 : 8;
    void *old, *grown;
    memcpy(&old, array, sizeof old);
    grown = elbo_grow(old, count * element, wanted * element);
    if (!grown) return false;
    memcpy(array, &grown, sizeof grown);
    *room = wanted;
    return true;
}

/* The series of a name, made when it is new; NULL when out of memory. */
static elbo_metrics_series *series_of(collector *to, const char *name) {
    elbo_metrics_log *log = to->log;
    json_t *known = json_object_get(to->index, name);
    if (known) return &log->series[json_integer_value(known)];
    if (!reserve(&log->series, log->count, &log->room, sizeof *log->series)) return NULL;
    elbo_metrics_series *series = &log->series[log->count];
    series->name = elbo_strdup(name);
    if (!series->name) return NULL;
    log->count++;
    if (json_object_set_new(to->index, name, json_integer((json_int_t)(log->count - 1))) != 0) return NULL;
    return series;
}

static bool add_value(collector *to, const char *name, const json_t *value) {
    if (!json_is_number(value) && !json_is_null(value)) return true;
    elbo_metrics_series *series = series_of(to, name);
    if (!series) return false;
    size_t room = series->room;
    if (!reserve(&series->epoch, series->count, &room, sizeof *series->epoch)) return false;
    room = series->room;
    if (!reserve(&series->value, series->count, &room, sizeof *series->value)) return false;
    series->room = room;
    series->epoch[series->count] = to->epoch;
    series->value[series->count] = json_is_null(value) ? NAN : json_number_value(value);
    series->count++;
    return true;
}

static bool add_array(collector *to, const char *name, const json_t *array) {
    for (size_t i = 0; i < json_array_size(array); i++) {
        char *element = elbo_textf("%s[%zu]", name, i);
        bool good = element && add_value(to, element, json_array_get(array, i));
        elbo_free(element);
        if (!good) return false;
    }
    return true;
}

static bool add_object(collector *to, json_t *object) {
    const char *name;
    json_t *value;
    json_object_foreach(object, name, value) if (!(json_is_array(value) ? add_array(to, name, value)
                                                                        : add_value(to, name, value))) return false;
    to->log->lines++;
    return true;
}

elbo_status elbo_metrics_log_read(elbo_metrics_log *log, const char *path, elbo_error *error) {
    reader in;
    memset(log, 0, sizeof *log);
    ELBO_TRY(open_reader(&in, path, error));
    collector to = {.log = log, .index = json_object()};
    elbo_status status = to.index ? ELBO_OK : elbo_fail_memory(error, in.size, path);
    while (status == ELBO_OK) {
        json_t *object;
        status = next_line(&in, &object, error);
        if (!object) break;
        to.epoch = in.epoch;
        if (!add_object(&to, object)) status = elbo_fail_memory(error, in.size, path);
        json_decref(object);
    }
    json_decref(to.index);
    elbo_free(in.bytes);
    if (status != ELBO_OK) elbo_metrics_log_clear(log);
    return status;
}

void elbo_metrics_log_clear(elbo_metrics_log *log) {
    for (size_t i = 0; i < log->count; i++) {
        elbo_free(log->series[i].name);
        elbo_free(log->series[i].epoch);
        elbo_free(log->series[i].value);
    }
    elbo_free(log->series);
    memset(log, 0, sizeof *log);
}

const elbo_metrics_series *elbo_metrics_log_find(const elbo_metrics_log *log, const char *name) {
    for (size_t i = 0; i < log->count; i++)
        if (strcmp(log->series[i].name, name) == 0) return &log->series[i];
    return NULL;
}
