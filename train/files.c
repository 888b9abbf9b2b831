/* Names of a checkpoint's files, and moving the older ones on. */
#include "train/files_impl.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tensor/durable.h"

static const char ending[] = ".safetensors", previous[] = "previous";

fv_path fv_path_beside(const char *path, const char *word)
{
    const size_t length = strlen(path), tail = sizeof ending - 1;
    const bool ends = length > tail && strcmp(path + length - tail, ending) == 0 &&
                      path[length - tail - 1] != '/';
    const size_t stem = ends ? length - tail : length;
    fv_path beside;
    snprintf(beside.text, sizeof beside.text, "%.*s.%s%s", (int)stem, path, word,
             ends ? ending : "");
    return beside;
}

bool fv_file_exists(const char *path)
{
    struct stat info;
    return stat(path, &info) == 0;
}

static fv_status copy_bytes(FILE *in, fv_durable *out, const char *from)
{
    static const size_t room = (size_t)1 << 20;
    char *bytes = malloc(room);
    if (!bytes) return fv_fail(FV_ERR_MEMORY, "checkpoint_save: out of memory");
    fv_status status = FV_OK;
    size_t count;
    while (status == FV_OK && (count = fread(bytes, 1, room, in)) > 0)
        status = fv_durable_write(out, bytes, count);
    if (status == FV_OK && ferror(in))
        status = fv_fail(FV_ERR_IO, "%s: cannot read: %s", from, strerror(errno));
    free(bytes);
    return status;
}

static fv_status copy_file(const char *from, const char *to)
{
    fv_durable out;
    FILE *in = fopen(from, "rb");
    if (!in) return fv_fail(FV_ERR_IO, "%s: cannot open: %s", from, strerror(errno));
    fv_status status = fv_durable_open(&out, to);
    if (status == FV_OK) {
        status = copy_bytes(in, &out, from);
        if (status == FV_OK) status = fv_durable_commit(&out);
        fv_durable_abort(&out);
    }
    fclose(in);
    return status;
}

/* A second name for the file, or a copy where the file system has no such thing. */
static fv_status name_again(const char *path, const char *second)
{
#ifndef _WIN32
    if (linkat(AT_FDCWD, path, AT_FDCWD, second, AT_SYMLINK_FOLLOW) == 0) return FV_OK;
#endif
    return copy_file(path, second);
}

/* The name of the file that is `age` saves old; 0 is the one that fv_keep_before named again. */
static fv_path aged(const char *path, int64_t age)
{
    char word[24];
    snprintf(word, sizeof word, "%lld", (long long)age);
    return fv_path_beside(path, age == 0 ? previous : word);
}

static void grow_older(const char *path, int64_t age)
{
    const fv_path from = aged(path, age), to = aged(path, age + 1);
    if (rename(from.text, to.text) != 0)
        fv_warn("checkpoint: cannot rename %s to %s: %s", from.text, to.text, strerror(errno));
}

/* Up to the first gap, or the oldest, which falls out. Where a process died in the midst of this
 * the gap is where it had come to, so that going on from there is right. */
static void move_on(const char *path, int64_t keep)
{
    int64_t gap = 1;
    while (gap < keep - 1 && fv_file_exists(aged(path, gap).text)) gap++;
    for (int64_t age = gap - 1; age >= 0; age--) grow_older(path, age);
}

static bool same_file(const char *a, const char *b)
{
    struct stat x, y;
    return stat(a, &x) == 0 && stat(b, &y) == 0 && x.st_ino == y.st_ino && x.st_dev == y.st_dev;
}

void fv_keep_finish(const char *path, int64_t keep)
{
    const fv_path second = aged(path, 0);
    if (!fv_file_exists(second.text)) return;
    if (keep <= 1 || same_file(path, second.text)) /* nothing has come after it */
        unlink(second.text);
    else
        move_on(path, keep);
}

fv_status fv_keep_before(const char *path, int64_t keep)
{
    fv_keep_finish(path, keep);
    if (keep <= 1 || !fv_file_exists(path)) return FV_OK;
    return name_again(path, aged(path, 0).text);
}
