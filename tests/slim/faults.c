/* A program that goes wrong in the way its first argument names. Linked statically, it is all that an image needs. */
#include <arpa/inet.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

static int serve(void) {
    struct sockaddr_in place = {.sin_family = AF_INET, .sin_port = htons(atoi(getenv("PORT")))};
    int listener = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    place.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    setsockopt(listener, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(listener, (struct sockaddr *)&place, sizeof place) || listen(listener, 8)) return 9;
    for (;;) {
        char request[2000], body[100] = "";
        int client = accept(listener, NULL, NULL), file = open("/data/used", O_RDONLY);
        if (read(client, request, sizeof request) > 0 && read(file, body, sizeof body - 1) >= 0)
            dprintf(client, "HTTP/1.0 200 OK\r\nContent-Length: %zu\r\n\r\n%s", strlen(body), body);
        close(file);
        close(client);
    }
}

int main(int count, char **arguments) {
    const char *how = count > 1 ? arguments[1] : "";
    if (!strcmp(how, "serve")) return serve();
    if (!strcmp(how, "print")) {
        char body[100] = "";
        int file = open("/data/used", O_RDONLY);
        if (read(file, body, sizeof body - 1) >= 0) printf("%s\n", body);
        return 0;
    }
    if (!strcmp(how, "fail")) {
        fprintf(stderr, "no database\n");
        return 3;
    }
    if (!strcmp(how, "crash")) return *(volatile int *)8;
    if (!strcmp(how, "terminal") && !isatty(0)) {
        fprintf(stderr, "the input device is not a TTY\n");
        return 1;
    }
    if (!strcmp(how, "away") && fork() == 0) return serve();
    if (!strcmp(how, "deaf")) {
        signal(SIGTERM, SIG_IGN);
        for (;;) pause();
    }
    return 0;
}
