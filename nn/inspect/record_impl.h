/* An inspection from the inside. Private to nn/inspect/. */
#ifndef FOVEA_NN_INSPECT_RECORD_IMPL_H
#define FOVEA_NN_INSPECT_RECORD_IMPL_H

#include "nn/inspect/field_impl.h"
#include "nn/module_impl.h"

typedef struct fv_tensor_set {
    fv_tensor **items;
    int64_t count, room;
    int64_t bytes; /* of their elements */
    bool failed;   /* memory was out */
} fv_tensor_set;

void fv_tensor_set_free(fv_tensor_set *set);

typedef struct fv_layer_record {
    fv_layer_info info;
    const fv_module *module; /* of the run; not to be followed afterwards */
    bool claimed;            /* it is part of a module that has its record */
    char path[256], options[256], unknown[192];
} fv_layer_record;

struct fv_inspection {
    fv_layer_record **items;
    int64_t count, room;
    fv_tensor_set all;   /* parameters that a function has met */
    fv_layer_info total; /* its sums */
    fv_inspection_memory memory;
};

/* A new record at that place; NULL when memory is out. */
fv_layer_record *fv_record_insert(fv_inspection *seen, int64_t at);

/* A run in the making. */
typedef struct fv_recorder {
    fv_inspection *seen;
    fv_fields *fields;
    int base; /* frames that stand around the run, less one for a function */
    bool is_function, out_of_memory;
} fv_recorder;

/* An observer and the function of a watch, with a recorder as context. */
void fv_record_op(const fv_event *e, void *context);
void fv_record_module(fv_module *m, fv_tensor *const *in, fv_tensor *const *out, void *context);

/* The record of a function as a whole, in front of all others. */
void fv_record_function(fv_recorder *r, const fv_tensor *x, const fv_tensor *y);

#endif
