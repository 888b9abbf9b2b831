/* How many cores the process may use: the kernel's texts, in trees made for the purpose. */
#define _GNU_SOURCE
#include <ftw.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "support.h"
#include "tensor/cores_impl.h"

/* --- a tree that stands for "/" --------------------------------------------------------------- */

static char root[64];

static void make_root(void)
{
    strcpy(root, "/tmp/fovea-cores-XXXXXX");
    ck_assert_ptr_nonnull(mkdtemp(root));
}

static int remove_one(const char *path, const struct stat *info, int kind, struct FTW *where)
{
    (void)info, (void)kind, (void)where;
    return remove(path);
}

static void remove_root(void)
{
    nftw(root, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* A file of the tree, with its folders. */
static void put(const char *path, const char *text)
{
    char full[512];
    snprintf(full, sizeof full, "%s/%s", root, path);
    for (char *slash = full + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        mkdir(full, 0700);
        *slash = '/';
    }
    FILE *file = fopen(full, "w");
    ck_assert_ptr_nonnull(file);
    fputs(text, file);
    fclose(file);
}

static void put_siblings(int cpu, const char *list)
{
    char path[128];
    snprintf(path, sizeof path, "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    put(path, list);
}

/* --- lists ------------------------------------------------------------------------------------ */

START_TEST(lists_of_cpus_are_read)
{
    enum { CPUS = 16 };
    bool all[CPUS], odd[CPUS], none[CPUS] = {false};
    for (int cpu = 0; cpu < CPUS; cpu++) all[cpu] = true, odd[cpu] = cpu % 2 == 1;
    const struct {
        const char *list;
        int in_all, in_odd;
    } rows[] = {
        {"0", 0, -1},      {"0\n", 0, -1},           {"3", 3, 3},
        {"0,8", 0, -1},    {"0-1\n", 0, 1},          {"2-2", 2, -1},
        {"8,0-3", 0, 1},   {"10-11,4", 4, 11},       {"6,8-9\n", 6, 9},
        {"15-20", 15, 15}, {"16", -1, -1},           {"99999999999999999999", -1, -1},
        {"", -1, -1},      {"\n", -1, -1},           {"a", -1, -1},
        {"1,", -1, -1},    {"3-1", -1, -1},          {"-1", -1, -1},
        {"1-", -1, -1},    {"1 2", -1, -1},          {",1", -1, -1},
        {"1,,2", -1, -1},  {"5-4294967295", -1, -1},
    };
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *list = rows[i].list;
        ck_assert_msg(fv_cpu_list_first(list, all, CPUS) == rows[i].in_all, "all of '%s'", list);
        ck_assert_msg(fv_cpu_list_first(list, odd, CPUS) == rows[i].in_odd, "odd of '%s'", list);
        ck_assert_int_eq(fv_cpu_list_first(list, none, CPUS), -1);
    }
}
END_TEST

START_TEST(hardware_threads_of_a_core_count_once)
{
    enum { CPUS = 8 };
    bool allowed[CPUS] = {[0] = true, [1] = true, [2] = true, [3] = true,
                          [4] = true, [5] = true, [6] = true, [7] = true};
    ck_assert_int_eq(fv_count_cores(root, allowed, CPUS), 8); /* the system says nothing */
    /* four cores of two threads, the two as "n,n+4" and as a range */
    put_siblings(0, "0,4\n");
    put_siblings(4, "0,4\n");
    put_siblings(1, "1,5\n");
    put_siblings(5, "1,5\n");
    put_siblings(2, "2-3\n");
    put_siblings(3, "2-3\n");
    put_siblings(6, "6-7\n");
    put_siblings(7, "6-7\n");
    ck_assert_int_eq(fv_count_cores(root, allowed, CPUS), 4);
    /* without the first threads the second ones are the cores */
    allowed[0] = allowed[2] = allowed[6] = false;
    ck_assert_int_eq(fv_count_cores(root, allowed, CPUS), 4);
    allowed[4] = allowed[5] = false;
    ck_assert_int_eq(fv_count_cores(root, allowed, CPUS), 3);
    put_siblings(3, "garbage\n");
    ck_assert_int_eq(fv_count_cores(root, allowed, CPUS), 3);
}
END_TEST

/* --- quotas ----------------------------------------------------------------------------------- */

static void check_quota(double wanted)
{
    double found = fv_cpu_quota(root);
    ck_assert_msg(found == wanted || fabs(found - wanted) < 1e-9, "quota %g, should be %g", found,
                  wanted);
}

static const double none = (double)INFINITY;

START_TEST(version_2_takes_the_least_of_all_groups)
{
    check_quota(none); /* neither /proc nor /sys */
    put("proc/self/cgroup", "0::/a/b/c\n");
    check_quota(none);
    put("proc/self/mountinfo",
        "22 1 0:20 / /proc rw - proc proc rw\n"
        "30 23 0:26 / /sys/fs/cgroup rw,nosuid shared:4 - cgroup2 cgroup2 rw,nsdelegate\n");
    check_quota(none);
    put("sys/fs/cgroup/a/b/c/cpu.max", "max 100000\n");
    check_quota(none);
    put("sys/fs/cgroup/a/b/cpu.max", "150000 100000\n");
    check_quota(1.5);
    put("sys/fs/cgroup/a/b/c/cpu.max", "400000 100000\n");
    check_quota(1.5);
    put("sys/fs/cgroup/a/cpu.max", "25000 50000\n");
    check_quota(0.5);
    put("sys/fs/cgroup/cpu.max", "10000 100000\n"); /* the mount itself: a container's group */
    check_quota(0.1);
    put("sys/fs/cgroup/a/b/other/cpu.max", "1 100000\n"); /* nobody's business */
    put("sys/fs/cpu.max", "1 100000\n");                  /* above the mount */
    check_quota(0.1);
}
END_TEST

START_TEST(version_1_has_quota_and_period)
{
    put("proc/self/cgroup",
        "12:cpuset:/set\n4:cpuacct,cpu:/jobs/one\n1:name=systemd:/x\n0::/elsewhere\n");
    put("proc/self/mountinfo",
        "30 23 0:26 / /sys/fs/cgroup/cpuset rw - cgroup cgroup rw,cpuset\n"
        "31 23 0:27 / /sys/fs/cgroup/cpu,cpuacct rw - cgroup cgroup rw,cpu,cpuacct\n");
    check_quota(none);
    put("sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_quota_us", "-1\n");
    put("sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_period_us", "100000\n");
    check_quota(none);
    put("sys/fs/cgroup/cpu,cpuacct/jobs/one/cpu.cfs_quota_us", "250000\n");
    check_quota(2.5);
    put("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_quota_us", "50000\n");
    check_quota(2.5); /* no period */
    put("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "0\n");
    check_quota(2.5);
    put("sys/fs/cgroup/cpu,cpuacct/jobs/cpu.cfs_period_us", "40000\n");
    check_quota(1.25);
    put("sys/fs/cgroup/cpuset/set/cpu.cfs_quota_us", "1\n"); /* the wrong controller */
    put("sys/fs/cgroup/cpuset/set/cpu.cfs_period_us", "100000\n");
    check_quota(1.25);
}
END_TEST

START_TEST(the_mounts_root_is_stripped)
{
    put("proc/self/cgroup", "0::/docker/abc/inner\n");
    put("proc/self/mountinfo",
        "30 23 0:26 /docker/ab /mnt/wrong rw - cgroup2 cgroup2 rw\n"
        "31 23 0:26 /docker/abc /mnt/with\\040space rw - cgroup2 cgroup2 rw\n");
    put("mnt/wrong/cpu.max", "1 100000\n");
    put("mnt/with space/inner/cpu.max", "300000 100000\n");
    check_quota(3);
    put("mnt/with space/cpu.max", "200000 100000\n");
    check_quota(2);
    put("proc/self/cgroup", "0::/docker/abc\n"); /* the mount's root is the group */
    check_quota(2);
}
END_TEST

START_TEST(texts_that_mean_nothing_limit_nothing)
{
    put("proc/self/cgroup", "nonsense\n0:\n::\n\n0::/\n");
    put("proc/self/mountinfo", "\n - \n1 2 3\n - cgroup2 x y\n"
                               "31 23 0:26 / /sys/fs/cgroup rw - cgroup2 cgroup2 rw\n");
    const char *texts[] = {"", "\n", "max", "50000", "x 100000", "-5 100000", "0 100000", "5 -1"};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        put("sys/fs/cgroup/cpu.max", texts[i]);
        check_quota(none);
    }
    put("sys/fs/cgroup/cpu.max", "70000 100000");
    check_quota(0.7);
    /* Escapes that are cut off stand for themselves. */
    put("proc/self/mountinfo", "31 23 0:26 / /sys/fs/half\\04 rw - cgroup2 cgroup2 rw\n");
    put("sys/fs/half\\04/cpu.max", "60000 100000");
    check_quota(0.6);
}
END_TEST

START_TEST(quotas_are_rounded_half_up_and_leave_one)
{
    ck_assert_int_eq(fv_cores_within(8, none), 8);
    ck_assert_int_eq(fv_cores_within(8, 0.1), 1);
    ck_assert_int_eq(fv_cores_within(8, 1.0), 1);
    ck_assert_int_eq(fv_cores_within(8, 1.49), 1);
    ck_assert_int_eq(fv_cores_within(8, 1.5), 2);
    ck_assert_int_eq(fv_cores_within(8, 7.4), 7);
    ck_assert_int_eq(fv_cores_within(8, 7.6), 8);
    ck_assert_int_eq(fv_cores_within(8, 100), 8);
    ck_assert_int_eq(fv_cores_within(8, 1e300), 8);
    ck_assert_int_eq(fv_cores_within(0, none), 1);
}
END_TEST

START_TEST(this_machine_has_a_core)
{
    ck_assert_int_ge(fv_usable_cores(), 1);
}
END_TEST

Suite *fovea_suite(void)
{
    Suite *suite = suite_create("cores");
    TCase *cores = add_case(suite, "cores");
    tcase_add_checked_fixture(cores, make_root, remove_root);
    tcase_add_test(cores, lists_of_cpus_are_read);
    tcase_add_test(cores, hardware_threads_of_a_core_count_once);
    tcase_add_test(cores, version_2_takes_the_least_of_all_groups);
    tcase_add_test(cores, version_1_has_quota_and_period);
    tcase_add_test(cores, the_mounts_root_is_stripped);
    tcase_add_test(cores, texts_that_mean_nothing_limit_nothing);
    tcase_add_test(cores, quotas_are_rounded_half_up_and_leave_one);
    tcase_add_test(cores, this_machine_has_a_core);
    return suite;
}
