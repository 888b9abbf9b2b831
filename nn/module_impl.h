/* The module from the inside. Private to nn/. */
#ifndef FOVEA_NN_MODULE_IMPL_H
#define FOVEA_NN_MODULE_IMPL_H

#include "nn/module.h"

/* A named parameter, buffer or child. */
typedef struct fv_entry {
    char *name;
    void *value;
} fv_entry;

typedef struct fv_entries {
    fv_entry *items;
    int64_t count;
} fv_entries;

enum { FV_MODULE_SLICES = 4 };
enum { FV_LIST_PARAMETERS, FV_LIST_BUFFERS, FV_LIST_STATE, FV_LIST_COUNT };

struct fv_module {
    const fv_module_type *type;
    void *context;
    const struct fv_fusion *fusion; /* what it may end in, see fusion_impl.h; NULL: nothing */
    fv_entries parameters, buffers, children;
    uint64_t id;    /* for frame.h */
    int64_t owners; /* parents that hold it */
    bool training;
    bool broken;                       /* building it has failed */
    bool in_place;                     /* forward writes into its input */
    int per_sample;                    /* as in its type, or 0 */
    uint64_t slices[FV_MODULE_SLICES]; /* of batches that it has seen, see slices.c */
    /* lists handed out, see module_lists.c */
    fv_tensor **list;
    int64_t list_count;
    fv_named_tensor *named[FV_LIST_COUNT];
    char *names[FV_LIST_COUNT];
};

/* Told of each module that this thread has run, while its frame still stands; ops are told by
 * observers (autograd/observe.h). */
typedef struct fv_module_watch {
    void (*ran)(fv_module *m, fv_tensor *const *in, fv_tensor *const *out, void *context);
    void *context;
} fv_module_watch;

/* NULL ends it. Returns the watch before. */
const fv_module_watch *fv_watch_modules(const fv_module_watch *watch);

/* A name, one forward function, and with forward_many named inputs and outputs. */
bool fv_module_type_valid(const fv_module_type *type);

/* For a constructor: this one, with its options, mixes samples, whatever its type says. NULL is
 * fine. */
void fv_module_mixes_samples(fv_module *m);

/* m of a batch, in slices where that keeps what layers hand on in cache. */
fv_tensor *fv_forward_in_slices(fv_module *m, fv_tensor *x);

/* One owner more; one less, and freed with the last. NULL is fine. */
void fv_module_hold(fv_module *m);
void fv_module_let_go(fv_module *m);

/* Frees the lists that were handed out. */
void fv_module_lists_free(fv_module *m);

#endif
