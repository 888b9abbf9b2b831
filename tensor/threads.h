/* Thread policy: one number rules OpenMP and BLIS together. */
#ifndef FOVEA_TENSOR_THREADS_H
#define FOVEA_TENSOR_THREADS_H

#ifdef __cplusplus
extern "C" {
#endif

/* Threads that one op may use. First call: FOVEA_NUM_THREADS, else OMP_NUM_THREADS, else the
 * physical cores that the process may run on.  Source: torch.get_num_threads. */
int fv_get_num_threads(void);

/* n >= 1; other values are ignored. Holds for the whole process.  Source: torch.set_num_threads. */
void fv_set_num_threads(int n);

#ifdef __cplusplus
}
#endif
#endif
