/* Eight threads, each making 500 files and asking for 500 that are not there, among signals. */
#define _GNU_SOURCE
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/time.h>
#include <unistd.h>

static const char *folder;
static void ignore(int number) { (void)number; }

static void *work(void *number)
{
    char path[4096];
    struct stat status;
    for (int i = 0; i < 500; i++) {
        snprintf(path, sizeof path, "%s/made-%ld-%d", folder, (long)number, i);
        int file = open(path, O_CREAT | O_RDWR, 0600);
        if (file < 0) exit(1);
        close(file);
        snprintf(path, sizeof path, "%s/absent-%ld-%d", folder, (long)number, i);
        if (!stat(path, &status)) exit(2);
    }
    return NULL;
}

int main(int count, char **arguments)
{
    struct sigaction action = {.sa_handler = ignore, .sa_flags = SA_RESTART};
    struct itimerval often = {{0, 2000}, {0, 2000}};
    pthread_t threads[8];
    folder = arguments[count - 1];
    sigaction(SIGALRM, &action, NULL);
    setitimer(ITIMER_REAL, &often, NULL);
    for (long i = 0; i < 8; i++) pthread_create(&threads[i], NULL, work, (void *)i);
    for (int i = 0; i < 8; i++) pthread_join(threads[i], NULL);
    return 0;
}
