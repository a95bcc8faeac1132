/* Asks the kernel for paths in every way there is; works in the directory that it is given. Prints each path it means. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/openat2.h>
#include <pthread.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <sys/statfs.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>
#include <utime.h>

#ifndef SYS_newfstatat
#define SYS_newfstatat SYS_fstatat64
#endif

static char base[PATH_MAX];

static const char *at(const char *name)
{
    static char paths[8][PATH_MAX];
    static int turn;
    char *path = paths[turn++ & 7];
    snprintf(path, PATH_MAX, "%s/%s", base, name);
    return path;
}

static void expect(const char *access, const char *name) { printf("%s %s/%s\n", access, base, name); }

static void file(const char *name) { close(creat(at(name), 0755)); }

static void *thread(void *unused)
{
    struct stat status;
    stat(at("by-thread"), &status);
    return unused;
}

static void looks(int directory)
{
    struct stat status;
    struct statx more;
    struct statfs system;
    char value[16];
    syscall(SYS_newfstatat, directory, "by-fstatat", &status, 0); expect("stat", "by-fstatat");
    statx(directory, "by-statx", 0, STATX_MODE, &more); expect("stat", "by-statx");
    syscall(SYS_faccessat, directory, "by-faccessat", R_OK); expect("stat", "by-faccessat");
    syscall(SYS_faccessat2, directory, "by-faccessat2", R_OK, 0); expect("stat", "by-faccessat2");
    statfs(at("by-statfs"), &system); expect("stat", "by-statfs");
    getxattr(at("by-getxattr"), "user.none", value, sizeof value); expect("stat", "by-getxattr");
    llistxattr(at("by-llistxattr"), value, sizeof value); expect("stat", "by-llistxattr");
    close(open(at("by-opath"), O_PATH)); expect("stat", "by-opath");
    int watch = inotify_init();
    inotify_add_watch(watch, at("by-inotify"), IN_MODIFY); expect("stat", "by-inotify");
    close(watch);
#ifdef SYS_stat
    syscall(SYS_stat, at("by-stat"), &status); expect("stat", "by-stat");
    syscall(SYS_lstat, at("by-lstat"), &status); expect("stat", "by-lstat");
    syscall(SYS_access, at("by-access"), F_OK); expect("stat", "by-access");
#endif
}

static void opens(int directory)
{
    struct open_how how = {.flags = O_RDONLY};
    close(open(at("by-open"), O_RDONLY)); expect("read", "by-open");
    close(openat(directory, "by-openat", O_RDONLY)); expect("read", "by-openat");
    close(openat(directory, "./sub/../by-dots", O_RDONLY)); expect("read", "sub/../by-dots");
    close((int)syscall(SYS_openat2, directory, "by-openat2", &how, sizeof how)); expect("read", "by-openat2");
    close(open(at("by-write"), O_WRONLY | O_TRUNC)); expect("write", "by-write");
    close(open(at("new-open"), O_WRONLY | O_CREAT, 0600)); expect("create", "new-open");
    close(creat(at("new-creat"), 0600)); expect("create", "new-creat");
    close(open(base, O_RDONLY | O_DIRECTORY)); printf("dir %s\n", base);
    close(open(at("sub"), O_RDONLY)); expect("dir", "sub");
#ifdef SYS_open
    close((int)syscall(SYS_open, at("by-sys-open"), O_RDONLY)); expect("read", "by-sys-open");
#endif
}

static void changes(int directory)
{
    char buffer[PATH_MAX];
    struct timespec times[2] = {{1, 0}, {1, 0}};
    readlink(at("link"), buffer, sizeof buffer); expect("link", "link");
    readlinkat(directory, "link2", buffer, sizeof buffer); expect("link", "link2");
    truncate(at("by-truncate"), 0); expect("write", "by-truncate");
    chmod(at("by-chmod"), 0600); expect("write", "by-chmod");
    fchmodat(directory, "by-fchmodat", 0600, 0); expect("write", "by-fchmodat");
    lchown(at("by-lchown"), -1, -1); expect("write", "by-lchown");
    fchownat(directory, "by-fchownat", -1, -1, 0); expect("write", "by-fchownat");
    utimensat(directory, "by-utimensat", times, 0); expect("write", "by-utimensat");
    setxattr(at("by-setxattr"), "user.one", "1", 1, 0); expect("write", "by-setxattr");
    unlink(at("by-unlink")); expect("write", "by-unlink");
    unlinkat(directory, "by-unlinkat", 0); expect("write", "by-unlinkat");
    rename(at("by-rename"), at("new-rename")); expect("write", "by-rename"); expect("create", "new-rename");
    syscall(SYS_renameat2, directory, "by-renameat2", directory, "new-renameat2", 0);
    expect("write", "by-renameat2"); expect("create", "new-renameat2");
    link(at("by-link"), at("new-link")); expect("read", "by-link"); expect("create", "new-link");
    linkat(directory, "by-linkat", directory, "new-linkat", 0); expect("read", "by-linkat"); expect("create", "new-linkat");
    symlink("anywhere", at("new-symlink")); expect("create", "new-symlink");
    symlinkat("anywhere", directory, "new-symlinkat"); expect("create", "new-symlinkat");
    mkdir(at("new-mkdir"), 0700); expect("create", "new-mkdir");
    mkdirat(directory, "new-mkdirat", 0700); expect("create", "new-mkdirat");
    mknod(at("new-fifo"), S_IFIFO | 0600, 0); expect("create", "new-fifo");
    rmdir(at("new-mkdir")); expect("write", "new-mkdir");
}

static void runs(int directory)
{
    char *arguments[] = {"renamed", "quiet", NULL}, *none[] = {NULL};
    pid_t child;
    if (!(child = vfork())) { execve(at("by-vfork"), arguments, none); _exit(1); }
    waitpid(child, NULL, 0); expect("exec", "by-vfork");
    if (!(child = fork())) { syscall(SYS_execveat, directory, "by-execveat", arguments, none, 0); _exit(1); }
    waitpid(child, NULL, 0); expect("exec", "by-execveat");
    if (!(child = fork())) {
        int program = open(at("by-fexecve"), O_PATH | O_CLOEXEC);
        syscall(SYS_execveat, program, "", arguments, none, AT_EMPTY_PATH);
        _exit(1);
    }
    waitpid(child, NULL, 0); expect("exec", "by-fexecve");
    if (!(child = fork())) { execve(at("by-script"), arguments, none); _exit(1); }
    waitpid(child, NULL, 0); expect("exec", "by-script");
}

static void elsewhere(void)
{
    struct stat status;
    pid_t child;
    chdir(at("sub")); expect("dir", "sub");
    stat("below", &status); expect("stat", "sub/below");
    if (!(child = fork())) { chdir(".."); stat("by-child", &status); _exit(0); }
    waitpid(child, NULL, 0); expect("stat", "by-child");
    if (!(child = fork())) { if (!chroot(base) && !chdir("/")) { stat("/by-chroot", &status); stat("sub/rooted", &status); } _exit(0); }
    waitpid(child, NULL, 0);
    if (!geteuid()) { expect("stat", "by-chroot"); expect("stat", "sub/rooted"); }
    pthread_t other;
    pthread_create(&other, NULL, thread, NULL);
    pthread_join(other, NULL); expect("stat", "by-thread");
    char self[PATH_MAX + 32];
    snprintf(self, sizeof self, "/proc/self/root%s", at("by-proc"));
    stat(self, &status); expect("stat", "by-proc");
}

int main(int count, char **arguments)
{
    if (count < 2 || !strcmp(arguments[1], "quiet")) return 0;
    if (!realpath(arguments[1], base)) return 1;
    setvbuf(stdout, NULL, _IOFBF, 1 << 20);
    int directory = open(base, O_PATH | O_DIRECTORY);
    looks(directory);
    opens(directory);
    changes(directory);
    fflush(stdout);
    runs(directory);
    elsewhere();
    struct stat status;
    for (int i = 0; i < 5; i++) stat(at("nowhere"), &status);
    expect("missing", "nowhere");
    stat(at("dangling"), &status); expect("missing", "dangling"); expect("link", "dangling");
    open(at("sub/below/impossible"), O_RDONLY); expect("missing", "sub/below/impossible");
    (void)file;
    return 0;
}
