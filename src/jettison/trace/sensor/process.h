/* Reading a process that waits in a system call: its memory, its working directory, what its descriptors name. */

enum { READABLE = 0, BAD_ADDRESS = -1, FORBIDDEN = -2, GONE = -3 };

static int read_memory_file(pid_t pid, uint64_t address, void *to, size_t size)
{
    char name[32];
    snprintf(name, sizeof name, "/proc/%d/mem", pid);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file < 0) return errno == ENOENT || errno == ESRCH ? GONE : FORBIDDEN;
    ssize_t got = pread(file, to, size, (off_t)address);
    close(file);
    return got == (ssize_t)size ? READABLE : BAD_ADDRESS;
}

static int read_memory(pid_t pid, uint64_t address, void *to, size_t size)
{
    struct iovec here = {to, size}, there = {(void *)(uintptr_t)address, size};
    ssize_t got = process_vm_readv(pid, &here, 1, &there, 1, 0);
    if (got == (ssize_t)size) return READABLE;
    if (got < 0 && errno == ESRCH) return GONE;
    if (got < 0 && (errno == EPERM || errno == ENOSYS)) return read_memory_file(pid, address, to, size);
    return BAD_ADDRESS;
}

/* The text at an address, at most PATH_MAX bytes; never reads past the page in which it ends. */
static int read_text(pid_t pid, uint64_t address, char *text)
{
    size_t length = 0;
    while (length < PATH_MAX) {
        size_t piece = 4096 - ((address + length) & 4095);
        if (length == 0 && piece > 256) piece = 256;
        if (piece > PATH_MAX - length) piece = PATH_MAX - length;
        int result = read_memory(pid, address + length, text + length, piece);
        if (result) return result;
        if (memchr(text + length, 0, piece)) return READABLE;
        length += piece;
    }
    return BAD_ADDRESS;  /* the kernel answers ENAMETOOLONG */
}

/* Where a link below /proc leads; negative where it cannot be read. */
static ssize_t follow(pid_t pid, const char *link, char *path)
{
    char name[64];
    snprintf(name, sizeof name, "/proc/%d/%s", pid, link);
    ssize_t length = readlink(name, path, PATH_MAX - 1);
    if (length >= 0) path[length] = 0;
    return length;
}

static ssize_t directory_of(pid_t pid, int descriptor, char *path)
{
    char link[24] = "cwd";
    if (descriptor != AT_FDCWD) snprintf(link, sizeof link, "fd/%d", descriptor);
    return follow(pid, link, path);
}

static void blame(pid_t pid)
{
    char name[32], command[64] = "?", text[128];
    struct stat status = {0};
    snprintf(name, sizeof name, "/proc/%d/comm", pid);
    int file = open(name, O_RDONLY | O_CLOEXEC);
    if (file >= 0) {
        ssize_t got = read(file, command, sizeof command - 1);
        if (got > 0) command[got - 1] = 0;
        close(file);
    }
    snprintf(name, sizeof name, "/proc/%d", pid);
    if (!stat(name, &status)) {
        snprintf(text, sizeof text, "%s", command);
        note("unread: %s may not be read by the sensor: CAP_SYS_PTRACE is missing", text);
    }
}

/* Fold // and /./ and a slash at the end; .. stays, since what it means depends on links. */
static void tidy(char *path)
{
    char *to = path, *from = path;
    while (*from) {
        if (from[0] == '/' && (from[1] == '/' || (from[1] == '.' && (from[2] == '/' || !from[2])))) {
            from += from[1] == '/' ? 1 : 2;
            continue;
        }
        *to++ = *from++;
    }
    while (to > path + 1 && to[-1] == '/') to--;
    if (to == path) *to++ = '/';
    *to = 0;
}
