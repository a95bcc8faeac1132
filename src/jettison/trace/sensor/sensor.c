/* The sensor: runs a program and writes down every path that it, and all that it starts, asks the kernel for.
 *
 *     sensor [-l LOG] [-u USER] [-d CAPABILITIES] [--] PROGRAM [ARGUMENT...]
 *     sensor -p LOG        print a log, for engines that cannot copy it out of a running container
 *
 * The program takes this process's place (in a container it stays process 1, with its signals, its exit status and its
 * environment); the sensor itself is a child that no ordinary wait() sees. A seccomp filter stops the system calls that
 * take paths until the sensor has read their arguments; then they go on as if nothing had been. Needs Linux 5.9; as root
 * without CAP_SYS_ADMIN, and as anybody else, no_new_privs is set, and programs with setuid bits keep their caller's
 * rights, which is said. A signal whose handler was set without SA_RESTART can interrupt a call that waits for the sensor
 * to turn to it, which then fails with EINTR as a slow open would; Linux 5.19 narrows that to the time before it turns.
 *
 * -l  the log (log.h)    -d  capabilities to give up before the program starts, a hexadecimal mask
 * -u  a file: UID:GID[:GROUP,...] of the user to become before that, and perhaps a second line, its HOME
 * Exit status, where the program does not start: 127 not found, 126 cannot be run, 125 the sensor cannot work here.
 */
#define _GNU_SOURCE
#include <elf.h>
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <limits.h>
#include <linux/audit.h>
#include <linux/capability.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/uio.h>
#include <sys/xattr.h>
#include <time.h>
#include <unistd.h>

#include "calls.h"
#include "log.h"
#include "process.h"
#include "program.h"
#include "filter.h"

#define BEAT_MILLISECONDS 100

static int no_new_privileges, rooted;

static void tell(struct seen *entry, unsigned access, const char *path)
{
    char text[8];
    if (entry && !(access & ~entry->told)) return;
    if (entry) entry->told |= access;
    snprintf(text, sizeof text, "%x", access);
    record('P', text, path, NULL);
}

static void tell_missing(struct seen *entry, const char *path)
{
    char text[16];
    if (!entry) return;
    entry->absent = 1;
    entry->missing++;
    if (entry->missing & (entry->missing - 1)) return;
    snprintf(text, sizeof text, "%u", entry->missing);
    record('M', text, path, NULL);
}

/* What was asked about below /proc is somebody's view of a path elsewhere (/proc/1/root/etc), or no file at all. */
static int outside_proc(pid_t pid, char *path, int nofollow)
{
    char own[4 * PATH_MAX], link[32];
    const char *rest = NULL;
    if (!strncmp(path, "/proc/self", 10) && (path[10] == '/' || !path[10])) rest = path + 10;
    if (!strncmp(path, "/proc/thread-self", 17)) rest = path + 17;
    if (rest) snprintf(own, sizeof own, "/proc/%d%s", pid, rest);
    else snprintf(own, sizeof own, "%s", path);
    int file = open(own, O_PATH | O_CLOEXEC | (nofollow ? O_NOFOLLOW : 0));
    if (file < 0) return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", file);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    close(file);
    if (length <= 0) return 0;
    path[length] = 0;
    return path[0] == '/' && strncmp(path, "/proc/", 6);
}

/* The path of an event, absolute as the container's own root sees it; 0 where there is nothing to tell. */
static int path_of(pid_t pid, const struct call *call, int directory, uint64_t address, char *path)
{
    static char text[PATH_MAX + 1], base[PATH_MAX];
    int result = read_text(pid, address, text);
    if (result == FORBIDDEN) {
        count(&header->unread);
        count(&header->lost);
        blame(pid);
    }
    if (result) return 0;
    if (!text[0] && (directory == AT_FDCWD || (call->kind != RUN && call->kind != READ_LINK))) return 0;
    size_t length = 0;
    if (text[0] != '/') {
        ssize_t got = directory_of(pid, directory, base);
        if (got < 0 && (errno == EACCES || errno == EPERM)) {
            count(&header->unread);
            count(&header->lost);
            blame(pid);
        }
        if (got <= 0 || base[0] != '/') return 0;  /* no such descriptor, or no file's */
        length = got;
    } else if (rooted && follow(pid, "root", base) > 1) {
        length = strlen(base);
    }
    memcpy(path, base, length);
    if (text[0] && text[0] != '/') path[length++] = '/';
    strcpy(path + length, text);
    tidy(path);
    return 1;
}

static void tell_program(pid_t pid, const struct seccomp_notif *event, const struct call *call, const char *path)
{
    static char name[PATH_MAX + 1], interpreter[2][PATH_MAX + 1], chain[4 * PATH_MAX];
    uint64_t vector = event->data.args[call->path + 1], first = 0;
    size_t width = event->data.arch == known[0].audit && !((unsigned)event->data.nr & X32) ? 8 : 4;
    name[0] = 0;
    if (vector && !read_memory(pid, vector, &first, width) && first) read_text(pid, first, name);
    struct seen *entry = seen(hash_of(name, hash_of(path, 0x65786563)));
    if (entry && entry->told) return;
    if (entry) entry->told = 1;
    chain[0] = 0;
    const char *program = path;
    for (int depth = 0; depth < 6 && interpreter_of(program, interpreter[depth & 1]); depth++) {
        program = interpreter[depth & 1];
        if (strlen(chain) + strlen(program) + 2 > sizeof chain) break;
        if (chain[0]) strcat(chain, "\n");
        strcat(chain, program);
        tell(seen(hash_of(program, 0)), READ | EXEC, program);
    }
    record('X', path, name, chain);
}

static unsigned asked_of(pid_t pid, const struct call *call, const uint64_t *arguments)
{
    uint64_t flags = call->flags >= 0 ? arguments[(int)call->flags] : 0;
    switch (call->kind) {
    case OPEN2:
        if (read_memory(pid, flags, &flags, sizeof flags)) flags = 0;
        /* fall through */
    case OPEN:
        if (flags & O_PATH) return STAT;
        return ((flags & O_ACCMODE) == O_WRONLY ? 0 : READ) | ((flags & O_ACCMODE) || flags & O_TRUNC ? WRITE : 0) |
               (flags & O_CREAT ? CREATE : 0) | (flags & O_DIRECTORY ? DIRECTORY : 0);
    case CREAT: return WRITE | CREATE;
    case READ_LINK: return LINK;
    case LIST: case ROOT: return DIRECTORY;
    case RUN: return EXEC;
    case CHANGE: case REMOVE: case RENAME: return WRITE;
    case MAKE: return CREATE;
    case HARD_LINK: return READ;
    default: return STAT;
    }
}

static int keeps_links(const struct call *call, const uint64_t *arguments)
{
    switch (call->kind) {
    case LOOK_LINK: case READ_LINK: case REMOVE: case RENAME: case HARD_LINK: case MAKE: return 1;
    case LOOK: case CHANGE: case RUN: return call->flags >= 0 && arguments[(int)call->flags] & AT_SYMLINK_NOFOLLOW;
    default: return 0;
    }
}

/* One path of one event: is it there, and was it said before? */
static void meet(pid_t pid, const struct seccomp_notif *event, const struct call *call, unsigned asked, char *path)
{
    struct stat status;
    int nofollow = keeps_links(call, (const uint64_t *)event->data.args);
    if (!strncmp(path, "/proc/", 6) && !outside_proc(pid, path, nofollow)) return;
    struct seen *entry = seen(hash_of(path, 0));
    if (!entry) {
        count(&header->full);
        count(&header->lost);
    } else if (!entry->absent && !(asked & ~entry->asked) && !(asked & EXEC)) {
        return;
    }
    if (entry) entry->asked |= asked;
    if (!strncmp(path, "/dev/", 5) || !strncmp(path, "/sys/", 5)) {  /* no file of the image, and seen differently here */
        tell(entry, asked & CREATE ? asked : asked & ~CREATE, path);
        return;
    }
    if (fstatat(AT_FDCWD, path, &status, nofollow ? AT_SYMLINK_NOFOLLOW : 0)) {
        int absent = errno == ENOENT || errno == ENOTDIR;
        if (asked & CREATE) {
            tell(entry, asked & (CREATE | WRITE), path);
        } else if (absent) {
            tell_missing(entry, path);
            if (!nofollow && !fstatat(AT_FDCWD, path, &status, AT_SYMLINK_NOFOLLOW)) tell(entry, LINK, path);
        } else {
            tell(entry, STAT, path);
        }
        return;
    }
    if (entry) entry->absent = 0;
    unsigned access = asked == CREATE ? STAT : asked & ~CREATE;
    if (S_ISDIR(status.st_mode) && access & READ) access = (access & ~READ) | DIRECTORY;
    tell(entry, access, path);
    if (asked & EXEC && S_ISREG(status.st_mode) && status.st_mode & 0111) {
        demand_rights(pid, path, &status, no_new_privileges);
        tell_program(pid, event, call, path);
    }
}

static int handle(const struct seccomp_notif *event)
{
    static char path[3 * PATH_MAX];
    const struct call *call = call_of(&event->data);
    const uint64_t *arguments = (const uint64_t *)event->data.args;
    pid_t pid = (pid_t)event->pid;
    count(&header->events);
    if (!call) return 0;
    if (call->kind == RING) {
        note("%s was refused while tracing, as on a kernel without it", "io_uring");
        return -ENOSYS;
    }
    if (!pid) {
        count(&header->unread);
        count(&header->lost);
        return 0;
    }
    if (call->kind == ROOT) rooted = 1;
    int at = call->path, directory = call->dir >= 0 ? (int)arguments[(int)call->dir] : AT_FDCWD;
    if (at >= 0 && path_of(pid, call, directory, arguments[at], path))
        meet(pid, event, call, asked_of(pid, call, arguments), path);
    if (call->kind == RENAME || call->kind == HARD_LINK) {
        int step = call->dir >= 0 ? 2 : 1;
        directory = call->dir >= 0 ? (int)arguments[(int)call->dir + 2] : AT_FDCWD;
        if (path_of(pid, call, directory, arguments[at + step], path)) meet(pid, event, call, WRITE | CREATE, path);
    }
    if (call->kind == RENAME || call->kind == LIST || call->kind == ROOT || call->kind == MOVE) start_move(pid);
    return 0;
}

static void awake(int number) { (void)number; }

static void watch(int listener)
{
    union { struct seccomp_notif event; char room[512]; } in;
    union { struct seccomp_notif_resp answer; char room[512]; } out;
    struct itimerval every = {{0, BEAT_MILLISECONDS * 1000}, {0, BEAT_MILLISECONDS * 1000}};
    struct sigaction action = {.sa_handler = awake};
    sigset_t all;
    sigaction(SIGALRM, &action, NULL);
    sigfillset(&all);
    sigdelset(&all, SIGALRM);
    sigprocmask(SIG_SETMASK, &all, NULL);
    setitimer(ITIMER_REAL, &every, NULL);
    ioctl(listener, SECCOMP_IOCTL_NOTIF_SET_FLAGS, SYNC_WAKE_UP);  /* Linux 6.6: events cost half; older ones refuse */
    for (;;) {
        memset(&in, 0, sizeof in);
        if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, &in)) {
            struct pollfd ended = {listener, POLLIN, 0};
            int problem = errno;
            beat();
            beats++;
            if (problem == EINTR || problem == ENOENT)
                if (poll(&ended, 1, 0) == 0 || !(ended.revents & POLLHUP)) continue;
            return;
        }
        int error = handle(&in.event);
        memset(&out, 0, sizeof out);
        out.answer.id = in.event.id;
        out.answer.error = error;
        out.answer.flags = error ? 0 : SECCOMP_USER_NOTIF_FLAG_CONTINUE;
        ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, &out);
    }
}

static void fail(const char *what, int status)
{
    char text[PATH_MAX + 128];
    snprintf(text, sizeof text, "%s: %s", what, strerror(errno));
    if (log_file >= 0 && header) record('E', text, NULL, NULL);
    dprintf(2, "jettison's sensor: %s\n", text);
    _exit(status);
}

/* The process that watches. The two share their descriptors until it has the listener: no rights are needed for that. */
static void run_sensor(volatile int *shared)
{
    struct timespec pause = {0, 20000};
    prctl(PR_SET_NAME, "jettison-sensor");
    setsid();
    while (!shared[0]) nanosleep(&pause, NULL);
    int listener = shared[0] - 1;
    if (listener < 0) _exit(0);
    int low = listener < log_file ? listener : log_file, high = listener < log_file ? log_file : listener;
    long failed = 0;
    if (low > 0) failed |= syscall(SYS_close_range, 0, low - 1, 2 /* CLOSE_RANGE_UNSHARE */);
    else failed |= syscall(SYS_close_range, high + 1, ~0u, 2);
    if (high > low + 1) failed |= syscall(SYS_close_range, low + 1, high - 1, 0);
    failed |= syscall(SYS_close_range, high + 1, ~0u, 0);
    if (failed) _exit(125);
    count(&header->started);
    beat();
    shared[1] = 1;
    watch(listener);
    count(&header->ended);
    _exit(0);
}

static void start_sensor(void)
{
    volatile int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED) fail("no memory", 125);
    /* No signal at its end makes it a child that wait() without __WALL does not see, so that no program waits for it. */
    long child = syscall(SYS_clone, 0x400 /* CLONE_FILES */, 0, 0, 0, 0);
    if (child < 0) fail("cannot fork", 125);
    if (!child) run_sensor(shared);
    int listener = install_filter();
    int problem = errno;
    shared[0] = listener < 0 ? -1 : listener + 1;
    if (listener < 0) {
        errno = problem;
        fail("this kernel or engine allows no seccomp notifications (Linux 5.9 does)", 125);
    }
    while (!shared[1]) {
        struct timespec pause = {0, 20000};
        if (kill((pid_t)child, 0)) fail("the sensor ended", 125);
        nanosleep(&pause, NULL);
    }
    close(listener);
    munmap((void *)shared, 4096);
}

static int has_capability(int number)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    if (syscall(SYS_capget, &head, data)) return 0;
    return data[number / 32].effective >> (number % 32) & 1;
}

static void give_up(uint64_t mask)
{
    struct __user_cap_header_struct head = {_LINUX_CAPABILITY_VERSION_3, 0};
    struct __user_cap_data_struct data[2];
    for (int i = 0; i < 64; i++)
        if (mask >> i & 1 && prctl(PR_CAPBSET_READ, i, 0, 0, 0) == 1) prctl(PR_CAPBSET_DROP, i, 0, 0, 0);
    if (syscall(SYS_capget, &head, data)) return;
    for (int i = 0; i < 2; i++) {
        uint32_t part = (uint32_t)(mask >> (32 * i));
        data[i].effective &= ~part;
        data[i].permitted &= ~part;
        data[i].inheritable &= ~part;
    }
    if (syscall(SYS_capset, &head, data)) fail("capabilities cannot be given up", 125);
}

/* Become a user as an engine does it: its standard streams are given to it, its groups are exactly these. */
static void become(const char *path)
{
    static char text[PATH_MAX + 4096];
    gid_t groups[256];
    int number = 0, file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0 || read(file, text, sizeof text - 1) <= 0) fail(path, 125);
    close(file);
    char *end, *home = strchr(text, '\n');
    if (home) *home++ = 0;
    if (home && home[strcspn(home, "\n")]) home[strcspn(home, "\n")] = 0;
    uid_t uid = (uid_t)strtoul(text, &end, 10);
    gid_t gid = *end == ':' ? (gid_t)strtoul(end + 1, &end, 10) : 0;
    while ((*end == ':' || *end == ',') && end[1] && number < 256) groups[number++] = (gid_t)strtoul(end + 1, &end, 10);
    struct stat status;
    for (int i = 0; i < 3; i++)
        if (!fstat(i, &status) && status.st_uid != uid && !S_ISCHR(status.st_mode) && fchown(i, uid, (gid_t)-1)) continue;
    if (setgroups(number, groups) || setresgid(gid, gid, gid) || setresuid(uid, uid, uid)) fail("cannot become the user", 125);
    if (home && *home) setenv("HOME", home, 1);
}

/* The program as an engine finds it: a bare name is looked for in PATH. */
static const char *find(const char *name)
{
    static char path[PATH_MAX];
    struct stat status;
    if (strchr(name, '/')) return name;
    const char *directories = getenv("PATH");
    for (const char *at = directories ? directories : ""; *at;) {
        size_t length = strcspn(at, ":");
        snprintf(path, sizeof path, "%.*s/%s", (int)length, at, name);
        if (!stat(path, &status) && S_ISREG(status.st_mode) && status.st_mode & 0111) return path;
        at += length + (at[length] == ':');
    }
    errno = ENOENT;
    fail(name, 127);
    return NULL;
}

static int print(const char *path)
{
    char piece[1 << 16];
    ssize_t got;
    int file = open(path, O_RDONLY | O_CLOEXEC);
    if (file < 0) fail(path, 125);
    while ((got = read(file, piece, sizeof piece)) > 0)
        for (ssize_t done = 0, part; done < got; done += part)
            if ((part = write(1, piece + done, (size_t)(got - done))) < 0) fail("stdout", 125);
    return got ? 125 : 0;
}

int main(int count_of, char **arguments)
{
    const char *log = NULL, *user = NULL;
    uint64_t drop = 0;
    int option;
    while ((option = getopt(count_of, arguments, "+l:u:d:p:")) != -1) {
        if (option == 'l') log = optarg;
        else if (option == 'u') user = optarg;
        else if (option == 'd') drop = strtoull(optarg, NULL, 16);
        else return option == 'p' ? print(optarg) : 125;
    }
    char **program = arguments + optind;
    if (!program[0]) { dprintf(2, "usage: sensor [-l LOG] [-u USERFILE] [-d MASK] PROGRAM [ARGUMENT...]\n"); return 125; }
    if (log && open_log(log)) fail(log, 125);
    const char *path = find(program[0]);
    if (log) {
        static char here[PATH_MAX];
        sort_calls();
        no_new_privileges = !has_capability(CAP_SYS_ADMIN) || prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0) == 1;
        if (getcwd(here, sizeof here)) tell(NULL, DIRECTORY, here);
        if (no_new_privileges && prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) fail("no_new_privs", 125);
        start_sensor();
    }
    if (drop) give_up(drop);
    if (user) become(user);
    execv(path, program);
    fail(program[0], errno == ENOENT ? 127 : 126);
    return 126;
}
