/* Thread policy: one number rules the library's own threads, OpenMP and BLIS together. */
#ifndef FOVEA_TENSOR_THREADS_H
#define FOVEA_TENSOR_THREADS_H

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Threads that one op may use. First call: FOVEA_NUM_THREADS, else OMP_NUM_THREADS, else the
 * physical cores that the process may run on, within its cgroup's CPU quota. In the child of a fork
 * it is 1 until fv_set_num_threads is called there.  Source: torch.get_num_threads. */
int fv_get_num_threads(void);

/* Holds for the whole process, from the next op on; any thread may call it at any time.
 * 1 <= n <= 4096.   Errors: option.   Source: torch.set_num_threads. */
void fv_set_num_threads(int n);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
