/* Downloads against a server on this machine: whole files, continued ones, and everything that goes wrong. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include "http_server.h"

#include <cmocka.h>

#include "base/digest.h"
#include "base/file.h"
#include "base/memory.h"
#include "data/download.h"

enum { SIZE = 300000 };

static http_server server;
static unsigned char content[SIZE];
static char content_sha[ELBO_SHA256_TEXT], folder[64], url[96];
static elbo_fetch_file file = {"file.gz", SIZE, content_sha};

static void digest(const void *bytes, size_t count, char text[ELBO_SHA256_TEXT]) {
    elbo_sha256 sha;
    elbo_sha256_begin(&sha);
    elbo_sha256_add(&sha, bytes, count);
    elbo_sha256_end(&sha, text);
}

static const char *in_folder(const char *name) {
    static char path[2][160];
    static int turn;
    turn = !turn;
    snprintf(path[turn], sizeof path[turn], "%s/%s", folder, name);
    return path[turn];
}

static int64_t size_of(const char *name) {
    struct stat about;
    return stat(in_folder(name), &about) == 0 ? about.st_size : -1;
}

static void put(const char *name, const void *bytes, size_t count) {
    elbo_error error = {0};
    assert_int_equal(elbo_file_put(in_folder(name), bytes, count, &error), ELBO_OK);
}

static void assert_content(const char *name) {
    char *bytes;
    size_t count;
    elbo_error error = {0};
    assert_int_equal(elbo_file_get(in_folder(name), SIZE, &bytes, &count, &error), ELBO_OK);
    assert_int_equal(count, SIZE);
    assert_memory_equal(bytes, content, SIZE);
    elbo_free(bytes);
}

static void assert_says(const elbo_error *error, const char *words) {
    if (!strstr(error->message, words)) fail_msg("'%s' not in: %s", words, error->message);
}

static int set_up_group(void **state) {
    (void)state;
    setenv("no_proxy", "*", 1);
    uint32_t word = 1;
    for (int i = 0; i < SIZE; i++) content[i] = (unsigned char)((word = word * 1664525 + 1013904223) >> 24);
    digest(content, SIZE, content_sha);
    return http_start(&server) ? 0 : -1;
}

static int tear_down_group(void **state) {
    (void)state;
    http_stop(&server);
    return 0;
}

static int set_up(void **state) {
    (void)state;
    strcpy(folder, "download_test_XXXXXX");
    if (!mkdtemp(folder)) return -1;
    snprintf(url, sizeof url, "http://127.0.0.1:%d/file.gz", server.port);
    server.mode = HTTP_GOOD;
    server.body = content;
    server.size = SIZE;
    server.requests = 0;
    return 0;
}

static int tear_down(void **state) {
    (void)state;
    static const char *const names[] = {"file.gz",
                                        "file.gz.part",
                                        "a",
                                        "b",
                                        "b.part",
                                        "from",
                                        "to",
                                        "binarized_mnist_train.amat",
                                        "binarized_mnist_valid.amat",
                                        "binarized_mnist_test.amat",
                                        "train-images-idx3-ubyte",
                                        "valid-images-idx3-ubyte",
                                        "t10k-images-idx3-ubyte",
                                        "new/file.gz",
                                        "new"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) (void)remove(in_folder(names[i]));
    return rmdir(folder);
}

/* ---- SHA-256 ---- */

static void test_sha256(void **state) {
    (void)state;
    /* FIPS 180-4's examples and the test of a million letters, each fed in pieces of several sizes. */
    static const struct {
        const char *text;
        int times;
        const char *sha;
    } cases[] = {
        {"", 1, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"},
        {"abc", 1, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"},
        {"abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 1,
         "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1"},
        {"abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmnoijklmnopjklmnopqklmnopqrlmnopqrsmnopqrst"
         "nopqrstu",
         1, "cf5b16a778af8380036ce59e7b0492370b249b11e8f07a51afac45037afee9d1"},
        {"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", 20000,
         "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        for (size_t piece = 1; piece < 70; piece += 17) {
            elbo_sha256 sha;
            char text[ELBO_SHA256_TEXT];
            elbo_sha256_begin(&sha);
            for (int t = 0; t < cases[i].times; t++)
                for (size_t at = 0, length = strlen(cases[i].text); at < length; at += piece)
                    elbo_sha256_add(&sha, cases[i].text + at, at + piece < length ? piece : length - at);
            elbo_sha256_end(&sha, text);
            assert_string_equal(text, cases[i].sha);
        }
}

/* ---- One file ---- */

typedef struct watch {
    int calls;
    int64_t last, stop_at;
} watch;

static bool watching(void *user, const char *name, int64_t done, int64_t total) {
    watch *seen = user;
    assert_string_equal(name, "file.gz");
    assert_int_equal(total, SIZE);
    assert_true(done >= 0 && done <= total);
    seen->calls++;
    seen->last = done;
    return done >= seen->stop_at;
}

static void test_whole(void **state) {
    (void)state;
    elbo_error error = {0};
    watch seen = {.stop_at = INT64_MAX};
    assert_int_equal(elbo_fetch(&file, url, folder, watching, &seen, &error), ELBO_OK);
    assert_content("file.gz");
    assert_int_equal(size_of("file.gz.part"), -1);
    assert_int_equal(server.requests, 1);
    assert_string_equal(server.path, "/file.gz");
    assert_string_equal(server.range, "");
    assert_true(seen.calls > 1);
    assert_int_equal(seen.last, SIZE);
    /* It is there now: nobody is asked again. */
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_int_equal(server.requests, 1);
}

static void test_continues(void **state) {
    (void)state;
    elbo_error error = {0};
    server.mode = HTTP_CUT;
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_ERROR_IO);
    assert_says(&error, "after 150000 of 300000 bytes");
    assert_int_equal(size_of("file.gz.part"), SIZE / 2);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_ERROR_IO);
    assert_string_equal(server.range, "150000-");
    assert_int_equal(size_of("file.gz.part"), SIZE * 3 / 4);
    server.mode = HTTP_GOOD;
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_string_equal(server.range, "225000-");
    assert_content("file.gz");
    assert_int_equal(size_of("file.gz.part"), -1);
}

/* A part that the server cannot or will not continue is begun anew. */
static void test_begins_anew(void **state) {
    (void)state;
    static const struct {
        http_mode mode;
        int requests;
    } cases[] = {{HTTP_NO_RANGES, 1}, {HTTP_OTHER_RANGE, 2}, {HTTP_RANGE_REFUSED, 2}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        put("file.gz.part", "these bytes are not those of the file", 30);
        server.mode = cases[i].mode;
        server.requests = 0;
        assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
        assert_int_equal(server.requests, cases[i].requests);
        assert_content("file.gz");
        assert_int_equal(remove(in_folder("file.gz")), 0);
    }
}

/* A part that is complete needs no server; one that is longer than the file is begun anew. */
static void test_odd_parts(void **state) {
    (void)state;
    elbo_error error = {0};
    put("file.gz.part", content, SIZE);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_int_equal(server.requests, 0);
    assert_content("file.gz");
    assert_int_equal(remove(in_folder("file.gz")), 0);
    unsigned char *longer = calloc(1, SIZE + 1);
    put("file.gz.part", longer, SIZE + 1);
    free(longer);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_string_equal(server.range, "");
    assert_content("file.gz");
}

static void test_refused(void **state) {
    (void)state;
    static const struct {
        http_mode mode;
        elbo_status status;
        const char *says[2];
    } cases[] = {
        {HTTP_MISSING, ELBO_ERROR_IO, {"404 (not found)", "/file.gz"}},
        {HTTP_WRONG_BYTES, ELBO_ERROR_FORMAT, {"checksum mismatch", "the file was removed"}},
        {HTTP_PAGE, ELBO_ERROR_FORMAT, {"has 32 bytes there", "expected 300000"}},
        {HTTP_ENDLESS, ELBO_ERROR_FORMAT, {"more than the 300000 bytes", "not the published file"}},
        {HTTP_REDIRECT_LOCAL, ELBO_ERROR_USAGE, {"cannot fetch", "expected http://"}},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        server.mode = cases[i].mode;
        assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), cases[i].status);
        assert_int_equal(error.status, cases[i].status);
        assert_says(&error, cases[i].says[0]);
        assert_says(&error, cases[i].says[1]);
        assert_int_equal(size_of("file.gz"), -1);
        assert_true(size_of("file.gz.part") <= SIZE);
        (void)remove(in_folder("file.gz.part"));
    }
}

/* Both checksums are named, and the wrong bytes do not stay to be continued. */
static void test_checksum(void **state) {
    (void)state;
    elbo_error error = {0};
    char wrong[ELBO_SHA256_TEXT];
    content[0] ^= 1;
    digest(content, SIZE, wrong);
    content[0] ^= 1;
    server.mode = HTTP_WRONG_BYTES;
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_ERROR_FORMAT);
    assert_says(&error, wrong);
    assert_says(&error, content_sha);
    assert_int_equal(size_of("file.gz.part"), -1);
    server.mode = HTTP_GOOD;
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_string_equal(server.range, "");
}

static void test_redirect(void **state) {
    (void)state;
    elbo_error error = {0};
    put("file.gz.part", content, 1000);
    server.mode = HTTP_REDIRECT;
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_string_equal(server.path, "/moved/file.gz");
    assert_string_equal(server.range, "1000-");
    assert_content("file.gz");
}

static void test_stops_on_request(void **state) {
    (void)state;
    elbo_error error = {0};
    watch seen = {.stop_at = 0};
    assert_int_equal(elbo_fetch(&file, url, folder, watching, &seen, &error), ELBO_ERROR_INTERRUPTED);
    assert_says(&error, "of 300000 bytes of file.gz");
    assert_int_equal(size_of("file.gz"), -1);
    assert_true(size_of("file.gz.part") >= 0);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_content("file.gz");
}

/* Another file of that name is the user's: it is named, with both checksums, and left as it was. */
static void test_keeps_other_files(void **state) {
    (void)state;
    elbo_error error = {0};
    char sha[ELBO_SHA256_TEXT];
    digest("precious", 8, sha);
    put("file.gz", "precious", 8);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_ERROR_STATE);
    assert_says(&error, sha);
    assert_says(&error, content_sha);
    assert_says(&error, "move it away");
    assert_int_equal(size_of("file.gz"), 8);
    assert_int_equal(server.requests, 0);
}

static void test_two_at_once(void **state) {
    (void)state;
    elbo_error error = {0};
    put("file.gz.part", content, 1000);
    int other = open(in_folder("file.gz.part"), O_RDWR);
    assert_int_equal(flock(other, LOCK_SH | LOCK_NB), 0);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_ERROR_STATE);
    assert_says(&error, "another process");
    assert_int_equal(size_of("file.gz.part"), 1000);
    close(other);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
}

/* A limit on the size of files stands for a full disk: the write fails in the middle. */
static void test_disk_full(void **state) {
    (void)state;
    elbo_error error = {0};
    struct rlimit before, small;
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    small = before;
    small.rlim_cur = 100000;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &small), 0);
    elbo_status status = elbo_fetch(&file, url, folder, NULL, NULL, &error);
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &before), 0);
    signal(SIGXFSZ, handler);
    assert_int_equal(status, ELBO_ERROR_IO);
    assert_says(&error, "cannot write");
    assert_says(&error, "file.gz.part: File too large");
    assert_int_equal(size_of("file.gz.part"), 100000);
    assert_int_equal(elbo_fetch(&file, url, folder, NULL, NULL, &error), ELBO_OK);
    assert_string_equal(server.range, "100000-");
    assert_content("file.gz");
}

static void test_no_server(void **state) {
    (void)state;
    char nowhere[96];
    static const struct {
        const char *url;
        elbo_status status;
        const char *says;
    } cases[] = {{"http://host.invalid/file.gz", ELBO_ERROR_IO, "host not found for http://host.invalid"},
                 {"ftp://127.0.0.1/file.gz", ELBO_ERROR_USAGE, "expected http://, https:// or file://"},
                 {"http://:/", ELBO_ERROR_USAGE, "expected http://"},
                 {"file:///nonexistent/file.gz", ELBO_ERROR_IO, "/nonexistent/file.gz"}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        assert_int_equal(elbo_fetch(&file, cases[i].url, folder, NULL, NULL, &error), cases[i].status);
        assert_says(&error, cases[i].says);
    }
    /* A port that was free a moment ago. */
    http_server gone;
    elbo_error error = {0};
    assert_true(http_start(&gone));
    http_stop(&gone);
    snprintf(nowhere, sizeof nowhere, "http://127.0.0.1:%d/file.gz", gone.port);
    assert_int_equal(elbo_fetch(&file, nowhere, folder, NULL, NULL, &error), ELBO_ERROR_IO);
    assert_says(&error, "no connection for");
    assert_int_equal(elbo_fetch(&file, url, "no/such/folder", NULL, NULL, &error), ELBO_ERROR_IO);
    assert_says(&error, "no/such/folder/file.gz.part");
}

/* ---- A data set ---- */

static bool stop_after_first(void *user, const char *name, int64_t done, int64_t total) {
    (void)user;
    return strcmp(name, "a") == 0 && done == total;
}

static void test_record(void **state) {
    (void)state;
    char base[64];
    elbo_error error = {0};
    const elbo_fetch_file files[2] = {{"a", SIZE, content_sha}, {"b", SIZE, content_sha}};
    const elbo_download_record record = {{"pair", "Two files", "none", 2}, "http://host.invalid", files, NULL};
    snprintf(base, sizeof base, "http://127.0.0.1:%d/data/", server.port);
    assert_int_equal(elbo_download_record_get(&record, folder, base, stop_after_first, NULL, &error),
                     ELBO_ERROR_INTERRUPTED);
    assert_string_equal(server.path, "/data/a");
    assert_int_equal(size_of("b"), -1);
    base[strlen(base) - 1] = 0;
    assert_int_equal(elbo_download_record_get(&record, folder, base, NULL, NULL, &error), ELBO_OK);
    assert_string_equal(server.path, "/data/b");
    assert_int_equal(server.requests, 2);
    assert_content("a");
    assert_content("b");
    assert_int_equal(remove(in_folder("b")), 0);
    assert_int_equal(elbo_download_record_get(&record, folder, NULL, NULL, NULL, &error), ELBO_ERROR_IO);
    assert_says(&error, "host not found for http://host.invalid/b");
    assert_int_equal(elbo_download_record_get(&record, in_folder("a"), base, NULL, NULL, &error), ELBO_ERROR_IO);
}

/* A mirror on this machine's own disk, continued too. */
static void test_file_mirror(void **state) {
    (void)state;
    char base[512], here[400];
    elbo_error error = {0};
    const elbo_fetch_file one = {"a", SIZE, content_sha};
    assert_non_null(getcwd(here, sizeof here));
    snprintf(base, sizeof base, "file://%s/%s/from", here, folder);
    put("from", content, SIZE);
    put("a.part", content, 12345);
    assert_int_equal(elbo_fetch(&one, base, folder, NULL, NULL, &error), ELBO_OK);
    assert_content("a");
}

/* The built-in records, seen from outside: a wrong server does not get its bytes in. */
static void test_public(void **state) {
    (void)state;
    char base[64];
    elbo_error error = {0};
    static const char *const names[] = {"mnist", "fashion-mnist", "kmnist", "binarized-mnist"};
    assert_int_equal(elbo_download_count(), 4);
    assert_null(elbo_download_at(4));
    for (size_t i = 0; i < 4; i++) {
        const elbo_download *about = elbo_download_at(i);
        const elbo_download_record *record = elbo_download_find(names[i]);
        assert_string_equal(about->name, names[i]);
        assert_ptr_equal(&record->about, about);
        assert_true(strlen(about->title) > 0 && strlen(about->licence) > 0);
        assert_int_equal(about->files, i < 3 ? 4 : 3);
        for (int f = 0; f < about->files; f++) {
            assert_int_equal(strspn(record->file[f].sha256, "0123456789abcdef"), 64);
            assert_int_equal(strlen(record->file[f].sha256), 64);
            assert_true(record->file[f].size > 4000);
        }
        assert_true(strncmp(record->base_url, "http", 4) == 0);
    }
    snprintf(base, sizeof base, "http://127.0.0.1:%d", server.port);
    assert_int_equal(elbo_download_get("mnist", in_folder("new"), base, NULL, NULL, &error), ELBO_ERROR_FORMAT);
    assert_string_equal(server.path, "/train-images-idx3-ubyte.gz");
    assert_says(&error, "has 300000 bytes there, expected 9912422");
    (void)remove(in_folder("new/train-images-idx3-ubyte.gz.part"));
    server.mode = HTTP_MISSING;
    assert_int_equal(elbo_download_get("kmnist", in_folder("new"), base, NULL, NULL, &error), ELBO_ERROR_IO);
    assert_says(&error, "404");
    (void)remove(in_folder("new/train-images-idx3-ubyte.gz.part"));
    assert_int_equal(elbo_download_get("minst", folder, base, NULL, NULL, &error), ELBO_ERROR_USAGE);
    assert_says(&error, "no download 'minst' (did you mean mnist?)");
    assert_says(&error, "known are mnist, fashion-mnist, kmnist, binarized-mnist");
    assert_int_equal(elbo_download_get("", folder, base, NULL, NULL, &error), ELBO_ERROR_USAGE);
}

/* ---- Binarised MNIST's text ---- */

enum { ROWS = 3, LINE = 2 * 784 };

static void make_amat(char *text) {
    for (int i = 0; i < ROWS * LINE; i++)
        text[i] = (char)(i % 2 == 0 ? '0' + (i / 2 * 7 / 5 % 3 == 1) : i % LINE == LINE - 1 ? '\n' : ' ');
}

static void test_amat(void **state) {
    (void)state;
    static const unsigned char head[16] = {0, 0, 8, 3, 0, 0, 0, ROWS, 0, 0, 0, 28, 0, 0, 0, 28};
    char text[ROWS * LINE], *bytes, from[160], to[160];
    size_t count;
    elbo_error error = {0};
    snprintf(from, sizeof from, "%s/from", folder);
    snprintf(to, sizeof to, "%s/to", folder);
    make_amat(text);
    put("from", text, sizeof text);
    assert_int_equal(elbo_amat_to_idx(from, to, &error), ELBO_OK);
    assert_int_equal(elbo_file_get(to, 100000, &bytes, &count, &error), ELBO_OK);
    assert_int_equal(count, 16 + ROWS * 784);
    assert_memory_equal(bytes, head, 16);
    for (int i = 0; i < ROWS * 784; i++) assert_int_equal((unsigned char)bytes[16 + i], text[2 * i] == '1' ? 255 : 0);
    /* Done again it leaves the same file; it does not replace another. */
    assert_int_equal(elbo_amat_to_idx(from, to, &error), ELBO_OK);
    bytes[100] ^= 1;
    put("to", bytes, count);
    assert_int_equal(elbo_amat_to_idx(from, to, &error), ELBO_ERROR_STATE);
    assert_says(&error, "holds something else");
    put("to", bytes, count - 1);
    assert_int_equal(elbo_amat_to_idx(from, to, &error), ELBO_ERROR_STATE);
    assert_int_equal(size_of("to"), (int64_t)count - 1);
    elbo_free(bytes);
}

static void test_damaged_amat(void **state) {
    (void)state;
    static const struct {
        size_t at, length;
        char byte;
        const char *says;
    } cases[] = {
        {0, ROWS * LINE, '2', "byte 0 is 0x32, expected 0 or 1"},
        {LINE + 1, ROWS * LINE, '0', "byte 1569 is 0x30, expected a blank"},
        {2 * LINE - 1, ROWS * LINE, ' ', "byte 3135 is 0x20, expected the end of a line"},
        {LINE + 1, ROWS * LINE, '\n', "byte 1569 is 0x0a, expected a blank"},
        {0, ROWS * LINE - 1, '0', "4703 bytes, expected lines of 1568"},
        {0, 0, '0', "0 bytes, expected lines"},
    };
    char text[ROWS * LINE], from[160], to[160];
    snprintf(from, sizeof from, "%s/from", folder);
    snprintf(to, sizeof to, "%s/to", folder);
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        elbo_error error = {0};
        make_amat(text);
        text[cases[i].at] = cases[i].byte;
        put("from", text, cases[i].length);
        assert_int_equal(elbo_amat_to_idx(from, to, &error), ELBO_ERROR_FORMAT);
        assert_says(&error, cases[i].says);
        assert_int_equal(size_of("to"), -1);
    }
    elbo_error error = {0};
    assert_int_equal(elbo_amat_to_idx("no/such/file", to, &error), ELBO_ERROR_IO);
}

/* The built-in conversion, over files of a few rows: names and places of the three splits. */
static void test_binarized(void **state) {
    (void)state;
    char text[ROWS * LINE], sha[ELBO_SHA256_TEXT], base[64];
    elbo_error error = {0};
    make_amat(text);
    digest(text, sizeof text, sha);
    elbo_fetch_file files[3];
    elbo_download_record record = *elbo_download_find("binarized-mnist");
    for (int i = 0; i < 3; i++) files[i] = (elbo_fetch_file){record.file[i].name, sizeof text, sha};
    record.file = files;
    server.body = (const unsigned char *)text;
    server.size = sizeof text;
    snprintf(base, sizeof base, "http://127.0.0.1:%d", server.port);
    assert_int_equal(elbo_download_record_get(&record, folder, base, NULL, NULL, &error), ELBO_OK);
    static const char *const made[] = {"train-images-idx3-ubyte", "valid-images-idx3-ubyte", "t10k-images-idx3-ubyte"};
    for (int i = 0; i < 3; i++) assert_int_equal(size_of(made[i]), 16 + ROWS * 784);
    assert_int_equal(elbo_download_record_get(&record, folder, base, NULL, NULL, &error), ELBO_OK);
    assert_int_equal(server.requests, 3);
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void) {
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        IN_FOLDER(test_whole),
        IN_FOLDER(test_continues),
        IN_FOLDER(test_begins_anew),
        IN_FOLDER(test_odd_parts),
        IN_FOLDER(test_refused),
        IN_FOLDER(test_checksum),
        IN_FOLDER(test_redirect),
        IN_FOLDER(test_stops_on_request),
        IN_FOLDER(test_keeps_other_files),
        IN_FOLDER(test_two_at_once),
        IN_FOLDER(test_disk_full),
        IN_FOLDER(test_no_server),
        IN_FOLDER(test_record),
        IN_FOLDER(test_file_mirror),
        IN_FOLDER(test_public),
        IN_FOLDER(test_amat),
        IN_FOLDER(test_damaged_amat),
        IN_FOLDER(test_binarized),
    };
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
