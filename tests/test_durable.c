/* Replacing a file: what is synced when, and what remains when a system call fails. The linker puts
 * functions of this test before those of the system, which write down what is done. */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
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
    ck_assert_str_eq(watched.done, "wsrcf");
    watch(0, 0, 0);
    ck_assert_int_eq(put(path, "newer"), FV_OK);
    watched.on = false;
    ck_assert_str_eq(watched.done, "wsrcf");
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
    ck_assert_int_eq(status, FV_OK);
    if (can_watch) ck_assert_str_eq(watched.done, "wsrcf");
}
END_TEST

START_TEST(a_call_that_fails_leaves_the_old_file)
{
    static const struct {
        char failing;
        const char *part;
    } calls[] = {{'w', "write"}, {'s', "sync"}, {'r', "rename over"}};
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

static char logged[2048];

static void remember(const char *message, void *context)
{
    (void)context;
    snprintf(logged, sizeof logged, "%s", message);
}

/* The new file is in place then, which is what the status is about. */
START_TEST(a_folder_that_cannot_be_synced_is_a_warning)
{
    static const int harmless[] = {EINVAL, ENOTSUP}; /* file systems that know no such thing */
    if (!watch('f', EIO, 1)) return;
    fv_set_log(remember, NULL);
    ck_assert_int_eq(put(path, "new"), FV_OK);
    watched.on = false;
    ck_assert_ptr_nonnull(strstr(logged, "warning: "));
    ck_assert_ptr_nonnull(strstr(logged, "saved, but its folder cannot be synced"));
    ck_assert_int_eq(fv_error_status(), FV_OK);
    expect_content("new");
    for (int k = 0; k < 2; k++) {
        watch('f', harmless[k], 1);
        logged[0] = '\0';
        ck_assert_int_eq(put(path, "newer"), FV_OK);
        watched.on = false;
        ck_assert_str_eq(logged, "");
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
    ck_assert_ptr_nonnull(getcwd(here, sizeof here));
    ck_assert_int_eq(chdir(folder), 0);
    fv_status status = put("file", "without a folder in its name");
    ck_assert_int_eq(chdir(here), 0);
    ck_assert_int_eq(status, FV_OK);
    expect_content("without a folder in its name");
}
END_TEST

/* --- what stands at the target -------------------------------------------------------------- */

static void expect_refused(const char *target, const char *part)
{
    ck_assert_msg(!fv_can_save(target), "%s may be saved to", target);
    expect_error(FV_ERR_IO, part);
    ck_assert_int_eq(put(target, "x"), FV_ERR_IO);
    ck_assert_ptr_nonnull(strstr(fv_error(), target));
    expect_error(FV_ERR_IO, part);
}

static mode_t mode_of(const char *of)
{
    struct stat info;
    ck_assert_int_eq(lstat(of, &info), 0);
    return info.st_mode;
}

START_TEST(only_regular_files_are_replaced)
{
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(mkdir(path, 0700), 0);
    expect_refused(path, "a folder");
    ck_assert_int_eq(rmdir(path), 0);
    ck_assert_int_eq(mkfifo(path, 0600), 0);
    expect_refused(path, "a FIFO");
    ck_assert(S_ISFIFO(mode_of(path)));
    ck_assert_int_eq(unlink(path), 0);
    expect_refused("/dev/null", "a device");
    expect_refused("/dev/full", "a device");
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    ck_assert_int_eq(bind(fd, (struct sockaddr *)&address, sizeof address), 0);
    close(fd);
    expect_refused(path, "a socket");
}
END_TEST

/* stdout leads to a terminal, a pipe or a file, according to who starts the tests. */
START_TEST(the_programs_own_output_is_no_target)
{
    int before = dup(STDOUT_FILENO), pipes[2];
    fv_set_log(NULL, NULL);
    fflush(stdout);
    ck_assert_ptr_nonnull(freopen(path, "w", stdout));
    bool file_refused = !fv_can_save("/dev/stdout") && strstr(fv_error(), "output goes");
    fv_clear_error();
    bool name_refused = !fv_can_save(path) && strstr(fv_error(), "output goes");
    fv_clear_error();
    ck_assert_int_eq(pipe(pipes), 0);
    dup2(pipes[1], STDOUT_FILENO);
    bool pipe_refused = !fv_can_save("/dev/stdout") && strstr(fv_error(), "a FIFO or pipe");
    fv_clear_error();
    dup2(before, STDOUT_FILENO);
    close(before);
    close(pipes[0]);
    close(pipes[1]);
    ck_assert(file_refused);
    ck_assert(name_refused);
    ck_assert(pipe_refused);
}
END_TEST

START_TEST(a_link_stays_and_what_it_leads_to_is_replaced)
{
    char to[128], link[128];
    snprintf(to, sizeof to, "%s/sub", folder);
    ck_assert_int_eq(mkdir(to, 0700), 0);
    snprintf(link, sizeof link, "%s/link", folder);
    snprintf(to, sizeof to, "%s/sub/../second", folder);
    ck_assert_int_eq(symlink("sub/../second", link), 0); /* relative, to another link, */
    ck_assert_int_eq(symlink(path, to), 0);              /* to a file that is not there yet */
    ck_assert_int_eq(put(link, "new"), FV_OK);
    expect_content("new");
    ck_assert_int_eq(put(link, "newer"), FV_OK);
    expect_content("newer");
    ck_assert(S_ISLNK(mode_of(link)) && S_ISLNK(mode_of(to)) && S_ISREG(mode_of(path)));
    fv_set_log(NULL, NULL);
    ck_assert_int_eq(unlink(path), 0);
    ck_assert_int_eq(symlink(link, path), 0); /* a ring */
    expect_refused(link, strerror(ELOOP));
    ck_assert_int_eq(unlink(to), 0);
    ck_assert_int_eq(symlink("/dev/null", to), 0);
    expect_refused(link, "a device");
    ck_assert_int_eq(unlink(to), 0);
    ck_assert_int_eq(unlink(link), 0);
    snprintf(to, sizeof to, "%s/sub", folder);
    ck_assert_int_eq(rmdir(to), 0);
}
END_TEST

START_TEST(permissions_are_kept_and_a_write_protected_file_is_too)
{
    struct stat info;
    mode_t mask = umask(022);
    ck_assert_int_eq(put(path, "old"), FV_OK);
    ck_assert_int_eq((int)(mode_of(path) & 07777), 0644);
    static const mode_t modes[] = {0600, 0666, 0640, 0755};
    for (int k = 0; k < 4; k++) {
        ck_assert_int_eq(chmod(path, modes[k]), 0);
        ck_assert_int_eq(put(path, "new"), FV_OK);
        ck_assert_int_eq((int)(mode_of(path) & 07777), (int)modes[k]);
    }
    umask(mask);
    if (geteuid() == 0) {
        ck_assert_int_eq(chown(path, 12345, 23456), 0);
        ck_assert_int_eq(put(path, "newer"), FV_OK);
        ck_assert_int_eq(stat(path, &info), 0);
        ck_assert_int_eq((int)info.st_uid, 12345);
        ck_assert_int_eq((int)info.st_gid, 23456);
    } else {
        fv_set_log(NULL, NULL);
        ck_assert_int_eq(chmod(path, 0444), 0);
        expect_refused(path, strerror(EACCES));
        expect_content("new");
    }
}
END_TEST

/* --- temporary files ------------------------------------------------------------------------ */

static int count_files(void)
{
    int count = 0;
    DIR *all = opendir(folder);
    ck_assert_ptr_nonnull(all);
    for (struct dirent *entry; (entry = readdir(all)) != NULL;) count += entry->d_name[0] != '.';
    closedir(all);
    return count;
}

static void make_file(const char *name)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    FILE *left = fopen(whole, "wb");
    ck_assert_ptr_nonnull(left);
    fclose(left);
}

static void remove_file(const char *name)
{
    char whole[512];
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    ck_assert_msg(unlink(whole) == 0, "%s is gone", name);
}

START_TEST(what_dead_processes_left_behind_is_removed)
{
    static const char *const others[] = {"file.1.tmp",    "file.1.2.tmp.x", "file2.1.2.tmp",
                                         "file.1.2.tm",   "file.a.2.tmp",   "file.1.b.tmp",
                                         "afile.1.2.tmp", "file..2.tmp"};
    enum { OTHERS = sizeof others / sizeof others[0] };
    make_file("file.1.2.tmp"); /* 1 lives, but this is not its file */
    make_file("file.999999999.0.tmp");
    for (int i = 0; i < OTHERS; i++) make_file(others[i]);
    ck_assert_int_eq(put(path, "new"), FV_OK);
    ck_assert_int_eq(count_files(), OTHERS + 1);
    for (int i = 0; i < OTHERS; i++) remove_file(others[i]);
}
END_TEST

START_TEST(saves_that_were_killed_leave_one_file_until_the_next)
{
    for (int i = 0; i < 5; i++) {
        pid_t child = fork();
        ck_assert_int_ge(child, 0);
        if (child == 0) {
            fv_durable file;
            if (fv_durable_open(&file, path) != FV_OK) _exit(1);
            fv_durable_write(&file, "half", 4);
            kill(getpid(), SIGKILL);
        }
        int status;
        ck_assert_int_eq((int)waitpid(child, &status, 0), (int)child);
        ck_assert(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL);
        ck_assert_int_eq(count_files(), 1);
    }
    ck_assert_int_eq(put(path, "whole"), FV_OK);
    ck_assert_int_eq(count_files(), 1);
    expect_content("whole");
}
END_TEST

START_TEST(a_save_that_goes_on_is_left_alone)
{
    fv_durable slow;
    ck_assert_int_eq(fv_durable_open(&slow, path), FV_OK);
    ck_assert_int_eq(put(path, "fast"), FV_OK);
    ck_assert_int_eq(count_files(), 2);
    ck_assert(fv_can_save(path));
    ck_assert_int_eq(count_files(), 2);
    ck_assert_int_eq(fv_durable_write(&slow, "slow", 4), FV_OK);
    ck_assert_int_eq(fv_durable_commit(&slow), FV_OK);
    expect_content("slow");
    ck_assert_int_eq(count_files(), 1);
}
END_TEST

/* A process of another machine or namespace may have our number. */
START_TEST(a_temporary_name_in_use_is_passed_over)
{
    char name[128], taken[160];
    fv_durable file;
    ck_assert_int_eq(fv_durable_open(&file, path), FV_OK);
    ck_assert_int_lt(snprintf(name, sizeof name, "%s", file.temp), (int)sizeof name);
    fv_durable_abort(&file);
    char *number = strstr(name, ".tmp");
    ck_assert_ptr_nonnull(number);
    *number = '\0';
    number = strrchr(name, '.') + 1;
    unsigned next = (unsigned)strtoul(number, NULL, 10) + 1;
    snprintf(taken, sizeof taken, "%.*s%u.tmp", (int)(number - name), name, next);
    int left = open(taken, O_WRONLY | O_CREAT, 0600);
    ck_assert_int_ge(left, 0);
    ck_assert_int_eq(flock(left, LOCK_EX), 0);
    ck_assert_int_eq(fv_durable_open(&file, path), FV_OK);
    ck_assert_str_ne(file.temp, taken);
    fv_durable_abort(&file);
    ck_assert_int_eq(unlink(taken), 0); /* it is not ours to remove */
    close(left);
}
END_TEST

START_TEST(a_name_of_255_bytes_can_be_saved)
{
    char name[256], whole[512];
    for (int i = 0; i < 255; i++) name[i] = "\xc3\xa4"[i % 2]; /* two bytes a letter */
    name[254] = 'x';
    name[255] = '\0';
    snprintf(whole, sizeof whole, "%s/%s", folder, name);
    ck_assert(fv_can_save(whole));
    fv_durable file;
    ck_assert_int_eq(fv_durable_open(&file, whole), FV_OK);
    char *last = strrchr(file.temp, '/') + 1;
    ck_assert_uint_le(strlen(last), 255);
    char shown[1200];
    ck_assert_ptr_null(strstr(fv_printable(shown, sizeof shown, last), "\\x")); /* no half letter */
    fv_durable_abort(&file);
    name[255] = '\0';
    ck_assert_int_eq(put(whole, "long"), FV_OK);
    ck_assert_int_eq(count_files(), 1);
    remove_file(name);
    fv_set_log(NULL, NULL);
    snprintf(whole, sizeof whole, "%s/%s%s", folder, name, "y");
    expect_refused(whole, strerror(ENAMETOOLONG));
}
END_TEST

START_TEST(fv_can_save_leaves_nothing_behind)
{
    ck_assert(fv_can_save(path));
    ck_assert_int_eq(count_files(), 0);
    ck_assert_int_eq(put(path, "old"), FV_OK);
    ck_assert(fv_can_save(path));
    expect_content("old");
    ck_assert_int_eq(count_files(), 1);
    fv_set_log(NULL, NULL);
    ck_assert(!fv_can_save(NULL));
    expect_error(FV_ERR_OPTION, "empty");
    ck_assert(!fv_can_save("/nonexistent/file"));
    expect_error(FV_ERR_IO, "/nonexistent/file");
    ck_assert(!fv_can_save("/proc/file"));
    fv_clear_error();
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
    tcase_add_test(durable, a_folder_that_cannot_be_synced_is_a_warning);
    tcase_add_test(durable, interrupted_and_partial_calls_are_taken_up_again);
    tcase_add_test(durable, targets_that_cannot_be_are_refused);
    tcase_add_test(durable, only_regular_files_are_replaced);
    tcase_add_test(durable, the_programs_own_output_is_no_target);
    tcase_add_test(durable, a_link_stays_and_what_it_leads_to_is_replaced);
    tcase_add_test(durable, permissions_are_kept_and_a_write_protected_file_is_too);
    tcase_add_test(durable, what_dead_processes_left_behind_is_removed);
    tcase_add_test(durable, saves_that_were_killed_leave_one_file_until_the_next);
    tcase_add_test(durable, a_save_that_goes_on_is_left_alone);
    tcase_add_test(durable, a_temporary_name_in_use_is_passed_over);
    tcase_add_test(durable, a_name_of_255_bytes_can_be_saved);
    tcase_add_test(durable, fv_can_save_leaves_nothing_behind);
    return suite;
}
