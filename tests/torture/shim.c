/* Makes the n-th file event or large allocation of a process fail, or kills the process there.
 *
 * It is loaded with LD_PRELOAD and does nothing until `torture_arm` is called. File events are those that change what is
 * below the folder `torture_root`: opening for writing, writing, flushing, renaming, removing, and making folders.
 * Allocations are those of at least `LARGE` bytes. Numbers count from 1.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <sys/uio.h>
#include <unistd.h>

#define LARGE (128 * 1024)
enum { NOTHING, FILES, ALLOCATIONS };

static int what = NOTHING, error_number, for_ever;
static long at, count;
static char root[PATH_MAX];

void torture_arm(int events, long number, int error, int persistent, const char *folder) {
    at = number, error_number = error, for_ever = persistent, count = 0;
    snprintf(root, sizeof root, "%s", folder);
    what = events;
}

long torture_count(void) { return count; }

static int fails(int kind) {
    if (what != kind) return 0;
    long now = __sync_add_and_fetch(&count, 1);
    if (at == 0 || now < at || (now > at && !for_ever)) return 0;
    if (error_number < 0) kill(getpid(), SIGKILL);
    errno = error_number;
    return 1;
}

static int below_root(int folder, const char *path) {
    char full[PATH_MAX];
    if (what != FILES || !path) return 0;
    if (path[0] == '/') return !strncmp(path, root, strlen(root));
    if (folder == AT_FDCWD) return getcwd(full, sizeof full) && !strncmp(full, root, strlen(root));
    char link[64];
    snprintf(link, sizeof link, "/proc/self/fd/%d", folder);
    ssize_t length = readlink(link, full, sizeof full - 1);
    if (length < 0) return 0;
    full[length] = 0;
    return !strncmp(full, root, strlen(root));
}

static int is_below_root(int descriptor) { return below_root(descriptor, "."); }

#define REAL(type, name, ...)                                  \
    static type (*real)(__VA_ARGS__);                          \
    if (!real) real = (type (*)(__VA_ARGS__))dlsym(RTLD_NEXT, #name)
#define WRITES(flags) ((flags) & (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC))

#define OPEN(name)                                                            \
    int name(const char *path, int flags, ...) {                              \
        REAL(int, name, const char *, int, ...);                              \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if (WRITES(flags) && below_root(AT_FDCWD, path) && fails(FILES)) return -1; \
        return real(path, flags, mode);                                       \
    }
OPEN(open)
OPEN(open64)
#define OPENAT(name)                                                          \
    int name(int folder, const char *path, int flags, ...) {                  \
        REAL(int, name, int, const char *, int, ...);                         \
        va_list rest; va_start(rest, flags); mode_t mode = va_arg(rest, mode_t); va_end(rest); \
        if (WRITES(flags) && below_root(folder, path) && fails(FILES)) return -1; \
        return real(folder, path, flags, mode);                               \
    }
OPENAT(openat)
OPENAT(openat64)

ssize_t write(int descriptor, const void *data, size_t size) {
    REAL(ssize_t, write, int, const void *, size_t);
    return is_below_root(descriptor) && fails(FILES) ? -1 : real(descriptor, data, size);
}
ssize_t pwrite64(int descriptor, const void *data, size_t size, off64_t place) {
    REAL(ssize_t, pwrite64, int, const void *, size_t, off64_t);
    return is_below_root(descriptor) && fails(FILES) ? -1 : real(descriptor, data, size, place);
}
ssize_t writev(int descriptor, const struct iovec *parts, int number) {
    REAL(ssize_t, writev, int, const struct iovec *, int);
    return is_below_root(descriptor) && fails(FILES) ? -1 : real(descriptor, parts, number);
}
size_t fwrite(const void *data, size_t size, size_t number, FILE *file) {
    REAL(size_t, fwrite, const void *, size_t, size_t, FILE *);
    return is_below_root(fileno(file)) && fails(FILES) ? 0 : real(data, size, number, file);
}
int fsync(int descriptor) {
    REAL(int, fsync, int);
    return is_below_root(descriptor) && fails(FILES) ? -1 : real(descriptor);
}
int ftruncate64(int descriptor, off64_t size) {
    REAL(int, ftruncate64, int, off64_t);
    return is_below_root(descriptor) && fails(FILES) ? -1 : real(descriptor, size);
}
int rename(const char *from, const char *to) {
    REAL(int, rename, const char *, const char *);
    return below_root(AT_FDCWD, to) && fails(FILES) ? -1 : real(from, to);
}
int renameat(int from_folder, const char *from, int to_folder, const char *to) {
    REAL(int, renameat, int, const char *, int, const char *);
    return below_root(to_folder, to) && fails(FILES) ? -1 : real(from_folder, from, to_folder, to);
}
int mkdir(const char *path, mode_t mode) {
    REAL(int, mkdir, const char *, mode_t);
    return below_root(AT_FDCWD, path) && fails(FILES) ? -1 : real(path, mode);
}
int unlink(const char *path) {
    REAL(int, unlink, const char *);
    return below_root(AT_FDCWD, path) && fails(FILES) ? -1 : real(path);
}

extern void *__libc_malloc(size_t), *__libc_calloc(size_t, size_t), *__libc_realloc(void *, size_t), *__libc_memalign(size_t, size_t);

void *malloc(size_t size) { return size >= LARGE && fails(ALLOCATIONS) ? NULL : __libc_malloc(size); }
void *calloc(size_t number, size_t size) {
    return number * size >= LARGE && fails(ALLOCATIONS) ? NULL : __libc_calloc(number, size);
}
void *realloc(void *block, size_t size) {
    return size >= LARGE && fails(ALLOCATIONS) ? NULL : __libc_realloc(block, size);
}
int posix_memalign(void **block, size_t alignment, size_t size) {
    if (size >= LARGE && fails(ALLOCATIONS)) return ENOMEM;
    *block = __libc_memalign(alignment, size);
    return *block ? 0 : ENOMEM;
}
