/* Data sets made of other data sets.
 *
 *     fv_dataset *train, *val;
 *     fv_random_split(all, .fractions = {0.9, 0.1}, .out = {&train, &val}, .seed = 1);
 *
 * They take sets of every kind, one another too, and keep them alive; free each where it is no
 * longer needed. Crops and flips go through them: what chance does to a sample depends on the
 * loader's seed, the epoch and the sample's number in the loader's data set, the outermost one. So
 * a sample that comes twice meets chance twice, and two sets in a row do not meet the same. */
#ifndef FOVEA_DATA_COMPOSE_H
#define FOVEA_DATA_COMPOSE_H

#include "dataset.h"

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Sample i is sample indices[i] of the set; an index may come several times. The indices are
 * copied. Errors: no data set, no indices, an index that the set does not have. Source:
 * torch.utils.data.Subset. */
fv_dataset *fv_subset(fv_dataset *dataset, const int64_t *indices, int64_t count);

/* Data sets in a row, which stay the caller's: FV_DATASETS(a, b). */
typedef struct fv_datasets {
    fv_dataset *const *items;
    int64_t count;
} fv_datasets;
/* The NULL in front lets the list be empty. */
#define FV_DATASETS(...)                                                                           \
    ((fv_datasets){                                                                                \
        (fv_dataset *const[]){NULL, __VA_ARGS__} + 1,                                              \
        (int64_t)(sizeof((fv_dataset *const[]){NULL, __VA_ARGS__}) / sizeof(fv_dataset *)) - 1})

/* The samples of the first set, then those of the second, ...: fv_concat_dataset(a, b, c). Samples
 * that come to one batch must agree in shape and dtype.
 * Errors: no set, a set that is NULL.  Source: torch.utils.data.ConcatDataset. */
fv_dataset *fv_concat_dataset_from(fv_datasets sets);
#define fv_concat_dataset(...) fv_concat_dataset_from(FV_DATASETS(__VA_ARGS__))

enum { FV_MAX_SPLITS = 16 };

typedef struct fv_random_split_args {
    size_t size;
    fv_dataset *dataset;
    int64_t lengths[FV_MAX_SPLITS];  /* samples of each part; their sum is the set's size */
    double fractions[FV_MAX_SPLITS]; /* or in place of them parts of 1 */
    fv_dataset **out[FV_MAX_SPLITS]; /* where the parts go, as many as there are parts */
    uint64_t seed; /* FV_ANY_SEED: one is drawn from the generator of fv_manual_seed */
} fv_random_split_args;
#define FV_RANDOM_SPLIT_DEFAULTS FV_DEFAULTS(fv_random_split_args, .seed = FV_ANY_SEED)

/* Deals the samples out at random to up to 16 parts, each a data set without repetitions. Who gets
 * which depends on seed, size and lengths alone: split two sets of the same files, one with crops
 * and flips and one without, by the same seed to train on one's first part and test on the other's
 * second. A fraction f gives floor(f * size) samples; what is left goes to the first parts, one to
 * each. An empty part is warned about. Errors (all parts are NULL then): no data set, no part,
 * lengths that do not sum to the size, fractions that do not sum to 1, a negative one, both.
 * Source: torch.utils.data.random_split. */
extern const fv_random_split_args fv_random_split_defaults;
fv_status fv_random_split_ex(const fv_random_split_args *a);
#define fv_random_split(...)                                                                       \
    FV_CALL(fv_random_split_ex, fv_random_split_args, FV_RANDOM_SPLIT_DEFAULTS, __VA_ARGS__)

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif
#endif
