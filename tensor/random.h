/* Random numbers: Philox 4x32-10, counter based.
 *
 * Element i of a draw is a function of (seed, offset + i) alone, so that results depend neither on
 * the number of threads nor on the instruction set.
 * Source: Salmon et al. 2011, "Parallel random numbers: as easy as 1, 2, 3". */
#ifndef FOVEA_TENSOR_RANDOM_H
#define FOVEA_TENSOR_RANDOM_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* The generator's whole state: save it, restore it, and the same numbers follow. */
typedef struct fv_rng_state {
    uint64_t seed;
    uint64_t offset; /* 128-bit Philox blocks drawn so far */
} fv_rng_state;

/* Restarts the process-wide generator.  Source: torch.manual_seed. */
void fv_manual_seed(uint64_t seed);

/* Where that generator stands, to be read and to be set.  Source: torch.get_rng_state. */
fv_rng_state fv_get_rng_state(void);
void fv_set_rng_state(fv_rng_state state);

/* --- for authors of ops ----------------------------------------------------------------------- */

/* Reserves blocks of four 32-bit numbers for one draw; returns the state that they start at. */
fv_rng_state fv_rng_reserve(int64_t blocks);

/* Until the next call this thread draws from *state, which moves on, in place of the process-wide
 * generator; fv_manual_seed and fv_set_rng_state set it as well. NULL ends that. Returns what was
 * given before, to be given back: for code that calls a user's function in mid-draw. */
fv_rng_state *fv_rng_redirect(fv_rng_state *state);

/* The block at counter state.offset + i. */
void fv_philox(fv_rng_state state, uint64_t i, uint32_t out[4]);

/* One number of a draw: element i uses word i % 4 of block i / 4. */
static inline float fv_uniform_float32(uint32_t word)
{
    return (float)(word >> 8) * 0x1p-24f; /* [0, 1), 24 bits */
}
static inline double fv_uniform_float64(uint32_t hi, uint32_t lo)
{
    return (double)((((uint64_t)hi << 32) | lo) >> 11) * 0x1p-53; /* [0, 1), 53 bits */
}

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
