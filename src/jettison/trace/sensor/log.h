/* The log: a header of counters that is mapped and shared, then records, each appended by one write.
 *
 * A record is a kind (one byte) and fields that end with a zero byte. Nothing is buffered: when the container ends, the
 * kernel kills the sensor without a word, and what was written stays. Several sensors (the main program's, a health
 * check's, an exec's) share one log. Kinds:
 *
 *   P access path               a path and, in hexadecimal, what was done to it
 *   M count path                a path that was asked for and not there; the count so far, at powers of two
 *   X path argv[0] interpreters a program that was run, and what the kernel opened to run it, separated by newlines
 *   N note                      what the trace does not show as it was
 *   E error                     why the program could not be started
 */
enum access { READ = 1, WRITE = 2, CREATE = 4, STAT = 8, LINK = 16, EXEC = 32, DIRECTORY = 64 };

struct header {
    char magic[8];
    uint64_t beat;     /* when the sensor was last alive: nanoseconds since 1970 */
    uint64_t events;   /* system calls seen */
    uint64_t lost;     /* events whose path could not be read or kept */
    uint64_t unread;   /* of these, because the process may not be read */
    uint64_t full;     /* of these, because the log's disk or the memory is full */
    uint64_t started;  /* sensors */
    uint64_t ended;
};

static const char magic[8] = {'J', 'E', 'T', 'T', 'R', 'C', '1', '\n'};
static struct header *header;
static int log_file = -1;

static void count(uint64_t *counter) { __atomic_add_fetch(counter, 1, __ATOMIC_RELAXED); }

static void beat(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    header->beat = (uint64_t)now.tv_sec * 1000000000u + now.tv_nsec;
}

static int open_log(const char *path)
{
    const struct header nothing = {0};
    struct stat status;
    log_file = open(path, O_RDWR | O_APPEND | O_CLOEXEC | O_CREAT, 0666);
    if (log_file < 0 || fstat(log_file, &status)) return -1;
    if (!status.st_size && write(log_file, &nothing, sizeof nothing) != sizeof nothing) return -1;
    header = mmap(NULL, sizeof *header, PROT_READ | PROT_WRITE, MAP_SHARED, log_file, 0);
    if (header == MAP_FAILED) return -1;
    memcpy(header->magic, magic, sizeof magic);
    return 0;
}

static void record(char kind, const char *first, const char *second, const char *third)
{
    static char buffer[4 * PATH_MAX];
    const char *fields[] = {first, second, third};
    size_t length = 0;
    buffer[length++] = kind;
    for (int i = 0; i < 3 && fields[i]; i++) {
        size_t size = strlen(fields[i]) + 1;
        if (length + size > sizeof buffer) { count(&header->lost); return; }
        memcpy(buffer + length, fields[i], size);
        length += size;
    }
    if (write(log_file, buffer, length) != (ssize_t)length) { count(&header->full); count(&header->lost); }
}

/* What was recorded of a path, found by a hash of 64 bits; the path itself is not kept. */
struct seen { uint64_t hash; uint32_t missing; uint8_t asked, told, absent; };

#define MOST_SEEN (1u << 22)  /* 64 MB */
static struct seen *table;
static size_t table_size, table_used;

static uint64_t hash_of(const char *text, uint64_t hash)
{
    for (; *text; text++) hash = (hash ^ (unsigned char)*text) * 0x100000001b3u;
    hash ^= hash >> 29;
    return hash ? hash : 1;
}

static struct seen *slot(uint64_t hash)
{
    size_t at = hash & (table_size - 1);
    while (table[at].hash && table[at].hash != hash) at = (at + 1) & (table_size - 1);
    return &table[at];
}

static void grow(void)
{
    struct seen *old = table;
    size_t old_size = table_size;
    struct seen *bigger = calloc(old_size ? 2 * old_size : 1 << 12, sizeof *table);
    if (!bigger) return;
    table = bigger;
    table_size = old_size ? 2 * old_size : 1 << 12;
    for (size_t i = 0; i < old_size; i++)
        if (old[i].hash) *slot(old[i].hash) = old[i];
    free(old);
}

/* The entry of a hash, made where there is none; NULL where there is no more room. */
static struct seen *seen(uint64_t hash)
{
    if (2 * table_used >= table_size && table_size < MOST_SEEN) grow();
    if (!table_size) return NULL;
    struct seen *entry = slot(hash);
    if (!entry->hash) {
        if (table_used >= table_size - table_size / 4) return NULL;
        table_used++;
        entry->hash = hash;
    }
    return entry;
}

static void note(const char *format, const char *what)
{
    char text[2 * PATH_MAX];
    snprintf(text, sizeof text, format, what);
    struct seen *entry = seen(hash_of(text, 0x6e6f7465));
    if (entry && entry->told) return;
    if (entry) entry->told = 1;
    record('N', text, NULL, NULL);
}
