/* Durable replacement of a file: temporary file, fsync, rename, fsync of the folder. */
#include "tensor/durable_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

fv_status fv_durable_failed(const char *what, const char *path)
{
    fv_status status = errno == ENOMEM ? FV_ERR_MEMORY : FV_ERR_IO;
    return fv_fail(status, "%s: cannot %s: %s", path, what, strerror(errno));
}

static fv_status out_of_memory(const char *path)
{
    return fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
}

/* The new file gets group and owner of the old one, as far as the system lets us, and its
 * permissions; a group that is another one than before gets no more than everybody. */
static void keep_permissions(int fd, const struct stat *old)
{
    struct stat now;
    if (fchown(fd, old->st_uid, old->st_gid) != 0 && fchown(fd, (uid_t)-1, old->st_gid) != 0)
        errno = 0; /* not ours to give */
    mode_t mode = old->st_mode & 0777;
    if (fstat(fd, &now) != 0 || now.st_gid != old->st_gid) mode &= ~(mode_t)070 | (mode & 07) << 3;
    if (fchmod(fd, mode) != 0) errno = 0; /* a file system without them: it stays as it was made */
}

/* Makes "<stem>.<pid>.<number>.tmp", where rename is atomic. A number in use is that of a crashed
 * process with our id, of another machine or namespace. */
static fv_status make_temporary(fv_durable *file, const char *stem, mode_t mode)
{
    static atomic_uint number;
    size_t room = strlen(stem) + 40;
    file->temp = malloc(room);
    if (!file->temp) return out_of_memory(file->path);
    do {
        if (file->fd >= 0) close(file->fd);
        snprintf(file->temp, room, "%s.%ld.%u.tmp", stem, (long)getpid(),
                 atomic_fetch_add(&number, 1u));
        file->fd = open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    } while (file->fd < 0 ? errno == EEXIST || errno == EINTR : !fv_durable_lock(file->fd));
    if (file->fd >= 0) return FV_OK;
    fv_status status = fv_durable_failed("create a file beside it", file->path);
    free(file->temp); /* it was never made */
    file->temp = NULL;
    return status;
}

static fv_status open_beside(fv_durable *file)
{
    struct stat old;
    bool exists;
    fv_status status = fv_durable_find_target(file, &exists, &old);
    if (status != FV_OK) return status;
    char *stem = fv_durable_temporary_stem(file);
    if (!stem) return out_of_memory(file->path);
    fv_durable_remove_stale(file, stem);
    status = make_temporary(file, stem, exists ? 0600 : 0666);
    free(stem);
    if (status == FV_OK && exists) keep_permissions(file->fd, &old);
    return status;
}

fv_status fv_durable_open(fv_durable *file, const char *path)
{
    *file = (fv_durable){.fd = -1};
    if (!path || !*path) return fv_fail(FV_ERR_OPTION, "save: the path is empty");
    file->path = strdup(path);
    fv_status status = file->path ? open_beside(file) : out_of_memory(path);
    if (status != FV_OK) fv_durable_abort(file);
    return status;
}

fv_status fv_durable_write(fv_durable *file, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        size_t chunk = count < ((size_t)1 << 30) ? count : (size_t)1 << 30;
        ssize_t done = write(file->fd, at, chunk);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return fv_durable_failed("write", file->path);
        at += done;
        count -= (size_t)done;
    }
    return FV_OK;
}

/* The rename itself must survive a crash. File systems that cannot sync a folder say EINVAL. */
static void sync_folder(const fv_durable *file)
{
    int fd = open(file->folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP))
        fv_warn("%s: saved, but its folder cannot be synced: %s", file->path, strerror(errno));
    if (fd >= 0) close(fd);
}

fv_status fv_durable_commit(fv_durable *file)
{
    int synced;
    do synced = fsync(file->fd);
    while (synced != 0 && errno == EINTR);
    if (synced != 0) return fv_durable_failed("sync", file->path);
    if (rename(file->temp, file->target) != 0) return fv_durable_failed("rename over", file->path);
    free(file->temp);
    file->temp = NULL;
    close(file->fd); /* after the rename, for the lock ends with it; all is written */
    file->fd = -1;
    sync_folder(file);
    fv_durable_abort(file);
    return FV_OK;
}

void fv_durable_abort(fv_durable *file)
{
    if (file->temp) unlink(file->temp);
    if (file->fd >= 0) close(file->fd);
    free(file->temp);
    free(file->folder);
    free(file->target);
    free(file->path);
    *file = (fv_durable){.fd = -1};
}
