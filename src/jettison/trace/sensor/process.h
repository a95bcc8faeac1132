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

/* Working directories, remembered for as long as a process keeps asking: reading one costs as much as all else of an
 * event. A call that may move one (chdir, rename) forgets them all; it is done when its process is seen again, which
 * forgets them once more, or two beats later, and until then nothing is remembered. What was not asked for within two
 * beats is forgotten too: its number may be another process's by now.
 */
static struct directory { pid_t pid; unsigned beat; ssize_t length; char path[256]; } directories[64];
static struct mover { pid_t pid; unsigned beat; } movers[16];
static unsigned beats = 2;

static void forget_directories(void) { memset(directories, 0, sizeof directories); }

static void start_move(pid_t pid)
{
    int at = 0;
    forget_directories();
    while (at < 15 && movers[at].pid && beats - movers[at].beat < 2) at++;
    movers[at] = (struct mover){pid, beats};
}

/* Whether a move may be under way; one of this process's own is done. */
static int moving(pid_t pid)
{
    int found = 0;
    for (int i = 0; i < 16; i++) {
        if (!movers[i].pid) continue;
        if (movers[i].pid == pid) {
            movers[i].pid = 0;
            forget_directories();
        } else if (beats - movers[i].beat < 2) {
            found = 1;
        }
    }
    return found;
}

static ssize_t working_directory(pid_t pid, char *path)
{
    struct directory *known = &directories[(unsigned)pid % 64];
    int unsure = moving(pid);
    if (!unsure && known->pid == pid && beats - known->beat < 2) {
        known->beat = beats;
        memcpy(path, known->path, (size_t)known->length + 1);
        return known->length;
    }
    ssize_t length = follow(pid, "cwd", path);
    if (!unsure && length > 0 && length < (ssize_t)sizeof known->path) {
        *known = (struct directory){pid, beats, length, ""};
        memcpy(known->path, path, (size_t)length + 1);
    }
    return length;
}

static ssize_t directory_of(pid_t pid, int descriptor, char *path)
{
    char link[24];
    if (descriptor == AT_FDCWD) return working_directory(pid, path);
    snprintf(link, sizeof link, "fd/%d", descriptor);
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
