/* One file over HTTP(S) with libcurl. */
#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/error.h"
#include "base/memory.h"
#include "data/download.h"

/* Why our own callbacks ended a transfer. */
typedef enum refusal { NONE, STOPPED, DISK, WRONG_SIZE, TOO_LONG, BAD_RANGE } refusal;

typedef struct transfer {
    const elbo_fetch_file *file;
    const char *url, *part;
    elbo_download_progress progress;
    void *user;
    CURL *curl;
    int descriptor;      /* of the .part file */
    int64_t done;        /* bytes in it */
    elbo_sha256 sha;     /* of them */
    bool answered;       /* the first bytes of a body have come */
    int64_t range_start; /* of the answer's Content-Range; -1: none */
    int64_t offered;     /* size of the whole file by the answer */
    refusal refusal;
    int code; /* errno of DISK */
} transfer;

static elbo_status restart(transfer *t, elbo_error *error) {
    if (ftruncate(t->descriptor, 0) != 0 || lseek(t->descriptor, 0, SEEK_SET) != 0)
        return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", t->part, strerror(errno));
    t->done = 0;
    elbo_sha256_begin(&t->sha);
    return ELBO_OK;
}

/* ---- What is there already ---- */

/* Adds a file's bytes from its position to its end to the digest; false on a read error. */
static bool digest_rest(int descriptor, elbo_sha256 *sha, int64_t *count) {
    size_t room = 1 << 16;
    char *buffer = elbo_calloc(room);
    ssize_t got = -1;
    errno = ENOMEM;
    while (buffer && (got = read(descriptor, buffer, room)) > 0) {
        elbo_sha256_add(sha, buffer, (size_t)got);
        *count += got;
    }
    elbo_free(buffer);
    return got == 0;
}

/* ELBO_OK and *whole when the published file is there, ELBO_ERROR_STATE when another file of its name is. */
static elbo_status look_for_whole(const elbo_fetch_file *file, const char *path, bool *whole, elbo_error *error) {
    *whole = false;
    int descriptor = open(path, O_RDONLY | O_CLOEXEC);
    if (descriptor < 0 && errno == ENOENT) return ELBO_OK;
    if (descriptor < 0) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(errno));
    elbo_sha256 sha;
    char found[ELBO_SHA256_TEXT];
    int64_t count = 0;
    elbo_sha256_begin(&sha);
    bool readable = digest_rest(descriptor, &sha, &count);
    int code = errno;
    close(descriptor);
    if (!readable) return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", path, strerror(code));
    elbo_sha256_end(&sha, found);
    *whole = count == file->size && strcmp(found, file->sha256) == 0;
    if (*whole) return ELBO_OK;
    return elbo_fail(error, ELBO_ERROR_STATE,
                     "%s is there but is not the published file (%lld bytes, SHA-256 %s; expected %lld bytes, %s); "
                     "move it away to fetch it",
                     path, (long long)count, found, (long long)file->size, file->sha256);
}

/* Opens and locks the .part file.  Between opening and locking, another process may have completed and renamed it;
 * then the lock would be on the finished file, so the name is looked up again. */
static elbo_status lock_part(transfer *t, elbo_error *error) {
    for (;;) {
        struct stat opened, named;
        t->descriptor = open(t->part, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
        if (t->descriptor < 0) return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", t->part, strerror(errno));
        if (flock(t->descriptor, LOCK_EX | LOCK_NB) != 0) {
            int code = errno;
            close(t->descriptor);
            t->descriptor = -1;
            if (code == EWOULDBLOCK)
                return elbo_fail(error, ELBO_ERROR_STATE, "%s is being fetched by another process", t->part);
            return elbo_fail(error, ELBO_ERROR_IO, "cannot lock %s: %s", t->part, strerror(code));
        }
        if (fstat(t->descriptor, &opened) == 0 && stat(t->part, &named) == 0 && opened.st_ino == named.st_ino &&
            opened.st_dev == named.st_dev)
            return ELBO_OK;
        close(t->descriptor);
        t->descriptor = -1;
    }
}

static elbo_status open_part(transfer *t, elbo_error *error) {
    ELBO_TRY(lock_part(t, error));
    elbo_sha256_begin(&t->sha);
    if (!digest_rest(t->descriptor, &t->sha, &t->done))
        return elbo_fail(error, ELBO_ERROR_IO, "cannot read %s: %s", t->part, strerror(errno));
    return t->done > t->file->size ? restart(t, error) : ELBO_OK;
}

/* ---- The transfer ---- */

static size_t on_header(char *bytes, size_t size, size_t count, void *user) {
    transfer *t = user;
    char line[128];
    size_t length = size * count, kept = length < sizeof line - 1 ? length : sizeof line - 1;
    memcpy(line, bytes, kept);
    line[kept] = 0;
    if (strncasecmp(line, "Content-Range:", 14) == 0) {
        const char *range = line + 14 + strspn(line + 14, " \t");
        if (strncasecmp(range, "bytes ", 6) == 0 && range[6] >= '0' && range[6] <= '9')
            t->range_start = strtoll(range + 6, NULL, 10);
    }
    return length;
}

/* Before the first byte is kept: does the answer continue our file, or begin anew, and is it of the right size? */
static refusal check_answer(transfer *t) {
    long answer = 0;
    curl_off_t length = -1;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_getinfo(t->curl, CURLINFO_CONTENT_LENGTH_DOWNLOAD_T, &length);
    if (answer == 206 && t->range_start != t->done) return BAD_RANGE;
    if (answer == 200 && t->done > 0 && restart(t, NULL) != ELBO_OK) return t->code = errno, DISK;
    t->offered = length < 0 ? -1 : t->done + length;
    return t->offered >= 0 && t->offered != t->file->size ? WRONG_SIZE : NONE;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *user) {
    transfer *t = user;
    size_t length = size * count;
    if (!t->answered) {
        t->answered = true;
        t->refusal = check_answer(t);
    }
    if (t->refusal == NONE && (uint64_t)length > (uint64_t)(t->file->size - t->done)) t->refusal = TOO_LONG;
    if (t->refusal != NONE) return 0;
    for (size_t at = 0; at < length;) {
        ssize_t put = write(t->descriptor, bytes + at, length - at);
        if (put < 0 && errno == EINTR) continue;
        if (put <= 0) {
            t->code = put < 0 ? errno : ENOSPC;
            t->refusal = DISK;
            return 0;
        }
        at += (size_t)put;
    }
    elbo_sha256_add(&t->sha, bytes, length);
    t->done += (int64_t)length;
    return length;
}

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now) {
    (void)total, (void)now, (void)up_total, (void)up_now;
    transfer *t = user;
    if (!t->progress || !t->progress(t->user, t->file->name, t->done, t->file->size)) return 0;
    t->refusal = STOPPED;
    return 1;
}

static bool set_options(transfer *t, char *message, char *range) {
    CURL *curl = t->curl;
    bool good = curl_easy_setopt(curl, CURLOPT_URL, t->url) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file") == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https") == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 5L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_USERAGENT, "elbo/" ELBO_VERSION) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, message) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_HEADERFUNCTION, on_header) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_HEADERDATA, t) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_WRITEDATA, t) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_XFERINFODATA, t) == CURLE_OK;
    good &= curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L) == CURLE_OK;
    /* Not CURLOPT_RESUME_FROM, which fails where a server ignores ranges: then we begin anew. */
    if (t->done > 0) {
        snprintf(range, 32, "%lld-", (long long)t->done);
        good &= curl_easy_setopt(curl, CURLOPT_RANGE, range) == CURLE_OK;
    }
    return good;
}

static elbo_status explain_refusal(const transfer *t, elbo_error *error) {
    long long done = t->done, size = t->file->size;
    switch (t->refusal) {
        case STOPPED:
            return elbo_fail(error, ELBO_ERROR_INTERRUPTED,
                             "stopped after %lld of %lld bytes of %s; fetch again to go on", done, size, t->file->name);
        case DISK: return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", t->part, strerror(t->code));
        case WRONG_SIZE:
            return elbo_fail(error, ELBO_ERROR_FORMAT, "%s has %lld bytes there, expected %lld: not the published file",
                             t->url, (long long)t->offered, size);
        case TOO_LONG:
            return elbo_fail(error, ELBO_ERROR_FORMAT,
                             "%s has more than the %lld bytes expected: not the published file", t->url, size);
        default:
            return elbo_fail(error, ELBO_ERROR_FORMAT, "the server of %s answers with another range than asked for",
                             t->url);
    }
}

static elbo_status explain(const transfer *t, CURLcode result, long answer, const char *message, elbo_error *error) {
    if (t->refusal != NONE) return explain_refusal(t, error);
    const char *detail = *message ? message : curl_easy_strerror(result);
    switch (result) {
        case CURLE_UNSUPPORTED_PROTOCOL:
        case CURLE_URL_MALFORMAT:
            return elbo_fail(error, ELBO_ERROR_USAGE, "cannot fetch '%s': %s; expected http://, https:// or file://",
                             t->url, detail);
        case CURLE_COULDNT_RESOLVE_HOST:
            return elbo_fail(error, ELBO_ERROR_IO, "host not found for %s: %s", t->url, detail);
        case CURLE_COULDNT_CONNECT: return elbo_fail(error, ELBO_ERROR_IO, "no connection for %s: %s", t->url, detail);
        case CURLE_HTTP_RETURNED_ERROR:
            return elbo_fail(error, ELBO_ERROR_IO, "the server answers %ld%s to %s", answer,
                             answer == 404 ? " (not found)" : "", t->url);
        default:
            return elbo_fail(error, ELBO_ERROR_IO, "%s broke off after %lld of %lld bytes: %s; fetch again to go on",
                             t->url, (long long)t->done, (long long)t->file->size, detail);
    }
}

/* One request from where the .part file ends.  *anew: the server cannot continue it. */
static elbo_status request(transfer *t, bool *anew, elbo_error *error) {
    char message[CURL_ERROR_SIZE] = "", range[32];
    int64_t from = t->done;
    long answer = 0;
    t->answered = false;
    t->range_start = -1;
    t->refusal = NONE;
    t->curl = curl_easy_init();
    if (!t->curl) return elbo_fail(error, ELBO_ERROR_MEMORY, "libcurl does not start");
    CURLcode result = set_options(t, message, range) ? curl_easy_perform(t->curl) : CURLE_OUT_OF_MEMORY;
    curl_easy_getinfo(t->curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(t->curl);
    t->curl = NULL;
    *anew = from > 0 && (t->refusal == BAD_RANGE || (result == CURLE_HTTP_RETURNED_ERROR && answer == 416) ||
                         result == CURLE_RANGE_ERROR || result == CURLE_BAD_DOWNLOAD_RESUME);
    if (*anew) return ELBO_OK;
    if (result != CURLE_OK) return explain(t, result, answer, message, error);
    if (t->done < t->file->size)
        return elbo_fail(error, ELBO_ERROR_IO, "%s ended after %lld of %lld bytes; fetch again to go on", t->url,
                         (long long)t->done, (long long)t->file->size);
    return ELBO_OK;
}

/* Checks the complete .part file and gives it its name. */
static elbo_status accept_part(transfer *t, const char *path, const char *folder, elbo_error *error) {
    char found[ELBO_SHA256_TEXT];
    elbo_sha256_end(&t->sha, found);
    if (strcmp(found, t->file->sha256) != 0) {
        (void)unlink(t->part);
        return elbo_fail(error, ELBO_ERROR_FORMAT,
                         "checksum mismatch: %s has SHA-256 %s, expected %s; the file was removed", t->url, found,
                         t->file->sha256);
    }
    if (fsync(t->descriptor) != 0 || rename(t->part, path) != 0)
        return elbo_fail(error, ELBO_ERROR_IO, "cannot write %s: %s", path, strerror(errno));
    int descriptor = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (descriptor >= 0) {
        (void)fsync(descriptor); /* makes the new name durable; some file systems cannot, and need not */
        close(descriptor);
    }
    return ELBO_OK;
}

static elbo_status fetch_part(transfer *t, const char *path, const char *folder, elbo_error *error) {
    ELBO_TRY(open_part(t, error));
    bool anew = false;
    if (t->done < t->file->size) ELBO_TRY(request(t, &anew, error));
    if (anew) {
        ELBO_TRY(restart(t, error));
        ELBO_TRY(request(t, &anew, error));
    }
    return accept_part(t, path, folder, error);
}

elbo_status elbo_fetch(const elbo_fetch_file *file, const char *url, const char *folder,
                       elbo_download_progress progress, void *user, elbo_error *error) {
    char *path = elbo_textf("%s/%s", folder, file->name), *part = elbo_textf("%s/%s.part", folder, file->name);
    transfer t = {.file = file, .url = url, .part = part, .progress = progress, .user = user, .descriptor = -1};
    elbo_status status = path && part ? ELBO_OK : elbo_fail_memory(error, strlen(folder), "a file name");
    bool whole = false;
    if (status == ELBO_OK) status = look_for_whole(file, path, &whole, error);
    if (status == ELBO_OK && !whole) status = fetch_part(&t, path, folder, error);
    if (t.descriptor >= 0) close(t.descriptor);
    if (status == ELBO_OK && progress && progress(user, file->name, file->size, file->size))
        status = elbo_fail(error, ELBO_ERROR_INTERRUPTED, "stopped after %s", file->name);
    elbo_free(part);
    elbo_free(path);
    return status;
}
