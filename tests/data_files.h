/* Files for the tests of readers: a folder of their own, IDX headers, gzip members. */
#ifndef FOVEA_TESTS_DATA_FILES_H
#define FOVEA_TESTS_DATA_FILES_H

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"

enum { PATH = 512 };
static char root[PATH];

static inline void make_root(void)
{
    const char *base = getenv("TMPDIR");
    snprintf(root, sizeof root, "%s/fovea-data-XXXXXX", base ? base : "/tmp");
    ck_assert_ptr_nonnull(mkdtemp(root));
    fv_set_log(NULL, NULL);
    unsetenv("FOVEA_DATA");
}

static inline const char *path_of(const char *name)
{
    static char path[2][PATH + 128];
    static int turn;
    turn = !turn; /* two paths may be in one call */
    snprintf(path[turn], sizeof path[turn], "%s/%s", root, name);
    return path[turn];
}

static inline void make_folder(const char *name)
{
    ck_assert_int_eq(mkdir(path_of(name), 0755), 0);
}

/* Removes what is in a folder, and the folder. */
static inline void remove_folder(const char *folder)
{
    DIR *dir = opendir(folder);
    for (const struct dirent *entry; dir && (entry = readdir(dir));) {
        char path[PATH + 512];
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        if (snprintf(path, sizeof path, "%s/%s", folder, entry->d_name) >= (int)sizeof path)
            continue;
        if (unlink(path) != 0) remove_folder(path);
    }
    if (dir) closedir(dir);
    rmdir(folder);
}

static inline void remove_root(void)
{
    remove_folder(root);
}

/* A new file each time: some file systems bring one that was cut to nothing to the disk at once. */
static inline void write_file(const char *name, const void *bytes, size_t count)
{
    unlink(path_of(name));
    FILE *f = fopen(path_of(name), "wb");
    ck_assert_ptr_nonnull(f);
    ck_assert_uint_eq(fwrite(bytes, 1, count, f), count);
    ck_assert_int_eq(fclose(f), 0);
}

static inline void put_number(uint8_t *at, uint32_t v)
{
    for (int i = 0; i < 4; i++) at[i] = (uint8_t)(v >> (24 - 8 * i));
}

static inline uint32_t crc32_of(const uint8_t *bytes, size_t count)
{
    uint32_t crc = ~0u;
    for (size_t i = 0; i < count; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) crc = crc >> 1 ^ (crc & 1 ? 0xedb88320u : 0);
    }
    return ~crc;
}

/* A gzip member of one stored block, below 64 KiB; returns its size, 23 bytes more. */
static inline size_t gzip(const uint8_t *bytes, size_t count, uint8_t *out)
{
    static const uint8_t head[] = {0x1f, 0x8b, 8, 0, 0, 0, 0, 0, 0, 3, 1};
    uint8_t *p = out;
    memcpy(p, head, sizeof head);
    p += sizeof head;
    const uint32_t n = (uint32_t)count, crc = crc32_of(bytes, count);
    const uint32_t lengths = n | (~n << 16);
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(lengths >> (8 * i));
    memcpy(p, bytes, count);
    p += count;
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(crc >> (8 * i));
    for (int i = 0; i < 4; i++) *p++ = (uint8_t)(n >> (8 * i));
    return (size_t)(p - out);
}

/* Does this build unpack gzip files? If not, it must say what is missing. */
static inline bool have_zlib(void)
{
    uint8_t image[20] = {0, 0, 8, 3, 0, 0, 0, 1, 0, 0, 0, 1, 0, 0, 0, 1, 9}, z[64];
    write_file("zlib-probe", z, gzip(image, 17, z));
    fv_dataset *set = fv_idx_dataset(path_of("zlib-probe"), path_of("zlib-probe"));
    ck_assert_ptr_null(set); /* images where labels belong */
    if (fv_error_status() == FV_ERR_IO) {
        expect_error(FV_ERR_IO, "zlib1g-dev");
        return false;
    }
    expect_error(FV_ERR_FORMAT, "magic number");
    return true;
}

#endif
