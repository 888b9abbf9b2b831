/* The optimizer from the inside. Private to optim/. */
#ifndef FOVEA_OPTIM_OPTIMIZER_IMPL_H
#define FOVEA_OPTIM_OPTIMIZER_IMPL_H

#include "optim/fields_impl.h"
#include "optim/optimizer.h"
#include "optim/update_impl.h"

enum { FV_MAX_STATES = 3 };

typedef struct fv_options {
    double lr, momentum, dampening, weight_decay, beta1, beta2, eps;
    bool nesterov, amsgrad, maximize;
} fv_options;

/* A parameter and what the optimizer knows about it. */
typedef struct fv_slot {
    fv_tensor *param;
    fv_tensor *state[FV_MAX_STATES]; /* NULL until needed; dense, in param's order of dimensions */
    int64_t steps;                   /* updates so far */
    unsigned fresh;                  /* bit k: state[k] holds zeros that no step has used yet */
    /* during fv_step only */
    fv_tensor *grad;       /* NULL: nothing to do */
    fv_tensor *dense;      /* a copy of a parameter that has gaps */
    fv_tensor *dense_grad; /* a copy of a gradient in another order than its parameter */
} fv_slot;

typedef struct fv_group {
    fv_options options;
    double initial_lr; /* set by the first scheduler */
    double next_lr;    /* during fv_scheduler_step only */
    bool has_initial_lr;
    fv_slot *slots;
    int64_t count;
} fv_group;

/* Options that not every optimizer has, as a bit set. */
enum {
    FV_HAS_MOMENTUM = 1, /* momentum, dampening, nesterov */
    FV_HAS_BETAS = 2,    /* beta1, beta2, eps, amsgrad */
};

typedef struct fv_optim_type {
    const char *name;
    unsigned has;
    const fv_field *fields;               /* the options that it has */
    const char *states_of[FV_MAX_STATES]; /* names of the state tensors, PyTorch's */
    bool complete; /* a parameter that was updated has all of its state tensors */
    /* Which state tensors a slot needs now, as a bit set. */
    unsigned (*states)(const fv_options *options);
    fv_status (*check)(const char *name, const fv_options *options);
    /* Fills the update's numbers; its pointers are set. */
    void (*prepare)(const fv_slot *slot, const fv_options *options, fv_update *update);
} fv_optim_type;

struct fv_optim {
    const fv_optim_type *type;
    fv_options defaults;
    fv_group *groups;
    int64_t count;
};

/* What momentum cycling changes: SGD's momentum, Adam's beta1. */
double *fv_group_momentum(const fv_optim *optim, fv_group *group);

/* A new optimizer with one group, or NULL. */
fv_optim *fv_optim_new(const fv_optim_type *type, const fv_options *options, fv_tensor_list params);

/* state[k] of a slot, made of zeros and marked fresh if it is not there; NULL when memory is out.
 */
fv_tensor *fv_slot_state(fv_slot *slot, int k);

#endif
