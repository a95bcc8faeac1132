/* What the kernel opens besides a program to run it: the interpreter behind #!, and the ELF program's own. */

#if defined(__x86_64__)
static int machine_known(unsigned machine) { return machine == EM_X86_64 || machine == EM_386; }
#elif defined(__aarch64__)
static int machine_known(unsigned machine) { return machine == EM_AARCH64 || machine == EM_ARM; }
#else
#error "the sensor knows x86-64 and arm64"
#endif

static int elf_interpreter(int file, const unsigned char *head, char *interpreter)
{
    int wide = head[EI_CLASS] == ELFCLASS64;
    Elf64_Ehdr big;
    Elf32_Ehdr small;
    memcpy(&big, head, sizeof big);
    memcpy(&small, head, sizeof small);
    unsigned rows = wide ? big.e_phnum : small.e_phnum;
    uint64_t table_at = wide ? big.e_phoff : small.e_phoff;
    for (unsigned i = 0; i < rows && i < 256; i++) {
        Elf64_Phdr row64;
        Elf32_Phdr row32;
        size_t size = wide ? sizeof row64 : sizeof row32;
        if (pread(file, wide ? (void *)&row64 : (void *)&row32, size, (off_t)(table_at + i * size)) != (ssize_t)size)
            return 0;
        if ((wide ? row64.p_type : row32.p_type) != PT_INTERP) continue;
        uint64_t length = wide ? row64.p_filesz : row32.p_filesz;
        if (length < 2 || length >= PATH_MAX) return 0;
        if (pread(file, interpreter, length, (off_t)(wide ? row64.p_offset : row32.p_offset)) != (ssize_t)length) return 0;
        interpreter[length] = 0;
        return interpreter[0] == '/';
    }
    return 0;
}

/* The interpreter of the program at `path`; 0 where it needs none. */
static int interpreter_of(const char *path, char *interpreter)
{
    unsigned char head[256] = {0};
    int found = 0, file = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (file < 0) {
        note("unread: the program %s may be run and not read: what it needs is not known", path);
        return 0;
    }
    ssize_t got = read(file, head, sizeof head - 1);
    if (got > 2 && head[0] == '#' && head[1] == '!') {
        char *start = (char *)head + 2 + strspn((char *)head + 2, " \t");
        size_t length = strcspn(start, " \t\n");
        memcpy(interpreter, start, length);
        interpreter[length] = 0;
        found = length > 0 && start[0] == '/';
        if (length > 0 && !found) note("the interpreter of %s is named relative to a directory: it is not traced", path);
    } else if (got >= (ssize_t)sizeof(Elf64_Ehdr) && !memcmp(head, ELFMAG, SELFMAG)) {
        if (head[EI_DATA] != ELFDATA2LSB || !machine_known(head[18] | head[19] << 8)) {
            count(&header->lost);
            note("foreign: %s is a program for another architecture: what it does is not seen", path);
        }
        found = elf_interpreter(file, head, interpreter);
    }
    close(file);
    return found;
}

/* The effective user or group of a process, as "Uid" and "Gid" in its status tell it. */
static unsigned long identity(pid_t pid, const char *name)
{
    char path[32], text[2048];
    unsigned long effective = 0;
    snprintf(path, sizeof path, "/proc/%d/status", pid);
    int file = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got = file < 0 ? 0 : read(file, text, sizeof text - 1);
    if (file >= 0) close(file);
    text[got > 0 ? got : 0] = 0;
    const char *line = strstr(text, name);
    if (line) sscanf(line + strlen(name), "%*u %lu", &effective);
    return effective;
}

/* Tell of programs that would run with other rights than their caller's, where the sensor takes that away. */
static void demand_rights(pid_t pid, const char *path, const struct stat *status, int no_new_privileges)
{
    unsigned char capability[64];
    if (!no_new_privileges) return;
    if (((status->st_mode & S_ISUID) && status->st_uid != identity(pid, "\nUid:")) ||
        ((status->st_mode & S_ISGID) && (status->st_mode & S_IXGRP) && status->st_gid != identity(pid, "\nGid:")))
        note("setuid: %s ran without its owner's rights: no_new_privs is set while tracing", path);
    else if (getxattr(path, "security.capability", capability, sizeof capability) > 0)
        note("setuid: %s ran without its capabilities: no_new_privs is set while tracing", path);
}
