/* Replacing a file: what is synced when, and what remains when a system call fails. The linker puts
 * functions of this test before those of the system, which write down what is done. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "support.h"
#include "tensor/durable.h"

static char folder[] = "/tmp/fovea_durable_XXXXXX", path[64];

static void make_folder(void)
{
    strcpy(folder + strlen(folder) - 6, "XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(folder));
    snprintf(path, sizeof path, "%s/file", folder);
}

static void remove_folder(void)
{
    unlink(path);
    ck_assert_int_eq(rmdir(folder), 0); /* also shows that no temporary file was left */
}

/* --- the system ------------------------------------------------------------------------- */

/* What has been done to files since watch(): w write, s sync of a file, c close, r rename over the
 * target, f sync of the target's folder. Writes in a row count once. */
static struct {
    bool on;
    char done[64];
    char failing; /* the letter of the call that fails, with `error`, `times` times */
    int error, times;
    size_t most; /* bytes that a write takes; 0: all */
} watched;

#ifdef FOVEA_LINKER_WRAPS
int __real_fsync(int fd);
int __wrap_fsync(int fd);
int __real_close(int fd);
int __wrap_close(int fd);
int __real_rename(const char *from, const char *to);
int __wrap_rename(const char *from, const char *to);
ssize_t __real_write(int fd, const void *bytes, size_t count);
ssize_t __wrap_write(int fd, const void *bytes, size_t count);

/* Writes the call down; true when it is to fail. */
static bool happens(char what)
{
    if (!watched.on) return false;
    size_t n = strlen(watched.done);
    if (n + 1 < sizeof watched.done && !(what == 'w' && n > 0 && watched.done[n - 1] == 'w')) {
        watched.done[n] = what;
        watched.done[n + 1] = '\0';
    }
    if (watched.failing != what || watched.times <= 0) return false;
    watched.times--;
    errno = watched.error;
    return true;
}

/* Is it the folder of the target? */
static bool is_folder(int fd)
{
    struct stat a, b;
    return fstat(fd, &a) == 0 && stat(folder, &b) == 0 && a.st_ino == b.st_ino;
}

static bool is_plain(int fd)
{
    struct stat a;
    return fstat(fd, &a) == 0 && S_ISREG(a.st_mode);
}

int __wrap_fsync(int fd)
{
    return happens(is_folder(fd) ? 'f' : 's') ? -1 : __real_fsync(fd);
}

int __wrap_close(int fd)
{
    bool fails = is_plain(fd) && happens('c');
    int status = __real_close(fd);
    if (fails) errno = watched.error;
    return fails ? -1 : status;
}

int __wrap_rename(const char *from, const char *to)
{
    return happens(strcmp(to, path) == 0 ? 'r' : '?') ? -1 : __real_rename(from, to);
}

ssize_t __wrap_write(int fd, const void *bytes, size_t count)
{
    if (!is_plain(fd)) return __real_write(fd, bytes, count);
    if (happens('w')) return -1;
    bool part = watched.on && watched.most && count > watched.most;
    return __real_write(fd, bytes, part ? watched.most : count);
}

static bool watch(char failing, int error, int times)
{
    memset(&watched, 0, sizeof watched);
    watched.failing = failing;
    watched.error = error;
    watched.times = times;
    return watched.on = true;
}
#else
static bool watch(char failing, int error, int times)
{
    (void)failing, (void)error, (void)times;
    return false;
}
#endif

/* --- files ------------------------------------------------------------------------------ */

static fv_status put(const char *to, const char *text)
{
    fv_durable file;
    size_t half = strlen(text) / 2;
    fv_status status = fv_durable_open(&file, to);
    if (status != FV_OK) return status;
    status = fv_durable_write(&file, text, half);
    if (status == FV_OK) status = fv_durable_write(&file, text + half, strlen(text) - half);
    if (status == FV_OK) status = fv_durable_commit(&file);
    fv_durable_abort(&file);
    ck_assert_int_eq(file.fd, -1);
    return status;
}

static void expect_content(const char *text)
{
    char found[256] = "";
    FILE *file = fopen(path, "rb");
    ck_assert_ptr_nonnull(file);
    found[fread(found, 1, sizeof found - 1, file)] = '\0';
    fclose(file);
    ck_assert_str_eq(found, text);
}

START_TEST(file_and_folder_are_synced_around_the_rename)
{
    if (!watch(0, 0, 0)) return;
    ck_assert_int_eq(put(path, "new"), FV_OK);
    ck_assert_str_eq(watched.done, "wscrf");
    watch(0, 0, 0);
    ck_assert_int_eq(put(path, "newer"), FV_OK);
    watched.on = false;
    ck_assert_str_eq(watched.done, "wscrf");
    expect_content("newer");
}
END_TEST

START_TEST(a_saved_module_is_synced)
{
    fv_module *net = fv_nn_linear(3, 2);
    bool can_watch = watch(0, 0, 0);
    fv_status status = fv_save(net, path);
    watched.on = false;
    fv_free(net);
    if (status == FV_ERR_STATE) { /* built without safetensors */
        fv_clear_error();
        return;
    }
    ck_assert_int_eq(status, FV_OK);
    if (can_watch) ck_assert_str_eq(watched.done, "wscrf");
}
END_TEST

START_TEST(a_call_that_fails_leaves_the_old_file)
{
    static const struct {
        char failing;
        const char *part;
    } calls[] = {{'w', "write"}, {'s', "sync"}, {'c', "close"}, {'r', "rename over"}};
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(put(path, "old"), FV_OK);
    for (size_t k = 0; k < sizeof calls / sizeof calls[0]; k++) {
        if (!watch(calls[k].failing, EIO, 1)) return;
        ck_assert_int_eq(put(path, "new"), FV_ERR_IO);
        watched.on = false;
        ck_assert_ptr_nonnull(strstr(fv_error(), path));
        ck_assert_ptr_nonnull(strstr(fv_error(), strerror(EIO)));
        expect_error(FV_ERR_IO, calls[k].part);
        expect_content("old");
    }
}
END_TEST

START_TEST(a_folder_that_cannot_be_synced_is_told)
{
    static const int harmless[] = {EINVAL, ENOTSUP}; /* file systems that know no such thing */
    fv_set_log(NULL, NULL);
    if (!watch('f', EIO, 1)) return;
    ck_assert_int_eq(put(path, "new"), FV_ERR_IO);
    watched.on = false;
    expect_error(FV_ERR_IO, "the file itself is written");
    expect_content("new");
    for (int k = 0; k < 2; k++) {
        watch('f', harmless[k], 1);
        ck_assert_int_eq(put(path, "newer"), FV_OK);
        watched.on = false;
        expect_content("newer");
    }
}
END_TEST

START_TEST(interrupted_and_partial_calls_are_taken_up_again)
{
    static const char calls[] = {'w', 's'};
    for (int k = 0; k < 2; k++) {
        if (!watch(calls[k], EINTR, 2)) return;
        ck_assert_int_eq(put(path, "a longer text"), FV_OK);
        watched.on = false;
        ck_assert_int_eq(watched.times, 0);
        expect_content("a longer text");
    }
    watch(0, 0, 0);
    watched.most = 2;
    ck_assert_int_eq(put(path, "piece by piece"), FV_OK);
    watched.on = false;
    expect_content("piece by piece");
}
END_TEST

START_TEST(targets_that_cannot_be_are_refused)
{
    char long_path[128], here[256];
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(put("", "x"), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "empty");
    ck_assert_int_eq(put(NULL, "x"), FV_ERR_OPTION);
    expect_error(FV_ERR_OPTION, "empty");
    snprintf(long_path, sizeof long_path, "%s/none/file", folder);
    ck_assert_int_eq(put(long_path, "x"), FV_ERR_IO);
    expect_error(FV_ERR_IO, "create a file beside it");
    ck_assert_int_eq(mkdir(path, 0700), 0); /* a folder in the target's place */
    ck_assert_int_eq(put(path, "x"), FV_ERR_IO);
    expect_error(FV_ERR_IO, "rename over");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(folder), 0);
    fv_status status = put("file", "without a folder in its name");
    ck_assert_int_eq(chdir(here), 0);
    ck_assert_int_eq(status, FV_OK);
    expect_content("without a folder in its name");
}
END_TEST

/* A crashed process with our number may have left the file behind that we are about to make. */
START_TEST(a_temporary_name_in_use_is_passed_over)
{
    char name[128];
    fv_durable file;
    ck_assert_int_eq(fv_durable_open(&file, path), FV_OK);
    ck_assert_int_lt(snprintf(name, sizeof name, "%s", file.temp), (int)sizeof name);
    fv_durable_abort(&file);
    char *number = strstr(name, ".tmp");
    ck_assert_ptr_nonnull(number);
    *number = '\0';
    number = strrchr(name, '.') + 1;
    unsigned next = (unsigned)strtoul(number, NULL, 10) + 1;
    char taken[160];
    snprintf(taken, sizeof taken, "%.*s%u.tmp", (int)(number - name), name, next);
    FILE *left = fopen(taken, "wb");
    ck_assert_ptr_nonnull(left);
    fclose(left);
    ck_assert_int_eq(fv_durable_open(&file, path), FV_OK);
    ck_assert_str_ne(file.temp, taken);
    fv_durable_abort(&file);
    ck_assert_int_eq(unlink(taken), 0); /* it is not ours to remove */
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("durable");
    TCase *durable = add_case(suite, "durable");
    tcase_add_checked_fixture(durable, make_folder, remove_folder);
    tcase_add_test(durable, file_and_folder_are_synced_around_the_rename);
    tcase_add_test(durable, a_saved_module_is_synced);
    tcase_add_test(durable, a_call_that_fails_leaves_the_old_file);
    tcase_add_test(durable, a_folder_that_cannot_be_synced_is_told);
    tcase_add_test(durable, interrupted_and_partial_calls_are_taken_up_again);
    tcase_add_test(durable, targets_that_cannot_be_are_refused);
    tcase_add_test(durable, a_temporary_name_in_use_is_passed_over);
    return suite;
}
