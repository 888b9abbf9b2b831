/* What a checkpoint is made of: objects of the user's that write their state and take it up again.
 * Private to train/. */
#ifndef FOVEA_TRAIN_PART_IMPL_H
#define FOVEA_TRAIN_PART_IMPL_H

#include "nn/module.h"
#include "tensor/state.h"

typedef struct fv_part fv_part;

/* A kind of part. check says whether set would succeed, and makes all the memory that set needs, so
 * that after the checks of all parts none of their sets can fail. */
typedef struct fv_part_kind {
    const char *word; /* "model": the first of its names */
    fv_status (*get)(const fv_part *part, fv_state *state);
    fv_status (*check)(fv_part *part, const fv_state *state);
    void (*set)(const fv_part *part, const fv_state *state);
    bool is_value; /* one entry of its own name; else many, whose names begin with the part's */
} fv_part_kind;

struct fv_part {
    const fv_part_kind *kind;
    char *name;            /* "critic.model.", or "value.epoch" */
    void *object;          /* borrowed */
    char *text;            /* of a text, owned */
    fv_named_list tensors; /* of a network: made by check, for set */
};

extern const fv_part_kind fv_model_part, fv_optim_part, fv_scheduler_part, fv_loader_part,
    fv_int_part, fv_double_part, fv_tensor_part, fv_text_part;

/* Is the entry `name` of a state one of the part's? */
bool fv_part_owns(const fv_part *part, const char *name);

#endif
