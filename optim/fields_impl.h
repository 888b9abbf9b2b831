/* Numbers of a struct under their names: options and counters that are exported as state. Private
 * to optim/. */
#ifndef FOVEA_OPTIM_FIELDS_IMPL_H
#define FOVEA_OPTIM_FIELDS_IMPL_H

#include <stddef.h>

#include "tensor/state.h"

typedef enum fv_field_kind {
    FV_FIELD_INT,    /* int64_t */
    FV_FIELD_ENUM,   /* an enumeration of int's size */
    FV_FIELD_DOUBLE, /* double */
    FV_FIELD_BOOL,   /* bool */
    FV_FIELD_PAIR,   /* two doubles in a row: one tensor of shape [2] */
} fv_field_kind;

/* A table of them ends with {0}. */
typedef struct fv_field {
    const char *name;
    fv_field_kind kind;
    size_t offset; /* in the struct */
} fv_field;

/* What is put is named prefix + its own name. */
fv_status fv_fields_put(fv_state *state, const char *prefix, const fv_field *fields,
                        const void *base);

/* Reads all of them. Errors: one that is missing or of another kind; base may be half written then,
 * so read into a copy. */
fv_status fv_fields_get(const fv_state *state, const char *prefix, const fv_field *fields,
                        void *base);

/* Errors: those of reading, and a value that is not the one in base, bit for bit. who is told
 * about: "step_lr". */
fv_status fv_fields_match(const fv_state *state, const char *prefix, const fv_field *fields,
                          const void *base, const char *who);

bool fv_fields_have(const fv_field *fields, const char *name);

#endif
