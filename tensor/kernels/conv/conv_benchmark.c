/* The choice of an algorithm by timing: each that suits runs a few times on memory of its own, and
 * the quickest is remembered by geometry, type, pass and machine. */
#include <pthread.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include "conv_impl.h"
#include "tensor/memory.h"

/* An algorithm that is estimated at HOPELESS times the cheapest is not tried. A full table forgets
 * from its beginning. */
enum { RUNS = 3, HOPELESS = 8, REMEMBERED = 1024 };

typedef struct remembered {
    fv_conv_geometry g;
    fv_dtype dtype;
    fv_conv_pass pass;
    fv_isa isa;
    int threads;
    fv_conv_precision precision;
} remembered;

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static struct {
    remembered key;
    const char *name;
} table[REMEMBERED];
static size_t known; /* how many were ever put in */

static bool same(const remembered *a, const remembered *b)
{
    return memcmp(&a->g, &b->g, sizeof a->g) == 0 && a->dtype == b->dtype && a->pass == b->pass &&
           a->isa == b->isa && a->threads == b->threads && a->precision == b->precision;
}

static const char *recall(const remembered *key)
{
    const char *name = NULL;
    pthread_mutex_lock(&mutex);
    for (size_t i = 0; i < known && i < REMEMBERED && !name; i++)
        if (same(&table[i].key, key)) name = table[i].name;
    pthread_mutex_unlock(&mutex);
    return name;
}

static void remember(const remembered *key, const char *name)
{
    pthread_mutex_lock(&mutex);
    table[known % REMEMBERED].key = *key;
    table[known % REMEMBERED].name = name;
    known++;
    pthread_mutex_unlock(&mutex);
}

/* --- timing ----------------------------------------------------------------------------------- */

static double now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec * 1e9 + (double)t.tv_nsec;
}

/* Elements of x (0), w (1) and y (2). */
static int64_t elements(const fv_conv_geometry *g, int operand)
{
    int64_t count[3] = {conv_mul(g->n, g->c), conv_mul(g->o, g->c / g->groups),
                        conv_mul(g->n, g->o)};
    for (int d = 0; d < 3; d++) {
        count[0] = conv_mul(count[0], g->in[d]);
        count[1] = conv_mul(count[1], g->k[d]);
        count[2] = conv_mul(count[2], g->out[d]);
    }
    return count[operand];
}

/* Operands in one block. Zeros: no kernel's time depends on them. False without memory. */
static bool take_operands(const fv_conv_geometry *g, int64_t size, fv_conv_pass pass,
                          fv_conv_operands *o, size_t *token)
{
    static const int order[3][3] = {{0, 1, 2}, {2, 1, 0}, {0, 2, 1}}; /* a, b, out */
    int64_t at[4] = {0};
    for (int i = 0; i < 3; i++)
        at[i + 1] = at[i] + conv_ceil_div(conv_mul(elements(g, i), size), 64) * 64;
    char *block = fv_block_alloc((size_t)at[3], token);
    if (!block) return false;
    memset(block, 0, (size_t)at[3]);
    *o = (fv_conv_operands){.a = block + at[order[pass][0]],
                            .b = block + at[order[pass][1]],
                            .out = block + at[order[pass][2]]};
    return true;
}

/* Nanoseconds of the quickest of some runs; negative without memory. */
static double time_of(const fv_conv_plan *p, const fv_conv_operands *o)
{
    size_t token;
    void *scratch = fv_block_alloc(fv_conv_scratch(p), &token);
    double best = -1;
    if (!scratch) return best;
    for (int i = 0; i <= RUNS; i++) { /* the first one fills the caches */
        const double start = now();
        fv_conv_run(p, o, scratch);
        const double took = now() - start;
        if (i > 0 && (best < 0 || took < best)) best = took;
    }
    fv_block_free(scratch, token);
    return best;
}

static double cheapest(const conv_window *w, fv_conv_pass pass, fv_machine machine)
{
    int count;
    const conv_algorithm *const *list = fv_conv_algorithms(pass, &count);
    double best = list[0]->cost(w, pass, machine);
    for (int i = 1; i < count; i++) {
        const double cost = list[i]->cost(w, pass, machine);
        if (cost >= 0 && cost < best) best = cost;
    }
    return best;
}

static const char *measure(const conv_window *w, const remembered *key, fv_machine machine,
                           const fv_conv_operands *o)
{
    int count;
    const conv_algorithm *const *list = fv_conv_algorithms(key->pass, &count);
    const double most = HOPELESS * cheapest(w, key->pass, machine);
    const char *name = NULL;
    double best = 0;
    for (int i = 0; i < count; i++) {
        const double cost = list[i]->cost(w, key->pass, machine);
        if (cost < 0 || cost > most) continue;
        fv_conv_plan plan;
        machine.conv_algorithm = list[i]->name;
        fv_conv_make_plan(&plan, &key->g, key->dtype, key->pass, NULL, machine);
        const double took = time_of(&plan, o);
        if (took < 0 || (name && took >= best)) continue;
        best = took;
        name = list[i]->name;
    }
    return name;
}

const char *fv_conv_quickest(const conv_window *w, const fv_conv_geometry *g, fv_dtype dtype,
                             fv_conv_pass pass, fv_machine machine)
{
    const remembered key = {*g, dtype, pass, machine.isa, machine.threads, machine.conv_precision};
    const char *name = recall(&key);
    fv_conv_operands o;
    size_t token;
    if (name || g->n == 0 || !take_operands(g, w->size, pass, &o, &token)) return name;
    name = measure(w, &key, machine, &o);
    /* x, w and y are one block, which begins with x */
    fv_block_free((void *)(uintptr_t)(pass == FV_CONV_GRAD_INPUT ? o.out : o.a), token);
    if (name) remember(&key, name);
    return name;
}
