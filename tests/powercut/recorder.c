/*
 * Records what a process does to the files under one folder, so that a power cut at any moment can be played back.
 *
 * Loaded with LD_PRELOAD. Two variables tell it what to do; without them it does nothing:
 *   RECORD_UNDER  the folder, absolute
 *   RECORD_TO     the trace, outside that folder
 * A third one makes the disk full: with RECORD_FULL_FROM=n, the n-th write at a position and every later one fails.
 *
 * The trace is a row of entries, each a struct entry, then the path, then the data. Every call that changes a file is done
 * and noted under one lock, so the order of the trace is the order in which the files changed. A sync is noted twice, when
 * it begins and when it has ended: what was written before its beginning is durable after its end.
 */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>

enum kind {
    WRITE = 1,
    SYNC_BEGINS = 2,
    SYNC_ENDED = 3,
    SET_LENGTH = 4,
    RENAME = 5,
    UNLINK = 6,
    CREATE = 7,
    RANGE_SYNC = 8,
    MAKE_FOLDER = 9,
};

struct entry {
    uint32_t kind;
    uint32_t thread;
    uint32_t path_bytes;
    uint32_t data_bytes;
    uint64_t offset; /* of a write; the length of SET_LENGTH */
};

static char folder[PATH_MAX];
static size_t folder_bytes;
static int trace = -1;
static long full_from; /* 0: never */
static long positioned_writes;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

/* The function that ours stands in front of. */
#define NEXT(name) ((__typeof__(&name))next_of(#name))

static void *next_of(const char *name) {
    void *found = dlsym(RTLD_NEXT, name);
    if (!found) {
        fprintf(stderr, "recorder: the C library has no %s\n", name);
        abort();
    }
    return found;
}

__attribute__((constructor)) static void start(void) {
    const char *under = getenv("RECORD_UNDER"), *to = getenv("RECORD_TO");
    if (!under || !to)
        return;
    const char *full = getenv("RECORD_FULL_FROM");
    full_from = full ? atol(full) : 0;
    snprintf(folder, sizeof folder, "%s", under);
    folder_bytes = strlen(folder);
    trace = NEXT(open)(to, O_CREAT | O_WRONLY | O_APPEND | O_TRUNC | O_CLOEXEC, 0644);
    if (trace < 0) {
        perror("recorder: the trace cannot be opened");
        abort();
    }
}

static int is_under(const char *path) {
    return trace >= 0 && strncmp(path, folder, folder_bytes) == 0 &&
           (path[folder_bytes] == '/' || path[folder_bytes] == 0);
}

/* Whether the open file is under the folder, and then its path. */
static int recorded_file(int fd, char path[PATH_MAX]) {
    char link[64];
    if (trace < 0 || fd == trace)
        return 0;
    snprintf(link, sizeof link, "/proc/self/fd/%d", fd);
    ssize_t length = readlink(link, path, PATH_MAX - 1);
    if (length <= 0)
        return 0;
    path[length] = 0;
    return is_under(path);
}

/* Whether the path is under the folder; it is made absolute. */
static int recorded_path(const char *given, char path[PATH_MAX]) {
    if (trace < 0)
        return 0;
    if (given[0] == '/') {
        snprintf(path, PATH_MAX, "%s", given);
    } else {
        char here[PATH_MAX / 2];
        if (!getcwd(here, sizeof here))
            return 0;
        snprintf(path, PATH_MAX, "%s/%s", here, given);
    }
    return is_under(path);
}

static void put(const void *bytes, size_t length) {
    const char *from = bytes;
    while (length > 0) {
        ssize_t done = NEXT(write)(trace, from, length);
        if (done <= 0) {
            perror("recorder: the trace cannot be written");
            abort();
        }
        from += done;
        length -= (size_t)done;
    }
}

/* Call with the lock held. */
static void note(enum kind kind, const char *path, uint64_t offset, const void *data, size_t data_bytes) {
    struct entry entry = {
        .kind = kind,
        .thread = (uint32_t)syscall(SYS_gettid),
        .path_bytes = (uint32_t)strlen(path),
        .data_bytes = (uint32_t)data_bytes,
        .offset = offset,
    };
    put(&entry, sizeof entry);
    put(path, entry.path_bytes);
    put(data, data_bytes);
}

static void note_now(enum kind kind, const char *path) {
    pthread_mutex_lock(&lock);
    note(kind, path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
}

ssize_t pwrite64(int fd, const void *data, size_t length, off64_t offset) {
    char path[PATH_MAX];
    if (!recorded_file(fd, path))
        return NEXT(pwrite64)(fd, data, length, offset);
    pthread_mutex_lock(&lock);
    if (full_from > 0 && ++positioned_writes >= full_from) {
        pthread_mutex_unlock(&lock);
        errno = ENOSPC;
        return -1;
    }
    ssize_t done = NEXT(pwrite64)(fd, data, length, offset);
    if (done > 0)
        note(WRITE, path, (uint64_t)offset, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

ssize_t pwrite(int fd, const void *data, size_t length, off_t offset) {
    return pwrite64(fd, data, length, offset);
}

ssize_t write(int fd, const void *data, size_t length) {
    char path[PATH_MAX];
    if (!recorded_file(fd, path))
        return NEXT(write)(fd, data, length);
    pthread_mutex_lock(&lock);
    struct stat status;
    off64_t offset = lseek64(fd, 0, SEEK_CUR);
    if ((fcntl(fd, F_GETFL) & O_APPEND) && fstat(fd, &status) == 0)
        offset = status.st_size;
    ssize_t done = NEXT(write)(fd, data, length);
    if (done > 0)
        note(WRITE, path, (uint64_t)offset, data, (size_t)done);
    pthread_mutex_unlock(&lock);
    return done;
}

/* A short answer is allowed, so the first part that holds something is enough. */
ssize_t writev(int fd, const struct iovec *parts, int count) {
    char path[PATH_MAX];
    if (!recorded_file(fd, path))
        return NEXT(writev)(fd, parts, count);
    for (int i = 0; i < count; i++)
        if (parts[i].iov_len > 0)
            return write(fd, parts[i].iov_base, parts[i].iov_len);
    return 0;
}

int fsync(int fd) {
    char path[PATH_MAX];
    if (!recorded_file(fd, path))
        return NEXT(fsync)(fd);
    note_now(SYNC_BEGINS, path);
    int answer = NEXT(fsync)(fd);
    if (answer == 0)
        note_now(SYNC_ENDED, path);
    return answer;
}

int fdatasync(int fd) {
    char path[PATH_MAX];
    if (!recorded_file(fd, path))
        return NEXT(fdatasync)(fd);
    note_now(SYNC_BEGINS, path);
    int answer = NEXT(fdatasync)(fd);
    if (answer == 0)
        note_now(SYNC_ENDED, path);
    return answer;
}

/* Noted for the count alone: it makes nothing durable. */
int sync_file_range(int fd, off64_t offset, off64_t length, unsigned int flags) {
    char path[PATH_MAX];
    if (recorded_file(fd, path))
        note_now(RANGE_SYNC, path);
    return NEXT(sync_file_range)(fd, offset, length, flags);
}

int ftruncate64(int fd, off64_t length) {
    char path[PATH_MAX];
    if (!recorded_file(fd, path))
        return NEXT(ftruncate64)(fd, length);
    pthread_mutex_lock(&lock);
    int answer = NEXT(ftruncate64)(fd, length);
    if (answer == 0)
        note(SET_LENGTH, path, (uint64_t)length, NULL, 0);
    pthread_mutex_unlock(&lock);
    return answer;
}

int ftruncate(int fd, off_t length) {
    return ftruncate64(fd, length);
}

int rename(const char *from, const char *to) {
    char old_path[PATH_MAX], new_path[PATH_MAX];
    if (!recorded_path(from, old_path) || !recorded_path(to, new_path))
        return NEXT(rename)(from, to);
    pthread_mutex_lock(&lock);
    int answer = NEXT(rename)(from, to);
    if (answer == 0)
        note(RENAME, old_path, 0, new_path, strlen(new_path));
    pthread_mutex_unlock(&lock);
    return answer;
}

int unlink(const char *given) {
    char path[PATH_MAX];
    if (!recorded_path(given, path))
        return NEXT(unlink)(given);
    pthread_mutex_lock(&lock);
    int answer = NEXT(unlink)(given);
    if (answer == 0)
        note(UNLINK, path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return answer;
}

int mkdir(const char *given, mode_t mode) {
    char path[PATH_MAX];
    if (!recorded_path(given, path))
        return NEXT(mkdir)(given, mode);
    pthread_mutex_lock(&lock);
    int answer = NEXT(mkdir)(given, mode);
    if (answer == 0)
        note(MAKE_FOLDER, path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return answer;
}

int open64(const char *given, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    char path[PATH_MAX];
    if (!(flags & (O_CREAT | O_TRUNC)) || !recorded_path(given, path))
        return NEXT(open64)(given, flags, mode);
    pthread_mutex_lock(&lock);
    int existed = access(path, F_OK) == 0;
    int fd = NEXT(open64)(given, flags, mode);
    if (fd >= 0 && !existed)
        note(CREATE, path, 0, NULL, 0);
    else if (fd >= 0 && (flags & O_TRUNC))
        note(SET_LENGTH, path, 0, NULL, 0);
    pthread_mutex_unlock(&lock);
    return fd;
}

int open(const char *given, int flags, ...) {
    mode_t mode = 0;
    if (flags & O_CREAT) {
        va_list rest;
        va_start(rest, flags);
        mode = va_arg(rest, mode_t);
        va_end(rest);
    }
    return open64(given, flags, mode);
}
