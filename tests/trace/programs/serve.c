/* An HTTP server of one file, alone in its image: it listens on $PORT and answers out of /data. Other modes end early. */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

static void end(int number) { (void)number; write(1, "ended\n", 6); _exit(5); }

static int port(void) { return getenv("PORT") ? atoi(getenv("PORT")) : 8080; }

static int check(void)
{
    struct sockaddr_in place = {AF_INET, htons(port()), {htonl(INADDR_LOOPBACK)}};
    access("/data/checked", F_OK);
    return connect(socket(AF_INET, SOCK_STREAM, 0), (void *)&place, sizeof place) != 0;
}

static void answer(int client)
{
    char request[4096], path[2048], body[4096] = "", head[256];
    const char *status = "200 OK", *kind = "text/html";
    ssize_t got = read(client, request, sizeof request - 1);
    if (got <= 0) return;
    request[got] = 0;
    char *target = strchr(request, ' ');
    if (!target) return;
    target[1 + strcspn(target + 1, " ?")] = 0;
    snprintf(path, sizeof path, "/data%s", target + 1);
    if (!strcmp(target + 1, "/who")) {
        snprintf(body, sizeof body, "%d %d %d %s", getpid(), getuid(), getgid(), getenv("HOME") ? getenv("HOME") : "-");
    } else if (!strcmp(target + 1, "/crash")) {
        abort();
    } else if (!strcmp(target + 1, "/write")) {
        int made = open("/data/made", O_CREAT | O_WRONLY, 0600);
        snprintf(body, sizeof body, "%s", made < 0 ? strerror(errno) : "made");
    } else {
        if (!strcmp(target + 1, "/")) strcat(path, "index");
        int file = open(path, O_RDONLY);
        if (file < 0 || read(file, body, sizeof body - 1) < 0) status = "404 Not Found";
        close(file);
    }
    int length = snprintf(head, sizeof head, "HTTP/1.1 %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
                          "Connection: close\r\n\r\n", status, kind, strlen(body));
    write(client, head, length);
    write(client, body, strlen(body));
}

int main(int count, char **arguments)
{
    const char *mode = count > 1 ? arguments[1] : "serve";
    if (!strcmp(mode, "check")) return check();
    if (!strcmp(mode, "exit")) { puts("nothing to do"); return 3; }
    if (!strcmp(mode, "fork") && fork()) return 0;
    if (!strcmp(mode, "never")) { signal(SIGTERM, end); for (;;) pause(); }
    if (!strcmp(mode, "stubborn")) signal(SIGTERM, SIG_IGN); else signal(SIGTERM, end);
    int on = 1, listening = socket(AF_INET, SOCK_STREAM, 0);
    struct sockaddr_in place = {AF_INET, htons(port()), {htonl(INADDR_ANY)}};
    setsockopt(listening, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listening, (void *)&place, sizeof place) || listen(listening, 16)) { perror("listen"); return 1; }
    write(1, "ready\n", 6);
    for (;;) {
        int client = accept(listening, NULL, NULL);
        if (client < 0) continue;
        answer(client);
        close(client);
    }
}
