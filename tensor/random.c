/* Philox 4x32-10, the process-wide generator, and fills of arrays. */
#include "tensor/random.h"

#include <math.h>
#include <pthread.h>
#include <string.h>

#include "tensor/kernels/element.h"
#include "tensor/random_impl.h"
#include "tensor/ranges.h"
#include "tensor/system.h"

/* --- the generator ---------------------------------------------------------------------------- */

static pthread_mutex_t generator_lock = PTHREAD_MUTEX_INITIALIZER;
static fv_rng_state generator = {.seed = 67280421310721u, .offset = 0}; /* PyTorch's default */

/* A fork waits until no other thread is amid a change: the child could not see its end. */
static void before_fork(void)
{
    pthread_mutex_lock(&generator_lock);
}

static void after_fork(void)
{
    pthread_mutex_unlock(&generator_lock);
}

__attribute__((constructor)) static void watch_forks(void)
{
    fv_system_at_fork(before_fork, after_fork, after_fork);
}

static _Thread_local fv_rng_state *redirected; /* in place of the generator, unless NULL */

fv_rng_state *fv_rng_redirect(fv_rng_state *state)
{
    fv_rng_state *before = redirected;
    redirected = state;
    return before;
}

void fv_manual_seed(uint64_t seed)
{
    fv_set_rng_state((fv_rng_state){.seed = seed, .offset = 0});
}

fv_rng_state fv_get_rng_state(void)
{
    return fv_rng_reserve(0);
}

void fv_set_rng_state(fv_rng_state state)
{
    if (redirected) {
        *redirected = state;
        return;
    }
    pthread_mutex_lock(&generator_lock);
    generator = state;
    pthread_mutex_unlock(&generator_lock);
}

fv_rng_state fv_rng_reserve(int64_t blocks)
{
    if (redirected) {
        fv_rng_state state = *redirected;
        if (blocks > 0) redirected->offset += (uint64_t)blocks;
        return state;
    }
    pthread_mutex_lock(&generator_lock);
    fv_rng_state state = generator;
    if (blocks > 0) generator.offset += (uint64_t)blocks;
    pthread_mutex_unlock(&generator_lock);
    return state;
}

/* --- Philox ----------------------------------------------------------------------------------- */

enum { LANES = 16 }; /* blocks made side by side, so that the compiler can use vectors */

/* words[w][l] is word w of lane l. */
typedef uint32_t lanes[4][LANES];

static inline void philox_round(uint32_t *a, uint32_t *b, uint32_t *c, uint32_t *d, uint32_t key0,
                                uint32_t key1)
{
    uint64_t even = (uint64_t)0xD2511F53u * *a;
    uint64_t odd = (uint64_t)0xCD9E8D57u * *c;
    *a = (uint32_t)(odd >> 32) ^ *b ^ key0;
    *b = (uint32_t)odd;
    *c = (uint32_t)(even >> 32) ^ *d ^ key1;
    *d = (uint32_t)even;
}

static inline void next_key(uint32_t *key0, uint32_t *key1)
{
    *key0 += 0x9E3779B9u;
    *key1 += 0xBB67AE85u;
}

/* Ten rounds on 128-bit counters, one a lane, with the 64-bit key; in place. */
static void philox(lanes c, uint32_t key0, uint32_t key1)
{
    for (int round = 0; round < 10; round++) {
        for (int l = 0; l < LANES; l++) {
            philox_round(&c[0][l], &c[1][l], &c[2][l], &c[3][l], key0, key1);
        }
        next_key(&key0, &key1);
    }
}

/* Blocks first .. first + LANES - 1 of a draw. */
static void philox_lanes(fv_rng_state state, uint64_t first, lanes words)
{
    for (int l = 0; l < LANES; l++) {
        uint64_t count = state.offset + first + (uint64_t)l;
        words[0][l] = (uint32_t)count;
        words[1][l] = (uint32_t)(count >> 32);
        words[2][l] = words[3][l] = 0;
    }
    philox(words, (uint32_t)state.seed, (uint32_t)(state.seed >> 32));
}

void fv_philox(fv_rng_state state, uint64_t i, uint32_t out[4])
{
    if (!out && fv_fail_null("philox", "out")) return;
    uint64_t count = state.offset + i;
    uint32_t key0 = (uint32_t)state.seed, key1 = (uint32_t)(state.seed >> 32);
    out[0] = (uint32_t)count;
    out[1] = (uint32_t)(count >> 32);
    out[2] = out[3] = 0;
    for (int round = 0; round < 10; round++) {
        philox_round(&out[0], &out[1], &out[2], &out[3], key0, key1);
        next_key(&key0, &key1);
    }
}

/* --- draws ------------------------------------------------------------------------------------ */

typedef struct draw draw;

/* Writes the elements that LANES blocks give. */
typedef void (*lanes_fn)(const draw *d, lanes words, void *out);

struct draw {
    fv_dtype dtype;
    void *out;
    int64_t n;
    lanes_fn make;
    int per;            /* elements that a block gives: 4, or 2 that take two words each */
    double nanoseconds; /* an element */
    int64_t low;        /* of integers, with range */
    uint64_t range;
    fv_rng_state state; /* set by run_draw */
};

/* Groups of LANES blocks; each element depends on the number of its block alone. */
static void draw_groups(const void *job, int64_t first, int64_t last)
{
    const draw *d = job;
    size_t bytes = LANES * (size_t)d->per * fv_dtype_size(d->dtype);
    size_t total = (size_t)d->n * fv_dtype_size(d->dtype);
    for (int64_t g = first; g < last; g++) {
        lanes words;
        philox_lanes(d->state, (uint64_t)g * LANES, words);
        size_t start = (size_t)g * bytes;
        if (total - start >= bytes) {
            d->make(d, words, (char *)d->out + start);
        } else { /* the last group is cut short */
            double whole[4 * LANES];
            d->make(d, words, whole);
            memcpy((char *)d->out + start, whole, total - start);
        }
    }
}

static void run_draw(fv_machine m, draw *d)
{
    int64_t blocks = d->n / d->per + (d->n % d->per != 0);
    d->state = fv_rng_reserve(blocks);
    fv_parallel_ranges(m, (double)d->n * d->nanoseconds, blocks / LANES + (blocks % LANES != 0),
                       draw_groups, d);
}

static void uniform_lanes32(const draw *d, lanes words, void *out)
{
    (void)d;
    float *y = out;
    for (int l = 0; l < LANES; l++) {
        for (int w = 0; w < 4; w++) y[4 * l + w] = fv_uniform_float32(words[w][l]);
    }
}

static void uniform_lanes64(const draw *d, lanes words, void *out)
{
    (void)d;
    double *y = out;
    for (int l = 0; l < LANES; l++) {
        y[2 * l] = fv_uniform_float64(words[0][l], words[1][l]);
        y[2 * l + 1] = fv_uniform_float64(words[2][l], words[3][l]);
    }
}

void fv_fill_uniform(fv_machine m, fv_dtype dtype, void *out, int64_t n)
{
    bool single = dtype == FV_FLOAT32;
    draw d = {.dtype = dtype, .out = out, .n = n, .per = single ? 4 : 2, .nanoseconds = 2.0};
    d.make = single ? uniform_lanes32 : uniform_lanes64;
    run_draw(m, &d);
}

void fv_fill_bernoulli(fv_machine m, fv_dtype dtype, void *out, const void *p, int64_t n)
{
    fv_fill_uniform(m, dtype, out, n);
    if (dtype == FV_FLOAT32) {
        float *y = out;
        const float *limit = p;
        for (int64_t i = 0; i < n; i++) y[i] = y[i] < limit[i] ? 1.0f : 0.0f;
    } else {
        double *y = out;
        const double *limit = p;
        for (int64_t i = 0; i < n; i++) y[i] = y[i] < limit[i] ? 1.0 : 0.0;
    }
}

/* --- the normal distribution, by Box and Muller ----------------------------------------------- */

/* ln(u), 0 < u <= 1, normal floats. Source: Cephes, logf. The same operations everywhere, so that
 * the numbers do not hang on the C library at hand. */
static inline float log_float32(float u)
{
    uint32_t bits;
    memcpy(&bits, &u, sizeof bits);
    int32_t exponent = (int32_t)((bits - 0x3F3504F3u) >> 23); /* mantissa in [sqrt 1/2, sqrt 2) */
    exponent = (int32_t)((uint32_t)exponent << 23) >> 23;
    bits -= (uint32_t)exponent << 23;
    float x;
    memcpy(&x, &bits, sizeof x);
    x -= 1.0f;
    float e = (float)exponent, z = x * x;
    float y = 7.0376836292e-2f;
    y = y * x - 1.1514610310e-1f;
    y = y * x + 1.1676998740e-1f;
    y = y * x - 1.2420140846e-1f;
    y = y * x + 1.4249322787e-1f;
    y = y * x - 1.6668057665e-1f;
    y = y * x + 2.0000714765e-1f;
    y = y * x - 2.4999993993e-1f;
    y = y * x + 3.3333331174e-1f;
    y = y * x * z - 2.12194440e-4f * e - 0.5f * z;
    return x + y + 0.693359375f * e;
}

/* sin and cos of 2 pi turn / 2^32. Source: Cephes, sinf and cosf on [-pi/4, pi/4]. */
static inline void sincos_float32(uint32_t turn, float *sine, float *cosine)
{
    uint32_t quadrant = (turn + 0x20000000u) >> 30;
    float x = (float)(int32_t)(turn - (quadrant << 30)) * 1.4629180793e-9f; /* 2 pi / 2^32 */
    float z = x * x;
    float s = ((-1.9515295891e-4f * z + 8.3321608736e-3f) * z - 1.6666654611e-1f) * z * x + x;
    float c = ((2.4433157118e-5f * z - 1.3887316255e-3f) * z + 4.1666645683e-2f) * z * z -
              0.5f * z + 1.0f;
    bool swap = quadrant & 1;
    float a = swap ? c : s, b = swap ? s : c;
    *sine = quadrant & 2 ? -a : a;
    *cosine = (quadrant + 1) & 2 ? -b : b;
}

static void normal_lanes32(const draw *d, lanes words, void *out)
{
    (void)d;
    float *y = out, x[4][LANES];
    for (int w = 0; w < 4; w += 2) {
        for (int l = 0; l < LANES; l++) {
            float u = ((float)words[w][l] + 0.5f) * 0x1p-32f;
            float radius = sqrtf(-2.0f * log_float32(u)), s, c;
            sincos_float32(words[w + 1][l], &s, &c);
            x[w][l] = radius * c;
            x[w + 1][l] = radius * s;
        }
    }
    for (int l = 0; l < LANES; l++) {
        for (int w = 0; w < 4; w++) y[4 * l + w] = x[w][l];
    }
}

static void normal_lanes64(const draw *d, lanes words, void *out)
{
    (void)d;
    double *y = out;
    for (int l = 0; l < LANES; l++) {
        double u = fv_uniform_float64(words[0][l], words[1][l]) + 0x1p-54;
        double angle = 6.283185307179586 * fv_uniform_float64(words[2][l], words[3][l]);
        double radius = sqrt(-2.0 * log(u));
        y[2 * l] = radius * cos(angle);
        y[2 * l + 1] = radius * sin(angle);
    }
}

void fv_fill_normal(fv_machine m, fv_dtype dtype, void *out, int64_t n)
{
    bool single = dtype == FV_FLOAT32;
    draw d = {.dtype = dtype, .out = out, .n = n, .per = single ? 4 : 2};
    d.nanoseconds = single ? 4.0 : 25.0;
    d.make = single ? normal_lanes32 : normal_lanes64;
    run_draw(m, &d);
}

/* --- integers --------------------------------------------------------------------------------- */

/* [0, range) from 64 random bits: the high half of a product of 128 bits, put together from halves,
 * as 32-bit processors have no type for it. The bias is range / 2^64. */
static inline uint64_t below(uint32_t hi, uint32_t lo, uint64_t range)
{
    uint64_t low = range & UINT32_MAX, high = range >> 32;
    uint64_t middle = hi * low + (lo * low >> 32); /* cannot overflow: (2^32-1)^2 + 2^32-1 */
    uint64_t other = lo * high + (middle & UINT32_MAX);
    return hi * high + (middle >> 32) + (other >> 32);
}

static void integer_lanes(const draw *d, lanes words, void *out)
{
    for (int i = 0; i < 2 * LANES; i++) {
        int w = 2 * (i % 2), l = i / 2;
        uint64_t v = (uint64_t)d->low + below(words[w][l], words[w + 1][l], d->range);
        fv_store_int(d->dtype, out, i, (int64_t)v);
    }
}

void fv_fill_integers(fv_machine m, fv_dtype dtype, void *out, int64_t n, int64_t low,
                      uint64_t range)
{
    draw d = {.dtype = dtype, .out = out, .n = n, .low = low, .range = range};
    d.per = 2;
    d.nanoseconds = 4.0;
    d.make = integer_lanes;
    run_draw(m, &d);
}

/* Fisher and Yates: every place exchanges with one at or before it. */
void fv_fill_permutation(int64_t *out, int64_t n)
{
    fv_rng_state state = fv_rng_reserve(n / 2 + n % 2);
    uint32_t words[4];
    for (int64_t i = 0; i < n; i++) {
        if (i % 2 == 0) fv_philox(state, (uint64_t)i / 2, words);
        const uint32_t *pair = words + 2 * (i % 2);
        int64_t j = (int64_t)below(pair[0], pair[1], (uint64_t)i + 1);
        out[i] = i;
        int64_t held = out[j];
        out[j] = i;
        out[i] = held;
    }
}
