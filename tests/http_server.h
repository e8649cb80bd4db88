/* A small HTTP/1.1 server on 127.0.0.1 for tests: one thread, one request for each connection, and ways to misbehave.
 * Included by the one test program that uses it. */
#ifndef TESTS_HTTP_SERVER_H
#define TESTS_HTTP_SERVER_H

#include <arpa/inet.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

typedef enum http_mode {
    HTTP_GOOD,          /* answers ranges with 206 */
    HTTP_CUT,           /* announces everything, sends half and closes */
    HTTP_WRONG_BYTES,   /* right length, one bit flipped */
    HTTP_MISSING,       /* 404 with a page */
    HTTP_NO_RANGES,     /* 200 and the whole file, whatever range was asked for */
    HTTP_OTHER_RANGE,   /* 206 from another place than asked for */
    HTTP_RANGE_REFUSED, /* 416 to every range */
    HTTP_PAGE,          /* 200 with a short page, as a login portal would */
    HTTP_ENDLESS,       /* no length, and more bytes than the file has */
    HTTP_REDIRECT,      /* 302 to the same path under /moved */
    HTTP_REDIRECT_LOCAL /* 302 to a file:// address */
} http_mode;

typedef struct http_server {
    pthread_t thread;
    int listener, port;
    /* Set by the test between requests. */
    volatile http_mode mode;
    const unsigned char *volatile body;
    volatile size_t size;
    /* What was seen. */
    volatile int requests;
    char path[256], range[64]; /* of the last request; range "" when none was asked for */
} http_server;

static void http_send(int connection, const void *bytes, size_t count) {
    for (const char *at = bytes; count > 0;) {
        ssize_t sent = send(connection, at, count, MSG_NOSIGNAL);
        if (sent <= 0) return;
        at += sent;
        count -= (size_t)sent;
    }
}

static bool http_read_request(http_server *server, int connection) {
    char request[4096];
    size_t used = 0;
    request[0] = 0;
    while (!strstr(request, "\r\n\r\n")) {
        ssize_t got = used < sizeof request - 1 ? recv(connection, request + used, sizeof request - 1 - used, 0) : 0;
        if (got <= 0) return false;
        used += (size_t)got;
        request[used] = 0;
    }
    server->range[0] = 0;
    if (sscanf(request, "GET %255s", server->path) != 1) return false;
    const char *range = strstr(request, "\r\nRange: bytes=");
    if (range) sscanf(range + 15, "%63[0-9-]", server->range);
    server->requests++;
    return true;
}

static void http_answer_ok(http_server *server, int connection) {
    const unsigned char *body = server->body;
    size_t size = server->size, from = 0;
    http_mode mode = server->mode;
    char head[512];
    bool ranged = server->range[0] && mode != HTTP_NO_RANGES;
    if (ranged) from = (size_t)strtoull(server->range, NULL, 10);
    if (ranged && mode == HTTP_OTHER_RANGE) from++;
    if (mode == HTTP_RANGE_REFUSED ? ranged : from > size) {
        snprintf(head, sizeof head, "HTTP/1.1 416 Range Not Satisfiable\r\nContent-Length: 0\r\n\r\n");
        http_send(connection, head, strlen(head));
        return;
    }
    int used =
        snprintf(head, sizeof head, "HTTP/1.1 %s\r\nConnection: close\r\n", ranged ? "206 Partial Content" : "200 OK");
    if (ranged)
        used += snprintf(head + used, sizeof head - (size_t)used, "Content-Range: bytes %zu-%zu/%zu\r\n", from,
                         size - 1, size);
    if (mode != HTTP_ENDLESS)
        used += snprintf(head + used, sizeof head - (size_t)used, "Content-Length: %zu\r\n", size - from);
    snprintf(head + used, sizeof head - (size_t)used, "\r\n");
    http_send(connection, head, strlen(head));
    size_t count = mode == HTTP_CUT ? (size - from) / 2 : size - from;
    if (mode == HTTP_WRONG_BYTES && count > 0) {
        unsigned char flipped = body[from] ^ 1;
        http_send(connection, &flipped, 1);
        from++, count--;
    }
    http_send(connection, body + from, count);
    if (mode == HTTP_ENDLESS) http_send(connection, body, size);
}

static void http_answer(http_server *server, int connection) {
    char text[512];
    static const char page[] = "<html>not what you wanted</html>";
    if (!http_read_request(server, connection)) return;
    if (server->mode == HTTP_REDIRECT && strncmp(server->path, "/moved", 6) != 0)
        snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: /moved%s\r\nContent-Length: 0\r\n\r\n",
                 server->path);
    else if (server->mode == HTTP_REDIRECT_LOCAL)
        snprintf(text, sizeof text, "HTTP/1.1 302 Found\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n");
    else if (server->mode == HTTP_MISSING || server->mode == HTTP_PAGE)
        snprintf(text, sizeof text, "HTTP/1.1 %s\r\nContent-Length: %zu\r\n\r\n%s",
                 server->mode == HTTP_PAGE ? "200 OK" : "404 Not Found", sizeof page - 1, page);
    else {
        http_answer_ok(server, connection);
        return;
    }
    http_send(connection, text, strlen(text));
}

static void *http_serve(void *argument) {
    http_server *server = argument;
    for (;;) {
        int connection = accept(server->listener, NULL, NULL);
        if (connection < 0) return NULL; /* the listener was shut down */
        http_answer(server, connection);
        shutdown(connection, SHUT_WR);
        char rest[256]; /* a close with unread bytes would reset the connection before the answer is read */
        while (recv(connection, rest, sizeof rest, 0) > 0) {
        }
        close(connection);
    }
}

/* Starts on a free port. */
static bool http_start(http_server *server) {
    memset(server, 0, sizeof *server);
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    server->listener = socket(AF_INET, SOCK_STREAM, 0);
    if (server->listener < 0 || bind(server->listener, (struct sockaddr *)&address, sizeof address) != 0 ||
        listen(server->listener, 8) != 0 || getsockname(server->listener, (struct sockaddr *)&address, &size) != 0)
        return false;
    server->port = ntohs(address.sin_port);
    return pthread_create(&server->thread, NULL, http_serve, server) == 0;
}

static void http_stop(http_server *server) {
    shutdown(server->listener, SHUT_RDWR);
    pthread_join(server->thread, NULL);
    close(server->listener);
}

#endif
