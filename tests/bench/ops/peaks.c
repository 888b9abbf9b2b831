/* The peaks of the machine: multiply-adds in registers, and copies. */
#include "peaks.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "../clock.h"

enum { CHAINS = 12, FMA_STEPS = 2000, RUNS = 20, MAX_THREADS = 64 };

typedef struct work {
    void (*body)(struct work *w, int repeats);
    size_t bytes;
    char *from, *to;
    int repeats;
    volatile float sink;
} work;

/* CHAINS independent chains of x = x * a + b, enough to hide the latency of two units. */
#define FMA_BODY(name, target, width)                                                              \
    target static void name(work *w, int repeats)                                                  \
    {                                                                                              \
        typedef float vector __attribute__((vector_size(width)));                                  \
        vector x[CHAINS], a = (vector){0} + 0.999F + w->sink, b = (vector){0} + 1e-3F;             \
        for (int i = 0; i < CHAINS; i++) x[i] = a * (float)i;                                      \
        for (int64_t k = 0; k < (int64_t)repeats * FMA_STEPS; k++) {                               \
            _Pragma("GCC unroll 12") for (int i = 0; i < CHAINS; i++) x[i] = x[i] * a + b;         \
        }                                                                                          \
        for (int i = 1; i < CHAINS; i++) x[0] += x[i];                                             \
        w->sink = x[0][0] * 1e-30F;                                                                \
    }

FMA_BODY(fma_base, , 16)
#if defined __x86_64__
FMA_BODY(fma_avx2, __attribute__((target("avx2,fma"))), 32)
FMA_BODY(fma_avx512, __attribute__((target("avx512f"))), 64)
#endif

static void copy_body(work *w, int repeats)
{
    for (int i = 0; i < repeats; i++) {
        memcpy(w->to, w->from, w->bytes);
        __asm__ volatile("" ::: "memory");
    }
}

static bool level_allowed(const char *level)
{
    const char *forced = getenv("FOVEA_ISA");
    return !forced || !*forced || strcasecmp(forced, level) == 0;
}

/* Sets *width to the floats of a vector. */
static void (*fma_for(int *width))(work *, int)
{
#if defined __x86_64__
    if (__builtin_cpu_supports("avx512f") && level_allowed("avx512")) {
        *width = 16;
        return fma_avx512;
    }
    if (__builtin_cpu_supports("avx2") && (level_allowed("avx2") || level_allowed("avx512"))) {
        *width = 8;
        return fma_avx2;
    }
#endif
    *width = 4;
    return fma_base;
}

static void *run_work(void *context)
{
    work *w = context;
    w->body(w, w->repeats);
    return NULL;
}

/* Seconds that all threads take. */
static double run_threads(work *w, int threads)
{
    pthread_t id[MAX_THREADS];
    bool started[MAX_THREADS] = {false};
    double start = now_seconds();
    for (int t = 1; t < threads; t++)
        started[t] = pthread_create(&id[t], NULL, run_work, &w[t]) == 0;
    run_work(&w[0]);
    for (int t = 1; t < threads; t++)
        if (started[t]) pthread_join(id[t], NULL);
    return now_seconds() - start;
}

/* The least seconds of several runs of about 10 ms each, and the repeats of a run. */
static double best_run(work *w, int threads, int *repeats)
{
    double least = 1e9;
    *repeats = 1;
    for (int run = 0; run < RUNS; run++) {
        for (int t = 0; t < threads; t++) w[t].repeats = *repeats;
        double seconds = run_threads(w, threads);
        if (seconds < 0.01 && *repeats < 1 << 28) {
            *repeats *= seconds < 0.001 ? 8 : 2;
            least = 1e9;
            run = -1;
            continue;
        }
        if (seconds < least) least = seconds;
    }
    return least;
}

double peak_gflops(int threads)
{
    work w[MAX_THREADS] = {{0}};
    int width, repeats;
    void (*body)(work *, int) = fma_for(&width);
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    for (int t = 0; t < threads; t++) w[t].body = body;
    double seconds = best_run(w, threads, &repeats);
    return 2.0 * width * CHAINS * FMA_STEPS * (double)repeats * threads / seconds * 1e-9;
}

double copy_gbs(int threads, size_t bytes)
{
    work w[MAX_THREADS] = {{0}};
    int repeats;
    if (threads > MAX_THREADS) threads = MAX_THREADS;
    size_t part = bytes / (size_t)threads;
    char *from = calloc(2, bytes);
    if (!from) return 0;
    memset(from, 1, 2 * bytes);
    for (int t = 0; t < threads; t++)
        w[t] = (work){.body = copy_body,
                      .bytes = part,
                      .from = from + (size_t)t * part,
                      .to = from + bytes + (size_t)t * part};
    double seconds = best_run(w, threads, &repeats);
    free(from);
    return 2.0 * (double)part * threads * repeats / seconds * 1e-9;
}
