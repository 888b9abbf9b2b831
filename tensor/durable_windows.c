/* Durable replacement of a file on Windows: a temporary file beside it takes its place in one step,
 * which the system has written through when it returns. */
#include "tensor/durable.h"

#include <errno.h>
#include <fcntl.h>
#include <io.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <windows.h>

static fv_status failed(const char *what, const char *path)
{
    fv_status status = errno == ENOMEM ? FV_ERR_MEMORY : FV_ERR_IO;
    return fv_fail(status, "%s: cannot %s: %s", path, what, strerror(errno));
}

static fv_status out_of_memory(const char *path)
{
    return fv_fail(FV_ERR_MEMORY, "%s: out of memory", path);
}

static fv_status make_temporary(fv_durable *file)
{
    static atomic_uint number;
    size_t room = strlen(file->path) + 40;
    file->temp = malloc(room);
    if (!file->temp) return out_of_memory(file->path);
    do {
        snprintf(file->temp, room, "%s.%lu.%u.tmp", file->path, GetCurrentProcessId(),
                 atomic_fetch_add(&number, 1u));
        file->fd = _open(file->temp, _O_WRONLY | _O_CREAT | _O_EXCL | _O_BINARY | _O_NOINHERIT,
                         _S_IREAD | _S_IWRITE);
    } while (file->fd < 0 && errno == EEXIST);
    if (file->fd >= 0) return FV_OK;
    free(file->temp); /* it was never made */
    file->temp = NULL;
    return failed("create a file beside it", file->path);
}

fv_status fv_durable_open(fv_durable *file, const char *path)
{
    struct stat old;
    *file = (fv_durable){.fd = -1};
    if (!path || !*path) return fv_fail(FV_ERR_OPTION, "save: the path is empty");
    if (stat(path, &old) == 0 && !S_ISREG(old.st_mode))
        return fv_fail(FV_ERR_IO, "%s: only a regular file can be replaced", path);
    file->path = _strdup(path);
    fv_status status = file->path ? make_temporary(file) : out_of_memory(path);
    if (status != FV_OK) fv_durable_abort(file);
    return status;
}

fv_status fv_durable_write(fv_durable *file, const void *bytes, size_t count)
{
    const char *at = bytes;
    while (count > 0) {
        int done = _write(file->fd, at, count < ((size_t)1 << 30) ? (unsigned)count : 1u << 30);
        if (done < 0) return failed("write", file->path);
        at += done;
        count -= (size_t)done;
    }
    return FV_OK;
}

fv_status fv_durable_commit(fv_durable *file)
{
    if (_commit(file->fd) != 0) return failed("sync", file->path);
    int closed = _close(file->fd); /* an open file cannot be moved */
    file->fd = -1;
    if (closed != 0) return failed("close", file->path);
    if (!MoveFileExA(file->temp, file->path, MOVEFILE_REPLACE_EXISTING | MOVEFILE_WRITE_THROUGH))
        return fv_fail(FV_ERR_IO, "%s: cannot replace it: error %lu", file->path, GetLastError());
    free(file->temp);
    file->temp = NULL;
    fv_durable_abort(file);
    return FV_OK;
}

void fv_durable_abort(fv_durable *file)
{
    if (file->fd >= 0) _close(file->fd);
    if (file->temp) remove(file->temp);
    free(file->temp);
    free(file->path);
    *file = (fv_durable){.fd = -1};
}
