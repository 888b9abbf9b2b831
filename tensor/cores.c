/* How many cores this process may use, from the affinity mask, /sys and /proc. */
#define _GNU_SOURCE
#include "tensor/cores_impl.h"

#include <ctype.h>
#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __linux__
#include <sched.h>
#endif

#include "tensor/numerals.h"
#include "tensor/parallel_impl.h"
#include "tensor/system.h"

enum { PATH_SIZE = 4096 };

static const double NO_LIMIT = (double)INFINITY;

int fv_cores_within(int cores, double quota)
{
    if (quota + 0.5 < cores) cores = (int)(quota + 0.5);
    return cores > 1 ? cores : 1;
}

/* --- hardware threads of a core --------------------------------------------------------------- */

/* Reads a CPU number at *text and moves on; -1 if there is none. */
static int cpu_number(const char **text)
{
    if (!isdigit((unsigned char)**text)) return -1;
    char *end;
    long n = strtol(*text, &end, 10);
    *text = end;
    return n <= INT32_MAX ? (int)n : -1;
}

int fv_cpu_list_first(const char *list, const bool *allowed, int cpus)
{
    int lowest = -1;
    for (const char *at = list;; at++) {
        int from = cpu_number(&at), to = from;
        if (*at == '-') {
            at++;
            to = cpu_number(&at);
        }
        if (from < 0 || to < from) return -1;
        for (int cpu = from; cpu <= to && cpu < cpus; cpu++) {
            if (!allowed[cpu]) continue;
            if (lowest < 0 || cpu < lowest) lowest = cpu;
            break;
        }
        if (*at != ',') return *at == '\0' || *at == '\n' ? lowest : -1;
    }
}

/* The first line of a small file; false if there is none. */
static bool read_line(char *line, int size, const char *folder, const char *name)
{
    char path[PATH_SIZE];
    if (snprintf(path, sizeof path, "%s/%s", folder, name) >= PATH_SIZE) return false;
    FILE *file = fopen(path, "re");
    if (!file) return false;
    bool read = fgets(line, size, file) != NULL;
    (void)fclose(file);
    return read;
}

/* A CPU of which the system says nothing counts as a core. */
static bool leads_its_core(const char *root, int cpu, const bool *allowed, int cpus)
{
    char name[96], list[PATH_SIZE];
    snprintf(name, sizeof name, "sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    if (!read_line(list, sizeof list, root, name)) return true;
    int first = fv_cpu_list_first(list, allowed, cpus);
    return first < 0 || first == cpu;
}

int fv_count_cores(const char *root, const bool *allowed, int cpus)
{
    int cores = 0;
    for (int cpu = 0; cpu < cpus; cpu++)
        if (allowed[cpu] && leads_its_core(root, cpu, allowed, cpus)) cores++;
    return cores;
}

/* --- cgroup quota ----------------------------------------------------------------------------- */

static bool is_word_of(const char *word, const char *list)
{
    size_t n = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += n)
        if ((at == list || at[-1] == ',') && (at[n] == ',' || at[n] == '\0')) return true;
    return false;
}

/* Reads a number at *text and moves on; false if there is none. */
static bool read_number(char **text, double *number)
{
    char *start = *text;
    *number = fv_parse_number(start, text);
    return *text != start;
}

/* What one group grants: cpu.max is "QUOTA PERIOD" or "max PERIOD", cpu.cfs_quota_us -1 without a
 * limit. A file that is missing sets none. */
static double quota_of(const char *group, bool version2)
{
    char line[128], *at = line;
    double quota = 0, period = 0;
    if (version2) {
        if (!read_line(line, sizeof line, group, "cpu.max")) return NO_LIMIT;
        if (!read_number(&at, &quota) || !read_number(&at, &period)) return NO_LIMIT;
    } else {
        if (!read_line(line, sizeof line, group, "cpu.cfs_quota_us")) return NO_LIMIT;
        if (!read_number(&at, &quota)) return NO_LIMIT;
        at = line;
        if (!read_line(line, sizeof line, group, "cpu.cfs_period_us")) return NO_LIMIT;
        if (!read_number(&at, &period)) return NO_LIMIT;
    }
    return quota > 0 && period > 0 ? quota / period : NO_LIMIT;
}

/* The least quota from a group up to the mount, which is the first `top` bytes of the path. */
static double quota_up_from(char *path, size_t top, bool version2)
{
    double least = NO_LIMIT;
    for (;;) {
        double quota = quota_of(path, version2);
        if (quota < least) least = quota;
        char *slash = strrchr(path, '/');
        if (strlen(path) <= top || !slash) return least;
        *slash = '\0';
    }
}

/* The character that "\ooo" stands for, three octal digits; -1 if that is not what the text has. */
static int escaped(const char *text)
{
    if (*text != '\\') return -1;
    int code = 0;
    for (int i = 1; i <= 3; i++) {
        if (text[i] < '0' || text[i] > '7') return -1;
        code = 8 * code + (text[i] - '0');
    }
    return code;
}

/* Undoes the octal escapes of mountinfo: "\040" is a space. */
static void unescape(char *text)
{
    char *to = text;
    for (const char *from = text; *from; to++) {
        int code = escaped(from);
        *to = code < 0 ? *from : (char)code;
        from += code < 0 ? 1 : 4;
    }
    *to = '\0';
}

/* A process's group in each hierarchy that can limit CPU time; "" where it is in none. */
typedef struct groups {
    char version1[PATH_SIZE], version2[PATH_SIZE];
} groups;

static void set_group(char to[PATH_SIZE], const char *name)
{
    snprintf(to, PATH_SIZE, "%s", name);
}

/* /proc/self/cgroup: lines of "number:controllers:group"; "0::group" is version 2. */
static void read_groups(groups *g, const char *root)
{
    char path[PATH_SIZE], line[PATH_SIZE];
    g->version1[0] = g->version2[0] = '\0';
    snprintf(path, sizeof path, "%s/proc/self/cgroup", root);
    FILE *file = fopen(path, "re");
    if (!file) return;
    while (fgets(line, sizeof line, file)) {
        line[strcspn(line, "\n")] = '\0';
        char *controllers = strchr(line, ':');
        char *group = controllers ? strchr(controllers + 1, ':') : NULL;
        if (!group) continue;
        *controllers++ = *group++ = '\0';
        if (strcmp(line, "0") == 0 && !*controllers) set_group(g->version2, group);
        if (is_word_of("cpu", controllers)) set_group(g->version1, group);
    }
    (void)fclose(file);
}

/* One mount of /proc/self/mountinfo:
 *     36 35 98:0 ROOT POINT rw,noatime master:1 - TYPE source rw,OPTIONS
 * The group's files are below the mount point under the group's name without the mount's root. */
static double quota_of_mount(char *line, const groups *g, const char *root)
{
    char inner[PATH_SIZE], point[PATH_SIZE], type[32], options[PATH_SIZE], path[3 * PATH_SIZE];
    char *tail = strstr(line, " - ");
    if (!tail || sscanf(line, "%*s %*s %*s %4095s %4095s", inner, point) != 2 ||
        sscanf(tail, " - %31s %*s %4095s", type, options) != 2)
        return NO_LIMIT;
    bool version2 = strcmp(type, "cgroup2") == 0;
    if (!version2 && (strcmp(type, "cgroup") != 0 || !is_word_of("cpu", options))) return NO_LIMIT;
    const char *group = version2 ? g->version2 : g->version1;
    unescape(inner);
    unescape(point);
    size_t n = strcmp(inner, "/") == 0 ? 0 : strlen(inner);
    if (!*group || strncmp(group, inner, n) != 0 || (group[n] && group[n] != '/')) return NO_LIMIT;
    group += strcmp(group + n, "/") == 0 ? n + 1 : n;
    int length = snprintf(path, sizeof path, "%s%s%s", root, point, group);
    if (length >= PATH_SIZE) return NO_LIMIT;
    return quota_up_from(path, strlen(root) + strlen(point), version2);
}

double fv_cpu_quota(const char *root)
{
    char path[PATH_SIZE], line[2 * PATH_SIZE];
    groups g;
    double least = NO_LIMIT;
    read_groups(&g, root);
    snprintf(path, sizeof path, "%s/proc/self/mountinfo", root);
    FILE *file = fopen(path, "re");
    if (!file) return NO_LIMIT;
    while (fgets(line, sizeof line, file)) {
        double quota = quota_of_mount(line, &g, root);
        if (quota < least) least = quota;
    }
    (void)fclose(file);
    return least;
}

/* --- this process ----------------------------------------------------------------------------- */

#ifdef __linux__

enum { MOST_CPUS = 1 << 20 };

/* This thread's affinity mask, which CPU_FREE releases; NULL without memory or mask. */
static cpu_set_t *affinity(size_t *cpus)
{
    for (*cpus = 1024; *cpus <= MOST_CPUS; *cpus *= 2) {
        cpu_set_t *set = CPU_ALLOC(*cpus);
        if (set && sched_getaffinity(0, CPU_ALLOC_SIZE(*cpus), set) == 0) return set;
        bool larger = set && errno == EINVAL;
        CPU_FREE(set);
        if (!larger) return NULL;
    }
    return NULL;
}

/* The CPUs that the process may use: this thread's mask, and OpenMP's places where OpenMP has taken
 * CPUs from it (*pinned). NULL without memory; free it. */
static bool *allowed_cpus(size_t *cpus, bool *pinned)
{
    cpu_set_t *set = affinity(cpus);
    bool *allowed = set ? calloc(*cpus, sizeof *allowed) : NULL;
    if (allowed) {
        size_t size = CPU_ALLOC_SIZE(*cpus);
        for (size_t cpu = 0; cpu < *cpus; cpu++) allowed[cpu] = CPU_ISSET_S(cpu, size, set) != 0;
        *pinned = fv_openmp_procs() > CPU_COUNT_S(size, set);
        if (*pinned) fv_openmp_places(allowed, (int)*cpus);
    }
    CPU_FREE(set);
    return allowed;
}

int fv_usable_cores(void)
{
    size_t cpus;
    bool pinned, *allowed = allowed_cpus(&cpus, &pinned);
    int cores = allowed ? fv_count_cores("", allowed, (int)cpus) : 1;
    free(allowed);
    return fv_cores_within(cores, fv_cpu_quota(""));
}

#ifdef __GLIBC__
void fv_widen_affinity(pthread_attr_t *attributes)
{
    size_t cpus;
    bool pinned, *allowed = allowed_cpus(&cpus, &pinned);
    cpu_set_t *set = allowed && pinned ? CPU_ALLOC(cpus) : NULL;
    if (set) {
        size_t size = CPU_ALLOC_SIZE(cpus);
        CPU_ZERO_S(size, set);
        for (size_t cpu = 0; cpu < cpus; cpu++)
            if (allowed[cpu]) CPU_SET_S(cpu, size, set);
        pthread_attr_setaffinity_np(attributes, size, set);
        CPU_FREE(set);
    }
    free(allowed);
}
#endif

#else

int fv_usable_cores(void)
{
    return fv_system_cpus();
}

#endif

#ifndef __GLIBC__
void fv_widen_affinity(pthread_attr_t *attributes)
{
    (void)attributes;
}
#endif
