/* What loading finds out about names, for the report and the message. Private to nn/. */
#ifndef FOVEA_NN_LOAD_IMPL_H
#define FOVEA_NN_LOAD_IMPL_H

#include "nn/state.h"

typedef enum fv_name_fate {
    FV_NAME_MATCHED,
    FV_NAME_MISSING,
    FV_NAME_MISMATCHED, /* another shape */
    FV_NAME_ZERO        /* missing, and set to 0 */
} fv_name_fate;

typedef struct fv_load_plan {
    fv_named_list state;
    const fv_tensor_file *file;
    const char *prefix;
    int64_t *source;    /* of every name of the module: the tensor of the file, or -1 */
    fv_name_fate *fate; /* of every name of the module; matched without a source: tied to one */
    bool *used;         /* of every tensor of the file */
} fv_load_plan;

/* Does the prefix let this tensor of the file through, and no name of the module take it? */
bool fv_load_is_unexpected(const fv_load_plan *p, int64_t k);

/* Fills the lists. Errors: memory; the report is empty then. */
fv_status fv_load_fill_report(const fv_load_plan *p, fv_load_report *report);

/* Refuses the load, with all names in the message, or warns of what strict = false lets pass. */
fv_status fv_load_judge(const fv_load_args *a, const fv_load_plan *p);

#endif
