/* The parallel loop on OpenMP, and what the library asks OpenMP about. No other file but BLIS's
 * knows it. */
#include "tensor/parallel_impl.h"

#ifdef FV_HAVE_OPENMP
#include <omp.h>

enum { HAVE_OPENMP = 1 };

bool fv_openmp_run(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
#pragma omp parallel for num_threads(threads < chunks ? threads : (int)chunks) schedule(dynamic, 1)
    for (int64_t chunk = 0; chunk < chunks; chunk++) body(job, chunk, omp_get_thread_num());
    return true;
}

#else

bool fv_openmp_run(int threads, int64_t chunks, fv_parallel_fn body, void *job)
{
    (void)threads, (void)chunks, (void)body, (void)job;
    return false;
}

#ifdef __ELF__
/* NULL unless the program itself has been linked with OpenMP. */
int omp_in_parallel(void) __attribute__((weak));
int omp_get_num_procs(void) __attribute__((weak));
int omp_get_num_places(void) __attribute__((weak));
int omp_get_place_num_procs(int place) __attribute__((weak));
void omp_get_place_proc_ids(int place, int *ids) __attribute__((weak));
#define HAVE_OPENMP (omp_in_parallel && omp_get_num_procs && omp_get_place_proc_ids)
#else
#define omp_in_parallel()              0
#define omp_get_num_procs()            0
#define omp_get_num_places()           0
#define omp_get_place_num_procs(p)     0
#define omp_get_place_proc_ids(p, ids) (void)0
#define HAVE_OPENMP                    0
#endif
#endif

bool fv_openmp_in_parallel(void)
{
    return HAVE_OPENMP && omp_in_parallel();
}

int fv_openmp_procs(void)
{
    return HAVE_OPENMP ? omp_get_num_procs() : 0;
}

void fv_openmp_places(bool *allowed, int cpus)
{
    enum { LARGEST = 1024 }; /* hardware threads in one place */
    int ids[LARGEST];
    int places = HAVE_OPENMP ? omp_get_num_places() : 0;
    for (int place = 0; place < places; place++) {
        int n = omp_get_place_num_procs(place);
        if (n > LARGEST) continue;
        omp_get_place_proc_ids(place, ids);
        for (int i = 0; i < n; i++)
            if (ids[i] >= 0 && ids[i] < cpus) allowed[ids[i]] = true;
    }
}
