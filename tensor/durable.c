/* Durable replacement of a file: temporary file, fsync, rename, fsync of the folder. */
#include "tensor/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

static fv_status io_failed(const char *what, const char *path)
{
    return fv_fail(FV_ERR_IO, "%s: cannot %s: %s", path, what, strerror(errno));
}

/* "<path>.<pid>.<number>.tmp": in the target's folder, where rename is atomic. */
static char *temporary_name(const char *path)
{
    static atomic_uint number;
    size_t room = strlen(path) + 40;
    char *name = malloc(room);
    if (name)
        snprintf(name, room, "%s.%ld.%u.tmp", path, (long)getpid(), atomic_fetch_add(&number, 1u));
    return name;
}

fv_status fv_durable_open(fv_durable *file, const char *path)
{
    *file = (fv_durable){.fd = -1};
    if (!path || !*path) return fv_fail(FV_ERR_OPTION, "save: the path is empty");
    file->path = strdup(path);
    if (!file->path) return fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
    do { /* a number in use is a file that a crashed process with our id left behind */
        free(file->temp);
        file->temp = temporary_name(path);
        if (!file->temp) {
            fv_durable_abort(file);
            return fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
        }
        file->fd = open(file->temp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
    } while (file->fd < 0 && (errno == EEXIST || errno == EINTR));
    if (file->fd >= 0) return FV_OK;
    fv_status status = io_failed("create a file beside it", path);
    free(file->temp); /* it was never made */
    file->temp = NULL;
    fv_durable_abort(file);
    return status;
}

fv_status fv_durable_write(fv_durable *file, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        size_t chunk = count < ((size_t)1 << 30) ? count : (size_t)1 << 30;
        ssize_t done = write(file->fd, at, chunk);
        if (done < 0 && errno == EINTR) continue;
        if (done < 0) return io_failed("write", file->path);
        at += done;
        count -= (size_t)done;
    }
    return FV_OK;
}

/* The rename itself must survive a crash. File systems that cannot sync a folder say EINVAL. */
static fv_status sync_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    size_t length = slash ? (size_t)(slash - path) : 0;
    char *folder = slash ? strndup(path, length ? length : 1) : strdup(".");
    if (!folder) return fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
    fv_status status = FV_OK;
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0 || (fsync(fd) != 0 && errno != EINVAL && errno != ENOTSUP))
        status = io_failed("sync its folder (the file itself is written)", path);
    if (fd >= 0) close(fd);
    free(folder);
    return status;
}

fv_status fv_durable_commit(fv_durable *file)
{
    int synced;
    do synced = fsync(file->fd);
    while (synced != 0 && errno == EINTR);
    if (synced != 0) return io_failed("sync", file->path);
    int closed = close(file->fd);
    file->fd = -1;
    if (closed != 0) return io_failed("close", file->path);
    if (rename(file->temp, file->path) != 0) return io_failed("rename over", file->path);
    free(file->temp);
    file->temp = NULL;
    fv_status status = sync_folder(file->path);
    fv_durable_abort(file);
    return status;
}

void fv_durable_abort(fv_durable *file)
{
    if (file->fd >= 0) close(file->fd);
    if (file->temp) unlink(file->temp);
    free(file->temp);
    free(file->path);
    *file = (fv_durable){.fd = -1};
}
