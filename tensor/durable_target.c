/* The place of a durable file: links followed, what cannot be replaced refused, temporary files of
 * dead processes removed. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#include "tensor/durable_impl.h"

/* --- links ------------------------------------------------------------------------------------ */

/* Bytes of a path up to its last slash, that included. */
static size_t folder_length(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? (size_t)(slash - path) + 1 : 0;
}

/* Replaces *path by what the symbolic link there leads to. Returns 1, 0 when it is no link, -1
 * after an error. */
static int follow_link(char **path)
{
    char text[PATH_MAX];
    ssize_t length = readlink(*path, text, sizeof text);
    if (length < 0) return errno == EINVAL || errno == ENOENT ? 0 : -1;
    if ((size_t)length == sizeof text) {
        errno = ENAMETOOLONG;
        return -1;
    }
    size_t before = text[0] == '/' ? 0 : folder_length(*path);
    char *next = malloc(before + (size_t)length + 1);
    if (!next) return -1; /* errno is ENOMEM */
    memcpy(next, *path, before);
    memcpy(next + before, text, (size_t)length);
    next[before + (size_t)length] = '\0';
    free(*path);
    *path = next;
    return 1;
}

/* By hand, since the last link may lead to a file that is not there yet. */
static fv_status follow_links(fv_durable *file)
{
    enum { MOST_LINKS = 40 }; /* as Linux has it */
    file->target = strdup(file->path);
    int followed = file->target ? 1 : -1;
    if (!file->target) errno = ENOMEM;
    for (int i = 0; followed > 0; i++) {
        followed = follow_link(&file->target);
        if (followed > 0 && i == MOST_LINKS) {
            errno = ELOOP;
            followed = -1;
        }
    }
    return followed == 0 ? FV_OK : fv_durable_failed("save there", file->path);
}

/* --- what stands there ------------------------------------------------------------------------ */

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a folder"
           : S_ISFIFO(mode) ? "a FIFO or pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "a device";
}

static bool is_open_as(int fd, const struct stat *found)
{
    struct stat own;
    return fstat(fd, &own) == 0 && own.st_dev == found->st_dev && own.st_ino == found->st_ino;
}

/* Refuses what is no regular file, what this program prints to and what may not be written. */
static fv_status check_old(const char *path, const struct stat *old)
{
    if (!S_ISREG(old->st_mode))
        return fv_fail(FV_ERR_IO, "%s: is %s, and only a regular file can be replaced", path,
                       kind_of(old->st_mode));
    if (is_open_as(STDOUT_FILENO, old) || is_open_as(STDERR_FILENO, old))
        return fv_fail(FV_ERR_IO, "%s: is where this program's output goes", path);
    return access(path, W_OK) == 0 ? FV_OK : fv_durable_failed("write", path);
}

fv_status fv_durable_find_target(fv_durable *file, bool *exists, struct stat *old)
{
    struct stat led;
    *exists = stat(file->path, old) == 0;
    if (!*exists && errno != ENOENT) return fv_durable_failed("save there", file->path);
    fv_status status = *exists ? check_old(file->path, old) : FV_OK;
    if (status == FV_OK) status = follow_links(file);
    if (status != FV_OK) return status;
    if (*exists &&
        (lstat(file->target, &led) != 0 || led.st_ino != old->st_ino || led.st_dev != old->st_dev))
        return fv_fail(FV_ERR_IO, "%s: leads to a file without a name", file->path);
    size_t length = folder_length(file->target);
    file->folder = length ? strndup(file->target, length) : strdup(".");
    if (file->folder) return FV_OK;
    return fv_fail(FV_ERR_MEMORY, "%s: out of memory", file->path);
}

/* --- temporary files -------------------------------------------------------------------------- */

/* The target's path, its last part cut so that there is room for ".<pid>.<number>.tmp". */
char *fv_durable_temporary_stem(const fv_durable *file)
{
    enum { SUFFIX = 28 };
    char *stem = strdup(file->target);
    if (!stem) return NULL;
    char *name = stem + folder_length(stem);
    long most = pathconf(file->folder, _PC_NAME_MAX);
    if (most <= SUFFIX) most = 255;
    size_t length = strlen(name), kept = (size_t)most - SUFFIX;
    if (length <= kept) return stem;
    while (kept > 0 && ((unsigned char)name[kept] & 0xC0) == 0x80) kept--; /* whole characters */
    name[kept] = '\0';
    return stem;
}

/* Passes a dot and digits. */
static const char *pass_number(const char *at)
{
    if (*at != '.' || at[1] < '0' || at[1] > '9') return NULL;
    at++;
    while (*at >= '0' && *at <= '9') at++;
    return at;
}

static bool is_temporary(const char *name, const char *stem)
{
    size_t length = strlen(stem);
    if (strncmp(name, stem, length) != 0) return false;
    const char *at = pass_number(name + length);
    if (at) at = pass_number(at);
    return at && strcmp(at, ".tmp") == 0;
}

/* A file that can be locked has no maker any more: the lock ends with him, on other machines too.
 */
static void remove_if_unlocked(int folder, const char *name)
{
    int fd = openat(folder, name, O_WRONLY | O_NONBLOCK | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) return;
    if (flock(fd, LOCK_EX | LOCK_NB) == 0) unlinkat(folder, name, 0);
    close(fd);
}

void fv_durable_remove_stale(const fv_durable *file, const char *stem)
{
    DIR *folder = opendir(file->folder);
    if (!folder) return; /* a folder to write to but not to read */
    const char *name = stem + folder_length(stem);
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;)
        if (is_temporary(entry->d_name, name)) remove_if_unlocked(dirfd(folder), entry->d_name);
    closedir(folder);
}

bool fv_durable_lock(int fd)
{
    struct stat info;
    if (flock(fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK) return false;
    return fstat(fd, &info) != 0 || info.st_nlink > 0;
}
