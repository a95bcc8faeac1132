/* Which system calls take paths, under which numbers, and what each does with them.
 *
 * Numbers: arch/x86/entry/syscalls/syscall_{64,32}.tbl, include/uapi/asm-generic/unistd.h, arch/arm/tools/syscall.tbl of
 * Linux 6.12. `dir`, `path` and `flags` count arguments from 0; -1 is none. A second path stands two arguments after the
 * first where it has a directory of its own, else one.
 */
enum kind { OPEN, OPEN2, CREAT, LOOK, LOOK_LINK, READ_LINK, LIST, ROOT, RUN, CHANGE, REMOVE, MAKE, RENAME, HARD_LINK, MOVE, RING };

enum architecture { X86_64, I386, ARM64, ARM, ARCHITECTURES };

struct call {
    const char *name;
    short number[ARCHITECTURES];
    unsigned char kind;
    signed char dir, path, flags;
};

static const struct call calls[] = {
    /*                    x86-64 i386 arm64 arm   kind      dir path flags */
    {"open",              {2,    5,   -1,  5},    OPEN,      -1, 0, 1},
    {"openat",            {257,  295, 56,  322},  OPEN,      0,  1, 2},
    {"openat2",           {437,  437, 437, 437},  OPEN2,     0,  1, 2},
    {"creat",             {85,   8,   -1,  8},    CREAT,     -1, 0, -1},
    {"execve",            {59,   11,  221, 11},   RUN,       -1, 0, -1},
    {"execveat",          {322,  358, 281, 387},  RUN,       0,  1, 4},
    {"x32 execve",        {520,  -1,  -1,  -1},   RUN,       -1, 0, -1},
    {"x32 execveat",      {545,  -1,  -1,  -1},   RUN,       0,  1, 4},
    {"stat",              {4,    106, -1,  106},  LOOK,      -1, 0, -1},
    {"lstat",             {6,    107, -1,  107},  LOOK_LINK, -1, 0, -1},
    {"oldstat",           {-1,   18,  -1,  -1},   LOOK,      -1, 0, -1},
    {"oldlstat",          {-1,   84,  -1,  -1},   LOOK_LINK, -1, 0, -1},
    {"stat64",            {-1,   195, -1,  195},  LOOK,      -1, 0, -1},
    {"lstat64",           {-1,   196, -1,  196},  LOOK_LINK, -1, 0, -1},
    {"newfstatat",        {262,  300, 79,  327},  LOOK,      0,  1, 3},
    {"statx",             {332,  383, 291, 397},  LOOK,      0,  1, 2},
    {"access",            {21,   33,  -1,  33},   LOOK,      -1, 0, -1},
    {"faccessat",         {269,  307, 48,  334},  LOOK,      0,  1, -1},
    {"faccessat2",        {439,  439, 439, 439},  LOOK,      0,  1, 3},
    {"statfs",            {137,  99,  43,  99},   LOOK,      -1, 0, -1},
    {"statfs64",          {-1,   268, -1,  266},  LOOK,      -1, 0, -1},
    {"getxattr",          {191,  229, 8,   229},  LOOK,      -1, 0, -1},
    {"lgetxattr",         {192,  230, 9,   230},  LOOK_LINK, -1, 0, -1},
    {"listxattr",         {194,  232, 11,  232},  LOOK,      -1, 0, -1},
    {"llistxattr",        {195,  233, 12,  233},  LOOK_LINK, -1, 0, -1},
    {"getxattrat",        {464,  464, 464, 464},  LOOK,      0,  1, 2},
    {"listxattrat",       {465,  465, 465, 465},  LOOK,      0,  1, 2},
    {"name_to_handle_at", {303,  341, 264, 370},  LOOK,      0,  1, 4},
    {"inotify_add_watch", {254,  292, 27,  317},  LOOK,      -1, 1, -1},
    {"readlink",          {89,   85,  -1,  85},   READ_LINK, -1, 0, -1},
    {"readlinkat",        {267,  305, 78,  332},  READ_LINK, 0,  1, -1},
    {"chdir",             {80,   12,  49,  12},   LIST,      -1, 0, -1},
    {"fchdir",            {81,   133, 50,  133},  MOVE,      -1, -1, -1},
    {"chroot",            {161,  61,  51,  61},   ROOT,      -1, 0, -1},
    {"pivot_root",        {155,  217, 41,  218},  ROOT,      -1, 0, -1},
    {"truncate",          {76,   92,  45,  92},   CHANGE,    -1, 0, -1},
    {"truncate64",        {-1,   193, -1,  193},  CHANGE,    -1, 0, -1},
    {"chmod",             {90,   15,  -1,  15},   CHANGE,    -1, 0, -1},
    {"fchmodat",          {268,  306, 53,  333},  CHANGE,    0,  1, -1},
    {"fchmodat2",         {452,  452, 452, 452},  CHANGE,    0,  1, 3},
    {"chown",             {92,   182, -1,  182},  CHANGE,    -1, 0, -1},
    {"lchown",            {94,   16,  -1,  16},   CHANGE,    -1, 0, -1},
    {"chown32",           {-1,   212, -1,  212},  CHANGE,    -1, 0, -1},
    {"lchown32",          {-1,   198, -1,  198},  CHANGE,    -1, 0, -1},
    {"fchownat",          {260,  298, 54,  325},  CHANGE,    0,  1, 4},
    {"utime",             {132,  30,  -1,  -1},   CHANGE,    -1, 0, -1},
    {"utimes",            {235,  271, -1,  269},  CHANGE,    -1, 0, -1},
    {"futimesat",         {261,  299, -1,  326},  CHANGE,    0,  1, -1},
    {"utimensat",         {280,  320, 88,  348},  CHANGE,    0,  1, 3},
    {"utimensat_time64",  {-1,   412, -1,  412},  CHANGE,    0,  1, 3},
    {"setxattr",          {188,  226, 5,   226},  CHANGE,    -1, 0, -1},
    {"lsetxattr",         {189,  227, 6,   227},  CHANGE,    -1, 0, -1},
    {"removexattr",       {197,  235, 14,  235},  CHANGE,    -1, 0, -1},
    {"lremovexattr",      {198,  236, 15,  236},  CHANGE,    -1, 0, -1},
    {"unlink",            {87,   10,  -1,  10},   REMOVE,    -1, 0, -1},
    {"rmdir",             {84,   40,  -1,  40},   REMOVE,    -1, 0, -1},
    {"unlinkat",          {263,  301, 35,  328},  REMOVE,    0,  1, -1},
    {"mkdir",             {83,   39,  -1,  39},   MAKE,      -1, 0, -1},
    {"mkdirat",           {258,  296, 34,  323},  MAKE,      0,  1, -1},
    {"mknod",             {133,  14,  -1,  14},   MAKE,      -1, 0, -1},
    {"mknodat",           {259,  297, 33,  324},  MAKE,      0,  1, -1},
    {"symlink",           {88,   83,  -1,  83},   MAKE,      -1, 1, -1},
    {"symlinkat",         {266,  304, 36,  331},  MAKE,      1,  2, -1},
    {"rename",            {82,   38,  -1,  38},   RENAME,    -1, 0, -1},
    {"renameat",          {264,  302, 38,  329},  RENAME,    0,  1, -1},
    {"renameat2",         {316,  353, 276, 382},  RENAME,    0,  1, -1},
    {"link",              {86,   9,   -1,  9},    HARD_LINK, -1, 0, -1},
    {"linkat",            {265,  303, 37,  330},  HARD_LINK, 0,  1, 4},
    {"io_uring_setup",    {425,  425, 425, 425},  RING,      -1, -1, -1},
};
