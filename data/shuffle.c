/* Streams of random numbers, and orders drawn from them. */
#include "data/shuffle_impl.h"

#include "data/dataset.h"

/* Steele, Lea, Flood 2014: spreads neighbouring numbers over all 64 bits. */
static uint64_t mix(uint64_t x)
{
    x += 0x9e3779b97f4a7c15u;
    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9u;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebu;
    return x ^ (x >> 31);
}

fv_rng_state fv_stream(uint64_t seed, fv_stream_kind kind, uint64_t number)
{
    return (fv_rng_state){.seed = mix(mix(mix(seed) + (uint64_t)kind) + number)};
}

/* A number in [0, n), n below 2^63: the high word of a 64 by 64 bit product. */
static int64_t below(int64_t n, uint64_t random)
{
    uint64_t a = (uint64_t)n, a0 = a & 0xffffffffu, a1 = a >> 32;
    uint64_t b0 = random & 0xffffffffu, b1 = random >> 32;
    uint64_t middle = a1 * b0 + (a0 * b0 >> 32);
    uint64_t low = a0 * b1 + (middle & 0xffffffffu);
    return (int64_t)(a1 * b1 + (middle >> 32) + (low >> 32));
}

/* Fisher and Yates. */
void fv_shuffled(fv_rng_state stream, int64_t *out, int64_t n)
{
    uint32_t r[4] = {0};
    for (int64_t i = 0; i < n; i++) out[i] = i;
    for (int64_t i = n - 1, k = 0; i > 0; i--, k++) {
        if (k % 2 == 0) fv_philox(stream, (uint64_t)(k / 2), r);
        uint64_t random = ((uint64_t)r[k % 2 * 2] << 32) | r[k % 2 * 2 + 1];
        int64_t j = below(i + 1, random), kept = out[i];
        out[i] = out[j];
        out[j] = kept;
    }
}

uint64_t fv_settle_seed(uint64_t seed)
{
    if (seed != FV_ANY_SEED) return seed;
    uint32_t r[4];
    fv_philox(fv_rng_reserve(1), 0, r);
    seed = ((uint64_t)r[0] << 32) | r[1];
    return seed != FV_ANY_SEED ? seed : 0;
}
