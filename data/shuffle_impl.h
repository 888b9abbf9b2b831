/* Inside data/: streams of random numbers with a purpose each, and orders drawn from them. */
#ifndef FOVEA_DATA_SHUFFLE_IMPL_H
#define FOVEA_DATA_SHUFFLE_IMPL_H

#include "tensor/random.h"

/* What a stream is for: two of one seed have nothing in common. */
typedef enum fv_stream_kind {
    FV_STREAM_ORDER = 1, /* of an epoch */
    FV_STREAM_AUGMENT,   /* of an epoch: sample i owns block i */
    FV_STREAM_SAMPLE,    /* of one sample of an epoch, for what its data set draws itself */
    FV_STREAM_REPEAT,    /* of one sample, once more */
    FV_STREAM_SPLIT,     /* which sample comes to which part */
} fv_stream_kind;

/* number: of the epoch, or whatever else tells streams of one seed and kind apart. */
fv_rng_state fv_stream(uint64_t seed, fv_stream_kind kind, uint64_t number);

/* out = the numbers 0 .. n - 1, every order equally likely. */
void fv_shuffled(fv_rng_state stream, int64_t *out, int64_t n);

/* seed itself, or for FV_ANY_SEED one drawn from the process-wide generator. */
uint64_t fv_settle_seed(uint64_t seed);

#endif
