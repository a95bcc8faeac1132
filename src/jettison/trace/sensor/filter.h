/* The seccomp filter: path-taking system calls wait for the sensor, everything else runs at full speed.
 *
 * For most numbers it reads nothing but architecture and number, so that the kernel (5.11 and newer) decides once per
 * number and never runs it for calls that take no path.
 */
#ifndef SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV
#define SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV (1UL << 5)
#endif
#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#endif
#define SYNC_WAKE_UP 1u
#define X32 0x40000000u
#define MOST_NUMBERS 600

#if defined(__x86_64__)
static const struct { uint32_t audit; enum architecture here; } known[] = {{AUDIT_ARCH_X86_64, X86_64}, {AUDIT_ARCH_I386, I386}};
#else
static const struct { uint32_t audit; enum architecture here; } known[] = {{AUDIT_ARCH_AARCH64, ARM64}, {AUDIT_ARCH_ARM, ARM}};
#endif

static const struct call *by_number[ARCHITECTURES][MOST_NUMBERS];

static void sort_calls(void)
{
    for (size_t i = 0; i < sizeof calls / sizeof *calls; i++)
        for (int a = 0; a < ARCHITECTURES; a++)
            if (calls[i].number[a] >= 0) by_number[a][calls[i].number[a]] = &calls[i];
}

static const struct call *call_of(const struct seccomp_data *data)
{
    unsigned number = (unsigned)data->nr & ~(data->arch == known[0].audit ? X32 : 0);
    for (size_t a = 0; a < 2; a++)
        if (data->arch == known[a].audit && number < MOST_NUMBERS) return by_number[known[a].here][number];
    return NULL;
}

/* One number's verdict. A stat of a descriptor (AT_EMPTY_PATH, which C libraries write for fstat) names no file anew and
 * passes; so would a path that is given together with AT_EMPTY_PATH and a descriptor, which is seen in systemd only. */
static unsigned add_number(struct sock_filter *code, unsigned number, const struct call *call)
{
    const unsigned arguments = offsetof(struct seccomp_data, args);
    int by_descriptor = call->kind == LOOK && call->dir >= 0 && call->flags >= 0;
    unsigned length = 0;
    code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, number, 0, by_descriptor ? 6 : 1);
    if (by_descriptor) {
        code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arguments + 8 * call->flags);
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, AT_EMPTY_PATH, 0, 2);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, arguments + 8 * call->dir);
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, 0x80000000u, 0, 1);
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF);
    if (by_descriptor) code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return length;
}

static unsigned add_numbers(struct sock_filter *code, enum architecture which)
{
    unsigned length = 0;
    for (unsigned number = 0; number < MOST_NUMBERS; number++)
        if (by_number[which][number]) length += add_number(code + length, number, by_number[which][number]);
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    return length;
}

/* Install the filter for this process and all that it becomes or starts; the descriptor that events come from. */
static int install_filter(void)
{
    static struct sock_filter code[512], part[256];
    unsigned length = 0;
    const unsigned long wishes[] = {
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
        SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_SPEC_ALLOW,
    };
    for (size_t a = 0; a < 2; a++) {
        unsigned size = add_numbers(part, known[a].here);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, arch));
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, known[a].audit, 1, 0);
        code[length++] = (struct sock_filter)BPF_JUMP(BPF_JMP | BPF_JA, size + 2, 0, 0);
        code[length++] = (struct sock_filter)BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr));
        code[length++] = (struct sock_filter)BPF_STMT(BPF_ALU | BPF_AND | BPF_K, a ? ~0u : ~X32);
        memcpy(code + length, part, size * sizeof *part);
        length += size;
    }
    code[length++] = (struct sock_filter)BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW);
    struct sock_fprog program = {(unsigned short)length, code};
    for (size_t i = 0; i < 2; i++) {
        long result = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, wishes[i], &program);
        if (result >= 0 || errno != EINVAL) return (int)result;
    }
    return -1;
}
