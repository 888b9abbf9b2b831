/* Thread policy: the number of threads, found once, changed by fv_set_num_threads. */
#define _GNU_SOURCE
#include "tensor/threads.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#ifdef __linux__
#include <sched.h>
#endif
#ifdef _OPENMP
#include <omp.h>
#endif

#include "tensor/machine.h"

static int threads; /* 0: not yet known */

#ifdef _OPENMP
static int from_environment(const char *name)
{
    const char *text = getenv(name);
    int n = text ? atoi(text) : 0;
    return n > 0 && n <= 4096 ? n : 0;
}

#ifdef __linux__
/* Is cpu the first of its core's hardware threads, as the kernel lists them? */
static bool leads_its_core(int cpu)
{
    char path[96];
    snprintf(path, sizeof path, "/sys/devices/system/cpu/cpu%d/topology/thread_siblings_list", cpu);
    FILE *file = fopen(path, "r");
    int first = cpu;
    if (!file) return true;
    if (fscanf(file, "%d", &first) != 1) first = cpu;
    fclose(file);
    return first == cpu;
}

static int physical_cores(void)
{
    cpu_set_t set;
    if (sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    int cores = 0, allowed = CPU_COUNT(&set);
    for (size_t cpu = 0; cpu < CPU_SETSIZE; cpu++)
        if (CPU_ISSET(cpu, &set) && leads_its_core((int)cpu)) cores++;
    return cores > 0 ? cores : allowed > 0 ? allowed : 1;
}
#else
static int physical_cores(void)
{
    return omp_get_num_procs();
}
#endif
#endif

int fv_get_num_threads(void)
{
#ifdef _OPENMP
    int n = __atomic_load_n(&threads, __ATOMIC_RELAXED);
    if (n) return n;
    n = from_environment("FOVEA_NUM_THREADS");
    if (!n) n = from_environment("OMP_NUM_THREADS");
    if (!n) n = physical_cores();
    __atomic_store_n(&threads, n, __ATOMIC_RELAXED);
    return n;
#else
    return 1;
#endif
}

void fv_set_num_threads(int n)
{
    if (n >= 1 && n <= 4096) __atomic_store_n(&threads, n, __ATOMIC_RELAXED);
}

fv_machine fv_machine_now(void)
{
    return (fv_machine){.threads = fv_get_num_threads(), .isa = fv_isa_level()};
}
