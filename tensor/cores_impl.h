/* How many cores this process may use: affinity mask, hardware threads of a core, cgroup quota.
 *
 * The readers take the folder that stands for "/", so that tests can give them trees of their own;
 * "" is the real one. */
#ifndef FOVEA_TENSOR_CORES_IMPL_H
#define FOVEA_TENSOR_CORES_IMPL_H

#include <pthread.h>
#include <stdbool.h>

#include "tensor/parallel.h"

/* The lowest CPU of a list like "0-3,8,10-11" (kernel's cpulist) that is allowed; -1 if the text is
 * no such list or names no allowed one. */
int fv_cpu_list_first(const char *list, const bool *allowed, int cpus);

/* Allowed CPUs without a lower allowed one on the same core. */
int fv_count_cores(const char *root, const bool *allowed, int cpus);

/* CPU time that the process's cgroups (versions 1 and 2) grant, in CPUs: the least over its group
 * and all above; INFINITY without a limit. */
double fv_cpu_quota(const char *root);

/* Cores within a quota: it is rounded half up, and one remains. */
int fv_cores_within(int cores, double quota);

/* Where OpenMP has pinned this thread (OMP_PROC_BIND, OMP_PLACES), a thread made with these
 * attributes may run on all of OpenMP's places. */
void fv_widen_affinity(pthread_attr_t *attributes);

#endif
