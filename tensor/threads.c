/* Thread policy: the number of threads, found once, changed by fv_set_num_threads. */
#include "tensor/threads.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "tensor/cores_impl.h"
#include "tensor/environment.h"
#include "tensor/error.h"
#include "tensor/machine.h"
#include "tensor/parallel_impl.h"

static atomic_int threads; /* 0: not yet known */

/* OpenMP's own variable may be a list, a number a level; the first counts. 0 if it is none. */
static int from_openmp(void)
{
    const char *text = getenv("OMP_NUM_THREADS");
    if (!text) return 0;
    char *end;
    errno = 0;
    long n = strtol(text, &end, 10);
    bool whole = end != text && (!*end || strchr(", ", *end));
    return whole && errno == 0 && n >= 1 && n <= FV_MAX_THREADS ? (int)n : 0;
}

static int from_environment(void)
{
    int n = (int)fv_environment_number("FOVEA_NUM_THREADS", 1, FV_MAX_THREADS, 0);
    return n ? n : from_openmp();
}

/* The default stands unless another thread has set a number meanwhile. */
static void find_default(void)
{
    int none = 0, n = from_environment();
    atomic_compare_exchange_strong(&threads, &none, n ? n : fv_usable_cores());
}

static bool several_threads(void)
{
    return strcmp(fv_parallel_engine_name(), "none") != 0;
}

int fv_get_num_threads(void)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    int n = atomic_load_explicit(&threads, memory_order_relaxed);
    if (n) return n;
    if (!several_threads()) return 1;
    pthread_once(&once, find_default);
    return atomic_load(&threads);
}

void fv_set_num_threads(int n)
{
    if (n < 1 || n > FV_MAX_THREADS)
        fv_fail(FV_ERR_OPTION, "set_num_threads: %d is not a number from 1 to %d", n,
                FV_MAX_THREADS);
    else if (several_threads())
        atomic_store(&threads, n);
}

fv_machine fv_machine_now(void)
{
    return (fv_machine){.threads = fv_get_num_threads(),
                        .isa = fv_isa_level(),
                        .conv_precision = fv_get_conv_precision(),
                        .conv_algorithm = fv_get_conv_algorithm(),
                        .conv_benchmark = fv_get_conv_benchmark()};
}
